"""Level 2 in PostgreSQL: a plan says what would be lost, and all of the backup comes back, or nothing changes."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from made_backups import flipped, in_place_of, signed_again
from restores import NAMES, OWNED, Restores, club_with_backup
from support import CHECKOUT

import recon
from recon.backup.manifest import MANIFEST, read_manifest
from recon.backup.postgresql import DUMP
from recon.database.exclusion import LOCK_KEY
from recon.errors import ResourceError, RollbackError, UsageError
from recon.report.text import markdown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster


KINDS = CHECKOUT / "tests" / "backup" / "kinds.sql"
SCRATCH = "select count(*) from pg_database where datname like 'recon_scratch_%'"
LATER = "2099-01-01"
EDITS = (
    'delete from "EventRegistration" where id in (select id from "EventRegistration" order by id limit 7)',
    f"""update "Member" set phone = '1', "updatedAt" = '{LATER}'
        where id in (select id from "Member" order by id limit 3)""",
)
NEWER = (
    'create table "Newer" (id int primary key, member uuid constraint newer_member references "Member" (id))',
    'insert into "Newer" select 1, id from "Member" order by id limit 1',
    'create view newer_view as select id, email from "Member"',
    "create view newer_of_newer as select id from newer_view",
    'create materialized view newer_rows as select count(*) from "Event"',
    'grant select on "Member" to public',
)


@pytest.fixture(scope="module")
def restores(
    cluster: Cluster, templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Restores]:
    """A club with a backup, edited since; no test may change its database."""
    with club_with_backup(cluster, templates, tmp_path_factory.mktemp("restores")) as made:
        made.run(*EDITS)
        yield made


@pytest.fixture
def own(cluster: Cluster, templates: dict[str, str], tmp_path: Path) -> Iterator[Restores]:
    """A club with a backup, for the test to change."""
    with club_with_backup(cluster, templates, tmp_path) as made:
        yield made


@pytest.fixture(scope="module")
def planned(restores: Restores) -> recon.PlannedRestore:
    return restores.plan()


def scratch_databases(cluster: Cluster) -> int:
    with psycopg.connect(cluster.url("postgres")) as connection:
        (number,) = connection.execute(SCRATCH).fetchone() or (0,)
        return int(number)


# What a plan says.


def test_a_plan_names_what_would_be_lost(restores: Restores, planned: recon.PlannedRestore) -> None:
    lost = {each.table: each for each in planned.plan.lost}
    assert {*lost} == {"public.EventRegistration", "public.Member"}
    registrations, members = lost["public.EventRegistration"], lost["public.Member"]
    assert (registrations.rows, registrations.backup_rows) == (143, 150)
    assert (members.found, members.created, members.edited) == ("other values", 0, 3)
    text = (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert "| public.Member | other values | 60 | 60 | 0 | 3 |" in text
    assert "not rehearsed" in text
    assert restores.email not in text
    assert {path.name: path.stat().st_mode & 0o777 for path in planned.folder.iterdir()} == dict.fromkeys(
        ["plan.json", "plan.md", "plan.sha256", "newer.sql", "manifest.json"], 0o600
    )
    assert planned.folder.stat().st_mode & 0o777 == 0o700


def test_a_plan_names_what_is_newer_and_what_becomes_of_it(own: Restores) -> None:
    own.run(*NEWER)
    plan = own.plan().plan
    assert plan.survey.kept == ("public.Newer",)
    assert plan.survey.first == (
        'alter table public."Newer" drop constraint newer_member',
        "drop materialized view public.newer_rows",
        "drop view public.newer_of_newer",
        "drop view public.newer_view",
    )
    assert {each.kind for each in plan.survey.differences} >= {"foreign key", "view", "table", "grant"}
    # Nothing of a table that stays is lost.
    assert "public.Newer" not in {each.table for each in plan.lost}


# What is done.


def test_a_backup_is_put_in_place_recorded_and_reverted(own: Restores, cluster: Cluster) -> None:
    before = own.rows()
    own.run(*EDITS, *NEWER)
    edited = own.rows()
    planned = own.plan()
    applied = own.apply(planned)
    assert (applied.words, applied.was_done) == ("RESTORED", False)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert own.rows() == before
    assert own.run('select count(*) from "Newer"') == [(1,)]
    assert own.audited("rollbackPlanId", planned.plan.id) == 1
    assert scratch_databases(cluster) == 0
    # What is done twice is only verified.
    assert own.apply(planned).was_done
    reverted = own.revert(planned)
    assert [(c.message, c.violations.to_dicts()) for c in reverted.assessment.checks if c.outcome != "PASS"] == []
    assert (reverted.words, reverted.was_done) == ("REVERTED", False)
    assert own.rows() == edited
    assert own.run("select count(*) from newer_of_newer") == [(60,)]
    assert own.audited("revertedPlanId", planned.plan.id) == 1
    assert own.revert(planned).was_done
    with pytest.raises(RollbackError, match="applied, and reverted"):
        own.apply(planned)


@pytest.mark.soak
def test_publications_settings_and_owners_are_named(own: Restores) -> None:
    role = f"owner_{next(NAMES)}"
    own.run(
        'create publication newer for table "Member"',
        f"alter database {own.name} set statement_timeout = '1h'",
        f'create role {role}; alter table "Event" owner to {role}',
    )
    planned = own.plan()
    text = (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert f"stay as they are: {markdown('statement_timeout')}" in text
    assert "The publication newer is brought back as in the backup" in text
    assert {each.kind for each in planned.plan.survey.differences} == {"publication", "owner"}
    assert own.apply(planned).words == "RESTORED"
    assert own.run("select relowner::regrole::text from pg_class where relname = 'Event'") == [("postgres",)]
    assert own.run("select count(*) from pg_publication_tables where pubname = 'newer'") == [(0,)]
    own.run(f"drop role {role}")


@pytest.mark.soak
def test_a_new_partition_of_an_old_table_stays(own: Restores) -> None:
    own.run("create table part (id int, day date) partition by range (day)")
    own.run("create table part_1 partition of part for values from ('2024-01-01') to ('2025-01-01')")
    own.run("insert into part values (1, '2024-02-02')")
    own.back_up()
    own.run("create table part_2 partition of part for values from ('2025-01-01') to ('2026-01-01')")
    own.run("insert into part values (2, '2025-02-02'), (3, '2024-03-03')")
    planned = own.plan()
    assert planned.plan.survey.kept == ("public.part_2",)
    assert own.apply(planned).words == "RESTORED"
    assert own.run("select id from part") == [(1,)]
    assert own.run("select id from part_2") == [(2,)]


def test_every_kind_of_object_and_value_comes_back(own: Restores) -> None:
    own.run(KINDS.read_text(encoding="utf-8").replace("database kinds ", f"database {own.name} "))
    own.run(
        "create type mood as enum ('good', 'bad'); create sequence numbers; select nextval('numbers'); "
        "create table kinds (a mood, b text, c bytea); "
        "insert into kinds values ('good', repeat(E'a;b\\t\\\\.\\n', 100000), '\\x00ff'), (null, e'\\\\.', null); "
        "create function one() returns text language sql return (select ';' || count(*) from kinds); "
        "create function two() returns text language plpgsql as $body$ begin return 'COPY x FROM stdin;'; end $body$; "
        "select lo_from_bytea(4711, 'large'); "
        'create schema app; create table app."Odd; name" (id int); insert into app."Odd; name" values (1)'
    )
    own.back_up()
    own.run(
        'drop function one(), two(); drop table kinds; drop type mood; drop table app."Odd; name"; '
        "select nextval('numbers'), lo_unlink(4711)"
    )
    assert own.apply(own.plan()).words == "RESTORED"
    assert own.run("select one(), two(), nextval('numbers')") == [(";2", "COPY x FROM stdin;", 2)]
    assert own.run("select f(), g from p order by k") == [(1, 2), (1, 4)]
    assert own.run("select lo_get(4711)") == [(b"large",)]
    assert own.run("select length(b) from kinds order by a nulls last") == [(700000,), (2,)]
    assert own.run('select id from app."Odd; name"') == [(1,)]


@pytest.mark.soak
def test_the_session_is_left_to_others_as_it_was(own: Restores, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pooler hands the connection on: nothing that the script sets may outlive its transaction."""
    settings = "select name, setting from pg_settings where source = 'session' order by name"
    closed: list[list[tuple[Any, ...]]] = []
    close = psycopg.Connection.close

    def closing(connection: psycopg.Connection) -> None:
        if not connection.closed and not connection.broken and connection.info.transaction_status == 0:
            closed.append(connection.execute(settings.encode()).fetchall())
        close(connection)

    planned = own.plan()
    monkeypatch.setattr(psycopg.Connection, "close", closing)
    own.apply(planned)
    assert len(closed) > 2
    assert {name for found in closed for name, _ in found} <= {"lock_timeout", "client_encoding"}


