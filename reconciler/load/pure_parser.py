"""PyYAML's own parser, for the rare machine whose PyYAML was built without libyaml."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from yaml.error import MarkedYAMLError
from yaml.events import ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner


class PureParser(Reader, Scanner, Parser):
    """Gives the same events as libyaml's parser, about ten times slower."""

    def __init__(self, stream: str) -> None:
        """Stand at the beginning of *stream*."""
        Reader.__init__(self, stream)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> Any:
        r"""Refuse halves of characters (``\ud800``), as libyaml does: nothing can encode them."""
        take: Callable[[], Any] = super().get_event
        event: Any = take()
        if type(event) is ScalarEvent and any("\ud800" <= c <= "\udfff" for c in event.value):
            cause = "found invalid Unicode character escape code"
            mark: Any = event.start_mark
            raise MarkedYAMLError(problem=cause, problem_mark=mark)
        return event
