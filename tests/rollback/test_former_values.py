"""Rows that a run updated get back what they held before it: from any form of backup, or from the audit table."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import psycopg
import pytest
from edited_clubs import BEFORE, DURING
from made_backups import signed_again
from rollbacks import Migrated, make_migrated
from soaking import SOAKING

import recon
from recon.backup.mysql_text import tables_alone
from recon.database import resolve_database
from recon.database.writing import TargetColumn, open_for_writing
from recon.database.writing.sqlite import SqliteWriter
from recon.errors import BackupError, RollbackError
from recon.rollback.former import FormerDatabase, former_database
from recon.rollback.json_values import spelled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from made_backups import MadeBackup
    from postgres import Cluster

    from recon.rollback.former import FormerRow

RUN = datetime(2024, 1, 15, 14, 20, tzinfo=UTC)
EARLIER = datetime(2024, 1, 14, 2, 0, tzinfo=UTC)
FORMS = {
    "sqlite": ("copy", "folder"),
    "postgresql": ("copy", "folder", "custom", "plain.gz", *(("directory", "plain") if SOAKING else ())),
    "mysql": ("copy", "folder", "plain.gz", *(("plain",) if SOAKING else ())),
}
SCRATCH = {
    "postgresql": "select count(*) from pg_database where datname like 'recon_scratch_%'",
    # Other tests use theirs at the same time.
    "mysql": """select count(*) from information_schema.schemata
                where schema_name like 'recon\\_scratch\\_%' and is_free_lock(schema_name) = 1""",
}

LACKING = ('delete from "EventRegistration" where "memberId" = \'{id}\'', "delete from \"Member\" where id = '{id}'")


@dataclass
class Before:
    """A migrated club, and its database from before the run in every form."""

    migrated: Migrated
    folder: Path
    request: pytest.FixtureRequest

    def __post_init__(self) -> None:
        for statement in LACKING:
            self.migrated.never.run(statement.format(id=self.lacking))

    @property
    def lacking(self) -> str:
        """The older member that is in no form of the backup."""
        return self.migrated.older["Member"][0]

    def backup(self, form: str) -> str:
        """The value of --backup."""
        made = self.folder / form
        if form == "copy":
            return "BEFORE_URL" if self.kind != "sqlite" else self.migrated.never.address
        if not made.exists():
            made = self._made(form, made)
        return str(made)

    @property
    def kind(self) -> str:
        return self.migrated.imported.kind

    def _made(self, form: str, made: Path) -> Path:
        if form == "folder":
            environment = {"DATABASE_URL": self.migrated.never.address}
            options = recon.BackupOptions(backups=self.folder / "backups", environment=environment)
            folder = recon.create_backup(options).folder
            signed_again(folder, snapshot_at=EARLIER, created_at=EARLIER)
            return folder.rename(made)
        plain = self.folder / "plain"
        if form == "plain.gz":
            self.backup("plain")
            made.write_bytes(gzip.compress(plain.read_bytes()))
        elif self.kind == "postgresql":
            program = self.request.getfixturevalue("cluster").binaries / "pg_dump"
            address = f"--dbname={self.migrated.never.address}"
            subprocess.run([program, address, f"--format={form}", f"--file={made}"], check=True)
        else:
            server = self.request.getfixturevalue("mysql_server")
            program = shutil.which("mariadb-dump") or shutil.which("mysqldump") or pytest.skip("no dump program")
            given = [f"--host={server.host}", f"--port={server.port}", f"--user={server.user}", "--protocol=tcp"]
            name = self.migrated.never.address.rpartition("/")[2]
            with made.open("wb") as file:
                environment = {**os.environ, "MYSQL_PWD": server.password}
                subprocess.run([program, *given, name], check=True, stdout=file, env=environment)
        return made

    def former(self, backup: str, **options: Any) -> tuple[Mapping[tuple[str, ...], FormerRow], list[str]]:
        """What the older members held by a backup, and what is to be known of it."""
        environment = {**self.migrated.environment, **options.pop("environment", {})}
        chosen = recon.RollbackOptions(backup=backup, environment=environment, **options)
        url = resolve_database(None, environment)
        with former_database(chosen, url, RUN) as former:
            assert isinstance(former, FormerDatabase)
            with open_for_writing(url) as database:
                database.begin(writing=False)
                table = next(t for t in database.tables() if (t.schema, t.name) == (database.schema, "Member"))
                ids = [(database.literal(one),) for one in self.migrated.older["Member"]]
                where = database.condition(["id"], ids)
                rows = (row.values for row in database.rows(table, table.stored, where))
                stored = {values[:1]: dict(zip(table.stored, values, strict=True)) for values in rows}
            return former.of("members", table, stored), former.notices


@pytest.fixture(scope="module", params=["sqlite", "postgresql", "mysql"])
def before(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Before]:
    folder = tmp_path_factory.mktemp(request.param)
    with pytest.MonkeyPatch.context() as patch:
        if request.param == "postgresql":
            binaries = request.getfixturevalue("cluster").binaries
            patch.setenv("PATH", f"{binaries}{os.pathsep}{os.environ['PATH']}")
        yield Before(make_migrated(request.param, folder, request), folder, request)


@pytest.mark.rounds
def test_every_form_of_a_backup_shows_the_same_rows_and_is_removed_again(before: Before) -> None:
    found = {form: before.former(before.backup(form)) for form in FORMS[before.kind]}

    rows, notices = found.pop("copy")
    assert len(rows) == 3
    assert all("(before)" in row.values["lastName"] and row.values["phone"].strip("'") == "0" for row in rows.values())
    assert notices[0].startswith("Nothing shows whether the backup ")
    for form, (same, told) in found.items():
        assert same == rows, form
        if form == "folder":
            # It is of the database that was never imported.
            assert [" of " in told[0], len(told)] == [True, 1], told
        else:
            assert told[0].startswith("Nothing shows whether the backup "), form
    if before.kind in SCRATCH:
        assert before.migrated.imported.run(SCRATCH[before.kind]) == [(0,)]


def test_a_backup_from_after_the_beginning_of_the_run_is_refused(before: Before, tmp_path: Path) -> None:
    folder = shutil.copytree(before.backup("folder"), tmp_path / "late")
    signed_again(folder, snapshot_at=datetime(2024, 1, 15, 14, 20, 1, tzinfo=UTC))

    with pytest.raises(RollbackError, match="after the run had begun") as raised:
        before.former(str(folder))
    assert "2024-01-15 14:20:01" in str(raised.value)


def test_what_is_no_backup_is_refused_with_what_it_is(before: Before, tmp_path: Path) -> None:
    tar = tmp_path / "dump.tar"
    tar.write_bytes(b"toc.dat".ljust(257, b"\0") + b"ustar".ljust(255, b"\0"))
    empty = tmp_path / "empty.sql"
    empty.touch()
    damaged = shutil.copytree(before.backup("folder"), tmp_path / "damaged")
    file = next(path for path in damaged.iterdir() if path.name != "manifest.json")
    file.write_bytes(file.read_bytes()[:-1])
    stated = recon.record_backup("RDS", "snap-1", EARLIER, "", tmp_path / "stated")
    other = tmp_path / "other.duckdb"
    other.write_bytes(b"\0" * 8 + b"DUCK" + b"\0" * 64)

    refusals = {
        tar: "a tar dump, in which damage goes unnoticed",
        empty: "an empty file",
        damaged: "another length",
        stated: "A snapshot that a provider keeps cannot be read",
        other: "another kind of database",
        tmp_path: "a folder that holds no backup",
    }
    for path, words in refusals.items():
        with pytest.raises(RollbackError) as raised:
            before.former(str(path))
        assert words in str(raised.value), path


def test_the_database_itself_is_no_backup(before: Before) -> None:
    itself = "DATABASE_URL" if before.kind != "sqlite" else before.migrated.imported.address
    environment = before.migrated.environment
    url = resolve_database(None, environment)
    options = recon.RollbackOptions(backup=itself, environment=environment)
    with former_database(options, url, RUN) as former, open_for_writing(url) as database:
        assert former
        with pytest.raises(RollbackError, match="The backup is the database itself"):
            former.require_other(database)


def test_a_row_that_the_backup_lacks_and_a_column_of_one_side_are_named(before: Before) -> None:
    never, imported = before.migrated.never, before.migrated.imported
    copy = before.backup("copy")
    with ExitStack() as later:
        for database, column in ((never, "nickname"), (imported, "shoeSize")):
            database.run(f'alter table "Member" add column "{column}" integer')
            later.callback(database.run, f'alter table "Member" drop column "{column}"')
        rows, notices = before.former(copy)
        planned = before.migrated.plan(backup=copy).plan

    (note,) = (each for each in notices if "shoeSize" in each)
    assert note == (
        f"the backup {copy} has no shoeSize of Member, or in another type: rows that are changed back keep what they "
        "have there"
    )
    assert note in planned.notices
    assert not {"nickname", "shoeSize"} & next(iter(rows.values())).values.keys()
    (members,) = (each for each in planned.restored if each.title == "members")
    assert [row.key.strip("'") for row in members.kept] == [before.lacking]
    assert members.kept[0].why == "the run updated it, and it is not in the backup"
    assert {row.key[0].strip("'") for row in members.rows} == {*before.migrated.older["Member"]} - {before.lacking}


def test_only_tables_and_values_of_a_dump_that_others_made_are_restored() -> None:
    table = "CREATE TABLE `{name}` (\n  `a;b` int DEFAULT 1 COMMENT 'x; DROP TABLE `y`'\n) ENGINE={engine};\n"
    rows = "INSERT INTO `t` VALUES (1),\n(-2.5e3,'a'';DROP','\\\\'),(0x00ff,_binary 'x',NULL);\n"
    dump = "\n".join(
        [
            "/*!40101 SET NAMES utf8mb4 */;\nDROP TABLE IF EXISTS `t`;",
            table.format(name="t", engine="InnoDB"),
            table.format(name="far", engine="FEDERATED CONNECTION='mysql://elsewhere/t'"),
            "INSERT INTO `far` VALUES (1);\nINSERT INTO `other`.`t` VALUES (1);",
            rows,
            "/*!50003 CREATE TRIGGER x BEFORE INSERT ON `t` FOR EACH ROW DELETE FROM `other`.`t` */;",
            "DELIMITER ;;\nINSERT INTO `t` VALUES (3);;\nDELIMITER ;\nGRANT ALL ON *.* TO x;\n-- Dump completed\n",
        ]
    )

    kept = tables_alone(io.BytesIO(dump.encode())).read().decode()

    _, found = kept.split("/*!40101 SET NAMES utf8mb4 */;\n")
    assert found == table.format(name="t", engine="InnoDB") + rows
    for more in ("(1); DROP DATABASE club;", "(load_file('/etc/passwd'));", "(1) /*!50001 x */;", "(@@datadir);"):
        statements = f"{table.format(name='t', engine='InnoDB')}INSERT INTO `t` VALUES {more}\n"
        with pytest.raises(BackupError, match="more than values"):
            tables_alone(io.BytesIO(statements.encode())).read()


def test_a_plain_dump_with_commands_is_not_restored(cluster: Cluster, tmp_path: Path) -> None:
    dump = tmp_path / "dump.sql"
    dump.write_text("-- PostgreSQL database dump\n\\! touch here\n-- PostgreSQL database dump complete\n")
    options = recon.RollbackOptions(backup=dump, environment={})

    url = resolve_database("URL", {"URL": cluster.url("postgres")})
    with pytest.raises(RollbackError, match="does not belong into a dump"), former_database(options, url, RUN):
        pass


def test_without_the_right_to_create_a_database_a_restored_copy_can_be_named(
    made: MadeBackup, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(cluster.binaries), prepend=os.pathsep)
    monkeypatch.setattr("recon.rollback.backups._age", lambda *_: ())
    role, secret = f"reader_{uuid4().hex[:8]}", uuid4().hex
    with psycopg.connect(made.url, autocommit=True) as connection:
        connection.execute(f"create role {role} login password '{secret}'".encode())
    try:
        name = made.url.rpartition("/")[2]
        environment = {"DATABASE_URL": cluster.url(name, role, secret)}
        options = recon.RollbackOptions(backup=made.folder, environment=environment)
        url = resolve_database(None, environment)
        with pytest.raises(BackupError) as raised, former_database(options, url, RUN):
            pass
    finally:
        with psycopg.connect(made.url, autocommit=True) as connection:
            connection.execute(f"drop role {role}".encode())
    assert "permission denied to create database" in str(raised.value)
    assert "restore it to another name, and name that database: --backup VARIABLE" in str(raised.value)
    assert "--scratch-database" not in str(raised.value)


SPELLED = {
    "text": ("2024-01-02T03:04:05.678Z", "'2020-12-31 00:00:00.000'", "text", "'2024-01-02 03:04:05.678'"),
    "text of seconds": ("2024-01-02T03:04:05.000Z", "'2020-12-31T00:00:00Z'", "text", "'2024-01-02T03:04:05Z'"),
    "a zone": ("2024-01-02T03:04:05.000Z", "'2020-12-31 00:00:00+02:00'", "text", "'2024-01-02 05:04:05+02:00'"),
    "a day": ("2024-01-02T00:00:00.000Z", "'2020-12-31'", "text", "'2024-01-02'"),
    "milliseconds": ("2024-01-02T03:04:05.678Z", "1600000000000", "integer", "1704164645678"),
    "seconds": ("2024-01-02T03:04:05.000Z", "1600000000", "datetime", "1704164645"),
    "a text that looks like a time": ("2024-01-02", "'soon'", "text", "'2024-01-02'"),
    "true": (True, "0", "boolean", "1"),
    "false as a word": (False, "'true'", "text", "'false'"),
    "a whole number": (Decimal("5.0"), "5.5", "numeric", "5"),
    "a real number": (Decimal(5), "5.5", "real", "5.0"),
    "a number in a text": (Decimal(5), "'7'", "text", "'5'"),
    "uuid": ("00FF0000-0000-0000-0000-00000000000a", f"X'{'12' * 16}'", "blob", "X'00ff000000000000000000000000000a'"),
    "json": ({"a": [1, "é"]}, '\'{"b":"ü"}\'', "text", '\'{"a":[1,"é"]}\''),
    "json of numbers that can be written otherwise": ({"a": Decimal("1.50")}, "'{\"b\": 1}'", "text", None),
    "no form": ("2024-01-02T03:04:05.000Z", None, "text", None),
    "null": (None, "'x'", "text", "NULL"),
}


@pytest.mark.parametrize("name", SPELLED)
def test_a_value_is_spelled_as_the_column_stores_it(name: str) -> None:
    value, sample, kind, expected = SPELLED[name]
    assert spelled(value, sample, TargetColumn("at", kind), SqliteWriter(Path("club.db"))) == expected


OF_POSTGRESQL = {
    "time": ("2024-01-02T03:04:05.600Z", None, "timestamp(3) without time zone", "'2024-01-02 03:04:05.6'"),
    "time with zone": ("2024-01-02T03:04:05.000Z", None, "timestamp with time zone", "'2024-01-02 03:04:05+00'"),
    "true": (True, None, "boolean", "'true'"),
    "amount": ("5.1", "'7.00'", "numeric(10,2)", "'5.10'"),
    "whole": (5, None, "integer", "'5'"),
    "double": (Decimal("5.0"), "'1.5'", "double precision", "'5'"),
    "keys": ({"bb": 1, "a": {"d": 2, "c": 3}}, "'{\"x\": 1}'", "jsonb", '\'{"a": {"c": 3, "d": 2}, "bb": 1}\''),
    "array": ([1], "'{1,2}'", "integer[]", None),
    "interval": ("1 day", "'1 day'", "interval", None),
}


@pytest.mark.parametrize("name", OF_POSTGRESQL)
def test_a_value_is_spelled_as_postgresql_shows_it(name: str, cluster: Cluster) -> None:
    value, sample, kind, expected = OF_POSTGRESQL[name]
    with open_for_writing(resolve_database("URL", {"URL": cluster.url("postgres")})) as database:
        assert spelled(value, sample, TargetColumn("at", kind), database) == expected
    if expected:
        with psycopg.connect(cluster.url("postgres"), options="-c TimeZone=UTC") as connection:
            shown = f"select quote_nullable(({expected}::{kind})::text)".encode()
            assert connection.execute(shown).fetchone() == (expected,)


def as_application_writes(column: str, value: Any) -> Any:
    """A value in the JSON of the application's audit table."""
    if isinstance(value, datetime):
        return f"{value.isoformat(timespec='milliseconds')}Z"
    if column.endswith(("At", "Time")) and isinstance(value, str):
        return f"{value.replace(' ', 'T')}Z"
    if column == "isPublished":
        return bool(value)
    return value if isinstance(value, int | str | None) else str(value)


