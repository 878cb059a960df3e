"""Wording of policies, shared by all reports: which have a line of their own, and what the others have in common."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recon.bundle.policies import differing

if TYPE_CHECKING:
    from recon.model import PolicyResult, Verification

LONGEST_POLICY = 80
NO_SETTINGS = "the profile names no settings"


def shown_policies(v: Verification) -> list[PolicyResult]:
    """The policies that have a line of their own: those that were compared, are required, or have a problem."""
    return [p for p in v.policies if p.compared or p.required or (p.problem and not p.is_placeholder)]


def unshown_policies(v: Verification) -> list[str]:
    """What is to be said of the other policies, one sentence each."""
    shown = shown_policies(v)
    others = [policy for policy in v.policies if policy not in shown]
    filled = [f"{each.key} ({_shortened(each.expected)})" for each in others if not each.is_placeholder]
    unfilled = [policy.key for policy in others if policy.is_placeholder]
    sentences = []
    if filled:
        noun = ("other" if shown else "policy", "others" if shown else "policies")
        are = f"{noun[0]} is" if len(filled) == 1 else f"{noun[1]} are"
        why = v.snapshot.not_read.get("target.policies") or NO_SETTINGS
        sentences.append(f"{len(filled):,} {are} valid and not compared, because {why}: {', '.join(filled)}.")
    if unfilled:
        are = "is a placeholder" if len(unfilled) == 1 else "are placeholders"
        sentences.append(f"{len(unfilled):,} {are} that nobody filled in: {', '.join(unfilled)}.")
    return sentences


def policy_values(policy: PolicyResult) -> tuple[str, str]:
    """What is declared and what the application has, as JSON texts; of two objects that differ, only where they do.

    Long ones are shortened. The second is empty where the policy was not compared.
    """
    if not policy.compared or policy.actual is None:
        return _shortened(policy.expected), "(none)" if policy.compared else ""
    expected, actual = (json.loads(text) for text in (policy.expected, policy.actual))
    if isinstance(expected, dict) and isinstance(actual, dict):
        if policy.match:
            some = "" if len(actual) == len(expected) else f", for {len(actual)} of {len(expected)}"
            return _shortened(policy.expected), f"the same{some}"
        expected, actual = differing(expected, actual)
    wanted, found = (_shortened(json.dumps(each, ensure_ascii=False)) for each in (expected, actual))
    return wanted, found


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST_POLICY else f"{text[:LONGEST_POLICY]}…"


def policy_result(policy: PolicyResult) -> str:
    """The result of a policy in a few words: what is wrong with it, else whether it is as declared."""
    return policy.problem or ("as declared" if policy.match else "not compared")
