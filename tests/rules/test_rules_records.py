"""The rules about records, and what the ledger does to the count checks, on whole migrations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import AFTER, BEFORE, DURING, OTHER_RUN, Accounted, EditedClub, account_of, edited_club
from support import check_of, edit_report

from recon.model import ENTITIES, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.model import Check

SMALL = {"members": 20, "events": 12, "registrations": 40}
RECORDS = ("report_arithmetic", "missing_records", "unexpected_records", "altered_records", "tier_mapping")
MAPPING, DEFAULT, ENABLED = "membership.tiers.waMapping", "membership.tiers.defaultCode", "membership.tiers.enabled"


def checks_of(found: Accounted) -> dict[str, Check]:
    return {check.id: check for check in found.verification.checks}


def without_constraints(club: EditedClub, folder: Path, change: Callable[[dict[str, Any]], object]) -> Accounted:
    """Account for a report that was changed after its numbers were counted."""
    paths = club.write(folder, loose=True)
    edit_report(paths.bundle, change)
    return account_of(paths, str(paths.database))


def policy(club: EditedClub, key: str) -> dict[str, Any]:
    found: dict[str, Any] = next(each for each in club.club.policies["policies"] if each["key"] == key)
    return found


def test_a_clean_migration_passes_each_rule(tmp_path: Path) -> None:
    checks = checks_of(edited_club(**SMALL).account(tmp_path))

    assert {checks[name].outcome for name in RECORDS} == {Outcome.PASS}
    assert [checks[name].message for name in RECORDS] == [
        "The report's numbers agree with its records",
        "Every record that was written has its row: 72 accounted for",
        "Every row is accounted for: 72",
        "Every landed record equals its row: 72 of 72 records and 21 of 21 fields compared",
        "Every member has the tier of the membership level: 20 compared",
    ]


def test_each_figure_that_is_wrong_is_found(tmp_path: Path) -> None:
    def falsify(report: dict[str, Any]) -> None:
        for step, name in enumerate(("totalRows", "parsed", "created", "updated", "skipped", "errors"), 1):
            report["members"][name] += step
            report["registrations"][name] += 10 * step
        report["summary"]["totalRecords"] += 100

    club = edited_club(**SMALL)
    # Rejected in its own words, but missing from the error list.
    record, row = club.pairs("events")[0]
    club.free_of_registrations(row["id"])
    club.remove("events", row=row)
    club.reject("events", record, "Bad date")
    club.report["errors"].clear()
    registrations = len(club.records("registrations"))

    found = without_constraints(club, tmp_path, falsify)

    check = check_of(found.verification, "report_arithmetic")
    wrong = {(v["entity"], v["figure"]): (v["reported"], v["found"]) for v in check.violations.to_dicts()}
    records = {"members": 20, "registrations": registrations}
    for entity, step in (("members", 1), ("registrations", 10)):
        n = records[entity]
        assert wrong.pop((entity, "totalRows")) == (n + step, n)
        assert wrong.pop((entity, "parsed")) == (n + 2 * step, n)
        assert wrong.pop((entity, "created")) == (n + 3 * step, n)
        assert wrong.pop((entity, "updated")) == (4 * step, 0)
        assert wrong.pop((entity, "skipped")) == (5 * step, 0)
        assert wrong.pop((entity, "errors")) == (6 * step, 0)
        assert wrong.pop((entity, "error list"), None) is None
    assert wrong.pop(("events", "error list")) == (0, 1)
    total = 20 + 12 + registrations
    assert wrong == {
        ("summary", "totalRecords"): (total + 100, total + 11),
        ("summary", "created"): (total - 1, total - 1 + 33),
        ("summary", "updated"): (0, 44),
        ("summary", "skipped"): (0, 55),
        ("summary", "errors"): (1, 67),
    }
    assert (check.outcome, check.message) == (Outcome.WARN, "The report contradicts itself in 18 figures")


@pytest.mark.parametrize("listed", ["with a record", "without a record"])
@pytest.mark.parametrize("are_parsed", [True, False])
def test_whether_rejected_rows_count_as_parsed_is_the_importers_choice(
    tmp_path: Path, listed: str, *, are_parsed: bool
) -> None:
    club = edited_club(**SMALL)
    for record, row in club.pairs("events")[:2]:
        club.free_of_registrations(row["id"])
        club.reject("events", record, "Bad date")
        club.remove("events", row=row, record=record if listed == "without a record" else None)

    found = without_constraints(club, tmp_path, lambda r: r["events"].update(parsed=12 if are_parsed else 10))

    check = check_of(found.verification, "report_arithmetic")
    assert (check.outcome, check.violation_count) == (Outcome.PASS, 0)
    assert found.account("events").outcomes["rejected"] == 2


def test_records_that_are_missing_are_listed(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    record, row = club.pairs("members")[3]
    club.free_of_registrations(row["id"])
    club.remove("members", row=row)

    check = check_of(club.account(tmp_path).verification, "missing_records")

    assert (check.outcome, check.message) == (Outcome.FAIL, "Not in the database: 1 member")
    (violation,) = check.violations.to_dicts()
    assert violation == {
        "entity": "members",
        "source_row": record["_sourceRow"],
        "wa_id": record["_waId"],
        "target_id": row["id"],
        "outcome": "missing_in_target",
        "cause": "mapped_without_row",
        "reason": f"its id mapping names the row {row['id']}, which does not exist",
    }


@pytest.mark.parametrize(
    "run, created_at, outcome, message",
    [
        (None, DURING, "FAIL", "Rows that no record claims: 1 event"),
        (None, AFTER, "FAIL", "Rows that no record claims: 1 event"),
        (OTHER_RUN, DURING, "WARN", "Another run wrote rows as well: 1"),
        (None, BEFORE, "PASS", "Every row is accounted for: {rows}"),
    ],
)
def test_rows_that_no_record_claims_are_judged_by_their_origin(
    tmp_path: Path, run: str | None, created_at: str, outcome: str, message: str
) -> None:
    club = edited_club(**SMALL)
    record, row = club.pairs("events")[2]
    club.mapping_of(record)["syncRunId"] = run
    club.remove("events", record=record)
    row["createdAt"] = row["updatedAt"] = created_at

    found = club.account(tmp_path)

    check = check_of(found.verification, "unexpected_records")
    rows = sum(account.rows for account in found.ledger.entities)
    assert (check.outcome, check.message) == (Outcome(outcome), message.format(rows=rows))


def test_harmless_differences_warn_and_others_fail(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    record, row = club.pairs("events")[1]
    record["location"], row["location"] = " ", None

    harmless = check_of(club.account(tmp_path / "harmless").verification, "altered_records")
    row["title"] = row["title"].lower()
    other = check_of(club.account(tmp_path / "other").verification, "altered_records")

    assert (harmless.outcome, harmless.message) == (Outcome.WARN, "Landed with harmless differences: 1 event")
    assert (other.outcome, other.message) == (Outcome.FAIL, "Differ from their rows: 1 event")
    assert [(v["field"], v["cause"]) for v in other.violations.to_dicts()] == [
        ("title", "case"),
        ("location", "null_empty blank became null"),
    ]


def explain(club: EditedClub, entity: str, how: str) -> str:
    """Make the counts of an entity differ for one harmless reason; what the check says of it."""
    (record, row), (other, lost) = club.pairs(entity)[:2]
    if entity != "registrations":
        club.free_of_registrations(row["id"], lost["id"])
    if how == "preexisting":
        row["createdAt"] = BEFORE
        club.forget_ids(entity, record)
        club.remove(entity, record=record)
        return "1 older than the run"
    if how == "skipped":
        record["_action"] = "skip"
        row["createdAt"] = BEFORE
        return "1 matched by skipped records"
    club.remove(entity, row=lost)
    row.update({name: value for name, value in lost.items() if name not in ("id", "createdAt")})
    other.update(_action="update", _murmurantId=row["id"])
    for mapping in (*club.mappings, *club.report["idMapping"].get(entity, [])):
        mapping["murmurantId"] = row["id"] if mapping["murmurantId"] == lost["id"] else mapping["murmurantId"]
    record.update({name: value for name, value in other.items() if name == "email"})
    return "1 merged into others"


@pytest.mark.parametrize("how", ["preexisting", "skipped", "merged"])
def test_counts_that_differ_harmlessly_warn_and_say_why(tmp_path: Path, how: str) -> None:
    club = edited_club(**SMALL)
    # Children last: parents that are touched lose theirs.
    reported = {entity: explain(club, entity, how) for entity in ENTITIES}

    found = club.account(tmp_path, loose=True)

    for entity, explanation in reported.items():
        check = check_of(found.verification, f"{entity[:-1]}_count")
        assert check.outcome is Outcome.WARN, check.message
        assert check.message.startswith(f"{entity[:-1].capitalize()} count differs, which is explained: expected ")
        assert check.message.endswith(f"({explanation})")
        assert check.expected != check.actual
        # However large a difference is that nothing is wrong with.
        assert check.escalate is None
    assert (found.verification.verdict, found.ledger.unexplained) == (Verdict.PASSED, 0)


@pytest.mark.parametrize("what", ["missing", "unexpected", "foreign run", "counted otherwise"])
def test_counts_that_are_explained_in_part_fail(tmp_path: Path, what: str) -> None:
    club = edited_club(**SMALL)
    explain(club, "events", "preexisting")
    explain(club, "events", "preexisting")
    record, row = club.pairs("registrations")[0] if what == "missing" else club.pairs("events")[-1:][0]
    if what == "missing":
        row = club.rows("events")[-1]
        club.free_of_registrations(row["id"])
        club.remove("events", row=row)
    elif what != "counted otherwise":
        club.remove("events", record=record)
        club.mapping_of(record)["syncRunId"] = OTHER_RUN if what == "foreign run" else None

    def count_otherwise(report: dict[str, Any]) -> None:
        report["events"]["created"] -= what == "counted otherwise"

    found = without_constraints(club, tmp_path, count_otherwise)

    check = check_of(found.verification, "event_count")
    assert check.outcome is Outcome.FAIL
    assert check.message.startswith("Event count mismatch: expected ")
    assert check.detail is not None
    assert "2 older than the run" in check.detail
    assert ("1 of another run" in check.detail) is (what == "foreign run")


def test_counts_that_only_a_wrong_report_explains_fail(tmp_path: Path) -> None:
    club = edited_club(**SMALL)

    def count_as_skipped(report: dict[str, Any]) -> None:
        report["events"]["created"] -= 3
        report["events"]["skipped"] += 3

    check = check_of(without_constraints(club, tmp_path, count_as_skipped).verification, "event_count")

    events = len(club.rows("events"))
    assert check.outcome is Outcome.FAIL
    assert check.message == f"Event count mismatch: expected {events - 3}, got {events} (diff: 3)"


def tier_ids(club: EditedClub) -> dict[str, str]:
    return {str(tier["code"]): str(tier["id"]) for tier in club.club.tables["MembershipTier"]}


def give(club: EditedClub, level: str | None, tier: str | None, *places: int) -> None:
    """These members are of that level and have that tier, on both sides."""
    for place in places:
        record, row = club.pairs("members")[place]
        tier_id = tier_ids(club).get(tier or "")
        record.update(waMembershipLevel=level or "", membershipTierId=tier_id or "")
        row.update(waMembershipLevelRaw=level, membershipTierId=tier_id)


def test_members_in_another_tier_than_their_level_leads_to_are_reported(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    policy(club, MAPPING)["value"] = {"Gold": "FIRST_YEAR", "Silver": "SECOND_YEAR"}
    give(club, "Gold", "FIRST_YEAR", *range(12))
    give(club, "Silver", "ALUMNI", 12, 13)
    give(club, "Bronze", "GENERAL", 14, 15)  # not mapped: the default
    give(club, "Bronze", None, 16)
    give(club, None, None, 17)
    give(club, None, "LAPSED", 18)
    give(club, "Silver", None, 19)

    found = club.account(tmp_path)

    check = check_of(found.verification, "tier_mapping")
    assert (check.outcome, check.violation_count) == (Outcome.WARN, 5)
    assert check.message == "5 members have another tier than the membership level leads to"
    assert check.detail == (
        "'Silver' leads to SECOND_YEAR, 2 in ALUMNI, 'Bronze' leads to GENERAL, 1 in none, "
        "'Silver' leads to SECOND_YEAR, 1 in none, (no level) leads to no tier, 1 in LAPSED"
    )
    levels = {level.level: level for level in found.ledger.levels}
    reported = {
        name: (level.expected, level.by, level.matching, level.without, level.other) for name, level in levels.items()
    }
    assert reported == {
        "Gold": ("FIRST_YEAR", "mapping", 12, 0, 0),
        "Silver": ("SECOND_YEAR", "mapping", 0, 1, 2),
        "Bronze": ("GENERAL", "default", 2, 1, 0),
        None: (None, "nothing", 1, 0, 1),
    }
    assert {level.is_seeded for level in found.ledger.levels} == {True, None}
    coverage = check_of(found.verification, "tier_coverage")
    assert coverage.outcome is Outcome.WARN
    assert coverage.detail == (
        "levels of members without a tier: 'Bronze' (1), 'Silver' (1), (no level) (1); 7 tiers are seeded; "
        "not in the tier mapping: 'Bronze'; 3 members fell back to the default tier GENERAL"
    )


@pytest.mark.parametrize("wrong", [1, 2])
def test_more_than_five_percent_of_the_members_in_another_tier_are_escalated(tmp_path: Path, wrong: int) -> None:
    club = edited_club(**SMALL)
    policy(club, MAPPING)["value"] = {"Gold": "FIRST_YEAR"}
    give(club, "Gold", "FIRST_YEAR", *range(20))
    give(club, "Gold", "ALUMNI", *range(wrong))

    found = club.account(tmp_path).verification

    check = check_of(found, "tier_mapping")
    reason = "Members in another tier than the membership level leads to: 2 of 20, more than 5%"
    assert (check.outcome, check.escalate) == (Outcome.WARN, reason if wrong == 2 else None)
    assert found.escalation.reasons == (() if wrong == 1 else (f"Tier Mapping: {reason}",))


@pytest.mark.parametrize("entity", ENTITIES)
def test_what_is_not_listed_is_not_said_to_have_got_lost(tmp_path: Path, entity: str) -> None:
    club = edited_club(members=4, events=2, registrations=3)
    for each in ENTITIES:
        club.shorten(each) if each == entity else club.report[each].update(records=[])

    found = club.account(tmp_path).verification

    reported = " ".join(check.message for check in found.checks)
    assert "Nothing to compare: no record is listed" in reported
    assert "landed" not in reported
    assert check_of(found, "tier_mapping").message.startswith(
        ("Not compared: ", "Nothing to compare: no member is listed")
    )


def test_tiers_that_are_not_seeded_are_reported(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    policy(club, MAPPING)["value"] = {"Gold": "GOLD"}
    policy(club, DEFAULT)["value"] = ""
    give(club, "Gold", None, *range(20))

    some = club.account(tmp_path / "some")
    club.club.tables["MembershipTier"] = []
    none = club.account(tmp_path / "none")

    reported = [check_of(found.verification, "tier_coverage").detail for found in (some, none)]
    whose, default = "levels of members without a tier: 'Gold' (20)", "the default tier was not used"
    assert reported == [
        f"{whose}; 7 tiers are seeded, but not GOLD; {default}",
        f"{whose}; no tier is seeded: run the tier seeder; {default}",
    ]
    (level,) = some.ledger.levels
    assert (level.level, level.expected, level.is_seeded, level.without) == ("Gold", "GOLD", False, 20)
    assert check_of(some.verification, "tier_mapping").message == (
        "20 members have another tier than the membership level leads to"
    )


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"key": MAPPING, "value": {}}, f"the bundle declares no {MAPPING}"),
        ({"key": MAPPING, "source": "template"}, f"the bundle declares no {MAPPING}"),
        ({"key": ENABLED, "value": False}, f"{ENABLED} is false"),
    ],
    ids=["empty", "placeholder", "disabled"],
)
def test_without_a_mapping_in_use_tiers_are_not_compared(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    club = edited_club(**SMALL)
    policy(club, change["key"]).update(change)

    found = club.account(tmp_path)

    check = check_of(found.verification, "tier_mapping")
    assert (check.outcome, check.message) == (Outcome.WARN, f"Not compared: {reason}")
    assert found.ledger.levels == ()
    assert found.verification.verdict is Verdict.PASSED
