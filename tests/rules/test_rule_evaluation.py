from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
import yaml
from judged_rules import RULES
from msgspec.structs import replace
from support import CHECKOUT, check_of, outcomes, verify

from recon.errors import SuiteError
from recon.model import Check, Guidance, Outcome, Summary, Verdict
from recon.profile import load_profile
from recon.rules import RULE_TYPE, Fallback, Rule, load_suite
from recon.rules.evaluation import evaluate, evaluate_all
from recon.rules.references import known_names
from recon.verification.escalation import Circumstances, advise
from recon.warehouse import LoadColumn, Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.demo import DemoPaths
    from recon.model import Verification

PACKAGE = CHECKOUT / "recon"
ROLLBACK = "A rollback is required: Level 1"
NO_ROW = "select i from target.counted where i < 0"
ROWS = "select i from target.counted order by i"
OWN = Rule(
    id="own_rule",
    title="Own Rule",
    category="own",
    suite="own",
    file=Path("own.yaml"),
    type=RULE_TYPE,
    severity="critical",
    description="A rule of the test's.",
    order=1,
    sql=NO_ROW,
    messages={"pass": "Nothing found", "fail": "Found {violations}"},
)
FOREIGN_META = {
    "id": "stock",
    "title": "Stock",
    "category": "own",
    "table": "target.members",
    "meaning": "Some are not",
    "action": "Look",
}
STOCK: dict[str, Any] = {
    "type": "expect_column_values_to_not_be_null",
    "description": "All are there.",
    "kwargs": {"column": "nowhere"},
    "meta": FOREIGN_META,
}
UNKNOWN: dict[str, Any] = {**STOCK, "type": "expect_the_unexpected", "kwargs": {}}
TYPELESS: dict[str, Any] = {"kwargs": {}, "meta": {"id": "typeless"}}


@pytest.fixture(scope="module")
def filled() -> Iterator[Warehouse]:
    """Holds 25 rows in `target.members` (and `target.counted`), and an empty `target.tiers`."""
    with Warehouse() as made:
        made.create("target.members", [LoadColumn("id", "key")])
        made.append("target.members", pl.DataFrame({"id": [str(i) for i in range(25)]}), [LoadColumn("id", "key")])
        made.create("target.tiers", [LoadColumn("id", "key")])
        made.connection.execute("create table target.counted as select i from range(25) t(i)")
        yield made


@pytest.fixture
def warehouse(filled: Warehouse) -> Iterator[Warehouse]:
    """The filled one, from which rules can only read; the test may say what is missing or unreadable."""
    yield filled
    filled.missing.clear()
    filled.unreadable.clear()


def judged(warehouse: Warehouse, **changes: Any) -> Check:
    return evaluate(replace(OWN, **changes), warehouse)


def check(outcome: Outcome, name: str = "Some Check", escalate: str | None = None) -> Check:
    guidance = Guidance("", "")
    return Check("id", name, "category", "critical", outcome, "message", "", guidance, escalate=escalate)


def test_no_row_is_a_pass(warehouse: Warehouse) -> None:
    found = judged(warehouse)

    assert (found.outcome, found.message, found.violation_count) == (Outcome.PASS, "Nothing found", 0)
    assert (found.id, found.name, found.category, found.severity) == ("own_rule", "Own Rule", "own", "critical")


@pytest.mark.parametrize(
    "severity, outcome", [("critical", Outcome.FAIL), ("warning", Outcome.WARN), ("info", Outcome.WARN)]
)
def test_severity_decides_on_violations(warehouse: Warehouse, severity: str, outcome: Outcome) -> None:
    found = judged(warehouse, sql=ROWS, severity=severity)

    assert (found.outcome, found.message) == (outcome, "Found 25")


@pytest.mark.parametrize("evidence_rows, kept", [(1, 1), (10, 10), (25, 25), (1000, 25)])
def test_rows_are_capped_and_their_number_is_exact(warehouse: Warehouse, evidence_rows: int, kept: int) -> None:
    found = evaluate(replace(OWN, sql=ROWS), warehouse, evidence_rows)

    assert found.violation_count == 25
    assert found.violations["i"].to_list() == list(range(kept))


