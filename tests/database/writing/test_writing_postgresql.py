"""Rollback's access to a real PostgreSQL: what is read comes back, and what stands in the way is said."""

from __future__ import annotations

from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pgbouncer import PROGRAM, running_pgbouncer

from recon.backup.kinds import kind_of_database
from recon.database import parse_url
from recon.database.writing import Content, Reference, TargetTable, WriteError, open_for_writing
from recon.database.writing.postgresql_transaction import LOCK_KEY
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgres import Cluster

    from recon.database.writing import WritableDatabase

HERE = Path(__file__).parent
KINDS = HERE.parents[1] / "backup" / "kinds.sql"
SECRET = "Pl4ntedS3cret"  # noqa: S105 - made up, to be searched for
ROLES = count()
FACTS = "writing_facts"
VALUES = "writing_values"


@pytest.fixture(scope="module")
def url(cluster: Cluster) -> Iterator[str]:
    """A database with all that hangs on tables; each test undoes what it does."""
    made = cluster.create_database(FACTS)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute((HERE / "hangers_on.sql").read_bytes())
    yield made
    cluster.drop_database(FACTS)


@pytest.fixture(scope="module")
def values_url(cluster: Cluster) -> Iterator[str]:
    """A database with values of every type, under settings that change their texts."""
    made = cluster.create_database(VALUES)
    with psycopg.connect(made, autocommit=True) as connection:
        connection.execute(KINDS.read_text(encoding="utf-8").replace("database kinds", f"database {VALUES}").encode())
        connection.execute((HERE / "types.sql").read_bytes())
    yield made
    cluster.drop_database(VALUES)


@pytest.fixture
def role(cluster: Cluster, url: str) -> Iterator[Callable[..., str]]:
    """Makes a role with these rights, and returns the URL with which it connects."""
    made = []

    def make(*statements: str) -> str:
        made.append(f"writer_{next(ROLES)}")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"create role {made[-1]} login password '{SECRET}'".encode())
            for statement in statements:
                connection.execute(statement.format(role=made[-1]).encode())
        return cluster.url(FACTS, made[-1], SECRET)

    yield make
    with psycopg.connect(url, autocommit=True) as connection:
        for name in made:
            connection.execute(f"drop owned by {name}; drop role {name}".encode())


@contextmanager
def opened(url: str, *, writing: bool = True) -> Iterator[WritableDatabase]:
    with open_for_writing(parse_url(url, "the test")) as database:
        database.begin(writing=writing)
        yield database


@contextmanager
def undone(url: str, application: str = "") -> Iterator[psycopg.Connection]:
    """Another session, whose transaction is undone at the end."""
    with psycopg.connect(url, application_name=application) as connection:
        yield connection
        connection.rollback()


def tables_of(database: WritableDatabase) -> dict[str, TargetTable]:
    return {table.name: table for table in database.tables()}


def inserted(
    database: WritableDatabase, table: TargetTable, rows: list[tuple[str, ...]], into: str | None = None
) -> None:
    for values in rows:
        database.execute(f"{database.insert_head(table, into)} ({', '.join(values)})")


def values_in(database: WritableDatabase, table: TargetTable) -> list[tuple[str, ...]]:
    return [row.values for row in database.rows(table, table.stored)]


def state_of(url: str, transaction: str | None) -> str | None:
    with open_for_writing(parse_url(url, "the test")) as another:
        return another.status_of(transaction or "")


def test_every_kind_of_value_comes_back_to_a_scratch_table_and_to_its_own(values_url: str) -> None:
    names = {'Ty"pes', "child", "keyed", "one", "p", "parent"}
    with opened(values_url) as database:
        for table in (table for name, table in tables_of(database).items() if name in names):
            whole, rows = database.content(table), values_in(database, table)
            assert whole.rows == len(rows) > 0
            scratch = database.scratch_table(table)
            inserted(database, table, rows, scratch.sql)
            assert (database.content(scratch), values_in(database, scratch)) == (whole, rows), table.name
            assert database.execute(f"delete from {table.sql}") == whole.rows
            assert database.content(table) == Content()
            inserted(database, table, rows)
            assert (database.content(table), values_in(database, table)) == (whole, rows), table.name


