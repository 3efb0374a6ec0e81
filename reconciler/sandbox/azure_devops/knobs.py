"""What is not settled about Azure DevOps, or varies between organizations: switches for tests."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, fields
from typing import Any

from reconciler.errors import UsageError

BAD_STYLES = ("203", "302", "401")
EXPIRED_STYLES = ("empty-401", "json", "service-error-header")
LIFE_MODES = ("clamp", "error")
DEPLOYMENTS = ("hosted", "onPremises")

_CHOICES = {
    "bad_credential_style": BAD_STYLES,
    "expired_style": EXPIRED_STYLES,
    "expired_bearer_style": ("401", "203"),
    "life_mode": LIFE_MODES,
    "deployment": DEPLOYMENTS,
}

_FORMS = {
    "highest_version": re.compile(r"[1-9]\.\d"),
    "global_pats_end": re.compile(r"\d{4}-[01]\d-[0-3]\d"),
}


@dataclass(slots=True)
class Knobs:
    """The switches of one organization. Every one may be turned while the sandbox runs.

    Args:
        bad_credential_style: answer to no, a malformed or an unknown credential: ``203`` and
            ``302`` are sign-in pages, ``401`` is empty.
        expired_style: answer to an expired PAT. A revoked one, and one without the scope, always
            get the empty 401.
        expired_bearer_style: ``401`` with TF400813, or ``203`` as seen for GET and POST.
        bom: a UTF-8 byte order mark stands before the JSON of a refused bearer.
        anonymous_connection_data: ``connectionData`` answers 200 for nobody instead of refusing.
        forbid_global: tenant policy against PATs for all organizations.
        forbid_full_scope: tenant policy against ``app_token``.
        max_life_days: tenant policy; None is off.
        life_mode: a life over ``max_life_days`` is shortened (``clamp``) or refused (``error``).
        creation_restricted: organization policy against making PATs.
        pat_error_status: HTTP status of an answer whose ``patTokenError`` is not ``none``.
        entra_backed: False: bearers from Entra are nobody here.
        global_pats_end: ISO date from which PATs for all organizations are dead.
        revocation_delay_s: how long a revoked PAT goes on working.
        creation_lag_s: how long a new PAT is unknown.
        delay_next: so many answers tell that they were delayed (200 with ``Retry-After``).
        block_next: so many requests get 429 TF400733.
        retry_after_s: what both of these say.
        project_page_size: projects per page unless ``$top`` asks otherwise.
        entitlement_page_size: members per page.
        operation_polls: how often a queued operation says ``inProgress``.
        deployment: ``hosted`` (Services) or ``onPremises`` (Server).
        highest_version: the newest REST version that is served.
        suspended: everything is 503 TF24668.
        duplicate_members: entitlements come under ``members`` as well as under ``items``.
    """

    bad_credential_style: str = "203"
    expired_style: str = "empty-401"
    expired_bearer_style: str = "401"
    bom: bool = True
    anonymous_connection_data: bool = False
    forbid_global: bool = False
    forbid_full_scope: bool = False
    max_life_days: int | None = None
    life_mode: str = "clamp"
    creation_restricted: bool = False
    pat_error_status: int = 200
    entra_backed: bool = True
    global_pats_end: str = "2026-12-01"
    revocation_delay_s: float = 0
    creation_lag_s: float = 0
    delay_next: int = 0
    block_next: int = 0
    retry_after_s: int = 1
    project_page_size: int = 100
    entitlement_page_size: int = 100
    operation_polls: int = 1
    deployment: str = "hosted"
    highest_version: str = "7.2"
    suspended: bool = False
    duplicate_members: bool = True

    @property
    def is_server(self) -> bool:
        """Azure DevOps Server, on somebody's own machines."""
        return self.deployment == "onPremises"

    def turn(self, **values: Any) -> dict[str, Any]:
        """Turn some knobs; all positions afterwards.

        Raises:
            UsageError: no such knob, or no such position; nothing was turned.
        """
        known = {field.name for field in fields(self)}
        for name, value in values.items():
            if name not in known:
                raise UsageError(f"there is no knob {name}", hint="there are " + ", ".join(known))
            _check(name, value, getattr(Knobs(), name))
        for name, value in values.items():
            setattr(self, name, value)
        return asdict(self)


def _check(name: str, value: object, default: object) -> None:
    choices = _CHOICES.get(name)
    if choices is not None and value not in choices:
        raise UsageError(f"{name} cannot be {value!r}", hint="it is one of " + ", ".join(choices))
    form = _FORMS.get(name)
    if form is not None and not (isinstance(value, str) and form.fullmatch(value)):
        raise UsageError(f"{name} cannot be {value!r}", hint=f"such as {default!r}")
    if name == "max_life_days":
        fits = value is None or type(value) is int
    elif isinstance(default, float | int) and not isinstance(default, bool):
        fits = isinstance(value, float | int) and not isinstance(value, bool)
    else:
        fits = type(value) is type(default)
    if not fits:
        raise UsageError(f"{name} has the wrong type", hint=f"its default is {default!r}")
