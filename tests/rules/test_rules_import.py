from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from judged_rules import judge
from migrated_databases import not_passed
from support import check_of, edit_report, verify

from recon.bundle import frames, open_bundle
from recon.model import ENTITIES, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.demo import DemoPaths
    from recon.model import Check

COMPLETED = "The import completed: 2024-01-15T14:28:00Z"
LOST = {"entity": "system", "sourceRow": 0, "message": "Connection lost"}


def reported(demo: DemoPaths, *changes: Callable[[dict[str, Any]], object]) -> Check:
    """What the rule says of the small club's report after the changes."""
    for change in changes:
        edit_report(demo.bundle, change)
    return judge("import_completed", frames(open_bundle(demo.bundle)))


def set_counts(entity: str, **counts: int | None) -> Callable[[dict[str, Any]], object]:
    """Counts of one entity; None takes the key away."""

    def change(report: dict[str, Any]) -> None:
        for name, count in counts.items():
            report[entity].pop(name)
            if count is not None:
                report[entity][name] = count

    return change


def list_errors(*entities: str, message: str = "Missing email") -> Callable[[dict[str, Any]], object]:
    problems = [{"entity": entity, "sourceRow": 2 + i, "message": message} for i, entity in enumerate(entities)]
    return lambda report: report["errors"].extend(problems)


def reject(entity: str, number: int) -> Callable[[dict[str, Any]], object]:
    """Count rejected rows of an entity on top of the others, without listing them."""

    def change(report: dict[str, Any]) -> None:
        for name in ("totalRows", "parsed", "errors"):
            report[entity][name] += number

    return change


def never_complete(report: dict[str, Any]) -> None:
    report.pop("completedAt")


def import_nothing(report: dict[str, Any]) -> None:
    for entity in ENTITIES:
        report[entity].update(dict.fromkeys(("totalRows", "parsed", "created", "updated", "skipped", "errors"), 0))
        report[entity]["records"] = []


def test_a_whole_import_passes(demo: DemoPaths) -> None:
    check = reported(demo)

    assert (check.outcome, check.message, check.violation_count) == (Outcome.PASS, COMPLETED, 0)
    assert check.detail is None


@pytest.mark.parametrize(
    "change",
    [
        set_counts("members", created=40, skipped=20),
        set_counts("members", created=20, updated=40),
        set_counts("members", created=0, updated=0, skipped=60),
        lambda report: report["registrations"].update(records="[150]"),
        lambda report: report.update(somethingElse=[1, 2]),
        lambda report: report.update(completedAt="2024-01-15T15:28:00+01:00"),
        lambda report: report.pop("summary"),
    ],
    ids=["skipped", "updated", "all skipped", "short form", "unknown key", "another zone", "no summary"],
)
def test_rows_with_an_outcome_are_processed(change: Any, demo: DemoPaths) -> None:
    check = reported(demo, change)

    assert (check.outcome, check.message, check.violation_count) == (Outcome.PASS, COMPLETED, 0)


@pytest.mark.parametrize(
    "changes",
    [
        [],
        [never_complete],
        [list_errors("member", "event")],
        [set_counts("members", parsed=12)],
        [import_nothing],
        [list_errors("export")],
    ],
    ids=["all else is well", "no end", "beside rejected rows", "beside unparsed rows", "nothing imported", "others"],
)
def test_an_error_of_the_system_is_a_failure(changes: list[Any], demo: DemoPaths) -> None:
    check = reported(demo, *changes, lambda report: report["errors"].append(LOST))

    assert (check.outcome, check.message) == (Outcome.FAIL, "The import failed: Connection lost")
    assert check.violations.row(0, named=True)["problem"] == "the import failed"
    assert check.violations.row(0, named=True)["message"] == "Connection lost"
    assert check.escalate == "The import did not run to its end"


def test_every_error_of_the_system_is_shown(demo: DemoPaths) -> None:
    check = reported(demo, list_errors("system", message="Timeout"), list_errors("system", message="Aborted"))

    assert check.violation_count == 2
    assert set(check.violations["message"].to_list()) == {"Timeout", "Aborted"}
    assert check.message in ("The import failed: Aborted", "The import failed: Timeout")


