"""Level 2 in a real MariaDB or MySQL, where RECON_TEST_MYSQL_URL names a server."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from secrets import token_hex
from threading import Event, Thread
from time import sleep
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace
from restores import Restores, connect_mysql

from recon.background import await_result, start
from recon.backup.mysql_objects import triggers
from recon.backup.mysql_places import GATES, OPENED, Places, RestoreState, clear_all, left_behind, write_state
from recon.backup.mysql_session import mysql_session
from recon.database import resolve_database
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Callable

    from mysql import MysqlServer

EDITS = (
    'delete from "EventRegistration" order by id limit 7',
    """update "Member" set phone = '1', "updatedAt" = '2099-01-01' order by id limit 3""",
)


@pytest.fixture
def own(mysql_club: Callable[[], str], tmp_path: Path) -> Restores:
    """A club with a backup, edited since."""
    url = mysql_club()
    made = Restores.of(url.rpartition("/")[2], url, tmp_path)
    made.run(*EDITS)
    return made


def beside(server: MysqlServer, name: str) -> list[str]:
    """The databases that a restore has beside its own."""
    return [each for (each,) in server.execute(None, "show databases") if each.startswith(f"{name}_")]


def test_a_backup_is_put_in_place_and_reverted(own: Restores, mysql_server: MysqlServer) -> None:
    edited = own.rows()
    planned = own.plan()
    lost = {each.table: each for each in planned.plan.lost}
    assert {*lost} == {"EventRegistration", "Member"}
    assert (lost["Member"].created, lost["Member"].edited) == (0, 3)
    assert (planned.plan.survey.missing_rights, planned.plan.survey.differences) == ((), ())
    assert own.rows() == edited
    applied = own.apply(planned)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert (applied.words, applied.was_done) == ("RESTORED", False)
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]
    assert own.audited("rollbackPlanId", planned.plan.id) == 1
    assert own.apply(planned).was_done
    reverted = own.revert(planned)
    assert (reverted.words, reverted.was_done) == ("REVERTED", False)
    assert own.rows() == edited
    assert own.revert(planned).was_done
    assert beside(mysql_server, own.name) == []


@pytest.mark.soak
def test_every_kind_of_object_comes_back_and_what_is_newer_stays(own: Restores, mysql_server: MysqlServer) -> None:
    own.run(*OBJECTS)
    own.back_up()
    keys = foreign_keys(own)
    assert own.plan().plan.survey.differences == ()
    mysql_server.execute(
        own.name,
        "drop trigger first_of_member",
        "drop view named",
        "drop procedure tidy",
        "create or replace view number_of_members as select 0 as n",
        "create trigger newer before delete on Event for each row set @deleted = old.id",
        "alter table Event add column newer int",
        "alter table EventRegistration drop foreign key registration_event",
        *NEWER,
    )
    planned = own.plan()
    fates = {(each.kind, each.name): each.fate for each in planned.plan.survey.differences}
    assert planned.plan.survey.kept == ("Alone", "Far", "Near")
    assert fates["trigger", "newer"].startswith("is gone")
    assert fates["view", "number_of_members"] == "becomes as in the backup"
    assert fates["table", "Event"] == "becomes as in the backup"
    assert fates["table", "Alone"] == "stays, with its rows"
    assert "loses its foreign keys" in fates["table", "Near"]
    assert "loses its foreign keys" in fates["table", "Far"]
    assert "CREATE TABLE `Near`" in (planned.folder / "newer.sql").read_text(encoding="utf-8")
    applied = own.apply(planned)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert own.run(TRIGGERS) == [("first_of_member", 1), ("near_edited", 1), ("second_of_member", 2)]
    assert own.run("select n from number_of_members") == own.run('select count(*) from "Member"')
    assert own.run("select count(*) from named") == [(60,)]
    assert own.run("call tidy()") == [("tidied",)]
    assert foreign_keys(own) == keys
    assert own.run('select * from "Near"') == own.run("select 1, min(id), 12 from Member")
    assert own.run('select * from "Far"') == [(7, 1)]
    assert own.run('select * from "Alone"') == [(3,)]
    assert "newer" not in own.run("show create table Event")[0][1]
    assert own.revert(planned).words == "REVERTED"
    assert "newer" in own.run("show create table Event")[0][1]
    assert {name for _, name, *_ in foreign_keys(own)} == {
        *(name for _, name, *_ in keys if name != "registration_event"),
        *("near_member", "far_near"),
    }
    assert own.run(TRIGGERS) == [("near_edited", 1), ("newer", 1), ("second_of_member", 1)]
    assert beside(mysql_server, own.name) == []


KILLED = Path(__file__).with_name("killed_renaming.py")
WAITING = "select count(*) from information_schema.processlist where db = database() and id <> connection_id()"
TRIGGERS = (
    "select trigger_name, action_order from information_schema.triggers where trigger_schema = database() order by 1"
)
OBJECTS = (
    "create trigger first_of_member before update on Member for each row set new.phone = concat(new.phone, 'a')",
    "create trigger second_of_member before update on Member for each row set new.phone = concat(new.phone, 'b')",
    "create view number_of_members as select count(*) as n from Member",
    "create view a_view as select n from number_of_members",
    "create function doubled(x int) returns int deterministic return 2 * x",
    "create view named as select id, doubled(1) as two from Member",
    "create procedure tidy() begin select 'tidied'; end",
    "create table `odd ``name` (a int, b int generated always as (a * 2) stored)",
    "insert into `odd ``name` (a) values (1), (null)",
)
NEWER = (
    """create table Near (id int primary key, member char(36), twelve int generated always as (id + 11) stored,
         constraint near_member foreign key (member) references Member (id))""",
    "create trigger near_edited before update on Near for each row set new.member = old.member",
    "create table Far (id int primary key, near int, constraint far_near foreign key (near) references Near (id))",
    "create table Alone (id int primary key)",
    "insert into Near (id, member) select 1, min(id) from Member",
    "insert into Far values (7, 1)",
    "insert into Alone values (3)",
)


def until(holds: Callable[[], bool]) -> None:
    """Wait until something holds, which it does within seconds."""
    for _ in range(600):
        if holds():
            return
        sleep(0.05)
    pytest.fail("it does not come true")


def foreign_keys(own: Restores) -> list[tuple[Any, ...]]:
    return own.run(
        "select table_name, constraint_name, referenced_table_schema, referenced_table_name "
        "from information_schema.key_column_usage where table_schema = database() "
        "and referenced_table_name is not null order by 1, 2"
    )


def test_a_reader_that_stays_is_named_and_not_waited_for(own: Restores, mysql_server: MysqlServer) -> None:
    planned = own.plan()
    with closing(connect_mysql(own.url)) as reader, reader.cursor() as cursor:
        cursor.execute("select connection_id()")
        ((number,),) = cursor.fetchall()
        cursor.execute("start transaction")
        cursor.execute('select count(*) from "Member"')
        said = own.refused(planned, "waited for no longer than two seconds", f"session {number} (user")
        assert "nothing was changed" in said
    assert beside(mysql_server, own.name) == []


@pytest.mark.soak
@pytest.mark.parametrize(
    "title, trigger, words",
    [
        ("Locking every table", "", "written since the present state was backed up"),
        ("Renaming", "", "written since the present state was backed up"),
        ("Renaming", "create trigger marked before insert on WaSyncState for each row set @a = 1", "wait to write"),
    ],
)
def test_what_is_written_while_it_is_applied_is_not_lost(
    own: Restores, mysql_server: MysqlServer, title: str, trigger: str, words: str
) -> None:
    """What waits for the lock at its end comes before the statement that renames, and is seen."""
    if trigger:
        own.run(trigger)
        own.back_up()
        own.run(EDITS[0])
    before = own.run('select count(*) from "EventRegistration"')[0][0]
    planned = own.plan()
    late: list[Thread] = []

    def write(begun: str) -> None:
        if begun == title and not late:
            late.append(Thread(target=own.run, args=('delete from "EventRegistration" order by id limit 1',)))
            late[0].start()
            sleep(0.5)

    with pytest.raises(RollbackError, match=words):
        own.apply(planned, at_step=write)
    late[0].join()
    assert own.run('select count(*) from "EventRegistration"') == [(before - 1,)]
    assert [name for name, _ in own.run(TRIGGERS)] == (["marked"] if trigger else [])
    assert beside(mysql_server, own.name) == []


@pytest.mark.soak
def test_no_write_of_a_busy_application_is_lost(own: Restores, mysql_server: MysqlServer) -> None:
    """Writers that never stop: either nothing is changed and all is there, or what came is in the backup's tables."""
    mysql_server.execute(own.name, "create table busy (id bigint auto_increment primary key, k int)")
    own.back_up()
    own.run(EDITS[0])
    planned = own.plan()
    done, written = Event(), list[int]()

    def work(number: int) -> None:
        with closing(connect_mysql(own.url, autocommit=True)) as connection, connection.cursor() as cursor:
            for step in count():
                if done.is_set():
                    return
                cursor.execute(f"insert into busy (k) values ({1000000 * number + step})")
                written.append(1000000 * number + step)

    workers: list[Thread] = []

    def begin(title: str) -> None:
        if title == "Renaming":
            workers.extend(Thread(target=work, args=(number,)) for number in range(3))
            for each in workers:
                each.start()
            sleep(0.2)

    try:
        with suppress(RollbackError):
            own.apply(planned, at_step=begin)
    finally:
        done.set()
        for each in workers:
            each.join()
    assert sorted(k for (k,) in own.run("select k from busy")) == sorted(written)


