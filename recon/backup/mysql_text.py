"""Reads the SQL that mysqldump and mariadb-dump write, as a stream: rows of each table, and whether it is complete."""

from __future__ import annotations

import re
from io import BufferedReader, RawIOBase
from typing import IO, TYPE_CHECKING, cast

from recon.backup.contents import BackupReading, TableContent
from recon.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

# A line holds whole texts: line breaks within one are written as escapes.
TEXT = re.compile(rb"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
NAME = rb"`((?:[^`]|``)*)`"
CREATED = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?" + NAME)
INSERTED = re.compile(rb"(?:INSERT|REPLACE) (?:IGNORE )?INTO " + NAME + rb"(?: \([^()]*\))? VALUES?\b")
OTHER_DATABASE = re.compile(rb"(?:USE |CREATE DATABASE |DROP DATABASE |/\*![0-9]+ (?:CREATE|DROP) DATABASE )")
COMPLETE = re.compile(rb"-- Dump completed\b")
# What says in which form the values are written, and what brings tables and rows of one database alone.
PROLOGUE = b"""\
SET foreign_key_checks = 0, unique_checks = 0, time_zone = '+00:00';
SET sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES,NO_ENGINE_SUBSTITUTION';
"""
SETTING = re.compile(
    rb"(?:/\*M?![0-9]+ )?SET (?:NAMES \w+|TIME_ZONE='[^']*'|@saved_cs_client += @@character_set_client"
    rb"|character_set_client = @?\w+)(?: \*/)?;"
)
QUOTED = re.compile(TEXT.pattern + rb"|" + NAME, re.DOTALL)
OWN_TABLE = re.compile(CREATED.pattern + rb" \(")
ENGINE = re.compile(rb"\bENGINE ?= ?(?:InnoDB|MyISAM|Aria|MEMORY|ROCKSDB)\b", re.IGNORECASE)
ELSEWHERE = re.compile(rb"\b(?:UNION|CONNECTION|DIRECTORY) ?=", re.IGNORECASE)
VALUES = re.compile(rb"[\w\s(),.'+-]*;?\s*")
CALL = re.compile(rb"\w\s*\(")


def read_mysql_dump(stream: IO[bytes]) -> BackupReading:
    """Read a dump to its end; rows are counted, not digested."""
    found = BackupReading()
    rows: dict[str, int] = {}
    table, delimiter, last = None, b";", b""
    for number, line in enumerate(_lines(stream), 1):
        text = line.strip()
        last = text or last
        if text[:10].upper() == b"DELIMITER ":
            delimiter = text[10:].strip()
        elif delimiter != b";":
            continue
        elif table is not None:
            table = _more(rows, table, TEXT.sub(b"''", text))
        elif inserted := INSERTED.match(text):
            name = _name(inserted[1])
            rows.setdefault(name, 0)
            table = _more(rows, name, TEXT.sub(b"''", text[inserted.end() :]))
        elif created := CREATED.match(text):
            rows.setdefault(_name(created[1]), 0)
        elif OTHER_DATABASE.match(text):
            found.commands.append(f"{text[:60].decode(errors='backslashreplace')} at line {number:,}")
    found.tables = {name: TableContent(count) for name, count in rows.items()}
    found.is_complete = bool(COMPLETE.match(last))
    if table is not None:
        found.faults.append(f"it ends within the rows of {table}")
    if not found.is_complete:
        found.faults.append("the line that says that the dump is complete is missing at its end")
    return found


def _lines(stream: IO[bytes]) -> Iterator[bytes]:
    yield from stream


def _more(rows: dict[str, int], table: str, text: bytes) -> str | None:
    """Count the rows on a line without its texts; returns the table that the next line belongs to, None: none."""
    rows[table] += text.count(b"(")
    return None if text.endswith(b";") else table


def _name(text: bytes) -> str:
    return text.decode(errors="backslashreplace").replace("``", "`")


def tables_alone(dump: IO[bytes]) -> IO[bytes]:
    """Return the tables of a dump and their rows, as SQL; the rest, which could reach beyond a database, is left out.

    Raises:
        BackupError: While it is read: what should be rows is more than values.
    """
    return cast("IO[bytes]", BufferedReader(_Text(_of_tables(dump))))


class _Text(RawIOBase):
    """Lines as a file to read from."""

    def __init__(self, lines: Iterator[bytes]) -> None:
        self._lines, self._left = lines, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        self._left = self._left or next(self._lines, b"")
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        return count


def _of_tables(dump: IO[bytes]) -> Iterator[bytes]:
    yield PROLOGUE
    made: set[bytes] = set()
    delimiter = b";"
    lines = enumerate(_lines(dump), 1)
    for number, line in lines:
        text = line.strip()
        if text[:10].upper() == b"DELIMITER ":
            delimiter = text[10:].strip()
        elif delimiter != b";":
            continue
        elif SETTING.fullmatch(text):
            yield line
        elif created := OWN_TABLE.match(text):
            statement = statement_of(line, lines)
            bare = QUOTED.sub(b"", statement)
            if ENGINE.search(bare) and not ELSEWHERE.search(bare) and bare.count(b";") == 1:
                made.add(created[1])
                yield statement
        elif (inserted := INSERTED.match(text)) and inserted[1] in made:
            yield from _rows(line, inserted.end(), number, lines)


def statement_of(first: bytes, lines: Iterator[tuple[int, bytes]]) -> bytes:
    """The lines of one statement, which begins with `first`."""
    found = [first]
    while not QUOTED.sub(b"", found[-1]).rstrip().endswith(b";"):
        number_and_line = next(lines, None)
        if number_and_line is None:
            break
        found.append(number_and_line[1])
    return b"".join(found)


def _rows(first: bytes, start: int, number: int, lines: Iterator[tuple[int, bytes]]) -> Iterator[bytes]:
    """Yield the lines of an insertion, which hold values and nothing else."""
    line, values = first, TEXT.sub(b"''", first[start:])
    while True:
        if not VALUES.fullmatch(values) or CALL.search(values):
            raise BackupError(
                "The dump holds more than values among its rows",
                where=f"line {number:,}",
                next_step="Restore it where it can do no harm, and name that database",
            )
        yield line
        if values.rstrip().endswith(b";"):
            return
        following = next(lines, None)
        if following is None:
            return
        number, line = following
        values = TEXT.sub(b"''", line)
