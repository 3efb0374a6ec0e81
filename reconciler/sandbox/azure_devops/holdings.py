"""What an organization holds, its projects and repositories, and the hands that change them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from reconciler.errors import UsageError
from reconciler.sandbox.azure_devops.estate import (
    Estate,
    Operation,
    Project,
    Repository,
    TfvcItem,
)
from reconciler.sandbox.identity import Ids
from reconciler.sandbox.settings import Clock


class Holdings:
    """Projects and repositories of one organization.

    Projects and repositories are named by name or by guid. Every hand raises UsageError for what
    is not there, and for names that are taken.
    """

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        self.clock = clock
        self.ids = Ids(seed, "azure-devops")
        self.estate = Estate()

    # Projects ---------------------------------------------------------------------------------

    def project(self, identifier: str) -> Project:
        """The project of that name or id."""
        found = self.estate.find_project(identifier, former=False)
        if found is None:
            raise UsageError(
                f"{self.name} has no project {identifier}", hint="name it by name or id"
            )
        return found

    def create_project(
        self, name: str, *, tfvc: bool = False, git: bool = True, state: str = "wellFormed"
    ) -> Project:
        """Create a project, without any repository."""
        self._refuse_taken(name)
        identifier = self.ids.bare()
        if tfvc:
            self.estate.trees[identifier] = self._tree()
        return self.estate.put_project(
            Project(
                id=identifier,
                name=name,
                description="",
                state=state,
                visibility="private",
                revision=11,
                updated_at=self.clock.now(),
                team=self.ids.bare(),
                has_git=git,
                has_tfvc=tfvc,
            )
        )

    def _tree(self) -> tuple[TfvcItem, ...]:
        """A folder that is a branch, two files in it, and a plain folder."""
        now = self.clock.now()
        return (
            TfvcItem("", 1, now, is_folder=True),
            TfvcItem("Docs", 3, now, is_folder=True),
            TfvcItem("Main", 2, now, is_folder=True, is_branch=True),
            TfvcItem("Main/app.cs", 4, now, size=2048),
            TfvcItem("Main/readme.txt", 2, now, size=4),
        )

    def rename_project(self, project: str, name: str) -> Project:
        """Give a project a new name; its id stays, and the old name works in addresses."""
        found = self.project(project)
        if name.lower() != found.name.lower():
            self._refuse_taken(name)
        return self.change_project(
            found, name=name, former_names=(*found.former_names, found.name.lower())
        )

    def change_project(self, project: Project, **changes: Any) -> Project:
        """Change some fields of a project; its revision moves."""
        changed = replace(
            project,
            **changes,
            revision=project.revision + 1,
            updated_at=self.clock.now(),
        )
        return self.estate.put_project(changed)

    def delete_project(self, project: str) -> Project:
        """Delete a project with everything in it; it can be restored."""
        return self.change_project(self.project(project), state="deleted")

    def _refuse_taken(self, name: str) -> None:
        if self.estate.find_project(name, former=False) is not None:
            raise UsageError(f"{self.name} has a project {name} already", hint="choose another")

    def queue(self, polls: int) -> Operation:
        """Note a queued change that says ``inProgress`` *polls* times."""
        operation = Operation(self.ids.bare(), polls)
        self.estate.operations[operation.id] = operation
        return operation

    # Repositories -----------------------------------------------------------------------------

    def repository(self, project: str, identifier: str) -> Repository:
        """The repository of that name or id, in the recycle bin too when named by id."""
        home = self.project(project)
        found = self.estate.find_repository(identifier, home)
        if found is None:
            raise UsageError(
                f"project {home.name} has no repository {identifier}", hint="by name or id"
            )
        return found

    def create_repository(
        self,
        project: str,
        name: str,
        *,
        branch: str = "main",
        size: int = 1839,
        parent: str = "",
        is_hidden: bool = False,
    ) -> Repository:
        """Create a repository with a commit in it; *branch* empty and *size* 0 for none."""
        home = self.project(project)
        self._refuse_repository(home, name)
        made = Repository(
            id=self.ids.bare(),
            name=name,
            project=home.id,
            branch=branch,
            size=size,
            created_at=self.clock.now(),
            is_hidden=is_hidden,
            parent=parent,
        )
        self.estate.put_repositories(home.id, [made])
        return made

    def rename_repository(self, project: str, repository: str, name: str) -> Repository:
        """Give a repository a new name; its id stays, the old name is free at once."""
        found = self.repository(project, repository)
        if name.lower() != found.name.lower():
            self._refuse_repository(self.project(project), name)
        return self._put(replace(found, name=name))

    def disable_repository(
        self, project: str, repository: str, *, is_disabled: bool = True
    ) -> Repository:
        """Disable a repository, or enable it again."""
        return self._put(replace(self.repository(project, repository), is_disabled=is_disabled))

    def delete_repository(self, project: str, repository: str, *, by: str = "") -> Repository:
        """Put a repository into the recycle bin."""
        found = self.repository(project, repository)
        return self._put(replace(found, deleted_at=self.clock.now(), deleted_by=by))

    def restore_repository(self, project: str, repository: str) -> Repository:
        """Take a repository out of the recycle bin; it is named by its id."""
        found = self.repository(project, repository)
        self._refuse_repository(self.project(project), found.name)
        return self._put(replace(found, deleted_at=None, deleted_by=""))

    def fill(self, projects: int, repositories_each: int) -> None:
        """Add *projects* projects with so many repositories each, fast."""
        now, ids, first = self.clock.now(), self.ids, len(self.estate.projects)
        for number in range(first, first + projects):
            project = self.create_project(f"Team {number:05}")
            self.estate.put_repositories(
                project.id,
                [
                    Repository(ids.bare(), f"service-{place:04}", project.id, "main", 1839, now)
                    for place in range(repositories_each)
                ],
            )

    def _put(self, repository: Repository) -> Repository:
        self.estate.put_repositories(repository.project, [repository])
        return repository

    def _refuse_repository(self, home: Project, name: str) -> None:
        if self.estate.find_repository(name, home) is not None:
            raise UsageError(
                f"project {home.name} has a repository {name} already", hint="choose another name"
            )
