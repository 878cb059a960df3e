"""Whether a verification notices single changes: each is noticed, equal by a normaliser, not checked, or a hole."""

from __future__ import annotations

import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import polars as pl
from value_changes import GLOBAL, Change, altered

import recon
from recon.bundle.columns import COLUMNS
from recon.comparison import Field, StoredColumn, judge, judged_sql, register_normalisers
from recon.demo import write_bundle
from recon.errors import ReconError
from recon.ledger.entities import EVERY_ENTITY
from recon.model import Outcome
from recon.profile import load_profile
from recon.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.demo import Club

MOST_AT_ONCE = 24
NOTICED, EQUAL, NOT_CHECKED, HOLE = "noticed", "equal by a normaliser", "not checked", "hole"
SCORES = (NOTICED, EQUAL, NOT_CHECKED)


@dataclass(frozen=True)
class Findings:
    """What a verification reports.

    Attributes:
        refused: Why no verdict was reached; empty: it was.
        outcomes: Outcome by check.
        rows: The texts of each row of evidence and of each example of a cause, with what they are of.
        not_checked: The columns and keys that are reported as not checked: "Member.waRawData", "members[].birthday".
        matched_by: Number of records by entity and by what paired them with their rows.
    """

    refused: str
    outcomes: Mapping[str, Outcome]
    rows: frozenset[tuple[str, frozenset[str]]]
    not_checked: frozenset[str] = frozenset()
    matched_by: Mapping[tuple[str, str], int] = field(default_factory=dict)

    def notices(self, change: Change, usual: Findings) -> bool:
        """Whether the report names what was changed; of what no row holds, whether it has anything to report."""
        if self.refused:
            return "a bug in recon" not in self.refused
        if change.kind == "null" and change.where.endswith("[]._murmurantId") and self.matched_by != usual.matched_by:
            # Its row was found all the same; the account says by what.
            return True
        new = [texts for _, texts in self.rows - usual.rows]
        if not change.subjects:
            unlike = {name for name, outcome in self.outcomes.items() if outcome is not usual.outcomes.get(name)}
            return bool(new) or any(self.outcomes[name] is not Outcome.PASS for name in unlike)
        return all(any(names <= texts for names in _lower(subject) for texts in new) for subject in change.subjects)


@dataclass(frozen=True)
class Scored:
    """A change and what became of it."""

    change: Change
    score: str


class Measure:
    """Judges changes to one club.

    Attributes:
        usual: What is reported of the club as it is.
        judged: The changes that were judged together, and what was reported of them.
    """

    def __init__(self, club: Club) -> None:
        self.club = club
        self.usual = self._verify([])
        self.judged: list[tuple[Sequence[Change], Findings]] = []

    def score(self, changes: Sequence[Change], *, alone: bool = False) -> list[Scored]:
        """Score each change.

        Those that cannot be taken for each other are judged together. What is not noticed there is judged alone, as
        all are if `alone`.
        """
        noticed: set[int] = set()
        reported: set[int] = set()
        for together in [[change] for change in changes] if alone else _rounds(changes):
            found = self._findings(together)
            if not found.refused or len(together) == 1:
                noticed |= {id(change) for change in together if found.notices(change, self.usual)}
            reported |= {id(change) for change in together if change.where in found.not_checked}
        equal = {id(change) for change in equal_changes([each for each in changes if id(each) not in noticed])}
        known = {
            **dict.fromkeys(reported, NOT_CHECKED),
            **dict.fromkeys(equal, EQUAL),
            **dict.fromkeys(noticed, NOTICED),
        }
        return [Scored(change, known.get(id(change)) or self._alone(change, is_judged=alone)) for change in changes]

    def _alone(self, change: Change, *, is_judged: bool) -> str:
        if change.where in self.usual.not_checked:
            return NOT_CHECKED
        return NOTICED if not is_judged and self._findings([change]).notices(change, self.usual) else HOLE

    def _findings(self, changes: Sequence[Change]) -> Findings:
        found = self._verify(changes)
        self.judged.append((changes, found))
        return found

    def _verify(self, changes: Sequence[Change]) -> Findings:
        with TemporaryDirectory() as name:
            folder = Path(name)
            club = altered(self.club, changes)
            bundle, database = write_bundle(club, folder / "bundle"), _write_database(club, folder / "club.db")
            try:
                found = recon.verify(recon.VerifyOptions(bundle=bundle, database=str(database), show_pii=True))
            except ReconError as error:
                return Findings(str(error), {}, frozenset())
        outcomes = {check.id: check.outcome for check in found.checks}
        return Findings("", outcomes, frozenset(_rows(found)), frozenset(_not_checked(found)), _matched_by(found))


def _write_database(club: Club, file: Path) -> Path:
    """Write the tables without types and constraints, which some changes violate."""
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("pragma synchronous = off")
        for table, rows in club.tables.items():
            columns = list(rows[0]) if rows else ["id"]
            quoted, places = ", ".join(f'"{name}"' for name in columns), ", ".join("?" for _ in columns)
            connection.execute(f'create table "{table}" ({quoted})')
            connection.executemany(
                f'insert into "{table}" values ({places})', [[row[n] for n in columns] for row in rows]
            )
    return file


def _rounds(changes: Sequence[Change]) -> list[list[Change]]:
    """Groups of changes of which none affects what another is named by."""
    rounds: list[list[Change]] = []
    # Those that fit beside few others first.
    for change in sorted(changes, key=lambda change: -len(change.affects)):
        for together in rounds if change.affects != GLOBAL else ():
            if len(together) < MOST_AT_ONCE and not any(are_confused(change, other) for other in together):
                together.append(change)
                break
        else:
            rounds.append([change])
    return rounds


