"""Service hooks over HTTP: subscriptions.

Source: https://learn.microsoft.com/rest/api/azure/devops/hooks/subscriptions [documented,
2026-11-21]; that the server adds ``hostId`` and ``tfsSubscriptionId``, and that confidential inputs
come back as stars, is in its examples. What the inputs of a web hook may be, and which of them is
confidential, is in the service's own list of consumers (github.com/MicrosoftDocs/azure-devops-docs
docs/service-hooks/_data/consumers.json) [documented, 2026-11-21]. Nothing is ever delivered:
nothing leaves the machine.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from starlette.responses import Response

from reconciler.sandbox.azure_devops import faces
from reconciler.sandbox.azure_devops.ask import Ask, Operation, Resource, inner, listed, nothing
from reconciler.sandbox.azure_devops.estate import Subscription
from reconciler.sandbox.azure_devops.views import iso

_ANY = ("vso.code", "vso.work", "vso.build")
_REQUIRED = ("publisherId", "eventType", "consumerId", "consumerActionId")
_SECRET = "basicAuthPassword"  # noqa: S105  the name of an input
_STARS = "********"
_STATUSES = ("enabled", "disabledByUser")
"""What a caller may set; the others are the service's own verdicts. [assumed, 2026-11-21]"""

_INPUTS = {
    "httpHeaders": re.compile(r"\S+\s*:\s*\S+"),
    "basicAuthUsername": re.compile(r"\S{1,256}"),
    "basicAuthPassword": re.compile(r"\S{1,256}"),
}
"""What each line of the optional texts may be; no value of a header holds a blank."""

EVENTS = frozenset(
    {
        "build.complete",
        "git.pullrequest.created",
        "git.pullrequest.merged",
        "git.pullrequest.updated",
        "git.push",
        "ms.vss-code.git-pullrequest-comment-event",
        "tfvc.checkin",
        "workitem.commented",
        "workitem.created",
        "workitem.deleted",
        "workitem.restored",
        "workitem.updated",
    }
)
"""Events of the publisher ``tfs``.

Source: https://learn.microsoft.com/azure/devops/service-hooks/events [documented, 2026-11-21]
"""


def listing(ask: Ask) -> Response:
    """``GET hooks/subscriptions``: all at once."""
    found = [
        _shown(ask, subscription)
        for subscription in _visible(ask)
        if all(
            ask.query(key, str(subscription.body[key])) == subscription.body[key]
            for key in _REQUIRED
        )
    ]
    return ask.reply(listed(found))


def query(ask: Ask) -> Response:
    """``POST hooks/subscriptionsquery``: those whose inputs fit every condition."""
    body = ask.json()
    wanted = _conditions(body)
    found = [
        _shown(ask, subscription)
        for subscription in _visible(ask)
        if all(body.get(key) in (None, "", subscription.body[key]) for key in _REQUIRED)
        and _fits(inner(subscription.body, "publisherInputs"), wanted)
    ]
    return ask.reply({**body, "results": found})


def _conditions(body: dict[str, Any]) -> list[tuple[str, object, bool]]:
    """Input, value, and whether it has to be equal or must not be."""
    try:
        return [
            (c["inputId"], c.get("inputValue"), c.get("operator", "equals").lower() == "equals")
            for one in body.get("publisherInputFilters") or ()
            for c in one.get("conditions") or ()
        ]
    except (AttributeError, KeyError, TypeError):
        raise faces.bad_argument("The publisherInputFilters are not valid.") from None


def _fits(inputs: dict[str, Any], wanted: list[tuple[str, object, bool]]) -> bool:
    return all((inputs.get(name, "") == value) is equals for name, value, equals in wanted)


def get(ask: Ask) -> Response:
    """``GET hooks/subscriptions/{subscription}``."""
    return ask.reply(_shown(ask, _found(ask)))


def create(ask: Ask) -> Response:
    """``POST hooks/subscriptions``: 200. The same body twice makes two."""
    body = _checked(ask)
    _demand_permission(ask, body)
    now, identifier = ask.organization.clock.now(), ask.organization.ids.bare()
    made = Subscription(identifier, body, ask.caller.id, now, ask.caller.id, now)
    ask.organization.estate.subscriptions[identifier] = made
    return ask.reply(_shown(ask, made))


def replace_all(ask: Ask) -> Response:
    """``PUT hooks/subscriptions/{subscription}``: the whole body; stars keep the old secret."""
    found, body = _found(ask), _checked(ask)
    _demand_permission(ask, found.body)
    _demand_permission(ask, body)
    status = body.pop("status", found.status)
    if status not in {*_STATUSES, found.status}:
        raise faces.bad_argument("The status is not valid.")
    inputs = inner(body, "consumerInputs")
    if inputs.get(_SECRET) == _STARS:
        inputs[_SECRET] = inner(found.body, "consumerInputs").get(_SECRET, "")
    now = ask.organization.clock.now()
    changed = Subscription(found.id, body, found.made_by, found.made_at, ask.caller.id, now, status)
    ask.organization.estate.subscriptions[found.id] = changed
    return ask.reply(_shown(ask, changed))


def delete(ask: Ask) -> Response:
    """``DELETE hooks/subscriptions/{subscription}``: 204."""
    found = _found(ask)
    _demand_permission(ask, found.body)
    del ask.organization.estate.subscriptions[found.id]
    return nothing()


