"""One record with everything that belongs to it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True, repr=False)
class EntityAnswer:
    """One record, its row, and what belongs to both.

    Attributes:
        entity: "members", "events" or "registrations".
        ledger: One row: what became of it, and why.
        fields: One row per field: field, source_value, target_value, and the cause where they differ.
        mappings: Its id mappings: side ("bundle" or "database"), wa_id, target_id, run_id.
        registrations: Its registrations, of records and rows; None: it has none of its own.
        errors: What the importer said of it: source_row, wa_id, message.
    """

    entity: str
    ledger: pl.DataFrame
    fields: pl.DataFrame
    mappings: pl.DataFrame
    registrations: pl.DataFrame | None
    errors: pl.DataFrame

    @property
    def parts(self) -> dict[str, pl.DataFrame]:
        """Its frames by title."""
        ledger = self.ledger.unpivot(variable_name="about", value_name="value").drop_nulls("value")
        named = {"Ledger": ledger, "Record and Row": self.fields, "ID Mappings": self.mappings}
        if self.registrations is not None:
            named["Registrations"] = self.registrations
        return {**named, "Errors": self.errors}

    def __repr__(self) -> str:
        outcome = self.ledger["outcome"][0] or self.ledger["row_outcome"][0]
        key = self.ledger["wa_id"][0] or self.ledger["target_id"][0]
        return f"<{self.entity} {key}: {outcome}, {len(self.fields.drop_nulls('differs'))} fields differ>"

    def _repr_html_(self) -> str:
        return "".join(f"<h4>{title}</h4>{frame._repr_html_()}" for title, frame in self.parts.items())
