"""Decides which rows can go: none that something else refers to, so that no cascade ever fires unplanned."""

from __future__ import annotations

from collections import defaultdict, deque
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING

from recon.errors import RollbackError
from recon.masking import mask_text
from recon.rollback.tables import raw_text

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

    from recon.database.writing import Key, Reference

    RowId = tuple[str, Key]
    """A row: its table as `TargetTable.sql`, and its key."""


@dataclass(frozen=True)
class Link:
    """A row that refers to another; the key of a row in a table without keys is empty."""

    child: RowId
    parent: RowId


@dataclass
class Selection:
    """The rows to delete, and those that stay although the run created them.

    Attributes:
        rows: Keys by table, in the order in which they were found.
        kept: TargetTable → key → why.
        owners: The row that an id mapping is about, by the mapping's own row: either both go, or neither.
        included: The tables whose rows go together with those that they refer to.
    """

    rows: dict[str, dict[Key, None]] = field(default_factory=dict)
    kept: dict[str, dict[Key, str]] = field(default_factory=dict)
    owners: dict[RowId, RowId] = field(default_factory=dict)
    included: Collection[str] = ()

    def holds(self, row: RowId) -> bool:
        """Whether a row is to be deleted."""
        return row[1] in self.rows.get(row[0], ())

    def keep(self, row: RowId, why: str) -> None:
        """Take a row out."""
        del self.rows[row[0]][row[1]]
        self.kept.setdefault(row[0], {})[row[1]] = why


def include_dependents(
    selection: Selection,
    references: Sequence[Reference],
    links_of: Callable[[Reference, Iterable[Key]], Iterable[Link]],
) -> None:
    """Add the rows of the included tables that refer to rows of the selection, and those that refer to these.

    Args:
        selection: Is extended.
        references: Every foreign key.
        links_of: Returns the rows that refer to the parents with these keys.
    """
    fresh = {table: set(rows) for table, rows in selection.rows.items()}
    while fresh:
        found: dict[str, set[Key]] = defaultdict(set)
        for reference in references:
            if reference.table not in selection.included or reference.parent not in fresh:
                continue
            for link in links_of(reference, fresh[reference.parent]):
                if not selection.holds(link.child):
                    selection.rows.setdefault(link.child[0], {})[link.child[1]] = None
                    found[link.child[0]].add(link.child[1])
        fresh = dict(found)


def keep_referred(
    selection: Selection, links: Iterable[Link], name_of: Callable[[str], str], stuck: Iterable[tuple[RowId, str]] = ()
) -> None:
    """Keep what rows outside the selection refer to, and then what the kept rows refer to.

    Args:
        selection: Is reduced.
        links: Every row that refers to a row of the selection, in it or not.
        name_of: Returns a table's name for people.
        stuck: Rows that cannot be deleted, with the reason.
    """
    parents: dict[RowId, list[RowId]] = defaultdict(list)
    mappings: dict[RowId, list[RowId]] = defaultdict(list)
    for mapping, owner in selection.owners.items():
        mappings[owner].append(mapping)
    outside: dict[RowId, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for link in links:
        if selection.holds(link.child):
            parents[link.child].append(link.parent)
        else:
            outside[link.parent][link.child[0]] += 1
    waiting: deque[tuple[RowId, str]] = deque((row, _referred(counts, name_of)) for row, counts in outside.items())
    waiting.extend(stuck)
    while waiting:
        row, why = waiting.popleft()
        if not selection.holds(row):
            continue
        selection.keep(row, why)
        words = f"{name_of(row[0])} {words_of(row[1])}, which is kept, refers to it"
        waiting.extend((parent, words) for parent in parents[row])
        if row in selection.owners:
            waiting.append((selection.owners[row], f"its id mapping {words_of(row[1])} is kept"))
        waiting.extend((mapping, "the row that it names is kept") for mapping in mappings[row])
    _drop_alone(selection, parents)


def _referred(counts: Mapping[str, int], name_of: Callable[[str], str]) -> str:
    """Return that rows refer to one, given their number by table."""
    rows = " and ".join(f"{f'{n:,} rows' if n > 1 else '1 row'} of {name_of(table)}" for table, n in counts.items())
    return f"{rows} outside the plan refer{'s' if sum(counts.values()) == 1 else ''} to it"


def _drop_alone(selection: Selection, parents: Mapping[RowId, Sequence[RowId]]) -> None:
    """Leave alone what was included because of rows that turned out to be kept."""
    is_changed = True
    while is_changed:
        is_changed = False
        for table in selection.included:
            for key in list(selection.rows.get(table, ())):
                if not any(map(selection.holds, parents[table, key])):
                    del selection.rows[table][key]
                    is_changed = True


def deletion_order(tables: Collection[str], references: Iterable[Reference]) -> list[str]:
    """Return tables in the order of deletion: those that refer to others before these.

    Args:
        tables: As `TargetTable.sql`.
        references: What refers to what; those of other tables are ignored.

    Raises:
        RollbackError: Tables refer to each other in a circle.
    """
    sorter: TopologicalSorter[str] = TopologicalSorter(dict.fromkeys(sorted(tables), ()))
    for reference in references:
        if {reference.table, reference.parent} <= set(tables) and reference.table != reference.parent:
            sorter.add(reference.parent, reference.table)
    try:
        return list(sorter.static_order())
    except CycleError as error:
        raise RollbackError(
            "Tables refer to each other in a circle, so that no order of deletion is right",
            where=" → ".join(error.args[1]),
            next_step="Ask the DBA whether one of these foreign keys can be made deferrable",
        ) from None


def deletion_levels(keys: Collection[Key], links: Iterable[tuple[Key, Key]]) -> list[list[Key]]:
    """Divide the rows of one table so that rows of one level refer to none of it, nor to one of a level before.

    Args:
        keys: The rows to delete.
        links: Which of them refers to which other, child and parent.

    Raises:
        RollbackError: Rows refer to each other in a circle.
    """
    referred: dict[Key, int] = dict.fromkeys(keys, 0)
    parents: dict[Key, list[Key]] = defaultdict(list)
    for child, parent in links:
        if child != parent:
            referred[parent] += 1
            parents[child].append(parent)
    level = [key for key, n in referred.items() if n == 0]
    levels, done = [], 0
    while level:
        levels.append(level)
        done += len(level)
        following = []
        for parent in (parent for key in level for parent in parents[key]):
            referred[parent] -= 1
            if referred[parent] == 0:
                following.append(parent)
        level = sorted(following)
    if done < len(referred):
        left = next(key for key, n in referred.items() if n > 0)
        raise RollbackError(
            "Rows of one table refer to each other in a circle, so that no order of deletion is right",
            where=words_of(left),
            next_step="Ask the DBA to empty one of these references first",
        )
    return levels


def words_of(key: Key) -> str:
    """Return a key for people: its values without quotes; addresses and phone numbers among them are masked."""
    return mask_text(", ".join(map(raw_text, key))) or "(without a key)"
