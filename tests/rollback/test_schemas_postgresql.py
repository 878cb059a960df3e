"""A rollback in PostgreSQL schemas that are not as usual: every table ends as planned, and comes back equal."""

from __future__ import annotations

import re
from hashlib import md5
from typing import TYPE_CHECKING, Any

import pytest
from rollback_cases import dropping, make_template
from rollbacks import ClubDatabase, make_migrated

import recon
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster
    from rollback_cases import Case, Template

    Rows = dict[str, list[tuple[Any, ...]]]

UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
# What the triggers do is decided by a setting of the database, so that one plan serves all.
TRIGGERS = (
    "create table mode (name text primary key)",
    "insert into mode values ('nothing')",
    """create function meddle() returns trigger language plpgsql as $$ begin
         if tg_op = 'DELETE' then
           if exists (select from public.mode where name = 'cancel') then return null; end if;
           if exists (select from public.mode where name = 'change') then
             update public."Member" set phone = 'meddled' where "createdAt" < '2024-01-01';
           end if;
           if exists (select from public.mode where name = 'insert') then
             insert into public."MemberNote" select gen_random_uuid(), id, 'gone' from public."Member"
             where "createdAt" < '2024-01-01' limit 1;
           end if;
           return old;
         end if;
         if exists (select from public.mode where name = 'alter') then new.location = 'meddled'; end if;
         if exists (select from public.mode where name = 'skip') then return null; end if;
         return new;
       end $$""",
    'create trigger meddling before insert or delete on "Event" for each row execute function meddle()',
)


@pytest.fixture(scope="module")
def triggered(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("triggered"), request, *TRIGGERS)


@pytest.fixture
def case(triggered: Template, cluster: Cluster, tmp_path: Path) -> Iterator[Case]:
    yield from dropping(cluster, triggered, tmp_path)


@pytest.mark.parametrize(
    "mode, words",
    [
        ("cancel", ("A statement affected another number of rows than planned", "Event")),
        ("change", ("Rows changed that the plan does not touch", "Member")),
        ("insert", ("Rows changed that the plan does not touch", "MemberNote")),
    ],
)
def test_a_trigger_that_does_more_or_less_than_the_plan_undoes_everything(
    mode: str, words: tuple[str, ...], case: Case
) -> None:
    case.database.run(f"update mode set name = '{mode}'")
    case.refused(case.apply, *words, "Ask the DBA which trigger or rule of the table did it")
    case.database.run("update mode set name = 'nothing'")
    assert case.apply().words.startswith("ROLLED BACK")


@pytest.mark.parametrize(
    "mode, words",
    [("alter", "Rows did not come back as they were"), ("skip", "A statement affected another number of rows")],
)
def test_a_trigger_that_alters_what_is_put_back_undoes_everything(mode: str, words: str, case: Case) -> None:
    before = case.database.everything()
    (meddling,) = (remark for remark in case.planned.plan.remarks if remark.kind == "trigger")
    assert (meddling.name, meddling.changes_inserts) == ("meddling", True)
    case.apply()
    case.database.run(f"update mode set name = '{mode}'")
    case.refused(case.revert, words, "Ask the DBA which trigger")
    case.database.run("update mode set name = 'nothing'")
    assert case.revert().words == "REVERTED"
    assert case.database.everything() == before


def test_what_restores_rows_must_restore_them(request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path) -> None:
    template = make_template(
        tmp_path,
        request,
        """create function touch() returns trigger language plpgsql as $$ begin
             new.phone = 'touched'; return new; end $$""",
        'create trigger touching before update on "Member" for each row execute function touch()',
        backup="BEFORE_URL",
    )
    assert [remark.name for remark in template.planned.plan.remarks if remark.kind == "trigger"] == ["touching"]
    for case in dropping(cluster, template, tmp_path / "copy"):
        case.refused(case.apply, "Rows did not get back what they held", "Member")


