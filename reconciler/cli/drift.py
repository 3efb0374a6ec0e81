"""``reconciler drift``."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import of_drift
from reconciler.cli.options import (
    JSON,
    MARKDOWN,
    TEXT,
    detailed_option,
    examples,
    format_option,
    paths_argument,
)
from reconciler.cli.output import emit, emit_json, paint_of


@click.command(
    "drift",
    epilog=examples(
        "reconciler drift",
        "reconciler drift --detailed-exitcode --format markdown",
        "reconciler drift connections/acme.yaml --format json",
    ),
)
@paths_argument
@format_option(TEXT, JSON, MARKDOWN)
@detailed_option("Exit with 2 when somebody changed a connection live.")
@click.pass_obj
def command(chosen: Globals, paths: tuple[str, ...], shape: str, *, detailed: bool) -> int:
    """Report what was changed outside of reconciler. Changes nothing.

    Compares what is live with what was last applied. What only the YAML changed stands apart as
    unapplied; live connections that nobody declared are listed; so are manual steps that still
    wait, with their age. Made for a schedule.
    """
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.drift_json import drift_document

    with session(chosen, paths) as opened:
        doc = drift_document(asyncio.run(pipeline.drift(opened.state, opened.ports)))
    if shape == JSON:
        emit_json(doc)
    elif shape == MARKDOWN:
        from reconciler.report.to_markdown import render_drift as to_markdown

        emit(to_markdown(doc))
    else:
        from reconciler.report.to_terminal import render_drift

        emit(render_drift(doc, paint=paint_of(chosen)))
    return of_drift(doc, detailed=detailed)
