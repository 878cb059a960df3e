"""Empty text against null, for fields whose normalisers treat them as equal: counted in SQL, as there may be many."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.ledger.field_mapping import EMPTY_AS_NULL, TEXT

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recon.ledger.field_mapping import FieldMapping, MappedField
    from recon.warehouse import Warehouse

IS_EMPTY = "coalesce(bool_or({column} = ''), false)"
ANY_EMPTY = "select {found} from {side}.{entity} {alias} {codes}"
BECAME_NULL = "count(*) filter ({source} = '' and {target} is null)"
BECAME_EMPTY = "count(*) filter (({source} = '' and {target} is null) or ({source} is null and {target} = ''))"
COUNTS = """
select {counts} from ledger.{entity} l
join source.{entity} s on s.rowid = l.record join target.{entity} t on t.id = l.target_id {codes}
where l.outcome = 'landed'"""


def count_empties(mapping: FieldMapping, warehouse: Warehouse) -> dict[str, int]:
    """Count landed records that equal their rows only because empty text is null, by "<field>: empty_as_null"."""
    pairs = [pair for pair in mapping.pairs if EMPTY_AS_NULL in pair.compared.normalise and TEXT in _stored(pair)]
    found = _with_empties(pairs, mapping, warehouse)
    if not found:
        return {}
    counts = ", ".join(
        (BECAME_EMPTY if pair.target.stored == TEXT else BECAME_NULL).format(
            source=pair.source.sql, target=pair.target.sql
        )
        for pair in found
    )
    sql = COUNTS.format(counts=counts, entity=mapping.entity.name, codes=mapping.codes)
    numbers = warehouse.execute(sql).fetchall()[0]
    return {f"{pair.compared.name}: {EMPTY_AS_NULL}": n for pair, n in zip(found, numbers, strict=True) if n}


def _stored(pair: MappedField) -> tuple[str, str]:
    return pair.source.stored, pair.target.stored


def _with_empties(pairs: Iterable[MappedField], mapping: FieldMapping, warehouse: Warehouse) -> list[MappedField]:
    """Return the fields with an empty text on either side: this check takes only a scan, counting takes a join."""
    found: list[MappedField] = []
    for side, alias, codes in (("source", "s", ""), ("target", "t", mapping.codes)):
        looked = [pair for pair in pairs if getattr(pair, side).stored == TEXT]
        if looked:
            columns = ", ".join(IS_EMPTY.format(column=getattr(pair, side).sql) for pair in looked)
            sql = ANY_EMPTY.format(found=columns, side=side, entity=mapping.entity.name, alias=alias, codes=codes)
            answers = warehouse.execute(sql).fetchall()[0]
            found += [pair for pair, has in zip(looked, answers, strict=True) if has and pair not in found]
    return found
