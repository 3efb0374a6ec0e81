"""Names → documents; unknown, duplicate and former names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.errors import Problem, Severity, SourceMark
from reconciler.model.document import Document
from reconciler.model.suggest import suggestion

_UNREAD = ("", "")
_TITLES = {
    "Account": "account",
    "Consumer": "consumer",
    "Method": "method",
    "RepositorySelection": "repository selection",
    "Connection": "connection",
    "ConsumerProfile": "profile",
}


class Problems:
    """Collects problems; each is reported once."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def error(self, code: str, cause: str, hint: str, where: SourceMark) -> None:
        """Something that must be mended before anything is planned."""
        self._found[Problem(code, cause, hint, where)] = None

    def warn(self, code: str, cause: str, hint: str, where: SourceMark) -> None:
        """Something that a person should look at."""
        self._found[Problem(code, cause, hint, where, Severity.WARNING)] = None

    def sorted(self) -> tuple[Problem, ...]:
        """By file and line."""
        nowhere = SourceMark("", 0, 0)
        return tuple(sorted(self._found, key=lambda p: (p.where or nowhere, p.code)))

    @property
    def has_errors(self) -> bool:
        """Whether anything forbids to go on."""
        return any(p.severity is Severity.ERROR for p in self._found)


class Index:
    """The documents by kind and name."""

    def __init__(
        self,
        documents: Iterable[Document],
        broken: frozenset[tuple[str, str]],
        problems: Problems,
    ) -> None:
        """Sort *documents*; of two with one name the first counts and both are named."""
        self._broken = broken
        self._problems = problems
        self._documents: dict[str, dict[str, Document]] = {kind: {} for kind in _TITLES}
        self._former: dict[tuple[str, str], str] = {}
        for document in documents:
            self._add(document)

    def _add(self, document: Document) -> None:
        named = self._documents.setdefault(document.kind, {})
        first = named.setdefault(document.name, document)
        if first is not document:
            title = _TITLES.get(document.kind, document.kind)
            cause = f'the {title} "{document.name}" is declared twice, first at {_name_mark(first)}'
            self._problems.error("duplicate-name", cause, "rename one", _name_mark(document))
        for former in document.body.get("metadata", {}).get("previously", ()):
            self._former.setdefault((document.kind, former), document.name)

    def of(self, kind: str) -> Mapping[str, Document]:
        """Every document of *kind*."""
        return self._documents[kind]

    def find(
        self, kind: str, name: str, where: SourceMark, also: Iterable[str] = ()
    ) -> Document | None:
        """The document of *kind* called *name*; None after saying why there is none.

        Args:
            kind: of the document.
            name: as written in the reference.
            where: the place of the reference.
            also: further names that would have been right, for the hint.
        """
        found = self._documents[kind].get(name)
        if found is None:
            self.unknown(kind, name, where, also)
        return found

    def unknown(self, kind: str, name: str, where: SourceMark, also: Iterable[str] = ()) -> None:
        """Report an unknown name, unless its document exists and is merely broken."""
        if (kind, name) in self._broken or _UNREAD in self._broken:
            return
        title = _TITLES[kind]
        cause = f'there is no {title} "{name}"'
        if new := self._former.get((kind, name)):
            self._problems.error("unknown-reference", cause, f'renamed to "{new}"', where)
            return
        choices = [*self._documents[kind], *also]
        hint = suggestion(name, choices, what=f"{title}s")
        self._problems.error("unknown-reference", cause, hint, where)


def _name_mark(document: Document) -> SourceMark:
    return document.mark("metadata", "name")
