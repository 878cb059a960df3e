"""MySQL and MariaDB as rollback writes to them: what comes back is what was there, and nobody is waited for."""

from __future__ import annotations

from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import pymysql
import pytest
from mariadb import is_installed, running_mariadb

from recon.backup.kinds import kind_of_database
from recon.database import parse_url
from recon.database.writing import Content, TargetTable, WritableDatabase, WriteError, open_for_writing
from recon.database.writing.mysql import connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from mysql import MysqlServer

KINDS, CLUB = (
    Path(__file__).with_name(name).read_text(encoding="utf-8").split("\n\n")
    for name in ("kinds_mysql.sql", "club_mysql.sql")
)


@contextmanager
def club(server: MysqlServer) -> Iterator[str]:
    """The URL of a database with a small club, as long as it is needed."""
    name = f"recon_{token_hex(6)}"
    server.execute(None, f"create database `{name}` character set utf8mb4")
    server.execute(name, *CLUB, *KINDS)
    yield plain(server.url(name))
    server.execute(None, f"drop database `{name}`")


@pytest.fixture(scope="module")
def shared(mysql_server: MysqlServer) -> Iterator[str]:
    """The URL of a club that tests leave as it is."""
    with club(mysql_server) as url:
        yield url


@pytest.fixture
def own(mysql_server: MysqlServer) -> Iterator[str]:
    """The URL of a club of the test's own."""
    with club(mysql_server) as url:
        yield url


@pytest.fixture
def other(mysql_server: MysqlServer, own: str) -> Iterator[Callable[..., list[tuple[Any, ...]]]]:
    """Executes statements in a session of its own, whose transaction stays open; gives the rows of the last."""
    with closing(mysql_server.connect(name_of(own))) as connection, connection.cursor() as cursor:
        cursor.execute("set autocommit = 0, foreign_key_checks = 1")

        def execute(*statements: str) -> list[tuple[Any, ...]]:
            for statement in statements:
                cursor.execute(statement)
            return list(cursor.fetchall())

        yield execute


@pytest.fixture
def user(mysql_server: MysqlServer) -> Iterator[Callable[..., str]]:
    """Makes the URL of a database for a user of its own with the rights that are named."""
    made: list[str] = []

    def make(url: str, *rights: str) -> str:
        made.append(f"w{token_hex(6)}")
        mysql_server.execute(name_of(url), f"create user {made[-1]}@'%' identified by 'Pl4nted'")
        for right in rights:
            mysql_server.execute(name_of(url), f"grant {right} to {made[-1]}@'%'")
        return plain(mysql_server.url(name_of(url), made[-1], "Pl4nted"))

    yield make
    for name in made:
        mysql_server.execute(None, f"drop user {name}@'%'")


def plain(url: str) -> str:
    """The URL without encryption, whose preparation takes longer than all the rest of a short connection."""
    return f"{url}?ssl-mode=DISABLED"


def name_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


@contextmanager
def begun(url: str, *, writing: bool) -> Iterator[WritableDatabase]:
    with closing(connect(parse_url(url, "the test"), None)) as database:
        database.begin(writing=writing)
        yield database


def table(database: WritableDatabase, url: str, name: str) -> TargetTable:
    return next(table for table in database.tables() if (table.schema, table.name) == (name_of(url), name))


def inserted(
    database: WritableDatabase, of: TargetTable, rows: Sequence[tuple[str, ...]], into: str | None = None
) -> str:
    return database.insert_head(of, into) + ", ".join(f"({', '.join(row)})" for row in rows)


def values(
    database: WritableDatabase, of: TargetTable, where: str = "true", *, lock: bool = False
) -> list[tuple[str, ...]]:
    return [row.values for row in database.rows(of, of.stored, where, lock=lock)]


def noticed(differs: Callable[[], bool]) -> bool:
    """Whether what another session committed since is refused by the server, or seen."""
    try:
        return differs()
    except WriteError as error:
        return error.kind == "stale"


def test_a_value_of_every_kind_comes_back(mysql_server: MysqlServer, shared: str) -> None:
    before = mysql_server.execute(name_of(shared), "select * from kinds order by id")
    with begun(shared, writing=True) as database:
        kinds = table(database, shared, "kinds")
        content = database.content(kinds)
        rows = values(database, kinds, lock=True)
        assert [row[0] for row in rows] == ["0", "1", "2", "3", "4", "5"]
        assert all(text.isprintable() and "\\" not in text for row in rows for text in row)
        copy = database.scratch_table(kinds)
        assert database.execute(inserted(database, kinds, rows, copy.sql)) == len(rows)
        assert database.content(copy) == content
        assert values(database, copy) == rows
        assert database.execute(f"delete from {kinds.sql}") == len(rows)
        assert database.content(kinds) == Content()
        assert database.execute(inserted(database, kinds, rows)) == len(rows)
        assert database.content(kinds) == content
        database.commit()
    assert content.rows == len(before) == 6
    assert mysql_server.execute(name_of(shared), "select * from kinds order by id") == before


