"""What is told of a folder that was changed after it was written, and of a record of runs that was."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from crowded_sheets import figures
from guided_migrations import RUN_ID, attempt, migration, write_migration
from msgspec.structs import replace
from signed_runs import NAME, REPORT, KeptFolder, kept_folder, message_of, outcomes_of, recorded_folder, verified
from support import names_in, run_in_process

import recon
from recon.errors import EvidenceError
from recon.model import Assessment
from recon.rollback.figures import write_figures
from recon.runs.assessments import keep_assessment
from recon.runs.evidence.manifest import FolderFacts, FolderInputs, ReadFile, read_manifest
from recon.runs.evidence.record import broken_record, read_record, record_folder, seal_folder
from recon.runs.evidence.sheet import write_sheet
from recon.runs.evidence.way_back import known_way_back
from recon.runs.migrations import target_digest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recon.demo import DemoPaths
    from recon.model import Verification

OF_NOTHING = {"Files": "PASS", "Record of Runs": "PASS"}
"""The outcomes for a folder that is not made from files."""
AS_WRITTEN = {**OF_NOTHING, "Bundle": "PASS", "Suites and Profile": "PASS"}


@pytest.fixture
def kept(tmp_path: Path, passed: Verification, clean: DemoPaths) -> KeptFolder:
    return kept_folder(tmp_path, passed, clean.bundle)


def sums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder, by its path."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


# What a run keeps.


@pytest.fixture(scope="module")
def made(clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run that the command line made; no test may change it."""
    outputs = tmp_path_factory.mktemp("evidence") / "outputs"
    given = ("--only", "snapshot", "--only", "report", "--only", "site")
    done = run_in_process(
        "run", clean.bundle, "--database", clean.database, "--outputs", outputs, *given, LOGNAME="jane"
    )
    assert (done.code, done.err) == (0, "")
    (folder,) = outputs.glob("2*")
    return folder


def test_a_manifest_names_all_that_is_there_and_all_it_was_made_from(made: Path, clean: DemoPaths) -> None:
    manifest = json.loads((made / "manifest.json").read_text(encoding="utf-8"))
    there = sums(made)
    del there["manifest.json"], there["go-no-go.html"]
    assert manifest["files"] == there
    assert {"verification.json", "verification-report.md", "snapshot.duckdb", "run.json"} == there.keys()
    read = manifest["inputs"]
    assert {each["name"]: each["sha256"] for each in read["bundle"]} == sums(clean.bundle)
    for each in (*read["bundle"], *read["suites"], *read["settings"]):
        assert hashlib.sha256(Path(each["path"]).read_bytes()).hexdigest() == each["sha256"]
    assert "counts.yaml" in {each["name"] for each in read["suites"]}
    assert [each["name"] for each in read["settings"]] == ["builtin.toml"]
    rule = next(rule for rule in recon.load_checks() if rule.id == "member_count")
    assert read["sql"]["member_count"] == hashlib.sha256(rule.sql.encode()).hexdigest()
    judged = json.loads((made / "verification.json").read_text(encoding="utf-8"))
    assert read["snapshot"]["database"] == judged["snapshot"]["database"]
    assert (manifest["kind"], manifest["outcome"], manifest["by"]) == ("run", "PASSED", ["jane"])
    assert manifest["runId"] == judged["runId"]
    assert {"recon", "duckdb", "python"} <= manifest["versions"].keys()


def test_a_run_is_recorded_and_is_as_it_was_written(made: Path) -> None:
    (line,) = read_record(made.parent).entries
    assert (line.kind, line.folder, line.outcome) == ("run", made.name, "PASSED")
    assert line.manifest == hashlib.sha256((made / "manifest.json").read_bytes()).hexdigest()
    assert line.manifest in (made / "go-no-go.html").read_text(encoding="utf-8")
    before = sums(made.parent)
    assert outcomes_of(made) == AS_WRITTEN
    assert sums(made.parent) == before


