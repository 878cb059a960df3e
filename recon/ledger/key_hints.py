"""Keys that would pair missing records with unexpected rows by one more normaliser: counted, never applied."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from recon.comparison import normalised_sql
from recon.ledger.natural_key import natural_key
from recon.model import SINGULAR, KeyHint
from recon.sql import literal, named_statements, quote

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.ledger.field_mapping import FieldMapping
    from recon.model import Ledger
    from recon.profile import Column, Profile
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("key_hints.sql"))
# The digits of a phone number identify it; those of any other text do not.
OF_TEXT = ("trim", "collapse_spaces", "casefold", "nfc")
OF_PHONE = ("phone_digits",)
OF_ID = ("trim", "casefold")
NATURAL, TARGET_ID, WA_ID = "natural key", "target id", "Wild Apricot id"
ENTRY = "[tables.{table}.columns] {name} = {{ column = {column}, normalise = [{normalise}] }}"


class Way(Struct, frozen=True):
    """A key with one more normaliser.

    Attributes:
        key: What it is called.
        of: What the normaliser is applied to, in words.
        lost, spare: The SQL of the key of a record `s` and of a row `t`.
        rows: The rows, as SQL.
        line: The line of the profile that applies it; None: there is none.
    """

    key: str
    of: str
    normaliser: str
    lost: str
    spare: str
    rows: str = "spare"
    codes: str = ""
    line: str | None = None


def key_hints(
    ledger: Ledger, mappings: Sequence[FieldMapping], profile: Profile, warehouse: Warehouse
) -> tuple[KeyHint, ...]:
    """Return how many missing records would pair with unexpected rows, for each normaliser by which any would.

    Args:
        ledger: The account of the entities.
        mappings: The fields of each entity.
        profile: The profile, whose normalisers are applied already.
        warehouse: A warehouse whose ledger is built.
    """
    open_entities = {each.entity for each in ledger.entities if each.unexplained_records and each.unexplained_rows}
    found = [_of_entity(each, profile, warehouse) for each in mappings if each.entity.name in open_entities]
    return tuple(hint for hints in found for hint in hints)


def _of_entity(mapping: FieldMapping, profile: Profile, warehouse: Warehouse) -> list[KeyHint]:
    entity = mapping.entity
    tables = {side: quote(side, entity.name) for side in ("source", "target", "ledger")}
    for name in ("lost", "spare"):
        warehouse.execute(STATEMENTS[name].format(**tables))
    (sizes,) = warehouse.rows(STATEMENTS["sizes"])
    hints = list(_hints(mapping, profile, warehouse, sizes["lost"])) if all(sizes.values()) else []
    warehouse.execute(STATEMENTS["close"])
    return hints


def _hints(mapping: FieldMapping, profile: Profile, warehouse: Warehouse, lost: int) -> Iterator[KeyHint]:
    entity = mapping.entity
    ways = [*_by_natural_key(mapping, profile), *_by_id(), *_by_wa_id(mapping, warehouse)]
    queries = [
        STATEMENTS["pairs"].format(place=place, lost=way.lost, spare=way.spare, rows=way.rows, codes=way.codes)
        for place, way in enumerate(ways)
    ]
    for row in warehouse.rows(" union all ".join(queries) + " order by place"):
        if row["n"]:
            way = ways[row["place"]]
            sentence = _sentence(entity.name, way, row["n"], lost)
            yield KeyHint(entity.name, way.key, way.normaliser, row["n"], lost, way.line, sentence)


def _by_natural_key(mapping: FieldMapping, profile: Profile) -> Iterator[Way]:
    """Yield the natural key with one more normaliser on one of its texts."""
    table = profile.table(mapping.entity.name)
    parts = {part.column for part in table.natural_key} if table else set()
    for place, pair in enumerate(mapping.pairs):
        column = table.column(pair.field.column) if table else None
        if column is None or column.type != "text" or pair.field.column not in parts:
            continue
        for name in OF_TEXT + (OF_PHONE if column.personal == "phone" else ()):
            # A natural key is trimmed in any case.
            if name not in (*column.normalise, "trim"):
                changed = replace(pair, compared=replace(pair.compared, normalise=(*column.normalise, name)))
                pairs = (*mapping.pairs[:place], changed, *mapping.pairs[place + 1 :])
                lost, spare, key = natural_key(replace(mapping, pairs=pairs), profile)
                line = _line(mapping.entity.name, column, (*column.normalise, name))
                yield Way(key, column.name, name, lost, spare, codes=mapping.codes, line=line)


def _by_id() -> Iterator[Way]:
    """Yield the id that a record names with a normaliser."""
    for name in OF_ID:
        lost, spare = (normalised_sql(sql, (name,)) for sql in ("s.claimed_id", "cast(t.id as varchar)"))
        yield Way(TARGET_ID, "its id", name, lost, spare)


def _by_wa_id(mapping: FieldMapping, warehouse: Warehouse) -> Iterator[Way]:
    """Yield the database's id mappings, looked up by the Wild Apricot id with a normaliser."""
    if warehouse.row_count("target.id_mappings"):
        names = ", ".join(map(literal, mapping.entity.mapped_as))
        rows = f"({STATEMENTS['mapped'].format(names=names)})"
        for name in OF_ID:
            lost, spare = (normalised_sql(sql, (name,)) for sql in ("s.wa_id", "t.wa_id"))
            yield Way(WA_ID, "its Wild Apricot id", name, lost, spare, rows)


def _line(table: str, column: Column, normalise: Sequence[str]) -> str:
    """Return the line of the profile, as TOML below the heading of its table."""
    names = [f'"{each}"' for each in column.candidates]
    written = names[0] if len(names) == 1 else f"[{', '.join(names)}]"
    listed = ", ".join(f'"{each}"' for each in normalise)
    return ENTRY.format(table=table, name=column.name, column=written, normalise=listed)


def _sentence(entity: str, way: Way, count: int, lost: int) -> str:
    """The hint in words: '54 of 60 missing members would pair with an unexpected row by casefold of email'."""
    would = (
        f"{count:,} of {lost:,} missing {SINGULAR[entity] if lost == 1 else entity} would pair with an unexpected row"
    )
    where = "not applied" if way.line else "not applied: the profile has no line for it, so correct the ids"
    return f"{would} by {way.normaliser} of {way.of}; {where}"
