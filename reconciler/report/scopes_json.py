"""What a consumer needs, from its profile → document and text. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reconciler.model.profile import MethodRule, Profile
from reconciler.report.escape import visible_everywhere
from reconciler.report.outline import FORMAT_VERSION, Document
from reconciler.report.paint import Paint
from reconciler.report.words import count


def scopes_document(profile: Profile, rules: Iterable[MethodRule]) -> Document:
    """Every method of *rules* with its scopes and the place where they are ticked."""
    return {
        "format_version": FORMAT_VERSION,
        "profile": profile.name,
        "title": profile.title,
        "methods": [_rule(rule) for rule in rules],
    }


def _rule(rule: MethodRule) -> Document:
    return {
        "provider": rule.provider,
        "method": rule.kind.value,
        "login": rule.login.value,
        "levels": list(rule.levels),
        "scopes": [
            {"name": use.name, "feature": use.feature, "required": use.required}
            for use in rule.scopes
        ],
        "max_days": rule.max_days,
        "host_url": rule.host_url,
        "create_url": rule.create_url,
        "help_url": rule.help_url,
        "who": rule.who,
        "retired": None if rule.retired is None else rule.retired.isoformat(),
        "replacement": None if rule.replacement is None else rule.replacement.value,
        "source": {"url": rule.source.url, "checked": rule.source.checked.isoformat()},
    }


def render_scopes(doc: Mapping[str, Any], *, paint: Paint) -> str:
    """What to tick, method by method; ends with a newline."""
    shown = visible_everywhere(doc)
    blocks = ("\n".join(_method(shown["title"], rule, paint)) for rule in shown["methods"])
    return "\n\n".join(blocks) + "\n"


def _method(title: str, rule: Mapping[str, Any], paint: Paint) -> Iterator[str]:
    yield paint.bold(f"{title} on {rule['provider']} by {rule['method']}")
    if rule["retired"]:
        instead = f"; use {rule['replacement']}" if rule["replacement"] else ""
        yield f"  {paint.red('retired')} since {rule['retired']}{instead}"
    days = rule["max_days"]
    levels = ", ".join(rule["levels"])
    facts = (
        ("create at", rule["create_url"]),
        ("who", rule["who"]),
        ("level", levels),
        ("user name", "" if rule["login"] == "none" else rule["login"]),
        ("host", rule["host_url"]),
        ("at most", count(days, "day") if days else ""),
        ("help", rule["help_url"]),
    )
    yield from (f"  {label + ':':<11} {value}" for label, value in facts if value)
    if rule["scopes"]:
        yield f"  tick {count(len(rule['scopes']), 'scope')}:"
    width = max((len(use["name"]) for use in rule["scopes"]), default=0)
    for use in rule["scopes"]:
        optional = "" if use["required"] else " (optional)"
        yield f"    [ ] {use['name']:<{width}}  {use['feature']}{optional}".rstrip()
    yield paint.dim(f"  by {rule['source']['url']}, checked {rule['source']['checked']}")