def test_texts_of_values_do_not_depend_on_what_is_set(values_url: str) -> None:
    with opened(values_url, writing=False) as database:
        table = tables_of(database)["p"]
        (first, second) = values_in(database, table)
        whole = database.content(table)
    assert first == ("'1'", "'$3.40'", "E'\\\\x00ff'", "'0.1'", "'1 mon 02:00:00'", "'2024-06-01 12:00:00+00'")
    assert second[1:] == ("NULL", "E'\\\\x'", "'NaN'", "NULL", "'infinity'")
    with opened(f"{values_url}?options=-c%20extra_float_digits%3D-9", writing=False) as database:
        assert database.content(table) == whole


def test_a_script_means_the_same_to_any_client(values_url: str) -> None:
    with open_for_writing(parse_url(values_url, "the test")) as database:
        database.begin(writing=False)
        table = tables_of(database)['Ty"pes']
        rows = values_in(database, table)
    statements = [f"{database.insert_head(table, 's')} ({', '.join(values)})" for values in rows]
    both = f"(select (s.*)::text from s) except (select ({table.sql}.*)::text from {table.sql})"
    with psycopg.connect(values_url, autocommit=True, client_encoding="LATIN1") as client:
        client.execute(b"set intervalstyle = 'sql_standard'")
        for statement in database.preamble:
            client.execute(statement.encode())
        client.execute(f"create temp table s (like {table.sql} including all) on commit drop".encode())
        for statement in statements:
            client.execute(statement.encode())
        assert client.execute(b"select count(*) from s").fetchone() == (len(rows),)
        assert client.execute(both.encode()).fetchall() == []


def test_what_is_tried_out_in_scratch_tables_cannot_reach_others(url: str) -> None:
    with open_for_writing(parse_url(url, "the test")) as database, opened(url):
        database.begin_scratch()
        watched = tables_of(database)["watched"]
        scratch = database.scratch_table(watched)
        rows = values_in(database, watched)
        inserted(database, watched, rows, scratch.sql)
        assert values_in(database, scratch) == rows
        with pytest.raises(WriteError) as refused:
            database.execute(f"delete from {watched.sql}")
        assert refused.value.kind == "read only"
        database.begin(writing=False)
        assert database.count(watched) == len(rows)


def test_references_are_always_checked(url: str) -> None:
    with opened(url, writing=False) as database:
        assert not database.can_skip_references
        with pytest.raises(WriteError, match="refer to rows which do not exist"):
            database.begin_unchecked()


def test_the_schema_is_the_one_that_is_verified(url: str) -> None:
    for given, schema in (("", "public"), ("?schema=clo%22sed", 'clo"sed')):
        with open_for_writing(parse_url(url + given, "the test")) as database:
            assert database.schema == schema


def test_the_content_of_parts_adds_up_and_tells_what_is_alike_apart(values_url: str) -> None:
    with opened(values_url) as database:
        table = tables_of(database)["one"]
        empty, missing = database.content(table, "t = ''"), database.content(table, "t is null")
        rest = database.content(table, "t > ''")
        assert empty + missing + rest == database.content(table)
        assert database.content(table) - rest - missing == empty
        assert empty.digest != missing.digest
        assert (empty.rows, database.count(table, "t is null")) == (1, 1)


@pytest.mark.parametrize("text", [None, "", "a'b", "a\\b", "\\'", "E'\n\t\r\x01", "é \U0001f600 %s {x}", "NULL"])
def test_a_literal_is_the_servers_own(text: str | None, url: str) -> None:
    with opened(url, writing=False) as database, psycopg.connect(url) as connection:
        assert connection.execute(b"select quote_nullable(%s::text)", [text]).fetchone() == (database.literal(text),)