def test_types_of_mariadb_come_back(mysql_server: MysqlServer, own: str) -> None:
    try:
        mysql_server.execute(
            name_of(own),
            "create table addresses (id uuid primary key, place inet6, old inet4, parent uuid)",
            "insert into addresses values ('624a66c2-ecb8-11f1-8c7a-02fc00000001', '2001:db8::1', '10.0.0.7', uuid()), "
            "('00000000-0000-0000-0000-000000000000', '::', '0.0.0.0', null)",
        )
    except pymysql.Error as error:
        pytest.skip(f"this server does not know the types: {error.args[0]}")
    with begun(own, writing=True) as database:
        addresses = table(database, own, "addresses")
        content, rows = database.content(addresses), values(database, addresses)
        assert rows[1][:3] == ("'624a66c2-ecb8-11f1-8c7a-02fc00000001'", "'2001:db8::1'", "'10.0.0.7'")
        copy = database.scratch_table(addresses)
        database.execute(inserted(database, addresses, rows, copy.sql))
        assert database.content(copy) == content
        assert database.count(addresses, database.condition(("id",), [rows[0][:1]])) == 1


@pytest.mark.parametrize("setting", ["names latin1", "names sjis", "sql_mode = 'NO_BACKSLASH_ESCAPES,ANSI_QUOTES'"])
def test_literals_mean_the_same_in_every_session(mysql_server: MysqlServer, shared: str, setting: str) -> None:
    texts = ["it's", "\\", "é😀", "a\r\n\0b", "", '"x"', "�", "NULL"]
    with begun(shared, writing=False) as database, closing(mysql_server.connect(None)) as connection:
        literals = ", ".join(f"hex(convert({database.literal(text)} using utf8mb4))" for text in texts)
        with connection.cursor() as cursor:
            cursor.execute(f"set {setting}")
            cursor.execute(f"select {literals}")
            assert cursor.fetchall() == (tuple(text.encode().hex().upper() for text in texts),)


def test_a_digest_tells_each_row_from_each_other(shared: str) -> None:
    with begun(shared, writing=False) as database:
        keyless = table(database, shared, "keyless")
        every = ["a = 'ab'", "a = 'a'", "a = ''", "a is null"]
        single = [database.content(keyless, where) for where in every]
        assert len({content.digest for content in single}) == len(every)
        assert sum(single, Content()) == database.content(keyless)
        assert database.content(keyless) - single[0] == database.content(keyless, "not a <=> 'ab'")
        assert database.content(keyless, "false") == Content()


def test_the_catalogue_is_read(shared: str) -> None:
    with begun(shared, writing=False) as database:
        tables = {each.name: each for each in database.tables() if each.schema == name_of(shared)}
        references = {
            each.name: each for each in database.references() if each.table.startswith(f"`{name_of(shared)}`")
        }
        remarks = database.remarks(list(tables.values()))
    assert {name: each.key for name, each in tables.items()} == {
        "keyless": (),
        "kinds": ("id",),
        "log": ("id",),
        "loose": ("code", "part"),
        "person": ("id",),
        "place": ("id",),
        "plain": ("id",),
        "searched": ("id",),
        "split": ("id",),
        "visit": ("person_id", "place_id"),
    }
    assert [name for name, each in tables.items() if each.obstacle] == ["plain"]
    assert "MyISAM" in tables["plain"].obstacle
    assert [column.is_required for column in tables["visit"].columns] == [True, True, False, True]
    assert [column.is_identity for column in tables["log"].columns] == [True, False]
    assert not tables["log"].columns[0].is_required
    assert {(each.table.rpartition(".")[2], each.columns, each.on_delete) for each in references.values()} == {
        ("`log`", ("visitor",), "set null"),
        ("`place`", ("person_id",), "cascade"),
        ("`visit`", ("person_id",), references["visit_person"].on_delete),
        ("`visit`", ("place_id",), "cascade"),
    }
    assert references["visit_person"].on_delete in ("restrict", "no action")
    assert references["visit_place"].parent == tables["place"].sql
    said = {(each.table.rpartition("`.")[2], each.kind, each.name, each.changes_inserts) for each in remarks}
    assert said >= {
        ("`person`", "trigger", "before_person", True),
        ("`person`", "trigger", "after_person", False),
        ("`log`", "identity column", "id", False),
        ("`plain`", "storage engine", "", False),
        ("`split`", "partition", "", False),
    }


