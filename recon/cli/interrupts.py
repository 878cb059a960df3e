"""Ends a command in order when it is interrupted: by Ctrl-C, by SIGTERM, or because its terminal is gone (SIGHUP)."""

from __future__ import annotations

import os
import signal
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recon.background import note_interrupts_by

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

ENDING = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
INTERRUPTING = (signal.SIGINT, *ENDING)
EXIT_INTERRUPTED = 130
# The module of the handler with which the program begins: `python -m recon` calls it otherwise than its scripts do.
BEGUN_BY = ("__main__", "recon.__main__")
AGAIN_S = 0.05
_ending = threading.Event()


@contextmanager
def noted_interrupts() -> Iterator[Callable[[], bool]]:
    """Record the signals that arrive; yields a function that returns whether one was among them that interrupts.

    Native libraries wrap KeyboardInterrupt in errors of their own. SIGINT has Python's own handler meanwhile, because
    DuckDB stops a query only for that; SIGTERM and SIGHUP get it too. A signal that is ignored stays so (nohup). An
    interrupt that arrives where no exception can be raised, as while an object is finalized, is raised again after it.
    Outside the main thread, the only one that receives signals, there is nothing to record.

    Where `recon.__main__` began, the process ends after this with what it has: SIGINT is ignored from then on.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: False
        return
    heard, sent = os.pipe()
    os.set_blocking(heard, False)
    os.set_blocking(sent, False)
    before = signal.set_wakeup_fd(sent, warn_on_full_buffer=False)
    handlers = {each: signal.getsignal(each) for each in INTERRUPTING}
    unraisable, sys.unraisablehook = sys.unraisablehook, (again := RaisedAgain())
    for each, handler in handlers.items():
        if handler is not signal.SIG_IGN and handler is not None:
            signal.signal(each, signal.default_int_handler if each == signal.SIGINT else _end)
    arrived: list[int] = []

    def noted() -> bool:
        arrived.extend(each for each in _read(heard) if each in INTERRUPTING)
        return bool(arrived)

    note_interrupts_by(noted)
    try:
        yield noted
    finally:
        note_interrupts_by(lambda: False)
        for each, handler in handlers.items():
            signal.signal(each, _last(each) if getattr(handler, "__module__", "") in BEGUN_BY else handler)
        sys.unraisablehook = unraisable
        again.cancel()
        signal.set_wakeup_fd(before)
        os.close(heard)
        os.close(sent)


def end_at_next_interrupt() -> None:
    """Let one more interrupt end the process at once: what is being written of the first one may not be waited for."""
    if threading.current_thread() is threading.main_thread():
        for each in INTERRUPTING:
            if signal.getsignal(each) is not signal.SIG_IGN:
                signal.signal(each, _end_at_once)


def _end_at_once(*_: object) -> None:
    os._exit(EXIT_INTERRUPTED)


def _last(number: signal.Signals) -> signal.Handlers:
    """What a signal does once the program only has to leave."""
    return signal.SIG_IGN if number == signal.SIGINT else signal.SIG_DFL


class RaisedAgain:
    """A hook for exceptions that Python would only print: an interrupt among them is sent again.

    It is sent a moment later, from another thread: within the hook, it would be lost in the same way.
    """

    def __init__(self) -> None:
        self._timer = threading.Timer(0, lambda: None)

    def __call__(self, unraisable: sys.UnraisableHookArgs) -> None:
        """Send the interrupt again, or print what is none."""
        if not isinstance(unraisable.exc_value, KeyboardInterrupt):
            sys.__unraisablehook__(unraisable)
            return
        self._timer = threading.Timer(AGAIN_S, os.kill, (os.getpid(), signal.SIGINT))
        self._timer.daemon = True
        self._timer.start()

    def cancel(self) -> None:
        """Send nothing any more."""
        self._timer.cancel()


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