def test_manifest_and_record_name_nobody_of_the_club(made: Path, clean: DemoPaths) -> None:
    report = json.loads((clean.bundle / REPORT).read_text(encoding="utf-8"))
    text = (made / "manifest.json").read_text(encoding="utf-8") + (made.parent / "runs.jsonl").read_text(
        encoding="utf-8"
    )
    personal = set(_values(report, ("firstName", "lastName", "email", "phone")))
    assert len(personal) > 10
    assert not [value for value in personal if f'"{value}"' in text or ("@" in value and value in text)]
    assert "jane" not in (made.parent / "runs.jsonl").read_text(encoding="utf-8")


def _values(document: Any, keys: tuple[str, ...]) -> list[str]:
    if isinstance(document, list):
        return [value for each in document for value in _values(each, keys)]
    if not isinstance(document, dict):
        return []
    own = [value for key, value in document.items() if key in keys and isinstance(value, str) and value]
    return own + [value for each in document.values() for value in _values(each, keys)]


def test_a_run_id_is_recorded_without_the_addresses_in_it(kept: KeptFolder) -> None:
    folder = kept.path.with_name("20240117T143000Z-x")
    folder.mkdir()
    seal_folder(folder, FolderFacts("run", "PASSED", "by zoe.alm@club.example"), ())
    assert "zoe.alm" not in kept.record.read_text(encoding="utf-8")


def test_a_run_without_a_verdict_is_recorded_too(tmp_path: Path) -> None:
    done = run_in_process("run", tmp_path / "nothing", "--outputs", tmp_path / "outputs")
    (line,) = read_record(tmp_path / "outputs").entries
    assert (done.code, line.kind, line.outcome) == (2, "error", "ERROR")
    assert outcomes_of(tmp_path / "outputs" / line.folder) == OF_NOTHING


def test_an_assessment_is_recorded(tmp_path: Path, passed: Verification) -> None:
    folder = keep_assessment(tmp_path, Assessment("preflight", "Preflight", passed.started_at, 1, ()))
    (line,) = read_record(tmp_path).entries
    assert (line.kind, line.folder, line.outcome) == (
        "preflight",
        folder.name,
        str(Assessment("", "", passed.started_at, 1, ()).verdict),
    )
    assert outcomes_of(folder) == OF_NOTHING


def test_a_preflight_keeps_what_it_was_given(kept: KeptFolder, tmp_path: Path) -> None:
    given = ("--bundle", kept.bundle, "--expectations", kept.suites, "--outputs", tmp_path / "others")
    run_in_process("preflight", "people", *given)
    (line,) = read_record(tmp_path / "others").entries
    manifest, digest = read_manifest(tmp_path / "others" / line.folder)
    assert (line.kind, line.manifest) == ("preflight", digest)
    assert {each.name: each.sha256 for each in manifest.inputs.bundle} == sums(kept.bundle)
    assert {"own.yaml", "counts.yaml"} <= {each.name for each in manifest.inputs.suites}
    assert [each.name for each in manifest.inputs.settings] == ["builtin.toml"]
    assert outcomes_of(tmp_path / "others" / line.folder) == AS_WRITTEN


# A folder that was changed.


def flip(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


def replace_by_link(file: Path) -> None:
    file.unlink()
    file.symlink_to("nowhere")


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def replace_by_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


CHANGES: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "appended": ("report.html", lambda file: file.write_text("<p>reports</p>"), "changed"),
    "bit": ("verification.json", flip, "changed"),
    "emptied": ("charts/tiers.svg", lambda file: file.write_bytes(b""), "changed"),
    "removed": ("charts/tiers.svg", Path.unlink, "removed"),
    "added": ("charts/other.svg", Path.touch, "added"),
    "hidden": (".hidden", Path.touch, "added"),
    "index below": ("charts/index.html", Path.touch, "added"),
    "link": ("report.html", replace_by_link, "removed"),
    "folder": ("report.html", replace_by_folder, "no longer a file"),
    "pipe": ("report.html", replace_by_pipe, "no longer a file"),
    "added link": ("loop", lambda file: file.symlink_to("."), "added"),
}


