"""The page that teaches custom checks: its examples are run, its output is generated."""

from __future__ import annotations

import importlib
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from support import CHECKOUT, check_of, outcomes, verify

import recon
from recon.gx import load_gx_suite

if TYPE_CHECKING:
    from types import ModuleType

    from recon.demo import DemoPaths

DOCS = CHECKOUT / "docs"
EXAMPLES = DOCS / "examples"
OWN = ("registration_in_time", "email_unique")


@pytest.fixture
def script() -> ModuleType:
    return importlib.import_module("checks_output")


def outcomes_of_own(demo: DemoPaths) -> list[str]:
    found = outcomes(verify(demo, expectations=[EXAMPLES / "checks"]))
    return [found[name] for name in OWN]


def change(demo: DemoPaths, *statements: str) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        for statement in statements:
            database.execute(statement)


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_page_holds_the_output_of_this_version(script: ModuleType) -> None:
    text = (DOCS / "checks.md").read_text(encoding="utf-8")
    assert text.count("<!-- begin: ") == text.count("\n```\n<!-- end: ") == 12
    assert script.with_output(text) == text


def test_the_examples_pass_on_the_demo(demo: DemoPaths) -> None:
    assert outcomes_of_own(demo) == ["PASS", "PASS"]


def test_the_examples_find_planted_faults(demo: DemoPaths, script: ModuleType) -> None:
    change(demo, *script.FAULTS)
    assert outcomes_of_own(demo) == ["FAIL", "FAIL"]


def test_the_examples_say_what_is_missing(demo: DemoPaths, script: ModuleType) -> None:
    change(demo, *script.ABSENT)
    assert outcomes_of_own(demo) == ["WARN", "ERROR"]


def test_the_addresses_that_the_example_finds_are_masked(demo: DemoPaths, script: ModuleType) -> None:
    change(demo, *script.FAULTS)
    found = check_of(verify(demo, expectations=[EXAMPLES / "checks"]), "email_unique")
    (email,) = found.violations["email"].to_list()
    assert "*" in email


def test_the_examples_can_be_relied_on() -> None:
    rules = [rule for rule in recon.load_checks([EXAMPLES / "checks"]) if rule.id in OWN]
    rules += [rule for rule in recon.load_checks([EXAMPLES / "mixed"]) if not rule.is_shipped]
    assert [rehearsal.problems for rehearsal in recon.rehearse(rules)] == [(), (), (), ()]


@pytest.mark.parametrize("has_faults, outcome", [(False, "PASS"), (True, "FAIL")])
def test_the_example_of_both_kinds_is_judged(
    demo: DemoPaths, script: ModuleType, outcome: str, *, has_faults: bool
) -> None:
    change(demo, *(script.MIXED_FAULTS if has_faults else ()))
    found = outcomes(verify(demo, expectations=[EXAMPLES / "mixed"]))
    assert (found["email_form"], found["event_ends_after_start"]) == (outcome, "PASS")


def test_the_overrides_of_the_example_are_reported(demo: DemoPaths) -> None:
    checks = verify(demo, expectations=[EXAMPLES / "overrides"]).checks
    assert {check.id for check in checks if check.overrides} == {"tier_coverage", "event_count", "run_id_match"}


@pytest.mark.parametrize("suite", ["checks", "overrides", "mixed"])
def test_great_expectations_holds_the_examples(suite: str) -> None:
    assert load_gx_suite(EXAMPLES / suite / "club.yaml").name == "club"
