"""Method → DesiredMethod, held against what the profile wants and the provider offers. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from reconciler.errors import SourceMark
from reconciler.model.desired import DEFAULT_OVERLAP, DesiredIssuer, DesiredMethod
from reconciler.model.method import CredentialForm, IssuerKind, MethodKind
from reconciler.model.profile import LoginName, MethodRule, Profile
from reconciler.model.secret import SecretRef
from reconciler.model.suggest import listed
from reconciler.model.times import parse_duration, parse_moment
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.issuers import check_announced, check_issuer
from reconciler.resolve.layers import FieldMarks, Layers
from reconciler.resolve.references import Problems
from reconciler.resolve.scopes import settle_scopes
from reconciler.resolve.secret_refs import secret_ref, successor_of

_ROTATE_BEFORE = timedelta(days=30)
_MARKED = (
    "scopes",
    "secret",
    "username",
    "expiresAt",
    "maxAge",
    "level",
    "type",
    "target",
    "issuer",
    "version",
    "overlap",
)


@dataclass(frozen=True, slots=True)
class Setting:
    """What a method is judged by.

    ``profile`` is None for our own reader; ``now`` where the clock is not known, which leaves
    dates unjudged.
    """

    root: str
    provider: ProviderSpec
    profile: Profile | None
    now: datetime | None


def build_method(
    name: str, fields: Layers, setting: Setting, problems: Problems
) -> tuple[DesiredMethod, MethodRule | None]:
    """Read a method and report all that is wrong with it.

    Returns:
        The method, and the profile's rule for it: None for a reader, and after an error.
    """
    kind = MethodKind(fields.get("type"))
    secret = _secret(fields, "secret", setting.root)
    rule = _rule(kind, fields, setting, problems)
    offered = rule is not None or setting.profile is None
    method = DesiredMethod(
        name=name,
        kind=kind,
        where=fields.where,
        username=fields.get("username", ""),
        level=_level(fields, rule),
        secret=secret,
        successor=_secret(fields, "successor", setting.root) or successor_of(secret),
        scopes=settle_scopes(kind, fields, setting.provider, rule, problems) if offered else (),
        max_age=_duration(fields, "maxAge", kind),
        rotate_before=_rotate_before(fields, kind),
        expires_at=_expires_at(fields, problems),
        target=fields.get("target", ""),
        tenant=fields.get("tenant", ""),
        form=CredentialForm(fields.get("form", CredentialForm.SECRET)),
        issuer=_issuer(fields, setting),
        version=fields.get("version", 1),
        overlap=_duration(fields, "overlap", kind) or DEFAULT_OVERLAP,
        marks=FieldMarks(fields, _MARKED),
    )
    _check_age(method, rule, setting.now, problems)
    check_issuer(method, setting.provider, problems)
    check_announced(method, setting.provider, setting.now, problems)
    if rule is not None and setting.profile is not None:
        _check_login(method, rule, setting.profile, problems)
        _check_level(method, rule, setting.profile, problems)
    if setting.profile is None and kind.is_browser_grant:
        cause = f"a reader cannot be of type {kind}: it needs a secret that we can present"
        problems.error("reader-without-secret", cause, "use an access-token", fields.mark("type"))
    return method, rule


def _rule(
    kind: MethodKind, fields: Layers, setting: Setting, problems: Problems
) -> MethodRule | None:
    spec, profile = setting.provider, setting.profile
    rule = profile.rule(spec.name, kind) if profile is not None else None
    usable = kind in spec.methods and kind not in spec.retired
    if usable and rule is not None and not _has_ended(rule, setting):
        return rule
    where = fields.mark("type")
    if _reports_retired(kind, rule, setting, where, problems):
        return None
    if profile is None or rule is not None:
        if not usable:
            _not_offered(kind, spec, where, problems)
    elif accepted := profile.kinds(spec.name):
        cause = f"{profile.title} does not take the method {kind} for {spec.title}"
        problems.error("method-not-accepted", cause, f"it takes: {listed(accepted)}", where)
    else:
        providers = listed(m.provider for m in profile.methods if m.retired is None)
        cause = f"{profile.title} does not connect to {spec.title}"
        problems.error("provider-not-accepted", cause, f"it connects to: {providers}", where)
    return None


def _has_ended(rule: MethodRule, setting: Setting) -> bool:
    """Whether the day on which the consumer gave the method up is over."""
    return rule.retired is not None and (setting.now is None or rule.retired <= setting.now.date())


def _not_offered(
    kind: MethodKind, spec: ProviderSpec, where: SourceMark, problems: Problems
) -> None:
    cause = f"{spec.title} does not offer the method {kind}"
    problems.error("method-not-offered", cause, f"it offers: {listed(spec.methods)}", where)


def _reports_retired(
    kind: MethodKind,
    rule: MethodRule | None,
    setting: Setting,
    where: SourceMark,
    problems: Problems,
) -> bool:
    sentence = setting.provider.retired.get(kind, "")
    if not sentence and rule is not None and rule.retired and _has_ended(rule, setting):
        sentence = f"{kind} works no longer since {rule.retired.isoformat()}"
    if not sentence:
        return False
    replacement = rule.replacement if rule is not None else None
    kinds = setting.profile.kinds(setting.provider.name) if setting.profile is not None else ()
    instead = replacement or (kinds[0] if kinds else None)
    hint = f"use `type: {instead}`" if instead else "use another method"
    if instead is MethodKind.API_TOKEN:
        hint = f"{hint} with an e-mail address as user name"
    problems.error("method-retired", sentence, hint, where)
    return True


def _secret(fields: Layers, part: str, root: str) -> SecretRef | None:
    value = fields.get(part)
    return secret_ref(value, root, fields.mark(part)) if value is not None else None


def _issuer(fields: Layers, setting: Setting) -> DesiredIssuer | None:
    value = fields.get("issuer")
    if value is None:
        return None
    where = fields.mark("issuer")
    return DesiredIssuer(
        kind=IssuerKind(value["type"]),
        secret=secret_ref(value["secret"], setting.root, where),
        where=where,
        username=value.get("username", ""),
    )


def _level(fields: Layers, rule: MethodRule | None) -> str:
    level: str = fields.get("level", "")
    if not level and rule is not None and len(rule.levels) == 1:
        return rule.levels[0]
    return level


def _duration(fields: Layers, part: str, kind: MethodKind) -> timedelta | None:
    """A duration; those of the project's defaults are not for methods without a secret."""
    text = None if kind.is_browser_grant else fields.get(part)
    return parse_duration(text) if text is not None else None


