"""A comparison of two runs as JSON, with every record, conforming to the schema in changes.schema.json."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from recon.report.text import printable, timestamp

if TYPE_CHECKING:
    from msgspec import Struct

    from recon.model.changes import CheckChange, ComparedRun, FindingTally, RunComparison

SCHEMA_VERSION = "1.0"


def render(comparison: RunComparison) -> str:
    """The complete report."""
    return json.dumps(document(comparison), indent=2, ensure_ascii=False) + "\n"


def document(c: RunComparison) -> dict[str, Any]:
    """The report as plain objects."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "database": printable(c.database),
        "older": _run(c.older),
        "newer": _run(c.newer),
        "notices": [printable(notice) for notice in c.notices],
        "findings": _tally(c.findings),
        "withoutFindings": c.without_findings or None,
        "isWorse": c.is_worse,
        "isKnown": c.is_known,
        "checks": [_check(check) for check in c.checks],
        "rules": [_plain(rule) for rule in c.rules],
        "rulesKnown": c.rules_known,
        "inputs": [_plain(each) | {"changed": each.is_changed if each.is_known else None} for each in c.inputs],
        "outcomes": [_plain(each) for each in c.outcomes],
        "unexplained": {"before": c.unexplained.before, "after": c.unexplained.after},
        "causes": [_plain(each) for each in c.causes],
        "masked": c.masked,
        "records": c.records.rename({name: _camel(name) for name in c.records.columns}).to_dicts(),
    }


def _run(run: ComparedRun) -> dict[str, Any]:
    return _plain(run) | {"startedAt": timestamp(run.started_at), "verdict": str(run.verdict)}


def _check(check: CheckChange) -> dict[str, Any]:
    return _plain(check) | {
        "before": None if check.before is None else str(check.before),
        "after": None if check.after is None else str(check.after),
        "findings": _tally(check.findings),
        "notes": list(check.notes),
    }


def _tally(tally: FindingTally | None) -> dict[str, int] | None:
    return None if tally is None else _plain(tally)


def _plain(struct: Struct) -> dict[str, Any]:
    """The attributes in camelCase."""
    return {_camel(name): getattr(struct, name) for name in struct.__struct_fields__}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