@pytest.mark.soak
def test_readers_wait_and_keep_nothing_from_being_restored(own: Restores) -> None:
    planned, done, seen = own.plan(), Event(), set[int]()

    def read() -> None:
        with closing(connect_mysql(own.url, autocommit=True)) as connection, connection.cursor() as cursor:
            while not done.is_set():
                cursor.execute('select count(*) from "EventRegistration" r join "Member" m on m.id = r."memberId"')
                seen.add(int(cursor.fetchall()[0][0]))
                sleep(0.003)

    readers = [start(read) for _ in range(3)]
    try:
        assert own.apply(planned).words == "RESTORED"
    finally:
        done.set()
    for each in readers:
        await_result(each)
    assert seen == {143, 150}


@pytest.mark.soak
def test_a_user_without_rights_is_told_which(own: Restores, mysql_server: MysqlServer) -> None:
    mysql_server.execute(own.name, *OBJECTS)
    own.back_up()
    own.run(EDITS[0])
    user = f"u{own.name[-8:]}"
    mysql_server.execute(
        None,
        f"create user {user} identified by 'some-word'",
        f"grant select, show view, trigger on `{own.name}`.* to {user}",
    )
    environment = {"DATABASE_URL": mysql_server.url(own.name, user, "some-word")}
    try:
        planned = own.plan(environment=environment)
        rights = planned.plan.survey.missing_rights
        kinds = ["grant all", "grant process", "grant set user", "grant select"]
        assert [right.partition(" on ")[0] for right in rights][1:] == kinds
        own.refused(planned, "may not do what the restore needs", "grant insert, create", environment=environment)
        # What the plan says is enough, but for a place to try the backup out.
        mysql_server.execute(None, *rights)
        applied = own.apply(planned, environment=environment | {"SCRATCH": own.url}, scratch_database="SCRATCH")
        assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    finally:
        mysql_server.execute(None, f"drop user {user}")


