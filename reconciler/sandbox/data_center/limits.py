"""Rate limits of Data Center: a bucket of requests for each user. No HTTP.

Source: https://confluence.atlassian.com/bitbucketserver0813/improving-instance-stability-with-rate-limiting-1283691032.html
[documented, 2026-11-21]. That a user's own setting does not count while the instance's switch is
off is recorded.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from reconciler.sandbox.data_center.knobs import Knobs
from reconciler.sandbox.settings import Clock


@dataclass(frozen=True, slots=True)
class OwnLimit:
    """The setting of one user. ``capacity`` and ``fill_rate`` do not count when whitelisted."""

    is_whitelisted: bool
    capacity: int = 0
    fill_rate: int = 0


@dataclass(slots=True)
class _Bucket:
    left: float
    at: datetime


@dataclass(slots=True)
class Buckets:
    """One bucket for each user name; it is full at the first request."""

    clock: Clock
    own: dict[str, OwnLimit] = field(default_factory=dict)
    _held: dict[str, _Bucket] = field(default_factory=dict)

    def take(self, user: str, knobs: Knobs) -> bool:
        """Take one request out; False when the bucket is empty."""
        limit = self.own.get(user) or OwnLimit(False, knobs.rate_capacity, knobs.rate_fill)
        if not knobs.rate_capacity or limit.is_whitelisted:
            return True
        now = self.clock.now()
        bucket = self._held.setdefault(user, _Bucket(limit.capacity, now))
        flown = (now - bucket.at).total_seconds() * limit.fill_rate
        bucket.left, bucket.at = min(limit.capacity, bucket.left + flown), now
        if bucket.left < 1:
            return False
        bucket.left -= 1
        return True
