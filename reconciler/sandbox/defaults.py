"""The estate that every sandbox starts with, and what is generated onto it from the seed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from reconciler.sandbox.estate import Project, Repository, User, Workspace
from reconciler.sandbox.identity import Ids
from reconciler.sandbox.settings import Generate, Settings

if TYPE_CHECKING:
    from reconciler.sandbox.bitbucket import BitbucketEstate

BORN = datetime(2022, 1, 11, 8, 0, tzinfo=UTC)
"""When the default estate begins; repositories follow at intervals."""

READER_SCOPES = ("repository", "project", "account")
"""What the product's own reader needs, in the classic vocabulary of access tokens."""

OX_SCOPES = (
    "read:account",
    "read:workspace:bitbucket",
    "read:project:bitbucket",
    "admin:project:bitbucket",
    "read:repository:bitbucket",
    "write:repository:bitbucket",
    "admin:repository:bitbucket",
    "read:pullrequest:bitbucket",
    "write:pullrequest:bitbucket",
    "read:issue:bitbucket",
    "write:issue:bitbucket",
    "read:snippet:bitbucket",
    "read:webhook:bitbucket",
    "write:webhook:bitbucket",
    "read:pipeline:bitbucket",
    "read:runner:bitbucket",
    "read:user:bitbucket",
)
"""What OX asks for: https://docs.ox.security/get-started/onboarding-to-ox/source-control/bitbucket-1
[documented, 2026-11-21]."""

_ACME = (
    ("PAY", "payments-api", "python"),
    ("PAY", "payments-web", "typescript"),
    ("PAY", "payments-archive", "java"),
    ("PAY", "ledger", "go"),
    ("PLAT", "shared-auth", "go"),
    ("PLAT", "shared-utils", "python"),
    ("PLAT", "shared-lib", "python"),
    ("PLAT", "ci-images", "shell"),
    ("PLAT", "infra-live", "hcl"),
    ("WEB", "storefront", "typescript"),
    ("WEB", "docs-site", "mdx"),
    ("WEB", "design-tokens", ""),
)
_GLOBEX = (
    ("CORE", "billing-core", "java"),
    ("CORE", "identity-service", "kotlin"),
    ("CORE", "shared-lib", "python"),
    ("LABS", "forecast-models", "python"),
    ("LABS", "notebooks", ""),
)
_PROJECT_NAMES = {
    "PAY": "Payments",
    "PLAT": "Platform",
    "WEB": "Web",
    "CORE": "Core",
    "LABS": "Labs",
}
_PEOPLE = (
    ("ada@acme.example", "ada-acme", "Ada Okafor"),
    ("ox-bot@acme.example", "acme-ox-bot", "OX Bot"),
    ("greta@globex.example", "greta-globex", "Greta Lind"),
)
_ROLES = {
    "acme": {"ada@acme.example": "owner", "ox-bot@acme.example": "member"},
    "globex": {"greta@globex.example": "owner"},
}
_WORDS = ("api", "web", "worker", "lib", "infra", "data", "mobile", "batch")
_LANGUAGES = ("python", "typescript", "go", "java", "kotlin", "rust", "c#", "")


def furnish(bitbucket: BitbucketEstate, settings: Settings, credentials: dict[str, str]) -> None:
    """Fill an empty estate and hand out the credentials that its users begin with."""
    people = {email: _person(bitbucket.ids, *rest) for email, *rest in _named_people()}
    for person in people.values():
        bitbucket.estate.users[person.uuid] = person
    for slug, name, rows in (("acme", "Acme", _ACME), ("globex", "Globex", _GLOBEX)):
        members = {people[email].uuid: role for email, role in _ROLES[slug].items()}
        workspace = Workspace(bitbucket.ids.uuid(), slug, name, BORN, members)
        bitbucket.estate.put_workspace(workspace)
        _put_named(bitbucket, workspace, rows)
    _fork_shared_lib(bitbucket)
    for wish in settings.generate:
        generate(bitbucket, wish, settings.seed)
    _hand_out(bitbucket, credentials)


def _named_people() -> Iterator[tuple[str, str, str, str]]:
    for email, username, display in _PEOPLE:
        yield email, email, username, display


def _person(ids: Ids, email: str, username: str, display: str) -> User:
    return User(
        uuid=ids.uuid(),
        account_id=f"712020:{ids.bare()}",
        email=email,
        username=username,
        nickname=username.split("-", maxsplit=1)[0],
        display_name=display,
        created_on=BORN,
    )


