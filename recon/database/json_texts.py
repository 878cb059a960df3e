"""JSON that a database keeps as text, and cannot tell from other text: its keys are looked for by DuckDB instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.database.rendering import SELECT
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recon.database.rendering import Dialect
    from recon.database.source import Query

WITH_KEY = "{sql} where {conditions}"
HAS_KEY = "strpos({text}, {key}) > 0"
FOUND = "json_extract_string({name}, {path})"
# Half a surrogate pair keeps DuckDB from reading the rest: its escape is replaced. This is done twice, because the end
# of one is the beginning of the next.
WITHOUT_HALVES = r"""
regexp_replace({text}, '((?:^|[^\\])(?:\\\\)*)\\u[dD][89a-fA-F][0-9a-fA-F]{{2}}', '\1?', 'g')"""
# Text that is no JSON, or an object without any of the keys, names nothing.
NAMED = """
select * replace (coalesce({found}) as {name})
from (select * replace (case when json_valid({name}) then {name}
                             when json_valid({mended}) then {mended} end as {name})
      from texts where {name} is not null)"""


def texts_sql(query: Query, table: str, dialect: Dialect) -> str:
    """Return the SQL that reads the rows of a grouped query whose JSON text may have one of the keys, ungrouped.

    Args:
        query: A grouped query whose first column is looked up in a JSON object.
        table: The table, quoted and qualified.
        dialect: The dialect of the database, which has `strpos`.
    """
    key, *others = query.columns
    text = dialect.casts["text"].format(value=dialect.quote(key.source_name))
    columns = [f"{text} as {dialect.quote(key.name)}"]
    for column in others:
        value = dialect.casts[column.transport].format(value=dialect.quote(column.source_name))
        columns.append(f"{value} as {dialect.quote(column.name)}")
    conditions = " or ".join(HAS_KEY.format(text=text, key=dialect.literal(name)) for name in key.json_keys)
    return WITH_KEY.format(sql=SELECT.format(columns=", ".join(columns), table=table), conditions=conditions)


def grouped(query: Query, texts: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Return the rows of a grouped query: one per value of a key, with the latest of the other columns, and `rows`.

    Args:
        query: As for `texts_sql`.
        texts: The rows that its SQL reads, in batches; at least one, which may be empty.
    """
    key, *others = query.columns
    name = quote(key.name)
    mended = WITHOUT_HALVES.format(text=WITHOUT_HALVES.format(text=name))
    paths = [literal("$." + quote(each)) for each in key.json_keys]
    found = ", ".join(f"nullif({FOUND.format(name=name, path=path)}, '')" for path in paths)
    with duckdb.connect() as session:
        named = [_named(session, NAMED.format(found=found, name=name, mended=mended), frame) for frame in texts]
    rows = pl.concat(named).filter(pl.col(key.name).is_not_null())
    return rows.group_by(key.name, maintain_order=True).agg(
        *(pl.col(column.name).max() for column in others), pl.len().cast(pl.Int64).alias("rows")
    )


def _named(session: duckdb.DuckDBPyConnection, sql: str, frame: pl.DataFrame) -> pl.DataFrame:
    session.register("texts", frame.to_arrow())
    return pl.DataFrame(pl.from_arrow(session.sql(sql).to_arrow_table()))
