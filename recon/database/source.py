"""What every source of rows is: a read-only database with a catalogue, and queries that it answers in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

Catalogue = dict[str, dict[str, str]]
"""Table → column → type: "uuid", "integer", "timestamp", "timestamptz", "boolean", "json" or "text"."""


class SelectColumn(Struct, frozen=True):
    """A column of a query: the application's name, the name it gets, and the type it is cast to.

    Attributes:
        transport: "uuid", "integer", "timestamp", "boolean" or "text": how it travels.
        json_keys: Keys to look for, in order, when the column holds a JSON object.
        latest: Take the greatest value of the group instead of the value itself.
    """

    source_name: str
    name: str
    transport: str = "text"
    json_keys: tuple[str, ...] = ()
    latest: bool = False


class Query(Struct, frozen=True):
    """A read of one table; grouped, it gives a row for each value of the first column, and `rows`, their number.

    Attributes:
        only: A column and the value that it has in the rows to read, for a query that is not grouped; None: all rows.
    """

    table: str
    columns: tuple[SelectColumn, ...]
    grouped: bool = False
    only: tuple[str, str] | None = None


class ReadError(Exception):
    """One table could not be read; the text is the server's own, on one line and without secrets."""


class Source(Protocol):
    """A read-only database: every read of one Source sees the same instant where `consistent` says so.

    Attributes:
        label: Kind, version, driver, place and name; never a user, never a password.
        guarantee: Which consistency holds between the tables, one sentence.
        typed: Whether columns have the catalogue's types; otherwise every value travels as text.
        limit_s: Seconds that the caller waits for rows; None: as long as it takes.
    """

    label: str
    guarantee: str
    consistent: bool
    typed: bool
    limit_s: float | None

    def catalogue(self) -> Catalogue:
        """Tables and views with their columns, read live."""

    def missing_hint(self, table: str) -> str | None:
        """Where else a table of that name lies, when it is not in the catalogue."""

    def refusal_hint(self, reason: str) -> str:
        """What to do about a table that could not be read, for this reason."""

    def prepare(self, queries: Sequence[Query]) -> None:
        """Told every read to come, in its order, before the first of them."""

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """The rows of `query` in batches; text columns as String, uuid as text or 16-byte Binary.

        Raises:
            ReadError: The server refused; later reads still work.
        """

    def cancel(self) -> None:
        """End the read that another thread waits for, also on the server."""

    def close(self) -> None:
        """End the transaction, remove what was copied; a read that could not be ended is left alone."""
