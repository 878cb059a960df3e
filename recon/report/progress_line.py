"""One line on standard error that says what is being done, while nothing else is printed; only on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING, Any

from recon.background import held_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator

REFRESHED_PER_S = 8
USUAL_WIDTH = 80


class ProgressLine:
    """The line. A sign in it moves, which shows that the program works; it is as wide as the terminal at most.

    Rich, which draws it, is loaded when there is a terminal to draw on.
    """

    def __init__(self) -> None:
        self._words = ""
        self._stream: Any = None
        self._console: Any = None
        self._live: Any = None
        self._sign: Any = None
        self._text: Any = None

    def show(self, words: str) -> None:
        """Say what is being done, in the place of what was said before; without a terminal, do nothing."""
        self._words = words
        if self._live is None and self._can_be_shown():
            with held_interrupts(), suppress(OSError, ValueError):
                self._begin()

    def wipe(self) -> None:
        """Remove the line, before anything else is printed."""
        if self._live is None:
            return
        # An interrupt in the middle would leave half of the line.
        with held_interrupts(), suppress(OSError, ValueError):
            live, self._live = self._live, None
            live.stop()

    def _can_be_shown(self) -> bool:
        if sys.stderr is None or sys.stderr.closed or not sys.stderr.isatty():
            return False
        if self._stream is not sys.stderr:
            self._stream = sys.stderr
            self._console = import_module("rich.console").Console(file=sys.stderr, highlight=False, emoji=False)
            # A hidden cursor would stay hidden, if the process were killed.
            self._console.show_cursor = lambda _=True: False
        return bool(self._console.is_interactive and self._console.is_terminal)

    def _begin(self) -> None:
        kind = "line" if self._console.options.ascii_only else "dots"
        self._sign = import_module("rich.spinner").Spinner(kind)
        self._text = import_module("rich.text").Text
        # What a library prints on standard error meanwhile appears above the line.
        self._live = import_module("rich.live").Live(
            get_renderable=self._drawn,
            console=self._console,
            transient=True,
            refresh_per_second=REFRESHED_PER_S,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)

    def _drawn(self) -> Any:
        # Rich asks standard input first, which may be another terminal.
        self._console.width = os.get_terminal_size(self._stream.fileno()).columns or USUAL_WIDTH
        sign = self._sign.render(self._console.get_time())
        return self._text.assemble(sign, " ", self._words, no_wrap=True, overflow="ellipsis")


LINE = ProgressLine()
"""The only one, since there is one standard error."""


@contextmanager
def working(words: str) -> Iterator[None]:
    """Say what is being done until it is done."""
    LINE.show(words)
    try:
        yield
    finally:
        LINE.wipe()
