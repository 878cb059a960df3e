"""Compares landed records with their rows, field by field: what differs, and why."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recon.bundle.formats import REPORT
from recon.comparison import judge
from recon.ledger.causes import name_causes, shifted
from recon.ledger.code_names import code_names, with_names
from recon.ledger.kinds import KINDS
from recon.ledger.other_columns import relations
from recon.ledger.unread import unread, unread_sql
from recon.model import SINGULAR
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from recon.ledger.causes import Mapped
    from recon.ledger.field_mapping import FieldMapping
    from recon.ledger.outcomes import Rest
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("value_comparison.sql"))
BATCH_ROWS = 50_000
COLUMNS = (
    "entity",
    "record",
    "source_row",
    "wa_id",
    "target_id",
    "field",
    "type",
    "source",
    "target",
    "source_state",
    "target_state",
    "cause",
    "detail",
    "is_explained",
    "is_harmless",
)
NO_OTHERS = pl.DataFrame(schema={"target_id": pl.String, "field": pl.String})
INSERT = "insert into ledger.differences by name select * from incoming"


class ValueComparison:
    """The comparison of one entity's landed records.

    Args:
        warehouse: A warehouse whose `ledger.<entity>` is paired.
        mapping: The fields that can be compared.
        rest: The tables of the records and rows that are not simply landed.
        mapped: Field → the mapping that determines its values.
        personal: Fields whose values must not appear in the detail of a cause.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        mapping: FieldMapping,
        rest: Rest,
        mapped: Mapping[str, Mapped],
        personal: Collection[str],
    ) -> None:
        self._warehouse, self._sides, self._entity = warehouse, mapping, mapping.entity
        self._mapped, self._personal = mapped, personal
        self._parts = {
            "entity": mapping.entity.name,
            "judged": mapping.judged,
            "codes": mapping.codes,
            "source": rest.source,
            "target": rest.target,
            **unread_sql(mapping, self._unread_columns()),
        }

    def compare(self, *, has_merged: bool) -> dict[str, int]:
        """Fill `ledger.differences`, and distinguish landed from altered records.

        Args:
            has_merged: Whether records were merged into others, whose values the rows may hold.

        Returns:
            Field and normaliser ("phone: phone_digits") → number of records that are equal only because of it.
        """
        others = self._values_of_others() if has_merged else NO_OTHERS
        forgiven_by = Counter[str]()
        for frame in self._batches("candidates"):
            judged = judge(frame.with_columns(is_shifted=self._is_shifted(frame)), self._sides.fields)
            for field, name, records in judged.forgiven_by.iter_rows():
                forgiven_by[f"{field}: {name}"] += records
            self._keep(judged.differences, frame, others)
        for name in ("other_id", "landed", "altered", "report_unread"):
            self._do(name)
        return dict(forgiven_by)

    def _values_of_others(self) -> pl.DataFrame:
        """Return the fields of rows that hold the value of a record that was merged into them: target_id, field."""
        held = [NO_OTHERS]
        for frame in self._batches("others"):
            fields = pl.DataFrame({"field": [field.name for field in self._sides.fields]})
            every = frame.select("target_id").with_row_index("place").join(fields, how="cross")
            judged = judge(frame.select(pl.all()).with_row_index("place"), self._sides.fields).differences
            held.append(every.join(judged, on=["place", "field"], how="anti").select("target_id", "field"))
        return pl.concat(held).unique()

    def _is_shifted(self, frame: pl.DataFrame) -> pl.Expr:
        texts = [field.name for field in self._sides.fields if field.type == "text"]
        return shifted([name for name in texts if {f"{name}_raw", f"{name}_target"} <= {*frame.columns}])

    def _keep(self, differences: pl.DataFrame, frame: pl.DataFrame, others: pl.DataFrame) -> None:
        if differences.is_empty():
            # DuckDB 2.0 loses a large insert that follows an empty one in the same transaction.
            return
        held = others.with_columns(is_merged=pl.lit(value=True))
        related = relations(frame, self._sides.fields, differences.select("record", "field"))
        known = (
            differences.join(held, on=["target_id", "field"], how="left", maintain_order="left")
            .join(related, on=["record", "field"], how="left", maintain_order="left")
            .with_columns(
                pl.lit(self._entity.name).alias("entity"),
                pl.col("is_merged").fill_null(value=False) | pl.col("is_discarded"),
                pl.col("is_shifted") & (pl.col("type") == "text"),
                (pl.col("field").is_in(self._entity.codes) | (pl.col("type") == "key")).alias("is_code"),
                self._parent.alias("parent"),
                self._is_dangling(differences).alias("is_dangling"),
            )
        )
        named = unread(_left_alone(name_causes(known, self._mapped, self._personal))).select(COLUMNS)
        self._with(with_names(named, self._names), INSERT)

    @cached_property
    def _names(self) -> dict[str, dict[str, str]]:
        """What the ids in a field are called, by id."""
        fields = (field for field in self._entity.fields if field.ids_of)
        return {field.name: code_names(field.ids_of, self._warehouse) for field in fields}

    @property
    def _parent(self) -> pl.Expr:
        """The parent that a field references: "member", "event"; null: none."""
        parents = {name: SINGULAR[entity] for name, entity in self._entity.parents.items()}
        return pl.col("field").replace_strict(parents, default=None, return_dtype=pl.String)

    def _is_dangling(self, differences: pl.DataFrame) -> pl.Expr:
        """Return whether the row references a parent that does not exist."""
        found = pl.lit(value=False)
        for field, parents in self._entity.parents.items():
            is_named = (pl.col("field") == field) & (pl.col("target_state") == "value")
            named = differences.filter(is_named).select("target").unique()
            if not named.is_empty():
                lost = self._with(named, STATEMENTS["dangling"].format(parents=parents))
                found |= is_named & pl.col("target").is_in([each for (each,) in lost])
        return found

    def _with(self, frame: pl.DataFrame, sql: str) -> list[tuple[object, ...]]:
        """Execute a statement that reads the frame as `incoming`, and return its rows."""
        self._warehouse.connection.register("incoming", frame.to_arrow())
        rows = self._warehouse.execute(sql).fetchall()
        self._warehouse.connection.unregister("incoming")
        return rows

    def _batches(self, statement: str) -> Iterator[pl.DataFrame]:
        """Yield the rows of a statement, on a separate cursor so that differences can be written meanwhile."""
        cursor = self._warehouse.connection.cursor()
        for batch in cursor.sql(STATEMENTS[statement].format(**self._parts)).to_arrow_reader(BATCH_ROWS):
            if batch.num_rows:
                yield pl.DataFrame(pl.from_arrow(batch))

    def _do(self, name: str) -> None:
        sql = STATEMENTS[name].format(**self._parts)
        report = self._warehouse.origins.get(f"source.{self._entity.name}", REPORT)
        values = {"entity": self._entity.name, "report": report}
        named = {key: value for key, value in values.items() if f"${key}" in sql}
        self._warehouse.execute(sql, named or None)

    def _unread_columns(self) -> set[str]:
        """Return the columns of rows in which values cannot be read."""
        sql = STATEMENTS["unread"].format(entity=self._entity.name)
        return {row["field"] for row in self._warehouse.rows(sql)}


def _left_alone(named: pl.DataFrame) -> pl.DataFrame:
    """Give the differences of skipped records the one cause that they have: the importer did not touch the row."""
    kind, is_skipped = KINDS["left_alone"], pl.col("is_skipped")
    causes = {"cause": kind.name, "detail": "", "is_explained": kind.is_explained, "is_harmless": kind.is_harmless}
    return named.with_columns(
        pl.when(is_skipped).then(pl.lit(value)).otherwise(pl.col(name)).alias(name) for name, value in causes.items()
    )