# What keeps a restore from being done: nothing is changed.


def test_a_reader_that_stays_is_named_and_not_waited_for(restores: Restores, planned: recon.PlannedRestore) -> None:
    with psycopg.connect(restores.url, application_name="nightly report") as reader:
        reader.execute(b'select count(*) from "Member"')
        said = restores.refused(planned, "waited for no longer than two seconds", "nightly report")
        assert "nothing was changed" in said


def test_another_rollback_is_not_waited_for(restores: Restores, planned: recon.PlannedRestore) -> None:
    with psycopg.connect(restores.url) as other:
        other.execute(f"select pg_advisory_xact_lock({LOCK_KEY})".encode())
        restores.refused(planned, "advisory lock", "is under way")


def test_the_name_of_the_database_is_asked(restores: Restores, planned: recon.PlannedRestore) -> None:
    with pytest.raises(UsageError, match="not the database of this plan"):
        restores.apply(planned, run_id="another")


def test_a_role_without_rights_plans_and_is_told_what_it_lacks(restores: Restores, cluster: Cluster) -> None:
    role = f"reader_{next(NAMES)}"
    restores.run(f"create role {role} login password 'x'; grant pg_read_all_data to {role}")
    try:
        url = cluster.url(restores.name, role, "x")
        planned = restores.plan(environment={"DATABASE_URL": url})
        assert any('"Member" owner to' in right for right in planned.plan.survey.missing_rights)
        said = restores.refused(
            planned, "may not do what the restore needs", "owner to", environment={"DATABASE_URL": url}
        )
        assert "nothing was changed" in said
    finally:
        restores.run(f"drop owned by {role}; drop role {role}")


