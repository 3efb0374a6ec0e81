"""Clients written by others, against the emulators over real HTTP on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from reconciler.sandbox.server import RunningSandbox
from tests.sdk.azure_sdk import AzureSdk


@pytest.fixture(autouse=True)
def _nothing_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clients read proxies from the environment; loopback needs none."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture(autouse=True)
def _closed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close what the clients leave open, lest it be found while another test runs."""
    send = requests.Session.send

    def noted(session: requests.Session, *request: Any, **more: Any) -> requests.Response:
        open_ones.callback(session.close)
        reply = send(session, *request, **more)
        open_ones.callback(reply.close)
        return reply

    with ExitStack() as open_ones:
        monkeypatch.setattr(requests.Session, "send", noted)
        yield


@pytest.fixture
def box() -> Iterator[RunningSandbox]:
    with RunningSandbox() as running:
        yield running


@pytest.fixture(scope="session")
def _azure_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The Azure client makes a folder when it is imported: here, not in anybody's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AZURE_DEVOPS_CACHE_DIR", str(tmp_path_factory.mktemp("azure")))
        yield


@pytest.fixture
def azure(
    box: RunningSandbox, _azure_folder: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AzureSdk:
    sdk = AzureSdk(box)
    sdk.isolate(monkeypatch, tmp_path)
    return sdk
