from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
from judged_rules import RULES
from migrated_databases import APART, KINDS, migrate, not_passed
from support import check_of, verify

from recon.demo import FAULTS, DemoPaths, plant, write_demo
from recon.demo.files import patch_bundle
from recon.model import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from migrated_databases import Migration

    from recon.model import Verification

CLEAN = {
    "member_count": "Member count matches: 60",
    "event_count": "Event count matches: 12",
    "registration_count": "Registration count matches: 150",
    "tier_distribution": "Tier distribution: NEWCOMER: 14, FIRST_YEAR: 22, SECOND_YEAR: 10, THIRD_YEAR: 7, ALUMNI: 3, "
    "LAPSED: 2, GENERAL: 1, (none): 1",
    "tier_coverage": "Tier coverage: 98.3% (59/60)",
    "orphaned_registrations": "No orphaned registrations found",
    "duplicate_id_mappings": "No duplicate ID mappings found",
    "id_mappings": "Every record is mapped to its row: 222",
    "run_id_match": "Run ID matches: run-20240115-143000",
    "import_completed": "The import completed: 2024-01-15T14:28:00Z",
    "column_types": "Every value read has its column's type",
    "report_arithmetic": "The report's numbers agree with its records",
    "missing_records": "Every record that was written has its row: 222 accounted for",
    "unexpected_records": "Every row is accounted for: 222",
    "altered_records": "Every landed record equals its row: 222 of 222 records and 21 of 21 fields compared",
    "tier_mapping": "Every member has the tier of the membership level: 60 compared",
    "duplicate_addresses": "No two members have the same e-mail address: 60 compared",
    "policies": "2 of 23 policies are as declared; 21 are valid and not compared: the profile names no settings",
}
# Fault → each check that does not pass in the small club, with its outcome and message; every other one passes.
OTHER_TIERS = ("WARN", "Not what the data show: membership.tiers.waMapping")
TURNED: dict[str, dict[str, tuple[str, str]]] = {
    "one-tier": {
        "tier_distribution": ("WARN", "Warning: All members in tier 'GENERAL' - verify mapping"),
        "tier_mapping": ("WARN", "58 members have another tier than the membership level leads to"),
        "policies": OTHER_TIERS,
    },
    "no-tiers": {
        "tier_distribution": ("WARN", "Warning: No member has a tier - verify tier seeding and mapping"),
        "tier_coverage": ("WARN", "Low tier coverage: 0.0% - 60 members without tier"),
        "tier_mapping": ("WARN", "59 members have another tier than the membership level leads to"),
        "policies": OTHER_TIERS,
    },
    "low-tier-coverage": {
        "tier_coverage": ("WARN", "Low tier coverage: 85.0% - 9 members without tier"),
        "tier_mapping": ("WARN", "8 members have another tier than the membership level leads to"),
    },
    "missing-members": {
        "member_count": ("FAIL", "Member count mismatch: expected 60, got 46 (diff: 14)"),
        "id_mappings": ("FAIL", "Wrong id mappings: 14 members"),
        "missing_records": ("FAIL", "Not in the database: 14 members"),
    },
    "extra-members": {
        "member_count": ("FAIL", "Member count mismatch: expected 60, got 63 (diff: 3)"),
        "unexpected_records": ("FAIL", "Rows that no record claims: 3 members"),
    },
    "missing-events": {
        "event_count": ("FAIL", "Event count mismatch: expected 12, got 11 (diff: 1)"),
        "id_mappings": ("FAIL", "Wrong id mappings: 1 event"),
        "missing_records": ("FAIL", "Not in the database: 1 event"),
    },
    "extra-event": {
        "event_count": ("FAIL", "Event count mismatch: expected 12, got 13 (diff: 1)"),
        "unexpected_records": ("FAIL", "Rows that no record claims: 1 event"),
    },
    "missing-registrations": {
        "registration_count": ("FAIL", "Registration count mismatch: expected 150, got 138 (diff: 12)"),
        "id_mappings": ("FAIL", "Wrong id mappings: 12 registrations"),
        "missing_records": ("FAIL", "Not in the database: 12 registrations"),
    },
    "unknown-tier": {
        "tier_distribution": ("FAIL", "10 members have a tier that does not exist"),
        "altered_records": ("FAIL", "Differ from their rows: 10 members"),
        "tier_mapping": ("WARN", "10 members have another tier than the membership level leads to"),
    },
    "orphaned-registrations": {
        "orphaned_registrations": ("FAIL", "Found 10 orphaned registrations"),
        "altered_records": ("FAIL", "Differ from their rows: 10 registrations"),
    },
    "duplicate-wa-id": {
        "duplicate_id_mappings": ("FAIL", "Found 2 duplicate ID mappings"),
        "id_mappings": ("FAIL", "Wrong id mappings: 1 member"),
    },
    "shared-target-row": {
        "duplicate_id_mappings": ("FAIL", "Found 1 duplicate ID mapping"),
        "id_mappings": ("FAIL", "Wrong id mappings: 1 member"),
    },
    "duplicate-in-bundle": {
        "duplicate_id_mappings": ("FAIL", "Found 2 duplicate ID mappings"),
    },
    "unmapped-members": {
        "id_mappings": ("FAIL", "Wrong id mappings: 60 members"),
    },
    "exchanged-mappings": {
        "id_mappings": ("FAIL", "Wrong id mappings: 2 members"),
    },
    "equal-addresses": {
        "altered_records": ("FAIL", "Differ from their rows: 1 member"),
        "duplicate_addresses": ("WARN", "2 members share an e-mail address with another, but for case or blanks"),
    },
    "wrong-run": {
        "id_mappings": (
            "WARN",
            "Not mapped by this run or its report: 150 registrations, 60 members, 12 events",
        ),
        "run_id_match": (
            "FAIL",
            "Run ID mismatch: expected run-20240115-143000, the database records run-20240108-090000",
        ),
    },
    "newer-run": {
        "run_id_match": (
            "WARN",
            "Run ID matches: run-20240115-143000, but a newer run is recorded: run-20240116-101500",
        ),
    },
    "no-run": {
        "run_id_match": ("WARN", "No run is recorded: nothing says which migration the database holds"),
    },
    "import-died": {
        "import_completed": ("FAIL", "The import failed: Connection to the target database was lost"),
        "report_arithmetic": ("WARN", "The report contradicts itself in 1 figure"),
    },
    "rejected-rows": {
        "import_completed": ("WARN", "The importer rejected 3 members, 5 registrations"),
    },
    "bad-value": {
        "column_types": ("FAIL", "Found 1 value not of the column's type"),
    },
    "wrong-policies": {
        "policies": (
            "WARN",
            "Not valid: scheduling.announcementDay; not what the data show: scheduling.timezone",
        ),
    },
    "wrong-summary": {
        "report_arithmetic": ("WARN", "The report contradicts itself in 1 figure"),
    },
    "replaced-registration": {
        "registration_count": (
            "FAIL",
            "Registration count matches: 150, but not the rows: 1 missing, 1 unexpected, 0 with another id",
        ),
        "id_mappings": ("FAIL", "Wrong id mappings: 1 registration"),
        "missing_records": ("FAIL", "Not in the database: 1 registration"),
        "unexpected_records": ("FAIL", "Rows that no record claims: 1 registration"),
    },
    "stray-registration": {
        "registration_count": ("FAIL", "Registration count mismatch: expected 150, got 151 (diff: 1)"),
        "unexpected_records": ("FAIL", "Rows that no record claims: 1 registration"),
    },
    "truncated-titles": {
        "altered_records": ("FAIL", "Differ from their rows: 5 events"),
    },
    "exchanged-times": {
        "altered_records": ("FAIL", "Differ from their rows: 5 events"),
    },
    "wrong-tiers": {
        "tier_mapping": ("WARN", "11 members have another tier than the membership level leads to"),
        "policies": OTHER_TIERS,
    },
    "one-row-for-two": {
        "event_count": ("FAIL", "Event count mismatch: expected 12, got 11 (diff: 1)"),
        "duplicate_id_mappings": ("FAIL", "Found 1 duplicate ID mapping"),
        "id_mappings": ("FAIL", "Wrong id mappings: 1 event"),
        "missing_records": ("FAIL", "Not in the database: 1 event"),
    },
    "scripted-phones": {
        "altered_records": ("FAIL", "Differ from their rows: 40 members"),
    },
}
SQLITE_ONLY = {"bad-value"}
# What is not recorded at all leaves no row to show.
WITHOUT_A_ROW = {"no-run"}
# Checks whose messages change with the number of rows, or with which of them a fault takes first.
CHANGED_BY_COUNTS = {
    "member_count": {"tier_distribution", "tier_coverage", "tier_mapping", "altered_records", "duplicate_addresses"},
    "event_count": {"altered_records"},
    "registration_count": {"altered_records"},
}
ON_SERVER = [fault for fault in TURNED if fault not in SQLITE_ONLY]


