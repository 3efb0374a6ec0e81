"""The workbench of one action: what its steps share, and how they write to the registry."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from reconciler.errors import RegistryError
from reconciler.model.action import Action, Plan
from reconciler.model.desired import DesiredAccount, DesiredConnection
from reconciler.model.facts import KEEPS_SCOPES, MINTED, MINTED_AS, REVOKES
from reconciler.model.method import ActionKind
from reconciler.model.observed import (
    ConnectionView,
    CredentialReport,
    LiveConnection,
    Present,
    Slot,
)
from reconciler.model.record import (
    THIS_COMMIT,
    AuditEntry,
    Change,
    JournalEntry,
    Lease,
    Operation,
    Phase,
    Record,
    Selected,
)
from reconciler.model.secret import KNOWN, Fingerprinter
from reconciler.model.webhook import KnownWebhook
from reconciler.ports.bundle import Handles, Ports
from reconciler.ports.consumer import Consumer
from reconciler.ports.provider import Minted, Provider

_RETIRED_KEPT = 5
"""Fingerprints of earlier credentials that a record remembers."""

_MAKES_ANEW = frozenset({ActionKind.CONNECT, ActionKind.RECONNECT, ActionKind.ADOPT})
"""Actions after which a connection is to the consumer and account, by the method, of the YAML."""


@dataclass(slots=True)
class Bench:
    """One action being carried out. ``account`` is the one it is at, where it is declared.

    ``slot`` and ``report`` are the credential that a step has checked; ``live`` the connection
    it works on; ``added`` a connection made by this action and not yet recorded, ``generation``
    its number. ``minted`` is a credential made by this action, ``published`` whether its secret
    was kept; ``revoked`` whether this action has ended one.
    """

    action: Action
    plan: Plan
    desired: DesiredConnection | None
    record: Record | None
    operation: Operation | None
    view: ConnectionView
    account: DesiredAccount | None
    lineage: str
    fingerprinter: Fingerprinter
    ports: Ports
    handles: Handles
    lease: Lease
    id: str
    live: LiveConnection | None = None
    slot: Slot | None = None
    report: CredentialReport | None = None
    added: LiveConnection | None = None
    generation: int = 0
    minted: Minted | None = None
    published: bool = False
    revoked: bool = False
    old_is_dead: bool = False
    switched: bool = False
    done: list[str] = field(default_factory=list)

    @property
    def consumer(self) -> Consumer:
        """The tenant that the connection is at."""
        name = self.desired.consumer.name if self.desired else self.record_consumer
        return self.tenant(name)

    @property
    def record_consumer(self) -> str:
        """Where the record says it is, or where a leftover without record was seen."""
        return self.record.consumer if self.record is not None else self.view.tenant

    def tenant(self, name: str) -> Consumer:
        """A tenant by name."""
        found = self.handles.consumers.get(name)
        if found is None:
            raise RegistryError(
                f"consumer {name!r} is not open in this run",
                hint="declare the Consumer again until its connections are gone",
            )
        return found

    @property
    def provider(self) -> Provider:
        """The account's provider."""
        return self.handles.providers[self.wanted.account.reach]

    @property
    def wanted(self) -> DesiredConnection:
        """The declared connection, for steps that only exist on one."""
        if self.desired is None:
            raise RegistryError("the connection is not declared", hint="plan again")
        return self.desired

    def now(self) -> datetime:
        """UTC."""
        return self.ports.now()

    def journal(self, step: str, phase: Phase, detail: str = "") -> None:
        """Write one line of the journal, durably, under our lease."""
        self.ports.registry.journal(
            JournalEntry(
                operation=self.id,
                address=self.action.address,
                step=step,
                phase=phase,
                at=self.now(),
                detail=KNOWN.scrub(detail),
                fence=self.lease.fence,
            ),
            self.lease,
        )

    def commit(self, change: Change) -> None:
        """Write to the registry and remember what is now stored."""
        serial = self.ports.registry.commit(change, self.lease)
        self.operation = change.operation and replace(change.operation, serial=serial)
        if change.record is not None:
            epoch = serial if change.record.epoch == THIS_COMMIT else change.record.epoch
            self.record = replace(change.record, epoch=epoch, serial=serial)
        elif change.forget:
            self.record = None
        elif change.moved_from is not None and self.record is not None:
            self.record = replace(self.record, address=change.address, serial=serial)

    def change(self, note: str) -> Change:
        """An empty change of this connection with its audit line."""
        moved = self.action.moved_from
        pending = moved if moved and self.record and self.record.address == moved else None
        return Change(
            address=self.action.address,
            expected=self.record.serial if self.record else 0,
            audit=AuditEntry(
                at=self.now(),
                who=self.ports.who,
                commit=self.ports.commit,
                plan=self.plan.digest,
                address=str(self.action.address),
                action=self.action.kind.value,
                summary=KNOWN.scrub(note),
            ),
            operation=self.operation,
            moved_from=pending,
            environment=self.plan.inputs.environment,
        )

    def recorded(self, change: Change) -> Change:
        """*change* with the record that the action's outcome amounts to."""
        desired = self.wanted
        listing = self.view.listing.value if isinstance(self.view.listing, Present) else None
        proven = listing is not None and listing.complete
        return replace(
            change,
            record=self._record(desired, proven=proven),
            account_identity=desired.account.reach,
            repositories=listing.repositories if listing is not None and proven else None,
        )

    def _record(self, desired: DesiredConnection, *, proven: bool) -> Record:
        old, method = self.record, desired.method
        fingerprint = self._fingerprint()
        renewed = old is None or fingerprint != old.fingerprint
        since = self.now() if old is None or renewed else old.credential_since
        keeps = KEEPS_SCOPES in self.action.facts and not self.switched and old is not None
        stale = old.stale_expiry if old else None
        if old is not None and renewed:
            # Of what the provider makes, the YAML cannot know the end beforehand.
            is_former = method.expires_at == old.expires_at or self._is_minted(fingerprint)
            stale = method.expires_at if is_former else stale
        report = self.report
        record = Record(
            address=desired.address,
            consumer=desired.consumer.name,
            consumer_identity=desired.consumer.identity,
            account=desired.account.name,
            account_identity=desired.account.identity,
            provider=desired.account.provider,
            profile=desired.consumer.profile.name,
            method=method.kind,
            username=method.username,
            live_id=self.live.id if self.live else old.live_id if old else "",
            generation=self._generation(),
            fingerprint=fingerprint,
            identity=report.identity if report else old.identity if old else "",
            scopes=old.scopes if keeps and old else method.scopes,
            credential_since=since,
            selection={},
            selection_digest=desired.selection.digest,
            epoch=THIS_COMMIT,
            follows_new=False,
            manage=desired.manage,
            protect=desired.protect,
            source=desired.where,
            token_id=self._token_id(),
            expires_at=self._expiry(desired, since, stale),
            retired=self._retired(fingerprint),
            labels=desired.labels,
            stale_expiry=stale,
            webhooks=self._webhooks(),
            version=method.version if old is None or renewed else old.version,
            serial=old.serial if old else 0,
        )
        if old is not None and self.action.kind not in _MAKES_ANEW:
            record = _of_same_parts(old, record)
        return self._with_selection(record, desired, proven=proven)

    def _is_minted(self, fingerprint: str) -> bool:
        facts = self.operation.facts if self.operation else {}
        return self.minted is not None or facts.get(MINTED_AS) == fingerprint

    def _with_selection(
        self, record: Record, desired: DesiredConnection, *, proven: bool
    ) -> Record:
        change, old = self.action.selection, self.record
        if (change is None or not change.applies) and old is not None:
            return replace(
                record,
                selection=old.selection,
                selection_digest=old.selection_digest,
                epoch=old.epoch,
                follows_new=old.follows_new,
                listed_at=old.listed_at,
            )
        same = (
            old is not None
            and old.selection_digest == desired.selection.digest
            and old.account_identity == desired.account.identity
        )
        target: dict[str, Selected] = dict(change.target) if change else {}
        return replace(
            record,
            selection=target,
            epoch=old.epoch if old is not None and same else THIS_COMMIT,
            follows_new=change.follows_new if change else False,
            listed_at=THIS_COMMIT if proven else 0,
        )

    def _expiry(
        self, desired: DesiredConnection, since: datetime, stale: datetime | None
    ) -> datetime | None:
        """The credential's end: as declared, else what the provider or consumer says, or by age."""
        method = desired.method
        if method.expires_at not in (None, stale):
            return method.expires_at
        if self.minted is not None and self.minted.credential.expires_at is not None:
            return self.minted.credential.expires_at
        issued = self.view.issued_as(self._token_id())
        if issued is not None and issued.expires_at is not None:
            return issued.expires_at
        live = self.live or (self.view.live.value if isinstance(self.view.live, Present) else None)
        if live is not None and live.expires_at is not None:
            return live.expires_at
        return since + method.max_age if method.max_age is not None else None

    def _webhooks(self) -> tuple[KnownWebhook, ...]:
        if self.action.webhooks is not None:
            return self.action.webhooks
        return self.record.webhooks if self.record else ()

    def _token_id(self) -> str:
        """The provider's id of the credential in use, by whatever tells it."""
        old, facts = self.record, self.operation.facts if self.operation else {}
        slot = self.slot
        if slot is None or (old is not None and slot.fingerprint == old.fingerprint):
            told = self.report.token_id if self.report else ""
            return told or (old.token_id if old else "")
        if facts.get(MINTED_AS) == slot.fingerprint:
            return facts.get(MINTED, "")
        if old is not None and slot.fingerprint in old.retired and REVOKES in facts:
            return facts[REVOKES]
        return self.report.token_id if self.report else ""

    def _fingerprint(self) -> str:
        if self.wanted.method.kind.is_browser_grant:
            return ""
        if self.slot is not None:
            return self.slot.fingerprint
        return self.record.fingerprint if self.record else ""

    def _retired(self, fingerprint: str) -> tuple[str, ...]:
        old = self.record
        if old is None:
            return ()
        # A browser grant replaces the method, not the credential: that one may come back.
        replaced = fingerprint not in ("", old.fingerprint) and old.fingerprint != ""
        gone = (old.fingerprint,) if replaced else ()
        kept = tuple(f for f in old.retired if f != fingerprint)
        return (*gone, *kept)[:_RETIRED_KEPT]

    def _generation(self) -> int:
        return self.generation or (self.record.generation if self.record else 1)


def _of_same_parts(old: Record, record: Record) -> Record:
    """*record* with the parts that *old* has: to change one takes a new connection."""
    if record.consumer_identity != old.consumer_identity:
        record = replace(
            record,
            consumer=old.consumer,
            consumer_identity=old.consumer_identity,
            profile=old.profile,
        )
    if record.account_identity != old.account_identity:
        record = replace(
            record,
            account=old.account,
            account_identity=old.account_identity,
            provider=old.provider,
        )
    return replace(record, method=old.method, username=old.username)
