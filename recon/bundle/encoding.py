"""How the text of an export is encoded: found by its bytes, since nothing in a CSV states it."""

from __future__ import annotations

import mmap
import re
from codecs import getincrementaldecoder
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

UTF_8_MARK = b"\xef\xbb\xbf"
UTF_16_MARKS = (b"\xff\xfe", b"\xfe\xff")
UTF_8, UTF_16, WINDOWS_1252 = "utf-8", "utf-16", "cp1252"
PIECE_BYTES = 2**20
# Windows-1252 gives these bytes no character.
UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")
# A character of two bytes in UTF-8, as in "ü"; as Windows-1252, "Ã" or "Â" before a sign, which no word has.
WESTERN_PAIR = re.compile(rb"[\xc2\xc3][\x80-\xbf]")
BEYOND_ASCII = re.compile(
    rb"(?P<of_utf_8>[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3})|[\x80-\xff]"
)


def encoding_of(file: Path) -> tuple[str, int | None]:
    """Return the encoding of a text file, and the first line that is not UTF-8 if it is read as Windows-1252.

    UTF-16 is recognised by its mark. Windows-1252, which spreadsheet programs on Windows write, is what has bytes that
    are not UTF-8, each of them a character there, unless more of what is beyond ASCII is UTF-8. All else is UTF-8, or
    is refused as such when its rows are read.

    Raises:
        OSError: The file cannot be read.
    """
    with file.open("rb") as opened:
        start = opened.read(len(UTF_8_MARK))
    if start[:2] in UTF_16_MARKS:
        return UTF_16, None
    line = None if start == UTF_8_MARK else _foreign_line(file)
    if line is None:
        return UTF_8, None
    with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as text:
        return (WINDOWS_1252, line) if _is_windows_1252(text) else (UTF_8, None)


def decode_start(start: bytes) -> str:
    """Decode the beginning of a file, whose last character may be cut off; what cannot be read is U+FFFD."""
    if start[:2] in UTF_16_MARKS:
        return start.decode(UTF_16, errors="replace")
    try:
        return getincrementaldecoder("utf-8-sig")().decode(start)
    except UnicodeDecodeError:
        is_windows = not start.startswith(UTF_8_MARK) and _is_windows_1252(start)
        return start.decode(WINDOWS_1252 if is_windows else "utf-8-sig", errors="replace")


def _foreign_line(file: Path) -> int | None:
    """Return the number of the first line that is not UTF-8; None: the whole file is."""
    decoder = getincrementaldecoder(UTF_8)()
    line = 1
    with file.open("rb") as opened:
        try:
            while piece := opened.read(PIECE_BYTES):
                if decoder.getstate()[0] or not piece.isascii():
                    decoder.decode(piece)
                line += piece.count(b"\n")
            decoder.decode(b"", final=True)
        except UnicodeDecodeError as error:
            return line + error.object.count(b"\n", 0, error.start)
    return None


def _is_windows_1252(text: bytes | mmap.mmap) -> bool:
    """Return whether a text that is not UTF-8 is Windows-1252 throughout, and no mixture of both."""
    if UNDEFINED.search(text) or WESTERN_PAIR.search(text):
        return False
    of_utf_8 = others = 0
    for found in BEYOND_ASCII.finditer(text):
        of_utf_8 += found["of_utf_8"] is not None
        others += found["of_utf_8"] is None
    return of_utf_8 < others
