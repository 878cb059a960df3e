"""A small club as plain objects: edited record by record and row by row, written, and its ledger read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from recon.demo import Club, DemoPaths, generate, write_bundle, write_sqlite
from recon.model import ENTITIES
from recon.verification.options import VerifyOptions
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    import recon
    from recon.model import Cause, EntityAccount, Ledger

TABLES = {"members": "Member", "events": "Event", "registrations": "EventRegistration"}
KEYS = {"members": "email", "events": "title"}
BEFORE, DURING, AFTER = "2023-11-02 09:00:00.000", "2024-01-15 14:25:00.000", "2024-02-01 10:00:00.000"
OTHER_RUN = "run-20240116-101500"
SIZE = {"members": 60, "events": 50, "registrations": 300}


@dataclass(frozen=True)
class Accounted:
    """A verification and the ledger's tables as they were when it was reached.

    Attributes:
        tables: "members", "events", "registrations", "differences", "duplicate_keys", "tiers", "accounts": their rows.
    """

    verification: recon.Verification
    tables: dict[str, list[dict[str, Any]]]

    @property
    def ledger(self) -> Ledger:
        assert self.verification.ledger is not None
        return self.verification.ledger

    def account(self, entity: str) -> EntityAccount:
        return next(account for account in self.ledger.entities if account.entity == entity)

    def of_record(self, entity: str, record: dict[str, Any]) -> dict[str, Any]:
        """The ledger's row about a record, found by the row of the export."""
        (line,) = (line for line in self.tables[entity] if line["source_row"] == record["_sourceRow"])
        return line

    def of_row(self, entity: str, row: dict[str, Any]) -> list[dict[str, Any]]:
        """The ledger's rows about the target rows with that id that no record claims."""
        return [line for line in self.tables[entity] if line["outcome"] is None and str(line["target_id"]) == row["id"]]

    def causes(self, entity: str | None = None) -> dict[tuple[str, str | None, str], Cause]:
        """The causes by name, field and title."""
        found = [cause for cause in self.ledger.causes if entity in (None, cause.entity)]
        named = {(cause.name, cause.field, cause.title): cause for cause in found}
        assert entity is None or len(named) == len(found)
        return named


