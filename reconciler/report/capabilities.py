"""The capability matrix, from what the adapters declare of themselves. Pure; stage 7."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from reconciler.ports.capability import Ability, Can, Capability


@dataclass(frozen=True, slots=True)
class Declared:
    """One adapter with its abilities."""

    name: str
    title: str
    abilities: Mapping[Capability, Ability]


def render_matrix(adapters: Iterable[Declared]) -> str:
    """A Markdown table: what each adapter does by API, and what a person does instead.

    A capability that an adapter does not declare does not concern it.
    """
    shown = tuple(adapters)
    rows = [c for c in Capability if any(c in a.abilities for a in shown)]
    head = ["| capability |", *(f" {a.title} |" for a in shown)]
    lines = ["".join(head), "|---|" + "---|" * len(shown)]
    for capability in rows:
        cells = (f" {_short(a.abilities.get(capability))} |" for a in shown)
        lines.append("".join((f"| {capability.value} |", *cells)))
    return "\n".join(lines) + "\n"


def _short(ability: Ability | None) -> str:
    if ability is None:
        return ""
    return "yes" if isinstance(ability, Can) else "no"


def render_sources(adapters: Iterable[Declared]) -> str:
    """The same with the source and date of each claim, and what happens instead of a no."""
    lines: list[str] = []
    for adapter in adapters:
        lines += [f"## {adapter.title}", "", "| capability | | source, checked |", "|---|---|---|"]
        for capability in Capability:
            ability = adapter.abilities.get(capability)
            if ability is None:
                continue
            says = "yes" if isinstance(ability, Can) else f"no: {ability.instead}"
            source = f"<{ability.source}>" if "://" in ability.source else ability.source
            lines.append(f"| {capability.value} | {says} | {source}, {ability.checked} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
