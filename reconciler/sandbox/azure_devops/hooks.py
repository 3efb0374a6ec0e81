"""Service hooks over HTTP: subscriptions.

Source: https://learn.microsoft.com/rest/api/azure/devops/hooks/subscriptions [documented,
2026-11-21]; that the server adds ``hostId`` and ``tfsSubscriptionId`` is in its examples. Nothing
is ever delivered: nothing leaves the machine. That secrets come back as stars is assumed.
"""

from __future__ import annotations

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


def listing(ask: Ask) -> Response:
    """``GET hooks/subscriptions``: all at once."""
    found = [
        _shown(ask, subscription)
        for subscription in ask.organization.estate.subscriptions.values()
        if all(
            ask.query(key, str(subscription.body[key])) == subscription.body[key]
            for key in _REQUIRED
        )
    ]
    return ask.reply(listed(found))


def query(ask: Ask) -> Response:
    """``POST hooks/subscriptionsquery``: those whose inputs fit every condition."""
    body = ask.json()
    found = [
        _shown(ask, subscription)
        for subscription in ask.organization.estate.subscriptions.values()
        if all(body.get(key) in (None, "", subscription.body[key]) for key in _REQUIRED)
        and _fits(subscription, body)
    ]
    return ask.reply({**body, "results": found})


def _fits(subscription: Subscription, body: dict[str, Any]) -> bool:
    inputs = inner(subscription.body, "publisherInputs")
    try:
        conditions = [
            (inputs.get(c["inputId"], "") == c.get("inputValue"), c.get("operator", "equals"))
            for one in body.get("publisherInputFilters") or ()
            for c in one.get("conditions") or ()
        ]
    except (AttributeError, KeyError, TypeError):
        raise faces.bad_argument("The publisherInputFilters are not valid.") from None
    return all(equals is (operator.lower() == "equals") for equals, operator in conditions)


def get(ask: Ask) -> Response:
    """``GET hooks/subscriptions/{subscription}``."""
    return ask.reply(_shown(ask, _found(ask)))


def create(ask: Ask) -> Response:
    """``POST hooks/subscriptions``: 200."""
    _demand_permission(ask)
    body = _checked(ask)
    now, identifier = ask.organization.clock.now(), ask.organization.ids.bare()
    made = Subscription(identifier, body, ask.caller.id, now, ask.caller.id, now)
    ask.organization.estate.subscriptions[identifier] = made
    return ask.reply(_shown(ask, made))


def replace_all(ask: Ask) -> Response:
    """``PUT hooks/subscriptions/{subscription}``: the whole body; stars keep the old secret."""
    _demand_permission(ask)
    found, body = _found(ask), _checked(ask)
    inputs = inner(body, "consumerInputs")
    if inputs.get(_SECRET) == _STARS:
        inputs[_SECRET] = inner(found.body, "consumerInputs").get(_SECRET, "")
    now = ask.organization.clock.now()
    changed = Subscription(found.id, body, found.made_by, found.made_at, ask.caller.id, now)
    ask.organization.estate.subscriptions[found.id] = changed
    return ask.reply(_shown(ask, changed))


def delete(ask: Ask) -> Response:
    """``DELETE hooks/subscriptions/{subscription}``: 204."""
    _demand_permission(ask)
    del ask.organization.estate.subscriptions[_found(ask).id]
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


def _found(ask: Ask) -> Subscription:
    found = ask.organization.estate.subscriptions.get(ask.params["subscription"].lower())
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
    project = inner(body, "publisherInputs").get("projectId")
    if project:
        ask.see_project(str(project))
    url = str(inner(body, "consumerInputs").get("url", ""))
    if body["consumerId"] == "webHooks" and urlsplit(url).scheme not in ("http", "https"):
        raise faces.bad_argument("The input url is missing or not valid.")
    return body


def _demand_permission(ask: Ask) -> None:
    user = ask.caller.user
    if user is not None and not user.may_edit_hooks:
        raise faces.forbidden(
            f"Access denied. {user.name} needs the following permission(s) on the resource "
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
        "status": "enabled",
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
