r"""Foreign text made harmless: names of repositories, answers of servers, words of users.

A name may hold an ANSI escape that repaints the terminal, a right-to-left override that reads
as another name, or Markdown that becomes a link in a comment. ``visible`` shows such characters
as ``\x1b``; ``markdown`` keeps every character as text. Pure.
"""

from __future__ import annotations

import re
from typing import Any

_MARKDOWN = re.compile(
    r"[\\`*_\[\]<>|~#&$@]"  # markup, HTML, tables, mentions
    r"|(?<=http):|(?<=https):|(?<=ftp):|(?<=www)\.",  # addresses that become links by themselves
    re.IGNORECASE,
)
_BLOCK_START = re.compile(r"^([-+=]|\d+[.)])")
_BACKTICKS = re.compile(r"`+")
_SAFE_URL = re.compile(r"^https?://[A-Za-z0-9._~:/?#@!$&'*+,;=%-]+$")


def visible(text: str) -> str:
    r"""*text* on one line, with every control, format and surrogate character spelt out."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _spelt(c) for c in text)


def _spelt(char: str) -> str:
    short = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(char)
    if short:
        return short
    code = ord(char)
    if code <= 0xFF:  # noqa: PLR2004  the notations of Python and of every reader of it
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"  # noqa: PLR2004  likewise


def visible_everywhere(value: Any) -> Any:
    """A JSON value with ``visible`` applied to every string in it, keys included."""
    if isinstance(value, str):
        return visible(value)
    if isinstance(value, dict):
        return {visible(str(key)): visible_everywhere(item) for key, item in value.items()}
    if isinstance(value, list):
        return [visible_everywhere(item) for item in value]
    return value


def quoted(text: str) -> str:
    """*text* between double quotes, which it cannot leave."""
    inner = visible(text).replace('"', '\\"')
    return f'"{inner}"'


def markdown(text: str) -> str:
    """*text* as text in a paragraph, list item or table cell of Markdown.

    HTML, emphasis, links, autolinks, mentions and table bars lose their meaning. Spaces around
    it go: four of them would open a code block.
    """
    escaped = _MARKDOWN.sub(lambda found: _entity(found.group()), visible(text).strip())
    return _BLOCK_START.sub(_as_text, escaped)


def _entity(char: str) -> str:
    """Numeric entities mean themselves everywhere; a backslash does not before a letter."""
    return f"&#{ord(char)};"


def _as_text(found: re.Match[str]) -> str:
    opener = found.group()
    return f"{opener[:-1]}{_entity(opener[-1])}"


def code(text: str) -> str:
    """*text* as a code span, which it cannot leave. A bar would end a table cell: spelt out."""
    shown = visible(text).replace("|", "\\x7c")
    longest = max((len(run) for run in _BACKTICKS.findall(shown)), default=0)
    fence = "`" * (longest + 1)
    pad = " " if longest or not shown.strip() else ""
    return f"{fence}{pad}{shown}{pad}{fence}"


def link(url: str) -> str:
    """*url* as an autolink when it is a plain http(s) address, else as text."""
    return f"<{url}>" if _SAFE_URL.match(url) else markdown(url)