def turned_by(fault: str) -> set[str]:
    """The checks whose message depends on the fault."""
    checks = {*TURNED[fault]}
    return checks.union(*(others for counted, others in CHANGED_BY_COUNTS.items() if counted in checks))


def apart(faults: Sequence[str]) -> list[list[str]]:
    """Groups of faults that turn no check in common, so that each can be planted with the others of its group."""
    groups: list[list[str]] = []
    for fault in faults:
        free = (group for group in groups if not any(turned_by(fault) & turned_by(other) for other in group))
        group = next(free, None)
        if group is None:
            groups.append(group := [])
        group.append(fault)
    return groups


@pytest.fixture(scope="module")
def whole_club(tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """The club of the runbook's size."""
    return write_demo(tmp_path_factory.mktemp("whole"))


def plant_in(migration: Migration, *names: str) -> None:
    migration.drop_constraints()
    for name in names:
        migration.execute(*FAULTS[name].sql)
    patch_bundle([FAULTS[name] for name in names], migration.bundle)


def test_every_fault_is_in_the_table_and_turns_its_check() -> None:
    assert list(TURNED) == list(FAULTS)
    assert [name for name, turned in TURNED.items() if FAULTS[name].check not in turned] == []


def test_every_check_has_a_fault() -> None:
    assert {fault.check for fault in FAULTS.values()} == set(RULES) == set(CLEAN)


@pytest.mark.parametrize("kind", KINDS)
def test_a_clean_club_passes_everywhere(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    verification = migrate(kind, demo, request).verify()

    assert {check.id: check.message for check in verification.checks} == CLEAN
    assert {check.outcome for check in verification.checks} == {Outcome.PASS}
    assert verification.verdict is Verdict.PASSED
    assert not verification.escalation.required


@pytest.mark.parametrize("fault", TURNED)
def test_a_fault_turns_its_check_and_no_other(fault: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    plant_in(migration, fault)

    assert_turned(migration.verify(), [fault])


@pytest.mark.parametrize("faults", apart(ON_SERVER), ids=" ".join)
def test_faults_on_a_server_turn_their_checks_and_no_other(
    faults: list[str], demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate("postgresql", demo, request)
    plant_in(migration, *faults)

    assert_turned(migration.verify(), faults)


def assert_turned(verification: Verification, faults: list[str]) -> None:
    turned = {check: outcome for fault in faults for check, outcome in TURNED[fault].items()}
    assert not_passed(verification) == turned
    failed = "FAIL" in {outcome for outcome, _ in turned.values()}
    assert verification.verdict is (Verdict.FAILED if failed else Verdict.PASSED)
    for fault in faults:
        check = check_of(verification, FAULTS[fault].check)
        assert check.violations.height == check.violation_count
        assert (check.violation_count == 0) == (fault in WITHOUT_A_ROW)


@pytest.mark.parametrize(
    "kind", [kind if kind == "sqlite" else pytest.param(kind, marks=pytest.mark.soak) for kind in KINDS]
)
def test_faults_do_not_hide_each_other(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    together = [name for name in (TURNED if kind == "sqlite" else ON_SERVER) if name not in APART]
    migration = migrate(kind, demo, request)
    plant_in(migration, *together)

    verification = migration.verify()

    turned = not_passed(verification)
    assert set(turned) == {FAULTS[name].check for name in together}
    assert {outcome for outcome, _ in turned.values()} == {"FAIL", "WARN"}
    assert verification.verdict is Verdict.FAILED
    # What is told in more detail by another check is one failure.
    detailed = {check.id for check in verification.checks if check.category == "records"} | {"id_mappings"}
    failed = len({c.id for c in verification.checks if c.outcome is Outcome.FAIL and c.id not in detailed})
    several = f"Multiple verification failures: {failed}"
    assert any(f"{reason} ".startswith(f"{several} ") for reason in verification.escalation.reasons)


def copy_of(whole: DemoPaths, folder: Path) -> DemoPaths:
    shutil.copytree(whole.bundle, folder / "bundle")
    shutil.copy(whole.database, folder / "club.db")
    return DemoPaths(folder / "bundle", folder / "club.db")


@pytest.mark.parametrize(
    "fault, line",
    [
        ("missing-members", "[FAIL] Member Count: Member count mismatch: expected 2147, got 2100 (diff: 47)"),
        ("low-tier-coverage", "[WARN] Tier Coverage: Low tier coverage: 85.0% - 322 members without tier"),
        ("one-tier", "[WARN] Tier Distribution: Warning: All members in tier 'GENERAL' - verify mapping"),
    ],
)
def test_the_runbook_s_issues_read_as_it_prints_them(
    fault: str, line: str, whole_club: DemoPaths, tmp_path: Path
) -> None:
    planted = copy_of(whole_club, tmp_path)
    plant([fault], planted.bundle, planted.database)

    check = check_of(verify(planted), FAULTS[fault].check)

    assert f"[{check.outcome}] {check.name}: {check.message}" == line


def test_the_runbook_s_success_reads_as_it_prints_it(whole_club: DemoPaths) -> None:
    lines = [f"[{check.outcome}] {check.name}: {check.message}" for check in verify(whole_club).checks]

    assert lines[:3] == [
        "[PASS] Member Count: Member count matches: 2147",
        "[PASS] Event Count: Event count matches: 523",
        "[PASS] Registration Count: Registration count matches: 8603",
    ]
    assert lines[3].startswith("[PASS] Tier Distribution: Tier distribution: NEWCOMER: 500, FIRST_YEAR: 800, ")
    assert lines[4:8] == [
        "[PASS] Tier Coverage: Tier coverage: 98.5% (2115/2147)",
        "[PASS] Orphaned Registrations: No orphaned registrations found",
        "[PASS] Duplicate ID Mappings: No duplicate ID mappings found",
        "[PASS] Run ID Match: Run ID matches: run-20240115-143000",
    ]
    assert lines[8] == "[PASS] ID Mappings: Every record is mapped to its row: 11273"
    assert lines[9].startswith("[PASS] Import Completed: ")
