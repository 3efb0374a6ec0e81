"""``reconciler scopes``."""

from __future__ import annotations

import click

from reconciler.cli.context import Globals
from reconciler.cli.exit_codes import Exit
from reconciler.cli.options import JSON, TEXT, examples, format_option
from reconciler.cli.output import emit, emit_json, paint_of
from reconciler.errors import ConfigError, UsageError
from reconciler.model.document import Loaded
from reconciler.model.profile import MethodRule, Profile
from reconciler.model.suggest import suggestion


@click.command(
    "scopes",
    epilog=examples(
        "reconciler scopes ox",
        "reconciler scopes ox --method api-token --provider bitbucket-cloud",
        "reconciler scopes ox-prod --format json",
    ),
)
@click.argument("consumer")
@click.option("--method", metavar="M", default="", help="Only this method, such as api-token.")
@click.option("--provider", metavar="P", default="", help="Only this provider.")
@format_option(TEXT, JSON)
@click.pass_obj
def command(chosen: Globals, consumer: str, method: str, provider: str, shape: str) -> int:
    """List what to tick when a credential for CONSUMER is made, and where.

    CONSUMER is a shipped profile, which needs no project, or a consumer or profile of the
    project in the current folder. Scopes stand in the order of the consumer's own guide.
    """
    from reconciler.report.scopes_json import render_scopes, scopes_document

    profile = find_profile(chosen, consumer)
    doc = scopes_document(profile, narrowed(profile, method, provider))
    if shape == JSON:
        emit_json(doc)
    else:
        emit(render_scopes(doc, paint=paint_of(chosen)))
    return Exit.DONE


def find_profile(chosen: Globals, name: str) -> Profile:
    """The profile called *name*, or that of the consumer called so.

    Raises:
        UsageError: nothing is called so.
        ConfigError: the profile is wrong.
    """
    from reconciler.cli import wiring
    from reconciler.load.project import load

    shipped = wiring.profiles()
    if name in shipped:
        loaded = load((str(shipped[name]),), shipped_profiles={})
        if name not in loaded.profiles:
            raise ConfigError(loaded.problems)
        return loaded.profiles[name]
    registry = chosen.registry or None
    loaded = load((), env=chosen.env, registry_url=registry, shipped_profiles=shipped)
    consumers = _consumers(loaded)
    profile = loaded.profiles.get(consumers.get(name, name))
    if profile is None:
        names = {*consumers, *loaded.profiles, *shipped}
        raise UsageError(
            f"there is no consumer or profile {name!r}",
            hint=suggestion(name, names, what="consumers and profiles"),
        )
    return profile


def _consumers(loaded: Loaded) -> dict[str, str]:
    return {
        document.name: document.body["spec"]["profile"]
        for document in loaded.documents
        if document.kind == "Consumer"
    }


def narrowed(profile: Profile, method: str, provider: str) -> tuple[MethodRule, ...]:
    """The rules of *method* and *provider*; empty filters let everything pass.

    Raises:
        UsageError: no rule is left.
    """
    rules = tuple(
        rule
        for rule in profile.methods
        if method in ("", rule.kind.value) and provider in ("", rule.provider)
    )
    if rules:
        return rules
    wanted = " on ".join(part for part in (method, provider) if part)
    known = {f"{rule.kind} on {rule.provider}" for rule in profile.methods}
    raise UsageError(
        f"{profile.title} does not take {wanted or 'any method'}",
        hint=suggestion(wanted, known, what="it takes"),
    )
