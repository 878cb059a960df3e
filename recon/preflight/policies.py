"""The part "policies": whether the policies that the club declared can be imported as they are."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.bundle import open_bundle
from recon.bundle.formats import POLICIES
from recon.bundle.policies import (
    DUPLICATE,
    INVALID,
    MISSING,
    PLACEHOLDER,
    REFUSED,
    UNKNOWN,
    policy_problems,
)
from recon.masking import mask_json, mask_text
from recon.model import Fact, Findings, Outcome, Probe
from recon.rules import layers_of, load_policy_definitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.bundle import Bundle
    from recon.bundle.policies import PolicyDefinition, PolicyProblem
    from recon.model import Check

PART = "policies"
VALID = Probe(
    "policies_valid",
    "Policies Valid",
    PART,
    "Every declared policy has a value of its type and range.",
    "The application would start with a value that it refuses, or that means something else",
    "Correct the values in the policy bundle, and capture it again",
)
REQUIRED = Probe(
    "policies_required",
    "Policies Required",
    PART,
    "Every policy that the application needs is declared.",
    "The application would not start, or would use its own default",
    "Declare them in the policy bundle",
)
FILLED = Probe(
    "policies_filled",
    "Placeholders",
    PART,
    "No policy is a placeholder of the template.",
    "Nobody decided on it, so that the application would use its own default",
    "Ask the club for its value, or remove the policy from the bundle",
)
KNOWN = Probe(
    "policies_known",
    "Policies Known",
    PART,
    "Every policy is known, and declared once.",
    "A misspelt policy has no effect, and of two values nobody knows which counts",
    "Correct the key, or remove the policy; a club's own ones belong into its table of policies",
)
ASKED = (
    (VALID, (INVALID, REFUSED), Outcome.FAIL),
    (REQUIRED, (MISSING,), Outcome.FAIL),
    (FILLED, (PLACEHOLDER,), Outcome.WARN),
    (KNOWN, (UNKNOWN, DUPLICATE), Outcome.WARN),
)


class PolicyOptions(Struct, frozen=True):
    """Which bundle's policies are to be imported.

    Attributes:
        bundle: The bundle's folder or archive.
        expectations: Folders of custom suites, whose tables of policies extend the shipped one.
        show_pii: Keep names, e-mail addresses and phone numbers readable.
    """

    bundle: Path | str
    expectations: Sequence[Path | str] = ()
    show_pii: bool = False


def ask_policies(options: PolicyOptions) -> Iterator[Fact | Check]:
    """Yield what is found about the policies of a bundle.

    Raises:
        BundleError: The bundle cannot be read.
        SuiteError: A table of policies cannot be used.
    """
    definitions = load_policy_definitions(layers_of(options.expectations))
    with open_bundle(Path(options.bundle)) as bundle:
        yield Fact("Run", bundle.run_id)
        yield from policy_checks(bundle, definitions, show_pii=options.show_pii)


def policy_checks(
    bundle: Bundle, definitions: Mapping[str, PolicyDefinition], *, show_pii: bool = False
) -> Iterator[Fact | Check]:
    """Yield how many policies an opened bundle declares, and a check for each kind of problem."""
    if bundle.policies is None:
        yield VALID.warned(f"nothing to look at: the bundle has no {POLICIES}")
        return
    yield Fact("Policies", f"{len(bundle.policies)} declared, {len(definitions)} known")
    problems = policy_problems(bundle, definitions)
    for probe, kinds, outcome in ASKED:
        found = [problem for problem in problems if problem.problem in kinds]
        if found:
            yield _answer(probe, found, outcome, show_pii=show_pii)
        elif bundle.policies:
            yield probe.passed(f"{len(bundle.policies)} of {len(bundle.policies)}")
        else:
            yield probe.warned("nothing to look at: no policy is declared")


def _answer(probe: Probe, found: Sequence[PolicyProblem], outcome: Outcome, *, show_pii: bool) -> Check:
    rows = [_row(problem, show_pii=show_pii) for problem in found]
    keys = list(dict.fromkeys(problem.key for problem in found))
    message = ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "")
    # Of a placeholder that the application needs, there is no value at all.
    is_failed = outcome is Outcome.FAIL or any(each.problem == PLACEHOLDER and each.required for each in found)
    return (probe.failed if is_failed else probe.warned)(message, Findings(rows))


def _row(problem: PolicyProblem, *, show_pii: bool) -> dict[str, object]:
    value, expected = problem.value, problem.expected
    if not show_pii:
        value, expected = value and mask_json(value), mask_text(expected)
    return {"policy": problem.key, "problem": problem.problem, "value": value, "expected": expected}
