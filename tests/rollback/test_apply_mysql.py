"""A rollback on a real MariaDB or MySQL does what its plan says, or nothing and says why."""

from __future__ import annotations

from contextlib import closing
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pytest
from rollback_cases import Case
from rollbacks import Migrated, kept_ids, make_migrated
from severing import MysqlSeveringProxy, severing_proxy

import recon
from recon.database.exclusion import lock_name
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mysql import MysqlServer

SECRET = "Pl4ntedS3cret"  # noqa: S105 - made up
GHOST = "00000000-0000-4000-8000-000000000000"
# What a cascade could reach, rows of one table that refer to each other, and a row that refers to nothing.
ON_OTHERS = (
    """create table "Badge" (id int auto_increment primary key, "memberId" char(36),
       label varchar(9) character set latin1, foreign key ("memberId") references "Member" (id) on delete cascade)""",
    'insert into "Badge" (id, "memberId", label) select 41, id, \'é\' from "Member" where id = \'{members[0]}\'',
    'insert into "Badge" ("memberId", label) select id, \'old\' from "Member" where id = \'{older}\'',
    """insert into "EventPhoto" (id, "eventId") select uuid(), id from "Event" where "createdAt" < '2024-01-01'""",
    """alter table "Member" add column "sponsorId" char(36),
       add constraint sponsor foreign key ("sponsorId") references "Member" (id)""",
    "update \"Member\" set \"sponsorId\" = '{members[0]}' where id = '{members[1]}'",
    "update \"Member\" set \"sponsorId\" = '{members[1]}' where id = '{members[2]}'",
    'update "Member" set "sponsorId" = id where id = \'{members[3]}\'',
    "set foreign_key_checks = 0",
    f"update \"EventRegistration\" set \"eventId\" = '{GHOST}' where id = '{{registration}}'",
)


def changed(migrated: Migrated, *statements: str) -> None:
    created = migrated.created
    ids: dict[str, Any] = {"members": created["Member"], "older": migrated.older["Member"][0]}
    migrated.imported.run(*(each.format(**ids, registration=created["EventRegistration"][0]) for each in statements))


@pytest.fixture(scope="module")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    """A club and a plan, which every test leaves as they were."""
    migrated = make_migrated("mysql", tmp_path_factory.mktemp("undo"), request)
    changed(migrated, *ON_OTHERS)
    return Case(migrated, migrated.plan(include=["Badge"], backup="BEFORE_URL"))


@pytest.fixture
def other(case: Case, mysql_server: MysqlServer) -> Iterator[Callable[[str], list[tuple[Any, ...]]]]:
    """Executes statements in a session of its own, whose transaction stays open."""
    with closing(mysql_server.connect(case.url.rpartition("/")[2])) as connection, connection.cursor() as cursor:
        cursor.execute("set autocommit = 0, foreign_key_checks = 1, sql_mode = 'ANSI_QUOTES'")

        def execute(statement: str) -> list[tuple[Any, ...]]:
            cursor.execute(statement)
            return list(cursor.fetchall())

        yield execute


class Meanwhile:
    """Does something when the transaction has begun."""

    def __init__(self, act: Callable[[], object]) -> None:
        self._act = act

    def step(self, title: str) -> None:
        if title == "Checking the plan against the database":
            self._act()

    def note(self, text: str) -> None:
        """Nobody follows."""


def test_what_cascades_could_reach_is_left_alone_and_rows_come_back(case: Case) -> None:
    plan = case.planned.plan
    everything = (*case.database.everything(), "Badge")
    loop = case.migrated.created["Member"][3]
    before = {table: case.database.rows(table) for table in everything}
    assert {each.table.name: each.rows for each in plan.reached} == {"MemberNote": 0, "EventPhoto": 3}
    assert [plan.orphaned_rows, [n for n in plan.notices if "refer to rows that do not exist" in n]] == [
        1,
        ["1 rows of EventRegistration refer to rows that do not exist: put back without checking references"],
    ]
    assert next(each.levels for each in plan.deleted if each.table.name == "Member")[1:] == (1, 1)

    kept = kept_ids(plan)
    assert loop in kept["Member"]
    assert case.apply().words == f"ROLLED BACK, {plan.kept_rows} KEPT"

    never = case.migrated.never.everything()
    after = {table: case.database.rows(table) for table in everything}
    for table in ("Event", "EventRegistration", "WaIdMapping"):
        assert {key: row for key, row in after[table].items() if key not in kept.get(table, ())} == never[table]
    assert {key: row[:-1] for key, row in after["Member"].items() if key != loop} == never["Member"]
    assert after["Member"][loop] == before["Member"][loop]
    assert after["EventPhoto"] == before["EventPhoto"]
    assert [row[2] for row in after["Badge"].values()] == ["old"]
    assert case.apply().was_done
    assert case.revert().words == "REVERTED"
    assert {table: case.database.rows(table) for table in everything} == before
    assert case.revert().was_done


def test_the_plan_says_what_the_server_cannot_promise(case: Case) -> None:
    text = (case.planned.folder / "plan.md").read_text(encoding="utf-8")
    assert len(case.planned.plan.limits) >= 4
    for limit in case.planned.plan.limits:
        assert limit in text


