"""Every error a user may meet, and the place it points at. Imports nothing of ours.

::

    ReconcilerError                 exit 1
    ├── UsageError                  exit 64   the command line
    ├── ConfigError                           one or many Problems in the YAML
    ├── SecretError                           a reference that cannot be read or written
    ├── RemoteError                           a provider or consumer said no; `fault` tells which no
    ├── RegistryError
    │   ├── LeaseHeldError                    somebody else is applying
    │   ├── LeaseLostError                    our lease expired or was taken: stop at once
    │   └── StaleSerialError                  the record moved since it was read
    └── PlanRefusedError                      the plan no longer holds, or breaks a limit
        └── PlanMovedError                    somebody else applied since it was made

Anything else that reaches the top is our bug.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import ClassVar

TEXT_LIMIT = 256
"""Characters of foreign text (error bodies, names) that an error may carry."""


@dataclass(frozen=True, slots=True, order=True)
class SourceMark:
    """A place in a YAML file. Lines and columns count from 1."""

    file: str
    line: int = 1
    column: int = 1

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    """How bad a problem or finding is."""

    ERROR = "error"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with the configuration: where, why, and the way out.

    ``code`` is stable, kebab-case and made for machines, such as ``unknown-reference``.
    """

    code: str
    cause: str
    hint: str
    where: SourceMark | None = None
    severity: Severity = Severity.ERROR


class ReconcilerError(Exception):
    """Root of every error a user may meet."""

    exit_code: ClassVar[int] = 1

    def __init__(self, cause: str, *, hint: str, where: SourceMark | None = None) -> None:
        """Keep the parts apart; rendering belongs to the report."""
        super().__init__(cause)
        self.cause = cause
        self.hint = hint
        self.where = where


class UsageError(ReconcilerError):
    """The command line cannot be carried out as written."""

    exit_code: ClassVar[int] = 64


class ConfigError(ReconcilerError):
    """The configuration is wrong; every problem of the run is in ``problems``."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        """Collect problems; ``cause`` counts them."""
        errors = [p for p in problems if p.severity is Severity.ERROR]
        noun = "problem" if len(errors) == 1 else "problems"
        super().__init__(
            f"{len(errors)} {noun} in the configuration",
            hint="mend the places named above and run `reconciler validate` again",
            where=errors[0].where if errors else None,
        )
        self.problems = problems


class SecretError(ReconcilerError):
    """A secret reference cannot be read or written. Never carries the value."""


class Fault(StrEnum):
    """Which kind of "no" a remote party gave."""

    CREDENTIAL = "credential"  # wrong, dead, expired
    PERMISSION = "permission"  # who we are may not do this
    SCOPE = "scope"  # the credential lacks a scope
    ALLOWLIST = "allowlist"  # this address or sign-in is not let in
    THROTTLED = "throttled"  # 429 to the end of our patience
    BUDGET = "budget"  # we stopped ourselves before the hour's allowance
    OUTAGE = "outage"  # 5xx to the end of our patience
    UNREACHABLE = "unreachable"  # no connection, TLS, time-out
    BAD_REPLY = "bad-reply"  # not the declared shape: HTML, cut short, unknown
    GONE = "gone"  # 410: the endpoint or method was removed
    NOT_FOUND = "not-found"
    REJECTED = "rejected"  # 4xx validation: our request was refused
    FOREIGN_HOST = "foreign-host"  # a link or redirect pointed elsewhere; not followed
    AMBIGUOUS = "ambiguous"  # a write was sent and its answer was lost


class RemoteError(ReconcilerError):
    """A provider or consumer did not do what was asked.

    Args:
        party: who answered, such as ``bitbucket-cloud`` or ``ox``.
        fault: which kind of no.
        cause: our sentence; foreign text in it is cut at TEXT_LIMIT and scrubbed.
        hint: the way out.
        required: scopes that the party said it wants, in its own vocabulary.
        retry_after_s: seconds the party asked us to wait, when it said so.
    """

    def __init__(
        self,
        party: str,
        fault: Fault,
        cause: str,
        *,
        hint: str,
        required: tuple[str, ...] = (),
        retry_after_s: float | None = None,
    ) -> None:
        """Keep the classification beside the words."""
        super().__init__(cause, hint=hint)
        self.party = party
        self.fault = fault
        self.required = required
        self.retry_after_s = retry_after_s


class RegistryError(ReconcilerError):
    """The registry cannot be opened, read, written or trusted."""


class LeaseHeldError(RegistryError):
    """Somebody else holds the lease."""


class LeaseLostError(RegistryError):
    """Our lease is no longer ours; nothing more may be written."""


class StaleSerialError(RegistryError):
    """The record was changed by somebody else since it was read."""


class PlanRefusedError(ReconcilerError):
    """The plan no longer holds or breaks a limit. ``moved`` says what, line by line."""

    def __init__(self, cause: str, *, hint: str, moved: tuple[str, ...] = ()) -> None:
        """Keep what moved apart from the cause."""
        super().__init__(cause, hint=hint)
        self.moved = moved


class PlanMovedError(PlanRefusedError):
    """Somebody else applied between a plan and its apply; a new plan may hold."""
