from __future__ import annotations

import gc
import json
import os
import socket
import subprocess
import sys
from collections import Counter
from contextlib import closing, contextmanager
from dataclasses import dataclass
from itertools import count
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import quote
from uuid import uuid4

import polars as pl
import psycopg
import pytest
from postgres import load_rows, load_schema
from psycopg import sql
from soaking import rounds
from support import Finished, check_of, given_up_soon, let_go_at_last, outcomes, run_recon, verify_url, wait_until

from recon.cli import cli, execute
from recon.database import Catalogue, Query, ReadError, SelectColumn, open_source, parse_url
from recon.errors import DatabaseError
from recon.profile import load_profile
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from postgres import Cluster

    from recon.demo import Club, DemoPaths

SECRET = "Pl4ntedS3cret"  # noqa: S105 - made up, to be searched for
AWKWARD = f"{SECRET}#@/:?%&= ü'\"\\"
ROLES = count()
DRIVERS = {"": "ADBC", "?driver=adbc": "ADBC", "?driver=connectorx": "connectorx"}
TABLES = ("MembershipStatus", "Member", "Event", "EventRegistration", "MembershipTier", "WaIdMapping", "AuditLog")


def edit(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def rows_of(url: str, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(statement.encode()).fetchall()


@contextmanager
def snapshot_of(url: str, *requires: str) -> Iterator[Warehouse]:
    """The warehouse after a snapshot of what `requires` names."""
    source = open_source(parse_url(url, "the test"))
    try:
        with Warehouse() as warehouse:
            take_snapshot(source, load_profile(), requires, warehouse)
            yield warehouse
    finally:
        source.close()


def with_password(url: str, user: str, password: str) -> str:
    """The URL of the same database for another user."""
    return f"postgresql://{user}:{quote(password, safe='')}@{url.partition('@')[2]}"


def all_as_text(url: str, *only: str) -> None:
    """Turn uuid columns (all, or those named "Table.column") into text; foreign keys go."""
    keys = "select conrelid::regclass::text, conname from pg_constraint where contype = 'f'"
    edit(url, *(f'alter table {table} drop constraint "{name}"' for table, name in rows_of(url, keys)))
    columns = rows_of(
        url,
        "select table_name, column_name from information_schema.columns "
        "where table_schema = 'public' and data_type = 'uuid'",
    )
    chosen = [(table, column) for table, column in columns if not only or f"{table}.{column}" in only]
    edit(url, *(f'alter table "{table}" alter "{column}" type text' for table, column in chosen))


@pytest.fixture
def role(cluster: Cluster) -> Callable[[str], str]:
    """Makes a role that may log in with the password given, and nothing more."""

    def make(password: str = SECRET) -> str:
        name = f"reader_{next(ROLES)}"
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            command = sql.SQL("create role {} login password {}")
            connection.execute(command.format(sql.Identifier(name), sql.Literal(password)))
        return name

    return make


@pytest.fixture
def refused_read(role: Callable[[str], str]) -> Callable[[str, str], str]:
    """Makes the URL of a role that may read every table but one."""

    def make(url: str, table: str) -> str:
        name = role(SECRET)
        edit(url, f"grant select on all tables in schema public to {name}", f'revoke select on "{table}" from {name}')
        return with_password(url, name, SECRET)

    return make


@pytest.mark.parametrize("driver, name", DRIVERS.items())
def test_a_clean_club_passes_in_the_newer_generation(
    driver: str, name: str, demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    verification = verify_url(demo.bundle, postgres_club("newer") + driver)
    assert f"through {name}" in verification.snapshot.database
    assert set(outcomes(verification).values()) == {"PASS"}
    assert verification.snapshot.consistent
    assert "REPEATABLE READ" in verification.snapshot.guarantee
    assert verification.counts_database == {"members": 60, "events": 12, "registrations": 150}


def test_an_older_database_without_audit_log_records_no_run(
    demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("older")
    edit(url, 'drop table "AuditLog"')
    check = check_of(verify_url(demo.bundle, url), "run_id_match")
    assert check.outcome == "WARN"
    assert "not recorded" in check.message


ORPHANED = (
    "set session_replication_role = replica",
    """insert into "EventRegistration" (id, "eventId", "memberId", "registeredAt", "updatedAt")
       values ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002',
               '00000000-0000-4000-8000-000000000003', now(), now())""",
)


@pytest.mark.parametrize(
    "as_text",
    [
        pytest.param(None, id="uuid"),
        pytest.param((), id="text"),
        pytest.param(("Member.id",), id="text and uuid: key"),
        pytest.param(("EventRegistration.memberId", "EventRegistration.eventId"), id="uuid and text: references"),
        pytest.param(("Member.membershipTierId", "WaIdMapping.murmurantId"), id="uuid and text: tier, mapping"),
    ],
)
def test_ids_of_either_kind_are_compared_with_each_other(
    as_text: tuple[str, ...] | None, demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    if as_text is not None:
        all_as_text(url, *as_text)
    edit(url, *ORPHANED)
    verification = verify_url(demo.bundle, url)
    violations = check_of(verification, "orphaned_registrations").violations
    unpassed = {check for check, outcome in outcomes(verification).items() if outcome != "PASS"}
    assert unpassed == {"orphaned_registrations", "registration_count", "unexpected_records"}
    assert violations.height == 1
    assert str(violations["registration_id"][0]) == "00000000-0000-4000-8000-000000000001"
    assert violations["missing_side"].to_list() == ["member and event"]


@pytest.mark.parametrize(
    "as_text, wa_ids",
    [
        pytest.param(None, ["7"], id="integer"),
        pytest.param("'WA00' || \"waId\"", ["WA007"], id="text"),
    ],
)
def test_wild_apricot_ids_are_integers_or_text(
    as_text: str | None, wa_ids: list[str], demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    twice = """insert into "WaIdMapping" (id, "entityType", "waId", "murmurantId", "updatedAt")
               select gen_random_uuid(), 'Member', 7, id, now() from "Member" order by id limit 2"""
    edit(url, 'alter table "WaIdMapping" drop constraint "WaIdMapping_entityType_waId_key"', twice)
    if as_text:
        edit(url, f'alter table "WaIdMapping" alter "waId" type text using {as_text}')
    violations = check_of(verify_url(demo.bundle, url), "duplicate_id_mappings").violations
    twice_mapped = violations.filter(pl.col("problem").str.contains("more than once"))
    assert twice_mapped["wa_id"].to_list() == wa_ids
    assert twice_mapped["occurrences"].to_list() == [2]


@pytest.mark.parametrize("driver", ["", "?driver=connectorx"])
def test_enums_and_booleans_arrive_by_their_names(driver: str, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer") + driver
    edit(url.partition("?")[0], """update "Event" set status = 'CANCELED', "isPublished" = false""")
    with snapshot_of(url, "target.events.status", "target.events.is_published") as warehouse:
        rows = warehouse.rows("select distinct status, is_published from target.events")
    assert rows == [{"status": "CANCELED", "is_published": False}]


FOREVER, LONG_AGO = "9999-12-31 23:59:59.999", "0001-01-01 00:00:00"


# Type of the column → what is written, and the instant that arrives; each type is that of another column.
TIMES = {
    "timestamp": {
        "2024-01-15 14:20:00.123": "2024-01-15 14:20:00.123",
        "infinity": FOREVER,
        "-infinity": LONG_AGO,
        "294276-12-31 23:59:59": FOREVER,
        "0044-03-15 12:00:00 BC": "0044-03-15 (BC) 12:00:00",
        "202403-03-01 18:00:00": "202403-03-01 18:00:00",
    },
    "timestamptz": {
        "2024-01-15 14:20:00+05:30": "2024-01-15 08:50:00",
        "2024-01-15 14:20:00": "2024-01-15 19:20:00",
        "infinity": FOREVER,
        "-infinity": LONG_AGO,
        "294276-12-31 23:59:59+00": FOREVER,
    },
    "date": {"2024-01-15": "2024-01-15 00:00:00", "infinity": FOREVER, "5874897-12-31": FOREVER},
    "text": {
        "2024-01-15T14:20:00+05:30": "2024-01-15 08:50:00",
        "2024-01-15": "2024-01-15 00:00:00",
        "202403-03-01 18:00:00": "202403-03-01 18:00:00",
        "0044-03-15 12:00:00+00 BC": "0044-03-15 (BC) 12:00:00",
    },
}
COLUMNS = {
    "timestamp": ("Member", "joinedAt", "members.joined_at"),
    "timestamptz": ("Event", "startTime", "events.start_time"),
    "date": ("Event", "endTime", "events.end_time"),
    "text": ("EventRegistration", "registeredAt", "registrations.registered_at"),
}


@pytest.mark.parametrize("driver", ["", "?driver=connectorx"])
def test_a_time_of_any_type_is_an_instant_in_utc(driver: str, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    for kind, (table, column, _) in COLUMNS.items():
        ids = [row[0] for row in rows_of(url, f'select id::text from "{table}" order by id')]
        edit(
            url,
            "set timezone = 'America/New_York'",
            f'alter table "{table}" alter "{column}" drop default',
            f'alter table "{table}" alter "{column}" type {kind} using \'2024-01-01\'::{kind}',
            *(
                f"update \"{table}\" set \"{column}\" = '{written}' where id = '{row}'"
                for written, row in zip(TIMES[kind], ids, strict=False)
            ),
        )
    edit(url, f"alter database {url.rpartition('/')[2]} set timezone = 'America/New_York'")
    arrived = {}
    with snapshot_of(url + driver, *(f"target.{name}" for _, _, name in COLUMNS.values())) as warehouse:
        for kind, (_, _, name) in COLUMNS.items():
            table, _, column = name.partition(".")
            query = f"select cast({column} as varchar) as at from target.{table} order by id"
            arrived[kind] = [row["at"] for row in warehouse.rows(query, limit=len(TIMES[kind]))]
        findings = warehouse.rows("select * from target.unreadable_values")
    assert arrived == {kind: list(times.values()) for kind, times in TIMES.items()}
    assert findings == []


def test_a_run_that_was_recorded_forever_can_be_reported(demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    edit(
        url,
        """update "WaIdMapping" set "syncedAt" = 'infinity', "syncRunId" = 'run-9'
                  where id = (select id from "WaIdMapping" limit 1)""",
    )
    check = check_of(verify_url(demo.bundle, url), "run_id_match")
    assert (check.outcome, check.actual) == ("WARN", "run-9")
    assert str(check.violations["recorded_at"][0]).startswith("9999-12-31")


def test_a_value_that_is_not_of_its_columns_type_is_found_with_its_row(
    demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    edit(
        url,
        'alter table "MembershipTier" alter "sortOrder" type numeric',
        "update \"MembershipTier\" set \"sortOrder\" = 'NaN' where code = 'ALUMNI'",
        'update "MembershipTier" set "sortOrder" = 1.5 where code = \'LAPSED\'',
    )
    codes = dict(rows_of(url, 'select id::text, code from "MembershipTier"'))
    check = check_of(verify_url(demo.bundle, url), "column_types")
    found = {(codes[row["row_key"]], row["value"]) for row in check.violations.iter_rows(named=True)}
    assert check.outcome == "FAIL"
    assert found == {("ALUMNI", "NaN"), ("LAPSED", "1.5")}
    assert set(check.violations.select("table_name", "column_name", "expected_type").row(0)) == {
        "MembershipTier",
        "sortOrder",
        "integer",
    }


# What a role or a database may set, and in what it is set; domains over domains are written and read in it.
FOREIGN_SETTINGS = ("datestyle = 'German, DMY'", "timezone = 'Asia/Kolkata'", "bytea_output = 'escape'")


@pytest.mark.parametrize("driver", ["", "?driver=connectorx"])
def test_neither_domains_nor_settings_of_the_database_change_a_value(
    driver: str, demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    name = url.rpartition("/")[2]
    edit(
        url,
        *(f"create domain {kind}_1 as {kind}" for kind in ("timestamptz", "timestamp", "uuid", "bool", "date")),
        *(f"create domain {kind}_2 as {kind}_1" for kind in ("timestamptz", "timestamp", "uuid", "bool", "date")),
        'alter table "Member" alter "joinedAt" type timestamptz_2 using "joinedAt" at time zone \'UTC\'',
        'alter table "Event" alter "startTime" type timestamp_2',
        'alter table "Event" alter "isPublished" drop default',
        'alter table "Event" alter "isPublished" type bool_2',
        'alter table "WaIdMapping" alter "murmurantId" type uuid_2',
        'alter table "EventRegistration" alter "registeredAt" drop default',
        'alter table "EventRegistration" alter "registeredAt" type text using to_char("registeredAt", '
        "'YYYY-MM-DD HH24:MI:SS.MS')",
        *(f"alter database {name} set {setting}" for setting in FOREIGN_SETTINGS),
    )
    assert set(outcomes(verify_url(demo.bundle, url + driver)).values()) == {"PASS"}


BAD_TEXTS = (
    r"""{"a": "\u0000", "b": "\\u0000 \\\u0000"}""",
    r"""{"syncRunId": "\u0000", "run_id": null}""",
    r"""{"a": "\ud83d", "syncRunId": "run-1"}""",
    r"""{"a": "\ud83d\ude00", "syncRunId": "run-1"}""",
    '{"a": 1e999999, "syncRunId": "run-1"}',
    "[" * 3000 + '"syncRunId"' + "]" * 3000,
    '{"a": "' + "x" * 2_000_000 + '"}',
)
NO_JSON = ("free text about syncRunId", '{"syncRunId": "run-9"', "", "{'syncRunId': 'run-9'}")


@pytest.mark.parametrize("driver", ["", "?driver=connectorx"])
@pytest.mark.parametrize("kind", ["json", "text", "varchar"])
def test_one_bad_text_in_the_audit_log_hides_no_run(kind: str, driver: str, older_club: str) -> None:
    texts = [*BAD_TEXTS, *(NO_JSON if kind != "json" else ())]
    with psycopg.connect(older_club) as connection:
        connection.execute(b'create table "Kept" as table "AuditLog"')
        connection.execute(f'alter table "AuditLog" alter metadata type {kind}'.encode())
        for text in texts:
            insert = (
                'insert into "AuditLog" (id, action, "resourceType", "resourceId", metadata) '
                f"select gen_random_uuid(), 'a', 'b', gen_random_uuid(), %s::{kind}"
            )
            connection.execute(insert.encode(), [text])
    try:
        with snapshot_of(older_club + driver, "target.runs") as warehouse:
            found = warehouse.rows("select run_id, rows from target.runs where run_id = 'run-1'")
            unreadable = dict(warehouse.unreadable)
    finally:
        edit(
            older_club,
            'delete from "AuditLog" where id not in (select id from "Kept")',
            'alter table "AuditLog" alter metadata type jsonb using metadata::text::jsonb',
            'drop table "Kept"',
        )
    assert (found, unreadable) == ([{"run_id": "run-1", "rows": 3}], {})


def test_a_name_in_another_case_is_pointed_out_and_not_taken(
    demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    edit(url, 'alter table "Member" rename to member')
    with pytest.raises(DatabaseError, match="There is 'member': a profile can name it"):
        verify_url(demo.bundle, url)
    edit(url, 'alter table member rename to "Member"', 'alter table "EventRegistration" rename "memberId" to memberid')
    with pytest.raises(DatabaseError, match="There is 'memberid': a profile can name it"):
        verify_url(demo.bundle, url)


@pytest.fixture(scope="module")
def older_club(cluster: Cluster, templates: dict[str, str]) -> Iterator[str]:
    """A copy of the club that tests share, each of which sets the one row of "AuditLog" as it needs it."""
    yield cluster.create_database("older_club", template=templates["older"])
    cluster.drop_database("older_club")


@pytest.mark.parametrize(
    "metadata, runs",
    [
        ("null", []),
        ("'[\"run-1\"]'", []),
        ("'\"run-1\"'", []),
        ("'null'", []),
        ("'5'", []),
        ("'{\"syncRunId\": null}'", []),
        ('\'{"other": "run-1"}\'', []),
        ('\'{"syncRunId": "run-1"}\'', ["run-1"]),
        ('\'{"run_id": "run-1"}\'', ["run-1"]),
        ('\'{"syncRunId": null, "run_id": "run-1"}\'', ["run-1"]),
        ('\'{"syncRunId": "", "run_id": "run-1"}\'', ["run-1"]),
        ('\'{"syncRunId": "run-1", "run_id": "run-2"}\'', ["run-1"]),
    ],
)
def test_a_run_is_found_in_metadata_of_any_shape(metadata: str, runs: list[str], older_club: str) -> None:
    edit(older_club, f'update "AuditLog" set metadata = {metadata}')
    with snapshot_of(older_club, "target.runs") as warehouse:
        found = warehouse.rows("select run_id, recorded_in from target.runs")
        unreadable = dict(warehouse.unreadable)
    assert unreadable == {}
    assert found == [{"run_id": run, "recorded_in": "AuditLog.metadata"} for run in runs]


@pytest.mark.parametrize("kind", ["json", "text", "varchar(200)"])
def test_metadata_may_be_kept_in_another_type(kind: str, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("older")
    edit(url, f'alter table "AuditLog" alter metadata type {kind}')
    with snapshot_of(url, "target.runs") as warehouse:
        found = warehouse.rows("select run_id from target.runs")
    assert found == [{"run_id": "run-20240115-143000"}]


def test_metadata_that_is_no_json_leaves_every_other_check_as_it_was(
    demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    edit(url, 'alter table "AuditLog" alter metadata type text', "update \"AuditLog\" set metadata = 'free text'")
    found = outcomes(verify_url(demo.bundle, url))
    assert found.pop("run_id_match") in ("PASS", "ERROR")
    assert set(found.values()) == {"PASS"}


@pytest.mark.parametrize("schema", ["app", "My App's", 'a"b', "100%"])
def test_the_tables_may_lie_in_another_schema(
    schema: str, demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    quoted = schema.replace('"', '""')
    edit(url, f'create schema "{quoted}"', *(f'alter table "{table}" set schema "{quoted}"' for table in TABLES))
    verification = verify_url(demo.bundle, f"{url}?schema={quote(schema, safe='')}&connection_limit=5&pgbouncer=true")
    assert set(outcomes(verification).values()) == {"PASS"}
    assert repr(schema) in verification.snapshot.database


def test_the_search_path_of_the_role_decides_without_a_schema_in_the_url(
    demo: DemoPaths, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    edit(
        url,
        "create schema app",
        *(f'alter table "{table}" set schema app' for table in TABLES),
        f"alter database {url.rpartition('/')[2]} set search_path = app, public",
    )
    assert set(outcomes(verify_url(demo.bundle, url)).values()) == {"PASS"}


@pytest.mark.parametrize("kind", ["view", "materialized view"])
def test_a_view_serves_as_well_as_a_table(kind: str, demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    moved = [f'alter table "{table}" rename to "{table}_kept"' for table in TABLES]
    made = [f'create {kind} "{table}" as select * from "{table}_kept"' for table in TABLES]
    edit(url, *moved, *made)
    assert set(outcomes(verify_url(demo.bundle, url)).values()) == {"PASS"}


def test_what_else_the_database_holds_does_not_disturb(demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    edit(
        url,
        'create domain "an id" as uuid',
        'create table "we\'ird ""name"" %s{}" ("co\'l""umn" int[], b interval, c "an id", d "EventStatus"[])',
    )
    assert set(outcomes(verify_url(demo.bundle, url)).values()) == {"PASS"}


@pytest.fixture
def encoded_club(cluster: Cluster, club: Club, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], str]]:
    """Makes a database of another encoding than UTF-8, with the club in it; gives its URL."""
    made: list[str] = []

    def make(encoding: str) -> str:
        made.append(f"club_in_{encoding.lower()}")
        with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
            command = sql.SQL("create database {} encoding {} template template0 locale 'C'")
            connection.execute(command.format(sql.Identifier(made[-1]), sql.Literal(encoding)))
        url = cluster.url(made[-1])
        monkeypatch.setenv("PGCLIENTENCODING", "UTF8")
        load_schema(url, "newer")
        load_rows(url, club.tables)
        monkeypatch.delenv("PGCLIENTENCODING")
        return url

    yield make
    for name in made:
        cluster.drop_database(name)


def test_text_of_another_encoding_is_read_as_text(encoded_club: Callable[[str], str], demo: DemoPaths) -> None:
    url = encoded_club("LATIN1")
    edit(url, """update "MembershipTier" set name = 'D' || chr(233) || 'butant' where code = 'NEWCOMER'""")
    verification = verify_url(demo.bundle, url)
    assert set(outcomes(verification).values()) == {"PASS"}
    assert [tier.name for tier in verification.tiers if tier.code == "NEWCOMER"] == ["Débutant"]


def test_text_of_no_encoding_is_reported_and_never_passed_over(
    encoded_club: Callable[[str], str], demo: DemoPaths
) -> None:
    url = encoded_club("SQL_ASCII")
    edit(url, r"""update "MembershipTier" set name = convert_from('\xff41', 'SQL_ASCII')""")
    verification = verify_url(demo.bundle, url)
    assert {name: outcome for name, outcome in outcomes(verification).items() if outcome != "PASS"} == {
        "column_types": "FAIL"
    }
    assert set(check_of(verification, "column_types").violations["expected_type"]) == {"UTF-8 text"}


def test_a_long_table_comes_whole_in_bounded_batches(postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    edit(
        url,
        """create table "Long" as select gen_random_uuid() as id, n, 'CONFIRMED'::"RegistrationStatus" as status
           from generate_series(1, 300000) n""",
    )
    columns = (SelectColumn("id", "id", "uuid"), SelectColumn("n", "n", "integer"), SelectColumn("status", "status"))
    source = open_source(parse_url(url, "the test"))
    with closing(source):
        frames = list(source.read(Query("Long", columns)))
    whole = pl.concat(frames)
    assert (whole.height, whole["n"].sum(), whole["id"].n_unique()) == (300_000, 300_000 * 300_001 // 2, 300_000)
    assert len([frame for frame in frames if frame.height]) > 1
    assert max(frame.estimated_size() for frame in frames) < 16 * 2**20


@dataclass(frozen=True)
class Refusal:
    """A database that cannot be verified: how it comes about, and what the sentence says."""

    arrange: Callable[[Arranging], str]
    says: tuple[str, ...]


@dataclass(frozen=True)
class Arranging:
    """What a refusal is made of: a club's URL for a role that may read it all."""

    cluster: Cluster
    admin: str
    user: str

    @property
    def url(self) -> str:
        return with_password(self.admin, self.user, SECRET)

    @property
    def name(self) -> str:
        return self.admin.rpartition("/")[2]

    def elsewhere(self, host: str, parameters: str = "") -> str:
        return f"postgresql://{self.user}:{SECRET}@{host}/{self.name}{parameters}"

    def after(self, *statements: str) -> str:
        edit(self.admin, *(statement.format(user=self.user, name=self.name) for statement in statements))
        return self.url


REFUSALS = {
    "wrong password": Refusal(
        lambda a: with_password(a.admin, a.user, f"{SECRET}wrong"), ("password authentication failed", "tried once")
    ),
    "unknown user": Refusal(lambda a: with_password(a.admin, "stranger", SECRET), ("password authentication failed",)),
    "unknown database": Refusal(lambda a: f"{a.url}_other", ("does not exist", "names of the database")),
    "unknown host": Refusal(lambda a: a.elsewhere("club.invalid"), ("club.invalid", "Check the host name")),
    "refused": Refusal(lambda a: a.elsewhere("127.0.0.1:1"), ("refused", "Check host and port")),
    "no right to connect": Refusal(
        lambda a: a.after("revoke connect on database {name} from public"),
        ("permission denied for database", "Ask the DBA"),
    ),
    "no such encryption": Refusal(lambda a: f"{a.url}?sslmode=require", ("SSL", "Check sslmode")),
    "unknown parameter value": Refusal(lambda a: f"{a.url}?sslmode=banana", ("banana",)),
    "no table at all": Refusal(lambda a: f"{a.url}?schema=nowhere", ("no table 'Member'", "add ?schema=public")),
    "missing table": Refusal(lambda a: a.after('drop table "EventRegistration"'), ("no table 'EventRegistration'",)),
    "missing column": Refusal(
        lambda a: a.after('alter table "EventRegistration" drop column "memberId"'), ("no column 'memberId'",)
    ),
    "table in another schema": Refusal(
        lambda a: a.after("create schema app", 'alter table "Event" set schema app'),
        ("no table 'Event'", "It is in schema app", "add ?schema=app"),
    ),
    "no right to read": Refusal(
        lambda a: a.after('revoke select on "Member" from {user}'), ("'Member' cannot be read", "permission denied")
    ),
    "no right to enter the schema": Refusal(
        lambda a: a.after("revoke usage on schema public from public"), ("'Member' cannot be read", "permission denied")
    ),
    "rows hidden by a policy": Refusal(
        lambda a: a.after(
            'alter table "Member" enable row level security',
            'create policy few on "Member" using ("firstName" < \'C\')',
        ),
        ("'Member' cannot be read", "row-level security"),
    ),
}


@pytest.fixture
def arranging(cluster: Cluster, postgres_club: Callable[[str], str], role: Callable[[str], str]) -> Iterator[Arranging]:
    made = Arranging(cluster, postgres_club("newer"), role(SECRET))
    edit(made.admin, f"grant select on all tables in schema public to {made.user}")
    yield made
    edit(made.admin, f"grant connect on database {made.name} to public")


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Finished]]:
    """Runs the command in this process, and hears what native libraries print too."""
    threshold = gc.get_threshold()

    def run_with(url: str, *arguments: object) -> Finished:
        monkeypatch.setenv("DATABASE_URL", url)
        monkeypatch.setattr(sys, "argv", ["recon", *map(str, arguments)])
        return Finished(execute(cli), *capfd.readouterr())

    yield run_with
    gc.set_threshold(*threshold)


@pytest.mark.parametrize("case", REFUSALS)
def test_what_cannot_be_verified_ends_in_one_sentence_within_seconds(
    case: str, arranging: Arranging, run_here: Callable[..., Finished], demo: DemoPaths, tmp_path: Path
) -> None:
    url = REFUSALS[case].arrange(arranging)
    report = tmp_path / "report.md"
    with given_up_soon():
        done = run_here(url, "verify", "-b", demo.bundle, "-o", report, "-v")
    assert done.code == 2
    assert done.err.startswith("Database error: ")
    assert done.err.count("\n") == 1
    assert not [part for part in REFUSALS[case].says if part not in done.err]
    assert SECRET not in done.out + done.err + report.read_text(encoding="utf-8")


def test_a_wrong_password_is_tried_once(cluster: Cluster, role: Callable[[str], str], demo: DemoPaths) -> None:
    name = role(SECRET)
    with given_up_soon(), pytest.raises(DatabaseError, match="password authentication failed"):
        verify_url(demo.bundle, cluster.url("postgres", name, "wrong"))
    log = cluster.data.with_name(f"log-{cluster.port}").read_text(encoding="utf-8", errors="replace")
    assert log.count(f'password authentication failed for user "{name}"') == 1


@pytest.mark.parametrize("password", ["a", "password"])
def test_a_short_password_does_not_show_by_what_is_blotted_out(
    password: str, cluster: Cluster, role: Callable[[str], str], demo: DemoPaths
) -> None:
    with pytest.raises(DatabaseError, match="password authentication failed") as refusal:
        verify_url(demo.bundle, cluster.url("postgres", role(SECRET), password))
    assert "***" not in refusal.value.message
    assert "Check user and password" in refusal.value.message


@pytest.mark.parametrize("answer", [None, b"HTTP/1.1 400 Bad Request\r\n\r\n"], ids=["silent", "another protocol"])
def test_what_listens_but_is_no_postgresql_is_reported_while_it_listens(answer: bytes | None, demo: DemoPaths) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        answered = Event()
        talking = Thread(target=_answer_once, args=(server, answer, answered), daemon=True)
        talking.start()
        with pytest.raises(DatabaseError, match=f"cannot be reached.*127.0.0.1:{port}") as refusal:
            verify_url(demo.bundle, f"postgresql://u:{SECRET}@127.0.0.1:{port}/club?connect_timeout=2")
        answered.set()
    assert SECRET not in refusal.value.message


def _answer_once(server: socket.socket, answer: bytes | None, answered: Event) -> None:
    connection, _ = server.accept()
    with connection:
        connection.recv(100)
        if answer:
            connection.sendall(answer)
        else:
            answered.wait(60)


def shown(done: Finished, *files: Path) -> str:
    """All that a run left for people to read."""
    return done.out + done.err + "".join(file.read_text(encoding="utf-8") for file in files)


@pytest.mark.parametrize("form", ["markdown", "json"])
def test_an_awkward_password_opens_the_database_and_is_in_no_output(
    form: str, role: Callable[[str], str], postgres_club: Callable[[str], str], demo: DemoPaths, tmp_path: Path
) -> None:
    url, name = postgres_club("newer"), role(AWKWARD)
    edit(url, f"grant select on all tables in schema public to {name}", 'delete from "WaIdMapping"')
    report = tmp_path / "report"
    url = with_password(url, name, AWKWARD) + "?schema=public&connection_limit=5&pgbouncer=true&sslmode=disable"
    done = run_recon("verify", "-b", demo.bundle, "-o", report, "-f", form, "-v", DATABASE_URL=url)
    assert done.code == 0
    assert "PostgreSQL" in shown(done, report)
    assert SECRET not in shown(done, report)
    assert name not in shown(done, report)


def test_the_password_is_in_no_traceback_either(cluster: Cluster, role: Callable[[str], str], demo: DemoPaths) -> None:
    url = cluster.url("nowhere", role(AWKWARD), AWKWARD)
    done = run_recon("verify", "-b", demo.bundle, DATABASE_URL=url, RECON_TRACEBACK="1")
    assert (done.code != 0, "does not exist" in done.err) == (True, True)
    assert SECRET not in done.out + done.err


def test_the_password_is_in_no_error_of_a_single_table(
    refused_read: Callable[[str, str], str], postgres_club: Callable[[str], str], demo: DemoPaths, tmp_path: Path
) -> None:
    url, report = refused_read(postgres_club("newer"), "WaIdMapping"), tmp_path / "report.json"
    done = run_recon("verify", "-b", demo.bundle, "-o", report, "-f", "json", "-v", DATABASE_URL=url)
    assert (done.code, report.exists()) == (2, True)
    assert "permission denied" in shown(done, report)
    assert SECRET not in shown(done, report)


@pytest.mark.parametrize(
    "table, unevaluated",
    [
        ("WaIdMapping", {"duplicate_id_mappings", "id_mappings", "run_id_match"}),
        ("MembershipTier", {"tier_distribution", "tier_coverage", "tier_mapping"}),
        ("AuditLog", {"run_id_match"}),
    ],
)
def test_an_optional_table_that_may_not_be_read_leaves_its_checks_unevaluated(
    table: str,
    unevaluated: set[str],
    refused_read: Callable[[str, str], str],
    postgres_club: Callable[[str], str],
    demo: DemoPaths,
) -> None:
    verification = verify_url(demo.bundle, refused_read(postgres_club("newer"), table))
    found = outcomes(verification)
    assert verification.verdict == "INCOMPLETE"
    assert {check for check, outcome in found.items() if outcome == "ERROR"} == unevaluated
    assert set(found.values()) == {"PASS", "ERROR"}
    assert all("permission denied" in check_of(verification, check).message for check in unevaluated)


def test_an_optional_table_whose_rows_a_policy_hides_leaves_its_checks_unevaluated(
    role: Callable[[str], str], postgres_club: Callable[[str], str], demo: DemoPaths
) -> None:
    url, name = postgres_club("newer"), role(SECRET)
    edit(
        url,
        f"grant select on all tables in schema public to {name}",
        'alter table "WaIdMapping" enable row level security',
        'create policy hidden on "WaIdMapping" using (false)',
    )
    found = outcomes(verify_url(demo.bundle, with_password(url, name, SECRET)))
    assert found["duplicate_id_mappings"] == "ERROR"


def test_a_refused_read_leaves_the_snapshot_as_it_was(
    refused_read: Callable[[str, str], str], postgres_club: Callable[[str], str]
) -> None:
    admin = postgres_club("newer")
    source = open_source(parse_url(refused_read(admin, "Event"), "the test"))
    columns = (SelectColumn("id", "id", "uuid"),)
    with closing(source):
        assert sum(frame.height for frame in source.read(Query("Member", columns))) == 60
        with pytest.raises(ReadError, match="permission denied"):
            list(source.read(Query("Event", columns)))
        edit(admin, 'delete from "EventRegistration"')
        assert sum(frame.height for frame in source.read(Query("EventRegistration", columns))) == 150


def test_the_transaction_is_repeatable_and_can_only_read(demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    edit(
        url,
        'alter table "MembershipTier" rename to tiers_kept',
        """create view "MembershipTier" as select id, current_setting('transaction_isolation') as code,
           current_setting('transaction_read_only') as name, "sortOrder" from tiers_kept""",
    )
    tiers = verify_url(demo.bundle, url).tiers
    assert {(tier.code, tier.name) for tier in tiers if tier.code != "(none)"} == {("repeatable read", "on")}


def test_nothing_can_be_written_not_even_by_what_is_read(demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    edit(
        url,
        'alter table "MembershipTier" rename to tiers_kept',
        "create table written (at timestamptz)",
        "create function write() returns boolean language sql volatile as "
        "$$ insert into written values (now()) returning true $$",
        'create view "MembershipTier" as select id, code, name, "sortOrder" from tiers_kept where write()',
    )
    verification = verify_url(demo.bundle, url)
    assert "read-only transaction" in check_of(verification, "tier_distribution").message
    assert verification.verdict == "INCOMPLETE"
    assert rows_of(url, "select * from written") == []


def test_a_table_that_another_program_has_locked_is_reported_while_it_is_locked(
    demo: DemoPaths, postgres_club: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.database.postgresql_source.LOCK_TIMEOUT_S", 0.2)
    url = postgres_club("newer")
    with psycopg.connect(url) as locking:
        locking.execute('lock table "Member" in access exclusive mode')
        with let_go_at_last(locking.close), pytest.raises(DatabaseError, match="lock") as refusal:
            verify_url(demo.bundle, url)
    assert "grant" not in refusal.value.message, "no right is lacking"


def test_a_connection_that_breaks_while_reading_is_a_clear_error(postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")

    def end_connection(_table: str, _rows: int) -> None:
        edit(
            url,
            "select pg_terminate_backend(pid) from pg_stat_activity "
            "where application_name = 'recon' and datname = current_database()",
        )

    source = open_source(parse_url(url, "the test"))
    with closing(source), Warehouse() as warehouse, pytest.raises(DatabaseError, match=r"terminat|closed|lost"):
        take_snapshot(source, load_profile(), (), warehouse, end_connection)


REPLACE = (
    """insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "updatedAt")
       select %(member)s, 'N', 'N', %(member)s::text, now(), id, now() from "MembershipStatus" limit 1""",
    """insert into "Event" (id, title, "startTime", "updatedAt") values (%(member)s, 'N', now(), now())""",
    """insert into "EventRegistration" (id, "eventId", "memberId", "registeredAt", "updatedAt")
       values (%(registration)s, %(member)s, %(member)s, now(), now())""",
    'delete from "EventRegistration" where "memberId" = %(old)s',
    'delete from "Event" where id = %(old)s',
    'delete from "Member" where id = %(old)s',
)
WRITERS = 2
CONSISTENT = {"members": 60 + WRITERS, "events": 12 + WRITERS, "registrations": 150 + WRITERS, "orphans": 0}
MEASURE = """
select (select count(*) from target.members) as members, (select count(*) from target.events) as events,
       count(*) as registrations,
       count(*) filter (where not exists (select 1 from target.members m where m.id = r.member_id)
                           or not exists (select 1 from target.events e where e.id = r.event_id)) as orphans
from target.registrations r"""


class Writers:
    """Threads that each keep replacing one member and one event with the registration of both, in one transaction."""

    def __init__(self, url: str) -> None:
        self._url, self._over = url, Event()
        self.commits = [0] * WRITERS
        self._threads = [Thread(target=self._write, args=(number,), daemon=True) for number in range(WRITERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def wait(self, table: str = "members", rows: int = 1) -> None:
        """When rows of a table that others refer to were read: return once every writer has replaced a member since."""
        if not rows or table == "registrations":
            return
        before = list(self.commits)
        # The first commit to be counted may belong to a transaction that had begun before.
        wait_until(
            lambda: all(now >= then + 2 for now, then in zip(self.commits, before, strict=True)),
            "the writers stand still",
        )

    def _write(self, number: int) -> None:
        old = uuid4()
        with psycopg.connect(self._url) as connection:
            while not self._over.is_set():
                values = {"member": uuid4(), "registration": uuid4(), "old": old}
                for statement in REPLACE:
                    connection.execute(statement.encode(), values)
                connection.commit()
                old = values["member"]
                self.commits[number] += 1
                self._over.wait(0.002)


class WithoutTransaction:
    """A source that reads each table for itself, as a naive program does."""

    label, guarantee, consistent, typed, limit_s, refusal_hint = "naive", "none", False, True, None, "none"

    def __init__(self, url: str) -> None:
        self._url = url
        self._source = open_source(parse_url(url, "the test"))

    def catalogue(self) -> Catalogue:
        return self._source.catalogue()

    def missing_hint(self, table: str) -> str | None:
        return self._source.missing_hint(table)

    def prepare(self, queries: Sequence[Query]) -> None:
        pass

    def cancel(self) -> None:
        pass

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        source = open_source(parse_url(self._url, "the test"))
        with closing(source):
            yield from source.read(query)

    def close(self) -> None:
        self._source.close()


def measure(source: Any, writers: Writers) -> dict[str, Any]:
    """What a snapshot holds when writers commit after each batch of rows that is read."""
    with closing(source), Warehouse() as warehouse:
        take_snapshot(source, load_profile(), (), warehouse, writers.wait)
        (measured,) = warehouse.rows(MEASURE)
    return measured


@pytest.mark.rounds
@pytest.mark.parametrize(
    "driver, times", [("", rounds(3, 20)), ("?driver=connectorx", rounds(2, 10))], ids=["adbc", "connectorx"]
)
def test_a_writer_at_work_never_shows_in_a_snapshot(
    driver: str, times: int, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    with Writers(url) as writers:
        found = [measure(open_source(parse_url(url + driver, "the test")), writers) for _ in range(times)]
        # What is read ahead may be read before the writers' turn, so once may not be enough.
        wait_until(lambda: measure(WithoutTransaction(url), writers)["orphans"], "this test could not have failed")
    assert Counter(map(str, found)) == {str(CONSISTENT): times}
    assert min(writers.commits) >= 2 * 2 * (times + 1)


HARD_FOR_CONNECTORX = (
    'alter table "MembershipTier" alter "sortOrder" type numeric',
    "update \"MembershipTier\" set \"sortOrder\" = 'NaN' where code = 'ALUMNI'",
    'update "MembershipTier" set "sortOrder" = 1.123456789012 where code = \'LAPSED\'',
    "alter table \"MembershipTier\" alter name type interval using '1 day'",
    'alter table "MembershipTier" add tags "EventStatus"[] default \'{DRAFT}\'',
)


def test_what_connectorx_panics_at_or_cuts_off_arrives_whole(
    demo: DemoPaths, postgres_club: Callable[[str], str], tmp_path: Path
) -> None:
    url, report = postgres_club("newer"), tmp_path / "report.json"
    edit(url, *HARD_FOR_CONNECTORX)
    done = run_recon("verify", "-b", demo.bundle, "-o", report, "-f", "json", DATABASE_URL=f"{url}?driver=connectorx")
    assert (done.code, done.err) == (1, "")
    (check,) = [c for c in json.loads(report.read_text(encoding="utf-8"))["checks"] if c["name"] == "Column Types"]
    assert {"NaN", "1.123456789012"} <= set(json.dumps(check).replace('"', " ").split())


@pytest.mark.parametrize("case", ["wrong password", "no right to read", "rows hidden by a policy", "missing table"])
def test_connectorx_refuses_in_the_same_words(
    case: str, arranging: Arranging, run_here: Callable[..., Finished], demo: DemoPaths, tmp_path: Path
) -> None:
    url = REFUSALS[case].arrange(arranging)
    with given_up_soon():
        done = run_here(f"{url}?driver=connectorx", "verify", "-b", demo.bundle, "-o", tmp_path / "report.md")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert not [part for part in REFUSALS[case].says if part not in done.err], done.err
    assert SECRET not in done.out + done.err


def test_an_awkward_password_opens_the_database_through_connectorx_too(
    role: Callable[[str], str], postgres_club: Callable[[str], str], demo: DemoPaths
) -> None:
    url, name = postgres_club("newer"), role(AWKWARD)
    edit(url, f"grant select on all tables in schema public to {name}")
    verification = verify_url(demo.bundle, with_password(url, name, AWKWARD) + "?driver=connectorx")
    assert set(outcomes(verification).values()) == {"PASS"}


# A platform without ADBC's library, as far as a program can tell.
WITHOUT_ADBC = """
import sys; sys.modules["adbc_driver_postgresql"] = None
from recon.cli import cli, execute
sys.exit(execute(cli))"""


@pytest.mark.parametrize("case", [("", 0, "through connectorx"), ("?driver=adbc", 2, "half the speed")])
def test_without_adbcs_library_connectorx_reads_and_the_report_says_so(
    case: tuple[str, int, str], demo: DemoPaths, postgres_club: Callable[[str], str], tmp_path: Path
) -> None:
    parameter, code, says = case
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_ADBC, "verify", "-b", demo.bundle, "-o", tmp_path / "report.md", "-v"],
        env=os.environ | {"DATABASE_URL": postgres_club("newer") + parameter},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, says in done.stdout + done.stderr) == (code, True)
