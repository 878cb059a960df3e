"""The natural key of a record and of its row, as SQL, for pairing where no id does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.comparison import normalised_sql, typed_sql

if TYPE_CHECKING:
    from recon.comparison import Field as ComparedField
    from recon.ledger.field_mapping import FieldMapping
    from recon.profile import Profile


def natural_key(mapping: FieldMapping, profile: Profile) -> tuple[str, str, str]:
    """Return the SQL of the natural key of a record and of a row, and its name; an empty part makes it null.

    The SQL is "null" where the profile names no natural key, or one side lacks a part of it.
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
    """Return the SQL of one part as text, normalised as for comparison, so that equal values pair."""
    if truncate:
        value = f"date_trunc('{truncate}', {value})"
    return normalised_sql(f"cast({value} as varchar)", (*field.normalise, "trim"))
