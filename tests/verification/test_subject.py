"""What is verified may not be what was meant: another database's bundle, or one of a dry run."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import pytest
from conftest import SMALL
from edited_clubs import BEFORE, EditedClub, edited_club
from ledgers import account, cause
from msgspec.structs import replace
from run_folders import write_run
from support import edit_report, run_in_process, verify
from verifications import Page

import recon
from recon.demo import DemoPaths, generate, write_bundle, write_sqlite
from recon.model import ENTITIES, Ledger, Outcome, Verdict, Verification
from recon.notebook import verdict as verdict_section
from recon.report import FORMATS
from recon.report.console import Console
from recon.report.github import annotate
from recon.report.reading import verification_of
from recon.report.text import notices

if TYPE_CHECKING:
    from pathlib import Path

UNRELATED = "This bundle is not of this database: "
DRY = "This bundle is of a dry run, which wrote nothing to the database: no check says what an import did"
ROLLBACK = "Level 1 rollback"


@pytest.fixture(scope="module")
def unrelated(clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """The bundle of one club, and the database of another."""
    other = write_sqlite(generate(8, **SMALL), tmp_path_factory.mktemp("other") / "other.db")
    return verify(DemoPaths(clean.bundle, other))


@pytest.fixture(scope="module")
def dry(tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """The bundle of a dry run, and a database without what it would have written."""
    folder = tmp_path_factory.mktemp("dry")
    club = generate(7, **SMALL)
    club.report["dryRun"] = True
    bundle, database = write_bundle(club, folder / "bundle"), write_sqlite(club, folder / "club.db")
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript('delete from "EventRegistration"; delete from "Event"; delete from "Member"')
    return verify(DemoPaths(bundle, database), allow_dry_run=True)


def printed(verification: Verification, capsys: pytest.CaptureFixture[str]) -> str:
    Console().finished(verification, "Report written to: there")
    return capsys.readouterr().out


def site_of(verification: Verification, outputs: Path) -> str:
    write_run(outputs, verification, failed=("report", "html"))
    return Page(recon.build_site(outputs).read_text(encoding="utf-8")).text


def test_another_database_s_bundle_is_named_as_that(unrelated: Verification, clean: DemoPaths) -> None:
    (notice,) = notices(unrelated)

    assert notice.startswith(
        f"{UNRELATED}0 of 222 records have a row here, 0.0 % (bundle: {clean.bundle}, run run-2024"
    )
    assert notice.endswith("other.db, 222 rows)")
    assert unrelated.snapshot.database in notice
    assert unrelated.verdict is Verdict.FAILED
    assert unrelated.escalation.situation == "Bundle and database do not belong together"


@pytest.mark.parametrize("subject", ["unrelated", "dry"])
def test_every_output_says_first_what_was_verified(
    subject: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    verification: Verification = request.getfixturevalue(subject)
    (notice,) = notices(verification)
    start = DRY if subject == "dry" else UNRELATED
    assert notice.startswith(start)
    shown = {name: form.render(verification) for name, form in FORMATS.items()}
    shown |= {"console": printed(verification, capsys), "site": site_of(verification, tmp_path)}
    section = verdict_section(verification)
    shown |= {"notebook": section.html, "notebook as text": section.text, "github": "\n".join(annotate(verification))}

    for name, text in shown.items():
        before, found, after = text.partition(start)
        assert found, name
        assert verification.escalation.action.replace("'", "&#39;") in after.replace("'", "&#39;") or name in (
            *("csv-long", "junit", "github", "json"),
        ), name
        assert "[FAIL]" not in before, name
        assert ROLLBACK not in text, name
    assert json.loads(shown["json"])["notices"] == [notice]
    assert notices(verification_of(json.loads(shown["json"]))) == (notice,)
    suite = ET.fromstring(shown["junit"])[0]
    assert suite.findtext("system-out") == notice
    assert shown["csv-long"].splitlines()[1].startswith("verification,,,,,,,,Notice,")


def test_a_dry_run_that_passes_says_so_too(passed: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    dry = replace(passed, dry_run=True)

    assert DRY in printed(dry, capsys)
    assert DRY in FORMATS["markdown"].render(dry).replace("\\", "")
    assert not notices(passed)
    assert "Next step" not in printed(passed, capsys)


def test_the_command_verifies_a_dry_run_and_advises_no_rollback(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report.update(dryRun=True))
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute('delete from "EventRegistration"')

    done = run_in_process("verify", "-b", demo.bundle, "--database", demo.database, "--allow-dry-run", "-o", "-")

    assert done.code == 1
    assert "Next step: The bundle is of a dry run, which wrote nothing - Nothing to roll back" in done.err
    for text in (done.out, done.err):
        assert "This bundle is of a dry run" in text
        assert ROLLBACK not in text


def many_rejected(club: EditedClub) -> None:
    club.free_of_registrations(*(row["id"] for _, row in club.pairs("members")[:2]))
    for record, row in club.pairs("members")[:2]:
        club.forget_ids("members", record)
        club.remove("members", row=row)
        club.reject("members", record, "Missing email")


def test_a_warning_is_escalated_though_the_verification_passed(tmp_path: Path) -> None:
    club = edited_club(members=20, events=4, registrations=30)
    many_rejected(club)
    paths = club.write(tmp_path)
    reason = "Import Completed: More than 5% of the records were rejected: 2 of 20 members"

    command = ("verify", "-b", paths.bundle, "--database", paths.database)
    done = run_in_process(*command, "-f", "json", "-f", "markdown", "-f", "html", "-o", tmp_path / "reported")

    assert (done.code, done.err) == (0, "")
    assert "Verification PASSED" in done.out
    assert f"Escalate to: Merge captain (priority: High)\n  - {reason}\n" in done.out
    assert "Next step: Verification passes, but escalate its warnings - Escalate before telling anyone" in done.out
    report = json.loads((tmp_path / "reported.json").read_text("utf-8"))
    assert (report["verdict"], report["escalation"]["required"]) == ("PASSED", True)
    assert report["escalation"]["reasons"] == [reason]
    page = Page((tmp_path / "reported.html").read_text("utf-8")).text
    for text in ((tmp_path / "reported.md").read_text("utf-8"), page):
        assert "Escalate to: Merge captain" in text
        assert "yes, to the Merge captain — More than 5% of the records were rejected: 2 of 20 members" in text
        assert ROLLBACK not in text


def emptied(club: EditedClub, *kept: str) -> None:
    """The rows that the run wrote are gone, and one in each of these tables was there before."""
    for entity in ENTITIES:
        rows = club.rows(entity)
        rows[1:] = []
        rows[0].update(id=f"old-{entity}", createdAt=BEFORE)
        if entity not in kept:
            rows.clear()


def swap_addresses(club: EditedClub) -> None:
    for place, row in enumerate(club.rows("members")):
        row["email"] = f"other{place}@example.net"


def older_run_only(club: EditedClub) -> None:
    """An import that was never committed: only rows of before are there, of others, and fewer than the records."""
    for entity in ENTITIES:
        for place, row in enumerate(club.rows(entity)[:6]):
            row.update(id=f"0e000000-0000-4000-8000-{place:012d}", createdAt=BEFORE)
        club.rows(entity)[6:] = []
    for row in club.rows("members"):
        row["email"] = f"{row['id']}@example.net"
    for row in club.rows("events"):
        row["title"] = f"Other {row['id']}"
    for row in club.rows("registrations"):
        row.update(memberId=club.rows("members")[0]["id"], eventId=row["id"])
    club.club.tables["WaIdMapping"] = []


@pytest.mark.parametrize(
    "change",
    [emptied, lambda club: emptied(club, "members", "events"), older_run_only, swap_addresses, many_rejected],
    ids=["emptied", "emptied but for a few", "never committed", "every address another's", "rejected"],
)
def test_what_is_wrong_with_the_right_database_is_not_called_another(change: Any, tmp_path: Path) -> None:
    club = edited_club(members=200, events=40, registrations=400)
    change(club)

    found = club.account(tmp_path, loose=True).verification

    assert notices(found) == ()
    assert found.escalation.situation != "Bundle and database do not belong together"


@pytest.mark.parametrize(
    "shorten, complete, expected",
    [((), True, 1), (("members", "events", "registrations"), True, 0), ((), False, 0), (("registrations",), True, 1)],
    ids=["listed", "not listed", "importer died", "listed in part"],
)
def test_what_cannot_be_known_is_not_said(
    shorten: tuple[str, ...], complete: bool, expected: int, tmp_path: Path
) -> None:
    club, other = (
        edited_club(7, members=30, events=6, registrations=40),
        edited_club(8, members=30, events=6, registrations=40),
    )
    for entity in shorten:
        club.shorten(entity)
    if not complete:
        del club.report["completedAt"]
    paths = DemoPaths(club.write(tmp_path / "one").bundle, other.write(tmp_path / "other").database)

    assert len(notices(verify(paths))) == expected


def ledger_of(records: tuple[int, int, int], rows: tuple[int, int, int, int], *, differing: int = 0) -> Ledger:
    """Members that landed, were rejected and are missing; rows by outcome; how many differ in their address."""
    landed, rejected, missing = records
    members = account("members", (landed, 0, 0, 0, rejected, missing), rows, matched_by={"target id": landed})
    causes = tuple(cause("another", field, differing) for field in ("email", "phone") if differing)
    return Ledger((members,), {}, causes)


@pytest.mark.parametrize(
    "ledger, expected",
    [
        (ledger_of((0, 0, 1000), (0, 0, 0, 1000)), True),
        (ledger_of((49, 0, 951), (49, 0, 0, 951)), True),
        (ledger_of((50, 0, 950), (50, 0, 0, 950)), False),
        # By either side: a few records in a full database, or a few rows that are left.
        (ledger_of((40, 0, 0), (40, 9960, 0, 0)), False),
        (ledger_of((10, 0, 990), (10, 0, 0, 5)), False),
        (ledger_of((0, 1000, 0), (0, 0, 0, 1000)), False),
        (ledger_of((0, 0, 1000), (0, 0, 0, 0)), False),
        (ledger_of((0, 0, 1000), (0, 19, 0, 0)), False),
        (ledger_of((0, 0, 1000), (0, 50, 0, 0)), True),
        (ledger_of((0, 0, 1000), (0, 0, 20, 0)), True),
        (ledger_of((0, 0, 1000), (0, 25, 20, 0)), False),
        (ledger_of((0, 0, 13), (0, 0, 0, 11_273)), True),
        (ledger_of((0, 0, 13), (0, 11_273, 0, 0)), False),
        (ledger_of((0, 0, 9), (0, 0, 0, 1000)), False),
        # Paired by ids that both happen to have.
        (ledger_of((1000, 0, 0), (1000, 0, 0, 0), differing=960), True),
        (ledger_of((1000, 0, 0), (1000, 0, 0, 0), differing=940), False),
    ],
)
def test_how_little_is_next_to_nothing(ledger: Ledger, expected: bool, passed: Verification) -> None:
    found = replace(passed, ledger=ledger)

    assert found.is_unrelated is expected
    assert len(notices(found)) == expected
    assert not replace(found, dry_run=True).is_unrelated
    assert not replace(found, completed_at=None).is_unrelated
    assert not replace(found, ledger=None).is_unrelated


@pytest.mark.parametrize("outcome", [Outcome.WARN, Outcome.ERROR])
@pytest.mark.parametrize("count", [None, 0])
def test_what_could_not_look_has_no_meaning_of_a_failure(
    outcome: Outcome, count: int | None, passed: Verification
) -> None:
    check = replace(passed.checks[6], outcome=outcome, message="They are not recorded", violation_count=count)
    assert check.guidance.meaning == "ID collision"
    guides = (check.guidance.meaning, check.guidance.action)

    blind = replace(passed, checks=(check,))
    found = replace(passed, checks=(replace(check, outcome=Outcome.WARN, violation_count=1),))

    for name in ("markdown", "html", "junit"):
        words = [guide in FORMATS[name].render(blind) for guide in guides]
        assert words == [False, False], name
    assert all(guide in FORMATS["markdown"].render(found) for guide in guides)
    assert all(guide in FORMATS["html"].render(found) for guide in guides)
    assert not any(guide in line for line in annotate(blind) for guide in guides)
