"""The calls that keep webhooks: subscriptions of service hooks, several for one webhook.

Source: https://learn.microsoft.com/rest/api/azure/devops/hooks/subscriptions [documented,
2026-11-21]; that the permissions come from the credential's owner, and which, is in
https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks [documented, 2026-11-21].
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.azure_devops import convert, verdicts
from reconciler.providers.azure_devops.hosts import Hosts
from reconciler.providers.azure_devops.limits import PARTY, RELEASED
from reconciler.providers.azure_devops.signin import SignIn, unfit, unfit_error
from reconciler.providers.azure_devops.subscriptions import (
    KIND,
    Subscription,
    Subscriptions,
    bodies_of,
    check,
    to_webhooks,
)
from reconciler.transport.faults import ambiguous
from reconciler.transport.reply import Reply

_VERSION: Mapping[str, str | int] = {"api-version": RELEASED}
_SCOPE = "vso.code"
_LASTING = frozenset({Fault.REJECTED, Fault.PERMISSION, Fault.SCOPE, Fault.NOT_FOUND})
"""Refusals that another try would meet again."""

_EDIT_HINT = (
    "give the credential's owner the permissions View subscriptions and Edit subscriptions, which "
    "project administrators have; webhooks of the whole account take an administrator of the "
    "project collection"
)
_SCOPE_HINT = "give the credential the scope vso.code (vso.work or vso.build also do)"
_PLACE_HINT = (
    "check the spelling (`Project/repository`), and that the credential's owner may see it; a "
    "disabled repository cannot be found either"
)
_AGAIN = "run `reconciler plan`: it looks at what is there now"

Body = Mapping[str, Any]


class _Project(msgspec.Struct):
    id: str


class _Repository(msgspec.Struct):
    id: str
    project: _Project


class Hooks:
    """The webhooks of one organization, for whoever shows a credential."""

    def __init__(self, hosts: Hosts, sign_in: SignIn) -> None:
        """Ask for nothing yet."""
        self._hosts = hosts
        self._sign_in = sign_in
        self._path = f"{hosts.path}/_apis/hooks/subscriptions"
        self._places: dict[tuple[Login, WebhookPlace], Mapping[str, str]] = {}

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """Every web hook of *place* itself; those of ours that are not whole are not active."""
        inputs = await self._inputs(login, place)
        found = await self._all(login)
        return to_webhooks([one for one in found if one.watches(inputs)], place)

    async def put(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """Make the subscriptions of one webhook as ordered, one for each event.

        Sending it again with an id finishes what was begun. What is missing is made first and
        what is too much goes last, so that no event is missed in between.

        Raises:
            RemoteError: AMBIGUOUS when the answer to making one was lost; NOT_FOUND when nothing
                is left of the webhook of that id; REJECTED, with nothing sent, for a secret that
                does not fit.
        """
        check(order)
        inputs = await self._inputs(login, place)
        mine = await self._members(login, webhook_id) if webhook_id else []
        if webhook_id and not mine:
            raise RemoteError(
                PARTY, Fault.NOT_FOUND, f"{PARTY}: the webhook of {place} is gone", hint=_AGAIN
            )
        bodies = bodies_of(order, inputs, webhook_id.lower() or uuid4().hex)
        kept: dict[str, Subscription] = {}
        for one in mine:
            if one.event_type in bodies:
                kept.setdefault(one.event_type, one)
        missing = [body for event, body in bodies.items() if event not in kept]
        done, lost = await self._create_all(login, missing, order.name)
        done += [await self._replace(login, one, bodies[event]) for event, one in kept.items()]
        for one in mine:
            if kept.get(one.event_type) is not one:
                await self._remove(login, one.guid)
        if lost is not None:
            raise lost
        return to_webhooks(done, place)[0]

    async def delete(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """Take away every subscription of a webhook; those that are gone are taken away."""
        await self._inputs(login, place)
        for one in await self._members(login, webhook_id):
            await self._remove(login, one.guid)

    async def _inputs(self, login: Login, place: WebhookPlace) -> Mapping[str, str]:
        """What a subscription says of its place; an empty project is the whole organization.

        Looked up once: ids stay when something is renamed.
        """
        if refusal := unfit(login):
            raise unfit_error(refusal)
        if (login, place) not in self._places:
            self._places[login, place] = await self._look_up(login, place)
        return self._places[login, place]

    async def _look_up(self, login: Login, place: WebhookPlace) -> Mapping[str, str]:
        doing = f"looking up {place}"
        if place.repository:
            project, _, name = place.repository.partition("/")
            if not (project and name) or "/" in name:
                raise RemoteError(
                    PARTY,
                    Fault.REJECTED,
                    f"{PARTY}: {place.repository!r} names no repository",
                    hint="write `Project/repository`",
                )
            path = f"{convert.repositories_path(self._hosts.path, project)}/{quote(name, safe='')}"
            reply = await self._read(login, path, doing)
            found = reply.decode(_Repository)
            return {"projectId": found.project.id.lower(), "repository": found.id.lower()}
        if place.project:
            path = f"{self._hosts.path}/_apis/projects/{quote(place.project, safe='')}"
            reply = await self._read(login, path, doing)
            return {"projectId": reply.decode(_Project).id.lower()}
        return {"projectId": ""}

    async def _read(self, login: Login, path: str, doing: str) -> Reply:
        headers = await self._sign_in.headers(login)
        reply = await self._hosts.core.get(path, params=_VERSION, headers=headers)
        if not _is_good(reply):
            raise await self._refused(login, reply, doing, _PLACE_HINT)
        return reply

    async def _all(self, login: Login) -> list[Subscription]:
        """Every web hook of the organization that the caller may see; there are no pages."""
        headers = await self._sign_in.headers(login)
        query = {**KIND, **_VERSION}
        reply = await self._hosts.listing.get(self._path, params=query, headers=headers)
        if not _is_good(reply):
            raise await self._refused(login, reply, "listing service hooks")
        return reply.decode(Subscriptions).value

    async def _members(self, login: Login, webhook_id: str) -> list[Subscription]:
        wanted = webhook_id.lower()
        found = [one for one in await self._all(login) if one.webhook == wanted]
        return sorted(found, key=lambda one: one.guid)

    async def _create_all(
        self, login: Login, bodies: Sequence[Body], name: str
    ) -> tuple[list[Subscription], RemoteError | None]:
        """Make all of them, past one whose answer is lost, as it may well be there.

        When one is refused for good, those before it are taken away.

        Returns:
            Those that are certain, and the error of one that is not.
        """
        made: list[Subscription] = []
        lost: RemoteError | None = None
        for body in bodies:
            try:
                made.append(await self._create(login, body))
                if made[-1].tag.name != name:
                    raise _nameless()
            except RemoteError as error:
                if error.fault is not Fault.AMBIGUOUS:
                    if error.fault in _LASTING:
                        await self._undo(login, made)
                    raise
                lost = lost or error
        return made, lost

    async def _create(self, login: Login, body: Body) -> Subscription:
        reply = await self._send(login, "POST", self._path, body, safe=False)
        if not _is_good(reply):
            raise await self._refused(login, reply, "making a service hook")
        try:
            return reply.decode(Subscription)
        except RemoteError as error:
            raise ambiguous(PARTY, "its answer could not be read") from error

    async def _undo(self, login: Login, made: Sequence[Subscription]) -> None:
        """Take away what was just made. What stays is listed, and not active."""
        for one in made:
            try:
                await self._remove(login, one.guid)
            except RemoteError:
                return

    async def _replace(self, login: Login, old: Subscription, body: Body) -> Subscription:
        """Replace all of it, also where it looks right: its secret cannot be looked at."""
        whole = {**body, "id": old.guid, "status": "enabled"}
        reply = await self._send(login, "PUT", f"{self._path}/{old.guid}", whole)
        if not _is_good(reply):
            raise await self._refused(login, reply, "changing a service hook", _AGAIN)
        return reply.decode(Subscription)

    async def _remove(self, login: Login, guid: str) -> None:
        """Take one away. A 404 may as well be about the organization: then the list tells."""
        reply = await self._send(login, "DELETE", f"{self._path}/{guid}", None)
        if _is_good(reply):
            if reply.body:
                reply.json()  # a page in the place of an answer deletes nothing
            return
        is_vague = reply.status == 404  # noqa: PLR2004  Not Found
        if is_vague and guid not in {one.guid for one in await self._all(login)}:
            return
        raise await self._refused(login, reply, "deleting a service hook")

    async def _send(
        self, login: Login, method: str, path: str, body: Body | None, *, safe: bool = True
    ) -> Reply:
        headers = dict(await self._sign_in.headers(login))
        if body is not None:
            headers["Content-Type"] = "application/json"
        content = None if body is None else msgspec.json.encode(body)
        return await self._hosts.core.request(
            method, path, params=_VERSION, headers=headers, content=content, safe=safe
        )

    async def _refused(self, login: Login, reply: Reply, doing: str, hint: str = "") -> RemoteError:
        """Why not: the owner's permissions, the credential's scopes, or the credential itself.

        *hint* is the mend of a 404. A lacking scope looks like a dead credential: then it is
        asked who it is.
        """
        error = verdicts.refusal(reply, doing, scope=_SCOPE, hint=hint)
        if error.fault is Fault.PERMISSION and hint != _PLACE_HINT:
            return RemoteError(PARTY, Fault.PERMISSION, error.cause, hint=_EDIT_HINT)
        if error.fault is Fault.CREDENTIAL and await self._is_somebody(login):
            return RemoteError(
                PARTY,
                Fault.SCOPE,
                f"{PARTY} knows the credential, and refused it ({reply.status} to {doing}): it "
                f"lacks the scope {_SCOPE}",
                hint=_SCOPE_HINT,
                required=(_SCOPE,),
            )
        return error

    async def _is_somebody(self, login: Login) -> bool:
        try:
            reply = await self._hosts.connection(await self._sign_in.headers(login))
        except RemoteError:
            return False
        return bool(verdicts.judge_connection(reply).identity)


def _is_good(reply: Reply) -> bool:
    return reply.is_ok and not verdicts.is_turned_away(reply)


def _nameless() -> RemoteError:
    return RemoteError(
        PARTY,
        Fault.REJECTED,
        f"{PARTY} does not show the header by which a webhook of ours is known again",
        hint="make this webhook by hand under Project settings > Service hooks, and report this",
    )
