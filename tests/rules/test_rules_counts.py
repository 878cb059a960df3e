from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from judged_rules import judge
from migrated_databases import KINDS, migrate
from support import check_of, edit_report, verify

from recon.model import ENTITIES, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.demo import DemoPaths
    from recon.model import Check

TITLES = {"members": "Member", "events": "Event", "registrations": "Registration"}
IDS = {"members": "member_count", "events": "event_count", "registrations": "registration_count"}
LARGEST = 2**53 - 1


def said(expected: Mapping[str, int], rows_in_all: int = 1000) -> dict[str, pl.DataFrame]:
    """What a bundle says that created so many rows by entity, skipped 4 and rejected 2 of each."""
    counts = {"entity": list(expected), "expected": list(expected.values())}
    return {
        "run": pl.DataFrame({"run_id": ["run-1"], "rows_in_all": [rows_in_all]}),
        "counts": pl.DataFrame(counts).with_columns(skipped=4, errors=2),
    }


def compared(entity: str, expected: int, actual: int) -> Check:
    ids = [(f"{entity}-{i}", None, None) for i in range(actual)]
    width = {"members": 2, "events": 1, "registrations": 3}[entity]
    # The other entities are far off, which must not matter.
    others = {name: 7 for name in ENTITIES if name != entity}
    return judge(IDS[entity], said({entity: expected, **others}), {entity: [row[:width] for row in ids]})


@pytest.mark.parametrize("entity", ENTITIES)
def test_equal_counts_match(entity: str) -> None:
    check = compared(entity, 41, 41)

    assert (check.outcome, check.message) == (Outcome.PASS, f"{TITLES[entity]} count matches: 41")
    assert (check.expected, check.actual, check.violation_count) == (41, 41, 0)
    assert (check.detail, check.escalate) == (None, None)


@pytest.mark.parametrize("entity", ENTITIES)
@pytest.mark.parametrize(
    "expected, actual, detail",
    [
        (40, 33, "7 missing from the database"),
        (33, 40, "7 extra in the database"),
        (1, 0, "1 missing from the database"),
        (0, 1, "1 extra in the database"),
    ],
)
def test_a_difference_is_absolute_and_the_detail_says_which_way(
    entity: str, expected: int, actual: int, detail: str
) -> None:
    check = compared(entity, expected, actual)

    difference = abs(expected - actual)
    assert check.message == (f"{TITLES[entity]} count mismatch: expected {expected}, got {actual} (diff: {difference})")
    assert check.detail is not None
    assert check.detail.startswith(detail)
    assert "skipped 4" in check.detail
    assert "rejected 2" in check.detail
    assert (check.expected, check.actual, check.violation_count) == (expected, actual, 1)
    assert check.violations.to_dicts() == [
        {"entity": entity, "expected": expected, "actual": actual, "diff": difference}
    ]


@pytest.mark.parametrize("entity", ENTITIES)
def test_rows_that_never_arrived_are_a_failure(entity: str) -> None:
    assert compared(entity, 1000, 999).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "expected, actual, escalates",
    [
        (100, 95, False),
        (100, 105, False),
        (20, 19, False),
        (1000, 950, False),
        (1000, 949, True),
        (100, 94, True),
        (100, 106, True),
        (19, 18, True),
        (0, 1, True),
        (1, 0, True),
    ],
)
def test_more_than_five_percent_off_escalates(expected: int, actual: int, *, escalates: bool) -> None:
    check = compared("members", expected, actual)

    reason = f"The member count is off by {abs(expected - actual)} of {expected}, more than 5% of the records"
    assert check.escalate == (reason if escalates else None)


@pytest.mark.parametrize("missing, required", [(3, False), (4, True)], ids=["5 %", "more than 5 %"])
def test_escalation_reaches_the_verdict(
    demo: DemoPaths, request: pytest.FixtureRequest, missing: int, *, required: bool
) -> None:
    migration = migrate("sqlite", demo, request)
    migration.execute(
        f"""
        delete from "Member" where id in (
          select id from "Member" where id not in (select "memberId" from "EventRegistration") limit {missing})
        """
    )

    verification = migration.verify()

    assert verification.verdict is Verdict.FAILED
    assert verification.escalation.required is required
    reasons = (
        "Member Count: The member count is off by 4 of 60, more than 5% of the records",
        "A rollback is required: Level 1",
    )
    assert verification.escalation.reasons == (reasons if required else ())


@pytest.mark.parametrize("kind", KINDS)
def test_created_and_updated_are_expected(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    def tell(report: dict[str, Any]) -> None:
        report["members"].update(created=41, updated=19)
        report["events"].update(created=0, updated=12)
        # Rows that were skipped or rejected are in no table.
        report["registrations"].update(totalRows=180, parsed=180, created=150, updated=0, skipped=20, errors=10)

    edit_report(demo.bundle, tell)

    verification = migrate(kind, demo, request).verify()

    assert [check_of(verification, check_id).message for check_id in IDS.values()] == [
        "Member count matches: 60",
        "Event count matches: 12",
        "Registration count matches: 150",
    ]
    assert verification.counts_bundle == verification.counts_database
    assert verification.counts_bundle == {"members": 60, "events": 12, "registrations": 150}


@pytest.mark.parametrize("kind", KINDS)
def test_each_entity_is_counted_on_its_own(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    migration.drop_constraints()
    migration.execute(
        'delete from "EventRegistration" where id in (select id from "EventRegistration" order by id limit 31)'
    )

    verification = migration.verify()

    found = {name: (check_of(verification, i).expected, check_of(verification, i).actual) for name, i in IDS.items()}
    assert found == {"members": (60, 60), "events": (12, 12), "registrations": (150, 119)}
    assert verification.counts_database["registrations"] == 119
    assert check_of(verification, "registration_count").message == (
        "Registration count mismatch: expected 150, got 119 (diff: 31)"
    )


def test_the_largest_counts_are_compared(demo: DemoPaths) -> None:
    counts = dict.fromkeys(("totalRows", "parsed", "created", "updated"), LARGEST)
    edit_report(demo.bundle, lambda report: [report[name].update(counts) for name in ENTITIES])

    verification = verify(demo)

    check = check_of(verification, "member_count")
    assert check.outcome is Outcome.FAIL
    assert check.message == (f"Member count mismatch: expected {2 * LARGEST}, got 60 (diff: {2 * LARGEST - 60})")


@pytest.mark.parametrize("entity", ENTITIES)
def test_a_count_that_the_bundle_does_not_give_is_an_error(entity: str) -> None:
    others = said({name: 0 for name in ENTITIES if name != entity})

    check = judge(IDS[entity], others)

    assert check.outcome is Outcome.ERROR
    assert "'expected' is null" in check.message
