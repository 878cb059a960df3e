"""What people call the records that a comparison lists, from the snapshot of the newer run, else of the older one."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.answers.opening import opened_run
from recon.errors import ReconError
from recon.ledger.entities import EVERY_ENTITY

if TYPE_CHECKING:
    from recon.runs.folder import RunFolder

WORDS = ("name", "email", "title")
KEYED = ("entity", "key")
# Rules name entities as the report, the error list or the id mappings do.
SPELLINGS = {
    spelling: entity.name for entity in EVERY_ENTITY for spelling in (entity.name, entity.one, *entity.mapped_as)
}
ENTITY, NO_ENTITY = "spelled_entity", "(none)"


def with_words(records: pl.DataFrame, older: RunFolder, newer: RunFolder, *, show_pii: bool) -> pl.DataFrame:
    """Return the records with `name`, `email` and `title`, where a snapshot knows them.

    Args:
        records: Rows with the columns of `RECORDS`.
        older: The run that is asked for what the newer one does not list any more.
        newer: The run that is asked first.
        show_pii: Do not mask names and e-mail addresses.
    """
    spelled = pl.col("entity").str.to_lowercase().replace_strict(SPELLINGS, default=NO_ENTITY)
    named = pl.when(pl.col("entity").is_not_null()).then(spelled).alias(ENTITY)
    keyed = records.drop(WORDS).with_columns(named)
    found = _called(_wanted(keyed), newer, show_pii=show_pii)
    gone = _wanted(keyed.filter(pl.col("violations_after").is_null()))
    others = gone.join(found, on=KEYED, how="anti", nulls_equal=True)
    words = pl.concat([found, _called(others, older, show_pii=show_pii)]).rename({"entity": ENTITY})
    joined = keyed.join(words, on=[ENTITY, "key"], how="left", nulls_equal=True, maintain_order="left")
    return joined.select(records.columns)


def _wanted(keyed: pl.DataFrame) -> pl.DataFrame:
    """Return entity and key of the records that may have a name."""
    is_wanted = pl.col("key").is_not_null() & pl.col(ENTITY).ne_missing(NO_ENTITY)
    return keyed.filter(is_wanted).select(pl.col(ENTITY).alias("entity"), "key").unique()


def _called(wanted: pl.DataFrame, run: RunFolder, *, show_pii: bool) -> pl.DataFrame:
    """Ask one run; a run that cannot be asked knows nothing."""
    nothing = pl.DataFrame(schema=dict.fromkeys((*KEYED, *WORDS), pl.String))
    if wanted.is_empty():
        return nothing
    try:
        with opened_run(run.path, show_pii=show_pii) as answers:
            return answers.called(wanted).select(*KEYED, *WORDS).cast(pl.String)
    except (ReconError, duckdb.Error):
        return nothing