STALE = {
    "changed": (
        "update \"Member\" set phone = '1' where id = '{member}'",
        "update \"Member\" set phone = {phone} where id = '{member}'",
        "changed",
    ),
    "a child": (
        "insert into \"MemberNote\" values ('{ghost}', '{member}', 'new')",
        "delete from \"MemberNote\" where id = '{ghost}'",
        "rows refer to planned rows",
    ),
    "another run": (
        """insert into "WaIdMapping" values ('{ghost}', 'member', 1, '{ghost}', 'run-later', now(), now())""",
        "delete from \"WaIdMapping\" where id = '{ghost}'",
        "Another run was recorded",
    ),
    "an engine": ('alter table "WaIdMapping" engine = MyISAM', 'alter table "WaIdMapping" engine = InnoDB', "changed"),
    "a reference": (
        'create table "Later" (id int, "memberId" char(36), foreign key ("memberId") references "Member" (id))',
        'drop table "Later"',
        "foreign keys",
    ),
}


@pytest.mark.parametrize("since", STALE)
def test_a_plan_is_stale_when_what_it_is_about_changed(since: str, case: Case) -> None:
    change, back, words = STALE[since]
    phone = case.database.run(f"select quote(phone) from \"Member\" where id = '{case.member}'")[0][0]
    ids = {"member": case.member, "ghost": GHOST, "phone": phone}
    case.database.run(change.format(**ids))
    try:
        case.refused(case.apply, words, "recon rollback plan")
    finally:
        case.database.run(back.format(**ids))


CAME_LATER = {
    "a child that a cascade would delete": STALE["a child"][:2],
    "a child that would be emptied": (
        "insert into \"EventPhoto\" values ('{ghost}', '{event}')",
        "delete from \"EventPhoto\" where id = '{ghost}'",
    ),
    "a change": STALE["changed"][:2],
}


@pytest.mark.parametrize("since", CAME_LATER)
def test_what_came_after_the_transaction_began_is_seen(since: str, case: Case) -> None:
    change, back = CAME_LATER[since]
    phone = case.database.run(f"select quote(phone) from \"Member\" where id = '{case.member}'")[0][0]
    ids = {"member": case.member, "event": case.planned_ids("Event")[0], "ghost": GHOST, "phone": phone}
    options, before = case.migrated.applying(case.planned), case.state()
    with pytest.raises(RollbackError) as raised:
        recon.apply_rollback(options, Meanwhile(lambda: case.database.run(change.format(**ids))))
    # What came is there, and goes again.
    assert case.state() != before
    case.database.run(back.format(**ids))
    assert case.state() == before
    assert any(words in str(raised.value) for words in ("The plan is stale", "changed the same rows"))


HELD = {
    "a row": "select * from \"Member\" where id = '{member}' for update",
    "a row that refers to another": 'select * from "Badge" where id = 41 for update',
    "an open change": "update \"Event\" set title = 'x' where id = '{event}'",
    "the rollback": "select get_lock('{lock}', 0)",
}


@pytest.mark.parametrize("held", HELD)
def test_nobody_is_waited_for(held: str, case: Case, other: Callable[[str], object]) -> None:
    name = lock_name(case.url.rpartition("/")[2])
    other(HELD[held].format(member=case.member, event=case.planned_ids("Event")[0], lock=name))
    said = case.refused(case.apply)
    assert any(words in said for words in ("Another session holds", "Other sessions are writing"))
    assert ("another rollback or import" in said) == (held == "the rollback")


def test_what_a_user_may_not_do_is_named_as_its_grant(case: Case, mysql_server: MysqlServer) -> None:
    database, user = case.url.rpartition("/")[2], f"u{token_hex(6)}"
    mysql_server.execute(None, f"create user {user}@'%' identified by '{SECRET}'")
    mysql_server.execute(None, f"grant select on `{database}`.* to {user}@'%'")
    try:
        said = case.refused(lambda: case.apply(mysql_server.url(database, user, SECRET)))
    finally:
        mysql_server.execute(None, f"drop user {user}@'%'")
    for grant in ("delete on `{}`.`Member`", "update on `{}`.`Member`", "insert on `{}`.`AuditLog`"):
        assert f"grant {grant.format(database)} to '{user}'@'%'" in said
    assert SECRET not in said


def direct(url: str) -> str:
    """The URL for a connection that is not encrypted, as the proxy needs it."""
    return f"{url}?ssl-mode=DISABLED"


@pytest.mark.parametrize("begins", ["delete from", "insert into", "commit"])
def test_a_connection_that_is_lost_before_the_commit_changes_nothing(
    begins: str, case: Case, mysql_server: MysqlServer
) -> None:
    with severing_proxy(mysql_server.port, begins.encode(), make=MysqlSeveringProxy) as proxy:
        said = case.refused(lambda: case.apply(direct(proxy.url(case.url))))
        assert proxy.severed.is_set()
    assert "nothing was changed" in said.lower()


