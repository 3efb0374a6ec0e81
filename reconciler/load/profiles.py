"""ConsumerProfile documents → profiles. Pure; the schema has accepted the documents before."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from reconciler.errors import Problem
from reconciler.model.document import Document
from reconciler.model.method import MethodKind
from reconciler.model.profile import (
    Citation,
    LoginName,
    MethodRule,
    Profile,
    ScopeUse,
    SelectionHome,
)


def to_profile(document: Document) -> Profile | Problem:
    """Read a ConsumerProfile; a Problem where a day does not exist or a method stands twice."""
    spec = document.body["spec"]
    rules: list[MethodRule] = []
    for index, entry in enumerate(spec["methods"]):
        try:
            rule = _rule(entry)
        except ValueError:
            cause, hint = "a day that does not exist", "write YYYY-MM-DD"
            where = document.mark("spec", "methods", index, "source", "checked")
            return Problem("bad-date", cause, hint, where)
        if any((rule.provider, rule.kind) == (other.provider, other.kind) for other in rules):
            cause = f"the method {rule.kind} stands twice for {rule.provider}"
            where = document.mark("spec", "methods", index)
            return Problem("repeated-item", cause, "keep one of the two", where)
        rules.append(rule)
    return Profile(
        name=document.name,
        title=spec["title"],
        adapter=spec.get("adapter", ""),
        endpoint=spec.get("endpoint", ""),
        selection=SelectionHome(spec["selection"]),
        methods=tuple(rules),
        several_accounts=spec.get("severalAccounts", True),
        links=dict(spec.get("links", {})),
    )


def _rule(entry: Mapping[str, Any]) -> MethodRule:
    source = entry["source"]
    retired, replacement = entry.get("retired"), entry.get("replacement")
    return MethodRule(
        provider=entry["provider"],
        kind=MethodKind(entry["type"]),
        scopes=tuple(
            ScopeUse(use["name"], use["feature"], use.get("required", True))
            for use in entry.get("scopes", ())
        ),
        login=LoginName(entry["login"]),
        source=Citation(source["url"], date.fromisoformat(source["checked"])),
        levels=tuple(entry.get("levels", ())),
        max_days=entry.get("maxDays"),
        host_url=entry.get("hostUrl"),
        create_url=entry.get("createUrl"),
        help_url=entry.get("helpUrl"),
        who=entry.get("who", ""),
        retired=date.fromisoformat(retired) if retired else None,
        replacement=MethodKind(replacement) if replacement else None,
    )
