from __future__ import annotations

import json
import resource
import shutil
import signal
import stat
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import pytest
from support import edit_report, names_in, run_in_process, run_recon

import recon
from recon.cli.run import command, failed_parts
from recon.demo import plant
from recon.errors import OutputError, ReconError, UsageError
from recon.report.json import render
from recon.runs.folder import CHOICES, Manifest, RunFolder, RunPart, run_folders
from recon.verification.progress import Listener

if TYPE_CHECKING:
    from recon.demo import DemoPaths

LIGHT = ("junit", "snapshot")
SNAPSHOT_BYTES = 400_000


def run(demo: DemoPaths, outputs: Path, parts: tuple[str, ...] = LIGHT, **options: Any) -> recon.Run:
    verify = recon.VerifyOptions(bundle=demo.bundle, database=str(demo.database), **options)
    return recon.run(recon.RunOptions(verify, outputs, parts))


def test_a_folder_holds_the_verdict_and_what_was_asked_for(demo: DemoPaths, tmp_path: Path) -> None:
    done = run(demo, tmp_path / "outputs")
    assert names_in(tmp_path / "outputs") == [done.folder.name, "runs.jsonl"]
    assert names_in(done.folder.path) == [
        "go-no-go.html",
        "junit.xml",
        "manifest.json",
        "run.json",
        "snapshot.duckdb",
        "verification.json",
    ]
    assert done.folder.verification.read_text(encoding="utf-8") == render(done.verification)
    assert done.folder.manifest() == done.manifest
    assert {name: part.path for name, part in done.manifest.parts.items()} == {
        "junit": "junit.xml",
        "snapshot": "snapshot.duckdb",
    }
    assert (done.failed, done.site) == ({}, None)
    assert stat.S_IMODE(done.folder.part("snapshot").stat().st_mode) == 0o600
    assert stat.S_IMODE(done.folder.path.stat().st_mode) & 0o500 == 0o500


def test_the_verdict_alone_can_be_asked_for(demo: DemoPaths, tmp_path: Path) -> None:
    done = run(demo, tmp_path, ())
    assert names_in(done.folder.path) == ["go-no-go.html", "manifest.json", "run.json", "verification.json"]


def test_a_run_id_cannot_lead_out_of_the_folder(demo: DemoPaths, tmp_path: Path) -> None:
    edit_report(demo.bundle, lambda report: report.update(runId="../../x"))
    done = run(demo, tmp_path / "a" / "b" / "outputs")
    assert done.verification.run_id == "../../x"
    assert done.folder.path.parent == tmp_path / "a" / "b" / "outputs"
    assert done.folder.name.endswith("Z-x")
    assert not any("x" in path.name for path in (tmp_path / "a").iterdir())


def test_the_verdict_of_a_run_is_that_of_verify(demo: DemoPaths, tmp_path: Path) -> None:
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    options = recon.VerifyOptions(bundle=demo.bundle, database=str(demo.database))
    verified, done = recon.verify(options), run(demo, tmp_path).verification
    assert [(c.id, c.outcome, c.message) for c in done.checks] == [
        (c.id, c.outcome, c.message) for c in verified.checks
    ]
    assert done.distributions is not None


def test_a_snapshot_as_database_is_judged_again(demo: DemoPaths, tmp_path: Path) -> None:
    first = run(demo, tmp_path / "first")
    options = recon.VerifyOptions(bundle=demo.bundle, database=str(first.folder.part("snapshot")))
    again = recon.run(recon.RunOptions(options, tmp_path / "second", LIGHT))
    assert again.verification.verified_at > first.verification.verified_at
    assert again.verification.distributions == first.verification.distributions