@pytest.mark.soak
def test_a_table_of_another_database_that_refers_to_it_keeps_it_from_being_done(
    own: Restores, mysql_server: MysqlServer
) -> None:
    other = f"{own.name[:20]}_other"
    mysql_server.execute(
        None,
        f"create database `{other}` character set utf8mb4",
        f"create table `{other}`.x (m char(36), foreign key (m) references `{own.name}`.`Member` (id))",
    )
    try:
        planned = own.plan()
        assert any("refers to Member" in remark for remark in planned.plan.survey.remarks)
        own.refused(planned, f"{other}.x of another database refers to Member", "nothing was changed")
    finally:
        mysql_server.execute(None, f"drop database `{other}`")


def test_what_a_killed_restore_left_is_taken_back_or_completed(own: Restores, mysql_server: MysqlServer) -> None:
    """As if it had ended with the triggers dropped, before the tables were renamed and after it."""
    mysql_server.execute(own.name, *OBJECTS[:1])
    places = Places.of(resolve_database(None, own.environment))
    with mysql_session(places.url, is_writing=True) as opened:
        old = triggers(opened)
        for renamed in (False, True):
            for each in (places.staging, places.aside):
                opened.run(f"create database {each}")
            for gate in OPENED if renamed else GATES:
                opened.run(f"create table {places.aside}.{gate} (id int)")
            made = [replace(each, name="newer", sql=each.sql.replace("first_of_member", "newer")) for each in old]
            write_state(opened, places, RestoreState(old, made, [], {}))
            opened.run("drop trigger first_of_member")
            assert len(left_behind(opened)) == 1
            said = list(clear_all(opened))
            assert len(said) == 1
            [
                name
                for (name,) in opened.ask(
                    "select trigger_name from information_schema.triggers where trigger_schema = database()"
                )
            ]
            assert [each.name for each in triggers(opened)] == ["newer" if renamed else "first_of_member"]
            assert beside(mysql_server, own.name) == []


