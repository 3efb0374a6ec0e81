"""What differs between instances of Bitbucket Data Center, or is not settled by anything public."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Knobs:
    """How this instance behaves. Every knob may be turned while it is served.

    Args:
        version: release that ``application-properties`` tells; the rules follow it.
        page_limit: largest ``limit`` of a page; more is clamped silently.
        max_expiry_days: longest life of a token; 0 means any.
        expiry_required: a token must end.
        token_limit: most tokens of one user, project or repository; 0 means any number.
        basic_disabled: Basic authentication of API calls is turned off.
        captcha_after: failed Basic logins after which a user must solve a captcha; 0 means never.
        anonymous_access: public repositories are shown to anybody.
        rate_capacity: size of each user's bucket of requests; 0 turns the limit off.
        rate_fill: requests that flow back each second.
        rate_body: what a 429 carries: ``json``, ``html`` or ``empty``. Not recorded.
        token_lag_s: how long a new token does not work yet, and a revoked one still does.
        implied_partner: permissions are stored with the part that the order left out.
        hidden: things that nobody sees, behind every thing of a list: gaps between page starts.
        echo_webhook_secret: a webhook shows its secret; recorded in 2023, unknown since.
        repo_admins_may_mint: repository admins may manage the repository's tokens.
        self_service: a token may list and delete tokens where its owner may. Unknown.
        bad_bearer_is_anonymous: an unknown Bearer token counts as none instead of 401. Unknown.
    """

    version: str = "10.2.6"
    page_limit: int = 1000
    max_expiry_days: int = 0
    expiry_required: bool = False
    token_limit: int = 0
    basic_disabled: bool = False
    captcha_after: int = 0
    anonymous_access: bool = False
    rate_capacity: int = 0
    rate_fill: int = 0
    rate_body: str = "json"
    token_lag_s: float = 0
    implied_partner: bool = False
    hidden: int = 0
    echo_webhook_secret: bool = True
    repo_admins_may_mint: bool = True
    self_service: bool = False
    bad_bearer_is_anonymous: bool = False

    @property
    def release(self) -> tuple[int, ...]:
        """The version as numbers, to be compared."""
        return tuple(int(part) for part in self.version.split("."))

    @property
    def build_number(self) -> str:
        """``10002006`` for 10.2.6."""
        major, minor, patch = (*self.release, 0, 0)[:3]
        return f"{major}{minor:03}{patch:03}"
