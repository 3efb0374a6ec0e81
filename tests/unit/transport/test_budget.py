from __future__ import annotations

import pytest

from reconciler.errors import Fault, RemoteError
from reconciler.transport.budget import Budget


def test_the_request_over_the_allowance_is_refused_before_it_is_sent() -> None:
    budget = Budget(2, clock=lambda: 100.0)
    budget.spend("ox")
    budget.spend("ox")
    with pytest.raises(RemoteError, match="2 requests an hour") as caught:
        budget.spend("ox")
    assert (caught.value.fault, caught.value.retry_after_s) == (Fault.BUDGET, 3600)
    assert budget.requests == 2


def test_the_hour_rolls_so_that_old_requests_no_longer_count() -> None:
    now = [0.0]
    budget = Budget(1, clock=lambda: now[0])
    budget.spend("ox")
    now[0] = 3600.0
    budget.spend("ox")
    assert budget.requests == 2


def test_without_a_limit_everything_is_counted_and_allowed() -> None:
    budget = Budget()
    for _ in range(5):
        budget.spend("ox")
    assert budget.requests == 5


def test_an_allowance_of_nothing_sends_nothing() -> None:
    with pytest.raises(RemoteError):
        Budget(0).spend("ox")
