"""``reconciler ack``."""

from __future__ import annotations

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import examples
from reconciler.cli.output import emit


@click.command(
    "ack",
    epilog=examples(
        "reconciler ack nx-acme",
        "reconciler ack ox-acme revoke-old",
    ),
)
@click.argument("name")
@click.argument("step", required=False)
@click.pass_obj
def command(chosen: Globals, name: str, step: str | None) -> int:
    """Say that the manual step which connection NAME waits for is done.

    Only for steps that no API can see: a plan says so beside each of them. Where the next run
    can look for itself, looking wins over saying. STEP is needed when several wait.
    """
    from reconciler import pipeline
    from reconciler.cli.session import parsed_address, session
    from reconciler.report.escape import visible

    address = parsed_address(name)
    with session(chosen, ()) as opened:
        done = pipeline.acknowledge(opened.state, opened.ports, address.name, step)
    emit(
        f"{address}: {visible(done.id)} is acknowledged\n"
        "The next `reconciler apply` goes on from there.\n"
    )
    return Exit.DONE
