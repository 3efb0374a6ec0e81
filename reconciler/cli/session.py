"""What every command that looks at the live world does first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from reconciler.cli.context import Globals
from reconciler.cli.output import tell
from reconciler.cli.progress import Reporter, reporting
from reconciler.errors import Problem, UsageError
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredState
from reconciler.ports.bundle import Ports


@dataclass(frozen=True, slots=True)
class Session:
    """Desired state, the outside world, and the progress display between them."""

    state: DesiredState
    ports: Ports
    progress: Reporter


@contextmanager
def session(chosen: Globals, paths: Sequence[str]) -> Iterator[Session]:
    """Load the YAML, say its warnings, open the ports, and close them at the end.

    Raises:
        ConfigError: the YAML is wrong; every problem is in it.
        ReconcilerError: a port cannot be opened.
    """
    from reconciler.cli import wiring

    state, warnings = wiring.load_state(chosen, tuple(paths))
    tell_problems(warnings)
    with reporting(chosen) as progress, wiring.open_ports(state, progress) as ports:
        yield Session(state, ports, progress)


def parsed_address(name: str) -> ConnectionAddress:
    """``NAME`` or ``connection.NAME`` from the command line.

    Raises:
        UsageError: it cannot be a name.
    """
    try:
        return ConnectionAddress.parse(name)
    except ValueError as error:
        raise UsageError(str(error), hint="write the connection's metadata.name") from error


def tell_problems(problems: Sequence[Problem]) -> None:
    """Problems on stderr, nothing when there are none."""
    from reconciler.report.paint import PLAIN
    from reconciler.report.to_terminal import problem_lines
    from reconciler.report.validation_json import validation_document

    text = problem_lines(validation_document(problems), paint=PLAIN)
    if text:
        tell(text.rstrip("\n"))
