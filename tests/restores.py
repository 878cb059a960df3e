"""A database with a backup of it: what is written since, planned to be lost, restored, and brought back."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from shutil import copytree
from subprocess import PIPE
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

import duckdb
import psycopg
import pymysql
import pytest

import recon
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from postgres import Cluster

NAMES = count()
NEVER = 1_000
PAGE = 8192
OWNED = """do $$ declare it record; begin
  for it in select 'table' as kind, oid::regclass::text as name from pg_class
            where relnamespace = 'public'::regnamespace and relkind = 'r'
            union all
            select 'type', oid::regtype::text from pg_type where typnamespace = 'public'::regnamespace and typtype = 'e'
  loop execute format('alter %s %s owner to {role}', it.kind, it.name); end loop; end $$"""
TABLES = ("Member", "Event", "EventRegistration", "MembershipTier", "MembershipStatus", "WaIdMapping")


def connect_mysql(url: str, **options: Any) -> pymysql.Connection[Any]:
    """A connection in which names are quoted as in every other kind of database."""
    parts = urlsplit(url)
    return pymysql.connect(
        host=parts.hostname,
        port=parts.port or 3306,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path[1:]),
        charset="utf8mb4",
        init_command="set sql_mode = 'ANSI_QUOTES,STRICT_TRANS_TABLES'",
        **options,
    )


class AtSteps:
    """A progress that lets a test act at a step."""

    def __init__(self, act: Callable[[str], None], hear: Callable[[str], object] = bool) -> None:
        self.act, self.hear = act, hear

    def step(self, title: str) -> None:
        self.act(title)

    def note(self, text: str) -> None:
        assert text
        self.hear(text)


@dataclass
class Restores:
    """A club with a backup.

    Attributes:
        name: What is typed to apply a plan.
        url: The database.
        backup: Its newest backup.
    """

    name: str
    url: str
    folder: Path
    pg_bin: Path | None = None
    backup: Path = field(init=False)

    @classmethod
    def of(cls, name: str, url: str, folder: Path, pg_bin: Path | None = None) -> Restores:
        made = cls(name, url, folder, pg_bin)
        made.back_up()
        return made

    def back_up(self) -> None:
        options = recon.BackupOptions(backups=self.folder / "backups", pg_bin=self.pg_bin, environment=self.environment)
        self.backup = recon.create_backup(options).folder

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.url}

    def run(self, *statements: str) -> list[tuple[Any, ...]]:
        """Run statements, and commit; returns the rows of the last."""
        return self._found(statements)[-1]

    def rows(self) -> dict[str, list[tuple[Any, ...]]]:
        """The rows of every table but the audit table."""
        asked = [f'select * from "{table}" order by 1' for table in TABLES]
        return dict(zip(TABLES, self._found(asked), strict=True))

    def _found(self, statements: Sequence[str]) -> list[list[tuple[Any, ...]]]:
        connect: Callable[[str], Any] = (
            connect_mysql
            if self.url.startswith("mysql:")
            else psycopg.connect
            if "://" in self.url
            else duckdb.connect
            if self.url.endswith(".duckdb")
            else sqlite3.connect
        )
        with closing(connect(self.url)) as connection:
            cursor, found = connection.cursor(), []
            for statement in statements:
                cursor.execute(statement)
                found.append(list(cursor.fetchall()) if cursor.description else [])
            connection.commit()
            return found

    def audited(self, key: str, plan_id: str) -> int:
        """How many audit rows tell of a plan under that key."""
        texts = [str(metadata) for (metadata,) in self.run('select metadata from "AuditLog"')]
        return sum(key in text and plan_id in text for text in texts)

    @property
    def email(self) -> str:
        """An address of a member."""
        return str(self.run('select email from "Member" order by id limit 1')[0][0])

    def plan(self, **options: Any) -> recon.PlannedRestore:
        chosen: dict[str, Any] = {"backup": self.backup, "outputs": self.folder / "outputs", "by": "jane"}
        chosen |= {"pg_bin": self.pg_bin, "environment": self.environment} | options
        return recon.plan_restore(recon.RestoreOptions(**chosen))

    def apply(
        self, planned: recon.PlannedRestore, at_step: Callable[[str], None] | None = None, **options: Any
    ) -> recon.AppliedRestore:
        return recon.apply_restore(self.applying(planned, options), at_step and AtSteps(at_step))

    def revert(self, planned: recon.PlannedRestore, **options: Any) -> recon.AppliedRestore:
        return recon.revert_restore(self.applying(planned, options))

    def applying(self, planned: recon.PlannedRestore, options: dict[str, Any]) -> recon.ApplyOptions:
        chosen: dict[str, Any] = {"plan": planned.folder, "run_id": self.name, "pg_bin": self.pg_bin}
        chosen |= {"environment": self.environment, "by": "joe"} | options
        return recon.ApplyOptions(**chosen)

    def refused(self, planned: recon.PlannedRestore, *words: str, **options: Any) -> str:
        """Apply a plan, which must end in an error that says this, and change nothing; returns the error."""
        before = self.rows()
        with pytest.raises(RollbackError) as raised:
            self.apply(planned, **options)
        assert self.rows() == before
        said = str(raised.value)
        for each in words:
            assert each in said, said
        return said

    def killed(self, planned: recon.PlannedRestore, verb: str, step: int) -> list[str]:
        """Apply or revert a plan in a process that is killed at a step; returns the steps that it began."""
        done = subprocess.run(self._mortal(planned, verb, step), capture_output=True, text=True, check=False)
        assert done.returncode in {0, -signal.SIGKILL}, done.stderr
        return done.stdout.splitlines()

    def killed_after(self, planned: recon.PlannedRestore, verb: str, seconds: float) -> bool:
        """Apply or revert a plan in a process that is killed after some time; returns whether it was."""
        with subprocess.Popen(self._mortal(planned, verb, NEVER), stdout=PIPE, stderr=PIPE, text=True) as process:
            try:
                _, said = process.communicate(timeout=seconds)
            except subprocess.TimeoutExpired:
                process.kill()
                _, said = process.communicate()
            assert process.returncode in {0, -signal.SIGKILL}, said
            return process.returncode != 0

    def _mortal(self, planned: recon.PlannedRestore, verb: str, step: int) -> list[str]:
        script = Path(__file__).with_name("rollback") / "killed_restore.py"
        told = [script, verb, planned.folder, self.name, self.url, self.pg_bin or "", step]
        return [sys.executable, *map(str, told)]

    def rehearse(self, **options: Any) -> recon.PlayedRehearsal:
        chosen: dict[str, Any] = {"backup": self.backup, "pg_bin": self.pg_bin, "environment": self.environment}
        return recon.rehearse_rollback(recon.RehearsalOptions(**chosen | options))

    def copied_backup(self, folder: Path) -> Path:
        return copytree(self.backup, folder / self.backup.name)


@contextmanager
def club_with_backup(cluster: Cluster, templates: dict[str, str], folder: Path) -> Iterator[Restores]:
    """A club in a database of its own, with a backup."""
    name = f"restored_{next(NAMES)}"
    url = cluster.create_database(name, template=templates["newer"])
    yield Restores.of(name, url, folder, pg_bin=cluster.binaries)
    cluster.drop_database(name)


def damage(restores: Restores, cluster: Cluster, table: str) -> None:
    """Have the file of a table end in a page that is none, as a disk that fails leaves it."""
    ((path,),) = restores.run(f"select pg_relation_filepath('{table}')")
    # What the server still has in memory is written first, so that it does not come over the damage.
    with psycopg.connect(restores.url, autocommit=True) as connection:
        connection.execute("checkpoint")
    with (cluster.data / str(path)).open("r+b") as file:
        file.seek(0, 2)
        file.write(b"\xab" * PAGE)
