"""What a run created: a row that it may not have created is kept, or the plan is refused with the reason."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest
from edited_clubs import AFTER, BEFORE, DURING, OTHER_RUN, count_records
from rollbacks import OLDER_RUN, ClubDatabase, Migrated, kept_ids, make_migrated
from support import SAMPLES, edit_report

import recon
from recon.demo import write_exports
from recon.errors import ReconError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from edited_clubs import EditedClub

RUN = "run-20240115-143000"
STAMPED = ("Member", "Event", "EventRegistration")
ENTITIES = ("members", "events", "registrations")
NEW = "00000000-0000-4000-8000-00000000ffff"


@pytest.fixture
def migrated(tmp_path: Path, request: pytest.FixtureRequest) -> Migrated:
    return make_migrated("sqlite", tmp_path, request)


def deleted_ids(plan: recon.RollbackPlan) -> dict[str, set[str]]:
    """The ids of the rows that a plan deletes, by table."""
    return {each.table.name: {row.key[0].strip("'") for row in each.rows} for each in plan.deleted}


def whys(plan: recon.RollbackPlan) -> dict[str, str]:
    """Why rows are kept, by their id."""
    lists = [*(each.kept for each in (*plan.deleted, *plan.kept)), *(each.kept for each in plan.restored)]
    return {row.key.strip("'"): row.why for kept in lists for row in kept}


def require_only_created(plan: recon.RollbackPlan, migrated: Migrated) -> None:
    """What must hold whatever the evidence: only rows that the run created are deleted."""
    found = deleted_ids(plan)
    for table in STAMPED:
        assert found.get(table, set()) <= {*migrated.created[table]}, table


def shifted(columns: str, span: str, *tables: str) -> list[str]:
    """Statements that shift stamps."""
    sets = ", ".join(f"\"{name}\" = strftime('%Y-%m-%d %H:%M:%f', \"{name}\", '{span}')" for name in columns.split())
    return [f'update "{table}" set {sets}' for table in tables or STAMPED]


def person_adds_member(database: ClubDatabase, moment: str, email: str = "somebody@example.org") -> None:
    """Let somebody else create a member, as a copy of one with an id and an address of its own."""
    database.run(
        f"""insert into "Member" select '{NEW}', "firstName", "lastName", '{email}', phone, "joinedAt",
        "membershipStatusId", "membershipTierId", "waMembershipLevelRaw", "waRawData", '{moment}', '{moment}'
        from "Member" limit 1"""
    )


# With records.


def test_each_row_is_judged_by_record_and_stamps(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    why = {}

    def edit(club: EditedClub) -> None:
        pairs = iter([pair for pair in club.pairs("members") if pair[0]["_action"] == "create"])

        def next_one(words: str, **stamps: str) -> tuple[dict[str, Any], dict[str, Any]]:
            record, row = next(pairs)
            row.update(stamps)
            why[row["id"]] = words
            return record, row

        next_one("it is older than the run: created 2023-11-02", createdAt=BEFORE)
        next_one("it is newer than the run: created 2024-02-01", createdAt=AFTER, updatedAt=AFTER)
        next_one("it has no created_at", createdAt="")
        next_one("it was edited after the run: 2024-02-01", updatedAt=AFTER)
        del next_one("its record does not say what the importer did")[0]["_action"]
        next_one("its record names another id")[0]["_murmurantId"] = str(UUID(int=1))
        record, _ = next_one(f"its id mapping names another run, and was written before this run ended: {OLDER_RUN}")
        club.mapping_of(record).update(syncRunId=OLDER_RUN, syncedAt=BEFORE, updatedAt=BEFORE)
        record, _ = next(pairs)
        club.mapping_of(record).update(syncRunId=OTHER_RUN, syncedAt=AFTER, updatedAt=AFTER)
        # Two records with one address: the first creates the row, the second updates it.
        record, _ = next(pairs)
        again = record | {"_sourceRow": 900, "_waId": "60009999", "_action": "update"}
        club.records("members").append(again)
        count_records(club.report)

    migrated = make_migrated("sqlite", tmp_path, request, edit=edit, members=40)
    person_adds_member(migrated.imported, DURING)

    plan = migrated.plan().plan

    found, kept = deleted_ids(plan), whys(plan)
    assert found["Member"] == {*migrated.created["Member"]} - why.keys()
    assert found["EventRegistration"] == {*migrated.created["EventRegistration"]}
    assert {key: kept[key][: len(words)] for key, words in why.items()} == why
    assert "1 members were created during the run, and no record names them: kept" in plan.notices
    updated = {*migrated.older["Member"]}
    assert updated <= kept_ids(plan)["Member"]
    assert not updated & found["Member"]


def test_rows_that_the_run_skipped_or_updated_stay(migrated: Migrated) -> None:
    """Although the mappings of all of them name the run."""
    labels = migrated.imported.run('select distinct "syncRunId" from "WaIdMapping"')
    plan = migrated.plan().plan
    assert labels == [(RUN,)]
    assert deleted_ids(plan) | {"WaIdMapping": set()} == {
        **{table: set(ids) for table, ids in migrated.created.items()},
        "WaIdMapping": set(),
    }


def test_a_run_that_only_updated_deletes_nothing(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    def edit(club: EditedClub) -> None:
        for entity in ENTITIES:
            for record, row in club.pairs(entity):
                record["_action"] = "update"
                row["createdAt"] = BEFORE
        count_records(club.report)

    migrated = make_migrated("sqlite", tmp_path, request, edit=edit)
    chosen: tuple[dict[str, Any], ...] = ({}, {"bundle": None, "run_id": RUN})
    for options in chosen:
        plan = migrated.plan(**options).plan
        assert (plan.rows, plan.deleted) == (0, ())
    assert "--started-at" in " ".join(plan.notices)
    with pytest.raises(ReconError, match="The plan changes nothing"):
        migrated.apply(migrated.plan(bundle=None, run_id=RUN))


def test_an_event_of_two_records_goes_with_both_mappings(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    def edit(club: EditedClub) -> None:
        record = next(record for record, _ in club.pairs("events") if record["_action"] == "create")
        club.records("events").append(record | {"_sourceRow": 900, "_waId": "70009999", "_action": "skip"})
        mapping = club.mapping_of(record) | {"id": str(UUID(int=2)), "waId": 70009999}
        club.mappings.append(mapping)
        count_records(club.report)

    migrated = make_migrated("sqlite", tmp_path, request, edit=edit)
    plan = migrated.plan().plan
    assert deleted_ids(plan)["Event"] == {*migrated.created["Event"]}
    assert str(UUID(int=2)) in deleted_ids(plan)["WaIdMapping"]


def test_another_clock_is_subtracted(migrated: Migrated) -> None:
    span = "+8 hours"
    migrated.imported.run(*shifted("createdAt updatedAt", span), *shifted("syncedAt updatedAt", span, "WaIdMapping"))
    plan = migrated.plan().plan
    assert {t: deleted_ids(plan)[t] for t in STAMPED} == {t: {*ids} for t, ids in migrated.created.items()}
    assert any("8 h ahead of the run's" in notice for notice in plan.notices)
    assert plan.started_at
    assert plan.started_at.hour == 22


def test_without_an_end_the_records_still_prove_it(migrated: Migrated) -> None:
    edited = migrated.created["Member"][0]
    migrated.imported.run(f"""update "Member" set "updatedAt" = '{AFTER}' where id = '{edited}'""")
    edit_report(migrated.bundle, lambda report: report.pop("completedAt"))
    plan = migrated.plan().plan
    assert deleted_ids(plan)["Member"] == {*migrated.created["Member"]} - {edited}
    assert whys(plan)[edited].startswith("it was written again at 2024-02-01")
    assert plan.ended_at is None
    assert any("when the run ended" in notice for notice in plan.notices)


def test_a_silent_edit_keeps_its_row_where_no_time_shows_edits(migrated: Migrated) -> None:
    edited = migrated.created["Member"][0]
    migrated.imported.run(
        'alter table "Member" drop column "updatedAt"', f"""update "Member" set phone = '1' where id = '{edited}'"""
    )
    plan = migrated.plan().plan
    assert deleted_ids(plan)["Member"] == {*migrated.created["Member"]} - {edited}
    assert whys(plan)[edited].startswith("it differs from its record, and nothing shows whether it was edited")
    assert "members: without updated_at, an edit shows only in a field that the record holds" in plan.notices


def test_ids_are_the_same_in_any_spelling(migrated: Migrated) -> None:
    spelled = {"Member": "upper({})", "Event": "replace({}, '-', '')", "EventRegistration": "blob({})"}
    columns = [("Member", "id", "Member"), ("Event", "id", "Event"), ("EventRegistration", "id", "EventRegistration")]
    columns += [("EventRegistration", "memberId", "Member"), ("EventRegistration", "eventId", "Event")]
    with closing(sqlite3.connect(migrated.imported.address)) as connection, connection:
        connection.create_function("blob", 1, lambda text: UUID(text).bytes)
        for table, column, of in columns:
            spelling = spelled[of].format(f'"{column}"')
            connection.execute(f'update "{table}" set "{column}" = {spelling}')
    planned = migrated.plan()
    counts = {each.table.name: len(each.rows) for each in planned.plan.deleted}
    assert counts == {table: len(ids) for table, ids in migrated.created.items()} | {"WaIdMapping": 43}
    assert migrated.apply(planned).assessment.verdict == "PASSED"
    assert len(migrated.imported.rows("Member")) == len(migrated.older["Member"])


# Where evidence is missing, or contradicts itself.


def all_create(report: dict[str, Any]) -> None:
    """Let the report of a re-run call everything that it found created."""
    for entity in ENTITIES:
        for record in report[entity]["records"]:
            record["_action"] = "create"
    count_records(report)


def set_run(**values: object) -> Callable[[dict[str, Any]], None]:
    return lambda report: report.update(values)


def no_actions(report: dict[str, Any]) -> None:
    for record in report["members"]["records"]:
        del record["_action"]


def fewer(report: dict[str, Any]) -> None:
    report["events"]["created"] -= 1


def shorten(report: dict[str, Any], *, mapped: bool = False) -> None:
    for entity in ENTITIES:
        report[entity]["records"] = f"[{len(report[entity]['records'])}]"
    if not mapped:
        report["idMapping"] = {"members": [], "events": []}


def short_without_end(report: dict[str, Any]) -> None:
    shorten(report, mapped=True)
    del report["completedAt"]


ONE_REGISTRATION = """delete from "EventRegistration" where id in
  (select id from "EventRegistration" where "createdAt" > '2024' order by id limit 1)"""
NO_MAPPINGS = 'delete from "WaIdMapping"'
REFUSED: dict[str, tuple[Callable[[dict[str, Any]], object] | None, list[str], str]] = {
    "dry run": (set_run(dryRun=True), [], "The bundle is of a dry run"),
    "no start": (set_run(startedAt=None), [], "does not say when the run started"),
    "ended before it started": (set_run(completedAt="2024-01-15T10:00:00Z"), [], "ended before it started"),
    "no actions": (no_actions, [], "The report contradicts itself about the members"),
    "fewer than its records say": (fewer, [], "The report contradicts itself about the events"),
    "no createdAt": (None, ['alter table "Event" drop column "createdAt"'], "Nothing but the report says"),
    "createdAt from the source": (
        None,
        ['update "Member" set "createdAt" = "joinedAt"'],
        "Nothing but the report says",
    ),
    # A re-run two hours later whose importer calls everything created: all stamps fit a clock that is two hours behind.
    "older run, by a clock": (all_create, shifted("createdAt", "-2 hours"), "off from those of the run"),
    "older run, nothing to confirm it": (
        all_create,
        [*shifted("createdAt", "-2 hours"), *(f'alter table "{table}" drop column "updatedAt"' for table in STAMPED)],
        "off from those of the run",
    ),
    "older run, mappings deny it": (
        all_create,
        shifted("createdAt updatedAt", "-2 hours"),
        "off from those of the run",
    ),
    "older run": (all_create, [f"""update "{t}" set "createdAt" = '{BEFORE}'""" for t in STAMPED], "Nothing but the"),
    "other database": (
        None,
        [NO_MAPPINGS, *(f'delete from "{table}"' for table in reversed(STAMPED))],
        "None of the rows that the run wrote is in this database",
    ),
    "two rows of one id": (
        None,
        [
            """insert into "Event" select upper(id), title || '2', description, category, location, "startTime",
            "endTime", capacity, "isPublished", status, "createdAt", "updatedAt" from "Event"
            where id like '%a%' limit 1"""
        ],
        "1 rows of 'Event' share their id with another",
    ),
    "short, without an end": (short_without_end, [], "Nothing shows which members the run created"),
    "short, another's clock": (
        shorten,
        [NO_MAPPINGS, *shifted("createdAt", "+8 hours")],
        "fewer rows are of that time",
    ),
    "short, one is gone": (shorten, [NO_MAPPINGS, ONE_REGISTRATION], "fewer rows are of that time"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_no_plan_is_made_of_bad_evidence(migrated: Migrated, case: str) -> None:
    change, statements, words = REFUSED[case]
    if change:
        edit_report(migrated.bundle, change)
    migrated.imported.run(*statements)
    with pytest.raises(ReconError) as refusal:
        migrated.plan()
    assert words in refusal.value.what
    assert refusal.value.expected
    assert refusal.value.next_step or "share their id" in words
    assert not migrated.outputs.exists() or not [*migrated.outputs.glob("*rollback*")]


# Reports that only count their records.


def test_a_short_report_deletes_what_its_counts_and_stamps_prove(migrated: Migrated) -> None:
    edit_report(migrated.bundle, shorten)
    migrated.imported.run(NO_MAPPINGS)
    plan = migrated.plan().plan
    assert {t: deleted_ids(plan)[t] for t in STAMPED} == {t: {*ids} for t, ids in migrated.created.items()}
    assert "members: its created_at lies within the run, and there are no more such rows than the report says" in (
        plan.evidence
    )
    person_adds_member(migrated.imported, DURING)
    with pytest.raises(ReconError, match="Not all rows of the members within the time of the run can be the run's"):
        migrated.plan()


def test_id_mappings_tell_the_rows_of_other_imports_of_the_same_hour(migrated: Migrated) -> None:
    """Even where their number would fit, because as many rows of the run are gone."""
    gone = migrated.created["EventRegistration"][0]
    edit_report(migrated.bundle, lambda report: shorten(report, mapped=True))
    person_adds_member(migrated.imported, DURING)
    event = migrated.created["Event"][0]
    migrated.imported.run(
        f"""delete from "EventRegistration" where id = '{gone}'""",
        f"""insert into "EventRegistration" values ('{NEW}', '{event}', '{NEW}', 'CONFIRMED', '{DURING}', null,
        '{DURING}', '{DURING}')""",
    )
    plan = migrated.plan().plan
    require_only_created(plan, migrated)
    assert deleted_ids(plan)["Event"] == {*migrated.created["Event"]} - {event}
    assert deleted_ids(plan)["EventRegistration"] == {*migrated.created["EventRegistration"]} - {gone}
    assert "1 members of the time of the run are kept: the bundle's id mapping does not name them" in plan.notices
    assert "1 registrations of the time of the run are kept: no id mapping names them" in plan.notices


def test_exports_tell_the_runs_rows(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    clubs: list[EditedClub] = []
    migrated = make_migrated("sqlite", tmp_path, request, edit=clubs.append)
    write_exports(clubs[0].club, migrated.bundle)
    person_adds_member(migrated.imported, DURING)
    migrated.imported.run(NO_MAPPINGS, ONE_REGISTRATION)
    plan = migrated.plan().plan
    require_only_created(plan, migrated)
    assert deleted_ids(plan)["Member"] == {*migrated.created["Member"]}
    assert len(deleted_ids(plan)["EventRegistration"]) == len(migrated.created["EventRegistration"]) - 1
    assert (
        "members: its created_at lies within the run, an export has its record, the bundle's id mapping names it, "
        in (next(each for each in plan.evidence if each.startswith("members")) + " ")
    )


# Without a bundle.


def by_run(migrated: Migrated, run_id: str = RUN, **options: Any) -> recon.RollbackPlan:
    return migrated.plan(bundle=None, run_id=run_id, **options).plan


def test_the_database_alone_tells_what_a_run_created(migrated: Migrated) -> None:
    plan = by_run(migrated)
    assert {t: deleted_ids(plan)[t] for t in STAMPED} == {t: {*ids} for t, ids in migrated.created.items()}
    assert plan.evidence[0] == "There is no bundle: what the run created is known from the database alone"


def test_a_renewed_mapping_proves_nothing(migrated: Migrated) -> None:
    """A second run within the hour renewed the label alone, or the times too; neither run may be undone by it."""
    before = {table: {*ids} for table, ids in migrated.created.items()}
    minutes = "strftime('%Y-%m-%d %H:%M:%f', \"updatedAt\", '+30 minutes')"
    migrated.imported.run(f"""update "WaIdMapping" set "syncRunId" = '{OTHER_RUN}', "updatedAt" = {minutes}""")
    plan = by_run(migrated, OTHER_RUN)
    assert plan.rows == 0
    assert {whys(plan)[one] for one in before["Member"]} == {"its id mapping was there before, and the run renewed it"}
    with pytest.raises(ReconError, match="The database names the run, but not the rows that it wrote"):
        by_run(migrated)
    # With its times: the rows are older than the first mapping.
    migrated.imported.run('update "WaIdMapping" set "syncedAt" = "updatedAt"')
    plan = by_run(migrated, OTHER_RUN)
    require_only_created(plan, migrated)
    first = migrated.imported.run('select min("syncedAt") from "WaIdMapping"')[0][0]
    created = migrated.imported.run(f"""select count(*) from "Member" where "createdAt" < '{first}'""")[0][0]
    assert created
    early = {whys(plan)[key] for key in migrated.created["Member"] if key in whys(plan)}
    assert all(why.startswith("it was created before the run began") for why in early)
    # And without a column that would show it.
    migrated.imported.run(
        'alter table "WaIdMapping" drop column "updatedAt"',
        *shifted("syncedAt", "-30 minutes", "WaIdMapping"),
    )
    plan = by_run(migrated, OTHER_RUN)
    assert plan.rows == 0
    assert any("name the start of the run with --started-at" in why for why in whys(plan).values())


def test_a_batch_importer_needs_the_time_of_its_start(migrated: Migrated) -> None:
    start = datetime(2024, 1, 15, 14, 15, tzinfo=UTC)
    migrated.imported.run(
        f"""update "WaIdMapping" set "syncedAt" = '{DURING[:11]}14:40:00', "updatedAt" = '{DURING[:11]}14:40:00'"""
    )
    assert by_run(migrated).rows == 0
    plan = by_run(migrated, started_at=start)
    assert {t: deleted_ids(plan)[t] for t in STAMPED} == {t: {*ids} for t, ids in migrated.created.items()}
    for wrong in (start.replace(tzinfo=None), start + timedelta(hours=1)):
        with pytest.raises(ReconError, match="The run cannot have started then"):
            by_run(migrated, started_at=wrong)
    # Too early: an older run's rows, whose mappings the run renewed with all their times.
    older = migrated.older["Member"][0]
    migrated.imported.run(f"""update "Member" set "createdAt" = '2024-01-15 12:30:00' where id = '{older}'""")
    with pytest.raises(ReconError, match="Rows were created in two times"):
        by_run(migrated, started_at=start - timedelta(days=1))


def test_what_somebody_else_created_meanwhile_is_kept(migrated: Migrated) -> None:
    """And the run mapped: long after it was created, while it mapped its own rows at once."""
    person_adds_member(migrated.imported, "2024-01-15 14:21:00")
    migrated.imported.run(
        f"""insert into "WaIdMapping" values ('{NEW}', 'Member', 1, '{NEW}', '{RUN}', '{DURING}', '{DURING}')"""
    )
    plan = by_run(migrated)
    require_only_created(plan, migrated)
    assert whys(plan)[NEW].startswith("it was mapped long after it was created, unlike other rows")
    # What the run does not name at all is counted.
    migrated.imported.run(f"""delete from "WaIdMapping" where id = '{NEW}'""")
    assert any(
        notice.startswith("1 members of the time of the run have no id mapping") for notice in by_run(migrated).notices
    )


UNKNOWN: dict[str, tuple[list[str], str, str, str]] = {
    # case: statements, run id, what, found or next step
    "mistyped": ([], "run-20240115-143001", "No id mapping of the database names this run", f"Did you mean '{RUN}'?"),
    "no table": (['drop table "WaIdMapping"'], RUN, "only id mappings tell", "WaIdMapping"),
    "no run column": (['alter table "WaIdMapping" drop column "syncRunId"'], RUN, "only id mappings tell", "syncRunId"),
    "older generation": (
        [
            'alter table "WaIdMapping" drop column "syncRunId"',
            'alter table "WaIdMapping" rename "murmurantId" to "clubosId"',
        ],
        RUN,
        "only id mappings tell",
        "syncRunId",
    ),
    "no times": (['update "WaIdMapping" set "syncedAt" = \'\''], RUN, "are not those of one run", "None"),
    "two times": (
        [f"""update "WaIdMapping" set "syncedAt" = '{AFTER}' where "entityType" = 'Event'"""],
        RUN,
        "are not those of one run",
        "longest pause 16 days",
    ),
    "in the audit table alone": (
        [
            NO_MAPPINGS,
            f"""insert into "AuditLog" values ('1', 'CREATE', 'Member', '1', null, null, null,
            '{{"syncRunId": "{RUN}"}}', null, null, '{DURING}')""",
        ],
        RUN,
        "names the run, but not the rows that it wrote",
        "its id in AuditLog.metadata alone",
    ),
}


@pytest.mark.parametrize("case", UNKNOWN)
def test_a_run_that_the_database_does_not_tell_of_is_refused(migrated: Migrated, case: str) -> None:
    statements, run_id, what, found = UNKNOWN[case]
    migrated.imported.run(*statements)
    with pytest.raises(ReconError) as refusal:
        by_run(migrated, run_id)
    assert what in refusal.value.what
    assert found in f"{refusal.value.found} {refusal.value.next_step}"


# The importer's own bundles.


@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
@pytest.mark.parametrize("bundle", ["live", "live-short"])
def test_the_sample_run_created_what_its_report_says(bundle: str, tmp_path: Path) -> None:
    database = tmp_path / "sample.db"
    columns = json.loads((SAMPLES / "database" / "schema.json").read_text(encoding="utf-8"))["columns"]
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, names in columns.items():
            declared = ", ".join(f'"{name}"{" text primary key" if name == "id" else ""}' for name in names)
            connection.execute(f'create table "{table}" ({declared})')
        for file in (SAMPLES / "database").glob("*.csv"):
            with file.open(encoding="utf-8", newline="") as lines:
                for row in csv.DictReader(lines):
                    names, values = ", ".join(f'"{name}"' for name in row), ", ".join("?" for _ in row)
                    cells = [None if value == r"\N" else value for value in row.values()]
                    connection.execute(f'insert into "{file.stem}" ({names}) values ({values})', cells)
    environment = {"DATABASE_URL": str(database)}
    options: dict[str, Any] = {"outputs": tmp_path / "outputs", "environment": environment}
    planned = recon.plan_rollback(recon.RollbackOptions(SAMPLES / bundle, **options))
    assert {each.title: len(each.rows) for each in planned.plan.deleted} == {
        "registrations": 5,
        "members": 5,
        "events": 3,
    }
    assert planned.plan.kept_rows == 0
    with pytest.raises(ReconError, match="The bundle is of a dry run"):
        recon.plan_rollback(recon.RollbackOptions(SAMPLES / "dry-run", **options))
    with pytest.raises(ReconError, match="Without a bundle, only id mappings tell"):
        recon.plan_rollback(recon.RollbackOptions(run_id=planned.plan.run_id, **options))
