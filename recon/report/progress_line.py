"""One line on standard error that says what is being done, while nothing else is printed; only on a terminal."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager, suppress
from importlib import import_module
from typing import TYPE_CHECKING

from recon.background import held_interrupts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

    from rich.console import Console
    from rich.live import Live
    from rich.spinner import Spinner
    from rich.text import Text

REFRESHED_PER_S = 8
USUAL_WIDTH = 80


class ProgressLine:
    """The line. A sign in it moves, which shows that the program works; it is as wide as the terminal at most.

    Rich, which draws it, is loaded when there is a terminal to draw on.
    """

    def __init__(self) -> None:
        self._words = ""
        self._stream: TextIO | None = None
        self._console: Console | None = None
        self._live: Live | None = None

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
        if self._console is None or self._stream is not sys.stderr:
            self._stream, self._console = sys.stderr, _console(sys.stderr)
        return self._console.is_interactive and self._console.is_terminal

    def _begin(self) -> None:
        console, stream = self._console, self._stream
        if console is None or stream is None:
            return
        sign: Spinner = import_module("rich.spinner").Spinner("line" if console.options.ascii_only else "dots")
        assemble = import_module("rich.text").Text.assemble

        def drawn() -> Text:
            # Rich asks standard input first, which may be another terminal.
            console.width = os.get_terminal_size(stream.fileno()).columns or USUAL_WIDTH
            parts = (sign.render(console.get_time()), " ", self._words)
            text: Text = assemble(*parts, no_wrap=True, overflow="ellipsis")
            return text

        # What a library prints on standard error meanwhile appears above the line.
        self._live = import_module("rich.live").Live(
            get_renderable=drawn,
            console=console,
            transient=True,
            refresh_per_second=REFRESHED_PER_S,
            redirect_stdout=False,
        )
        self._live.start(refresh=True)


def _console(stream: TextIO) -> Console:
    """Rich's console on a terminal, whose cursor stays visible: the process may be killed."""
    console: Console = import_module("rich.console").Console(file=stream, highlight=False, emoji=False)
    console.show_cursor = lambda show=True: False  # type: ignore[method-assign]  # noqa: ARG005 - as of rich
    return console


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
