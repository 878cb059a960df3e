"""The checkpoint: Great Expectations validates every suite on the snapshot, and its outcomes must match recon's."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any

import great_expectations as gx
import pandas as pd

from recon.errors import ReconError, StepError
from recon.gx.expectation import judged_on
from recon.gx.frames import frame_of, pandas_of, shown_columns
from recon.gx.session import batch_definition, session
from recon.gx.stock import conclude, exception_of, expectation
from recon.gx.suites import suite_of
from recon.masking import mask_text
from recon.model import Outcome
from recon.rules.evaluation import RuleError, contained, unjudged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from recon.model import Check, Verification
    from recon.rules import Rule
    from recon.warehouse import Warehouse

CARRIER = "carrier"
MOST_NAMED = 5
# The rows are stored in the Verification; naming them again would cost 20 µs each.
COUNTS_ONLY = {"result_format": "SUMMARY"}


@dataclass(frozen=True)
class Found:
    """What Great Expectations found for one check.

    Attributes:
        count: How many rows violate it; None where nothing was evaluated.
    """

    outcome: Outcome
    count: int | None


@dataclass(frozen=True)
class GxSuite:
    """One validated suite.

    Attributes:
        name: The name given in its file.
        source: The file, as rules name it.
        rules: Its effective rules, in the order of their checks.
        success: Whether every check's outcome is PASS; for Great Expectations a warning is a failure, too.
    """

    name: str
    source: str
    rules: tuple[Rule, ...]
    success: bool


@dataclass(frozen=True)
class GxResult:
    """The result of a checkpoint; each outcome in it was compared with the Verification's.

    Attributes:
        found: By the id of the check.
    """

    suites: tuple[GxSuite, ...]
    found: Mapping[str, Found]
    version: str


def validate(rules: Sequence[Rule], warehouse: Warehouse, verification: Verification) -> GxResult:
    """Validate the rules by a checkpoint of Great Expectations on the warehouse, and compare with the Verification.

    Args:
        rules: The effective rules, as `load_rules` gives them.
        warehouse: Holds what they read, unchanged since the Verification was reached.
        verification: The judgement that Great Expectations must confirm.

    Raises:
        StepError: Great Expectations reaches an outcome other than recon's, lacks a check or has an additional one.
    """
    try:
        result = _validated(rules, warehouse)
    except ReconError:
        raise
    except Exception as error:
        reason = mask_text(" ".join(str(error).split()))[:300]
        raise StepError("Great Expectations cannot validate the snapshot", found=reason) from error
    compare(result.found, verification)
    return result


def _validated(rules: Sequence[Rule], warehouse: Warehouse) -> GxResult:
    suites, found = [], dict[str, Found]()
    with session() as context:
        for number, (name, source, suite_rules) in enumerate(_suites(rules), 1):
            outcomes = _Run(context, warehouse, f"{number} {name}").outcomes(suite_rules)
            for check_id, outcome in outcomes:
                _require_new(check_id, found)
                found[check_id] = outcome
            success = all(outcome.outcome is Outcome.PASS for _, outcome in outcomes)
            suites.append(GxSuite(name, source, tuple(suite_rules), success))
    return GxResult(tuple(suites), found, gx.__version__)


def compare(found: Mapping[str, Found], verification: Verification) -> None:
    """Ensure that both reached the same outcome for the same checks.

    Raises:
        StepError: They did not, or there is no check to compare.
    """
    ours = {check.id: Found(check.found, _count(check)) for check in verification.checks}
    if not ours or not found:
        raise StepError(
            "There is nothing to compare Great Expectations' outcomes with",
            expected="at least one check on both sides",
            found=f"{len(ours)} of ours, {len(found)} of Great Expectations",
        )
    differing = [name for name in {**ours, **found} if ours.get(name) != found.get(name)]
    if differing:
        raise StepError(
            "Great Expectations and recon differ",
            where=", ".join(differing[:MOST_NAMED]),
            expected="; ".join(f"{name}: {_words(ours.get(name))}" for name in differing[:MOST_NAMED]),
            found="; ".join(f"{name}: {_words(found.get(name))}" for name in differing[:MOST_NAMED]),
            next_step="Do not rely on this run: one of the two is wrong. Report it with both outcomes",
        )


class _Run:
    """The validations of one suite in one context."""

    def __init__(self, context: Any, warehouse: Warehouse, name: str) -> None:
        self._context = context
        self._warehouse = warehouse
        self._name = name

    def outcomes(self, rules: Sequence[Rule]) -> list[tuple[str, Found]]:
        """What Great Expectations found for each rule."""
        settled = [(rule.id, self._settled(rule)) for rule in rules if rule.is_gx_native]
        done = [(name, found) for name, found in settled if found]
        open_rules = [rule for rule in rules if rule.id not in dict(done)]
        own = [rule for rule in open_rules if not rule.is_gx_native]
        done += self._own(own) if own else []
        by_table = groupby(sorted((r for r in open_rules if r.is_gx_native), key=lambda r: r.table), lambda r: r.table)
        for table, foreign in by_table:
            done += self._foreign(table, list(foreign))
        return done

    def _settled(self, rule: Rule) -> Found | None:
        """The result of a foreign rule if known before any row is read: switched off, refused, or lacking a column."""
        check = unjudged(rule, self._warehouse)
        if check:
            return Found(check.outcome, _count(check))
        try:
            expectation(rule)
        except RuleError:
            return Found(Outcome.ERROR, None)
        return None

    def _own(self, rules: Sequence[Rule]) -> list[tuple[str, Found]]:
        with judged_on(self._warehouse, rules):
            results = self._results(CARRIER, rules, pd.DataFrame({CARRIER: [1]}))
        return [(name, _found(result)) for name, result in results]

    def _foreign(self, table: str, rules: Sequence[Rule]) -> list[tuple[str, Found]]:
        """Validate all expectations about one table, on one frame of all columns that they name."""
        columns = dict.fromkeys(column for rule in rules for column in shown_columns(rule))
        frame = frame_of(table, list(columns), self._warehouse)
        by_id = {rule.id: rule for rule in rules}

        def concluded(name: str, result: Any) -> Callable[[], Check]:
            return lambda: conclude(by_id[name], self._warehouse, result, frame, evidence_rows=0)

        checks = [
            contained(by_id[name], concluded(name, result))
            for name, result in self._results(table, rules, pandas_of(frame))
        ]
        return [(check.id, Found(check.outcome, _count(check))) for check in checks]

    def _results(self, part: str, rules: Sequence[Rule], frame: pd.DataFrame) -> list[tuple[str, Any]]:
        """The results of an actual checkpoint by the ids of their checks."""
        name = f"{self._name}: {part}"
        suite = self._context.suites.add(suite_of(name, rules))
        definition = gx.ValidationDefinition(name=name, data=batch_definition(self._context, name), suite=suite)
        self._context.validation_definitions.add(definition)
        checkpoint = gx.Checkpoint(name=name, validation_definitions=[definition], result_format=COUNTS_ONLY)
        done = self._context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
        results = [result for run in done.run_results.values() for result in run.results]
        return [(result.expectation_config.meta["id"], result) for result in results]


def _suites(rules: Iterable[Rule]) -> Iterator[tuple[str, str, list[Rule]]]:
    """Name, file and rules of each suite, in the order of their first checks."""
    homes: dict[tuple[str, str], list[Rule]] = {}
    for rule in rules:
        source = f"shipped {rule.file.name}" if rule.is_shipped else str(rule.file)
        homes.setdefault((rule.suite, source), []).append(rule)
    for (name, source), listed in homes.items():
        yield name, source, listed


def _found(result: Any) -> Found:
    """The outcome of one of recon's own rules; one that raised is never better than an ERROR, at any severity."""
    if exception_of(result) or "outcome" not in result.result:
        return Found(Outcome.ERROR, None)
    outcome = Outcome(result.result["outcome"])
    if result.success is not (outcome is Outcome.PASS):
        return Found(Outcome.ERROR, None)
    return Found(outcome, result.result["unexpected_count"])


def _require_new(check_id: str, found: Mapping[str, Found]) -> None:
    if check_id in found:
        raise StepError("Great Expectations gave two results for one check", where=check_id)


def _count(check: Check) -> int | None:
    return None if check.outcome is Outcome.ERROR else check.violation_count


def _words(found: Found | None) -> str:
    if found is None:
        return "no such check"
    return str(found.outcome) if found.count is None else f"{found.outcome} with {found.count} violations"
