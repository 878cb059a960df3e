"""Judges the declared policies: by themselves, against the application's settings, and against its data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import polars as pl
from msgspec import Struct

from recon.bundle.formats import Policy
from recon.bundle.policies import (
    NOTHING,
    TEMPLATE,
    ExportedPolicies,
    PolicyDefinition,
    PolicyProblem,
    differing,
    is_same_time,
    problems_of,
    same,
    shown,
)
from recon.ledger.policy_evidence import PolicyEvidence, evidence_of
from recon.ledger.policy_settings import Settings, settings_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from recon.profile import Profile
    from recon.warehouse import Warehouse

DIFFERS = "differs from the settings"
LACKING = "not in the settings"
CONTRADICTED = "not what the data show"
ALIAS = "another name of the same time zone"
INSERT = "insert into ledger.{table} select * from incoming"
POLICIES = {
    "place": pl.Int64,
    "key": pl.String,
    "expected": pl.String,
    "source": pl.String,
    "required": pl.Boolean,
    "actual": pl.String,
    "compared": pl.Boolean,
    "is_match": pl.Boolean,
    "compared_with": pl.String,
    "problem": pl.String,
}
PROBLEMS = {
    "place": pl.Int64,
    "policy": pl.String,
    "problem": pl.String,
    "expected": pl.String,
    "actual": pl.String,
    "compared_with": pl.String,
    "is_difference": pl.Boolean,
}
SETTINGS = {"name": pl.String, "reason": pl.String, "is_absent": pl.Boolean, "is_refused": pl.Boolean}


class DeclaredPolicies(Struct, frozen=True):
    """The policies that a bundle declares, and what they are judged by.

    Attributes:
        declared: In the bundle's order; None: it has no file of policies.
        definitions: What policies may be, by key.
        exported: What the application exports, in place of what its database holds; None: nothing.
        config: The content of migration-config.json; None: the bundle has none.
    """

    declared: Sequence[Policy] | None
    definitions: Mapping[str, PolicyDefinition] = {}
    exported: ExportedPolicies | None = None
    config: Mapping[str, Any] | None = None


class Finding(Struct, frozen=True):
    """A declared policy beside what the application has.

    Attributes:
        actual: What the application has, `NOTHING` where it has none.
        compared_with: Where the application has it, or what proves it.
        problem: `DIFFERS`, `LACKING` or `CONTRADICTED`; None: it is as declared.
    """

    actual: object
    compared_with: str
    problem: str | None = None


def judge_policies(
    policies: DeclaredPolicies, profile: Profile, warehouse: Warehouse, columns: Collection[str]
) -> None:
    """Fill `ledger.policies`, `ledger.policy_problems` and `ledger.policy_settings`.

    Args:
        policies: What is judged.
        profile: Names the table of the application's settings, if it has one.
        warehouse: Holds that table, and the rows and the ledger that policies are compared with.
        columns: Those that the tables of the entities have ("target.events.start_time").
    """
    # Without policies, nothing of the settings was read.
    settings = settings_of(policies.exported, profile, warehouse) if policies.declared else Settings()
    evidence = evidence_of(policies.declared or (), policies.config, warehouse, columns)
    by_itself: dict[int | None, list[PolicyProblem]] = defaultdict(list)
    for problem in problems_of(policies.declared, policies.definitions):
        by_itself[problem.number].append(problem)
    rows: list[tuple[object, ...]] = []
    problems: list[tuple[object, ...]] = []
    for place, policy in enumerate(policies.declared or ()):
        found = list(_findings(policy, policies.definitions.get(policy.key), settings, evidence))
        chosen = next((each for each in found if each.problem), found[0] if found else None)
        named = [*(each.problem for each in by_itself[place]), *(each.problem for each in found if each.problem)]
        rows.append(_row(place, policy, chosen, "; ".join(named) or None))
        problems += [_problem_row(place, problem) for problem in by_itself[place] if problem.is_fault]
        problems += [_finding_row(place, policy, each) for each in found if each.problem]
    problems += [_problem_row(len(rows), problem) for problem in by_itself[None]]
    _insert(warehouse, "policies", pl.DataFrame(rows, schema=POLICIES, orient="row"))
    _insert(warehouse, "policy_problems", pl.DataFrame(problems, schema=PROBLEMS, orient="row"))
    state = (settings.name, settings.reason, settings.is_absent, settings.is_refused)
    _insert(warehouse, "policy_settings", pl.DataFrame([state], schema=SETTINGS, orient="row"))


def _findings(
    policy: Policy, definition: PolicyDefinition | None, settings: Settings, evidence: Mapping[str, PolicyEvidence]
) -> Iterator[Finding]:
    if policy.source == TEMPLATE:
        return
    if settings.name:
        yield _compared(policy, definition, settings)
    if policy.key in evidence:
        proof = evidence[policy.key]
        yield Finding(proof.actual, proof.by, None if proof.holds else CONTRADICTED)


def _compared(policy: Policy, definition: PolicyDefinition | None, settings: Settings) -> Finding:
    """Compare the policy with every value that the settings have for it; one that differs counts."""
    place = settings.name or ""
    values = settings.values_of(policy.key, policy.value)
    if not values:
        return Finding(NOTHING, place, LACKING)
    is_zone = definition is not None and definition.type == "timezone"
    for value in values:
        if not same(policy.value, value) and not (is_zone and is_same_time(policy.value, value)):
            return Finding(value, place, DIFFERS)
    is_alias = any(not same(policy.value, value) for value in values)
    return Finding(values[0], f"{place} ({ALIAS})" if is_alias else place)


def _row(place: int, policy: Policy, found: Finding | None, problem: str | None) -> tuple[object, ...]:
    declared = (place, policy.key, shown(policy.key, policy.value), policy.source, policy.required)
    if found is None:
        return (*declared, None, False, None, None, problem)
    return (*declared, _shown(policy, found.actual), True, found.problem is None, found.compared_with, problem)


def _shown(policy: Policy, value: object) -> str | None:
    return None if value is NOTHING else shown(policy.key, value)


def _problem_row(place: int, problem: PolicyProblem) -> tuple[object, ...]:
    return (place, problem.key, problem.problem, problem.expected, problem.value, None, False)


def _finding_row(place: int, policy: Policy, found: Finding) -> tuple[object, ...]:
    expected, actual = differing(policy.value, found.actual)
    values = (_shown(policy, expected), _shown(policy, actual))
    return (place, policy.key, found.problem, *values, found.compared_with, found.problem == DIFFERS)


def _insert(warehouse: Warehouse, table: str, frame: pl.DataFrame) -> None:
    if frame.height:
        warehouse.connection.register("incoming", frame.to_arrow())
        warehouse.execute(INSERT.format(table=table))
        warehouse.connection.unregister("incoming")
