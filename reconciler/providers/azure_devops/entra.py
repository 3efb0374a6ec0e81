"""Tokens of a service principal, from Microsoft Entra. Home of azure-identity, which is optional.

The secret goes to the authority alone: every connection that the library opens is held against
it, redirects included. The library refuses an authority that is not https.

Source: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/
service-principal-managed-identity [documented, 2026-11-21]
"""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING, Any

import anyio
from anyio import to_thread

from reconciler.errors import Fault, RemoteError, SecretError
from reconciler.model.method import CredentialForm
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login
from reconciler.providers.azure_devops.limits import PARTY
from reconciler.transport.faults import is_certificate_fault, quoted

if TYPE_CHECKING:
    from azure.core.credentials import TokenCredential

RESOURCE = "499b84ac-1321-427f-aa17-267ca6975798"
"""Azure DevOps as a resource of Entra; the same in every tenant. [documented, 2026-11-21]"""

_SCOPE = f"{RESOURCE}/.default"
_WRONG = ("AADSTS7000215", "AADSTS7000222", "AADSTS700016", "AADSTS90002", "AADSTS700027")
"""Wrong secret, expired secret, unknown application, unknown tenant, unknown certificate.

Source: https://learn.microsoft.com/entra/identity-platform/reference-error-codes [documented,
2026-11-21]
"""

_PATIENCE = {"retry_total": 2, "retry_backoff_factor": 0.25, "timeout": 60}
_TIMEOUTS = {"connection_timeout": 10, "read_timeout": 30}
"""Seconds, and tries after the first, as the library names them."""


_LOGGERS = ("azure", "msal", "urllib3")
"""Without a handler of their own, what they warn of would be printed past our scrubber."""


_ELSEWHERE = "is not the authority; nothing was sent"


class EntraGrant:
    """The access tokens of one service principal. The library keeps and renews them."""

    def __init__(self, login: Login, authority: str, ca_file: str) -> None:
        """Open nothing yet.

        Args:
            login: client id as ``username``, ``tenant``, and the secret in one of three forms.
            authority: https address of Entra, without the tenant.
            ca_file: certificates to trust beside those of the machine; may be empty.
        """
        self._login = login
        self._authority = authority.rstrip("/")
        self._ca_file = ca_file
        self._lock = anyio.Lock()
        self._credential: TokenCredential | None = None
        self._session: Any = None

    async def token(self) -> Secret:
        """A token that is not about to end; asked for in a thread, one at a time.

        Raises:
            SecretError: the secret cannot be used in its form.
            RemoteError: CREDENTIAL when Entra refuses, UNREACHABLE, or REJECTED when the library
                is not installed or the authority is not https.
        """
        async with self._lock:
            if self._credential is None:
                self._credential = self._open()
            return await to_thread.run_sync(self._ask, self._credential)

    def close(self) -> None:
        """Close connections and forget tokens."""
        if self._session is not None:
            self._session.close()
        self._session = self._credential = None

    def _ask(self, credential: TokenCredential) -> Secret:
        from azure.core.exceptions import AzureError

        try:
            return Secret(credential.get_token(_SCOPE).token)
        except AzureError as error:
            raise _no_token(error, self._authority) from None

    def _open(self) -> TokenCredential:
        if not self._authority.startswith("https://"):
            raise RemoteError(
                PARTY,
                Fault.REJECTED,
                f"{quoted(self._authority)} is not an https address; nothing was sent there",
                hint="correct `entraUrl` of the account's settings, or leave it out",
            )
        try:
            from azure.identity import (
                CertificateCredential,
                ClientAssertionCredential,
                ClientSecretCredential,
            )
        except ImportError as error:
            raise RemoteError(
                PARTY,
                Fault.REJECTED,
                "signing in a service principal needs azure-identity, which is not installed",
                hint="pip install 'scm-reconciler[azure]', or give an access token that was "
                "fetched elsewhere (form: access-token)",
            ) from error
        for name in _LOGGERS:
            logging.getLogger(name).addHandler(logging.NullHandler())
        login, secret = self._login, self._login.secret.reveal()
        options: dict[str, Any] = {
            "authority": self._authority,
            "disable_instance_discovery": True,  # it would ask another host about this one
            "transport": self._transport(),
            **_PATIENCE,
        }
        try:
            if login.form is CredentialForm.CERTIFICATE:
                return CertificateCredential(
                    login.tenant, login.username, certificate_data=secret.encode(), **options
                )
            if login.form is CredentialForm.FEDERATED:
                return ClientAssertionCredential(
                    login.tenant, login.username, lambda: secret, **options
                )
            return ClientSecretCredential(login.tenant, login.username, secret, **options)
        except ValueError:
            self.close()
            raise SecretError(
                f"the tenant, or the secret in the form {login.form}, cannot be used",
                hint="give the tenant as id or domain; a certificate as PEM with its RSA key",
            ) from None

    def _transport(self) -> Any:
        from azure.core.pipeline.transport import RequestsTransport

        self._session = pinned_session(self._authority, self._ca_file)
        return RequestsTransport(session=self._session, session_owner=False, **_TIMEOUTS)


