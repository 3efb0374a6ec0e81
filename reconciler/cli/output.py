"""The two ways out of the process: data to stdout, the rest to stderr; both scrubbed.

A reader that goes away (``| head``) is no fault: the command still runs to its end, so that an
apply is never cut short by a closed pipe.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import click

from reconciler.cli.context import Globals
from reconciler.errors import UsageError
from reconciler.model.secret import KNOWN
from reconciler.report.paint import ANSI, PLAIN, Paint


def paint_of(chosen: Globals) -> Paint:
    """Colours for stdout."""
    return ANSI if chosen.color else PLAIN


def emit(text: str) -> None:
    """Write data to stdout. *text* ends with its own newline."""
    _write(text, to_stderr=False)


def tell(text: str) -> None:
    """Write a line for the person at the terminal to stderr."""
    _write(f"{text}\n", to_stderr=True)


def _write(text: str, *, to_stderr: bool) -> None:
    try:
        click.echo(KNOWN.scrub(text), nl=False, err=to_stderr, color=True)
    except BrokenPipeError:
        stream = sys.stderr if to_stderr else sys.stdout
        with contextlib.suppress(OSError, ValueError), Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), stream.fileno())


def as_json(doc: Mapping[str, Any]) -> str:
    """A document as indented ASCII JSON: no character of it can act on a terminal."""
    import json

    return json.dumps(doc, indent=2) + "\n"


def emit_json(doc: Mapping[str, Any]) -> None:
    """Write a document to stdout."""
    emit(as_json(doc))


def save(path: Path, text: str) -> None:
    """Replace *path* by *text*, all of it or nothing, readable by its owner alone.

    Raises:
        UsageError: the place cannot be written.
    """
    try:
        with NamedTemporaryFile(
            "w", dir=path.parent, prefix=f".{path.name}.", delete=False, encoding="utf-8"
        ) as file:
            file.write(KNOWN.scrub(text))
        Path(file.name).replace(path)
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", hint="name a file in a folder you can write"
        ) from error
