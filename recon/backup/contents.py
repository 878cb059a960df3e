"""What a table holds, as a number of rows and a digest that does not depend on their order."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from recon.database import DatabaseUrl

PLAIN_NAME = re.compile(r"[A-Za-z0-9_$]+")
MODULUS = 1 << 256


class TableContent(Struct, frozen=True, rename="camel"):
    """The rows of one table.

    Attributes:
        rows: Their number.
        digest: The sum of the SHA-256 digests of all rows modulo 2^256, as 64 hexadecimal digits; None: not known.
        columns: The columns that the digest covers, in order.
    """

    rows: int
    digest: str | None = None
    columns: tuple[str, ...] = ()


class DatabaseContents(Struct, frozen=True, rename="camel"):
    """What a database held at one instant.

    Attributes:
        objects, left_out: As in a manifest.
        definitions: Kind and name of each object, e.g. "view club.active" → a digest of how it is defined, and of who
            may use it where the database knows that.
        sequences: Name of each sequence → its last value; None: it has not been used.
        damaged: Table → why it cannot be read, where that was asked for; it is not in `tables`.
    """

    tables: dict[str, TableContent]
    objects: dict[str, int] = {}
    left_out: dict[str, str] = {}
    definitions: dict[str, str] = {}
    sequences: dict[str, int | None] = {}
    damaged: dict[str, str] = {}


@dataclass
class BackupReading:
    """What a backup was found to contain.

    Attributes:
        tables: Rows and digest by table.
        not_counted: Tables whose rows are written in a way in which they cannot be counted.
        faults: What shows that it is not whole, or damaged.
        commands: Commands of psql, and statements that reach beyond the database, each with its line.
        is_complete: Whether it says at its end that it is complete.
        left_out: Table → why its rows are not in `tables`.
    """

    tables: dict[str, TableContent] = field(default_factory=dict)
    not_counted: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    is_complete: bool = False
    left_out: dict[str, str] = field(default_factory=dict)


@dataclass
class Restored:
    """What a restored backup was found to contain.

    Attributes:
        errors: What went wrong while it was restored.
        minutes: How long the restore took, without the comparison.
        objects, sequences, large_objects: As in a manifest.
        others: Scratch databases on the server that are not this restore's, and may be in use.
        swept: What restores that were killed had left behind, and is removed now.
    """

    errors: list[str]
    minutes: float
    reading: BackupReading
    objects: dict[str, int] = field(default_factory=dict)
    sequences: dict[str, int] = field(default_factory=dict)
    large_objects: TableContent | None = None
    others: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class RestoredCopy:
    """A backup that is restored where nothing else is, for as long as it is used.

    Attributes:
        url: Its database.
        errors, minutes, others, swept: As of `Restored`.
    """

    url: DatabaseUrl
    errors: list[str]
    minutes: float
    others: list[str] = field(default_factory=list)
    swept: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Tools:
    """With what a backup is made and read.

    Attributes:
        folder: The only folder to look for the database's programs in; None: the PATH and the usual ones.
        limit_s: Seconds that a program may take; None: an hour.
        other_way: What else can be done where the server gives no scratch database, for the error.
    """

    folder: Path | None = None
    limit_s: float | None = None
    other_way: str = "name another server with --scratch-database"


class Sweeping(Protocol):
    """What found scratch databases that were not its own; as of `Restored`."""

    @property
    def swept(self) -> list[str]:
        """What is removed now."""

    @property
    def others(self) -> list[str]:
        """What is left alone."""


def left_behind(found: Sweeping) -> Iterator[tuple[str, str]]:
    """What restores that were killed left behind: what became of it, and its names."""
    if found.swept:
        yield "Removed", f"{', '.join(found.swept[:5])}: left by one that was killed"
    if found.others:
        yield "Left alone", f"{', '.join(found.others[:5])}: of one that is running, or of another role; else drop it"


class TableMismatch(Struct, frozen=True):
    """A table that does not hold what it should; a number of rows is None where there is no such table."""

    table: str
    expected_rows: int | None
    rows: int | None
    found: str


def digest_rows(rows: Iterable[bytes], columns: tuple[str, ...]) -> TableContent:
    """Count and digest rows, each of which is given as bytes that say all about it."""
    total = count = 0
    read, hashed = int.from_bytes, sha256
    for row in rows:
        total += read(hashed(row).digest(), "big")
        count += 1
    return TableContent(count, as_text(total), columns)


def digest_definitions(rows: Iterable[tuple[object, ...]]) -> dict[str, str]:
    """Return the digest of each object by its name, from rows that each say something of one: its name, and what."""
    found: dict[str, list[str]] = {}
    for name, *said in rows:
        found.setdefault(str(name), []).append(repr(said))
    return {name: sha256("\n".join(sorted(found[name])).encode(errors="replace")).hexdigest() for name in sorted(found)}


def as_text(total: int) -> str:
    """The digest of rows whose digests have this sum."""
    return f"{total % MODULUS:064x}"


def table_name(*parts: str) -> str:
    """The name of a table with its schema; a part with unusual characters is in double quotes."""
    return ".".join(p if PLAIN_NAME.fullmatch(p) else '"' + p.replace('"', '""') + '"' for p in parts)


def compare_contents(
    expected: Mapping[str, TableContent], found: Mapping[str, TableContent], left_out: Iterable[str] = ()
) -> list[TableMismatch]:
    """The tables that differ, in the order of `expected`, then those that are too many.

    Args:
        expected: The contents by table.
        found: What was found in their place; a digest is compared where both sides have one.
        left_out: Tables that may be there although nothing is expected of them.
    """
    differing = [_mismatch(name, content, found.get(name)) for name, content in expected.items()]
    unknown = found.keys() - expected.keys() - set(left_out)
    extra = [TableMismatch(name, None, found[name].rows, "a table too many") for name in sorted(unknown)]
    return [*filter(None, differing), *extra]


def _mismatch(name: str, expected: TableContent, found: TableContent | None) -> TableMismatch | None:
    if found is None:
        return TableMismatch(name, expected.rows, None, "the table is missing")
    if expected.rows != found.rows:
        return TableMismatch(name, expected.rows, found.rows, "another number of rows")
    if None in (expected.digest, found.digest) or expected.digest == found.digest:
        return None
    words = "other values" if expected.columns == found.columns else "other columns"
    return TableMismatch(name, expected.rows, found.rows, words)
