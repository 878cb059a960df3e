"""Dumps as text: rows of COPY blocks, and what psql would take for a command."""

from __future__ import annotations

from io import BytesIO

import pytest

from recon.backup.contents import digest_rows
from recon.backup.dump_text import read_dump

HEAD = b"--\n-- PostgreSQL database dump\n--\n\n\\restrict x1\n\nSET standard_conforming_strings = on;\n"
TAIL = b"--\n-- PostgreSQL database dump complete\n--\n\n\\unrestrict x1\n"
COPY = b'COPY public."Member" (id, "First, Name") FROM stdin;\n'


def read(middle: bytes, tail: bytes = TAIL):  # type: ignore[no-untyped-def]
    return read_dump(BytesIO(HEAD + middle + tail))


def test_rows_are_counted_and_digested_whatever_their_order() -> None:
    one, other = read(COPY + b"1\ta\n2\t\\N\n\\.\n"), read(COPY + b"2\t\\N\n1\ta\n\\.\n")
    assert one == other
    assert (one.faults, one.commands, one.not_counted, one.is_complete) == ([], [], [], True)
    content = one.tables["public.Member"]
    assert content == digest_rows([b"1\ta\n", b"2\t\\N\n"], ("id", "First, Name"))
    assert content != read(COPY + b"1\ta\n2\tb\n\\.\n").tables["public.Member"]
    assert read(COPY + b"1\ta\n1\ta\n\\.\n").tables != read(COPY + b"\\.\n").tables


@pytest.mark.parametrize(
    "name, shown",
    [
        (b"public.t", "public.t"),
        (b'"odd.s"."t"', '"odd.s".t'),
        (b'public."a ""b"" (c) FROM stdin;"', 'public."a ""b"" (c) FROM stdin;"'),
        (b'public."two\n-- lines"', 'public."two\n-- lines"'),
        ("public.Überblick".encode(), 'public."Überblick"'),
    ],
)
def test_a_table_is_known_by_its_name(name: bytes, shown: str) -> None:
    reading = read(b"COPY " + name + b" (a) FROM stdin;\n1\n\\.\n")
    assert {table: content.rows for table, content in reading.tables.items()} == {shown: 1}
    assert reading.faults == []


def test_a_table_without_columns_has_rows() -> None:
    assert read(b"COPY public.t  FROM stdin;\n\n\n\\.\n").tables["public.t"].rows == 2


def test_rows_that_come_in_two_blocks_are_those_of_one_table() -> None:
    parted = read(COPY + b"1\ta\n\\.\n" + COPY + b"2\tb\n\\.\n")
    assert parted.tables == read(COPY + b"1\ta\n2\tb\n\\.\n").tables


@pytest.mark.parametrize(
    "middle",
    [
        b"\\! touch x\n",
        b"  \\! touch x\n",
        b"select 1 \\! touch x\n;\n",
        b"select 1; \\! touch x\n",
        b"\\i other.sql\n",
        b"\\connect other\n",
        b"\\o |sh\n",
        b"\\copy t from program 'sh'\n",
        b"select 'a''b'; \\! touch x\n",
        b"select E'it\\'s'; \\! touch x\n",
        b"select E'a''\\''; \\! touch x\n",
        b"select $$it's$$; \\! touch x\n",
        b"select $a$ $b$ $a$; \\! touch x\n",
        b'select "a\\"; \\! touch x\n',
        b"/* a /* b */ c */ \\! touch x\n",
        b"select '\\'; \\! touch x\n",
        b"select a$b$, c \\! touch x\n;\n",
        b"select 1 \\restrict y\n;\n",
        COPY + b"1\ta\n\\.\n\\! touch x\n",
        b"COPY t FROM PROGRAM 'sh';\n",
        b"copy (select 1) to program 'sh';\n",
        b"ALTER SYSTEM SET archive_command = 'sh';\n",
        b"/* x */ create role evil superuser;\n",
        b"drop database club;\n",
        b"ROLLBACK;\n",
        b"SET standard_conforming_strings = off;\n",
        b"set session standard_conforming_strings to 'off';\n",
        b"SET client_encoding = 'SJIS';\n",
        b"do $$ begin perform 1; end $$;\n",
    ],
)
def test_what_runs_a_program_or_leaves_the_database_is_named(middle: bytes) -> None:
    assert len(read(middle).commands) == 1


@pytest.mark.parametrize(
    "middle",
    [
        b"select 'x \\! y';\n",
        b"select 'x\n\\! y\n';\n",
        b"select E'x\\'\n\\! y';\n",
        b"create function f() returns text language sql as $_$\n\\! y\n$$ '\n$_$;\n",
        b'comment on table "a\n\\! b" is null;\n',
        b"-- \\! y\n",
        b"/* x\n\\! y /* */ \\! z */\n",
        COPY + b"\\\\!\ta\n\\.\n",
        b"create function f() returns int language sql\nbegin atomic\n select case when true then 1 end;\nend;\n",
        b"begin;\nselect pg_catalog.lo_open('1', 131072);\ncommit;\n",
        b"create domain d as text;\n",
    ],
)
def test_what_stands_in_a_text_is_no_command(middle: bytes) -> None:
    reading = read(middle)
    assert (reading.commands, reading.faults) == ([], [])


def test_a_dump_that_is_cut_says_so_or_does_not_say_that_it_is_complete() -> None:
    whole = HEAD + COPY + b"1\ta\n2\tb\n\\.\n" + b"select 'x';\n" + TAIL
    end = whole.index(b"complete")
    for cut in range(end):
        reading = read_dump(BytesIO(whole[:cut]))
        assert not reading.is_complete, cut
    assert read_dump(BytesIO(whole[: whole.index(b"2\tb")])).faults == [
        "the rows of public.Member, which begin at line 8, have no end"
    ]
    assert read_dump(BytesIO(whole)).is_complete


def test_a_block_without_end_that_another_one_ends_shows_by_its_columns() -> None:
    reading = read(COPY + b"1\ta\n\n--\n-- Data for Name: t\n--\n\nCOPY public.t (a) FROM stdin;\n1\n\\.\n")
    assert reading.faults == ["7 rows of public.Member have another number of columns than 2"]


def test_rows_written_as_insert_are_not_counted() -> None:
    reading = read(b"INSERT INTO public.t VALUES (1);\nINSERT INTO public.t VALUES (2), (3);\n")
    assert (reading.not_counted, reading.tables) == (["public.t"], {})
