"""`{vault: …}` against the emulated Vault over HTTP."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import trustme

from reconciler.errors import SecretError, SourceMark
from reconciler.model.secret import Secret, SecretRef
from reconciler.sandbox.server import RunningSandbox
from reconciler.sandbox.settings import CONTROL, VAULT
from reconciler.sandbox.state import Fault, FaultKind
from reconciler.sandbox.vault import vault_in
from reconciler.sandbox.vault_state import VaultState
from reconciler.secrets import sources
from reconciler.secrets.vault import VaultSource
from reconciler.secrets.vault_client import access_from
from tests.secret_stores import CLOSED_PORT, enter_vault

MARK = SourceMark("methods.yaml", 7, 11)
HOME = "secret/ox/bot"
CANARY = "canary-7b1c-never-shown"


def a_ref(home: str = HOME, name: str = "token") -> SecretRef:
    return SecretRef("vault", (home, name), MARK)


@pytest.fixture
def box(monkeypatch: pytest.MonkeyPatch) -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        enter_vault(running, monkeypatch)
        yield running


@pytest.fixture
def state(box: RunningSandbox) -> VaultState:
    return vault_in(box.sandbox)


@pytest.fixture
def source() -> VaultSource:
    return VaultSource()


def arm(box: RunningSandbox, kind: FaultKind, match: str = "*", **more: object) -> None:
    box.sandbox.faults.add(Fault(kind=kind, match=match, emulator=VAULT, **more))  # type: ignore[arg-type]


def refusal(source: VaultSource, ref: SecretRef) -> SecretError:
    with pytest.raises(SecretError) as caught:
        source.read(ref)
    assert caught.value.where == MARK
    assert caught.value.cause.startswith(f"{ref.place}: ")
    assert os.environ.get("VAULT_TOKEN", "-") not in f"{caught.value!r}{caught.value.hint}"
    return caught.value


def requests(box: RunningSandbox) -> list[str]:
    return [f"{r.method} {r.path}" for r in box.sandbox.requests if r.emulator == VAULT]


# Fields ----------------------------------------------------------------------------------------


def test_a_write_keeps_the_other_fields_of_the_secret(
    state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "user", "ox-bot@acme.example")
    source.write(a_ref(), Secret("a-value"))
    assert dict(state.fields(HOME)) == {"user": "ox-bot@acme.example", "token": "a-value"}


def test_removing_takes_the_one_field_alone(state: VaultState, source: VaultSource) -> None:
    state.put(HOME, "user", "ox-bot@acme.example")
    state.put(HOME, "token", "a-value")
    source.remove(a_ref())
    assert dict(state.fields(HOME)) == {"user": "ox-bot@acme.example"}


def test_what_is_already_so_makes_no_new_version(state: VaultState, source: VaultSource) -> None:
    source.write(a_ref(), Secret("a-value"))
    source.write(a_ref(), Secret("a-value"))
    source.remove(a_ref(name="other"))
    assert state.entries[HOME].current == 1


def test_fields_that_are_not_ours_keep_their_kinds(state: VaultState, source: VaultSource) -> None:
    state.put(HOME, "token", "a-value")
    odd = {"number": 7, "list": ["a"], "nothing": None, "deep": {"a": {"b": True}}}
    state.entry(HOME).add({"token": "a-value", **odd}, state.now())
    source.write(a_ref(), Secret("new-value"))
    assert dict(state.fields(HOME)) == {"token": "new-value", **odd}


@pytest.mark.parametrize(
    ("value", "kind"),
    [(7, "a number"), (True, "a truth value"), (["a"], "a list"), ({"a": "b"}, "an object")],
    ids=["number", "truth", "list", "object"],
)
def test_a_field_that_is_no_text_is_refused(
    state: VaultState, source: VaultSource, value: object, kind: str
) -> None:
    state.entry(HOME).add({"token": value}, state.now())
    assert f"it is {kind}, not text" in refusal(source, a_ref()).cause


def test_a_field_that_is_null_is_none(state: VaultState, source: VaultSource) -> None:
    state.entry(HOME).add({"token": None}, state.now())
    assert source.read(a_ref()) is None


def test_one_line_break_at_the_end_is_taken_off(state: VaultState, source: VaultSource) -> None:
    state.put(HOME, "token", "a-value\n")
    assert source.read(a_ref()) == Secret("a-value")


@pytest.mark.parametrize("fate", ["deleted", "destroyed", "forgotten"], ids=str)
def test_a_secret_that_is_gone_is_none_and_can_be_written_again(
    state: VaultState, source: VaultSource, fate: str
) -> None:
    state.put(HOME, "token", "a-value")
    version = state.entries[HOME].versions[1]
    if fate == "forgotten":
        del state.entries[HOME]
    else:
        version.deleted = state.now() if fate == "deleted" else None
        version.is_destroyed = fate == "destroyed"
    assert source.read(a_ref()) is None
    source.remove(a_ref())
    source.write(a_ref(), Secret("new-value"))
    assert source.read(a_ref()) == Secret("new-value")


# Mounts ----------------------------------------------------------------------------------------


def test_a_reading_costs_one_request_and_the_first_one_more(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "token", "a-value")
    for _ in range(3):
        source.read(a_ref())
    assert requests(box) == [
        f"GET /v1/sys/internal/ui/mounts/{HOME}",
        *["GET /v1/secret/data/ox/bot"] * 3,
    ]


def test_a_mount_may_have_several_words(state: VaultState, source: VaultSource) -> None:
    state.enable("team/shop/kv")
    source.write(a_ref("team/shop/kv/ox"), Secret("a-value"))
    assert state.value("team/shop/kv/ox", "token") == "a-value"
    assert source.read(a_ref("team/shop/kv/ox")) == Secret("a-value")


def test_a_server_that_does_not_tell_mounts_is_asked_for_the_first_word(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "token", "a-value")
    arm(box, FaultKind.ERROR, "GET /v1/sys/internal/*", times=None, value=403)
    assert source.read(a_ref()) == Secret("a-value")


@pytest.mark.parametrize("writes", [False, True], ids=["read", "write"])
def test_a_store_of_version_1_is_refused_before_anything_is_written(
    state: VaultState, source: VaultSource, writes: bool
) -> None:
    state.enable("old", version=1)
    with pytest.raises(
        SecretError, match="the mount old is a key-value store of version 1"
    ) as caught:
        source.write(a_ref("old/ox"), Secret(CANARY)) if writes else source.read(a_ref("old/ox"))
    assert "vault kv enable-versioning old" in caught.value.hint
    assert state.plain == {}


def test_a_mount_that_is_not_there_is_an_error(state: VaultState, source: VaultSource) -> None:
    assert "there is no such mount" in refusal(source, a_ref("nowhere/ox")).cause
    state.enable("team/kv")
    assert "names a mount and no secret" in refusal(source, a_ref("team/kv")).cause


@pytest.mark.parametrize(
    "home", ["secret/../sys", "secret/./ox", "secret//ox", "secret/ox/"], ids=str
)
def test_a_path_that_leads_elsewhere_is_refused_unasked(
    box: RunningSandbox, source: VaultSource, home: str
) -> None:
    assert "not a path" in refusal(source, a_ref(home)).cause
    assert requests(box) == []


def test_signs_in_a_path_stay_in_the_path(state: VaultState, source: VaultSource) -> None:
    home = "secret/ü & 100%/a+b;c"
    source.write(a_ref(home, "a.b"), Secret("a-value"))
    assert state.value(home, "a.b") == "a-value"
    assert source.read(a_ref(home, "a.b")) == Secret("a-value")


# Others write too -------------------------------------------------------------------------------


def test_writers_of_different_fields_lose_none(state: VaultState) -> None:
    names = [f"field-{number}" for number in range(8)]
    every = [VaultSource() for _ in names]

    def write(number: int) -> None:
        every[number].write(a_ref(name=names[number]), Secret(f"value-{number}"))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, range(len(names))))
    assert dict(state.fields(HOME)) == {name: f"value-{n}" for n, name in enumerate(names)}
    assert state.entries[HOME].current == len(names)


def test_a_writer_who_is_always_beaten_gives_up(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "token", "a-value")
    box.sandbox.emulators[VAULT] = box.sandbox.emulators[VAULT].__class__(
        lambda _: "",
        lambda _: None,
        lambda _: {"errors": ["check-and-set parameter did not match the current version"]},
    )
    arm(box, FaultKind.ERROR, "POST *", times=None, value=400)
    with pytest.raises(SecretError, match="others keep changing the secret"):
        source.write(a_ref(), Secret("new-value"))
    assert state.value(HOME, "token") == "a-value"


# Lost answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "kind", [FaultKind.LOST_ANSWER, FaultKind.ERROR_AFTER_COMMIT, FaultKind.TRUNCATED], ids=str
)
def test_a_write_whose_answer_is_lost_is_looked_for_and_found(
    box: RunningSandbox, state: VaultState, source: VaultSource, kind: FaultKind
) -> None:
    arm(box, kind, "POST *")
    source.write(a_ref(), Secret("a-value"))
    assert state.value(HOME, "token") == "a-value"
    assert state.entries[HOME].current == 1


@pytest.mark.parametrize("kind", [FaultKind.DROP, FaultKind.ERROR, FaultKind.RATE_LIMIT], ids=str)
def test_a_write_that_did_not_arrive_is_sent_again(
    box: RunningSandbox, state: VaultState, source: VaultSource, kind: FaultKind
) -> None:
    arm(box, kind, "POST *")
    source.write(a_ref(), Secret("a-value"))
    assert state.entries[HOME].current == 1


def test_a_write_that_never_arrives_is_an_error(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    arm(box, FaultKind.DROP, "POST *", times=None)
    with pytest.raises(SecretError, match="cannot be written") as caught:
        source.write(a_ref(), Secret(CANARY))
    assert "not known" not in caught.value.cause
    assert state.entries == {}


def test_when_nobody_can_tell_whether_a_write_arrived_the_error_says_so(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "token", "a-value")
    arm(box, FaultKind.LOST_ANSWER, "POST *")
    arm(box, FaultKind.DROP, "GET /v1/secret/*", times=None, after=1)
    with pytest.raises(SecretError, match="whether the write before arrived is not known"):
        source.write(a_ref(), Secret(CANARY))


# The server says no -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (FaultKind.DROP, None),
        (FaultKind.ERROR, 503),
        (FaultKind.ERROR, 412),
        (FaultKind.RATE_LIMIT, 3600),
    ],
    ids=["drop", "503", "412", "429"],
)
def test_a_read_gets_over_a_fault_of_the_moment(
    box: RunningSandbox, state: VaultState, source: VaultSource, kind: FaultKind, value: int | None
) -> None:
    state.put(HOME, "token", "a-value")
    arm(box, kind, times=2, value=value)
    assert source.read(a_ref()) == Secret("a-value")


@pytest.mark.parametrize(
    ("kind", "value", "cause"),
    [
        (FaultKind.DROP, None, "cannot be reached, hangs up or keeps us waiting"),
        (FaultKind.ERROR, 503, "answered with status 503"),
        (FaultKind.HTML, None, "does not answer as Vault does"),
        (FaultKind.TRUNCATED, None, "does not answer as Vault does"),
        (FaultKind.ECHO, 400, "answered with status 400"),
        (FaultKind.ERROR, 413, "it is too large"),
    ],
    ids=["drop", "503", "sign-in page", "cut in half", "echo", "413"],
)
def test_a_store_that_is_down_is_named_with_a_mend(
    box: RunningSandbox,
    state: VaultState,
    source: VaultSource,
    kind: FaultKind,
    value: int | None,
    cause: str,
) -> None:
    state.put(HOME, "token", "a-value")
    arm(box, kind, times=None, value=value)
    error = refusal(source, a_ref())
    assert cause in error.cause
    assert error.hint


def test_a_sealed_vault_is_named(state: VaultState, source: VaultSource) -> None:
    state.switch(sealed=True)
    error = refusal(source, a_ref())
    assert error.cause.endswith("Vault is sealed")
    assert "unseal" in error.hint
    with pytest.raises(SecretError, match="Vault is sealed"):
        source.write(a_ref(), Secret(CANARY))


def test_the_token_does_not_follow_a_standby_elsewhere(
    box: RunningSandbox, state: VaultState, source: VaultSource
) -> None:
    state.switch(standby=True)
    error = refusal(source, a_ref())
    assert "another server, where the token is not sent" in error.cause
    assert "VAULT_ADDR" in error.hint
    assert box.sandbox.trapped == []
    assert not [r for r in box.sandbox.requests if r.emulator == CONTROL]


def test_a_dead_token_is_named_with_its_variable(state: VaultState, source: VaultSource) -> None:
    state.revoke_token()
    error = refusal(source, a_ref())
    assert "permission denied" in error.cause
    assert "VAULT_TOKEN must be alive" in error.hint


def test_a_policy_without_update_lets_read_and_refuses_to_write(
    state: VaultState, source: VaultSource
) -> None:
    state.put(HOME, "token", "a-value")
    state.switch(allowed=["read"])
    assert source.read(a_ref()) == Secret("a-value")
    with pytest.raises(SecretError, match="cannot be written: permission denied") as caught:
        source.write(a_ref(), Secret(CANARY))
    assert "`create` and `update`" in caught.value.hint
    with pytest.raises(SecretError, match="permission denied"):
        source.remove(a_ref())


def test_an_error_that_quotes_everything_is_not_quoted(
    box: RunningSandbox, source: VaultSource
) -> None:
    arm(box, FaultKind.ECHO, "POST *", times=None)
    with pytest.raises(SecretError) as caught:
        source.write(a_ref(), Secret(CANARY))
    chain: BaseException | None = caught.value
    while chain is not None:
        assert CANARY not in f"{chain!r}{chain}{vars(chain)}"
        chain = chain.__context__


# The environment --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("environ", "cause"),
    [
        ({}, "VAULT_ADDR is not set"),
        ({"VAULT_TOKEN": "t"}, "VAULT_ADDR is not set"),
        ({"VAULT_ADDR": "https://vault.example.org"}, "VAULT_TOKEN is not set"),
        ({"BAO_ADDR": "https://bao.example.org", "VAULT_TOKEN": "t"}, "BAO_TOKEN is not set"),
        ({"VAULT_ADDR": "vault.example.org:8200"}, "VAULT_ADDR is not an address"),
        ({"VAULT_ADDR": "https://[::1"}, "VAULT_ADDR is not an address"),
        ({"VAULT_ADDR": "https://vault.example.org/?a=b"}, "VAULT_ADDR is not an address"),
        ({"VAULT_ADDR": "https://me:pw@vault.example.org"}, "VAULT_ADDR holds a user name"),
        ({"VAULT_ADDR": "http://vault.example.org:8200"}, "over plain http"),
        ({"BAO_ADDR": "http://10.0.0.7:8200"}, "BAO_ADDR would send the token to 10.0.0.7"),
    ],
    ids=[
        "nothing",
        "no address",
        "no token",
        "tokens of the other service",
        "no scheme",
        "broken",
        "query",
        "user",
        "plain http",
        "plain http to OpenBao",
    ],
)
def test_an_environment_that_cannot_work_is_refused(environ: dict[str, str], cause: str) -> None:
    with pytest.raises(SecretError, match="vault secret/ox/bot#token: ") as caught:
        access_from(environ, a_ref())
    assert cause in caught.value.cause
    assert caught.value.hint
    assert "pw" not in str(caught.value)


def test_vault_goes_before_openbao_and_their_variables_are_not_mixed() -> None:
    vault = {"VAULT_ADDR": "https://v.example.org/", "VAULT_TOKEN": "vt", "VAULT_CACERT": "/v.pem"}
    bao = {"BAO_ADDR": "https://b.example.org", "BAO_TOKEN": "bt", "BAO_NAMESPACE": "team"}
    both = access_from({**vault, **bao}, a_ref())
    assert (both.address, both.namespace, both.ca_file) == ("https://v.example.org", "", "/v.pem")
    alone = access_from({**bao, "VAULT_TOKEN": "vt", "VAULT_CACERT": "/v.pem"}, a_ref())
    assert (alone.address, alone.namespace, alone.ca_file) == ("https://b.example.org", "team", "")
    assert alone.token == Secret("bt")
    assert "bt" not in repr(alone)


def test_openbao_is_read_by_its_own_variables(
    box: RunningSandbox, state: VaultState, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.put(HOME, "token", "a-value")
    for name in ("ADDR", "TOKEN"):
        monkeypatch.setenv(f"BAO_{name}", os.environ[f"VAULT_{name}"])
        monkeypatch.delenv(f"VAULT_{name}")
    assert source.read(a_ref()) == Secret("a-value")
    state.revoke_token()
    assert "BAO_TOKEN" in refusal(source, a_ref()).hint


def test_another_token_in_the_environment_is_used_from_then_on(
    state: VaultState, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.put(HOME, "token", "a-value")
    token = os.environ["VAULT_TOKEN"]
    monkeypatch.setenv("VAULT_TOKEN", "hvs." + "of-another-time")
    assert "permission denied" in refusal(source, a_ref()).cause
    monkeypatch.setenv("VAULT_TOKEN", token)
    assert source.read(a_ref()) == Secret("a-value")


def test_a_proxy_is_not_used_for_loopback(
    state: VaultState, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    state.put(HOME, "token", "a-value")
    monkeypatch.setenv("HTTP_PROXY", CLOSED_PORT)
    monkeypatch.setenv("http_proxy", CLOSED_PORT)
    monkeypatch.setenv("NO_PROXY", "")
    assert source.read(a_ref()) == Secret("a-value")


def test_a_proxy_that_is_not_there_is_named(
    box: RunningSandbox, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", "https://vault.example.org:8200")
    monkeypatch.setenv("HTTPS_PROXY", CLOSED_PORT)
    monkeypatch.setenv("https_proxy", CLOSED_PORT)
    monkeypatch.setenv("NO_PROXY", "")
    monkeypatch.setenv("no_proxy", "")
    assert "cannot be reached through the proxy" in refusal(source, a_ref()).cause


def test_a_server_that_is_not_there_is_named(
    box: RunningSandbox, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_ADDR", CLOSED_PORT)
    error = refusal(source, a_ref())
    assert "127.0.0.1:9 cannot be reached" in error.cause
    assert "VAULT_ADDR" in error.hint


class _Front(BaseHTTPRequestHandler):
    """Answers every path as Vault answers a secret; over TLS where its server speaks that."""

    def do_GET(self) -> None:
        body = b'{"data": {"data": {"token": "a-value"}, "metadata": {"version": 1}}}'
        self.send_response(403 if "/sys/" in self.path else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_words: object) -> None:
        pass


@contextmanager
def over_tls(authority: trustme.CA) -> Iterator[str]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Front)
    server.handle_error = lambda *_: None  # type: ignore[method-assign]  # a refused handshake
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_only_a_certificate_of_a_known_authority_is_trusted(
    box: RunningSandbox, source: VaultSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ours, other = trustme.CA(), trustme.CA()
    for name, authority in {"ours": ours, "other": other}.items():
        authority.cert_pem.write_to_path(tmp_path / name)
    with over_tls(ours) as address:
        monkeypatch.setenv("VAULT_ADDR", address)
        error = refusal(source, a_ref())
        assert "certificate that is not trusted" in error.cause
        monkeypatch.setenv("VAULT_SKIP_VERIFY", "true")
        monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "other"))
        assert "certificate that is not trusted" in refusal(source, a_ref()).cause
        monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "ours"))
        assert source.read(a_ref()) == Secret("a-value")


def test_a_ca_file_that_cannot_be_read_is_named(
    box: RunningSandbox, source: VaultSource, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VAULT_ADDR", box.urls[VAULT].replace("http:", "https:"))
    monkeypatch.setenv("VAULT_CACERT", str(tmp_path / "nowhere.pem"))
    assert "the CA file cannot be read" in refusal(source, a_ref()).cause


def test_a_token_that_no_header_carries_is_not_shown(
    box: RunningSandbox, source: VaultSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", f"{CANARY}\nx")
    with pytest.raises(SecretError, match="the token is malformed") as caught:
        source.read(a_ref())
    assert CANARY not in repr(caught.value.__context__)


def test_every_call_of_the_catalogue_gives_a_source_of_its_own() -> None:
    assert sources()["vault"] is not sources()["vault"]
