"""The key-value stores of an emulated Vault: what each path of a mount answers.

Version 2: ``data``, ``delete``, ``undelete``, ``destroy``, ``metadata``, with the shapes of
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2; version 1 gives its path as it is:
https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v1 [documented, 2026-11-21]. The text of
a failed check-and-set is observed in other clients' tests, the other error texts are assumed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import uuid4

from starlette.responses import JSONResponse, Response

from reconciler.sandbox.vault_state import MOST_VERSIONS, Entry, VaultState, Version

Body = dict[str, Any]

UNSUPPORTED: Final = "1 error occurred:\n\t* unsupported operation\n\n"
DENIED: Final = "1 error occurred:\n\t* permission denied\n\n"

_NEEDS = {"GET": "read", "DELETE": "delete", "LIST": "list"}
_VERSION_2 = 2


@dataclass(frozen=True, slots=True)
class Ask:
    """One request inside a mount; ``method`` is LIST where ``?list=true`` says so."""

    method: str
    mount: str
    path: str
    query: dict[str, str]
    body: Body

    @property
    def place(self) -> str:
        """Mount and path of the secret."""
        return self.mount + self.path


def refuse(status: int, *errors: str) -> Response:
    """An error as Vault answers it."""
    return JSONResponse({"errors": list(errors)}, status)


def done(data: Body, status: int = 200, kind: str = "kv") -> Response:
    """An answer in Vault's envelope."""
    return JSONResponse(
        {
            "request_id": str(uuid4()),
            "lease_id": "",
            "renewable": False,
            "lease_duration": 0,
            "data": data,
            "wrap_info": None,
            "warnings": None,
            "auth": None,
            "mount_type": kind,
        },
        status,
    )


def serve(state: VaultState, ask: Ask) -> Response:
    """Answer a request for a path of a mount."""
    if state.mounts[ask.mount] != _VERSION_2:
        return _plain(state, ask)
    family, _, path = ask.path.partition("/")
    handler = _FAMILIES.get(family)
    if handler is None:
        return refuse(404)
    inside = Ask(ask.method, ask.mount, path, ask.query, ask.body)
    if not _is_allowed(state, inside, inside.place in state.entries):
        return refuse(403, DENIED)
    return handler(state, inside)


def _is_allowed(state: VaultState, ask: Ask, exists: bool) -> bool:
    needed = _NEEDS.get(ask.method) or ("update" if exists else "create")
    return needed in state.allowed


def _data(state: VaultState, ask: Ask) -> Response:
    match ask.method:
        case "GET":
            return _read(state, ask)
        case "POST" | "PUT":
            return _store(state, ask)
        case "DELETE":
            entry = state.entries.get(ask.place)
            _mark(entry, [entry.current] if entry else [], state.now())
            return Response(status_code=204)
        case _:
            return refuse(405, UNSUPPORTED)


def _read(state: VaultState, ask: Ask) -> Response:
    entry = state.entries.get(ask.place)
    wanted = int(ask.query.get("version") or 0)
    found = entry.versions.get(wanted or entry.current) if entry else None
    if entry is None or found is None:
        return refuse(404)
    body = {"data": found.data if found.is_alive else None, "metadata": _metadata(entry, found)}
    return done(body, 200 if found.is_alive else 404)


def _store(state: VaultState, ask: Ask) -> Response:
    data = ask.body.get("data")
    if not isinstance(data, dict):
        return refuse(400, "no data provided")
    known = state.entries.get(ask.place)
    cas = (ask.body.get("options") or {}).get("cas")
    if cas is None and known is not None and known.needs_cas:
        return refuse(400, "check-and-set parameter required for this call")
    if cas is not None and cas != (known.current if known else 0):
        return refuse(400, "check-and-set parameter did not match the current version")
    entry = state.entry(ask.place)
    return done(_metadata(entry, entry.add(data, state.now())))


def _delete(state: VaultState, ask: Ask) -> Response:
    return _versions(state, ask, lambda entry, numbers: _mark(entry, numbers, state.now()))


