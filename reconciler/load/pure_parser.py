"""PyYAML's own parser, for the rare machine whose PyYAML was built without libyaml."""

from __future__ import annotations

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
