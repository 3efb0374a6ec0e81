"""Values for tests: what was observed and what follows from it; valid and converged by default.

The defaults of `builders` and these agree with one another: `a_difference()` plans nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from reconciler.diff import Background, compare
from reconciler.model.action import Plan, WithheldCode
from reconciler.model.desired import (
    DesiredConnection,
    DesiredMethod,
    DesiredSelection,
    DesiredState,
    Term,
)
from reconciler.model.drift import Difference
from reconciler.model.marker import mark
from reconciler.model.method import ActionKind, IssuerKind, MethodKind
from reconciler.model.observed import (
    ConnectionView,
    CredentialReport,
    CredentialView,
    IssuedCredential,
    Listing,
    LiveConnection,
    LiveResource,
    LiveSelection,
    ObservedState,
    Present,
    Repository,
    Slot,
    Verdict,
)
from reconciler.model.record import KnownRepositories, Operation, OperationState, Record, Snapshot
from reconciler.model.secret import Fingerprinter, Secret, SecretRef
from reconciler.plan import Setting, build
from reconciler.plan.terrain import Terrain
from reconciler.ports.capability import Ability, Can, Cannot, Capability
from reconciler.ports.consumer import ConsumerSpec
from reconciler.ports.provider import ManualCredential, ProviderSpec
from tests.builders import (
    LINEAGE,
    NOW,
    SCOPES,
    a_connection,
    a_mark,
    a_method,
    a_record,
    a_state,
    an_address,
    an_issuer,
)

KEY = b"k" * 32
REPOSITORIES = {"{a1}": Repository("pay-api", "PAY"), "{b2}": Repository("web", "WEB")}
SECRET_REF = SecretRef("file", ("/project/secrets/ox-bot.token",))
NEXT_REF = SecretRef("file", ("/project/secrets/ox-bot.token.next",))
SERIAL = 7


def fingerprint(value: str) -> str:
    return Fingerprinter(KEY).of(Secret(value))


def a_listing(
    repositories: Mapping[str, Repository] = REPOSITORIES, *, gap: str = "", **overrides: Any
) -> Listing:
    base = Listing(repositories, complete=not gap, gap=gap, expected=len(repositories), pages=1)
    return replace(base, **overrides)


def known(repositories: Mapping[str, Repository] = REPOSITORIES, **first: int) -> KnownRepositories:
    serials = {key: first.get(key.strip("{}"), 1) for key in repositories}
    return KnownRepositories(repositories, serials, serial=max(serials.values(), default=0))


def a_resource(id_: str, name: str, *, selected: bool = True, **overrides: Any) -> LiveResource:
    fields = {"owner": "acme", "kind": "repository", "repository_id": id_, **overrides}
    return LiveResource(id=f"r-{id_}", name=name, selected=selected, **fields)


def live_selection(*ids: str, follows_new: bool = True, **overrides: Any) -> LiveSelection:
    resources = tuple(
        a_resource(key, REPOSITORIES[key].name if key in REPOSITORIES else key) for key in ids
    )
    return replace(LiveSelection(resources, follows_new, complete=True), **overrides)


def a_live(**overrides: Any) -> LiveConnection:
    base = LiveConnection(
        id="cred-1",
        name=f"ox-acme [reconciler {LINEAGE.replace('-', '')[:8]}-1]",
        provider="bitbucket-cloud",
        kind=MethodKind.API_TOKEN,
        username="ox-bot@acme.example",
        selection=live_selection("{a1}", "{b2}"),
    )
    return replace(base, **overrides)


def a_report(**overrides: Any) -> CredentialReport:
    base = CredentialReport(
        Verdict.WORKS,
        identity="557058:ox-bot",
        login="ox-bot",
        credential_type="api_token",
        scopes=frozenset(SCOPES),
    )
    return replace(base, **overrides)


def a_slot(value: str = "ATATT-in-use", ref: SecretRef = SECRET_REF, **report: Any) -> Slot:
    return Slot(ref, fingerprint(value), Secret(value), a_report(**report))


def a_successor(value: str = "ATATT-successor", **report: Any) -> Slot:
    return a_slot(value, NEXT_REF, **report)


def a_view(**overrides: Any) -> ConnectionView:
    base = ConnectionView(Present(a_listing()), Present(a_live()), CredentialView(held=a_slot()))
    return replace(base, **overrides)


def recorded(**overrides: Any) -> Record:
    """The record that agrees with `a_view` and `a_connection`."""
    base = a_record(fingerprint=fingerprint("ATATT-in-use"), listed_at=1)
    return replace(base, **overrides)


def an_operation(**overrides: Any) -> Operation:
    base = Operation("op-1", an_address(), ActionKind.ROTATE, OperationState.WAITING, "mint", NOW)
    return replace(base, **overrides)


def a_snapshot(
    *records: Record, operations: Iterable[Operation] = (), **overrides: Any
) -> Snapshot:
    base = Snapshot(
        LINEAGE,
        SERIAL,
        KEY,
        "",
        {r.address: r for r in records},
        {o.address: o for o in operations},
    )
    return replace(base, **overrides)


def term(**parts: str) -> Term:
    return Term(a_mark(21), **parts)


def some(*include: Term, exclude: tuple[Term, ...] = (), **overrides: Any) -> DesiredSelection:
    """A selection of terms, whose digest changes with its meaning."""
    base = DesiredSelection("some", a_mark(20), digest="", include=tuple(include), exclude=exclude)
    made = replace(base, **overrides)
    if made.digest:
        return made
    meaning = (made.everything, made.include, made.exclude, made.archived, made.fork)
    return replace(made, digest=repr((*meaning, made.new_repositories)))


MANUAL = ManualCredential(
    create_url="https://id.atlassian.com/manage-profile/security/api-tokens",
    create_title="Create an API token with scopes",
    create_fields=(("App", "Bitbucket"),),
    revoke_url="https://id.atlassian.com/manage-profile/security/api-tokens",
    revoke_title="Revoke it",
    revoke_fields=(),
    who="the bot",
)


def never(*arguments: object) -> Any:
    raise AssertionError(f"a plan opened an adapter: {arguments}")


def a_provider_spec(**overrides: Any) -> ProviderSpec:
    base = ProviderSpec(
        name="bitbucket-cloud",
        title="Bitbucket Cloud",
        api_url="https://api.bitbucket.org/2.0",
        methods=(MethodKind.API_TOKEN, MethodKind.OAUTH_APP),
        abilities={},
        implies={},
        vocabulary={},
        manual={MethodKind.API_TOKEN: MANUAL},
        retired={},
        open=never,
    )
    return replace(base, **overrides)


ISSUING: dict[Capability, Ability] = {
    ability: Can("https://provider.example/rest", date(2026, 11, 21))
    for ability in (Capability.ISSUE, Capability.REVOKE, Capability.RESCOPE_IN_PLACE)
}
"""A provider that makes, changes and ends credentials."""

NO_RESCOPE: dict[Capability, Ability] = {
    **ISSUING,
    Capability.RESCOPE_IN_PLACE: Cannot(
        "https://provider.example/rest", date(2026, 11, 21), "it is replaced"
    ),
}


def an_issuing_spec(**overrides: Any) -> ProviderSpec:
    base = a_provider_spec(abilities=ISSUING, issuers=(IssuerKind.PASSWORD,))
    return replace(base, **overrides)


def issued_method(**overrides: Any) -> DesiredMethod:
    """A method whose credentials the provider's API makes."""
    return a_method(**{"issuer": an_issuer(), "overlap": timedelta(hours=1), **overrides})


