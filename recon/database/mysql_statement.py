"""One statement for all tables, because connectorx gives every query its own connection and thereby its own instant.

The union of all reads is one statement, which InnoDB answers from one instant and sends row by row.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace

from recon.database.marks import unmark
from recon.database.rendering import Dialect, render, render_value
from recon.database.source import Query, ReadError, SelectColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pyarrow as pa

MARKED = "coalesce(cast(concat('=', {value}) as binary), x'')"
UUID_TEXT = "insert(insert(insert(insert(lower(hex({value})), 9, 0, '-'), 14, 0, '-'), 19, 0, '-'), 24, 0, '-')"
FIELD = "json_extract(case when json_valid({value}) then {value} end, concat('$.', json_quote({key})))"
PART = "select {part} as part, read_{part}.*{padding} from ({sql}) as read_{part}"
# Groups by bytes: a collation would merge run ids that differ in case or trailing blanks.
KEY = "the key"
KEYED = "(select cast(convert({key} using utf8mb4) as binary) as `the key`{names} from {table}) as keyed"
PADDING = ", x'' as pad_{number}"


def quote_mysql(name: str) -> str:
    """Quote an identifier in the form that every sql_mode accepts."""
    return "`" + name.replace("`", "``") + "`"


def literal_mysql(text: str) -> str:
    """Quote a text by its bytes, because the meaning of a backslash depends on sql_mode."""
    return f"convert(x'{text.encode().hex()}' using utf8mb4)"


# Transports besides "text": for types whose conversion to text by the server would lose information.
DIALECT = Dialect(
    MARKED.format(value="count(*)") + " as `rows`",
    {
        "text": MARKED.format(value="convert({value} using utf8mb4)"),
        "bytes": MARKED,
        "key bytes": MARKED.format(value=f"case when length({{value}}) = 16 then {UUID_TEXT} else {{value}} end"),
        "bits": MARKED.format(value="({value}) + 0"),
        "binary(16)": MARKED.format(value=UUID_TEXT),
        "json": f"nullif(json_unquote({FIELD}), 'null')",
    },
    quote=quote_mysql,
    literal=literal_mysql,
)
TRANSPORTS = {
    "binary(16)": "binary(16)",
    "bit": "bits",
    **dict.fromkeys(("varbinary", "tinyblob", "blob", "mediumblob", "longblob"), "bytes"),
}


def render_mysql(query: Query, types: Mapping[str, str]) -> str:
    """Return the SQL of one read; `types` are the server's own types by column."""
    columns = tuple(_by_type(column, types.get(column.source_name, "")) for column in query.columns)
    typed = replace(query, columns=columns)
    if not query.grouped:
        return render(typed, quote_mysql(query.table), DIALECT)
    # Under ONLY_FULL_GROUP_BY, MariaDB accepts columns as grouping keys, but no expressions.
    key, *others = columns
    names = "".join(f", {quote_mysql(column.source_name)}" for column in others)
    keyed = KEYED.format(key=render_value(key, DIALECT), names=names, table=quote_mysql(query.table))
    plain = replace(key, source_name=KEY, json_keys=())
    return render(replace(typed, columns=(plain, *others)), keyed, DIALECT)


def _by_type(column: SelectColumn, kind: str) -> SelectColumn:
    if column.json_keys:
        return column
    other = "bytes" if kind.startswith("binary") else "text"
    transport = TRANSPORTS.get(kind, other)
    return replace(column, transport="key bytes" if column.is_key and transport == "bytes" else transport)


class Statement:
    """The union of several reads, whose rows arrive read by read.

    Args:
        reads: SQL by query.
        send: Executes a SQL statement and yields its rows in batches.

    Attributes:
        has_failed: Whether the statement failed.
        is_shared: Whether it reads several tables, any of which may be the cause of a failure.
    """

    def __init__(self, reads: Mapping[Query, str], send: Callable[[str], Iterator[pa.RecordBatch]]) -> None:
        self._parts = {query: part for part, query in enumerate(reads)}
        self._width = max((width(query) for query in reads), default=0)
        self._batches = send(" union all ".join(self._part(query, sql) for query, sql in reads.items()))
        self._held: pl.DataFrame | None = None
        self._done: set[int] = set()
        self.has_failed = False
        self.is_shared = len(self._parts) > 1

    def __contains__(self, query: Query) -> bool:
        """Whether the rows of `query` are still to come."""
        return not self.has_failed and self._parts.get(query, -1) not in {-1, *self._done}

    def rows(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of one read, every column as text; those of earlier reads must have been consumed.

        Raises:
            ReadError: The server refused.
        """
        part, names = self._parts[query], _names(query)
        while (frame := self._next()) is not None:
            self._require_order(frame)
            own = frame.filter(pl.col("0") == part).drop("0")[:, : len(names)]
            later = frame.filter(pl.col("0") > part)
            self._held = later if later.height else None
            if own.height:
                yield unmark(own.rename(dict(zip(own.columns, names, strict=True))))
            if self._held is not None:
                break
        self._done.add(part)

    def _require_order(self, frame: pl.DataFrame) -> None:
        """Require that no row arrives after its read was considered complete."""
        if not self._done.isdisjoint(frame["0"].unique()):
            self.has_failed = True
            raise ReadError("the server mixed the rows of several tables: report this")

    def _next(self) -> pl.DataFrame | None:
        frame, self._held = self._held, None
        if frame is not None:
            return frame
        try:
            batch = next(self._batches, None)
        except ReadError:
            self.has_failed = True
            raise
        if batch is None:
            return None
        return pl.DataFrame(pl.from_arrow(batch.rename_columns([str(n) for n in range(batch.num_columns)])))

    def _part(self, query: Query, sql: str) -> str:
        padding = "".join(PADDING.format(number=number) for number in range(self._width - width(query)))
        return PART.format(part=self._parts[query], padding=padding, sql=sql)


def width(query: Query) -> int:
    """Return the number of columns of a read."""
    return len(_names(query))


def _names(query: Query) -> list[str]:
    return [column.name for column in query.columns] + ["rows"] * query.grouped
