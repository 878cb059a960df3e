"""What a database says about itself and about the role that is connected, beside its rows."""

from __future__ import annotations

import os
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from pathlib import Path


class TableRights(Struct, frozen=True):
    """What the connected role may do with one table."""

    table: str
    reads: bool
    inserts: bool
    updates: bool
    deletes: bool

    @property
    def writes(self) -> bool:
        """Whether it may change rows in any way."""
        return self.inserts or self.updates or self.deletes


class Unvalidated(Struct, frozen=True):
    """A constraint that the server does not vouch for: it was added NOT VALID and never validated."""

    table: str
    constraint: str
    definition: str


class Surroundings(Struct, frozen=True):
    """What a database says about itself.

    Attributes:
        user: The role that is connected; None: a file, which has none.
        is_superuser: Whether the role may do everything.
        size_bytes: Size of the database with its indexes; None: not known.
        clock: The server's clock, in UTC; None: a file, which has none.
        time_zone: The server's time zone; None: not known.
        is_writable: Whether the server or file takes writes at all; False on a standby.
        rights: By table and view; None: a file, whose rights are those of the file.
        unvalidated: None: databases of this kind have no such constraints.
    """

    user: str | None = None
    is_superuser: bool = False
    size_bytes: int | None = None
    clock: datetime | None = None
    time_zone: str | None = None
    is_writable: bool = True
    rights: tuple[TableRights, ...] | None = None
    unvalidated: tuple[Unvalidated, ...] | None = None


def surroundings_of_file(path: Path) -> Surroundings:
    """Return what the system says about a database in a file."""
    try:
        size = path.stat().st_size
    except OSError:
        size = None
    return Surroundings(size_bytes=size, is_writable=os.access(path, os.W_OK))