def an_issued(id_: str = "t1", generation: int = 1, **overrides: Any) -> IssuedCredential:
    name = str(mark("ox-acme", LINEAGE, generation))
    base = IssuedCredential(id_, name, frozenset(SCOPES), created_at=NOW - timedelta(days=100))
    return replace(base, **overrides)


def a_consumer_spec(**overrides: Any) -> ConsumerSpec:
    base = ConsumerSpec(
        name="ox",
        title="OX Security",
        abilities={},
        browser_url={MethodKind.OAUTH_APP: "https://app.ox.security/connectors"},
        open=never,
    )
    return replace(base, **overrides)


def a_terrain(**overrides: Any) -> Terrain:
    base = Terrain(a_provider_spec(), has_api=True, writable=frozenset({"file"}))
    return replace(base, **overrides)


def a_background(**overrides: Any) -> Background:
    reach = a_connection().account.reach
    return replace(Background({reach: known()}, {}, NOW), **overrides)


def differences(
    state: DesiredState,
    snapshot: Snapshot,
    views: Mapping[str, ConnectionView] | None = None,
    **background: Any,
) -> tuple[Difference, ...]:
    seen = ObservedState({str(an_address()): a_view()} if views is None else views)
    return compare(state, snapshot, seen, a_background(**background))


