"""The token endpoint of Microsoft Entra, as far as Azure DevOps needs it.

Source: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow
[documented, 2026-11-21]; codes of refusals: https://learn.microsoft.com/entra/identity-platform/reference-error-codes.
Signatures of assertions are not verified: the emulator trusts what is registered by issuer and
subject, or by thumbprint.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from reconciler.sandbox.answers import RefusedError, answer
from reconciler.sandbox.azure_devops.access import secret_of
from reconciler.sandbox.azure_devops.estate import ServicePrincipal
from reconciler.sandbox.azure_devops.organization import BEARER_LIFE, Organization
from reconciler.sandbox.azure_devops.scopes import OF_PATS
from reconciler.sandbox.azure_devops.tokens import RESOURCE, claims_of
from reconciler.sandbox.credentials import digest
from reconciler.sandbox.settings import AZURE
from reconciler.sandbox.state import Sandbox

_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_EXCHANGE = "api://AzureADTokenExchange"
_EVERYBODY = ("common", "organizations")
_OPENID = frozenset({"openid", "profile", "offline_access", "email"})
_OF_PEOPLE = OF_PATS | {"vso.pats", "vso.pats_manage", "user_impersonation"}


def _refuse(status: int, error: str, code: int, message: str, now: str) -> RefusedError:
    trace = str(uuid4())
    body = {
        "error": error,
        "error_description": f"AADSTS{code}: {message} Trace ID: {trace} "
        f"Correlation ID: {trace} Timestamp: {now}",
        "error_codes": [code],
        "timestamp": now,
        "trace_id": trace,
        "correlation_id": trace,
        "error_uri": f"https://login.microsoftonline.com/error?code={code}",
    }
    return RefusedError(answer(body, status))


class Entra:
    """One tenant's token endpoint."""

    def __init__(self, sandbox: Sandbox, organization: Organization) -> None:
        self._sandbox = sandbox
        self._organization = organization

    def _base(self, request: Request) -> str:
        """The address the client knows.

        MSAL takes nothing but https, in its own settings and in the documents alike. Behind a
        proxy, or a transport that plays one, the forwarded address is told.
        """
        host = request.headers.get("x-forwarded-host")
        if host:
            return f"{request.headers.get('x-forwarded-proto', 'https')}://{host}"
        return self._sandbox.urls.get(AZURE, "https://login.microsoftonline.com")

    def _refuse(self, status: int, error: str, code: int, message: str) -> RefusedError:
        now = self._organization.clock.now().strftime("%Y-%m-%d %H:%M:%SZ")
        return _refuse(status, error, code, message, now)

    async def token(self, request: Request) -> Response:
        """``POST /{tenant}/oauth2/v2.0/token``."""
        text = (await request.body()).decode(errors="replace")
        form = dict(parse_qsl(text, keep_blank_values=True))
        try:
            return self._token(request, form)
        except RefusedError as refusal:
            return refusal.response

    def _token(self, request: Request, form: Mapping[str, str]) -> Response:
        tenant, grant = request.path_params["tenant"], form.get("grant_type", "")
        if tenant.lower() not in (self._organization.tenant, *_EVERYBODY):
            text = f"Tenant '{tenant}' not found."
            raise self._refuse(400, "invalid_request", 90002, text)
        if grant == "client_credentials":
            return self._for_application(request, form)
        if grant == "refresh_token":
            return self._for_user(form)
        text = f"The app requested an unsupported grant type '{grant}'."
        raise self._refuse(400, "unsupported_grant_type", 70003, text)

    def _for_application(self, request: Request, form: Mapping[str, str]) -> Response:
        header = request.headers.get("authorization", "")
        principal = self._principal(form.get("client_id") or _user_name(header))
        if form.get("client_assertion_type") == _ASSERTION:
            self._check_assertion(principal, form.get("client_assertion", ""))
        else:
            secret = form.get("client_secret") or secret_of(header)[1]
            if digest(secret) != principal.secret_digest:
                text = "Invalid client secret provided."
                raise self._refuse(401, "invalid_client", 7000215, text)
        if form.get("scope") != f"{RESOURCE}/.default":
            text = "The scope must be the resource followed by /.default."
            raise self._refuse(400, "invalid_scope", 1002012, text)
        minted = self._organization.mint_app_token(principal.client_id)
        return answer(_body(minted.token), headers={"Cache-Control": "no-store"})

    def _principal(self, client_id: str) -> ServicePrincipal:
        found = self._organization.estate.find_principal(client_id)
        if found is None or found.client_id != client_id.lower():
            text = f"Application with identifier '{client_id}' was not found in the directory."
            raise self._refuse(400, "unauthorized_client", 700016, text)
        return found

    def _check_assertion(self, principal: ServicePrincipal, assertion: str) -> None:
        claims, now = claims_of(assertion), self._organization.clock.now().timestamp()
        issuer, subject = str(claims.get("iss")), str(claims.get("sub"))
        ends = claims.get("exp")
        if not isinstance(ends, int | float) or ends <= now:
            text = "The client assertion is not within its valid time range."
            raise self._refuse(401, "invalid_client", 700024, text)
        if issuer == subject == principal.client_id:
            if not _thumbprints(assertion) & principal.certificates:
                text = "The certificate is not registered on the application."
                raise self._refuse(401, "invalid_client", 700027, text)
        elif (issuer, subject) not in principal.federated:
            text = "No matching federated identity record found for presented assertion."
            raise self._refuse(400, "invalid_request", 70021, text)
        elif claims.get("aud") not in (_EXCHANGE, [_EXCHANGE]):
            text = "The audience of the assertion does not match."
            raise self._refuse(400, "invalid_request", 700212, text)

    def _for_user(self, form: Mapping[str, str]) -> Response:
        token = form.get("refresh_token", "")
        user = self._organization.estate.users.get(
            self._organization.refresh_tokens.get(digest(token), "")
        )
        if user is None:
            text = "The refresh token is malformed, revoked or expired."
            raise self._refuse(400, "invalid_grant", 70000, text)
        asked = set(form.get("scope", "").split()) - _OPENID
        scopes = tuple(sorted(scope.removeprefix(f"{RESOURCE}/") for scope in asked))
        if scopes == (".default",):
            scopes = ("user_impersonation",)
        if not scopes or not _OF_PEOPLE.issuperset(scopes):
            text = "The scope is not valid."
            raise self._refuse(400, "invalid_scope", 70011, text)
        minted = self._organization.mint_user_token(user.id, scopes)
        body = _body(minted.token) | {
            "scope": " ".join(f"{RESOURCE}/{scope}" for scope in scopes),
            "refresh_token": self._organization.mint_refresh_token(user.id),
        }
        return answer(body, headers={"Cache-Control": "no-store"})

    async def configuration(self, request: Request) -> Response:
        """``GET /{tenant}/v2.0/.well-known/openid-configuration``."""
        tenant = self._organization.tenant
        asked = request.path_params["tenant"]
        if asked.lower() not in (tenant, *_EVERYBODY):
            text = f"Tenant '{asked}' not found."
            return self._refuse(400, "invalid_tenant", 90002, text).response
        base = self._base(request)
        root = f"{base}/{asked}"
        return answer(
            {
                "token_endpoint": f"{root}/oauth2/v2.0/token",
                "token_endpoint_auth_methods_supported": [
                    "client_secret_post",
                    "private_key_jwt",
                    "client_secret_basic",
                ],
                "jwks_uri": f"{root}/discovery/v2.0/keys",
                "issuer": f"{base}/{tenant}/v2.0",
                "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
                "device_authorization_endpoint": f"{root}/oauth2/v2.0/devicecode",
                "response_types_supported": ["code", "id_token"],
                "scopes_supported": sorted(_OPENID),
                "cloud_instance_name": "microsoftonline.com",
                "tenant_region_scope": "EU",
            }
        )

    async def instances(self, request: Request) -> Response:
        """``GET /common/discovery/instance``: this host is one that may be trusted."""
        base = self._base(request)
        host = base.partition("://")[2]
        metadata = {
            "preferred_network": host,
            "preferred_cache": host,
            "aliases": [host],
        }
        where = f"{base}/{self._organization.tenant}/v2.0/.well-known/openid-configuration"
        body = {
            "tenant_discovery_endpoint": where,
            "api-version": "1.1",
            "metadata": [metadata],
        }
        return answer(body)

    async def keys(self, _request: Request) -> Response:
        """``GET /{tenant}/discovery/v2.0/keys``: none, because no signature is real."""
        return answer({"keys": []})

    def routes(self) -> list[Route]:
        """Its paths, which are those of login.microsoftonline.com."""
        known = "/{tenant}/v2.0/.well-known/openid-configuration"
        return [
            Route("/{tenant}/oauth2/v2.0/token", self.token, methods=["POST"]),
            Route(known, self.configuration, methods=["GET"]),
            Route("/common/discovery/instance", self.instances, methods=["GET"]),
            Route("/{tenant}/discovery/v2.0/keys", self.keys, methods=["GET"]),
        ]


def _body(token: str) -> dict[str, Any]:
    seconds = int(BEARER_LIFE.total_seconds())
    return {
        "token_type": "Bearer",
        "expires_in": seconds,
        "ext_expires_in": seconds,
        "access_token": token,
    }


def _user_name(header: str) -> str:
    scheme, _, value = header.partition(" ")
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value.strip()).decode().partition(":")[0]
    except ValueError:
        return ""


def _thumbprints(assertion: str) -> set[str]:
    """What an assertion says of its certificate."""
    head = assertion.partition(".")[0]
    try:
        header = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        return set()
    return {str(header[name]) for name in ("x5t", "x5t#S256") if name in header}