def test_columns_are_described(shared: str) -> None:
    with begun(shared, writing=False) as database:
        kinds = table(database, shared, "kinds")
        generated = [each.name for each in database.remarks([kinds]) if each.kind == "generated column"]
    columns = {column.name: column for column in kinds.columns}
    assert columns["choice"].choices == ("x", "it's", "b\\c", "", "é")
    assert columns["flags"].choices == ()
    assert columns["latin"].type == "varchar(20) character set latin1"
    assert columns["word"].type == "varchar(50)"
    assert generated == ["twice", "kept"] == [name for name, column in columns.items() if column.is_generated]
    assert set(kinds.stored) == set(columns) - {"twice", "kept"}


@pytest.mark.parametrize("name", ["searched", "split"])
def test_a_table_that_no_temporary_one_can_copy_is_copied_in_part(shared: str, name: str) -> None:
    with begun(shared, writing=False) as database:
        whole = table(database, shared, name)
        copy = database.scratch_table(whole)
        database.execute(inserted(database, whole, values(database, whole), copy.sql))
        assert database.content(copy) == database.content(whole)


def test_reading_never_writes_and_temporary_tables_are_gone_at_its_end(mysql_server: MysqlServer, shared: str) -> None:
    with begun(shared, writing=False) as database:
        person = table(database, shared, "person")
        copy = database.scratch_table(person)
        database.execute(inserted(database, person, values(database, person), copy.sql))
        with pytest.raises(WriteError) as refused:
            database.execute(f"delete from {person.sql}")
        assert refused.value.kind == "read only"
        database.rollback()
        with pytest.raises(WriteError, match="exist"):
            database.count(copy)
    assert mysql_server.execute(name_of(shared), "select count(*) from person") == [(3,)]


def test_rows_arrive_while_others_are_written(shared: str) -> None:
    with begun(shared, writing=True) as database:
        place, person = table(database, shared, "place"), table(database, shared, "person")
        copy = database.scratch_table(place)
        for row in database.rows(place, place.stored):
            database.execute(inserted(database, place, [row.values], copy.sql))
            assert database.execute(f"update {person.sql} set level = level + 1 where id = 'a'") == 1
            assert len(values(database, person)) == 3
        assert database.content(copy) == database.content(place)
        next(database.rows(place, place.stored))
        assert database.count(place) == 3


def test_a_transaction_sees_one_instant(own: str, other: Callable[..., object]) -> None:
    with begun(own, writing=False) as database:
        person = table(database, own, "person")
        before = database.content(person)
        other("update person set level = 77", "commit")
        assert database.content(person) == before
        database.begin(writing=False)
        assert database.content(person) != before


@pytest.mark.parametrize("held", ["update person set level = 5 where id = 'a'", "delete from person where id = 'a'"])
def test_a_row_that_another_session_holds_is_not_waited_for(own: str, other: Callable[..., object], held: str) -> None:
    other("delete from visit where person_id = 'a' or place_id in ('p1', 'p2')", "commit", held)
    with begun(own, writing=True) as database:
        person = table(database, own, "person")
        assert len(values(database, person, "id = 'b'", lock=True)) == 1
        with pytest.raises(WriteError) as refused:
            values(database, person, database.condition(("id",), [("'a'",), ("'b'",)]), lock=True)
        assert refused.value.kind == "locked"
        with pytest.raises(WriteError, match="has failed"):
            database.execute(f"delete from {person.sql} where id = 'b'")
        with pytest.raises(WriteError, match="has failed"):
            database.commit()


def test_locked_rows_get_no_new_children(own: str, other: Callable[..., object]) -> None:
    with begun(own, writing=True) as database:
        values(database, table(database, own, "person"), "id = 'a'", lock=True)
        other("set innodb_lock_wait_timeout = 0")
        with pytest.raises(Exception, match="Lock wait timeout"):
            other("insert into place values ('p9', 'a', null)")
        other("insert into place values ('p9', 'b', null)", "rollback")


