"""A damaged database: recognised by what it says, refused with exit code 2, and escalated as the runbook says."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import duckdb
import pytest
from support import run_in_process, verify

import recon
from recon.database.corruption import is_duckdb_corrupted, is_mysql_corrupted, is_postgresql_corrupted
from recon.database.sqlite import find_damage
from recon.errors import CorruptionError, DatabaseError
from recon.verification.escalation import Circumstances, advise

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

CAUTION = "Do NOT self-remediate integrity failures. Document and escalate."
POSTGRESQL = [
    ("invalid page in block 3 of relation base/16384/16385", None),
    ('could not read blocks 0..0 in file "base/5/16397": read only 0 of 8192 bytes', None),
    ('could not read block 2 in file "base/5/16397": Input/output error', "58030"),
    ('could not open file "base/5/16397": No such file or directory', "58P01"),
    ("missing chunk number 0 for toast value 16390 in pg_toast_16385", "XX001"),
    ("compressed pglz data is corrupt", "XX001"),
    ('index "member_pkey" contains unexpected zero page at block 1', "XX002"),
    ("could not access status of transaction 12345", None),
]
HARMLESS = [
    ('relation "Member" does not exist', "42P01"),
    ("permission denied for table Member", "42501"),
    ("canceling statement due to lock timeout", "55P03"),
    ("terminating connection due to administrator command", "57P01"),
    ("cache lookup failed for relation 16385", "XX000"),
    ('invalid input syntax for type integer: "invalid page in block 3"', "22P02"),
]
MYSQL = [(1194, "Table 'Member' is marked as crashed and should be repaired"), (1712, "Index PRIMARY is corrupted")]


@pytest.mark.parametrize("words, sqlstate", POSTGRESQL, ids=[words[:30] for words, _ in POSTGRESQL])
def test_what_postgresql_says_of_damage_is_recognised(words: str, sqlstate: str | None) -> None:
    assert is_postgresql_corrupted(words, sqlstate)


@pytest.mark.parametrize("words, sqlstate", HARMLESS, ids=[words[:30] for words, _ in HARMLESS])
def test_what_else_goes_wrong_is_no_damage(words: str, sqlstate: str) -> None:
    assert not is_postgresql_corrupted(words, sqlstate)
    assert not is_mysql_corrupted(words, 1146)
    assert not is_duckdb_corrupted(words)


@pytest.mark.parametrize("number, words", MYSQL)
def test_what_mysql_says_of_damage_is_recognised(number: int, words: str) -> None:
    assert is_mysql_corrupted(words, number)
    assert is_mysql_corrupted(f"ERROR {number} (HY000): {words}")
    assert is_mysql_corrupted("Got error 126 'Index is corrupted' from MyISAM", 1030)
    assert not is_mysql_corrupted("Got error 28 'No space left on device' from InnoDB", 1030)


def overwritten(path: Path, place: int, length: int = 60) -> None:
    """Damage bytes of a file."""
    content = bytearray(path.read_bytes())
    for i in range(place, place + length):
        content[i] ^= 0x55
    path.write_bytes(content)


def page_of(database: Path, name: str) -> int:
    """The place of the first page of a table or index of a SQLite file."""
    with closing(sqlite3.connect(database)) as connection:
        (size,) = connection.execute("pragma page_size").fetchone()
        (page,) = connection.execute("select rootpage from sqlite_master where name = ?", [name]).fetchone()
    return int((page - 1) * size)


@pytest.mark.parametrize(
    "damaged", ["Member", "sqlite_autoindex_Member_1", "sqlite_autoindex_MembershipStatus_1"], ids=str
)
def test_damage_to_a_page_of_a_sqlite_file_gives_no_verdict(demo: DemoPaths, tmp_path: Path, damaged: str) -> None:
    overwritten(demo.database, page_of(demo.database, damaged) + 8)
    reports = [tmp_path / f"report.{suffix}" for suffix in ("json", "md", "xml", "html", "csv")]
    formats = [word for name in ("json", "markdown", "junit", "html", "csv-long") for word in ("-f", name)]
    named = [word for path in reports for word in ("-o", path)]

    done = run_in_process("verify", demo.bundle, "--database", demo.database, *formats, *named)

    assert done.code == 2
    assert "Escalate to: DBA + Merge captain (priority: Critical)" in done.err
    assert CAUTION in done.err
    command = f"recon rollback restore BACKUP --database {demo.database}"
    assert "Next step: Database corruption - Escalate first; the runbook's answer is a Level 2 rollback" in done.err
    assert command in done.err
    for path in reports:
        text = path.read_text(encoding="utf-8")
        found = [words in text for words in ("DBA + Merge captain", "recon rollback restore BACKUP")]
        assert all(found), path.name
    advice = json.loads(reports[0].read_text(encoding="utf-8"))["escalation"]
    assert (advice["rollback"], advice["priority"]) == (2, "Critical")
    assert any("malformed" in reason or "damaged" in reason for reason in advice["reasons"])


def test_a_wrong_index_is_found_though_every_table_can_be_read(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute('create index by_name on "Member" ("lastName")')
        connection.execute("pragma writable_schema = on")
        renamed = 'create index by_name on "Member" ("firstName")'
        connection.execute("update sqlite_master set sql = ? where name = 'by_name'", [renamed])

    with pytest.raises(CorruptionError, match=r"The database is damaged .* missing from index by_name"):
        verify(demo)


def test_a_row_that_breaks_a_constraint_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "club.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(
            "create table t (a text, b int check (b > 0)); insert into t values (null, 1);"
            "pragma ignore_check_constraints = on; insert into t values ('x', -1);"
            "pragma writable_schema = on;"
            "update sqlite_master set sql = 'create table t (a text not null, b int check (b > 0))'"
        )

    assert find_damage(path) is None


def test_a_file_that_is_no_database_is_not_called_damaged(demo: DemoPaths) -> None:
    demo.database.write_bytes(b"no database at all, but a text" * 40)

    with pytest.raises(DatabaseError) as raised:
        verify(demo)

    assert not isinstance(raised.value, CorruptionError)


def test_a_damaged_duckdb_file_is_recognised(clean: DemoPaths, tmp_path: Path) -> None:
    path = tmp_path / "club.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("create table t as select range as i, md5(range::varchar) as h from range(100000)")
    overwritten(path, 12_300)

    with pytest.raises(CorruptionError, match="Corrupt database file"):
        recon.verify(recon.VerifyOptions(clean.bundle, str(path)))


def test_the_table_of_advice_is_asked_for_a_damaged_database_too(
    demo: DemoPaths, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    overwritten(demo.database, page_of(demo.database, "Member") + 8)
    advice = tmp_path / "advice.toml"
    advice.write_text('[issues.corruption]\ncontact = "Ann of the database team"\n')

    named = ("--database", demo.database, "--advice", advice, "-o", tmp_path / "r.md")
    done = run_in_process("verify", demo.bundle, *named)

    assert done.code == 2
    assert "Escalate to: Ann of the database team (priority: Critical)" in done.err

    monkeypatch.chdir(tmp_path)
    advice.rename("recon-advice.toml")
    unnamed = run_in_process("verify", demo.bundle, "--database", demo.database, "-o", "r.md")

    assert "Escalate to: Ann of the database team (priority: Critical)" in unnamed.err


def test_a_damaged_table_that_the_rules_can_do_without_is_escalated(
    passed: recon.Verification,
) -> None:
    advice = advise(passed.checks, Circumstances(corrupted=("The table 'AuditLog' is damaged: invalid page",)))

    assert [(issue.contact, issue.priority) for issue in advice.issues] == [("DBA + Merge captain", "Critical")]
    assert advice.situation == "Database corruption"
    assert advice.caution == CAUTION
