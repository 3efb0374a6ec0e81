"""A thousand connections of which none changed, beside Terraform with as many of its resources.

One OX organization reads a thousand workspaces, each with a method of its own. Neither side waits
for an API: ours asks a sandbox without latency, and ``terraform_data`` has none.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from reconciler.sandbox.defaults import OX_SCOPES
from tests.bench.clock import finished, medians
from tests.bench.table import Effort, Row, seconds
from tests.bench.world import World, document, dump, serving

REPOSITORIES = 5
AT_ONCE = 100
_OWNER = "ada@acme.example"
_RESOURCE = """\
resource "terraform_data" "r{n}" {{
  input = {{ consumer = "ox-prod", account = "team-{n}", repositories = ["api-{n}", "web-{n}"] }}
}}
"""
_QUIET = {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}


def rows(effort: Effort) -> Iterator[Row]:
    count = 100 if effort.quick else 1000
    wishes = [f"repositories={REPOSITORIES},workspace={_workspace(n)}" for n in range(count)]
    terraform = shutil.which("terraform")
    with serving(*wishes, latency_s=0) as bare, tempfile.TemporaryDirectory() as folder:
        world = replace(bare, environment={**bare.environment, **_tokens(bare, count)})
        _connect(world, count)
        if terraform is None:
            (ours,) = medians(3, lambda: _ours(world))
            yield Row(_named(count), seconds(ours), "terraform not on PATH")
            return
        other = Path(folder)
        _install(terraform, other, count)
        ours, theirs = medians(3, lambda: _ours(world), lambda: _theirs(terraform, other))
    yield Row(
        _named(count),
        seconds(ours),
        f"`terraform plan` of {count:,} `terraform_data` {seconds(theirs)}",
        f"{ours / theirs:.2f} ×",
    )


def _named(count: int) -> str:
    return (
        f"no-op `reconciler plan` of {count:,} connections to as many workspaces, "
        "whole process, no latency"
    )


def _workspace(number: int) -> str:
    return f"team-{number}"


def _tokens(world: World, count: int) -> Mapping[str, str]:
    """An API token for each workspace."""
    every = range(count)
    asked = ({"email": _OWNER, "scopes": OX_SCOPES, "workspace": _workspace(n)} for n in every)
    return {f"TOKEN_{n}": world.told("bitbucket/tokens", a)["token"] for n, a in enumerate(asked)}


def _connect(world: World, count: int) -> None:
    """Apply in parts, two hours apart: OX allows a key 1,000 requests an hour."""
    dump(world.root / "reconciler.yaml", [document("Project", "bench")])
    tenant = document(
        "Consumer",
        "ox-prod",
        profile="ox",
        endpoint=world.environment["OX_URL"],
        credential={"env": "OX_API_KEY"},
    )
    dump(world.root / "ox.yaml", [tenant])
    for n in range(count):
        _declare(world, n)
        if (n + 1) % AT_ONCE == 0:
            world.planner("apply", 8, 1)
            world.told("clock", {"hours": 2})


def _declare(world: World, n: int) -> None:
    name = _workspace(n)
    documents = [
        document(
            "Account",
            name,
            provider="bitbucket-cloud",
            workspace=name,
            apiUrl=world.environment["BITBUCKET_CLOUD_URL"],
        ),
        document(
            "Method",
            f"ox-{name}",
            type="api-token",
            username=_OWNER,
            secret={"env": f"TOKEN_{n}"},
            scopes="profile",
        ),
        document(
            "Connection",
            f"ox-{name}",
            consumer="ox-prod",
            account=name,
            method=f"ox-{name}",
            repositories={"include": [{"name": "api-*"}, {"name": "web-*"}]},
        ),
    ]
    dump(world.root / f"{name}.yaml", documents)


def _ours(world: World) -> float:
    command = str(Path(sys.executable).with_name("reconciler"))
    done = finished(command, "plan", cwd=world.root, env=world.environment)
    if "No changes." not in done.out:
        raise RuntimeError(f"the plan is not empty: {done.out[-500:]}")
    return done.seconds


def _install(terraform: str, root: Path, count: int) -> None:
    text = "".join(_RESOURCE.format(n=n) for n in range(count))
    (root / "main.tf").write_text(text)
    for words in (("init",), ("apply", "-auto-approve")):
        finished(terraform, *words, "-input=false", "-no-color", cwd=root, env=_QUIET)


def _theirs(terraform: str, root: Path) -> float:
    done = finished(
        terraform, "plan", "-refresh=true", "-input=false", "-no-color", cwd=root, env=_QUIET
    )
    if "No changes." not in done.out:
        raise RuntimeError(f"Terraform's plan is not empty: {done.out[-500:]}")
    return done.seconds
