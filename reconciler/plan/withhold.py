"""Reasons not to act. Each returns Withheld with the mend, or None. Pure."""

from __future__ import annotations

from reconciler.errors import Severity, SourceMark
from reconciler.model.action import Withheld, WithheldCode
from reconciler.model.drift import Difference
from reconciler.model.method import ActionKind
from reconciler.model.observed import Present, Unreadable
from reconciler.model.record import Record

BLOCKING_FINDINGS = frozenset({"repository-missing", "selection-empty"})


def source_of(difference: Difference) -> SourceMark | None:
    """The line that a message about this connection points at."""
    if difference.desired is not None:
        return difference.desired.where
    return difference.record.source if difference.record else None


def withheld(
    difference: Difference, kind: ActionKind, code: WithheldCode, why: str, hint: str
) -> Withheld:
    """A withheld action with the source line filled in."""
    return Withheld(
        difference.address, kind, code, why, hint, source_of(difference), difference.changes
    )


def unreadable(difference: Difference, kind: ActionKind) -> Withheld | None:
    """The consumer could not be read: nothing at all may be concluded."""
    live = difference.view.live
    if not isinstance(live, Unreadable):
        return None
    return withheld(difference, kind, WithheldCode.UNREADABLE, live.reason, live.hint)


def unlisted(difference: Difference, kind: ActionKind) -> Withheld | None:
    """The account could not be listed, so there is no selection to work out."""
    listing = difference.view.listing
    if not isinstance(listing, Unreadable):
        return None
    return withheld(difference, kind, WithheldCode.UNREADABLE, listing.reason, listing.hint)


def unread_selection(difference: Difference) -> Withheld | None:
    """The consumer's selection was not read whole: writing it back would drop what was not read."""
    live = difference.view.live
    selection = live.value.selection if isinstance(live, Present) else None
    if selection is not None and selection.complete:
        return None
    gap = selection.gap if selection else "the consumer gave no selection"
    return withheld(
        difference,
        ActionKind.RESCOPE,
        WithheldCode.INCOMPLETE_READ,
        f"the selection at the consumer could not be read whole: {gap}",
        "run again; a selection is only replaced after it was read whole",
    )


def kept_back(difference: Difference) -> Withheld | None:
    """Repositories that would leave the selection, were the listing proven complete."""
    change = difference.selection
    if change is None or not change.kept:
        return None
    names = ", ".join(label.name for label in change.kept[:5])
    more = f" and {len(change.kept) - 5} more" if len(change.kept) > 5 else ""  # noqa: PLR2004  five are enough to recognize
    return withheld(
        difference,
        ActionKind.RESCOPE,
        WithheldCode.INCOMPLETE_READ,
        f"{names}{more} would leave the selection, but the listing is not complete: "
        f"{change.kept_why}",
        "run again; nothing is removed on an incomplete listing",
    )


def blocked(difference: Difference, kind: ActionKind) -> Withheld | None:
    """A selection that cannot be meant."""
    found = next(
        (
            f
            for f in difference.findings
            if f.code in BLOCKING_FINDINGS and f.severity is Severity.ERROR
        ),
        None,
    )
    if found is None:
        return None
    return Withheld(
        difference.address,
        kind,
        WithheldCode.MISSING_REPOSITORY,
        found.message,
        found.hint,
        found.where,
        difference.changes,
    )


def not_managed(difference: Difference, kind: ActionKind) -> Withheld | None:
    """The connection does not give us this action."""
    desired = difference.desired
    needed = ActionKind.CONNECT if kind is ActionKind.RECONNECT else kind
    if desired is None or needed in desired.manage:
        return None
    return withheld(
        difference,
        kind,
        WithheldCode.NOT_MANAGED,
        f"`manage` does not list {needed.value}",
        f"add {needed.value} to `manage` at {desired.mark('manage')}",
    )


def undeclared(difference: Difference, record: Record) -> Withheld | None:
    """Whether a connection that left the YAML may be disconnected."""
    if record.protect:
        return withheld(
            difference,
            ActionKind.DISCONNECT,
            WithheldCode.PROTECTED,
            "it was recorded with `protect: true`",
            "declare it again with `protect: false`, apply, and then remove it",
        )
    if ActionKind.DISCONNECT not in record.manage:
        return withheld(
            difference,
            ActionKind.DISCONNECT,
            WithheldCode.DELETIONS_DISABLED,
            "disconnecting is opt-in, and its recorded `manage` does not list disconnect",
            "declare it again with disconnect in `manage`, apply, and then remove it",
        )
    return unreadable(difference, ActionKind.DISCONNECT)