def test_many_violations_are_counted_exactly(warehouse: Warehouse) -> None:
    found = evaluate(replace(OWN, sql="select i from range(123457) t(i) order by i"), warehouse, 12_345)

    assert (found.violation_count, found.violations.height) == (123_457, 12_345)
    assert found.violations["i"][-1] == 12_344


def test_evidence_of_the_whole_run_is_capped(demo: DemoPaths) -> None:
    file = demo.bundle / "migration-report.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"errors": [],', f'"errors": {_errors(30)},'))

    found = check_of(verify(demo, evidence_rows=7), "import_completed")

    assert (found.violation_count, found.violations.height) == (30, 7)


def _errors(number: int) -> str:
    return "[" + ",".join('{"entity": "event", "message": "Missing title"}' for _ in range(number)) + "]"


@pytest.mark.parametrize("values_sql", [NO_ROW, ROWS, "select 1 as n union all select 2"], ids=["none", "25", "two"])
def test_values_are_exactly_one_row(warehouse: Warehouse, values_sql: str) -> None:
    found = judged(warehouse, values_sql=values_sql)

    assert found.outcome is Outcome.ERROR
    assert "exactly one" in found.message


@pytest.mark.parametrize("name", ["expected", "actual"])
@pytest.mark.parametrize("sql", [NO_ROW, ROWS], ids=["no violation", "violations"])
def test_nothing_to_compare_with_is_an_error(warehouse: Warehouse, name: str, sql: str) -> None:
    given = {"expected": "1", "actual": "1", name: "null"}
    values_sql = f"select {given['expected']} as expected, {given['actual']} as actual"

    found = judged(warehouse, sql=sql, values_sql=values_sql)

    assert found.outcome is Outcome.ERROR
    assert f"'{name}' is null" in found.message


def test_a_named_outcome_and_its_reason_win_over_the_severity(warehouse: Warehouse) -> None:
    found = judged(warehouse, sql=ROWS, values_sql="select 'WARN' as outcome, 'as you were' as reason")

    assert (found.outcome, found.message, found.violation_count) == (Outcome.WARN, "as you were", 25)


def test_a_rule_may_name_any_outcome_without_violations(warehouse: Warehouse) -> None:
    for outcome in Outcome:
        found = judged(warehouse, values_sql=f"select '{outcome}' as outcome, 'so it is' as reason")
        assert (found.outcome, found.message) == (outcome, "so it is")


def test_a_pass_beside_violations_is_an_error(warehouse: Warehouse) -> None:
    found = judged(warehouse, sql=ROWS, values_sql="select 'PASS' as outcome")

    assert found.outcome is Outcome.ERROR
    assert "PASS beside 25 violations" in found.message


@pytest.mark.parametrize("name", ["'pass'", "'OK'", "''", "'SKIPPED'", "true", "1"])
@pytest.mark.parametrize("sql", [NO_ROW, ROWS], ids=["no violation", "violations"])
def test_an_unknown_outcome_is_an_error(warehouse: Warehouse, name: str, sql: str) -> None:
    found = judged(warehouse, sql=sql, values_sql=f"select {name} as outcome")

    assert found.outcome is Outcome.ERROR
    assert "names the outcome" in found.message


@pytest.mark.parametrize("values_sql", [None, "select null as diff", "select 1 as different"])
def test_a_message_that_names_an_unknown_value_is_an_error(warehouse: Warehouse, values_sql: str | None) -> None:
    found = judged(warehouse, values_sql=values_sql, messages={"pass": "{diff} off", "fail": ""})

    assert found.outcome is Outcome.ERROR
    assert "{diff}" in found.message


@pytest.mark.parametrize("sql, lacking", [(NO_ROW, "pass"), (ROWS, "fail")])
def test_a_message_that_is_not_there_is_an_error(warehouse: Warehouse, sql: str, lacking: str) -> None:
    found = judged(warehouse, sql=sql, messages={})

    assert found.outcome is Outcome.ERROR
    assert lacking in found.message


def test_a_fallback_that_names_an_unknown_value_is_an_error(warehouse: Warehouse) -> None:
    warehouse.missing["target.absent"] = "the database has no table 'Absent'"
    fallback = Fallback(Outcome.WARN, "Not recorded: {mising}")

    found = judged(warehouse, requires=("target.absent",), when_missing=fallback)

    assert found.outcome is Outcome.ERROR
    assert "{mising}" in found.message


