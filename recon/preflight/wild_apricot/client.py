"""Reads Wild Apricot's API: the token, one resource, and results that are made while the client waits."""

from __future__ import annotations

import re
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any, Self

import msgspec

from recon.database.secrets import remember
from recon.errors import ApiError, ApiRefusal
from recon.preflight.wild_apricot.address import origin
from recon.preflight.wild_apricot.exchange import Exchange, Question, TimeLimit, Watch
from recon.preflight.wild_apricot.refusals import not_json, require_success
from recon.preflight.wild_apricot.shapes import Grant, GrantedToken, mismatch, progress_of, quoted, unknown_shape

if TYPE_CHECKING:
    from recon.preflight.wild_apricot.exchange import Observations
    from recon.preflight.wild_apricot.key import ApiKey
    from recon.preflight.wild_apricot.shapes import Progress

FORM = {"grant_type": "client_credentials", "scope": "auto"}
# Between two looks at a result; the last one is repeated.
POLL_S = (1, 2, 3, 5)
# Versions from this one on page by parameters without "$".
UNPREFIXED = (2, 3)
VERSION = re.compile(r"/v(\d+)\.(\d+)$")


class WildApricot:
    """Reads Wild Apricot's API; what writes cannot be sent.

    Args:
        key: What the token endpoint is shown.
        api_url: Address of the API, with its version.
        oauth_url: Address of the token endpoint.
        timeout_s: How long one question may take, with its repetitions and the wait for its result.
        watch: The time; None: that of this machine.
    """

    def __init__(self, key: ApiKey, api_url: str, oauth_url: str, timeout_s: float, watch: Watch | None = None) -> None:
        self.api_url, self.oauth_url, self._timeout_s = api_url, oauth_url, timeout_s
        self._key, self._bearer = key, ""
        self._watch = watch or Watch()
        self._exchange = Exchange(api_url, oauth_url, self._watch)

    def __enter__(self) -> Self:
        self._exchange.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._exchange.__exit__()

    @property
    def seen(self) -> Observations:
        """What the answers state beside what was asked."""
        return self._exchange.seen

    def address(self, path: str) -> str:
        """The address of a resource."""
        return f"{self.api_url}/{path}"

    def page(self, first: int, size: int) -> dict[str, str | int]:
        """The parameters for a page of records: `first` is the number of records before it."""
        version = VERSION.search(self.api_url)
        sign = "" if version and (int(version[1]), int(version[2])) >= UNPREFIXED else "$"
        return {f"{sign}top": size, f"{sign}skip": first}

    def obtain_token(self) -> Grant:
        """Exchange the key for a token, which later questions carry.

        Raises:
            ApiError: None was given.
        """
        asked = Question("POST", self.oauth_url, f"Basic {self._key.basic}", form=FORM)
        document = self._document(asked, self._limit(), is_token=True)
        found = mismatch(document, GrantedToken) or mismatch(document, Grant)
        if found is not None:
            raise ApiRefusal(
                "The token endpoint answers something else than a token",
                where=self.oauth_url,
                found=str(found),
                next_step="Check the address of the token endpoint",
            )
        token = msgspec.convert(document, GrantedToken).access_token
        remember(token, token)
        self._bearer = f"Bearer {token}"
        return msgspec.convert(document, Grant)

    def read(self, path: str, parameters: dict[str, str | int] | None = None) -> Any:
        """Read one resource, and wait for a result that is made meanwhile.

        Args:
            path: Below the address of the API, e.g. "accounts/1/events".
            parameters: Those of the query.

        Returns:
            The JSON document, not validated.

        Raises:
            ApiError: It cannot be read within the limit.
        """
        limit = self._limit()
        document = self._document(Question("GET", self.address(path), self._bearer, parameters), limit)
        for wait_s in chain(POLL_S, repeat(POLL_S[-1])):
            progress = progress_of(document)
            if progress is None:
                return document
            self._require_result(progress, document, path)
            if not progress.is_complete:
                limit.wait(wait_s, self.address(path), f"the state {quoted(progress.state)!r}")
            document = self._document(Question("GET", progress.url, self._bearer), limit)
            if progress.is_complete:
                return document
        raise AssertionError("endless")

    def _require_result(self, progress: Progress, document: object, path: str) -> None:
        """Require that the result can still come, from the host that the token is meant for."""
        if progress.has_failed:
            raise ApiError(
                "The API could not make the result",
                where=self.address(path),
                found=f"the state {quoted(progress.state)!r}",
                next_step="Ask again later",
            )
        if origin(progress.url) != origin(self.api_url):
            raise unknown_shape(document, self.address(path), "a ResultUrl of the host that was asked")

    def _document(self, question: Question, limit: TimeLimit, *, is_token: bool = False) -> Any:
        answer = self._exchange.answer(question, limit)
        require_success(answer.status, answer.headers, answer.body, question.where, is_token=is_token)
        try:
            return msgspec.json.decode(answer.body.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise not_json(answer.body, question.where) from None

    def _limit(self) -> TimeLimit:
        return TimeLimit(self._timeout_s, self._watch, self._watch.monotonic())
