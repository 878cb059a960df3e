"""Reads the SQL that mysqldump and mariadb-dump write, as a stream: rows of each table, and whether it is complete."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from recon.backup.contents import BackupReading, TableContent

if TYPE_CHECKING:
    from collections.abc import Iterator

# A line holds whole texts: line breaks within one are written as escapes.
TEXT = re.compile(rb"'(?:[^'\\]|\\.|'')*'", re.DOTALL)
NAME = rb"`((?:[^`]|``)*)`"
CREATED = re.compile(rb"CREATE TABLE (?:IF NOT EXISTS )?" + NAME)
INSERTED = re.compile(rb"(?:INSERT|REPLACE) (?:IGNORE )?INTO " + NAME + rb"(?: \([^()]*\))? VALUES?\b")
OTHER_DATABASE = re.compile(rb"(?:USE |CREATE DATABASE |DROP DATABASE |/\*![0-9]+ (?:CREATE|DROP) DATABASE )")
COMPLETE = re.compile(rb"-- Dump completed\b")


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
