"""Background work: slow tasks that do not hold the interpreter start early and are awaited when needed."""

from __future__ import annotations

import signal
import threading
from contextlib import contextmanager
from math import inf
from threading import Thread
from time import monotonic
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from concurrent.futures import Future

T = TypeVar("T")
PATIENCE_S = 3.0
# With polars loaded, an interrupt does not end a wait by itself: it is noticed only between two waits.
SLICE_S = 0.2
_noted: list[Callable[[], bool]] = []
INTERRUPTS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


def start(work: Callable[[], T]) -> Future[T]:
    """Start `work` in its own daemon thread; the future holds its result or its exception."""
    from concurrent.futures import Future  # noqa: PLC0415 - what only holds interrupts starts without it

    future: Future[T] = Future()
    Thread(target=_settle, args=(future, work), name="recon-background", daemon=True).start()
    return future


def _settle(future: Future[T], work: Callable[[], T]) -> None:
    try:
        future.set_result(work())
    except BaseException as error:  # noqa: BLE001 - re-raised where the result is awaited
        future.set_exception(error)


def await_result(future: Future[T], limit_s: float | None = None) -> T:
    """Wait for the result of `future` in such a way that an interrupt ends the wait.

    Raises:
        TimeoutError: The result did not arrive within the limit.
    """
    from concurrent.futures import wait  # noqa: PLC0415 - what only holds interrupts starts without it

    deadline = monotonic() + (inf if limit_s is None else limit_s)
    while not wait([future], max(0, min(SLICE_S, deadline - monotonic()))).done:
        if monotonic() >= deadline:
            raise TimeoutError
    return future.result()


def note_interrupts_by(noted: Callable[[], bool]) -> None:
    """State what says whether the program was interrupted: `is_interrupted` asks it from now on."""
    _noted[:] = [noted]


def is_interrupted() -> bool:
    """Whether the program was interrupted; a native library may have wrapped that in an error of its own."""
    return any(noted() for noted in _noted)


def end_if_interrupted() -> None:
    """End a wait after an interrupt whose exception was lost on its way, as a native library may lose one.

    Raises:
        KeyboardInterrupt: The program was interrupted.
    """
    if is_interrupted():
        raise KeyboardInterrupt


@contextmanager
def held_interrupts() -> Iterator[None]:
    """Let what is short and belongs together end before an interrupt ends the rest; only the main thread gets any."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    held: list[int] = []
    handlers = {number: signal.getsignal(number) for number in INTERRUPTS}
    before = {number: handler for number, handler in handlers.items() if callable(handler)}
    for number in before:
        signal.signal(number, lambda caught, _: held.append(caught))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    for number in held[:1]:
        signal.raise_signal(number)


class ReadAhead(Generic[T]):
    """The items of an iterable, each produced in a thread while the caller processes the previous one.

    At most one finished item is queued, so that memory stays bounded. Exceptions of the iterable are raised in the
    caller.

    Args:
        items: The iterable to read ahead.
        limit_s: Maximum number of seconds that the caller waits for an item; None: no limit.
        cancel: Interrupts the item that is being produced; called when the caller no longer needs it.
    """

    def __init__(
        self, items: Iterable[T], limit_s: float | None = None, cancel: Callable[[], None] = lambda: None
    ) -> None:
        from queue import Queue  # noqa: PLC0415 - what only holds interrupts starts without it

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
        """Yield the items.

        Raises:
            TimeoutError: No item arrived within the limit.
        """
        while (produced := self._next()) is not None:
            item, error = produced
            if error is not None:
                raise error
            yield item  # type: ignore[misc]

    def close(self) -> None:
        """Stop reading ahead and cancel the item that is being produced; if that cannot be cancelled, leave it."""
        from concurrent.futures import wait  # noqa: PLC0415 - what only holds interrupts starts without it

        self._is_wanted = False
        if self._ended_within(0.1):
            return
        deadline = monotonic() + PATIENCE_S
        cancelling = start(self._cancel)
        self._ended_within(PATIENCE_S)
        # If the process ended before the cancellation is sent, the server would keep working.
        wait([cancelling], max(0, deadline - monotonic()))

    def _next(self) -> tuple[T | None, BaseException | None] | None:
        from queue import Empty  # noqa: PLC0415 - what only holds interrupts starts without it

        deadline = monotonic() + (inf if self._limit_s is None else self._limit_s)
        while True:
            try:
                return self._ready.get(timeout=max(0, min(SLICE_S, deadline - monotonic())))
            except Empty:
                if monotonic() >= deadline:
                    raise TimeoutError from None
                end_if_interrupted()

    def _ended_within(self, patience_s: float) -> bool:
        from queue import Empty  # noqa: PLC0415 - what only holds interrupts starts without it

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
        except BaseException as error:  # noqa: BLE001 - re-raised where the items are consumed
            self._ready.put((None, error))
        self._ready.put(None)
