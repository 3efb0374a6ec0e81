-- Times are ISO-8601 in UTC. Lists and maps are JSON. No column ever holds a secret; `meta.key`
-- is the key of the fingerprints.

CREATE TABLE meta (
  only_row    INTEGER NOT NULL PRIMARY KEY CHECK (only_row = 1),
  lineage     TEXT    NOT NULL,
  serial      INTEGER NOT NULL,
  fence       INTEGER NOT NULL,
  audits      INTEGER NOT NULL,
  key         BLOB    NOT NULL CHECK (length(key) = 32),
  environment TEXT    NOT NULL,
  created_at  TEXT    NOT NULL
) STRICT;

CREATE TABLE records (
  address           TEXT    NOT NULL PRIMARY KEY,
  consumer          TEXT    NOT NULL,
  consumer_identity TEXT    NOT NULL,
  account           TEXT    NOT NULL,
  account_identity  TEXT    NOT NULL,
  provider          TEXT    NOT NULL,
  profile           TEXT    NOT NULL,
  method            TEXT    NOT NULL,
  username          TEXT    NOT NULL,
  live_id           TEXT    NOT NULL,
  generation        INTEGER NOT NULL,
  fingerprint       TEXT    NOT NULL,
  identity          TEXT    NOT NULL,
  scopes            TEXT    NOT NULL,
  credential_since  TEXT    NOT NULL,
  selection_digest  TEXT    NOT NULL,
  epoch             INTEGER NOT NULL,
  follows_new       INTEGER NOT NULL,
  manage            TEXT    NOT NULL,
  protect           INTEGER NOT NULL,
  source_file       TEXT    NOT NULL,
  source_line       INTEGER NOT NULL,
  source_column     INTEGER NOT NULL,
  token_id          TEXT    NOT NULL,
  expires_at        TEXT,
  retired           TEXT    NOT NULL,
  labels            TEXT    NOT NULL,
  listed_at         INTEGER NOT NULL,
  stale_expiry      TEXT,
  serial            INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE selections (
  address    TEXT    NOT NULL,
  repo_id    TEXT    NOT NULL,
  name       TEXT    NOT NULL,
  matched_as TEXT    NOT NULL,
  orphaned   INTEGER NOT NULL,
  PRIMARY KEY (address, repo_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE accounts (
  id           INTEGER NOT NULL PRIMARY KEY,
  identity     TEXT    NOT NULL UNIQUE,
  repositories INTEGER NOT NULL,
  serial       INTEGER NOT NULL
) STRICT;

CREATE TABLE repositories (
  account      INTEGER NOT NULL,
  id           TEXT    NOT NULL,
  name         TEXT    NOT NULL,
  project      TEXT    NOT NULL,
  fork         INTEGER NOT NULL,
  archived     INTEGER NOT NULL,
  first_serial INTEGER NOT NULL,
  PRIMARY KEY (account, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE operations (
  address      TEXT    NOT NULL PRIMARY KEY,
  id           TEXT    NOT NULL,
  kind         TEXT    NOT NULL,
  state        TEXT    NOT NULL,
  step         TEXT    NOT NULL,
  since        TEXT    NOT NULL,
  facts        TEXT    NOT NULL,
  acknowledged TEXT    NOT NULL,
  serial       INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE journal (
  seq       INTEGER NOT NULL PRIMARY KEY,
  operation TEXT    NOT NULL,
  address   TEXT    NOT NULL,
  step      TEXT    NOT NULL,
  phase     TEXT    NOT NULL,
  at        TEXT    NOT NULL,
  detail    TEXT    NOT NULL,
  fence     INTEGER NOT NULL
) STRICT;

CREATE INDEX journal_by_operation ON journal (operation, seq);

CREATE TABLE audit (
  seq       INTEGER NOT NULL PRIMARY KEY,
  at        TEXT    NOT NULL,
  who       TEXT    NOT NULL,
  revision  TEXT    NOT NULL,
  plan      TEXT    NOT NULL,
  address   TEXT    NOT NULL,
  action    TEXT    NOT NULL,
  summary   TEXT    NOT NULL,
  digest    TEXT    NOT NULL
) STRICT;

CREATE TABLE leases (
  name       TEXT    NOT NULL PRIMARY KEY,
  holder     TEXT    NOT NULL,
  fence      INTEGER NOT NULL,
  taken_at   TEXT    NOT NULL,
  expires_at TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