def test_a_text_that_the_server_cannot_store_has_no_literal(url: str) -> None:
    with opened(url, writing=False) as database, pytest.raises(WriteError, match="character 0"):
        database.literal("a\0b")


def test_text_that_cannot_be_written_as_utf_8_is_refused(cluster: Cluster) -> None:
    name = "writing_bytes"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} encoding 'SQL_ASCII' template template0".encode())
    with psycopg.connect(cluster.url(name), client_encoding="SQL_ASCII") as connection:
        connection.execute(b"create table t (a text); insert into t values ('caf\xe9')")
    with opened(cluster.url(name)) as database, pytest.raises(WriteError, match="invalid byte sequence") as refused:
        list(database.rows(tables_of(database)["t"], ("a",)))
    assert "Restore the backup" in str(refused.value.next_step)
    cluster.drop_database(name)


def test_tables_are_told_with_their_keys_and_obstacles(url: str) -> None:
    with opened(url, writing=False) as database:
        tables = tables_of(database)
    assert "parted_low" not in tables
    assert {name: tables[name].key for name in ("plain", "by_unique", "keyless", "parted", "Wëird")} == {
        "plain": ("id",),
        "by_unique": ("b", "a"),
        "keyless": (),
        "parted": ("id",),
        "Wëird": ("key",),
    }
    assert (tables["plain"].rows, tables["child"].rows, tables["parted"].rows) == (2, None, 0)
    assert (tables["plain"].sql, tables["plain"].schema) == ('"public"."plain"', "public")
    obstacles = {name: table.obstacle for name, table in tables.items() if table.obstacle}
    assert list(obstacles) == ["distant", "unidentified"]
    assert "on another server" in obstacles["distant"]
    assert "replica identity" in obstacles["unidentified"]
    columns = {column.name: column for column in tables["plain"].columns}
    assert [name for name, column in columns.items() if column.is_required] == ["id", "current"]
    assert {name: column.choices for name, column in columns.items() if column.choices} == {
        "current": ("draft", "done"),
        "other": ("draft", "done"),
    }
    assert columns["current"].type == "public.required_state"
    number, twice = tables["numbered"].columns
    assert (number.is_identity, number.is_required, twice.is_generated) == (True, False, True)
    assert tables["numbered"].stored == ("id",)


def test_a_table_without_columns_has_an_obstacle(values_url: str) -> None:
    with opened(values_url, writing=False) as database:
        assert "no columns" in tables_of(database)["t;\n-- x"].obstacle


def test_references_are_told_with_what_a_delete_does_and_how_it_is_found(url: str) -> None:
    with opened(url, writing=False) as database:
        found = {reference.columns: reference for reference in database.references()}
    child, plain = '"public"."child"', '"public"."plain"'
    assert {columns: each.on_delete for columns, each in found.items() if each.parent == plain} == {
        ("cascaded",): "cascade",
        ("defaulted",): "set default",
        ("late",): "no action",
        ("restricted",): "restrict",
        ("nulled",): "set null",
        ("plain_id",): "no action",
    }
    assert found["pair_b", "pair_a"] == Reference(
        "pair", child, ("pair_b", "pair_a"), '"public"."by_unique"', ("b", "a"), "no action"
    )
    without = {columns for columns, each in found.items() if not each.has_index}
    assert without == {("defaulted",), ("late",), ("parent",), ("part",), ("whole",), ("plain_id",)}
    assert [columns for columns, each in found.items() if each.is_deferred] == [("late",)]
    # A reference to a partition is one to its table.
    assert {found[name,].parent for name in ("part", "whole")} == {'"public"."parted"'}


