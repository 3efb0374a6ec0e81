"""One file → the documents in it that are ours. Part of load.

A file belongs to us when one of its documents says so; other YAML in the same folders (pipelines,
charts) is passed over without a word, unless somebody named it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from reconciler.errors import Problem, SourceMark
from reconciler.load.files import PROJECT_FILE, Layout, read_text
from reconciler.load.guard import looks_like_secret, shown
from reconciler.load.marks import Builder, DocumentMarks
from reconciler.load.schema import API_VERSION, kinds
from reconciler.load.variables import OPENING
from reconciler.model.suggest import nearest, suggestion

_PREFIX = "reconciler/"
_CLOSE = 0.8
_KINDS = frozenset(kinds())
_WRITE_VERSION = f"write `apiVersion: {API_VERSION}`"
UNREAD = ("", "")
"""Among the names of broken documents: a file, and so any name, could not be read."""


@dataclass(frozen=True, slots=True)
class RawDocument:
    """A document of ours before its schema was asked.

    ``alarming`` and ``has_variables`` are about its whole file, and spare most documents a search
    for secrets and for variables.
    """

    kind: str
    body: dict[str, Any]
    marks: DocumentMarks
    file: str
    alarming: bool = False
    has_variables: bool = False

    @property
    def name(self) -> str:
        """``metadata.name`` as far as there is one."""
        metadata = self.body.get("metadata")
        name = metadata.get("name") if isinstance(metadata, dict) else None
        return name if isinstance(name, str) else ""


@dataclass(frozen=True, slots=True)
class FileContent:
    """What one file gave. ``broken`` are kinds and names of documents that cannot be used."""

    documents: tuple[RawDocument, ...] = ()
    problems: tuple[Problem, ...] = ()
    broken: frozenset[tuple[str, str]] = frozenset()


_NOTHING = FileContent()


def read_documents(name: str, layout: Layout) -> FileContent:
    """Read the file *name* of the project; nothing when it is somebody else's."""
    named = name in layout.named
    wanted = named or name == PROJECT_FILE
    text = read_text(f"{layout.root}/{name}", name)
    if isinstance(text, Problem):
        return FileContent((), (text,), frozenset({UNREAD}))
    builder = Builder(text, name)
    trees = [(body, marks) for body, marks in builder.documents() if body is not None]
    claims = [_claim(body) for body, _ in trees]
    if not wanted and not any(claims) and not (builder.broken and _PREFIX in text):
        return _NOTHING
    alarming = any(map(looks_like_secret, builder.long))
    sorted_out = _Sorter(name, alarming=alarming, has_variables=OPENING in text)
    for (body, marks), claim in zip(trees, claims, strict=True):
        sorted_out.take(body, marks, claim)
    if named and not trees and not builder.broken:
        cause, hint = f"{name} holds no document", f"{_WRITE_VERSION} and a kind"
        sorted_out.problems.append(Problem("no-documents", cause, hint, SourceMark(name)))
    broken = sorted_out.broken | ({UNREAD} if builder.broken else set())
    problems = (*builder.problems, *sorted_out.problems)
    return FileContent(tuple(sorted_out.documents), problems, frozenset(broken))


def _claim(body: Any) -> str:
    """``ours``, ``typo`` (meant to be ours), ``unversioned``, or empty for somebody else's."""
    if type(body) is not dict:
        return ""
    version = body.get("apiVersion")
    if type(version) is str:
        if version == API_VERSION:
            return "ours"
        close = version.startswith(_PREFIX) or nearest(version, [API_VERSION], cutoff=_CLOSE)
        return "typo" if close else ""
    known = "apiVersion" not in body and body.get("kind") in _words(body)
    return "unversioned" if known and ("spec" in body or "metadata" in body) else ""


def _words(body: dict[str, Any]) -> frozenset[str]:
    return _KINDS if type(body.get("kind")) is str else frozenset()


class _Sorter:
    """Sorts the documents of one file into usable ones and problems."""

    def __init__(self, name: str, *, alarming: bool, has_variables: bool) -> None:
        self.documents: list[RawDocument] = []
        self.problems: list[Problem] = []
        self.broken: set[tuple[str, str]] = set()
        self._name = name
        self._alarming = alarming
        self._has_variables = has_variables

    def take(self, body: Any, marks: DocumentMarks, claim: str) -> None:
        """Keep a document, or say why it cannot be kept."""
        if type(body) is not dict:
            cause, hint = "this is no document: a mapping is expected", _WRITE_VERSION
            self.problems.append(Problem("not-a-document", cause, hint, marks.at(())))
            return
        kind = body.get("kind")
        document = RawDocument(
            kind=kind if type(kind) is str else "",
            body=body,
            marks=marks,
            file=self._name,
            alarming=self._alarming,
            has_variables=self._has_variables,
        )
        if claim == "ours":
            self._take_ours(document)
            return
        code, cause = _version_fault(body, claim)
        where = marks.at(("apiVersion",))
        self.problems.append(Problem(code, cause, _WRITE_VERSION, where))
        self._drop(document)

    def _take_ours(self, document: RawDocument) -> None:
        if document.kind in _KINDS:
            self.documents.append(document)
            return
        where = document.marks.at(("kind",))
        if "kind" not in document.body:
            cause, hint = "the document has no kind", f"add `kind: {' | '.join(kinds())}`"
            self.problems.append(Problem("missing-kind", cause, hint, where))
        else:
            cause = f'there is no kind "{shown(document.kind)}"'
            hint = suggestion(shown(document.kind), kinds(), what="kinds")
            self.problems.append(Problem("unknown-kind", cause, hint, where))
        self._drop(document)

    def _drop(self, document: RawDocument) -> None:
        """Remember the name under every kind that the document may have been meant to be."""
        likely = (document.kind,) if document.kind in _KINDS else kinds()
        self.broken |= {(kind, document.name) for kind in likely}


def _version_fault(body: dict[str, Any], claim: str) -> tuple[str, str]:
    if claim == "unversioned":
        return "missing-api-version", f"a {body['kind']} without apiVersion"
    if claim == "typo":
        return "unknown-api-version", f'the apiVersion "{shown(body["apiVersion"])}" is not known'
    return "foreign-document", "this document is not one of ours"
