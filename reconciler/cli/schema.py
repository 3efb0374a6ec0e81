"""``reconciler schema``."""

from __future__ import annotations

import click

from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import examples
from reconciler.cli.output import emit, emit_json

DOCUMENTS = ("plan", "drift", "validation", "forecast", "rotation")
"""Documents that commands print, beside the kinds that users write."""


@click.command(
    "schema",
    epilog=examples(
        "reconciler schema > reconciler.schema.json",
        "reconciler schema Connection",
        "reconciler schema plan",
    ),
)
@click.argument("kind", required=False)
def command(kind: str | None) -> int:
    """Print the JSON Schema of KIND, or of any document of a project.

    KIND is a kind of document (Account, Connection, …) or a form of output: plan, drift,
    validation, forecast, rotation. What is printed stands by itself, without references to
    other files.
    """
    from reconciler.load.schema import bundled, schema_text

    if kind in DOCUMENTS:
        emit_json(bundled(kind))
    else:
        emit(schema_text(kind))
    return Exit.DONE
