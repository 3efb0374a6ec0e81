"""A YAML document as loaded: plain values, and the place of every node."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from reconciler.errors import Problem, SourceMark
from reconciler.model.desired import ProjectSettings
from reconciler.model.profile import Profile

Path = tuple[str | int, ...]
"""Keys and indices from the document's root, such as ``("spec", "include", 0, "name")``."""


class Marks(Protocol):
    """Finds places. Implemented by load/marks.py over the parsed tree."""

    def at(self, path: Path) -> SourceMark:
        """The place of the node at *path*, or of its nearest existing ancestor."""
        ...

    def under(self, path: Path) -> Marks:
        """The marks of the node at *path*, which exists; paths are then relative to it."""
        ...


@dataclass(frozen=True, slots=True)
class Document:
    """One document of a known kind whose shape the schema accepted.

    ``body`` is the whole tree (``apiVersion``, ``kind``, ``metadata``, ``spec``) with variables
    substituted.
    """

    kind: str
    name: str
    body: Mapping[str, Any]
    marks: Marks
    file: str

    def mark(self, *path: str | int) -> SourceMark:
        """The place of the node at *path*."""
        return self.marks.at(path)


@dataclass(frozen=True, slots=True)
class Loaded:
    """What `load` hands to `resolve`.

    Documents that failed their schema are not among ``documents``; their problems are among
    ``problems``, so that one report can show them beside those of the rest. ``profiles`` are the
    shipped profiles and the user's own. ``digest`` binds the parsed documents, not their layout.
    ``broken`` are kind and name of documents that exist and cannot be used, so that a reference
    to one is not called unknown; ``("", "")`` among them says that a whole file was unreadable.
    """

    documents: tuple[Document, ...]
    settings: ProjectSettings
    profiles: Mapping[str, Profile]
    problems: tuple[Problem, ...]
    paths: tuple[str, ...]
    covers_all: bool
    digest: str
    broken: frozenset[tuple[str, str]] = frozenset()
