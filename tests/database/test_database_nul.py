"""NUL in the texts of a DuckDB file and a MySQL server: it ends nothing, and is the character that the bundle has."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest
from support import check_of, edit_report, outcomes, verify_url

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mysql import MysqlServer

    from recon.demo import Club, DemoPaths

KINDS = ("duckdb", "mysql")
# What is stored of the text that the bundle has → how many records the ledger leaves unexplained.
STORED = {"Fun\0day": 0, "Fun": 0, "Funday": 1}
Edits = list[tuple[str, str]]


@pytest.fixture
def edited(club: Club, tmp_path: Path, request: pytest.FixtureRequest) -> Callable[[str, Edits], str]:
    """Stores the club in a database of a kind and edits it with one parameter for each statement; gives its address."""

    def in_duckdb(edits: Edits) -> str:
        path = tmp_path / "club.duckdb"
        with closing(duckdb.connect(path)) as connection:
            for table, rows in club.tables.items():
                if rows:
                    connection.register("rows", pl.DataFrame(list(rows), infer_schema_length=None).to_arrow())
                    connection.execute(f'create table "{table}" as select * from rows')
            for statement, value in edits:
                connection.execute(statement.replace("%s", "$1"), [value])
        return str(path)

    def in_mysql(edits: Edits) -> str:
        server: MysqlServer = request.getfixturevalue("mysql_server")
        url: str = request.getfixturevalue("mysql_club")()
        with closing(server.connect(url.rpartition("/")[2])) as connection, connection.cursor() as cursor:
            for statement, value in edits:
                cursor.execute(statement.replace('"', "`"), (value,))
        return url

    return lambda kind, edits: {"duckdb": in_duckdb, "mysql": in_mysql}[kind](edits)


def put_into_report(report: dict[str, Any]) -> None:
    record = next(each for each in report["events"]["records"] if each["_action"] == "create")
    record["description"] = "Fun\0day"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stored", STORED)
def test_a_nul_is_compared_like_any_other_character(
    demo: DemoPaths, club: Club, edited: Callable[[str, Edits], str], kind: str, stored: str
) -> None:
    edit_report(demo.bundle, put_into_report)
    record = next(each for each in club.report["events"]["records"] if each["_action"] == "create")
    event = f"""update "Event" set description = %s where id = '{record["_murmurantId"]}'"""
    verification = verify_url(demo.bundle, edited(kind, [(event, stored)]))
    assert check_of(verification, "altered_records").outcome == ("PASS" if stored == "Fun\0day" else "FAIL")
    assert verification.ledger is not None
    assert verification.ledger.unexplained == STORED[stored]


@pytest.mark.parametrize("kind", KINDS)
def test_a_nul_in_what_is_not_compared_blocks_nothing(
    demo: DemoPaths, edited: Callable[[str, Edits], str], kind: str
) -> None:
    audit = """insert into "AuditLog" (id, action, "resourceType", "resourceId", metadata, "createdAt")
        values ('{}', 'IMPORT', 'WaSync', 'x', %s, '2024-01-15 14:29:00')"""
    edits = [
        (audit.format("a1"), '{"syncRunId": "a\\u0000b", "other": "\\u0000"}'),
        ("""update "MembershipTier" set name = %s where code = 'ALUMNI'""", "Alum\0ni"),
        ("""update "AuditLog" set action = %s where id = 'a1'""", "IMPORT\0"),
    ]
    verification = verify_url(demo.bundle, edited(kind, edits))
    assert {check for check, outcome in outcomes(verification).items() if outcome in ("FAIL", "ERROR")} == set()
    assert "Alum\0ni" in {tier.name for tier in verification.tiers}
