"""The generated club's Wild Apricot exports: what the importer read."""

from __future__ import annotations

import csv
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeAlias
from zoneinfo import ZoneInfo

from recon.bundle.formats import REPORT
from recon.demo.settings import CONFIG

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from recon.demo.club import Club

Record: TypeAlias = dict[str, Any]

ZONE = ZoneInfo(CONFIG["import_options"]["source_timezone"])
DAY, MOMENT = "%m/%d/%Y", "%m/%d/%Y %H:%M"


def write_exports(club: Club, folder: Path) -> None:
    """Write the exports into the bundle in `folder`, whose report then only counts its records."""
    file = folder / REPORT
    report = json.loads(file.read_text(encoding="utf-8"))
    wa_ids = {row["_murmurantId"]: row["_waId"] for name in ROWS for row in club.report[name]["records"]}
    for name, row in ROWS.items():
        entity = report[name]
        rows = [row(record, wa_ids) for record in club.report[name]["records"]]
        _write(folder / entity["file"].rpartition("/")[2], name, rows)
        entity["records"] = f"[{len(rows)}]"
    file.write_text(json.dumps(report, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")


def _write(file: Path, entity: str, rows: Iterable[Record]) -> None:
    """Write the form that spreadsheets expect: with a byte order mark, and the line ends of RFC 4180."""
    headers = CONFIG[f"{entity.removesuffix('s')}_fields"]
    with file.open("w", encoding="utf-8-sig", newline="") as opened:
        writer = csv.writer(opened)
        writer.writerow(headers.values())
        writer.writerows([row.get(key) for key in headers] for row in rows)


def _member(record: Record, _: Mapping[str, str]) -> Record:
    return record | {"waId": record["_waId"], "joinedAt": _local(record["joinedAt"])}


def _event(record: Record, _: Mapping[str, str]) -> Record:
    times = {"startTime": _local(record["startTime"]), "endTime": _local(record.get("endTime"))}
    return record | times | {"waId": record["_waId"], "category": TAGS[record["category"]]}


def _registration(record: Record, wa_ids: Mapping[str, str]) -> Record:
    times = {key: _local(record.get(key)) for key in ("registeredAt", "cancelledAt")}
    parents = {key: wa_ids[record[key]] for key in ("memberId", "eventId")}
    return record | times | parents | {"waId": record["_waId"], "status": STATUSES[record["status"]]}


ROWS: dict[str, Callable[[Record, Mapping[str, str]], Record]] = {
    "members": _member,
    "events": _event,
    "registrations": _registration,
}


def _inverted(mapping: str) -> dict[str, str]:
    return {value: key for key, value in CONFIG[mapping].items() if key != "_default"}


TAGS = _inverted("event_category_mapping")
STATUSES = _inverted("registration_status_mapping")


def _local(iso: str | None) -> str:
    """An instant in the club's local time, midnight UTC as the day that it denotes; empty: there is none."""
    if iso is None:
        return ""
    moment = datetime.fromisoformat(iso).astimezone(UTC)
    if (moment.hour, moment.minute) == (0, 0):
        return moment.strftime(DAY)
    local = moment.astimezone(ZONE)
    # In the hour that occurs twice in autumn, local time is ambiguous.
    is_repeated = local.replace(fold=0).utcoffset() != local.replace(fold=1).utcoffset()
    return iso if is_repeated else local.strftime(MOMENT)
