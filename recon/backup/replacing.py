"""Puts a backup in the place of what a database holds: each kind of database in its own way, whole or not at all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Protocol, cast

from msgspec import Struct

from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from contextlib import AbstractContextManager
    from datetime import datetime
    from pathlib import Path

    from recon.backup.contents import TableContent, TableMismatch, Tools
    from recon.backup.manifest import BackupManifest
    from recon.database import DatabaseUrl

MODULES = {
    "postgresql": "recon.backup.postgresql_replacing",
    "mysql": "recon.backup.mysql_replacing",
    "sqlite": "recon.backup.sqlite_replacing",
    "duckdb": "recon.backup.duckdb_replacing",
}
# Kinds of which a restore that was killed leaves something behind that the next command completes or takes back.
SETTLED = ("mysql",)
SWAPS = {"postgresql": "recon.backup.postgresql_swap"}
CREATED = re.compile(r"(?:created|inserted)(?:_?(?:at|on|time|date))?", re.IGNORECASE)
EDITED = re.compile(r"(?:updated|modified|edited)(?:_?(?:at|on|time|date))?", re.IGNORECASE)
LOCK_LIMIT_MS = 2_000
UNCHANGED = "nothing was changed"


class WrittenRows(Struct, frozen=True, array_like=True):
    """Rows of a table whose stamps are later than a backup: created, or edited; None: it has no such stamp."""

    created: int | None
    edited: int | None


class SchemaDifference(Struct, frozen=True, array_like=True):
    """Something of the schema that the backup does not have, or has otherwise.

    Attributes:
        kind: "foreign key", "view", "table", "grant" …
        name: What it is, in one line.
        fate: What becomes of it, one sentence.
    """

    kind: str
    name: str
    fate: str


class Survey(Struct, frozen=True, rename="camel"):
    """What there is to know of a database before a backup takes the place of what it holds.

    Attributes:
        differences: Of the schema.
        first: Statements that have to come before the backup's own: they drop what would stop it.
        rights: Statements that set owners and grants right of what stands, before the backup's own; without them it
            comes back as well.
        extra: Grants that the backup does not have, on what it has.
        kept: Tables that are newer than the backup, and stay as they are.
        newer_sql: The statements of the schema that the backup does not have.
        absent: Statements of the backup's schema that the database does not have.
        missing_rights: What the role would need, as statements.
        remarks: What else is concerned, one sentence each.
        obstacles: What keeps it from being done whatever the rights, one sentence each.
        written: By table.
    """

    differences: tuple[SchemaDifference, ...] = ()
    first: tuple[str, ...] = ()
    rights: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    newer_sql: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    missing_rights: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    obstacles: tuple[str, ...] = ()
    written: dict[str, WrittenRows] = {}


@dataclass(frozen=True)
class Replacement:
    """A backup that is to take the place of what a database holds.

    Attributes:
        data: Its file.
        manifest: What it holds.
        present: What the database has to hold up to that moment, by table; None: it is damaged, and cannot be read.
        damaged: Tables that cannot be read, and are not in `present`.
        first, rights, kept: As of a survey.
        last: The statement that records what is done, and comes with it or not at all; None: there is none.
    """

    data: Path
    manifest: BackupManifest
    present: Mapping[str, TableContent] | None
    first: Sequence[str] = ()
    kept: Sequence[str] = ()
    last: str | None = None
    damaged: Sequence[str] = ()
    rights: Sequence[str] = ()


@dataclass(frozen=True)
class NameExchange:
    """Two databases of which one is to take the name of the other.

    Attributes:
        incoming: The name of the one that is not in use yet.
        outgoing: Under which name the one stays that is in use now.
        present: What that one has to hold up to that moment, by table.
        damaged: Its tables that cannot be read, and are not in `present`.
        is_new: Whether the incoming one is new, so that it takes over what is said of the other.
        ends_sessions: Whether the sessions of others are ended.
    """

    incoming: str
    outgoing: str
    present: Mapping[str, TableContent]
    damaged: Sequence[str] = ()
    is_new: bool = False
    ends_sessions: bool = False


@dataclass(frozen=True)
class FilledDatabase:
    """A new database that holds a backup, and that nobody knows yet; `url` is its address, `swept` as of a copy."""

    url: DatabaseUrl
    swept: list[str]
    others: list[str]


class ReplacingListener(Protocol):
    """What is reported to while a backup takes the place of what a database holds."""

    def step(self, title: str) -> None:
        """Called before each step."""

    def note(self, text: str) -> None:
        """Called with what was found or done, one sentence."""


class KindOfReplacing(Protocol):
    """What each of the modules offers."""

    way: str
    """How it is done, one sentence."""
    limits: tuple[str, ...]
    """What this kind of database cannot promise, one sentence each."""

    def survey(self, url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:
        """Find out what is concerned; nothing is changed."""

    def replace(self, url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener) -> float:
        """Replace what the database holds; returns for how many seconds nobody else could use it.

        Raises:
            RollbackError: Nothing was changed, for the reason that it names; or it is not known whether it was.
            ResourceError: There is no room left; nothing was changed.
        """


class KindOfSwap(Protocol):
    """What the modules offer where the server can exchange the names of two databases."""

    way: str
    limits: tuple[str, ...]

    def survey(self, url: DatabaseUrl, data: Path, manifest: BackupManifest, tools: Tools) -> Survey:
        """Find out what is concerned; nothing is changed."""

    def oids(self, url: DatabaseUrl, names: Sequence[str]) -> Mapping[str, str]:
        """Which of these databases there are, and what distinguishes each from others of its name."""

    def require_alone(self, url: DatabaseUrl) -> None:
        """Require that nobody else is connected.

        Raises:
            RollbackError: Somebody is, and is named.
        """

    def filled(
        self, url: DatabaseUrl, wanted: Replacement, tools: Tools, listener: ReplacingListener
    ) -> AbstractContextManager[FilledDatabase]:
        """A new database that holds the backup, compared with its manifest; it is dropped unless it was exchanged."""

    def carry_over(self, url: DatabaseUrl, filled: FilledDatabase, statement: str | None) -> None:
        """Execute a statement in it, and give it the settings and grants of the database that it replaces.

        Raises:
            RollbackError: The server refuses that.
        """

    def exchange(self, url: DatabaseUrl, wanted: NameExchange, listener: ReplacingListener) -> float:
        """NameExchange the names; returns for how many seconds nobody could use the database; raises as `replace`."""

    def unlike(self, url: DatabaseUrl, other: str) -> list[str]:
        """What differs between a database and another on its server, e.g. "owner" or "settings"."""

    def record(self, url: DatabaseUrl, statement: str) -> None:
        """Execute a statement; raises RollbackError."""


def swap_of(url: DatabaseUrl) -> KindOfSwap:
    """The module that exchanges databases of this kind.

    Raises:
        RollbackError: There is none.
    """
    if url.kind not in SWAPS:
        raise RollbackError(
            "Databases of this kind are not exchanged",
            where="--swap",
            expected=", ".join(SWAPS),
            found=url.kind,
            next_step="Make the plan without --swap",
        )
    return cast("KindOfSwap", import_module(SWAPS[url.kind]))


def kind_of_replacing(url: DatabaseUrl) -> KindOfReplacing:
    """The module of a database's kind.

    Raises:
        RollbackError: recon does not restore databases of this kind in their own place.
    """
    if url.kind not in MODULES:
        raise RollbackError(
            "recon puts no backup in the place of a database of this kind",
            where=url.label,
            expected=", ".join(MODULES),
            found=url.kind,
            next_step="Have the DBA restore it with the server's own programs; prove it before: recon backup test",
        )
    return cast("KindOfReplacing", import_module(MODULES[url.kind]))


def settle(url: DatabaseUrl, listener: ReplacingListener) -> None:
    """Complete or take back what a restore left behind that was killed.

    Raises:
        RollbackError: A restore is under way, or what is there has to be looked at by a person.
    """
    if url.kind in SETTLED:
        import_module(MODULES[url.kind]).settle(url, listener)


def require_equal(differing: Sequence[TableMismatch], what: str, where: str, next_step: str) -> None:
    """Require that no table differs.

    Raises:
        RollbackError: One does.
    """
    if differing:
        first = differing[0]
        expected = "no such table" if first.expected_rows is None else f"{first.expected_rows:,} rows"
        found = "no such table" if first.rows is None else f"{first.rows:,} rows, {first.found}"
        more = f", and {len(differing) - 1:,} more tables" if len(differing) > 1 else ""
        raise RollbackError(
            f"{what} ({UNCHANGED})",
            where=where,
            expected=f"{first.table}: {expected}",
            found=f"{found}{more}",
            next_step=next_step,
        )


def later_than(columns: Sequence[str], pattern: re.Pattern[str]) -> str | None:
    """The first of the columns whose name says what the pattern looks for."""
    return next((name for name in columns if pattern.fullmatch(name)), None)


def instant_text(instant: datetime) -> str:
    """An instant as databases spell it, UTC."""
    return f"{instant:%Y-%m-%d %H:%M:%S.%f}"