def test_what_hangs_on_tables_is_told_with_its_meaning(url: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(b"select pg_create_physical_replication_slot('recon_slot', true)")
        try:
            with opened(url, writing=False) as database:
                found = database.remarks(database.tables())
        finally:
            connection.execute(b"select pg_drop_replication_slot('recon_slot')")
    told = {(each.table.split(".")[-1].strip('"'), each.kind, each.name): each for each in found}
    assert set(told) == {
        ("t t", "replication slot", "recon_slot"),
        ("base", "inheritance", ""),
        ("booked", "exclusion constraint", "no_overlap"),
        ("by_unique", "disabled foreign key", "pair"),
        ("child", "deferred constraint", "child_late_fkey"),
        ("child", "foreign key without index", "child_parent_fkey"),
        ("heir", "inheritance", "base"),
        ("kept_by_subscribers", "publication", "inserts_alone"),
        ("keyless", "deferred constraint", "keyless_a_key"),
        ("numbered", "generated column", "twice"),
        ("numbered", "identity column", "id"),
        ("parted", "foreign key without index", "of_part_part_fkey"),
        ("parted", "foreign key without index", "of_part_whole_fkey"),
        ("parted", "partition", ""),
        ("parted", "trigger", "on_part"),
        ("plain", "deferred constraint", "child_late_fkey"),
        ("plain", "foreign key without index", "child_defaulted_fkey"),
        ("plain", "foreign key without index", "child_late_fkey"),
        ("plain", "foreign key without index", "parted_plain_id_fkey"),
        ("published", "publication", "whole"),
        ("ruled", "rule", "also"),
        ("ruled", "rule", "keep"),
        ("secured", "row level security", ""),
        ("unidentified", "publication", "whole"),
        ("unlogged", "unlogged table", ""),
        ("watched", "trigger", "On Delete"),
        ("watched", "trigger", "after_insert"),
        ("watched", "trigger", "each_statement"),
        ("watched", "trigger", "idle"),
        ("watched", "trigger", "on_insert"),
        ("watched", "trigger", "on_replica"),
    }
    altering = {name for (_, _, name), each in told.items() if each.changes_inserts}
    assert altering == {"on_insert", "on_part", "also"}
    says = {name: each.meaning for (_, _, name), each in told.items()}
    assert "disabled" in says["idle"]
    assert "keep a row from being deleted" in says["On Delete"]
    assert "before each row of INSERT or UPDATE" in says["on_insert"]
    assert "nobody is reading" in says["recon_slot"]
    assert "keep the rows" in says["inserts_alone"]
    assert "delete the same rows" in says["whole"]


def test_statements_that_change_rows_run_the_triggers_that_depend_on_the_search_path(url: str) -> None:
    with opened(url) as database:
        tables = tables_of(database)
        where = database.condition(["id"], [("'1'",)])
        assert database.execute(f"delete from {tables['watched'].sql} where {where}") == 1
        assert values_in(database, tables["audit"]) == [("'DELETE'",)]


def test_rows_are_named_by_one_or_several_columns(url: str) -> None:
    with opened(url, writing=False) as database:
        tables = tables_of(database)
        one = database.condition(("id",), [("'2'",), ("'3'",), ("NULL",)])
        two = database.condition(("b", "a"), [("'y'", "'1'"), ("'x'", "'2'"), ("'x'", "NULL")])
        assert [row.values for row in database.rows(tables["watched"], ("label",), one)] == [("'two'",), ("'three'",)]
        assert [row.values for row in database.rows(tables["by_unique"], ("a", "b"), two)] == [
            ("'2'", "'x'"),
            ("'1'", "'y'"),
        ]
        assert database.count(tables["watched"], database.condition(("id",), [("NULL",)])) == 0
        many = [(f"'{number}'",) for number in range(database.chunk)]
        assert database.count(tables["watched"], database.condition(("id",), many)) == 3


def test_rows_have_a_version_that_changes_with_them(url: str) -> None:
    with opened(url) as database:
        watched = tables_of(database)["watched"]
        before = {row.values: row.version for row in database.rows(watched, ("id",))}
        database.execute("update watched set label = 'new' where id = 1")
        after = {row.values: row.version for row in database.rows(watched, ("id",))}
    assert {key for key, version in after.items() if version != before[key]} == {("'1'",)}


def test_looking_for_references_is_measured(url: str) -> None:
    with opened(url, writing=False) as database:
        found = [
            database.seconds_to_look_up(reference, ("'1'",) * len(reference.columns))
            for reference in database.references()
            if reference.name != "pair"
        ]
    assert all(0 < seconds < 60 for seconds in found)


def test_rows_that_another_session_holds_are_not_waited_for(url: str) -> None:
    with undone(url) as other:
        other.execute(b"update watched set label = 'theirs' where id = 2")
        with opened(url) as database, pytest.raises(WriteError) as refused:
            list(database.rows(tables_of(database)["watched"], ("id",), lock=True))
    assert refused.value.kind == "locked"
    assert "wait until it has ended" in str(refused.value.next_step)


def test_rows_that_are_locked_cannot_be_referred_to(url: str) -> None:
    with opened(url) as database, psycopg.connect(url) as other:
        assert len(list(database.rows(tables_of(database)["plain"], ("id",), lock=True))) == 2
        other.execute(b"set lock_timeout = 1")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            other.execute(b"insert into child (id, cascaded) values (99, 1)")


def test_a_row_that_was_changed_since_the_transaction_began_makes_it_stale(url: str) -> None:
    with opened(url) as database, psycopg.connect(url, autocommit=True) as other:
        plain = tables_of(database)["plain"]
        other.execute(b"update plain set label = label where id = 2")
        with pytest.raises(WriteError) as refused:
            list(database.rows(plain, ("id",), lock=True))
        assert refused.value.kind == "stale"
        with pytest.raises(WriteError, match="nothing was committed"):
            database.commit()
        database.begin(writing=True)
        assert len(list(database.rows(plain, ("id",), lock=True))) == 2


def test_one_rollback_at_a_time_holds_the_lock(url: str) -> None:
    with open_for_writing(parse_url(url, "the test")) as second:
        with opened(url) as first:
            with pytest.raises(WriteError) as refused:
                second.begin(writing=True)
            assert (refused.value.kind, str(LOCK_KEY) in str(refused.value.next_step)) == ("locked", True)
            second.begin(writing=False)
            first.commit()
            second.begin(writing=True)
            with pytest.raises(WriteError):
                first.begin(writing=True)
        second.rollback()


def test_a_role_that_may_only_read_can_plan(role: Callable[..., str]) -> None:
    reader = role("grant select on all tables in schema public to {role}")
    with opened(reader, writing=False) as database:
        tables = database.tables()
        assert database.remarks(tables)
        plain, child = tables_of(database)["plain"], tables_of(database)["child"]
        assert len(list(database.rows(plain, plain.stored))) == database.content(plain).rows == 2
        name = f'"{parse_url(reader, "the test").user}"'
        assert database.missing_rights({plain.sql: ["select", "delete"], child.sql: ["select"]}) == [
            f"grant delete, update on {plain.sql} to {name}"
        ]
        assert database.other_writers(tables) == []
    with opened(reader) as database, pytest.raises(WriteError) as refused:
        database.execute(f"delete from {plain.sql}")
    assert refused.value.kind == "denied"
    assert "permission denied" in str(refused.value)


def test_the_rights_that_are_missing_are_granted_as_they_are_written(url: str, role: Callable[..., str]) -> None:
    writer = role()
    with opened(writer) as database:
        table = tables_of(database)["t t"]
        grants = database.missing_rights({table.sql: ["insert", "delete"]})
    assert [grant.split(" to ")[0] for grant in grants] == [
        'grant usage on schema "clo""sed"',
        'grant insert, delete, update on "clo""sed"."t t"',
    ]
    with psycopg.connect(url, autocommit=True) as connection:
        for grant in grants:
            connection.execute(grant.encode())
    with opened(writer) as database:
        assert database.missing_rights({table.sql: ["insert", "delete", "update"]}) == []


def test_a_role_without_temporary_tables_is_told_what_to_ask_for(url: str, role: Callable[..., str]) -> None:
    writer = role(
        "grant select on all tables in schema public to {role}", f"revoke temp on database {FACTS} from public"
    )
    with opened(writer) as database, pytest.raises(WriteError) as refused:
        database.scratch_table(tables_of(database)["plain"])
    assert refused.value.kind == "denied"
    assert "grant temporary on database" in str(refused.value.next_step)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"grant temp on database {FACTS} to public".encode())
    with opened(writer) as database:
        assert database.count(database.scratch_table(tables_of(database)["plain"])) == 0