@pytest.mark.parametrize("name, change, word", CHANGES.values(), ids=CHANGES)
def test_what_changed_since_is_named(kept: KeptFolder, name: str, change: Callable[[Path], object], word: str) -> None:
    change(kept.path / name)
    done = run_in_process("evidence", "verify", kept.path)
    assert (done.code, done.err) == (1, "")
    assert f"[FAIL] Files: Changed since: {name} ({word})" in done.out
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Files": "FAIL"}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read whatever it likes")
def test_what_cannot_be_read_is_no_pass(kept: KeptFolder) -> None:
    (kept.path / "report.html").chmod(0)
    done = run_in_process("evidence", "verify", kept.path)
    assert "[ERROR] Files: Not known: report.html (it cannot be read: Permission denied)" in done.out
    assert done.code == 2


def test_what_comes_later_is_named_and_no_change(kept: KeptFolder) -> None:
    (kept.path / "index.html").touch()
    found = verified(kept.path)
    assert {str(check.outcome) for check in found.checks} == {"PASS"}
    assert "index.html" in next(fact.value for part in found.parts for fact in part.facts if "Outside" in fact.label)


@pytest.mark.parametrize("old, new", [(">GO</strong>", ">NO-GO</strong>"), ('name="record-head"', 'name="head"')])
def test_a_sheet_that_was_changed_is_told(kept: KeptFolder, old: str, new: str) -> None:
    sheet = kept.path / "go-no-go.html"
    write_sheet(kept.path, kept.path.parent)
    assert outcomes_of(kept.path) == AS_WRITTEN
    text = sheet.read_text(encoding="utf-8")
    sheet.write_text(text.replace(old, new), encoding="utf-8")
    assert message_of(kept.path, "Files") == "Changed since: go-no-go.html (changed)"


def test_a_sheet_that_names_another_record_is_told(kept: KeptFolder) -> None:
    sheet = kept.path / "go-no-go.html"
    write_sheet(kept.path, kept.path.parent)
    head = read_record(kept.path.parent).head or ""
    text = sheet.read_text(encoding="utf-8")
    assert text.count(head) == 2
    sheet.write_text(text.replace(head, "0" * 64), encoding="utf-8")
    assert message_of(kept.path, "Files") == "Changed since: go-no-go.html (changed)"


