"""``reconciler plan``."""

from __future__ import annotations

import asyncio
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from reconciler import __version__
from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit, of_plan
from reconciler.cli.options import (
    JSON,
    MARKDOWN,
    TEXT,
    detailed_option,
    examples,
    format_option,
    paths_argument,
)
from reconciler.cli.output import as_json, emit, emit_json, paint_of, save, tell


@click.command(
    "plan",
    epilog=examples(
        "reconciler plan",
        "reconciler plan connections/acme.yaml --out plan.json",
        "reconciler plan --format markdown --detailed-exitcode",
        "reconciler plan --estimate",
    ),
)
@paths_argument
@click.option(
    "--out",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Save the plan, so that `apply FILE` carries out exactly this one.",
)
@format_option(TEXT, JSON, MARKDOWN)
@detailed_option("Exit with 2 when there is something to apply, 3 when only people can go on.")
@click.option("--estimate", is_flag=True, help="Only say how many requests a plan would cost.")
@click.pass_obj
def command(
    chosen: Globals,
    paths: tuple[str, ...],
    out: Path | None,
    shape: str,
    *,
    detailed: bool,
    estimate: bool,
) -> int:
    """Show what apply would do. Changes nothing and holds nothing that could write.

    Reads the providers, the consumers and the registry, compares them with the YAML, and prints
    every action with its steps, its reason and its risk; what is withheld, and why; and what
    waits for a person. The plan holds no secret.
    """
    if estimate:
        return _estimate(chosen, paths, shape)
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.plan_json import plan_document

    with session(chosen, paths) as opened:
        plan = asyncio.run(pipeline.plan(opened.state, opened.ports))
    doc = plan_document(plan, version=__version__)
    show_plan(chosen, doc, shape)
    if out is not None:
        save(out, as_json(doc))
        words = shlex.join(("reconciler", "apply", str(out), *paths))
        tell(f"saved to {out}; to apply exactly this plan: {words}")
    return of_plan(doc, detailed=detailed)


def show_plan(chosen: Globals, doc: dict[str, Any], shape: str) -> None:
    """A plan's document on stdout in the form asked for."""
    if shape == JSON:
        emit_json(doc)
    elif shape == MARKDOWN:
        from reconciler.report.to_markdown import render_plan as to_markdown

        emit(to_markdown(doc))
    else:
        from reconciler.report.to_terminal import render_plan

        emit(render_plan(doc, paint=paint_of(chosen)))


def _estimate(chosen: Globals, paths: Sequence[str], shape: str) -> int:
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.escape import visible
    from reconciler.report.outline import reads_document
    from reconciler.report.words import estimate_lines

    with session(chosen, paths) as opened:
        doc = reads_document(asyncio.run(pipeline.estimate(opened.state, opened.ports)))
    if shape == JSON:
        emit_json(doc)
    else:
        emit("".join(f"{visible(line)}\n" for line in estimate_lines(doc)))
    return Exit.DONE
