"""PostgreSQL through connectorx: psycopg holds a transaction, and connectorx's connections import its snapshot."""

from __future__ import annotations

from contextlib import closing
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import polars as pl
import psycopg

from recon.database.postgresql_source import BEGIN, CASTS, ROWS, PostgresqlSource
from recon.database.rendering import Dialect
from recon.database.server_stream import ServerStream
from recon.database.source import Query, ReadError
from recon.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.address import DatabaseUrl

# connectorx reads uuids as text of 36 characters; numbers, timestamps and booleans keep their types.
DIALECT = Dialect(ROWS, {**CASTS, "uuid": "({value})::uuid::text"})
ERRORS = (psycopg.Error,)
PARAMETERS = ("sslmode", "sslrootcert", "options")
CANCEL = "select pg_catalog.pg_cancel_backend(pid) from pg_catalog.pg_stat_activity where application_name = %s"
EXPORT = "select pg_catalog.pg_export_snapshot()"


def open_source(url: DatabaseUrl, conninfo: str, timeout_s: float | None) -> ConnectorxSource:
    """Open the transaction whose snapshot the reads use."""
    return ConnectorxSource(url, conninfo, timeout_s)


class ConnectorxSource(PostgresqlSource):
    """A transaction that exports its snapshot to one connection per read."""

    guarantee = (
        "consistent: one exported snapshot, taken over by a REPEATABLE READ READ ONLY transaction for each table"
    )
    driver = "connectorx"

    def __init__(self, url: DatabaseUrl, conninfo: str, timeout_s: float | None) -> None:
        super().__init__(url, timeout_s)
        self._conninfo = conninfo
        self._name = f"recon {token_hex(4)}"
        self._holder = psycopg.connect(conninfo, autocommit=True)
        for sql in (BEGIN, *self._settings):
            self._holder.execute(sql.encode())
        self._begin()
        take_over = f"set transaction snapshot {literal(self._rows(EXPORT)[0][0])}"
        self._first = (BEGIN, take_over, *self._settings)
        self._stream = ServerStream(self._address(), None, self.cancel)

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches.

        Raises:
            ReadError: The server refused, or the snapshot is no longer available.
        """
        try:
            yield from self._answer(query, DIALECT, self._frames)
        except ReadError as error:
            raise ReadError(_server_words(self._url.redact(str(error)))) from None

    def _frames(self, sql: str) -> Iterator[pl.DataFrame]:
        for batch in self._stream.batches(sql, self._first):
            yield pl.DataFrame(pl.from_arrow(batch))

    def cancel(self) -> None:
        """Cancel the running query on the server, from another connection, and then end the reader process."""
        try:
            with closing(psycopg.connect(self._conninfo, autocommit=True)) as other:
                other.execute(CANCEL.encode(), [self._name])
        finally:
            self._stream.close()

    def close(self) -> None:
        """End the reader process and the transaction that holds the snapshot."""
        self._stream.close()
        self._holder.close()

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self._holder.execute(sql.encode()).fetchall()

    def _address(self) -> str:
        parts = (self._url.user, self._url.password, self._url.host, self._url.name)
        user, password, host, name = (percent_encode(part, safe="") for part in parts)
        host = self._url.host if ":" not in self._url.host else f"[{self._url.host}]"
        chosen = {key: value for key, value in self._url.parameters.items() if key in PARAMETERS}
        # connectorx queries the columns before the transaction begins: that must not wait for a lock either.
        chosen["options"] = f"{chosen.get('options', '')} -c lock_timeout={self._lock_timeout_ms}".strip()
        parameters = urlencode({**chosen, "application_name": self._name}, quote_via=percent_encode)
        return f"postgresql://{user}:{password}@{host}:{self._url.port}/{name}?{parameters}"


def _server_words(message: str) -> str:
    """Return the server's message without the driver's prefix."""
    return message.rpartition("db error: ")[2].removeprefix("ERROR: ") or message