def test_a_child_that_came_later_is_counted_or_refused(own: str, other: Callable[..., object]) -> None:
    with begun(own, writing=True) as database:
        person, place = table(database, own, "person"), table(database, own, "place")
        of_a = database.condition(("person_id",), [("'a'",)])
        other("insert into place values ('p9', 'a', null)", "commit")
        assert len(values(database, person, "id = 'a'", lock=True)) == 1
        assert database.count(place) == 3
        assert noticed(lambda: database.count(place, of_a) == 3)


def test_a_row_that_was_changed_since_is_stale_or_differs(own: str, other: Callable[..., object]) -> None:
    with begun(own, writing=True) as database:
        person = table(database, own, "person")
        before = values(database, person, "id = 'a'")
        other("update person set level = 55 where id = 'a'", "commit")
        assert noticed(lambda: values(database, person, "id = 'a'", lock=True) != before)


def test_cascades_are_counted_by_asking(mysql_server: MysqlServer, shared: str) -> None:
    with begun(shared, writing=True) as database:
        tables = {name: table(database, shared, name) for name in ("person", "place", "visit", "log")}
        assert database.execute(f"delete from {tables['visit'].sql} where person_id = 'a'") == 1
        assert database.execute(f"delete from {tables['person'].sql} where id = 'a'") == 1
        assert [database.count(each) for each in tables.values()] == [2, 1, 2, 2]
        assert database.count(tables["log"], "visitor is null") == 1
        with pytest.raises(WriteError, match="visit_person") as refused:
            database.execute(f"delete from {tables['person'].sql} where id = 'c'")
        assert refused.value.kind == "other"
    counts = "select (select count(*) from person), (select count(*) from place), (select count(*) from visit)"
    assert mysql_server.execute(name_of(shared), counts) == [(3, 3, 4)]


def test_keys_of_several_columns_are_conditions(shared: str) -> None:
    with begun(shared, writing=False) as database:
        visit = table(database, shared, "visit")
        keys = [row.values for row in database.rows(visit, visit.key)]
        assert keys == [("'a'", "'p3'"), ("'b'", "'p1'"), ("'b'", "'p3'"), ("'c'", "'p3'")]
        assert database.count(visit, database.condition(visit.key, keys[::2])) == 2
        assert database.count(visit, database.condition(visit.key, [("'a'", "'p1'")])) == 0
        assert database.count(visit, database.condition(visit.key, [])) == 0
        reference = next(
            each for each in database.references() if each.name == "visit_place" and each.table == visit.sql
        )
        assert 0 < database.seconds_to_look_up(reference, ("'p3'",)) < 60


def test_one_rollback_at_a_time(mysql_server: MysqlServer, shared: str) -> None:
    with ExitStack() as stack:
        first = stack.enter_context(begun(shared, writing=True))
        stack.enter_context(begun(shared, writing=False))
        stack.enter_context(begun(plain(mysql_server.url("mysql")), writing=True))
        with pytest.raises(WriteError, match="another rollback") as refused:
            stack.enter_context(begun(shared, writing=True))
        assert refused.value.kind == "locked"
        first.rollback()
        stack.enter_context(begun(shared, writing=True))


def test_missing_rights_are_named_as_their_grants(
    mysql_server: MysqlServer, shared: str, user: Callable[..., str]
) -> None:
    limited = user(shared, "select, delete on person", "select on place", "insert (id) on place")
    tables = [f"`{name_of(shared)}`.`{name}`" for name in ("person", "place", "log")]
    needs = dict.fromkeys(tables, ("select", "insert", "update", "delete"))
    for writing in (False, True):
        with begun(limited, writing=writing) as database:
            missing = database.missing_rights(needs)
            assert [grant.rpartition(" to ")[0] for grant in missing] == [
                f"grant insert on {tables[0]}",
                f"grant update on {tables[0]}",
                *(f"grant {right} on {tables[1]}" for right in ("insert", "update", "delete")),
                *(f"grant {right} on {tables[2]}" for right in ("select", "insert", "update", "delete")),
            ]
            assert database.count(table(database, shared, "person")) == 3
    mysql_server.execute(None, *missing)
    with begun(limited, writing=False) as database:
        assert database.missing_rights(needs) == []
        with pytest.raises(WriteError) as refused:
            database.scratch_table(table(database, shared, "person"))
        assert refused.value.kind == "denied"
        assert "grant create temporary tables" in str(refused.value.next_step)


def test_what_the_user_may_not_do_is_denied(shared: str, user: Callable[..., str]) -> None:
    with begun(user(shared, "select on person"), writing=True) as database:
        with pytest.raises(WriteError) as refused:
            database.execute("delete from person where id = 'a'")
        assert refused.value.kind == "denied"
        assert any("PROCESS" in sentence for sentence in database.limits)
        assert database.other_writers(database.tables()) == []


