"""Level 2 in SQLite and DuckDB: the backup takes the file's name in one step, or nothing changes."""

from __future__ import annotations

import fcntl
import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from hashlib import sha256
from itertools import count
from pathlib import Path
from shutil import copyfile
from typing import TYPE_CHECKING

import duckdb
import pytest
from made_backups import flipped
from restores import AtSteps, Restores
from rollbacks import make_migrated
from support import names_in

import recon
from recon.demo import write_sqlite
from recon.errors import RollbackError

if TYPE_CHECKING:
    from recon.demo import Club

KINDS = ("sqlite", "duckdb")
EDITS = (
    'delete from "EventRegistration" where id in (select id from "EventRegistration" order by id limit 7)',
    """update "Member" set phone = '1', "updatedAt" = '2099-01-01 00:00:00'
       where id in (select id from "Member" order by id limit 3)""",
    'create table "Newer" (id integer)',
)
# What another program does that has the file open: it says so, and waits to be ended.
HOLDERS = {
    ".db": "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\nc.execute('pragma user_version').fetchall()",
    ".duckdb": "import duckdb, sys\nc = duckdb.connect(sys.argv[1])",
}


@pytest.fixture(scope="module")
def files(club: Club, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A club in a file of each kind, for tests to copy."""
    folder = tmp_path_factory.mktemp("files")
    file = write_sqlite(club, folder / "club.db")
    return {"sqlite": file, "duckdb": as_duckdb(file)}


@pytest.fixture(params=[kind if kind == "sqlite" else pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS])
def own(request: pytest.FixtureRequest, files: dict[str, Path], tmp_path: Path) -> Restores:
    """A club in a file with a backup of it, edited since."""
    return club_in_file(files[request.param], tmp_path)


@pytest.fixture
def in_sqlite(files: dict[str, Path], tmp_path: Path) -> Restores:
    return club_in_file(files["sqlite"], tmp_path)


def club_in_file(template: Path, folder: Path) -> Restores:
    (folder / "data").mkdir()
    file = Path(copyfile(template, folder / "data" / template.name))
    made = Restores.of(file.name, str(file), folder)
    made.run(*EDITS)
    return made


def as_duckdb(file: Path) -> Path:
    """The same tables in a DuckDB file."""
    target = file.with_name("club.duckdb")
    with closing(sqlite3.connect(file)) as source, closing(duckdb.connect(str(target))) as connection:
        for (name,) in source.execute("select name from sqlite_master where type = 'table'").fetchall():
            found = source.execute(f'select * from "{name}"')
            columns = [column for column, *_ in found.description]
            typed = ", ".join(f'"{c}" {"timestamp" if c in ("createdAt", "updatedAt") else "varchar"}' for c in columns)
            connection.execute(f'create table "{name}" ({typed})')
            if rows := found.fetchall():
                marks = ", ".join("?" * len(columns))
                connection.executemany(f'insert into "{name}" values ({marks})', rows)
    return target


@pytest.mark.parametrize("own", KINDS, indirect=True)
def test_a_backup_is_put_in_place_and_reverted(own: Restores) -> None:
    file = Path(own.url)
    file.chmod(0o640)
    edited = own.rows()
    planned = own.plan()
    lost = {each.table.rpartition(".")[2].strip('"'): each for each in planned.plan.lost}
    assert {*lost} == {"EventRegistration", "Member", "Newer"}
    assert (lost["Member"].created, lost["Member"].edited) == (0, 3)
    assert "is gone afterwards" in (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert own.rows() == edited
    applied = own.apply(planned)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert (applied.words, applied.was_done) == ("RESTORED", False)
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]
    assert (file.stat().st_mode & 0o777, names_in(file.parent)) == (0o640, [file.name])
    assert own.apply(planned).was_done
    reverted = own.revert(planned)
    assert (reverted.words, reverted.was_done) == ("REVERTED", False)
    assert own.rows() == edited
    assert own.revert(planned).was_done


def test_a_write_ahead_log_comes_and_stays(in_sqlite: Restores) -> None:
    own = in_sqlite
    own.run("pragma journal_mode = wal", EDITS[0])
    own.apply(own.plan())
    assert own.run("pragma journal_mode") == [("wal",)]
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]


def test_a_link_to_the_file_stays_a_link(in_sqlite: Restores, tmp_path: Path) -> None:
    own = in_sqlite
    link = tmp_path / "link.db"
    link.symlink_to(own.url)
    environment = {"DATABASE_URL": str(link)}
    planned = own.plan(environment=environment)
    assert own.apply(planned, environment=environment, run_id="link.db").words == "RESTORED"
    assert link.is_symlink()
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]


def test_a_file_that_another_program_has_open_is_left_alone(own: Restores) -> None:
    planned = own.plan()
    script = HOLDERS[Path(own.url).suffix] + "\nprint('open', flush=True); sys.stdin.read()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script, own.url], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "open\n"
        with pytest.raises(recon.ReconError, match=r"open|lock"):
            own.apply(planned)
    finally:
        holder.communicate("")
    assert own.run('select count(*) from "EventRegistration"') == [(143,)]
    assert own.apply(planned).words == "RESTORED"


def test_a_transaction_of_this_very_process_is_not_waited_for(in_sqlite: Restores) -> None:
    own = in_sqlite
    planned = own.plan()
    with closing(sqlite3.connect(own.url, isolation_level=None)) as reader:
        reader.execute("begin")
        reader.execute('select count(*) from "Member"').fetchall()
        with pytest.raises(RollbackError, match=r"Another program has the database open .nothing was changed."):
            own.apply(planned)
    assert own.run('select count(*) from "EventRegistration"') == [(143,)]


def test_what_was_written_since_the_plan_is_not_lost(own: Restores) -> None:
    planned = own.plan()
    own.run('delete from "WaIdMapping"')
    own.refused(planned, "more was written since it was made", "WaIdMapping")

    def write(title: str) -> None:
        if title == "Holding the database":
            own.run('delete from "EventRegistration"')

    planned = own.plan()
    with pytest.raises(RollbackError, match="written since the present state was backed up"):
        own.apply(planned, at_step=write)
    assert own.run('select count(*) from "EventRegistration"') == [(0,)]
    assert names_in(Path(own.url).parent) == [Path(own.url).name]


def test_an_edit_after_a_restore_is_not_lost_by_a_revert(in_sqlite: Restores) -> None:
    own = in_sqlite
    planned = own.plan()
    with pytest.raises(RollbackError, match="was not applied to this database"):
        own.revert(planned)
    own.apply(planned)
    own.run(EDITS[1])
    before = own.rows()
    with pytest.raises(RollbackError, match=r"since the backup was put in place.* rollback restore .*/before/"):
        own.revert(planned)
    assert own.rows() == before


def test_an_audit_row_that_is_refused_keeps_the_backup_out(in_sqlite: Restores) -> None:
    own = in_sqlite
    own.run("""create trigger no_rows before insert on "AuditLog" begin select raise(abort, 'sealed'); end""")
    own.back_up()
    own.run(EDITS[0])
    own.refused(own.plan(), "audit row cannot be written", "sealed")


def test_a_damaged_file_is_kept_as_it_is_and_replaced(own: Restores) -> None:
    file = Path(own.url)
    data = bytearray(file.read_bytes())
    data[2000 : len(data) - 5000] = bytes(len(data) - 7000)
    file.write_bytes(data)
    if own.url.endswith(".db"):
        file.with_name("club.db-wal").write_bytes(b"left behind")
    planned = own.plan()
    assert planned.plan.present is None
    assert "not known" in (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert own.apply(planned).words == "RESTORED"
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]
    assert (planned.folder / "before-damaged" / file.name).read_bytes() == data
    assert names_in(file.parent) == [file.name]
    with pytest.raises(RollbackError, match="cannot be brought back"):
        own.revert(planned)


def test_a_full_disk_leaves_the_file_as_it_was(in_sqlite: Restores, monkeypatch: pytest.MonkeyPatch) -> None:
    own = in_sqlite
    planned = own.plan()
    before = own.rows()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    def fill(title: str) -> None:
        if title == "Copying the backup beside the database":
            monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(recon.ReconError, match="no room left"):
        own.apply(planned, at_step=fill)
    monkeypatch.undo()
    assert own.rows() == before
    assert names_in(Path(own.url).parent) == [Path(own.url).name]


def test_a_backup_that_is_damaged_or_of_another_file_is_refused(own: Restores, tmp_path: Path) -> None:
    planned = own.plan()
    copy = own.copied_backup(tmp_path)
    (data,) = (path for path in copy.iterdir() if path.suffix != ".json")
    flipped(data, 8 * 6000)
    with pytest.raises(RollbackError, match="other bytes"):
        own.plan(backup=copy)
    other = Path(own.url).with_name(f"other-{Path(own.url).name}")
    other.write_bytes(Path(own.url).read_bytes())
    with pytest.raises(RollbackError, match="Other database"):
        own.plan(environment={"DATABASE_URL": str(other)})
    with pytest.raises(RollbackError, match="of another database"):
        own.apply(planned, run_id=own.name, environment={"DATABASE_URL": str(other)})


def test_a_rehearsal_leaves_the_file_alone(in_sqlite: Restores, tmp_path: Path) -> None:
    own = in_sqlite
    before = Path(own.url).read_bytes()
    played = own.rehearse(outputs=tmp_path / "rehearsed")
    assert [check.outcome for check in played.assessment.checks] == ["PASS", "PASS"]
    assert Path(own.url).read_bytes() == before
    planned = own.plan(outputs=tmp_path / "rehearsed")
    assert planned.plan.rehearsed is not None
    assert planned.plan.rehearsed.rows == 457


def test_the_functions_of_the_other_level_say_so(in_sqlite: Restores, tmp_path: Path) -> None:
    own = in_sqlite
    planned = own.plan()
    with pytest.raises(RollbackError, match=r"a plan of Level 2, which restores a backup.*recon\.apply_restore"):
        recon.apply_rollback(own.applying(planned, {}))
    with pytest.raises(RollbackError, match=r"a plan of Level 2.*recon\.revert_restore"):
        recon.revert_rollback(own.applying(planned, {}))
    other = tmp_path / "plan.json"
    text = b'{"schemaVersion":"1.0"}'
    other.write_bytes(b'{"plan":%s,"sha256":"%s"}' % (text, sha256(text).hexdigest().encode()))
    with pytest.raises(RollbackError, match=r"a plan of Level 1, which undoes a run.*recon\.apply_rollback"):
        own.apply(planned, plan=other)


@pytest.mark.parametrize(
    "kind", ["sqlite", *(pytest.param(kind, marks=pytest.mark.soak) for kind in ("postgresql", "mysql"))]
)
def test_both_levels_are_rehearsed_and_named_by_both_plans(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    migrated = make_migrated(kind, tmp_path, request)
    pg_bin = request.getfixturevalue("cluster").binaries if kind == "postgresql" else None
    environment, before = migrated.environment, migrated.imported.everything()
    backup = recon.create_backup(recon.BackupOptions(backups=tmp_path, pg_bin=pg_bin, environment=environment)).folder
    options = recon.RehearsalOptions(
        backup, migrated.bundle, outputs=migrated.outputs, pg_bin=pg_bin, environment=environment
    )
    played = recon.rehearse_rollback(options)
    assert [(check.outcome, check.name) for check in played.assessment.checks] == [
        ("PASS", "Scratch Database"),
        ("PASS", "Level 1"),
        ("PASS", "Level 2"),
    ]
    assert migrated.imported.everything() == before
    planned = migrated.plan()
    assert any(
        "Level 1 took" in notice and f"for {planned.plan.rows} rows" in notice for notice in planned.plan.notices
    )


def test_what_was_left_beside_the_file_is_removed_unless_somebody_holds_it(own: Restores) -> None:
    file = Path(own.url)
    beside = [file.with_name(f".{file.name}.recon-{name}") for name in ("0" * 16, "1" * 16, "mine", "2" * 16 + "-wal")]
    for each in beside:
        each.write_bytes(b"left")
    left, held, *others = beside
    left.with_name(f"{left.name}-wal").write_bytes(b"left")
    notes: list[str] = []
    planned = own.plan()
    with held.open("rb") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        applied = recon.apply_restore(own.applying(planned, {}), AtSteps(lambda _: None, notes.append))
    assert applied.words == "RESTORED"
    assert [note for note in notes if "Removed" in note] == [f"Removed: {left.name}: left by one that was killed"]
    assert names_in(file.parent) == sorted(path.name for path in (file, held, *others))


@pytest.mark.soak
def test_what_is_killed_at_any_step_leaves_all_or_nothing(own: Restores) -> None:
    planned = own.plan()
    for verb in ("apply", "revert"):
        before, steps = own.rows(), list[str]()
        for step in count(1):
            assert own.rows() == before, steps[-1:]
            steps = own.killed(planned, verb, step)
            if len(steps) < step:
                break
        assert {"Holding the database", "Renaming"} < {*steps}
        assert own.rows() != before
        # What those that were killed had left beside it, the next one removed.
        assert names_in(Path(own.url).parent) == [Path(own.url).name]
