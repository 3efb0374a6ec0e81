"""One HTTP reply, small enough to make thousands of. Decoding lives here. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from reconciler.errors import Fault, RemoteError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back. ``headers`` are looked up without regard to case.

    ``url`` is where the body really came from, after redirects within the host.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    party: str = ""
    url: str = ""

    @property
    def is_ok(self) -> bool:
        """Whether the status is 2xx."""
        return 200 <= self.status < 300  # noqa: PLR2004  the class of success

    @property
    def is_html(self) -> bool:
        """Whether a page for people came where data for programs was expected."""
        declared = "html" in self.headers.get("content-type", "")
        return declared or self.body.lstrip()[:1] == b"<"

    def json(self) -> Any:
        """The body as plain values.

        Raises:
            RemoteError: BAD_REPLY; it is HTML, cut short, or otherwise not JSON.
        """
        return self.decode(object)

    def decode(self, type_: type[T]) -> T:
        """The body as *type_*; fields that it does not declare are skipped.

        Raises:
            RemoteError: BAD_REPLY; not JSON, or not of that shape.
        """
        try:
            return msgspec.json.decode(self.body, type=type_)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise self._bad(error) from error

    def _bad(self, error: Exception) -> RemoteError:
        if self.is_html:
            what = "answered with an HTML page where JSON was expected"
            hint = (
                "a sign-in page or a proxy seems to stand between; check the API address and "
                "the proxy settings of this machine"
            )
        elif isinstance(error, msgspec.ValidationError):
            what = f"answered JSON of an unknown shape: {error}"
            hint = "check the API address; if it is right, the API has changed: report this"
        else:
            what = f"answered {len(self.body)} bytes that are not whole JSON"
            hint = "run again; if it stays, check what stands between this machine and the API"
        return RemoteError(self.party, Fault.BAD_REPLY, f"{self.party} {what}", hint=hint)
