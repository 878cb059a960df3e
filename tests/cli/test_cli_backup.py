"""recon backup on the command line: what it prints, what it writes, and its exit codes."""

from __future__ import annotations

import importlib
import json
import sqlite3
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import CHECKOUT, run_in_process, run_program

import recon

if TYPE_CHECKING:
    from made_backups import MadeBackup

GUIDE = CHECKOUT / "docs" / "backups.md"


@pytest.fixture
def club_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    with sqlite3.connect(tmp_path / "club.db") as database:
        database.execute("create table t as select 1 as a, 'jane@example.org' as b")
    return tmp_path / "club.db"


def test_a_backup_is_made_checked_and_tested(club_file: Path) -> None:
    assert run_in_process("backup", "check", DATABASE_URL=str(club_file)).code == 1
    made = run_in_process("backup", "create", DATABASE_URL=str(club_file))
    assert (made.code, made.err) == (0, "")
    (folder,) = Path("backups").iterdir()
    assert made.out.splitlines()[0] == f"Made a backup: {folder}"
    checked = run_in_process("backup", "check", "--database", club_file, "-f", "json", "-o", "report.json")
    assert (checked.code, checked.err) == (0, "")
    assert "Backup Check PASSED" in checked.out
    report = json.loads(Path("report.json").read_text(encoding="utf-8"))
    assert report["kind"] == "backup-check"
    assert run_in_process("backup", "test", folder, DATABASE_URL=str(club_file)).code == 0
    assert run_in_process("backup", "test", folder).code == 0
    (folder / "database.sqlite").write_bytes(b"")
    failed = run_in_process("backup", "test", folder, DATABASE_URL=str(club_file))
    assert (failed.code, "[FAIL] Files: database.sqlite: another length" in failed.out) == (1, True)


def test_an_old_backup_fails_by_its_age(club_file: Path) -> None:
    run_in_process("backup", "create", DATABASE_URL=str(club_file))
    done = run_in_process("backup", "check", "--max-age", "0.000001", DATABASE_URL=str(club_file))
    assert (done.code, "[FAIL] How Old It Is" in done.out) == (1, True)


def test_a_recorded_snapshot_warns_and_may_fail(tmp_path: Path) -> None:
    place = ("--backups", tmp_path)
    named = ("--provider", "AWS RDS", "--snapshot", "rds:club", "--taken-at", "2024-01-15T14:30:00+02:00")
    done = run_in_process("backup", "record", *named, *place)
    assert (done.code, done.out) == (0, f"Recorded, not proven: {tmp_path}/20240115T123000Z-AWS-RDS-rds-club\n")
    check = ("backup", "check", *place, "--max-age", "1000000")
    warned = run_in_process(*check)
    assert warned.code == 0
    assert "[WARN] Recorded Snapshot: Recorded, not proven: snapshot rds:club at AWS RDS" in warned.out
    assert "Exit code" not in warned.out
    failed = run_in_process(*check, "--fail-on", "warning")
    assert failed.code == 1
    assert "  Exit code 1: 1 warning, which --fail-on warning counts as a failure\n" in failed.out


@pytest.mark.parametrize(
    "taken_at, words",
    [
        ("yesterday", "The time cannot be read"),
        ("2024-01-15T14:30:00", "The time has no offset"),
        ("2999-01-01T00:00:00Z", "The snapshot is from the future"),
    ],
)
def test_a_time_that_is_none_is_refused(taken_at: str, words: str, tmp_path: Path) -> None:
    named = ("--provider", "p", "--snapshot", "s", "--taken-at", taken_at, "--backups", tmp_path / "backups")
    done = run_in_process("backup", "record", *named)
    assert (done.code, words in done.err) == (2, True)
    assert not (tmp_path / "backups").exists()


def test_nothing_is_made_where_no_database_is_named_or_a_password_is(tmp_path: Path) -> None:
    assert run_in_process("backup", "create", "--backups", tmp_path / "b").code == 2
    url = "postgresql://u:verysecret@localhost/club"
    done = run_in_process("backup", "create", "--database", url, "--backups", tmp_path / "b")
    assert done.code == 2
    assert "verysecret" not in done.err
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_an_interrupt_ends_the_restore_and_drops_its_database(made: MadeBackup, signal: str, tmp_path: Path) -> None:
    pg_bin = tmp_path / "bin"
    pg_bin.mkdir()
    interrupt = f'case "$*" in *--dbname*) kill -{signal} $PPID; exec sleep 600;; esac'
    script = f'#!/bin/sh\n{interrupt}\nexec {made.binaries}/pg_restore "$@"\n'
    (pg_bin / "pg_restore").write_text(script, encoding="utf-8")
    (pg_bin / "pg_restore").chmod(0o755)
    done = run_program(
        (str(Path(sys.executable).with_name("recon")), "backup", "test"),
        made.folder,
        "--pg-bin",
        pg_bin,
        DATABASE_URL=made.url,
    )
    assert done.code == 130
    again = recon.test_backup(made.options(made.folder.parent, environment={"DATABASE_URL": made.url}))
    assert again.verdict == "PASSED"
    assert "Left alone" not in {fact.label for part in again.parts for fact in part.facts}


@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_output_is_that_of_this_version() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert text.count("[PASS]") == 10
    assert importlib.import_module("backups_output").with_output(text) == text
