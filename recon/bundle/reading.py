"""Opens a bundle: finds its files, validates them, and says what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, Self, cast

import msgspec

from recon.bundle.exports import find_exports
from recon.bundle.formats import (
    CONFIG,
    NAMES,
    POLICIES,
    REPORT,
    EntityReport,
    IdMapping,
    ImportProblem,
    Policy,
    PolicyHead,
    RecordHead,
    ReportHead,
    TypedReport,
)
from recon.bundle.lists import JsonList, read_envelope
from recon.errors import BundleError
from recon.jsonfile import REWRITE, convert, convert_each, describe, read_json, read_text
from recon.model import ENTITIES

if TYPE_CHECKING:
    from pathlib import Path

    from recon.bundle.archive import Unpacked
    from recon.bundle.exports import Export

# What is larger is streamed; what is not is read whole, in a tenth of a second.
LARGE_BYTES = 32 * 2**20
SHORT_FORM = re.compile(r"\[[0-9]{1,15}\]")


@dataclass(frozen=True)
class Bundle:
    """A validated bundle.

    Attributes:
        path: The folder or archive, as the user wrote it.
        completed_at: In UTC; None when the importer did not write it (it died).
        entities: Report by entity, in the order members, events, registrations.
        record_counts: How many full records the file has by entity; None for its short form.
        policies: None when the bundle has no policy-bundle.json.
        config: migration-config.json as it was; None when the bundle has none.
        summary: How the report adds up its entities, as it was; empty where it does not.
        unpacked: Where the files of a compressed bundle lie; None of one that is not compressed.
        lists: The long lists of a large report, not read yet; `problems`, `id_mappings` and the counts of those
            records are then empty, and `recon.intake` streams them. Of a smaller report: none.
        exports: The Wild Apricot export by entity, of those whose records are read from one.
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

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was unpacked of an archive."""
        if self.unpacked:
            self.unpacked.close()

    @property
    def report_file(self) -> Path:
        """The report, unpacked."""
        return (self.unpacked.folder if self.unpacked else self.path) / REPORT

    @property
    def listed(self) -> set[str]:
        """The entities whose records the report or an export lists."""
        counted = {name for name, records in self.record_counts.items() if records is not None}
        return counted | {found.table for found in self.lists if found.table in ENTITIES} | {*self.exports}

    def read_report(self) -> dict[str, Any]:
        """The whole of migration-report.json as it is, keys that recon does not know included."""
        return read_json(self.report_file)

    def record_lists(self) -> tuple[JsonList, ...]:
        """The lists of full records in the report; none of its short form."""
        return tuple(found for found in read_envelope(self.report_file)[1] if found.table in ENTITIES)


def open_bundle(path: Path, exports: Path | None = None) -> Bundle:
    """Read and validate the bundle in the folder or archive `path`; source: bundle.md of the importer.

    Args:
        path: As the user wrote it.
        exports: A folder of Wild Apricot exports, read instead of records; None: those that lie beside a report
            which lists none.

    Raises:
        BundleError: The folder or its report is missing, or a file in it does not hold what importers write.
    """
    unpacked = _unpack(path)
    try:
        bundle = replace(_read_folder(unpacked.folder if unpacked else path), path=path, unpacked=unpacked)
        return replace(bundle, exports=find_exports(bundle, exports))
    except BundleError as error:
        if unpacked is None:
            raise
        unpacked.close()
        raise unpacked.rename(error) from error


def _unpack(path: Path) -> Unpacked | None:
    """What was unpacked of `path`; the modules that unpack load only where something may be compressed."""
    try:
        is_plain = path.is_dir() and not any((path / f"{name}.gz").is_file() for name in NAMES)
        if is_plain or not path.exists():
            return None
        return cast("Unpacked | None", import_module("recon.bundle.archive").unpack(path))
    except OSError as error:
        raise _unopened(path, error) from error


def _read_folder(path: Path) -> Bundle:
    report_file = _find_report(path)
    is_large = report_file.stat().st_size > LARGE_BYTES
    head, lists = _read_large(report_file) if is_large else (_read_report(report_file), ())
    entities: dict[str, EntityReport] = {name: getattr(head, name) for name in ENTITIES}
    return Bundle(
        path=path,
        run_id=head.run_id,
        dry_run=head.dry_run,
        started_at=_utc(head.started_at, report_file, "$.startedAt"),
        completed_at=_utc(head.completed_at, report_file, "$.completedAt"),
        entities=entities,
        problems=tuple(convert_each(head.errors, ImportProblem, file=report_file, place="$.errors")),
        id_mappings=_id_mappings(head, report_file),
        record_counts={name: _count_records(report_file, name, e.records) for name, e in entities.items()},
        policies=_policies(path / POLICIES),
        config=read_json(path / CONFIG) if _is_there(path / CONFIG) else None,
        lists=lists,
        summary=head.summary or {},
    )


def _find_report(path: Path) -> Path:
    try:
        return _existing_report(path)
    except OSError as error:
        raise _unopened(path, error) from error


def _unopened(path: Path, error: OSError) -> BundleError:
    return BundleError(
        "The bundle cannot be opened",
        where=str(path)[:200],
        found=error.strerror,
        next_step="Check the path and its permissions",
    )


def _existing_report(path: Path) -> Path:
    wanted = f"a folder that holds {REPORT}"
    if not path.exists():
        raise BundleError(
            "The bundle was not found",
            where=str(path),
            expected=wanted,
            found="nothing",
            next_step="Check the path",
        )
    if not path.is_dir():
        raise BundleError(
            "The bundle is not a folder",
            where=str(path),
            expected=wanted,
            found="a file",
            next_step="Name the folder that the file lies in, or a .zip or .tar.gz of it",
        )
    if _is_there(path / REPORT) and not (path / REPORT).is_file():
        raise BundleError(
            f"{REPORT} is not a file",
            where=str(path / REPORT),
            expected="a file",
            found="a folder" if (path / REPORT).is_dir() else "a link to nothing, or a device",
            next_step="Copy the whole bundle again",
        )
    if not _is_there(path / REPORT):
        listed = ", ".join(sorted(p.name for p in path.iterdir())[:5]) or "an empty folder"
        raise BundleError(
            f"The bundle has no {REPORT}",
            where=str(path),
            expected=wanted,
            found=listed,
            next_step="Check that the importer finished and that the whole bundle was copied",
        )
    return path / REPORT


def _is_there(path: Path) -> bool:
    """Whether the folder lists it, be it a link to nothing; a folder that may not be looked into is an OSError."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _read_report(file: Path) -> ReportHead:
    """Decode into typed structs; what does not fit is decoded again without types, to say where and why."""
    try:
        return msgspec.json.decode(read_text(file), type=TypedReport)
    except (msgspec.MsgspecError, RecursionError) as error:
        place = re.search(r"out of range - at `(.+)`", str(error))
        if place:
            raise BundleError(
                f"{file.name} has a wrong value",
                where=f"{file}, {place[1]}",
                expected="a whole number of 0 or more",
                found="a number that is out of range",
                next_step=REWRITE,
            ) from error
        return convert(read_json(file), ReportHead, file=file)


