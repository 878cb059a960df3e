"""Opens a bundle: finds its files, validates them, and reports what is wrong with them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, cast

import msgspec

from recon.bundle.exports import find_exports
from recon.bundle.formats import (
    CONFIG,
    NAMES,
    OTHER_POLICIES,
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
from recon.bundle.jsonfile import REWRITE, convert, convert_each, decode_mended, describe, read_json, read_text
from recon.bundle.lists import JsonList, read_envelope
from recon.bundle.model import Bundle
from recon.bundle.unread import beside, find_unread, misnamed
from recon.errors import BundleError
from recon.model import ENTITIES
from recon.regular import irregular

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.bundle.archive import Unpacked

# A larger report is streamed; a smaller one is read whole, in a tenth of a second.
LARGE_BYTES = 32 * 2**20
SHORT_FORM = re.compile(r"\[[0-9]{1,15}\]")


def open_bundle(path: Path, exports: Path | None = None) -> Bundle:
    """Read and validate the bundle in the folder or archive `path`; source: bundle.md of the importer.

    Args:
        path: The path as the user wrote it.
        exports: A folder of Wild Apricot exports, read instead of records; None: the exports next to the report, if it
            lists no records.

    Raises:
        BundleError: The folder or its report is missing, or a file in it does not hold what importers write.
    """
    unpacked = _unpack(path)
    try:
        bundle = replace(_read_folder(unpacked.folder if unpacked else path), path=path, unpacked=unpacked)
        bundle = replace(bundle, exports=find_exports(bundle, exports))
        not_read, notes = find_unread(bundle, exports)
        return replace(bundle, not_read=not_read, notes=(*misnamed(bundle), *beside(bundle), *bundle.notes, *notes))
    except BundleError as error:
        if unpacked is None:
            raise
        unpacked.close()
        raise unpacked.rename(error) from error


def _unpack(path: Path) -> Unpacked | None:
    """Unpack `path` if it is compressed; the modules that unpack are imported only where it may be."""
    try:
        is_plain = path.is_dir() and not any((path / f"{name}.gz").is_file() for name in NAMES)
        if is_plain or not path.exists():
            return None
        return cast("Unpacked | None", import_module("recon.bundle.unpacking").unpack(path))
    except OSError as error:
        raise _unopened(path, error) from error


def _read_folder(path: Path) -> Bundle:
    report_file = _find_report(path)
    is_large = report_file.stat().st_size > LARGE_BYTES
    halves: dict[str, int] = {}
    head, lists = _read_large(report_file, halves) if is_large else (_read_report(report_file, halves), ())
    policies = _policies(policy_file(path), halves)
    config = read_json(path / CONFIG, halves) if _is_there(path / CONFIG) else None
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
        policies=policies,
        config=config,
        lists=lists,
        summary=head.summary or {},
        notes=tuple(_notes(halves)),
    )


def _notes(halves: dict[str, int]) -> Iterator[str]:
    """Yield what of the files was read otherwise than it stands there."""
    for name, texts in halves.items():
        held = f"{texts:,} text{'s' * (texts > 1)} held half a character"
        yield f"{name}: {held} (an escape such as \\ud83d alone), which is read as U+FFFD"


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
            found=irregular(path) or "a file",
            next_step="Name the folder that contains the file, or a .zip or .tar.gz of it",
        )
    if _is_there(path / REPORT) and not (path / REPORT).is_file():
        raise BundleError(
            f"{REPORT} is not a file",
            where=str(path / REPORT),
            expected="a file",
            found=irregular(path / REPORT),
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
    """Return whether the path exists, even as a broken link; OSError if its folder is not accessible."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _read_report(file: Path, halves: dict[str, int]) -> ReportHead:
    """Decode into typed structs; an invalid report is decoded again without types, to report where and why."""
    try:
        return decode_mended(file, read_text(file), TypedReport, halves)
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
        return convert(read_json(file, halves), ReportHead, file=file)


def _read_large(file: Path, halves: dict[str, int]) -> tuple[ReportHead, tuple[JsonList, ...]]:
    """Read the report without its long lists, and these; an invalid report is read whole, to report where and why."""
    try:
        return read_envelope(file, halves)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return _read_report(file, halves), ()


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


def policy_file(folder: Path) -> Path | None:
    """Return the file of the bundle's policies; None where it has none."""
    return next((folder / name for name in (POLICIES, OTHER_POLICIES) if _is_there(folder / name)), None)


def _policies(file: Path | None, halves: dict[str, int]) -> tuple[Policy, ...] | None:
    if file is None:
        return None
    head = convert(read_json(file, halves), PolicyHead, file=file)
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