def test_a_value_is_never_taken_for_a_template(warehouse: Warehouse) -> None:
    found = judged(warehouse, values_sql="select '{violations}' as tier", messages={"pass": "{tier}", "fail": ""})

    assert (found.outcome, found.message) == (Outcome.PASS, "{violations}")


@pytest.mark.parametrize(
    "sql",
    [
        "selec 1",
        "select nothing from target.members",
        "select * from target.nowhere",
        "select cast('x' as integer) as n",
        # These break only after many rows were streamed.
        "select cast(case when i = 50000 then 'x' else '1' end as integer) as n from range(100000) t(i)",
        "select case when i = 90000 then error('boom') else i end as n from range(100000) t(i)",
        "select i from target.counted where i > $absent",
    ],
    ids=["syntax", "column", "table", "cast", "late cast", "late error", "parameter"],
)
def test_sql_that_breaks_is_an_error(warehouse: Warehouse, sql: str) -> None:
    found = judged(warehouse, sql=sql)

    assert (found.outcome, found.violation_count) == (Outcome.ERROR, None)
    assert "\n" not in found.message


def test_values_that_break_are_an_error(warehouse: Warehouse) -> None:
    found = judged(warehouse, values_sql="select cast('x' as integer) as n")

    assert found.outcome is Outcome.ERROR


@pytest.mark.parametrize("sql", ["", "  ", "-- to be written", ";"], ids=["empty", "blank", "comment", "semicolon"])
@pytest.mark.parametrize("parameters", [{}, {"threshold": 95}], ids=["plain", "parameters"])
def test_a_rule_without_a_query_is_an_error(warehouse: Warehouse, sql: str, parameters: dict[str, int]) -> None:
    found = judged(warehouse, sql=sql, parameters=parameters)

    assert found.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "sql",
    [f"{ROWS}; {NO_ROW}", f"{NO_ROW}; {ROWS}", f"delete from target.members; {NO_ROW}"],
    ids=["violated first", "violated last", "emptied first"],
)
def test_only_one_query_makes_a_rule(warehouse: Warehouse, sql: str) -> None:
    found = judged(warehouse, sql=sql)

    assert found.outcome is Outcome.ERROR
    assert warehouse.rows("select count(*) as members from target.members") == [{"members": 25}]


def test_only_one_query_gives_the_values(warehouse: Warehouse) -> None:
    found = judged(warehouse, values_sql="select 1 as expected, 2 as actual; select 1 as expected, 1 as actual")

    assert found.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "sql",
    [
        "delete from target.members",
        "update target.members set id = '0'",
        "insert into target.tiers values ('1')",
        "drop table target.members",
        "create table target.more as select 1 as n",
        "with x as (delete from target.members returning *) select * from x where false",
        "with x as (update target.members set id = '0' returning *) select count(*) as expected from x",
        "with x as (insert into target.tiers values ('1')) select 1 as n",
    ],
)
@pytest.mark.parametrize("place", ["sql", "values_sql"])
def test_a_rule_only_asks(warehouse: Warehouse, sql: str, place: str) -> None:
    found, after = evaluate_all([replace(OWN, **{place: sql}), replace(OWN, sql=ROWS)], warehouse, 10)

    assert (found.outcome, after.outcome) == (Outcome.ERROR, Outcome.FAIL)
    assert found.message.startswith(
        ("Not evaluated: a rule's SQL is one select", "Not evaluated: a rule's SQL only reads")
    )
    assert warehouse.rows("select count(*) as n, count(distinct id) as ids from target.members") == [
        {"n": 25, "ids": 25}
    ]
    assert warehouse.rows("select count(*) as n from target.tiers") == [{"n": 0}]