def _read_large(file: Path) -> tuple[ReportHead, tuple[JsonList, ...]]:
    """The report without its long lists, and these; what does not fit is read whole, to say where and why."""
    try:
        return read_envelope(file)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_report(file), ()


def _id_mappings(head: ReportHead, file: Path) -> dict[str, list[IdMapping]]:
    found = {}
    for entity, mappings in (head.id_mapping or {}).items():
        place = f"$.idMapping.{entity}"
        found[entity] = convert_each(convert(mappings, list, file=file, place=place), IdMapping, file=file, place=place)
    return found


def _count_records(file: Path, entity: str, value: object) -> int | None:
    place = f"$.{entity}.records"
    if value is None or (isinstance(value, str) and SHORT_FORM.fullmatch(value)):
        return None
    if not isinstance(value, list):
        raise BundleError(
            f"{file.name} has a wrong value",
            where=f"{file}, {place}",
            expected='a list of records, or the short form such as "[2147]"',
            found=describe(value),
            next_step=REWRITE,
        )
    return len(convert_each(value, RecordHead, file=file, place=place))


def _policies(file: Path) -> tuple[Policy, ...] | None:
    if not _is_there(file):
        return None
    head = convert(read_json(file), PolicyHead, file=file)
    return tuple(convert_each(head.policies, Policy, file=file, place="$.policies"))


def _utc(moment: datetime | None, file: Path, place: str) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        raise BundleError(
            f"{file.name} has a wrong value",
            where=f"{file}, {place}",
            expected="a time of the years 1 to 9999 in UTC",
            found=moment.isoformat(),
            next_step=REWRITE,
        ) from error
