"""The kinds of causes: their titles, whether a correct migration shows them as well, and what to do."""

from __future__ import annotations

from msgspec import Struct


class Kind(Struct, frozen=True):
    """One kind of cause.

    Attributes:
        title: A description; `{detail}` is what the differences have in common ("20" in "truncated at 20 characters").
        is_explained: Whether it explains how the difference arose.
        is_harmless: Whether a correct migration shows it as well.
    """

    name: str
    title: str
    action: str
    is_explained: bool = True
    is_harmless: bool = False


SCHEMA = "Widen the column, then re-run: what was cut off is not in the database"
ZONE = "Set the importer's source_timezone, then re-run; until then every time is off by that much"
MAPPING = "Compare the mapping with what the importer used, then re-run"
LOOK = "Look at the rows; find out who wrote them, and whether that was intended"

_KINDS = (
    # Of values.
    Kind("other_id", "the row has another id than the report says", "Check that the database is the bundle's own"),
    Kind(
        "left_alone",
        "the importer skipped the record and left its row as it was",
        "Decide which of the two is right, and correct the other",
        is_harmless=True,
    ),
    Kind(
        "merged_value",
        "the value of another record merged into the same row",
        "Nothing, if the records are one person's or one event's; else separate them at the source",
        is_harmless=True,
    ),
    Kind("columns_shifted", "columns shifted by a comma inside a value", "Quote the export's texts, then re-run"),
    Kind(
        "null_empty", "nothing written otherwise: {detail}", "Decide which is meant; nothing was lost", is_harmless=True
    ),
    Kind(
        "default_filled", "default filled in: {detail}", "Check the column's default against what the source leaves out"
    ),
    Kind(
        "value_lost",
        "value lost: the row has {detail}",
        "Check that the importer writes this field, then re-run",
        is_explained=False,
    ),
    Kind(
        "unicode_form", "another Unicode form of the same text", "Normalise at the source or declare nfc in the profile"
    ),
    Kind("encoding", "text decoded with the wrong encoding", "Read the export as UTF-8, then re-run"),
    Kind("whitespace", "whitespace differs", "Trim at the source, or declare trim or collapse_spaces in the profile"),
    Kind(
        "case",
        "upper and lower case differ",
        "Decide which is meant; declare casefold in the profile if neither matters",
    ),
    Kind("truncated", "truncated at {detail} characters", SCHEMA),
    Kind("day_month_swapped", "day and month swapped", "Set the importer's date_format, then re-run"),
    Kind("zone_shifted", "time zone shifted by {detail}", ZONE),
    Kind("time_dropped", "time of day dropped", "Check the column's type: it holds dates only"),
    Kind("scale_rounded", "rounded {detail}", "Check the column's precision against the source's"),
    Kind("mapped_otherwise", "mapped otherwise than {detail} says", MAPPING),
    Kind("mapped_to_default", "mapped to the default of {detail}", "Name the value in the mapping, then re-run"),
    Kind("parent_other", "belongs to another row than the report says", "Check the id mapping of its member and event"),
    Kind(
        "edited_later",
        "the row was edited after the run",
        "Nothing, if the edits were meant: they are newer than the migration",
        is_harmless=True,
    ),
    Kind("changed", "changed, no known cause", LOOK, is_explained=False),
    # Of records.
    Kind(
        "merged",
        "merged: several records of the export on one row",
        "Nothing, if the records are one person's or one event's; else separate them at the source",
        is_harmless=True,
    ),
    Kind(
        "row_taken",
        "lost: the row it was given holds another record",
        "Find out why the importer gave both one row, then re-run: this record is not in the database",
    ),
    Kind(
        "required_field_missing", "required field missing: {detail}", "Complete the record at the source, then re-run"
    ),
    Kind("parent_rejected", "lost because its {detail} was rejected", "Correct the {detail} first, then re-run"),
    Kind("parent_missing", "lost because its {detail} is not in the database", "Find out what became of the {detail}"),
    Kind("parent_not_found", "rejected: its {detail} was not found", "Check that the export holds the {detail}"),
    Kind("rejected", "rejected by the importer: {detail}", "Correct the record at the source, then re-run"),
    Kind("duplicate_key", "its key is not unique", "Remove the surplus rows; see the duplicate keys"),
    Kind("skipped_without_row", "skipped, though no row holds it", LOOK, is_explained=False),
    Kind(
        "mapped_without_row",
        "not in the database, though its id mapping stands",
        "See whether the row was deleted since, or its transaction was never committed",
        is_explained=False,
    ),
    Kind("missing", "not in the database, no known cause", LOOK, is_explained=False),
    # Of rows.
    Kind("preexisting", "rows older than the run", "Nothing: they were there before", is_harmless=True),
    Kind(
        "overwritten",
        "rows older than the run that it wrote to, though no record claims them",
        "Compare them with a backup: the bundle does not say what the run changed",
        is_harmless=True,
    ),
    Kind("foreign_run", "rows written by another run", "Verify the bundle of that run as well"),
    Kind("written_later", "rows written after the run ended", LOOK, is_explained=False),
    Kind("unexpected", "rows that no record claims", LOOK, is_explained=False),
)
KINDS = {kind.name: kind for kind in _KINDS}
