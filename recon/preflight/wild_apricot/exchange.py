"""One request and its answer, bounded in size and time; an API that is asked too often is waited for."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from itertools import chain, repeat
from typing import TYPE_CHECKING, Self
from urllib.parse import quote, urlencode

import httpx

from recon.background import await_result, start
from recon.errors import ApiError, ApiRefusal
from recon.preflight.wild_apricot.shapes import quoted
from recon.preflight.wild_apricot.transport import ReadingTransport

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

LARGEST_BYTES = 32 * 1024 * 1024
# Between two tries; the last one is repeated.
BACK_OFF_S = (1, 2, 4, 8, 16, 30)
TOO_MANY, UNAVAILABLE = 429, 503
# These write addresses and, in detail, headers of answers, which may repeat what was sent.
LOGGERS = ("httpx", "httpcore.connection", "httpcore.http11", "httpcore.proxy")
CERTIFICATE = "If your network has an authority of its own, name its certificate in SSL_CERT_FILE"
LATER = "Ask again later, or with a longer time limit"


@dataclass(frozen=True)
class Watch:
    """The time as the client knows it."""

    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass(frozen=True)
class TimeLimit:
    """How long one question may take, from now on."""

    limit_s: float
    watch: Watch
    started: float

    @property
    def left_s(self) -> float:
        """What is left, never less than 0."""
        return max(0.0, self.started + self.limit_s - self.watch.monotonic())

    def wait(self, seconds: float, where: str, because: str) -> None:
        """Wait, unless that takes longer than what is left.

        Raises:
            ApiError: It does.
        """
        if seconds >= self.left_s:
            raise ApiError(
                f"The API keeps this question waiting for longer than {self.limit_s:g} s",
                where=where,
                found=because,
                next_step=LATER,
            )
        self.watch.sleep(seconds)


@dataclass(frozen=True)
class Question:
    """A request. `authorization` is the header, which no text of this object contains."""

    method: str
    url: str
    authorization: str = field(repr=False)
    parameters: Mapping[str, str | int] | None = None
    form: Mapping[str, str] | None = None

    @property
    def address(self) -> str:
        """The address with its query, in which "$" is itself and a space "%20", as Wild Apricot documents it."""
        query = urlencode(self.parameters or {}, quote_via=quote, safe="$")
        return f"{self.url}?{query}" if query else self.url

    @property
    def where(self) -> str:
        """The address without its query, for errors; it may come from an answer."""
        return quoted(self.url.partition("?")[0])


@dataclass(frozen=True)
class Answer:
    """What came; `headers` by name in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass
class Observations:
    """What the answers state beside what was asked.

    Attributes:
        requests: Number of requests sent.
        limited: Number of answers 429.
        waited_s: How long such answers were waited for.
        headers: Those of the last answer, by name in lower case.
        ahead_s: By how many seconds this machine's clock is ahead of the API's (negative: behind), by the answer that
            states it best; None where none stated the time.
    """

    requests: int = 0
    limited: int = 0
    waited_s: float = 0
    headers: Mapping[str, str] = field(default_factory=dict)
    ahead_s: float | None = None

    def note(self, headers: Mapping[str, str], sent: datetime, received: datetime) -> None:
        """Note what an answer states."""
        self.headers = headers
        stated = date_of(headers.get("date", ""))
        if stated is None:
            return
        # The header has whole seconds, and any instant between request and answer is right.
        early = (sent - stated).total_seconds() - 1
        late = (stated - received).total_seconds()
        ahead_s = early if early > 0 else -late if late > 0 else 0.0
        self.ahead_s = ahead_s if self.ahead_s is None else min(self.ahead_s, ahead_s, key=abs)


