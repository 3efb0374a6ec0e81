"""`{aws: …}` against Moto's Secrets Manager over HTTP."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from reconciler.errors import SecretError, SourceMark
from reconciler.model.secret import Secret, SecretRef
from reconciler.secrets.aws import AwsSource
from reconciler.secrets.aws_client import CURRENT
from reconciler.secrets.aws_reply import Answer
from tests.secret_stores import CLOSED_PORT, REGION, Account, BadLine, Fault, a_bad_line, an_account

MARK = SourceMark("methods.yaml", 7, 11)
NAME = "prod/ox"
PENDING = "AWSPENDING"
CANARY = "canary-2e8d-never-shown"


def whole(stage: str = CURRENT, name: str = NAME) -> SecretRef:
    return SecretRef("aws", (name, "") if stage == CURRENT else (name, "", stage), MARK)


def keyed(key: str = "token", stage: str = CURRENT) -> SecretRef:
    return SecretRef("aws", (NAME, key) if stage == CURRENT else (NAME, key, stage), MARK)


@pytest.fixture(scope="module")
def served() -> Iterator[Account]:
    with an_account() as account:
        yield account


@pytest.fixture
def account(served: Account, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Account:
    served.enter(monkeypatch, tmp_path / "nothing")
    return served


@pytest.fixture
def source(account: Account) -> AwsSource:
    return AwsSource()


@pytest.fixture
def line(account: Account, monkeypatch: pytest.MonkeyPatch) -> Iterator[BadLine]:
    with a_bad_line(account) as bad:
        monkeypatch.setenv("AWS_ENDPOINT_URL", bad.url)
        yield bad


def pairs(account: Account, stage: str = CURRENT) -> dict[str, object]:
    found: dict[str, object] = json.loads(account.text(NAME, stage))
    return found


def plant(account: Account, **values: object) -> None:
    account.api().create_secret(Name=NAME, SecretString=json.dumps(values))


def refusal(source: AwsSource, ref: SecretRef) -> SecretError:
    with pytest.raises(SecretError) as caught:
        source.read(ref)
    assert caught.value.where == MARK
    assert caught.value.cause.startswith(f"{ref.place}: ")
    assert caught.value.hint
    return caught.value


# Keys -------------------------------------------------------------------------------------------


def test_a_key_is_written_beside_the_others(account: Account, source: AwsSource) -> None:
    plant(account, user="ox-bot", number=7, token="old")
    source.write(keyed(), Secret("new-value-ü"))
    assert pairs(account) == {"user": "ox-bot", "number": 7, "token": "new-value-ü"}
    assert source.read(keyed()) == Secret("new-value-ü")
    assert account.stages(NAME) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_key_of_a_secret_that_is_not_there_creates_it(
    account: Account, source: AwsSource
) -> None:
    assert source.read(keyed()) is None
    source.write(keyed(), Secret("a-value"))
    assert pairs(account) == {"token": "a-value"}


def test_a_key_of_a_secret_without_a_version_gives_it_one(
    account: Account, source: AwsSource
) -> None:
    account.api().create_secret(Name=NAME)
    assert source.read(keyed()) is None
    source.write(keyed(), Secret("a-value"))
    assert pairs(account) == {"token": "a-value"}


def test_removing_a_key_keeps_the_others_and_the_secret(
    account: Account, source: AwsSource
) -> None:
    plant(account, user="ox-bot", token="a-value")
    source.remove(keyed())
    assert pairs(account) == {"user": "ox-bot"}
    source.remove(keyed("user"))
    source.remove(keyed("user"))
    assert pairs(account) == {}
    assert source.read(keyed()) is None


def test_what_is_already_so_makes_no_new_version(account: Account, source: AwsSource) -> None:
    account.api().create_secret(Name=NAME, SecretString='{\n  "token": "a-value"\n}')
    source.write(keyed(), Secret("a-value"))
    source.remove(keyed("other"))
    assert account.stages(NAME) == ["AWSCURRENT"]


@pytest.mark.parametrize("text", ["plain-token", '["a"]', '"a"', "{"], ids=str)
def test_a_key_of_what_is_no_json_object_is_refused_and_not_overwritten(
    account: Account, source: AwsSource, text: str
) -> None:
    account.api().create_secret(Name=NAME, SecretString=text)
    assert "no JSON object" in refusal(source, keyed()).cause
    with pytest.raises(SecretError, match="no JSON object") as caught:
        source.write(keyed(), Secret(CANARY))
    assert caught.value.__context__ is None
    assert account.text(NAME) == text


def test_a_key_that_is_no_text_is_refused(account: Account, source: AwsSource) -> None:
    plant(account, token=7)
    assert "it is a number, not text" in refusal(source, keyed()).cause


def test_writers_of_different_keys_lose_none(account: Account) -> None:
    names = [f"key-{number}" for number in range(5)]
    every = [AwsSource() for _ in names]

    def write(number: int) -> None:
        every[number].write(keyed(names[number]), Secret(f"value-{number}"))

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(write, range(len(names))))
    assert pairs(account) == {name: f"value-{n}" for n, name in enumerate(names)}


def test_a_key_is_not_written_over_a_version_that_came_since(
    account: Account, source: AwsSource
) -> None:
    plant(account, token="old")
    held = source._open(keyed()).look(keyed(), CURRENT)
    assert held is not None
    source.write(keyed("user"), Secret("ox-bot"))
    setback = source._open(keyed()).replace(keyed(), '{"token": "x"}', CURRENT, held.id)
    assert setback is not None
    assert setback.is_race
    assert pairs(account) == {"token": "old", "user": "ox-bot"}


# Successors -------------------------------------------------------------------------------------


def test_a_whole_successor_stands_beside_the_current_version(
    account: Account, source: AwsSource
) -> None:
    source.write(whole(), Secret("old-value"))
    assert source.read(whole(PENDING)) is None
    source.write(whole(PENDING), Secret("new-value"))
    assert source.read(whole()) == Secret("old-value")
    assert source.read(whole(PENDING)) == Secret("new-value")
    source.remove(whole(PENDING))
    source.remove(whole(PENDING))
    assert source.read(whole(PENDING)) is None
    assert source.read(whole()) == Secret("old-value")
    assert PENDING not in account.stages(NAME)


def test_a_rotation_ends_with_the_new_value_current_and_nothing_pending(
    account: Account, source: AwsSource
) -> None:
    source.write(whole(), Secret("old-value"))
    source.write(whole(PENDING), Secret("new-value"))
    source.write(whole(), Secret("new-value"))
    source.remove(whole(PENDING))
    assert (source.read(whole()), source.read(whole(PENDING))) == (Secret("new-value"), None)


def test_a_pending_version_that_became_current_by_hand_is_no_successor(
    account: Account, source: AwsSource
) -> None:
    source.write(whole(), Secret("old-value"))
    api = account.api()
    old = api.get_secret_value(SecretId=NAME)["VersionId"]
    new = api.put_secret_value(SecretId=NAME, SecretString="new", VersionStages=[PENDING])
    api.update_secret_version_stage(
        SecretId=NAME,
        VersionStage=CURRENT,
        RemoveFromVersionId=old,
        MoveToVersionId=new["VersionId"],
    )
    assert source.read(whole()) == Secret("new")
    assert source.read(whole(PENDING)) is None
    source.remove(whole(PENDING))
    assert source.read(whole()) == Secret("new")


def test_a_pending_key_is_a_successor_only_where_it_differs(
    account: Account, source: AwsSource
) -> None:
    plant(account, ox="ox-old", aikido="aikido-old")
    source.write(keyed("ox", PENDING), Secret("ox-new"))
    assert pairs(account, PENDING) == {"ox": "ox-new", "aikido": "aikido-old"}
    assert source.read(keyed("ox", PENDING)) == Secret("ox-new")
    assert source.read(keyed("aikido", PENDING)) is None
    assert source.read(keyed("ox")) == Secret("ox-old")


def test_a_copy_in_a_pending_version_stays_no_successor_when_the_current_one_moves_on(
    account: Account, source: AwsSource
) -> None:
    plant(account, ox="ox-old", aikido="aikido-old")
    source.write(keyed("ox", PENDING), Secret("ox-new"))
    source.write(keyed("aikido"), Secret("aikido-by-hand"))
    assert source.read(keyed("aikido", PENDING)) is None
    assert source.read(keyed("ox", PENDING)) == Secret("ox-new")


def test_two_keys_rotate_at_once_and_end_one_by_one(account: Account, source: AwsSource) -> None:
    plant(account, ox="ox-old", aikido="aikido-old")
    source.write(keyed("ox", PENDING), Secret("ox-new"))
    source.write(keyed("aikido", PENDING), Secret("aikido-new"))
    source.write(keyed("ox"), Secret("ox-new"))
    source.remove(keyed("ox", PENDING))
    assert source.read(keyed("ox", PENDING)) is None
    assert source.read(keyed("aikido", PENDING)) == Secret("aikido-new")
    source.write(keyed("aikido"), Secret("aikido-new"))
    source.remove(keyed("aikido", PENDING))
    assert pairs(account) == {"ox": "ox-new", "aikido": "aikido-new"}
    assert account.stages(NAME) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_successor_that_is_given_up_goes_back_to_the_current_value(
    account: Account, source: AwsSource
) -> None:
    plant(account, ox="ox-old", aikido="aikido-old")
    source.write(keyed("ox", PENDING), Secret("ox-new"))
    source.write(keyed("new-key", PENDING), Secret("of-a-new-key"))
    source.remove(keyed("ox", PENDING))
    assert pairs(account, PENDING) == {
        "ox": "ox-old",
        "aikido": "aikido-old",
        "new-key": "of-a-new-key",
    }
    source.remove(keyed("new-key", PENDING))
    assert PENDING not in account.stages(NAME)


@pytest.mark.parametrize("ref", [whole(PENDING), keyed("token", PENDING)], ids=["whole", "key"])
def test_a_successor_without_a_current_version_is_refused(
    account: Account, source: AwsSource, ref: SecretRef
) -> None:
    with pytest.raises(SecretError, match="no current version beside which") as caught:
        source.write(ref, Secret(CANARY))
    assert "create the secret first" in caught.value.hint
    source.remove(ref)
    assert account.api().list_secrets()["SecretList"] == []


# Whole secrets ----------------------------------------------------------------------------------


def test_a_removed_secret_can_be_restored_and_a_write_does_so(
    account: Account, source: AwsSource
) -> None:
    account.api().create_secret(Name=NAME, SecretString="a-value", Description="a person's words")
    source.remove(whole())
    assert source.read(whole()) is None
    marked = account.api().describe_secret(SecretId=NAME)
    assert (marked["DeletedDate"].date() - marked["CreatedDate"].date()).days in (7, 8)
    source.write(whole(), Secret("new-value"))
    assert source.read(whole()) == Secret("new-value")
    assert "DeletedDate" not in account.api().describe_secret(SecretId=NAME)


def test_a_key_of_a_secret_marked_for_deletion_is_written_beside_the_restored_ones(
    account: Account, source: AwsSource
) -> None:
    plant(account, user="ox-bot")
    account.api().delete_secret(SecretId=NAME, RecoveryWindowInDays=7)
    source.write(keyed(), Secret("a-value"))
    assert pairs(account) == {"user": "ox-bot", "token": "a-value"}


def test_one_line_break_at_the_end_is_taken_off(account: Account, source: AwsSource) -> None:
    account.api().create_secret(Name=NAME, SecretString="a-value\n")
    assert source.read(whole()) == Secret("a-value")


def test_a_binary_secret_is_read_and_replaced_by_text(account: Account, source: AwsSource) -> None:
    account.api().create_secret(Name=NAME, SecretBinary=b"a-value")
    assert source.read(whole()) == Secret("a-value")
    source.write(whole(), Secret("new-value"))
    assert account.text(NAME) == "new-value"


def test_an_arn_names_the_secret_and_its_region(
    account: Account, source: AwsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    arn = account.api().create_secret(Name=NAME, SecretString="a-value")["ARN"]
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    assert source.read(whole(name=arn)) == Secret("a-value")
    source.write(whole(name=arn), Secret("new-value"))
    assert account.text(NAME) == "new-value"


# Lost answers -----------------------------------------------------------------------------------


@pytest.mark.parametrize("ref", [whole(), keyed()], ids=["whole", "key"])
def test_a_secret_that_was_created_though_the_answer_is_lost_is_found(
    account: Account, line: BadLine, source: AwsSource, ref: SecretRef
) -> None:
    line.faults.append(Fault("CreateSecret"))
    source.write(ref, Secret("a-value"))
    assert source.read(ref) == Secret("a-value")
    assert account.stages(NAME) == ["AWSCURRENT"]


@pytest.mark.parametrize(
    ("ref", "operation"),
    [
        (whole(), "PutSecretValue"),
        (whole(PENDING), "PutSecretValue"),
        (keyed(), "PutSecretValue"),
        (keyed(), "UpdateSecretVersionStage"),
        (keyed(stage=PENDING), "UpdateSecretVersionStage"),
    ],
    ids=["whole", "whole pending", "key's draft", "key", "pending key"],
)
@pytest.mark.parametrize("code", ["", "InternalServiceError"], ids=["lost", "refused"])
def test_a_write_whose_answer_is_lost_is_looked_for_or_sent_again(
    account: Account, line: BadLine, source: AwsSource, ref: SecretRef, operation: str, code: str
) -> None:
    plant(account, token="old")
    line.faults.append(Fault(operation, code=code, status=500))
    source.write(ref, Secret("new-value"))
    assert source.read(ref) == Secret("new-value")


@pytest.mark.parametrize(
    ("ref", "operation"),
    [(whole(), "DeleteSecret"), (whole(PENDING), "UpdateSecretVersionStage")],
    ids=["whole", "stage"],
)
def test_a_removal_whose_answer_is_lost_is_looked_for(
    account: Account, line: BadLine, source: AwsSource, ref: SecretRef, operation: str
) -> None:
    account.api().create_secret(Name=NAME, SecretString="a-value")
    source.write(whole(PENDING), Secret("new-value"))
    line.faults.append(Fault(operation))
    source.remove(ref)
    assert source.read(ref) is None


def test_boto3_sends_a_lost_write_again_and_makes_no_second_version(
    account: Account, line: BadLine, source: AwsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    account.api().create_secret(Name=NAME, SecretString="old-value")
    line.faults.append(Fault("PutSecretValue"))
    source.write(whole(), Secret("new-value"))
    assert account.text(NAME) == "new-value"
    assert account.stages(NAME) == ["AWSCURRENT", "AWSPREVIOUS"]


def test_a_write_that_never_arrives_is_an_error(
    account: Account, line: BadLine, source: AwsSource
) -> None:
    account.api().create_secret(Name=NAME, SecretString="old-value")
    line.faults.append(Fault("PutSecretValue", times=9, code="ServiceUnavailable", status=503))
    with pytest.raises(SecretError, match="AWS answered ServiceUnavailable"):
        source.write(whole(), Secret(CANARY))
    assert account.text(NAME) == "old-value"


def test_when_nobody_can_tell_whether_a_write_arrived_the_error_says_so(
    account: Account, line: BadLine, source: AwsSource
) -> None:
    account.api().create_secret(Name=NAME, SecretString="old-value")
    down = Fault("GetSecretValue", times=9, code="ServiceUnavailable", status=503)
    line.faults.append(Fault("PutSecretValue", then=down))
    with pytest.raises(SecretError, match="whether the write before arrived is not known"):
        source.write(whole(), Secret(CANARY))


def test_a_secret_that_another_has_just_created_keeps_its_key(
    account: Account, line: BadLine, source: AwsSource
) -> None:
    plant(account, user="ox-bot")
    line.faults.append(Fault("GetSecretValue", code="ResourceNotFoundException"))
    source.write(keyed(), Secret("a-value"))
    assert pairs(account) == {"user": "ox-bot", "token": "a-value"}


def test_a_draft_that_was_collected_is_made_anew(
    account: Account, line: BadLine, source: AwsSource
) -> None:
    plant(account, token="old")
    line.faults.append(Fault("UpdateSecretVersionStage", code="ResourceNotFoundException"))
    source.write(keyed(), Secret("new-value"))
    assert pairs(account) == {"token": "new-value"}


@pytest.mark.parametrize(
    ("operation", "code", "cause"),
    [
        ("GetSecretValue", "AccessDeniedException", "cannot be read: access denied"),
        ("GetSecretValue", "DecryptionFailure", "its KMS key cannot be used"),
        ("GetSecretValue", "ExpiredTokenException", "the AWS credentials have expired"),
        ("PutSecretValue", "AccessDeniedException", "cannot be written: access denied"),
        ("PutSecretValue", "LimitExceededException", "a quota of AWS is used up"),
        ("PutSecretValue", "SomethingNew", "AWS answered SomethingNew"),
    ],
    ids=lambda value: value.replace(" ", "-"),
)
def test_a_refusal_of_aws_is_named_with_a_mend(
    account: Account, line: BadLine, source: AwsSource, operation: str, code: str, cause: str
) -> None:
    account.api().create_secret(Name=NAME, SecretString="old-value")
    line.faults.append(Fault(operation, code=code))
    with pytest.raises(SecretError) as caught:
        source.write(whole(), Secret(CANARY))
    assert cause in caught.value.cause
    assert caught.value.hint
    assert caught.value.__context__ is None
    assert account.text(NAME) == "old-value"


# What can go wrong ------------------------------------------------------------------------------


def test_aws_region_goes_before_what_boto3_knows(
    account: Account, source: AwsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(account, token="a-value")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_REGION", REGION)
    assert source.read(keyed()) == Secret("a-value")


@pytest.mark.parametrize(
    ("unset", "cause", "hint"),
    [
        ("AWS_DEFAULT_REGION", "no AWS region is set", "AWS_REGION"),
        ("AWS_ACCESS_KEY_ID", "no AWS credentials are found", "as for any AWS tool"),
        ("AWS_SECRET_ACCESS_KEY", "the AWS credentials are incomplete", "both halves"),
    ],
    ids=["region", "credentials", "half of them"],
)
def test_what_the_environment_lacks_is_named(
    source: AwsSource, monkeypatch: pytest.MonkeyPatch, unset: str, cause: str, hint: str
) -> None:
    monkeypatch.delenv(unset)
    if unset == "AWS_ACCESS_KEY_ID":
        monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    error = refusal(source, whole())
    assert cause in error.cause
    assert hint in error.hint


@pytest.mark.parametrize(
    ("name", "value", "cause"),
    [
        ("AWS_ENDPOINT_URL", "http://10.0.0.7:5000", "to 10.0.0.7 over plain http"),
        ("AWS_ENDPOINT_URL", "not an address", "does not answer as AWS does"),
        ("AWS_ENDPOINT_URL", CLOSED_PORT, "AWS cannot be reached"),
        ("AWS_PROFILE", "nobody", "the AWS profile is not there"),
        ("AWS_REGION", "not a region", "the AWS region is malformed"),
    ],
    ids=["plain http", "no address", "nobody there", "profile", "region"],
)
def test_what_the_environment_has_wrong_is_named(
    source: AwsSource, monkeypatch: pytest.MonkeyPatch, name: str, value: str, cause: str
) -> None:
    monkeypatch.setenv(name, value)
    assert cause in refusal(source, whole()).cause


def test_a_proxy_is_not_used_for_loopback(
    account: Account, source: AwsSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    account.api().create_secret(Name=NAME, SecretString="a-value")
    monkeypatch.setenv("HTTP_PROXY", CLOSED_PORT)
    monkeypatch.setenv("http_proxy", CLOSED_PORT)
    assert source.read(whole()) == Secret("a-value")


def test_an_end_point_that_is_not_aws_is_an_error_and_never_nothing(
    source: AwsSource, monkeypatch: pytest.MonkeyPatch, account: Account
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{account.url}/moto-api/data.json")
    refusal(source, whole())
    with pytest.raises(SecretError):
        source.write(whole(), Secret(CANARY))


def test_a_key_that_makes_the_secret_longer_than_aws_keeps_is_refused_without_its_value(
    account: Account, source: AwsSource
) -> None:
    plant(account, other="y")
    value = CANARY + "x" * (65_536 - len(CANARY))
    with pytest.raises(SecretError, match="longer than 64 KiB") as caught:
        source.write(keyed(), Secret(value))
    assert CANARY not in f"{caught.value!r}{caught.value.__context__!r}"
    assert pairs(account) == {"other": "y"}


@pytest.mark.parametrize(
    ("answer", "is_doubtful"),
    [
        (Answer(code="EndpointConnectionError"), True),
        (Answer(code="ReadTimeoutError"), True),
        (Answer(code="NoCredentialsError"), False),
        (Answer(code="InternalServiceError", status=500), True),
        (Answer(code="ThrottlingException", status=400), True),
        (Answer(code="502", status=502), True),
        (Answer(code="AccessDeniedException", status=400), False),
    ],
    ids=lambda value: value.code if isinstance(value, Answer) else str(value),
)
def test_only_what_may_have_been_done_is_looked_for(answer: Answer, is_doubtful: bool) -> None:
    assert answer.is_doubtful is is_doubtful
    assert all(answer.why())
