"""What digests of the target say about a dry run, on a real database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from recon.database import resolve_database
from recon.model import Outcome
from recon.runs.migration.digests import BEFORE, kept_digest, take_digest, untouched

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Check

TABLES = """
create table one (a integer primary key autoincrement, b);
create table two (a integer);
insert into one (b) values ('x'), ('y');
create view chosen as select a from one;
"""


@pytest.fixture
def target(tmp_path: Path) -> Path:
    written(tmp_path / "club.db", TABLES)
    return tmp_path / "club.db"


def written(file: Path, statements: str) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(statements)


def judged(target: Path, statements: str) -> Check:
    """What is said of a dry run that did this."""
    url = resolve_database(str(target), {})
    take_digest(url, target.parent / BEFORE)
    written(target, statements)
    return untouched(url, target.parent)


@pytest.mark.parametrize(
    "statements, words",
    [
        ("insert into two values (1)", "two +1 rows"),
        ("delete from one", "one -2 rows"),
        ("update one set b = 'z' where a = 1", "one: other values"),
        ("alter table two add column b", "table two is defined otherwise"),
        ("create table three (a); insert into three values (1)", "three: a table too many"),
        ("drop table two", "two: the table is missing"),
        ("drop view chosen; create view chosen as select b from one", "view chosen is defined otherwise"),
        ("drop view chosen", "view chosen is gone"),
        ("create trigger t after insert on one begin delete from two; end", "trigger t is new"),
    ],
)
def test_a_dry_run_that_changed_anything_fails(target: Path, statements: str, words: str) -> None:
    check = judged(target, statements)
    assert check.outcome is Outcome.FAIL
    assert check.message == f"The database is not as it was before the dry run: {words}"
    assert check.violation_count


def test_many_changes_are_told_shortly(target: Path) -> None:
    made = "".join(f"create view v{number} as select 1;" for number in range(9))
    check = judged(target, made)
    assert check.message.endswith("view v3 is new, view v4 is new, 4 more definitions")
    assert check.violation_count == 9


def test_numbers_that_a_rolled_back_insert_drew_are_no_rows(target: Path) -> None:
    check = judged(target, "update sqlite_sequence set seq = 9 where name = 'one'")
    assert check.outcome is Outcome.WARN
    assert "2 tables, 2 rows: the same digests before and after; but numbers were drawn from sequences" in check.message
    assert check.message.endswith(": one")


def test_a_dry_run_that_only_read_passes(target: Path) -> None:
    assert judged(target, "select * from one").outcome is Outcome.PASS


@pytest.mark.parametrize("left", [None, b"", b'{"tables": ', b"[]"])
def test_without_a_whole_digest_of_before_nothing_is_known(target: Path, left: bytes | None) -> None:
    if left is not None:
        (target.parent / BEFORE).write_bytes(left)
    assert kept_digest(target.parent / BEFORE) is None
    assert untouched(resolve_database(str(target), {}), target.parent).outcome is Outcome.ERROR
