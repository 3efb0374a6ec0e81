"""Bitbucket Cloud's allowance: requests per rolling hour, identity and group of resources.

Source: https://support.atlassian.com/bitbucket-cloud/docs/api-request-limits/ [documented,
2026-11-21]. Headers go to access tokens only [documented]; anonymous callers get others [recorded].
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import format_datetime

from starlette.responses import Response

from reconciler.sandbox import answers
from reconciler.sandbox.auth import Caller

HOUR = timedelta(hours=1)
ANONYMOUS = 60
NEAR = 0.2
"""Share of the allowance below which ``X-RateLimit-NearLimit`` turns true."""


@dataclass(slots=True)
class Meter:
    """Counts requests; one per emulator."""

    _seen: dict[tuple[str, str], deque[datetime]] = field(default_factory=dict)

    def count(self, identity: str, group: str, now: datetime) -> int:
        """Note one request; how many there were within the hour, this one included."""
        seen = self._seen.setdefault((identity, group), deque())
        while seen and now - seen[0] >= HOUR:
            seen.popleft()
        seen.append(now)
        return len(seen)

    def refund(self, identity: str, group: str) -> None:
        """A refused request does not push the next permission further away."""
        self._seen[identity, group].pop()

    def seconds_left(self, identity: str, group: str, now: datetime) -> int:
        """Until the oldest request leaves the hour; at least 1."""
        seen = self._seen.get((identity, group))
        return max(1, int((seen[0] + HOUR - now).total_seconds())) if seen else 1


def identity_of(caller: Caller, address: str) -> str:
    """Who is counted: the user, else the credential, else the address."""
    if caller.credential is None:
        return f"anonymous {address}"
    return caller.credential.owner or caller.credential.id


def too_many(wait_s: int, style: str, now: datetime) -> Response:
    """429; ``Retry-After`` is not documented, so *style* chooses none, seconds or date."""
    headers = {}
    if style == "seconds":
        headers["Retry-After"] = str(wait_s)
    if style == "date":
        headers["Retry-After"] = format_datetime(now + timedelta(seconds=wait_s), usegmt=True)
    return answers.answer({"type": "error", "error": {"message": answers.TOO_MANY}}, 429, headers)


def limit_headers(caller: Caller, limit: int, used: int, wait_s: int) -> dict[str, str]:
    """What a reply tells of the allowance."""
    if caller.credential is None:
        return {
            "X-RateLimit-Limit": f"{ANONYMOUS}, {ANONYMOUS};w=3600",
            "X-RateLimit-Remaining": str(max(0, ANONYMOUS - used)),
            "X-RateLimit-Reset": str(wait_s),
        }
    if not caller.credential.type.is_access_token:
        return {}
    return {
        "X-RateLimit-Limit": str(limit),
        "X-RateLimit-Resource": "api",
        "X-RateLimit-NearLimit": "true" if limit - used < limit * NEAR else "false",
    }