def test_a_sheet_of_another_version_is_not_compared(kept: KeptFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    write_sheet(kept.path, kept.path.parent)
    (kept.path / "go-no-go.html").write_text("otherwise", encoding="utf-8")
    monkeypatch.setattr("recon.runs.evidence.sheet.version", lambda _: "0.0.1")
    found = verified(kept.path)
    assert found.verdict == "PASSED"
    facts = {fact.label: fact.value for part in found.parts for fact in part.facts}
    assert facts["go-no-go.html"] == "made by another version of recon: not compared"


# What the sheet says of the way back, and of the record.


def run_on(clean: DemoPaths, outputs: Path) -> Path:
    """The folder of a run of the clean club that makes no part."""
    options = recon.VerifyOptions(clean.bundle, str(clean.database))
    return recon.run(recon.RunOptions(options, outputs, parts=())).folder.path


def test_a_run_keeps_what_is_known_of_the_way_back(clean: DemoPaths, tmp_path: Path) -> None:
    for name, path in (("own", clean.database), ("other", "/other.db")):
        folder = tmp_path / f"20240112T183000Z-{name}"
        folder.mkdir()
        own = {"kind": "sqlite", "path": str(Path(path).resolve())}
        write_figures(folder, replace(figures(), identity=own, rows=7 if name == "own" else 8))
    folder = run_on(clean, tmp_path)
    sheet = (folder / "go-no-go.html").read_text(encoding="utf-8")
    assert "Level 1, took 4.1 minutes for 11,273 rows" in sheet
    assert re.search(r"12 Jan 2024, 18:30 UTC, [^<]+ before this run, with 7 rows", sheet)
    assert "backups/20240112T183000Z-club" in sheet
    assert "way_back.json" in read_manifest(folder)[0].files
    assert outcomes_of(folder)["Files"] == "PASS"
    (folder / "way_back.json").write_text("{}", encoding="utf-8")
    assert message_of(folder, "Files") == "Changed since: way_back.json (changed), go-no-go.html (changed)"


def test_the_backup_is_that_of_the_guided_migration_of_this_database(clean: DemoPaths, tmp_path: Path) -> None:
    options = recon.VerifyOptions(clean.bundle, str(clean.database))
    own = target_digest({"kind": "sqlite", "path": str(clean.database.resolve())})
    backup = attempt("backup", 5)
    cases = {
        "own": (migration(backup, attempt("execute", 6)), "./backups/20240115T221100Z-club"),
        "unproven": (migration(attempt("backup", 5, gate="FAILED"), attempt("execute", 6)), None),
        "another run": (migration(backup, attempt("execute", 6, run_id="run-2")), None),
        "before the import": (migration(backup), None),
    }
    for name, (found, kept) in cases.items():
        write_migration(tmp_path / name, replace(found, target=own))
        known = known_way_back(options, RUN_ID, tmp_path / name)
        assert (name, known and known.backup) == (name, kept)
    write_migration(tmp_path / "other", cases["own"][0])
    assert known_way_back(options, RUN_ID, tmp_path / "other") is None


def test_a_database_that_does_not_say_which_it_is_was_not_rehearsed(clean: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "20240112T183000Z-own").mkdir()
    write_figures(tmp_path / "20240112T183000Z-own", figures())
    nowhere = recon.VerifyOptions(clean.bundle, str(tmp_path / "nowhere.db"))
    assert known_way_back(nowhere, RUN_ID, tmp_path) is None


def test_a_sheet_says_that_the_record_is_broken(kept: KeptFolder) -> None:
    lines = kept.record.read_text(encoding="utf-8").splitlines(keepends=True)
    kept.record.write_text("".join([lines[0], *lines[2:]]), encoding="utf-8")
    write_sheet(kept.path, kept.record.parent)
    assert "The record of runs is not as it was written" in (kept.path / "go-no-go.html").read_text(encoding="utf-8")
    assert message_of(kept.path, "Files") == "3 files, each as it was written"
    found = broken_record(kept.record.parent)
    assert found is not None
    assert (found.line, found.folder) == (2, NAME)
    assert found.found == "it does not follow the line before: a line was changed, removed or added"


def test_a_record_that_is_whole_or_cannot_be_read_is_not_called_changed(kept: KeptFolder, tmp_path: Path) -> None:
    assert broken_record(kept.record.parent) is None
    assert broken_record(tmp_path / "nowhere") is None
    kept.record.unlink()
    kept.record.mkdir()
    found = broken_record(kept.record.parent)
    assert found is not None
    assert found.words.startswith("The record of runs (runs.jsonl) cannot be proven: a folder. Choose another folder")


def edit_manifest(kept: KeptFolder) -> None:
    """Make the manifest fit a file that was changed."""
    before = sums(kept.path)["report.html"]
    (kept.path / "report.html").write_text("better", encoding="utf-8")
    text = (kept.path / "manifest.json").read_text(encoding="utf-8")
    (kept.path / "manifest.json").write_text(text.replace(before, sums(kept.path)["report.html"]), encoding="utf-8")


def test_a_manifest_that_was_edited_is_not_the_recorded_one(kept: KeptFolder) -> None:
    edit_manifest(kept)
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Record of Runs": "FAIL"}
    assert "not the one that line 3 of runs.jsonl names" in message_of(kept.path, "Record of Runs")


def test_a_folder_without_its_manifest_is_told_from_an_older_one(kept: KeptFolder) -> None:
    (kept.path / "manifest.json").unlink()
    removed = run_in_process("evidence", "verify", kept.path)
    assert removed.err.startswith("Evidence error: The folder has no manifest (")
    assert "found none, although runs.jsonl names it. Take the folder for changed" in removed.err
    older = kept.path.rename(kept.path.with_name("20230101T000000Z-older"))
    done = run_in_process("evidence", "verify", older)
    assert "expected manifest.json, found none. It was written by a version of recon that kept no manifest" in done.err
    assert (removed.code, done.code) == (2, 2)


@pytest.mark.parametrize("content", ["", "{", "[]", '{"files": 1}'])
def test_a_manifest_that_is_none_is_an_error(kept: KeptFolder, content: str) -> None:
    (kept.path / "manifest.json").write_text(content, encoding="utf-8")
    with pytest.raises(EvidenceError, match="The manifest cannot be read"):
        verified(kept.path)


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="There is no such folder"):
        verified(tmp_path / "none")


