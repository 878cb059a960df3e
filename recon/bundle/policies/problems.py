"""What is wrong with the policies of a bundle by themselves, without any database."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from recon.bundle.policies.values import shown
from recon.errors import suggest

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.bundle.formats import Policy
    from recon.bundle.model import Bundle
    from recon.bundle.policies.definitions import PolicyDefinition

UNKNOWN = "unknown key"
INVALID = "not valid"
MISSING = "required and missing"
PLACEHOLDER = "placeholder"
DUPLICATE = "declared more than once"
REFUSED = "refused by the importer"
# The source of a policy that nobody filled in.
TEMPLATE = "template"


class PolicyProblem(Struct, frozen=True):
    """One thing that is wrong with one policy.

    Attributes:
        problem: `UNKNOWN`, `INVALID`, `MISSING`, `PLACEHOLDER`, `DUPLICATE` or `REFUSED`.
        value: The declared value as JSON text, a secret hidden; None: none is declared.
        expected: What should be there, in words.
        required: Whether the application does without it; a placeholder of such a policy is no fault.
        number: The place in the bundle's list, from 0; None: it is not declared.
    """

    key: str
    problem: str
    value: str | None
    expected: str
    required: bool = False
    number: int | None = None

    @property
    def is_fault(self) -> bool:
        """Whether somebody has to do something about it."""
        return self.problem != PLACEHOLDER or self.required


def policy_problems(bundle: Bundle, definitions: Mapping[str, PolicyDefinition]) -> list[PolicyProblem]:
    """Return what is wrong with the bundle's policies, in their order, and last which required ones are missing.

    A bundle without policies has no problem: they are optional.

    Args:
        bundle: An opened bundle.
        definitions: What policies may be, by key; see `recon.rules.load_policy_definitions`.
    """
    return problems_of(bundle.policies, definitions)


def problems_of(policies: Sequence[Policy] | None, definitions: Mapping[str, PolicyDefinition]) -> list[PolicyProblem]:
    """Return what is wrong with the policies, as `policy_problems` does; None: the bundle has no file of them."""
    if policies is None:
        return []
    found: list[PolicyProblem] = []
    first: dict[str, Policy] = {}
    for number, policy in enumerate(policies):
        before = first.get(policy.key)
        value, required = shown(policy.key, policy.value), _is_required(policy, definitions)
        problems = [(DUPLICATE, f"once: before, it is {shown(before.key, before.value)}")] if before else []
        problems += _problems(policy, definitions)
        found += [PolicyProblem(policy.key, problem, value, wanted, required, number) for problem, wanted in problems]
        first.setdefault(policy.key, policy)
    missing = [
        PolicyProblem(each.key, MISSING, None, each.expects, required=True)
        for each in definitions.values()
        if each.required and each.key not in first
    ]
    return [*found, *missing]


def _is_required(policy: Policy, definitions: Mapping[str, PolicyDefinition]) -> bool:
    known = definitions.get(policy.key)
    return policy.required or (known is not None and known.required)


def _problems(policy: Policy, definitions: Mapping[str, PolicyDefinition]) -> Iterator[tuple[str, str]]:
    known = definitions.get(policy.key)
    if policy.source == TEMPLATE:
        yield PLACEHOLDER, f"the club's own value: {known.expects}" if known else "the club's own value"
        return
    if policy.validation_error:
        yield REFUSED, policy.validation_error
    if known is None:
        hint = suggest(policy.key, definitions)
        yield UNKNOWN, f"a known key ({hint.replace('Did', 'did', 1)})" if hint else "a known key"
    elif not known.admits(policy.value):
        yield INVALID, known.expects
