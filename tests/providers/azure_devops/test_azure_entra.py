"""Service principals: their tokens come from Entra, over TLS, and go nowhere else."""

from __future__ import annotations

import builtins
import hashlib
import ssl
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from reconciler.errors import Fault, RemoteError
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login, silent
from reconciler.providers.azure_devops import entra
from reconciler.sandbox.azure_devops.tokens import new_jwt
from reconciler.sandbox.faults import Fault as Scripted
from reconciler.sandbox.faults import FaultKind
from reconciler.sandbox.settings import AZURE
from tests.providers.azure_devops.bench import Bench
from tests.providers.azure_devops.tlsfront import Front, tls_front

DISCOVERY = "*/.well-known/openid-configuration"
TOKENS = "POST */oauth2/v2.0/token"


@pytest.fixture
async def front(bench: Bench, tmp_path: Path) -> AsyncIterator[Front]:
    """Entra behind TLS; it names its own address, as the real one does."""
    port = urlsplit(bench.sandbox.urls[AZURE]).port
    assert port is not None
    async with tls_front(port, tmp_path) as opened:
        bench.plain_url = bench.sandbox.urls[AZURE]
        bench.sandbox.urls[AZURE] = opened.url
        yield opened


def principal(
    bench: Bench,
    secret: str = "",
    form: CredentialForm = CredentialForm.SECRET,
    *,
    username: str = "",
    tenant: str = "",
) -> Login:
    known = bench.sandbox.credentials
    return Login(
        MethodKind.SERVICE_PRINCIPAL,
        Secret(secret or known["AZURE_SP_CLIENT_SECRET"]),
        username or known["AZURE_SP_CLIENT_ID"],
        tenant=tenant or known["AZURE_TENANT_ID"],
        form=form,
    )


def settings(front: Front, **other: str) -> Mapping[str, str]:
    return {"entraUrl": front.url, "caFile": front.ca_file, **other}


async def shown(bench: Bench, front: Front, login: Login, **other: str) -> CredentialReport:
    account = bench.account(settings=settings(front, **other), api_url=bench.plain_url)
    async with bench.open_account(account) as provider:
        return await provider.verify(login, reach=True)


def tokens_asked(bench: Bench) -> int:
    return sum(line.endswith("/oauth2/v2.0/token") for line in bench.lines())


async def test_a_client_secret_signs_in_and_lists(bench: Bench, front: Front) -> None:
    account = bench.account(settings=settings(front), api_url=bench.plain_url)
    login = principal(bench)
    async with bench.open_account(account) as provider:
        report = await provider.verify(login, reach=True)
        listing = await provider.list_repositories(login, expected=None, progress=silent)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)
    assert report.identity in bench.organization.estate.principals
    assert listing.complete
    assert tokens_asked(bench) == 1


async def test_a_federated_token_signs_in(bench: Bench, front: Front) -> None:
    client = bench.sandbox.credentials["AZURE_SP_CLIENT_ID"]
    bench.organization.federate(client, "https://ci.example", "repo:acme/deploy")
    assertion = new_jwt(
        {
            "iss": "https://ci.example",
            "sub": "repo:acme/deploy",
            "aud": "api://AzureADTokenExchange",
            "exp": 4102444800,
        }
    )
    report = await shown(bench, front, principal(bench, assertion, CredentialForm.FEDERATED))
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)


async def test_a_certificate_signs_in(bench: Bench, front: Front) -> None:
    made = trustme.CA().issue_cert("reconciler.acme.example", key_type=trustme.KeyType.RSA)
    pem = made.private_key_and_cert_chain_pem.bytes()
    der = ssl.PEM_cert_to_DER_cert(made.cert_chain_pems[0].bytes().decode())
    client = bench.sandbox.credentials["AZURE_SP_CLIENT_ID"]
    for digest in (hashlib.sha1(der, usedforsecurity=False), hashlib.sha256(der)):
        padded = urlsafe_b64encode(digest.digest()).decode()
        for form in (padded, padded.rstrip("=")):
            bench.organization.register_certificate(client, form)
    login = principal(bench, pem.decode(), CredentialForm.CERTIFICATE)
    report = await shown(bench, front, login)
    assert (report.verdict, report.reaches) == (Verdict.WORKS, True)