@pytest.mark.parametrize("asked", ["rows", "content", "execute"])
def test_hidden_rows_are_an_error(asked: str, role: Callable[..., str]) -> None:
    limited = role("grant select, update, delete on secured to {role}")
    with opened(limited) as database:
        secured = tables_of(database)["secured"]
        (remark,) = database.remarks([secured])
        assert "hide rows from this role" in remark.meaning
        asking: dict[str, Callable[[], object]] = {
            "rows": lambda: list(database.rows(secured, ("id",))),
            "content": lambda: database.content(secured),
            "execute": lambda: database.execute("delete from secured"),
        }
        with pytest.raises(WriteError, match="row-level security") as refused:
            asking[asked]()
        assert (refused.value.kind, "BYPASSRLS" in str(refused.value.next_step)) == ("denied", True)


def test_sessions_that_write_to_the_tables_are_named_without_what_they_send(url: str) -> None:
    with undone(url, "importer") as other, undone(url) as third:
        other.execute(b"insert into parted_low values (5)")
        third.execute(b"select 1 from watched")
        with psycopg.connect(url, autocommit=True) as prepared:
            for statement in ("begin", "update plain set label = 'secret' where id = 1", "prepare transaction 'recon'"):
                prepared.execute(statement.encode())
        with opened(url) as database:
            tables = database.tables()
            database.execute("delete from watched where id = 1")
            found = database.other_writers(tables)
            assert database.other_writers([table for table in tables if table.name == "watched"]) == []
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(b"rollback prepared 'recon'")
        pid = other.info.backend_pid
    audited, parted, plain = found
    assert f"session {pid} of" in audited
    assert parted.startswith(f'session {pid} of postgres (importer) has been writing to "public"."parted" in a')
    assert plain.startswith("prepared transaction 'recon' of postgres has been writing to")
    assert all(" since 20" in each and each.endswith(" UTC") and "secret" not in each for each in found)


