"""Suites: rules as data, read from YAML files that are Great Expectations suites, in layers."""

from recon.suites.entries import rule_of
from recon.suites.files import load_document
from recon.suites.layers import layers_of, load_rules, load_suite, shipped_folder
from recon.suites.rule import RULE_TYPE, Fallback, Rule

__all__ = [
    "RULE_TYPE",
    "Fallback",
    "Rule",
    "layers_of",
    "load_document",
    "load_rules",
    "load_suite",
    "rule_of",
    "shipped_folder",
]
