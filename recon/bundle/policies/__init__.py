"""The policies of a bundle: what each may be, what is wrong with those declared, and when two values are the same."""

from recon.bundle.policies.definitions import TYPES, PolicyDefinition, is_zone
from recon.bundle.policies.exported import ExportedPolicies, read_exported, require_shared
from recon.bundle.policies.problems import (
    DUPLICATE,
    INVALID,
    MISSING,
    PLACEHOLDER,
    REFUSED,
    TEMPLATE,
    UNKNOWN,
    PolicyProblem,
    policy_problems,
    problems_of,
)
from recon.bundle.policies.values import (
    NOTHING,
    differing,
    is_same_time,
    is_secret,
    lookup,
    read_document,
    read_value,
    same,
    shown,
)

__all__ = [
    "DUPLICATE",
    "INVALID",
    "MISSING",
    "NOTHING",
    "PLACEHOLDER",
    "REFUSED",
    "TEMPLATE",
    "TYPES",
    "UNKNOWN",
    "ExportedPolicies",
    "PolicyDefinition",
    "PolicyProblem",
    "differing",
    "is_same_time",
    "is_secret",
    "is_zone",
    "lookup",
    "policy_problems",
    "problems_of",
    "read_document",
    "read_exported",
    "read_value",
    "require_shared",
    "same",
    "shown",
]
