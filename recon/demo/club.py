"""A generated club that moved from Wild Apricot: what the importer reported and what the target holds."""

from __future__ import annotations

import json
from copy import deepcopy
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import TYPE_CHECKING, Any

from recon.demo.attendance import draw_registrations, set_capacities
from recon.demo.rows import (
    COMPLETED_AT,
    STARTED_AT,
    Row,
    as_text,
    draw_events,
    draw_id,
    draw_members,
    draw_moments,
    draw_tiers,
    stamp,
    status_rows,
)
from recon.demo.settings import CONFIG, RUN_ID, STATUS_CODES, policy_bundle

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

# Wild Apricot numbers each kind of object separately, so the ids of one kind are far from those of another.
FIRST_WA_IDS = {"Event": 4_000_000, "EventRegistration": 20_000_000, "Member": 60_000_000}
REPORT_NAMES = {"Member": "members", "Event": "events", "EventRegistration": "registrations"}


@dataclass(frozen=True)
class Club:
    """A club after its migration; report and tables agree with each other.

    Attributes:
        report: The content of migration-report.json, with full records.
        policies: The content of policy-bundle.json.
        config: The content of migration-config.json.
        tables: The target's rows by table ("Member", …), parents before children, each row by column name. Timestamps
            are UTC text ('2024-01-15 14:25:00.123'), ids lower-case UUID text, JSON is text.
    """

    report: dict[str, Any]
    policies: dict[str, Any]
    config: dict[str, Any]
    tables: dict[str, list[dict[str, object]]]


@dataclass(frozen=True)
class Imported:
    """The rows of one table and the Wild Apricot ids that they came from, both in the order of the export."""

    table: str
    wa_ids: Sequence[int]
    rows: Sequence[Row]


def generate(seed: int = 2024, *, members: int = 2147, events: int = 523, registrations: int = 8603) -> Club:
    """Generate a club of the given size; the same seed and size give the same club.

    Raises:
        ValueError: That many registrations require more members or events.
    """
    rng = Random(seed)
    tiers = draw_tiers(rng)
    member_rows = draw_members(rng, members, tiers)
    event_rows = draw_events(rng, events)
    registration_rows = draw_registrations(rng, registrations, member_rows, event_rows)
    set_capacities(rng, event_rows, registration_rows)
    drawn = {"Member": member_rows, "Event": event_rows, "EventRegistration": registration_rows}
    stamp(
        [*tiers, *member_rows, *event_rows, *registration_rows],
        draw_moments(rng, len(tiers) + members + events + registrations),
    )
    imported = [Imported(name, _draw_wa_ids(rng, name, len(rows)), rows) for name, rows in drawn.items()]
    tables: dict[str, list[dict[str, object]]] = {
        "MembershipStatus": status_rows(),
        "MembershipTier": tiers,
        **drawn,
        "WaIdMapping": [row for entity in imported for row in _draw_mappings(rng, entity)],
        "WaSyncState": [],
        "AuditLog": [_draw_audit(rng)],
    }
    return Club(_report(imported), policy_bundle(), deepcopy(CONFIG), tables)


def _draw_wa_ids(rng: Random, table: str, number: int) -> list[int]:
    gaps = (rng.randint(1, 40) for _ in range(number))
    return list(accumulate(gaps, initial=FIRST_WA_IDS[table]))[1:]


def _draw_mappings(rng: Random, entity: Imported) -> list[Row]:
    return [
        {
            "id": draw_id(rng),
            "entityType": entity.table,
            "waId": wa_id,
            "murmurantId": row["id"],
            "syncRunId": RUN_ID,
            "syncedAt": row["createdAt"],
            "updatedAt": row["updatedAt"],
        }
        for wa_id, row in zip(entity.wa_ids, entity.rows, strict=True)
    ]


def _draw_audit(rng: Random) -> Row:
    return {
        "id": draw_id(rng),
        "action": "IMPORT",
        "resourceType": "WaSync",
        "resourceId": draw_id(rng),
        "memberId": None,
        "before": None,
        "after": None,
        "metadata": json.dumps({"syncRunId": RUN_ID}),
        "ipAddress": None,
        "userAgent": None,
        "createdAt": as_text(COMPLETED_AT),
    }


def _report(imported: Sequence[Imported]) -> dict[str, Any]:
    total = sum(len(entity.rows) for entity in imported)
    members, events, _ = imported
    return {
        "runId": RUN_ID,
        "startedAt": _moment(STARTED_AT),
        "dryRun": False,
        "config": {"source": "wild-apricot", "target": "murmurant", "version": "1.0"},
        "summary": {
            "totalRecords": total,
            "created": total,
            "updated": 0,
            "skipped": 0,
            "errors": 0,
            "duration_ms": round((COMPLETED_AT - STARTED_AT).total_seconds() * 1000),
        },
        **{REPORT_NAMES[entity.table]: _entity_report(entity) for entity in imported},
        "errors": [],
        "idMapping": {"members": _id_mapping(members, "email"), "events": _id_mapping(events, "title")},
        "completedAt": _moment(COMPLETED_AT),
    }


def _entity_report(entity: Imported) -> dict[str, Any]:
    number = len(entity.rows)
    pairs = zip(entity.wa_ids, entity.rows, strict=True)
    return {
        "totalRows": number,
        "parsed": number,
        "created": number,
        "updated": 0,
        "skipped": 0,
        "errors": 0,
        # The first row of an export is its header.
        "records": [_record(source_row, wa_id, row, entity.table) for source_row, (wa_id, row) in enumerate(pairs, 2)],
        "file": f"/migration/wa-{REPORT_NAMES[entity.table]}-export.csv",
    }


def _record(source_row: int, wa_id: int, row: Row, table: str) -> dict[str, Any]:
    return {
        "_sourceRow": source_row,
        **{name: value for name, value in FIELDS[table](row).items() if value is not None},
        "_waId": str(wa_id),
        "_action": "create",
        "_murmurantId": row["id"],
    }


def _member_fields(row: Row) -> dict[str, Any]:
    return {
        "firstName": row["firstName"],
        "lastName": row["lastName"],
        "email": row["email"],
        "joinedAt": _iso(row["joinedAt"]),
        "membershipStatusCode": STATUS_CODES[row["membershipStatusId"]],
        # Importers report the empty field of the export, and write null.
        "phone": row["phone"] or "",
        "waMembershipLevel": row["waMembershipLevelRaw"],
        "membershipTierId": row["membershipTierId"],
    }


def _event_fields(row: Row) -> dict[str, Any]:
    plain = ("title", "isPublished", "description", "category", "location", "capacity")
    times = {"startTime": _iso(row["startTime"]), "endTime": row["endTime"] and _iso(row["endTime"])}
    return {**{name: row[name] for name in plain}, **times}


def _registration_fields(row: Row) -> dict[str, Any]:
    return {
        "memberId": row["memberId"],
        "eventId": row["eventId"],
        "status": row["status"],
        "registeredAt": _iso(row["registeredAt"]),
        "cancelledAt": row["cancelledAt"] and _iso(row["cancelledAt"]),
    }


FIELDS = {"Member": _member_fields, "Event": _event_fields, "EventRegistration": _registration_fields}


def _id_mapping(entity: Imported, label: str) -> list[dict[str, str]]:
    pairs = zip(entity.wa_ids, entity.rows, strict=True)
    return [{"waId": str(wa_id), "murmurantId": row["id"], label: row[label]} for wa_id, row in pairs]


def _iso(text: str) -> str:
    return text.replace(" ", "T") + "Z"


def _moment(moment: datetime) -> str:
    return _iso(as_text(moment))
