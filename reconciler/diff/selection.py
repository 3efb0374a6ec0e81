"""Works out the selection: what the YAML means, what was applied, what is live. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from reconciler.diff.naming import Names, ambiguous, old_name
from reconciler.diff.terms import Rules, compile_rules
from reconciler.errors import Severity
from reconciler.model.desired import DesiredConnection, DesiredSelection, Term
from reconciler.model.drift import Finding, RepositoryLabel, SelectionChange
from reconciler.model.matching import is_called, match_resources, same_id
from reconciler.model.method import Missing, NewRepositories
from reconciler.model.observed import Listing, LiveSelection, Repository
from reconciler.model.record import KnownRepositories, Record, Selected
from reconciler.model.suggest import did_you_mean

MISSING_REPOSITORY = "repository-missing"
EMPTY_SELECTION = "selection-empty"


@dataclass(slots=True)
class Choice:
    """A selection worked out against a listing.

    ``settled`` says that it is the record's own, without anything vanished in it.
    """

    target: Mapping[str, Selected]
    findings: list[Finding] = field(default_factory=list)
    settled: bool = False


def choose(
    desired: DesiredConnection, listing: Listing, record: Record | None, known: KnownRepositories
) -> Choice:
    """What shall be selected.

    When neither the selection nor the account's repositories changed since the record was
    written from a complete listing, the record is the answer: one comparison of two mappings.
    Not so where there is something to say about it, which has to be said on every run.
    """
    if record is not None and _is_settled(desired.selection, listing, record, known):
        return Choice(record.selection, settled=True)
    return _Chooser(desired, listing, record, known).choose()


def _is_settled(
    selection: DesiredSelection, listing: Listing, record: Record, known: KnownRepositories
) -> bool:
    return (
        listing.complete
        and record.selection_digest == selection.digest
        and 0 < record.listed_at == known.serial
        and listing.repositories == known.repositories
        and _says_nothing(selection, record)
    )


def _says_nothing(selection: DesiredSelection, record: Record) -> bool:
    """It is not empty, has no orphan and no old name, and every exact term has its repository."""
    held = record.selection
    if not held or any(
        orphaned or (name != old and not is_called(old, name))
        for name, old, orphaned in held.values()
    ):
        return False
    exact = compile_rules(selection).exact
    names = {s.matched_as for s in held.values()} if exact else ()
    ids = {same_id(key) for key in held} if exact else ()
    return all(t.name in names if t.name else same_id(t.id) in ids for t in exact)


class _Chooser:
    """One selection against one listing."""

    def __init__(
        self,
        desired: DesiredConnection,
        listing: Listing,
        record: Record | None,
        known: KnownRepositories,
    ) -> None:
        self.selection = desired.selection
        self.account = desired.account
        self.listing = listing
        self.known = known
        self.rules: Rules = compile_rules(desired.selection)
        self.held: Mapping[str, Selected] = record.selection if record else {}
        self.same = record is not None and record.selection_digest == self.selection.digest
        self.epoch = record.epoch if record is not None and self.same else None
        self.out = Choice({})

    def choose(self) -> Choice:
        target = self._by_pattern()
        self._by_name(target)
        self._vanished(target)
        self.out.target = target
        failed = any(f.severity is Severity.ERROR for f in self.out.findings)
        if not target and not failed and self.listing.complete:
            self._say(
                EMPTY_SELECTION,
                f"the selection matches none of the {len(self.listing.repositories)} repositories "
                f"of {self.account.workspace!r}",
                "a selection is never empty by accident: widen it, or remove the connection",
                None,
            )
        return self.out

    def _by_pattern(self) -> dict[str, Selected]:
        """Everything that the wide terms mean, new repositories ignored where so declared."""
        includes, excludes, passes = self.rules.includes, self.rules.excludes, self.rules.passes
        ignores_new = (
            self.epoch is not None and self.selection.new_repositories is NewRepositories.IGNORE
        )
        target: dict[str, Selected] = {}
        for key, repository in self.listing.repositories.items():
            if not includes(key, repository) and not self._was_chosen(key, repository):
                continue
            if excludes(key, repository) or not passes(key, repository):
                continue
            if ignores_new and key not in self.held and self._is_new(key):
                continue
            target[key] = self._selected(key, repository)
        return target

    def _was_chosen(self, key: str, repository: Repository) -> bool:
        """Chosen under an earlier name by a selection that has not been edited since."""
        held = self.held.get(key)
        if held is None or not self.same or is_called(held.matched_as, repository.name):
            return False
        return self.rules.includes(key, repository._replace(name=held.matched_as))

    def _is_new(self, key: str) -> bool:
        first = self.known.first_serial.get(key)
        return first is None or (self.epoch is not None and first > self.epoch)

    def _selected(self, key: str, repository: Repository) -> Selected:
        held = self.held.get(key)
        matched = held.matched_as if held and self.same else repository.name
        return Selected(repository.name, matched)

    def _by_name(self, target: dict[str, Selected]) -> None:
        """Bind each exact term to one repository: to the one it was bound to, else by name."""
        if not self.rules.exact:
            return
        listed = self.listing.repositories
        names = Names(self.rules.exact, listed, self.held, same=self.same)
        ids = {same_id(k): k for k in (*self.held, *listed)}
        named: set[str] = set()
        for term in names.in_order(self.rules.exact):
            key = ids.get(same_id(term.id)) if term.id else self._bind(term, names)
            if key is None:
                self._unmatched(term, names)
            elif key in listed:
                self._choose(term, key, target, named)
                if key in target:
                    self._renamed(term, key, names)

    def _bind(self, term: Term, names: Names) -> str | None:
        """Another repository may only take the name over when the bound one cannot serve."""
        key = names.bound(term.name)
        is_listed = key in self.listing.repositories
        if key is not None and (
            not self._is_kept_out(key) if is_listed else not self.listing.complete
        ):
            return key
        fits = names.fits(term.name)
        usable = [k for k in fits if not self._is_kept_out(k)] if len(fits) > 1 else fits
        if len(usable) > 1 or (usable and names.is_bare(term.name) and not self.listing.complete):
            return None  # `_unmatched` says which it could be
        current = next(iter(usable or fits), None)
        return current if is_listed else current or key

    def _is_kept_out(self, key: str) -> bool:
        repository = self.listing.repositories[key]
        return self.rules.excludes(key, repository) or not self.rules.passes(key, repository)

    def _choose(self, term: Term, key: str, target: dict[str, Selected], named: set[str]) -> None:
        repository = self.listing.repositories[key]
        if self._is_kept_out(key):
            self._say(
                "term-without-effect",
                f"{term} names {repository.name!r}, which exclude or where keeps out",
                "remove one of the two",
                term,
                Severity.WARNING,
            )
            return
        by_old_name = old_name(term.name, repository.name)
        # A second term must not unbind the old name.
        if key not in named or (by_old_name and not is_called(term.name, target[key].matched_as)):
            target[key] = Selected(repository.name, term.name or repository.name)
        named.add(key)

    def _renamed(self, term: Term, key: str, names: Names) -> None:
        repository = self.listing.repositories[key]
        if not old_name(term.name, repository.name):
            return
        others = [k for k in names.fits(term.name) if k != key]
        taken = "; another repository has taken its old name" if others else ""
        self._say(
            "stale-name",
            f"{term.name!r} is called {repository.name!r} now{taken}; it stays selected by its id",
            f"write the new name, or `id: {key}`",
            term,
            Severity.WARNING,
        )

    def _unmatched(self, term: Term, names: Names) -> None:
        fits = names.fits(term.name) if term.name else []
        usable = sorted(self.listing.repositories[k].name for k in fits if not self._is_kept_out(k))
        if usable:
            severity = Severity.WARNING if len(usable) == 1 else Severity.ERROR
            self._say(MISSING_REPOSITORY, *ambiguous(term, usable), term, severity)
            return
        gap = "" if self.listing.complete else " in what could be listed"
        # Applied before, it had its repository then: that one was removed as `missing` says.
        is_removed = self.same and self.selection.missing is Missing.REMOVE
        self._say(
            MISSING_REPOSITORY,
            f"{term} names no repository of {self.account.workspace!r}{gap}",
            did_you_mean(term.name, names.spellings(term.name))
            or "check the name and what the reader may see",
            term,
            Severity.ERROR if self.listing.complete and not is_removed else Severity.WARNING,
        )

    def _vanished(self, target: dict[str, Selected]) -> None:
        """Selected before, and not in the listing any more."""
        for key, held in self.held.items():
            if key in self.listing.repositories:
                continue
            if not self.listing.complete:
                target[key] = held
                continue
            if self.same or self._still_meant(key, held):
                self._missing(target, key, held)

    def _still_meant(self, key: str, held: Selected) -> bool:
        last = self.known.repositories.get(key, Repository(held.name))
        is_current = is_called(held.matched_as, held.name)
        known_as = held.name if is_current else held.matched_as
        exact = any(
            is_called(t.name, known_as) or (t.id and same_id(t.id) == same_id(key))
            for t in self.rules.exact
        )
        return (exact or self.rules.includes(key, last)) and not self.rules.excludes(key, last)

    def _missing(self, target: dict[str, Selected], key: str, held: Selected) -> None:
        gone = f"{held.name!r} is no longer in {self.account.workspace!r}"
        if self.selection.missing is Missing.ORPHAN:
            target[key] = held._replace(orphaned=True)
            self._say(
                "repository-orphaned",
                f"{gone}; it stays in the record as orphaned",
                "`missing: remove` would drop it; a repository that comes back is taken up again",
                None,
                Severity.WARNING,
            )
        elif self.selection.missing is Missing.ERROR:
            target[key] = held
            self._say(
                MISSING_REPOSITORY,
                f"{gone}, and the selection says `missing: error`",
                "restore the repository, or take it out of the selection",
                None,
            )

    def _say(
        self,
        code: str,
        message: str,
        hint: str,
        term: Term | None,
        severity: Severity = Severity.ERROR,
    ) -> None:
        where = term.where if term is not None else self.selection.where
        self.out.findings.append(Finding(code, severity, message, hint, where))


def follows_new(selection: DesiredSelection) -> bool:
    """Whether the consumer itself may take up new repositories.

    A consumer follows all or none. Only a selection that means everything can leave it to the
    consumer; any other is taken up by the next run, so that nothing outside it is ever read.
    """
    narrowed = selection.exclude or selection.archived is not None or selection.fork is not None
    return (
        selection.everything
        and not narrowed
        and selection.new_repositories is NewRepositories.INCLUDE
    )


def compare_selection(
    desired: DesiredConnection,
    listing: Listing,
    record: Record | None,
    live: LiveSelection | None,
    choice: Choice,
) -> SelectionChange:
    """Hold the choice against what is live and what was recorded."""
    held = record.selection if record else {}
    follow = follows_new(desired.selection)
    follow_changes = live is not None and live.follows_new not in (None, follow)
    if choice.settled and live is not None and not follow_changes and _is_as_applied(held, live):
        return SelectionChange(target=choice.target, follows_new=follow)
    if live is None and choice.settled:
        return SelectionChange(target=choice.target, follows_new=follow)
    if live is None:  # not readable just now: nothing is known to differ from the record
        chosen = _wanted(held)
    else:
        chosen = live_ids(listing, held, live, desired.account.workspace)
    same_record = record is not None and (choice.settled or choice.target == held)
    if same_record and not follow_changes and chosen == _wanted(held):
        return SelectionChange(target=choice.target, follows_new=follow)
    return _changed(choice, held, chosen, listing, follow, follow_changes, record is None)


def _is_as_applied(held: Mapping[str, Selected], live: LiveSelection) -> bool:
    """The consumer reads exactly the repositories of the record: nearly always, so made cheap."""
    ids = [id_ for _, _, _, is_selected, _, id_ in live.resources if is_selected]
    return len(ids) == len(held) and not held.keys() - ids


def live_ids(
    listing: Listing, held: Mapping[str, Selected], live: LiveSelection, workspace: str
) -> frozenset[str]:
    """Ids of the repositories that are selected live, as far as they can be told apart."""
    chosen = [r for r in live.resources if r.selected]
    known = listing.repositories
    ids = frozenset([r.repository_id for r in chosen])
    if ids <= known.keys():
        return ids
    gone = {k: Repository(s.name) for k, s in held.items() if k not in known}
    return frozenset(match_resources(chosen, {**gone, **known}, workspace).values())


def _wanted(target: Mapping[str, Selected]) -> frozenset[str]:
    orphans = [key for key, (_, _, orphaned) in target.items() if orphaned]
    every = frozenset(target)
    return every.difference(orphans) if orphans else every


def _changed(
    choice: Choice,
    held: Mapping[str, Selected],
    chosen: frozenset[str],
    listing: Listing,
    follow: bool,
    follow_changes: bool,
    is_first: bool,
) -> SelectionChange:
    target = dict(choice.target)
    wanted = _wanted(target)
    listed = listing.repositories

    def labels(keys: frozenset[str]) -> tuple[RepositoryLabel, ...]:
        known = {k: listed[k] if k in listed else held.get(k) for k in keys}
        return tuple(sorted(RepositoryLabel(r.name if r else k, k) for k, r in known.items()))

    remove = chosen - frozenset(target)
    kept: frozenset[str] = frozenset()
    if not listing.complete:
        kept, remove = remove, frozenset()
        target |= {k: held[k] for k in kept if k in held}
    renamed = tuple(
        (RepositoryLabel(held[k].name, k), s.name)
        for k, s in sorted(
            (k, s) for k, s in target.items() if k in held and held[k].name != s.name
        )
    )
    return SelectionChange(
        target=target,
        follows_new=follow,
        add=labels(wanted - chosen),
        remove=labels(remove),
        adopted=() if is_first else labels((wanted & chosen) - frozenset(held)),
        orphaned=tuple(
            RepositoryLabel(s.name, k)
            for k, s in sorted((k, s) for k, s in target.items() if s.orphaned)
            if not (k in held and held[k].orphaned)
        ),
        kept=labels(kept),
        kept_why=listing.gap if kept else "",
        renamed=renamed,
        follow_changes=follow_changes,
        record_changes=target != held,
    )