def test_a_folder_alone_has_nothing_that_vouches_for_its_manifest(kept: KeptFolder, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(kept.path, tmp_path / "elsewhere" / NAME))
    assert outcomes_of(copy) == {**AS_WRITTEN, "Record of Runs": "WARN"}


# What it was made from.


def test_another_bundle_is_told_and_one_that_is_gone(kept: KeptFolder) -> None:
    (kept.bundle / REPORT).write_bytes((kept.bundle / REPORT).read_bytes() + b"\n")
    assert message_of(kept.path, "Bundle") == f"Changed since: {REPORT} (changed)"
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Bundle": "FAIL"}
    shutil.rmtree(kept.bundle)
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Bundle": "WARN"}


def test_nothing_is_no_pass(kept: KeptFolder) -> None:
    folder = kept.path.with_name("20240117T143000Z-x")
    folder.mkdir()
    inputs = FolderInputs(bundle=(ReadFile(REPORT, "0" * 64),))
    seal_folder(folder, FolderFacts("run", "PASSED", inputs=inputs))
    assert outcomes_of(folder) == {"Files": "WARN", "Bundle": "WARN", "Record of Runs": "PASS"}


def test_other_suites_are_told_and_do_not_fail(kept: KeptFolder) -> None:
    (kept.suites / "own.yaml").write_text("name: own\n", encoding="utf-8")
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Suites and Profile": "WARN"}
    assert "own.yaml (changed)" in message_of(kept.path, "Suites and Profile")


# The record.


EDITS: Mapping[str, tuple[Callable[[list[bytes]], list[bytes]], str]] = {
    "changed": (lambda lines: [lines[0].replace(b"PASSED", b"FAILED"), *lines[1:]], "line 1"),
    "bit": (lambda lines: [*lines[:3], lines[3][:-5] + bytes([lines[3][-5] ^ 1]) + lines[3][-4:]], "line 4"),
    "first removed": (lambda lines: lines[1:], "line 1"),
    "removed": (lambda lines: [lines[0], *lines[2:]], "line 2"),
    "inserted": (lambda lines: [*lines[:2], b"{}\n", *lines[2:]], "line 3"),
    "repeated": (lambda lines: [*lines, lines[3]], "line 5"),
    "swapped": (lambda lines: [lines[1], lines[0], *lines[2:]], "line 1"),
    "of others": (lambda lines: [*lines, b"note\n"], "line 5"),
}


@pytest.mark.parametrize("edit, place", EDITS.values(), ids=EDITS)
def test_a_broken_record_is_told_with_its_line(
    kept: KeptFolder, edit: Callable[[list[bytes]], list[bytes]], place: str
) -> None:
    kept.record.write_bytes(b"".join(edit(kept.record.read_bytes().splitlines(keepends=True))))
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Record of Runs": "FAIL"}
    assert f"The record of runs is not as it was written ({kept.record}, {place})" in message_of(
        kept.path, "Record of Runs"
    )
    with pytest.raises(EvidenceError, match=place):
        record_folder(kept.path)


