"""A spec over the project's defaults, each field with its place. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import SourceMark
from reconciler.model.document import Document, Marks, Path


@dataclass(frozen=True, slots=True)
class Layers:
    """The fields of one thing: what its document says, else what the project's defaults say.

    ``marks`` are those of ``spec``; ``defaults`` come from ``project``. ``where`` is the place of
    the whole thing: its document, or its field when it stands inline.
    """

    marks: Marks
    where: SourceMark
    spec: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    project: Document | None = None
    part: str = ""

    def get(self, name: str, otherwise: Any = None) -> Any:
        """A field; *otherwise* when neither layer has it."""
        if name in self.spec:
            return self.spec[name]
        return self.defaults.get(name, otherwise)

    def mark(self, name: str) -> SourceMark:
        """Where a field was written, in the document or in the defaults; else the whole thing."""
        if self.project is not None and name not in self.spec and name in self.defaults:
            return self.project.mark("spec", "defaults", self.part, name)
        return self.marks.at((name,))


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class FieldMarks(Mapping[str, SourceMark]):
    """The places of some fields, looked up when somebody asks: most are never asked for."""

    fields: Layers
    parts: tuple[str, ...]

    def __getitem__(self, part: str) -> SourceMark:
        if part not in self.parts:
            raise KeyError(part)
        return self.fields.mark(part)

    def __iter__(self) -> Iterator[str]:
        return iter(self.parts)

    def __len__(self) -> int:
        return len(self.parts)


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class JoinedMarks(Mapping[str, SourceMark]):
    """Several mappings as one; the first that knows a part answers."""

    sources: tuple[Mapping[str, SourceMark], ...]

    def __getitem__(self, part: str) -> SourceMark:
        for source in self.sources:
            if part in source:
                return source[part]
        raise KeyError(part)

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(part for source in self.sources for part in source))

    def __len__(self) -> int:
        return sum(1 for _ in self)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The ``defaults`` of the Project document."""

    project: Document | None = None

    def under(self, part: str, document: Document, path: Path, spec: Mapping[str, Any]) -> Layers:
        """*spec* over the defaults for *part*: ``method``, ``selection`` or ``connection``."""
        defaults: Mapping[str, Any] = {}
        if self.project is not None:
            defaults = self.project.body.get("spec", {}).get("defaults", {}).get(part, {})
        marks = document.marks.under(path)
        where = marks.at(()) if len(path) > 1 else document.mark()
        return Layers(marks, where, spec, defaults, self.project, part)
