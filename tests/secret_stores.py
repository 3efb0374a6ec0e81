"""Secret stores for tests: the emulated Vault, Moto's Secrets Manager over HTTP, a file keyring."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import boto3
import keyring
import pytest
from keyring.backend import KeyringBackend
from keyrings.alt.file import PlaintextKeyring  # type: ignore[import-untyped]
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

from reconciler.sandbox.server import RunningSandbox

REGION = "eu-central-1"
CLOSED_PORT = "http://127.0.0.1:9"


def enter_vault(box: RunningSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the emulated Vault the one of this process's environment."""
    for name in ("ADDR", "TOKEN", "NAMESPACE", "CACERT"):
        monkeypatch.delenv(f"BAO_{name}", raising=False)
        monkeypatch.delenv(f"VAULT_{name}", raising=False)
    monkeypatch.setenv("VAULT_ADDR", box.environment["VAULT_ADDR"])
    monkeypatch.setenv("VAULT_TOKEN", box.environment["VAULT_TOKEN"])


@dataclass(frozen=True)
class Account:
    """An AWS account that is Moto's."""

    url: str

    def enter(self, monkeypatch: pytest.MonkeyPatch, nowhere: Path) -> None:
        """Make it the one of this process's environment, and empty it."""
        for name in ("AWS_PROFILE", "AWS_REGION", "AWS_SESSION_TOKEN", "HTTP_PROXY", "http_proxy"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("AWS_ENDPOINT_URL", self.url)
        monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        monkeypatch.setenv("AWS_CONFIG_FILE", str(nowhere))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(nowhere))
        monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
        urlopen(Request(f"{self.url}/moto-api/reset", method="POST")).close()  # noqa: S310  loopback

    def api(self) -> Any:
        """A person's own client."""
        return boto3.Session(region_name=REGION).client("secretsmanager", endpoint_url=self.url)

    def text(self, name: str, stage: str = "AWSCURRENT") -> str:
        """The whole secret in a stage."""
        found: str = self.api().get_secret_value(SecretId=name, VersionStage=stage)["SecretString"]
        return found

    def stages(self, name: str) -> list[str]:
        """Every stage that some version bears, sorted."""
        versions = self.api().describe_secret(SecretId=name).get("VersionIdsToStages", {})
        return sorted(stage for stages in versions.values() for stage in stages)


@contextmanager
def an_account() -> Iterator[Account]:
    """Serve Secrets Manager on loopback."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield Account(f"http://{host}:{port}")
    finally:
        server.stop()
        if server._server is not None:
            server._server.server_close()


@dataclass
class Fault:
    """What a bad line does to the calls of one operation, such as ``PutSecretValue``.

    ``code`` is answered instead, with ``status``; without it the answer is lost on the way back.
    ``then`` is the fault that begins when this one strikes.
    """

    operation: str
    times: int = 1
    code: str = ""
    status: int = 400
    then: Fault | None = None


@dataclass
class BadLine:
    """A line to an account on which answers are lost."""

    url: str
    faults: list[Fault] = field(default_factory=list)

    def strikes(self, operation: str) -> Fault | None:
        """The fault that the call meets, counted."""
        for fault in self.faults:
            if fault.operation == operation and fault.times > 0:
                fault.times -= 1
                self.faults += [fault.then] if fault.then else []
                return fault
        return None


@contextmanager
def a_bad_line(account: Account) -> Iterator[BadLine]:
    """Hand every call on to *account*, but for the faults."""
    line = BadLine("")

    class Line(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            fault = line.strikes(self.headers["X-Amz-Target"].rpartition(".")[2])
            if fault is not None and fault.code:
                self._send(fault.status, json.dumps({"__type": fault.code}).encode())
                return
            names = ("Authorization", "Content-Type", "X-Amz-Target", "X-Amz-Date")
            kept = {name: self.headers[name] for name in names}
            try:
                with urlopen(Request(account.url, body, kept)) as reply:  # noqa: S310  loopback
                    answer = reply.status, reply.read()
            except HTTPError as refusal:
                with refusal:
                    answer = refusal.code, refusal.read()
            if fault is None:
                self._send(*answer)
            self.close_connection = True

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_words: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Line)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    line.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield line
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_keyring(folder: Path) -> KeyringBackend:
    """A keyring that keeps a file."""
    ring: KeyringBackend = PlaintextKeyring()
    ring.file_path = str(folder / "keyring.cfg")  # type: ignore[attr-defined]
    return ring


def enter_keyring(ring: KeyringBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make it the keyring of this process."""
    monkeypatch.setattr(keyring.core, "_keyring_backend", ring)


def plant_in_aws(account: Account, name: str) -> Callable[[bytes], None]:
    """Puts bytes where a whole secret is; none at all is a secret without a version."""

    def plant(raw: bytes) -> None:
        try:
            value: dict[str, Any] = {"SecretString": raw.decode()}
        except UnicodeDecodeError:
            value = {"SecretBinary": raw}
        account.api().create_secret(Name=name, **(value if raw else {}))

    return plant
