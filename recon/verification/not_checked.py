"""What bundle and database hold and no check compares with anything: reported, so that nothing is passed over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from recon.ledger import COMPARED_COLUMNS, STAMPS
from recon.model import ENTITIES
from recon.profile import Profile
from recon.rules import Rule

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from recon.model import SnapshotInfo
    from recon.warehouse import Warehouse

UNKNOWN = "no column of the database is known to hold it"
UNREAD = "no check reads it"
SHOWN = "shown or used to sort, and compared with nothing"
STAMP = "evidence of when something was written, and compared with nothing"
PLACE = "it locates a record, and is compared with nothing"
COUNTED = "compared with the report's counts alone"
NOT_STATED = "the report does not state it"
OF_A_MEMBER = "compared where a member has it"
NAMES_RUN = "one place that names the run is enough"
# Columns that the shipped rules read without judging their values.
SORTED_BY = "target.tiers.sort_order"
CODES = ("statuses", "tiers")
LEFT_OUT = "select entity, field, reason from ledger.fields where is_left_out order by rowid"
SUMMARY = "from source.summary"
ERRORS = "select count(*) as n from source.errors"


class Scope(Struct, frozen=True):
    """What a verification was to look at.

    Attributes:
        rules: The rules that were evaluated.
        requires: Every table and column that was to be read.
    """

    profile: Profile
    rules: tuple[Rule, ...]
    requires: set[str]


def not_checked(warehouse: Warehouse, snapshot: SnapshotInfo, scope: Scope) -> dict[str, str]:
    """Return what nothing was compared with → why.

    Keys of the bundle have their place in it ("members.birthday"), columns the application's names ("Event.status").

    Args:
        warehouse: Holds bundle, database and ledger.
        snapshot: How the database was read.
        scope: What was to be looked at.
    """
    absent = {*warehouse.missing, *warehouse.unreadable}
    return dict([*_of_bundle(warehouse, absent), *_of_database(snapshot, scope, absent)])


def _of_bundle(warehouse: Warehouse, absent: set[str]) -> Iterator[tuple[str, str]]:
    yield from ((name, STAMP) for name in ("startedAt", "completedAt"))
    for place, fields in warehouse.unknown_fields.items():
        yield from ((f"{place}.{field}", UNKNOWN) for field in fields)
    for row in warehouse.rows(LEFT_OUT):
        yield f"{row['entity']}.{row['field']}", row["reason"]
    for entity in ENTITIES:
        if f"source.{entity}" not in absent and f"source.{entity}" not in warehouse.origins:
            yield f"{entity}._sourceRow", PLACE
            yield f"{entity}._action", COUNTED
    if warehouse.rows(ERRORS)[0]["n"]:
        yield "errors.waId", PLACE
    for row in warehouse.rows(SUMMARY):
        yield from ((f"summary.{_camel(name)}", NOT_STATED) for name, value in row.items() if value is None)
    yield "summary.duration_ms", SHOWN


def _of_database(snapshot: SnapshotInfo, scope: Scope, absent: set[str]) -> Iterator[tuple[str, str]]:
    unjudged = scope.requires - _judged(scope.rules) - absent
    tables = {table.source_name for table in scope.profile.tables}
    for table in scope.profile.tables:
        for column in (each for each in table.columns if each.candidates):
            name = f"target.{table.name}.{column.name}"
            if name in unjudged and f"target.{table.name}" not in absent:
                yield f"{table.source_name}.{column.candidates[0]}", STAMP if column.name in STAMPS else SHOWN
            elif table.name in CODES and column.name == "code" and name in scope.requires - absent:
                yield f"{table.source_name}.{column.candidates[0]}", OF_A_MEMBER
    for run in scope.profile.runs:
        named = (run.recorded_at,) if run.table in tables else (run.column, run.recorded_at)
        yield from ((f"{run.table}.{name}", NAMES_RUN) for name in named if name)
    yield from ((f"{table}.{name}", UNREAD) for table, names in snapshot.unread.items() for name in names)


def _judged(rules: Collection[Rule]) -> set[str]:
    """Return the columns whose values are compared: by the ledger, or by a rule."""
    found = {*COMPARED_COLUMNS}
    for rule in rules:
        is_shipped = rule.is_shipped and not rule.overrides
        found |= {name for name in rule.reads if not (is_shipped and name == SORTED_BY)}
    return found


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return first + "".join(map(str.capitalize, others))
