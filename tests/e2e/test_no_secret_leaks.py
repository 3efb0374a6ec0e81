"""Every credential of a world is a canary: none may turn up anywhere but in its request."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest

from reconciler.sandbox.faults import Fault, FaultKind
from tests.e2e.world import World

pytestmark = pytest.mark.e2e

USERS = ("ox-bot@acme.example", "acme-ox-bot", "x-token-auth", "x-bitbucket-api-token-auth", "")
NAMES = (
    "ACME_READER_TOKEN",
    "GLOBEX_READER_TOKEN",
    "OX_BOT_TOKEN",
    "OX_API_KEY",
    "BITBUCKET_OAUTH_SECRET",
)
PIECE = 20
"""Characters of the middle of a canary: a part that is left over is a leak as well."""


def _forms(secret: str) -> Iterator[str]:
    yield secret
    yield quote(secret, safe="")
    yield base64.b64encode(secret.encode()).decode()
    for user in USERS:
        yield base64.b64encode(f"{user}:{secret}".encode()).decode()


def _middle(form: str) -> str:
    start = max(0, (len(form) - PIECE) // 2)
    return form[start : start + PIECE]


def _canaries(world: World, *minted: str) -> dict[str, str]:
    secrets = {name: world.environment[name] for name in NAMES}
    secrets |= {f"minted {number}": secret for number, secret in enumerate(minted)}
    return {_middle(form): name for name, secret in secrets.items() for form in _forms(secret)}


def _kept(world: World) -> Iterator[tuple[str, bytes]]:
    """Everything a run leaves behind, and everything it said."""
    for number, said in enumerate(world.outputs):
        yield f"output {number}", said.encode()
    for path in world.root.rglob("*"):
        if path.is_file() and path.parent.name != "secrets":
            yield str(path.relative_to(world.root)), path.read_bytes()
    yield "request log", repr(world.sandbox.requests).encode()
    yield "connections", repr(world.live()).encode()


def ensure_silent(world: World, *minted: str) -> None:
    canaries = _canaries(world, *minted)
    assert len(canaries) > len(NAMES)
    for place, content in _kept(world):
        for canary, name in canaries.items():
            assert canary.encode() not in content, f"{name} is in {place}"


def _debugged(world: World, *words: str) -> int:
    return world.run(*words, RECONCILER_DEBUG="1").code


def _look_everywhere(world: World) -> None:
    for words in (
        ("validate",),
        ("validate", "--format", "json"),
        ("plan",),
        ("plan", "--format", "json", "--out", "plan.json"),
        ("plan", "--format", "markdown"),
        ("plan", "--estimate"),
        ("show", "plan.json"),
        ("drift",),
        ("drift", "--format", "json"),
        ("verify",),
        ("verify", "--format", "json"),
        ("scopes", "ox-acme"),
        ("show", "ox-acme"),
        ("registry", "list", "--format", "json"),
        ("registry", "show", "ox-acme", "--format", "json"),
        ("registry", "history", "--format", "json"),
    ):
        _debugged(world, *words)


def test_no_command_says_or_keeps_a_credential(world: World) -> None:
    _look_everywhere(world)
    world.run("apply", "--auto-approve", "--format", "json", RECONCILER_DEBUG="1")
    _look_everywhere(world)
    world.run("rotate", "ox-acme", "--auto-approve", RECONCILER_DEBUG="1")
    successor = world.mint()
    world.put_token(successor, place="ox-bot.token.next")
    _look_everywhere(world)
    world.apply()
    world.sandbox.bitbucket.revoke(world.environment["OX_BOT_TOKEN"])
    _look_everywhere(world)
    world.apply()
    world.run("registry", "backup", "backup.db")
    ensure_silent(world, successor)
    assert (world.root / ".reconciler" / "registry.db").stat().st_size > 0


FAULTS = {
    "echo": Fault(FaultKind.ECHO, times=None),
    "echo-401": Fault(FaultKind.ECHO, times=None, value=401),
    "echo-403": Fault(FaultKind.ECHO, times=None, value=403),
    "echo-500": Fault(FaultKind.ECHO, times=None, value=500),
    "html": Fault(FaultKind.HTML, times=None),
    "truncated": Fault(FaultKind.TRUNCATED, times=None),
    "foreign-redirect": Fault(FaultKind.FOREIGN_REDIRECT, times=None),
    "drop": Fault(FaultKind.DROP, times=None),
}
ASKED_AGAIN = {"echo-500", "drop"}
"""With pauses: some seconds a command."""
LOOKS = (("plan", "--out", "plan.json"), ("apply", "--auto-approve"), ("verify",), ("drift",))


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("emulator", ["bitbucket-cloud", "ox"])
def test_no_failure_says_or_keeps_a_credential(world: World, emulator: str, name: str) -> None:
    fault, successor = FAULTS[name], world.mint()
    world.apply()
    world.put_token(successor, place="ox-bot.token.next")
    world.sandbox.faults.add(Fault(fault.kind, emulator=emulator, times=None, value=fault.value))
    looks = LOOKS[1:2] if name in ASKED_AGAIN else LOOKS
    codes = [_debugged(world, *words) for words in looks]
    assert set(codes) <= {0, 1}
    assert 1 in codes
    ensure_silent(world, successor)
    if name == "echo":  # it is quoted, but for the credential
        said = "".join(world.outputs)
        assert "cannot serve Authorization:" in said
        assert "***" in said
    assert not any(hit.has_authorization for hit in world.sandbox.trapped)


WRITES = ("addCredentials", "monitorConnectorResources", "verifySingle", "removeCredentials")


@pytest.mark.parametrize("operation", WRITES)
@pytest.mark.parametrize("status", [200, 400, 401])
def test_a_consumer_that_quotes_the_token_it_was_given_is_not_quoted(
    world: World, operation: str, status: int
) -> None:
    successor = world.mint()
    world.apply()
    world.put_token(successor, place="ox-bot.token.next")
    world.sandbox.faults.add(
        Fault(FaultKind.ECHO, emulator="ox", body=operation, times=None, value=status)
    )
    run = world.run("apply", "--auto-approve", RECONCILER_DEBUG="1")
    assert run.code == 1
    _look_everywhere(world)
    ensure_silent(world, successor)


def _paste_secret(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["secret"] = token


def _paste_value(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["secret"] = {"value": token}


def _paste_as_name(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["secret"] = {"env": token}


def _paste_as_file(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["secret"] = {"file": token}


def _paste_as_user(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["username"] = token


def _paste_key(world: World, token: str) -> None:
    world.spec("Consumer", "ox-prod")["credential"] = token


def _paste_unknown_field(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")["token"] = token


def _paste_field_name(world: World, token: str) -> None:
    world.spec("Method", "ox-bot-token")[token] = "x"


def _paste_label(world: World, token: str) -> None:
    world.documents["Connection", "ox-acme"]["metadata"]["labels"] = {"token": token}


def _paste_url(world: World, token: str) -> None:
    world.spec("Account", "acme")["apiUrl"] = f"https://x-token-auth:{token}@api.bitbucket.org/2.0"


def _paste_variable(world: World, token: str) -> None:
    world.project["variables"] = {"TOKEN": token}
    world.spec("Account", "acme")["workspace"] = "${TOKEN}"


PASTES: dict[str, Callable[[World, str], None]] = {
    "secret": _paste_secret,
    "value": _paste_value,
    "env": _paste_as_name,
    "file": _paste_as_file,
    "username": _paste_as_user,
    "credential": _paste_key,
    "unknown-field": _paste_unknown_field,
    "field-name": _paste_field_name,
    "label": _paste_label,
    "url": _paste_url,
    "variable": _paste_variable,
}


@pytest.mark.parametrize("where", PASTES)
@pytest.mark.parametrize("name", ["OX_BOT_TOKEN", "ACME_READER_TOKEN"])
def test_a_token_pasted_into_the_yaml_is_refused_without_being_printed(
    world: World, where: str, name: str
) -> None:
    token = world.environment[name]
    PASTES[where](world, token)
    for words in (("validate",), ("validate", "--format", "json"), ("plan",)):
        run = world.run(*words)
        assert run.code == 1, run.out
        assert _middle(token) not in run.out + run.err


@pytest.mark.parametrize(
    "text",
    ["token: {}\n", "{}", "{}: [", "apiVersion: reconciler/v1\nkind: {}\n", "&{0} *{0}\n"],
    ids=["mapping", "scalar", "broken", "kind", "alias"],
)
def test_a_yaml_file_of_somebody_else_is_never_quoted(world: World, text: str) -> None:
    token = world.environment["OX_BOT_TOKEN"]
    (world.root / "theirs.yaml").write_text(text.format(token))
    for words in (("validate",), ("plan",)):
        run = world.run(*words)
        assert "this is a bug" not in run.err
        assert _middle(token) not in run.out + run.err