def test_an_owner_that_is_no_superuser_is_enough(own: Restores, cluster: Cluster, tmp_path: Path) -> None:
    role = f"owner_{next(NAMES)}"
    own.run(f"create role {role} login password 'x' createdb", OWNED.format(role=role))
    own.run(f"grant create on schema public to {role}")
    before = own.rows()
    owner = Restores.of(own.name, cluster.url(own.name, role, "x"), tmp_path / "owner", cluster.binaries)
    owner.run(EDITS[0])
    planned = owner.plan()
    assert planned.plan.survey.missing_rights == ()
    # Without a place for the scratch database, nothing is tried at all.
    own.run(f"alter role {role} nocreatedb")
    with pytest.raises(recon.ReconError, match="--scratch-database"):
        owner.apply(planned)
    applied = owner.apply(planned, environment=owner.environment | {"SCRATCH": own.url}, scratch_database="SCRATCH")
    assert applied.words == "RESTORED"
    assert own.rows() == before
    assert own.run("select distinct tableowner::text from pg_tables where schemaname = 'public'") == [(role,)]
    with psycopg.connect(own.url) as connection:
        connection.execute(f"drop owned by {role} cascade".encode())
        connection.execute(f"drop role {role}".encode())


def test_what_was_written_since_the_plan_makes_it_stale(own: Restores) -> None:
    planned = own.plan()
    own.run(EDITS[0])
    own.refused(planned, "more was written since it was made", "public.EventRegistration")
    planned = own.plan()
    own.run(NEWER[2])
    own.refused(planned, "the schema changed since it was made", "newer_view")


