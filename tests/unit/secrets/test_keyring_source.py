"""`{keyring: …}` against a keyring in a file and keyrings that fail."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from keyring.backend import KeyringBackend
from keyring.backends import fail, null
from keyring.errors import KeyringLocked

from reconciler.errors import SecretError, SourceMark
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.keyring import KeyringSource
from tests.secret_stores import a_keyring, enter_keyring

MARK = SourceMark("methods.yaml", 7, 11)
REF = SecretRef("keyring", ("reconciler", "ox-bot"), MARK)
CANARY = "canary-9a4c-never-shown"


class Broken(KeyringBackend):
    """A backend that fails, and tells everything it was given."""

    priority = 1

    def __init__(self, kind: type[Exception]) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.kind = kind

    def get_password(self, service: str, username: str) -> str | None:
        raise self.kind(f"{service} {username} holds {CANARY}")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise self.kind(f"{service} {username} gets {password}")

    def delete_password(self, service: str, username: str) -> None:
        raise self.kind(f"{service} {username}")


@pytest.fixture
def source() -> KeyringSource:
    return KeyringSource()


def failures(source: KeyringSource) -> list[SecretError]:
    every: tuple[Callable[[], object], ...] = (
        lambda: source.read(REF),
        lambda: source.write(REF, Secret(CANARY)),
        lambda: source.remove(REF),
    )
    found = []
    for action in every:
        with pytest.raises(SecretError) as caught:
            action()
        found.append(caught.value)
    return found


def test_service_and_user_name_the_entry(
    source: KeyringSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ring = a_keyring(tmp_path)
    enter_keyring(ring, monkeypatch)
    source.write(REF, Secret("a-value"))
    source.write(SecretRef("keyring", ("reconciler", "ox-bot-next")), Secret("next-value"))
    assert ring.get_password("reconciler", "ox-bot") == "a-value"
    assert ring.get_password("reconciler", "ox-bot-next") == "next-value"
    source.remove(REF)
    assert ring.get_password("reconciler", "ox-bot") is None
    assert ring.get_password("reconciler", "ox-bot-next") == "next-value"


def test_no_keyring_on_the_machine_is_an_error_with_a_way_out(
    source: KeyringSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_keyring(fail.Keyring(), monkeypatch)  # type: ignore[no-untyped-call]
    for error in failures(source):
        assert "there is no keyring on this machine" in error.cause
        assert "use another source" in error.hint
        assert error.where == MARK


@pytest.mark.parametrize(
    ("kind", "cause"),
    [
        (KeyringLocked, "the keyring is locked"),
        (OSError, "the keyring failed with OSError"),
        (ValueError, "the keyring failed with ValueError"),
        (AttributeError, "the keyring failed with AttributeError"),
    ],
    ids=["locked", "system", "value", "defect"],
)
def test_a_backend_that_fails_is_named_without_its_words(
    source: KeyringSource, monkeypatch: pytest.MonkeyPatch, kind: type[Exception], cause: str
) -> None:
    enter_keyring(Broken(kind), monkeypatch)
    for error in failures(source):
        assert cause in error.cause
        assert CANARY not in f"{error!r}{error.hint}"
        assert error.__context__ is None


def test_a_keyring_that_forgets_at_once_does_not_pass_for_a_store(
    source: KeyringSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    enter_keyring(null.Keyring(), monkeypatch)  # type: ignore[no-untyped-call]
    assert source.read(REF) is None
    source.remove(REF)
    with pytest.raises(SecretError, match="does not give back what was written") as caught:
        source.write(REF, Secret(CANARY))
    assert "keyring diagnose" in caught.value.hint
