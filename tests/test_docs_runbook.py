"""The runbook: its tables and output are generated, and a night is played by its commands, in its order."""

from __future__ import annotations

import importlib
import os
import re
import shlex
import shutil
import sqlite3
import subprocess
import sys
from contextlib import chdir, closing
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from support import CHECKOUT, Finished, run_in_process
from wild_apricot import stand_in

from recon.demo import generate, write_bundle, write_exports
from recon.report.markdown import SECTIONS

PAGE = CHECKOUT / "docs" / "runbook.md"
TEXT = PAGE.read_text(encoding="utf-8")
RUN_ID = "run-20240115-143000"
TITLES = [
    "Production Migration Runbook",
    "Table of Contents",
    "1. Pre-Migration Preparation",
    "1.1 Checklist",
    "1.2 Environment Verification",
    "2. Migration Execution",
    "2.1 Recommended Flow",
    "3. Post-Migration Verification",
    "3.1 When to Run Verification",
    "3.2 Running the Verification Tool",
    "3.3 What Success Looks Like",
    "3.4 What Failures Mean",
    "3.5 Interpreting the Report",
    "3.6 Common Verification Issues",
    "3.7 When to Escalate",
    "4. Rollback Procedures",
    "4.1 Quick Reference",
    "5. Escalation Paths",
    "Appendix: Verification Tool Reference",
    "Command Line Options",
    "Exit Codes",
    "Required Bundle Structure",
]
# Of the tables of the runbook that operators have known, a row each.
OF_THE_RUNBOOK = (
    "| Tier Distribution | All in one tier | Verify tier mapping config |",
    "[FAIL] Member Count: Member count mismatch: expected 2147, got 2100 (diff: 47)",
    "[WARN] Tier Coverage: Low tier coverage: 85.0% - 322 members without tier",
    "[WARN] Tier Distribution: Warning: All members in tier 'GENERAL' - verify mapping",
    "- Orphaned Registrations: Data integrity issue (orphaned registrations)",
    "| Database corruption | Level 2 rollback (restore backup) |",
    "| Data loss | Incident response | Critical |",
    "| `--format` | `-f` | Output format",
    "| 1 | One or more checks failed |",
)
# Characters of a line in a block that fit A4.
WIDEST = 92
# The night's database is a file of this machine: that it is not production is all that fails.
NOT_PRODUCTION = "[FAIL] Environment: localhost, and production was meant: file club.db"
LOST = "[FAIL] Member Count: Member count mismatch: expected 60, got 57 (diff: 3)"
# Every command on the page, in its order: how it begins, its exit code, and what it prints.
PLAYED = [
    ("recon preflight people", 1, "- [ ] Backup created and verified: open"),
    ("export DATABASE_URL=", 0, ""),
    ("export WA_API_KEY=", 0, ""),
    ("export WA_ACCOUNT_ID=", 0, ""),
    ("recon preflight environment", 1, NOT_PRODUCTION),
    ("recon preflight source", 0, "Preflight PASSED"),
    ("recon migrate", 1, NOT_PRODUCTION),
    ("recon status", 0, "Open: at step Environment"),
    ("recon migrate --resume", 1, NOT_PRODUCTION),
    ("recon migrate --abandon", 0, "Abandoned: outputs/"),
    ("recon preflight environment source", 1, NOT_PRODUCTION),
    ("recon signoff", 0, "[x] Maintenance window scheduled (if applicable): Open for another"),
    ("python docs/examples/importer", 0, "Dry run complete"),
    ("recon preflight policies", 0, "Preflight PASSED"),
    ("recon review", 0, "Dry-Run Review PASSED"),
    ("recon backup create", 0, "Made a backup: backups/"),
    ("recon backup test", 0, "Backup Test PASSED"),
    ("recon rollback rehearse", 0, "Rehearsal of the Rollback PASSED"),
    ("recon preflight", 1, NOT_PRODUCTION),
    ("python docs/examples/importer", 0, f"Import complete: run {RUN_ID}"),
    ("recon run", 0, "- Notify: Board, webmaster"),
    ("recon verify", 0, "Report written to: ./verification-report.md"),
    ("recon verify", 0, "Report written to: ./verification-report.json"),
    ("recon verify", 0, "Verification PASSED"),
    ("recon run", 1, LOST),
    ("recon show", 0, "Member count mismatch: expected 60, got 57 (diff: 3)"),
    ("recon checks", 0, "Compare bundle vs DB, check for errors"),
    ("recon show", 0, "3 rows\n"),
    ("recon show", 0, "None.\n"),
    ("recon show", 0, "None.\n"),
    ("recon show", 0, "11 rows\n"),
    ("recon show", 0, "10 rows\n"),
    ("recon rollback plan", 0, "PLANNED: deletes 441 rows of 4 tables"),
    ("ssh-keygen", 0, ""),
    ("recon rollback apply", 0, "\n  ROLLED BACK\n"),
    ("recon verify", 1, "Next step: The run was rolled back"),
    ("recon rollback revert", 0, "\n  REVERTED\n"),
    ("recon rollback plan", 0, "PLANNED: deletes 438 rows of 4 tables, keeps 3 rows of the run"),
    ("recon backup check", 0, "Backup Check PASSED"),
    ("recon rollback restore", 0, "EventRegistration: another number of rows: 150 rows now, 0 in the backup"),
    ("ssh-keygen", 0, ""),
    ("recon rollback apply", 0, "\n  RESTORED\n"),
    ("recon rollback revert", 0, "\n  REVERTED\n"),
]
# What goes wrong before the first command that finds it.
LOSSES = """
delete from "Member" where id in
    (select id from "Member" where id not in (select "memberId" from "EventRegistration") order by id limit 3);
update "Member" set "membershipTierId" = null where id in
    (select id from "Member" where "membershipTierId" is not null order by id limit 10);
"""


