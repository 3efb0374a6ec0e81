"""The SQL of the registry, one constant per statement. Nothing is ever formatted into it."""

from __future__ import annotations

from typing import Final

META: Final = "SELECT lineage, serial, key, environment FROM meta"
NEW_META: Final = "INSERT INTO meta VALUES (1, ?, 0, 0, 0, ?, '', ?)"
NEXT_SERIAL: Final = "UPDATE meta SET serial = serial + 1 RETURNING serial, environment"
NEXT_FENCE: Final = "UPDATE meta SET fence = fence + 1 RETURNING fence"
SET_ENVIRONMENT: Final = "UPDATE meta SET environment = ?"

RECORDS: Final = """
SELECT serial, address, consumer, consumer_identity, account, account_identity, provider, profile,
       method, username, live_id, generation, fingerprint, identity, scopes, credential_since,
       selection_digest, epoch, follows_new, manage, protect, source_file, source_line,
       source_column, token_id, expires_at, retired, labels, listed_at, stale_expiry,
       version, webhooks
FROM records ORDER BY address
"""
PUT_RECORD: Final = """
INSERT OR REPLACE INTO records
 (serial, address, consumer, consumer_identity, account, account_identity, provider, profile,
  method, username, live_id, generation, fingerprint, identity, scopes, credential_since,
  selection_digest, epoch, follows_new, manage, protect, source_file, source_line,
  source_column, token_id, expires_at, retired, labels, listed_at, stale_expiry, version, webhooks)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
        ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
RECORD_SERIAL: Final = "SELECT serial FROM records WHERE address = ?"
MOVE_RECORD: Final = "UPDATE records SET address = ?, serial = ? WHERE address = ?"
MOVE_SELECTION: Final = "UPDATE selections SET address = ? WHERE address = ?"
DELETE_RECORD: Final = "DELETE FROM records WHERE address = ?"
DELETE_SELECTION: Final = "DELETE FROM selections WHERE address = ?"

SELECTION: Final = """
SELECT repo_id, name, matched_as, orphaned FROM selections WHERE address = ? ORDER BY repo_id
"""
PUT_SELECTED: Final = "INSERT OR REPLACE INTO selections VALUES (?, ?, ?, ?, ?)"
DELETE_SELECTED: Final = "DELETE FROM selections WHERE address = ? AND repo_id = ?"

ACCOUNT: Final = "SELECT id, repositories, serial FROM accounts WHERE identity = ?"
PUT_ACCOUNT: Final = """
INSERT INTO accounts (identity, repositories, serial) VALUES (?, ?, ?)
ON CONFLICT (identity) DO UPDATE
SET repositories = excluded.repositories, serial = excluded.serial
RETURNING id
"""
REPOSITORIES: Final = """
SELECT id, name, project, fork, archived, first_serial
FROM repositories WHERE account = ? ORDER BY id
"""
PUT_REPOSITORY: Final = "INSERT OR REPLACE INTO repositories VALUES (?, ?, ?, ?, ?, ?, ?)"
DELETE_REPOSITORY: Final = "DELETE FROM repositories WHERE account = ? AND id = ?"

OPERATIONS: Final = """
SELECT serial, address, id, kind, state, step, since, facts, acknowledged
FROM operations ORDER BY address
"""
PUT_OPERATION: Final = """
INSERT OR REPLACE INTO operations
 (serial, address, id, kind, state, step, since, facts, acknowledged)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
DELETE_OPERATION: Final = "DELETE FROM operations WHERE address = ?"

PUT_JOURNAL: Final = """
INSERT INTO journal (operation, address, step, phase, at, detail, fence)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
JOURNAL: Final = """
SELECT operation, address, step, phase, at, detail, fence, seq
FROM journal WHERE operation = ? ORDER BY seq
"""

LAST_AUDIT: Final = "SELECT seq, digest FROM audit ORDER BY seq DESC LIMIT 1"
PUT_AUDIT: Final = "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
COUNT_AUDIT: Final = "UPDATE meta SET audits = ?"
AUDITS: Final = "SELECT audits FROM meta"
AUDIT: Final = """
SELECT at, who, revision, plan, address, action, summary, seq, digest FROM audit ORDER BY seq
"""

LEASE: Final = "SELECT name, holder, fence, expires_at, taken_at FROM leases WHERE name = ?"
LEASES: Final = "SELECT name, holder, fence, expires_at FROM leases ORDER BY name"
PUT_LEASE: Final = """
INSERT OR REPLACE INTO leases (name, holder, fence, expires_at, taken_at) VALUES (?, ?, ?, ?, ?)
"""
EXTEND_LEASE: Final = "UPDATE leases SET expires_at = ? WHERE name = ?"
DELETE_LEASE: Final = "DELETE FROM leases WHERE name = ? AND holder = ? AND fence = ?"
BREAK_LEASE: Final = """
DELETE FROM leases WHERE name = ? RETURNING name, holder, fence, expires_at
"""