@pytest.mark.parametrize(
    "sql",
    ["select 1 as n, 2 as n", "select interval 1 month as i", "select union_value(n := 1) as u"],
    ids=["same name twice", "interval", "union"],
)
def test_rows_that_no_frame_can_hold_are_an_error(warehouse: Warehouse, sql: str) -> None:
    found = judged(warehouse, sql=sql)

    assert found.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "sql",
    [
        "select * from read_csv('{file}')",
        "select * from read_text('{file}')",
        "select * from '{file}'",
        "select * from glob('{folder}/*')",
        "copy (select 1) to '{folder}/written.csv'",
        "attach '{folder}/other.db'",
        "set enable_external_access = true",
        "install httpfs",
    ],
    ids=lambda sql: sql.split("(")[0],
)
def test_a_rule_cannot_leave_the_warehouse(warehouse: Warehouse, tmp_path: Path, sql: str) -> None:
    file = tmp_path / "people.csv"
    file.write_text("email\nanna@example.org\n", encoding="utf-8")

    found = judged(warehouse, sql=sql.format(file=file, folder=tmp_path))

    assert found.outcome is Outcome.ERROR
    assert found.violations.is_empty()
    assert list(tmp_path.iterdir()) == [file]


def test_one_broken_rule_does_not_stop_the_others(warehouse: Warehouse) -> None:
    late = "select case when i = 90000 then error('boom') else i end as n from range(100000) t(i)"
    rules = [OWN, replace(OWN, sql=late), replace(OWN, sql=ROWS), replace(OWN, sql="selec"), OWN]

    found = [check.outcome for check in evaluate_all(rules, warehouse, 10)]

    assert found == [Outcome.PASS, Outcome.ERROR, Outcome.FAIL, Outcome.ERROR, Outcome.PASS]


def test_parameters_are_bound_where_they_are_named(warehouse: Warehouse) -> None:
    found = judged(
        warehouse,
        sql="select i from target.counted where i >= $least order by i",
        values_sql="select $least as expected, $name as actual",
        parameters={"least": 20, "name": "'; drop table target.members --"},
        messages={"pass": "", "fail": "{violations} of at least {expected}, {actual}"},
    )

    assert found.message == "5 of at least 20, '; drop table target.members --"


@pytest.mark.parametrize(
    "absent", ["target.tiers", "target.tiers.code"], ids=["the table of the column", "the column itself"]
)
def test_a_rule_falls_back_when_what_it_requires_is_missing(warehouse: Warehouse, absent: str) -> None:
    warehouse.missing[absent] = "the reason"
    fallback = Fallback(Outcome.WARN, "Not recorded: {missing}")

    found = judged(warehouse, sql="selec", requires=("target.tiers.code",), when_missing=fallback)

    assert (found.outcome, found.message, found.violation_count) == (Outcome.WARN, "Not recorded: the reason", None)


@pytest.mark.parametrize("absent", ["target.tiers.name", "target.tier", "target.members"])
def test_what_a_rule_does_not_require_may_be_missing(warehouse: Warehouse, absent: str) -> None:
    warehouse.missing[absent] = warehouse.unreadable[absent] = "the reason"

    found = judged(warehouse, requires=("target.tiers.code",), uses=("target.tiers.id",))

    assert found.outcome is Outcome.PASS


def test_missing_without_a_fallback_is_an_error(warehouse: Warehouse) -> None:
    warehouse.missing["target.tiers"] = "the reason"

    found = judged(warehouse, requires=("target.tiers",))

    assert (found.outcome, found.message) == (Outcome.ERROR, "Not evaluated: the reason")


def test_refused_is_an_error_whatever_the_fallback_says(warehouse: Warehouse) -> None:
    warehouse.missing["target.members.phone"] = "no such column"
    warehouse.unreadable["target.tiers"] = "permission denied"
    fallback = Fallback(Outcome.WARN, "Not recorded: {missing}")
    requires = ("target.members.phone", "target.tiers.code")

    found = judged(warehouse, requires=requires, when_missing=fallback)

    assert (found.outcome, found.message) == (Outcome.ERROR, "Not evaluated: permission denied")


EMPTY_OR_ABSENT = {
    "when_missing": Fallback(Outcome.WARN, "Not recorded: {missing}"),
    "when_empty": Fallback(Outcome.WARN, "There is none", "target.tiers"),
}


