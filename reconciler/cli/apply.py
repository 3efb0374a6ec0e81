"""``reconciler apply``."""

from __future__ import annotations

import re

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

_DIGEST = re.compile(r"^sha256:[0-9a-f]{64}$")


def checked_digest(ctx: click.Context, param: click.Parameter, value: str | None) -> str:
    """A whole digest as the plan prints it; empty when not given."""
    del ctx, param
    if value is None:
        return ""
    if not _DIGEST.match(value):
        raise click.BadParameter("give the whole digest that the plan printed: sha256:…")
    return value


@click.command(
    "apply",
    epilog=examples(
        "reconciler apply",
        "reconciler apply plan.json",
        "reconciler apply connections --auto-approve --lock-timeout 300",
        "reconciler apply --digest sha256:9c41… --format json",
    ),
)
@click.argument("given", metavar="[PLAN_FILE] [PATH]...", nargs=-1, type=click.Path())
@auto_approve_option
@click.option(
    "--digest",
    metavar="DIGEST",
    callback=checked_digest,
    help="Apply only if the plan still has this digest.",
)
@click.option(
    "--accept-limits",
    metavar="DIGEST",
    callback=checked_digest,
    help="Accept the one plan of this digest although it breaks a limit.",
)
@lock_timeout_option
@format_option(TEXT, JSON)
@detailed_option("Exit with 3 when something waits for a person or was withheld.")
@click.pass_obj
def command(
    chosen: Globals,
    given: tuple[str, ...],
    digest: str,
    accept_limits: str,
    lock_timeout: float,
    shape: str,
    *,
    auto_approve: bool,
    detailed: bool,
) -> int:
    """Bring the live connections to what the YAML says.

    With PLAN_FILE (a .json file from `plan --out`), --digest or --accept-limits, carries out
    exactly that plan without asking, or refuses and shows what moved since; give the same PATHs
    as to `plan`. Otherwise plans, shows the plan, and asks; without a terminal only
    --auto-approve will do.

    Can be stopped at any moment: the next apply finishes or undoes what was in flight.
    """
    from reconciler.cli.applying import Wish, carry_out
    from reconciler.cli.plan_file import read_plan, split
    from reconciler.errors import UsageError
    from reconciler.pipeline import Expectation

    plan_file, paths = split(given)
    document = read_plan(plan_file) if plan_file else None
    if document is not None and digest not in ("", document["digest"]):
        raise UsageError(
            f"{plan_file} holds the plan {document['digest']}, not {digest}",
            hint="leave out --digest, or name the file of that plan",
        )
    expected = document["digest"] if document else digest
    wish = Wish(
        paths=paths,
        shape=shape,
        auto_approve=auto_approve,
        reviewed=bool(expected or accept_limits),
        expect=Expectation(expected, document) if expected else None,
        accept_limits=accept_limits,
        lock_timeout_s=lock_timeout,
        detailed=detailed,
    )
    return carry_out(chosen, wish)
