"""Small projects on disk for the tests of load and resolve."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from textwrap import dedent

from reconciler.errors import Problem, Severity
from reconciler.load import load
from reconciler.model.document import Loaded

REPOSITORY = Path(__file__).parents[3]
SHIPPED = {"ox": REPOSITORY / "reconciler" / "consumers" / "ox" / "profile.yaml"}

ACCOUNT = """\
apiVersion: reconciler/v1
kind: Account
metadata: {name: acme}
spec: {provider: bitbucket-cloud, workspace: acme}
"""
CONSUMER = """\
apiVersion: reconciler/v1
kind: Consumer
metadata: {name: ox-prod}
spec: {profile: ox, credential: {env: OX_API_KEY}}
"""
METHOD = """\
apiVersion: reconciler/v1
kind: Method
metadata: {name: bot}
spec: {type: api-token, username: bot@acme.example, secret: {file: secrets/bot.token}}
"""
SELECTION = """\
apiVersion: reconciler/v1
kind: RepositorySelection
metadata: {name: payments}
spec: {include: [{project: PAY}]}
"""
CONNECTION = """\
apiVersion: reconciler/v1
kind: Connection
metadata: {name: ox-acme}
spec: {consumer: ox-prod, account: acme, method: bot, repositories: payments}
"""
PROJECT = """\
apiVersion: reconciler/v1
kind: Project
spec: {}
"""
PARTS = {
    "reconciler.yaml": PROJECT,
    "account.yaml": ACCOUNT,
    "consumer.yaml": CONSUMER,
    "method.yaml": METHOD,
    "selection.yaml": SELECTION,
    "connection.yaml": CONNECTION,
}
"""A whole project without a fault, one document a file."""


def write(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    """Put *files* below *folder*; text is dedented. The folder."""
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            target.write_bytes(content)
        else:
            target.write_text(dedent(content), encoding="utf-8")
    return folder


def load_files(
    folder: Path, files: Mapping[str, str | bytes], *, env: str = "", path: str = "."
) -> Loaded:
    """Write *files* and load *path* below *folder*."""
    write(folder, files)
    return load([str(folder / path)], env=env, shipped_profiles=SHIPPED)


def said(problem: Problem) -> str:
    """``FILE:LINE:COLUMN code``."""
    return f"{problem.where} {problem.code}"


def errors(problems: tuple[Problem, ...]) -> list[str]:
    """The errors, as `said` puts them."""
    return [said(p) for p in problems if p.severity is Severity.ERROR]
