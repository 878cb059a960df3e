"""What bundle and database hold and no check compares with anything: reported, so that nothing is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.ledger import COMPARED_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from recon.model import SnapshotInfo
    from recon.rules import Rule
    from recon.warehouse import Warehouse

UNKNOWN = "no column of the database is known to hold it"
UNREAD = "no check reads it"
SHOWN = "shown or used to sort, and compared with nothing"
STAMP = "evidence of when a row was written, and compared with nothing"
# Columns that the shipped rules read without judging their values.
SORTED_BY = "target.tiers.sort_order"
STAMPS = ("created_at", "updated_at")
LEFT_OUT = "select entity, field, reason from ledger.fields where is_left_out order by rowid"


def not_checked(
    warehouse: Warehouse, snapshot: SnapshotInfo, rules: Collection[Rule], requires: Collection[str]
) -> dict[str, str]:
    """Return what nothing was compared with → why.

    Fields of records and columns that recon knows have its own names ("members.birthday", "members.created_at"), other
    columns the application's ("Event.status").

    Args:
        warehouse: Holds bundle, database and ledger.
        snapshot: How the database was read.
        rules: The rules that were evaluated.
        requires: Every table and column that was to be read.
    """
    return dict(
        [
            *_of_bundle(warehouse),
            *_of_columns_read({*requires}, _judged(rules), {*warehouse.missing, *warehouse.unreadable}),
            *((f"{table}.{name}", UNREAD) for table, names in snapshot.unread.items() for name in names),
        ]
    )


def _of_bundle(warehouse: Warehouse) -> Iterator[tuple[str, str]]:
    for entity, fields in warehouse.unknown_fields.items():
        yield from ((f"{entity}.{field}", UNKNOWN) for field in fields)
    for row in warehouse.rows(LEFT_OUT):
        yield f"{row['entity']}.{row['field']}", row["reason"]


def _of_columns_read(requires: set[str], judged: set[str], absent: set[str]) -> Iterator[tuple[str, str]]:
    for reference in sorted(requires - judged - absent):
        schema, _, name = reference.partition(".")
        table, _, column = name.partition(".")
        if schema == "target" and column and f"target.{table}" not in absent:
            yield name, STAMP if column in STAMPS else SHOWN


def _judged(rules: Collection[Rule]) -> set[str]:
    """Return the columns whose values are compared: by the ledger, or by a rule."""
    found = {*COMPARED_COLUMNS}
    for rule in rules:
        is_shipped = rule.is_shipped and not rule.overrides
        found |= {name for name in rule.reads if not (is_shipped and name == SORTED_BY)}
    return found