def test_other_sessions_that_write_are_named(own: str, other: Callable[..., list[tuple[Any, ...]]]) -> None:
    with begun(own, writing=True) as database:
        person = table(database, own, "person")
        assert database.other_writers([person]) == []
        (number,) = other("update person set mail = 'new@club.example' where id = 'c'", "select connection_id()")[0]
        (sentence,) = database.other_writers([person])
        assert sentence.startswith(f"session {number} ")
        assert "club.example" not in sentence
        other("rollback")


def test_a_lost_connection_is_known(mysql_server: MysqlServer, own: str) -> None:
    with begun(own, writing=True) as database:
        assert database.execute("update person set level = 0") == 3
        ((number,),) = mysql_server.execute(
            None, f"select id from information_schema.processlist where db = '{name_of(own)}'"
        )
        mysql_server.execute(None, f"kill {number}")
        with pytest.raises(WriteError) as refused:
            database.commit()
        assert refused.value.kind == "lost"
        database.rollback()
        with pytest.raises(WriteError) as refused:
            database.begin(writing=False)
        assert refused.value.kind == "lost"
    assert mysql_server.execute(name_of(own), "select level from person") == [(9,), (9,), (9,)]


@pytest.mark.parametrize(
    "statement",
    [
        "create table t (id int)",
        "commit",
        "/* a */ truncate person",
        "set foreign_key_checks = 0",
        "/*!50000 commit */",
    ],
)
def test_nothing_ends_the_transaction_unasked(mysql_server: MysqlServer, shared: str, statement: str) -> None:
    with begun(shared, writing=True) as database:
        database.execute("/* a comment */ delete from log")
        with pytest.raises(WriteError, match="only rows"):
            database.execute(statement)
    assert mysql_server.execute(name_of(shared), "select count(*) from log") == [(2,)]


def test_a_server_without_room_is_known(mysql_server: MysqlServer, own: str) -> None:
    mysql_server.execute(
        name_of(own), "set max_heap_table_size = 16384", "create table small (a char(255)) engine = memory"
    )
    with begun(own, writing=True) as database:
        assert "MEMORY" in table(database, own, "small").obstacle
        with pytest.raises(WriteError) as refused:
            database.execute("insert into small values" + ", ".join(["('a')"] * 1000))
        assert refused.value.kind == "full"
        assert refused.value.next_step == "Make room on the server's disk, then try again"


def test_messages_hold_no_values(shared: str) -> None:
    statements = (
        "insert into person values ('z', 'a@club.example', 1)",
        "insert into person values ('z', 'x', 'it''s private') ",
        "insert into person ('private@club.example')",
        "insert into visit values ('b', 'p2', 'private@club.example', 1)",
    )
    for statement in statements:
        with begun(shared, writing=True) as database, pytest.raises(WriteError) as refused:
            database.execute(statement)
        assert "private" not in str(refused.value)
        assert "club.example" not in str(refused.value)
        assert "'…'" in str(refused.value)


def test_what_is_not_committed_is_undone(mysql_server: MysqlServer, own: str) -> None:
    parsed = parse_url(own, "the test")
    with open_for_writing(parsed) as database:
        database.begin(writing=True)
        database.execute("delete from log")
    assert mysql_server.execute(name_of(own), "select count(*) from log") == [(2,)]
    with open_for_writing(parsed) as database:
        database.begin(writing=True)
        database.execute("delete from log")
        database.commit()
        database.begin(writing=True)
    assert mysql_server.execute(name_of(own), "select count(*) from log") == [(0,)]


def test_the_database_is_the_one_that_a_backup_names(shared: str) -> None:
    parsed, backups = parse_url(shared, "the test"), kind_of_database("mysql")
    assert backups is not None
    with open_for_writing(parsed) as database:
        assert database.identity == backups.identity(parsed)
        assert database.label.startswith(("MariaDB", "MySQL"))
        assert database.label.endswith(parsed.label)
        assert database.kind == "mysql"


@pytest.mark.skipif(not is_installed(), reason="MariaDB is not installed")
def test_a_server_that_takes_no_writes_is_refused() -> None:
    with running_mariadb(with_tls=False) as (server, _):
        server.execute(None, "create database club", "set global read_only = 1")
        with begun(plain(server.url("club")), writing=False) as database:
            with pytest.raises(WriteError, match="read_only") as refused:
                database.begin(writing=True)
            assert refused.value.kind == "read only"
