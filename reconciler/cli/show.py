"""``reconciler show``."""

from __future__ import annotations

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import JSON, MARKDOWN, TEXT, examples, format_option
from reconciler.cli.output import emit, emit_json, paint_of
from reconciler.errors import UsageError


@click.command(
    "show",
    epilog=examples(
        "reconciler show plan.json",
        "reconciler show plan.json --format markdown",
        "reconciler show ox-acme",
    ),
)
@click.argument("what", metavar="PLAN_FILE|NAME")
@format_option(TEXT, JSON, MARKDOWN)
@click.pass_obj
def command(chosen: Globals, what: str, shape: str) -> int:
    """Show a saved plan, or connection NAME as the registry holds it.

    A saved plan needs no project, no network and no secret: what is shown is what was planned.
    """
    if what.endswith(".json"):
        _plan(chosen, what, shape)
    else:
        _record(chosen, what, shape)
    return Exit.DONE


def _plan(chosen: Globals, path: str, shape: str) -> None:
    from reconciler.cli.plan import show_plan
    from reconciler.cli.plan_file import read_plan

    doc = read_plan(path)
    try:
        show_plan(chosen, doc, shape)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{path} is a damaged plan: {type(error).__name__} at {error}",
            hint="make it again with `reconciler plan --out FILE`",
        ) from error


def _record(chosen: Globals, name: str, shape: str) -> None:
    from reconciler.cli.session import parsed_address, session
    from reconciler.model.suggest import suggestion
    from reconciler.report.record_json import record_document, render_record

    if shape == MARKDOWN:
        raise UsageError("a record has no Markdown form", hint="use --format text or json")
    address = parsed_address(name)
    with session(chosen, ()) as opened:
        snapshot = opened.ports.registry.snapshot()
    if address not in snapshot.records:
        known = [recorded.name for recorded in snapshot.records]
        raise UsageError(
            f"no connection {address.name!r} is recorded",
            hint=suggestion(address.name, known, what="recorded are"),
        )
    doc = record_document(snapshot.records[address], snapshot.operations.get(address))
    if shape == JSON:
        emit_json(doc)
    else:
        emit(render_record(doc, paint=paint_of(chosen)))
