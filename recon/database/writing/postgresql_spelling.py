"""How values, rows and conditions are spelled for PostgreSQL."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.database.writing.interface import WriteError
from recon.database.writing.postgresql_catalogue import STATEMENTS
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.database.writing.interface import Key, TargetTable

ORDER = " order by {columns}"
NOWAIT = " for update nowait"
# Their texts depend on the search path; the number of an object is accepted as well.
REGISTERED = re.compile(r"reg(?:class|collation|config|dictionary|namespace|oper(?:ator)?|proc(?:edure)?|role|type)")


def condition(columns: Sequence[str], keys: Sequence[Key]) -> str:
    """Return the SQL that holds for rows with one of these values; a null is equal to none."""
    present = [key for key in keys if "NULL" not in key]
    if not present:
        return "false"
    if len(columns) == 1:
        # As literals have no type yet, the column's decides.
        return f"{quote(columns[0])} in ({', '.join(key[0] for key in present)})"
    rows = ", ".join(f"({', '.join(key)})" for key in present)
    return f"({', '.join(map(quote, columns))}) in ({rows})"


def literal(text: str | None) -> str:
    """Return the literal of a text as the server's quote_nullable does.

    Raises:
        WriteError: The text holds a character 0.
    """
    if text is None:
        return "NULL"
    if "\0" in text:
        raise WriteError("PostgreSQL cannot store a text with a character 0")
    quoted = "'" + text.replace("'", "''").replace("\\", "\\\\") + "'"
    return f"E{quoted}" if "\\" in text else quoted


def insert_head(table: TargetTable, into: str | None) -> str:
    """Return an INSERT statement up to and with VALUES; values of identity columns are stated, not drawn."""
    columns = ", ".join(map(quote, table.stored))
    return f"insert into {into or table.sql} ({columns}) overriding system value values"


def select_rows(table: TargetTable, columns: Sequence[str], where: str, *, lock: bool) -> str:
    """Return the SELECT of a row's version and its values as literals, in the order of the key."""
    types = {column.name: column.type for column in table.columns}
    # With the table's name, because a bare one could be that of a result.
    key = ", ".join(f"{table.sql}.{quote(name)}" for name in table.key)
    return STATEMENTS["rows"].format(
        columns=", ".join(("xmin::text", *(_as_literal(name, types[name]) for name in columns))),
        table=table.sql,
        where=where,
        order=ORDER.format(columns=key) if key else "",
        lock=NOWAIT if lock else "",
    )


def key_literals(table: TargetTable) -> list[str]:
    """Return the expressions for the values of the key as literals."""
    types = {column.name: column.type for column in table.columns}
    return [_as_literal(name, types[name]) for name in table.key]


def _as_literal(name: str, kind: str) -> str:
    """Return the expression for a column's value as a literal.

    `format` takes the text that the type itself writes; a cast would take the blanks off char(n), and do as a cast of
    the user's own does.
    """
    column = quote(name)
    return STATEMENTS["literal"].format(column=f"{column}::oid" if REGISTERED.fullmatch(kind) else column).strip()
