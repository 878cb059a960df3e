"""Reads the rows of an export; a file that does not match its header is refused, nothing is guessed.

The reader is Arrow's, which refuses a row with too few or too many cells and accepts every kind of line ending. The
one of DuckDB loses the rest of a file whose last quotation mark is missing, and the one of polars pads short rows.
"""

from __future__ import annotations

import csv
import sys
from contextlib import contextmanager
from io import BufferedReader, BytesIO, RawIOBase, TextIOWrapper
from typing import TYPE_CHECKING, Any

import polars as pl
import pyarrow as pa
from pyarrow.csv import ConvertOptions, ParseOptions, ReadOptions, open_csv

from recon.bundle.encoding import UTF_8, UTF_8_MARK
from recon.bundle.jsonfile import read_text, require_text
from recon.errors import BundleError
from recon.masking import mask_text

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import IO

    from recon.bundle.model import Export

BLOCK_BYTES = 4 * 2**20
END = "the end of the file"
TOO_LONG = "straddling object"
NEXT_STEP = "Correct it there or export it again; to verify without it, move it out of the bundle's folder"


class Recoded(RawIOBase):
    """The text of an export as UTF-8, from its header on."""

    def __init__(self, file: IO[bytes], encoding: str, skipped: str) -> None:
        self._text = TextIOWrapper(file, encoding, errors="replace", newline="")
        self._text.read(len(skipped))
        self._rest = b""

    def readable(self) -> bool:
        """Return True, as `RawIOBase` requires of a readable stream."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a part of the buffer and return the number of bytes; 0: end of the stream."""
        self._rest = self._rest or self._text.read(2**18).encode()
        piece = self._rest[: len(buffer)]
        buffer[: len(piece)] = piece
        self._rest = self._rest[len(piece) :]
        return len(piece)


class Ended(RawIOBase):
    """A file with a sentinel row appended: only if it is read back unchanged, every quotation mark was closed."""

    def __init__(self, file: IO[bytes], width: int, separator: str) -> None:
        self._parts = [file, BytesIO(f"\n{separator.join([END] * width)}\n".encode())]

    def readable(self) -> bool:
        """Return True, as `RawIOBase` requires of a readable stream."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer as far as possible and return the number of bytes; 0: end of the stream."""
        filled = 0
        for part in self._parts:
            piece = part.read(len(buffer) - filled)
            buffer[filled : filled + len(piece)] = piece
            filled += len(piece)
        return filled


def read_rows(export: Export) -> Iterator[pl.DataFrame]:
    """Yield the rows in batches, in the order of the file.

    Yields:
        Non-empty frames, one row per data row: source_row (2 is the first data row; blank lines do not count), and one
        text column for each key of `Export.cells`, with empty text where the cell is empty.

    Raises:
        BundleError: A row has a different number of cells than the header, a quotation mark is never closed, or the
            file is not UTF-8; the error names the line.
    """
    suspect: list[tuple[int, int]] = []
    first = 2
    try:
        with _only_in_errors(UnicodeDecodeError), export.file.open("rb") as file:
            text = _as_utf_8(file, export)
            for batch in _without_end(_open(text, export, suspect), export):
                frame = pl.DataFrame(pl.from_arrow(batch)).rename({str(at): key for key, at in export.cells.items()})
                yield frame.with_row_index("source_row", offset=first)
                first += batch.num_rows
    except (pa.ArrowInvalid, OSError) as error:
        raise _refused(export, error, suspect) from error


@contextmanager
def _only_in_errors(kind: type[Exception]) -> Iterator[None]:
    """Keep Python from printing what Arrow cannot raise while it reports a row: the error that follows says it."""
    before = sys.unraisablehook

    def other(unraisable: sys.UnraisableHookArgs) -> None:
        if not isinstance(unraisable.exc_value, kind):
            before(unraisable)

    sys.unraisablehook = other
    try:
        yield
    finally:
        sys.unraisablehook = before


