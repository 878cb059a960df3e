"""Ends a command in order when it is interrupted: by Ctrl-C, by SIGTERM, or because its terminal is gone (SIGHUP)."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
INTERRUPTING = (signal.SIGINT, *ENDING)
_ending = threading.Event()


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Record the signals that arrive; yields a function that returns whether one was among them that interrupts.

    Native libraries wrap KeyboardInterrupt in errors of their own. Python's handler of SIGINT is left in place, because
    DuckDB stops a query only for that; SIGTERM and SIGHUP get it too. A signal that is ignored stays so (nohup).
    Outside the main thread, the only one that receives signals, there is nothing to record.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    heard, sent = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(sent, False)
    before = signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    handlers = {each: signal.getsignal(each) for each in ENDING}
    for each, handler in handlers.items():
        if handler is signal.SIG_DFL:
            signal.signal(each, _end)
    try:
        yield lambda: any(each in INTERRUPTING for each in _read(heard))
    finally:
        for each, handler in handlers.items():
            signal.signal(each, handler)
        signal.set_wakeup_fd(before)
        os.close(heard)
        os.close(sent)


def is_ending() -> bool:
    """Whether the process was told to end, so that nobody is asked anything any more."""
    return _ending.is_set()


def _end(number: int, frame: FrameType | None) -> None:
    _ending.set()
    signal.default_int_handler(number, frame)


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