@pytest.mark.soak
def test_a_rehearsal_is_measured_and_leaves_nothing(own: Restores, mysql_server: MysqlServer, tmp_path: Path) -> None:
    before, (dead, living) = own.rows(), (f"recon_scratch_{token_hex(8)}" for _ in range(2))
    mysql_server.execute(
        None, *(f"create database {name}" for name in (dead, f"{dead}_recon_restore_abcdef_old", living))
    )
    with closing(connect_mysql(own.url)) as other, other.cursor() as cursor:
        cursor.execute(f"select get_lock('{living}', 0)")
        played = own.rehearse(outputs=tmp_path / "rehearsed")
        there = {name for (name,) in mysql_server.execute(None, "show databases")}
        assert living in there
        assert not any(name.startswith(dead) for name in there)
    mysql_server.execute(None, f"drop database {living}")
    assert [(check.outcome, check.name) for check in played.assessment.checks] == [
        ("PASS", "Scratch Database"),
        ("PASS", "Level 2"),
    ]
    assert own.rows() == before
    assert own.plan(outputs=tmp_path / "rehearsed").plan.rehearsed is not None


@pytest.mark.soak
def test_what_is_killed_at_any_step_leaves_all_or_nothing(own: Restores, mysql_server: MysqlServer) -> None:
    mysql_server.execute(own.name, *OBJECTS)
    own.back_up()
    own.run(*EDITS)
    planned = own.plan()
    for verb in ("apply", "revert"):
        before, steps = own.rows(), list[str]()
        for step in count(1):
            assert own.rows() == before or steps[-1] == "Removing what was there", steps[-1:]
            steps = own.killed(planned, verb, step)
            if len(steps) < step:
                break
        assert own.rows() != before
        assert beside(mysql_server, own.name) == []
        assert own.run("select count(*) from information_schema.triggers where trigger_schema = database()") == [(2,)]


@pytest.mark.soak
@pytest.mark.parametrize(
    "words", ["drop trigger", "rename table", "unlock tables", "innodb_sys_tablestats", "drop table", "drop database"]
)
def test_what_is_killed_while_it_renames_is_completed_or_taken_back(
    own: Restores, mysql_server: MysqlServer, words: str
) -> None:
    """Before the first statement of that kind after the lock; the server may yet end what it was sent."""
    mysql_server.execute(own.name, *OBJECTS)
    own.back_up()
    own.run(*EDITS)
    planned = own.plan()
    edited = own.rows()
    told = [planned.folder, own.name, own.url, words]
    done = subprocess.run([sys.executable, KILLED, *map(str, told)], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL, done.stderr
    until(lambda: mysql_server.execute(own.name, WAITING) == [(0,)])
    assert (own.rows() == edited) == (words != "drop database")
    assert own.apply(planned).words == "RESTORED"
    assert own.rows() != edited
    assert own.run(TRIGGERS) == [("first_of_member", 1), ("second_of_member", 2)]
    assert beside(mysql_server, own.name) == []
    assert own.revert(planned).words == "REVERTED"
    assert own.rows() == edited
