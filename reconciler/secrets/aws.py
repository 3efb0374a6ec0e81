"""``{aws: NAME}`` and ``{aws: "NAME#KEY"}``: a secret of AWS Secrets Manager, or one of its keys.

A secret has versions, and stages that point at them: everybody reads AWSCURRENT; a successor stands
in AWSPENDING of the same secret. A version is stored whole: the other keys of a pending one are
copies of the current ones, and so only a key that is no such copy is a successor.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock

from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.accept import MOST_BYTES, refused
from reconciler.secrets.aws_client import CURRENT, AwsClient, Held
from reconciler.secrets.settle import Setback, settle
from reconciler.secrets.texts import found_text, pairs_of, storable

_COPIED = (CURRENT, "AWSPREVIOUS")
"""Where the copies in a pending version come from; the current one may have moved on since."""

_ARN_WORDS = 7
"""arn:aws:secretsmanager:REGION:ACCOUNT:secret:NAME."""


@dataclass(frozen=True, slots=True)
class _Place:
    """The words of a reference."""

    name: str
    key: str
    stage: str

    @property
    def region(self) -> str | None:
        """The region that an ARN names."""
        words = self.name.split(":")
        return words[3] if len(words) >= _ARN_WORDS and words[0] == "arn" else None


@dataclass(frozen=True, slots=True)
class _View:
    """The version in the stage of a reference, and the current one; for AWSCURRENT both the same.

    ``bearer`` is the id of the version that bears the stage. It may be the current one, where a
    rotation is over: then there is nothing in the stage.
    """

    held: Held | None
    current: Held | None
    bearer: str = ""


class AwsSource:
    """The account and region of the environment; one client per region."""

    can_write = True

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._lock = Lock()
        self._clients: dict[str | None, AwsClient] = {}

    def read(self, ref: SecretRef) -> Secret | None:
        """The secret, or its key; None when it or the stage is not there, or marked for deletion.

        Raises:
            SecretError: AWS cannot be reached or refuses, the secret is no JSON object though a key
                is asked for, or the value cannot be a credential.
        """
        place, client = _place(ref), self._open(ref)
        held = client.look(ref, place.stage)
        if held is None or (place.stage != CURRENT and CURRENT in held.stages):
            return None
        if not place.key:
            return found_text(held.text, ref)
        found = pairs_of(held.text, ref).get(place.key)
        if place.stage != CURRENT and any(
            _value(client.look(ref, stage), ref, place.key) == found for stage in _COPIED
        ):
            return None
        return found_text(found, ref)

    def write(self, ref: SecretRef, secret: Secret) -> None:
        """Store a version with the new value; a secret that is not there is created.

        A key is replaced only in the version that was read; whoever is beaten by another writer
        starts anew, and so nobody's key is lost.

        Raises:
            SecretError: as for `read`; or a successor has no current version beside it; or it is
                not known whether the write arrived.
        """
        value, place = storable(secret, ref), _place(ref)

        def wanted(view: _View) -> str | bytes | None:
            return _with_key(view, ref, place.key, value) if place.key else value

        self._change(ref, wanted)

    def remove(self, ref: SecretRef) -> None:
        """Take out the key, the stage, or with neither named the whole secret. Raises SecretError.

        A whole secret is marked for deletion and can be restored for 7 days; a `write` does so.
        """
        place = _place(ref)

        def wanted(view: _View) -> str | bytes | None:
            return _without_key(view, ref, place) if place.key else None

        self._change(ref, wanted)

    def _open(self, ref: SecretRef) -> AwsClient:
        region = _place(ref).region
        with self._lock:
            if region not in self._clients:
                self._clients[region] = AwsClient(region, ref)
            return self._clients[region]

    def _change(self, ref: SecretRef, wanted: Callable[[_View], str | bytes | None]) -> None:
        """Make the stage hold what is *wanted* of a view; None is to hold nothing."""
        client = self._open(ref)

        def look() -> tuple[_View, str | bytes | None]:
            view = _look(client, ref)
            return view, wanted(view)

        def is_settled(seen: tuple[_View, str | bytes | None]) -> bool:
            view, text = seen
            return text == (view.held.text if view.held else None)

        settle(look, is_settled, lambda seen: _bring(client, ref, *seen))


def _place(ref: SecretRef) -> _Place:
    name, key, *stage = ref.location
    return _Place(name, key, stage[0] if stage else CURRENT)


def _value(held: Held | None, ref: SecretRef, key: str) -> object:
    return pairs_of(held.text, ref).get(key) if held else None


def _look(client: AwsClient, ref: SecretRef) -> _View:
    stage = _place(ref).stage
    current = client.look(ref, CURRENT)
    if stage == CURRENT:
        return _View(current, current, current.id if current else "")
    found = client.look(ref, stage)
    is_over = found is None or CURRENT in found.stages
    return _View(None if is_over else found, current, found.id if found else "")


def _bring(
    client: AwsClient, ref: SecretRef, view: _View, wanted: str | bytes | None
) -> Setback | None:
    place = _place(ref)
    if wanted is None:
        if place.stage == CURRENT:
            return client.delete(ref)
        return client.unstage(ref, place.stage, view.bearer)
    text = wanted if isinstance(wanted, str) else wanted.decode()
    if view.current is None and place.stage != CURRENT:
        # AWS makes the first version the current one, whatever its stage.
        raise refused(
            ref,
            "it cannot be written: the secret has no current version beside which it could stand",
            "create the secret first, or name another `successor`",
        )
    if len(text.encode()) > MOST_BYTES:
        raise refused(
            ref,
            "it cannot be written: with its other keys the secret would be longer than 64 KiB",
            "AWS keeps no more; put the key into a secret of its own",
        )
    if view.current is None:
        return client.create(ref, text)
    if place.key:
        return client.replace(ref, text, place.stage, view.bearer)
    return client.put(ref, text, place.stage)


def _with_key(view: _View, ref: SecretRef, key: str, value: str) -> str | bytes:
    base = view.held or view.current
    pairs = pairs_of(base.text, ref) if base else {}
    if view.held is not None and pairs.get(key) == value:
        return view.held.text
    return json.dumps({**pairs, key: value}, ensure_ascii=False)


def _without_key(view: _View, ref: SecretRef, place: _Place) -> str | bytes | None:
    if view.held is None:
        return None
    pairs = pairs_of(view.held.text, ref)
    if place.stage == CURRENT:
        left = {name: value for name, value in pairs.items() if name != place.key}
    else:
        current = pairs_of(view.current.text, ref) if view.current else {}
        left = {**pairs, place.key: current.get(place.key)}
        if place.key not in current:
            del left[place.key]
        if left == current:
            return None
    return view.held.text if left == pairs else json.dumps(left, ensure_ascii=False)
