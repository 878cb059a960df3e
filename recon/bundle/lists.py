"""The long lists of a report, separated from the rest of it and left unparsed in the file."""

from __future__ import annotations

import mmap
import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import msgspec
import pyarrow as pa

from recon.bundle.formats import EntityReport, IdMapping, ImportProblem, RecordHead, ReportHead
from recon.bundle.jsonfile import convert, convert_each, mend_halves, put_replacements, require_text
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NOTHING = msgspec.Raw(b"null")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
PIECE_BYTES = 2**20
BETWEEN_ITEMS = re.compile(rb"\}\s*(?P<comma>,)\s*\{")


class EntityEnvelope(EntityReport, rename="camel", frozen=True):
    """An entity report with its records left unparsed."""

    records: msgspec.Raw = NOTHING


class ReportEnvelope(ReportHead, rename="camel", frozen=True):
    """The report with its long lists left unparsed."""

    members: EntityEnvelope
    events: EntityEnvelope
    registrations: EntityEnvelope
    errors: msgspec.Raw = NOTHING  # type: ignore[assignment]
    id_mapping: dict[str, msgspec.Raw] | None = None


@dataclass(frozen=True)
class JsonList:
    """One long list of the report.

    Attributes:
        table: The table in the warehouse's schema `source` that it is loaded into: "members", "errors", "id_mappings" …
        entity: The entity of its items; "" where each item names its own.
        place: Its JSON path.
        item: The type of each of its items.
        file: The file that contains it, from the byte `start` on.
        halves: The offsets in the file of the halves of characters in it, in order.
    """

    table: str
    entity: str
    place: str
    item: type[msgspec.Struct]
    file: Path
    start: int
    size_bytes: int
    halves: tuple[int, ...] = ()

    def open(self) -> IO[bytes] | mmap.mmap:
        """Open the file, with each half of a character replaced by U+FFFD; only pages that hold one are copied."""
        if not self.halves:
            return self.file.open("rb")
        with self.file.open("rb") as opened:
            mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
        put_replacements(mapped, self.halves)
        return mapped

    def write(self, folder: Path, pieces: int = 1) -> list[Path]:
        """Copy the list to a separate file, or split it into several files that each hold a list of some of its items.

        For speed, the ends of items are guessed: a piece that was cut elsewhere is not valid JSON.
        """
        with self.open() as original:
            commas = sorted({*self._find_commas(original, pieces)})
            starts = [self.start, *(comma + 1 for comma in commas)]
            ends = [*commas, self.start + self.size_bytes]
            files = [folder / f"{self.table}-{number}.json" for number in range(len(ends))]
            for file, start, end in zip(files, starts, ends, strict=True):
                with file.open("wb") as piece:
                    piece.write(b"" if start == self.start else b"[")
                    _copy(original, piece, start, end)
                    piece.write(b"" if end == ends[-1] else b"]")
        return files

    def _find_commas(self, original: IO[bytes] | mmap.mmap, pieces: int) -> Iterator[int]:
        """Yield the offsets of commas that seem to separate two items, near the end of each piece but the last."""
        for number in range(1, pieces):
            near = self.start + self.size_bytes * number // pieces
            original.seek(near)
            window = original.read(min(PIECE_BYTES, self.start + self.size_bytes - near))
            if parted := BETWEEN_ITEMS.search(window):
                yield near + parted.start("comma")

    def require_items(self, texts: Iterable[list[str]]) -> None:
        """Validate every item as strictly as msgspec does; `texts` is the JSON of the items in batches.

        Raises:
            BundleError: An item is not what importers write; the error names the first such item.
        """
        first = 0
        for batch in texts:
            values = [msgspec.json.decode(text) for text in batch]
            convert_each(values, self.item, file=self.file, place=self.place, first=first)
            first += len(batch)


def _copy(original: IO[bytes] | mmap.mmap, target: IO[bytes], start: int, end: int) -> None:
    original.seek(start)
    left = end - start
    while left > 0:
        left -= target.write(original.read(min(left, PIECE_BYTES)))


def read_envelope(file: Path, halves: dict[str, int] | None = None) -> tuple[ReportHead, tuple[JsonList, ...]]:
    """Read the report without its long lists, and locate these in the file.

    The file is memory-mapped while it is scanned: this takes only pages of the file, which are released at the end.

    Args:
        file: The report.
        halves: Receives how many texts held half a character, as for `read_json`.

    Raises:
        BundleError: It is not UTF-8 text, or the value of the error list or of an id mapping is not a list.
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: It is not JSON, or not a report.
    """
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_COPY)
    require_text(file, mapped[:4])
    text = memoryview(mapped)[len(BYTE_ORDER_MARK) if mapped[:3] == BYTE_ORDER_MARK else 0 :]
    offsets: list[int] = []
    try:
        envelope = msgspec.json.decode(text, type=ReportEnvelope)
    except msgspec.DecodeError:
        # The parser refuses every half, also in what it leaves unparsed: only then they are looked for.
        offsets, texts = mend_halves(mapped)
        if not texts:
            raise
        envelope = msgspec.json.decode(text, type=ReportEnvelope)
        if halves is not None:
            halves[file.name] = texts
    return _take_apart(envelope, file, pa.py_buffer(mapped).address, offsets)


def _take_apart(
    envelope: ReportEnvelope, file: Path, address: int, halves: list[int]
) -> tuple[ReportHead, tuple[JsonList, ...]]:
    kept = {key: getattr(envelope, key) for key in ReportHead.__struct_fields__ if key not in ("errors", "id_mapping")}
    entities = {name: _without_records(getattr(envelope, name)) for name in ENTITIES}
    return ReportHead(**kept | entities), tuple(
        replace(listed, halves=_within(halves, listed)) for listed in _find_lists(envelope, file, address)
    )


def _within(halves: list[int], listed: JsonList) -> tuple[int, ...]:
    return tuple(halves[bisect_left(halves, listed.start) : bisect_left(halves, listed.start + listed.size_bytes)])


def _without_records(entity: EntityEnvelope) -> EntityReport:
    """Return the entity report, with its records only where they are not a list: absent, or the short form."""
    records = None if _is_list(entity.records) else msgspec.json.decode(entity.records)
    return EntityReport(**{key: getattr(entity, key) for key in EntityReport.__struct_fields__} | {"records": records})


def _find_lists(envelope: ReportEnvelope, file: Path, address: int) -> Iterator[JsonList]:
    for name in ENTITIES:
        records = getattr(envelope, name).records
        if _is_list(records):
            yield JsonList(name, name, f"$.{name}.records", RecordHead, file, *_span(records, address))
    if envelope.errors is not NOTHING:
        _require_list(envelope.errors, file, "$.errors")
        yield JsonList("errors", "", "$.errors", ImportProblem, file, *_span(envelope.errors, address))
    for entity, text in (envelope.id_mapping or {}).items():
        place = f"$.idMapping.{entity}"
        _require_list(text, file, place)
        yield JsonList("id_mappings", entity, place, IdMapping, file, *_span(text, address))


def _span(text: msgspec.Raw, address: int) -> tuple[int, int]:
    """Return offset and number of bytes of `text`, which is a view of the memory that begins at `address`."""
    buffer = pa.py_buffer(text)
    return buffer.address - address, buffer.size


def _is_list(text: msgspec.Raw) -> bool:
    return bytes(memoryview(text)[:1]) == b"["


def _require_list(text: msgspec.Raw, file: Path, place: str) -> None:
    if not _is_list(text):
        value: Any = msgspec.json.decode(text)
        convert(value, list, file=file, place=place)
