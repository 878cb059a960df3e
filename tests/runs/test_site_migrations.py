"""Guided migrations on the site: what the home page says of them, the page of each, and what is never published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from guided_migrations import (
    FAILED,
    MINUTE,
    RUN,
    abandoned,
    attempt,
    first,
    hostile,
    migration,
    open_migration,
    verified,
    write_migration,
)
from msgspec.structs import replace
from run_folders import write_run
from verifications import HOSTILE, Page

import recon
from recon.model import Probe
from recon.preflight.assessing import Step, assess
from recon.runs.comparing.listing import list_runs
from recon.runs.linking import on_site

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Assessment, Verification
    from recon.model.migration import Migration

PROBE = Probe("tyres", "Tyres", "vehicle", "The tyres hold air.", "It would stand still", "Pump them up")
HEADING = "Guided Migrations"


@pytest.fixture(scope="module")
def assessed() -> Assessment:
    return assess("vehicle", "Vehicle", [Step("vehicle", "Vehicle", lambda: iter([PROBE.passed("4 of 4 hold air")]))])


def later(made: Migration, days: int) -> Migration:
    return replace(made, started_at=made.started_at + days * 24 * 60 * MINUTE)


def home_of(outputs: Path) -> Page:
    return Page(recon.build_site(outputs).read_text(encoding="utf-8"))


def links_of(page: Page) -> list[str]:
    """The addresses that a page of a run or migration leads to, but for places in it and the home page."""
    links = [value or "" for name, value in page.attributes if name == "href"]
    return [link for link in links if not link.startswith("#") and link != "../../index.html"]


def test_a_home_page_without_migrations_is_what_it_was(passed: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, passed)
    source = recon.build_site(tmp_path).read_text(encoding="utf-8")
    assert "igration is open" not in source
    assert HEADING not in source
    assert "migrations" not in source.partition("<style>")[2].partition("</style>")[0]


def test_open_migrations_come_first_and_say_how_to_continue(tmp_path: Path) -> None:
    made = [open_migration(), verified(), verified(FAILED), abandoned()]
    for day, each in enumerate(made):
        write_migration(tmp_path, later(each, day))
    page = home_of(tmp_path)
    assert [row[1] for row in page.rows(HEADING)] == [
        "… Open: at step Backupsince 2024-01-15 22:50:00 UTC",
        "\N{EN DASH} Abandoned",
        "✕ Verification FAILED",
        "✓ Verification PASSED",
    ]
    assert page.rows(HEADING)[0][2:] == ["postgresql://db.example/club", "production", "Timeline"]
    said = " ".join(page.text.partition(HEADING)[0].split())
    assert "postgresql://db.example/club (production), at step Backup since 2024-01-15 22:50:00 UTC (timeline)" in said
    assert "Continue with recon migrate --resume 20240115T220000Z-migration-club" in said
    assert said.count("A migration is open") == 1
    assert "No migration was verified yet What was begun is listed below." in said


def test_every_link_leads_to_a_file_of_the_site(passed: Verification, assessed: Assessment, tmp_path: Path) -> None:
    run = write_run(tmp_path, passed)
    steps = [*first(7), attempt("verify", 7, kept=f"./somewhere/{run.name}/")]
    folder = write_migration(tmp_path, migration(*steps), assessed)
    home = tmp_path / "site" / "index.html"
    addresses = [link for link in links_of(home_of(tmp_path)) if "migration" in link]
    assert set(addresses) == {f"runs/{folder.path.name}/index.html"}
    copy = home.parent / addresses[0]
    links = links_of(Page(copy.read_text(encoding="utf-8")))
    assert links.count(f"../{run.name}/report.html") == 2
    assert len(links) == 11
    # The page stands in the migration's folder as well, and its links lead to the same there.
    original = folder.path / "index.html"
    assert on_site(original.read_text(encoding="utf-8"), "index.html") == copy.read_text(encoding="utf-8")
    for page in (copy, original):
        assert [link for link in links if not (page.parent / link).is_file()] == []


def test_a_run_without_a_page_is_linked_by_its_report(passed: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, passed, failed=("html",))
    folder = write_migration(tmp_path, migration(*first(7), attempt("verify", 7, kept=str(run.path))))
    recon.build_site(tmp_path)
    assert f"../{run.name}/verification-report.md" in links_of(Page((folder.path / "index.html").read_text("utf-8")))


def test_a_run_that_is_not_among_the_others_is_not_linked(tmp_path: Path) -> None:
    folder = write_migration(tmp_path, verified())
    recon.build_site(tmp_path)
    page = Page((folder.path / "index.html").read_text("utf-8"))
    assert links_of(page) == []
    assert f"outputs/{RUN}" in page.text


def test_the_site_holds_pages_alone(assessed: Assessment, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, verified(), assessed)
    elsewhere = tmp_path / "elsewhere"
    (folder.path / "01-environment").rename(elsewhere)
    (folder.path / "01-environment").symlink_to(elsewhere)
    (folder.path / "02-source" / "report.html").unlink()
    (folder.path / "02-source" / "report.html").symlink_to(elsewhere / "report.html")
    shown = folder.path / "03-people" / "assessment.json"
    shown.write_text(json.dumps({**json.loads(shown.read_text("utf-8")), "masked": False}), encoding="utf-8")
    (folder.path / "04-dry-run" / "assessment.json").unlink()
    copies = recon.build_site(tmp_path).parent / "runs" / folder.path.name
    published = {str(path.relative_to(copies)) for path in copies.rglob("*") if path.is_file()}
    pages = {f"{name}/report.html" for name in ("05-review", "06-backup", "07-execute", "08-verify")}
    assert published == {"index.html", *pages}
    assert set(links_of(Page((copies / "index.html").read_text("utf-8")))) == pages


@pytest.mark.parametrize("away", ["../other", "/etc", "a/../../other", ".", "", "..", "a\x00b"])
def test_a_record_whose_step_is_outside_its_migration_is_none(away: str, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, migration(replace(attempt("environment", 0), folder=away)))
    copies = recon.build_site(tmp_path).parent / "runs" / folder.path.name
    assert home_of(tmp_path).rows(HEADING)[0][1].startswith("? UNREADABLE ")
    assert list(copies.rglob("*.html")) == []


@pytest.mark.parametrize("away", ["x" * 9999, "é"])
def test_a_step_has_no_page_outside_its_migration(away: str, assessed: Assessment, tmp_path: Path) -> None:
    other = write_migration(tmp_path, later(verified(), 1), assessed)
    other.path.rename(tmp_path / "other")
    for name in ("assessment.json", "report.html"):
        (tmp_path / "other" / name).write_bytes((tmp_path / "other" / "01-environment" / name).read_bytes())
    folder = write_migration(tmp_path, migration(replace(attempt("environment", 0), folder=away)))
    copies = recon.build_site(tmp_path).parent / "runs" / folder.path.name
    assert [path.name for path in copies.rglob("*")] == ["index.html"]
    assert links_of(Page((copies / "index.html").read_text("utf-8"))) == []


def files_of(site: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change, by path."""
    found = {path: path.stat() for path in site.rglob("*") if path.is_file()}
    return {str(path.relative_to(site)): (s.st_ino, s.st_mtime_ns) for path, s in found.items()}


