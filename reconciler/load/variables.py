"""``${NAME}`` in text. Pure. Environment variables of the process are never read."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from reconciler.errors import Problem
from reconciler.load.guard import shown
from reconciler.load.marks import DocumentMarks
from reconciler.model.document import Path
from reconciler.model.suggest import suggestion

OPENING = "${"
_USE = re.compile(r"\$(\$?)\{([^{}]*)(\}?)")


@dataclass(slots=True)
class Substitution:
    """Replaces variables in one document; ``failed`` holds the paths that could not be."""

    variables: Mapping[str, str]
    marks: DocumentMarks
    problems: list[Problem]
    failed: set[Path] = field(default_factory=set)

    def of(self, value: Any, path: Path = ()) -> Any:
        """*value* with every variable replaced; the same object where there is none."""
        if type(value) is str:
            return self._text(value, path) if OPENING in value else value
        if type(value) is dict:
            return {key: self.of(child, (*path, key)) for key, child in value.items()}
        if type(value) is list:
            return [self.of(child, (*path, index)) for index, child in enumerate(value)]
        return value

    def _text(self, text: str, path: Path) -> str:
        def replace(use: re.Match[str]) -> str:
            escaped, name, closed = use.groups()
            if escaped:
                return use.group()[1:]
            if closed and name in self.variables:
                return self.variables[name]
            self._fail(name, path, closed=bool(closed))
            return use.group()

        return _USE.sub(replace, text)

    def _fail(self, name: str, path: Path, *, closed: bool) -> None:
        self.failed.add(path)
        where = self.marks.at(path)
        if closed:
            cause = f"the variable ${{{shown(name)}}} is not defined"
            hint = suggestion(name, self.variables, what="defined in reconciler.yaml")
            self.problems.append(Problem("unknown-variable", cause, hint, where))
        else:
            hint = "close it, ${NAME}, or write $${ for the two characters themselves"
            self.problems.append(Problem("unclosed-variable", "${ is never closed", hint, where))
