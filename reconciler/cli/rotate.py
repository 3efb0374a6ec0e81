"""``reconciler rotate``."""

from __future__ import annotations

import click

from reconciler.cli.context import Globals
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


@click.command(
    "rotate",
    epilog=examples(
        "reconciler rotate --due",
        "reconciler rotate ox-acme",
        "reconciler rotate --due --auto-approve --detailed-exitcode",
    ),
)
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--due", is_flag=True, help="Every connection whose credential is due.")
@auto_approve_option
@lock_timeout_option
@format_option(TEXT, JSON)
@detailed_option("Exit with 3 when something waits for a person or was withheld.")
@click.pass_obj
def command(
    chosen: Globals,
    names: tuple[str, ...],
    lock_timeout: float,
    shape: str,
    *,
    due: bool,
    auto_approve: bool,
    detailed: bool,
) -> int:
    """Replace credentials: those named, or with --due those near their end.

    Plans rotations and nothing else, then goes on like `apply`. The old credential is revoked
    only after the new one was proven and the consumer switched to it. Where no API can make a
    credential, the plan says what to make by hand, and the next run goes on from there. Reads
    the project in the current folder.
    """
    from reconciler.cli.applying import Wish, carry_out
    from reconciler.pipeline import RotateRequest

    if not names and not due:
        raise UsageError("nothing to rotate was named", hint="name a connection, or add --due")
    wish = Wish(
        paths=(),
        shape=shape,
        auto_approve=auto_approve,
        rotate=RotateRequest(frozenset(names), due),
        lock_timeout_s=lock_timeout,
        detailed=detailed,
    )
    return carry_out(chosen, wish)