def test_a_rebuild_touches_only_what_changed(assessed: Assessment, tmp_path: Path) -> None:
    steps = first(3)
    folder = write_migration(tmp_path, migration(*steps), assessed)
    site = recon.build_site(tmp_path).parent
    before = files_of(site)
    recon.build_site(tmp_path)
    assert files_of(site) == before
    folder.save(migration(*steps, attempt("dry-run", 3, gate=None)))
    recon.build_site(tmp_path)
    after = files_of(site)
    assert after.keys() == before.keys()
    changed = {name for name in after if after[name] != before[name]}
    assert changed == {"index.html", f"runs/{folder.path.name}/index.html"}


def test_a_migration_that_is_gone_leaves_the_site(passed: Verification, assessed: Assessment, tmp_path: Path) -> None:
    run = write_run(tmp_path, passed)
    folder = write_migration(tmp_path, open_migration(), assessed)
    copies = recon.build_site(tmp_path).parent / "runs"
    assert {path.name for path in copies.iterdir()} == {run.name, folder.path.name}
    folder.path.rename(tmp_path / "elsewhere")
    recon.build_site(tmp_path)
    assert [path.name for path in copies.iterdir()] == [run.name]


BROKEN = {
    "cut off": b'{"database"',
    "no record": b"[]",
    "not text": b"\xff\xfe",
    "deep": b"[" * 100_000,
    "before all clocks": b'"startedAt": "0001-01-01T00:00:00+14:00"',
    "longer than any time": b'"durationMs": 100000000000000000000',
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_a_record_that_cannot_be_read_is_listed_as_that(content: bytes, assessed: Assessment, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, open_migration(), assessed)
    write_migration(tmp_path, later(verified(), 1))
    copies = recon.build_site(tmp_path).parent / "runs" / folder.path.name
    assert list(copies.rglob("*.html"))
    record = folder.record.read_bytes()
    if content.startswith(b'"'):
        name = content.partition(b":")[0]
        line = next(each for each in record.splitlines() if name in each)
        content = record.replace(line.strip().rstrip(b","), content)
    folder.record.write_bytes(content)
    rows = home_of(tmp_path).rows(HEADING)
    assert [len(row) for row in rows] == [5, 3]
    assert rows[1][0] == f"time unknown{folder.path.name}"
    assert rows[1][1].startswith("? UNREADABLE ")
    assert list(copies.rglob("*.html")) == []


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text: str, tmp_path: Path) -> None:
    write_migration(tmp_path / "harmless", hostile("harmless"))
    write_migration(tmp_path / "hostile", hostile(text))
    harmless, page = home_of(tmp_path / "harmless"), home_of(tmp_path / "hostile")
    assert page.tags == harmless.tags
    assert {"\x1b", "\u202e", "\x00"}.isdisjoint(page.text)


def test_a_page_that_cannot_be_written_is_not_linked(tmp_path: Path) -> None:
    folder = write_migration(tmp_path, open_migration())
    (folder.path / "index.html" / "in the way").mkdir(parents=True)
    page = home_of(tmp_path)
    assert page.rows(HEADING)[0][4] == "not made"
    assert links_of(page) == []


def test_a_migration_is_no_run_without_a_judgement(passed: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, passed)
    write_migration(tmp_path, open_migration())
    assert [found.folder.name for found in list_runs(tmp_path)] == [run.name]
