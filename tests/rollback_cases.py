"""Copies of one migrated club in PostgreSQL, each with the plan that was made for the first: what is tried is cheap."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from shutil import copytree
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg
import pytest
from rollbacks import OTHERS, ROWS, TABLES, ClubDatabase, Migrated, make_migrated

import recon
from recon.database.postgresql_identity import read_identity
from recon.rollback.approval import statement_of
from recon.rollback.files import DIGEST, PLAN, read_plan, write_plan

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgres import Cluster

NUMBERS = count()
EVERY = (*TABLES, *OTHERS)
AUDITED = 'select metadata from "AuditLog"'


@dataclass(frozen=True)
class Template:
    """A migrated club and its plan; nothing is applied to it."""

    migrated: Migrated
    planned: recon.PlannedRollback

    @property
    def name(self) -> str:
        return self.migrated.imported.address.rpartition("/")[2]

    def copied(self, cluster: Cluster, folder: Path) -> Case:
        """Copy the database, whose rows keep their versions, and let the plan be of the copy."""
        url = cluster.create_database(f"case_{next(NUMBERS)}", template=self.name)
        return self.on(url, folder)

    def on(self, url: str, folder: Path) -> Case:
        """The case of a database that is a copy of this one."""
        with psycopg.connect(url, autocommit=True) as connection:
            identity = read_identity(connection)
        home = copytree(self.planned.folder, folder / "plan")
        plan = msgspec.structs.replace(read_plan(home).plan, identity=identity)
        for name in (PLAN, DIGEST):
            (home / name).unlink()
        digest = write_plan(home, plan)
        (home / DIGEST).write_bytes(statement_of(digest))
        migrated = replace(self.migrated, imported=ClubDatabase("postgresql", url), outputs=folder / "outputs")
        return Case(migrated, recon.PlannedRollback(plan, digest, home))


@dataclass(frozen=True)
class Case:
    """One database and one plan for it."""

    migrated: Migrated
    planned: recon.PlannedRollback

    @property
    def database(self) -> ClubDatabase:
        return self.migrated.imported

    @property
    def url(self) -> str:
        return self.database.address

    @property
    def member(self) -> str:
        """The id of a member that the plan deletes."""
        return self.planned_ids("Member")[0]

    def planned_ids(self, table: str) -> list[str]:
        """The ids of the rows of a table that the plan deletes."""
        found = (each.rows for each in self.planned.plan.deleted if each.table.name == table)
        return [row.key[0].strip("'") for rows in found for row in rows]

    def apply(self, url: str | None = None, **options: Any) -> recon.AppliedPlan:
        return recon.apply_rollback(self._options(url, options))

    def revert(self, url: str | None = None, **options: Any) -> recon.AppliedPlan:
        return recon.revert_rollback(self._options(url, options))

    def _options(self, url: str | None, options: dict[str, Any]) -> recon.ApplyOptions:
        return self.migrated.applying(self.planned, environment={"DATABASE_URL": url or self.url}, **options)

    def refused(self, act: Callable[[], object], *words: str) -> str:
        """Do something that must end in an error that says this, and change nothing; returns the error."""
        before = self.state()
        with pytest.raises(recon.ReconError) as raised:
            act()
        assert self.state() == before
        said = str(raised.value)
        for each in words:
            assert each in said, said
        return said

    def state(self) -> tuple[dict[str, dict[str, tuple[Any, ...]]], int]:
        """Every row, and how many audit rows tell of rollbacks."""
        if self.database.kind != "postgresql":
            metadata = [text for (text,) in self.database.run(AUDITED)]
            return self.database.everything(), sum("ollbackPlanId" in str(text) for text in metadata)
        with psycopg.connect(self.url) as connection:
            found = {table: connection.execute(ROWS.format(table=table).encode()).fetchall() for table in EVERY}
            metadata = [text for (text,) in connection.execute(AUDITED.encode()).fetchall()]
        rows_of = {table: {str(row[0]): row for row in rows} for table, rows in found.items()}
        return rows_of, sum("ollbackPlanId" in str(text) for text in metadata)


def make_template(
    folder: Path,
    request: pytest.FixtureRequest,
    *statements: str,
    after: tuple[str, ...] = (),
    **options: Any,
) -> Template:
    """Migrate a club, change it, plan its rollback.

    Args:
        folder: For files.
        request: Starts a server.
        statements: Are run before the plan is made; `{member}` and `{event}` are ids of rows that the run created.
        after: Are run after the plan was made.
        options: Of the plan.
    """
    migrated = make_migrated("postgresql", folder, request)
    ids = {name.lower(): migrated.created[name][0] for name in ("Member", "Event")}
    migrated.imported.run(*(statement.format(**ids) for statement in statements or ("select 1",)))
    planned = migrated.plan(**options)
    if after:
        migrated.imported.run(*after)
    return Template(migrated, planned)


def dropping(cluster: Cluster, template: Template, folder: Path) -> Iterator[Case]:
    """Yield a case, and drop its database at the end."""
    case = template.copied(cluster, folder)
    yield case
    cluster.drop_database(case.url.rpartition("/")[2])
