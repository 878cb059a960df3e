"""The generated club on disk: its bundle and its database, with faults planted on request."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.bundle.formats import CONFIG, POLICIES, REPORT
from recon.demo.club import Club, generate
from recon.demo.exports import write_exports
from recon.demo.faults import FAULTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from recon.demo.fault import Fault

BUNDLE = "migration-bundle-2024-01-15"
DATABASE = "club.db"
SCHEMA = Path(__file__).with_name("target.sql")
INSERTS = {
    "MembershipStatus": """
        INSERT INTO "MembershipStatus" (id, code, label, "sortOrder", "isActive", "createdAt", "updatedAt")
        VALUES (:id, :code, :label, :sortOrder, :isActive, :createdAt, :updatedAt)
        """,
    "MembershipTier": """
        INSERT INTO "MembershipTier" (id, code, name, "sortOrder", "createdAt", "updatedAt")
        VALUES (:id, :code, :name, :sortOrder, :createdAt, :updatedAt)
        """,
    "Member": """
        INSERT INTO "Member"
          (id, "firstName", "lastName", email, phone, "joinedAt", "membershipStatusId", "membershipTierId",
           "waMembershipLevelRaw", "waRawData", "createdAt", "updatedAt")
        VALUES
          (:id, :firstName, :lastName, :email, :phone, :joinedAt, :membershipStatusId, :membershipTierId,
           :waMembershipLevelRaw, :waRawData, :createdAt, :updatedAt)
        """,
    "Event": """
        INSERT INTO "Event"
          (id, title, description, category, location, "startTime", "endTime", capacity, "isPublished",
           status, "createdAt", "updatedAt")
        VALUES
          (:id, :title, :description, :category, :location, :startTime, :endTime, :capacity, :isPublished,
           :status, :createdAt, :updatedAt)
        """,
    "EventRegistration": """
        INSERT INTO "EventRegistration"
          (id, "eventId", "memberId", status, "registeredAt", "cancelledAt", "createdAt", "updatedAt")
        VALUES (:id, :eventId, :memberId, :status, :registeredAt, :cancelledAt, :createdAt, :updatedAt)
        """,
    "WaIdMapping": """
        INSERT INTO "WaIdMapping"
          (id, "entityType", "waId", "murmurantId", "syncRunId", "syncedAt", "updatedAt")
        VALUES (:id, :entityType, :waId, :murmurantId, :syncRunId, :syncedAt, :updatedAt)
        """,
    "WaSyncState": """
        INSERT INTO "WaSyncState"
          (id, "lastFullSync", "lastIncSync", "lastContactSync", "lastEventSync", "lastRegSync", metadata,
           "createdAt", "updatedAt")
        VALUES
          (:id, :lastFullSync, :lastIncSync, :lastContactSync, :lastEventSync, :lastRegSync, :metadata,
           :createdAt, :updatedAt)
        """,
    "AuditLog": """
        INSERT INTO "AuditLog"
          (id, action, "resourceType", "resourceId", "memberId", before, after, metadata, "ipAddress",
           "userAgent", "createdAt")
        VALUES
          (:id, :action, :resourceType, :resourceId, :memberId, :before, :after, :metadata, :ipAddress,
           :userAgent, :createdAt)
        """,
}


@dataclass(frozen=True)
class DemoPaths:
    """The location of a demo: the bundle's folder and the SQLite file."""

    bundle: Path
    database: Path


def write_demo(folder: Path, *, seed: int = 2024, faults: Iterable[str] = (), exports: bool = False) -> DemoPaths:
    """Write the bundle and database of a generated club into `folder`, with `faults` planted.

    With `exports`, the bundle lists no records and holds the Wild Apricot exports that they came from.

    Raises:
        ValueError: A fault is unknown; nothing is written in that case.
    """
    planted = [fault.name for fault in find_faults(faults)]
    club = generate(seed)
    paths = DemoPaths(write_bundle(club, folder / BUNDLE), write_sqlite(club, folder / DATABASE))
    plant(planted, paths.bundle, paths.database)
    if exports:
        write_exports(club, paths.bundle)
    return paths


def write_bundle(club: Club, folder: Path) -> Path:
    """Write the three JSON files of the bundle into `folder`, which is created if missing; returns it."""
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / REPORT, club.report)
    _write_json(folder / POLICIES, club.policies)
    _write_json(folder / CONFIG, club.config)
    return folder


def write_sqlite(club: Club, path: Path) -> Path:
    """Write the target's tables to a new SQLite file, replacing an existing one; returns its path.

    Foreign keys are declared, but SQLite does not enforce them unless a connection requests it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.executescript(SCHEMA.read_text(encoding="utf-8"))
            for table, rows in club.tables.items():
                connection.executemany(INSERTS[table], rows)
    except sqlite3.OperationalError as error:
        raise OSError(f"{path}: {error}") from error
    return path


def plant(names: Iterable[str], folder: Path, database: Path) -> None:
    """Plant faults in the bundle in `folder` and in the SQLite file `database`.

    They are planted in the order of `FAULTS`, each once, however often and in whatever order they are named.

    Raises:
        ValueError: A name is unknown; nothing is planted in that case.
    """
    faults = find_faults(names)
    patch_bundle(faults, folder)
    # mode=rw: a missing database is an error here instead of a new, empty file.
    uri = f"{database.resolve().as_uri()}?mode=rw"
    with closing(sqlite3.connect(uri, uri=True)) as connection, connection:
        for statement in (statement for fault in faults for statement in fault.sql):
            connection.execute(statement)


def find_faults(names: Iterable[str]) -> list[Fault]:
    """The faults with these names, each once, in the order in which they are planted.

    Raises:
        ValueError: A name is unknown.
    """
    wanted = dict.fromkeys(names)
    unknown = [name for name in wanted if name not in FAULTS]
    if unknown:
        raise ValueError(f"Unknown fault: {', '.join(unknown)}; choose from {', '.join(FAULTS)}")
    return [fault for name, fault in FAULTS.items() if name in wanted]


def patch_bundle(faults: Iterable[Fault], folder: Path) -> None:
    """Apply the faults' changes to the files of the bundle in `folder`."""
    patches: dict[str, list[Callable[[dict[str, Any]], None]]] = {}
    for fault in faults:
        if fault.patch:
            patches.setdefault(fault.file, []).append(fault.patch)
    for name, edits in patches.items():
        document = json.loads((folder / name).read_text(encoding="utf-8"))
        for edit in edits:
            edit(document)
        _write_json(folder / name, document)


def _write_json(file: Path, content: dict[str, Any]) -> None:
    file.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8", newline="\n")
