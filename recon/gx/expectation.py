"""The custom expectation: a rule of recon inside a Great Expectations suite, judged by the only evaluator."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

from great_expectations.core import ExpectationSuite
from great_expectations.expectations.expectation import BatchExpectation
from msgspec.structs import replace

from recon.errors import SuiteError
from recon.model import Outcome
from recon.rules import load_document, rule_of
from recon.rules.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from recon.rules import Rule
    from recon.warehouse import Warehouse

WAREHOUSE: ContextVar[Warehouse] = ContextVar("warehouse")
SWITCHED_OFF: ContextVar[Mapping[str, str]] = ContextVar("switched off")


# The rows are counted, not kept: they are stored in the Verification, masked.
EVIDENCE_ROWS = 0


class ExpectNoViolations(BatchExpectation):
    """Expect a query for violations to return no rows.

    The batch only carries the expectation; the query runs on the warehouse given by `judged_on`.
    """

    sql: str
    values_sql: str | None = None
    parameters: dict[str, Any] | None = None

    def _validate(
        self,
        metrics: dict[str, Any],  # noqa: ARG002 - Great Expectations' signature
        runtime_configuration: dict[str, Any] | None = None,  # noqa: ARG002 - as above
        execution_engine: Any = None,  # noqa: ARG002 - as above
    ) -> dict[str, Any]:
        rule = rule_of(self.configuration.to_json_dict())
        check = evaluate(replace(rule, switched_off=SWITCHED_OFF.get().get(rule.id)), WAREHOUSE.get(), EVIDENCE_ROWS)
        if check.outcome is Outcome.ERROR:
            raise RuntimeError(check.message)
        result = {
            # Neither a message nor a row, because these may contain personal data.
            "observed_value": None if check.violation_count is None else f"{check.violation_count} violations",
            "unexpected_count": check.violation_count,
            "outcome": str(check.outcome),
        }
        return {"success": check.outcome is Outcome.PASS, "result": result}


@contextmanager
def judged_on(warehouse: Warehouse, rules: Iterable[Rule] = ()) -> Iterator[None]:
    """Evaluate every `expect_no_violations` inside on `warehouse`, except those of `rules` that are switched off."""
    warehouse_token = WAREHOUSE.set(warehouse)
    off_token = SWITCHED_OFF.set({rule.id: rule.switched_off for rule in rules if rule.switched_off})
    try:
        yield
    finally:
        WAREHOUSE.reset(warehouse_token)
        SWITCHED_OFF.reset(off_token)


def load_gx_suite(path: Path) -> ExpectationSuite:
    """Load a suite file as a Great Expectations object, with every expectation of the file in it.

    Raises:
        SuiteError: Great Expectations rejects an expectation, or drops one.
    """
    document = load_document(path)
    try:
        suite = ExpectationSuite(**document)
    except Exception as error:
        raise SuiteError("Great Expectations refuses a suite", where=str(path), found=str(error)) from error
    listed = Counter(str(entry.get("type")) for entry in document["expectations"])
    dropped = listed - Counter(expectation.expectation_type for expectation in suite.expectations)
    if dropped:
        raise SuiteError(
            "Great Expectations dropped an expectation that it cannot parse",
            where=str(path),
            expected=f"{listed.total()} expectations",
            found=f"{len(suite.expectations)}, without {', '.join(sorted(dropped))}",
        )
    return suite