class Keyboard(StringIO):
    """What a person types on a terminal."""

    def isatty(self) -> bool:
        return True


def fences() -> list[tuple[str, str]]:
    """Language and content of every block on the page."""
    return re.findall(r"^```(.*)\n((?s:.*?))^```$", TEXT, flags=re.MULTILINE)


def commands() -> list[str]:
    """The page's commands, each on one line."""
    blocks = [re.sub(r"\\\n *", "", content) for language, content in fences() if language == "bash"]
    lines = [line for block in blocks for line in block.splitlines()]
    return [line for line in lines if shlex.split(line, comments=True)]


class Night:
    """A folder with what an operator has before a migration, in which the commands are played."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        binaries = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = environment | {"PATH": binaries, "HOME": str(folder), "DATABASE_URL": "club.db"}

    def prepare(self) -> None:
        """Write exports, settings, an empty database, and the key of the colleague who approves a rollback."""
        club = generate(7, members=60, events=12, registrations=150)
        made = write_bundle(club, self.folder / "made")
        write_exports(club, made)
        (self.folder / "exports").mkdir()
        for file in made.iterdir():
            file.rename(self.folder / ("exports" if file.suffix == ".csv" else ".") / file.name)
        (self.folder / "migration-report.json").unlink()
        (self.folder / "docs").symlink_to(CHECKOUT / "docs")
        importer = "python docs/examples/importer --exports exports --database club.db --bundle none"
        assert self.shell(f"{importer} --create-tables --fault fail").code == 1
        (self.folder / ".ssh").mkdir()
        assert self.shell("ssh-keygen -q -t ed25519 -N '' -C '' -f .ssh/id_ed25519").code == 0
        public = (self.folder / ".ssh" / "id_ed25519.pub").read_text(encoding="utf-8")
        (self.folder / "approvers").write_text(f"john@example.org {public}", encoding="utf-8")

    def play(self, line: str, keyboard: pytest.MonkeyPatch) -> Finished:
        """Run one command, with tonight's times in the place of the page's."""
        tonight = self.tonight(line)
        program, *words = shlex.split(tonight, comments=True)
        if program == "export":
            assert words[0].partition("=")[0] in self.environment
            return Finished(0, "", "")
        if program != "recon":
            return self.shell(tonight)
        typed = {"review": "y\n", "rollback": f"{RUN_ID}\n"}.get(words[0], "")
        keyboard.setattr(sys, "stdin", Keyboard(typed))
        with chdir(self.folder):
            return run_in_process(*words, **self.environment)

    def tonight(self, line: str) -> str:
        now = datetime.now(UTC)
        start, end = (f"{now + timedelta(hours=hours):%Y-%m-%d %H:%M}" for hours in (-1, 1))
        line = re.sub(r'--window "[^"]+"', f'--window "{start}/{end} UTC"', line)
        return re.sub(r"(outputs|backups)/\d{8}T\d{6}Z-([\w.-]+)", lambda found: self.newest(*found.groups()), line)

    def newest(self, parent: str, name: str) -> str:
        # The second of a second has a number at its end.
        found = (self.folder / parent).glob(f"{'[0-9]' * 8}T{'[0-9]' * 6}Z-{name}*")
        return str(max(found, key=lambda folder: folder.stat().st_mtime_ns).relative_to(self.folder))

    def shell(self, line: str) -> Finished:
        done = subprocess.run(
            ["sh", "-c", line],
            cwd=self.folder,
            env=os.environ | self.environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
        return Finished(done.returncode, done.stdout, done.stderr)


def lose(database: Path) -> None:
    """What went wrong that night."""
    with closing(sqlite3.connect(database)) as connection:
        connection.executescript(LOSSES)


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_every_command_on_the_page_does_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = commands()
    begun = [command[: len(start)] for command, (start, _, _) in zip(found, PLAYED, strict=False)]
    assert (begun, len(found)) == ([start for start, _, _ in PLAYED], len(PLAYED))
    with stand_in() as club:
        night = Night(tmp_path, club.environment)
        night.prepare()
        for command, (_, code, words) in zip(found, PLAYED, strict=True):
            if words == LOST:
                lose(tmp_path / "club.db")
            done = night.play(command, monkeypatch)
            assert (command, done.code, words in done.out) == (command, code, True), done.out + done.err
            if words == NOT_PRODUCTION:
                assert re.findall(r"\[(?:FAIL|ERROR)\] \S.*", done.out) == [NOT_PRODUCTION]


def test_a_command_in_a_sentence_is_one_of_those_that_are_played() -> None:
    named = re.findall(r"`(recon [^`]+)`", TEXT)
    assert named
    assert [name for name in named if not any(line.startswith(name) for line in commands())] == []


def test_a_block_is_played_or_generated() -> None:
    generated = re.findall(r"<!-- begin: [\w-]+ -->\n```\n(.*?)```\n<!-- end", TEXT, flags=re.DOTALL)
    others = [content for language, content in fences() if language != "bash"]
    assert others == generated
    assert len(generated) == 5


@pytest.mark.usefixtures("pages_in_process")
def test_tables_and_output_are_those_of_this_version() -> None:
    assert TEXT.count("<!-- begin: ") == 16
    assert all(words in TEXT for words in OF_THE_RUNBOOK)
    assert importlib.import_module("runbook_output").with_output(TEXT) == TEXT


def test_the_sections_are_those_of_the_runbook() -> None:
    prose = re.sub(r"^```.*?^```$", "", TEXT, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^#{1,3} (.+)$", prose, flags=re.MULTILINE) == TITLES


def test_the_reports_sections_are_explained() -> None:
    table = TEXT.partition("| Section | Purpose |\n")[2].partition("\n\n")[0]
    assert re.findall(r"^\| ([\w ]+) \|", table, flags=re.MULTILINE) == list(SECTIONS)


def test_the_page_fits_the_paper() -> None:
    lines = [line for _, content in fences() for line in content.splitlines()]
    assert len(lines) > 100
    assert [line for line in lines if len(line) > WIDEST] == []