ODD = 'Cl"ub Ä'
# Tables as an application may have them, in a schema of its own.
UNUSUAL = (
    "create type \"Action\" as enum ('CREATE', 'UPDATE', 'DELETE')",
    'delete from "AuditLog"',
    'alter table "AuditLog" alter column action type "Action" using null',
    # Partitioned, with a key that has to hold what divides it.
    'alter table "EventRegistration" rename to whole',
    """create table "EventRegistration" (like whole including defaults, primary key (id, "createdAt"),
         foreign key ("eventId") references "Event" (id), foreign key ("memberId") references "Member" (id))
       partition by range ("createdAt")""",
    "create table first_part partition of \"EventRegistration\" for values from (minvalue) to ('2024-01-15 14:31')",
    'create table second_part partition of "EventRegistration" default',
    'insert into "EventRegistration" select * from whole',
    "drop table whole",
    # Members bring members, in a chain; one is its own sponsor.
    """alter table "Member" add "sponsorId" uuid references "Member" (id), add number int generated always as identity,
         add "Full Name" text generated always as ("lastName" || '!') stored""",
    """update "Member" m set "sponsorId" = s.before from (
         select id, lag(id, 1, id) over (order by id) as before from "Member") s where s.id = m.id""",
    # Children of children, the last with a key of two columns.
    """insert into "MemberNote" select gen_random_uuid(), id, 'a note' from "Member" order by id""",
    """create table "Note's reply" ("noteId" uuid references "MemberNote" (id) on delete cascade, no int, text text,
         primary key ("noteId", no))""",
    'insert into "Note\'s reply" select id, n, \'re\' from "MemberNote", generate_series(1, 2) n',
)


def rows_of(database: ClubDatabase, schema: str = "public") -> Rows:
    """Every row of every table of a schema but the audit table."""
    tables = database.run(
        "select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relkind in ('r', 'p') "
        f"and not c.relispartition and c.relname <> 'AuditLog' and n.nspname = '{schema}' order by 1"
    )
    return {name: sorted(database.run(f"select t::text from {quote(schema, name)} t")) for (name,) in tables}


