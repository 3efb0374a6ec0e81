"""The root command. Starts within 60 ms of bare Python: it imports click and no command."""

from __future__ import annotations

import os
import signal
import sys

import click

from reconciler import __version__
from reconciler.cli.context import Globals
from reconciler.cli.lazy import Entry, LazyGroup

COMMANDS = {
    "init": Entry("reconciler.cli.init", "Start a project from a template."),
    "validate": Entry("reconciler.cli.validate", "Check the YAML; needs no network."),
    "plan": Entry("reconciler.cli.plan", "Show what apply would do; change nothing."),
    "apply": Entry("reconciler.cli.apply", "Bring live connections to what the YAML says."),
    "drift": Entry("reconciler.cli.drift", "Report what was changed outside of reconciler."),
    "rotate": Entry("reconciler.cli.rotate", "Replace credentials that are due, or named ones."),
    "forecast": Entry("reconciler.cli.forecast", "Show what expires, and who has to act."),
    "verify": Entry("reconciler.cli.verify", "Prove that every connection works, end to end."),
    "scopes": Entry("reconciler.cli.scopes", "List the scopes that a consumer needs."),
    "ack": Entry("reconciler.cli.ack", "Say that a manual step is done."),
    "show": Entry("reconciler.cli.show", "Show a saved plan or a recorded connection."),
    "registry": Entry("reconciler.cli.registry", "Look into the registry; back up, unlock."),
    "schema": Entry("reconciler.cli.schema", "Print a JSON Schema."),
    "sandbox": Entry("reconciler.cli.sandbox", "Serve emulated providers and consumers."),
    "demo": Entry("reconciler.cli.demo", "Run the whole story on the sandbox."),
    "completion": Entry("reconciler.cli.completion", "Print the shell's completion script."),
}

HELP = """Source-code connections as code: connect, re-scope and rotate what reads your code.

\b
Examples:
  reconciler init ox-bitbucket-cloud connections
  reconciler validate connections
  reconciler plan connections --out plan.json
  reconciler apply plan.json connections

\b
Exit codes: 0 done, 1 failed, 64 wrong usage, 130 interrupted;
with --detailed-exitcode also 2 changes pending, 3 waiting or withheld.
"""


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    help=HELP,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.option(
    "--registry",
    metavar="URL",
    default="",
    envvar="RECONCILER_REGISTRY",
    help="Where records are kept, instead of what reconciler.yaml says.",
)
@click.option(
    "--env",
    metavar="NAME",
    default="",
    envvar="RECONCILER_ENV",
    help="Environment of reconciler.yaml whose variables apply.",
)
@click.option("--no-color", is_flag=True, help="No colours; so does the variable NO_COLOR.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
@click.version_option(__version__, prog_name="reconciler", message="%(prog)s %(version)s")
@click.pass_context
def cli(ctx: click.Context, registry: str, env: str, *, no_color: bool, quiet: bool) -> None:
    """Remember the options that every command shares."""
    plain = no_color or bool(os.environ.get("NO_COLOR")) or not sys.stdout.isatty()
    ctx.obj = Globals(registry=registry, env=env, color=not plain, quiet=quiet)


def run() -> None:
    """The console script. A pipeline that is cancelled gives its leases back like Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    cli.main(prog_name="reconciler")
