"""Headers of a tar within limits: what the library reads of them, it reads whole and in memory."""

from __future__ import annotations

import re
import tarfile
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from pathlib import Path

# Long names and attributes of a file: a path has at most 4,096 bytes.
MOST_BYTES = 1 << 20
EXTENDING = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
# The library searches a row of digits from each of them.
DIGITS = re.compile(rb"\d{32}")
SPARSE = b"GNU.sparse."


class HeaderError(ValueError):
    """A header that no bundle needs, and that costs more than its size to read."""


class BoundedHeader(tarfile.TarInfo):
    """A header of a tar that is refused before it fills the memory or takes its time.

    Sparse files are refused: their maps are as long as they state, and no bundle has holes.
    """

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
        """Read one block.

        Raises:
            HeaderError: It announces too long a name or too many attributes, or a sparse file.
        """
        found = super().frombuf(buf, encoding, errors)
        if found.type in EXTENDING and found.size > MOST_BYTES:
            raise HeaderError(f"a header of {found.size:,} bytes")
        if found.type == tarfile.GNUTYPE_SPARSE:
            raise HeaderError("a sparse file")
        return found

    def _proc_pax(self, archive: tarfile.TarFile) -> tarfile.TarInfo:
        """Look at the attributes before the library does; it calls this by its name, as its own."""
        opened: Any = archive.fileobj
        text = opened.read(-(-self.size // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE)
        if SPARSE in text:
            raise HeaderError("a sparse file")
        if DIGITS.search(text):
            raise HeaderError("a header with an endless number")
        archive.fileobj = _ReadAgain(text, opened)
        try:
            found: tarfile.TarInfo = super()._proc_pax(archive)  # type: ignore[misc]
        finally:
            archive.fileobj = opened
        return found


class _ReadAgain:
    """An open file, of which what was read last is read once more."""

    def __init__(self, text: bytes, opened: Any) -> None:
        self._text: bytes | None = text
        self._opened = opened

    def read(self, size: int) -> bytes:
        text, self._text = self._text, None
        return self._opened.read(size) if text is None else text

    def __getattr__(self, name: str) -> Any:
        return getattr(self._opened, name)


def open_tar(path: Path) -> tarfile.TarFile:
    """Open a tar, packed or not.

    Raises:
        tarfile.TarError: It is none.
        HeaderError: Its first header exceeds the limits.
        OSError: It cannot be read.
    """
    return tarfile.open(path, tarinfo=BoundedHeader)


def is_end(block: bytes) -> bool:
    """Return whether a block is the empty one that ends a tar."""
    return not block.strip(b"\0")
