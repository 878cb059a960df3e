"""Backups of a real PostgreSQL: made at one instant, proven, and of every kind of damage none passes."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from made_backups import MadeBackup, flipped, found, in_place_of, outcomes, signed_again
from soaking import examples
from support import given_up_soon, run_program

import recon
from recon.backup.contents import TableContent
from recon.backup.manifest import MANIFEST, FileContent, file_content, read_manifest
from recon.backup.postgresql import DUMP
from recon.errors import BackupError

if TYPE_CHECKING:
    from collections.abc import Callable

    from postgres import Cluster

WHOLE = {
    "backup_manifest": "PASS",
    "backup_files": "PASS",
    "backup_read": "PASS",
    "backup_contents": "PASS",
    "backup_age": "PASS",
    "backup_private": "PASS",
}
SCRATCH = "select count(*) from pg_database where datname like 'recon_scratch_%'"


def scratch_databases(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url("postgres")) as connection:
        (number,) = connection.execute(SCRATCH).fetchone() or (None,)
        assert isinstance(number, int)
        return number


def dumped(made: MadeBackup, path: Path, *arguments: str) -> Path:
    """A dump of the club as others make it."""
    command = [str(made.binaries / "pg_dump"), *arguments, "-f", str(path), "-d", made.url]
    subprocess.run(command, check=True, capture_output=True)
    return path


def create(url: str, backups: Path, pg_bin: Path, **others: Any) -> recon.CreatedBackup:
    options = recon.BackupOptions(backups=backups, pg_bin=pg_bin, environment={"DATABASE_URL": url}, **others)
    return recon.create_backup(options)


def test_a_backup_is_a_folder_for_its_owner_alone(made: MadeBackup) -> None:
    parts = {path.name: path.stat().st_mode & 0o777 for path in made.folder.iterdir()}
    assert parts == {DUMP: 0o600, MANIFEST: 0o600}
    assert made.folder.stat().st_mode & 0o777 == 0o700
    assert [path.name for path in made.folder.parent.iterdir()] == [made.folder.name]
    assert made.folder.name.endswith("-template_newer")
    with psycopg.connect(made.url) as connection:
        count = connection.execute('select count(*) from "Member"').fetchone()
    assert (made.manifest.tables["public.Member"].rows,) == count
    assert made.manifest == read_manifest(made.folder)


def test_a_whole_backup_passes_and_names_no_database_where_none_was_given(made: MadeBackup) -> None:
    check = made.check(made.folder.parent)
    assert outcomes(check) == WHOLE
    assert check.verdict == "PASSED"
    assert ("Database of the backup", "not compared: no database was named") in {
        (fact.label, fact.value) for fact in check.parts[0].facts
    }


def test_a_restore_into_a_scratch_database_brings_everything_back(cluster: Cluster, made: MadeBackup) -> None:
    test = made.test(made.folder.parent)
    restored = {"backup_restored": "PASS", "restored_rows": "PASS", "restored_schema": "PASS"}
    assert outcomes(test) == WHOLE | {"backup_database": "PASS"} | restored
    assert scratch_databases(cluster) == 0


def test_every_kind_of_table_and_value_comes_back(cluster: Cluster, made: MadeBackup, tmp_path: Path) -> None:
    url = cluster.create_database("kinds")
    sql = Path(__file__).with_name("kinds.sql").read_bytes()
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql)
    created = create(url, tmp_path, made.binaries)
    assert {
        name: created.manifest.tables[name].rows for name in ("public.parent", "public.child", "public.p1", "public.p2")
    } == {"public.parent": 1, "public.child": 1, "public.p1": 1, "public.p2": 1}
    assert created.manifest.left_out["public.mv"].startswith("a materialized view")
    test = recon.test_backup(
        recon.BackupOptions(backups=tmp_path, pg_bin=made.binaries, environment={"DATABASE_URL": url})
    )
    assert [check for check in test.checks if check.outcome != "PASS"] == []
    cluster.drop_database("kinds")


@pytest.mark.parametrize("encoding", ["SQL_ASCII", "LATIN1"])
def test_a_database_in_another_encoding_comes_back(
    cluster: Cluster, made: MadeBackup, encoding: str, tmp_path: Path
) -> None:
    name = f"in_{encoding.lower()}"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"create database {name} encoding '{encoding}' template template0".encode())
    url = cluster.url(name)
    with psycopg.connect(url, client_encoding=encoding) as connection:
        connection.execute(b"create table t (a text); insert into t values ('caf\xe9'), ('\xc3\xa9')")
    create(url, tmp_path, made.binaries)
    environment = {"DATABASE_URL": url}
    test = recon.test_backup(recon.BackupOptions(backups=tmp_path, pg_bin=made.binaries, environment=environment))
    assert [check.message for check in test.checks if check.outcome != "PASS"] == []
    cluster.drop_database(name)


def test_backup_and_manifest_show_the_same_instant(
    made: MadeBackup, postgres_club: Callable[[], str], tmp_path: Path
) -> None:
    url = postgres_club()
    # Another program deletes rows between the snapshot and the dump.
    later = f'{made.binaries}/psql -q -X -c "delete from \\"AuditLog\\"; delete from \\"WaIdMapping\\"" "{url}"\n'
    pg_bin = in_place_of("pg_dump", made.binaries, tmp_path / "bin", f'{later}exec $REAL "$@"\n')
    created = create(url, tmp_path / "backups", pg_bin)
    assert created.manifest.tables["public.WaIdMapping"].rows > 0
    assert outcomes(made.check(tmp_path / "backups")) == WHOLE
    again = create(url, tmp_path / "backups", made.binaries)
    plausible = found(made.check(tmp_path / "backups", again.folder), "backup_plausible")
    assert plausible.outcome == "WARN"
    assert "public.WaIdMapping" in {row["table"] for row in plausible.violations.to_dicts()}


def test_no_password_is_in_any_childs_arguments(made: MadeBackup, tmp_path: Path) -> None:
    said = tmp_path / "said"
    spying = f'for each in "$@"; do echo "$each" >> {said}; done\nexec $REAL "$@"\n'
    folders = [in_place_of(name, made.binaries, tmp_path / name, spying) for name in ("pg_dump", "pg_restore", "psql")]
    create(made.url, tmp_path / "backups", folders[0])
    assert made.test(made.folder.parent, pg_bin=folders[1]).verdict == "PASSED"
    plain = dumped(made, tmp_path / "plain.sql")
    assert found(made.test(tmp_path, plain, pg_bin=folders[2]), "backup_restored").outcome == "PASS"
    password = made.url.partition("postgres:")[2].partition("@")[0]
    text = said.read_text(encoding="utf-8")
    assert text.count("--dbname=service=recon") == 3
    assert password not in text
    assert "postgres" not in text.replace(str(tmp_path), "").replace(str(made.folder), "")


@pytest.mark.parametrize("moment", ["midway", "at the end"])
def test_a_backup_that_is_killed_does_not_count(made: MadeBackup, moment: str, tmp_path: Path) -> None:
    killing = "kill -9 $PPID; sleep 600\n" if moment == "midway" else '$REAL "$@"; kill -9 $PPID; sleep 600\n'
    pg_bin = in_place_of("pg_dump", made.binaries, tmp_path / "bin", "echo $$ > ${0%/*}/pid\n" + killing)
    backups = tmp_path / "backups"
    command = (sys.executable, "-m", "recon", "backup", "create", "--backups", str(backups), "--pg-bin", str(pg_bin))
    assert run_program(command, DATABASE_URL=made.url).code == -9
    os.kill(int((pg_bin / "pid").read_text(encoding="utf-8")), 9)
    assert [path.name.startswith(".unfinished-") for path in backups.iterdir()] == [True]
    assert recon.newest_backup(backups) is None
    check = made.check(backups)
    assert outcomes(check) == {"backup_found": "FAIL"}
    assert check.checks[0].message == f"No backup was found in {backups}"
    assert check.parts[0].facts[0].label == "Not counted"


def test_a_dump_that_fails_leaves_nothing(made: MadeBackup, tmp_path: Path) -> None:
    pg_bin = in_place_of(
        "pg_dump", made.binaries, tmp_path / "bin", '$REAL "$@"; echo "pg_dump: error: lost" >&2; exit 1\n'
    )
    with pytest.raises(BackupError, match=r"could not write the backup.*pg_dump: error: lost"):
        create(made.url, tmp_path / "backups", pg_bin)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_program_that_hangs_is_ended(made: MadeBackup, tmp_path: Path) -> None:
    hanging = "echo $$ > ${0%/*}/pid\nexec sleep 600\n"
    for program in ("pg_dump", "pg_restore"):
        pg_bin = in_place_of(program, made.binaries, tmp_path / program, hanging)
        with given_up_soon():
            if program == "pg_dump":
                with pytest.raises(BackupError, match=r"pg_dump took longer than its limit.*within 0.3 s"):
                    create(made.url, tmp_path / "backups", pg_bin, timeout_s=0.3)
            else:
                check = found(made.check(made.folder.parent, pg_bin=pg_bin, timeout_s=0.3), "backup_read")
                assert check.outcome == "ERROR"
                assert "pg_restore took longer than its limit" in check.message
        with pytest.raises(ProcessLookupError):
            os.kill(int((pg_bin / "pid").read_text(encoding="utf-8")), 0)
    assert list((tmp_path / "backups").iterdir()) == []


def test_a_full_disk_is_said_and_leaves_nothing(made: MadeBackup, tmp_path: Path) -> None:
    limited = ("sh", "-c", 'ulimit -f 16; exec "$@"', "sh", sys.executable, "-m", "recon", "backup", "create")
    done = run_program((*limited, "--backups", str(tmp_path), "--pg-bin", str(made.binaries)), DATABASE_URL=made.url)
    assert done.code == 2
    assert "There is no room left on the disk" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written_to_is_named(made: MadeBackup, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match=r"The folder of backups cannot be written to.*--backups"):
        create(made.url, tmp_path / "file", made.binaries)


def test_pg_dump_has_to_be_there_and_not_older_than_the_server(made: MadeBackup, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(BackupError, match=r"pg_dump was not found.*Install PostgreSQL's client programs.*--pg-bin"):
        create(made.url, tmp_path / "backups", tmp_path / "empty")
    (tmp_path / "old").mkdir()
    old = tmp_path / "old" / "pg_dump"
    old.write_text('#!/bin/sh\necho "pg_dump (PostgreSQL) 11.2 (Debian 11.2-1)"\n', encoding="utf-8")
    old.chmod(0o755)
    with pytest.raises(
        BackupError, match=r"older than what it has to work with.*pg_dump 18 or newer, found pg_dump 11.2"
    ):
        create(made.url, tmp_path / "backups", tmp_path / "old")
    check = found(made.check(made.folder.parent, pg_bin=tmp_path / "empty"), "backup_read")
    assert check.outcome == "ERROR"
    assert "pg_restore was not found" in check.message


def as_role(cluster: Cluster, name: str, *statements: str, database: str) -> str:
    with psycopg.connect(cluster.url(database), autocommit=True) as connection:
        for statement in (
            f"drop role if exists {name}",
            f"create role {name} login password 'secret-word'",
            *statements,
        ):
            connection.execute(statement.encode())
    return cluster.url(database, name, "secret-word")


@pytest.mark.parametrize("right", ["none", "row security"])
def test_a_role_that_does_not_see_everything_makes_no_backup(
    cluster: Cluster, made: MadeBackup, postgres_club: Callable[[], str], right: str, tmp_path: Path
) -> None:
    database = postgres_club().rpartition("/")[2]
    granted = (
        ()
        if right == "none"
        else ("grant select on all tables in schema public to blind", 'alter table "Member" enable row level security')
    )
    url = as_role(cluster, "blind", *granted, database=database)
    with pytest.raises(BackupError, match="grant this role SELECT on all tables") as raised:
        create(url, tmp_path, made.binaries)
    assert "secret-word" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []
    cluster.drop_database(database)
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("drop role blind")


def test_a_role_that_may_not_create_databases_is_told_what_to_ask_for(cluster: Cluster, made: MadeBackup) -> None:
    url = as_role(cluster, "small", database="postgres")
    environment = {"DATABASE_URL": made.url, "SCRATCH": url}
    options = made.options(made.folder.parent, environment=environment, scratch_database="SCRATCH")
    test = recon.test_backup(options)
    assert found(test, "restore_evaluated").outcome == "ERROR"
    assert "alter role … createdb" in found(test, "restore_evaluated").message
    assert test.verdict == "INCOMPLETE"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute("drop role small")


@pytest.mark.soak
def test_a_restore_that_hangs_leaves_no_scratch_database(cluster: Cluster, made: MadeBackup, tmp_path: Path) -> None:
    hanging = 'case "$*" in *--dbname*) exec sleep 600;; esac\nexec $REAL "$@"\n'
    pg_bin = in_place_of("pg_restore", made.binaries, tmp_path / "bin", hanging)
    with given_up_soon():
        test = made.test(made.folder.parent, pg_bin=pg_bin, timeout_s=5)
    assert found(test, "restore_evaluated").outcome == "ERROR"
    assert scratch_databases(cluster) == 0


def test_a_restore_that_brings_back_less_fails(made: MadeBackup, tmp_path: Path) -> None:
    script = 'case "$*" in *--dbname*) exec $REAL -t Event "$@";; esac\nexec $REAL "$@"\n'
    pg_bin = in_place_of("pg_restore", made.binaries, tmp_path / "bin", script)
    test = made.test(made.folder.parent, pg_bin=pg_bin)
    assert found(test, "restored_rows").outcome == "FAIL"
    assert "the table is missing" in found(test, "restored_rows").message
    assert found(test, "restored_schema").outcome == "FAIL"
    assert test.verdict == "FAILED"


def damaged(kind: str, folder: Path) -> None:
    dump = folder / DUMP
    if kind == "bit flip":
        flipped(dump, 8 * (dump.stat().st_size // 2))
    elif kind == "truncation":
        os.truncate(dump, dump.stat().st_size - 1)
    elif kind == "emptied":
        os.truncate(dump, 0)
    elif kind == "gone":
        dump.unlink()
    elif kind == "appended":
        with dump.open("ab") as file:
            file.write(b"\0")


@pytest.mark.parametrize("kind", ["bit flip", "truncation", "emptied", "gone", "appended"])
def test_a_damaged_file_fails_and_is_not_restored(
    cluster: Cluster, made: MadeBackup, kind: str, tmp_path: Path
) -> None:
    damaged(kind, made.copied(tmp_path))
    test = made.test(tmp_path)
    assert outcomes(test) == {
        "backup_manifest": "PASS",
        "backup_files": "FAIL",
        "backup_age": "PASS",
        "backup_database": "PASS",
        "backup_private": "PASS",
        "backup_restored": "ERROR",
    }
    assert test.verdict == "FAILED"
    assert scratch_databases(cluster) == 0


@pytest.mark.parametrize(
    "edit",
    [
        lambda text: text.replace('"rows": 60', '"rows": 61'),
        lambda text: text.replace('"kind": "postgresql"', '"kind": "sqlite"'),
        lambda text: text.replace("database.dump", "database.tar"),
        lambda text: text[: len(text) // 2],
        lambda _: "",
        lambda _: "{}",
        lambda _: "[]",
        lambda _: '{"manifest": [], "sha256": "x"}',
        lambda _: '{"manifest": {"schemaVersion": 3}, "sha256": "x"}',
        lambda _: '{"manifest": ' + "[" * 100_000,
        lambda _: "\udcff",
        lambda text: text.replace('"manifest"', '"Manifest"'),
    ],
)
def test_a_manifest_that_was_edited_fails(made: MadeBackup, edit: Callable[[str], str], tmp_path: Path) -> None:
    manifest = made.copied(tmp_path) / MANIFEST
    text = manifest.read_text(encoding="utf-8")
    assert edit(text) != text
    manifest.write_text(edit(text), encoding="utf-8", errors="surrogateescape")
    check = made.check(tmp_path)
    assert outcomes(check) == {"backup_manifest": "FAIL"}


def test_a_manifest_that_was_edited_with_its_digest_still_has_to_agree_with_the_dump(
    made: MadeBackup, tmp_path: Path
) -> None:
    folder = made.copied(tmp_path)
    tables = dict(made.manifest.tables)
    member = tables["public.Member"]
    for edited in (replace_content(member, rows=61), replace_content(member, digest="0" * 64)):
        signed_again(folder, tables={**tables, "public.Member": edited})
        assert found(made.check(tmp_path), "backup_contents").outcome == "FAIL"
    signed_again(folder, tables={name: content for name, content in tables.items() if name != "public.Member"})
    assert "a table too many" in found(made.check(tmp_path), "backup_contents").message


def replace_content(content: Any, **changes: Any) -> Any:
    return type(content)(**{name: getattr(content, name) for name in ("rows", "digest", "columns")} | changes)


@pytest.mark.parametrize(
    "changes, check_id",
    [
        ({"files": {}}, "backup_read"),
        ({"kind": "sqlite"}, "backup_read"),
        ({"kind": "oracle"}, "backup_read"),
        ({"files": {"../x": FileContent(1, "0" * 64)}}, "backup_manifest"),
        ({"files": {"": FileContent(1, "0" * 64)}}, "backup_manifest"),
        ({"tables": {"public.t": TableContent(1)}}, "backup_manifest"),
        ({"schema_version": "9.0"}, "backup_manifest"),
        ({"snapshot_at": datetime(2024, 1, 15)}, "backup_manifest"),  # noqa: DTZ001 - that is what is tested
    ],
)
def test_a_manifest_that_leaves_nothing_to_look_at_never_passes(
    made: MadeBackup, changes: dict[str, Any], check_id: str, tmp_path: Path
) -> None:
    signed_again(made.copied(tmp_path), **changes)
    check = made.check(tmp_path)
    assert found(check, check_id).outcome == "FAIL"
    assert check.verdict == "FAILED"


def test_clocks_that_differ_are_named(made: MadeBackup, tmp_path: Path) -> None:
    signed_again(made.copied(tmp_path), created_at=made.manifest.snapshot_at - timedelta(hours=2))
    facts = {fact.label: fact.value for fact in made.check(tmp_path).parts[0].facts}
    assert facts["Clocks"] == "the server's was 2.0 hours ahead of that of the machine that made it"


def test_another_dump_in_its_place_is_noticed_although_the_files_agree(
    made: MadeBackup, postgres_club: Callable[[], str], tmp_path: Path
) -> None:
    url = postgres_club()
    with psycopg.connect(url) as connection:
        connection.execute("""update "Member" set "firstName" = 'Other' where ctid = '(0,1)'""")
    folder = made.copied(tmp_path)
    dump = dumped(replace(made, url=url), tmp_path / "other", "-Fc")
    shutil.copyfile(dump, folder / DUMP)
    signed_again(folder, files={DUMP: file_content(folder / DUMP)})
    check = made.check(tmp_path)
    assert found(check, "backup_files").outcome == "PASS"
    contents = found(check, "backup_contents")
    assert contents.message == "1 table of 8 not as in the manifest: public.Member: other values"


def test_a_file_that_the_manifest_does_not_name_is_named(made: MadeBackup, tmp_path: Path) -> None:
    (made.copied(tmp_path) / "notes.txt").write_text("x", encoding="utf-8")
    assert found(made.check(tmp_path), "backup_files").message == "The manifest does not name: notes.txt"


@pytest.mark.parametrize(
    "hours, outcome, words",
    [
        (-1, "FAIL", "from the future"),
        (-0.01, "PASS", "0 minutes"),
        (23, "PASS", "23.0 hours"),
        (25, "FAIL", "25.0 hours"),
    ],
)
def test_the_age_is_that_of_the_snapshot(
    made: MadeBackup, hours: float, outcome: str, words: str, tmp_path: Path
) -> None:
    signed_again(made.copied(tmp_path), snapshot_at=datetime.now(UTC) - timedelta(hours=hours))
    check = found(made.check(tmp_path), "backup_age")
    assert check.outcome == outcome
    assert words in check.message
    assert found(made.check(tmp_path, max_age_hours=1e6), "backup_age").outcome == ("FAIL" if hours == -1 else "PASS")


def test_a_backup_of_another_database_fails(made: MadeBackup, postgres_club: Callable[[], str], tmp_path: Path) -> None:
    url = postgres_club()
    other = found(made.check(made.folder.parent, environment={"DATABASE_URL": url}), "backup_database")
    assert other.outcome == "FAIL"
    assert {row["what"] for row in other.violations.to_dicts()} == {"database", "database_oid"}
    file = tmp_path / "x.db"
    file.touch()
    environment = {"DATABASE_URL": f"sqlite:///{file}"}
    assert found(made.check(made.folder.parent, environment=environment), "backup_database").outcome == "FAIL"
    assert (
        found(made.check(made.folder.parent, environment={"DATABASE_URL": made.url}), "backup_database").outcome
        == "PASS"
    )


def test_a_database_that_was_created_anew_or_does_not_say_who_it_is_is_a_warning(
    made: MadeBackup, tmp_path: Path
) -> None:
    folder, environment = made.copied(tmp_path), {"DATABASE_URL": made.url}
    signed_again(folder, identity={**made.manifest.identity, "database_oid": "1"})
    anew = found(made.check(tmp_path, environment=environment), "backup_database")
    assert (anew.outcome, "created again" in anew.message) == ("WARN", True)
    signed_again(
        folder, identity={"database": "template_newer", "database_oid": made.manifest.identity["database_oid"]}
    )
    unknown = found(made.check(tmp_path, environment=environment), "backup_database")
    assert unknown.outcome == "WARN"
    assert unknown.message.endswith("not recorded: system_identifier")


def test_who_else_can_read_it_is_a_warning(made: MadeBackup, tmp_path: Path) -> None:
    folder = made.copied(tmp_path)
    folder.chmod(0o755)
    assert found(made.check(tmp_path), "backup_private").outcome == "WARN"
    folder.chmod(0o700)
    (folder / DUMP).chmod(0o644)
    assert found(made.check(tmp_path), "backup_private").outcome == "PASS"


@pytest.mark.parametrize(
    "form, outcome",
    [("-Fc", "WARN"), ("-Fd", "WARN"), ("-Fp", "WARN"), ("-Ft", "FAIL")],
)
def test_a_dump_that_others_made_is_read_but_proves_less(
    made: MadeBackup, form: str, outcome: str, tmp_path: Path
) -> None:
    path = dumped(made, tmp_path / "dump", form)
    check = made.check(made.folder.parent, path)
    worst = check.unpassed[0]
    assert worst.outcome == outcome
    if form == "-Ft":
        assert "it is a tar dump" in worst.message
        os.truncate(path, path.stat().st_size // 2)
        with given_up_soon():
            assert found(made.check(made.folder.parent, path), "backup_found").outcome == "FAIL"
        return
    assert found(check, "backup_read").message == "Read to its end: 457 rows in 8 tables"
    assert found(check, "backup_plausible").outcome == "PASS"
    test = made.test(made.folder.parent, path)
    assert found(test, "backup_restored").outcome == "PASS"
    assert found(test, "restored_rows").outcome == "WARN"


def test_an_emptied_or_cut_data_file_of_a_directory_fails(made: MadeBackup, tmp_path: Path) -> None:
    whole = dumped(made, tmp_path / "whole", "-Fd", "-Z0")
    data = max(whole.glob("*.dat"), key=lambda path: path.stat().st_size).name
    rows = (whole / data).read_bytes()
    for name, left in (("emptied", b""), ("cut", rows[: rows.index(b"\n", len(rows) // 2) + 1]), ("gone", None)):
        copy = shutil.copytree(whole, tmp_path / name)
        if left is None:
            (copy / data).unlink()
        else:
            (copy / data).write_bytes(left)
        assert found(made.check(made.folder.parent, copy), "backup_read").outcome == "FAIL", name


def test_a_custom_dump_that_is_cut_fails(made: MadeBackup, tmp_path: Path) -> None:
    whole = dumped(made, tmp_path / "dump", "-Fc")
    for part in (0.5, 0.9, 0.99):
        os.truncate(whole, int(whole.stat().st_size * part))
        assert found(made.check(made.folder.parent, whole), "backup_read").outcome == "FAIL"


def test_plain_sql_that_is_cut_at_a_row_fails(made: MadeBackup, tmp_path: Path) -> None:
    whole = dumped(made, tmp_path / "dump.sql", "--data-only")
    text = whole.read_bytes()
    start = text.index(b'COPY public."Member"')
    second_row = text.index(b"\n", text.index(b"\n", start) + 1) + 1
    whole.write_bytes(text[:second_row])
    check = made.test(made.folder.parent, whole)
    assert found(check, "backup_read").outcome == "FAIL"
    assert found(check, "backup_restored").outcome == "ERROR"


def test_plain_sql_with_commands_of_psql_is_not_restored(made: MadeBackup, tmp_path: Path) -> None:
    evil = dumped(made, tmp_path / "dump.sql")
    text = evil.read_bytes()
    at = text.index(b"CREATE TABLE")
    evil.write_bytes(text[:at] + f"\\! touch {tmp_path}/ran\n".encode() + text[at:])
    check = made.test(made.folder.parent, evil)
    assert "it holds what does not belong into a dump" in found(check, "backup_read").message
    assert "\\! at line" in found(check, "backup_read").message
    assert found(check, "backup_restored").outcome == "ERROR"
    assert not (tmp_path / "ran").exists()


def test_plain_sql_may_be_packed(made: MadeBackup, tmp_path: Path) -> None:
    plain = dumped(made, tmp_path / "dump.sql")
    packed = tmp_path / "dump.sql.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))
    assert found(made.test(made.folder.parent, packed), "backup_restored").outcome == "PASS"
    packed.write_bytes(packed.read_bytes()[:-9])
    assert found(made.check(made.folder.parent, packed), "backup_read").outcome == "FAIL"


def test_a_dump_from_the_future_or_without_rows_fails(made: MadeBackup, tmp_path: Path) -> None:
    dump = dumped(made, tmp_path / "dump", "-Fc", "--schema-only")
    later = datetime.now(UTC).timestamp() + 3600
    os.utime(dump, (later, later))
    check = made.check(made.folder.parent, dump)
    assert found(check, "backup_age").outcome == "FAIL"
    assert found(check, "backup_contents").message == "It holds no rows at all"


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("report.json", b"{}", "neither a dump of pg_dump"),
        ("nothing", b"", "an empty file"),
        ("a.zip", b"PK\3\4xxxx", "a zip archive"),
        ("a.zst", b"\x28\xb5\x2f\xfdxxxx", "compressed by zstd"),
        ("all.sql", b"--\n-- PostgreSQL database cluster dump\n--\n", "a dump of a whole server"),
        ("a.gz", gzip.compress(b"PGDMP", mtime=0), "a backup (custom) that was compressed by gzip"),
        ("b.gz", b"\x1f\x8bxx", "compressed by gzip, and damaged"),
        ("folder/x", b"", "a folder that holds no backup"),
        ("folder/PG_VERSION", b"15", "a copy of a whole server"),
    ],
)
def test_what_is_no_backup_is_told_by_what_it_is(
    made: MadeBackup, name: str, content: bytes, words: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    check = made.check(tmp_path / "backups", path.parent if "/" in name else path)
    assert outcomes(check) == {"backup_found": "FAIL"}
    assert words in check.checks[0].message


def test_what_is_not_there_or_cannot_be_read_never_passes(made: MadeBackup, tmp_path: Path) -> None:
    assert outcomes(made.check(tmp_path)) == {"backup_found": "FAIL"}
    assert outcomes(made.check(tmp_path, tmp_path / "gone")) == {"backup_found": "FAIL"}
    loop = tmp_path / "loop"
    loop.symlink_to(loop)
    assert outcomes(made.check(tmp_path, loop)) == {"backup_evaluated": "ERROR"}
    assert outcomes(made.check(loop)) == {"backup_evaluated": "ERROR"}
    folder = made.copied(tmp_path)
    (folder / MANIFEST).unlink()
    (folder / MANIFEST).mkdir()
    assert outcomes(made.check(tmp_path)) == {"backup_manifest": "FAIL"}
    os.mkfifo(tmp_path / "pipe")
    with given_up_soon():
        assert outcomes(made.check(tmp_path, tmp_path / "pipe")) == {"backup_found": "FAIL"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("named", [True, False])
def test_a_folder_that_is_closed_is_an_error_and_not_an_empty_one(
    made: MadeBackup, named: bool, tmp_path: Path
) -> None:
    folder = made.copied(tmp_path / "backups")
    (tmp_path / "backups").chmod(0o700)
    os.seteuid(65534)
    try:
        check = made.check(tmp_path / "backups", folder if named else None)
    finally:
        os.seteuid(0)
    assert outcomes(check) == {"backup_evaluated": "ERROR"}
    assert "Permission denied" in check.checks[0].message


def test_a_snapshot_of_a_provider_is_a_warning_and_no_more(made: MadeBackup, tmp_path: Path) -> None:
    made.copied(tmp_path)
    taken = datetime.now(UTC) - timedelta(hours=2)
    folder = recon.record_backup("AWS RDS", "rds:club-2024", taken, "weekly", tmp_path)
    assert folder.stat().st_mode & 0o777 == 0o700
    check = made.check(tmp_path, folder)
    assert outcomes(check) == {"backup_recorded": "WARN", "backup_age": "PASS"}
    assert found(check, "backup_recorded").message.startswith("Recorded, not proven: snapshot rds:club-2024 at AWS RDS")
    assert recon.newest_backup(tmp_path) == tmp_path / made.folder.name
    test = made.test(tmp_path, folder)
    assert found(test, "backup_restored").outcome == "ERROR"
    statement = folder / "statement.json"
    statement.write_text(statement.read_text(encoding="utf-8").replace("weekly", "daily"), encoding="utf-8")
    assert outcomes(made.check(tmp_path, folder)) == {"backup_manifest": "FAIL"}


def test_two_backups_of_one_second_have_two_folders(tmp_path: Path) -> None:
    taken = datetime(2024, 1, 15, tzinfo=UTC)
    names = [recon.record_backup("p", "s", taken, "", tmp_path).name for _ in range(3)]
    assert names == ["20240115T000000Z-p-s", "20240115T000000Z-p-s-2", "20240115T000000Z-p-s-3"]


@pytest.mark.soak
def test_no_bit_flip_and_no_truncation_passes(made: MadeBackup, tmp_path: Path) -> None:
    folder = made.copied(tmp_path)
    whole = (folder / DUMP).read_bytes()
    step = max(1, len(whole) * 8 // examples(40))
    for bit in range(0, len(whole) * 8, step):
        flipped(folder / DUMP, bit)
        assert found(made.check(tmp_path), "backup_files").outcome == "FAIL"
        (folder / DUMP).write_bytes(whole[: bit // 8])
        assert found(made.check(tmp_path), "backup_files").outcome == "FAIL"
        (folder / DUMP).write_bytes(whole)


@pytest.mark.soak
def test_a_flip_that_the_files_digest_would_hide_is_found_by_the_rows(made: MadeBackup, tmp_path: Path) -> None:
    """The manifest is signed again for each damaged file: what decides then is what was counted and digested."""
    folder = made.copied(tmp_path)
    whole = (folder / DUMP).read_bytes()
    missed, rounds = 0, 0
    for bit in range(4096 * 8, len(whole) * 8, max(1, len(whole) * 8 // examples(40))):
        flipped(folder / DUMP, bit)
        signed_again(folder, files={DUMP: FileContent(len(whole), file_content(folder / DUMP).sha256)})
        results = outcomes(made.check(tmp_path))
        missed += results["backup_read"] == results["backup_contents"] == "PASS"
        rounds += 1
        (folder / DUMP).write_bytes(whole)
    # What is not data, e.g. a name in a comment, is not in any digest of rows.
    assert missed / rounds < 0.5
