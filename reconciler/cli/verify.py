"""``reconciler verify``."""

from __future__ import annotations

import asyncio

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import JSON, TEXT, examples, format_option, paths_argument
from reconciler.cli.output import emit, emit_json, paint_of


@click.command(
    "verify",
    epilog=examples(
        "reconciler verify",
        "reconciler verify connections/acme.yaml",
        "reconciler verify --format json",
    ),
)
@paths_argument
@format_option(TEXT, JSON)
@click.pass_obj
def command(chosen: Globals, paths: tuple[str, ...], shape: str) -> int:
    """Prove that every connection works, end to end: one line each.

    Shows each credential to its provider (who is it, which scopes, can it read the account) and
    has each consumer verify its connection. Exits with 1 when any of it fails. Changes nothing.
    """
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.to_terminal import render_verify
    from reconciler.report.verify_json import verify_document

    with session(chosen, paths) as opened:
        doc = verify_document(asyncio.run(pipeline.verify(opened.state, opened.ports)))
    if shape == JSON:
        emit_json(doc)
    else:
        emit(render_verify(doc, paint=paint_of(chosen)))
    return Exit.DONE if doc["ok"] else Exit.FAILED
