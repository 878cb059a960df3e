"""The interface of all databases: read-only, with a catalogue, and with queries that are answered in batches."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import polars as pl

    from recon.database.surroundings import Surroundings

Catalogue = dict[str, dict[str, str]]
"""Table → column → type: "uuid", "integer", "timestamp", "timestamptz", "boolean", "json" or "text"."""


class FoldedCatalogue(Catalogue):
    """The catalogue of a database in which names of columns that differ in upper and lower case alone are the same.

    Attributes:
        folds_tables: Whether the same holds of names of tables.
    """

    def __init__(self, tables: Catalogue, *, folds_tables: bool = True) -> None:
        super().__init__(tables)
        self.folds_tables = folds_tables


UNDECODED = " is not UTF-8"
"""Added to the name of a column, this names the boolean column that marks those of its texts that are not UTF-8."""


class SelectColumn(Struct, frozen=True):
    """A column of a query: the application's name, its name in the result, and the type it is cast to.

    Attributes:
        transport: The type for the transfer: "uuid", "integer", "timestamp", "boolean" or "text".
        json_keys: Keys to look for, in order, when the column holds a JSON object.
        latest: Whether to take the greatest value of the group instead of the value itself.
        is_key: Whether it identifies rows: as text, the 16 bytes of a uuid are then its digits.
    """

    source_name: str
    name: str
    transport: str = "text"
    json_keys: tuple[str, ...] = ()
    latest: bool = False
    is_key: bool = False


class Query(Struct, frozen=True):
    """A read of one table; grouped, it has one row per value of the first column, and `rows`, the number of its rows.

    Attributes:
        only: A column and its value in the rows to read, for a query that is not grouped; None: all rows.
    """

    table: str
    columns: tuple[SelectColumn, ...]
    grouped: bool = False
    only: tuple[str, str] | None = None


class ReadError(Exception):
    """One table could not be read; the text is the server's message, on one line and without secrets.

    Attributes:
        next_step: What to do about it, chosen by the class of the error; None where that is unknown.
        is_corruption: Whether the database says that it is damaged.
    """

    def __init__(self, reason: str, next_step: str | None = None, *, is_corruption: bool = False) -> None:
        super().__init__(reason)
        self.next_step = next_step
        self.is_corruption = is_corruption


class Source(Protocol):
    """A read-only database; if `consistent` is true, all reads of one Source see the same instant.

    Attributes:
        label: Kind, version, driver, location and name; never a user, never a password.
        guarantee: The consistency between the tables, one sentence.
        typed: Whether columns have the catalogue's types; otherwise every value is transferred as text.
        limit_s: Seconds that the caller waits for rows; None: no limit.

    A source on a server also has `encryption`, "encrypted (…)" or "not encrypted".
    """

    label: str
    guarantee: str
    consistent: bool
    typed: bool
    limit_s: float | None

    def catalogue(self) -> Catalogue:
        """Return tables and views with their columns, read live."""

    def surroundings(self) -> Surroundings:
        """Return what the database says about itself and about the role that is connected."""

    def missing_hint(self, table: str) -> str | None:
        """Return a hint where else a table of that name is, when it is not in the catalogue; None: nowhere."""

    def refusal_hint(self, reason: str) -> str:
        """Return what to do about a table that could not be read for this reason."""

    def prepare(self, queries: Sequence[Query]) -> None:
        """Announce all reads to come, in their order; called before the first of them."""

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        r"""Yield the rows of `query` in batches; text columns as String, uuid as text or 16-byte Binary.

        Text that is not UTF-8 has its bytes written out (`caf\xe9`); the batch then has another column, named with
        `UNDECODED`, that marks it.

        Raises:
            ReadError: The server refused; later reads still work.
        """

    def cancel(self) -> None:
        """Cancel the read that another thread waits for, on the server too."""

    def close(self) -> None:
        """End the transaction and remove copies; a read that could not be cancelled is left alone."""
