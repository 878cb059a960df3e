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
IMPORT = "Check what the importer does with this field, then re-run"

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
        "columns_exchanged",
        "exchanged with {detail}",
        "Correct which column the importer writes each of the two to, then re-run",
    ),
    Kind("copied", "the value of {detail} of the same record", "Correct which column the importer reads, then re-run"),
    Kind("joined", "joined with {detail}", "Write each to its own column, then re-run"),
    Kind("divided", "divided from {detail} at another place", "Read both columns as the export has them, then re-run"),
    Kind(
        "null_empty", "nothing written otherwise: {detail}", "Decide which is meant; nothing was lost", is_harmless=True
    ),
    Kind(
        "default_filled", "default filled in: {detail}", "Check the column's default against what the source leaves out"
    ),
    Kind(
        "zero_date",
        "a system's zero date: {detail}",
        "Let the importer write null where it has no date, and see why it could not read those that it had",
    ),
    Kind(
        "unreadable",
        "the row's value is not {detail}",
        "See Column Types, which names the values: correct them in the database, then verify again",
        is_harmless=True,
    ),
    Kind(
        "unreadable_source",
        "the report's value is not {detail}",
        "See Column Types, which names the values: correct them at the source, then verify again",
        is_harmless=True,
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
    Kind(
        "encoding",
        "text in another encoding: {detail}",
        "Write and read every file, connection and column as UTF-8, then re-run: lost letters are not in the database",
    ),
    Kind("html_entities", "HTML entities {detail}", "Escape texts where they are shown, not where they are stored"),
    Kind("html_tags", "HTML tags {detail}", "Decide which is meant; the formatting is in the export only"),
    Kind("escaped", "escape characters: {detail}", IMPORT),
    Kind("quoted", "quotes around the value {detail}", IMPORT),
    Kind("punctuation", "typographic and plain punctuation differ", IMPORT),
    Kind("accents", "accents differ", "Let the importer keep accents, then re-run"),
    Kind("leading_zeros", "leading zeros {detail}", "Let the importer keep it as text, not as a number, then re-run"),
    Kind(
        "number_written",
        "the same number written otherwise",
        "Let the importer keep it as text, not as a number, then re-run",
    ),
    Kind(
        "line_ends", "line ends differ", "Nothing: the text is the same on any system that shows it", is_harmless=True
    ),
    Kind(
        "blanks_at_ends",
        "blanks at the ends differ",
        "Nothing was lost; trim at the source or declare trim in the profile",
        is_harmless=True,
    ),
    Kind("whitespace", "whitespace differs", "Trim at the source, or declare trim or collapse_spaces in the profile"),
    Kind(
        "case",
        "upper and lower case differ",
        "Decide which is meant; declare casefold in the profile if neither matters",
    ),
    Kind("truncated", "truncated at {detail} characters", SCHEMA),
    Kind("day_month_swapped", "day and month swapped", "Set the importer's date_format, then re-run"),
    Kind("zone_shifted", "time zone shifted by {detail}", ZONE),
    Kind(
        "days_shifted",
        "dates shifted by {detail}",
        "Check which day the importer counts from (a spreadsheet's 1900 or 1904) and in which zone, then re-run",
    ),
    Kind("years_shifted", "dates shifted by {detail}", "Check how the importer reads years, then re-run"),
    Kind("time_dropped", "time of day dropped", "Check the column's type: it holds dates only"),
    Kind("epoch_scaled", "seconds read as milliseconds", "Check the unit in which the importer counts, then re-run"),
    Kind("scale_rounded", "rounded {detail}", "Check the column's precision against the source's"),
    Kind("number_limited", "limited to {detail}, the column's largest number", SCHEMA),
    Kind("mapped_otherwise", "mapped otherwise than {detail} says", MAPPING),
    Kind("mapped_to_default", "mapped to the default of {detail}", "Name the value in the mapping, then re-run"),
    Kind("parent_other", "belongs to another row than the report says", "Check the id mapping of its member and event"),
    Kind(
        "parent_dangling",
        "its {detail} does not exist",
        "Find the {detail} that the record names, and see whether it was deleted; then correct the reference",
    ),
    Kind(
        "edited_later",
        "the row was edited after the run",
        "Nothing, if the edits were meant: they are newer than the migration",
        is_harmless=True,
    ),
    Kind(
        "changed",
        "changed, no known cause",
        "Compare the values of both sides; see in the application's audit log when they changed, and by what",
        is_explained=False,
    ),
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
    Kind(
        "skipped_without_row",
        "skipped, though no row holds it",
        "See in the importer's log why it was skipped; if no row holds it under another key, re-run",
        is_explained=False,
    ),
    Kind(
        "mapped_without_row",
        "not in the database, though its id mapping stands",
        "See whether the row was deleted since, or its transaction was never committed",
        is_explained=False,
    ),
    Kind(
        "missing",
        "not in the database, no known cause",
        "Look it up by Wild Apricot id; see whether its row was deleted since or never committed, then re-run",
        is_explained=False,
    ),
    # Of rows.
    Kind("preexisting", "rows older than the run", "Nothing: they were there before", is_harmless=True),
    Kind(
        "overwritten",
        "rows older than the run that it wrote to, though no record claims them",
        "Compare them with a backup: the bundle does not say what the run changed",
        is_harmless=True,
    ),
    Kind("foreign_run", "rows written by another run", "Verify the bundle of that run as well"),
    Kind(
        "written_later",
        "rows written after the run ended",
        "Nothing, if the application was in use by then; else find out who wrote them",
        is_explained=False,
    ),
    Kind(
        "unexpected",
        "rows that no record claims",
        "Find out who wrote them: an earlier attempt without cleanup, or the application during the run",
        is_explained=False,
    ),
)
KINDS = {kind.name: kind for kind in _KINDS}
