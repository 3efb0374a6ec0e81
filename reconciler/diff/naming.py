"""Which repository an exact name means: the one it was bound to, else those called so. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from reconciler.model.desired import Term
from reconciler.model.matching import is_called
from reconciler.model.observed import Repositories
from reconciler.model.record import Selected
from reconciler.model.suggest import listed

_WRITTEN_OUT = 3
"""How many repositories that fit one name its hint writes out."""


class Names:
    """The exact names of one selection beside a listing and what was selected before.

    ``is_qualified`` says that the account's names carry their project (``PAY/tools``): only
    there can a name without a slash fit several repositories. *same* says that the selection has
    not been edited since *held* was recorded.
    """

    def __init__(
        self,
        terms: tuple[Term, ...],
        repositories: Repositories,
        held: Mapping[str, Selected],
        *,
        same: bool,
    ) -> None:
        """Read the listing once, and once more where names are qualified."""
        first = next(iter(repositories.values()), None)
        self.is_qualified = first is not None and "/" in first.name
        self._listed = repositories
        self._by_name = {r.name: key for key, r in repositories.items()}
        self._bound = {s.matched_as: key for key, s in held.items()}
        # Another that bears the name today, chosen by another term, does not unbind it.
        self._bound |= {s.matched_as: k for k, s in held.items() if old_name(s.matched_as, s.name)}
        self._fits: dict[str, list[str]] = {}
        self._twins: dict[str, str] = {}
        if self.is_qualified:
            self._read(terms, same=same)

    def _read(self, terms: tuple[Term, ...], *, same: bool) -> None:
        self._fits = {t.name: [] for t in terms if t.name and "/" not in t.name}
        for key, repository in self._listed.items() if self._fits else ():
            if (fits := self._fits.get(repository.name.rpartition("/")[2])) is not None:
                fits.append(key)
        full = {t.name for t in terms if "/" in t.name} if same else set()
        for matched_as, key in self._bound.items():
            if matched_as in full:
                self._twins.setdefault(matched_as.rpartition("/")[2], key)

    def in_order(self, terms: tuple[Term, ...]) -> Iterable[Term]:
        """The order in which to bind *terms*: what says more goes first.

        A repository that several terms name is recorded under the first of them.
        """
        if not self.is_qualified:
            return terms
        return sorted(terms, key=lambda t: 2 if t.id else 1 if "/" not in t.name else 0)

    def bound(self, name: str) -> str | None:
        """The repository that *name* was bound to, wherever it is now.

        ``tools`` beside ``PAY/tools`` in the same selection was bound with it, and is recorded
        under the longer name.
        """
        return self._bound.get(name) or self._twins.get(name)

    def fits(self, name: str) -> list[str]:
        """Every listed repository that is called *name* today."""
        if name in self._fits:
            return self._fits[name]
        key = self._by_name.get(name)
        return [] if key is None else [key]

    def is_bare(self, name: str) -> bool:
        """Whether *name* leaves the project open."""
        return name in self._fits

    def spellings(self, name: str) -> Iterable[str]:
        """Names like *name* was meant to be one, for a hint."""
        if not self.is_bare(name):
            return self._by_name
        return {full.rpartition("/")[2] for full in self._by_name}


def old_name(spelt: str, name: str) -> bool:
    """Whether a term *spelt* so calls the repository *name* by a name that it has no more."""
    return bool(spelt) and not is_called(spelt, name)


def ambiguous(term: Term, fitting: list[str]) -> tuple[str, str]:
    """Cause and hint for a name without its project that several repositories bear.

    One is too few to bind where the listing is not complete: others may bear the name.
    """
    hint = f"write {' or '.join(fitting[:_WRITTEN_OUT])}"
    if len(fitting) == 1:
        return f"{term} fits {fitting[0]!r}, and the rest could not be listed", hint
    return f"{term} names {len(fitting)} repositories: {listed(fitting)}", hint
