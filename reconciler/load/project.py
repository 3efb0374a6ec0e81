"""Stage 1: files → accepted documents, settings and every problem met on the way. Does I/O."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from reconciler.errors import Problem, Severity, SourceMark, UsageError
from reconciler.load.documents import RawDocument, read_documents
from reconciler.load.files import PROJECT_FILE, Layout, find_layout, read_text
from reconciler.load.guard import MASK, secret_paths
from reconciler.load.marks import Builder
from reconciler.load.profiles import to_profile
from reconciler.load.schema import accepts
from reconciler.load.settings import (
    Chosen,
    absolute_registry,
    check_environment,
    choose,
    variables,
)
from reconciler.load.variables import Substitution
from reconciler.model.bulk import collector_paused
from reconciler.model.desired import ProjectSettings
from reconciler.model.document import Document, Loaded
from reconciler.model.document import Path as DataPath
from reconciler.model.profile import Profile

_PROJECT = "Project"
_PROFILE = "ConsumerProfile"
_PRIVATE = ("environments", "variables")
"""Parts of a Project that the digest leaves out: their effect is in the other documents."""


def load(
    paths: Sequence[str],
    *,
    env: str = "",
    registry_url: str | None = None,
    shipped_profiles: Mapping[str, Path],
) -> Loaded:
    """Read the project that *paths* belong to.

    Args:
        paths: files and folders; empty means the working directory. Every document of the
            project is loaded, so that references resolve; *paths* say which are planned.
        env: an environment of ``reconciler.yaml``; empty for none.
        registry_url: wins over the project's; a relative SQLite path is relative to the working
            directory.
        shipped_profiles: the ``profile.yaml`` of each consumer, by name.

    Returns:
        Whatever could be read. What is wrong in the YAML is in ``problems`` and never raised.

    Raises:
        UsageError: a PATH does not exist or lies outside the project; no such environment.
    """
    layout = find_layout(paths)
    with collector_paused():
        reader = _Reader(layout)
        for name in layout.files:
            reader.read(name)
        chosen = reader.settle(env)
        reader.accept_all()
        used = reader.load_profiles(shipped_profiles)
        reader.complain_when_empty()
        return Loaded(
            documents=tuple(reader.documents),
            settings=_settings(layout, chosen, env, registry_url, reader.raw),
            profiles=reader.profiles,
            problems=in_order(reader.problems),
            paths=layout.paths,
            covers_all=layout.covers_all,
            digest=_digest((*reader.documents, *used)),
            broken=frozenset(reader.broken),
        )


def _settings(
    layout: Layout, chosen: Chosen, env: str, registry_url: str | None, raw: Sequence[RawDocument]
) -> ProjectSettings:
    root = str(layout.root)
    url = absolute_registry(chosen.registry_url, root)
    if registry_url is not None:
        url = absolute_registry(registry_url, str(Path.cwd()))
    return ProjectSettings(
        root=root,
        registry_url=url,
        environment=env,
        limits=chosen.limits,
        freezes=chosen.freezes,
        concurrency=chosen.concurrency,
        hourly_requests=chosen.hourly_requests,
        lease_ttl=chosen.lease_ttl,
        files=len({document.file for document in raw}),
    )


def in_order(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Each problem once, by file and line; those without a place first."""
    nowhere = SourceMark("", 0, 0)
    return tuple(sorted(dict.fromkeys(problems), key=lambda p: (p.where or nowhere, p.code)))