def are_confused(change: Change, other: Change) -> bool:
    """Whether what is reported of one may be taken for the other."""
    if GLOBAL in (change.affects, other.affects):
        return True
    return bool(change.affects & other.named or change.named & other.affects)


def _lower(subject: Sequence[frozenset[str]]) -> list[frozenset[str]]:
    return [frozenset(text.lower() for text in names) for names in subject]


def _rows(found: recon.Verification) -> Iterator[tuple[str, frozenset[str]]]:
    for check in found.checks:
        # A member is named there as well for an address that another one got.
        if check.outcome is not Outcome.PASS and check.id != "duplicate_addresses":
            for row in check.violations.iter_rows(named=True):
                yield f"{check.id} {row}", frozenset(_texts(row))
    for cause in found.ledger.causes if found.ledger else ():
        for example in cause.examples:
            named = {"entity": cause.entity, "row": example.source_row, "of": example.wa_id, "on": example.target_id}
            yield f"{cause.name} {cause.field} {example}", frozenset(_texts(named))


def _texts(row: Mapping[str, Any]) -> Iterator[str]:
    for name, value in row.items():
        if value is not None:
            yield f"row {value}" if name in ("source_row", "row") else str(value).lower()
            # Several ids in one cell.
            yield from str(value).lower().split(", ") if name in ("wa_id", "target_id") else ()


def _matched_by(found: recon.Verification) -> dict[tuple[str, str], int]:
    accounts = found.ledger.entities if found.ledger else ()
    return {(account.entity, kind): count for account in accounts for kind, count in account.matched_by.items()}


def _not_checked(found: recon.Verification) -> Iterator[str]:
    """What the Verification itself reports as not checked."""
    if any(not policy.compared for policy in found.policies):
        yield "policies[].value"
    for name in found.not_checked:
        yield name
        yield f"report.{name}"
        place, _, key = name.rpartition(".")
        yield f"{place}[].{key}"
        # Of rows that nothing refers to, no column is compared.
        if key in ("code", "metadata"):
            yield f"{place}.(row)"


def equal_changes(changes: Sequence[Change]) -> list[Change]:
    """The changes whose old and new value are equal by the type and the normalisers that the profile declares."""
    columns = _profile_columns()
    by_field: dict[Field, list[Change]] = defaultdict(list)
    for change in changes:
        if change.where in columns and change.kind != "swap":
            by_field[columns[change.where]].append(change)
    with Warehouse() as warehouse:
        register_normalisers(warehouse.connection)
        return [change for field, each in by_field.items() for change in _equal(warehouse, field, each)]


def _equal(warehouse: Warehouse, field: Field, changes: Sequence[Change]) -> list[Change]:
    """Those among changes of one field, as recon's own comparison judges them."""
    texts = [(n, _text(change.before), _text(change.after)) for n, change in enumerate(changes)]
    schema = {"n": pl.Int64, "before": pl.String, "after": pl.String}
    warehouse.connection.register("texts", pl.DataFrame(texts, schema=schema, orient="row").to_arrow())
    sides = [{field.name: StoredColumn(side, "VARCHAR")} for side in ("before", "after")]
    values = warehouse.connection.sql(f"select n, {judged_sql([field], *sides)} from texts order by n")
    frame = pl.DataFrame(pl.from_arrow(values.to_arrow_table()))
    warehouse.connection.unregister("texts")
    differing = set(judge(frame, [field]).differences["n"].to_list())
    return [change for n, change in enumerate(changes) if n not in differing]


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return str(value).lower() if isinstance(value, bool) else str(value)


def _profile_columns() -> dict[str, Field]:
    """How values are compared, by column of the database and by key of a record, where the profile says so."""
    profile = load_profile()
    found: dict[str, Field] = {}
    for table in profile.tables:
        for column in table.columns:
            field = Field(column.name, column.type, column.normalise, column.abs_tol, column.rel_tol)
            found |= {f"{table.source_name}.{name}": field for name in column.candidates}
    for entity in EVERY_ENTITY:
        keys = {column.name: column.key for column in COLUMNS[entity.name]}
        table = next(table for table in profile.tables if table.name == entity.name)
        for each in entity.fields:
            mapped = table.column(each.column)
            if mapped and not each.code_of:
                compared = Field(each.name, mapped.type, mapped.normalise, mapped.abs_tol, mapped.rel_tol)
                found[f"{entity.name}[].{keys[each.name]}"] = compared
        found[f"{entity.name}[]._murmurantId"] = Field("target_id", "key")
        found[f"idMapping.{entity.name}[].murmurantId"] = Field("target_id", "key")
    # The names of entities are looked up whatever their case.
    found["WaIdMapping.entityType"] = Field("entity_type", "text", ("trim", "casefold"))
    return found


def score_table(scored: Sequence[Scored]) -> list[list[str]]:
    """The score as rows of a table: one per column, in the order of the changes, and the total."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for each in scored:
        counted[each.change.where][each.score] += 1
    total = Counter(each.score for each in scored)
    rows = [_line(f"`{where}`", counts) for where, counts in counted.items()]
    return [["Column", "Changes", *SCORES], *rows, _line("together", total)]


def _line(name: str, counts: Counter[str]) -> list[str]:
    return [name, str(counts.total()), *(str(counts[score]) if counts[score] else "" for score in SCORES)]
