"""The site's go/no-go sheets, and what it and the console say of a record of runs that was changed."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from run_folders import write_runs
from support import names_in, run_in_process

import recon
from recon.runs.evidence.manifest import FolderFacts
from recon.runs.evidence.record import seal_folder
from recon.runs.evidence.sheet import write_sheet

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification
    from recon.runs.folder import RunFolder


@pytest.fixture
def runs(passed: Verification, tmp_path: Path) -> list[RunFolder]:
    """Two recorded runs with sheets, the newer one last; the older one was there before there was a site."""
    made = write_runs(tmp_path, [passed, passed])
    for run in made:
        seal_folder(run.path, FolderFacts("run", "PASSED", None, ("jane",)))
        write_sheet(run.path, tmp_path, has_site=run is made[-1])
    return made


def links_in(page: Path) -> dict[str, str]:
    """Address by what a link says, as far as it leads to another page."""
    found = re.findall(r'<a href="([^"#]+)">([^<]+)</a>', page.read_text(encoding="utf-8"))
    return {label: address for address, label in found}


def test_each_run_is_listed_with_its_sheet(runs: list[RunFolder], tmp_path: Path) -> None:
    home = recon.build_site(tmp_path).read_text(encoding="utf-8")
    for run in runs:
        assert f'<a href="runs/{run.name}/go-no-go.html">Go/No-Go</a>' in home
    (runs[0].path / "go-no-go.html").unlink()
    home = recon.build_site(tmp_path).read_text(encoding="utf-8")
    assert set(re.findall(r'href="([^"]*go-no-go.html)"', home)) == {f"runs/{runs[1].name}/go-no-go.html"}


def test_a_sheet_links_to_what_is_beside_it(runs: list[RunFolder], tmp_path: Path) -> None:
    recon.build_site(tmp_path)
    older, newer = (links_in(run.path / "go-no-go.html") for run in runs)
    assert older == {
        "Report": "report.html",
        "Data Docs": "data_docs/index.html",
        "Report as text": "verification-report.md",
    }
    assert newer == {"All runs": "../site/index.html", **older}
    for run in runs:
        copy = tmp_path / "site" / "runs" / run.name / "go-no-go.html"
        assert links_in(copy) == {"All runs": "../../index.html", **older}
        for page in (run.path / "go-no-go.html", copy):
            assert all((page.parent / address).resolve().is_file() for address in links_in(page).values())


def test_a_sheet_that_is_renewed_is_copied_anew_and_another_left_alone(runs: list[RunFolder], tmp_path: Path) -> None:
    recon.build_site(tmp_path)
    copies = [tmp_path / "site" / "runs" / run.name / "go-no-go.html" for run in runs]
    before = [copy.stat().st_ino for copy in copies]
    sheet = runs[0].path / "go-no-go.html"
    sheet.write_text(sheet.read_text(encoding="utf-8").replace("Name", "Nom"), encoding="utf-8")
    recon.build_site(tmp_path)
    assert "Nom" in copies[0].read_text(encoding="utf-8")
    assert copies[1].stat().st_ino == before[1]
    assert names_in(copies[0].parent) == names_in(copies[1].parent)


def test_a_record_that_was_changed_is_told(runs: list[RunFolder], tmp_path: Path) -> None:
    assert "runs.jsonl" not in recon.build_site(tmp_path).read_text(encoding="utf-8")
    record = tmp_path / "runs.jsonl"
    lines = record.read_text(encoding="utf-8").splitlines(keepends=True)
    record.write_text("".join([lines[0], lines[1].replace("PASSED", "FAILED")]), encoding="utf-8")
    found = f"line 2 ({runs[1].name}): it was changed, or not written by recon"
    home = recon.build_site(tmp_path).read_text(encoding="utf-8")
    assert "<strong>The record of runs (runs.jsonl) is not as it was written.</strong>" in home
    assert found in home
    assert "Compare it with a copy; to begin anew, move the file aside and run again" in home
    for command in ("site", "status"):
        done = run_in_process(command, "--outputs", tmp_path)
        assert (done.code, done.err.count("\n")) == (0, 1)
        assert done.err.startswith(f"The record of runs (runs.jsonl) is not as it was written: {found}. Compare it")
