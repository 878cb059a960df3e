"""Work in the background: what takes time but not the interpreter is started early and awaited when it is needed."""

from __future__ import annotations

from concurrent.futures import Future, wait
from math import inf
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")
PATIENCE_S = 3.0
# With polars loaded, an interrupt does not end a wait by itself: it is noticed between two.
SLICE_S = 0.2


def start(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread of its own, which keeps no program alive; the future gives its result or its error."""
    future: Future[T] = Future()
    Thread(target=_settle, args=(future, work), name="recon-background", daemon=True).start()
    return future


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - raised again where the result is wanted
        future.set_exception(error)


def await_result(future: Future[T], limit_s: float | None = None) -> T:
    """The result of `future`, waited for so that an interrupt ends the wait.

    Raises:
        TimeoutError: It did not come within the limit.
    """
    deadline = monotonic() + (inf if limit_s is None else limit_s)
    while not wait([future], max(0, min(SLICE_S, deadline - monotonic()))).done:
        if monotonic() >= deadline:
            raise TimeoutError
    return future.result()


class ReadAhead(Generic[T]):
    """The items of an iterable, each produced in a thread while the caller is busy with the one before.

    One finished item waits at most, so that memory stays bounded. What the iterable raises is raised to the caller.

    Args:
        items: What is to be read ahead.
        limit_s: Seconds that the caller waits for an item, at most; None: as long as it takes.
        cancel: Makes the item that is being produced end at once, called when nobody wants it any more.
    """

    def __init__(
        self, items: Iterable[T], limit_s: float | None = None, cancel: Callable[[], None] = lambda: None
    ) -> None:
        self._limit_s, self._cancel = limit_s, cancel
        self._ready: Queue[tuple[T | None, BaseException | None] | None] = Queue(maxsize=1)
        self._is_wanted = True
        self._thread = Thread(target=self._produce, args=(items,), name="recon-read-ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        """The items.

        Raises:
            TimeoutError: None came within the limit.
        """
        while (produced := self._next()) is not None:
            item, error = produced
            if error is not None:
                raise error
            yield item  # type: ignore[misc]

    def close(self) -> None:
        """Ask for no more, and end the item that is being produced; one that cannot be ended is left alone."""
        self._is_wanted = False
        if self._ended_within(0.1):
            return
        deadline = monotonic() + PATIENCE_S
        cancelling = start(self._cancel)
        self._ended_within(PATIENCE_S)
        # A process that ends before would leave the work to the server.
        wait([cancelling], max(0, deadline - monotonic()))

    def _next(self) -> tuple[T | None, BaseException | None] | None:
        deadline = monotonic() + (inf if self._limit_s is None else self._limit_s)
        while True:
            try:
                return self._ready.get(timeout=max(0, min(SLICE_S, deadline - monotonic())))
            except Empty:
                if monotonic() >= deadline:
                    raise TimeoutError from None

    def _ended_within(self, patience_s: float) -> bool:
        deadline = monotonic() + patience_s
        while self._thread.is_alive() and monotonic() < deadline:
            try:
                self._ready.get(timeout=0.05)
            except Empty:
                continue
        return not self._thread.is_alive()

    def _produce(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                self._ready.put((item, None))
                if not self._is_wanted:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the items are wanted
            self._ready.put((None, error))
        self._ready.put(None)
