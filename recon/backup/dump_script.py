"""Hands over what pg_dump or pg_restore writes, statement by statement; the rows of a COPY block come as a stream."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from recon.backup.dump_text import COPY, LONGEST_LINE, DumpReader

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.backup.contents import BackupReading

COPY_BYTES = 1 << 18
# The transaction is not the script's own.
BOUNDARY = re.compile(rb"(?:BEGIN|COMMIT)\Z", re.IGNORECASE)
# What a script sets must end with the transaction: a pooler hands the connection on to others.
SETTING = re.compile(rb"SET\s+(?!LOCAL\b|CONSTRAINTS\b|SESSION\b)(?=\w+\s*(?:=|TO)\s*)", re.IGNORECASE)
SEARCH_PATH = re.compile(rb"SELECT\s+pg_catalog\.set_config\('search_path',\s*'',\s*false\)", re.IGNORECASE)
# A dump would wait for locks as long as it takes, and everybody else behind it.
WAITING = re.compile(rb"SET\s+lock_timeout\b", re.IGNORECASE)


class DumpScript(DumpReader):
    """One pass over a script.

    Args:
        stream: The text.
        send: Receives each statement.
        copy: Receives each COPY statement with its rows, as bytes in large pieces.
    """

    longest_kept = LONGEST_LINE

    def __init__(
        self, stream: IO[bytes], send: Callable[[bytes], None], copy: Callable[[bytes, Iterator[bytes]], None]
    ) -> None:
        super().__init__(stream)
        self._send, self._copy_in = send, copy

    def run(self) -> BackupReading:
        """Read to the end; returns what shows that it is not whole, or holds what is of psql alone."""
        return self.read()

    def _read_statement(self, statement: bytes) -> None:
        statement = statement.removesuffix(b";").rstrip()
        if BOUNDARY.match(statement) or WAITING.match(statement) or not statement:
            return
        if COPY.fullmatch(statement + b";"):
            self._copy_in(statement, self._rows())
            return
        statement = SEARCH_PATH.sub(b"SELECT pg_catalog.set_config('search_path', '', true)", statement)
        self._send(SETTING.sub(b"SET LOCAL ", statement, count=1))

    def _rows(self) -> Iterator[bytes]:
        """The rows up to the line that ends them."""
        piece = bytearray()
        for line in self._lines:
            self._number += 1
            if line[:2] == b"\\." and line.rstrip(b"\r\n") == b"\\.":
                yield bytes(piece)
                return
            piece += line
            if len(piece) >= COPY_BYTES:
                yield bytes(piece)
                piece.clear()
        self._found.faults.append("the rows of a table have no end")
        yield bytes(piece)


def statements_of(stream: IO[bytes]) -> list[bytes]:
    """The statements of a schema, without what a script sets for itself."""
    found: list[bytes] = []
    DumpScript(stream, found.append, lambda statement, _: found.append(statement)).run()
    return [each for each in found if not each.upper().startswith((b"SET LOCAL ", b"SELECT PG_CATALOG.SET_CONFIG("))]
