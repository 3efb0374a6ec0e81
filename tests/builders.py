"""Values for tests: valid by default, any field by keyword.

``a_plan(actions=(an_action(kind=ActionKind.ROTATE),))`` is a plan that would be accepted, with
one rotation in it.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from reconciler.errors import Severity, SourceMark
from reconciler.model.action import (
    Action,
    AddCredential,
    CheckConnection,
    CheckCredential,
    Inputs,
    ManualStep,
    Plan,
    Remember,
    RemoveCredential,
    Risk,
    Select,
    Waiting,
    Withheld,
    WithheldCode,
)
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import (
    DesiredAccount,
    DesiredConnection,
    DesiredConsumer,
    DesiredIssuer,
    DesiredMethod,
    DesiredSelection,
    DesiredState,
    ProjectSettings,
)
from reconciler.model.drift import (
    Cause,
    FieldChange,
    Finding,
    RepositoryLabel,
    SelectionChange,
    Value,
)
from reconciler.model.method import DEFAULT_MANAGE, ActionKind, IssuerKind, MethodKind
from reconciler.model.observed import Reads
from reconciler.model.profile import (
    Citation,
    LoginName,
    MethodRule,
    Profile,
    ScopeUse,
    SelectionHome,
)
from reconciler.model.record import Record, Selected
from reconciler.model.secret import SecretRef

NOW = datetime(2026, 11, 21, 20, 53, tzinfo=UTC)
DIGEST = f"sha256:{'1f8d' * 16}"
LINEAGE = "0b2e6f1c-1111-4222-8333-444455556666"
SCOPES = ("read:repository:bitbucket", "write:repository:bitbucket")
DOCS = Citation("https://docs.ox.security/", date(2026, 11, 21))


def a_mark(line: int = 1, column: int = 1, file: str = "acme.yaml") -> SourceMark:
    return SourceMark(file, line, column)


def an_address(name: str = "ox-acme") -> ConnectionAddress:
    return ConnectionAddress(name)


def a_rule(**overrides: Any) -> MethodRule:
    base = MethodRule(
        provider="bitbucket-cloud",
        kind=MethodKind.API_TOKEN,
        scopes=tuple(ScopeUse(scope, "scanning") for scope in SCOPES),
        login=LoginName.EMAIL,
        source=DOCS,
        levels=("user",),
        max_days=365,
        host_url="https://api.bitbucket.org/2.0",
        create_url="https://id.atlassian.com/manage-profile/security/api-tokens",
        who="the user whose e-mail is entered",
    )
    return replace(base, **overrides)


def a_profile(**overrides: Any) -> Profile:
    base = Profile(
        name="ox",
        title="OX Security",
        adapter="ox",
        endpoint="https://api.cloud.ox.security/api/apollo-gateway",
        selection=SelectionHome.CONSUMER,
        methods=(a_rule(),),
    )
    return replace(base, **overrides)


def a_method(**overrides: Any) -> DesiredMethod:
    base = DesiredMethod(
        name="ox-bot-token",
        kind=MethodKind.API_TOKEN,
        where=a_mark(12),
        username="ox-bot@acme.example",
        secret=SecretRef("file", ("/project/secrets/ox-bot.token",)),
        successor=SecretRef("file", ("/project/secrets/ox-bot.token.next",)),
        scopes=SCOPES,
        max_age=timedelta(days=365),
    )
    return replace(base, **overrides)


def an_issuer(**overrides: Any) -> DesiredIssuer:
    base = DesiredIssuer(
        kind=IssuerKind.PASSWORD,
        secret=SecretRef("file", ("/project/secrets/ox-bot.password",)),
        where=a_mark(13),
        username="ox-bot@acme.example",
    )
    return replace(base, **overrides)


def an_account(**overrides: Any) -> DesiredAccount:
    base = DesiredAccount(
        name="acme",
        provider="bitbucket-cloud",
        workspace="acme",
        api_url="https://api.bitbucket.org/2.0",
        where=a_mark(2),
    )
    return replace(base, **overrides)


def a_consumer(**overrides: Any) -> DesiredConsumer:
    profile = a_profile()
    base = DesiredConsumer(
        name="ox-prod",
        profile=profile,
        endpoint=profile.endpoint,
        where=a_mark(7),
        credential=SecretRef("env", ("OX_API_KEY",)),
    )
    return replace(base, **overrides)


def a_selection(**overrides: Any) -> DesiredSelection:
    base = DesiredSelection("all", a_mark(20), digest="sha256:5e1ec7ed", everything=True)
    return replace(base, **overrides)


def a_connection(**overrides: Any) -> DesiredConnection:
    base = DesiredConnection(
        address=an_address(),
        consumer=a_consumer(),
        account=an_account(),
        method=a_method(),
        rule=a_rule(),
        selection=a_selection(),
        where=a_mark(14, 3),
        manage=DEFAULT_MANAGE,
    )
    return replace(base, **overrides)


def a_state(*connections: DesiredConnection, **overrides: Any) -> DesiredState:
    chosen = connections or (a_connection(),)
    base = DesiredState(
        settings=ProjectSettings("/project", "sqlite:////project/.reconciler/registry.db"),
        accounts={c.account.name: c.account for c in chosen},
        consumers={c.consumer.name: c.consumer for c in chosen},
        connections={c.address: c for c in sorted(chosen, key=lambda c: c.address)},
        digest="sha256:c0ffee",
    )
    return replace(base, **overrides)


def a_record(**overrides: Any) -> Record:
    account, consumer = an_account(), a_consumer()
    base = Record(
        address=an_address(),
        consumer=consumer.name,
        consumer_identity=consumer.identity,
        account=account.name,
        account_identity=account.identity,
        provider=account.provider,
        profile="ox",
        method=MethodKind.API_TOKEN,
        username="ox-bot@acme.example",
        live_id="cred-1",
        generation=1,
        fingerprint="hmac:9c41000000000000000000000000aaaa",
        identity="557058:ox-bot",
        scopes=SCOPES,
        credential_since=NOW - timedelta(days=100),
        selection={"{a1}": Selected("pay-api", "pay-api"), "{b2}": Selected("web", "web")},
        selection_digest="sha256:5e1ec7ed",
        epoch=1,
        follows_new=True,
        manage=DEFAULT_MANAGE,
        protect=False,
        source=a_mark(14, 3),
        serial=1,
    )
    return replace(base, **overrides)


def a_manual_step(**overrides: Any) -> ManualStep:
    base = ManualStep(
        id="mint",
        title="Create an API token with scopes",
        url="https://id.atlassian.com/manage-profile/security/api-tokens",
        who="signed in as ox-bot@acme.example",
        fields=(("Name", "ox-acme-2"), ("Expires on", "2027-11-21")),
        scopes=SCOPES,
        detected_by="a value in file secrets/ox-bot.token.next that the provider accepts",
    )
    return replace(base, **overrides)


def a_label(name: str = "pay-api") -> RepositoryLabel:
    return RepositoryLabel(name, f"{{{name}}}")


def a_selection_change(**overrides: Any) -> SelectionChange:
    base = SelectionChange(
        target={"{a1}": Selected("pay-api", "pay-api"), "{c3}": Selected("shop", "shop")},
        follows_new=True,
        add=(a_label("shop"),),
        remove=(a_label("pay-legacy"),),
    )
    return replace(base, **overrides)


def a_change(**overrides: Any) -> FieldChange:
    base = FieldChange("protect", before=False, after=True, cause=Cause.YAML, where=a_mark(14, 3))
    return replace(base, **overrides)


def an_action(**overrides: Any) -> Action:
    """A re-scope of ``ox-acme``."""
    selection = a_selection_change()
    base = Action(
        address=an_address(),
        kind=ActionKind.RESCOPE,
        reason_code="rescope_because_selection_changed",
        reason="the selection changed",
        steps=(Select(selection), Remember("re-scoped")),
        source=a_mark(14, 3),
        changes=(
            FieldChange("repositories", (), ("shop",), Cause.YAML, a_mark(16, 3)),
            FieldChange("repositories", ("pay-legacy",), (), Cause.YAML, a_mark(16, 3)),
        ),
        selection=selection,
        risk=Risk(gains=1, loses=1),
        before={"method": "api-token", "repositories": 2, "scopes": SCOPES},
        after={"method": "api-token", "repositories": 2, "scopes": SCOPES},
    )
    return replace(base, **overrides)


def a_connect(name: str = "ox-new", **overrides: Any) -> Action:
    selection = a_selection_change(remove=())
    base = Action(
        address=an_address(name),
        kind=ActionKind.CONNECT,
        reason_code="connect_because_declared",
        reason="it is declared and not connected yet",
        steps=(
            a_manual_step(),
            CheckCredential(),
            AddCredential(name, 1),
            CheckConnection(),
            Select(selection),
            Remember("connected"),
        ),
        source=a_mark(30, 3),
        selection=selection,
        risk=Risk(gains=1),
        after={"account": "acme", "consumer": "ox-prod", "method": "api-token", "scopes": SCOPES},
    )
    return replace(base, **overrides)


def a_rotation(name: str = "ox-old", **overrides: Any) -> Action:
    kept: dict[str, Value] = {"account": "acme", "method": "api-token", "scopes": SCOPES}
    base = Action(
        address=an_address(name),
        kind=ActionKind.ROTATE,
        reason_code="rotate_because_expiring",
        reason="it ends on 2026-12-01, in 10 days",
        steps=(
            CheckCredential(candidate=True),
            AddCredential(name, 2),
            CheckConnection(),
            Remember("switched to the new credential"),
            RemoveCredential("cred-1", name),
        ),
        source=a_mark(40, 3),
        risk=Risk(overlap="both work until the old one is revoked"),
        before=kept,
        after=kept,
    )
    return replace(base, **overrides)


def a_withheld(**overrides: Any) -> Withheld:
    base = Withheld(
        an_address("ox-gone"),
        ActionKind.DISCONNECT,
        WithheldCode.DELETIONS_DISABLED,
        "disconnecting is opt-in, and its recorded `manage` does not list disconnect",
        "declare it again with disconnect in `manage`, apply, and then remove it",
        a_mark(50),
    )
    return replace(base, **overrides)


def a_waiting(**overrides: Any) -> Waiting:
    step = a_manual_step(id="revoke-old", title="Revoke the old token", detected_by="", scopes=())
    since = NOW - timedelta(days=3, hours=2)
    base = Waiting(an_address("ox-wait"), ActionKind.ROTATE, step, since)
    return replace(base, **overrides)


def a_finding(**overrides: Any) -> Finding:
    base = Finding(
        "scope-surplus",
        Severity.WARNING,
        "the token holds admin:repository:bitbucket, which nothing needs",
        "make a token without it",
        a_mark(12),
    )
    return replace(base, **overrides)


def a_reads(**overrides: Any) -> Reads:
    base = Reads("bitbucket-cloud acme", 37, limit=1000, expected=412, seen=412)
    return replace(base, **overrides)


def some_inputs(**overrides: Any) -> Inputs:
    base = Inputs(
        config="sha256:c0ffee",
        lineage=LINEAGE,
        serial=51,
        policy="sha256:b0de",
        environment="",
        live={"connection.ox-acme": {"connection": "sha256:11fe"}},
    )
    return replace(base, **overrides)


def a_plan(**overrides: Any) -> Plan:
    """A plan with nothing to do."""
    base = Plan(
        digest=DIGEST,
        inputs=some_inputs(),
        actions=(),
        withheld=(),
        waiting=(),
        refusals=(),
        notes=(),
        unchanged=(an_address("ox-same"),),
        reads=(a_reads(),),
        errors=(),
        created_at=NOW,
    )
    return replace(base, **overrides)
