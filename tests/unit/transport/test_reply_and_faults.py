from __future__ import annotations

import ssl
from collections.abc import Callable

import httpx2
import msgspec
import pytest

from reconciler.errors import TEXT_LIMIT, Fault, RemoteError, SecretError
from reconciler.model.secret import KNOWN, Secret
from reconciler.transport import auth, faults
from reconciler.transport.reply import Reply


class Named(msgspec.Struct):
    name: str


def reply(body: bytes | str, status: int = 200, content_type: str = "application/json") -> Reply:
    content = body.encode() if isinstance(body, str) else body
    return Reply(status, httpx2.Headers({"Content-Type": content_type}), content, "ox")


def test_only_declared_fields_are_decoded() -> None:
    assert reply('{"name":"a","more":[1,2]}').decode(Named) == Named("a")


def test_headers_are_found_in_any_case() -> None:
    assert reply("{}").headers.get("CONTENT-TYPE") == "application/json"


@pytest.mark.parametrize(
    ("body", "content_type", "words"),
    [
        ("<html>Sign in</html>", "text/html; charset=utf-8", "HTML page"),
        ("  <!doctype html>", "application/json", "HTML page"),
        ('{"name":"a', "application/json", "10 bytes that are not whole JSON"),
        ("", "application/json", "0 bytes"),
        (b'{"name":"\xff"}', "application/json", "not whole JSON"),
        ('{"name":7}', "application/json", "unknown shape"),
        ("[]", "application/json", "unknown shape"),
    ],
    ids=["html", "html-as-json", "cut-short", "empty", "not-utf8", "wrong-type", "wrong-root"],
)
def test_a_body_that_is_not_what_was_declared_is_a_bad_reply(
    body: bytes | str, content_type: str, words: str
) -> None:
    with pytest.raises(RemoteError, match=words) as caught:
        reply(body, content_type=content_type).decode(Named)
    assert caught.value.fault is Fault.BAD_REPLY
    assert caught.value.hint


@pytest.mark.parametrize(
    ("status", "fault"),
    [
        (302, Fault.BAD_REPLY),
        (400, Fault.REJECTED),
        (401, Fault.CREDENTIAL),
        (403, Fault.PERMISSION),
        (404, Fault.NOT_FOUND),
        (409, Fault.REJECTED),
        (410, Fault.GONE),
        (418, Fault.REJECTED),
        (429, Fault.THROTTLED),
        (500, Fault.OUTAGE),
        (555, Fault.OUTAGE),
    ],
    ids=str,
)
def test_every_status_has_a_fault_and_a_mend(status: int, fault: Fault) -> None:
    error = faults.refused(reply("nonsense", status), "listing")
    assert error.fault is fault
    assert error.hint
    assert str(status) in error.cause


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"type":"error","error":{"message":"No workspace"}}', "No workspace"),
        ('{"error":"flat"}', "flat"),
        ('{"error":"code","error_description":"in words"}', "in words"),
        ('{"errors":[{"message":"first"},{"message":"second"}]}', "first"),
        ('{"errors":[]}', ""),
        ("[]", ""),
        ("7", ""),
        ("<html>", ""),
    ],
    ids=["nested", "string", "oauth", "list", "empty-list", "array", "number", "html"],
)
def test_the_words_of_an_error_body_are_found(body: str, words: str) -> None:
    assert faults.said(reply(body, 400)) == words


def test_foreign_text_is_cut_scrubbed_and_on_one_line() -> None:
    Secret("very-secret-value-1")
    text = faults.quoted("a\nb very-secret-value-1 " + "x" * 1000)
    assert text.startswith("a b *** xxx")
    assert len(text) == TEXT_LIMIT


def lost(error: Exception) -> RemoteError:
    return faults.lost("ox", "api.example", error, 4)


def test_a_certificate_that_is_not_trusted_names_the_way_out() -> None:
    error = httpx2.ConnectError("tls")
    error.__cause__ = ssl.SSLCertVerificationError("self-signed")
    assert lost(error).fault is Fault.UNREACHABLE
    assert "SSL_CERT_FILE" in lost(error).hint


@pytest.mark.parametrize(
    ("error", "fault", "words"),
    [
        (httpx2.ReadTimeout("x"), Fault.UNREACHABLE, "did not answer in time"),
        (TimeoutError(), Fault.UNREACHABLE, "did not answer in time"),
        (httpx2.ConnectError("refused"), Fault.UNREACHABLE, "cannot be reached: refused"),
        (httpx2.ReadError(""), Fault.BAD_REPLY, "ReadError"),
        (httpx2.RemoteProtocolError("cut"), Fault.BAD_REPLY, "broke off"),
        (httpx2.DecodingError("gzip"), Fault.BAD_REPLY, "garbled"),
    ],
    ids=["read-time-out", "total-time-out", "refused", "reset", "broken-off", "garbled"],
)
def test_no_answer_is_told_apart(error: Exception, fault: Fault, words: str) -> None:
    found = lost(error)
    assert found.fault is fault
    assert words in found.cause
    assert "tried 4 times" in found.cause


def test_a_loop_of_causes_ends() -> None:
    first, second = ValueError("a"), ValueError("b")
    first.__cause__, second.__cause__ = second, first
    assert not faults.is_certificate_fault(first)


def test_basic_is_scrubbed_in_its_encoded_form() -> None:
    header = auth.basic("ada@acme.example", Secret("tok-123456"))["Authorization"]
    assert KNOWN.scrub(header) == "Basic ***"


@pytest.mark.parametrize(
    "value",
    ["", "two words", "line\nbreak", "trailing\r\n", "tab\t", "ünicode"],
    ids=["empty", "blank", "line-break", "trailing", "tab", "letter"],
)
@pytest.mark.parametrize(
    "make",
    [auth.bearer, lambda secret: auth.basic("ada", secret)],
    ids=["bearer", "basic"],
)
def test_a_secret_that_would_break_a_header_is_refused(
    make: Callable[[Secret], dict[str, str]], value: str
) -> None:
    with pytest.raises(SecretError) as caught:
        make(Secret(value))
    assert not value or value not in str(caught.value)
