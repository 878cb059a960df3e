"""Work in the background: what takes time but not the interpreter is started early and awaited when it is needed."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from queue import Empty, Queue
from threading import Thread
from typing import TYPE_CHECKING, Generic, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

T = TypeVar("T")


def start(work: Callable[[], T]) -> Future[T]:
    """Start `work` in a thread of its own; the future gives its result, or raises what it raised."""
    thread = ThreadPoolExecutor(1, "recon-background")
    future = thread.submit(work)
    thread.shutdown(wait=False)
    return future


class ReadAhead(Generic[T]):
    """The items of an iterable, each produced in a thread while the caller is busy with the one before.

    One finished item waits at most, so that memory stays bounded. What the iterable raises is raised to the caller.
    """

    def __init__(self, items: Iterable[T]) -> None:
        self._ready: Queue[tuple[T | None, BaseException | None] | None] = Queue(maxsize=1)
        self._is_wanted = True
        self._thread = Thread(target=self._produce, args=(items,), name="recon-read-ahead", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[T]:
        while (produced := self._ready.get()) is not None:
            item, error = produced
            if error is not None:
                raise error
            yield item  # type: ignore[misc]

    def close(self) -> None:
        """Ask for no more, and wait for the item that is being produced."""
        self._is_wanted = False
        while self._thread.is_alive():
            try:
                self._ready.get(timeout=0.05)
            except Empty:
                continue

    def _produce(self, items: Iterable[T]) -> None:
        try:
            for item in items:
                self._ready.put((item, None))
                if not self._is_wanted:
                    return
        except BaseException as error:  # noqa: BLE001 - raised again where the items are wanted
            self._ready.put((None, error))
        self._ready.put(None)