@pytest.mark.parametrize("fallbacks", [{"when_missing": EMPTY_OR_ABSENT["when_missing"]}, EMPTY_OR_ABSENT])
def test_a_used_table_that_is_missing_keeps_a_rule_from_passing(
    warehouse: Warehouse, fallbacks: dict[str, Fallback]
) -> None:
    warehouse.missing["target.tiers"] = "the reason"

    found = judged(warehouse, uses=("target.tiers.id",), **fallbacks)

    assert (found.outcome, found.message) == (Outcome.WARN, "Not recorded: the reason")


@pytest.mark.parametrize("fallbacks", [{}, EMPTY_OR_ABSENT], ids=["no fallback", "both fallbacks"])
def test_a_used_table_that_is_refused_is_an_error(warehouse: Warehouse, fallbacks: dict[str, Fallback]) -> None:
    warehouse.unreadable["target.tiers"] = "permission denied"

    found = judged(warehouse, uses=("target.tiers.id",), **fallbacks)

    assert (found.outcome, found.message) == (Outcome.ERROR, "Not evaluated: permission denied")


@pytest.mark.parametrize("reasons", ["missing", "unreadable"])
def test_violations_count_without_a_used_table(warehouse: Warehouse, reasons: str) -> None:
    getattr(warehouse, reasons)["target.tiers"] = "the reason"

    found = judged(warehouse, sql=ROWS, uses=("target.tiers.id",), **EMPTY_OR_ABSENT)

    assert (found.outcome, found.message) == (Outcome.FAIL, "Found 25")


@pytest.mark.parametrize(
    "reasons, outcome", [("missing", Outcome.WARN), ("unreadable", Outcome.ERROR)], ids=["missing", "refused"]
)
def test_a_named_pass_does_not_do_without_a_used_table(warehouse: Warehouse, reasons: str, outcome: Outcome) -> None:
    getattr(warehouse, reasons)["target.tiers"] = "the reason"
    named = "select 'PASS' as outcome"

    found = judged(warehouse, values_sql=named, uses=("target.tiers.id",), when_missing=EMPTY_OR_ABSENT["when_missing"])

    assert found.outcome is outcome


@pytest.mark.parametrize("values_sql", [None, "select 'PASS' as outcome"], ids=["unnamed", "named PASS"])
def test_an_empty_table_is_no_pass(warehouse: Warehouse, values_sql: str | None) -> None:
    found = judged(warehouse, values_sql=values_sql, when_empty=EMPTY_OR_ABSENT["when_empty"])

    assert (found.outcome, found.message) == (Outcome.WARN, "There is none")


def test_a_table_with_rows_is_not_empty(warehouse: Warehouse) -> None:
    found = judged(warehouse, when_empty=Fallback(Outcome.ERROR, "There is none", "target.members"))

    assert found.outcome is Outcome.PASS


def test_an_unknown_table_to_be_filled_is_an_error(warehouse: Warehouse) -> None:
    found = judged(warehouse, when_empty=Fallback(Outcome.WARN, "There is none", "target.nowhere"))

    assert found.outcome is Outcome.ERROR


@pytest.mark.parametrize(
    "wanted, failure, warning",
    [
        (None, "Tell somebody", None),
        ("true", "Tell somebody", "Tell somebody"),
        ("false", None, None),
        ("cast(null as boolean)", "Tell somebody", None),
        ("'Tell another'", "Tell another", "Tell another"),
        ("''", None, None),
        ("1", "Tell somebody", None),
    ],
    ids=["unsaid", "asked for", "declined", "unknown", "reason", "empty reason", "number"],
)
def test_a_failure_escalates_unless_declined_and_a_warning_if_asked_for(
    warehouse: Warehouse, wanted: str | None, failure: str | None, warning: str | None
) -> None:
    values_sql = wanted and f"select {wanted} as escalate"
    stated = {"values_sql": values_sql, "escalate": "Tell somebody"}

    found = {severity: judged(warehouse, sql=ROWS, severity=severity, **stated) for severity in ("critical", "warning")}

    assert {severity: check.escalate for severity, check in found.items()} == {"critical": failure, "warning": warning}
    assert judged(warehouse, **stated).escalate is None
    assert judged(warehouse, sql=ROWS, **stated, requires=("source.nothing",), when_missing=None).escalate == failure