def a_difference(
    connection: DesiredConnection | None = None,
    record: Record | None = None,
    view: ConnectionView | None = None,
    operation: Operation | None = None,
    **background: Any,
) -> Difference:
    """What `compare` makes of one connection; everything agrees by default."""
    desired = connection or a_connection()
    snapshot = a_snapshot(record or recorded(), operations=(operation,) if operation else ())
    views = {str(desired.address): view or a_view()}
    return differences(a_state(desired), snapshot, views, **background)[0]


def a_setting(state: DesiredState, snapshot: Snapshot, **overrides: Any) -> Setting:
    base = Setting(
        state=state,
        snapshot=snapshot,
        observed=ObservedState({}),
        providers={"bitbucket-cloud": a_provider_spec()},
        consumers={"ox": a_consumer_spec()},
        writable=frozenset({"file"}),
        now=NOW,
    )
    return replace(base, **overrides)


def planned(
    connection: DesiredConnection | None = None,
    record: Record | None = None,
    view: ConnectionView | None = None,
    operation: Operation | None = None,
    *,
    is_new: bool = False,
    undeclared: bool = False,
    setting: Mapping[str, Any] | None = None,
    **background: Any,
) -> Plan:
    """The plan for one connection, through the real comparison."""
    desired = connection or a_connection()
    state = a_state(desired)
    if undeclared:
        state = replace(state, connections={})
    records = () if is_new else (record or recorded(),)
    snapshot = a_snapshot(*records, operations=(operation,) if operation else ())
    found = differences(state, snapshot, {str(desired.address): view or a_view()}, **background)
    return build(found, a_setting(state, snapshot, **(setting or {})))


Outcome = tuple[list[str], list[tuple[str, ...]], list[WithheldCode], list[str]]
"""What a plan comes to: actions as ``kind:reason``, their steps, what is withheld, what waits."""


def outcome(plan: Plan) -> Outcome:
    return (
        [f"{a.kind}:{a.reason_code}" for a in plan.actions],
        [tuple(s.code for s in a.steps) for a in plan.actions],
        [w.code for w in plan.withheld],
        [w.step.id for w in plan.waiting],
    )


@dataclass(frozen=True)
class Case:
    """A situation and what is planned in it: ``kind:reason`` with steps, or withheld, or waits."""

    plan: Callable[[], Plan]
    action: str = ""
    steps: tuple[str, ...] = ()
    withheld: WithheldCode | tuple[WithheldCode, ...] = ()
    waits: str = ""

    @property
    def outcome(self) -> Outcome:
        return (
            [self.action] if self.action else [],
            [self.steps] if self.action else [],
            list(self.withheld if isinstance(self.withheld, tuple) else (self.withheld,)),
            [self.waits] if self.waits else [],
        )