def test(ask: Ask) -> Response:
    """``POST hooks/testnotifications``: says that it was delivered."""
    body = ask.json()
    now = iso(ask.organization.clock.now())
    told = {
        "id": 1,
        "subscriptionId": body.get("subscriptionId", "00000000-0000-0000-0000-000000000000"),
        "eventId": ask.organization.ids.bare(),
        "status": "completed",
        "result": "succeeded",
        "createdDate": now,
        "modifiedDate": now,
        "details": body.get("details"),
    }
    return ask.reply(told)


def _visible(ask: Ask) -> list[Subscription]:
    """Those of the projects that the caller sees, and of the organization. That is assumed."""
    sees = ask.caller.sees
    return [
        subscription
        for subscription in ask.organization.estate.subscriptions.values()
        if sees is None or _project(subscription.body) in {"", *sees}
    ]


def _project(body: dict[str, Any]) -> str:
    return str(inner(body, "publisherInputs").get("projectId") or "").lower()


def _found(ask: Ask) -> Subscription:
    sought = ask.params["subscription"].lower()
    found = next((one for one in _visible(ask) if one.id == sought), None)
    if found is None:
        raise faces.refuse(
            404,
            "SubscriptionNotFoundException",
            f"The service hooks subscription {ask.params['subscription']} could not be found.",
        )
    return found


def _checked(ask: Ask) -> dict[str, Any]:
    body = ask.json()
    for key in _REQUIRED:
        if not isinstance(body.get(key), str) or not body[key]:
            raise faces.bad_argument(f"The subscription lacks {key}.")
    if body["publisherId"] == "tfs" and body["eventType"] not in EVENTS:
        raise faces.bad_argument(
            "There is no registered handler for the service hooks event type "
            f"{body['eventType'][:60]}"
        )
    _check_place(ask, body)
    if body["consumerId"] == "webHooks":
        _check_web_hook(inner(body, "consumerInputs"))
    return body


def _check_place(ask: Ask, body: dict[str, Any]) -> None:
    project, repository = _project(body), inner(body, "publisherInputs").get("repository")
    home = ask.see_project(project) if project else None
    if repository:
        found = ask.organization.estate.find_repository(str(repository), home)
        if home is None or found is None or found.deleted_at is not None:
            raise faces.bad_argument("The input repository is not valid.")


def _check_web_hook(inputs: dict[str, Any]) -> None:
    if urlsplit(str(inputs.get("url", ""))).scheme not in ("http", "https"):
        raise faces.bad_argument("The input url is missing or not valid.")
    for name, form in _INPUTS.items():
        value = inputs.get(name)
        if value and not (isinstance(value, str) and all(map(form.fullmatch, value.split("\n")))):
            raise faces.bad_argument(f"The input {name} is not valid.")


def _demand_permission(ask: Ask, body: dict[str, Any]) -> None:
    """Let only those change it who may; all of the organization takes a collection administrator.

    Source: https://learn.microsoft.com/azure/devops/service-hooks/services/webhooks,
    "Prerequisites" [documented, 2026-11-21]; the words are assumed.
    """
    user = ask.caller.user
    is_allowed = user is None or user.may_edit_hooks
    if not _project(body):
        is_allowed = ask.caller.is_admin
    if not is_allowed:
        who = ask.caller.identity.name if ask.caller.identity else "Anonymous"
        raise faces.forbidden(
            f"Access denied. {who} needs the following permission(s) on the resource "
            "ServiceHooks to perform this action: Edit subscriptions"
        )


def _shown(ask: Ask, subscription: Subscription) -> dict[str, Any]:
    body = subscription.body
    consumer = dict(inner(body, "consumerInputs"))
    if consumer.get(_SECRET):
        consumer[_SECRET] = _STARS
    host = urlsplit(str(consumer.get("url", ""))).hostname or "nowhere"
    publisher = {
        **inner(body, "publisherInputs"),
        "hostId": ask.organization.id,
        "tfsSubscriptionId": subscription.id[::-1].replace("-", "")[:32],
    }
    return {
        "id": subscription.id,
        "url": f"{ask.views.root}/_apis/hooks/subscriptions/{subscription.id}",
        "status": subscription.status,
        **{key: body[key] for key in _REQUIRED},
        "resourceVersion": body.get("resourceVersion"),
        "eventDescription": "Any branch",
        "actionDescription": f"To host {host}",
        "createdBy": {"id": subscription.made_by},
        "createdDate": iso(subscription.made_at),
        "modifiedBy": {"id": subscription.changed_by},
        "modifiedDate": iso(subscription.changed_at),
        "publisherInputs": publisher,
        "consumerInputs": consumer,
    }


RESOURCES = (
    Resource(
        "fc50d02a-849f-41fb-8af1-0a5216103269",
        "hooks",
        "Subscriptions",
        "_apis/{area}/{resource}/{subscriptionId}",
        {
            "hooks/subscriptions": {
                "GET": Operation(listing, _ANY),
                "POST": Operation(create, _ANY),
            },
            "hooks/subscriptions/{subscription}": {
                "GET": Operation(get, _ANY),
                "PUT": Operation(replace_all, _ANY),
                "DELETE": Operation(delete, _ANY),
            },
        },
    ),
    Resource(
        "c7c3c1cf-9e05-4c0d-a425-a0f922c2c6ed",
        "hooks",
        "SubscriptionsQuery",
        "_apis/{area}/{resource}",
        {"hooks/subscriptionsquery": {"POST": Operation(query, _ANY)}},
    ),
    Resource(
        "1139462c-7e27-4524-a997-31b9b73551fe",
        "hooks",
        "TestNotifications",
        "_apis/{area}/{resource}/{notificationId}",
        {"hooks/testnotifications": {"POST": Operation(test, _ANY)}},
    ),
)
