"""Rules as data: YAML suites in layers, and the only evaluator, which turns a rule into a check."""

from recon.rules.entries import entry_of, rule_of
from recon.rules.files import load_document
from recon.rules.layers import layers_of, load_rules, load_suite, optional_checks, shipped_folder
from recon.rules.policies import load_policy_definitions
from recon.rules.rule import RULE_TYPE, Fallback, Rule

__all__ = [
    "RULE_TYPE",
    "Fallback",
    "Rule",
    "entry_of",
    "layers_of",
    "load_document",
    "load_policy_definitions",
    "load_rules",
    "load_suite",
    "optional_checks",
    "rule_of",
    "shipped_folder",
]
