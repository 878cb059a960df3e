"""A rollback of a real SQLite file does what its plan says, or nothing and says why."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from rollback_cases import Case
from rollbacks import Migrated, make_migrated
from soaking import SOAKING

from recon.database.writing.sqlite import SqliteWriter

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GHOST = "00000000-0000-4000-8000-000000000000"
KILLED = Path(__file__).with_name("killed_apply.py")
KILLS = range(40) if SOAKING else range(3)
# A few more than an apply sends.
STATEMENTS = 180


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A club and a plan, which every test leaves as they were."""
    migrated = make_migrated("sqlite", tmp_path_factory.mktemp("undo"), request)
    return Case(migrated, migrated.plan(backup=migrated.never.address))


@pytest.fixture
def other(case: Case) -> Iterator[sqlite3.Connection]:
    """A connection of another program."""
    with closing(sqlite3.connect(case.url, isolation_level=None)) as connection:
        yield connection
        connection.rollback()


def test_a_rollback_is_done_and_reverted_with_foreign_keys_enforced(case: Case) -> None:
    before = case.database.everything()
    assert case.apply().words == "ROLLED BACK"
    assert case.database.everything() == case.migrated.never.everything()
    assert case.database.run("pragma foreign_key_check") == []
    assert case.apply().was_done
    assert case.revert().words == "REVERTED"
    assert case.database.everything() == before


SINCE = {
    "a child that a cascade would delete": (
        "insert into \"MemberNote\" values ('{ghost}', '{member}', 'new')",
        "delete from \"MemberNote\" where id = '{ghost}'",
        "rows refer to planned rows",
    ),
    "a child that would be emptied": (
        "insert into \"EventPhoto\" values ('{ghost}', '{event}')",
        "delete from \"EventPhoto\" where id = '{ghost}'",
        "rows refer to planned rows",
    ),
    "a change": (
        "update \"Member\" set email = email || '1' where id = '{member}'",
        "update \"Member\" set email = substr(email, 1, length(email) - 1) where id = '{member}'",
        "1 changed",
    ),
    "a trigger": (
        'create trigger later after delete on "Event" begin update "Member" set phone = \'1\'; end',
        "drop trigger later",
        "changed",
    ),
    "a table": ('alter table "Event" add column later int', 'alter table "Event" drop column later', "changed"),
}


@pytest.mark.parametrize("since", SINCE)
def test_a_plan_is_stale_when_what_it_is_about_changed(since: str, case: Case) -> None:
    change, back, words = SINCE[since]
    ids = {"member": case.member, "event": case.planned_ids("Event")[0], "ghost": GHOST}
    case.database.run(change.format(**ids))
    try:
        case.refused(case.apply, words)
    finally:
        case.database.run(back.format(**ids))


def test_a_file_that_another_program_writes_to_is_not_waited_for(case: Case, other: sqlite3.Connection) -> None:
    other.execute("begin immediate")
    assert "Another program is writing to the file" in case.refused(case.apply)


def test_a_reader_keeps_a_commit_from_a_file_without_log(case: Case, other: sqlite3.Connection) -> None:
    other.execute("begin")
    other.execute('select count(*) from "Member"').fetchall()
    assert "Another program is" in case.refused(case.apply)


def test_a_reader_of_a_file_with_a_log_keeps_what_it_sees(case: Case, other: sqlite3.Connection) -> None:
    before = case.database.everything()
    other.execute("pragma journal_mode = wal")
    try:
        other.execute("begin")
        count = other.execute('select count(*) from "Member"').fetchall()
        assert case.apply().words == "ROLLED BACK"
        assert other.execute('select count(*) from "Member"').fetchall() == count
        assert case.database.everything() == case.migrated.never.everything()
        assert case.revert().words == "REVERTED"
    finally:
        other.execute("commit")
        other.execute("pragma journal_mode = delete")
    assert case.database.everything() == before


