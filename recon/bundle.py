"""A migration bundle: what the importer says it did, validated."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import polars as pl

from recon.errors import BundleError
from recon.jsonfile import convert, convert_each, describe, read_json, read_text
from recon.model import ENTITIES

if TYPE_CHECKING:
    from pathlib import Path

REPORT = "migration-report.json"
POLICIES = "policy-bundle.json"
CONFIG = "migration-config.json"

Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
NonBlank = Annotated[str, msgspec.Meta(pattern=r"\S")]
SHORT_FORM = re.compile(r"\[\d{1,15}\]")


class EntityReport(msgspec.Struct, rename="camel", frozen=True):
    """What the importer did with one entity; None where the report does not say."""

    created: Count
    updated: Count
    total_rows: Count | None = None
    parsed: Count | None = None
    skipped: Count | None = None
    errors: Count | None = None
    file: str | None = None
    records: Any = None  # a list of records, or the short form of the file: "[2147]"

    @property
    def expected(self) -> int:
        """Rows that the database should hold (the runbook's rule)."""
        return self.created + self.updated


class ReportHead(msgspec.Struct, rename="camel", frozen=True):
    """The report; its long lists stay as they are, to be validated item by item."""

    run_id: NonBlank
    dry_run: bool
    members: EntityReport
    events: EntityReport
    registrations: EntityReport
    started_at: datetime | None = None
    completed_at: datetime | None = None
    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    errors: list[Any] = []
    id_mapping: dict[str, list[Any]] | None = None


class ImportProblem(msgspec.Struct, rename="camel", frozen=True):
    """An entry of the report's error list; entity `system` is fatal."""

    entity: str
    message: str
    source_row: Count | None = None
    wa_id: str | int | None = None


class IdMapping(msgspec.Struct, rename="camel", frozen=True):
    """A Wild Apricot id and the target id it became; older importers call the latter clubosId."""

    wa_id: str | int | None = None
    murmurant_id: str | None = None
    clubos_id: str | None = None


class RecordHead(msgspec.Struct, frozen=True):
    """The importer's own keys of a record."""

    source_row: Count | None = msgspec.field(name="_sourceRow", default=None)
    wa_id: str | int | None = msgspec.field(name="_waId", default=None)
    murmurant_id: str | None = msgspec.field(name="_murmurantId", default=None)
    clubos_id: str | None = msgspec.field(name="_clubosId", default=None)
    action: str | None = msgspec.field(name="_action", default=None)
    errors: list[str] | None = msgspec.field(name="_errors", default=None)


class TypedEntityReport(EntityReport, frozen=True):
    """An entity report whose records were validated while they were decoded."""

    records: list[RecordHead] | str | None = None


class TypedReport(ReportHead, frozen=True):
    """The report, all of it validated while it is decoded: half the time of decoding first."""

    members: TypedEntityReport
    events: TypedEntityReport
    registrations: TypedEntityReport
    errors: list[ImportProblem] = []
    id_mapping: dict[str, list[IdMapping]] | None = None


class Policy(msgspec.Struct, rename="camel", frozen=True):
    """A policy that the club declared; source `template` is a placeholder that nobody filled in."""

    key: NonBlank
    value: Any = None
    source: str = ""
    required: bool = False
    validation_error: str | None = None


class PolicyHead(msgspec.Struct, rename="camel", frozen=True):
    """policy-bundle.json without its list."""

    policies: list[Any]
    version: str | None = None
    validation: dict[str, Any] | None = None


@dataclass(frozen=True)
class Bundle:
    """A validated bundle.

    Attributes:
        path: The folder, as the user wrote it.
        completed_at: In UTC; None when the importer did not write it (it died).
        entities: Report by entity, in the order members, events, registrations.
        record_counts: How many full records the file has by entity; None for its short form.
        policies: None when the bundle has no policy-bundle.json.
        config: migration-config.json as it was; None when the bundle has none.
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

    def read_report(self) -> dict[str, Any]:
        """The whole of migration-report.json as it is, keys that recon does not know included."""
        return read_json(self.path / REPORT)


def open_bundle(path: Path) -> Bundle:
    """Read and validate the bundle in the folder `path`; source: bundle.md of the importer.

    Raises:
        BundleError: The folder or its report is missing, or a file in it does not hold what importers write.
    """
    report_file = _find_report(path)
    head = _read_report(report_file)
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
        config=read_json(path / CONFIG) if (path / CONFIG).exists() else None,
    )


def frames(bundle: Bundle) -> dict[str, pl.DataFrame]:
    """The bundle as frames, one for each table of the warehouse's schema `source`.

    Returns:
        run: one row: run_id, started_at, completed_at (UTC without zone), dry_run, rows_in_all (of all entities).
        counts: a row an entity: place (its order), entity, total_rows, parsed, created, updated, skipped, errors,
            records (null: the report does not say; records null: the short form), expected (created + updated),
            accounted (rows with an outcome; null where skipped or errors is).
        errors: a row a reported error: entity, source_row, wa_id, message.
        id_mappings: a row a mapping: entity_type, wa_id, target_id.
        policies: a row a policy: key, value (JSON text), source, required, validation_error.
    """
    return {
        "run": _frame(RUN, [_run_row(bundle)]),
        "counts": _frame(COUNTS, [_counts_row(bundle, place, name) for place, name in enumerate(ENTITIES)]),
        "errors": _frame(ERRORS, [(p.entity, p.source_row, _text(p.wa_id), p.message) for p in bundle.problems]),
        "id_mappings": _frame(
            ID_MAPPINGS,
            [
                (entity, _text(m.wa_id), m.murmurant_id or m.clubos_id)
                for entity, mappings in bundle.id_mappings.items()
                for m in mappings
            ],
        ),
        "policies": _frame(
            POLICY_ROWS,
            [(p.key, json.dumps(p.value), p.source, p.required, p.validation_error) for p in bundle.policies or ()],
        ),
    }


RUN = {
    "run_id": pl.String,
    "started_at": pl.Datetime("us"),
    "completed_at": pl.Datetime("us"),
    "dry_run": pl.Boolean,
    "rows_in_all": pl.Int64,
}
COUNTED = ("total_rows", "parsed", "created", "updated", "skipped", "errors")
COUNTS = {
    "place": pl.Int64,
    "entity": pl.String,
    **dict.fromkeys((*COUNTED, "records", "expected", "accounted"), pl.Int64),
}
ERRORS = {"entity": pl.String, "source_row": pl.Int64, "wa_id": pl.String, "message": pl.String}
ID_MAPPINGS = {"entity_type": pl.String, "wa_id": pl.String, "target_id": pl.String}
POLICY_ROWS = {
    "key": pl.String,
    "value": pl.String,
    "source": pl.String,
    "required": pl.Boolean,
    "validation_error": pl.String,
}


def _frame(schema: dict[str, Any], rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=schema, orient="row")


def _run_row(bundle: Bundle) -> tuple[Any, ...]:
    rows = sum(max(entity.total_rows or 0, _known(entity)) for entity in bundle.entities.values())
    return (bundle.run_id, _naive(bundle.started_at), _naive(bundle.completed_at), bundle.dry_run, rows)


def _counts_row(bundle: Bundle, place: int, name: str) -> tuple[Any, ...]:
    entity = bundle.entities[name]
    counted = [getattr(entity, field) for field in COUNTED]
    accounted = None if entity.skipped is None or entity.errors is None else _known(entity)
    return (place, name, *counted, bundle.record_counts[name], entity.expected, accounted)


def _known(entity: EntityReport) -> int:
    """Rows of which the report tells an outcome."""
    return entity.created + entity.updated + (entity.skipped or 0) + (entity.errors or 0)


def _find_report(path: Path) -> Path:
    try:
        return _existing_report(path)
    except OSError as error:
        raise BundleError(
            "The bundle cannot be opened",
            where=str(path)[:200],
            found=error.strerror,
            next_step="Check the path and its permissions",
        ) from error


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
            next_step="Name the folder that the file lies in",
        )
    if not (path / REPORT).is_file():
        listed = ", ".join(sorted(p.name for p in path.iterdir())[:5]) or "an empty folder"
        raise BundleError(
            f"The bundle has no {REPORT}",
            where=str(path),
            expected=wanted,
            found=listed,
            next_step="Check that the importer finished and that the whole bundle was copied",
        )
    return path / REPORT


def _read_report(file: Path) -> ReportHead:
    """Decode into typed structs; what does not fit is decoded again without types, to say where and why."""
    try:
        return msgspec.json.decode(read_text(file), type=TypedReport)
    except (msgspec.MsgspecError, RecursionError):
        return convert(read_json(file), ReportHead, file=file)


def _id_mappings(head: ReportHead, file: Path) -> dict[str, list[IdMapping]]:
    return {
        entity: convert_each(mappings, IdMapping, file=file, place=f"$.idMapping.{entity}")
        for entity, mappings in (head.id_mapping or {}).items()
    }


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
            next_step="Ask for the bundle again, or re-export it from the importer",
        )
    return len(convert_each(value, RecordHead, file=file, place=place))


def _policies(file: Path) -> tuple[Policy, ...] | None:
    if not file.exists():
        return None
    head = convert(read_json(file), PolicyHead, file=file)
    return tuple(convert_each(head.policies, Policy, file=file, place="$.policies"))


def _utc(moment: datetime | None, file: Path, place: str) -> datetime | None:
    if moment is None:
        return None
    try:
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except OverflowError as error:
        found = f"{moment.isoformat()}, which lies outside the years 1 to 9999 in UTC"
        raise BundleError(f"{file.name} has a wrong value", where=f"{file}, {place}", found=found) from error


def _naive(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=None)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
