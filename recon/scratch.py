"""Folders that must not outlive the process, even if it is interrupted while one is being created or filled."""

from __future__ import annotations

import atexit
import os
from pathlib import Path
from shutil import rmtree
from tempfile import gettempdir
from threading import Lock
from typing import TYPE_CHECKING, Self
from weakref import finalize

from recon.errors import lack_of_resources, no_temporary_folder

if TYPE_CHECKING:
    from types import TracebackType

ATTEMPTS = 5
_making = Lock()


class ScratchFolder:
    """An initially empty folder, accessible to its owner only, that is removed with its contents.

    It is removed on `close`, when this object is garbage-collected, or when the program ends, whichever comes first.
    The removal is registered before the folder exists, so there is no moment at which an interrupt leaves it behind.

    Attributes:
        path: The path of the folder.

    Args:
        prefix: The beginning of its name.
        parent: The folder to create it in; None: the system's folder for temporary files.

    Raises:
        OSError: It cannot be created in `parent`.
        ResourceError: It cannot be created in the system's folder for temporary files, or there is no such folder.
    """

    def __init__(self, prefix: str, parent: Path | None = None) -> None:
        self.path = (parent or _temporary_folder()) / f"{prefix}{os.urandom(8).hex()}"
        with _making:
            self.close = finalize(self, _remove, self.path)
            try:
                self.path.mkdir(mode=0o700)
            except OSError as error:
                self.close.detach()
                if parent is None:
                    raise lack_of_resources(error) or no_temporary_folder(error) from error
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _temporary_folder() -> Path:
    try:
        return Path(gettempdir())
    except FileNotFoundError as error:
        raise no_temporary_folder(error) from error


def _remove(path: Path) -> None:
    """Remove a folder, retrying if a background thread writes into it meanwhile; what cannot be removed stays."""
    for _ in range(ATTEMPTS):
        rmtree(path, ignore_errors=True)
        if not path.exists():
            return


def _make_no_more() -> None:
    """Block background threads from creating folders that would no longer be removed."""
    _making.acquire()


# atexit calls handlers last in, first out: creating a finalizer first registers weakref's hook, so ours runs before it.
finalize(_making, lambda: None).detach()
atexit.register(_make_no_more)