@pytest.mark.parametrize("wanted", ["true", "'Tell another'"])
def test_an_empty_reason_of_the_rule_means_never(warehouse: Warehouse, wanted: str) -> None:
    for severity in ("critical", "warning"):
        stated = {"values_sql": f"select {wanted} as escalate", "severity": severity}
        assert judged(warehouse, sql=ROWS, escalate="", **stated).escalate is None


def test_a_reason_has_the_numbers_that_it_names(warehouse: Warehouse) -> None:
    reason = "{violations} row{s} of {all}, {none}, {unknown}"

    found = judged(warehouse, sql=ROWS, escalate=reason, values_sql='select 9 as "all", null as "none"')

    assert found.escalate == f"{found.violation_count} rows of 9, {{none}}, {{unknown}}"


def test_a_rule_or_its_values_name_the_issue(warehouse: Warehouse) -> None:
    assert judged(warehouse, issue="loss").issue == "loss"
    assert judged(warehouse, issue="loss", requires=("source.nothing",), when_missing=None).issue == "loss"
    assert judged(warehouse, issue="loss", values_sql="select 'corruption' as issue").issue == "corruption"
    assert judged(warehouse, values_sql="select null as issue").issue == "failure"
    wrong = judged(warehouse, values_sql="select 'damage' as issue")
    assert (wrong.outcome, wrong.message) == (Outcome.ERROR, "Not evaluated: the rule names the issue 'damage'")


@pytest.mark.parametrize("outcome", ["PASS", "ERROR"])
def test_what_neither_failed_nor_warns_is_not_escalated(warehouse: Warehouse, outcome: str) -> None:
    found = judged(warehouse, values_sql=f"select '{outcome}' as outcome, 'x' as reason, 'why' as escalate")

    assert (found.outcome, found.escalate) == (outcome, None)


@pytest.mark.parametrize(
    "changes, has_findings",
    [
        ({"sql": ROWS}, True),
        ({"sql": ROWS, "severity": "warning"}, True),
        ({"values_sql": "select 'FAIL' as outcome, 'x' as reason"}, True),
        ({}, False),
        ({"values_sql": "select 'WARN' as outcome, 'Nothing to compare' as reason"}, False),
        ({"when_empty": Fallback(Outcome.WARN, "There is none", "target.tiers")}, False),
        ({"switched_off": "somebody", "severity": "warning"}, False),
        ({"switched_off": "somebody"}, False),
        ({"sql": "selec"}, False),
    ],
    ids=["failed", "warned", "named failure", "passed", "nothing", "empty", "off", "off and critical", "broken"],
)
def test_a_check_that_could_not_look_has_no_findings(
    warehouse: Warehouse, changes: dict[str, Any], *, has_findings: bool
) -> None:
    assert judged(warehouse, **changes).has_findings is has_findings


def test_detail_is_for_what_did_not_pass(warehouse: Warehouse) -> None:
    values_sql = "select 'look here' as detail"

    assert judged(warehouse, values_sql=values_sql).detail is None
    assert judged(warehouse, sql=ROWS, values_sql=values_sql).detail == "look here"


def test_an_entry_without_a_type_is_refused(demo: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "own", "expectations": [TYPELESS]}), encoding="utf-8")

    with pytest.raises(SuiteError, match=r"own\.yaml:2, typeless"):
        verify(demo, expectations=[tmp_path])


