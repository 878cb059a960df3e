"""Rows that a backup or an earlier run had: whether they are still there."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from conftest import copied
from support import check_of, run_in_process, verify

import recon
from recon.backup.contents import TableContent
from recon.backup.manifest import BackupManifest, write_manifest
from recon.errors import BackupError, UsageError
from recon.model import Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

CHECK = "earlier_rows"
OLD, SINCE = "2023-11-02 09:00:00.000", datetime(2024, 1, 14, 22, tzinfo=UTC)


def execute(database: Path, sql: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.executescript(sql)


def count(database: Path, table: str) -> int:
    with closing(sqlite3.connect(database)) as connection:
        (rows,) = connection.execute(f'select count(*) from "{table}"').fetchone()
    return int(rows)


def add_older_events(database: Path, number: int) -> None:
    """Add events from before the run, which no record names."""
    with closing(sqlite3.connect(database)) as connection, connection:
        found = connection.execute('select * from "Event" limit 1')
        names = [column[0] for column in found.description]
        row = dict(zip(names, found.fetchone(), strict=True))
        for i in range(number):
            older = row | {"id": f"00000000-0000-4000-8000-{i:012}", "createdAt": OLD, "updatedAt": OLD}
            marks = ", ".join("?" for _ in names)
            connection.execute(f'insert into "Event" values ({marks})', [older[name] for name in names])


def backup_of(database: Path, folder: Path, tables: dict[str, int], taken_at: datetime = SINCE) -> Path:
    """The folder of a backup whose manifest names these numbers of rows."""
    folder.mkdir()
    contents = {name: TableContent(rows, "0" * 64, ("id",)) for name, rows in tables.items()}
    manifest = BackupManifest(
        kind="sqlite",
        database=str(database),
        identity={"path": str(database.resolve())},
        snapshot_at=taken_at,
        created_at=taken_at,
        server="SQLite",
        tool="SQLite",
        guarantee="one instant",
        tables=contents,
        files={},
    )
    write_manifest(folder, manifest)
    return folder


@pytest.fixture(scope="module")
def earlier(clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> tuple[DemoPaths, Path]:
    """A club with three older events, and the folder of a run that kept its snapshot."""
    folder = tmp_path_factory.mktemp("earlier")
    paths = copied(clean, folder)
    add_older_events(paths.database, 3)
    options = recon.VerifyOptions(paths.bundle, str(paths.database))
    done = recon.run(recon.RunOptions(options, folder / "outputs", ("snapshot",)))
    return paths, done.folder.path


def test_every_row_of_a_run_that_is_gone_is_named_and_escalated_as_loss(
    earlier: tuple[DemoPaths, Path], tmp_path: Path
) -> None:
    before, run = earlier
    now = copied(before, tmp_path)
    execute(now.database, "delete from \"Event\" where id like '00000000-0000-4000-%' and id not like '%2'")

    whole, verification = verify(before, baseline=[run]), verify(now, baseline=[run])

    rows = sum(count(before.database, table) for table in ("Member", "Event", "EventRegistration"))
    assert check_of(whole, CHECK).outcome is Outcome.PASS
    assert check_of(whole, CHECK).message == f"Every row that a baseline had is there: {rows} compared"
    check = check_of(verification, CHECK)
    assert (check.outcome, check.message) == (Outcome.FAIL, "Rows that a baseline had are gone: 2 events")
    assert check.violations["target_id"].to_list() == [f"00000000-0000-4000-8000-{i:012}" for i in (0, 1)]
    advice = verification.escalation
    assert [issue.contact for issue in advice.issues] == ["Incident response"]
    assert advice.situation == "Data loss"
    assert "Earlier Rows: Rows that a baseline had are not in the database: 2 events" in advice.reasons
    assert advice.caution == "Do NOT self-remediate integrity failures. Document and escalate."


@pytest.mark.parametrize("taken_at", [SINCE, datetime(2024, 3, 1, tzinfo=UTC)], ids=["before the run", "after it"])
def test_fewer_older_rows_than_a_backup_had_are_a_loss(
    earlier: tuple[DemoPaths, Path], tmp_path: Path, taken_at: datetime
) -> None:
    now = copied(earlier[0], tmp_path)
    had = {"Member": 0, "Event": 3, "EventRegistration": 0}
    if taken_at != SINCE:
        had = {name: count(now.database, name) for name in had}
    backup = backup_of(now.database, tmp_path / "backup", had, taken_at)
    whole = verify(now, baseline=[backup])
    execute(now.database, "delete from \"Event\" where id like '00000000-0000-4000-%1'")

    verification = verify(now, baseline=[backup])

    assert check_of(whole, CHECK).outcome is Outcome.PASS
    check = check_of(verification, CHECK)
    assert check.message == "Rows that a baseline had are gone: 1 event"
    assert check.violations.select("entity", "target_id", "lost_rows").rows() == [("events", None, 1)]
    assert verification.escalation.commands == (f"recon rollback restore {backup} --database {now.database}",)


def test_rows_that_the_run_lost_are_no_loss_of_what_was_there(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    now = copied(earlier[0], tmp_path)
    backup = backup_of(now.database, tmp_path / "backup", {"Member": 0, "Event": 3, "EventRegistration": 0})
    execute(now.database, f'delete from "EventRegistration"; delete from "Event" where "createdAt" <> \'{OLD}\'')

    verification = verify(now, baseline=[backup])

    assert check_of(verification, CHECK).outcome is Outcome.PASS
    assert verification.escalation.situation == "Verification fails, major issues"


def test_what_a_backup_does_not_say_is_not_compared(demo: DemoPaths, tmp_path: Path) -> None:
    names = ("Member", "Event", "EventRegistration")
    rows = {name: count(demo.database, name) for name in names}
    partial = backup_of(demo.database, tmp_path / "partial", {"member": 0, "Event": 0, "event": 1})
    none = backup_of(demo.database, tmp_path / "none", {'"Other Table"': 4})
    two = backup_of(demo.database, tmp_path / "two", {f"{s}.{n}": rows[n] for s in ("a", "b") for n in names})

    found = {path.name: check_of(verify(demo, baseline=[path]), CHECK) for path in (partial, none, two)}

    assert {name: check.outcome for name, check in found.items()} == {
        "partial": Outcome.WARN,
        "none": Outcome.ERROR,
        "two": Outcome.ERROR,
    }
    missing = "registrations of partial (the backup has no table 'EventRegistration')"
    assert found["partial"].message == f"Not compared: {missing}"
    assert "members of two (the backup has 2 tables 'Member')" in found["two"].message


def test_a_run_that_was_rolled_back_may_lack_its_own_rows(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    before, run = earlier
    now = copied(before, tmp_path)
    with closing(sqlite3.connect(now.database)) as connection, connection:
        row = connection.execute('select * from "AuditLog" order by "createdAt" desc limit 1')
        names = [column[0] for column in row.description]
        undone = dict(zip(names, row.fetchone(), strict=True))
        undone |= {"id": "undone", "createdAt": "2024-01-16 10:00:00.000"}
        undone["metadata"] = str(undone["metadata"]).replace("run-20240115-143000", "run-20240115-143000 (rolled back)")
        marks = ", ".join("?" for _ in names)
        connection.execute(f'insert into "AuditLog" values ({marks})', [undone[name] for name in names])
        connection.execute('delete from "EventRegistration"')
        connection.execute('delete from "Event" where "createdAt" <> ?', [OLD])

    undone_check = check_of(verify(now, baseline=[run]), CHECK)

    assert undone_check.outcome is Outcome.PASS


def test_a_baseline_is_a_folder_of_a_backup_or_a_run_on_this_database(
    earlier: tuple[DemoPaths, Path], clean: DemoPaths, tmp_path: Path
) -> None:
    paths, run = earlier
    other = copied(clean, tmp_path)
    execute(
        other.database,
        "update \"Member\" set id = 'x' || id; update \"EventRegistration\" set id = 'x' || id;"
        "update \"Event\" set id = 'x' || id",
    )
    backup = backup_of(other.database, tmp_path / "backup", {"Member": 1})
    edited = backup_of(paths.database, tmp_path / "edited", {"Member": 1})
    manifest = edited / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"rows": 1', '"rows": 0'))

    with pytest.raises(UsageError, match=r"The baseline is a backup of another database .*--baseline .*expected path"):
        verify(paths, baseline=[backup])
    with pytest.raises(UsageError, match=r"The baseline is a run on another database .*none of which is in it"):
        verify(other, baseline=[run])
    with pytest.raises(
        UsageError, match=r"The baseline is not known .*expected the folder of a backup.*no such folder"
    ):
        verify(paths, baseline=[tmp_path / "nothing"])
    with pytest.raises(UsageError, match="neither of them there"):
        verify(paths, baseline=[tmp_path])
    with pytest.raises(UsageError, match="The baseline is what is judged itself"):
        recon.verify(recon.VerifyOptions(paths.bundle, str(run / "snapshot.duckdb"), baseline=[run]))
    with pytest.raises(BackupError):
        verify(paths, baseline=[edited])


def test_a_database_that_lost_everything_is_no_other_database(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    before, run = earlier
    rows = {name: count(before.database, name) for name in ("Member", "Event", "EventRegistration")}
    now = copied(before, tmp_path)
    execute(now.database, "".join(f'delete from "{name}";' for name in reversed(rows)))

    verification = verify(now, baseline=[run])

    gone = f"{rows['EventRegistration']} registrations, {rows['Member']} members, {rows['Event']} events"
    assert check_of(verification, CHECK).message == f"Rows that a baseline had are gone: {gone}"
    assert verification.escalation.issues[0].contact == "Incident response"


def test_a_damaged_snapshot_is_refused(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    (tmp_path / "snapshot.duckdb").write_bytes(b"DUCK" * 4000)

    with pytest.raises(UsageError, match="The baseline's snapshot cannot be read"):
        verify(earlier[0], baseline=[tmp_path])


def test_the_check_is_known_though_no_baseline_is_named(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    paths, run = earlier
    advice, accepted = tmp_path / "advice.toml", tmp_path / "accept.toml"
    advice.write_text(f'[checks.{CHECK}]\naction = "Call Ann"\n')
    accepted.write_text(
        f'[[accept]]\ncheck = "{CHECK}"\nentity = "events"\nmaximum = 5\nreason = "tried"\nowner = "Ann"\n'
        "expires = 2099-01-01\n"
    )

    without = verify(paths, advice=advice, accept=accepted)
    with_one = verify(paths, advice=advice, baseline=[run])

    assert CHECK not in [check.id for check in without.checks]
    assert check_of(with_one, CHECK).guidance.action == "Call Ann"


def test_the_command_line_takes_several_baselines(earlier: tuple[DemoPaths, Path], tmp_path: Path) -> None:
    paths, run = earlier
    backup = backup_of(paths.database, tmp_path / "backup", {"Member": 0, "Event": 3, "EventRegistration": 0})

    done = run_in_process(
        "verify",
        paths.bundle,
        "--database",
        paths.database,
        "--baseline",
        run,
        "--baseline",
        backup,
        "-o",
        tmp_path / "r.md",
    )

    assert done.code == 0, done.err
    assert "[PASS] Earlier Rows: " in done.out