def _put_named(
    bitbucket: BitbucketEstate, workspace: Workspace, rows: tuple[tuple[str, str, str], ...]
) -> None:
    for key in dict.fromkeys(key for key, _, _ in rows):
        bitbucket.estate.put_project(
            Project(bitbucket.ids.uuid(), key, _PROJECT_NAMES[key], workspace.uuid, BORN)
        )
    bitbucket.estate.put_repositories(
        _repository(bitbucket.ids, workspace, row, number) for number, row in enumerate(rows)
    )


def _repository(
    ids: Ids, workspace: Workspace, row: tuple[str, str, str], number: int
) -> Repository:
    key, slug, language = row
    created = BORN + timedelta(days=number * 20, microseconds=number)
    return Repository(
        uuid=ids.uuid(),
        slug=slug,
        name=slug,
        workspace=workspace.uuid,
        project=key,
        created_on=created,
        updated_on=created + timedelta(days=700, seconds=number),
        main_branch="main" if language else "",
        size=ids.number(40_000, 9_000_000) if language else 0,
        language=language,
        is_private=slug != "docs-site",
    )


def _fork_shared_lib(bitbucket: BitbucketEstate) -> None:
    """Make acme's shared-lib a fork of globex's, so that selections can leave forks out."""
    from dataclasses import replace

    parent = bitbucket.repository("globex", "shared-lib")
    fork = bitbucket.repository("acme", "shared-lib")
    bitbucket.estate.put_repositories([replace(fork, parent=parent.uuid)])


def generate(bitbucket: BitbucketEstate, wish: Generate, seed: int) -> None:
    """Fill a workspace up to the wished numbers of projects and repositories."""
    estate = bitbucket.estate
    ids = Ids(seed, f"generate/{wish.workspace}")
    workspace = estate.find_workspace(wish.workspace)
    if workspace is None:
        owner = bitbucket.user("ada@acme.example").uuid
        workspace = Workspace(
            ids.uuid(), wish.workspace, wish.workspace.title(), BORN, {owner: "owner"}
        )
        estate.put_workspace(workspace)
    for number in range(len(estate.projects(workspace)), max(wish.projects, 1)):
        key = f"GEN{number}"
        estate.put_project(Project(ids.uuid(), key, f"Generated {number}", workspace.uuid, BORN))
    keys = [project.key for project in estate.projects(workspace)]
    first = estate.count(workspace)
    estate.put_repositories(
        _generated(ids, workspace.uuid, keys[number % len(keys)], number)
        for number in range(first, wish.repositories)
    )


def _generated(ids: Ids, workspace: str, project: str, number: int) -> Repository:
    created = BORN + timedelta(minutes=number)
    name = f"{_WORDS[number % len(_WORDS)]}-{number:06d}"
    return Repository(
        uuid=ids.uuid(),
        slug=name,
        name=name,
        workspace=workspace,
        project=project,
        created_on=created,
        updated_on=created + timedelta(days=number % 600),
        size=10_000 + number * 7,
        language=_LANGUAGES[number % len(_LANGUAGES)],
    )


def _hand_out(bitbucket: BitbucketEstate, credentials: dict[str, str]) -> None:
    credentials["BITBUCKET_WORKSPACE"] = "acme"
    credentials["BITBUCKET_SECOND_WORKSPACE"] = "globex"
    for home in bitbucket.estate.workspaces.values():
        minted = bitbucket.mint_access_token(home.slug, READER_SCOPES, name="reconciler-reader")
        name = home.slug.upper().replace("-", "_").replace(".", "_")
        credentials[f"{name}_READER_TOKEN"] = minted.token
    bot = bitbucket.mint_api_token("ox-bot@acme.example", OX_SCOPES, name="ox")
    credentials["OX_BOT_EMAIL"] = "ox-bot@acme.example"
    credentials["OX_BOT_TOKEN"] = bot.token
    consumer, secret = bitbucket.oauth.create_consumer(
        "auth0",
        bitbucket.estate.workspace("acme").uuid,
        ("account", "email", "repository"),
        callback="https://acme.example/login/callback",
    )
    credentials["BITBUCKET_OAUTH_KEY"] = consumer.key
    credentials["BITBUCKET_OAUTH_SECRET"] = secret
