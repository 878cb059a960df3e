"""PNG files made smaller: what draws them compresses in a hurry."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
LENGTH, CHECKSUM = Struct(">I4s"), Struct(">I")
PIXELS, END = b"IDAT", b"IEND"


def compressed(png: bytes) -> bytes:
    """The same picture, its pixels compressed as well as it pays."""
    chunks = list(_chunks(png))
    pixels = zlib.compress(zlib.decompress(b"".join(data for kind, data in chunks if kind == PIXELS)), level=6)
    kept = [_chunk(kind, data) for kind, data in chunks if kind not in (PIXELS, END)]
    return b"".join((SIGNATURE, *kept, _chunk(PIXELS, pixels), _chunk(END, b"")))


def _chunks(png: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = len(SIGNATURE)
    while at < len(png):
        length, kind = LENGTH.unpack_from(png, at)
        start = at + LENGTH.size
        yield kind, png[start : start + length]
        at = start + length + CHECKSUM.size


def _chunk(kind: bytes, data: bytes) -> bytes:
    return LENGTH.pack(len(data), kind) + data + CHECKSUM.pack(zlib.crc32(kind + data))