def test_what_is_written_while_it_is_applied_is_not_lost(own: Restores) -> None:
    planned = own.plan()

    def write(title: str) -> None:
        if title == "Locking every table":
            own.run(EDITS[0])

    with pytest.raises(RollbackError, match="written since the present state was backed up"):
        own.apply(planned, at_step=write)
    assert own.run('select count(*) from "EventRegistration"') == [(143,)]


@pytest.mark.soak
def test_what_depends_on_the_backup_undoes_everything(own: Restores) -> None:
    """A function that returns rows of a table is no view and no foreign key: the server refuses to drop the table."""
    own.run('create function newer() returns setof "Event" language sql as \'select * from "Event"\'')
    own.refused(own.plan(), "depend", "nothing was changed")


def test_a_full_disk_leaves_all_as_it_was(
    restores: Restores, planned: recon.PlannedRestore, cluster: Cluster, tmp_path: Path
) -> None:
    full = in_place_of(
        "pg_dump",
        cluster.binaries,
        tmp_path / "bin",
        'case "$*" in *schema-only*) exec $REAL "$@";; esac\n'
        "echo 'pg_dump: error: could not write to output file: No space left on device' >&2; exit 1\n",
    )
    before = restores.rows()
    with pytest.raises(ResourceError, match="no room left"):
        restores.apply(planned, pg_bin=full)
    assert restores.rows() == before


def test_a_restore_that_ends_midway_changes_nothing(
    restores: Restores, planned: recon.PlannedRestore, cluster: Cluster, tmp_path: Path
) -> None:
    """The script is cut off after the tables were dropped."""
    cut = in_place_of(
        "pg_restore",
        cluster.binaries,
        tmp_path / "bin",
        'case "$*" in *--clean*) $REAL "$@" | head -c 60000; exit 0;; esac\nexec $REAL "$@"\n',
    )
    restores.refused(planned, "nothing was changed", pg_bin=cut)


@pytest.mark.parametrize("title", ["Sending the backup", "Comparing every table with the manifest", "Committing"])
def test_what_ends_before_the_commit_changes_nothing(
    restores: Restores, planned: recon.PlannedRestore, title: str
) -> None:
    before = restores.rows()

    def end(begun: str) -> None:
        if begun == title:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        restores.apply(planned, at_step=end)
    assert restores.rows() == before


