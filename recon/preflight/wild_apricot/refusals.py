"""What the status of an answer means: a result, or that nothing is known."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import msgspec

from recon.errors import ApiError, ApiMisunderstanding, ApiRefusal
from recon.preflight.wild_apricot.shapes import described, quoted

if TYPE_CHECKING:
    from collections.abc import Mapping

RENEW = "Look at the key in Wild Apricot (Settings, Authorized applications), or create another one"
REFUSALS = {
    401: ("The API does not accept the key or its token", RENEW),
    403: ("The key may not read this", "Give the key read access to it, or create another one"),
    404: ("The API has nothing at this address", "Check the account id and the address of the API"),
}
TOKEN_REFUSALS = {400, 401, 403}
SAID = ("code", "error", "message", "error_description", "reason")


def require_success(status: int, headers: Mapping[str, str], body: bytes, where: str, *, is_token: bool) -> None:
    """Require that an answer holds what was asked for.

    Args:
        status: The HTTP status.
        headers: By name in lower case.
        body: The content, of which only what the API says about the error is shown.
        where: The address.
        is_token: The key itself was shown, so that a refusal is one of the key.

    Raises:
        ApiRefusal: The API refuses what an import will ask for.
        ApiMisunderstanding: The API does not understand the question.
        ApiError: The API cannot answer now.
    """
    if 200 <= status < 300:
        return
    found = _found(status, body)
    if 300 <= status < 400:
        raise _elsewhere(status, headers, where)
    if is_token and status in TOKEN_REFUSALS:
        raise ApiRefusal("The key is not accepted", where=where, found=found, next_step=RENEW)
    if status in REFUSALS:
        what, next_step = REFUSALS[status]
        raise ApiRefusal(what, where=where, found=found, next_step=next_step)
    if status >= 500:
        raise ApiError("The API is out of order", where=where, found=found, next_step="Ask again later")
    raise ApiMisunderstanding(
        "The API does not understand the question", where=where, found=found, next_step="Check the address of the API"
    )


def not_json(body: bytes, where: str) -> ApiRefusal:
    """The error for an answer that is not JSON."""
    is_page = body.lstrip()[:1] == b"<"
    found = "a page of HTML or XML" if is_page else f"{len(body)} bytes of something else" if body else "nothing"
    return ApiRefusal(
        "The API answers something that is not JSON",
        where=where,
        expected="a whole JSON document",
        found=found,
        next_step="Check the address of the API, and whether a proxy answers in its place",
    )


def _elsewhere(status: int, headers: Mapping[str, str], where: str) -> ApiRefusal:
    try:
        parts = urlsplit(urljoin(where, headers.get("location", "")))
        to = f"{parts.scheme}://{parts.hostname or ''}"
    except ValueError:
        to = "no address"
    return ApiRefusal(
        "The API sends elsewhere, where the key does not go",
        where=where,
        expected="an answer",
        found=f"status {status} to {quoted(to)}",
        next_step="If that is where the API is, set its address",
    )


def _found(status: int, body: bytes) -> str:
    """The status, its name, and what the API says about it."""
    name = HTTPStatus(status).phrase if status in set(HTTPStatus) else ""
    said = _said(body)
    return f"status {status} {name}".rstrip() + (f" ({said})" if said else "")


def _said(body: bytes) -> str:
    try:
        document = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
    if not isinstance(document, dict):
        return described(document)
    return "; ".join(quoted(str(document[name])) for name in SAID if isinstance(document.get(name), str | int))