def test_a_type_that_is_unknown_is_an_error_never_dropped(demo: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(yaml.safe_dump({"name": "own", "expectations": [UNKNOWN]}), encoding="utf-8")

    verification = verify(demo, expectations=[tmp_path])

    found = check_of(verification, "stock")
    assert found.outcome is Outcome.ERROR
    assert "does not know the expectation type 'expect_the_unexpected'" in found.message
    assert len(verification.checks) == len(RULES) + 1
    assert verification.verdict is Verdict.INCOMPLETE


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_a_foreign_type_is_an_error_at_any_severity(tmp_path: Path, warehouse: Warehouse, severity: str) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(yaml.safe_dump({"name": "own", "expectations": [{**STOCK, "severity": severity}]}))

    (rule,) = load_suite(file)

    assert evaluate(rule, warehouse).outcome is Outcome.ERROR


def test_a_suite_without_a_rule_is_no_verdict(demo: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("name: own\nexpectations: []\n", encoding="utf-8")

    with pytest.raises(SuiteError, match="There is no rule to check"):
        verify(demo, expectations=[tmp_path], shipped_suites=False)


def test_shipped_suites_hold_rules_of_ours_alone() -> None:
    assert {rule.type for rule in RULES.values()} == {RULE_TYPE}


OPTIONAL = ("target.tiers", "target.id_mappings", "target.runs", "target.members.email", "ledger.")
ALWAYS_THERE = ("ledger.accounts", "ledger.tier_facts", "ledger.differences")


def test_shipped_rules_say_what_happens_without_what_they_read() -> None:
    for rule in RULES.values():
        optional = [r for r in rule.reads if r.startswith(OPTIONAL) and r not in ALWAYS_THERE]
        assert bool(optional) == (rule.when_missing is not None), rule.id
        assert rule.guidance.meaning, rule.id
        assert rule.guidance.action, rule.id


def test_no_code_knows_a_check() -> None:
    sources = [path for path in PACKAGE.rglob("*.py") if "demo" not in path.relative_to(PACKAGE).parts]
    texts = {path: path.read_text(encoding="utf-8") for path in sources}

    # A check and a table may share a name.
    rules = [rule for rule in RULES if f"target.{rule}" not in known_names(load_profile())]
    named = [(path.name, rule) for path, text in texts.items() for rule in rules if rule in text]

    assert len(sources) > 20
    assert len(RULES) >= 9
    assert named == []


@pytest.mark.parametrize(
    "found, verdict",
    [
        ([Outcome.PASS], Verdict.PASSED),
        ([Outcome.PASS, Outcome.WARN], Verdict.PASSED),
        ([Outcome.WARN], Verdict.PASSED),
        ([Outcome.PASS, Outcome.FAIL], Verdict.FAILED),
        ([Outcome.ERROR, Outcome.FAIL, Outcome.WARN], Verdict.FAILED),
        ([Outcome.PASS, Outcome.WARN, Outcome.ERROR], Verdict.INCOMPLETE),
        ([Outcome.ERROR], Verdict.INCOMPLETE),
        ([], Verdict.INCOMPLETE),
    ],
    ids=lambda found: "+".join(found) or "nothing" if isinstance(found, list) else None,
)
def test_verdict_of_outcomes(found: list[Outcome], verdict: Verdict) -> None:
    assert Summary.of([check(outcome) for outcome in found]).verdict is verdict


def test_summary_counts_each_outcome() -> None:
    found = [check(outcome) for outcome in [*Outcome, Outcome.WARN, Outcome.PASS, Outcome.PASS]]

    assert Summary.of(found) == Summary(total=7, passed=3, failed=1, warnings=2, errors=1)


def test_passed_is_unknown_for_what_was_not_evaluated() -> None:
    assert [outcome.passed for outcome in Outcome] == [True, True, False, None]


@pytest.mark.parametrize(
    "checks, required, reasons",
    [
        ([check(Outcome.PASS, escalate="x"), check(Outcome.WARN)], False, ()),
        ([check(Outcome.PASS), check(Outcome.WARN, "Rejected", "too many")], True, ("Rejected: too many",)),
        ([check(Outcome.ERROR, escalate="x"), check(Outcome.ERROR)], False, ()),
        ([check(Outcome.FAIL), check(Outcome.WARN), check(Outcome.ERROR)], False, ()),
        ([check(Outcome.FAIL, "Orphans", "integrity")], True, ("Orphans: integrity", ROLLBACK)),
        ([check(Outcome.FAIL), check(Outcome.FAIL)], True, ("Multiple verification failures: 2", ROLLBACK)),
        (
            [check(Outcome.FAIL, "Orphans", "integrity"), check(Outcome.FAIL), check(Outcome.FAIL)],
            True,
            ("Orphans: integrity", "Multiple verification failures: 3", ROLLBACK),
        ),
        ([], False, ()),
    ],
    ids=["passed", "warned", "not evaluated", "one failure", "integrity", "several failures", "both", "nothing"],
)
def test_the_runbook_says_what_is_escalated(checks: list[Check], *, required: bool, reasons: tuple[str, ...]) -> None:
    advice = advise(checks)

    assert (advice.required, advice.reasons) == (required, reasons)
    assert (advice.contact, advice.priority) == ("Merge captain", "High")


@pytest.mark.parametrize(
    "found, escalate, situation, action",
    [
        ([Outcome.PASS, Outcome.WARN], None, "Verification passes", "Read the warnings"),
        ([Outcome.PASS, Outcome.WARN], "why", "Verification passes, but escalate its warnings", "Escalate before"),
        ([Outcome.ERROR, Outcome.WARN], "why", "Verification is incomplete", "verify again"),
        ([Outcome.FAIL, Outcome.ERROR], None, "Verification fails, minor issues", "Fix source data, re-run"),
        ([Outcome.FAIL], "why", "Verification fails, major issues", "Level 1 rollback (by run_id)"),
        ([Outcome.FAIL] * 2, None, "Verification fails, major issues", "Level 1 rollback (by run_id)"),
        ([Outcome.ERROR, Outcome.PASS], "why", "Verification is incomplete", "verify again"),
        ([], None, "Verification is incomplete", "verify again"),
    ],
    ids=["passed", "warned", "warned and incomplete", "minor", "escalated", "several", "not evaluated", "nothing"],
)
def test_the_runbook_says_what_to_do(found: list[Outcome], escalate: str | None, situation: str, action: str) -> None:
    advice = advise([check(outcome, escalate=escalate) for outcome in found])

    assert advice.situation == situation
    assert action in advice.action
    assert ("rollback" in advice.action) == (situation == "Verification fails, major issues")


def test_a_warning_alone_does_not_make_a_failure_a_major_one() -> None:
    advice = advise([check(Outcome.FAIL), check(Outcome.WARN, escalate="why")])

    assert (advice.required, advice.situation) == (True, "Verification fails, minor issues")
    assert advice.action == "Escalate first; the runbook's answer is: Fix source data, re-run"


@pytest.mark.parametrize("found", [[Outcome.FAIL] * 3, [Outcome.WARN], [Outcome.PASS], []], ids=str)
def test_nothing_is_rolled_back_that_was_not_written_or_is_of_another_run(found: list[Outcome]) -> None:
    checks = [check(outcome, escalate="why") for outcome in found]

    dry = advise(checks, Circumstances(is_dry_run=True))
    unrelated = advise(checks, Circumstances(is_unrelated=True))

    assert dry.situation == "The bundle is of a dry run, which wrote nothing"
    assert dry.action == "Nothing to roll back: verify the bundle of the real run"
    assert unrelated.situation == "Bundle and database do not belong together"
    assert unrelated.action == "Verify with the bundle of this database's run, or connect to the bundle's database"
    assert dry.required == unrelated.required == advise(checks).required
    assert advise(checks, Circumstances(is_dry_run=True, is_unrelated=True)) == dry
    assert dry.rollback == unrelated.rollback == 0
    assert ROLLBACK not in (*dry.reasons, *unrelated.reasons)


def failed(check_id: str, *explains: str) -> Check:
    return replace(check(Outcome.FAIL, check_id.capitalize()), id=check_id, explains=explains)


@pytest.mark.parametrize(
    "checks, reason",
    [
        ([failed("a"), failed("b")], "Multiple verification failures: 2"),
        (
            [failed("a"), failed("b"), failed("c", "a", "missing")],
            "Multiple verification failures: 2 (3 checks failed; C explains A)",
        ),
        (
            [failed("a"), failed("b"), failed("c"), failed("d", "a", "b", "c"), failed("e", "a", "b")],
            "Multiple verification failures: 3 (5 checks failed; D explains A, B and C; E explains A and B)",
        ),
        ([failed("a"), failed("c", "a")], None),
        ([failed("a"), failed("c", "b")], "Multiple verification failures: 2"),
    ],
    ids=["two", "explained", "explained twice", "one failure", "another"],
)
def test_fewer_failures_than_failed_checks_are_explained(checks: list[Check], reason: str | None) -> None:
    assert advise(checks).reasons == (() if reason is None else (reason, ROLLBACK))


def test_every_check_of_a_run_is_of_a_shipped_rule_in_its_order(passed: Verification) -> None:
    assert list(outcomes(passed)) == [rule.id for rule in sorted(RULES.values(), key=lambda rule: rule.order)]
