"""The site about several runs of several databases: what changed since the last run, and a trend for each."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import duckdb
import pytest
from msgspec.structs import replace
from run_folders import STEP, write_run
from support import verify
from verifications import Page

import recon
from recon.demo import DemoPaths, plant, write_bundle, write_sqlite
from recon.runs.folder import RunFolder

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import Club
    from recon.model import Verification

SINCE = "Since the last run of this database"


@pytest.fixture(scope="module")
def two_runs(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two runs of one database, of which the newer one has more orphans."""
    home = tmp_path_factory.mktemp("two")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    for faults in ((), ("orphaned-registrations",)):
        plant(faults, paths.bundle, paths.database)
        options = recon.VerifyOptions(paths.bundle, str(paths.database))
        recon.run(recon.RunOptions(options, outputs=home / "outputs", parts=("snapshot",)))
    return home / "outputs"


@pytest.fixture(scope="module")
def clean(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    home = tmp_path_factory.mktemp("clean")
    return verify(DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db")))


def page_of(outputs: Path) -> Page:
    return Page(recon.build_site(outputs).read_text(encoding="utf-8"))


def of_database(verification: Verification, name: str, hours: int) -> Verification:
    moment = verification.started_at + hours * STEP
    snapshot = replace(verification.snapshot, database=f"PostgreSQL 16.2 through psycopg, host:5432/{name}")
    return replace(verification, started_at=moment, snapshot=snapshot)


def test_the_home_page_begins_with_what_changed(two_runs: Path) -> None:
    page = page_of(two_runs)
    found = recon.diff_last_runs(two_runs).findings
    assert found is not None
    assert found.new > 0
    since = page.main.partition(SINCE)[2].partition("Every Run")[0]
    words = " ".join(since.split())
    assert words.startswith(f"{found.fixed} fixed {found.new} new")
    for name in ("still open", "accepted", "re-opened"):
        assert f"{found.by_change[name]} {name}" in words
    (link,) = [value for name, value in page.attributes if name == "href" and (value or "").startswith("changes/")]
    changes = Page((two_runs / "site" / str(link)).read_text(encoding="utf-8"))
    assert "Orphaned Registrations" in changes.text
    assert f"New ({found.new:,})" in changes.text
    links = [str(value) for name, value in changes.attributes if name == "href"]
    (home,) = [link for link in links if not link.startswith("#")]
    assert (two_runs / "site" / str(link)).parent.joinpath(home).resolve() == two_runs / "site" / "index.html"


def test_the_page_of_changes_shows_nobody(two_runs: Path) -> None:
    recon.build_site(two_runs)
    shown = recon.diff_last_runs(two_runs, show_pii=True).records
    people = set(shown["email"].drop_nulls()) | set(shown["name"].drop_nulls())
    assert people
    published = "".join(path.read_text(encoding="utf-8") for path in (two_runs / "site" / "changes").rglob("*.*"))
    assert [person for person in people if person in published] == []


def test_a_comparison_is_made_once_and_anew_when_a_run_changes(two_runs: Path, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    shutil.copytree(two_runs, outputs, ignore=shutil.ignore_patterns("site"))
    site = recon.build_site(outputs).parent
    newest = recon.list_runs(outputs)[0]
    page = site / "changes" / newest.name / "index.html"
    page.write_text("kept", encoding="utf-8")
    recon.build_site(outputs)
    assert page.read_text(encoding="utf-8") == "kept"
    with duckdb.connect(str(newest.folder / "snapshot.duckdb")) as snapshot:
        snapshot.execute("update checks.findings set standing = 'accepted'")
    rebuilt = page_of(outputs)
    assert "Accepted" in page.read_text(encoding="utf-8")
    assert "0 new" in " ".join(rebuilt.text.split())
    shutil.rmtree(newest.folder)
    recon.build_site(outputs)
    assert list((site / "changes").iterdir()) == []


def test_a_snapshot_that_cannot_be_read_leaves_checks_and_says_why(clean: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, of_database(clean, "a", 0))
    write_run(tmp_path, of_database(clean, "a", 1))
    since = page_of(tmp_path).main.partition(SINCE)[2].partition("Every Run")[0]
    assert f"0 better, 0 worse, {clean.summary.total} as before" in since
    assert "its snapshot cannot be read" in since


def test_trends_of_different_databases_are_kept_apart(clean: Verification, tmp_path: Path) -> None:
    for name, hours in (("a", 0), ("b", 1), ("a", 2), ("b", 3), ("b", 4), ("c", 5)):
        write_run(tmp_path, of_database(clean, name, hours))
    page = page_of(tmp_path)
    trend = page.main.partition("Trend")[2].partition("Every Run")[0]
    first, second = trend.index("PostgreSQL, host:5432/b"), trend.index("PostgreSQL, host:5432/a")
    assert first < second
    assert "All 3 runs" in trend[first:second]
    assert "All 2 runs" in trend[second:]
    assert trend.count("with 0 failed checks, as many as the one before") == 4
    assert "there is one of: PostgreSQL, host:5432/c" in " ".join(trend.split())
    # The newest run is the first of its database, so nothing is said of another one's.
    assert "This is its first run that can be read" in page.main.partition("Trend")[0]
    charts = [
        value for name, value in page.attributes if name == "aria-label" and "Trend over runs of" in (value or "")
    ]
    assert len(charts) == 4


def test_a_single_database_has_no_title_of_its_own(clean: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, of_database(clean, "a", 0))
    write_run(tmp_path, of_database(clean, "a", 1))
    page = page_of(tmp_path)
    assert "PostgreSQL, host:5432/a" not in page.main
    write_run(tmp_path, of_database(clean, "b", 2))
    rows = page_of(tmp_path).rows("Every Run")
    assert ["host:5432/b" in row[1] for row in rows] == [True, False, False]


def test_one_run_has_nothing_to_be_compared_with(clean: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, clean)
    assert SINCE not in page_of(tmp_path).text
    assert RunFolder(run.path).manifest() is not None