def pinned_session(authority: str, ca_file: str) -> Any:
    """A ``requests`` session that connects to the host of *authority* and to no other.

    Raises:
        RemoteError: UNREACHABLE; the CA file cannot be used.
    """
    import requests
    from requests.adapters import HTTPAdapter

    context = ssl.create_default_context()
    try:
        if ca_file:
            context.load_verify_locations(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise RemoteError(
            PARTY,
            Fault.UNREACHABLE,
            f"{PARTY}: the CA file {ca_file} cannot be used",
            hint="give a file of certificates in PEM form that this user may read",
        ) from error

    class Trusting(HTTPAdapter):
        """Trusts the certificates of the machine and those of the file."""

        def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
            super().init_poolmanager(*args, ssl_context=context, **kwargs)

        def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
            return super().proxy_manager_for(proxy, ssl_context=context, **kwargs)

    class Refusing(HTTPAdapter):
        """Stands for every other address."""

        def send(self, request: Any, *_args: Any, **_kwargs: Any) -> Any:
            host = quoted(str(request.url).split("?", 1)[0])
            raise requests.exceptions.InvalidURL(f"{host} {_ELSEWHERE}")

    session = requests.Session()
    session.adapters.clear()
    session.mount("https://", Refusing())
    session.mount("http://", Refusing())
    session.mount(f"{authority}/", Trusting())
    return session


def _no_token(error: Exception, authority: str) -> RemoteError:
    """Why Entra gave no token. Its words end before ids of requests and times."""
    cause: BaseException | None = error
    names: list[str] = []
    while cause is not None and len(names) < 8:  # noqa: PLR2004  chains are short; loops are not
        names.append(type(cause).__name__)
        cause = cause.__cause__ or cause.__context__
    words = quoted(str(error).split(" Trace ID:", 1)[0].splitlines()[0] if str(error) else "")
    if is_certificate_fault(error) or "CERTIFICATE_VERIFY_FAILED" in str(error):
        return RemoteError(
            PARTY,
            Fault.UNREACHABLE,
            f"the certificate of {quoted(authority)} is not trusted by this machine",
            hint="if a proxy re-signs traffic here, give its CA with `caFile` or SSL_CERT_FILE",
        )
    if _ELSEWHERE in str(error):
        return RemoteError(
            PARTY,
            Fault.FOREIGN_HOST,
            f"{quoted(authority)} leads elsewhere to ask for a token: {words}",
            hint="correct `entraUrl` of the account's settings, or leave it out",
        )
    if {"ServiceRequestError", "ServiceResponseError"} & set(names):
        return RemoteError(
            PARTY,
            Fault.UNREACHABLE,
            f"{quoted(authority)} cannot be reached: {words}",
            hint="check the network and the proxy settings of this machine",
        )
    return RemoteError(
        PARTY,
        Fault.CREDENTIAL if any(code in words for code in _WRONG) else Fault.PERMISSION,
        f"{quoted(authority)} gave no token: {words}",
        hint="check client id, tenant and form, and that the secret or certificate is current",
    )
