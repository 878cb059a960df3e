"""The worked example of docs/profiles.md, from end to end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from migrated_databases import KINDS, not_passed
from rowing import BUNDLE, PROFILE, rowing, rowing_sqlite
from support import check_of, run_in_process, verify_url

from recon.errors import DatabaseError, ProfileError
from recon.rules import shipped_folder

if TYPE_CHECKING:
    from pathlib import Path

    from migrated_databases import Migration

POLICY_RULE = """
name: own
expectations:
- type: expect_no_violations
  severity: critical
  description: The database holds the policies.
  kwargs:
    sql: select key, value from target.policies where key = 'scheduling.timezone' and value <> 'Europe/Zurich'
    values_sql: select count(*) as policies from target.policies
  meta:
    id: policies_kept
    title: Policies Kept
    category: policies
    order: 200
    requires: [target.policies.key, target.policies.value]
    when_missing: {outcome: WARN, message: "Policies are not recorded: {missing}"}
    messages: {pass: "All {policies} policies are kept", fail: "Found {violations}"}
    meaning: Policies are wrong
    action: Look
"""


@pytest.fixture(params=KINDS)
def migration(request: pytest.FixtureRequest, tmp_path: Path) -> Migration:
    return rowing(request.param, tmp_path, request)


NO_MAPPING = ("WARN", "Not compared: the bundle declares no membership.tiers.waMapping")

OTHER_NAMES = ("WARN", "No id mapping is of an entity that recon knows")


def test_another_application_passes_with_its_own_counts(migration: Migration) -> None:
    verification = migration.verify(profile=PROFILE)
    assert (verification.verdict, not_passed(verification)) == (
        "PASSED",
        {"tier_mapping": NO_MAPPING, "id_mappings": OTHER_NAMES},
    )
    assert verification.counts_database == {"members": 8, "events": 3, "registrations": 12}
    assert [(tier.code, tier.count) for tier in verification.tiers] == [
        ("NEWCOMER", 2),
        ("FIRST_YEAR", 3),
        ("GENERAL", 3),
    ]


@pytest.mark.parametrize(
    "fault, check_id, message",
    [
        pytest.param(
            "update contacts set kind = 'sponsor' where contact_id = 103",
            "member_count",
            "Member count mismatch: expected 8, got 7 (diff: 1)",
            id="a member who is none",
        ),
        pytest.param(
            "delete from happenings where happening_id = 303",
            "orphaned_registrations",
            "Found 3 orphaned registrations",
            id="an event gone",
        ),
        pytest.param(
            "insert into external_ids (kind, wild_apricot_id, local_id) values ('contact', 'WA101', 102)",
            "duplicate_id_mappings",
            "Found 2 duplicate ID mappings",
            id="an id twice",
        ),
        pytest.param(
            "delete from import_log where entry = 2",
            "run_id_match",
            "Run ID mismatch: expected run-20240115-143000, the database records run-20231201-090000",
            id="another run",
        ),
    ],
)
def test_a_planted_fault_is_found_in_another_application(
    migration: Migration, fault: str, check_id: str, message: str
) -> None:
    if migration.kind == "postgresql":
        migration.execute("alter table bookings drop constraint bookings_happening_id_fkey")
    migration.execute(fault)
    verification = migration.verify(profile=PROFILE)
    check = check_of(verification, check_id)
    assert (verification.verdict, check.outcome, check.message) == ("FAILED", "FAIL", message)


def test_sponsors_are_members_without_the_line_that_distinguishes_them(migration: Migration, tmp_path: Path) -> None:
    lines = PROFILE.read_text(encoding="utf-8").splitlines()
    own = tmp_path / "own.toml"
    own.write_text("\n".join(line for line in lines if not line.startswith("only")), encoding="utf-8")
    check = check_of(migration.verify(profile=own), "member_count")
    assert check.message == "Member count mismatch: expected 8, got 10 (diff: 2)"


def test_policies_are_read_when_a_rule_requires_them(migration: Migration, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(POLICY_RULE, encoding="utf-8")
    folders = [shipped_folder("expectations"), tmp_path]
    kept = check_of(migration.verify(profile=PROFILE, expectations=folders), "policies_kept")
    assert (kept.outcome, kept.message) == ("PASS", "All 2 policies are kept")
    migration.execute("update settings set content = 'UTC' where name = 'scheduling.timezone'")
    lost = check_of(migration.verify(profile=PROFILE, expectations=folders), "policies_kept")
    assert (lost.outcome, lost.violation_count) == ("FAIL", 1)


def test_a_rule_may_require_a_table_alone(migration: Migration, tmp_path: Path) -> None:
    rule = POLICY_RULE.replace("[target.policies.key, target.policies.value]", "[target.policies]")
    (tmp_path / "own.yaml").write_text(rule, encoding="utf-8")
    kept = check_of(migration.verify(profile=PROFILE, expectations=[tmp_path]), "policies_kept")
    assert (kept.outcome, kept.message) == ("PASS", "All 2 policies are kept")


def test_what_the_profile_does_not_name_is_not_recorded(migration: Migration, tmp_path: Path) -> None:
    text = PROFILE.read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.partition("[tables.tiers]")[0].replace('tier_id = "level_no"', ""), encoding="utf-8")
    verification = migration.verify(profile=own)
    assert not_passed(verification) == {
        "tier_distribution": ("WARN", "Tiers are not recorded: the profile names no column for members.tier_id"),
        "tier_coverage": ("WARN", "Tiers are not recorded: the profile names no column for members.tier_id"),
        "duplicate_id_mappings": (
            "WARN",
            "ID mappings are not recorded: the profile names no table for id_mappings; none is duplicate in the bundle",
        ),
        "id_mappings": ("WARN", "ID mappings are not recorded: the profile names no table for id_mappings"),
        "run_id_match": ("WARN", "The run is not recorded: the profile names no place of runs"),
        "tier_mapping": ("WARN", "Not compared: the profile names no column for members.tier_id"),
    }


@pytest.mark.parametrize(
    "old, new, words",
    [
        pytest.param('"contacts"', '"crm.contacts"', r"no table 'crm\.contacts'.*\?schema=crm", id="schema"),
        pytest.param('"contacts"', "'contacts\" where 1=1 --'", r"no table 'contacts\" where 1=1 --'", id="SQL"),
        pytest.param('"kind", value = "member"', '"sort", value = "x"', "no column 'sort'.*Correct `only`", id="only"),
        pytest.param('"booking_id"', '"no"', "no column 'no'.*registrations.id", id="required column"),
        pytest.param('"levels"', '"grades"', "no table 'grades'", id="table that the profile requires"),
    ],
)
def test_a_profile_that_does_not_fit_is_refused_in_one_sentence(
    migration: Migration, old: str, new: str, words: str, tmp_path: Path
) -> None:
    own = tmp_path / "own.toml"
    own.write_text(PROFILE.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DatabaseError, match=words):
        migration.verify(profile=own)


def test_an_only_value_that_looks_like_sql_is_a_value(migration: Migration, tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    text = PROFILE.read_text(encoding="utf-8").replace('value = "member"', "value = \"x' or 'a' = 'a\"")
    own.write_text(text, encoding="utf-8")
    check = check_of(migration.verify(profile=own), "member_count")
    assert check.message == "Member count mismatch: expected 8, got 0 (diff: 8)"


def test_a_profile_that_is_not_whole_is_refused_before_the_database_is_opened(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('name = "x"\ntables = {}', encoding="utf-8")
    with pytest.raises(ProfileError, match="for members, events, registrations, found none"):
        verify_url(BUNDLE, str(tmp_path / "nowhere.db"), profile=own)


def test_the_command_line_takes_a_profile(tmp_path: Path) -> None:
    done = run_in_process(
        *("verify", "-b", BUNDLE, "--database", rowing_sqlite(tmp_path), "--profile", PROFILE),
        *("-o", tmp_path / "report.md"),
    )
    assert (done.code, done.err) == (0, "")
    assert "  - Members: 8\n  - Events: 3\n  - Registrations: 12\n" in done.out
    assert "Verification PASSED" in done.out


def test_a_profile_that_is_not_there_ends_with_2(tmp_path: Path) -> None:
    done = run_in_process("verify", "-b", BUNDLE, "--profile", tmp_path / "none.toml", "-o", tmp_path / "report.md")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("Profile error: The profile cannot be read")
    assert "recon profile init" in done.err