def test_unusual_tables_of_another_schema_are_undone_and_put_back(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    migrated = make_migrated("postgresql", tmp_path, request)
    database = migrated.imported
    database.run(*UNUSUAL)
    database.run(f"alter schema public rename to {quote(ODD)}", "create schema public")
    url = f"{database.address}?schema=Cl%22ub%20%C3%84"
    environment = {"DATABASE_URL": url}
    before = rows_of(database, ODD)

    alone = migrated.plan(environment=environment)
    planned = migrated.plan(environment=environment, include=["MemberNote", "Note's reply"])

    members = {each.table.name: len(each.rows) for each in planned.plan.deleted}["Member"]
    # Without --include, what refers to members keeps them, and these keep what they refer to.
    assert "Member" not in {each.table.name for each in alone.plan.deleted if each.rows}
    assert alone.plan.kept_rows >= members
    counts = {each.table.name: len(each.rows) for each in planned.plan.deleted}
    # The older members' sponsors stay, and with them these sponsors' own.
    assert 0 < members <= len(migrated.created["Member"])
    assert (counts["MemberNote"], counts["Note's reply"]) == (members, 2 * members)
    (of_members,) = (each for each in planned.plan.deleted if each.table.name == "Member")
    assert sum(of_members.levels) == members
    assert {each.kind for each in planned.plan.remarks} >= {"generated column", "identity column", "partition"}
    assert planned.plan.audit.action == "DELETE"
    order = [each.table.name for each in planned.plan.deleted]
    assert order.index("Note's reply") < order.index("MemberNote") < order.index("Member")

    options = migrated.applying(planned, environment=environment)
    assert recon.apply_rollback(options).words.startswith("ROLLED BACK")
    after = rows_of(database, ODD)
    for name, rows in before.items():
        assert len(rows) - len(after[name]) == counts.get(name, 0), name
        assert {*after[name]} <= {*rows}, name
    assert recon.revert_rollback(options).words == "REVERTED"
    assert rows_of(database, ODD) == before
    audited = database.run(f'select action::text, "resourceId"::text from {quote(ODD, "AuditLog")}')
    assert audited == [("DELETE", planned.plan.id)] * 2


# As the oldest deployments, and looser than these: ids as texts beside ids as UUIDs, and references by other columns.
LOOSE = (
    'drop table "AuditLog"',
    'alter table "WaIdMapping" drop "syncRunId"',
    'alter table "WaIdMapping" rename "murmurantId" to "clubosId"',
    """alter table "EventRegistration" drop constraint "EventRegistration_eventId_fkey",
         drop constraint "EventRegistration_memberId_fkey", alter "memberId" type text using upper("memberId"::text),
         alter "eventId" type text""",
    """alter table "Event" add row_number int generated by default as identity, add code numeric(10, 2) unique""",
    'update "Event" set code = row_number',
    'alter table "EventPhoto" drop constraint "EventPhoto_eventId_fkey"',
    'alter table "Event" drop constraint "Event_pkey", add primary key (row_number), add unique (id)',
    'alter table "EventPhoto" add foreign key ("eventId") references "Event" (id) on delete set null',
    # Values that are equal to their parents', and look otherwise.
    'create table "Locker" (id int primary key, email char(90) references "Member" (email) on delete cascade)',
    """insert into "Locker" select 1, email from "Member" where id = '{member}'""",
    'create table "Slot" (id int primary key, code int references "Event" (code) on delete cascade)',
    """insert into "Slot" select 1, code::int from "Event" where id = '{event}'""",
)


def test_loose_references_are_found_and_rows_tell_what_became_of_the_plan(
    request: pytest.FixtureRequest, cluster: Cluster, tmp_path: Path
) -> None:
    template = make_template(tmp_path, request, *LOOSE)
    created = template.migrated.created
    deleted = {each.table.name: each for each in template.planned.plan.deleted}
    kept = {row.key: row.why for each in deleted.values() for row in each.kept}
    event = template.migrated.imported.run(f"select row_number from \"Event\" where id = '{created['Event'][0]}'")[0][0]
    assert kept[created["Member"][0]] == "1 row of Locker outside the plan refers to it"
    assert kept[str(event)] == "1 row of Slot outside the plan refers to it"
    assert [len(deleted[name].rows) for name in ("Member", "Event", "EventRegistration")] == [
        len(created["Member"]) - 1,
        len(created["Event"]) - 1,
        len(created["EventRegistration"]),
    ]
    for case in dropping(cluster, template, tmp_path / "copy"):
        before = rows_of(case.database)
        with pytest.raises(recon.ReconError, match="was not applied to this database"):
            case.revert()
        applied = case.apply()
        assert (applied.words, applied.was_done) == (f"ROLLED BACK, {case.planned.plan.kept_rows} KEPT", False)
        after = rows_of(case.database)
        assert {name: len(before[name]) - len(rows) for name, rows in after.items() if rows != before[name]} == {
            name: len(each.rows) for name, each in deleted.items()
        }
        assert case.apply().was_done
        assert [case.revert().was_done for _ in range(2)] == [False, True]
        assert rows_of(case.database) == before
        # What was put back is not what was planned.
        with pytest.raises(recon.ReconError, match="stale"):
            case.apply()


NUMBERED = """do $$ declare t record; begin
  for t in select conrelid::regclass as child, conname from pg_constraint where contype = 'f' loop
    execute format('alter table %s drop constraint %I', t.child, t.conname);
  end loop;
  for t in select c.oid::regclass as name, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
           join pg_namespace n on n.oid = c.relnamespace
           where c.relkind = 'r' and n.nspname = 'public' and a.atttypid = 'uuid'::regtype loop
    execute format('alter table %s alter %I type bigint using (''x'' || substr(md5(%I::text), 1, 15))::bit(60)::bigint',
                   t.name, t.attname, t.attname);
  end loop;
  alter table "EventRegistration" add foreign key ("eventId") references "Event" (id),
    add foreign key ("memberId") references "Member" (id);
end $$"""


def test_ids_may_be_numbers(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    migrated = make_migrated("postgresql", tmp_path, request)
    for database in (migrated.imported, migrated.never):
        database.run(NUMBERED)
    report = migrated.bundle / "migration-report.json"
    report.write_text(UUID.sub(_number, report.read_text(encoding="utf-8")), encoding="utf-8")
    before = migrated.imported.everything()
    planned = migrated.plan(backup="BEFORE_URL")
    # Its audit table takes no plan's id any more, and the plan says so.
    assert planned.plan.audit.table is None or planned.plan.audit.columns.get("resourceId") is None
    assert migrated.apply(planned).words == "ROLLED BACK"
    assert migrated.imported.everything() == migrated.never.everything()
    assert migrated.revert(planned).words == "REVERTED"
    assert migrated.imported.everything() == before


def _number(found: re.Match[str]) -> str:
    return str(int(md5(found[0].encode(), usedforsecurity=False).hexdigest()[:15], 16))


@pytest.mark.parametrize(
    "statements, words",
    [
        (
            (
                'alter table "Event" add "hostId" uuid references "Member" (id)',
                'alter table "Member" add "homeId" uuid references "Event" (id)',
            ),
            "Tables refer to each other in a circle",
        ),
        (
            (
                'alter table "Member" add "sponsorId" uuid references "Member" (id)',
                """update "Member" m set "sponsorId" = s.before from (
                     select id, coalesce(lag(id) over (order by id), max(id::text) over ()::uuid) as before
                     from "Member" where "createdAt" > '2024-01-01') s where s.id = m.id""",
            ),
            "Rows of one table refer to each other in a circle",
        ),
    ],
)
def test_circles_are_refused(statements: tuple[str, ...], words: str, case: Case, triggered: Template) -> None:
    case.database.run(*statements)
    said = case.refused(lambda: triggered.migrated.plan(environment={"DATABASE_URL": case.url}), words)
    assert "Ask the DBA" in said
