"""A migration on either kind of database, for a test to damage."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg
from support import verify_url

from recon.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    import pytest

    import recon
    from recon.demo import DemoPaths

KINDS = ("sqlite", "postgresql")
# Faults that would hide others or be hidden: a member too few and one too many, for example, cancel each other out.
# Those of a group do not concern the same check.
APART_IN_GROUPS = (
    ("extra-event", "one-tier", "newer-run", "rejected-rows"),
    ("extra-members", "no-run"),
    ("no-tiers",),
)
APART = tuple(name for group in APART_IN_GROUPS for name in group)
KEYS_AND_UNIQUES = (
    'alter table "Member" drop constraint "Member_membershipTierId_fkey"',
    'alter table "EventRegistration" drop constraint "EventRegistration_eventId_fkey"',
    'alter table "EventRegistration" drop constraint "EventRegistration_memberId_fkey"',
    'alter table "WaIdMapping" drop constraint "WaIdMapping_entityType_waId_key"',
)


@dataclass(frozen=True)
class Migration:
    """A bundle and the database that it went into.

    Attributes:
        kind: "sqlite" or "postgresql".
        address: The SQLite file or the PostgreSQL URL.
    """

    kind: str
    bundle: Path
    address: str

    def execute(self, *statements: str) -> None:
        """Run statements on the database; SQLite does not enforce foreign keys here."""
        if self.kind == "sqlite":
            with closing(sqlite3.connect(self.address)) as connection, connection:
                for statement in statements:
                    connection.execute(statement)
        else:
            with psycopg.connect(self.address) as server:
                for statement in statements:
                    server.execute(statement.encode())

    def drop_constraints(self) -> None:
        """Allow orphans and duplicates; the generated SQLite file does so already."""
        if self.kind == "postgresql":
            self.execute(*KEYS_AND_UNIQUES)

    def verify(self, **options: Any) -> recon.Verification:
        return verify_url(self.bundle, self.address, **options)


def migrate(kind: str, demo: DemoPaths, request: pytest.FixtureRequest, generation: str = "newer") -> Migration:
    """The small club on a database of that kind; a server is started only if it is needed."""
    if kind == "sqlite":
        return Migration(kind, demo.bundle, str(demo.database))
    make: Callable[[str], str] = request.getfixturevalue("postgres_club")
    return Migration(kind, demo.bundle, make(generation))


def not_passed(verification: recon.Verification) -> dict[str, tuple[str, str]]:
    """The outcome and message of the checks that are anything other than PASS, by id."""
    return {c.id: (str(c.outcome), c.message) for c in verification.checks if c.outcome is not Outcome.PASS}
