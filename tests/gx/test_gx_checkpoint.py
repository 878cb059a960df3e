"""The checkpoint of Great Expectations: it must reach our outcomes, and none of its ways to pass by itself is open."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from great_expectations.core import ExpectationSuite
from gx_runs import entry, loaded, rules_of, write_suite
from msgspec.structs import replace
from support import outcomes, verify
from verifications import HOSTILE

from recon.demo import plant
from recon.errors import StepError
from recon.gx import Found, compare, validate
from recon.gx import suites as gx_suites
from recon.gx.suites import suite_of
from recon.model import Outcome
from recon.rules import entry_of, rule_of

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.gx import GxResult
    from recon.model import Verification
    from recon.rules import Rule

REGEX = {"column": "email", "regex": "^[^@]+@[^@]+$"}
MATCH = "expect_column_values_to_match_regex"
SHIPPED = rules_of()


def both(demo: DemoPaths, *expectations: Path) -> tuple[Verification, GxResult]:
    """Our verdict, and Great Expectations' on the same club."""
    verification, rules = verify(demo, expectations=expectations), rules_of(*expectations)
    with loaded(demo, rules) as warehouse:
        return verification, validate(rules, warehouse, verification)


def by_great_expectations(result: GxResult) -> dict[str, str]:
    return {name: str(found.outcome) for name, found in result.found.items()}


def damage(demo: DemoPaths) -> None:
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('update "Member" set "membershipTierId" = null, email = \'x\' || email')
        database.execute("""update "Member" set email = 'x' where id = (select min(id) from "Member")""")


def test_both_reach_the_same_outcomes(demo: DemoPaths, tmp_path: Path) -> None:
    damage(demo)
    own = write_suite(tmp_path / "own", entry(MATCH, kwargs=REGEX), entry(id="other", severity="warning"))
    verification, result = both(demo, own)
    ours = outcomes(verification)
    assert by_great_expectations(result) == ours
    assert {"PASS", "WARN", "FAIL"} <= set(ours.values())
    assert result.found["stock"] == Found(Outcome.FAIL, 1)
    assert [suite.name for suite in result.suites] == [
        "counts",
        "tiers",
        "integrity",
        "import",
        "records",
        "policies",
        "own",
    ]
    assert [suite.success for suite in result.suites] == [True, False, False, True, False, False, False]


def test_what_cannot_be_evaluated_is_an_exception_there(demo: DemoPaths, tmp_path: Path) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('drop table "WaIdMapping"')
        database.execute('alter table "Member" rename column phone to telephone')
    broken = {"column": "email", "regex": "(("}
    own = write_suite(
        tmp_path / "own",
        entry(MATCH, kwargs=broken, id="raises", severity="warning"),
        entry(id="absent", kwargs={"column": "phone"}, severity="info"),
    )
    verification, result = both(demo, own)
    found = by_great_expectations(result)
    assert found == outcomes(verification)
    assert (found["raises"], found["absent"]) == ("ERROR", "ERROR")


@pytest.mark.soak
def test_suites_of_any_name_are_validated(demo: DemoPaths, tmp_path: Path) -> None:
    own = tmp_path / "own"
    for number, name in enumerate(("$name", "{{7*7}}", *HOSTILE)):
        write_suite(own, entry(MATCH, kwargs={"column": "email", "regex": "@"}, id=f"stock_{number}"), name=name)
        (own / "own.yaml").rename(own / f"{number}.yaml")
    _, result = both(demo, own)
    assert {suite.name for suite in result.suites} >= {"$name", "{{7*7}}", *HOSTILE}


