"""`recon runs` and `recon diff`: what they print and write, and their exit codes."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import pytest
from support import edit_report, run_in_process

import recon
from recon.demo import DemoPaths, plant, write_bundle, write_sqlite

if TYPE_CHECKING:
    from recon.demo import Club


@dataclass(frozen=True)
class Kept:
    """A folder with two runs of a club that got orphans in between."""

    outputs: Path
    older: str
    newer: str


@pytest.fixture(scope="module")
def kept(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Kept:
    home = tmp_path_factory.mktemp("kept")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    names: list[str] = []
    for faults in ((), ("orphaned-registrations",)):
        plant(faults, paths.bundle, paths.database)
        edit_report(paths.bundle, lambda report: report.update(runId=f"run-{len(names)}"))
        options = recon.VerifyOptions(paths.bundle, str(paths.database))
        done = recon.run(recon.RunOptions(options, outputs=home / "outputs", parts=("snapshot",)))
        names.append(done.folder.name)
    return Kept(home / "outputs", *names)


def test_the_runs_are_listed_newest_first(kept: Kept) -> None:
    done = run_in_process("runs", "--outputs", kept.outputs)
    assert (done.code, done.err) == (0, "")
    lines = [line for line in done.out.splitlines() if "run-" in line]
    assert [kept.newer in lines[0], kept.older in lines[1]] == [True, True]
    shown = json.loads(run_in_process("runs", "--outputs", kept.outputs, "--format", "json").out)
    assert [run["name"] for run in shown] == [kept.newer, kept.older]
    assert [run["findings"] for run in shown] == [True, True]


def test_a_run_that_cannot_be_read_is_listed_with_the_reason(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.outputs, tmp_path / "outputs")
    (tmp_path / "outputs" / kept.older / "verification.json").write_text("{", encoding="utf-8")
    done = run_in_process("runs", "--outputs", tmp_path / "outputs")
    assert done.code == 0
    assert "The report cannot be read" in done.out
    assert kept.older in done.out


def test_two_runs_and_the_last_two_are_the_same_comparison(kept: Kept) -> None:
    named = run_in_process("diff", kept.older, kept.newer, "--outputs", kept.outputs)
    assert (named.code, named.err) == (0, "")
    assert "Since the older run: fixed 0, new" in named.out
    assert "Orphaned Registrations" in named.out
    assert run_in_process("diff", "--last", "--outputs", kept.outputs).out == named.out
    folders = (kept.outputs / kept.older, kept.outputs / kept.newer)
    assert run_in_process("diff", *folders).out == named.out


@pytest.mark.parametrize("name", ["markdown", "json", "html"])
def test_a_format_is_written_to_the_file_that_its_suffix_names(name: str, kept: Kept, tmp_path: Path) -> None:
    suffix = {"markdown": "md"}.get(name, name)
    file = tmp_path / "new" / f"changes.{suffix}"
    done = run_in_process("diff", "--last", "--outputs", kept.outputs, "-o", file)
    assert (done.code, str(file) in done.out) == (0, True)
    printed = run_in_process("diff", "--last", "--outputs", kept.outputs, "--format", name)
    assert printed.out == file.read_text(encoding="utf-8")


def test_the_document_says_all_that_python_does(kept: Kept) -> None:
    done = run_in_process("diff", "--last", "--outputs", kept.outputs, "--format", "json", "--rows", "1", "--show-pii")
    document = json.loads(done.out)
    schema = Path(recon.__file__).parent / "report" / "changes" / "changes.schema.json"
    jsonschema.Draft202012Validator(json.loads(schema.read_text(encoding="utf-8"))).validate(document)
    found = recon.diff_last_runs(kept.outputs, show_pii=True)
    assert found.findings is not None
    assert document["findings"]["new"] == found.findings.new > 1
    assert [list(record.values()) for record in document["records"]] == [list(row) for row in found.records.rows()]
    assert [check["id"] for check in document["checks"]] == [check.id for check in found.checks]
    assert {each["name"]: each["changed"] for each in document["inputs"]}["Import (run id)"] is True


def test_records_beyond_the_limit_are_counted(kept: Kept) -> None:
    new = recon.diff_last_runs(kept.outputs).findings
    assert new is not None
    for name in ("console", "markdown", "html"):
        done = run_in_process("diff", "--last", "--outputs", kept.outputs, "--rows", "1", "--format", name)
        assert "the first 1 of " in done.out


def test_worse_findings_fail_where_that_is_asked_for(kept: Kept, tmp_path: Path) -> None:
    worse = ("diff", kept.older, kept.newer, "--outputs", kept.outputs)
    better = ("diff", kept.newer, kept.older, "--outputs", kept.outputs)
    assert [run_in_process(*each, "--fail-on", "new").code for each in (worse, better)] == [1, 0]
    assert run_in_process(*worse, "--fail-on", "nothing").code == 0
    shutil.copytree(kept.outputs / kept.newer, tmp_path / kept.newer)
    (tmp_path / kept.newer / "snapshot.duckdb").unlink()
    unknown = run_in_process("diff", kept.outputs / kept.older, tmp_path / kept.newer, "--fail-on", "new")
    assert unknown.code == 2
    assert "not known" in unknown.err
    assert "Findings are not compared" in unknown.out


REFUSED = {
    (): "Two runs are to be named",
    ("{older}",): "Two runs are to be named",
    ("{older}", "{newer}", "--last"): "Runs are named",
    ("{older}", "{older}"): "cannot be compared with itself",
    ("{older}x", "{newer}"): "Did you mean",
    ("nonsense", "{newer}"): "There is no such run",
    ("--last", "--outputs", "/nowhere"): "no such folder of runs",
    ("--last", "-o", "{outputs}"): "is a folder",
}


@pytest.mark.parametrize("arguments", REFUSED, ids=" ".join)
def test_what_cannot_be_compared_is_refused_in_one_sentence(arguments: tuple[str, ...], kept: Kept) -> None:
    given = [each.format(older=kept.older, newer=kept.newer, outputs=kept.outputs) for each in arguments]
    where = () if "--outputs" in given else ("--outputs", kept.outputs)
    done = run_in_process("diff", *given, *where)
    assert (done.code, done.out) == (2, "")
    assert REFUSED[arguments] in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_one_run_has_no_last_one(kept: Kept, tmp_path: Path) -> None:
    shutil.copytree(kept.outputs / kept.older, tmp_path / kept.older)
    done = run_in_process("diff", "--last", "--outputs", tmp_path)
    assert done.code == 2
    assert "There is only one run of this database" in done.err
