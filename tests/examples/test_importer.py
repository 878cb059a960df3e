"""The example importer: what it makes of real exports, and that recon verifies what it writes."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from support import CHECKOUT, check_of

import recon
from recon.demo.settings import policy_bundle
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

IMPORTER = CHECKOUT / "docs" / "examples" / "importer"
MEMBERS = """Contact ID;First name;Last name;Email;Phone;Member since;Membership level
101;Ana;Muñoz;Ana@Example.com;;01/02/2023;Newcomer
102;"Lee; Jr.";"O""Hara";lee@example.com;+1 805 555 0101;03/04/2022;First Year
103;Kim;Park;KIM@example.com;;05/06/2021;Gold
104;;Nameless;none@example.com;;05/06/2021;Newcomer
105;No;Address;;;05/06/2021;Newcomer
106;Kim;Parker;kim@example.com;;05/06/2021;Alumni
107;Too;Few
108;Bad;Date;bad@example.com;;13/45/2021;Newcomer
"""
EVENTS = """Event ID,Event name,Description,Tags,Location,Start date,End date,Registration limit
201,"Coffee, first","A ""warm""
welcome",social,Café,01/15/2024 09:00,01/15/2024 11:00,30
202,"Coffee, first",again,social,Café,01/15/2024 09:30,,many
203,Walk,,outdoors,Hills,02/15/2024 09:00,,
"""
REGISTRATIONS = """Registration ID,Contact ID,Event ID,Registration status,Registration date,Cancellation date
301,101,201,Confirmed,01/10/2024 10:00,
302,102,202,Cancelled,01/10/2024 10:00,01/12/2024 10:00
303,105,201,Confirmed,01/10/2024 10:00,
304,103,999,Confirmed,01/10/2024 10:00,
305,106,203,Strange,01/10/2024 10:00,
"""
FILES = {
    "wa-members.csv": MEMBERS.encode("cp1252"),
    "wa-events.csv": EVENTS.encode("utf-8-sig"),
    "wa-registrations.csv": REGISTRATIONS.encode("utf-16"),
}


@dataclass
class Place:
    """A folder with exports, in which the importer runs."""

    folder: Path

    def run(
        self, *arguments: str, database: str = "club.db", bundle: str = "bundle"
    ) -> subprocess.CompletedProcess[str]:
        given = ("--exports", "exports", "--database", database, "--bundle", bundle, "--policies", "policies.json")
        return subprocess.run(
            [sys.executable, IMPORTER, *given, *arguments],
            cwd=self.folder,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def report(self, bundle: str = "bundle") -> dict[str, Any]:
        text = (self.folder / bundle / "migration-report.json").read_text(encoding="utf-8")
        document: dict[str, Any] = json.loads(text)
        return document

    def verified(self, bundle: str = "bundle", database: str = "club.db", **environment: str) -> recon.Verification:
        name = database if environment else str(self.folder / database)
        return recon.verify(
            recon.VerifyOptions(self.folder / bundle, name, environment=environment, allow_dry_run=True)
        )


def place_of(folder: Path) -> Place:
    (folder / "exports").mkdir()
    for name, content in FILES.items():
        (folder / "exports" / name).write_bytes(content)
    (folder / "policies.json").write_text(json.dumps(policy_bundle()), encoding="utf-8")
    return Place(folder)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return place_of(tmp_path)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """A place where one import was made."""
    made = place_of(tmp_path_factory.mktemp("imported"))
    done = made.run("--create-tables", "--run-id", "run-1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "not UTF-8 (line 2); read as Windows-1252" in done.stdout
    return made


def test_what_it_writes_is_verified(imported: Place) -> None:
    verification = imported.verified()
    assert verification.verdict == "PASSED"
    assert verification.counts_database == {"members": 3, "events": 2, "registrations": 3}
    assert check_of(verification, "run_id_match").outcome == "PASS"
    assert verification.ledger is not None
    assert verification.ledger.unexplained == 0


def test_bad_rows_are_rejected_and_reported(imported: Place) -> None:
    report = imported.report()
    assert [(each["entity"], each["sourceRow"], each["message"]) for each in report["errors"]] == [
        ("member", 5, "Missing first name"),
        ("member", 6, "Missing email"),
        ("member", 8, "Row has 3 cells, the header 7"),
        ("member", 9, "Unreadable date of member: 13/45/2021"),
        ("registration", 4, "Member not found: 105"),
        ("registration", 5, "Event not found: 999"),
    ]
    assert [each["message"] for each in report["warnings"]] == [
        "'Gold' is not in membership_status_mapping; PROSPECT is used",
        "Registration limit 'many' is no number; left empty",
        "'Strange' is not in registration_status_mapping; PENDING is used",
    ]
    counted = {
        name: {key: report[name][key] for key in ("created", "updated", "skipped", "errors")} for name in ENTITIES
    }
    assert counted == {
        "members": {"created": 3, "updated": 1, "skipped": 0, "errors": 4},
        "events": {"created": 2, "updated": 0, "skipped": 1, "errors": 0},
        "registrations": {"created": 3, "updated": 0, "skipped": 0, "errors": 2},
    }


def rows(folder: Path, sql: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(folder / "club.db")) as database:
        return database.execute(sql).fetchall()


def test_quoted_cells_and_letters_arrive_as_they_are(imported: Place) -> None:
    found = rows(
        imported.folder, 'select "firstName", "lastName", email, "waMembershipLevelRaw" from "Member" order by email'
    )
    assert found == [
        ("Ana", "Muñoz", "ana@example.com", "Newcomer"),
        ("Kim", "Parker", "kim@example.com", "Alumni"),
        ("Lee; Jr.", 'O"Hara', "lee@example.com", "First Year"),
    ]
    found = rows(imported.folder, 'select title, description, "startTime", capacity from "Event" order by title')
    assert found[0] == ("Coffee, first", 'A "warm"\nwelcome', "2024-01-15T17:00:00.000", 30)


def test_a_second_run_updates_and_creates_nothing(place: Place) -> None:
    place.run("--create-tables", bundle="first")
    done = place.run("--run-id", "run-2", bundle="second")
    assert done.returncode == 0
    report = place.report("second")
    assert report["summary"]["created"] == 0
    assert (report["members"]["updated"], report["events"]["updated"], report["registrations"]["updated"]) == (4, 2, 3)
    verification = place.verified("second")
    assert (verification.verdict, verification.counts_database["members"]) == ("PASSED", 3)
    assert rows(place.folder, 'select distinct "syncRunId" from "WaIdMapping"') == [("run-2",)]


def test_a_dry_run_writes_nothing(imported: Place) -> None:
    before = sha256((imported.folder / "club.db").read_bytes()).digest()
    done = imported.run("--dry-run", bundle="dry")
    assert (done.returncode, "nothing is written" in done.stdout) == (0, True)
    assert sha256((imported.folder / "club.db").read_bytes()).digest() == before
    assert imported.report("dry")["dryRun"] is True


def test_a_dry_run_of_an_empty_database_makes_ids_up(place: Place) -> None:
    place.run("--create-tables", "--fault", "fail", bundle="none")
    place.run("--dry-run", bundle="dry")
    (first, *_) = place.report("dry")["members"]["records"]
    assert (first["_action"], first["_murmurantId"][:4]) == ("create", "dry-")
    assert rows(place.folder, 'select count(*) from "Member"') == [(0,)]


OTHERS = ("shift-times", "lose-phones", "swap-names")


@pytest.mark.parametrize(
    "fault, failing",
    [
        ("lose-rows", "missing_records"),
        ("truncate", "altered_records"),
        ("lose-tiers", "tier_mapping"),
        *(pytest.param(name, "altered_records", marks=pytest.mark.soak) for name in OTHERS),
    ],
)
def test_recon_catches_each_fault(fault: str, failing: str, place: Place) -> None:
    assert place.run("--create-tables", "--fault", fault).returncode == 0
    verification = place.verified()
    assert verification.verdict == "FAILED"
    assert check_of(verification, failing).outcome in ("FAIL", "WARN")


@pytest.mark.parametrize(
    "fault, code, has_bundle, has_rows",
    [("no-bundle", 0, False, True), ("die", 137, False, True), ("fail", 1, False, False)],
)
def test_a_run_can_end_badly(fault: str, code: int, has_bundle: bool, has_rows: bool, place: Place) -> None:
    assert place.run("--create-tables", "--fault", fault).returncode == code
    assert (place.folder / "bundle").exists() == has_bundle
    assert bool(rows(place.folder, 'select count(*) from "Member"')[0][0]) == has_rows


def test_a_dry_run_can_write(place: Place) -> None:
    place.run("--create-tables", "--dry-run", "--fault", "dry-run-writes")
    assert rows(place.folder, 'select count(*) from "Member"') == [(3,)]


@pytest.mark.parametrize(
    "change, said",
    [
        (lambda place: (place.folder / "exports" / "wa-events.csv").unlink(), "one CSV file with events"),
        (lambda place: (place.folder / "exports" / "wa-events.csv").write_bytes(b""), "found an empty file"),
        (lambda place: (place.folder / "exports" / "wa-events.csv").write_bytes(b"Event ID,Name\n1,x\n"), "Event name"),
        (
            lambda place: (place.folder / "exports" / "wa-events.csv").write_bytes(EVENTS.encode() + b'9,"x'),
            "quotation",
        ),
        (lambda place: (place.folder / "bundle").mkdir(), "expected no file or folder"),
        (lambda place: (place.folder / "club.db").touch(), "expected no file, found one"),
    ],
)
def test_what_it_cannot_import_is_said(change: Callable[[Place], object], said: str, place: Place) -> None:
    change(place)
    done = place.run("--create-tables")
    assert done.returncode == 1
    assert said in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("generation", ["newer", pytest.param("older", marks=pytest.mark.soak)])
def test_postgresql_is_written_as_well(generation: str, postgres_club: Callable[[str], str], place: Place) -> None:
    url = postgres_club(generation)
    with psycopg.connect(url) as connection:
        connection.execute('truncate "Member", "Event", "EventRegistration", "WaIdMapping", "AuditLog" cascade')
    done = place.run("--run-id", "run-1", database=url)
    assert (done.returncode, done.stderr) == (0, "")
    verification = place.verified(database="URL", URL=url)
    assert verification.verdict == "PASSED"
    assert verification.counts_database == {"members": 3, "events": 2, "registrations": 3}
