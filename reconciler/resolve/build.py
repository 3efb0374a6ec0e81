"""Documents → DesiredState; collects every problem, not only the first. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from reconciler.errors import Problem, Severity
from reconciler.model.address import ConnectionAddress
from reconciler.model.bulk import collector_paused
from reconciler.model.desired import DesiredConnection, DesiredState
from reconciler.model.document import Loaded
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.conflicts import check_conflicts
from reconciler.resolve.connections import build_connection
from reconciler.resolve.issuers import check_sharing
from reconciler.resolve.parts import Parts
from reconciler.resolve.references import Index, Problems
from reconciler.resolve.scopes import check_profile_scopes


def resolve(
    loaded: Loaded, providers: Mapping[str, ProviderSpec], *, now: datetime | None = None
) -> tuple[DesiredState | None, tuple[Problem, ...]]:
    """Turn documents into the desired state.

    Args:
        loaded: what `load` gave.
        providers: every provider, by name.
        now: UTC; None leaves the question open whether an ``expiresAt`` is too far away.

    Returns:
        The state, or None when there is any error, in *loaded* or found here; and the problems
        found here, by file and line. Those of *loaded* are not repeated.
    """
    problems = Problems()
    with collector_paused():
        index = Index(loaded.documents, loaded.broken, problems)
        parts = Parts(loaded, index, providers, problems, now)
        for profile in index.of("ConsumerProfile").values():
            check_profile_scopes(profile, providers, problems)
        parts.build_all()
        built = (build_connection(d, parts) for d in index.of("Connection").values())
        connections = [connection for connection in built if connection is not None]
        check_conflicts(connections, index, problems)
        check_sharing(connections, parts.accounts.values(), problems)
    failed = problems.has_errors or any(p.severity is Severity.ERROR for p in loaded.problems)
    return None if failed else _state(loaded, parts, connections), problems.sorted()


def _state(loaded: Loaded, parts: Parts, connections: list[DesiredConnection]) -> DesiredState:
    ordered: dict[ConnectionAddress, DesiredConnection] = {
        connection.address: connection
        for connection in sorted(connections, key=lambda c: c.address)
    }
    return DesiredState(
        settings=loaded.settings,
        accounts=parts.accounts,
        consumers=parts.consumers,
        connections=ordered,
        digest=loaded.digest,
        paths=loaded.paths,
        covers_all=loaded.covers_all,
    )
