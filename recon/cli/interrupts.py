"""Detects whether a person pressed Ctrl-C: native libraries wrap KeyboardInterrupt in errors of their own."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Record the signals that arrive; yields a function that returns whether SIGINT was among them.

    The handler is left in place, because DuckDB stops a query only for Python's own. Outside the main thread, the only
    one that receives signals, there is nothing to record.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    heard, sent = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(sent, False)
    before = signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    try:
        yield lambda: signal.SIGINT in _read(heard)
    finally:
        signal.set_wakeup_fd(before)
        os.close(heard)
        os.close(sent)


@contextmanager
def ended_in_order() -> Iterator[None]:
    """Let SIGTERM end what happens inside as Ctrl-C does, so that programs that were started end and nothing is left.

    Outside the main thread, the only one that receives signals, nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def end_typing_at_interrupts() -> None:
    """Let Ctrl-C end a wait for what a person types.

    Polars sets a handler of its own, after which the system would go on reading until a line is typed.
    """
    if hasattr(signal, "siginterrupt"):
        signal.siginterrupt(signal.SIGINT, True)


def _read(heard: int) -> bytes:
    try:
        return os.read(heard, 4096)
    except BlockingIOError:
        return b""