COLUMNS = {
    "Member": ("id", "lastName", "phone", "joinedAt", "waMembershipLevelRaw", "updatedAt"),
    "Event": ("id", "title", "isPublished", "capacity", "startTime", "endTime", "updatedAt"),
}
SELECT = "select {columns} from \"{table}\" where id = '{id}'"
CHANGED = """update "Event" set "isPublished" = not "isPublished", capacity = 5, "endTime" = null,
  "startTime" = '2024-03-01 19:30:00.500' where id in ({ids})"""
AUDITED = """insert into "AuditLog" (id, action, "resourceType", "resourceId", {quoted}, "createdAt")
  values ('{id}', 'update', '{type}', '{of}', '{before}', '{after}', '{at}')"""


def record_changes(migrated: Migrated, table: str, ids: list[str]) -> None:
    """Let the application record what the run changed in rows of a table."""
    for one in ids:
        found = []
        for database in (migrated.never, migrated.imported):
            columns = ", ".join(f'"{column}"' for column in COLUMNS[table])
            (row,) = database.run(SELECT.format(columns=columns, table=table, id=one))
            pairs = zip(COLUMNS[table], row, strict=True)
            found.append(json.dumps({column: as_application_writes(column, value) for column, value in pairs}))
        before, after = (text.replace("'", "''") for text in found)
        names = '"before", "after"'
        migrated.imported.run(
            AUDITED.format(
                id=uuid4(),
                quoted=names,
                type=table,
                of=one,
                before=before,
                after=after,
                at=DURING,
            )
        )


