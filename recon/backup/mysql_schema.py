"""The schema of a MySQL or MariaDB database beside that of a dump of it: what is newer, and what becomes of it."""

from __future__ import annotations

import re
from typing import IO, TYPE_CHECKING

from recon.backup.mysql_text import statement_of
from recon.backup.replacing import SchemaDifference, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recon.backup.mysql_objects import MadeObject

BEGUN = re.compile(rb"(?:/\*M?!\d+ )?CREATE\b", re.IGNORECASE)
VERSIONED = re.compile(r"/\*M?!\d+ ?|\*/")
COUNTING = re.compile(r" AUTO_INCREMENT=\d+")
# In double quotes where the object was made in the sql_mode ANSI_QUOTES.
IDENTIFIER = r"(?:`(?:[^`]|``)*`|\"(?:[^\"]|\"\")*\"|[\w$]+)"
OBJECT = re.compile(
    rf"CREATE (?:OR REPLACE )?(?:ALGORITHM ?= ?\w+ )?(?:DEFINER ?= ?{IDENTIFIER}(?:@{IDENTIFIER})? )?"
    r"(?:SQL SECURITY \w+ )?(?:AGGREGATE )?(TABLE|SEQUENCE|VIEW|TRIGGER|PROCEDURE|FUNCTION) (?:IF NOT EXISTS )?"
    rf"(?:{IDENTIFIER}\.)?({IDENTIFIER})",
    re.IGNORECASE,
)
DEFINER = re.compile(rf"DEFINER ?= ?({IDENTIFIER})@({IDENTIFIER})", re.IGNORECASE)
FATES = {
    "table": "stays, with its rows",
    "sequence": "stays",
    "view": "stays; it works where the tables still have what it names",
    "procedure": "stays",
    "function": "stays",
    "trigger": "is gone afterwards, with its table as it is now",
}
CHANGED = "becomes as in the backup"
UNBOUND = "stays, with its rows, but loses its foreign keys: they refer to tables that are replaced"


def of_dump(stream: IO[bytes]) -> dict[str, str]:
    """The objects of a dump: kind and name → the statement on one line."""
    found: dict[str, str] = {}
    for statement in _statements(stream):
        line = on_one_line(statement.decode(errors="backslashreplace"))
        if named := OBJECT.match(line):
            # A view comes twice: as a stand-in for its columns, and at the end as it is.
            found[f"{named[1].lower()} {_name(named[2])}"] = line
    return found


def _statements(stream: IO[bytes]) -> Iterator[bytes]:
    delimiter = b";"
    lines = enumerate(iter(stream.readline, b""), 1)
    for _, line in lines:
        text = line.strip()
        if text[:10].upper() == b"DELIMITER ":
            delimiter = text[10:].strip()
        elif not BEGUN.match(text):
            continue
        elif delimiter == b";":
            yield statement_of(line, lines)
        else:
            yield _compound(line, lines, delimiter)


def _compound(first: bytes, lines: Iterator[tuple[int, bytes]], delimiter: bytes) -> bytes:
    """The lines of one statement that ends with a delimiter of its own."""
    found = [first]
    while not found[-1].rstrip().endswith(delimiter):
        following = next(lines, None)
        if following is None:
            break
        found.append(following[1])
    return b"".join(found).rstrip().removesuffix(delimiter)


def on_one_line(statement: str) -> str:
    """A statement without what says for which versions it is, and without the next number of a table that counts."""
    line = " ".join(VERSIONED.sub(" ", statement).split()).rstrip("; ")
    return COUNTING.sub("", line, count=1) if line.upper().startswith("CREATE TABLE") else line


def definers(lines: Iterable[str]) -> set[str]:
    """The accounts under whose names triggers, views and routines run, as USER@HOST."""
    found = (DEFINER.search(line.partition("(")[0]) for line in lines if not line.upper().startswith("CREATE TABLE"))
    return {f"{_name(each[1])}@{_name(each[2])}" for each in found if each}


def _name(text: str) -> str:
    return text[1:-1].replace(text[0] * 2, text[0]) if text.startswith(("`", '"')) else text


def compared(live: Iterable[MadeObject], backup: Mapping[str, str], unbound: set[str], *, by_name: bool) -> Survey:
    """What the live schema has that the backup's does not, and the other way round.

    Args:
        live: The objects that are there.
        backup: Those of the dump.
        unbound: Newer tables that refer to tables that are replaced.
        by_name: Whether another version of the server wrote the dump, which may spell the same otherwise.
    """
    present = {each.key: each for each in live}
    lines = {key: on_one_line(each.sql) for key, each in present.items()}
    tables = {each.name for key, each in present.items() if each.kind == "table" and key not in backup}
    newer = [key for key in present if key not in backup or (not by_name and lines[key] != backup[key])]
    absent = [key for key in backup if key not in present or (not by_name and lines[key] != backup[key])]
    return Survey(
        differences=tuple(_differences([present[key] for key in newer], tables, backup, unbound)),
        kept=tuple(sorted(tables)),
        newer_sql=tuple(f"{present[key].sql};" for key in newer),
        absent=tuple(absent),
    )


def _differences(
    newer: list[MadeObject], tables: set[str], backup: Mapping[str, str], unbound: set[str]
) -> Iterator[SchemaDifference]:
    for each in newer:
        if each.kind == "trigger" and each.table in tables:
            # A table that stays does so with all that is its own.
            continue
        fate = CHANGED if each.key in backup else FATES[each.kind]
        yield SchemaDifference(each.kind, each.name, UNBOUND if each.name in unbound and each.kind == "table" else fate)


def unbound_tables(references: Iterable[tuple[str, str]], replaced: set[str], present: set[str]) -> set[str]:
    """The tables that refer to replaced ones, or to others that do, and are none themselves.

    Args:
        references: Table and the table that it refers to.
        replaced: The tables of the backup.
        present: The tables that are there.
    """
    pairs, found = list(references), set[str]()
    while True:
        more = {
            table for table, parent in pairs if parent in replaced | found and table not in replaced | found
        } & present
        if not more:
            return found
        found |= more