@pytest.mark.parametrize("side", ["during", "after"])
def test_a_commit_whose_answer_is_lost_is_resolved_by_the_audit_row(
    side: str, case: Case, mysql_server: MysqlServer
) -> None:
    before = case.database.everything()
    for act, words in ((case.apply, "ROLLED BACK"), (case.revert, "REVERTED")):
        with severing_proxy(mysql_server.port, b"commit", make=MysqlSeveringProxy, side=side) as proxy:
            assert act(direct(proxy.url(case.url))).words.startswith(words)
            assert proxy.severed.is_set()
    assert case.database.everything() == before


def test_a_session_that_the_server_ends_changes_nothing(case: Case, mysql_server: MysqlServer) -> None:
    name = case.url.rpartition("/")[2]

    def end_sessions() -> None:
        for (number,) in mysql_server.execute(
            None, f"select id from information_schema.processlist where db = '{name}' and command = 'Sleep'"
        ):
            mysql_server.execute(None, f"kill {number}")

    before = case.state()
    with pytest.raises(RollbackError, match="connection"):
        recon.apply_rollback(case.migrated.applying(case.planned), Meanwhile(end_sessions))
    assert case.state() == before


@pytest.mark.soak
def test_a_trigger_that_changes_other_rows_or_those_put_back_is_noticed(case: Case) -> None:
    before = case.state()[0]
    case.database.run(
        """create trigger later after delete on "EventRegistration" for each row
           update "Event" set capacity = 1 where "createdAt" < '2024-01-01'"""
    )
    try:
        case.refused(case.apply, "Rows changed that the plan does not touch", "Event")
    finally:
        case.database.run("drop trigger later")
    assert case.apply().words.startswith("ROLLED BACK")
    case.database.run("create trigger later before insert on \"Member\" for each row set new.phone = '1'")
    try:
        case.refused(case.revert, "Rows did not come back as they were")
    finally:
        case.database.run("drop trigger later")
    assert case.revert().words == "REVERTED"
    assert case.database.everything() == before


# Ids of 16 bytes and numbers, and texts of other character sets.
OF_OTHER_TYPES = """
alter table "MemberNote" drop foreign key "MemberNote_ibfk_1", drop column text, add column text varchar(50)
  character set latin1, drop primary key, drop column id, add column id int auto_increment primary key first;
alter table "EventPhoto" drop foreign key "EventPhoto_ibfk_1";
alter table "EventRegistration" drop foreign key registration_event, drop foreign key registration_member;
alter table "Member" modify id varbinary(36);
alter table "EventRegistration" modify "memberId" varbinary(36) not null;
alter table "MemberNote" modify "memberId" varbinary(36) not null;
update "Member" set id = unhex(replace(id, '-', ''));
update "EventRegistration" set "memberId" = unhex(replace("memberId", '-', ''));
alter table "Member" modify id binary(16);
alter table "EventRegistration" modify "memberId" binary(16) not null;
alter table "MemberNote" modify "memberId" binary(16) not null,
  add foreign key ("memberId") references "Member" (id) on delete cascade;
alter table "Event" convert to character set utf8mb3;
alter table "EventRegistration" convert to character set utf8mb3;
alter table "EventRegistration" add foreign key ("memberId") references "Member" (id),
  add foreign key ("eventId") references "Event" (id);
update "Event" set location = 'Zürich, größer' where "createdAt" > '2024-01-01' and id = '{event}'
"""


def test_keys_of_other_types_and_character_sets_are_undone_and_come_back(
    tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    migrated = make_migrated("mysql", tmp_path, request)
    event = migrated.created["Event"][0]
    for database in (migrated.imported, migrated.never):
        database.run(*OF_OTHER_TYPES.format(event=event).split(";"))
    note = 'insert into "MemberNote" (id, "memberId", text) select {}, id, \'né\' from "Member" where id = x\'{}\''
    member = migrated.created["Member"][0].replace("-", "")
    older = migrated.older["Member"][0].replace("-", "")
    migrated.imported.run(note.format(1000, member))
    migrated.on_both(note.format(7, older))
    before = migrated.imported.everything()

    planned = migrated.plan(include=["MemberNote"], backup="BEFORE_URL")
    assert migrated.apply(planned).words == "ROLLED BACK"
    assert migrated.imported.everything() == migrated.never.everything()
    assert migrated.revert(planned).words == "REVERTED"
    assert migrated.imported.everything() == before


def test_tables_that_know_no_transactions_are_refused_by_name(case: Case) -> None:
    database = case.database
    database.run('alter table "WaIdMapping" engine = MyISAM')
    try:
        said = case.refused(lambda: case.migrated.plan(include=["Badge"]))
    finally:
        database.run('alter table "WaIdMapping" engine = InnoDB')
    assert "Rows of 'WaIdMapping' cannot be deleted safely" in said
    assert "MyISAM knows no transactions" in said


def test_an_audit_table_that_knows_no_transactions_gets_no_row(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    migrated = make_migrated("mysql", tmp_path, request)
    migrated.imported.run('alter table "AuditLog" engine = MyISAM')
    case = Case(migrated, migrated.plan(backup="BEFORE_URL"))
    assert "MyISAM knows no transactions" in case.planned.plan.audit.why
    assert case.planned.plan.audit.table is None
