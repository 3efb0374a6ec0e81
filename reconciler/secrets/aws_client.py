"""One client of AWS Secrets Manager.

Home of boto3. Operations: https://docs.aws.amazon.com/secretsmanager/latest/apireference/
[documented, 2026-11-21]. Region, credentials, proxies, CA and end point come from the environment
and the files that every AWS tool reads.

Foreign exceptions never leave this module: those about parameters quote the values.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit
from uuid import uuid4

from reconciler.errors import SecretError
from reconciler.model.secret import SecretRef
from reconciler.secrets.accept import refused
from reconciler.secrets.aws_reply import EXISTS, MISSING, NOT_THERE, Answer
from reconciler.secrets.settle import Setback
from reconciler.secrets.texts import not_installed

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

CURRENT: Final = "AWSCURRENT"
"""The stage of the version that is read when none is named."""

DRAFT: Final = "RECONCILER-DRAFT"
"""The stage of a version on its way to another: none can be stored without a stage."""

RECOVERY_DAYS: Final = 7
"""The shortest time within which AWS lets a deleted secret be restored."""

_CONNECT_S: Final = 5
_READ_S: Final = 15


@dataclass(frozen=True, slots=True)
class Held:
    """One version of a secret."""

    id: str
    text: str | bytes = field(repr=False)
    stages: frozenset[str]


class AwsClient:
    """Asks Secrets Manager in one region. Safe for use from several threads."""

    def __init__(self, region: str | None, ref: SecretRef) -> None:
        """Look for credentials; ask nothing yet.

        Raises:
            SecretError: boto3 is not installed, the region or the end point cannot be used.
        """
        self._api = _open(region, ref)

    def look(self, ref: SecretRef, stage: str) -> Held | None:
        """The version that bears *stage*; None without one, and for a secret marked for deletion.

        Raises:
            SecretError: it cannot be read.
        """
        answer = self._get(ref, stage)
        if answer.code == MISSING or answer.is_marked:
            return None
        match answer.body:
            case {"VersionId": str(version), "SecretString": str(text)}:
                pass
            case {"VersionId": str(version), "SecretBinary": bytes(text)}:
                pass
            case _:
                raise _refusal(answer, ref, "read")
        return Held(version, text, frozenset(answer.body.get("VersionStages", ())))

    def create(self, ref: SecretRef, text: str) -> Setback | None:
        """Make the secret with its first version; one marked for deletion comes back instead."""
        name = ref.location[0]
        answer = _ask(
            lambda: self._api.create_secret(
                Name=name, SecretString=text, ClientRequestToken=str(uuid4())
            )
        )
        if answer.code == EXISTS:
            # Made meanwhile by another, marked for deletion, or there without any version.
            answer = self._get(ref, CURRENT)
            if answer.code == MISSING:
                return self.put(ref, text, CURRENT)
            if not answer.code:
                return _beaten(ref)
        if answer.is_marked:
            answer = _ask(lambda: self._api.restore_secret(SecretId=name))
            return _setback(answer, ref) or _beaten(ref)
        return _setback(answer, ref)

    def put(self, ref: SecretRef, text: str, stage: str) -> Setback | None:
        """Store a version that takes *stage* from whichever bears it."""
        return _setback(self._put(ref, text, stage), ref)

    def replace(self, ref: SecretRef, text: str, stage: str, bearer: str) -> Setback | None:
        """Store a version that takes *stage* from the version *bearer*, or does nothing.

        AWS stores without conditions, but moves a stage only from where it is said to be
        (UpdateSecretVersionStage, "RemoveFromVersionId") [documented, 2026-11-21]. Hence the draft.

        Args:
            ref: the secret.
            text: all of it.
            stage: what it shall be.
            bearer: the id of the version that bears the stage; empty where none does.
        """
        answer = self._put(ref, text, DRAFT)
        made = answer.body.get("VersionId")
        if not isinstance(made, str):
            return _setback(replace(answer, body={}), ref)
        setback = self._move(ref, stage, {"RemoveFromVersionId": bearer, "MoveToVersionId": made})
        with suppress(SecretError):  # the next draft takes the label along
            self.unstage(ref, DRAFT, made)
        return setback

    def unstage(self, ref: SecretRef, stage: str, bearer: str) -> Setback | None:
        """Take *stage* away from the version *bearer*."""
        return self._move(ref, stage, {"RemoveFromVersionId": bearer})

    def delete(self, ref: SecretRef) -> Setback | None:
        """Mark the whole secret for deletion; until then it can be restored."""
        name = ref.location[0]
        answer = _ask(
            lambda: self._api.delete_secret(SecretId=name, RecoveryWindowInDays=RECOVERY_DAYS)
        )
        return None if answer.code == MISSING or answer.is_marked else _setback(answer, ref)

    def _get(self, ref: SecretRef, stage: str) -> Answer:
        name = ref.location[0]
        return _ask(lambda: self._api.get_secret_value(SecretId=name, VersionStage=stage))

    def _put(self, ref: SecretRef, text: str, stage: str) -> Answer:
        # With the same token a repeated request stores nothing twice; boto3 repeats by itself.
        token = str(uuid4())
        return _ask(
            lambda: self._api.put_secret_value(
                SecretId=ref.location[0],
                SecretString=text,
                VersionStages=[stage],
                ClientRequestToken=token,
            )
        )

    def _move(self, ref: SecretRef, stage: str, ends: Mapping[str, str]) -> Setback | None:
        named: Any = {name: version for name, version in ends.items() if version}
        answer = _ask(
            lambda: self._api.update_secret_version_stage(
                SecretId=ref.location[0], VersionStage=stage, **named
            )
        )
        # A draft that another has overtaken bears no stage, and may be collected at any time.
        is_beaten = answer.code in (NOT_THERE, MISSING)
        return _beaten(ref) if is_beaten else _setback(answer, ref)


def _setback(answer: Answer, ref: SecretRef) -> Setback | None:
    """None for success. Raises SecretError for what another attempt would not change."""
    if not answer.code and "ARN" in answer.body:
        return None
    error = _refusal(answer, ref, "written")
    if answer.code and not answer.is_doubtful:
        raise error
    return Setback(error, is_race=False)


def _beaten(ref: SecretRef) -> Setback:
    error = refused(ref, "others keep changing the secret", "run again in a while")
    return Setback(error, is_race=True)


def _refusal(answer: Answer, ref: SecretRef, done: str) -> SecretError:
    cause, hint = answer.why()
    return refused(ref, f"it cannot be {done}: {cause}", hint)


def _ask(call: Callable[[], Mapping[str, Any]]) -> Answer:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        body = call()
    except ClientError as error:
        said = error.response.get("Error", {})
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        words = said.get("Message", "")
        marked = "marked" in words or "scheduled for deletion" in words
        return Answer(code=said.get("Code", "?"), status=status, is_marked=marked)
    except BotoCoreError as error:
        return Answer(code=type(error).__name__)
    return Answer(body, status=body.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _open(region: str | None, ref: SecretRef) -> SecretsManagerClient:
    try:
        import boto3
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise not_installed(ref, "boto3", "aws") from error
    config = Config(
        connect_timeout=_CONNECT_S,
        read_timeout=_READ_S,
        retries={"mode": "standard"},
    )
    trouble = Answer()
    try:
        # boto3 itself knows AWS_DEFAULT_REGION alone; every newer tool of AWS prefers AWS_REGION.
        session = boto3.Session(region_name=region or os.environ.get("AWS_REGION") or None)
        api = session.client("secretsmanager", config=config)
        if not _is_plain(api, ref):
            return api
        # A proxy would carry the secrets off this machine in the clear.
        return session.client("secretsmanager", config=config.merge(Config(proxies={})))
    except BotoCoreError as error:
        trouble = Answer(code=type(error).__name__)
    except ValueError:
        trouble = Answer(status=-1)
    raise _refusal(trouble, ref, "read")


def _is_plain(api: SecretsManagerClient, ref: SecretRef) -> bool:
    """Whether the end point is plain http on this machine. Raises SecretError for any other."""
    from reconciler.transport.wire import is_loopback

    parts = urlsplit(api.meta.endpoint_url)
    if parts.scheme == "https":
        return False
    if not is_loopback(parts.hostname or ""):
        raise refused(
            ref,
            f"AWS_ENDPOINT_URL would send secrets to {parts.hostname} over plain http",
            "write https:// (http is for loopback)",
        )
    return True
