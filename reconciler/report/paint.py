"""Colour as a value: renderers get one and never ask whether there is a terminal. Pure."""

from __future__ import annotations

from dataclasses import dataclass

_RESET = "\x1b[0m"


@dataclass(frozen=True, slots=True)
class Paint:
    """SGR parameters for each style; empty paints nothing.

    No meaning is carried by colour alone: every coloured word reads the same without it.
    """

    bold_code: str = ""
    red_code: str = ""
    green_code: str = ""
    yellow_code: str = ""
    dim_code: str = ""

    def bold(self, text: str) -> str:
        """Headings."""
        return _paint(self.bold_code, text)

    def red(self, text: str) -> str:
        """Removals and failures."""
        return _paint(self.red_code, text)

    def green(self, text: str) -> str:
        """Additions and successes."""
        return _paint(self.green_code, text)

    def yellow(self, text: str) -> str:
        """Changes and warnings."""
        return _paint(self.yellow_code, text)

    def dim(self, text: str) -> str:
        """What may be skipped."""
        return _paint(self.dim_code, text)


def _paint(style: str, text: str) -> str:
    return f"\x1b[{style}m{text}{_RESET}" if style and text else text


PLAIN = Paint()
ANSI = Paint(bold_code="1", red_code="31", green_code="32", yellow_code="33", dim_code="2")
