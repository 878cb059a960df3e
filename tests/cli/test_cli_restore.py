"""recon rollback restore and rehearse on the command line: what they print and write, and their exit codes."""

from __future__ import annotations

import importlib
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

import pytest
from restores import Restores
from support import CHECKOUT, Finished, run_in_process

if TYPE_CHECKING:
    from recon.demo import DemoPaths

GUIDE = CHECKOUT / "docs" / "recovery.md"
EDIT = 'delete from "EventRegistration"'


@pytest.fixture
def own(clean: DemoPaths, tmp_path: Path) -> Restores:
    """A club in a SQLite file with a backup, all of whose registrations are gone."""
    file = Path(copyfile(clean.database, tmp_path / "club.db"))
    made = Restores.of(file.name, str(file), tmp_path)
    made.run(EDIT)
    return made


def rollback(own: Restores, verb: str, *arguments: object) -> Finished:
    return run_in_process("rollback", verb, *arguments, LOGNAME="jane", **own.environment)


def test_a_backup_is_planned_put_in_place_and_taken_back(own: Restores) -> None:
    outputs = own.folder / "outputs"
    rehearsed = rollback(own, "rehearse", own.backup, "--outputs", outputs)
    assert (rehearsed.code, "not played: no run is named" in rehearsed.out) == (0, True)
    planned = rollback(own, "restore", own.backup, "--outputs", outputs)
    assert (planned.code, planned.err) == (0, "")
    assert "EventRegistration: another number of rows: 0 rows now, 150 in the backup" in planned.out
    assert "Rehearsed 0 minutes ago on a scratch database with 457 rows: Level 1 was not played" in planned.out
    assert "PLANNED: puts 457 rows of 8 tables in the place of what is there; 1 table differs" in planned.out
    (line,) = (line for line in planned.out.splitlines() if "recon rollback apply" in line)
    folder = line.rpartition(" ")[2]
    for arguments, words in {(): "not applied unasked", ("--yes", "club"): "not the database of this plan"}.items():
        done = rollback(own, "apply", folder, *arguments)
        assert (done.code, words in done.err) == (2, True)
    assert own.run('select count(*) from "EventRegistration"') == [(0,)]
    done = rollback(own, "apply", folder, "--yes", "club.db")
    assert (done.code, done.out.splitlines()[-2]) == (0, "  RESTORED")
    assert "nobody else could use the database for" in done.out
    assert (Path(folder) / "report.html").exists()
    assert "Restore of club.db" in (outputs / "site" / "index.html").read_text(encoding="utf-8")
    done = rollback(own, "revert", folder, "--yes", "club.db")
    assert (done.code, done.out.splitlines()[-2]) == (0, "  REVERTED")
    assert own.run('select count(*) from "EventRegistration"') == [(0,)]


def test_a_plan_that_was_edited_is_refused(own: Restores) -> None:
    planned = own.plan()
    file = planned.folder / "plan.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"rows":457', '"rows":458'), encoding="utf-8")
    done = rollback(own, "apply", planned.folder, "--yes", "club.db")
    assert (done.code, "The plan was edited after it was made" in done.err) == (2, True)


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_output_is_that_of_this_version() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert importlib.import_module("recovery_output").with_output(text) == text
