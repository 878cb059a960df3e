"""The rowing club's run on the site beside the club's: another application, with its own numbers and words."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from rowing import PROFILE, ROWING
from run_folders import STEP, write_run
from support import verify
from verifications import Page

from recon.demo import DemoPaths, write_bundle, write_sqlite

if TYPE_CHECKING:
    from recon.demo import Club

OPTIONS = [word for part in ("junit", "notebook", "html", "data_docs") for word in ("--skip", part)]
TEXTS = {".html", ".json", ".md", ".svg"}
# Names of the club's application, in small letters.
OF_THE_CLUB = ("murmurant", "eventregistration", "membershiptier", "membershipstatus", "waidmapping", "auditlog")


@pytest.fixture(scope="module")
def outputs(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of the club, and of one that the example's script made after it."""
    home = tmp_path_factory.mktemp("applications")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    found = verify(paths)
    before = replace(found, snapshot=replace(found.snapshot, database="SQLite, club.db"))
    write_run(home / "outputs", replace(before, started_at=found.started_at - STEP))
    words = [str(ROWING / "verify.sh"), str(Path(sys.executable).parent), "outputs", "place"]
    done = subprocess.run(["sh", *words, *OPTIONS], capture_output=True, text=True, check=False, cwd=home)
    assert (done.returncode, done.stderr) == (0, "")
    return home / "outputs"


def test_the_site_lists_both_applications_with_their_own_numbers(outputs: Path) -> None:
    page = Page((outputs / "site" / "index.html").read_text(encoding="utf-8"))
    ((_, newest, oldest),) = page.tables["Every Run"]
    assert "rowing.db" in newest[1]
    assert (newest[2:5], newest[7]) == (["8 of 8", "3 of 3", "12 of 12"], "100.0 %")
    assert "club.db" in oldest[1]
    assert oldest[2] == "60 of 60"


def test_what_is_made_of_its_run_names_nothing_of_the_clubs_application(outputs: Path) -> None:
    folder = max(outputs.glob("2*-run-*"))
    texts = {path.name: path.read_text(encoding="utf-8") for path in folder.rglob("*") if path.suffix in TEXTS}
    assert {"verification-report.md", "go-no-go.html", "counts.svg", "tier-distribution.svg"} <= texts.keys()
    assert {name: word for name, text in texts.items() for word in OF_THE_CLUB if word in text.lower()} == {}
    assert "All counts agree: 8 members, 3 events and 12 registrations" in texts["counts.svg"]
    assert "FIRST_YEAR and GENERAL are the largest: 3 members each" in texts["tier-distribution.svg"]
    assert "rowing.db" in texts["go-no-go.html"]
    assert f"recon rollback rehearse BACKUP --bundle {ROWING}/bundle --profile {PROFILE}" in texts["go-no-go.html"]
