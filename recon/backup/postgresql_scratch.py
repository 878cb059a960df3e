"""Scratch databases of PostgreSQL: dropped at the end whatever happens, and by the next one if they could not be.

A session of the process that made one holds an advisory lock with the key of its name: without it, nobody is left.
"""

from __future__ import annotations

from contextlib import contextmanager, suppress
from dataclasses import dataclass
from secrets import token_hex
from typing import TYPE_CHECKING

from recon.backup.postgresql_session import session
from recon.errors import BackupError
from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.postgresql_session import PostgresqlSession
    from recon.database import DatabaseUrl

SCRATCH = "recon_scratch_"
USUAL = {"encoding": "UTF8", "collate": "C", "ctype": "C"}
WORDS = "made by recon, and dropped at the end; if recon was killed, by the next scratch database"


@dataclass(frozen=True)
class ScratchDatabase:
    """A database that nobody else knows.

    Attributes:
        opened: A session on its server, in another database.
        oid: It says that no other took its name over.
        swept: What processes that were killed had left behind, and is dropped now.
        others: Scratch databases of others, or in use.
    """

    opened: PostgresqlSession
    name: str
    oid: str
    swept: list[str]
    others: list[str]


@contextmanager
def scratch_database(server: DatabaseUrl, definition: str, other_way: str) -> Iterator[ScratchDatabase]:
    """A new, empty database; it is dropped at the end, whatever happens, unless it has another name by then.

    Args:
        server: Another database on its server.
        definition: What follows its name in CREATE DATABASE.
        other_way: What else can be done where this role may not create one, for the error.

    Raises:
        BackupError: This role may not create databases, or the server cannot create one with these settings.
    """
    key, oid = token_hex(8), None
    name = f"{SCRATCH}{key}"
    with session(server) as opened:
        swept, others = _sweep(opened)
        try:
            opened.ask("hold_scratch", str(int.from_bytes(bytes.fromhex(key), signed=True)))
            _create(opened, name, definition, other_way)
            # The name's 64 random bits are this process's own; the oid says that no other took it over.
            (oid,) = opened.ask("oid_of", name)[0]
            yield ScratchDatabase(opened, name, str(oid), swept, others)
        finally:
            with session(server) as dropping:
                _drop(dropping, name, oid)


def definition_of(settings: Mapping[str, str]) -> str:
    """What follows the name of a database that takes a backup of a database with these settings."""
    encoding, collate, ctype = (literal(settings.get(key, usual)) for key, usual in USUAL.items())
    return f"template template0 encoding {encoding} lc_collate {collate} lc_ctype {ctype}"


def _create(opened: PostgresqlSession, name: str, definition: str, other_way: str) -> None:
    try:
        opened.run("create_scratch", name=quote(name), definition=definition)
    except BackupError as error:
        raise BackupError(
            "The scratch database cannot be created",
            where=opened.url.label,
            found=error.found,
            next_step=f"Ask the DBA: alter role … createdb; or {other_way}",
        ) from None
    with suppress(BackupError):
        opened.run("mark_scratch", name=quote(name), words=literal(WORDS))


def _sweep(opened: PostgresqlSession) -> tuple[list[str], list[str]]:
    """Drop what is this role's own and nobody holds or uses; returns the names of these, and of the others."""
    swept, others = list[str](), list[str]()
    for name, oid, is_left in opened.ask("left_behind", WORDS):
        try:
            if is_left:
                _drop(opened, name, oid)
            (swept if is_left else others).append(name)
        except BackupError:
            others.append(name)
    return swept, others


def _drop(opened: PostgresqlSession, name: str, oid: str | None) -> None:
    found = opened.ask("oid_of", name)
    if found and oid in (None, found[0][0]):
        opened.ask("end_sessions", name)
        opened.run("drop_scratch", name=quote(name))
