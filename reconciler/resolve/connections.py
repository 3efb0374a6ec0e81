"""Connection documents → DesiredConnection. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from reconciler.errors import SourceMark
from reconciler.model.address import ConnectionAddress
from reconciler.model.desired import DesiredConnection, DesiredMethod, DesiredSelection
from reconciler.model.document import Document
from reconciler.model.method import DEFAULT_MANAGE, ActionKind
from reconciler.resolve.layers import FieldMarks, JoinedMarks, Layers
from reconciler.resolve.parts import Parts
from reconciler.resolve.webhooks import build_webhooks

_MARKED = (
    "consumer",
    "account",
    "method",
    "repositories",
    "manage",
    "protect",
    "adopt",
    "webhooks",
)


def build_connection(document: Document, parts: Parts) -> DesiredConnection | None:
    """Put a connection together; None after every reason was reported."""
    spec = document.body["spec"]
    fields = parts.defaults.under("connection", document, ("spec",), spec)
    account = parts.account(spec["account"], document.mark("spec", "account"))
    consumer = parts.consumer(spec["consumer"], document.mark("spec", "consumer"))
    selection = parts.selection(spec["repositories"], document, ("spec", "repositories"))
    if account is None or consumer is None:
        if isinstance(spec["method"], str):
            parts.index.find("Method", spec["method"], document.mark("spec", "method"))
        return None
    setting = parts.setting(parts.provider(account), consumer.profile)
    built = parts.method(spec["method"], (document, ("spec", "method")), setting)
    if built is None or built[1] is None or selection is None:
        return None
    method, rule = built[0], built[1]
    metadata = document.body["metadata"]
    return DesiredConnection(
        address=ConnectionAddress(document.name),
        consumer=consumer,
        account=account,
        method=method,
        rule=rule,
        selection=selection,
        where=document.mark(),
        manage=frozenset(map(ActionKind, fields.get("manage", DEFAULT_MANAGE))),
        protect=fields.get("protect", otherwise=False),
        adopt=fields.get("adopt", ""),
        labels={**fields.defaults.get("labels", {}), **metadata.get("labels", {})},
        previously=tuple(map(ConnectionAddress, metadata.get("previously", ()))),
        webhooks=build_webhooks(document, parts, parts.provider(account)),
        marks=_marks(fields, method, selection),
    )


def _marks(
    fields: Layers, method: DesiredMethod, selection: DesiredSelection
) -> Mapping[str, SourceMark]:
    """Where each part was written: its own fields here, the rest in the parts themselves."""
    include = selection.include[0].where if selection.include else selection.where
    return JoinedMarks((FieldMarks(fields, _MARKED), method.marks, {"include": include}))
