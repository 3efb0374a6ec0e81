"""``reconciler forecast``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import (
    JSON,
    TEXT,
    detailed_option,
    examples,
    format_option,
    paths_argument,
)
from reconciler.cli.output import as_json, emit, paint_of, save, tell

ICS = "ics"
FURTHEST = 3650
"""Days: nobody's credential is planned further ahead than ten years."""


@click.command(
    "forecast",
    epilog=examples(
        "reconciler forecast",
        "reconciler forecast connections/acme.yaml --days 400",
        "reconciler forecast --days 365 --format ics --out credentials.ics",
        "reconciler forecast --days 14 --detailed-exitcode --format json",
    ),
)
@paths_argument
@click.option(
    "--days",
    metavar="N",
    type=click.IntRange(1, FURTHEST),
    default=90,
    show_default=True,
    help="How far to look ahead.",
)
@format_option(TEXT, JSON, ICS)
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write to FILE instead of stdout.",
)
@detailed_option("Exit with 3 when something on the list needs a person.")
@click.pass_obj
def command(
    chosen: Globals,
    paths: tuple[str, ...],
    days: int,
    shape: str,
    out: Path | None,
    *,
    detailed: bool,
) -> int:
    """Say which credentials end or are due within the next days, and who replaces them.

    Asks nobody: the YAML and the registry know expiry dates, ages, and ends that providers have
    announced. Every entry says whether the reconciler does it by itself (`rotate --due` on a
    schedule) or what a person has to do. As a calendar (--format ics) it reminds that person
    three days before; importing a later one moves the events.
    """
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.forecast_json import forecast_document

    with session(chosen, paths) as opened:
        doc = forecast_document(pipeline.forecast(opened.state, opened.ports, days))
    if out is None:
        emit(_rendered(doc, shape, chosen))
    else:
        save(out, _rendered(doc, shape, None))
        tell(f"saved to {out}")
    return Exit.WAITING if detailed and doc["needs_person"] else Exit.DONE


def _rendered(doc: Mapping[str, Any], shape: str, chosen: Globals | None) -> str:
    """The document in the form asked for; colours only where *chosen* speaks of a terminal."""
    if shape == JSON:
        return as_json(doc)
    if shape == ICS:
        from reconciler.report.ical import render_calendar

        return render_calendar(doc)
    from reconciler.report.paint import PLAIN
    from reconciler.report.terminal_forecast import render_forecast

    return render_forecast(doc, paint=PLAIN if chosen is None else paint_of(chosen))
