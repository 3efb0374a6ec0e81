"""Errors as sentences: cause and mend on stderr, a code for the caller, no traceback."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator

import click

from reconciler.cli.exit_codes import Exit
from reconciler.errors import ConfigError, PlanRefusedError, ReconcilerError, RemoteError

DEBUG = "RECONCILER_DEBUG"
"""Set to 1, this environment variable adds the traceback of a bug."""


@contextlib.contextmanager
def friendly_errors() -> Iterator[None]:
    """Turn every exception into words and SystemExit.

    Usage errors end with 64, our own errors with their ``exit_code``, an interrupt with 130.
    Anything else is a bug of ours and says so.
    """
    try:
        yield
    except click.ClickException as error:
        _usage(error)
        raise SystemExit(Exit.USAGE) from None
    except ReconcilerError as error:
        _ours(error)
        raise SystemExit(error.exit_code) from None
    except (click.Abort, KeyboardInterrupt):
        _tell("interrupted")
        raise SystemExit(Exit.INTERRUPTED) from None
    except BrokenPipeError:
        raise SystemExit(Exit.FAILED) from None
    except Exception as error:  # noqa: BLE001  the last line of defence against tracebacks
        _bug(error)
        raise SystemExit(Exit.FAILED) from None


def _tell(text: str) -> None:
    from reconciler.cli.output import tell

    tell(text)


def _usage(error: click.ClickException) -> None:
    from reconciler.report.escape import visible

    context = getattr(error, "ctx", None)
    message = error.format_message()
    if context is not None and message == context.get_help():
        _tell(message)  # a command that was given nothing at all
        return
    if context is not None:
        _tell(context.get_usage())
    _tell("error: " + "\n".join(visible(line) for line in message.splitlines()))
    if context is not None:
        _tell(f"  hint: `{context.command_path} --help` shows what is possible")


def _ours(error: ReconcilerError) -> None:
    from reconciler.report.escape import visible

    if isinstance(error, ConfigError):
        _problems(error)
    place = f"{error.where}: " if error.where and not isinstance(error, ConfigError) else ""
    lines = [f"error: {visible(place + error.cause)}"]
    if isinstance(error, PlanRefusedError):
        lines += [f"  {visible(line)}" for line in error.moved]
    if isinstance(error, RemoteError) and error.required:
        lines.append(f"  wanted: {visible(', '.join(error.required))}")
    if error.hint:
        lines.append(f"  hint: {visible(error.hint)}")
    _tell("\n".join(lines))


def _problems(error: ConfigError) -> None:
    from reconciler.report.paint import PLAIN
    from reconciler.report.to_terminal import problem_lines
    from reconciler.report.validation_json import validation_document

    text = problem_lines(validation_document(error.problems), paint=PLAIN)
    _tell(text.rstrip("\n"))


def _bug(error: Exception) -> None:
    from reconciler.report.escape import visible

    name = type(error).__name__
    _tell(f"error: this is a bug in reconciler: {name}: {visible(str(error))}")
    if os.environ.get(DEBUG) == "1":
        import traceback

        _tell("".join(traceback.format_exception(error)).rstrip("\n"))
    else:
        _tell(f"  hint: please report it; {DEBUG}=1 adds the traceback")
