"""What tests of Great Expectations share: the warehouse of a club, and entries of its own types."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from recon.bundle import open_bundle
from recon.database import open_source, resolve_database
from recon.ledger import DeclaredPolicies, LedgerSettings, account_for, ledger_columns
from recon.profile import load_profile
from recon.rules import layers_of, load_policy_definitions, load_rules
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.rules import Rule


def entry(expectation_type: str = "expect_column_values_to_not_be_null", /, **changes: Any) -> dict[str, Any]:
    """A stock expectation on the members' addresses; `kwargs` are replaced, other changes go to `meta`."""
    kwargs = changes.pop("kwargs", {"column": "email"})
    severity = changes.pop("severity", "critical")
    meta = {
        "id": "stock",
        "title": "Stock Check",
        "category": "own",
        "table": "target.members",
        "meaning": "Some are not",
        "action": "Look at them",
        **changes,
    }
    described = {"type": expectation_type, "severity": severity, "description": "As it should be."}
    return {**described, "kwargs": kwargs, "meta": {key: value for key, value in meta.items() if value is not None}}


def write_suite(folder: Path, *entries: Any, name: str = "own") -> Path:
    folder.mkdir(exist_ok=True)
    text = yaml.safe_dump({"name": name, "expectations": list(entries)}, sort_keys=False)
    (folder / "own.yaml").write_text(text, encoding="utf-8")
    return folder


def rules_of(*expectations: Path) -> Sequence[Rule]:
    return load_rules(layers_of(expectations))


def loaded(demo: DemoPaths, rules: Sequence[Rule]) -> Warehouse:
    """What the rules read of the club, loaded as by `verify`."""
    warehouse = Warehouse()
    reads = {reference for rule in rules for reference in rule.reads}
    with open_bundle(demo.bundle) as bundle:
        reads |= ledger_columns(bundle.listed)
        load_bundle(bundle, warehouse, reads)
        definitions = load_policy_definitions(layers_of(()))
        policies = DeclaredPolicies(bundle.policies, definitions, None, bundle.config)
        case = LedgerSettings(load_profile(), bundle.config, policies=policies)
    source = open_source(resolve_database(str(demo.database), {}))
    take_snapshot(source, case.profile, reads, warehouse)
    account_for(warehouse, case)
    source.close()
    return warehouse
