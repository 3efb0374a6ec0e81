"""Webhooks of repositories and of the workspace.

Source: https://developer.atlassian.com/cloud/bitbucket/rest/api-group-repositories/ and
api-group-workspaces/ (hooks) [documented, 2026-11-21]; that a replaced webhook loses nothing but
what is sent is assumed, so that everything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import quote

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_cloud import verdicts
from reconciler.providers.bitbucket_cloud.limits import EVENTS, LONGEST_HOOK_SECRET, PAGE_SIZE
from reconciler.transport.faults import ambiguous, quoted, refused
from reconciler.transport.reply import Reply

_PARTY = "bitbucket-cloud"
_NOT_FOUND = 404
_REDIRECTS = range(300, 400)
_MOST_PAGES = 1000
_HINTS = {
    403: "the owner of the credential has to administer the repository, and for webhooks of the "
    "account the workspace",
    404: "check the spelling, and that the credential may see it",
}


class _Hook(msgspec.Struct):
    """A webhook as it is shown. Its secret never is, only whether there is one."""

    uuid: str
    url: str
    events: list[str]
    active: bool
    description: str | None = None


class _Page(msgspec.Struct):
    values: list[_Hook]
    next: str | None = None


class _Fields(msgspec.Struct):
    fields: dict[str, list[str]] = {}


class _Refusal(msgspec.Struct):
    error: _Fields


class Send(Protocol):
    """One request as a login, its address a path or a link of an answer.

    A change is not carried along a redirect: that is the reply.
    """

    async def __call__(
        self,
        method: str,
        login: Login,
        path_or_link: str,
        query: Mapping[str, str | int] | None = None,
        *,
        body: Mapping[str, object] | None = None,
        safe: bool = True,
    ) -> Reply:
        """See `Session.request` for *safe* and what it raises."""
        ...


class HookDesk:
    """The calls of a `WebhookKeeper`.

    Args:
        workspace: whose webhooks, by slug or uuid.
        send: how a request is made.
    """

    def __init__(self, workspace: str, send: Send) -> None:
        """Ask for nothing yet."""
        self._workspace = workspace
        self._send = send

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """Every webhook of *place* itself, page by page along the links."""
        path = self._path(place)
        found: dict[str, LiveWebhook] = {}
        reply = await self._send("GET", login, path, {"pagelen": PAGE_SIZE})
        for _ in range(_MOST_PAGES):
            if not reply.is_ok:
                raise _refusal(reply, "listing webhooks")
            page = reply.decode(_Page)
            found.update((hook.uuid, _live(reply, hook, place)) for hook in page.values)
            if not page.next:
                return tuple(found.values())
            reply = await self._send("GET", login, page.next)
        raise _odd(reply, "webhooks without an end")

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """PUT, which may be sent twice, or POST, which makes another each time and is not."""
        path = self._path(place)
        if webhook_id:
            path = f"{path}/{quote(webhook_id, safe='')}"
            reply = await self._send("PUT", login, path, body=to_body(order))
            return self._made(reply, place, "replacing a webhook")
        body = to_body(order, is_new=True)
        try:
            reply = await self._send("POST", login, path, body=body, safe=False)
            return self._made(reply, place, "making a webhook")
        except RemoteError as error:
            if error.fault is Fault.BAD_REPLY:
                raise ambiguous(_PARTY, error.cause) from error
            raise

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """Take a webhook away. One that is not there is success, a place that is not is none."""
        path = self._path(place)
        reply = await self._send("DELETE", login, f"{path}/{quote(webhook_id, safe='')}")
        if reply.is_ok and not reply.body:  # 204; a 200 with a page is a proxy's sign-in
            return
        if reply.status != _NOT_FOUND:
            raise _refusal(reply, "deleting a webhook")
        # The same 404 answers for an unknown place: whether it is there has to be asked.
        there = await self._send("GET", login, path, {"pagelen": 1})
        if not there.is_ok:
            raise _refusal(there, "deleting a webhook")
        there.decode(_Page)

    def _made(self, reply: Reply, place: WebhookPlace, doing: str) -> LiveWebhook:
        if not reply.is_ok:
            raise _refusal(reply, doing)
        return _live(reply, reply.decode(_Hook), place)

    def _path(self, place: WebhookPlace) -> str:
        """The path of a place's webhooks.

        A slug is unique in its workspace: the key of a project before it is not looked at.

        Raises:
            RemoteError: REJECTED; a project, which nothing can watch here, or no repository.
        """
        workspace = quote(self._workspace, safe="")
        if place.repository:
            parts = place.repository.split("/")
            if len(parts) > 2 or not all(parts):  # noqa: PLR2004  KEY/slug
                raise _rejected(
                    f"{quoted(place.repository)!r} is no repository",
                    "name it by its slug, or as KEY/slug",
                )
            return f"/repositories/{workspace}/{quote(parts[-1], safe='')}/hooks"
        if place.project:
            raise _rejected(
                f"no webhook watches a project, such as {quoted(place.project)}",
                "name each repository, or no place for the whole account (the workspace)",
            )
        return f"/workspaces/{workspace}/hooks"


def to_body(order: WebhookOrder, *, is_new: bool = False) -> dict[str, Any]:
    """Body for making (POST) and replacing (PUT) a webhook.

    A secret that is left out of a PUT stays, and null takes it away [documented, 2026-11-21]: an
    order without one says so.

    Raises:
        RemoteError: REJECTED; the secret is too long.
    """
    secret = order.secret.reveal() if order.secret else None
    if secret is not None and len(secret) > LONGEST_HOOK_SECRET:
        raise _rejected(
            f"the secret of a webhook cannot be longer than {LONGEST_HOOK_SECRET} characters",
            "give the webhook a shorter secret",
        )
    body: dict[str, Any] = {
        "description": order.name,
        "url": order.url,
        "active": True,
        "events": sorted(frozenset[str]().union(*(EVENTS.get(e, {e}) for e in order.events))),
    }
    if secret is not None or not is_new:
        body["secret"] = secret
    return body


def _live(reply: Reply, hook: _Hook, place: WebhookPlace) -> LiveWebhook:
    if not hook.uuid:
        raise _odd(reply, "a webhook without uuid")
    return LiveWebhook(
        id=hook.uuid,
        name=hook.description or "",
        url=hook.url,
        events=frozenset(hook.events),
        active=hook.active,
        place=place,
    )


def _refusal(reply: Reply, doing: str) -> RemoteError:
    """The error for a request about webhooks that was refused, with the mend."""
    if reply.status in _REDIRECTS:
        return RemoteError(
            reply.party,
            Fault.NOT_FOUND,
            f"{reply.party}: the place of the webhook has another address now",
            hint="it was renamed or moved: write its present name",
        )
    error = verdicts.listing_refusal(reply)
    if error.fault in (Fault.SCOPE, Fault.ALLOWLIST):
        return error
    error = refused(reply, doing, hint=_HINTS.get(reply.status, ""))
    fields = _fields(reply)
    if not fields:
        return error
    return RemoteError(reply.party, error.fault, f"{error.cause}; {fields}", hint=error.hint)


def _fields(reply: Reply) -> str:
    """What a refusal says of single fields; empty when nothing."""
    try:
        fields = reply.decode(_Refusal).error.fields
    except RemoteError:
        return ""
    return quoted("; ".join(f"{name}: {' '.join(words)}" for name, words in fields.items()))


def _rejected(cause: str, hint: str) -> RemoteError:
    return RemoteError(_PARTY, Fault.REJECTED, f"{_PARTY}: {cause}", hint=hint)


def _odd(reply: Reply, what: str) -> RemoteError:
    return RemoteError(
        reply.party,
        Fault.BAD_REPLY,
        f"{reply.party} lists {what}",
        hint="run again; if it stays, the API has changed: report this",
    )
