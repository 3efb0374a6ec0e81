"""`reconciler sandbox`: serve the emulators on loopback until told to stop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconciler.errors import UsageError

if TYPE_CHECKING:
    from reconciler.sandbox.settings import Generate

_NUMBERS = ("repositories", "projects")


@click.command(
    name="sandbox",
    context_settings={"help_option_names": ["-h", "--help"]},
    short_help="Serve Bitbucket Cloud and OX emulators on this machine.",
    epilog="""\b
Examples:
  reconciler sandbox
  reconciler sandbox --ready-file sandbox.env     then: set -a; . ./sandbox.env
  reconciler sandbox --generate repositories=10000,projects=50 --latency-ms 50
  curl "$SANDBOX_CONTROL_URL/_sandbox"          what a person could do there
""",
)
@click.option(
    "--ready-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write NAME=value lines here (mode 0600) once every port accepts.",
)
@click.option(
    "--port-base",
    type=click.IntRange(1, 65533),
    help="First of consecutive ports; free ones by default.",
)
@click.option(
    "--generate",
    "wishes",
    multiple=True,
    metavar="K=V[,K=V]",
    help="Fill a workspace: repositories=N[,projects=N][,workspace=SLUG]. May be repeated.",
)
@click.option("--latency-ms", type=click.FloatRange(0, 60_000), default=0, show_default=True)
@click.option(
    "--rate-limit",
    type=click.IntRange(0),
    default=1000,
    show_default=True,
    help="Requests an hour and identity to /repositories/*; 0 for no limit.",
)
@click.option(
    "--seed", type=int, default=7, show_default=True, help="Everything but secrets follows from it."
)
@click.option(
    "--log", type=click.Choice(["requests"]), help="Print one line per request to stderr."
)
def command(
    ready_file: Path | None,
    port_base: int | None,
    wishes: tuple[str, ...],
    latency_ms: float,
    rate_limit: int,
    seed: int,
    log: str | None,
) -> None:
    """Serve emulators of Bitbucket Cloud and OX on this machine, until Ctrl-C.

    Nothing leaves the machine: two workspaces, a tenant, working credentials, and a control API
    that plays the people. Point reconciler at it with the NAME=value lines it prints, and rehearse.
    """
    generate = tuple(_wish(text) for text in wishes)
    try:
        from reconciler.sandbox.server import serve
        from reconciler.sandbox.settings import Settings
    except ModuleNotFoundError as error:
        raise UsageError(
            f"the sandbox needs the package {error.name}, which is not installed",
            hint="pip install 'scm-reconciler[sandbox]'",
        ) from error
    settings = Settings(
        seed=seed,
        generate=generate,
        latency_ms=latency_ms,
        rate_limit=rate_limit,
        port_base=port_base,
        log_requests=log == "requests",
    )
    serve(settings, ready_file, _announce)


def _announce(lines: Mapping[str, str]) -> None:
    for name, value in lines.items():
        click.echo(f"{name}={value}")
    click.echo("The sandbox is ready; Ctrl-C ends it.", err=True)


def _wish(text: str) -> Generate:
    from reconciler.sandbox.settings import Generate

    pairs = dict(part.partition("=")[::2] for part in text.split(","))
    unknown = set(pairs) - {*_NUMBERS, "workspace"}
    bad = [name for name in _NUMBERS if name in pairs and not pairs[name].isdecimal()]
    if unknown or bad or "repositories" not in pairs:
        raise UsageError(
            f"--generate {text} cannot be read",
            hint="write repositories=10000,projects=50,workspace=acme; repositories is needed",
        )
    return Generate(
        repositories=int(pairs["repositories"]),
        projects=int(pairs.get("projects", "1")),
        workspace=pairs.get("workspace", "acme"),
    )