class EditedClub:
    """A club under construction; record i of an entity is row i of its table until a test changes that."""

    def __init__(self, club: Club) -> None:
        self.club = deepcopy(club)
        self.columns = {table: list(rows[0]) for table, rows in club.tables.items() if rows}

    @property
    def report(self) -> dict[str, Any]:
        return self.club.report

    def records(self, entity: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.report[entity]["records"]
        return found

    def rows(self, entity: str) -> list[dict[str, Any]]:
        return self.club.tables[TABLES[entity]]

    def pairs(self, entity: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
        """Each record that names a row, with that row."""
        rows = {row["id"]: row for row in self.rows(entity)}
        named = [(record, rows.get(record.get("_murmurantId", ""))) for record in self.records(entity)]
        return [(record, row) for record, row in named if row is not None]

    def forget_ids(self, entity: str, record: dict[str, Any], *, reported: bool = True, stored: bool = True) -> None:
        """Remove the target id from a record, its mapping in the report, and the database's."""
        del record["_murmurantId"]
        wa_id = record["_waId"]
        if reported and entity in KEYS:
            mapping = self.report["idMapping"]
            mapping[entity] = [each for each in mapping[entity] if each["waId"] != wa_id]
        if stored:
            kept = [row for row in self.mappings if str(row["waId"]) != wa_id]
            self.club.tables["WaIdMapping"] = kept

    @property
    def mappings(self) -> list[dict[str, Any]]:
        return self.club.tables["WaIdMapping"]

    def mapping_of(self, record: dict[str, Any]) -> dict[str, Any]:
        """The database's id mapping of a record."""
        return next(row for row in self.mappings if str(row["waId"]) == record["_waId"])

    def remove(self, entity: str, *, record: dict[str, Any] | None = None, row: dict[str, Any] | None = None) -> None:
        """Remove a record from the report, or a row from its table; each is identified by object identity."""
        if record is not None:
            self.report[entity]["records"] = [each for each in self.records(entity) if each is not record]
        if row is not None:
            self.club.tables[TABLES[entity]] = [each for each in self.rows(entity) if each is not row]

    def free_of_registrations(self, *ids: str) -> None:
        """Remove the registrations of these members and events, on both sides, with their id mappings."""
        gone = set(ids)
        for side in (self.records("registrations"), self.rows("registrations")):
            side[:] = [each for each in side if not {each["memberId"], each["eventId"]} & gone]
        left = {row["id"] for row in self.rows("registrations")}
        self.club.tables["WaIdMapping"] = [
            mapping
            for mapping in self.mappings
            if mapping["entityType"] != "EventRegistration" or mapping["murmurantId"] in left
        ]

    def reject(self, entity: str, record: dict[str, Any], message: str, *, own: bool = True) -> None:
        """Reject a record as an importer does: listed, without an id, and with its errors if `own`."""
        self.list_error(entity, message, record["_sourceRow"], record["_waId"])
        record["_action"] = "skip"
        record.pop("_murmurantId", None)
        if own:
            record["_errors"] = [message]

    def list_error(self, entity: str, message: str, source_row: int, wa_id: str) -> None:
        error = {"entity": entity.removesuffix("s"), "sourceRow": source_row, "waId": wa_id, "message": message}
        self.report["errors"].append(error)

    def shorten(self, entity: str) -> None:
        """Give an entity the report's short form: the number of its records."""
        self.report[entity]["records"] = f"[{len(self.records(entity))}]"

    def write(self, folder: Path, *, loose: bool = False) -> DemoPaths:
        """Write both sides with the report's numbers taken from its records; `loose`: without constraints and types."""
        count_records(self.report)
        write = self._write_loose if loose else write_sqlite
        return DemoPaths(write_bundle(self.club, folder / "bundle"), write(self.club, folder / "club.db"))

    def account(self, folder: Path, *, loose: bool = False, **options: Any) -> Accounted:
        paths = self.write(folder, loose=loose)
        return account_of(paths, str(paths.database), **options)

    def _write_loose(self, club: Club, path: Path) -> Path:
        with closing(sqlite3.connect(path)) as connection, connection:
            for table, names in self.columns.items():
                quoted = ", ".join(f'"{name}"' for name in names)
                places = ", ".join("?" for _ in names)
                connection.execute(f'create table "{table}" ({quoted})')
                rows = [[row[name] for name in names] for row in club.tables[table]]
                connection.executemany(f'insert into "{table}" values ({places})', rows)
        return path


@cache
def _generated(seed: int, members: int, events: int, registrations: int) -> Club:
    return generate(seed, members=members, events=events, registrations=registrations)


def edited_club(seed: int = 7, **size: int) -> EditedClub:
    """A clean club of that size."""
    return EditedClub(_generated(seed, **(SIZE | size)))


def account_of(paths: DemoPaths, database: str, **options: Any) -> Accounted:
    """Verify, and keep the content of the ledger's tables."""
    chosen = VerifyOptions(bundle=paths.bundle, environment={"DATABASE_URL": database}, **options)
    with judged(chosen) as judgement:
        names = (*ENTITIES, "differences", "duplicate_keys", "tiers", "accounts")
        tables = {name: judgement.warehouse.rows(f"from ledger.{name}") for name in names}
        return Accounted(judgement.verification, tables)


def count_records(report: dict[str, Any]) -> None:
    """Set the report's numbers to those of its records, as an importer counts them."""
    for entity in ENTITIES:
        records = report[entity]["records"]
        if isinstance(records, list):
            report[entity].update(_counted(entity, records, report["errors"]))
    totals = {"totalRecords": "totalRows", **{name: name for name in ("created", "updated", "skipped", "errors")}}
    summary = {name: sum(report[entity][of] for entity in ENTITIES) for name, of in totals.items()}
    report["summary"].update(summary)


def _counted(entity: str, records: Iterable[dict[str, Any]], errors: Iterable[dict[str, Any]]) -> dict[str, int]:
    # An error without a place counts as a row of its own.
    listed = {e.get("sourceRow", id(e)) for e in errors if e["entity"] + "s" == entity}
    rejected = [record for record in records if record.get("_errors") or record.get("_sourceRow") in listed]
    written = [record.get("_action") for record in records if record not in rejected]
    unlisted = listed - {record.get("_sourceRow") for record in rejected}
    parsed = len(rejected) + len(written)
    return {
        "totalRows": parsed + len(unlisted),
        "parsed": parsed,
        "created": written.count("create"),
        "updated": written.count("update"),
        "skipped": written.count("skip"),
        "errors": len(rejected) + len(unlisted),
    }
