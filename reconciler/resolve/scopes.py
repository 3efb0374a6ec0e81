"""Which scopes a credential shall hold, and whether they are enough. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import SourceMark
from reconciler.model.document import Document
from reconciler.model.method import MethodKind
from reconciler.model.profile import MethodRule
from reconciler.model.scope import compare_scopes
from reconciler.model.suggest import listed, nearest
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.layers import Layers
from reconciler.resolve.references import Problems

_PROFILE = "profile"


def settle_scopes(
    kind: MethodKind,
    fields: Layers,
    provider: ProviderSpec,
    rule: MethodRule | None,
    problems: Problems,
) -> tuple[str, ...]:
    """The exact scopes wanted of the credential; empty where they cannot be chosen.

    ``profile`` gives what the rule requires, in its order. A list is taken as it is, and held
    against the provider's vocabulary and the rule.
    """
    wanted = fields.get("scopes", _PROFILE)
    if kind.is_browser_grant:
        if wanted != _PROFILE:
            cause = f"the scopes of an {kind} are set by its maker and cannot be chosen"
            problems.error("scopes-not-chosen", cause, "leave them out", fields.mark("scopes"))
        return ()
    if wanted == _PROFILE:
        return rule.required_scopes if rule is not None else ()
    places = {scope: fields.marks.at(("scopes", n)) for n, scope in enumerate(wanted)}
    known = provider.vocabulary.get(kind, frozenset())
    unknown = _check_words(places, known, provider, problems)
    if rule is not None:
        meant = {unknown.get(scope, scope): where for scope, where in places.items()}
        _check_enough(meant, fields.mark("scopes"), provider, rule, problems)
    return tuple(wanted)


def check_profile_scopes(
    document: Document, providers: Mapping[str, ProviderSpec], problems: Problems
) -> None:
    """Hold the scopes of a user's ConsumerProfile against the providers' vocabularies."""
    for index, entry in enumerate(document.body["spec"]["methods"]):
        provider = providers.get(entry["provider"])
        if provider is None:
            continue
        at = ("spec", "methods", index, "scopes")
        places = {
            use["name"]: document.mark(*at, position, "name")
            for position, use in enumerate(entry.get("scopes", ()))
        }
        known = provider.vocabulary.get(MethodKind(entry["type"]), frozenset())
        _check_words(places, known, provider, problems)


def _check_words(
    places: Mapping[str, SourceMark],
    known: frozenset[str],
    provider: ProviderSpec,
    problems: Problems,
) -> dict[str, str]:
    """Report scopes that do not exist; each with the one that was likely meant, or empty.

    An empty vocabulary is an unknown one: then nothing can be said.
    """
    unknown = {scope: nearest(scope, known) for scope in places if known and scope not in known}
    for scope, guess in unknown.items():
        cause = f'the scope "{scope}" is not offered by {provider.title}'
        hint = f'did you mean "{guess}"?' if guess else f"scopes: {listed(known)}"
        problems.error("unknown-scope", cause, hint, places[scope])
    return unknown


def _check_enough(
    places: Mapping[str, SourceMark],
    where: SourceMark,
    provider: ProviderSpec,
    rule: MethodRule,
    problems: Problems,
) -> None:
    held = [scope for scope in places if scope]
    verdict = compare_scopes(rule.required_scopes, held, provider.implies)
    features = {use.name: use.feature for use in rule.scopes}
    if verdict.missing:
        lacking = ", ".join(f"{scope} ({features[scope]})" for scope in verdict.missing)
        cause = f"scopes that the profile requires are missing: {lacking}"
        hint = f"add them, or write `scopes: profile` (source: {rule.source.url})"
        problems.error("missing-scopes", cause, hint, where)
    for scope in verdict.surplus:
        feature = features.get(scope)
        need = f"only needed for: {feature}" if feature else "not needed by the profile"
        cause = f'the scope "{scope}" is {need}'
        problems.warn("surplus-scope", cause, "leave it out unless you want it", places[scope])
