"""What Vault's answers mean, in words that quote nothing of them. Pure.

Statuses: https://developer.hashicorp.com/vault/api-docs#http-status-codes [documented, 2026-11-21].
The text of a failed check-and-set is observed in other clients' tests; "no handler for route" and
"sealed" are assumed from what Vault's own command shows. Where a text is another, the words here
are vaguer and nothing else changes, but for the race that is then an error.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

PASSING: Final = (412, 429, 500, 502, 503, 504)
"""Statuses worth another attempt: 412 is a replica that is behind, 429 a quota."""

_REDIRECTS = (301, 302, 303, 307, 308)

_NOT_VAULT = (200, 204, 404)
"""Statuses of Vault that are none of its answers where they come without its body."""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer; ``status`` 0 and ``trouble`` when none came."""

    status: int
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    trouble: str = ""

    def says(self, words: str) -> bool:
        """Whether one of Vault's error texts holds *words*."""
        errors = (self.body or {}).get("errors")
        return isinstance(errors, list) and any(words in str(error) for error in errors)

    def why(self, host: str, family: str, done: str) -> tuple[str, str]:
        """Why nothing was *done* (read, written) at *host*, and the mend.

        Args:
            host: host and port that were asked.
            family: prefix of the variables that name server and token: VAULT or BAO.
            done: "read" or "written".
        """
        if self.status == 0:
            return f"{host} {self.trouble}", f"check {family}_ADDR and whether Vault runs"
        if self.says("no handler"):
            return "there is no such mount", "check its name, and the namespace if you use any"
        if self.says("sealed"):
            return "Vault is sealed", "unseal it and run again"
        if self.status in _REDIRECTS:
            return (
                f"{host} points to another server, where the token is not sent",
                f"set {family}_ADDR to the active server, or to the load balancer before it",
            )
        if self.status in _NOT_VAULT:
            return (
                f"{host} does not answer as Vault does",
                f"check {family}_ADDR; a proxy or a sign-in page may stand before Vault",
            )
        return self._by_status(host, family, done)

    def _by_status(self, host: str, family: str, done: str) -> tuple[str, str]:
        if self.status == 403:  # noqa: PLR2004  a status
            needs = "`read`" if done == "read" else "`read`, `create` and `update`"
            hint = f"{family}_TOKEN must be alive, and its policy allow {needs} on MOUNT/data/PATH"
            return "permission denied", hint
        if self.status == 413:  # noqa: PLR2004  a status
            return "it is too large", "raise Vault's max_request_size, or store less beside it"
        hint = "run again in a while" if self.status in PASSING else "see the log of Vault"
        return f"{host} answered with status {self.status}", hint


def trouble_of(error: Exception) -> str:
    """What happened to a request without an answer, in words that quote nothing."""
    import requests

    match error:
        case requests.exceptions.SSLError():
            return "shows a certificate that is not trusted; VAULT_CACERT names a CA of your own"
        case requests.exceptions.Timeout():
            return "does not answer in time"
        case requests.exceptions.ProxyError():
            return "cannot be reached through the proxy"
        case requests.exceptions.ConnectionError():
            return "cannot be reached, hangs up or keeps us waiting"
        case requests.exceptions.RequestException() | ValueError():
            return "cannot be asked: the address or the token is malformed"
        case _:
            return "cannot be asked: the CA file cannot be read"