def _as_utf_8(file: IO[bytes], export: Export) -> IO[bytes]:
    """Return the text of the opened export as UTF-8, from its header on."""
    if export.encoding != UTF_8:
        return BufferedReader(Recoded(file, export.encoding, export.skipped))
    start = file.read(4)
    require_text(export.file, start)
    mark = UTF_8_MARK if start.startswith(UTF_8_MARK) and export.skipped else b""
    file.seek(len(mark) + len(export.skipped.encode()))
    return file


def _open(file: IO[bytes], export: Export, suspect: list[tuple[int, int]]) -> Iterator[pa.RecordBatch]:
    """Open Arrow's reader; a row whose width differs from the header's is recorded in `suspect`, then refused."""

    def refuse(row: Any) -> str:
        suspect.append((row.number, row.actual_columns))
        return "error"

    names = [str(at) for at in range(export.width)]
    wanted = [str(at) for at in export.cells.values()]
    reader: Iterator[pa.RecordBatch] = open_csv(
        Ended(file, export.width, export.separator),
        ReadOptions(use_threads=False, block_size=BLOCK_BYTES, column_names=names, skip_rows_after_names=1),
        ParseOptions(delimiter=export.separator, newlines_in_values=True, invalid_row_handler=refuse),
        ConvertOptions(include_columns=wanted, default_column_type=pa.string()),
    )
    return reader


def _without_end(batches: Iterator[pa.RecordBatch], export: Export) -> Iterator[pa.RecordBatch]:
    """Yield the batches without the sentinel row at the end of the file; none is empty."""
    last, rows = None, 0
    for batch in batches:
        rows += batch.num_rows
        if last is not None and batch.num_rows:
            yield last
        last = batch if batch.num_rows else last
    if last is None or any(cell.as_py() != END for cell in (column[-1] for column in last.columns)):
        raise _unclosed(export, rows + 1)
    if last.num_rows > 1:
        yield last.slice(0, last.num_rows - 1)


def _unclosed(export: Export, row: int) -> BundleError:
    return BundleError(
        f"{export.file.name} has a quotation mark that is never closed",
        where=f"{export.file}, line {_line(export, row)}",
        expected="a second one that ends the cell",
        found="none in what follows",
        next_step=NEXT_STEP,
    )


def _refused(export: Export, error: Exception, suspect: list[tuple[int, int]]) -> BundleError:
    if suspect:
        row, found = suspect[0]
        return BundleError(
            f"{export.file.name} has a row whose cells do not match the header",
            where=f"{export.file}, line {_line(export, row)}",
            expected=f"{export.width} cells",
            found=str(found),
            next_step=f"A cell with a comma or a quotation mark may lack its quotes. {NEXT_STEP}",
        )
    if TOO_LONG in str(error):
        return _unclosed(export, sys.maxsize)
    if export.encoding == UTF_8:
        _require_utf_8(export)
    return BundleError(
        f"{export.file.name} cannot be read",
        where=str(export.file),
        expected="CSV in UTF-8, separated by commas",
        found=mask_text(" ".join(str(error).split()))[:200],
        next_step=NEXT_STEP,
    )


def _require_utf_8(export: Export) -> None:
    try:
        read_text(export.file)
    except BundleError as error:
        raise BundleError(
            error.what,
            where=error.where,
            expected="UTF-8, or Windows-1252 throughout",
            found=error.found,
            next_step="Save it as CSV in UTF-8 from the program that wrote it, or convert it: "
            "iconv -f <its encoding> -t UTF-8",
        ) from error


def _line(export: Export, number: int) -> int:
    """Return the line where row `number` (the header is row 1) begins, or else the last row that can be separated."""
    encoding = "utf-8-sig" if export.encoding == UTF_8 else export.encoding
    seen, before = 1, len(export.skipped.splitlines())
    start = before + 1
    with export.file.open(encoding=encoding, errors="replace", newline="") as lines:
        lines.read(len(export.skipped))
        rows = csv.reader(lines, strict=False, delimiter=export.separator)
        try:
            for row in rows:
                if row and seen == number:
                    return start
                seen += bool(row)
                start = before + rows.line_num + 1
        except csv.Error:
            # A missing quotation mark made the rest of the file one cell, which exceeds csv's field size limit.
            return start
    return start