def _rotate_before(fields: Layers, kind: MethodKind) -> timedelta:
    given = _duration(fields, "rotateBefore", kind)
    if given is not None:
        return given
    max_age = _duration(fields, "maxAge", kind)
    return _ROTATE_BEFORE if max_age is None else min(_ROTATE_BEFORE, max_age / 3)


def _expires_at(fields: Layers, problems: Problems) -> datetime | None:
    text = fields.get("expiresAt")
    if text is None:
        return None
    try:
        return parse_moment(text)
    except (ValueError, OverflowError):
        cause, hint = "a day or time that does not exist", "write YYYY-MM-DD"
        problems.error("bad-date", cause, hint, fields.mark("expiresAt"))
        return None


def _check_age(
    method: DesiredMethod, rule: MethodRule | None, now: datetime | None, problems: Problems
) -> None:
    if method.max_age is not None and method.rotate_before >= method.max_age:
        cause = "rotateBefore is not shorter than maxAge: every credential would be due at once"
        problems.error("always-due", cause, "make rotateBefore shorter", method.marks["maxAge"])
    longest = rule.max_age if rule is not None else None
    if rule is None or longest is None:
        return
    hint = f"make it {rule.max_days}d or shorter (source: {rule.source.url})"
    if method.max_age is not None and method.max_age > longest:
        cause = f"a {method.kind} may live {rule.max_days} days at most"
        problems.error("too-long-lived", cause, hint, method.marks["maxAge"])
    if method.expires_at is not None and now is not None and method.expires_at - now > longest:
        cause = f"a {method.kind} ends within {rule.max_days} days; this date is later"
        problems.error("too-long-lived", cause, hint, method.marks["expiresAt"])


def _check_login(
    method: DesiredMethod, rule: MethodRule, profile: Profile, problems: Problems
) -> None:
    where = method.marks["username"]
    is_email = "@" in method.username
    if rule.login is not LoginName.NONE and not method.username:
        cause = f"{profile.title} wants a user name for the method {method.kind}"
        problems.error("missing-username", cause, "add `username: …`", where)
    elif rule.login is LoginName.EMAIL and not is_email:
        cause = f"{profile.title} wants the account's e-mail address, not its user name"
        hint = "write the e-mail address of the Atlassian account, such as bot@example.com"
        problems.error("username-not-email", cause, hint, where)
    elif rule.login is LoginName.USERNAME and is_email:
        cause = f"{profile.title} wants the user name, not the e-mail address"
        hint = "write the user name as the provider's profile page shows it"
        problems.error("username-is-email", cause, hint, where)


def _check_level(
    method: DesiredMethod, rule: MethodRule, profile: Profile, problems: Problems
) -> None:
    if method.level and rule.levels and method.level not in rule.levels:
        cause = f"{profile.title} does not take a {method.kind} of level {method.level}"
        hint = f"it takes: {listed(rule.levels)}"
        problems.error("level-not-accepted", cause, hint, method.marks["level"])
