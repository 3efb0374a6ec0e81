"""Scripted faults: what goes wrong, on which requests, how often. Pure but for its counters."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum
from threading import Lock

from reconciler.errors import UsageError


class FaultKind(StrEnum):
    """What goes wrong. The comment says what ``value`` means."""

    RATE_LIMIT = "rate-limit"  # None, seconds, or an HTTP-date for Retry-After
    ERROR = "error"  # status, 500 by default; the request is not executed
    ERROR_AFTER_COMMIT = "error-after-commit"  # status, 502 by default; executed first
    LOST_ANSWER = "lost-answer"  # executed, then the connection closes
    DROP = "drop"  # the connection closes, nothing is executed
    HTML = "html"  # 200 with a sign-in page
    TRUNCATED = "truncated"  # the JSON is cut in half
    SLOW = "slow"  # seconds to wait before executing
    MISSING_NEXT = "missing-next"  # the page loses its `next`
    FOREIGN_NEXT = "foreign-next"  # `next` points at the trap, or at the base address given
    FOREIGN_REDIRECT = "foreign-redirect"  # 302 to the trap, or to the base address given
    UNKNOWN_FIELDS = "unknown-fields"  # every object gains fields nobody documented
    MISSING_FIELDS = "missing-fields"  # names (comma-separated) that every object loses
    OTHER_VALUES = "other-values"  # name=text (comma-separated) that every such field becomes
    ECHO = "echo"  # status, 400 by default; the error quotes the credential and the request body
    LOST_PAGE = "lost-page"  # always 500, however often it is asked
    SHRINK = "shrink"  # how many more `size` claims than the pages give; 1 by default
    TOKEN_DIES = "token-dies"  # noqa: S105  credential id or name; by default the caller's own


@dataclass(frozen=True, slots=True)
class Fault:
    """One scripted fault.

    Args:
        kind: what goes wrong.
        match: a glob on ``METHOD path?query``; only ``*`` is special.
        emulator: ``bitbucket-cloud`` or ``ox``; empty means any.
        times: how often it strikes before it is used up; None means always.
        after: how many matching requests pass unharmed first.
        value: see FaultKind.
        body: text that the request body must contain, such as the name of a GraphQL operation.
    """

    kind: FaultKind
    match: str = "*"
    emulator: str = ""
    times: int | None = 1
    after: int = 0
    value: str | float | None = None
    body: str = ""


@dataclass(slots=True)
class _Armed:
    """A fault with what is left of it."""

    fault: Fault
    pattern: re.Pattern[str]
    seen: int = 0
    struck: int = 0

    def strikes(self, line: str, body: str) -> bool:
        """Count one request; whether the fault strikes it."""
        fault = self.fault
        if not self.pattern.fullmatch(line) or fault.body not in body:
            return False
        self.seen += 1
        is_lasting = fault.times is None or fault.kind is FaultKind.LOST_PAGE
        is_used_up = not is_lasting and self.struck >= (fault.times or 0)
        if self.seen <= fault.after or is_used_up:
            return False
        self.struck += 1
        return True


@dataclass(slots=True)
class Faults:
    """The faults of one sandbox, in the order in which they were added."""

    _armed: list[_Armed] = field(default_factory=list)
    _lock: Lock = field(default_factory=Lock)

    def add(self, fault: Fault) -> None:
        """Arm a fault."""
        pattern = ".*".join(re.escape(part) for part in fault.match.split("*"))
        with self._lock:
            self._armed.append(_Armed(fault, re.compile(pattern, re.DOTALL)))

    def clear(self) -> None:
        """Disarm everything."""
        with self._lock:
            self._armed.clear()

    def armed(self) -> tuple[tuple[Fault, int], ...]:
        """Every fault with the number of times it struck."""
        with self._lock:
            return tuple((armed.fault, armed.struck) for armed in self._armed)

    def needs_body(self, emulator: str) -> bool:
        """Whether any fault of *emulator* looks at request bodies."""
        return any(a.fault.body and a.fault.emulator in ("", emulator) for a in self._armed)

    def take(self, emulator: str, line: str, body: str = "") -> tuple[Fault, ...]:
        """The faults that strike this request, counted as used."""
        if not self._armed:
            return ()
        with self._lock:
            return tuple(
                armed.fault
                for armed in self._armed
                if armed.fault.emulator in ("", emulator) and armed.strikes(line, body)
            )


def fault_from(fields: dict[str, object]) -> Fault:
    """A fault from JSON, as the control API takes it.

    Raises:
        UsageError: an unknown kind or field, or a value of the wrong type.
    """
    known = {"kind", "match", "emulator", "times", "after", "value", "body"}
    unknown = sorted(set(fields) - known)
    if unknown:
        raise UsageError(
            f"unknown field of a fault: {unknown[0]}", hint=f"fields are {', '.join(sorted(known))}"
        )
    try:
        kind = FaultKind(str(fields.get("kind")))
    except ValueError:
        raise UsageError(
            f"unknown kind of fault: {fields.get('kind')}",
            hint=f"kinds are {', '.join(FaultKind)}",
        ) from None
    times, value = fields.get("times", 1), fields.get("value")
    return Fault(
        kind=kind,
        match=str(fields.get("match", "*")),
        emulator=str(fields.get("emulator", "")),
        times=None if times is None else int(str(times)),
        after=int(str(fields.get("after", 0))),
        value=value if value is None or isinstance(value, (str, int, float)) else str(value),
        body=str(fields.get("body", "")),
    )
