"""Backups of SQLite and DuckDB files: copies at one instant, with their logs, every bit of which counts."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from made_backups import flipped, found, outcomes, signed_again
from soaking import examples

import recon
from recon.backup import duckdb_copy, sqlite_copy
from recon.backup.manifest import file_content
from recon.errors import BackupError, DatabaseError

if TYPE_CHECKING:
    from pathlib import Path

SQLITE = """
create table t (a integer primary key, b, c text collate nocase);
insert into t values (1, 1, 'x'), (2, 1.0, ''), (3, '1', null), (4, x'31', cast(x'ff41' as text));
create table "odd "" name" (a);
insert into "odd "" name" values (9007199254740993), (1e999), (-0.0);
create index i on t (b);
create view v as select * from t;
create virtual table words using fts5 (word);
insert into words values ('one'), ('two');
create table g (a, b generated always as (a * 2));
insert into g values (1);
"""
DUCKDB = """
create table t (a integer primary key, l integer[], s struct(x varchar, y double), d decimal(10, 3),
                n timestamptz, b blob);
insert into t values (1, [1, null], {'x': 'it''s', 'y': 'nan'}, 1.5, now(), '\\xFF'), (2, null, null, null, null, null);
create schema other;
create table other.t as select range as a from range(5000);
create view v as select * from t;
create sequence s;
"""


def options(url: str, backups: Path, path: Path | None = None) -> recon.BackupOptions:
    return recon.BackupOptions(path, backups, environment={"DATABASE_URL": url})


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    file = tmp_path / "club.db"
    with closing(sqlite3.connect(file)) as connection:
        connection.executescript(SQLITE)
    return file


@pytest.fixture
def duckdb_file(tmp_path: Path) -> Path:
    file = tmp_path / "club.duckdb"
    with closing(duckdb.connect(file)) as connection:
        connection.execute(DUCKDB)
    return file


def test_a_backup_of_sqlite_brings_everything_back(sqlite_file: Path, tmp_path: Path) -> None:
    before = sqlite_file.read_bytes()
    url, backups = f"sqlite:///{sqlite_file}", tmp_path / "backups"
    created = recon.create_backup(options(url, backups))
    assert {name: content.rows for name, content in created.manifest.tables.items()}.items() >= {
        ("t", 4),
        ('odd " name', 3),
        ("g", 1),
    }
    assert created.manifest.left_out == {"words": sqlite_copy.VIRTUAL}
    test = recon.test_backup(options(url, backups))
    assert [check.message for check in test.checks if check.outcome != "PASS"] == []
    assert len(test.checks) == 10
    assert sqlite_file.read_bytes() == before
    assert sorted(path.name for path in created.folder.iterdir()) == ["database.sqlite", "manifest.json"]


def test_rows_that_are_only_in_sqlites_log_are_in_the_backup(sqlite_file: Path, tmp_path: Path) -> None:
    url, backups = f"sqlite:///{sqlite_file}", tmp_path / "backups"
    with closing(sqlite3.connect(sqlite_file)) as connection:
        connection.execute("pragma journal_mode = wal")
        connection.execute("pragma wal_autocheckpoint = 0")
        connection.execute("insert into g values (2)")
        connection.commit()
        created = recon.create_backup(options(url, backups))
    assert created.manifest.tables["g"].rows == 2
    assert recon.test_backup(options(url, backups)).verdict == "PASSED"


def test_a_value_of_another_type_is_another_value(sqlite_file: Path, tmp_path: Path) -> None:
    url, backups = f"sqlite:///{sqlite_file}", tmp_path / "backups"
    folder = recon.create_backup(options(url, backups)).folder
    copy = folder / sqlite_copy.FILE
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("update t set b = 1.0 where a = 1")
        connection.commit()
    signed_again(folder, files={copy.name: file_content(copy)})
    check = found(recon.check_backup(options(url, backups)), "backup_contents")
    assert check.message == "1 table of 8 not as in the manifest: t: other values"


def test_a_backup_of_duckdb_brings_everything_back(duckdb_file: Path, tmp_path: Path) -> None:
    url, backups = f"duckdb:///{duckdb_file}", tmp_path / "backups"
    created = recon.create_backup(options(url, backups))
    assert {name: content.rows for name, content in created.manifest.tables.items()} == {"main.t": 2, "other.t": 5000}
    test = recon.test_backup(options(url, backups))
    assert [check.message for check in test.checks if check.outcome != "PASS"] == []
    assert len(test.checks) == 10
    assert sorted(path.name for path in created.folder.iterdir()) == ["database.duckdb", "manifest.json"]


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_a_copy_that_is_damaged_fails(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    file: Path = request.getfixturevalue(f"{kind}_file")
    url, backups = f"{kind}:///{file}", tmp_path / "backups"
    folder = recon.create_backup(options(url, backups)).folder
    copy = folder / (sqlite_copy.FILE if kind == "sqlite" else duckdb_copy.FILE)
    whole = copy.read_bytes()
    for bit in range(7, len(whole) * 8, len(whole) * 8 // examples(3)):
        flipped(copy, bit)
        assert outcomes(recon.check_backup(options(url, backups)))["backup_files"] == "FAIL"
        copy.write_bytes(whole)
    copy.write_bytes(whole[: len(whole) // 2])
    signed_again(folder, files={copy.name: file_content(copy)})
    check = recon.check_backup(options(url, backups))
    assert outcomes(check)["backup_read"] == "FAIL"
    assert check.verdict == "FAILED"


@pytest.mark.parametrize("kind, log", [("sqlite", "-wal"), ("duckdb", ".wal")])
def test_a_file_that_others_copied_is_read_but_proves_less(
    kind: str, log: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    file: Path = request.getfixturevalue(f"{kind}_file")
    copy = tmp_path / "copy"
    copy.write_bytes(file.read_bytes())
    test = recon.test_backup(options(f"{kind}:///{file}", tmp_path / "backups", copy))
    assert outcomes(test)["backup_read"] == "PASS"
    assert outcomes(test)["backup_contents"] == "WARN"
    assert outcomes(test)["restored_rows"] == "WARN"
    (tmp_path / f"copy{log}").write_bytes(b"")
    check = recon.check_backup(options(f"{kind}:///{file}", tmp_path / "backups", copy))
    assert outcomes(check)["backup_read"] == "FAIL"


@pytest.mark.parametrize("kind", ["sqlite", "duckdb"])
def test_what_is_no_database_makes_no_backup(kind: str, tmp_path: Path) -> None:
    file = tmp_path / "x"
    with pytest.raises(DatabaseError, match="not found"):
        recon.create_backup(options(f"{kind}:///{file}", tmp_path / "backups"))
    file.write_bytes(b"no database at all" * 500)
    with pytest.raises(BackupError, match="cannot be backed up"):
        recon.create_backup(options(f"{kind}:///{file}", tmp_path / "backups"))
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_copy_of_another_file_is_of_another_database(sqlite_file: Path, tmp_path: Path) -> None:
    recon.create_backup(options(f"sqlite:///{sqlite_file}", tmp_path / "backups"))
    other = recon.check_backup(options(f"sqlite:///{tmp_path}/other.db", tmp_path / "backups"))
    assert outcomes(other)["backup_database"] == "FAIL"
