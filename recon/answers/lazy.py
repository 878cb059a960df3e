"""The same questions, answered by lazy frames: what is filtered or left out is never read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl

from recon.answers.asking import PERSONAL, Questions
from recon.masking.frames import mask_columns
from recon.warehouse.kept import incomplete
from recon.warehouse.statements import named, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

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
    ) -> None:
        self.verification = verification
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
        return frame if self._show_pii else frame.with_columns(mask_columns(frame.collect_schema(), PERSONAL))

    def _has_table(self, name: str) -> bool:
        return self._has(name)
