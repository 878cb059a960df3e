from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from judged_rules import RULES
from support import run_in_process

if TYPE_CHECKING:
    from pathlib import Path

VACUOUS = """
name: own
expectations:
- type: expect_no_violations
  severity: warning
  description: No event is called Nothing.
  kwargs: {sql: "select id from target.events where title = 'Nothing'"}
  meta:
    id: planted
    title: Planted
    category: own
    requires: [target.events.id, target.events.title]
    messages: {pass: "None", fail: "Found {violations}"}
    meaning: One is
    action: Rename it
"""


@pytest.fixture
def own(tmp_path: Path) -> Path:
    (tmp_path / "own.yaml").write_text(VACUOUS, encoding="utf-8")
    return tmp_path


def test_the_list_names_every_check_with_what_it_means_and_where_it_stands() -> None:
    done = run_in_process("checks")
    assert (done.code, done.err) == (0, "")
    one_line = " ".join(done.out.split())
    for rule in RULES.values():
        assert f"{rule.order} {rule.id} {rule.title} {rule.category} {rule.severity} {rule.description}" in one_line
        assert f"If not: {rule.guidance.meaning} Rule: {rule.source}" in one_line
    assert done.out.endswith(f"\n{len(RULES)} checks\n")
    assert max(map(len, done.out.splitlines())) <= 80


def test_own_rules_are_listed_with_their_file(own: Path) -> None:
    done = run_in_process("checks", "--expectations", own)
    assert done.code == 0
    assert f"Rule: {own}/own.yaml:4" in " ".join(done.out.split())
    assert done.out.endswith(f"\n{len(RULES) + 1} checks (1 added)\n")


@pytest.mark.parametrize("name", RULES)
def test_one_check_is_shown_whole(name: str) -> None:
    shown = RULES[name]
    done = run_in_process("checks", shown.id)
    assert (done.code, done.err) == (0, "")
    one_line = " ".join(done.out.split())
    texts = [shown.title, shown.description, *shown.reads, *shown.messages.values(), shown.guidance.action]
    texts += [*shown.guidance.diagnosis, *shown.guidance.resolution, *shown.right_when_empty.values()]
    texts += [shown.sql, shown.values_sql or "", shown.escalate or ""]
    assert [text for text in texts if " ".join(text.split()) not in one_line] == []
    assert "If what it reads is missing: " in one_line


def test_json_holds_all_of_every_rule() -> None:
    document = json.loads(run_in_process("checks", "--format", "json").out)
    assert [rule["id"] for rule in document] == list(RULES)
    for rule in document:
        assert rule["sql"] == RULES[rule["id"]].sql
        assert rule["source"] == RULES[rule["id"]].source
        assert rule["requires"] == list(RULES[rule["id"]].requires)


@pytest.mark.soak
def test_a_rule_that_comes_out_clean_makes_the_exit_code_0() -> None:
    done = run_in_process("checks", "tier_coverage", "--test")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith(": none can pass vacuously.\n")
    assert "<- vacuous" not in done.out


@pytest.mark.soak
def test_a_planted_vacuous_rule_among_the_shipped_ones_makes_the_exit_code_1(own: Path) -> None:
    done = run_in_process("checks", "--expectations", own, "--test")
    assert (done.code, done.err) == (1, "")
    assert "everything is empty                             PASS  <- vacuous" in done.out
    assert (done.out.count("<- vacuous"), " ".join(done.out.split()).count("could pass vacuously")) == (3, 1)
    assert done.out.endswith(f"\n1 of {len(RULES) + 1} checks cannot be relied on.\n")
    assert [line for line in done.out.splitlines() if len(line) > 80 and str(own) not in line] == []


def test_one_rule_can_be_tested_alone_as_json(own: Path) -> None:
    done = run_in_process("checks", "planted", "--expectations", own, "--test", "-f", "json")
    assert done.code == 1
    (tested,) = json.loads(done.out)
    assert tested["id"] == "planted"
    assert [s["situation"] for s in tested["situations"] if s["vacuous"]] == [
        "everything is empty",
        "the database is empty",
        "target.events is empty",
    ]
    assert len(tested["problems"]) == 1


def test_an_unknown_check_is_reported_with_the_known_ones() -> None:
    done = run_in_process("checks", "teir_coverage")
    assert (done.code, done.out) == (2, "")
    assert "Did you mean 'tier_coverage'?" in done.err
    assert all(name in done.err for name in RULES)


def test_a_folder_that_is_not_there_is_reported() -> None:
    done = run_in_process("checks", "--expectations", "nowhere")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Suite error: The folder of suites was not found (nowhere)")
