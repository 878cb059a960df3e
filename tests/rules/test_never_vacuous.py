from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from migrated_databases import KINDS, Migration, migrate, not_passed
from support import check_of, edit_report, outcomes, verify

from recon.demo import DemoPaths, generate, write_bundle, write_sqlite
from recon.errors import DatabaseError
from recon.model import ENTITIES, Outcome, Verdict
from recon.report import FORMATS, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from postgres import Cluster

    from recon.model import Verification

PASSWORD = "s3cret-of-the-reader"  # noqa: S105 - of a role that lives as long as the tests
NO_MAPPINGS = "ID mappings are not recorded: {}; none is duplicate in the bundle"
NO_TIERS = "Tiers are not recorded: {}"
NO_RUN = "The run is not recorded: the database has none of WaIdMapping.syncRunId, AuditLog.metadata"
EMPTY_MAPPINGS = NO_MAPPINGS.format("the database's table is empty")
NO_TABLE = "the database has no table '{}'"
NO_TIER_TABLE = NO_TIERS.format(NO_TABLE.format("MembershipTier"))
NO_TIER_COLUMN = NO_TIERS.format("the table 'Member' has no column 'membershipTierId'")
NO_TARGET_COLUMN = NO_MAPPINGS.format("the table 'WaIdMapping' has no column 'murmurantId' or 'clubosId'")
REQUIRED = [
    ("sqlite", "Member", "id"),
    ("sqlite", "Event", "id"),
    ("sqlite", "EventRegistration", "id"),
    ("sqlite", "EventRegistration", "memberId"),
    ("sqlite", "EventRegistration", "eventId"),
    ("postgresql", "Event", "id"),
    ("postgresql", "EventRegistration", "memberId"),
]


def hide(table: str, column: str | None = None) -> str:
    """As if the application had no such table or column."""
    if column is None:
        return f'alter table "{table}" rename to "{table}Hidden"'
    return f'alter table "{table}" rename column "{column}" to "{column}Hidden"'


def of_size(folder: Path, members: int, events: int, registrations: int) -> DemoPaths:
    club = generate(7, members=members, events=events, registrations=registrations)
    return DemoPaths(write_bundle(club, folder / "sized"), write_sqlite(club, folder / "sized.db"))


def map_twice(report: dict[str, Any]) -> None:
    report["idMapping"]["members"].append(report["idMapping"]["members"][0])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("table", ["Member", "Event", "EventRegistration"])
