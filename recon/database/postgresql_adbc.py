"""PostgreSQL through ADBC: one connection with one read-only REPEATABLE READ transaction for all reads."""

from __future__ import annotations

from contextlib import contextmanager
from ctypes import CDLL
from typing import TYPE_CHECKING, Any

import adbc_driver_manager as adbc
import adbc_driver_postgresql
import polars as pl
import pyarrow as pa

from recon.database.marks import decoded
from recon.database.postgresql_source import BEGIN, CASTS, ROWS, PostgresqlSource, refused
from recon.database.rendering import Dialect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.address import DatabaseUrl
    from recon.database.source import Query

# Loaded at import, so that a platform that cannot load it is detected before anything is opened.
LIBRARY = CDLL(adbc_driver_postgresql._driver_path())  # noqa: SLF001 - as adbc_driver_postgresql.connect does
BATCH_BYTES = 8 * 2**20
DIALECT = Dialect(ROWS, CASTS)
NO_ENCODING = "SQL_ASCII"
ERRORS = (adbc.Error, pa.ArrowException, OSError)


def open_source(url: DatabaseUrl, conninfo: str, timeout_s: float | None) -> AdbcSource:
    """Open the connection and its transaction."""
    return AdbcSource(url, conninfo, timeout_s)


class AdbcSource(PostgresqlSource):
    """One ADBC connection inside one transaction."""

    guarantee = "consistent: one REPEATABLE READ READ ONLY transaction on one connection for all tables"
    driver = "ADBC"

    def __init__(self, url: DatabaseUrl, conninfo: str, timeout_s: float | None) -> None:
        super().__init__(url, timeout_s)
        self._is_busy = False
        self._encoding = "UTF8"
        self._database = adbc.AdbcDatabase(driver=LIBRARY._name, uri=conninfo)  # noqa: SLF001
        self._connection = adbc.AdbcConnection(self._database)
        for sql in (BEGIN, *self._settings):
            self._execute(sql)
        self._begin()
        if self._encoding == NO_ENCODING:
            # It cannot convert its text to UTF-8, and refuses to send what is not.
            self._execute("set local client_encoding = 'SQL_ASCII'")

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches of a few megabytes.

        Raises:
            ReadError: The server refused; the transaction continues.
        """
        self._transact("savepoint recon_read")
        try:
            yield from self._answer(query, DIALECT, self._stream)
        except ERRORS as error:
            self._return_to_savepoint(error)
            words, sqlstate = self._url.redact(str(error)), getattr(error, "sqlstate", None)
            raise refused(words, sqlstate) from None
        self._transact("release savepoint recon_read")

    def _return_to_savepoint(self, cause: Exception) -> None:
        """Undo what the failed read left behind.

        Raises:
            DatabaseError: The connection is lost; the error names the cause, not that this failed too.
        """
        try:
            self._execute("rollback to savepoint recon_read")
        except adbc.Error:
            raise self._lost(cause) from None

    def cancel(self) -> None:
        """Ask the server to cancel the running query; the thread that waits for it gets an error."""
        self._connection.cancel()

    def close(self) -> None:
        """End transaction and connection, unless a thread still waits in it: closing would then crash the program."""
        if not self._is_busy:
            self._connection.close()
            self._database.close()

    def _transact(self, sql: str) -> None:
        """Execute a statement that fails only when the connection is lost.

        Raises:
            DatabaseError: The connection is lost.
        """
        try:
            self._execute(sql)
        except adbc.Error as error:
            raise self._lost(error) from None

    def _execute(self, sql: str) -> None:
        with self._busy(), adbc.AdbcStatement(self._connection) as statement:
            statement.set_sql_query(sql)
            statement.execute_update()

    @contextmanager
    def _busy(self) -> Iterator[None]:
        self._is_busy = True
        try:
            yield
        finally:
            self._is_busy = False

    def _rows(self, sql: str) -> list[tuple[Any, ...]]:
        try:
            return pl.concat(list(self._stream(sql))).rows()
        except ERRORS as error:
            raise self._lost(error) from None

    def _stream(self, sql: str) -> Iterator[pl.DataFrame]:
        with self._busy(), adbc.AdbcStatement(self._connection) as statement:
            statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            statement.set_sql_query(sql)
            yield from self._frames(statement)

    def _frames(self, statement: adbc.AdbcStatement) -> Iterator[pl.DataFrame]:
        handle, _ = statement.execute_query()
        reader = pa.RecordBatchReader._import_from_c(handle.address)  # noqa: SLF001 - ADBC's documented interface
        # An empty frame first, so that the columns are known even without rows.
        yield pl.DataFrame(pl.from_arrow(pa.Table.from_batches([], schema=reader.schema)))
        for batch in reader:
            yield _decoded(batch) if self._encoding == NO_ENCODING else pl.DataFrame(pl.from_arrow(batch))


def _decoded(batch: pa.RecordBatch) -> pl.DataFrame:
    """Return the rows that a server without an encoding sends: their text is any bytes."""
    texts = [name for name, kind in zip(batch.schema.names, batch.schema.types, strict=True) if kind == pa.string()]
    sent = {name: batch[name].cast(pa.binary()) if name in texts else batch[name] for name in batch.schema.names}
    return decoded(pl.DataFrame(pl.from_arrow(pa.RecordBatch.from_pydict(sent))), texts)
