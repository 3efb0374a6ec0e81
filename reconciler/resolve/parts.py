"""Accounts, consumers, methods and selections, each built once however often it is named. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from reconciler.errors import SourceMark
from reconciler.model.desired import (
    DesiredAccount,
    DesiredConsumer,
    DesiredMethod,
    DesiredSelection,
)
from reconciler.model.document import Document, Loaded, Path
from reconciler.model.profile import MethodRule, Profile
from reconciler.model.suggest import suggestion
from reconciler.ports.provider import ProviderSpec
from reconciler.resolve.addresses import api_address
from reconciler.resolve.layers import Defaults
from reconciler.resolve.methods import Setting, build_method
from reconciler.resolve.references import Index, Problems
from reconciler.resolve.secret_refs import secret_ref
from reconciler.resolve.selections import build_selection

_SPEC = ("spec",)
_Built = tuple[DesiredMethod, MethodRule | None]


class Parts:
    """Builds the parts of connections, and remembers them: a thousand connections may share one.

    A part that cannot be built is remembered too, so that its problem is reported once.
    """

    def __init__(
        self,
        loaded: Loaded,
        index: Index,
        providers: Mapping[str, ProviderSpec],
        problems: Problems,
        now: datetime | None,
    ) -> None:
        """Know where to look; nothing is built yet."""
        project = next((d for d in loaded.documents if d.kind == "Project"), None)
        self.index = index
        self.problems = problems
        self.defaults = Defaults(project)
        self.accounts: dict[str, DesiredAccount] = {}
        self.consumers: dict[str, DesiredConsumer] = {}
        self._profiles = loaded.profiles
        self._providers = providers
        self.root = loaded.settings.root
        self._now = now
        self._methods: dict[tuple[str, str, str], _Built] = {}
        self._selections: dict[str, DesiredSelection] = {}

    def build_all(self) -> None:
        """Build every account, consumer and selection, whether a connection names it or not."""
        for name, document in self.index.of("Account").items():
            if (account := self._account(document)) is not None:
                self.accounts[name] = account
        for name, document in self.index.of("Consumer").items():
            if (consumer := self._consumer(document)) is not None:
                self.consumers[name] = consumer
        for name, document in self.index.of("RepositorySelection").items():
            self._selections[name] = self._selection(name, document, _SPEC)

    def provider(self, account: DesiredAccount) -> ProviderSpec:
        """The provider of an account that was built."""
        return self._providers[account.provider]

    def account(self, name: str, where: SourceMark) -> DesiredAccount | None:
        """The account called *name*; None after the reason was reported."""
        self.index.find("Account", name, where)
        return self.accounts.get(name)

    def consumer(self, name: str, where: SourceMark) -> DesiredConsumer | None:
        """The consumer called *name*; None after the reason was reported."""
        self.index.find("Consumer", name, where)
        return self.consumers.get(name)

    def method(
        self, value: str | Mapping[str, Any], at: tuple[Document, Path], setting: Setting
    ) -> _Built | None:
        """A method by name or inline; None after the reason was reported.

        Args:
            value: the name, or the inline method.
            at: the document and the path of *value* in it.
            setting: what it is judged by.
        """
        document, path = at
        if not isinstance(value, str):
            fields = self.defaults.under("method", document, path, value)
            return build_method(f"{document.name}/{path[-1]}", fields, setting, self.problems)
        profile = setting.profile.name if setting.profile is not None else ""
        key = (value, setting.provider.name, profile)
        if key not in self._methods:
            found = self.index.find("Method", value, document.mark(*path))
            if found is None:
                return None
            fields = self.defaults.under("method", found, _SPEC, found.body["spec"])
            self._methods[key] = build_method(value, fields, setting, self.problems)
        return self._methods[key]

    def selection(
        self, value: str | Mapping[str, Any], document: Document, path: Path
    ) -> DesiredSelection | None:
        """A selection by name or inline; None after the reason was reported."""
        if not isinstance(value, str):
            return self._selection(f"{document.name}/{path[-1]}", document, path)
        self.index.find("RepositorySelection", value, document.mark(*path))
        return self._selections.get(value)

    def setting(self, provider: ProviderSpec, profile: Profile | None) -> Setting:
        """What a method for *provider* and *profile* is judged by."""
        return Setting(self.root, provider, profile, self._now)

    def _selection(self, name: str, document: Document, path: Path) -> DesiredSelection:
        spec: Any = document.body
        for step in path:
            spec = spec[step]
        fields = self.defaults.under("selection", document, path, spec)
        return build_selection(name, fields, self.problems)

    def _account(self, document: Document) -> DesiredAccount | None:
        spec = document.body["spec"]
        provider = self._providers.get(spec["provider"])
        if provider is None:
            cause = f'there is no provider "{spec["provider"]}"'
            hint = suggestion(spec["provider"], self._providers, what="providers")
            where = document.mark("spec", "provider")
            self.problems.error("unknown-provider", cause, hint, where)
            return None
        account = DesiredAccount(
            name=document.name,
            provider=provider.name,
            workspace=spec["workspace"],
            api_url=self._address(document, "apiUrl", provider.api_url),
            where=document.mark(),
            projects=tuple(spec.get("projects", ())),
            settings=dict(spec.get("settings", {})),
        )
        own: dict[str, DesiredMethod | None] = {}
        for part in ("reader", "administrator"):
            if part in spec:
                at = (document, ("spec", part))
                built = self.method(spec[part], at, self.setting(provider, None))
                if built is None:
                    return None
                own[part] = built[0]
        return replace(account, reader=own.get("reader"), administrator=own.get("administrator"))

    def _consumer(self, document: Document) -> DesiredConsumer | None:
        spec = document.body["spec"]
        profile = self._profiles.get(spec["profile"])
        if profile is None:
            where = document.mark("spec", "profile")
            self.index.unknown("ConsumerProfile", spec["profile"], where, self._profiles)
            return None
        credential, manual = spec.get("credential"), not profile.adapter
        if profile.adapter and credential is None:
            cause = f"{profile.title} is driven through its API and needs a credential"
            hint = "add `credential: {env: NAME}` with a key to its API"
            self.problems.error("missing-credential", cause, hint, document.mark("spec"))
        return DesiredConsumer(
            name=document.name,
            profile=profile,
            endpoint=self._address(document, "endpoint", profile.endpoint, may_lack=manual),
            where=document.mark(),
            credential=None
            if credential is None
            else secret_ref(credential, self.root, document.mark("spec", "credential")),
            settings=dict(spec.get("settings", {})),
        )

    def _address(
        self, document: Document, part: str, default: str, *, may_lack: bool = False
    ) -> str:
        where = document.mark("spec", part)
        url: str = document.body["spec"].get(part, default)
        if url:
            return api_address(url, where, self.problems)
        if not may_lack:
            cause = f'"{part}" is needed here: no public address is known'
            self.problems.error("missing-url", cause, f"add `{part}: https://…`", where)
        return ""
