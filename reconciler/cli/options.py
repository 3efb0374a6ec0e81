"""Arguments and options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])

TEXT, JSON, MARKDOWN = "text", "json", "markdown"


def examples(*lines: str) -> str:
    """The epilog that every command's help ends with; click keeps its lines as they are."""
    return "\n".join(("\b", "Examples:", *(f"  {line}" for line in lines)))


def paths_argument(command: F) -> F:
    """``[PATH]…``: files and folders of YAML; none means the current folder."""
    return click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path())(command)


def format_option(*formats: str) -> Callable[[F], F]:
    """``--format``, text unless asked."""
    return click.option(
        "--format",
        "shape",
        type=click.Choice(formats),
        default=TEXT,
        show_default=True,
        help="Form of what goes to stdout.",
    )


def detailed_option(meaning: str) -> Callable[[F], F]:
    """``--detailed-exitcode`` with what its codes mean here."""
    return click.option("--detailed-exitcode", "detailed", is_flag=True, help=meaning)


def lock_timeout_option(command: F) -> F:
    """``--lock-timeout``, seconds."""
    return click.option(
        "--lock-timeout",
        metavar="S",
        type=click.FloatRange(min=0),
        default=0,
        help="Seconds to wait for somebody else's apply to end; 0 does not wait.",
    )(command)


def auto_approve_option(command: F) -> F:
    """``--auto-approve``: consent without a question."""
    return click.option("--auto-approve", is_flag=True, help="Do not ask; for pipelines.")(command)
