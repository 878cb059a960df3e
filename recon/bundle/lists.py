"""The long lists of a report, told apart from the rest of it and left as they stand in the file."""

from __future__ import annotations

import mmap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from recon.bundle.formats import EntityReport, IdMapping, ImportProblem, RecordHead, ReportHead
from recon.jsonfile import convert, convert_each, require_text
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

NOTHING = msgspec.Raw(b"null")
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ADVICE = getattr(mmap, "MADV_DONTNEED", None)


class EntityEnvelope(EntityReport, rename="camel", frozen=True):
    """An entity report whose records were passed over."""

    records: msgspec.Raw = NOTHING


class ReportEnvelope(ReportHead, rename="camel", frozen=True):
    """The report with its long lists passed over."""

    members: EntityEnvelope
    events: EntityEnvelope
    registrations: EntityEnvelope
    errors: msgspec.Raw = NOTHING  # type: ignore[assignment]
    id_mapping: dict[str, msgspec.Raw] | None = None


@dataclass(frozen=True)
class JsonList:
    """One long list of the report.

    Attributes:
        table: The table of the warehouse's schema `source` that it becomes: "members", "errors", "id_mappings" …
        entity: The entity that its items are of; "" where each item says so itself.
        place: Its JSON path.
        item: What each of its items must be.
        file: The file that it stands in.
    """

    table: str
    entity: str
    place: str
    item: type[msgspec.Struct]
    file: Path
    text: msgspec.Raw
    mapped: mmap.mmap

    def write(self, path: Path) -> None:
        """Copy it to a file of its own, and let go of the memory that it took."""
        with path.open("wb") as file:
            file.write(memoryview(self.text))
        if ADVICE is not None:
            self.mapped.madvise(ADVICE)

    def require_items(self, texts: Iterable[list[str]]) -> None:
        """Check every item as strictly as msgspec does; `texts` are its items' JSON in batches.

        Raises:
            BundleError: Naming the first item that is not what importers write.
        """
        first = 0
        for batch in texts:
            values = [msgspec.json.decode(text) for text in batch]
            convert_each(values, self.item, file=self.file, place=self.place, first=first)
            first += len(batch)


def read_envelope(file: Path) -> tuple[ReportEnvelope, mmap.mmap]:
    """The report without its long lists; memory is the file's own pages, which the system takes back as it needs.

    Raises:
        BundleError: The file is not readable or not UTF-8 text.
        msgspec.MsgspecError, UnicodeDecodeError, RecursionError: It is not JSON, or not a report.
    """
    with file.open("rb") as opened:
        mapped = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
    require_text(file, mapped[:4])
    text = memoryview(mapped)[len(BYTE_ORDER_MARK) if mapped[:3] == BYTE_ORDER_MARK else 0 :]
    return msgspec.json.decode(text, type=ReportEnvelope), mapped


def find_lists(envelope: ReportEnvelope, file: Path, mapped: mmap.mmap) -> Iterator[JsonList]:
    """The lists of the report; what stands in their place and is no list is left to the caller.

    Raises:
        BundleError: The error list or an id mapping is no list.
    """
    for name in ENTITIES:
        records = getattr(envelope, name).records
        if is_list(records):
            yield JsonList(name, name, f"$.{name}.records", RecordHead, file, records, mapped)
    if envelope.errors is not NOTHING:
        _require_list(envelope.errors, file, "$.errors")
        yield JsonList("errors", "", "$.errors", ImportProblem, file, envelope.errors, mapped)
    for entity, text in (envelope.id_mapping or {}).items():
        place = f"$.idMapping.{entity}"
        _require_list(text, file, place)
        yield JsonList("id_mappings", entity, place, IdMapping, file, text, mapped)


def is_list(text: msgspec.Raw) -> bool:
    """Whether this JSON is a list."""
    return bytes(memoryview(text)[:1]) == b"["


def _require_list(text: msgspec.Raw, file: Path, place: str) -> None:
    if not is_list(text):
        value: Any = msgspec.json.decode(text)
        convert(value, list, file=file, place=place)