def test_a_role_whose_transactions_are_read_only_is_refused_at_once(role: Callable[..., str]) -> None:
    limited = role("alter role {role} set default_transaction_read_only = on")
    with pytest.raises(WriteError) as refused, opened(limited):
        pass
    assert (refused.value.kind, "default_transaction_read_only" in str(refused.value.next_step)) == ("read only", True)


def test_a_session_that_would_not_run_triggers_is_refused(role: Callable[..., str]) -> None:
    replica = role("alter role {role} set session_replication_role = replica")
    with pytest.raises(WriteError, match="as a replica does"), opened(replica):
        pass


def test_what_only_reads_cannot_write(url: str) -> None:
    with opened(url, writing=False) as database:
        plain = tables_of(database)["plain"]
        for writing in (lambda: database.execute("delete from watched"), lambda: database.scratch_table(plain)):
            with pytest.raises(WriteError) as refused:
                writing()
            assert refused.value.kind == "read only"
            database.begin(writing=False)


def test_a_refusal_says_nothing_of_what_rows_hold(url: str) -> None:
    with opened(url) as database, pytest.raises(WriteError, match="duplicate key value") as refused:
        database.execute("insert into watched (id, label) values (1, 'ann@example.org'), (1, 'x')")
    assert (refused.value.kind, str(refused.value)) == (
        "other",
        'duplicate key value violates unique constraint "watched_pkey"',
    )