@pytest.mark.parametrize(
    ("secret", "username", "code"),
    [
        ("wrong-client-secret", "", "AADSTS7000215"),
        ("", "00000000-0000-4000-8000-000000000000", "AADSTS700016"),
    ],
    ids=["secret", "client"],
)
async def test_a_principal_that_entra_does_not_know_is_dead(
    bench: Bench, front: Front, secret: str, username: str, code: str
) -> None:
    report = await shown(bench, front, principal(bench, secret, username=username))
    assert report.verdict is Verdict.DEAD
    assert code in report.cause
    assert "Trace ID" not in report.cause
    assert "wrong-client-secret" not in repr(report)


@pytest.mark.parametrize(
    ("secret", "form", "tenant"),
    [
        ("no PEM at all", CredentialForm.CERTIFICATE, ""),
        ("", CredentialForm.SECRET, "no tenant/at all"),
    ],
    ids=["certificate", "tenant"],
)
async def test_what_cannot_be_used_is_told_without_asking(
    bench: Bench, front: Front, secret: str, form: CredentialForm, tenant: str
) -> None:
    report = await shown(bench, front, principal(bench, secret, form, tenant=tenant))
    assert report.verdict is Verdict.DEAD
    assert "cannot be used" in report.cause
    assert bench.requests() == 0


async def test_the_secret_goes_to_the_authority_and_to_no_host_that_it_names(
    bench: Bench, front: Front
) -> None:
    """The authority's own configuration names another token endpoint; nothing is sent there."""
    bench.sandbox.urls[AZURE] = front.url.replace("127.0.0.1", "localhost")
    report = await shown(bench, front, principal(bench))
    assert report.verdict is Verdict.UNKNOWN
    assert "leads elsewhere" in report.cause
    assert "nothing was sent" in report.cause
    assert tokens_asked(bench) == 0


async def test_a_redirect_of_the_authority_is_not_followed(bench: Bench, front: Front) -> None:
    bench.sandbox.faults.add(
        Scripted(FaultKind.FOREIGN_REDIRECT, match=TOKENS, emulator=AZURE, times=None)
    )
    report = await shown(bench, front, principal(bench))
    assert report.verdict is not Verdict.WORKS
    assert bench.trapped() == 0


async def test_the_token_of_entra_goes_to_azure_devops_and_never_back(
    bench: Bench, front: Front
) -> None:
    await shown(bench, front, principal(bench))
    entra_lines = [line for line in front.seen if "_apis" in line]
    assert entra_lines == []


async def test_a_certificate_that_is_not_trusted_is_unreachable(bench: Bench, front: Front) -> None:
    report = await shown(bench, front, principal(bench), caFile="")
    assert report.verdict is Verdict.UNKNOWN
    assert "not trusted" in report.cause
    assert "caFile" in report.hint
    assert bench.requests() == 0


async def test_an_authority_without_https_is_refused_unsent(bench: Bench, front: Front) -> None:
    report = await shown(bench, front, principal(bench), entraUrl=bench.plain_url)
    assert report.verdict is Verdict.UNKNOWN
    assert "not an https address" in report.cause
    assert bench.requests() == 0


async def test_an_absent_authority_is_unreachable(bench: Bench, front: Front) -> None:
    report = await shown(bench, front, principal(bench), entraUrl="https://127.0.0.1:1")
    assert report.verdict is Verdict.UNKNOWN
    assert "cannot be reached" in report.cause


async def test_a_ca_file_that_cannot_be_used_is_named(bench: Bench, front: Front) -> None:
    grant = entra.EntraGrant(principal(bench), front.url, "/nowhere/ca.pem")
    with pytest.raises(RemoteError, match="/nowhere/ca") as caught:
        await grant.token()
    assert caught.value.fault is Fault.UNREACHABLE


async def test_without_the_library_the_error_says_what_to_install(
    bench: Bench, front: Front, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.startswith("azure.identity"):
            raise ImportError(name)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", without)
    report = await shown(bench, front, principal(bench))
    assert report.verdict is Verdict.UNKNOWN
    assert "scm-reconciler[azure]" in report.hint
    assert bench.requests() == 0
