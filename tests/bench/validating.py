"""`validate` of a thousand files beside the time that PyYAML's C parser alone takes for them."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import yaml

from tests.bench.clock import finished, medians, timed
from tests.bench.table import Effort, Row, at_most, seconds

FILES = 1000
LINES = 60
LIMIT = 3.0
_EVENTS = """
import sys
from pathlib import Path
import yaml
for file in Path(sys.argv[1]).glob("team-*.yaml"):
    for event in yaml.parse(file.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader):
        pass
"""

_SHARED = """\
apiVersion: reconciler/v1
kind: Account
metadata:
  name: acme
spec:
  provider: bitbucket-cloud
  workspace: acme
  reader:
    type: access-token
    level: workspace
    secret: {env: ACME_READER_TOKEN}
---
apiVersion: reconciler/v1
kind: Consumer
metadata:
  name: ox-prod
spec:
  profile: ox
  credential: {env: OX_API_KEY}
"""

_TEAM = """\
# Team {n}: what may be read of its repositories, and how.
apiVersion: reconciler/v1
kind: Method
metadata:
  name: ox-token-{n:04d}
  labels:
    team: team-{n}
    tier: "{tier}"
spec:
  type: api-token
  username: ox-bot-{n}@acme.example
  secret:
    file: secrets/ox-{n:04d}.token
  scopes: profile
  maxAge: 365d
  rotateBefore: 30d
---
apiVersion: reconciler/v1
kind: RepositorySelection
metadata:
  name: team-{n:04d}
  labels:
    team: team-{n}
spec:
  include:
    - project: T{n}
    - name: "team-{n}-*"
    - name: shared-auth
    - name: shared-lib-{n}
    - name: "tool-{n}-*"
    - {wide}
  exclude:
    - name: "*-archive"
    - name: team-{n}-sandbox
    - name: team-{n}-experiments
    - name: "*-fork"
  where:
    archived: false
    fork: false
  newRepositories: include
  missing: orphan
---
apiVersion: reconciler/v1
kind: Connection
metadata:
  name: ox-team-{n:04d}
  labels:
    team: team-{n}
    tier: "{tier}"
    owner: person-{n}@acme.example
spec:
  consumer: ox-prod
  account: acme
  method: ox-token-{n:04d}
  repositories: team-{n:04d}
  manage:
    - connect
    - rescope
    - rotate
  protect: {protect}
"""

PROJECT = "apiVersion: reconciler/v1\nkind: Project\nmetadata: {name: bench}\nspec: {}\n"


def write(root: Path, files: int) -> None:
    """A project of *files* teams, each with a method, a selection and a connection."""
    (root / "reconciler.yaml").write_text(PROJECT)
    (root / "shared.yaml").write_text(_SHARED)
    for n in range(files):
        wide = f'regex: "svc-{n}-(api|web)"' if n % 20 == 0 else f"name: svc-{n}-api"
        protect = str(n % 7 == 0).lower()
        text = _TEAM.format(n=n, tier=n % 4, wide=wide, protect=protect)
        if text.count("\n") != LINES:
            raise AssertionError(f"{text.count(chr(10))} lines instead of {LINES}")
        (root / f"team-{n:04d}.yaml").write_text(text)


def _parse(texts: list[str]) -> None:
    for text in texts:
        for _ in yaml.parse(text, Loader=yaml.CSafeLoader):
            pass


def _load(texts: list[str]) -> None:
    for text in texts:
        for _ in yaml.load_all(text, Loader=yaml.CSafeLoader):
            pass


def _validate(root: Path) -> None:
    from reconciler.cli.wiring import profiles, providers
    from reconciler.pipeline import validate

    found = validate(
        [str(root)],
        env="",
        registry_url=None,
        providers=providers(),
        profiles=profiles(),
        now=datetime.now(UTC),
    )
    if found.state is None:
        raise RuntimeError(f"the generated project is wrong: {found.problems[:3]}")


def rows(effort: Effort) -> Iterator[Row]:
    command = str(Path(sys.executable).with_name("reconciler"))
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        write(root, FILES)
        texts = [file.read_text() for file in root.glob("team-*.yaml")]
        whole, bare, inside, floor, loaded = medians(
            effort.runs,
            lambda: finished(command, "validate", cwd=root).seconds,
            lambda: finished(sys.executable, "-c", _EVENTS, folder, cwd=root).seconds,
            lambda: timed(lambda: _validate(root)),
            lambda: timed(lambda: _parse(texts)),
            lambda: timed(lambda: _load(texts)),
        )
    size = f"{FILES:,} files of {LINES} lines"
    named = "PyYAML's C parser, events only,"
    yield at_most(f"validate {size}, in process", inside, floor, limit=LIMIT, named=named)
    yield Row(
        f"validate {size}, in process",
        seconds(inside),
        f"`yaml.load_all` with `CSafeLoader`, nothing checked, {seconds(loaded)}",
        f"{inside / loaded:.2f} ×",
    )
    yield at_most(
        f"validate {size}, whole process",
        whole,
        bare,
        limit=LIMIT,
        named="a process that reads and parses them, events only,",
    )
