"""People's words for the columns of violating rows, whose technical names the pages show where one points at them."""

from __future__ import annotations

from recon.report.ledger.tables import OUTCOMES

NAMED = {
    "wa_id": "Wild Apricot id",
    "source_row": "Row of the export",
    "source_value": "Bundle",
    "target_value": "Database",
    "target_id": "Id in the database",
    "mapped_to": "Maps to",
    "missing_side": "What is missing",
    "diff": "Difference",
    "led_by": "Decided by",
    "entity_type": "Kind",
    "row_count": "Rows",
    "run_id": "Run",
    "url": "URL",
}
SHORT = {"wa": "Wild Apricot", "url": "URL", "sql": "SQL"}
CODES = ("outcome", "cause")


def column_words(name: str) -> str:
    """What a column is called in a table for people: "source_row" is "Row of the export"."""
    if name in NAMED:
        return NAMED[name]
    words = " ".join(SHORT.get(word, word) for word in name.split("_") if word)
    return words[:1].upper() + words[1:] if words.strip() else name


def value_words(column: str, value: str) -> str:
    """What a code is called in a table for people: "missing_in_target" is "Missing"; any other value is itself."""
    if not column.endswith(CODES):
        return value
    return OUTCOMES.get(value, value.replace("_", " "))
