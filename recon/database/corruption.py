"""Recognises what databases say when they are damaged: by the number of the error, or by how its message begins.

Only what cannot mean anything else counts: a file that is no database at all may be another file, and a table that is
not there another schema.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

# data_corrupted, index_corrupted, io_error, undefined_file.
SQLSTATES = {"XX001", "XX002", "58030", "58P01"}
POSTGRESQL = re.compile(
    r"invalid page in block |page verification failed|could not (?:read|access) blocks? |could not access status of "
    r"transaction|could not open file \"(?:base|global|pg_tblspc)/|missing chunk number |unexpected chunk |"
    r"compressed \w+ data is corrupt|index \"[^\"]*\" (?:contains|is not a|lacks|has)|"
    r"(?:right|left) sibling's |found xmin |uncommitted xmin |could not find (?:left|right) sibling"
)
# Index of a table that is wrong, crashed or not to be found; page, tablespace or file that is damaged.
MYSQL = {1034, 1035, 1194, 1195, 1707, 1712, 1812, 1877, 1932, 3060, 3167}
# The storage engine's own numbers, behind 1030 and 1296.
MYSQL_ENGINE = re.compile(r"got error (?:126|127|134|136|144|145|146|171|175|176|180)\b", re.IGNORECASE)
SQLITE_CORRUPT = 11
SQLITE = re.compile(r"(?:.*: )?(?:database disk image is malformed|malformed database schema)", re.DOTALL)
DUCKDB = re.compile(r".*(?:Corrupt database file|does not match stored checksum)", re.DOTALL)
NUMBER = re.compile(r"(?:.*?ERROR )?(\d{4})\b")


def is_postgresql_corrupted(words: str, sqlstate: str | None = None) -> bool:
    """Whether the server says that data or an index is damaged; `words`: its own, without the driver's prefix."""
    return sqlstate in SQLSTATES or bool(POSTGRESQL.match(words))


def is_mysql_corrupted(words: str, number: int | None = None) -> bool:
    """Whether the server says that a table, index or tablespace is damaged; `number`: None: the one in the message."""
    if number is None:
        found = NUMBER.match(words)
        number = int(found[1]) if found else 0
    return number in MYSQL or bool(MYSQL_ENGINE.search(words))


def is_sqlite_corrupted(words: str, code: int | None = None) -> bool:
    """Whether SQLite says that the file is damaged; `code`: its extended number of the error; None: not known."""
    return (code or 0) & 0xFF == SQLITE_CORRUPT or bool(SQLITE.match(words))


def is_duckdb_corrupted(words: str) -> bool:
    """Whether DuckDB says that the file is damaged."""
    return bool(DUCKDB.match(words))


def describe_damage(faults: Collection[str], most: int = 3) -> str:
    """The faults that a check of the whole file found, the first of them."""
    shown = [" ".join(fault.split()) for fault in list(faults)[:most]]
    more = len(faults) - len(shown)
    return "; ".join(shown) + (f"; and {more:,} more" if more > 0 else "")
