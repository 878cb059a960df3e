"""Compares two tables row by row and field by field, as an analyst would."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Self

import polars as pl
from msgspec import Struct

from recon.comparison.judgement import DIFFERENCES, FORGIVEN, judge, require_free
from recon.comparison.pairing import KeyPairing
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.comparison.field import Field
    from recon.comparison.pairing import Table

BATCH_ROWS = 50_000
MISSING_IN_TARGET = "source_rows = 1 and target_rows = 0"
MISSING_IN_SOURCE = "source_rows = 0 and target_rows = 1"
DUPLICATE = "source_rows > 1 or target_rows > 1"
PAIRED = "source_rows = 1 and target_rows = 1"
COUNTED = ("source_rows", "target_rows")


class ComparisonSummary(Struct, frozen=True):
    """The result of a comparison, in numbers that add up.

    Attributes:
        source_rows: matched + mismatched + missing_in_target + the source_rows of the duplicate keys.
        target_rows: matched + mismatched + missing_in_source + the target_rows of the duplicate keys.
        matched: Pairs of rows in which every field is equal.
        mismatched: Pairs of rows in which some field differs.
        missing_in_target: Rows of the source whose key is not in the target.
        missing_in_source: Rows of the target whose key is not in the source.
        duplicate_keys: Keys that several rows of one side have.
        by_field: Mismatched pairs by the field that differs; 0 for a field that never does.
    """

    source_rows: int
    target_rows: int
    matched: int
    mismatched: int
    missing_in_target: int
    missing_in_source: int
    duplicate_keys: int
    by_field: dict[str, int]


class Comparison:
    """A comparison of two tables: nothing is read before the first request, and no pair is judged twice.

    What exceeds its memory limit is spilled to a private folder until `close`, the end of a `with`, or the end of the
    object.
    """

    def __init__(self, source: Table, target: Table, on: Sequence[str], fields: Sequence[Field]) -> None:
        self._tables = (source, target)
        self._on, self._fields = on, fields

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Remove what was spilled; results not requested yet can no longer be computed."""
        if "_pairing" in vars(self):
            self._pairing.close()

    def matched(self) -> pl.DataFrame:
        """The keys of the matched pairs: one row per pair."""
        open_pairs = self._keys(PAIRED).join(self.mismatched(), on=self._on, how="anti", nulls_equal=True)
        return pl.concat([self._pairing.settled_keys(), open_pairs])

    def mismatched(self, field: str | None = None) -> pl.DataFrame:
        """The differences: one row per field of a pair, as in `Judged.differences`, with the key as id columns.

        Args:
            field: Only the differences of this field; None: of all.

        Raises:
            UsageError: No field of that name is compared.
        """
        if field is None:
            return self._judged[0]
        if field not in (names := [compared.name for compared in self._fields]):
            raise UsageError(f"No field {field!r} is compared", expected=", ".join(names), found=field)
        return self._judged[0].filter(pl.col("field") == field)

    def forgiven_by(self) -> pl.DataFrame:
        """The normalisers and tolerances that made values equal: field, normaliser, records."""
        return self._judged[1]

    def missing_in_target(self) -> pl.DataFrame:
        """The keys of rows that only the source has."""
        return self._keys(MISSING_IN_TARGET)

    def missing_in_source(self) -> pl.DataFrame:
        """The keys of rows that only the target has."""
        return self._keys(MISSING_IN_SOURCE)

    def duplicate_keys(self) -> pl.DataFrame:
        """The keys that several rows of one side have, with both counts: source_rows, target_rows."""
        return self._pairing.open_keys(DUPLICATE)

    def summary(self) -> ComparisonSummary:
        """The whole result in numbers."""
        source, target, duplicates = self._pairing.counts()
        missing = self.missing_in_target().height
        mismatched = self.mismatched().select(self._on).n_unique()
        by_field = self.mismatched().group_by("field").len()
        return ComparisonSummary(
            source_rows=source,
            target_rows=target,
            matched=source - missing - duplicates - mismatched,
            mismatched=mismatched,
            missing_in_target=missing,
            missing_in_source=self.missing_in_source().height,
            duplicate_keys=self.duplicate_keys().height,
            by_field=dict.fromkeys((field.name for field in self._fields), 0) | dict(by_field.iter_rows()),
        )

    @cached_property
    def _pairing(self) -> KeyPairing:
        return KeyPairing(*self._tables, self._on, self._fields)

    @cached_property
    def _judged(self) -> tuple[pl.DataFrame, pl.DataFrame]:
        """The differences and `forgiven_by` over all batches."""
        judged = [judge(batch, self._fields) for batch in self._pairing.batches(BATCH_ROWS)]
        if not judged:
            keys = self._keys("false").schema
            return pl.DataFrame(schema={**keys, **DIFFERENCES}), pl.DataFrame(schema=FORGIVEN)
        forgiven_by = pl.concat([batch.forgiven_by for batch in judged])
        summed = forgiven_by.group_by("field", "normaliser", maintain_order=True).agg(pl.col("records").sum())
        return pl.concat([batch.differences for batch in judged]), summed

    def _keys(self, condition: str) -> pl.DataFrame:
        return self._pairing.open_keys(condition).drop(COUNTED)


def compare(source: Table, target: Table, on: str | Sequence[str], fields: Sequence[Field]) -> Comparison:
    """Compare two tables by key, each field by its type.

    Args:
        source: A frame, or the path of a Parquet file; its columns have the same names as the target's.
        target: Likewise.
        on: The column or columns that identify a row.
        fields: The fields to compare; other columns are ignored.

    Raises:
        UsageError: No key or no field is given, one is named twice, or a key has the name of a result column.
    """
    keys = [on] if isinstance(on, str) else list(on)
    require_free(keys)
    for what, names in (("key", keys), ("field", [field.name for field in fields])):
        if not names or len(set(names)) < len(names):
            raise UsageError(
                f"A comparison needs each {what} once, and one at least",
                expected=f"the names of {what}s",
                found=", ".join(names) or "none",
            )
    return Comparison(source, target, keys, tuple(fields))
