"""The ``api-version`` of a request, and what is served of it.

Source: https://learn.microsoft.com/azure/devops/integrate/concepts/rest-api-versioning
[documented, 2026-11-21]; the classes and texts of the refusals are seen in several independent
clients.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from starlette.requests import Request

from reconciler.sandbox.azure_devops import faces

_FORM = re.compile(r"(\d{1,2})\.(\d)(-preview(\.\d{1,2})?)?", re.IGNORECASE)
_IN_ACCEPT = re.compile(r"api-version\s*=\s*([^;,\s]+)", re.IGNORECASE)
_NEWEST_RELEASE = (7, 1)


def number(text: str) -> tuple[int, int]:
    """``7.1`` as a pair that can be compared."""
    major, _, minor = text.partition(".")
    return int(major), int(minor or 0)


@dataclass(frozen=True, slots=True)
class Offer:
    """The versions of one resource.

    Args:
        highest: the newest this deployment serves.
        is_released: some version needs no ``-preview``.
        revision: the newest revision of the preview.
    """

    highest: str
    is_released: bool
    revision: int

    @property
    def released(self) -> str:
        """The newest version that needs no ``-preview``; ``0.0`` for none."""
        if not self.is_released:
            return "0.0"
        major, minor = min(number(self.highest), _NEWEST_RELEASE)
        return f"{major}.{minor}"

    @property
    def default(self) -> str:
        """What a request without a version gets."""
        return self.released if self.is_released else f"{self.highest}-preview.{self.revision}"


def version_of(request: Request, method: str, offer: Offer) -> str:
    """The version that an answer is given in.

    Raises:
        RefusedError: 400 for none on a write, one too new, or a preview without its flag.
    """
    asked = request.query_params.get("api-version") or _accepted(request)
    if not asked:
        if method == "GET":
            return offer.default
        raise faces.refuse(
            400,
            "VssVersionNotSpecifiedException",
            f'No api-version was supplied for the "{method}" request. The version must be '
            'supplied either as part of the Accept header (e.g. "application/json; '
            'api-version=1.0") or as a query parameter (e.g. "?api-version=1.0").',
        )
    form = _FORM.fullmatch(asked)
    if form is None:
        raise faces.bad_argument(f"The api-version {asked[:20]} is not valid.")
    wanted = (int(form[1]), int(form[2]))
    if wanted > number(offer.highest):
        raise faces.refuse(
            400,
            "VssVersionOutOfRangeException",
            f"The requested REST API version of {form[1]}.{form[2]} is out of range for this "
            f"server. The latest REST API version this server supports is {offer.highest}.",
        )
    if not form[3] and wanted > number(offer.released):
        raise faces.refuse(
            400,
            "VssInvalidPreviewVersionException",
            f'The requested version "{asked}" of the resource is under preview. The -preview '
            "flag must be supplied in the api-version for such requests. For example: "
            f'"{asked}-preview"',
        )
    return asked.lower()


def _accepted(request: Request) -> str:
    found = _IN_ACCEPT.search(request.headers.get("accept", ""))
    return found[1] if found else ""