@dataclass(slots=True)
class _Reader:
    """What has been read so far."""

    layout: Layout
    raw: list[RawDocument] = field(default_factory=list)
    documents: list[Document] = field(default_factory=list)
    profiles: dict[str, Profile] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[tuple[str, str]] = field(default_factory=set)
    variables: dict[str, str] = field(default_factory=dict)
    env: str = ""

    def __post_init__(self) -> None:
        self.problems.extend(self.layout.problems)

    def read(self, name: str) -> None:
        content = read_documents(name, self.layout)
        self.raw.extend(content.documents)
        self.problems.extend(content.problems)
        self.broken |= content.broken

    def settle(self, env: str) -> Chosen:
        """Take the Project document out of the others and apply the environment."""
        projects = [d for d in self.raw if d.kind == _PROJECT]
        own = [d for d in projects if d.file == PROJECT_FILE]
        for stray in projects:
            if stray not in own[:1]:
                cause = "a project has one Project document, in reconciler.yaml at its root"
                hint = "move the settings there"
                self.problems.append(Problem("misplaced-project", cause, hint, stray.marks.at(())))
        if not own:
            self._check_nothing_chosen(env)
            return Chosen()
        check_environment(own[0].body, env)
        self.env = env
        self.variables = variables(own[0].body, env)
        project = self._accepted(own[0])
        if project is None:
            return Chosen()
        self.documents.append(project)
        chosen = choose(project.body, own[0].marks, env)
        self.problems.extend(chosen.problems)
        return chosen

    def _check_nothing_chosen(self, env: str) -> None:
        unreadable = any(
            p.where is not None and p.where.file == PROJECT_FILE for p in self.problems
        )
        if env and not unreadable:
            raise UsageError(
                f'there is no environment "{env}"',
                hint="declare it in reconciler.yaml: kind Project, spec.environments",
            )

    def accept_all(self) -> None:
        """Substitute, guard and validate every document but the Project."""
        for document in self.raw:
            if document.kind != _PROJECT and (accepted := self._accepted(document)) is not None:
                self.documents.append(accepted)

    def _accepted(self, raw: RawDocument) -> Document | None:
        body, failed = self._substituted(raw)
        masked = secret_paths(body) if raw.alarming or body is not raw.body else ()
        for path in masked:
            self.problems.append(_secret_problem(raw, path))
            _mask(body, path)
        if masked or failed or not accepts(raw.kind, body):
            rest = self._rest_of(raw, body, (*masked, *failed))
            if rest is None:
                return None
            body = rest
        return Document(raw.kind, raw.name or _PROJECT.lower(), body, raw.marks, raw.file)

    def _rest_of(
        self, raw: RawDocument, body: Any, silent: tuple[DataPath, ...]
    ) -> dict[str, Any] | None:
        """Report what is wrong with a document; what can still be judged of it, if anything."""
        from reconciler.load.explain import explain, pruned

        rest = None if silent else pruned(raw.kind, body)
        if rest is None:
            self.broken.add((raw.kind, raw.name))
        problems = explain(raw.kind, body, raw.marks, silent)
        self.problems.extend(problems)
        if not problems and not silent:
            cause = f"the document is no {raw.kind}"
            hint = f"compare it with `reconciler schema {raw.kind}`"
            self.problems.append(Problem("invalid-document", cause, hint, raw.marks.at(())))
        return rest

    def _substituted(self, raw: RawDocument) -> tuple[dict[str, Any], tuple[DataPath, ...]]:
        if not raw.has_variables:
            return raw.body, ()
        replace = Substitution(self.variables, raw.marks, self.problems)
        body = self._project_body(raw, replace) if raw.kind == _PROJECT else replace.of(raw.body)
        return body, tuple(replace.failed)

    def _project_body(self, raw: RawDocument, replace: Substitution) -> dict[str, Any]:
        """Variables are not replaced in variables, nor in environments that were not chosen."""

        def part(value: Any, path: DataPath) -> Any:
            if not isinstance(value, dict):
                return value
            return {
                key: child if key in _PRIVATE else replace.of(child, (*path, key))
                for key, child in value.items()
            }

        body = {**raw.body, "spec": part(raw.body.get("spec"), ("spec",))}
        environments = body["spec"].get("environments") if isinstance(body["spec"], dict) else None
        if isinstance(environments, dict) and self.env in environments:
            path = ("spec", "environments", self.env)
            own = {self.env: part(environments[self.env], path)}
            body["spec"]["environments"] = {**environments, **own}
        return body

    def load_profiles(self, shipped: Mapping[str, Path]) -> tuple[Document, ...]:
        """Read shipped profiles and the user's own; the shipped documents that are in use."""
        documents = {name: self._shipped(path) for name, path in shipped.items()}
        own = [d for d in self.documents if d.kind == _PROFILE]
        for document in (*(d for d in documents.values() if d is not None), *own):
            if document in own and document.name in shipped:
                cause = f'a profile "{document.name}" is shipped with the reconciler'
                where = document.mark("metadata", "name")
                self.problems.append(Problem("duplicate-name", cause, "rename yours", where))
            elif document.name not in self.profiles:
                self._add_profile(document)
        wanted = {d.body["spec"]["profile"] for d in self.documents if d.kind == "Consumer"}
        return tuple(d for d in documents.values() if d is not None and d.name in wanted)

    def _shipped(self, path: Path) -> Document | None:
        text = read_text(str(path), str(path))
        if isinstance(text, Problem):
            self.problems.append(text)
            return None
        builder = Builder(text, str(path))
        trees = list(builder.documents())
        self.problems.extend(builder.problems)
        if not trees:
            return None
        body, marks = trees[0]
        said = body if isinstance(body, dict) else {}
        return self._accepted(RawDocument(_PROFILE, said, marks, str(path)))

    def _add_profile(self, document: Document) -> None:
        profile = to_profile(document)
        if isinstance(profile, Problem):
            self.problems.append(profile)
            self.broken.add((_PROFILE, document.name))
        else:
            self.profiles[profile.name] = profile

    def complain_when_empty(self) -> None:
        """A project without any document is a mistake: nothing is empty by accident."""
        declared = any(document.kind != _PROJECT for document in self.raw)
        if declared or any(p.severity is Severity.ERROR for p in self.problems):
            return
        cause = "no document was found: nothing would be planned"
        hint = "name the folder with your YAML, or declare a Connection"
        self.problems.append(Problem("no-documents", cause, hint))


def _secret_problem(raw: RawDocument, path: DataPath) -> Problem:
    """Says where, never what."""
    name = next((step for step in reversed(path) if isinstance(step, str)), "the document")
    return Problem(
        "secret-value",
        f'the value of "{name}" looks like a secret',
        "put it into a file or an environment variable and refer to it; then change the secret, "
        "because it was readable here",
        raw.marks.at(path),
    )


def _mask(body: Any, path: DataPath) -> None:
    for step in path[:-1]:
        body = body[step]
    body[path[-1]] = MASK


def _digest(documents: Iterable[Document]) -> str:
    """Binds what the documents say: not their files, order, comments or layout."""
    said = sorted(((d.kind, d.name, _meaning(d)) for d in documents), key=lambda said: said[:2])
    text = json.dumps(said, sort_keys=True, separators=(",", ":"))
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _meaning(document: Document) -> Mapping[str, Any]:
    body = document.body
    if document.kind != _PROJECT:
        return body
    spec = {k: v for k, v in body.get("spec", {}).items() if k not in _PRIVATE}
    return {**body, "spec": spec}
