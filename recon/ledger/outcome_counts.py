"""The records and rows of an entity by outcome, counted in one pass over its ledger."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from recon.model import SOURCE_OUTCOMES, TARGET_OUTCOMES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping


class OutcomeCounts:
    """The counts of one entity.

    Args:
        groups: The number `n` of records and rows by outcome, row_outcome, matched_by, has_row, is_listed, has_claim
            and is_explained.
    """

    def __init__(self, groups: Iterable[Mapping[str, Any]]) -> None:
        self._groups = tuple(groups)

    @property
    def outcomes(self) -> dict[str, int]:
        """Number of records by outcome, in the order of `SOURCE_OUTCOMES`."""
        return {name: self._of("outcome", name) for name in SOURCE_OUTCOMES}

    @property
    def rows_by_outcome(self) -> dict[str, int]:
        """Number of rows by outcome, in the order of `TARGET_OUTCOMES`."""
        return {name: self._of("row_outcome", name) for name in TARGET_OUTCOMES}

    @property
    def records(self) -> int:
        """Number of the bundle's records, including those that only its error list names."""
        return sum(self.outcomes.values())

    @property
    def rows(self) -> int:
        """Number of the database's rows."""
        return sum(self.rows_by_outcome.values())

    @property
    def not_listed(self) -> int:
        """Number of rejected records that only the error list names."""
        return self._count(lambda group: group["outcome"] == "rejected" and not group["is_listed"])

    @property
    def unexplained_records(self) -> int:
        """Number of records whose outcome no cause explains."""
        return self._count(lambda group: group["outcome"] is not None and not group["is_explained"])

    @property
    def unexplained_rows(self) -> int:
        """Number of rows that no record claims and no cause explains."""
        return self._count(lambda group: group["outcome"] is None and not group["is_explained"])

    @property
    def matched_by(self) -> dict[str, int]:
        """Number of paired records by what paired them, the most frequent first."""
        found = Counter[str]()
        for group in self._groups:
            if group["matched_by"] and group["has_row"]:
                found[group["matched_by"]] += group["n"]
        return dict(found.most_common())

    @property
    def has_causes(self) -> bool:
        """Whether any record is not landed, or any row not claimed."""
        outcomes = self.outcomes
        landed = outcomes["landed"] + outcomes["landed_altered"]
        return self.records != landed or self.rows != self.rows_by_outcome["claimed"]

    @property
    def figures(self) -> dict[str, int]:
        """The columns of `ledger.accounts` except entity."""
        return {
            "records": self.records,
            "row_count": self.rows,
            **self.outcomes,
            **self.rows_by_outcome,
            "skipped_without_row": self._count(lambda group: group["outcome"] == "skipped" and not group["has_row"]),
            "not_listed": self.not_listed,
            "other_id": self._count(lambda group: group["outcome"] == "landed_altered" and group["has_claim"]),
            "unexplained_records": self.unexplained_records,
            "unexplained_rows": self.unexplained_rows,
        }

    def _of(self, column: str, value: str) -> int:
        return self._count(lambda group: group[column] == value)

    def _count(self, wanted: Callable[[Mapping[str, Any]], bool]) -> int:
        return sum(group["n"] for group in self._groups if wanted(group))
