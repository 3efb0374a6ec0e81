"""The client under a session: TLS, proxies, limits. The seam where another engine could be put."""

from __future__ import annotations

import ipaddress
import ssl
from functools import lru_cache
from http.cookiejar import CookieJar, DefaultCookiePolicy

import httpx2

from reconciler import __version__
from reconciler.errors import Fault, RemoteError

_TIMEOUT = httpx2.Timeout(30.0, connect=10.0, pool=None)


def is_loopback(host: str) -> bool:
    """Whether *host* can only be this machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def open_client(
    party: str, base: httpx2.URL, *, concurrency: int, ca_file: str
) -> httpx2.AsyncClient:
    """A client for the host of *base*: no redirects, no cookies, verified TLS.

    Proxies of the environment (``HTTPS_PROXY``, ``NO_PROXY``) are obeyed except for loopback,
    where they would carry credentials off this machine in the clear.

    Raises:
        RemoteError: FOREIGN_HOST when credentials would travel unencrypted; UNREACHABLE when the
            CA file cannot be used.
    """
    loopback = base.scheme == "http" and is_loopback(base.host)
    if base.userinfo:
        raise RemoteError(
            party,
            Fault.FOREIGN_HOST,
            f"{party}: the API address {base.host} holds a user name or password; nothing was sent",
            hint="take them out of the address and reference the secret instead",
        )
    if base.scheme != "https" and not loopback:
        raise RemoteError(
            party,
            Fault.FOREIGN_HOST,
            f"{party}: {base.scheme or 'no scheme'}://{base.host} is not https; nothing was sent",
            hint="use an https address; plain http is accepted for loopback addresses only",
        )
    return httpx2.AsyncClient(
        verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if loopback else tls_context(party, ca_file),
        trust_env=not loopback,
        timeout=_TIMEOUT,
        follow_redirects=False,
        limits=httpx2.Limits(max_connections=concurrency, max_keepalive_connections=concurrency),
        cookies=CookieJar(policy=DefaultCookiePolicy(allowed_domains=())),
        headers={"User-Agent": f"scm-reconciler/{__version__}", "Accept": "application/json"},
    )


def tls_context(party: str, ca_file: str) -> ssl.SSLContext:
    """The machine's certificate authorities (or ``SSL_CERT_FILE``), and those of *ca_file*.

    Raises:
        RemoteError: UNREACHABLE; the file cannot be read or holds no certificate.
    """
    try:
        return _context(ca_file)
    except (OSError, ssl.SSLError) as error:
        named = ca_file or "in SSL_CERT_FILE"
        raise RemoteError(
            party,
            Fault.UNREACHABLE,
            f"{party}: the CA file {named} cannot be used: {error.strerror or error}",
            hint="give a file of certificates in PEM form that this user may read",
        ) from error


@lru_cache(maxsize=8)
def _context(ca_file: str) -> ssl.SSLContext:
    """Building one costs some 50 ms, so that all sessions of a run share it."""
    context = httpx2.create_ssl_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context
