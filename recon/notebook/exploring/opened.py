"""What is shown of an opened row: its parts as tables of texts, cut where they are very long."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from html import escape
from typing import TYPE_CHECKING, Any

import polars as pl

from recon.report.text import printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

RECORD_ROWS, VALUE_LENGTH, NAME_LENGTH = 100, 2000, 60
CELL = '<td dir="auto">{}</td>'
STATIC = """
<table><caption style="text-align: start">{caption}</caption>
<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"""


@dataclass(frozen=True)
class OpenedRecord:
    """What is shown of an opened row.

    Attributes:
        title: Of which row.
        parts: Frames by title.
        notes: Sentences before them.
    """

    title: str = ""
    parts: Mapping[str, pl.DataFrame] = field(default_factory=dict)
    notes: Sequence[str] = ()


def record_of(opened: OpenedRecord) -> dict[str, Any]:
    """What a browser receives of an opened row: every text is cut where it is very long."""
    parts = [_part(title, frame) for title, frame in opened.parts.items()]
    return {"title": cut(opened.title, 300), "notes": [cut(note, 600) for note in opened.notes], "parts": parts}


def record_html(record: Mapping[str, Any]) -> str:
    """The same as static tables."""
    if not record["title"]:
        return ""
    notes = "".join(f"<p>{escape(note)}</p>" for note in record["notes"])
    tables = (
        static_table(f"<b>{escape(part['title'])}</b>", part["columns"], part["rows"]) for part in record["parts"]
    )
    return f"<h4>{escape(record['title'])}</h4>{notes}{''.join(tables)}"


def _part(title: str, frame: pl.DataFrame) -> dict[str, Any]:
    shown = frame.head(RECORD_ROWS)
    more = f" (the first {RECORD_ROWS} of {frame.height:,})" if frame.height > RECORD_ROWS else ""
    none = "" if frame.height else " (none)"
    rows = [[None if value is None else cut(str(value), VALUE_LENGTH) for value in row] for row in shown.iter_rows()]
    columns = [cut(name, NAME_LENGTH) for name in frame.columns] if frame.height else []
    return {"title": cut(title, 200) + more + none, "columns": columns, "rows": rows}


def opened_row(values: dict[str, Any]) -> OpenedRecord:
    """The row itself: each of its values beside the name of its column."""
    texts = [None if value is None else str(value) for value in values.values()]
    return OpenedRecord("This Row", {"Values": pl.DataFrame({"column": list(values), "value": texts})})


def with_values(opened: OpenedRecord, values: dict[str, Any], hidden: Collection[str]) -> OpenedRecord:
    """The record, with the values of the row itself after its other parts."""
    shown = {name: value for name, value in values.items() if name not in hidden and value is not None}
    return replace(opened, parts={**opened.parts, "The Row That Was Opened": opened_row(shown).parts["Values"]})


def static_table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str | None]]) -> str:
    """A table as HTML; all but the caption is text."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    cells = ((CELL.format(escape(text or "")) for text in row) for row in rows)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in cells)
    return STATIC.format(caption=caption, head=head, body=body)


def cut(text: str, length: int) -> str:
    """One line of text without control characters; a long one ends in how long it is."""
    kept = printable(text[:length])
    return kept if len(text) <= length else f"{kept}… ({len(text):,} characters)"
