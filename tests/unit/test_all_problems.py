"""One run says everything: faults of shape and faults of meaning stand in one report."""

from __future__ import annotations

from pathlib import Path

from reconciler.cli.wiring import profiles, providers
from reconciler.pipeline import validate
from tests.builders import NOW

YAML = """\
apiVersion: reconciler/v1
kind: Account
metadata: {name: acme}
spec: {provider: bitbucket-cloud, workspace: acme, colour: blue}
---
apiVersion: reconciler/v1
kind: Connection
metadata: {name: ox-acme}
spec:
  consumer: ox-prd
  account: acme
  method: {type: oauth-app}
  repositories: {all: true, arhived: false}
"""


def test_an_unknown_field_does_not_hide_a_wrong_reference(tmp_path: Path) -> None:
    (tmp_path / "acme.yaml").write_text(YAML)
    found = validate(
        [str(tmp_path)],
        env="",
        registry_url=None,
        providers=providers(),
        profiles=profiles(),
        now=NOW,
    )
    assert found.state is None
    assert [(p.code, p.where and p.where.line) for p in found.problems] == [
        ("unknown-field", 4),
        ("unknown-reference", 10),
        ("unknown-field", 13),
    ]
