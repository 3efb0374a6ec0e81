"""``reconciler rotate``."""

from __future__ import annotations

from dataclasses import dataclass

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import (
    JSON,
    TEXT,
    auto_approve_option,
    detailed_option,
    examples,
    format_option,
    lock_timeout_option,
)
from reconciler.errors import UsageError


@dataclass(frozen=True, slots=True)
class _Asked:
    """Which of the ways to rotate the command line names."""

    names: tuple[str, ...]
    due: bool
    now: bool
    status: bool
    abort: bool


@click.command(
    "rotate",
    epilog=examples(
        "reconciler rotate --due",
        "reconciler rotate ox-acme",
        "reconciler rotate ox-acme --now              its credential has leaked",
        "reconciler rotate --status --detailed-exitcode",
        "reconciler rotate --abort ox-acme",
        "reconciler rotate --due --auto-approve --detailed-exitcode",
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--due", is_flag=True, help="Every connection whose credential is due.")
@click.option(
    "--now",
    is_flag=True,
    help="For a compromised credential: no overlap; the old one is revoked at once.",
)
@click.option("--status", is_flag=True, help="Only say how far begun rotations have come.")
@click.option(
    "--abort",
    is_flag=True,
    help="Undo begun rotations; what is left is always a credential that works.",
)
@auto_approve_option
@lock_timeout_option
@format_option(TEXT, JSON)
@detailed_option("Exit with 3 when something waits for a person, was withheld, or is stuck.")
@click.pass_obj
def command(
    chosen: Globals,
    names: tuple[str, ...],
    lock_timeout: float,
    shape: str,
    *,
    due: bool,
    now: bool,
    status: bool,
    abort: bool,
    auto_approve: bool,
    detailed: bool,
) -> int:
    """Replace credentials: those named, or with --due those near their end.

    Plans rotations and nothing else, then goes on like `apply`. The old credential is revoked
    only after the new one was proven and the consumer switched to it, and after the overlap.
    Where no API can make a credential, the plan says what to make by hand, and the next run goes
    on from there. Reads the project in the current folder.

    --now is for a credential that has leaked: there is no overlap, and the old one is revoked as
    soon as the consumer is switched. --abort takes back what a begun rotation has made so far,
    and always leaves a credential that works.
    """
    asked = _Asked(names, due=due, now=now, status=status, abort=abort)
    _check(asked)
    if status:
        return _show_status(chosen, names, shape, detailed=detailed)
    from reconciler.cli.applying import Wish, carry_out
    from reconciler.pipeline import RotateRequest

    wish = Wish(
        paths=(),
        shape=shape,
        auto_approve=auto_approve,
        rotate=RotateRequest(names=frozenset(names), due=due, immediate=now, abort=abort),
        lock_timeout_s=lock_timeout,
        detailed=detailed,
    )
    return carry_out(chosen, wish)


def _check(asked: _Asked) -> None:
    """Refuse what contradicts itself, each with its mend.

    Raises:
        UsageError: nothing was asked for, or two things at once.
    """
    ways = [w for w in ("due", "now", "status", "abort") if getattr(asked, w)]
    if len(ways) > 1:
        raise UsageError(
            f"--{ways[0]} and --{ways[1]} contradict each other",
            hint="give one of --due, --now, --status and --abort",
        )
    if asked.names or asked.due or asked.status:
        return
    if ways:
        raise UsageError(
            f"--{ways[0]} is for named connections, and none was named",
            hint=f"reconciler rotate --{ways[0]} NAME",
        )
    raise UsageError(
        "nothing to rotate was named",
        hint="name a connection, or add --due; --status says what was begun",
    )


def _show_status(chosen: Globals, names: tuple[str, ...], shape: str, *, detailed: bool) -> int:
    """Begun rotations of all connections, or of those named."""
    from reconciler import pipeline
    from reconciler.cli.output import emit, emit_json, paint_of
    from reconciler.cli.session import parsed_address, session
    from reconciler.report.rotation_json import render_rotations, rotation_document

    wanted = {parsed_address(name) for name in names}
    with session(chosen, ()) as opened:
        begun = pipeline.rotations(opened.state, opened.ports)
        for address in sorted(wanted - {status.address for status in begun}):
            pipeline.find(opened.state, address.name)  # a name that is nobody's is a mistake
        shown = tuple(s for s in begun if not wanted or s.address in wanted)
        doc = rotation_document(shown, now=opened.ports.now())
    if shape == JSON:
        emit_json(doc)
    else:
        emit(render_rotations(doc, paint=paint_of(chosen)))
    waits = doc["summary"]["stuck"] or doc["summary"]["waiting"]
    return Exit.WAITING if detailed and waits else Exit.DONE
