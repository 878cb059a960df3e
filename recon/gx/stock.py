"""Great Expectations' own expectations as checks: judged on a frame of the columns that they name, never vacuously."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl
from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
from great_expectations.expectations.expectation_configuration import ExpectationConfiguration
from great_expectations.expectations.registry import get_expectation_impl, list_registered_expectation_implementations

from recon.errors import suggest
from recon.gx.frames import ROW, frame_of, pandas_of, shown_columns
from recon.gx.sentences import nothing_sentence, row_sentence, whole_sentence
from recon.gx.session import batch_definition, session
from recon.model import Outcome
from recon.rules.evaluation import BY_SEVERITY, RuleError, make_check, without_evidence
from recon.rules.foreign import columns_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.model import Check
    from recon.rules import Rule
    from recon.warehouse import Warehouse

RESULT_FORMAT = {"result_format": "COMPLETE", "unexpected_index_column_names": [ROW]}
# In each group, one kwarg says what is expected; without any of them, every value would pass.
DECISIVE = (("regex",), ("min_value", "max_value"))
# The only kinds that look at nothing but the rows they are given.
ABOUT_VALUES = (
    ColumnAggregateExpectation,
    ColumnMapExpectation,
    ColumnPairMapExpectation,
    MulticolumnMapExpectation,
)
ABOUT_ROWS = ("expect_column_type_to_be", "expect_table_row_count_to_be_between", "expect_table_row_count_to_equal")
ABOUT_NULLS = ("expect_column_values_to_be_null", "expect_column_values_to_not_be_null")


def judge(rule: Rule, warehouse: Warehouse, evidence_rows: int) -> Check:
    """The check of an expectation of Great Expectations' own.

    Raises:
        RuleError: The type is unknown or takes no such kwargs, or the expectation cannot be evaluated.
    """
    suite = ExpectationSuite(name=rule.id, expectations=[expectation(rule)])
    frame = frame_of(rule.table, shown_columns(rule), warehouse)
    with session() as context:
        batch = batch_definition(context, rule.table).get_batch({"dataframe": pandas_of(frame)})
        results = batch.validate(suite, result_format=RESULT_FORMAT).results
    if len(results) != 1:
        raise RuleError(f"Great Expectations gave {len(results)} results for one expectation")
    return conclude(rule, warehouse, results[0], frame, evidence_rows)


def expectation(rule: Rule) -> Any:
    """The rule as a Great Expectations object, which is never dropped.

    Raises:
        RuleError: The type is unknown, or the kwargs are rejected.
    """
    known = list_registered_expectation_implementations()
    if rule.type not in known:
        hint = suggest(rule.type, known)
        raise RuleError(f"Great Expectations does not know the expectation type {rule.type!r}. {hint or ''}".strip())
    implementation = get_expectation_impl(rule.type)
    if not (issubclass(implementation, ABOUT_VALUES) or rule.type in ABOUT_ROWS):
        raise RuleError(f"{rule.type} looks at more than the rows of one table: write it in SQL")
    fields = implementation.__fields__
    for group in DECISIVE:
        if set(group) <= set(fields) and not any(rule.parameters.get(name) is not None for name in group):
            raise RuleError(f"the kwargs say nothing to expect: {' or '.join(group)} is missing")
    try:
        return ExpectationConfiguration(**_document(rule)).to_domain_obj()
    except Exception as error:
        reason = " ".join(str(error).split())
        raise RuleError(f"Great Expectations refuses {rule.type}: {reason}") from error


def conclude(rule: Rule, warehouse: Warehouse, result: Any, frame: pl.DataFrame, evidence_rows: int) -> Check:
    """Turn a result of Great Expectations into the check of the rule.

    Args:
        rule: The rule.
        warehouse: Holds what the rule reads.
        result: The validation result; in the format RESULT_FORMAT it names the violating rows.
        frame: The rows that were validated.
        evidence_rows: At most this many violating rows are kept.

    Raises:
        RuleError: There was nothing that could be evaluated.
    """
    raised = exception_of(result)
    if raised:
        raise RuleError(_without_values(raised, frame))
    found = result.result
    if not found:
        raise RuleError("Great Expectations gave a result without anything in it")
    if _is_vacuous(rule, result, frame):
        return _without_rows(rule, frame.height)
    if "element_count" in found:
        return _by_row(rule, warehouse, result, frame, evidence_rows)
    return _as_whole(rule, warehouse, result, evidence_rows)


def exception_of(result: Any) -> str | None:
    """The exception that an expectation raised, None if it raised none; either flat or one entry per metric."""
    info: Mapping[str, Any] = result.exception_info or {}
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, dict)]
    for entry in entries:
        if entry.get("raised_exception", True):
            return str(entry.get("exception_message") or "an exception without a message")
    return None


def _without_values(message: str, frame: pl.DataFrame) -> str:
    """The exception's message, unless it quotes text from the rows, which could not be masked."""
    for name, kind in frame.schema.items():
        texts = frame[name].drop_nulls().unique() if kind == pl.String else ()
        if any(len(text) > 1 and text in message for text in texts):
            return "Great Expectations raised an error that quotes values; it is not shown"
    return message


