"""A club from before its migration, the migration, and people who go on working: what a rollback has to undo."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from copy import deepcopy
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit
from uuid import UUID

import psycopg
import pymysql
from edited_clubs import AFTER, BEFORE, EditedClub, edited_club
from postgres import load_rows, load_schema

import recon
from recon.demo import write_bundle, write_sqlite
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pytest

TABLES = ("MembershipStatus", "MembershipTier", "Member", "Event", "EventRegistration", "WaIdMapping")
OTHERS = ("MemberNote", "EventPhoto")
OLDER_RUN = "run-20231102-090000"
SIZE = {"members": 12, "events": 8, "registrations": 30}
EXTRA = """
create table "MemberNote" (id {key} primary key, "memberId" {key} not null, text varchar(50),
  foreign key ("memberId") references "Member" (id) on delete cascade);
create table "EventPhoto" (id {key} primary key, "eventId" {key},
  foreign key ("eventId") references "Event" (id) on delete set null)
"""
EDITS = named_statements(Path(__file__).with_name("edits.sql"))
ROWS = 'select * from "{table}" order by 1'


@dataclass(frozen=True)
class ClubDatabase:
    """A database of the application, in any kind; SQL is sent with names in double quotes and foreign keys enforced."""

    kind: str
    address: str

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements in one transaction; returns the rows of the last."""
        with closing(self._connect()) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement)
            found = list(cursor.fetchall()) if cursor.description else []
            connection.commit()
            return found

    def _connect(self) -> Any:
        if self.kind == "sqlite":
            connection = sqlite3.connect(self.address)
            connection.execute("pragma foreign_keys = on")
            return connection
        if self.kind == "postgresql":
            return psycopg.connect(self.address)
        parts = urlsplit(self.address)
        return pymysql.connect(
            host=parts.hostname or "",
            port=parts.port or 3306,
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            database=parts.path[1:],
            charset="utf8mb4",
            init_command="set sql_mode = 'ANSI_QUOTES'",
            # Preparing to encrypt takes longer than all that is asked here.
            ssl_disabled=True,
        )

    def rows(self, table: str) -> dict[str, tuple[Any, ...]]:
        """The rows of a table by id, each as its values."""
        return {str(row[0]): row for row in self.run(ROWS.format(table=table))}

    def everything(self) -> dict[str, dict[str, tuple[Any, ...]]]:
        """The rows of every table but the audit table."""
        return {table: self.rows(table) for table in (*TABLES, *OTHERS)}


@dataclass
class Migrated:
    """A migration, and the same database as if it had never been imported.

    Attributes:
        bundle: The importer's bundle.
        imported: The database that the import wrote to.
        never: A database that is equal to it but for the import.
        created: Ids of the rows that the import created, by table.
        older: Ids of the rows that were there before, by table.
    """

    bundle: Path
    imported: ClubDatabase
    never: ClubDatabase
    outputs: Path
    created: dict[str, list[str]] = field(default_factory=dict)
    older: dict[str, list[str]] = field(default_factory=dict)

    def on_both(self, *statements: str) -> None:
        """Let people change both databases alike."""
        for database in (self.imported, self.never):
            database.run(*statements)

    def plan(self, **options: Any) -> recon.PlannedRollback:
        chosen: dict[str, Any] = {"bundle": self.bundle, "outputs": self.outputs, "environment": self.environment}
        chosen |= options
        return recon.plan_rollback(recon.RollbackOptions(**chosen))

    def apply(self, planned: recon.PlannedRollback, **options: Any) -> recon.AppliedPlan:
        return recon.apply_rollback(self.applying(planned, **options))

    def revert(self, planned: recon.PlannedRollback, **options: Any) -> recon.AppliedPlan:
        return recon.revert_rollback(self.applying(planned, **options))

    def applying(self, planned: recon.PlannedRollback, **options: Any) -> recon.ApplyOptions:
        chosen: dict[str, Any] = {"plan": planned.folder, "run_id": planned.plan.run_id}
        chosen |= {"environment": self.environment} | options
        return recon.ApplyOptions(**chosen)

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.imported.address, "BEFORE_URL": self.never.address}


def make_migrated(
    kind: str,
    folder: Path,
    request: pytest.FixtureRequest,
    seed: int = 7,
    edit: Callable[[EditedClub], None] | None = None,
    **size: int,
) -> Migrated:
    """Migrate a small club: some members and events were there before, the run updated or skipped them.

    Args:
        kind: "sqlite", "postgresql" or "mysql".
        folder: For files.
        request: Starts a server where one is needed.
        seed: Decides the club, and which rows were there before.
        edit: Changes the club and its bundle before they are written.
        size: Numbers that differ from `SIZE`.
    """
    club, rng = edited_club(seed, **(SIZE | size)), Random(1000 + seed)  # noqa: S311 - not for secrets
    older = _make_older(club, rng)
    if edit:
        edit(club)
    named = ((club, "imported"), (_without_import(club, older), "never"))
    imported, never = (_database(kind, each, folder / name, request) for each, name in named)
    made = Migrated(write_bundle(club.club, folder / "bundle"), imported, never, folder / "outputs")
    for table in ("Member", "Event", "EventRegistration"):
        ids = [str(row["id"]) for row in club.club.tables[table]]
        made.older[table] = [one for one in ids if one in older[table]]
        made.created[table] = [one for one in ids if one not in older[table]]
    return made


