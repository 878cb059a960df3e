"""Who the violations of a check are about: the words that people use, found by the ids in each row."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from recon.answers.questions import STATEMENTS
from recon.ledger.entities import EVERY_ENTITY
from recon.rules.findings import entity_column, id_columns
from recon.sql import literal, quote
from recon.warehouse.statements import query_of

if TYPE_CHECKING:
    import duckdb

VIOLATIONS = "recon_violations"
PLACE = "place of the violation"
WORDS = ("name", "email", "level", "event")
NULL = "cast(null as varchar)"


def with_people(violations: pl.DataFrame, connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    """Return the violations with name, email, level and event, where they are about records or rows.

    Args:
        violations: One row per violation.
        connection: The session in which the view `called` is.
    """
    ids = id_columns(violations.columns)
    if violations.is_empty() or not ids:
        return violations
    texts = violations.select(pl.col(*ids, *_entities(violations)).cast(pl.String)).with_row_index(PLACE)
    connection.register(VIOLATIONS, texts.to_arrow())
    try:
        sql = STATEMENTS["words_of_violations"].format(
            place=quote(PLACE),
            violations=VIOLATIONS,
            wa_id=_first([name for name in ids if name == "wa_id"]),
            target_id=_first([name for name in ids if name != "wa_id"]),
            named_entity=_named_entity(_first(_entities(violations))),
        )
        words = pl.DataFrame(pl.from_arrow(connection.sql(query_of(sql, connection)).to_arrow_table()))
    finally:
        connection.unregister(VIOLATIONS)
    if words.is_empty():
        return violations
    new = [name for name in WORDS if name not in violations.columns]
    placed = violations.with_row_index(PLACE, offset=0).with_columns(pl.col(PLACE).cast(pl.Int64))
    beside = words.select(pl.col("place").cast(pl.Int64).alias(PLACE), *new)
    return placed.join(beside, on=PLACE, how="left", maintain_order="left").drop(PLACE)


def _entities(violations: pl.DataFrame) -> list[str]:
    return [name for name in (entity_column(violations.columns),) if name]


def _first(names: list[str]) -> str:
    texts = ", ".join(f"nullif({quote(name)}, '')" for name in names)
    return f"coalesce({texts})" if texts else NULL


def _named_entity(column: str) -> str:
    """The cases that make an entity of what a rule or an id mapping calls it."""
    names = (f"when lower({column}) in ({', '.join(map(literal, each.mapped_as))})" for each in EVERY_ENTITY)
    return " ".join(f"{when} then {literal(each.name)}" for when, each in zip(names, EVERY_ENTITY, strict=True))