def _undelete(state: VaultState, ask: Ask) -> Response:
    return _versions(state, ask, lambda entry, numbers: _mark(entry, numbers, None))


def _destroy(state: VaultState, ask: Ask) -> Response:
    def destroy(entry: Entry, numbers: list[int]) -> None:
        for number in set(numbers) & set(entry.versions):
            entry.versions[number].data = None
            entry.versions[number].is_destroyed = True

    return _versions(state, ask, destroy)


def _versions(state: VaultState, ask: Ask, change: Callable[[Entry, list[int]], None]) -> Response:
    if ask.method not in ("POST", "PUT"):
        return refuse(405, UNSUPPORTED)
    numbers = ask.body.get("versions")
    if not isinstance(numbers, list) or not numbers:
        return refuse(400, "No version number provided")
    entry = state.entries.get(ask.place)
    if entry is not None:
        change(entry, [int(number) for number in numbers])
    return Response(status_code=204)


def _mark(entry: Entry | None, numbers: list[int], at: datetime | None) -> None:
    """Delete versions at an instant, or bring them back."""
    for number in set(numbers) & set(entry.versions if entry else ()):
        if entry is not None and not entry.versions[number].is_destroyed:
            entry.versions[number].deleted = at


def _about(state: VaultState, ask: Ask) -> Response:
    """The path ``metadata``: the secret's history and settings, or the names in a folder."""
    entry = state.entries.get(ask.place)
    match ask.method:
        case "LIST":
            names = _names(state, ask.place)
            return done({"keys": names}) if names else refuse(404)
        case "GET":
            return done(_history(entry)) if entry else refuse(404)
        case "POST" | "PUT":
            entry = state.entry(ask.place)
            entry.needs_cas = bool(ask.body.get("cas_required", entry.needs_cas))
            entry.most_versions = int(ask.body.get("max_versions", entry.most_versions))
            entry.notes = ask.body.get("custom_metadata", entry.notes)
            return Response(status_code=204)
        case "DELETE":
            state.entries.pop(ask.place, None)
            return Response(status_code=204)
        case _:
            return refuse(405, UNSUPPORTED)


def _names(state: VaultState, folder: str) -> list[str]:
    start = f"{folder.rstrip('/')}/"
    inside = [place.removeprefix(start) for place in state.entries if place.startswith(start)]
    return sorted({name.partition("/")[0] + ("/" if "/" in name else "") for name in inside})


def _metadata(entry: Entry, version: Version) -> Body:
    return {**_stamps(version), "custom_metadata": entry.notes, "version": version.number}


def _stamps(version: Version) -> Body:
    return {
        "created_time": _iso(version.created),
        "deletion_time": _iso(version.deleted) if version.deleted else "",
        "destroyed": version.is_destroyed,
    }


def _history(entry: Entry) -> Body:
    return {
        "cas_required": entry.needs_cas,
        "created_time": _iso(entry.created),
        "current_version": entry.current,
        "custom_metadata": entry.notes,
        "delete_version_after": "0s",
        "max_versions": entry.most_versions,
        "oldest_version": min(entry.versions, default=0) if entry.current > MOST_VERSIONS else 0,
        "updated_time": _iso(entry.updated),
        "versions": {str(number): _stamps(v) for number, v in sorted(entry.versions.items())},
    }


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _plain(state: VaultState, ask: Ask) -> Response:
    """A store of version 1: the body is the secret, and a write answers with nothing."""
    if not _is_allowed(state, ask, ask.place in state.plain):
        return refuse(403, DENIED)
    match ask.method:
        case "GET":
            found = state.plain.get(ask.place)
            return refuse(404) if found is None else done(found)
        case "POST" | "PUT":
            state.plain[ask.place] = ask.body
            return Response(status_code=204)
        case "DELETE":
            state.plain.pop(ask.place, None)
            return Response(status_code=204)
        case _:
            return refuse(405, UNSUPPORTED)


_FAMILIES: Final[dict[str, Callable[[VaultState, Ask], Response]]] = {
    "data": _data,
    "delete": _delete,
    "undelete": _undelete,
    "destroy": _destroy,
    "metadata": _about,
}