def test_the_audit_table_gives_rows_back_what_the_run_wrote_over(before: Before) -> None:
    migrated = before.migrated
    members = [*sorted({*migrated.older["Member"]} - {before.lacking}), before.lacking]
    events = sorted(migrated.older["Event"])
    quoted = ", ".join(f"'{one}'" for one in events)
    migrated.never.run(CHANGED.format(ids=quoted))
    record_changes(migrated, "Member", members[:2])
    record_changes(migrated, "Event", events)
    told = {"quoted": '"before", "after"', "before": '{"phone": "0"}', "after": '{"phone": "1"}'}
    migrated.imported.run(
        # Somebody may have changed what the run wrote.
        AUDITED.format(id=uuid4(), type="Member", of=members[2], at=DURING, **told),
        # The same id in another table, and a change from before the run.
        AUDITED.format(id=uuid4(), type="Ticket", of=members[3], at=DURING, **told),
        AUDITED.format(id=uuid4(), type="Member", of=members[3], at=BEFORE, **told),
    )
    imported = migrated.imported.everything()

    planned = migrated.plan()
    restored = {each.title: each for each in planned.plan.restored}
    changed = {row.key[0].strip("'") for row in restored["members"].rows}
    kept = {row.key.strip("'"): row.why for row in restored["members"].kept}
    applied = migrated.apply(planned)

    assert applied.words.startswith("ROLLED BACK")
    assert changed == set(members[:2])
    assert kept.keys() == set(members[2:])
    assert kept[members[2]] == "its phone is not what the audit table says that the run wrote"
    assert kept[members[3]].endswith("the audit table has no former values: name a backup with --backup")
    now, never = migrated.imported.everything(), migrated.never.everything()
    for table, ids in (("Member", changed), ("Event", {row.key[0].strip("'") for row in restored["events"].rows})):
        assert ids
        assert {one: now[table][one] for one in ids} == {one: never[table][one] for one in ids}
    assert migrated.revert(planned).words == "REVERTED"
    assert migrated.imported.everything() == imported
