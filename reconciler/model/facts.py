"""Facts that an operation carries from one run to the next. Names, never secrets."""

from __future__ import annotations

REMOVES = "removes"
"""The live id of the replaced connection, still to be taken away."""

TENANT = "tenant"
"""The consumer at which it is to be taken away, when that is not the connection's own."""

FORMER_METHOD = "former-method"
FORMER_USER = "former-user"
"""Whose credential a reconnection replaced: it is a person's to revoke."""

MINTED = "minted"
MINTED_AS = "minted-as"
"""The provider's id and our fingerprint of a credential that was made and is not recorded yet."""

REVOKES = "revokes"
"""The provider's id of the replaced credential, still to be revoked after the overlap."""

KEEPS_SCOPES = "keeps-scopes"
"""The declared scopes are not reached yet, so the recorded ones stay."""