def test_a_required_table_that_is_missing_ends_the_run(
    kind: str, table: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.execute(hide(table))

    with pytest.raises(DatabaseError, match=f"The database has no table '{table}'") as raised:
        migration.verify()

    assert f"{table}Hidden" in (raised.value.found or "")
    assert raised.value.next_step


@pytest.mark.parametrize("kind, table, column", REQUIRED)
def test_a_required_column_that_is_missing_ends_the_run(
    kind: str, table: str, column: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.execute(hide(table, column))

    with pytest.raises(DatabaseError, match=f"The table '{table}' has no column '{column}'") as raised:
        migration.verify()

    assert f"{column}Hidden" in (raised.value.found or "")


def test_a_database_of_something_else_ends_the_run(demo: DemoPaths, tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("create table notes (id integer)")

    with pytest.raises(DatabaseError, match=r"The database has no table 'Member'.*found notes"):
        verify(DemoPaths(demo.bundle, path))


OPTIONAL = ("MembershipTier", "WaIdMapping", "MembershipStatus")
NO_MEMBER_AT_ALL = ("WARN", "Nothing to compare: no member has an e-mail address")
NOT_RECORDED = "ID mappings are not recorded: {}"
NOT_COMPARED, NOT_IN_FULL = "Not compared: {}", "Not compared in full: {}"
ABSENT: dict[str, tuple[list[str], dict[str, tuple[str, str]]]] = {
    "mapping table": (
        [hide("WaIdMapping")],
        {
            "duplicate_id_mappings": ("WARN", NO_MAPPINGS.format(NO_TABLE.format("WaIdMapping"))),
            "id_mappings": ("WARN", NOT_RECORDED.format(NO_TABLE.format("WaIdMapping"))),
        },
    ),
    "target id of mappings": (
        [hide("WaIdMapping", "murmurantId")],
        {
            "duplicate_id_mappings": ("WARN", NO_TARGET_COLUMN),
            "id_mappings": ("WARN", NO_TARGET_COLUMN.partition("; none")[0]),
        },
    ),
    "run column": ([hide("WaIdMapping", "syncRunId")], {}),
    "audit log": ([hide("AuditLog")], {}),
    "run column and audit log": (
        [hide("WaIdMapping", "syncRunId"), hide("AuditLog")],
        {"run_id_match": ("WARN", NO_RUN)},
    ),
    "run column and metadata": (
        [hide("WaIdMapping", "syncRunId"), hide("AuditLog", "metadata")],
        {"run_id_match": ("WARN", NO_RUN)},
    ),
    "mapping table and audit log": (
        [hide("WaIdMapping"), hide("AuditLog")],
        {
            "duplicate_id_mappings": ("WARN", NO_MAPPINGS.format(NO_TABLE.format("WaIdMapping"))),
            "id_mappings": ("WARN", NOT_RECORDED.format(NO_TABLE.format("WaIdMapping"))),
            "run_id_match": ("WARN", NO_RUN),
        },
    ),
    "tier table": (
        [hide("MembershipTier")],
        {
            "tier_distribution": ("WARN", NO_TIER_TABLE),
            "tier_coverage": ("WARN", NO_TIER_TABLE),
            "tier_mapping": ("WARN", NOT_COMPARED.format(NO_TABLE.format("MembershipTier"))),
        },
    ),
    "tier column of members": (
        [hide("Member", "membershipTierId")],
        {
            "tier_distribution": ("WARN", NO_TIER_COLUMN),
            "tier_coverage": ("WARN", NO_TIER_COLUMN),
            "altered_records": (
                "WARN",
                NOT_IN_FULL.format("members.tier_id (the table 'Member' has no column 'membershipTierId')"),
            ),
            "tier_mapping": ("WARN", NOT_COMPARED.format("the table 'Member' has no column 'membershipTierId'")),
        },
    ),
    "code of tiers": (
        [hide("MembershipTier", "code")],
        {
            "tier_distribution": ("WARN", NO_TIERS.format("the table 'MembershipTier' has no column 'code'")),
            "tier_mapping": ("WARN", NOT_COMPARED.format("the table 'MembershipTier' has no column 'code'")),
        },
    ),
    "status table": (
        [hide("MembershipStatus")],
        {
            "altered_records": (
                "WARN",
                NOT_IN_FULL.format(f"members.status_code ({NO_TABLE.format('MembershipStatus')})"),
            )
        },
    ),
    "other columns": (
        [hide("Member", "waRawData"), hide("Member", "email"), hide("Event", "title"), hide("WaIdMapping", "id")],
        {
            "altered_records": (
                "WARN",
                NOT_IN_FULL.format(
                    "events.title (the table 'Event' has no column 'title'), "
                    "members.email (the table 'Member' has no column 'email')"
                ),
            ),
            "duplicate_addresses": ("WARN", NOT_COMPARED.format("the table 'Member' has no column 'email'")),
        },
    ),
}
ABSENT_ON_EITHER = [
    *(("sqlite", absent) for absent in ABSENT),
    ("postgresql", "mapping table"),
    ("postgresql", "target id of mappings"),
    ("postgresql", "run column and metadata"),
    ("postgresql", "tier column of members"),
]


@pytest.mark.parametrize("kind, absent", ABSENT_ON_EITHER, ids=map("-".join, ABSENT_ON_EITHER))
def test_what_is_optional_and_absent_warns_where_it_is_needed(
    kind: str, absent: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    statements, expected = ABSENT[absent]
    migration = migrate(kind, demo, request)
    migration.execute(*statements)

    verification = migration.verify()

    assert not_passed(verification) == expected
    assert verification.verdict is Verdict.PASSED
    absent_tables = {table for table in OPTIONAL if hide(table) in statements}
    not_read = {*verification.snapshot.not_read.values()}
    assert {NO_TABLE.format(table) for table in OPTIONAL} & not_read == {*map(NO_TABLE.format, absent_tables)}
    assert (verification.tiers == ()) == ("tier_distribution" in expected)


def test_the_oldest_generation_warns_about_what_it_lacks(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    verification = migrate("postgresql", demo, request, "oldest").verify()

    found = not_passed(verification)
    lacking = {"tier_distribution", "tier_coverage", "run_id_match"}
    assert set(found) == {*lacking, "altered_records", "tier_mapping"}
    assert {outcome for outcome, _ in found.values()} == {"WARN"}
    assert all("not recorded" in found[name][1] for name in lacking)
    assert verification.verdict is Verdict.PASSED


def test_the_older_generation_lacks_nothing(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    assert not_passed(migrate("postgresql", demo, request, "older").verify()) == {}


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_mapping_table_is_not_recorded(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    migration.execute('delete from "WaIdMapping"')

    assert not_passed(migration.verify()) == {
        "duplicate_id_mappings": ("WARN", EMPTY_MAPPINGS),
        "id_mappings": ("WARN", "ID mappings are not recorded"),
    }


@pytest.mark.parametrize("statement", [hide("WaIdMapping"), 'delete from "WaIdMapping"'], ids=["absent", "empty"])
def test_duplicates_of_the_bundle_count_without_the_database_s(
    statement: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    edit_report(demo.bundle, map_twice)
    migration = migrate("sqlite", demo, request)
    migration.execute(statement)

    check = check_of(migration.verify(), "duplicate_id_mappings")

    assert check.outcome is Outcome.FAIL
    assert check.violations["origin"].to_list() == ["bundle"]


def test_tables_without_a_mapping_at_all_pass_nothing_of_it(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    edit_report(demo.bundle, lambda report: report.pop("idMapping"))
    migration = migrate("sqlite", demo, request)
    migration.execute('delete from "WaIdMapping"')

    assert check_of(migration.verify(), "duplicate_id_mappings").outcome is Outcome.WARN


def nothing(entity: str) -> tuple[str, str]:
    return "WARN", f"Nothing to compare: 0 {entity} expected, 0 present"


NO_MEMBER_LISTED = ("WARN", "Nothing to compare: no member is listed")
NO_MEMBERS = ("ERROR", "There are no members to look at")
NO_ROWS = ("WARN", "Nothing to look at: there are no members, events or registrations")
NO_REGISTRATIONS = ("WARN", "Nothing to compare: there are no registrations")
NOTHING_AT_ALL = ("ERROR", "Nothing was imported: the bundle has no record at all")


@pytest.mark.parametrize(
    "size, expected",
    [
        (
            (60, 12, 0),
            {"registration_count": nothing("registrations"), "orphaned_registrations": NO_REGISTRATIONS},
        ),
        (
            (60, 0, 0),
            {
                "event_count": nothing("events"),
                "registration_count": nothing("registrations"),
                "orphaned_registrations": NO_REGISTRATIONS,
            },
        ),
        (
            (0, 12, 0),
            {
                "member_count": nothing("members"),
                "registration_count": nothing("registrations"),
                "orphaned_registrations": NO_REGISTRATIONS,
                "tier_distribution": NO_MEMBERS,
                "tier_coverage": NO_MEMBERS,
                "tier_mapping": NO_MEMBER_LISTED,
                "duplicate_addresses": NO_MEMBER_AT_ALL,
            },
        ),
        (
            (0, 0, 0),
            {
                "member_count": NOTHING_AT_ALL,
                "event_count": NOTHING_AT_ALL,
                "registration_count": NOTHING_AT_ALL,
                "import_completed": NOTHING_AT_ALL,
                "orphaned_registrations": NO_REGISTRATIONS,
                "tier_distribution": NO_MEMBERS,
                "tier_coverage": NO_MEMBERS,
                "duplicate_id_mappings": ("WARN", EMPTY_MAPPINGS),
                "id_mappings": ("WARN", "Nothing to compare: the bundle names no Wild Apricot id"),
                "duplicate_addresses": NO_MEMBER_AT_ALL,
                "column_types": NO_ROWS,
                "report_arithmetic": ("WARN", "Nothing to add up: the bundle has no record at all"),
                "missing_records": ("WARN", "Nothing to look for: no record is listed"),
                "unexpected_records": ("WARN", "Nothing to look at: the database has no row of the entities listed"),
                "altered_records": ("WARN", "Nothing to compare: no record is listed"),
                "tier_mapping": NO_MEMBER_LISTED,
            },
        ),
    ],
    ids=["no registrations", "members alone", "no members", "nothing"],
)
def test_what_was_not_migrated_is_no_pass(
    size: tuple[int, int, int], expected: dict[str, tuple[str, str]], tmp_path: Path
) -> None:
    verification = verify(of_size(tmp_path, *size))

    assert not_passed(verification) == expected
    evaluated = all(outcome != "ERROR" for outcome, _ in expected.values())
    assert verification.verdict is (Verdict.PASSED if evaluated else Verdict.INCOMPLETE)
    assert not verification.escalation.required


@pytest.mark.parametrize("kind", KINDS)
def test_an_empty_database_passes_nothing_of_it(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    tables = ("EventRegistration", "Event", "Member", "WaIdMapping", "AuditLog")
    migration.execute(*(f'delete from "{table}"' for table in tables))

    verification = migration.verify()

    assert outcomes(verification) == {
        "member_count": "FAIL",
        "event_count": "FAIL",
        "registration_count": "FAIL",
        "tier_distribution": "ERROR",
        "tier_coverage": "ERROR",
        "orphaned_registrations": "WARN",
        "duplicate_id_mappings": "WARN",
        "id_mappings": "WARN",
        "duplicate_addresses": "WARN",
        "run_id_match": "WARN",
        "import_completed": "PASS",
        "column_types": "WARN",
        "report_arithmetic": "PASS",
        "missing_records": "FAIL",
        "unexpected_records": "WARN",
        "altered_records": "WARN",
        "tier_mapping": "WARN",
        # Valid by themselves, and the message says that they are compared with nothing.
        "policies": "PASS",
    }
    assert check_of(verification, "member_count").message == "Member count mismatch: expected 60, got 0 (diff: 60)"
    assert verification.verdict is Verdict.FAILED


def test_an_empty_bundle_does_not_match_an_empty_database(demo: DemoPaths, tmp_path: Path) -> None:
    empty = of_size(tmp_path, 0, 0, 0)

    against_full = verify(DemoPaths(empty.bundle, demo.database))
    against_empty = verify(DemoPaths(demo.bundle, empty.database))

    for verification in (against_full, against_empty):
        counted = [check_of(verification, f"{name}_count").outcome for name in ("member", "event", "registration")]
        assert counted == [Outcome.FAIL] * 3
        assert verification.verdict is Verdict.FAILED
    assert set(against_full.counts_bundle) == set(ENTITIES)


@pytest.fixture(scope="session")
def reader(cluster: Cluster) -> str:
    """A role that owns nothing and is no superuser; made once for the server, however tests are dealt to processes."""
    role = "never_vacuous_reader"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as server:
        server.execute(f"create role {role} login password '{PASSWORD}'".encode())
    return role


@pytest.fixture
def restricted(
    cluster: Cluster, reader: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> Callable[..., Migration]:
    """Makes a private copy of the club that the role reads with all rights but those taken by statements."""

    def make(*statements: str) -> Migration:
        owner = migrate("postgresql", demo, request)
        owner.execute(f"grant select on all tables in schema public to {reader}", *statements)
        database = owner.address.rpartition("/")[2]
        return Migration("postgresql", demo.bundle, cluster.url(database, reader, PASSWORD))

    return make


def revoke(table: str) -> str:
    return f'revoke select on "{table}" from never_vacuous_reader'


def hide_rows(table: str) -> Sequence[str]:
    """Row security that shows the role some rows of the table, and says nothing of the others."""
    return (
        f'alter table "{table}" enable row level security',
        f"create policy some_rows on \"{table}\" for select using (id::text < '8')",
    )


REFUSED = {
    "WaIdMapping": {"duplicate_id_mappings", "id_mappings", "run_id_match"},
    "AuditLog": {"run_id_match"},
    "MembershipTier": {"tier_distribution", "tier_coverage", "tier_mapping"},
}


def test_a_plain_reader_reads_everything(restricted: Callable[..., Migration]) -> None:
    assert not_passed(restricted().verify()) == {}


def assert_incomplete(verification: Verification, table: str, reason: str, folder: Path) -> None:
    """ERROR for exactly the checks that need the table, and reports that say so."""
    found = not_passed(verification)
    assert set(found) == REFUSED[table]
    for outcome, message in found.values():
        assert outcome == "ERROR"
        assert message.startswith(f"Not evaluated: the database refused '{table}': ")
        assert reason in message
        assert "Query was" not in message
    assert verification.verdict is Verdict.INCOMPLETE
    assert not verification.escalation.required
    for name, known in FORMATS.items():
        file = folder / known.default_output
        write_report(verification, name, file)
        text = file.read_text(encoding="utf-8")
        assert "INCOMPLETE" in text
        assert reason in text
        assert PASSWORD not in text


@pytest.mark.parametrize("table", REFUSED)
def test_an_optional_table_without_permission_is_an_error(
    table: str, restricted: Callable[..., Migration], tmp_path: Path
) -> None:
    verification = restricted(revoke(table)).verify()

    assert_incomplete(verification, table, f"permission denied for table {table}", tmp_path)


@pytest.mark.parametrize("table", REFUSED)
def test_row_security_on_an_optional_table_is_an_error(
    table: str, restricted: Callable[..., Migration], tmp_path: Path
) -> None:
    verification = restricted(*hide_rows(table)).verify()

    assert_incomplete(verification, table, "row-level security", tmp_path)


def test_duplicates_of_the_bundle_count_without_permission(
    demo: DemoPaths, restricted: Callable[..., Migration]
) -> None:
    edit_report(demo.bundle, map_twice)

    verification = restricted(revoke("WaIdMapping")).verify()

    assert {name: outcome for name, (outcome, _) in not_passed(verification).items()} == {
        "duplicate_id_mappings": "FAIL",
        "id_mappings": "ERROR",
        "run_id_match": "ERROR",
    }
    assert verification.verdict is Verdict.FAILED


def test_everything_optional_without_permission_is_incomplete(restricted: Callable[..., Migration]) -> None:
    verification = restricted(*map(revoke, REFUSED)).verify()

    found = {name: outcome for name, (outcome, _) in not_passed(verification).items()}
    assert found == dict.fromkeys(set().union(*REFUSED.values()), "ERROR")
    assert verification.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize(
    "table, how",
    [
        ("Member", "permission denied"),
        ("Event", "permission denied"),
        ("EventRegistration", "permission denied"),
        ("EventRegistration", "row-level security"),
    ],
)
def test_a_required_table_that_is_refused_ends_the_run(
    table: str, how: str, restricted: Callable[..., Migration]
) -> None:
    migration = restricted(*([revoke(table)] if how == "permission denied" else hide_rows(table)))

    with pytest.raises(DatabaseError, match=f"The table '{table}' cannot be read") as raised:
        migration.verify()

    assert how in str(raised.value)
    assert PASSWORD not in str(raised.value)
    assert "grant" in (raised.value.next_step or "")


def test_a_column_without_permission_ends_the_run(restricted: Callable[..., Migration]) -> None:
    columns = 'grant select (id, "firstName") on "Member" to never_vacuous_reader'

    with pytest.raises(DatabaseError, match=r"The table 'Member' cannot be read.*permission denied"):
        restricted(revoke("Member"), columns).verify()


BROKEN_MAPPINGS = {
    "sqlite": """
        create view "WaIdMapping" as
        select "entityType", abs(-9223372036854775808) as "waId", "murmurantId", "syncRunId", "syncedAt"
        from "WaIdMappingHidden"
    """,
    "postgresql": """
        create view "WaIdMapping" as
        select "entityType", "waId" / 0 as "waId", "murmurantId", "syncRunId", "syncedAt" from "WaIdMappingHidden"
    """,
}


@pytest.mark.parametrize("kind", KINDS)
def test_an_optional_table_that_breaks_while_it_is_read_is_an_error(
    kind: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.execute(hide("WaIdMapping"), BROKEN_MAPPINGS[kind])

    verification = migration.verify()

    found = not_passed(verification)
    assert set(found) == {"duplicate_id_mappings", "id_mappings"}
    assert found["duplicate_id_mappings"][0] == "ERROR"
    assert "the database refused 'WaIdMapping'" in found["duplicate_id_mappings"][1]
    assert verification.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("kind", KINDS)
def test_a_required_table_that_breaks_while_it_is_read_ends_the_run(
    kind: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    broken = {"sqlite": "abs(-9223372036854775808)", "postgresql": "1 / (length(title) - length(title))"}[kind]
    migration = migrate(kind, demo, request)
    migration.execute(hide("Event"), f'create view "Event" as select {broken} as id, title from "EventHidden"')

    with pytest.raises(DatabaseError, match="The table 'Event' cannot be read"):
        migration.verify()


def test_a_broken_view_that_is_not_needed_does_not_matter(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    migration.execute(
        "create table gone (id integer)", 'create view "Report" as select id from gone', "drop table gone"
    )

    assert not_passed(migration.verify()) == {}


def test_an_optional_view_that_cannot_be_opened_is_an_error(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    migration.execute(
        'alter table "MembershipTier" rename to gone',
        'create view "MembershipTier" as select id, code, name, "sortOrder" from gone',
        "drop table gone",
    )

    found = not_passed(migration.verify())

    assert {name: outcome for name, (outcome, _) in found.items()} == {
        "tier_distribution": "ERROR",
        "tier_coverage": "ERROR",
        "tier_mapping": "ERROR",
    }


def test_a_required_view_that_cannot_be_opened_ends_the_run(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    migration.execute(
        'alter table "Event" rename to gone', 'create view "Event" as select id from gone', "drop table gone"
    )

    with pytest.raises(DatabaseError, match="Event"):
        migration.verify()
