"""An opened bundle, and the exports that replace its records."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from recon.bundle.encoding import UTF_8
from recon.bundle.formats import REPORT
from recon.bundle.jsonfile import read_json
from recon.bundle.lists import JsonList, read_envelope
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path

    from recon.bundle.archive import Unpacked
    from recon.bundle.formats import EntityReport, IdMapping, ImportConfig, ImportProblem, Policy


@dataclass(frozen=True)
class Export:
    """The export of one entity.

    Attributes:
        cells: Position in a row, from 0, by the key that a record has for it; columns that the file lacks are left out.
        width: Number of cells in a row.
        config: The configuration that the importer read it with.
        separator: What separates its cells.
        skipped: The text before its header, without the byte order mark.
        others: The headers that no key is read from.
        encoding: The codec of its text: "utf-8" (with or without a byte order mark), "utf-16" or "cp1252".
        foreign_line: Its first line that is not UTF-8; None where it is not read as Windows-1252.
    """

    entity: str
    file: Path
    cells: Mapping[str, int]
    width: int
    config: ImportConfig
    separator: str = ","
    skipped: str = ""
    others: tuple[str, ...] = ()
    encoding: str = UTF_8
    foreign_line: int | None = None


@dataclass(frozen=True)
class Bundle:
    """A validated bundle.

    Attributes:
        path: The folder or archive, as the user wrote it.
        completed_at: In UTC; None when the importer did not write it (it crashed).
        entities: Report by entity, in the order members, events, registrations.
        record_counts: Number of full records in the file by entity; None for the short form.
        policies: None when the bundle has no policy-bundle.json.
        config: The content of migration-config.json, unchanged; None when the bundle has none.
        summary: The report's own totals over its entities, unchanged; empty where it has none.
        unpacked: The unpacked files of a compressed bundle; None if the bundle is not compressed.
        lists: The long lists of a large report, not read yet; `problems`, `id_mappings` and the counts of those
            records are then empty, and `recon.warehouse.load_bundle` streams them. Empty for a smaller report.
        exports: The Wild Apricot export by entity, for entities whose records are read from one.
        notes: What of the bundle was read otherwise than it stands there, or not at all; one sentence each.
        not_read: Why a file is no export of the entity whose records it should stand for, by entity.
    """

    path: Path
    run_id: str
    dry_run: bool
    started_at: datetime | None
    completed_at: datetime | None
    entities: dict[str, EntityReport]
    problems: tuple[ImportProblem, ...]
    id_mappings: dict[str, list[IdMapping]]
    record_counts: dict[str, int | None]
    policies: tuple[Policy, ...] | None
    config: dict[str, Any] | None
    lists: tuple[JsonList, ...] = ()
    unpacked: Unpacked | None = None
    summary: dict[str, Any] = field(default_factory=dict)
    exports: dict[str, Export] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    not_read: dict[str, str] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove the unpacked files, if any."""
        if self.unpacked:
            self.unpacked.close()

    @property
    def report_file(self) -> Path:
        """The path of the (unpacked) report."""
        return (self.unpacked.folder if self.unpacked else self.path) / REPORT

    @property
    def recorded(self) -> set[str]:
        """The entities whose records the report lists."""
        counted = {name for name, records in self.record_counts.items() if records is not None}
        return counted | {found.table for found in self.lists if found.table in ENTITIES}

    @property
    def listed(self) -> set[str]:
        """The entities whose records the report or an export lists."""
        return self.recorded | {*self.exports}

    def read_report(self) -> dict[str, Any]:
        """Read the whole of migration-report.json as it is, including keys that recon does not know."""
        return read_json(self.report_file)

    def all_lists(self) -> tuple[JsonList, ...]:
        """Return the long lists of the report: records (the short form has none), errors and id mappings."""
        return self.lists or read_envelope(self.report_file)[1]
