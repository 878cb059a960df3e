from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from migrated_databases import migrate
from rowing import PROFILE, rowing_sqlite
from support import run_in_process

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return rowing_sqlite(tmp_path)


def test_init_writes_a_draft_that_check_can_read(database: Path, tmp_path: Path) -> None:
    draft = tmp_path / "draft.toml"
    written = run_in_process("profile", "init", "--database", database, "-o", draft)
    checked = run_in_process("profile", "check", "--database", database, "--profile", draft)
    assert (written.code, written.err) == (0, "")
    assert written.out.startswith(f"Wrote a first draft: {draft}\n")
    assert (checked.code, checked.err) == (1, "")
    assert "15 of 18 checks can be evaluated" in checked.out


def test_init_prints_the_draft(database: Path, tmp_path: Path) -> None:
    done = run_in_process("profile", "init", "--database", database, "--output", "-")
    assert (done.code, done.err) == (0, "")
    assert tomllib.loads(done.out)["tables"]["members"]["table"] == "contacts"
    assert [path.name for path in tmp_path.iterdir()] == ["rowing.db"]


def test_init_replaces_a_file_only_when_asked(database: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text("mine", encoding="utf-8")
    refused = run_in_process("profile", "init", "--database", database, "-o", mine)
    kept = mine.read_text(encoding="utf-8")
    forced = run_in_process("profile", "init", "--database", database, "-o", mine, "--force")
    assert (refused.code, refused.err.count("\n"), kept) == (2, 1, "mine")
    assert refused.err.startswith("Output error: The draft would replace a file")
    assert "--force" in refused.err
    assert forced.code == 0
    assert mine.read_text(encoding="utf-8").startswith("# First draft")


def test_init_reports_a_folder_that_cannot_be_before_it_connects(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    done = run_in_process("profile", "init", "--database", "none.db", "-o", tmp_path / "file" / "x.toml")
    assert done.code == 2
    assert "folder cannot be made" in done.err


def test_check_ends_with_0_when_every_check_can_be_evaluated(database: Path) -> None:
    done = run_in_process("profile", "check", "--database", database, "--profile", PROFILE)
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("18 of 18 checks can be evaluated\n")
    assert "\x1b" not in done.out


def test_check_takes_the_built_in_profile(demo: DemoPaths) -> None:
    done = run_in_process("profile", "check", "--database", demo.database)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("Profile:  murmurant\n")


def test_check_says_why_verify_will_refuse(database: Path) -> None:
    done = run_in_process("profile", "check", "--database", database)
    assert (done.code, done.err) == (1, "")
    assert "0 of 18 checks can be evaluated" in done.out
    assert "recon verify will refuse: The database has no table 'Member'" in done.out


@pytest.mark.parametrize("command", ["init", "check"])
def test_a_database_that_cannot_be_opened_ends_with_2(command: str, tmp_path: Path) -> None:
    output = ["-o", str(tmp_path / "x.toml")] if command == "init" else []
    done = run_in_process("profile", command, "--database", tmp_path / "none.db", *output)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith("Database error: ")
    assert list(tmp_path.iterdir()) == []


def test_a_wrong_profile_ends_with_2_in_one_line(database: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('nmae = "x"\n', encoding="utf-8")
    done = run_in_process("profile", "check", "--database", database, "--profile", own)
    assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
    assert "Did you mean 'name'?" in done.err


@pytest.mark.parametrize("command", ["init", "check"])
def test_a_password_reaches_no_output(command: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    url = migrate("postgresql", demo, request).address
    password = urlsplit(url).password
    assert password
    output = ["-o", "-"] if command == "init" else []
    done = run_in_process("profile", command, *output, DATABASE_URL=url)
    assert done.code == 0, done.err
    assert password not in done.out + done.err


def test_an_unknown_subcommand_is_reported_with_the_known_ones() -> None:
    done = run_in_process("profile", "draw")
    assert done.code == 2
    assert "init, check" in done.err or "check, init" in done.err
