"""Level 2 by a swap: the backup in a new database takes the name, and the present one stays whole under another."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from restores import NAMES, OWNED, Restores, club_with_backup, damage

import recon
from recon.backup.postgresql_session import PostgresqlSession
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

EDITS = (
    'delete from "EventRegistration" where id in (select id from "EventRegistration" order by id limit 7)',
    "create table newer (id int)",
)
SOAK = pytest.mark.soak
ENDS = (
    pytest.param("Carrying settings and grants over", marks=SOAK),
    pytest.param("Holding the database", marks=SOAK),
    "Renaming",
    pytest.param("Committing", marks=SOAK),
)
DATABASES = "select datname from pg_database where datname like '{name}%' or datname like 'recon_%' order by 1"
PROPERTIES = """select datdba::regrole::text, datconnlimit, shobj_description(oid, 'pg_database'),
  (select array_agg((coalesce(setrole::regrole::text, '-'), setconfig)::text order by setrole) from pg_db_role_setting
   where setdatabase = d.oid),
  (select array_agg((grantee::regrole::text, privilege_type, is_grantable)::text
                    order by (grantee, privilege_type)::text)
   from aclexplode(datacl) a)
  from pg_database d where datname = '{name}'"""


@pytest.fixture
def own(cluster: Cluster, templates: dict[str, str], tmp_path: Path) -> Iterator[Restores]:
    """A club with a backup, edited since."""
    with club_with_backup(cluster, templates, tmp_path) as made:
        made.run(*EDITS)
        yield made
        for name in databases(cluster, made):
            cluster.drop_database(name)


def databases(cluster: Cluster, own: Restores) -> list[str]:
    with psycopg.connect(cluster.url("postgres")) as connection:
        return [name for (name,) in connection.execute(DATABASES.format(name=own.name).encode()).fetchall()]


def ask(cluster: Cluster, statement: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        found = connection.execute(statement.encode())
        return found.fetchall() if found.description else []


def test_the_new_database_takes_all_that_belongs_to_the_one_that_stays(own: Restores, cluster: Cluster) -> None:
    role = f"app_{next(NAMES)}"
    for statement in (
        f"create role {role}",
        f"alter database {own.name} set search_path to \"$user\", public, 'a b'",
        f"alter database {own.name} set work_mem = '7MB'",
        f"alter role {role} in database {own.name} set statement_timeout = '3h'",
        f"alter database {own.name} connection limit 40",
        f"revoke all on database {own.name} from public",
        f"grant connect on database {own.name} to {role} with grant option",
        f"comment on database {own.name} is 'the club''s own'",
    ):
        ask(cluster, statement)
    edited, before = own.rows(), ask(cluster, PROPERTIES.format(name=own.name))
    planned = own.plan(swap=True)
    kept = planned.plan.kept_as or ""
    assert kept == f"{own.name}_before_{planned.plan.id[:8]}"
    text = (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert f'drop database "{kept}"' in text
    applied = own.apply(planned)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert (applied.words, applied.was_done) == ("RESTORED", False)
    assert [check.name for check in applied.assessment.checks] == ["Tables", "Schema", "Database"]
    assert databases(cluster, own) == [own.name, kept]
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]
    assert own.run("select to_regclass('newer')") == [(None,)]
    assert own.audited("rollbackPlanId", planned.plan.id) == 1
    assert ask(cluster, PROPERTIES.format(name=own.name)) == before
    assert ask(cluster, PROPERTIES.format(name=kept)) == before
    assert own.apply(planned).was_done
    # The backup is still one of this database.
    assert {each.table for each in own.plan().plan.lost} == {"public.AuditLog"}
    reverted = own.revert(planned)
    assert [check.message for check in reverted.assessment.checks if check.outcome != "PASS"] == []
    assert (reverted.words, reverted.was_done) == ("REVERTED", False)
    assert own.rows() == edited
    assert own.audited("revertedPlanId", planned.plan.id) == 1
    assert ask(cluster, PROPERTIES.format(name=own.name)) == before
    assert databases(cluster, own) == [own.name, f"{own.name}_reverted_{planned.plan.id[:8]}"]
    assert own.revert(planned).was_done
    with pytest.raises(RollbackError, match="applied, and reverted"):
        own.apply(planned)
    ask(cluster, f"revoke all on database {own.name} from {role}")
    cluster.drop_database(databases(cluster, own)[1])
    ask(cluster, f"alter role {role} in database {own.name} reset all")
    ask(cluster, f"drop role {role}")


def test_who_is_connected_is_named_and_ended_only_if_that_is_wanted(own: Restores, cluster: Cluster) -> None:
    planned = own.plan(swap=True)
    with psycopg.connect(own.url, application_name="nightly report") as reader:
        reader.execute(b'select count(*) from "Member"')
        said = own.refused(planned, "Others are connected", "nightly report", "--end-sessions")
        assert "nothing was changed" in said
        assert databases(cluster, own) == [own.name]
        latecomers: list[psycopg.Connection] = []

        def come(title: str) -> None:
            # After those before were ended: it holds a table, and is ended as well.
            if title == "Renaming":
                latecomers.append(psycopg.connect(own.url))
                latecomers[0].execute(b'select count(*) from "Event"')

        assert own.apply(planned, come, end_sessions=True).words == "RESTORED"
        for session in (reader, *latecomers):
            with pytest.raises(psycopg.OperationalError):
                session.execute(b"select 1")
        latecomers[0].close()
    assert own.run('select count(*) from "EventRegistration"') == [(150,)]


@SOAK
def test_who_comes_while_the_names_change_keeps_them(own: Restores, cluster: Cluster) -> None:
    planned, before = own.plan(swap=True), own.rows()
    latecomers: list[psycopg.Connection] = []

    def come(title: str) -> None:
        if title == "Renaming":
            latecomers.append(psycopg.connect(own.url, application_name="latecomer"))

    with pytest.raises(RollbackError, match=r"Others are connected.*nothing was changed.*latecomer"):
        own.apply(planned, come)
    assert databases(cluster, own) == [own.name]
    latecomers[0].close()
    assert own.rows() == before


@pytest.mark.parametrize("title", ENDS)
def test_what_ends_before_the_commit_changes_nothing(own: Restores, cluster: Cluster, title: str) -> None:
    planned, before = own.plan(swap=True), own.rows()

    def end(begun: str) -> None:
        if begun == title:
            raise InterruptedError

    with pytest.raises(InterruptedError):
        own.apply(planned, end)
    assert databases(cluster, own) == [own.name]
    assert own.rows() == before


@SOAK
def test_all_is_read_again_while_it_is_held_only_if_somebody_wrote(
    own: Restores, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    contents = PostgresqlSession.contents

    def reading(opened: PostgresqlSession, damaged: dict[str, str] | None = None) -> Any:
        read.append(opened.url.name)
        return contents(opened, damaged)

    # An account of the server itself writes at times that are its own.
    ask(cluster, "alter system set autovacuum = off")
    ask(cluster, "select pg_reload_conf()")
    monkeypatch.setattr(PostgresqlSession, "contents", reading)
    held: list[int] = []
    for writes in (False, True):
        planned = own.plan(swap=True)

        def write(title: str, *, writes: bool = writes) -> None:
            if title == "Holding the database":
                read.clear()
                if writes:
                    ask(cluster, "select pg_current_xact_id()")
            if title == "Renaming":
                held.append(len(read))

        own.apply(planned, write)
        own.revert(planned)
        cluster.drop_database(f"{own.name}_reverted_{planned.plan.id[:8]}")
    assert held == [0, 1]
    ask(cluster, "alter system reset autovacuum")
    ask(cluster, "select pg_reload_conf()")


@SOAK
def test_what_is_written_meanwhile_is_not_left_behind(own: Restores) -> None:
    planned = own.plan(swap=True)

    def write(title: str) -> None:
        if title == "Holding the database":
            own.run('delete from "WaIdMapping"')

    with pytest.raises(RollbackError, match="written since the present state was backed up"):
        own.apply(planned, write)
    with pytest.raises(RollbackError, match="more was written since it was made"):
        own.apply(planned)
    planned = own.plan(swap=True)
    own.apply(planned)
    own.run('delete from "WaIdMapping"')
    with pytest.raises(RollbackError, match=r"would not come along.*_reverted_.*--without-present-state"):
        own.revert(planned)
    assert own.revert(planned, without_present_state=True).words == "REVERTED"


def test_damage_stays_in_the_database_of_before(own: Restores, cluster: Cluster) -> None:
    for table in ("Event", "AuditLog"):
        damage(own, cluster, f'"{table}"')
    planned = own.plan(swap=True)
    text = (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert "the present database stays as it is" in text
    assert own.apply(planned).words == "RESTORED"
    assert own.run('select count(*) from "Event"') != [(0,)]
    # The way back is to the same damage; there, no audit row can be counted on.
    assert own.revert(planned).words == "REVERTED"
    with pytest.raises(psycopg.Error, match="invalid page"):
        own.run('select * from "Event"')


def test_a_right_that_is_lacking_is_named_before_anything_changes(
    own: Restores, cluster: Cluster, tmp_path: Path
) -> None:
    role = f"owner_{next(NAMES)}"
    own.run(f"create role {role} login password 'x'; grant pg_read_all_data to {role}")
    url = cluster.url(own.name, role, "x")
    planned = own.plan(swap=True, environment={"DATABASE_URL": url})
    rights = planned.plan.survey.missing_rights
    assert rights[:2] == (f'alter role "{role}" createdb', f'alter database "{own.name}" owner to "{role}"')
    assert f'grant update on table "public"."Member" to "{role}"' in rights
    own.refused(planned, "may not do what the restore needs", "createdb", environment={"DATABASE_URL": url})
    own.run(f"alter role {role} createdb; alter database {own.name} owner to {role}")
    own.run(OWNED.format(role=role))
    own.run(f"grant create on schema public to {role}")
    owner = Restores.of(own.name, url, tmp_path / "owner", cluster.binaries)
    planned = owner.plan(swap=True)
    assert planned.plan.survey.missing_rights == ()
    assert owner.apply(planned).words == "RESTORED"
    assert owner.revert(planned).words == "REVERTED"
    for name in databases(cluster, own):
        cluster.drop_database(name)
    ask(cluster, f"drop role {role}")


def test_what_belongs_to_the_very_database_stops_it(own: Restores) -> None:
    own.run("begin", "create table held (id int)", "prepare transaction 'half done'", "begin")
    other = "connection 'dbname=other' publication p with (connect = false, slot_name = none)"
    own.run(f"create subscription feed {other}")
    planned = own.plan(swap=True)
    obstacle, second = planned.plan.survey.obstacles
    assert second == "The subscription feed belongs to this very database, and would stay with it under its other name"
    assert "prepared transaction half done belongs to this very database" in obstacle
    assert "This keeps it from being applied" in (planned.folder / "plan.md").read_text(encoding="utf-8")
    own.refused(planned, "keeps it from being exchanged", "half done", "without --swap")
    with psycopg.connect(own.url, autocommit=True) as connection:
        connection.execute("rollback prepared 'half done'")
        connection.execute("drop subscription feed")
    assert own.plan(swap=True).plan.survey.obstacles == ()


def test_only_databases_of_a_server_are_exchanged(own: Restores, tmp_path: Path) -> None:
    file = tmp_path / "club.db"
    file.touch()
    with pytest.raises(RollbackError, match=r"not exchanged.*without --swap"):
        recon.plan_restore(
            recon.RestoreOptions(own.backup, swap=True, outputs=tmp_path, environment={"DATABASE_URL": str(file)})
        )