def test_a_rule_that_is_switched_off_is_so_there(demo: DemoPaths, tmp_path: Path) -> None:
    own = write_suite(tmp_path / "own", entry(MATCH, kwargs=REGEX))
    off = "{switched_off: true, reason: Not now}"
    overrides = f"name: over\nmeta: {{overrides: {{stock: {off}, member_count: {off}}}}}\nexpectations: []\n"
    (tmp_path / "over").mkdir()
    (tmp_path / "over" / "over.yaml").write_text(overrides, encoding="utf-8")
    verification, result = both(demo, own, tmp_path / "over")
    assert (result.found["stock"].outcome, result.found["member_count"].outcome) == (Outcome.ERROR, Outcome.ERROR)
    assert by_great_expectations(result) == outcomes(verification)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"outcome": Outcome.WARN}, "expected tier_coverage: WARN with 0 violations, found tier_coverage: PASS with 0"),
        ({"violation_count": 7}, "expected tier_coverage: PASS with 7 violations, found tier_coverage: PASS with 0"),
        ({"id": "another"}, "found another: no such check; tier_coverage: PASS with 0 violations"),
    ],
    ids=["outcome", "count", "missing and additional"],
)
def test_a_difference_is_reported_loudly(passed: Verification, demo: DemoPaths, changes: Any, words: str) -> None:
    checks = tuple(replace(c, **changes) if c.id == "tier_coverage" else c for c in passed.checks)
    with loaded(demo, SHIPPED) as warehouse, pytest.raises(StepError) as caught:
        validate(SHIPPED, warehouse, replace(passed, checks=checks))
    assert words in caught.value.message
    assert "Do not rely on this run" in caught.value.message


def test_an_unknown_expectation_is_an_error_there_never_dropped(demo: DemoPaths, tmp_path: Path) -> None:
    own = write_suite(tmp_path / "own", entry("expect_the_unexpected", kwargs={}, severity="warning"))
    _, result = both(demo, own)
    assert result.found["stock"] == Found(Outcome.ERROR, None)


def test_what_breaks_on_the_way_is_reported(passed: Verification, demo: DemoPaths) -> None:
    with loaded(demo, SHIPPED) as warehouse:
        pass
    with pytest.raises(StepError, match=r"recon differ|cannot validate"):
        validate(SHIPPED, warehouse, passed)


def test_a_suite_that_lost_an_expectation_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    def forgetful(name: str, expectations: list[Any]) -> ExpectationSuite:
        return ExpectationSuite(name=name, expectations=expectations[1:])

    monkeypatch.setattr(gx_suites, "ExpectationSuite", forgetful)
    with pytest.raises(StepError, match="dropped an expectation"):
        suite_of("counts", SHIPPED[:3])


def test_an_empty_suite_is_no_success(demo: DemoPaths, passed: Verification) -> None:
    with pytest.raises(StepError, match="would always succeed"):
        suite_of("empty", [])
    with loaded(demo, SHIPPED) as warehouse, pytest.raises(StepError, match="nothing to compare"):
        validate([], warehouse, passed)


def test_two_empty_sides_are_not_equal(passed: Verification) -> None:
    nothing = replace(passed, checks=())
    for found, verification in (({}, nothing), ({}, passed), ({"x": Found(Outcome.PASS, 0)}, nothing)):
        with pytest.raises(StepError, match="nothing to compare"):
            compare(found, verification)


@pytest.mark.soak
def test_missing_data_are_no_pass_there_either(demo: DemoPaths, tmp_path: Path) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('delete from "EventRegistration"')
        database.execute('delete from "Member"')
    verification, result = both(demo, write_suite(tmp_path / "own", entry(MATCH, kwargs=REGEX)))
    found = by_great_expectations(result)
    assert found == outcomes(verification)
    assert (found["stock"], found["tier_distribution"], found["tier_coverage"]) == ("ERROR", "ERROR", "ERROR")
    assert "PASS" not in {found[name] for name in ("member_count", "registration_count", "orphaned_registrations")}


@pytest.mark.parametrize("rule", SHIPPED, ids=lambda rule: rule.id)
def test_the_document_of_a_rule_stands_for_that_rule(rule: Rule) -> None:
    place = {"file": rule.file, "suite": rule.suite, "line": rule.line, "is_shipped": rule.is_shipped}
    assert replace(rule_of(entry_of(rule)), **place) == rule