def test_a_full_disk_changes_nothing(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    before = case.database.everything()
    assert case.apply().words == "ROLLED BACK"
    with closing(sqlite3.connect(case.url, isolation_level=None)) as connection:
        connection.execute("vacuum")
    with monkeypatch.context() as patch:
        patch.setattr(SqliteWriter, "_connect", full(getattr(SqliteWriter, "_connect")))  # noqa: B009
        assert "no room left" in case.refused(case.revert)
    assert case.revert().words == "REVERTED"
    assert case.database.everything() == before


def full(connect: Callable[[SqliteWriter], sqlite3.Connection]) -> Callable[[SqliteWriter], sqlite3.Connection]:
    """Connects to a file that can grow no more."""

    def connect_full(writer: SqliteWriter) -> sqlite3.Connection:
        connection = connect(writer)
        (pages,) = connection.execute("pragma page_count").fetchone()
        connection.execute(f"pragma max_page_count = {pages}")
        return connection

    return connect_full


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write whatever it likes")
@pytest.mark.parametrize("closed", ["file", "folder"])
def test_what_cannot_be_written_to_is_named(closed: str, case: Case) -> None:
    path = Path(case.url) if closed == "file" else Path(case.url).parent
    mode = path.stat().st_mode
    path.chmod(mode & ~0o222)
    try:
        said = case.refused(case.apply)
    finally:
        path.chmod(mode)
    assert "writable for this account" in said


OF_OTHER_KINDS = """
create table "Badge" (code text primary key, "memberId" blob references "Member" (id) on delete cascade) without rowid;
create table "Locker" (id integer primary key, "memberId" blob references "Member" (id), content, twice as (id * 2),
  "under" integer references "Locker" (id));
alter table "Event" add column half integer generated always as (capacity / 2) virtual;
create table "Log" (id integer primary key, what text);
create trigger logged after delete on "Badge" begin insert into "Log" (what) values (old.code); end
"""
LOCKER = """
select id, hex("memberId"), typeof(content), hex(content), hex(quote(content)), twice, under
from "Locker" order by id"""
CONTENTS = (
    "cast(x'61006200' as text)",
    "cast(x'fffe41' as text)",
    "9e999",
    "-9e999",
    "x'00ff'",
    "-0.0",
    "1e300",
    "0.1",
)


def of_other_kinds(migrated: Migrated) -> None:
    """Give members ids of 16 bytes, events ids in another spelling, and tables of other kinds, on both sides."""
    for database in (migrated.imported, migrated.never):
        with closing(sqlite3.connect(database.address)) as connection:
            connection.create_function("bytes_of", 1, lambda text: UUID(text).bytes, deterministic=True)
            connection.create_function("spelled", 1, lambda text: f"{{{text.upper()}}}", deterministic=True)
            for table, column, function in (
                ("Member", "id", "bytes_of"),
                ("EventRegistration", "memberId", "bytes_of"),
                ("Event", "id", "spelled"),
                ("EventRegistration", "eventId", "spelled"),
            ):
                connection.execute(f'update "{table}" set "{column}" = {function}("{column}")')
            connection.commit()
        for statement in OF_OTHER_KINDS.split(";\n"):
            database.run(statement)
    member = UUID(migrated.created["Member"][0]).hex
    migrated.imported.run(
        *(f'insert into "Locker" values ({number}, x\'{member}\', {content}, {number - 1 if number > 1 else "null"})'
          for number, content in enumerate(CONTENTS, 1)),
        f"insert into \"Badge\" values ('gold', x'{member}')",
    )  # fmt: skip


def locker(migrated: Migrated) -> list[tuple[Any, ...]]:
    return migrated.imported.run(LOCKER)


def test_keys_tables_and_values_of_every_kind_are_undone_and_come_back(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    migrated = make_migrated("sqlite", tmp_path, request)
    of_other_kinds(migrated)
    before, lockers = migrated.imported.everything(), locker(migrated)
    assert len(lockers) == len(CONTENTS)

    planned = migrated.plan(include=["Badge", "Locker"], backup=migrated.never.address)
    named = {(each.kind, each.name) for each in planned.plan.remarks}
    assert {("trigger", "logged"), ("generated column", "half"), ("generated column", "twice")} <= named
    assert migrated.apply(planned).words == "ROLLED BACK"
    assert migrated.imported.everything() == migrated.never.everything()
    assert migrated.imported.run('select what from "Log"') == [("gold",)]
    assert locker(migrated) == []
    assert migrated.revert(planned).words == "REVERTED"
    assert migrated.imported.everything() == before
    assert locker(migrated) == lockers
    assert migrated.imported.run('select code from "Badge"') == [("gold",)]


@pytest.mark.rounds
@pytest.mark.parametrize("seed", KILLS)
def test_a_rollback_that_is_killed_is_done_or_not(seed: int, case: Case) -> None:
    before = case.database.everything()
    rng = Random(f"killed {seed}")  # noqa: S311 - not for secrets
    moment = (rng.randrange(1, STATEMENTS), rng.choice((1, 10, 300)))
    command = [sys.executable, KILLED, case.planned.folder, case.planned.plan.run_id, case.url, *moment]
    ended = subprocess.run(list(map(str, command)), check=False, capture_output=True)
    assert ended.returncode in (0, -signal.SIGKILL), ended.stderr.decode()
    assert case.database.run("pragma integrity_check") == [("ok",)]
    assert case.database.everything() in (before, case.migrated.never.everything())
    assert case.apply().words == "ROLLED BACK"
    assert case.revert().words == "REVERTED"
    assert case.database.everything() == before