def test_a_notebook_that_dies_keeps_the_verdict(
    demo: DemoPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.runs.notebook_process.MODULE", "this")
    done = run(demo, tmp_path, ("notebook", "html", "junit"))
    assert set(done.failed) == {"notebook", "html"}
    assert "The process of the notebook ended early" in done.failed["notebook"]
    assert names_in(done.folder.path) == [
        "go-no-go.html",
        "junit.xml",
        "manifest.json",
        "run.json",
        "verification.json",
    ]
    kept = done.folder.manifest()
    assert kept is not None
    assert kept.parts["html"] == RunPart(failed=done.failed["html"])
    assert recon.load_verification(done.folder.verification).verdict == done.verification.verdict


def limited(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A run on a disk that is full after so many bytes of a file."""

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (SNAPSHOT_BYTES, SNAPSHOT_BYTES))

    return subprocess.run(
        [Path(sys.executable).with_name("recon"), *map(str, arguments)],
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
        preexec_fn=limit,
    )


def test_a_full_disk_is_reported_and_keeps_the_verdict(demo: DemoPaths, tmp_path: Path) -> None:
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    outputs = tmp_path / "outputs"
    parts = ("--only", "snapshot", "--only", "junit")
    done = limited("run", "-b", demo.bundle, "--database", demo.database, "--outputs", outputs, *parts)
    assert done.returncode == 2
    assert "Verification FAILED" in done.stdout
    assert "1 part of the run could not be made" in done.stderr
    assert "snapshot: The snapshot cannot be kept" in done.stderr
    assert "The verdict stands: FAILED" in done.stderr
    (folder,) = run_folders(outputs)
    assert names_in(folder.path) == ["go-no-go.html", "junit.xml", "manifest.json", "run.json", "verification.json"]


def test_a_disk_that_goes_away_leaves_the_verdict_in_the_message(demo: DemoPaths, tmp_path: Path) -> None:
    class Removing(Listener):
        def report_writing(self) -> None:
            shutil.rmtree(tmp_path / "outputs")

    options = recon.VerifyOptions(bundle=demo.bundle, database=str(demo.database))
    with pytest.raises(
        OutputError, match=r"Verification PASSED \(18 passed, 0 failed, 0 warnings\), but the run cannot"
    ):
        recon.run(recon.RunOptions(options, tmp_path / "outputs", ("junit",)), Removing())


def test_what_a_failing_part_began_to_write_is_removed(
    demo: DemoPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def draw_half(_: recon.Verification, folder: Path) -> None:
        folder.mkdir()
        (folder / "half.svg").write_text("<svg", encoding="utf-8")
        raise OSError(28, "No space left for the chart of jane@example.org")

    monkeypatch.setattr("recon.charts.write_charts", draw_half)
    done = run(demo, tmp_path, ("charts", "report"))
    assert done.failed["charts"].startswith("OSError: No space left for the chart of ")
    assert "jane@example.org" not in done.failed["charts"] + (done.folder.path / "run.json").read_text(encoding="utf-8")
    assert names_in(done.folder.path) == [
        "go-no-go.html",
        "manifest.json",
        "run.json",
        "verification-report.md",
        "verification.json",
    ]
    assert "charts/" not in done.folder.part("report").read_text(encoding="utf-8")


def test_a_notebook_that_failed_is_reported_in_a_few_sentences(passed: recon.Verification, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path)
    folder.part("notebook").write_text("{}", encoding="utf-8")
    reason = "A cell of the notebook failed (In [3]: display.ledger()): found NameError: no name"
    failed = {"notebook": reason, "html": reason, "charts": "OSError: full"}
    error = failed_parts(recon.Run(passed, folder, Manifest("run-1", "2024-01-15T14:30:00.000Z", {}), None, failed))
    assert error.message == (
        f"3 parts of the run could not be made ({tmp_path}): found notebook, html: {reason}; charts: OSError: full. "
        f"The notebook is executed as far as it got: {tmp_path / 'report.ipynb'}. The verdict stands: PASSED. "
        "Mend the cause and run again, or leave the part out with --skip"
    )


def test_where_nothing_can_be_written_nothing_is_verified(demo: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("", encoding="utf-8")
    done = run_recon("run", "-b", demo.bundle, "--database", demo.database, "--outputs", tmp_path / "outputs")
    assert (done.code, done.out) == (2, "")
    assert "Choose another with --outputs" in done.err


def test_a_run_without_a_verdict_leaves_nothing(demo: DemoPaths, tmp_path: Path) -> None:
    with pytest.raises(ReconError):
        recon.run(recon.RunOptions(recon.VerifyOptions(bundle=demo.bundle, database="no.db"), tmp_path / "outputs"))
    assert names_in(tmp_path / "outputs") == []


def test_an_interrupted_run_leaves_nothing(demo: DemoPaths, tmp_path: Path) -> None:
    class Interrupting(Listener):
        def report_writing(self) -> None:
            raise KeyboardInterrupt

    options = recon.RunOptions(recon.VerifyOptions(bundle=demo.bundle, database=str(demo.database)), tmp_path / "o")
    with pytest.raises(KeyboardInterrupt):
        recon.run(options, Interrupting())
    assert names_in(tmp_path / "o") == []


def test_the_command_says_where_everything_lies(demo: DemoPaths, tmp_path: Path) -> None:
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    parts = [f"--skip={part}" for part in CHOICES if part not in LIGHT]
    done = run_recon("run", "-b", demo.bundle, "--database", demo.database, "--outputs", tmp_path / "o", *parts)
    assert (done.code, done.err) == (1, "")
    (folder,) = run_folders(tmp_path / "o")
    lines = done.out.splitlines()
    start = lines.index("[4/4] Generating verification report...")
    assert lines[start + 1 : start + 5] == [
        f"  - Verdict: {folder.verification}",
        f"  - JUnit: {folder.part('junit')}",
        f"  - Snapshot: {folder.part('snapshot')}",
        "",
    ]
    assert json.loads(folder.verification.read_text(encoding="utf-8"))["verdict"] == "FAILED"


@pytest.mark.parametrize(
    "arguments, found",
    [
        (("--only", "junit", "--skip", "junit"), "A part cannot be asked for and left out"),
        (("--only", "nonsense"), "nonsense"),
    ],
)
def test_parts_that_make_no_sense_are_refused(arguments: tuple[str, ...], found: str, demo: DemoPaths) -> None:
    done = run_in_process("run", "-b", demo.bundle, "--database", demo.database, *arguments)
    assert done.code == 2
    assert found in done.err


def test_a_part_that_there_is_not_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="Did you mean 'html'"):
        recon.RunOptions(recon.VerifyOptions(bundle=tmp_path), tmp_path, ("htm",))


def test_every_part_can_be_chosen_by_name() -> None:
    chosen = {
        option.name: list(option.type.choices) for option in command.params if isinstance(option.type, click.Choice)
    }
    assert chosen["only"] == chosen["skip"] == list(CHOICES)
