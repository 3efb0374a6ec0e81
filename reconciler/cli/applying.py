"""What `apply` and `rotate` share: consent, the run, and how it is shown."""

from __future__ import annotations

import asyncio
import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import click

from reconciler import __version__
from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit, of_apply
from reconciler.cli.options import JSON
from reconciler.cli.output import emit, emit_json, paint_of, tell
from reconciler.cli.progress import Reporter
from reconciler.errors import UsageError
from reconciler.model.action import Plan

if TYPE_CHECKING:
    from reconciler.pipeline import Expectation, RotateRequest


@dataclass(frozen=True, slots=True)
class Wish:
    """What was asked for on the command line.

    ``reviewed`` says that the very plan was seen before: it came as a file, or its digest was
    given with --digest or --accept-limits. Any other plan is refused.
    """

    paths: tuple[str, ...]
    shape: str
    auto_approve: bool = False
    reviewed: bool = False
    expect: Expectation | None = None
    rotate: RotateRequest | None = None
    accept_limits: str = ""
    lock_timeout_s: float = 0
    detailed: bool = False


@dataclass(slots=True)
class Consent:
    """Shows the plan, asks when somebody has to be asked, and remembers what was shown."""

    chosen: Globals
    wish: Wish
    progress: Reporter
    shown: bool = field(default=False)

    def __call__(self, plan: Plan) -> bool:
        """Whether *plan* may be carried out."""
        self.progress.stop()
        self.show(plan)
        refused = plan.refusals and not self.wish.accept_limits
        if self.wish.auto_approve or self.wish.reviewed or refused or not plan.actions:
            return True  # what breaks a limit is refused after it was shown, without a question
        return ask()

    def show(self, plan: Plan) -> None:
        """The plan: on stdout as text, on stderr where stdout belongs to JSON."""
        from reconciler.report.paint import PLAIN
        from reconciler.report.plan_json import plan_document
        from reconciler.report.to_terminal import render_plan

        self.shown = True
        doc = plan_document(plan, version=__version__)
        if self.wish.shape == JSON:
            tell(render_plan(doc, paint=PLAIN).rstrip("\n"))
        else:
            emit(render_plan(doc, paint=paint_of(self.chosen)) + "\n")


@dataclass(frozen=True, slots=True)
class Events:
    """Tells what happens to each connection as it happens, in place of any progress display."""

    progress: Reporter
    quiet: bool

    def __call__(self, what: str, text: str) -> None:
        """One line on stderr."""
        from reconciler.report.escape import visible

        if not self.quiet:
            self.progress.stop()
            tell(f"{visible(what)}: {visible(text)}")


def ask() -> bool:
    """Read one answer from the terminal; only ``yes`` is consent."""
    tell("Do you want to perform these actions? Only 'yes' will be accepted.")
    click.echo("  Enter a value: ", nl=False, err=True)
    return sys.stdin.readline().strip() == "yes"


def require_consent(wish: Wish) -> None:
    """Refuse at once what nobody could consent to.

    Raises:
        UsageError: there is no terminal to ask at and no consent on the command line.
    """
    if not (wish.auto_approve or wish.reviewed or sys.stdin.isatty()):
        raise UsageError(
            "there is no terminal to ask for consent at",
            hint="apply a saved plan (`reconciler plan --out plan.json`, then "
            "`reconciler apply plan.json`), or add --auto-approve",
        )


def carry_out(chosen: Globals, wish: Wish) -> int:
    """Plan, ask, apply, report; the exit code."""
    from reconciler import pipeline
    from reconciler.cli.session import session
    from reconciler.report.apply_json import apply_document

    require_consent(wish)
    with session(chosen, wish.paths) as opened:
        consent = Consent(chosen, wish, opened.progress)
        report = asyncio.run(
            pipeline.apply(
                opened.state,
                opened.ports,
                approve=consent,
                expect=wish.expect,
                accept_limits=wish.accept_limits,
                rotate=wish.rotate,
                lock_timeout_s=wish.lock_timeout_s,
                on_event=Events(opened.progress, quiet=chosen.quiet),
            )
        )
    if report is None:
        tell("cancelled: nothing was applied")
        return Exit.FAILED
    if not consent.shown:
        consent.show(report.plan)
    doc = apply_document(report)
    _show(chosen, doc, wish.shape)
    return of_apply(doc, detailed=wish.detailed)


def _show(chosen: Globals, doc: dict[str, Any], shape: str) -> None:
    if shape == JSON:
        emit_json(doc)
    else:
        from reconciler.report.to_terminal import render_apply

        emit(render_apply(doc, paint=paint_of(chosen)))
