"""How each kind of login shows itself to Azure DevOps.

Source: https://learn.microsoft.com/azure/devops/integrate/get-started/authentication/
authentication-guidance [documented, 2026-11-21]
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from reconciler.errors import Fault, RemoteError
from reconciler.model.desired import DesiredAccount
from reconciler.model.method import CredentialForm, MethodKind
from reconciler.model.observed import CredentialReport, Verdict
from reconciler.model.secret import Secret
from reconciler.ports.provider import Login
from reconciler.providers.azure_devops.entra import EntraGrant
from reconciler.providers.azure_devops.limits import ENTRA_URL, PARTY
from reconciler.transport import auth

SHOWN = (MethodKind.PERSONAL_ACCESS_TOKEN, MethodKind.SERVICE_PRINCIPAL)
_SUPPRESS = {"X-TFS-FedAuthRedirect": "Suppress"}
"""Asks for 401 instead of a redirect to a sign-in page, as the official clients do.
[observed, 2026-11-21]"""

_PAT = re.compile(r"[a-z2-7]{52}|[A-Za-z0-9]{76}AZDO[A-Za-z0-9]{4}")


def looks_like_a_pat(secret: Secret) -> bool:
    """Whether a secret has one of the two forms of a personal access token.

    Source: https://learn.microsoft.com/purview/sit-defn-azure-devops-personal-access-token
    [documented, 2026-11-21]; the old form is that of the official examples.
    """
    return _PAT.fullmatch(secret.reveal()) is not None


def unfit(login: Login) -> CredentialReport | None:
    """Why a login cannot even be shown; None when it can."""
    if login.kind not in SHOWN:
        return CredentialReport(
            Verdict.UNKNOWN,
            cause=f"{login.kind} is not a method whose secret can be shown to {PARTY}",
            hint=f"methods with a secret are {', '.join(SHOWN)}",
        )
    is_ready = login.kind is not MethodKind.SERVICE_PRINCIPAL or (
        login.form is CredentialForm.TOKEN or (login.username and login.tenant)
    )
    if is_ready:
        return None
    return CredentialReport(
        Verdict.UNKNOWN,
        cause="a service principal signs in with its client id and its tenant; one is missing",
        hint="give the client id as `username` and the tenant of Microsoft Entra as `tenant`",
    )


class SignIn:
    """Headers for every login of one account; tokens of Entra are kept until they end."""

    def __init__(self, account: DesiredAccount) -> None:
        """Fetch nothing yet."""
        settings = account.settings
        self._entra_url = settings.get("entraUrl", "") or ENTRA_URL
        self._ca_file = settings.get("caFile", "")
        suppresses = settings.get("fedAuthRedirect", "") == "suppress"
        self._bearer_extra = _SUPPRESS if suppresses else {}
        self._grants: dict[Login, EntraGrant] = {}

    async def headers(self, login: Login) -> Mapping[str, str]:
        """Headers that show *login*; the user name beside a personal access token stays empty.

        Raises:
            RemoteError: Entra gave no token.
            SecretError: the secret cannot be used in its form.
        """
        if login.kind is MethodKind.PERSONAL_ACCESS_TOKEN:
            return {**auth.basic("", login.secret), **_SUPPRESS}
        if login.form is CredentialForm.TOKEN:
            return self.bearer(login.secret)
        if login not in self._grants:
            self._grants[login] = EntraGrant(login, self._entra_url, self._ca_file)
        return self.bearer(await self._grants[login].token())

    def bearer(self, token: Secret) -> Mapping[str, str]:
        """Headers of an Entra token.

        Without ``X-TFS-FedAuthRedirect`` unless the setting asks for it: under Conditional
        Access it makes the service refuse good tokens. [observed, 2026-11-21]
        """
        return {**auth.bearer(token), **self._bearer_extra}

    def close(self) -> None:
        """Forget tokens and close connections to Entra."""
        for grant in self._grants.values():
            grant.close()
        self._grants.clear()


def unfit_error(report: CredentialReport) -> RemoteError:
    """The same as an error, for calls that have no report to give."""
    return RemoteError(PARTY, Fault.REJECTED, report.cause, hint=report.hint)
