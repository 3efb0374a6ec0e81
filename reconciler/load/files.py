"""Finds the project and reads its files, within bounds. The only part of load with I/O."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reconciler.errors import Problem, SourceMark, UsageError
from reconciler.model.suggest import did_you_mean

PROJECT_FILE = "reconciler.yaml"
MAX_BYTES = 1024 * 1024

_SUFFIXES = (".yaml", ".yml")
_SKIPPED = frozenset({"node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the project is and which files belong to it.

    ``files`` are sorted; ``named`` are those that a PATH named itself. These and ``paths``, the
    given PATHs, are relative to the root and as they stand in messages and records.
    """

    root: Path
    files: tuple[str, ...]
    named: frozenset[str]
    paths: tuple[str, ...]
    covers_all: bool
    problems: tuple[Problem, ...] = field(default=())


def find_layout(paths: Sequence[str]) -> Layout:
    """Find the root above the first PATH, and every YAML file below it.

    The root is the nearest folder that holds ``reconciler.yaml``. Without one it is the common
    folder of the PATHs, and only what they name is read: nothing says that the rest is ours.

    Raises:
        UsageError: a PATH does not exist or lies outside the project.
    """
    targets = tuple(_existing(path) for path in paths or (".",))
    marked = _marked_root(targets[0])
    root = marked or _common_folder(targets)
    for target in targets:
        _check_inside(target, root, marked)
    problems: list[Problem] = []
    starts = dict.fromkeys((root, *targets) if marked else targets)
    found = {file for start in starts for file in _yaml_files(start, root, problems)}
    prefix = len(str(root).rstrip("/")) + 1
    relative = {target: target.relative_to(root).as_posix() for target in targets}
    return Layout(
        root=root,
        files=tuple(sorted(file[prefix:] for file in found)),
        named=frozenset(name for target, name in relative.items() if not target.is_dir()),
        paths=tuple(dict.fromkeys(relative.values())),
        covers_all=root in targets,
        problems=tuple(problems),
    )


def read_text(file: str, name: str) -> str | Problem:
    """The text of *file*, called *name* in messages; or why it cannot be had."""
    try:
        # Plain descriptors: for a thousand small files half the cost of file objects. Without
        # O_NONBLOCK a named pipe would keep us waiting for its writer.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            status = os.fstat(descriptor)
            if fault := _odd_file(status, name):
                return fault
            content = os.read(descriptor, status.st_size + 1)
        finally:
            os.close(descriptor)
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        where = SourceMark(name)
        return Problem("not-utf-8", f"{name} is not UTF-8 text", "save it as UTF-8", where)
    except OSError as error:
        cause = f"{name} cannot be read: {error.strerror}"
        hint = "check that it exists and may be read"
        return Problem("unreadable-file", cause, hint, SourceMark(name))


def _odd_file(status: os.stat_result, name: str) -> Problem | None:
    where = SourceMark(name)
    if not stat.S_ISREG(status.st_mode):
        return Problem("not-a-file", f"{name} is not a regular file", "name a YAML file", where)
    if status.st_size > MAX_BYTES:
        cause = f"{name} holds {status.st_size:,} bytes, more than {MAX_BYTES:,}"
        return Problem("file-too-large", cause, "split it into several files", where)
    return None


def _existing(path: str) -> Path:
    target = Path(os.path.abspath(path))  # noqa: PTH100  resolve() would leave the project by a link
    if target.exists():
        return target
    siblings = [p.name for p in target.parent.iterdir()] if target.parent.is_dir() else []
    guess = did_you_mean(target.name, siblings)
    raise UsageError(f"{path} does not exist", hint=guess or "name a YAML file or a folder")


def _marked_root(target: Path) -> Path | None:
    folders = (target, *target.parents) if target.is_dir() else target.parents
    return next((folder for folder in folders if (folder / PROJECT_FILE).is_file()), None)


def _common_folder(targets: Sequence[Path]) -> Path:
    folders = [target if target.is_dir() else target.parent for target in targets]
    return Path(os.path.commonpath(folders))


def _check_inside(target: Path, root: Path, marked: Path | None) -> None:
    if not target.is_relative_to(root):
        raise UsageError(
            f"{target} lies outside the project {root}",
            hint="name paths of one project; run once for each project",
        )
    if marked is not None and (inner := _marked_root(target)) != marked:
        raise UsageError(
            f"{target} belongs to the project {inner}, not to {root}",
            hint="run once for each project",
        )


def _yaml_files(start: Path, root: Path, problems: list[Problem]) -> Iterator[str]:
    """Plain strings: a thousand Path objects cost as much as parsing a hundred files."""
    if not start.is_dir():
        yield str(start)
        return
    pending = [str(start)]
    while pending:
        folder = pending.pop()
        try:
            with os.scandir(folder) as entries:
                yield from _visit(list(entries), pending)
        except OSError as error:
            name = Path(folder).relative_to(root).as_posix()
            cause = f"the folder {name} cannot be read: {error.strerror}"
            hint = "let the run read it: what it declares would look as if it were gone"
            problem = Problem("unreadable-folder", cause, hint, SourceMark(name))
            if problem not in problems:
                problems.append(problem)


def _visit(entries: list[os.DirEntry[str]], pending: list[str]) -> Iterator[str]:
    for entry in entries:
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            inner = Path(entry.path, PROJECT_FILE)
            if entry.name not in _SKIPPED and not inner.exists():
                pending.append(entry.path)
        elif entry.name.endswith(_SUFFIXES):
            yield entry.path
