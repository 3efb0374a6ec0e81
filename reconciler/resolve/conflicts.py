"""Connections that cannot stand beside one another. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from reconciler.model.desired import DesiredConnection
from reconciler.resolve.references import Index, Problems


def check_conflicts(
    connections: Iterable[DesiredConnection], index: Index, problems: Problems
) -> None:
    """Report twins, accounts too many for their consumer, and former names in use."""
    ordered = sorted(connections, key=lambda c: c.where)
    _check_twins(ordered, problems)
    _check_accounts(ordered, problems)
    _check_former_names(ordered, index, problems)


def _check_twins(connections: list[DesiredConnection], problems: Problems) -> None:
    """The consumer could not tell them apart, and each would undo what the other did."""
    seen: dict[tuple[str, ...], DesiredConnection] = {}
    for connection in connections:
        method = connection.method
        key = (
            connection.consumer.identity,
            connection.account.identity,
            method.kind.value,
            method.username,
        )
        first = seen.setdefault(key, connection)
        if first is not connection:
            cause = (
                f"{connection.address} and {first.address} ({first.where}) connect the same "
                f"account to the same consumer with the same method and user name"
            )
            hint = "keep one and merge their selections, or use another user"
            problems.error("twin-connections", cause, hint, connection.where)


def _check_accounts(connections: list[DesiredConnection], problems: Problems) -> None:
    seen: dict[str, DesiredConnection] = {}
    for connection in connections:
        profile = connection.consumer.profile
        first = seen.setdefault(connection.consumer.identity, connection)
        if profile.several_accounts or first.account.identity == connection.account.identity:
            continue
        cause = (
            f"one {profile.title} tenant takes one account, and {first.address} "
            f"({first.where}) already connects {first.account.workspace}"
        )
        hint = "use another tenant of the consumer for this account"
        problems.error("several-accounts", cause, hint, connection.mark("account"))


def _check_former_names(
    connections: list[DesiredConnection], index: Index, problems: Problems
) -> None:
    claimed: dict[str, DesiredConnection] = {}
    declared = index.of("Connection")
    for connection in connections:
        where = declared[connection.address.name].mark("metadata", "previously")
        for former in connection.previously:
            first = claimed.setdefault(former.name, connection)
            if former.name in declared:
                cause = f'"{former.name}" is a former name here and still declared'
                hint = "take it out of `previously`, or remove the other document"
                problems.error("former-name-in-use", cause, hint, where)
            elif first is not connection:
                cause = f'{first.address} also says that it was called "{former.name}"'
                problems.error("former-name-in-use", cause, "only one can be its heir", where)
