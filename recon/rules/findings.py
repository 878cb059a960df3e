"""Findings: what a check found wrong, one row per thing, with a key that the next run finds again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.rules.evaluation import evaluate
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import polars as pl

    from recon.model import Check
    from recon.rules.rule import Rule
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("findings.sql"))
# The columns that name a thing, the most lasting first: a repeated import gives other ids, but not other records.
LASTING = ("wa_id", "target_id")
ID, OF_AN_ID = "id", "_id"
ENTITIES = ("entity", "entity_type")
# A repeated import or another order of the export changes them, and nothing is another for it.
PASSING = ("source_row", "target_id", "run_id")
NULL = "cast(null as varchar)"
VIOLATIONS = "recon_violations"
FINDINGS = "checks.findings"


def create_findings(rules: Iterable[Rule], checks: Iterable[Check], warehouse: Warehouse) -> None:
    """Create `checks.findings`, unless it is there: every finding of the checks, however many rows a check keeps.

    A finding is what a check says of one thing: all violations that share `entity`, `key` and `field`.

    Columns: `check_id`; `entity` (null: the rule names none); `key`, the id of what is wrong, its Wild Apricot id where
    the violation has one (null: it is about no single thing); `field` and `cause` (null: the rule names none);
    `violations`, their number; `fingerprint`, 16 hexadecimal digits that change when a value changes; `standing`,
    "open" until the finding is accepted; `violation`, the first of them as a JSON object, whose ids are texts.

    Args:
        rules: The rules, in the order of their checks.
        checks: What they found, as it is shown.
        warehouse: What they were evaluated on.
    """
    if warehouse.rows(STATEMENTS["is_there"]):
        return
    warehouse.execute(STATEMENTS["create"])
    for rule, check in zip(rules, checks, strict=True):
        if check.has_findings and check.violation_count:
            _add(rule, check, warehouse)


def _add(rule: Rule, check: Check, warehouse: Warehouse) -> None:
    """Add the findings of one check."""
    foreign = _foreign(rule, check, warehouse) if rule.is_gx_native else None
    with warehouse.reading() as reading:
        rows = reading.batches(rule.sql, rule.parameters) if foreign is None else foreign.to_arrow()
        # Not those of the check, in whose names personal data is masked.
        statement = _adding(check.id, rows.schema.names)
        warehouse.connection.register(VIOLATIONS, rows)
        try:
            warehouse.execute(statement)
        finally:
            warehouse.connection.unregister(VIOLATIONS)


def _adding(check_id: str, names: Sequence[str]) -> str:
    return STATEMENTS["add"].format(
        check=literal(check_id),
        violations=VIOLATIONS,
        entity=_text([name for name in (entity_column(names),) if name]),
        key=_text(id_columns(names)),
        field=_text([name for name in names if name == "field"]),
        cause=_text([name for name in names if name == "cause"]),
        values=_values([name for name in names if name not in PASSING]),
        row=_row(names),
    )


def _foreign(rule: Rule, check: Check, warehouse: Warehouse) -> pl.DataFrame:
    """The rows that a rule of a foreign type finds: all, and not masked, where the check keeps some, and masks them."""
    again = evaluate(rule, warehouse, check.violation_count or 0)
    return again.violations if again.violation_count == check.violation_count else check.violations


def id_columns(names: Sequence[str]) -> list[str]:
    """Return the columns of violations that may name the thing that is wrong, the most lasting first."""
    others = [name for name in names if name not in LASTING and (name == ID or name.endswith(OF_AN_ID))]
    return [*(name for name in LASTING if name in names), *others]


def entity_column(names: Sequence[str]) -> str | None:
    """Return the column of violations that names the entity; None: there is none."""
    return next((name for name in ENTITIES if name in names), None)


def _text(names: Sequence[str]) -> str:
    """The first of the columns that has a value, as text."""
    texts = ", ".join(f"nullif(cast({quote(name)} as varchar), '')" for name in names)
    return f"coalesce({texts})" if texts else NULL


def _values(names: Sequence[str]) -> str:
    return ", ".join(f"coalesce(cast({quote(name)} as varchar), chr(30))" for name in names) or "''"


def _row(names: Sequence[str]) -> str:
    """The row as a struct: ids as texts, whose digits a number would lose, and no two names that differ by case."""
    apart = {name.casefold(): name for name in reversed(names)}
    fields = ", ".join(f"{quote(name)} := {_field(name)}" for name in reversed(apart.values()))
    return f"struct_pack({fields})" if fields else "map()"


def _field(name: str) -> str:
    return f"cast({quote(name)} as varchar)" if name == ID or name.endswith(OF_AN_ID) else quote(name)
