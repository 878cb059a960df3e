"""Expectations of Great Expectations' own types as checks of the verdict."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from great_expectations.expectations.registry import get_expectation_impl, list_registered_expectation_implementations
from gx_runs import entry, write_suite
from msgspec.structs import replace
from support import check_of, outcomes, run_in_process, verify
from verifications import HOSTILE

import recon
from recon.errors import SuiteError
from recon.gx.stock import ABOUT_ROWS, ABOUT_VALUES, conclude, exception_of
from recon.model import Outcome, Verdict
from recon.rules import RULE_TYPE, load_suite
from recon.rules.evaluation import RuleError, evaluate
from recon.rules.foreign import OUT_OF_REACH
from recon.warehouse import LoadColumn, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model import Check
    from recon.rules import Rule

FIELDS = [
    LoadColumn("id", "key"),
    LoadColumn("email", "text"),
    LoadColumn("first_name", "text"),
    LoadColumn("phone", "text"),
    LoadColumn("joined_at", "integer", "joinedAt", source_type="integer"),
]
UUIDS = [f"00000000-0000-0000-0000-00000000000{number}" for number in range(4)]
MEMBERS = pl.DataFrame(
    {
        "id": UUIDS,
        "email": ["ada@club.example", "bob@club.example", None, "nobody"],
        "first_name": ["Ada", "Bob", "Ada", "Eve"],
        "phone": [None] * 4,
        "joined_at": [1, None, 3, 2**53 + 1],
    },
    schema_overrides={"phone": pl.String},
)
REGEX = {"column": "email", "regex": "^[^@]+@[^@]+$"}
MATCH = "expect_column_values_to_match_regex"


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    """Four members of whom one has no address and one a wrong one; nobody has a phone; no events."""
    with Warehouse() as made:
        made.create("target.members", FIELDS)
        made.append("target.members", MEMBERS, FIELDS)
        made.create("target.events", [LoadColumn("id", "key"), LoadColumn("title", "text")])
        yield made


def rule_of(folder: Path, kind: str, **changes: Any) -> Rule:
    (rule,) = load_suite(write_suite(folder, entry(kind, **changes)) / "own.yaml")
    return rule


@pytest.mark.parametrize(
    "kind, kwargs, outcome, message",
    [
        (MATCH, REGEX, "FAIL", "1 of 3 values of members.email does not match regex (^[^@]+@[^@]+$)"),
        (MATCH, {**REGEX, "mostly": 0.5}, "PASS", "1 of 3 values of members.email does not match regex"),
        (MATCH, {**REGEX, "regex": "."}, "PASS", "All 3 values of members.email match regex (.)"),
        ("expect_column_values_to_not_be_null", {"column": "email"}, "FAIL", "1 of 4 values of members.email is null"),
        ("expect_column_values_to_be_unique", {"column": "first_name"}, "FAIL", "2 of 4 values of members.first_name"),
        ("expect_column_values_to_be_between", {"column": "joined_at", "min_value": 2}, "FAIL", "1 of 3 values"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["first_name", "id"]}, "PASS", "All 4 rows of"),
        ("expect_table_row_count_to_be_between", {"min_value": 5}, "FAIL", "Table row count of members is 4, not as"),
        ("expect_table_row_count_to_equal", {"value": 4}, "PASS", "Table row count of members is 4, as expected"),
        ("expect_column_max_to_be_between", {"column": "joined_at", "max_value": 9}, "FAIL", "9,007,199,254,740,993"),
    ],
)
def test_success_and_failure_become_outcomes(  # noqa: PLR0917 - a row of a table
    warehouse: Warehouse, tmp_path: Path, kind: str, kwargs: dict[str, Any], outcome: str, message: str
) -> None:
    found = evaluate(rule_of(tmp_path, kind, kwargs=kwargs), warehouse)
    assert (str(found.outcome), message in found.message) == (outcome, True), found.message
    assert (found.violation_count == 0) == (outcome == "PASS")


def test_the_violating_rows_are_the_evidence(warehouse: Warehouse, tmp_path: Path) -> None:
    found = evaluate(rule_of(tmp_path, MATCH, kwargs=REGEX, escalate="Call"), warehouse)
    assert found.violations.rows() == [(UUIDS[3], "nobody")]
    assert found.violations.columns == ["id", "email"]
    assert (found.violation_count, found.escalate) == (1, "Call")


def test_the_number_of_violations_is_exact_whatever_is_kept(tmp_path: Path) -> None:
    with Warehouse() as many:
        fields = [LoadColumn("id", "key"), LoadColumn("email", "text")]
        many.create("target.members", fields)
        ids = [str(number) for number in range(1000)]
        many.append("target.members", pl.DataFrame({"id": ids, "email": ["x"] * 1000}), fields)
        found = evaluate(rule_of(tmp_path, MATCH, kwargs=REGEX), many, evidence_rows=3)
    assert (found.violation_count, found.violations.height) == (1000, 3)


@pytest.mark.parametrize("severity, outcome", [("critical", "FAIL"), ("warning", "WARN"), ("info", "WARN")])
def test_severity_decides_what_a_violation_is(
    warehouse: Warehouse, tmp_path: Path, severity: str, outcome: str
) -> None:
    assert evaluate(rule_of(tmp_path, MATCH, kwargs=REGEX, severity=severity), warehouse).outcome == outcome


@pytest.mark.parametrize("severity", ["critical", "warning"])
@pytest.mark.parametrize(
    "kind, kwargs, words",
    [
        (MATCH, {"column": "email", "regex": "(("}, "Invalid regular expression"),
        (MATCH, {"column": "email"}, "say nothing to expect: regex is missing"),
        ("expect_column_max_to_be_between", {"column": "joined_at"}, "min_value or max_value is missing"),
        (MATCH, {**REGEX, "regx": "x"}, "extra fields not permitted"),
        ("expect_column_mean_to_be_between", {"column": "email", "min_value": 1}, "Not evaluated: "),
        ("expect_column_values_to_match_regexx", REGEX, "Did you mean 'expect_column_values_to_match_regex'?"),
        (MATCH, {"column": "phone", "regex": "."}, "in all 4 rows members.phone is null"),
        ("expect_column_distinct_values_to_be_in_set", {"column": "phone", "value_set": ["1"]}, "is null"),
    ],
)
def test_what_cannot_be_evaluated_is_an_error_at_any_severity(  # noqa: PLR0917 - a row of a table
    warehouse: Warehouse, tmp_path: Path, severity: str, kind: str, kwargs: dict[str, Any], words: str
) -> None:
    found = evaluate(rule_of(tmp_path, kind, kwargs=kwargs, severity=severity), warehouse)
    assert found.outcome is Outcome.ERROR
    assert words in found.message


@pytest.mark.parametrize(
    "kind, kwargs",
    [
        ("expect_column_values_to_not_be_null", {"column": "title"}),
        (MATCH, {"column": "title", "regex": "."}),
        ("expect_column_distinct_values_to_be_in_set", {"column": "title", "value_set": ["x"]}),
        ("expect_compound_columns_to_be_unique", {"column_list": ["title", "id"]}),
        ("expect_table_row_count_to_be_between", {"max_value": 9}),
    ],
)
@pytest.mark.parametrize("when_empty", [None, {"outcome": "WARN", "message": "No events"}], ids=["silent", "said"])
def test_an_empty_table_is_no_pass(
    warehouse: Warehouse, tmp_path: Path, kind: str, kwargs: dict[str, Any], when_empty: dict[str, str] | None
) -> None:
    found = evaluate(
        rule_of(tmp_path, kind, kwargs=kwargs, table="target.events", when_empty=when_empty),
        warehouse,
    )
    assert found.outcome is (Outcome.WARN if when_empty else Outcome.ERROR)
    assert found.message == (
        "No events" if when_empty else "Not evaluated: Nothing to look at: target.events has no row"
    )


def test_an_empty_table_may_fail_to_have_rows(warehouse: Warehouse, tmp_path: Path) -> None:
    kind, kwargs = "expect_table_row_count_to_be_between", {"min_value": 1}
    assert evaluate(rule_of(tmp_path, kind, kwargs=kwargs, table="target.events"), warehouse).outcome is Outcome.FAIL


@pytest.mark.parametrize(
    "info",
    [
        {"raised_exception": True, "exception_message": "boom", "exception_traceback": ""},
        {"metric": {"raised_exception": True, "exception_message": "boom", "exception_traceback": ""}},
        {"fine": {"raised_exception": False}, "metric": {"exception_message": "boom", "exception_traceback": ""}},
    ],
    ids=["flat", "by metric", "one of several"],
)
@pytest.mark.parametrize("success", [True, False])
def test_an_exception_in_any_shape_is_no_outcome(
    warehouse: Warehouse, tmp_path: Path, info: dict[str, Any], *, success: bool
) -> None:
    result = SimpleNamespace(success=success, exception_info=info, result={"observed_value": 1})
    assert exception_of(result) == "boom"
    with pytest.raises(RuleError, match="boom"):
        conclude(rule_of(tmp_path, MATCH, kwargs=REGEX, severity="warning"), warehouse, result, MEMBERS, 1)


def test_a_result_without_content_is_no_pass(warehouse: Warehouse, tmp_path: Path) -> None:
    result = SimpleNamespace(success=True, exception_info={"raised_exception": False}, result={})
    with pytest.raises(RuleError, match="without anything in it"):
        conclude(rule_of(tmp_path, MATCH, kwargs=REGEX), warehouse, result, MEMBERS, 1)


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"table": None}, "expected the key 'table'"),
        ({"table": "target.member"}, "Did you mean 'target.members'"),
        ({"table": "members"}, "a name that starts with source., target. or ledger."),
        ({"table": "target.members.email"}, "Name columns in kwargs"),
        ({"kwargs": {"column": "emial"}}, r"stock, kwargs\).*Did you mean 'target.members.email'"),
        ({"kwargs": {"column": 1}}, r"kwargs.column\): expected a column of the table"),
        ({"kwargs": {"column": "email", "mostly": 0}}, r"kwargs.mostly\): expected a number above 0"),
        ({"kwargs": {"column": "email", "row_condition": "1"}}, "Write it in SQL"),
        ({"requires": ["target.members"]}, "the unknown key 'requires'"),
        ({"when_empty": {"outcome": "PASS", "message": "x"}}, "found PASS"),
        ({"id": "a b"}, "letters, digits and _"),
        ({"severity": "fatal"}, "one of critical, warning, info"),
    ],
    ids=str,
)
def test_a_wrong_entry_is_refused_with_its_place(tmp_path: Path, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(SuiteError, match=words) as refused:
        recon.load_checks([write_suite(tmp_path, entry(**changes))])
    assert "own.yaml:3" in refused.value.message


@pytest.mark.parametrize(
    "kind", ["expect_query_results_to_match_comparison", "expect_column_to_exist", "unexpected_rows_expectation"]
)
def test_what_could_hold_by_itself_on_a_batch_is_refused(tmp_path: Path, kind: str) -> None:
    with pytest.raises(SuiteError, match=kind):
        recon.load_checks([write_suite(tmp_path, entry(kind))])


SCHEMAS: list[dict[str, Any]] = [
    {"$ref": "file:///etc/passwd"},
    {"$ref": "https://127.0.0.1:1/schema.json"},
    {"properties": {"a": {"items": [{"anyOf": [{"$ref": "other.json#/a"}]}]}}},
    {"$id": "https://127.0.0.1:1/", "$dynamicRef": "other"},
]


@pytest.mark.parametrize("schema", SCHEMAS, ids=str)
def test_a_schema_that_refers_to_another_document_is_refused(tmp_path: Path, schema: dict[str, Any]) -> None:
    kwargs = {"column": "email", "json_schema": schema}
    with pytest.raises(SuiteError, match=r"own.yaml:3.*a place in the same schema"):
        recon.load_checks([write_suite(tmp_path, entry("expect_column_values_to_match_json_schema", kwargs=kwargs))])


def test_a_schema_may_refer_to_its_own_parts(tmp_path: Path) -> None:
    schema = {"$defs": {"n": {"type": "integer"}}, "$ref": "#/$defs/n"}
    kwargs = {"column": "joined_at", "json_schema": schema}
    rule = rule_of(tmp_path, "expect_column_values_to_match_json_schema", kwargs=kwargs)
    assert rule.parameters["json_schema"] == schema


def test_no_type_looks_at_anything_but_the_rows_of_a_table(warehouse: Warehouse, tmp_path: Path) -> None:
    for kind in list_registered_expectation_implementations():
        is_known = issubclass(get_expectation_impl(kind), ABOUT_VALUES) or kind in ABOUT_ROWS
        if is_known or kind == RULE_TYPE:
            continue
        assert kind in OUT_OF_REACH
        rule = replace(rule_of(tmp_path, MATCH, kwargs=REGEX), type=kind)
        assert "looks at more than the rows of one table" in evaluate(rule, warehouse).message


def damaged(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        first = """where id = (select min(id) from "Member")"""
        database.execute(f"""update "Member" set email = 'nobody', "firstName" = 'Xanthippe' {first}""")


def stock(demo: DemoPaths, folder: Path, kind: str, **changes: Any) -> Check:
    return check_of(verify(demo, expectations=[write_suite(folder, entry(kind, **changes))]), "stock")


def test_what_is_found_is_masked_like_any_other(demo: DemoPaths, tmp_path: Path) -> None:
    damaged(demo)
    own = tmp_path / "own"
    (row,) = stock(demo, own, MATCH, kwargs=REGEX).violations.rows()
    assert (len(row[0]), row[1]) == (36, "n***")
    kwargs = {"column": "first_name", "value_set": ["Ada"]}
    found = stock(demo, own, "expect_column_distinct_values_to_be_in_set", kwargs=kwargs)
    assert found.outcome is Outcome.FAIL
    assert {name[1:] for name in found.violations["first_name"].to_list()} == {"***"}
    assert "Xanthippe" not in f"{found.message}{found.violations.rows()}"


@pytest.mark.parametrize("kind", ["expect_column_mean_to_be_between", "expect_column_sum_to_be_between"])
def test_an_exception_that_quotes_names_is_not_shown(warehouse: Warehouse, tmp_path: Path, kind: str) -> None:
    found = evaluate(rule_of(tmp_path, kind, kwargs={"column": "first_name", "min_value": 1}), warehouse)
    assert found.outcome is Outcome.ERROR
    assert not any(name in found.message for name in ("Ada", "Bob", "Eve"))


def test_an_exception_with_a_value_is_replaced(warehouse: Warehouse, tmp_path: Path) -> None:
    info = {"raised_exception": True, "exception_message": "cannot convert 'AdaBob'"}
    result = SimpleNamespace(success=False, exception_info=info, result={})
    with pytest.raises(RuleError, match="it is not shown"):
        conclude(rule_of(tmp_path, MATCH, kwargs=REGEX), warehouse, result, MEMBERS, 1)


@pytest.mark.parametrize("text", ["$HOME", "${HOME}", "$column", "{{7*7}}", "%(x)s", *HOSTILE[:8]])
def test_texts_of_kwargs_are_taken_as_they_are(tmp_path: Path, text: str) -> None:
    with Warehouse() as made:
        fields = [LoadColumn("id", "key"), LoadColumn("first_name", "text")]
        made.create("target.members", fields)
        made.append("target.members", pl.DataFrame({"id": ["1"], "first_name": [text]}), fields)
        kwargs = {"column": "first_name", "value_set": [text]}
        found = evaluate(rule_of(tmp_path, "expect_column_values_to_be_in_set", kwargs=kwargs), made)
    assert found.outcome is Outcome.PASS


def test_a_missing_column_falls_back(demo: DemoPaths, tmp_path: Path) -> None:
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('alter table "Member" rename column phone to telephone')
    kwargs = {"column": "phone", "regex": "."}
    assert stock(demo, tmp_path / "own", MATCH, kwargs=kwargs).outcome is Outcome.ERROR
    when_missing = {"outcome": "WARN", "message": "Not recorded: {missing}"}
    found = stock(demo, tmp_path / "own", MATCH, kwargs=kwargs, when_missing=when_missing)
    assert (found.outcome, "Not recorded: the table 'Member' has no column" in found.message) == (Outcome.WARN, True)


def test_the_command_line_judges_by_both_kinds_and_says_so(demo: DemoPaths, tmp_path: Path) -> None:
    damaged(demo)
    own = write_suite(tmp_path / "own", entry(MATCH, kwargs=REGEX))
    arguments = ["-b", demo.bundle, "--database", demo.database, "--expectations", own, "-o", tmp_path / "r.md"]
    done = run_in_process("verify", *arguments)
    assert "  - Great Expectations: loading it for 1 expectation of its own kind\n" in done.out
    assert "  [FAIL] Stock Check: 1 of 60 values of members.email does not match regex" in done.out
    assert (done.code, done.err) == (1, "")


def test_a_verdict_over_both_kinds_can_pass(demo: DemoPaths, tmp_path: Path) -> None:
    verification = verify(demo, expectations=[write_suite(tmp_path / "own", entry(MATCH, kwargs=REGEX))])
    assert (outcomes(verification)["stock"], verification.verdict) == ("PASS", Verdict.PASSED)


def test_an_override_changes_a_kwarg(demo: DemoPaths, tmp_path: Path) -> None:
    damaged(demo)
    own = write_suite(tmp_path / "own", entry(MATCH, kwargs={**REGEX, "mostly": 1}))
    (tmp_path / "over").mkdir()
    override = (
        "name: over\nmeta: {overrides: {stock: {parameters: {mostly: 0.9}, reason: One may}}}\nexpectations: []\n"
    )
    (tmp_path / "over" / "over.yaml").write_text(override, encoding="utf-8")
    found = check_of(verify(demo, expectations=[own, tmp_path / "over"]), "stock")
    assert (found.outcome, found.violation_count) == (Outcome.PASS, 0)


def test_a_rehearsal_finds_no_vacuous_pass(tmp_path: Path) -> None:
    rules = [r for r in recon.load_checks([write_suite(tmp_path, entry(MATCH, kwargs=REGEX))]) if r.id == "stock"]
    (rehearsal,) = recon.rehearse(rules)
    assert rehearsal.problems == ()
    assert {trial.situation: str(trial.outcome) for trial in rehearsal.trials}["target.members is empty"] == "ERROR"
