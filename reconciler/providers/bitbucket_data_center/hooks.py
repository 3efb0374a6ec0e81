"""Webhooks of projects and repositories. One of a project is called for all its repositories.

Source: https://developer.atlassian.com/server/bitbucket/rest/ "Project" and "Repository" (webhooks)
[documented, 2026-11-21]; that PUT replaces the whole webhook, and that answers may show its secret,
is observed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote, urljoin

import msgspec

from reconciler.errors import Fault, RemoteError
from reconciler.model.webhook import LiveWebhook, WebhookOrder, WebhookPlace
from reconciler.ports.provider import Login
from reconciler.providers.bitbucket_data_center import verdicts
from reconciler.providers.bitbucket_data_center.limits import API, EVENTS, PAGE_SIZE, PARTY
from reconciler.transport import auth
from reconciler.transport.faults import ambiguous, quoted
from reconciler.transport.reply import Reply
from reconciler.transport.session import Session

_NOT_FOUND = 404
_REDIRECTS = range(300, 400)
_MOST_PAGES = 1000


class _Hook(msgspec.Struct):
    """A webhook as it is shown. ``configuration``, which may hold its secret, is not read."""

    id: int
    name: str
    url: str
    events: list[str]
    active: bool


class _Page(msgspec.Struct, rename="camel"):
    values: list[_Hook]
    is_last_page: bool
    next_page_start: int | None = None


class HookDesk:
    """The calls of a `WebhookKeeper`.

    Args:
        api: the instance.
        writes: the instance, with redirects as replies: a change does not go along with them.
    """

    def __init__(self, api: Session, writes: Session) -> None:
        """Ask for nothing yet."""
        self._api = api
        self._writes = writes

    async def webhooks(self, login: Login, place: WebhookPlace) -> tuple[LiveWebhook, ...]:
        """Every webhook of *place* itself, page by page."""
        path = _path(place)
        found: dict[int, LiveWebhook] = {}
        start = 0
        for _ in range(_MOST_PAGES):
            page = await self._page(login, path, start, PAGE_SIZE, "listing webhooks")
            found.update((hook.id, _live(hook, place)) for hook in page.values)
            if page.is_last_page:
                return tuple(found.values())
            if page.next_page_start is None or page.next_page_start <= start:
                break
            start = page.next_page_start
        raise RemoteError(
            PARTY,
            Fault.BAD_REPLY,
            f"{PARTY} lists webhooks without an end",
            hint="run again; if it stays, the API has changed: report this",
        )

    async def put_webhook(
        self, login: Login, place: WebhookPlace, order: WebhookOrder, webhook_id: str
    ) -> LiveWebhook:
        """PUT, which may be sent twice, or POST, which makes another each time and is not."""
        path = _path(place)
        body = to_body(order)
        if webhook_id:
            path = f"{path}/{quote(webhook_id, safe='')}"
            reply = await self._change("PUT", login, path, body, safe=True)
            return _made(reply, place, "replacing a webhook")
        try:
            reply = await self._change("POST", login, path, body, safe=False)
            return _made(reply, place, "making a webhook")
        except RemoteError as error:
            if error.fault is Fault.BAD_REPLY:
                raise ambiguous(PARTY, error.cause) from error
            raise

    async def delete_webhook(self, login: Login, place: WebhookPlace, webhook_id: str) -> None:
        """Take a webhook away. One that is not there is success, a place that is not is none."""
        path = _path(place)
        one = f"{path}/{quote(webhook_id, safe='')}"
        reply = await self._change("DELETE", login, one, None, safe=True)
        if reply.is_ok and not reply.body:  # 204; a 200 with a page is a proxy's sign-in
            return
        if reply.status != _NOT_FOUND:
            raise _refusal(reply, "deleting a webhook")
        # The same 404 answers for an unknown place: whether it is there has to be asked.
        await self._page(login, path, 0, 1, "deleting a webhook")

    async def _page(self, login: Login, path: str, start: int, limit: int, doing: str) -> _Page:
        query = {"limit": limit, "start": start}
        reply = await self._api.get(path, params=query, headers=auth.bearer(login.secret))
        if not reply.is_ok:
            raise _refusal(reply, doing)
        return reply.decode(_Page)

    async def _change(
        self,
        method: str,
        login: Login,
        path: str,
        body: Mapping[str, object] | None,
        *,
        safe: bool,
    ) -> Reply:
        """One change as *login*, as a Bearer, which tokens of every level may be.

        Raises:
            RemoteError: NOT_FOUND where another address is answered; nothing was changed.
        """
        kind = {} if body is None else {"Content-Type": "application/json"}
        reply = await self._writes.request(
            method,
            path,
            headers={**auth.bearer(login.secret), **kind},
            content=None if body is None else msgspec.json.encode(body),
            safe=safe,
        )
        if target := reply.headers.get("location", "") if reply.status in _REDIRECTS else "":
            self._writes.check_link(urljoin(reply.url, target))
            raise _redirected(reply)
        return reply


def to_body(order: WebhookOrder) -> dict[str, Any]:
    """Body for making (POST) and replacing (PUT) a webhook: all of it, for nothing is kept."""
    events = frozenset[str]().union(*(EVENTS.get(name, {name}) for name in order.events))
    return {
        "name": order.name,
        "url": order.url,
        "active": True,
        "sslVerificationRequired": True,
        "events": sorted(events),
        "configuration": {"secret": order.secret.reveal()} if order.secret else {},
    }


def _path(place: WebhookPlace) -> str:
    """The path of a place's webhooks.

    Raises:
        RemoteError: REJECTED; the account, which nothing can watch here, or no repository.
    """
    if place.repository:
        key, _, slug = place.repository.partition("/")
        if not key or not slug or "/" in slug:
            raise _rejected(f"{quoted(place.repository)!r} is no repository", "name it as KEY/slug")
        return f"{API}/projects/{quote(key, safe='')}/repos/{quote(slug, safe='')}/webhooks"
    if not place.project:
        raise _rejected(
            "no webhook watches the whole account, which is the instance",
            "name each project, whose webhook is called for all its repositories",
        )
    return f"{API}/projects/{quote(place.project, safe='')}/webhooks"


def _made(reply: Reply, place: WebhookPlace, doing: str) -> LiveWebhook:
    if not reply.is_ok:
        raise _refusal(reply, doing)
    return _live(reply.decode(_Hook), place)


def _live(hook: _Hook, place: WebhookPlace) -> LiveWebhook:
    return LiveWebhook(
        id=str(hook.id),
        name=hook.name,
        url=hook.url,
        events=frozenset(hook.events),
        active=hook.active,
        place=place,
    )


def _refusal(reply: Reply, doing: str) -> RemoteError:
    """The error for a request about webhooks that was refused, with the mend."""
    error = verdicts.reading_refusal(reply, doing)
    if error.fault is Fault.PERMISSION:
        error.hint = (
            "the token needs PROJECT_ADMIN, or REPO_ADMIN for a repository, and its owner the same "
            "right there"
        )
    return error


def _redirected(reply: Reply) -> RemoteError:
    """See `verdicts.redirected`: 302 leads to the sign-in page, 307 to the present address."""
    if reply.status in (302, 303):
        return RemoteError(
            reply.party,
            Fault.CREDENTIAL,
            f"{reply.party} answered with its sign-in page",
            hint="check that the secret is the current one and has not expired, and `apiUrl`",
        )
    return RemoteError(
        reply.party,
        Fault.NOT_FOUND,
        f"{reply.party}: the place of the webhook has another address now",
        hint="it was renamed or moved: write its present name",
    )


def _rejected(cause: str, hint: str) -> RemoteError:
    return RemoteError(PARTY, Fault.REJECTED, f"{PARTY}: {cause}", hint=hint)
