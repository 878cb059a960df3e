"""Reads files of bounded size alone: a device has no end, and a pipe makes its reader wait for a writer."""

from __future__ import annotations

import os
import stat
from errno import EISDIR
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

MOST_BYTES = 4 << 30
MOST_NAMED_BYTES = 64 << 20
PIPE = "a pipe (FIFO)"
FOLDER = "a folder"
KINDS = {
    stat.S_IFIFO: PIPE,
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
    stat.S_IFDIR: FOLDER,
}


class NotRegularError(OSError):
    """What a name leads to is no regular file, or one that is too large; `strerror` says which."""

    def __init__(self, found: str) -> None:
        super().__init__(0, found)


def irregular(path: Path) -> str | None:
    """Return what a name leads to that is no regular file: "a device", "a link without end"; None: it is one."""
    try:
        kind = stat.S_IFMT(path.stat().st_mode)
    except FileNotFoundError:
        return "a link to nothing" if path.is_symlink() else "nothing"
    except OSError as error:
        return "a link without end" if path.is_symlink() else error.strerror
    return None if kind == stat.S_IFREG else KINDS.get(kind, "no regular file")


def read_regular(path: Path, most_bytes: int = MOST_BYTES) -> bytes:
    """Read a whole file.

    Raises:
        NotRegularError: It is no regular file, or larger than `most_bytes`.
        OSError: It cannot be read.
    """
    found = irregular(path)
    if found not in (None, "nothing", FOLDER):
        raise NotRegularError(str(found))
    # Were it exchanged for a pipe by now, opening it would not wait.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK), "rb") as file:
        held = os.fstat(file.fileno())
        if stat.S_ISDIR(held.st_mode):
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        if not stat.S_ISREG(held.st_mode):
            raise NotRegularError(KINDS.get(stat.S_IFMT(held.st_mode), "no regular file"))
        if held.st_size > most_bytes:
            raise NotRegularError(f"{held.st_size:,} bytes, more than the {most_bytes:,} that are read")
        return file.read()


def read_named(path: Path, most_bytes: int = MOST_NAMED_BYTES) -> str:
    """Read a text file that a person names, which may be a pipe, as shells put in the place of a command's output.

    Raises:
        NotRegularError: It is neither a regular file nor a pipe, or holds more than `most_bytes`.
        OSError: It cannot be read.
        UnicodeDecodeError: It is not UTF-8.
    """
    if irregular(path) != PIPE:
        return read_regular(path, most_bytes).decode("utf-8-sig")
    with path.open("rb") as pipe:
        found = pipe.read(most_bytes + 1)
    if len(found) > most_bytes:
        raise NotRegularError(f"more than the {most_bytes:,} bytes that are read")
    return found.decode("utf-8-sig")