def test_a_folder_that_was_renamed_is_told(kept: KeptFolder) -> None:
    renamed = kept.path.rename(kept.path.with_name("20240115T143000Z-renamed"))
    assert outcomes_of(renamed) == {**AS_WRITTEN, "Record of Runs": "WARN"}
    assert message_of(renamed, "Record of Runs").endswith(f"that of another folder: {NAME}")


def test_a_last_line_that_was_removed_leaves_its_folder_without_one(kept: KeptFolder) -> None:
    last = kept.path.with_name("20240116T143000Z-other")
    assert outcomes_of(last)["Record of Runs"] == "PASS"
    lines = kept.record.read_bytes().splitlines(keepends=True)
    kept.record.write_bytes(b"".join(lines[:-1]))
    assert message_of(last, "Record of Runs") == "runs.jsonl does not name the folder"
    assert outcomes_of(last)["Record of Runs"] == "FAIL"


@pytest.mark.parametrize("cut", [1, 30, 200])
def test_a_line_whose_writer_was_killed_is_told_and_followed(kept: KeptFolder, cut: int) -> None:
    kept.record.write_bytes(kept.record.read_bytes()[: -cut - 1])
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Record of Runs": "WARN"}
    assert "cut off, because its writer was killed" in message_of(kept.path, "Record of Runs")
    after = recorded_folder(kept, "20240118T143000Z-after")
    assert outcomes_of(after) == OF_NOTHING
    assert outcomes_of(kept.path) == AS_WRITTEN


def test_writers_at_once_follow_each_other(kept: KeptFolder) -> None:
    before = len(read_record(kept.record.parent).entries)
    with ThreadPoolExecutor(4) as pool, kept.record.open("rb") as held:
        # All of them are at the file before the first may write.
        fcntl.flock(held, fcntl.LOCK_EX)
        waiting = [pool.submit(record_folder, kept.path) for _ in range(8)]
        fcntl.flock(held, fcntl.LOCK_UN)
        made = [each.result() for each in waiting]
    entries = read_record(kept.record.parent).entries
    assert len(entries) == before + 8
    assert {each.sha256 for each in made} == {each.sha256 for each in entries[before:]}
    assert outcomes_of(kept.path) == AS_WRITTEN


def test_a_run_that_cannot_be_recorded_says_so_and_keeps_its_verdict(demo: DemoPaths, tmp_path: Path) -> None:
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    (outputs / "runs.jsonl").write_text("note\n", encoding="utf-8")
    given = ("--database", demo.database, "--outputs", outputs, "--only", "junit")
    done = run_in_process("run", demo.bundle, *given)
    assert done.code == 2
    assert "Verification PASSED" in done.out
    assert "runs.jsonl: The record of runs is not as it was written" in done.err
    assert "The verdict stands: PASSED" in done.err
    assert (outputs / "runs.jsonl").read_text(encoding="utf-8") == "note\n"
    assert len(names_in(outputs)) == 2


def test_a_renewed_manifest_does_not_launder_what_was_changed_before(kept: KeptFolder) -> None:
    (kept.path / "report.html").write_text("better", encoding="utf-8")
    (kept.path / "done.jsonl").write_text("{}\n", encoding="utf-8")
    seal_folder(kept.path, FolderFacts("rollback", "ROLLED BACK", by=("ben",)), ("done.jsonl",))
    assert message_of(kept.path, "Files") == "Changed since: report.html (changed)"
    assert outcomes_of(kept.path) == {**AS_WRITTEN, "Files": "FAIL"}
    assert read_manifest(kept.path)[0].by == ("jane", "ben")


def test_a_link_without_end_is_no_folder_of_evidence(tmp_path: Path) -> None:
    (tmp_path / "endless").symlink_to("endless")
    done = run_in_process("evidence", "verify", tmp_path / "endless")
    assert (done.code, done.err.startswith("Evidence error:")) == (2, True)
