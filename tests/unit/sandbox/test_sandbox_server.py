from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx2
import pytest
from click.testing import CliRunner

from reconciler.cli.sandbox import command
from reconciler.errors import UsageError
from reconciler.sandbox.server import RunningSandbox, serve, write_ready_file
from reconciler.sandbox.settings import Settings

RUN = "from reconciler.cli.sandbox import command; command()"


def free_port_base() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_environment_names_everything_a_user_needs() -> None:
    with RunningSandbox() as box:
        environment = box.environment
    assert set(environment) == {
        "BITBUCKET_CLOUD_URL",
        "BITBUCKET_URL",
        "OX_URL",
        "SANDBOX_CONTROL_URL",
        "BITBUCKET_WORKSPACE",
        "BITBUCKET_SECOND_WORKSPACE",
        "ACME_READER_TOKEN",
        "GLOBEX_READER_TOKEN",
        "OX_BOT_EMAIL",
        "OX_BOT_TOKEN",
        "BITBUCKET_OAUTH_KEY",
        "BITBUCKET_OAUTH_SECRET",
        "OX_API_KEY",
        "DATA_CENTER_URL",
        "DC_ADMIN_PASSWORD",
        "DC_SCANNER_PASSWORD",
        "DC_READER_TOKEN",
        "DC_SCANNER_TOKEN",
        "DC_SCANNER_OAUTH",
        "AZURE_DEVOPS_URL",
        "AZURE_READER_PAT",
        "AZURE_SCM_PAT",
        "AZURE_SCM_USER_TOKEN",
        "AZURE_SCM_REFRESH_TOKEN",
        "AZURE_SP_CLIENT_ID",
        "AZURE_SP_CLIENT_SECRET",
        "AZURE_TENANT_ID",
        "VAULT_ADDR",
        "VAULT_TOKEN",
    }
    assert environment["BITBUCKET_CLOUD_URL"].endswith("/2.0")
    assert environment["OX_URL"].endswith("/api/apollo-gateway")
    hosts = {url.split("/")[2] for url in environment.values() if url.startswith("http")}
    assert len(hosts) == len(box.urls)


def test_sandbox_keeps_its_state_over_a_restart() -> None:
    with RunningSandbox() as box:
        box.sandbox.bitbucket.create_repository("acme", "kept")
        sandbox, token = box.sandbox, box.environment["ACME_READER_TOKEN"]
    with RunningSandbox(sandbox=sandbox) as box:
        url = f"{box.urls['bitbucket-cloud']}/repositories/acme/kept"
        with httpx2.Client(trust_env=False) as http:
            assert http.get(url, headers={"Authorization": f"Bearer {token}"}).status_code == 200


def test_sandbox_starts_and_stops_quickly() -> None:
    begun = time.perf_counter()
    for _ in range(5):
        with RunningSandbox():
            pass
    assert time.perf_counter() - begun < 2.5


def test_taken_port_is_a_usage_error_with_a_way_out() -> None:
    with RunningSandbox() as box:
        port = int(box.urls["bitbucket-cloud"].split(":")[2].split("/")[0])
        with pytest.raises(UsageError, match=f"port {port} of 127.0.0.1 cannot be used") as caught:
            RunningSandbox(Settings(port_base=port)).__enter__()
    assert "--port-base" in caught.value.hint


def test_ready_file_in_a_missing_folder_is_a_usage_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        write_ready_file(tmp_path / "no" / "sandbox.env", {"A": "b"})


def test_command_writes_the_ready_file_and_leaves_on_sigterm(tmp_path: Path) -> None:
    ready = tmp_path / "sandbox.env"
    arguments = ["--ready-file", str(ready), "--log", "requests", "--seed", "3"]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", RUN, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    lines = wait_for(ready, process)
    assert ready.stat().st_mode & 0o777 == 0o600
    token = lines["ACME_READER_TOKEN"]
    with httpx2.Client(trust_env=False, headers={"Authorization": f"Bearer {token}"}) as http:
        url = lines["BITBUCKET_CLOUD_URL"] + "/repositories/acme"
        assert http.get(url).status_code == 200
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=10)
    assert process.returncode == 0, err
    assert out == "".join(f"{name}={value}\n" for name, value in lines.items())
    assert "bitbucket-cloud GET /2.0/repositories/acme 200" in err
    assert token not in err
    assert "Traceback" not in err
    assert not ready.exists()


def test_unwritable_ready_file_ends_the_command(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be written"):
        serve(Settings(), tmp_path / "no" / "sandbox.env", lambda _lines: None)


def wait_for(ready: Path, process: subprocess.Popen[str]) -> dict[str, str]:
    deadline = time.monotonic() + 10
    while not ready.exists():
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return dict(line.split("=", 1) for line in ready.read_text().splitlines())


@pytest.mark.parametrize(
    "wish", ["projects=5", "repositories=x", "repositories=1,colour=red", "nonsense"]
)
def test_wrong_generate_is_explained(wish: str) -> None:
    outcome = CliRunner().invoke(command, ["--generate", wish])
    assert isinstance(outcome.exception, UsageError)
    assert "repositories=10000" in outcome.exception.hint


def test_missing_extra_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "reconciler.sandbox.server", None)
    outcome = CliRunner().invoke(command, [])
    assert isinstance(outcome.exception, UsageError)
    assert "scm-reconciler[sandbox]" in outcome.exception.hint


def test_importing_the_command_loads_nothing_heavy() -> None:
    code = "import sys, reconciler.cli.sandbox; print(*sorted(sys.modules))"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(out.stdout.split())
    assert not loaded & {"starlette", "uvicorn", "asyncio", "reconciler.sandbox", "graphql"}


def test_help_shows_examples() -> None:
    shown = CliRunner().invoke(command, ["--help"]).output
    assert "reconciler sandbox --generate repositories=10000,projects=50 --latency-ms 50" in shown