@pytest.mark.parametrize(
    "changes, message",
    [
        ([set_counts("members", totalRows=75, parsed=60)], "60 of 75 members"),
        ([set_counts("events", parsed=0, created=0)], "0 of 12 events"),
        # Even where every row is said to have become something.
        ([set_counts("members", parsed=59)], "59 of 60 members"),
        ([set_counts("registrations", parsed=149, skipped=None, errors=None)], "149 of 150 registrations"),
        ([set_counts("members", totalRows=61), never_complete], "60 of 61 members"),
        ([set_counts("members", totalRows=64, errors=3)], "60 of 64 members"),
        (
            [set_counts("registrations", totalRows=160), set_counts("members", totalRows=70)],
            "60 of 70 members, 150 of 160 registrations",
        ),
    ],
    ids=["rows left", "none parsed", "all created", "uncounted", "no end", "fewer rejected than left", "two entities"],
)
def test_rows_not_parsed_to_the_end_are_a_failure(changes: list[Any], message: str, demo: DemoPaths) -> None:
    check = reported(demo, *changes)

    assert (check.outcome, check.message) == (Outcome.FAIL, f"Rows were not parsed to the end: {message}")
    assert "rows not parsed" in check.violations["problem"].to_list()
    assert check.escalate == "The import did not run to its end"


def test_rows_that_could_not_be_parsed_are_rejected(demo: DemoPaths) -> None:
    check = reported(demo, set_counts("members", totalRows=63, parsed=60, errors=3))

    assert (check.outcome, check.message) == (Outcome.WARN, "The importer rejected 3 members")


@pytest.mark.parametrize(
    "changes, message",
    [
        ([set_counts("members", created=58)], "58 of 60 members"),
        ([set_counts("events", created=0)], "0 of 12 events"),
        ([set_counts("members", created=50, skipped=3, errors=2)], "55 of 60 members"),
        (
            [set_counts("registrations", created=100), set_counts("events", created=11), never_complete],
            "11 of 12 events, 100 of 150 registrations",
        ),
    ],
    ids=["two", "all", "beside others", "two entities"],
)
def test_rows_without_an_outcome_are_a_failure(changes: list[Any], message: str, demo: DemoPaths) -> None:
    check = reported(demo, *changes)

    assert (check.outcome, check.message) == (Outcome.FAIL, f"Rows were not processed to the end: {message}")
    assert "rows without an outcome" in check.violations["problem"].to_list()


@pytest.mark.parametrize(
    "changes, message, shown",
    [
        ([reject("members", 3)], "3 members", 1),
        ([reject("events", 1)], "1 event", 1),
        ([list_errors("registration")], "1 registration", 1),
        ([reject("members", 3), list_errors("member", "member", "member")], "3 members", 3),
        # What is counted and not listed has one row of its own.
        ([reject("members", 3), list_errors("member")], "3 members", 2),
        ([reject("members", 1), list_errors("member", "member")], "2 members", 2),
        (
            [reject("registrations", 5), reject("members", 3), reject("events", 1)],
            "3 members, 1 event, 5 registrations",
            3,
        ),
    ],
    ids=["counted", "one", "listed", "counted and listed", "more counted", "more listed", "all entities"],
)
def test_rejected_rows_warn(changes: list[Any], message: str, shown: int, demo: DemoPaths) -> None:
    check = reported(demo, *changes)

    assert (check.outcome, check.message) == (Outcome.WARN, f"The importer rejected {message}")
    assert check.violation_count == shown
    assert check.detail == "Rejected rows are in no count: matching counts say nothing about them"


@pytest.mark.parametrize(
    "changes, reason",
    [
        ([set_counts("members", created=57, errors=3)], None),
        ([set_counts("members", created=56, errors=4)], "4 of 60 members"),
        ([set_counts("members", created=0, errors=60)], "60 of 60 members"),
        ([set_counts("events", created=11, errors=1), list_errors("event")], "1 of 12 events"),
        (
            [set_counts("members", created=50, errors=10), set_counts("registrations", created=142, errors=8)],
            "10 of 60 members, 8 of 150 registrations",
        ),
        ([list_errors("member", "member", "member", "member")], "4 of 60 members"),
        # Rows that could not be parsed are records as well.
        ([set_counts("members", totalRows=64, errors=4)], "4 of 64 members"),
        ([set_counts("members", totalRows=None, parsed=None, created=56, errors=4)], "4 of 60 members"),
        ([set_counts("members", created=56, errors=4), never_complete], "4 of 60 members"),
    ],
    ids=["at the limit", "above", "all", "few", "two entities", "listed", "unparsed", "uncounted", "no end"],
)
def test_more_than_five_percent_rejected_are_escalated(changes: list[Any], reason: str | None, demo: DemoPaths) -> None:
    check = reported(demo, *changes)

    assert check.outcome is Outcome.WARN
    assert check.escalate == (reason and f"More than 5% of the records were rejected: {reason}")


def test_several_reasons_reject_one_row(demo: DemoPaths) -> None:
    problems = [{"entity": "member", "sourceRow": 2, "message": f"Missing {name}"} for name in "abcdef"]

    check = reported(demo, lambda report: report["errors"].extend(problems))

    assert (check.message, check.escalate) == ("The importer rejected 1 member", None)
    assert check.violation_count == 6


