"""Findings: what a check found wrong, with a key that the next run finds again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from judged_rules import RULES, warehouse_of
from msgspec.structs import replace

from recon.rules.evaluation import evaluate
from recon.rules.findings import create_findings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.rules import Rule

RULE = replace(
    next(iter(RULES.values())),
    id="found",
    file=Path("own.yaml"),
    values_sql=None,
    parameters={},
    requires=(),
    uses=(),
    when_empty=None,
    when_missing=None,
    messages={"pass": "fine", "fail": "{violations} found"},
)


def finding(sql: str, **parameters: object) -> list[dict[str, Any]]:
    """The findings of one rule, of which a check keeps no more than one row."""
    return found_by([replace(RULE, sql=sql, parameters=parameters)])


def found_by(rules: Sequence[Rule]) -> list[dict[str, Any]]:
    with warehouse_of() as warehouse:
        checks = [evaluate(rule, warehouse, 1) for rule in rules]
        create_findings(rules, checks, warehouse)
        create_findings(rules, checks, warehouse)
        return warehouse.rows("select * from checks.findings order by entity, key, field")


def test_every_violation_is_a_finding_however_many_a_check_keeps() -> None:
    found = finding("select 'members' as entity, cast(range as varchar) as wa_id from range($n)", n=2500)
    assert (len(found), {each["violations"] for each in found}) == (2500, {1})
    assert {each["check_id"] for each in found} == {"found"}
    assert {each["standing"] for each in found} == {"open"}


def test_what_concerns_one_thing_is_one_finding() -> None:
    rows = "values ('members', '1', 'email', 'a'), ('members', '1', 'email', 'b'), ('members', '1', 'level', 'c')"
    found = finding(f"select * from ({rows}) v(entity, wa_id, field, source_value)")
    assert [(each["field"], each["violations"]) for each in found] == [("email", 2), ("level", 1)]
    assert {each["key"] for each in found} == {"1"}


@pytest.mark.parametrize(
    "columns,key",
    [
        ("'t' as target_id, '7' as wa_id", "7"),
        ("'t' as target_id, '' as wa_id", "t"),
        ("null as wa_id, 'r' as registration_id, 'm' as member_id", "r"),
        ("'m' as member_id, 5 as number", "m"),
        ("12 as id", "12"),
        ("'2147' as expected", None),
    ],
)
def test_the_most_lasting_id_is_the_key(columns: str, key: str | None) -> None:
    (found,) = finding(f"select {columns}")
    assert found["key"] == key


def fingerprint(columns: str) -> str:
    (found,) = finding(f"select '7' as wa_id, {columns}")
    value: str = found["fingerprint"]
    assert len(value) == 16
    return value


def test_a_fingerprint_changes_with_a_value_alone() -> None:
    first = fingerprint("'a' as source_value, 'b' as target_value, 3 as source_row, 't1' as target_id")
    assert fingerprint("'a' as source_value, 'b' as target_value, 9 as source_row, 't2' as target_id") == first
    changed = ("'a' as source_value, 'c' as target_value", "'ab' as source_value, '' as target_value")
    others = {fingerprint(f"{each}, 3 as source_row, 't1' as target_id") for each in changed}
    assert len({first, *others}) == 3
    assert fingerprint("null as target_value") != fingerprint("'' as target_value")


def test_the_order_of_rows_does_not_count() -> None:
    rows = ("('1', 'a'), ('1', 'b')", "('1', 'b'), ('1', 'a')")
    first, second = (finding(f"select * from (values {each}) v(wa_id, value)") for each in rows)
    assert first == second


@pytest.mark.parametrize(
    "columns,violation",
    [
        ("'007' as wa_id, 12345678901234567890::ubigint as other_id, 3 as n", ["007", "12345678901234567890", 3]),
        ("null as wa_id, true as b, 'nan'::double as x", [None, True, "NaN"]),
        ("""1 as "we""ird {x} $y", '\t"' as t""", [1, '\t"']),
        ("""1 as a, 2 as "A", 3 as b""", [1, 3]),
    ],
)
def test_the_first_violation_is_kept_whatever_its_columns_are(columns: str, violation: list[object]) -> None:
    (found,) = finding(f"select {columns}")
    told = json.loads(found["violation"], parse_constant=str)
    assert list(told.values()) == violation


def test_a_cause_is_named_by_its_id() -> None:
    (found,) = finding("select 'events' as entity, '1' as wa_id, 'truncated at 20' as cause")
    assert (found["entity"], found["cause"]) == ("events", "truncated")


def test_what_passes_or_cannot_be_evaluated_has_no_finding() -> None:
    passing = replace(RULE, sql="select 1 as id where false")
    failing = replace(RULE, id="broken", sql="select no_such_column as id")
    assert found_by([passing, failing]) == []


def test_an_expectation_of_another_kind_gives_every_row_with_its_values() -> None:
    foreign = replace(
        RULE,
        type="expect_column_values_to_be_unique",
        table="target.members",
        parameters={"column": "tier_id"},
        requires=("target.members.id", "target.members.tier_id"),
    )
    found = []
    with warehouse_of(target={"members": [("m1", "t"), ("m2", "t")]}) as warehouse:
        for rows in (1, 10):
            check = evaluate(foreign, warehouse, rows)
            shown = replace(check, violations=check.violations.with_columns(pl.lit("***").alias("tier_id")))
            create_findings([foreign], [shown], warehouse)
            found.append(warehouse.rows("select key, fingerprint from checks.findings order by key"))
            warehouse.execute("drop table checks.findings")
    assert [row["key"] for row in found[0]] == ["m1", "m2"]
    assert found[0] == found[1]
