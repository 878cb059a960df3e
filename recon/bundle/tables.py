"""A bundle as frames: the tables of the warehouse's schema `source`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.model import ENTITIES

if TYPE_CHECKING:
    from datetime import datetime

    from recon.bundle.formats import EntityReport
    from recon.bundle.model import Bundle


def frames(bundle: Bundle) -> dict[str, pl.DataFrame]:
    """Return the bundle as frames, one for each table of the warehouse's schema `source`.

    Returns:
        run: one row: run_id, started_at, completed_at (UTC without zone), dry_run, rows_in_all (total of all entities).
        counts: one row per entity: place (its order), entity, total_rows, parsed, created, updated, skipped, errors,
            records (null: not in the report; for records: the short form), expected (created + updated), accounted
            (rows with an outcome; null where skipped or errors is null).
        summary: one row, the report's own totals over its entities: total_records, created, updated, skipped, errors
            (null: not in the report).
        errors: one row per reported error: entity, source_row, wa_id, message.
        id_mappings: one row per mapping: entity_type, wa_id, target_id.
        policies: one row per policy: key, value (JSON text), source, required, validation_error.
    """
    return {
        "run": _frame(RUN, [_run_row(bundle)]),
        "counts": _frame(COUNTS, [_counts_row(bundle, place, name) for place, name in enumerate(ENTITIES)]),
        "summary": _frame(SUMMARY, [tuple(_count(bundle.summary.get(key)) for key in SUMMED.values())]),
        "errors": _frame(ERRORS, [(p.entity, p.source_row, _text(p.wa_id), p.message) for p in bundle.problems]),
        "id_mappings": _frame(
            ID_MAPPINGS,
            [
                (entity, _text(m.wa_id), _text(m.murmurant_id) or _text(m.clubos_id))
                for entity, mappings in bundle.id_mappings.items()
                for m in mappings
            ],
        ),
        "policies": _frame(
            POLICY_ROWS,
            [
                (p.key, json.dumps(p.value, ensure_ascii=False), p.source, p.required, p.validation_error)
                for p in bundle.policies or ()
            ],
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
# Column → its key in the report.
SUMMED = {
    "total_records": "totalRecords",
    "created": "created",
    "updated": "updated",
    "skipped": "skipped",
    "errors": "errors",
}
SUMMARY = dict.fromkeys(SUMMED, pl.Int64)
ERRORS = {"entity": pl.String, "source_row": pl.Int64, "wa_id": pl.String, "message": pl.String}
ID_MAPPINGS = {"entity_type": pl.String, "wa_id": pl.String, "target_id": pl.String}
POLICY_ROWS = {
    "key": pl.String,
    "value": pl.String,
    "source": pl.String,
    "required": pl.Boolean,
    "validation_error": pl.String,
}

FRAMES: dict[str, dict[str, Any]] = {
    "run": RUN,
    "counts": COUNTS,
    "summary": SUMMARY,
    "errors": ERRORS,
    "id_mappings": ID_MAPPINGS,
    "policies": POLICY_ROWS,
}
"""The tables that every bundle is loaded into, with their columns."""


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
    """Return the number of rows whose outcome the report states."""
    return entity.created + entity.updated + (entity.skipped or 0) + (entity.errors or 0)


def _count(value: object) -> int | None:
    """Return a number of rows; None where the value is not one."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53 else None


def _naive(moment: datetime | None) -> datetime | None:
    return None if moment is None else moment.replace(tzinfo=None)


def _text(value: str | int | None) -> str | None:
    return None if value is None else str(value)