def _is_vacuous(rule: Rule, result: Any, frame: pl.DataFrame) -> bool:
    """Whether there was nothing to look at; an expectation about the number of rows may fail on an empty table."""
    columns = columns_of(rule)
    if not columns:
        return bool(result.success) and frame.is_empty()
    if rule.type in ABOUT_NULLS:
        return frame.is_empty()
    found = result.result
    if "element_count" in found:
        return bool(found["element_count"] - (found.get("missing_count") or 0) == 0)
    return all(frame[column].null_count() == frame.height for column in columns)


def _without_rows(rule: Rule, rows: int) -> Check:
    fallback = rule.when_empty
    if fallback is None:
        return make_check(rule, Outcome.ERROR, f"Not evaluated: {nothing_sentence(rule, rows)}")
    return make_check(rule, fallback.outcome, nothing_sentence(rule, rows) if rows else fallback.message)


def _by_row(rule: Rule, warehouse: Warehouse, result: Any, frame: pl.DataFrame, evidence_rows: int) -> Check:
    found = result.result
    unexpected = int(found["unexpected_count"])
    message = row_sentence(rule, unexpected, int(found["element_count"] - (found.get("missing_count") or 0)))
    if result.success:
        return _passed(rule, warehouse, message)
    numbers = [entry[ROW] for entry in (found.get("unexpected_index_list") or [])[:evidence_rows]]
    return _violated(rule, message, frame[numbers], unexpected)


def _as_whole(rule: Rule, warehouse: Warehouse, result: Any, evidence_rows: int) -> Check:
    observed = result.result.get("observed_value")
    message = whole_sentence(rule, observed, holds=bool(result.success))
    if result.success:
        return _passed(rule, warehouse, message)
    # Values of a column are stored under its name, so that they are masked like the column.
    values = result.result.get("partial_unexpected_list") or (observed if isinstance(observed, list) else [observed])
    rows = pl.DataFrame({(columns_of(rule) or ("observed",))[0]: [_plain(value) for value in values]})
    return _violated(rule, message, rows.head(evidence_rows), int(result.result.get("unexpected_count") or len(values)))


def _passed(rule: Rule, warehouse: Warehouse, message: str) -> Check:
    without = without_evidence(rule, warehouse)
    if without:
        return make_check(rule, without.outcome, without.message)
    return make_check(rule, Outcome.PASS, message, violation_count=0)


def _violated(rule: Rule, message: str, rows: pl.DataFrame, count: int) -> Check:
    outcome = BY_SEVERITY[rule.severity]
    escalate = (rule.escalate or None) if outcome is Outcome.FAIL else None
    return make_check(rule, outcome, message, violations=rows, violation_count=count, escalate=escalate)


def _plain(value: Any) -> str | None:
    return None if value is None else str(value)


def _document(rule: Rule) -> dict[str, Any]:
    return {
        "type": rule.type,
        "kwargs": dict(rule.parameters),
        "severity": rule.severity,
        "description": rule.description,
        "meta": {"id": rule.id, "title": rule.title, "category": rule.category, "table": rule.table},
    }