def _make_older(club: EditedClub, rng: Random) -> dict[str, set[str]]:
    """Let rows be older than the run, which updated or skipped them; returns their ids by table."""
    older: dict[str, set[str]] = {"Member": set(), "Event": set(), "EventRegistration": set()}
    for entity, table, count in (("members", "Member", 4), ("events", "Event", 3)):
        for number, (record, row) in enumerate(rng.sample(club.pairs(entity), count)):
            is_skipped = entity == "events" and number == 0
            record["_action"] = "skip" if is_skipped else "update"
            row["createdAt"] = BEFORE
            if is_skipped:
                row["updatedAt"] = BEFORE
            older[table].add(row["id"])
    for record, row in club.pairs("registrations"):
        if row["memberId"] in older["Member"] and row["eventId"] in older["Event"]:
            record["_action"] = "update"
            row["createdAt"] = BEFORE
            older["EventRegistration"].add(row["id"])
    for entity in ("members", "events", "registrations"):
        report = club.report[entity]
        actions = [record["_action"] for record in report["records"]]
        report |= {
            "created": actions.count("create"),
            "updated": actions.count("update"),
            "skipped": actions.count("skip"),
        }
    return older


def _without_import(club: EditedClub, older: dict[str, set[str]]) -> EditedClub:
    """The club as it was before the run: older rows with their former values, and the mappings of an older run."""
    before = EditedClub(deepcopy(club.club))
    for table, ids in older.items():
        rows = [row for row in before.club.tables[table] if row["id"] in ids]
        for row in rows:
            row["updatedAt"] = BEFORE
            if table == "Member":
                row |= {"phone": "0", "lastName": f"{row['lastName']} (before)"}
        before.club.tables[table] = rows
    stays = {one for ids in older.values() for one in ids}
    mappings = [row for row in before.mappings if row["murmurantId"] in stays]
    for row in mappings:
        row |= {"syncRunId": OLDER_RUN, "syncedAt": BEFORE, "updatedAt": BEFORE}
    before.club.tables["WaIdMapping"] = mappings
    return before


def _database(kind: str, club: EditedClub, folder: Path, request: pytest.FixtureRequest) -> ClubDatabase:
    tables = club.club.tables
    if kind == "sqlite":
        database, key = ClubDatabase(kind, str(write_sqlite(club.club, folder / "club.db"))), "text"
    elif kind == "postgresql":
        cluster = request.getfixturevalue("cluster")
        url = cluster.create_database(f"undo_{sha256(str(folder).encode()).hexdigest()[:16]}")
        load_schema(url, "newer")
        load_rows(url, tables)
        database, key = ClubDatabase(kind, url), "uuid"
    else:
        server = request.getfixturevalue("mysql_server")
        name = f"recon_undo_{sha256(str(folder).encode()).hexdigest()[:16]}"
        request.addfinalizer(lambda: server.execute(None, f"drop database if exists `{name}`"))
        database, key = ClubDatabase(kind, server.create_club(name, tables)), "char(36)"
    database.run(*EXTRA.format(key=key).split(";"))
    return database


def draw_edits(migrated: Migrated, rng: Random, count: int) -> Iterator[str]:
    """What people do after the run, one statement each; where the row was never imported, nothing happens."""
    members = migrated.created["Member"] + migrated.older["Member"]
    events = migrated.created["Event"] + migrated.older["Event"]
    registrations = migrated.created["EventRegistration"] + migrated.older["EventRegistration"]
    status = migrated.never.run('select id from "MembershipStatus" order by code')[0][0]
    for name in rng.choices(list(EDITS), k=count):
        yield EDITS[name].format(
            member=rng.choice(members),
            event=rng.choice(events),
            registration=rng.choice(registrations),
            new=UUID(int=rng.getrandbits(128), version=4),
            status=status,
            after=AFTER,
        )


def kept_ids(plan: recon.RollbackPlan) -> dict[str, set[str]]:
    """The ids of the rows that a plan lists as kept, by table."""
    found: dict[str, set[str]] = {}
    kept = [(each.table.name, each.kept) for each in (*plan.deleted, *plan.kept)]
    kept += [(each.table.name, each.kept) for each in plan.restored]
    for name, rows in kept:
        found.setdefault(name, set()).update(row.key.strip("'") for row in rows)
    return found