def test_an_import_that_failed_is_escalated_for_that(demo: DemoPaths) -> None:
    check = reported(demo, set_counts("members", created=50, errors=10), lambda report: report["errors"].append(LOST))

    assert (check.outcome, check.escalate) == (Outcome.FAIL, "The import did not run to its end")


def test_rejected_rows_are_shown_with_their_reason(demo: DemoPaths) -> None:
    problem = {"entity": "registration", "sourceRow": 17, "message": "Member not found: WA017", "waId": 4711}

    check = reported(demo, reject("registrations", 2), lambda report: report["errors"].append(problem))

    rows = check.violations.select("problem", "entity", "source_row", "wa_id", "message").rows()
    assert sorted(rows, key=str) == [
        ("row rejected", "registration", 17, "4711", "Member not found: WA017"),
        ("rows rejected", "registrations", None, None, "2 counted, 1 listed with a reason"),
    ]


@pytest.mark.parametrize(
    "change", [never_complete, lambda report: report.update(completedAt=None)], ids=["absent", "null"]
)
@pytest.mark.parametrize(
    "rejected, message",
    [
        ([], "The report does not say when the import completed"),
        ([reject("members", 2)], "The report does not say when the import completed; the importer rejected 2 members"),
    ],
    ids=["alone", "beside rejected rows"],
)
def test_an_import_without_an_end_warns(change: Any, rejected: list[Any], message: str, demo: DemoPaths) -> None:
    check = reported(demo, change, *rejected)

    assert (check.outcome, check.message) == (Outcome.WARN, message)
    assert "end not recorded" in check.violations["problem"].to_list()


@pytest.mark.parametrize("count", ["totalRows", "parsed", "skipped", "errors"])
@pytest.mark.parametrize("written", ["absent", "null"])
def test_a_count_that_is_not_given_warns(count: str, written: str, demo: DemoPaths) -> None:
    def change(report: dict[str, Any]) -> None:
        for entity in ("events", "members"):
            report[entity].pop(count)
            if written == "null":
                report[entity][count] = None

    check = reported(demo, change)

    assert (check.outcome, check.message) == (Outcome.WARN, "The report does not count its rows: members, events")
    assert check.violations["entity"].to_list() == ["events", "members"]


@pytest.mark.parametrize("changes", [[], [never_complete]], ids=["with an end", "without"])
def test_a_bundle_of_nothing_is_an_error(changes: list[Any], demo: DemoPaths) -> None:
    check = reported(demo, import_nothing, *changes)

    assert (check.outcome, check.message) == (
        Outcome.ERROR,
        "Nothing was imported: the bundle has no record at all",
    )


@pytest.mark.parametrize("entity", ENTITIES)
def test_an_entity_of_nothing_is_no_matter_of_the_import(entity: str, demo: DemoPaths) -> None:
    nothing = dict.fromkeys(("totalRows", "parsed", "created", "updated", "skipped", "errors"), 0)

    check = reported(demo, lambda report: report[entity].update(nothing))

    assert (check.outcome, check.message) == (Outcome.PASS, COMPLETED)


@pytest.mark.parametrize("entities", [["policy"], ["policy", "member list"], ["Member"]], ids=" and ".join)
def test_errors_of_anything_else_warn(entities: list[str], demo: DemoPaths) -> None:
    check = reported(demo, list_errors(*entities))

    assert (check.outcome, check.message) == (Outcome.WARN, f"The report lists errors: {len(entities)}")
    assert set(check.violations["entity"].to_list()) == set(entities)


def test_counts_match_and_the_import_still_failed(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report["errors"].append(LOST))

    verification = verify(demo)

    assert not_passed(verification) == {"import_completed": ("FAIL", "The import failed: Connection lost")}
    assert verification.verdict is Verdict.FAILED
    reasons = ("Import Completed: The import did not run to its end", "A rollback is required: Level 1")
    assert verification.escalation.reasons == reasons


def test_counts_match_and_rows_were_thrown_away(demo: DemoPaths) -> None:
    edit_report(demo.bundle, reject("members", 3))

    verification = verify(demo)

    assert not_passed(verification)["import_completed"] == ("WARN", "The importer rejected 3 members")
    assert verification.verdict is Verdict.PASSED
    assert not verification.escalation.required


def test_a_full_database_does_not_make_up_for_an_empty_bundle(demo: DemoPaths) -> None:
    edit_report(demo.bundle, import_nothing)

    verification = verify(demo)

    assert check_of(verification, "import_completed").outcome is Outcome.ERROR
    assert verification.verdict is Verdict.FAILED
    assert check_of(verification, "member_count").message == "Member count mismatch: expected 0, got 60 (diff: 60)"