def test_a_violation_of_a_deferred_constraint_is_told_when_committing(url: str) -> None:
    with opened(url) as database:
        database.execute("insert into child (id, late) values (77, 12345)")
        with pytest.raises(WriteError, match="child_late_fkey") as refused:
            database.commit()
        assert refused.value.kind == "other"
        database.begin(writing=False)
        assert database.count(tables_of(database)["child"], "id = 77") == 0


@pytest.mark.parametrize("ends", ["commit", "rollback"])
def test_what_became_of_a_transaction_is_known_afterwards(ends: str, url: str) -> None:
    with opened(url) as database:
        name = database.transaction_id()
        assert state_of(url, name) == "in progress"
        getattr(database, ends)()
        assert state_of(url, name) == {"commit": "committed", "rollback": "aborted"}[ends]
    assert state_of(url, "999999999999") is None


def test_a_connection_that_is_lost_leaves_the_commit_in_doubt(url: str) -> None:
    with opened(url) as database, psycopg.connect(url, autocommit=True) as administrator:
        name = database.transaction_id()
        end = b"select pg_terminate_backend(pid, 60000) from pg_locks where locktype = 'advisory' and granted"
        assert administrator.execute(end).fetchall() == [(True,)]
        with pytest.raises(WriteError) as refused:
            database.commit()
        assert (refused.value.kind, "may have been committed" in str(refused.value.next_step)) == ("lost", True)
        with pytest.raises(WriteError) as again:
            database.count(TargetTable('"public"."plain"', "public", "plain", (), ()))
        assert (again.value.kind, "nothing was committed" in str(again.value.next_step)) == ("lost", True)
        database.rollback()
    assert state_of(url, name) == "aborted"


def test_the_database_is_named_as_in_a_backup_and_without_its_user(url: str) -> None:
    address, backup = parse_url(url, "the test"), kind_of_database("postgresql")
    with open_for_writing(address) as database:
        assert backup is not None
        assert backup.identity(address) == database.identity
        assert set(database.identity) == {"system_identifier", "database_oid", "database"}
        assert database.label.startswith("PostgreSQL ")
        assert database.label.endswith(address.label)
        assert "postgres:" not in database.label


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
def test_a_pooler_that_hands_on_connections_between_transactions_will_do(cluster: Cluster, url: str) -> None:
    with running_pgbouncer(cluster, {"pooled": f"dbname={FACTS} pool_mode=transaction pool_size=1"}) as pooler:
        address = pooler.url("pooled")
        with open_for_writing(parse_url(address, "the test")) as one, psycopg.connect(address) as other:
            one.begin(writing=True)
            tables = tables_of(one)
            watched = tables["watched"]
            rows = values_in(one, watched)
            inserted(one, watched, rows, one.scratch_table(watched).sql)
            assert len(list(one.rows(watched, ("id",), lock=True))) == len(rows)
            assert one.execute(f"delete from {quote('public', 'watched')}") == len(rows)
            name = one.transaction_id()
            one.rollback()
            # The only connection is free again, and nothing of the transaction is left on it.
            left = b"select count(*) from pg_locks where locktype = 'advisory' and pid = pg_backend_pid()"
            assert other.execute(left).fetchone() == (0,)
            shown = other.execute(b"select current_setting('lock_timeout'), current_setting('row_security')").fetchone()
            assert shown == ("0", "on")
            other.rollback()
            assert one.status_of(name or "") == "aborted"
    assert state_of(url, name) == "aborted"
