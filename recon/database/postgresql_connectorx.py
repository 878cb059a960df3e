"""PostgreSQL through connectorx: psycopg holds a transaction, and connectorx's connections import its snapshot."""

from __future__ import annotations

from contextlib import ExitStack, closing
from secrets import token_hex
from typing import TYPE_CHECKING, Any
from urllib.parse import quote as percent_encode
from urllib.parse import urlencode

import polars as pl
import psycopg
from psycopg.conninfo import make_conninfo

from recon.database.encryption import DEFAULT_AUTHORITY
from recon.database.postgresql_errors import CONFLICT_WORDS, LOST, kind_of
from recon.database.postgresql_source import BEGIN, CASTS, ROWS, PostgresqlSource, refused
from recon.database.rendering import Dialect
from recon.database.server_stream import ServerStream
from recon.database.source import Query, ReadError
from recon.errors import DatabaseError
from recon.sql import literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database.address import DatabaseUrl

# connectorx reads uuids as text of 36 characters; numbers, timestamps and booleans keep their types.
DIALECT = Dialect(ROWS, {**CASTS, "uuid": "({value})::uuid::text"})
ERRORS = (psycopg.Error,)
CLIENT_CERTIFICATE = ("sslcert", "sslkey")
# libpq's parameters that connectorx does not know → the value with which that makes no difference.
UNKNOWN = {
    "sslpassword": "",
    "sslcrl": "",
    "sslcrldir": "",
    "ssl_min_protocol_version": "TLSv1.2",
    "ssl_max_protocol_version": "",
    "sslnegotiation": "postgres",
    "sslcertmode": "allow",
    "sslsni": "1",
    "require_auth": "",
}
# How connectorx begins its message where it did not connect in 30 s.
NO_CONNECTION = "timed out waiting for connection"
CHECK = "{sql} limit 0"
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
        self._start_options = f"{url.parameters.get('options', '')} -c lock_timeout={self._lock_timeout_ms}".strip()
        self._name = f"recon {token_hex(4)}"
        self._holder = self._hold()
        with ExitStack() as refused:
            refused.callback(self._holder.close)
            for sql in (BEGIN, *self._settings):
                self._holder.execute(sql.encode())
            self._begin()
            take_over = f"set transaction snapshot {literal(self._rows(EXPORT)[0][0])}"
            self._first = (BEGIN, take_over, *self._settings)
            self._take_over()
            self._stream = ServerStream(self._address(), None, self.cancel)
            refused.pop_all()

    def read(self, query: Query) -> Iterator[pl.DataFrame]:
        """Yield the rows of `query` in batches.

        Raises:
            ReadError: The server refused.
            DatabaseError: A connection is lost.
        """
        yield from self._answer(query, DIALECT, self._frames)

    def _check(self, sql: str) -> None:
        """Have the holder plan the query, which locks the table for the reader and gives the class of a refusal.

        Raises:
            ReadError: The server refuses the query.
            DatabaseError: The connection that holds the snapshot is lost.
        """
        try:
            with self._holder.transaction():
                self._holder.execute(CHECK.format(sql=sql).encode())
        except psycopg.Error as error:
            if self._holder.broken or self._holder.closed:
                raise self._lost(error) from None
            words = self._url.redact(str(error))
            raise refused(words, error.sqlstate) from None

    def _require_holder(self, cause: ReadError) -> None:
        """Require that the snapshot is still held; a read that failed for want of it says less than the holder's end.

        Raises:
            DatabaseError: The connection that holds the snapshot is lost.
        """
        try:
            self._holder.execute(b"select 1")
        except psycopg.Error as error:
            raise self._lost(cause if CONFLICT_WORDS in str(cause) else error) from None

    def _take_over(self) -> None:
        """Take the snapshot over once, as the reader will.

        connectorx tries to connect for 30 s, and then reports how its last attempt failed.

        Raises:
            psycopg.Error: The server, or a pooler before it, does not admit a second connection, or it is another's.
        """
        options = {"options": self._start_options} if self._start_options else {}
        with closing(psycopg.connect(make_conninfo(self._conninfo, **options), autocommit=True)) as second:
            for sql in self._first:
                second.execute(sql.encode())

    def _why(self, error: ReadError) -> tuple[str, str | None]:
        """Return why a read failed, and the SQLSTATE where it is known."""
        words = self._url.redact(str(error))
        if words.startswith(NO_CONNECTION):
            try:
                self._take_over()
            except psycopg.Error as first:
                return self._url.redact(str(first)), first.sqlstate
        return words, None

    def _frames(self, sql: str) -> Iterator[pl.DataFrame]:
        self._check(sql)
        try:
            for batch in self._stream.batches(sql, self._first):
                yield pl.DataFrame(pl.from_arrow(batch))
        except ReadError as error:
            self._require_holder(error)
            words, sqlstate = self._why(error)
            if kind_of(words, sqlstate) in LOST:
                raise self._lost(error) from None
            raise refused(words, sqlstate) from None

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
        try:
            return self._holder.execute(sql.encode()).fetchall()
        except psycopg.Error as error:
            raise self._lost(error) from None

    def _hold(self) -> psycopg.Connection:
        """Connect with the options of the reader, or without where a pooler refuses them and the URL has none."""
        try:
            return psycopg.connect(self._conninfo, autocommit=True, options=self._start_options)
        except psycopg.Error as error:
            if kind_of(str(error)) != "options" or "options" in self._url.parameters:
                raise
        # The holder has locked each table before it is read, so that little is waited for.
        self._start_options = ""
        return psycopg.connect(self._conninfo, autocommit=True)

    def _address(self) -> str:
        info = self._holder.info
        user, password, name = (percent_encode(part, safe="") for part in (info.user, self._url.password, info.dbname))
        host = f"[{info.host}]" if ":" in info.host else percent_encode(info.host, safe="")
        chosen = {**self._encryption(), "application_name": self._name}
        if self._start_options:
            # connectorx queries the columns before the transaction begins: that must not wait for a lock either.
            chosen["options"] = self._start_options
        parameters = urlencode(chosen, quote_via=percent_encode)
        return f"postgresql://{user}:{password}@{host}:{info.port}/{name}?{parameters}"

    def _encryption(self) -> dict[str, str]:
        """Return connectorx's parameters for the encryption that libpq agreed on with the server.

        Raises:
            DatabaseError: connectorx cannot verify what libpq has verified.
        """
        known = self._holder.info.get_parameters()
        if not self._holder.pgconn.ssl_in_use:
            return {"sslmode": "disable"}
        mode, authority = known.get("sslmode", ""), known.get("sslrootcert")
        refused = [name for name, usual in UNKNOWN.items() if known.get(name, "") not in ("", usual)]
        if mode == "verify-full" or authority == "system":
            refused.append("sslmode=verify-full")
        if refused:
            raise DatabaseError(
                "connectorx cannot honour this part of the URL",
                where=self._url.label,
                found=refused[0],
                next_step="Leave ?driver=connectorx away, or write sslmode=verify-ca or sslmode=require without it",
            )
        chosen = {"sslmode": "require"}
        if authority is None and DEFAULT_AUTHORITY.expanduser().exists() and mode in ("require", "verify-ca"):
            authority = str(DEFAULT_AUTHORITY.expanduser())
        if authority:
            chosen["sslrootcert"] = authority
        chosen |= {name: known[name] for name in CLIENT_CERTIFICATE if known.get(name)}
        if known.get("channel_binding"):
            chosen["channel_binding"] = known["channel_binding"]
        return chosen
