"""The findings of one check as a table for people: who each one is about, and what the rule says of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.answers.questions import WORDS
from recon.errors import UsageError
from recon.ledger.entities import EVERY_ENTITY
from recon.report.workbook.columns import DECISION_COLUMNS
from recon.sql import literal, named_statements
from recon.warehouse.statements import named, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

STATEMENTS = named_statements(Path(__file__).with_name("findings.sql"))
EVERY_WORD = tuple(dict.fromkeys(word for words in WORDS.values() for word in words))
TOLD = "told"
# The columns of a violation that a finding takes over, and those that every finding has of its own, here or on a sheet.
SAID = ("entity", "field")
OWN = ("finding", "key", "violations", "standing", "fingerprint", *DECISION_COLUMNS)


def findings_of(check_id: str, connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return the findings of a check, one row each, in the order of entity, key and field.

    Columns: `entity`, `key` (its id) and `field` as of `create_findings`; what people call it (name, email, level of a
    member; title, start_time of an event; member_name, member_email, event_title, status of a registration; null: not
    known); the columns of its first violation; `cause`, `violations` (how many), `standing`; `finding`, 17 characters
    that name it among all of a run; and `fingerprint`.

    Raises:
        UsageError: The snapshot is of a version that kept no findings.
    """
    try:
        structure = _ask(STATEMENTS["structure"], {"check": check_id}, connection).item()
    except (duckdb.CatalogException, duckdb.BinderException) as error:
        raise UsageError(
            "The snapshot has no findings",
            expected="the table checks.findings, with the first violation of each",
            found="none: an older version of recon kept it",
            next_step="Run recon run again, with the snapshot as --database",
        ) from error
    connection.execute(_calling())
    return _told(_ask(_asking(structure), {"check": check_id}, connection))


def subjects_of(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """What each finding is about: finding, check_id, entity, key, field, cause, fingerprint; not masked."""
    return _ask(STATEMENTS["subjects"].format(finding=STATEMENTS["finding"]), {}, connection)


def times_of(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """The names of the columns of bundle and database that hold instants."""
    return frozenset(_ask(STATEMENTS["times"], {}, connection)["column_name"])


def _calling() -> str:
    called = (
        STATEMENTS["called"].format(entity=each.name, one=each.one, words=", ".join(WORDS[each.name]))
        for each in EVERY_ENTITY
    )
    entities = (
        f"when lower(trim(entity)) in ({', '.join(map(literal, each.mapped_as))}) then {literal(each.name)}"
        for each in EVERY_ENTITY
    )
    first = "nullif(first({0} order by source_row nulls last, row_id), '') as {0}"
    return STATEMENTS["called_findings"].format(
        finding=STATEMENTS["finding"],
        entities=" ".join(entities),
        called="\n  union all by name\n".join(called),
        first=", ".join(map(first.format, ("called_as", *EVERY_WORD))),
    )


def _asking(structure: str | None) -> str:
    return STATEMENTS["findings_of"].format(
        finding=STATEMENTS["finding"], words=", ".join(f"c.{name}" for name in EVERY_WORD), told=_read(structure)
    )


def _read(structure: str | None) -> str:
    """The violation as a struct, of the types that all of the check's violations have."""
    if not structure or not structure.startswith("{"):
        return "null"
    of_texts = structure.replace('"NULL"', '"VARCHAR"')
    return f"from_json(f.violation, {literal(of_texts)})"


def _told(frame: pl.DataFrame) -> pl.DataFrame:
    """Set the columns of the violation between the words and the rest, in the place of words of the same name."""
    if not isinstance(frame.schema[TOLD], pl.Struct):
        return frame.drop(TOLD)
    told = frame.select(pl.col(TOLD).struct.unnest()).drop(SAID, strict=False)
    told = told.rename({name: f"violation_{name}" for name in OWN if name in told.columns})
    # A rule that names its problem has the finding's cause from there.
    its_own = {*told.columns, *(("cause",) if "problem" in told.columns else ())}
    place = frame.columns.index(TOLD)
    before, after = (
        [n for n in names if n not in its_own] for names in (frame.columns[:place], frame.columns[place + 1 :])
    )
    return pl.concat([frame.select(before), told, frame.select(after)], how="horizontal")


def _ask(sql: str, values: Mapping[str, str], connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    statement = query_of(sql, connection)
    relation = connection.sql(statement, params=named(statement, values))
    return pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))