def truncated(folder: Path) -> None:
    data = (folder / DUMP).read_bytes()
    (folder / DUMP).write_bytes(data[: len(data) // 2])


def edited(folder: Path) -> None:
    text = (folder / MANIFEST).read_text(encoding="utf-8")
    (folder / MANIFEST).write_text(text.replace('"rows": 60', '"rows": 61'), encoding="utf-8")


def edited_well(folder: Path) -> None:
    tables = read_manifest(folder).tables
    content = tables["public.Member"]
    signed_again(folder, tables={**tables, "public.Member": type(content)(61, content.digest, content.columns)})


BAD = {
    "truncated": (truncated, "another length"),
    "flipped": (lambda folder: flipped(folder / DUMP, 8 * 5000), "other bytes"),
    "edited": (edited, "edited after it was written"),
    "edited well": (edited_well, "not as in the manifest"),
}


@pytest.mark.parametrize("damage", BAD)
def test_a_backup_that_is_not_whole_is_refused(restores: Restores, damage: str, tmp_path: Path) -> None:
    spoil, words = BAD[damage]
    copy = restores.copied_backup(tmp_path)
    spoil(copy)
    with pytest.raises(RollbackError, match=words):
        restores.plan(backup=copy)


def test_a_backup_that_is_damaged_after_the_plan_is_refused(own: Restores) -> None:
    planned = own.plan()
    flipped(own.backup / DUMP, 8 * 5000)
    own.refused(planned, "cannot be relied on", "other bytes")


def test_a_backup_of_another_club_is_refused(restores: Restores, cluster: Cluster) -> None:
    with pytest.raises(RollbackError, match="Other database"):
        restores.plan(environment={"DATABASE_URL": cluster.url("template_newer")})


@pytest.mark.soak
def test_a_plan_is_for_one_database(own: Restores, cluster: Cluster) -> None:
    planned = own.plan()
    name = f"{own.name}_copy"
    other = cluster.create_database(name, template=own.name)
    with pytest.raises(RollbackError, match="of another database"):
        own.apply(planned, environment={"DATABASE_URL": other})
    cluster.drop_database(name)


def test_a_dump_without_manifest_is_refused(restores: Restores, cluster: Cluster, tmp_path: Path) -> None:
    file = tmp_path / "club.dump"
    subprocess.run(
        [cluster.binaries / "pg_dump", "-Fc", "-f", file, "-d", restores.url], check=True, capture_output=True
    )
    with pytest.raises(RollbackError, match="Nothing says what this backup should bring back"):
        restores.plan(backup=file)


def test_production_wants_the_signature_of_another_person(
    cluster: Cluster, templates: dict[str, str], tmp_path: Path
) -> None:
    """The name of the database says that it is production."""
    name = f"prod_{next(NAMES)}"
    own = Restores.of(name, cluster.create_database(name, template=templates["newer"]), tmp_path, cluster.binaries)
    planned = own.plan()
    assert planned.plan.environment == "production"
    own.refused(planned, "wants the approval of another person", "ssh-keygen -Y sign")
    for signer in ("jane", "ann"):
        key = tmp_path / signer
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    approvers = tmp_path / "approvers"
    lines = [
        f"{signer}@example.org {(tmp_path / f'{signer}.pub').read_text(encoding='utf-8')}" for signer in ("jane", "ann")
    ]
    approvers.write_text("".join(lines), encoding="utf-8")
    for signer in ("jane", "ann"):
        (planned.folder / "plan.sha256.sig").unlink(missing_ok=True)
        digest = planned.folder / "plan.sha256"
        sign = ["ssh-keygen", "-Y", "sign", "-f", str(tmp_path / signer), "-n", "recon-rollback", str(digest)]
        subprocess.run(sign, check=True, capture_output=True)
        if signer == "jane":
            own.refused(planned, "approved by the person who made it", approvers=approvers)
    applied = own.apply(planned, approvers=approvers)
    assert (applied.words, applied.approved_by) == ("RESTORED", "ann@example.org")
    cluster.drop_database(name)


# Rehearsal.


def test_a_rehearsal_is_measured_and_named_by_the_next_plan(
    restores: Restores, cluster: Cluster, tmp_path: Path
) -> None:
    before = restores.rows()
    played = restores.rehearse(outputs=tmp_path)
    assert [(check.outcome, check.name) for check in played.assessment.checks] == [
        ("PASS", "Scratch Database"),
        ("PASS", "Level 2"),
    ]
    assert scratch_databases(cluster) == 0
    assert restores.rows() == before
    planned = restores.plan(outputs=tmp_path)
    assert planned.plan.rehearsed is not None
    assert "Rehearsed 0 minutes ago" in (planned.folder / "plan.md").read_text(encoding="utf-8")


def test_a_role_that_may_create_no_database_rehearses_on_another_server(
    restores: Restores, cluster: Cluster, tmp_path: Path
) -> None:
    role = f"reader_{next(NAMES)}"
    restores.run(f"create role {role} login password 'x'; grant pg_read_all_data to {role}")
    environment = {"DATABASE_URL": cluster.url(restores.name, role, "x"), "SCRATCH": cluster.url("postgres")}
    played = restores.rehearse(outputs=tmp_path, environment=environment, scratch_database="SCRATCH")
    assert [check.outcome for check in played.assessment.checks] == ["PASS", "PASS"]
    with pytest.raises(UsageError, match="scratch database would be of another kind"):
        restores.apply(restores.plan(), scratch_database=str(tmp_path / "club.db"))
    restores.run(f"drop owned by {role}; drop role {role}")
