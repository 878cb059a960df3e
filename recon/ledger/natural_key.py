"""The natural key of a record and of its row, as SQL: what an entity is known by where no id pairs it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.comparison import normalised_sql, typed_sql

if TYPE_CHECKING:
    from recon.comparison import Field as ComparedField
    from recon.ledger.field_mapping import FieldMapping
    from recon.profile import Profile


def natural_key(mapping: FieldMapping, profile: Profile) -> tuple[str, str, str]:
    """The SQL of the natural key of a record and of a row, and its name; parts that are empty make it null.

    "null" where the profile names none, or one side lacks a part of it.
    """
    table = profile.table(mapping.entity.name)
    parts = table.natural_key if table else ()
    pairs = {pair.field.column: pair for pair in mapping.pairs}
    if not parts or any(part.column not in pairs for part in parts):
        return "null", "null", ""
    source: list[str] = []
    target: list[str] = []
    for part in parts:
        pair = pairs[part.column]
        for side, column in ((source, pair.source), (target, pair.target)):
            side.append(_key_part(typed_sql(pair.compared, column.sql, column.stored), pair.compared, part.truncate))
    name = " and ".join(part.column for part in parts)
    return _joined(source), _joined(target), f"natural key ({name})"


def _joined(parts: list[str]) -> str:
    return " || chr(31) || ".join(f"nullif({part}, '')" for part in parts)


def _key_part(value: str, field: ComparedField, truncate: str | None) -> str:
    """One part as text, normalised as it is for comparison, so that what is equal pairs."""
    if truncate:
        value = f"date_trunc('{truncate}', {value})"
    return normalised_sql(f"cast({value} as varchar)", (*field.normalise, "trim"))
