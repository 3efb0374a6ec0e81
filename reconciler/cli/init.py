"""``reconciler init``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path, PurePosixPath

import click

from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import examples
from reconciler.cli.output import emit
from reconciler.errors import UsageError

SETUPS = ("ox-bitbucket-cloud", "two-accounts", "ox-azure-devops", "sourcegraph-data-center")
"""Examples that make a good start."""

_MODELINE = b"$schema=../../schemas/v1/"
_SCHEMA = PurePosixPath("schemas/reconciler.schema.json")
"""Where a new project keeps the schema that its modelines name."""


@click.command(
    "init",
    epilog=examples(
        "reconciler init ox-bitbucket-cloud connections",
        "reconciler init ox-bitbucket-cloud .",
    ),
)
@click.argument("setup", type=click.Choice(SETUPS))
@click.argument("target", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
def command(setup: str, target: Path) -> int:
    """Start a project for SETUP in DIR. Overwrites nothing.

    The files are complete and valid; names and addresses in them are examples to replace.
    """
    files = dict(template(setup))
    taken = [name for name in files if (target / name).exists()]
    if taken:
        raise UsageError(
            f"{target} holds {', '.join(map(str, taken))} already",
            hint="name an empty folder; nothing was written",
        )
    write(files, target)
    shown = shlex.quote(str(target))
    emit("".join(f"{target / name}\n" for name in sorted(files)))
    emit(f"\nReplace the names in them, then:\n  cd {shown}\n  reconciler validate\n")
    return Exit.DONE


def template(setup: str) -> Iterator[tuple[PurePosixPath, bytes]]:
    """The files of a setup, by their path in the new project.

    They are those of the example, with modelines that point at a copy of the schema.
    """
    from reconciler.load.schema import schema_text

    for name, content in _walk(_examples() / setup, PurePosixPath()):
        yield name, content.replace(_MODELINE, b"$schema=schemas/")
    yield _SCHEMA, schema_text(None).encode()


def _examples() -> Traversable:
    """Inside the package when installed; beside it in a checkout."""
    packaged = resources.files("reconciler").joinpath("_examples")
    if packaged.is_dir():
        return packaged
    return Path(__file__).parents[2] / "examples"


def _walk(folder: Traversable, under: PurePosixPath) -> Iterator[tuple[PurePosixPath, bytes]]:
    for entry in folder.iterdir():
        if entry.name in (".reconciler", "secrets"):
            continue  # of somebody who tried the example out in a checkout
        if entry.is_dir():
            yield from _walk(entry, under / entry.name)
        else:
            yield under / entry.name, entry.read_bytes()


def write(files: dict[PurePosixPath, bytes], target: Path) -> None:
    """Create every file, and never replace one.

    Raises:
        UsageError: a file appeared meanwhile, or the folder cannot be written.
    """
    for name, content in files.items():
        path = target / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(content)
        except OSError as error:
            raise UsageError(
                f"cannot write {path}: {error.strerror}", hint="name a folder you can write"
            ) from error
