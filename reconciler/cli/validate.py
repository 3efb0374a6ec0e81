"""``reconciler validate``."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import JSON, TEXT, examples, format_option, paths_argument
from reconciler.cli.output import emit, emit_json, paint_of


@click.command(
    "validate",
    epilog=examples(
        "reconciler validate",
        "reconciler validate connections/acme.yaml --format json",
        "reconciler --env staging validate connections",
    ),
)
@paths_argument
@format_option(TEXT, JSON)
@click.pass_obj
def command(chosen: Globals, paths: tuple[str, ...], shape: str) -> int:
    """Check the YAML: shape, references, rules of each consumer and provider.

    Needs no network and no secret. All problems are reported at once, each with file, line,
    column, cause and mend. Without PATH the current folder is read.
    """
    from reconciler import pipeline
    from reconciler.cli import wiring
    from reconciler.report.to_terminal import render_problems
    from reconciler.report.validation_json import validation_document

    found = pipeline.validate(
        paths,
        env=chosen.env,
        registry_url=chosen.registry or None,
        providers=wiring.providers(),
        profiles=wiring.profiles(),
        now=datetime.now(UTC),
    )
    doc = validation_document(found.problems, files=found.files, documents=found.documents)
    if shape == JSON:
        emit_json(doc)
    else:
        emit(render_problems(doc, paint=paint_of(chosen)))
    return Exit.DONE if doc["valid"] else Exit.FAILED
