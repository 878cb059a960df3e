"""The same questions, answered by lazy frames: what is filtered or left out is never read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from recon.answers.asking import PERSONAL, Questions
from recon.masking.frames import mask_columns
from recon.verification.masked import mask_known
from recon.warehouse.kept import incomplete
from recon.warehouse.statements import named, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from recon.masking.known import KnownValues
    from recon.model import Verification
    from recon.warehouse import Warehouse


class LazyAnswers(Questions[pl.LazyFrame]):
    """One judged migration, to ask questions of whose answers are large; valid while the snapshot is open.

    Filters and the choice of columns reach DuckDB, which reads no more than they need.
    """

    def __init__(
        self,
        verification: Verification,
        warehouse: Warehouse,
        has_table: Callable[[str], bool],
        *,
        show_pii: bool,
        known: KnownValues,
    ) -> None:
        self.verification, self._known = verification, known
        self._warehouse, self._has, self._show_pii = warehouse, has_table, show_pii

    def __repr__(self) -> str:
        return f"<run {self.verification.run_id}, lazily>"

    def _fetched(self, sql: str, values: Mapping[str, Any]) -> pl.LazyFrame:
        connection = self._warehouse.connection
        statement = query_of(sql, connection)
        try:
            frame: pl.LazyFrame = connection.sql(statement, params=named(statement, values)).pl(lazy=True)
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise incomplete(self._warehouse, error) from error
        return frame if self._show_pii else self._masked(frame)

    def _masked(self, frame: pl.LazyFrame) -> pl.LazyFrame:
        schema = frame.collect_schema()
        masked = frame.with_columns(mask_columns(schema, PERSONAL))
        texts = [name for name, kind in schema.items() if kind == pl.String and name not in PERSONAL]
        return masked.with_columns(
            pl.col(name).map_batches(self._without_known, return_dtype=pl.String, is_elementwise=True) for name in texts
        )

    def _without_known(self, texts: pl.Series) -> pl.Series:
        return mask_known(texts.to_frame(), self._known, PERSONAL).to_series()

    def _has_table(self, name: str) -> bool:
        return self._has(name)