class Exchange:
    """Sends questions.

    Args:
        api_url: Address of the API, the only one that is read from.
        oauth_url: Address of the token endpoint.
        watch: The time.
    """

    def __init__(self, api_url: str, oauth_url: str, watch: Watch) -> None:
        self.seen = Observations()
        self._watch = watch
        # The transport decides on proxies; nothing else of the environment changes what is sent.
        self._http = httpx.Client(transport=ReadingTransport(api_url, oauth_url), trust_env=False)
        self._levels: list[tuple[logging.Logger, int]] = []

    def __enter__(self) -> Self:
        self._levels = [(logger, logger.level) for logger in map(logging.getLogger, LOGGERS)]
        for logger, level in self._levels:
            logger.setLevel(max(level, logging.WARNING))
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()
        for logger, level in self._levels:
            logger.setLevel(level)

    def answer(self, question: Question, limit: TimeLimit) -> Answer:
        """The answer, after the waits that the API asks for.

        Raises:
            ApiError: None came within the limit.
        """
        for back_off_s in chain(BACK_OFF_S, repeat(BACK_OFF_S[-1])):
            answer = self._sent(question, limit)
            asked_s = self._asked_wait(answer)
            if answer.status != TOO_MANY and not (answer.status == UNAVAILABLE and asked_s is not None):
                return answer
            self.seen.limited += answer.status == TOO_MANY
            wait_s = float(back_off_s) if asked_s is None else max(asked_s, 1.0)
            wish = "without saying for how long" if asked_s is None else f"for {asked_s:.0f} s"
            limit.wait(wait_s, question.where, f"status {answer.status}, which asks to wait {wish}")
            self.seen.waited_s += wait_s
        raise AssertionError("endless")

    def _asked_wait(self, answer: Answer) -> float | None:
        """For how many seconds the API asks to wait; None where it does not say."""
        text = answer.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit():
            return float(text)
        until = date_of(text)
        return None if until is None else max(0.0, (until - self._watch.now()).total_seconds())

    def _sent(self, question: Question, limit: TimeLimit) -> Answer:
        """The answer to one request."""
        left_s, sent = limit.left_s, self._watch.now()
        self.seen.requests += 1
        # The client's own limits are for each piece that comes, so that a drip could last for ever.
        going_on = start(lambda: self._carried_out(question, left_s))
        try:
            answer = await_result(going_on, left_s)
        except (TimeoutError, httpx.TimeoutException):
            raise ApiError(
                f"The API has not answered within {limit.limit_s:g} s", where=question.where, next_step=LATER
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, UnicodeError) as error:
            raise _broken(error, question.where) from None
        self.seen.note(answer.headers, sent, self._watch.now())
        return answer

    def _carried_out(self, question: Question, seconds: float) -> Answer:
        request = self._http.build_request(
            question.method,
            question.address,
            data=question.form,
            headers={
                "Accept": "application/json",
                "Accept-Encoding": "identity",
                "Authorization": question.authorization,
                "User-Agent": "recon",
            },
            timeout=seconds,
        )
        response = self._http.send(request, stream=True)
        try:
            return Answer(response.status_code, _headers(response), _body(response, question.where))
        finally:
            response.close()


def date_of(text: str) -> datetime | None:
    """The instant that a header states, None where it states none."""
    try:
        found = parsedate_to_datetime(text)
        return found if found.tzinfo else found.replace(tzinfo=UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def _headers(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _body(response: httpx.Response, where: str) -> bytes:
    """The content, as it came; it was asked for uncompressed, so that its size is what it says."""
    if response.headers.get("content-encoding", "identity").lower() != "identity":
        raise ApiRefusal("The API answers compressed, which was not asked for", where=where)
    body = bytearray()
    for piece in response.iter_raw():
        body += piece
        if len(body) > LARGEST_BYTES:
            raise ApiRefusal(
                f"The API answers more than {LARGEST_BYTES // 1024**2} MiB, of which no more is read", where=where
            )
    return bytes(body)


def _broken(error: Exception, where: str) -> ApiError:
    """The error for a connection that was not made, or broke."""
    reason = quoted(str(error)) or type(error).__name__
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        is_certificate = isinstance(error, httpx.ConnectError) and "CERTIFICATE" in reason
        return ApiError(
            "The API cannot be reached",
            where=where,
            found=reason,
            next_step=CERTIFICATE if is_certificate else "Check the address, the network and the proxy (HTTPS_PROXY)",
        )
    if isinstance(error, httpx.InvalidURL | UnicodeError):
        return ApiError("This address cannot be asked", where=where, found=reason)
    return ApiError("The answer was cut off", where=where, found=reason, next_step="Ask again")
