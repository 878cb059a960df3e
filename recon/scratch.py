"""Folders that must not outlive the process, not even if it is interrupted while one is being made or filled."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Self
from weakref import finalize

if TYPE_CHECKING:
    from types import TracebackType

ATTEMPTS = 5
_making = Lock()


class ScratchFolder:
    """An empty folder, open to its owner alone, removed with all that it holds.

    That happens on `close`, when nobody holds this any more, or when the program ends: whichever comes first.
    The removal is arranged before the folder exists, so there is no moment in which an interrupt leaves it behind.

    Attributes:
        path: Where it is.

    Args:
        prefix: How its name begins.
        parent: Where to make it; None: where the system wants temporary files.

    Raises:
        OSError: It cannot be made.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        self.path = Path(parent or gettempdir()) / f"{prefix}{os.urandom(8).hex()}"
        with _making:
            self.close = finalize(self, _remove, self.path)
            try:
                self.path.mkdir(mode=0o700)
            except OSError:
                self.close.detach()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _remove(path: Path) -> None:
    """Remove a folder, again if a thread that nobody waits for wrote into it meanwhile; what cannot go, stays."""
    for _ in range(ATTEMPTS):
        rmtree(path, ignore_errors=True)
        if not path.exists():
            return


def _make_no_more() -> None:
    """From now on threads in the background wait for the end, in vain, instead of making what nobody would remove."""
    _making.acquire()


# Registered after the hook of `finalize`, and so called before it.
finalize(_making, lambda: None).detach()
atexit.register(_make_no_more)
