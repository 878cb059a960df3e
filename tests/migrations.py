"""A migration on either kind of database, to be damaged by a test, and single rules judged on given rows."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl
import psycopg
from support import verify_url

from recon.bundle import FRAMES
from recon.checks import evaluate
from recon.ledger import Case, account_for
from recon.model import ENTITIES, Check, Outcome
from recon.profile import load_profile
from recon.snapshot import RUN_FIELDS
from recon.suites import Rule, load_rules, shipped_folder
from recon.warehouse import Field, Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pytest

    import recon
    from recon.demo import DemoPaths

KINDS = ("sqlite", "postgresql")
# Faults that would hide others or be hidden: a member too few and one too many, say, cancel each other out.
APART = ("extra-members", "extra-event", "one-tier", "no-tiers", "newer-run", "no-run", "rejected-rows")
KEYS_AND_UNIQUES = (
    'alter table "Member" drop constraint "Member_membershipTierId_fkey"',
    'alter table "EventRegistration" drop constraint "EventRegistration_eventId_fkey"',
    'alter table "EventRegistration" drop constraint "EventRegistration_memberId_fkey"',
    'alter table "WaIdMapping" drop constraint "WaIdMapping_entityType_waId_key"',
)
TARGET: dict[str, tuple[Field, ...]] = {
    "members": (Field("id", "key"), Field("tier_id", "key")),
    "events": (Field("id", "key"),),
    "registrations": (Field("id", "key"), Field("member_id", "key"), Field("event_id", "key")),
    "tiers": (Field("id", "key"), Field("code", "text"), Field("sort_order", "integer")),
    "id_mappings": (Field("entity_type", "text"), Field("wa_id", "text"), Field("target_id", "key")),
    "runs": RUN_FIELDS,
}
RULES: Mapping[str, Rule] = {rule.id: rule for rule in load_rules([shipped_folder("expectations")])}


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
        """Let orphans and duplicates in; the generated SQLite file does already."""
        if self.kind == "postgresql":
            self.execute(*KEYS_AND_UNIQUES)

    def verify(self, **options: Any) -> recon.Verification:
        return verify_url(self.bundle, self.address, **options)


def migrate(kind: str, demo: DemoPaths, request: pytest.FixtureRequest, generation: str = "newer") -> Migration:
    """The small club on a database of that kind; a server starts only where it is asked for."""
    if kind == "sqlite":
        return Migration(kind, demo.bundle, str(demo.database))
    make: Callable[[str], str] = request.getfixturevalue("postgres_club")
    return Migration(kind, demo.bundle, make(generation))


def not_passed(verification: recon.Verification) -> dict[str, tuple[str, str]]:
    """Outcome and message of the checks that are anything other than PASS, by id."""
    return {c.id: (str(c.outcome), c.message) for c in verification.checks if c.outcome is not Outcome.PASS}


def warehouse_of(
    source: Mapping[str, pl.DataFrame] | None = None,
    target: Mapping[str, Sequence[tuple[object, ...]]] | None = None,
    *,
    has_ledger: bool = True,
) -> Warehouse:
    """A warehouse that holds the bundle's frames and the given rows; all else is empty, and no record is listed.

    Args:
        source: Frames by the name of their table in the schema `source`; what columns they lack is null.
        target: Rows by the name of their table, values in the order of `TARGET`.
        has_ledger: Whether a rule reads the ledger.
    """
    warehouse = Warehouse()
    empty = {name: pl.DataFrame(schema=schema) for name, schema in FRAMES.items()}
    given = {name: pl.concat([empty[name], frame], how="diagonal_relaxed") for name, frame in (source or {}).items()}
    warehouse.load_source({**empty, **given})
    for table, fields in TARGET.items():
        warehouse.create(f"target.{table}", fields)
        columns = {f.name: pl.String for f in fields}
        rows = [[None if value is None else str(value) for value in row] for row in (target or {}).get(table, ())]
        if rows:
            frame = pl.DataFrame(rows, schema=columns, orient="row")
            warehouse.append(f"target.{table}", frame, fields, table)
    for entity in ENTITIES:
        warehouse.create(f"source.{entity}", [Field("source_row", "integer")])
        warehouse.missing[f"source.{entity}"] = f"the bundle counts its {entity} and does not list them"
    if has_ledger:
        account_for(warehouse, Case(load_profile()))
    return warehouse


def judge(
    check_id: str,
    source: Mapping[str, pl.DataFrame] | None = None,
    target: Mapping[str, Sequence[tuple[object, ...]]] | None = None,
) -> Check:
    """What the shipped rule says about the given rows."""
    rule = RULES[check_id]
    has_ledger = any(name.startswith("ledger.") for name in rule.reads)
    with warehouse_of(source, target, has_ledger=has_ledger) as warehouse:
        return evaluate(rule, warehouse)
