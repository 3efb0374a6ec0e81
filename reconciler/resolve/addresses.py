"""Which API addresses a credential may be sent to. Pure."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from reconciler.errors import SourceMark
from reconciler.resolve.references import Problems


def api_address(url: str, where: SourceMark, problems: Problems) -> str:
    """*url* with a lower-case host and no slash at its end.

    Reports anything but https (http for loopback), and user, password, query or fragment.
    """
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        problems.error("bad-url", "this is no address", "write https://HOST/PATH", where)
        return url
    if fault := _fault(parts, host):
        problems.error("bad-url", *fault, where)
        return url
    shown_host = f"[{host}]" if ":" in host else host
    suffix = f":{port}" if port is not None else ""
    return f"{parts.scheme}://{shown_host}{suffix}{parts.path}".rstrip("/")


def _fault(parts: SplitResult, host: str) -> tuple[str, str] | None:
    if not host or parts.scheme not in ("https", "http"):
        return "this is no web address", "write https://HOST/PATH"
    if parts.scheme == "http" and not _is_loopback(host):
        return "credentials are not sent over plain http", "write https:// (http is for loopback)"
    if parts.username is not None or parts.password is not None:
        return "an address carries no user name and no password", "use a secret reference"
    if parts.query or parts.fragment:
        return "an API address carries no query and no fragment", "leave out all after ? or #"
    return None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
