"""Values that are changed on their way into the database: edits of a record and its row, and the cause of each."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeAlias

from edited_clubs import AFTER

if TYPE_CHECKING:
    from collections.abc import Callable

Edit: TypeAlias = "Callable[[dict[str, Any], dict[str, Any]], object]"
CATEGORIES = "migration-config.json (event_category_mapping)"
STATUSES = "migration-config.json (registration_status_mapping)"
TIERS = "membership.tiers.waMapping"


def moved(text: str, **by: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(**by)
    return moment.isoformat(sep=" ", timespec="milliseconds")


def write_instead(**values: Any) -> Edit:
    """Let the row hold these values."""
    return lambda _, row: row.update(values)


def tell(**values: Any) -> Edit:
    """Let the record hold these values."""
    return lambda record, _: record.update(values)


def both(*edits: Edit) -> Edit:
    return lambda record, row: [edit(record, row) for edit in edits]


def shift(column: str, **by: float) -> Edit:
    return lambda _, row: row.update({column: moved(row[column], **by)})


def cut(column: str, at: int) -> Edit:
    return lambda record, row: row.update({column: record[column][:at]})


def swap_day_and_month(record: dict[str, Any], row: dict[str, Any]) -> None:
    record["joinedAt"], row["joinedAt"] = "2023-03-04T08:00:00.000Z", "2023-04-03 08:00:00.000"


def drop_time(record: dict[str, Any], row: dict[str, Any]) -> None:
    # An offset in minutes that no time zone has.
    record["registeredAt"] = record["registeredAt"][:10] + "T17:07:11.000Z"
    row["registeredAt"] = record["registeredAt"][:10] + " 00:00:00.000"


@dataclass(frozen=True)
class Changed:
    """A value that is changed on its way in a number of records."""

    kind: str
    entity: str
    field: str
    title: str
    edit: Edit
    records: int = 2


VALUES = (
    Changed("truncated", "events", "description", "truncated at 9 characters", cut("description", 9), 5),
    Changed("truncated", "members", "last_name", "truncated at 5 characters", both(
        tell(lastName="Quillfeather"), write_instead(lastName="Quill"))),
    Changed("whitespace", "events", "location", "whitespace differs", both(
        tell(location="Main  Hall"), write_instead(location="Main Hall"))),
    Changed("case", "events", "location", "upper and lower case differ", both(
        tell(location="Main Hall"), write_instead(location="MAIN HALL"))),
    Changed("unicode_form", "events", "location", "another Unicode form of the same text", both(
        tell(location="Café"), write_instead(location=unicodedata.normalize("NFD", "Café")))),
    Changed("encoding", "events", "location", "text in another encoding: UTF-8 read as Windows-1252", both(
        tell(location="Café"), write_instead(location="CafÃ©"))),
    Changed("encoding", "members", "last_name", "text in another encoding: letters replaced by ?", both(
        tell(lastName="Škoda"), write_instead(lastName="?koda"))),
    Changed("html_entities", "events", "description", "HTML entities written", both(
        tell(description="Wine & cheese"), write_instead(description="Wine &amp; cheese"))),
    Changed("html_tags", "events", "description", "HTML tags removed", both(
        tell(description="<p>Wine &amp; cheese</p>"), write_instead(description="Wine & cheese"))),
    Changed("escaped", "members", "last_name", "escape characters: backslashes", both(
        tell(lastName="O'Brien"), write_instead(lastName="O\\'Brien"))),
    Changed("quoted", "events", "location", "quotes around the value added", both(
        tell(location="Main Hall"), write_instead(location='"Main Hall"'))),
    Changed("punctuation", "events", "location", "typographic and plain punctuation differ", both(
        tell(location="Ann\u2019s Hall"), write_instead(location="Ann's Hall"))),
    Changed("accents", "events", "location", "accents differ", both(
        tell(location="Žižkov"), write_instead(location="Zizkov"))),
    Changed("leading_zeros", "members", "phone", "leading zeros lost", both(
        tell(phone="0805550911"), write_instead(phone="805550911"))),
    Changed("number_written", "members", "phone", "the same number written otherwise", both(
        tell(phone="8055550911"), write_instead(phone="8.05555E+09"))),
    Changed("line_ends", "events", "description", "line ends differ", both(
        tell(description="Wine\r\ncheese"), write_instead(description="Wine\ncheese"))),
    Changed("blanks_at_ends", "events", "description", "blanks at the ends differ", both(
        tell(description="Wine and cheese\u00a0"), write_instead(description="Wine and cheese"))),
    Changed("whitespace", "events", "category", "whitespace differs", both(
        tell(category="Games"), write_instead(category="Games "))),
    Changed("copied", "events", "description", "the value of title of the same record", both(
        tell(title="A tasting", description="Wine and cheese"),
        write_instead(title="A tasting", description="A tasting"))),
    Changed("joined", "members", "first_name", "joined with last_name", both(
        tell(firstName="Xanthippe", lastName="Quillfeather"),
        write_instead(firstName="Xanthippe Quillfeather", lastName="Quillfeather"))),
    Changed("null_empty", "events", "location", "nothing written otherwise: blank became null", both(
        tell(location="  "), write_instead(location=None))),
    Changed("default_filled", "events", "category", "default filled in: Social", both(
        tell(category=""), write_instead(category="Social"))),
    Changed("default_filled", "members", "phone", "default filled in: a value", both(
        tell(phone=""), write_instead(phone="805-555-0911"))),
    Changed("value_lost", "events", "location", "value lost: the row has null", both(
        tell(location="Main Hall"), write_instead(location=None))),
    Changed("zone_shifted", "events", "start_time", "time zone shifted by +8 h", shift("startTime", hours=8)),
    Changed("zone_shifted", "events", "start_time", "time zone shifted by -5:30 h", shift("startTime", hours=-5.5)),
    Changed("day_month_swapped", "members", "joined_at", "day and month swapped", swap_day_and_month),
    Changed("days_shifted", "members", "joined_at", "dates shifted by +1462 days", shift("joinedAt", days=1462), 3),
    Changed("years_shifted", "members", "joined_at", "dates shifted by -100 years", both(
        tell(joinedAt="2021-03-05T08:00:00.000Z"), write_instead(joinedAt="1921-03-05 08:00:00.000"))),
    Changed("zero_date", "members", "joined_at", "a system's zero date: 1970-01-01", write_instead(
        joinedAt="1970-01-01 00:00:00.000")),
    Changed("zero_date", "registrations", "cancelled_at", "a system's zero date: 0001-01-01", both(
        tell(cancelledAt=None), write_instead(cancelledAt="0001-01-01 00:00:00.000"))),
    Changed("epoch_scaled", "registrations", "registered_at", "seconds read as milliseconds", both(
        tell(registeredAt="2023-11-14T22:13:20.000Z"), write_instead(registeredAt="1970-01-20 16:13:20.000"))),
    Changed("time_dropped", "registrations", "registered_at", "time of day dropped", drop_time),
    Changed("scale_rounded", "events", "end_time", "rounded to whole seconds", both(
        tell(endTime="2024-02-02T18:00:00.750Z"), write_instead(endTime="2024-02-02 18:00:00.000"))),
    Changed("mapped_otherwise", "events", "category", f"mapped otherwise than {CATEGORIES} says", both(
        tell(category="Games"), write_instead(category="Travel"))),
    Changed("mapped_to_default", "events", "category", f"mapped to the default of {CATEGORIES}", both(
        tell(category="Games"), write_instead(category="Social"))),
    Changed("mapped_otherwise", "registrations", "status", f"mapped otherwise than {STATUSES} says", both(
        tell(status="CONFIRMED"), write_instead(status="NO_SHOW"))),
    Changed("number_limited", "events", "capacity", "limited to 127, the column's largest number", both(
        tell(capacity=400), write_instead(capacity=127))),
    Changed("changed", "events", "capacity", "changed, no known cause", both(
        tell(capacity=20), write_instead(capacity=27))),
    Changed("changed", "events", "is_published", "changed, no known cause", both(
        tell(isPublished=True), write_instead(isPublished=False))),
    Changed("changed", "members", "email", "changed, no known cause", both(
        tell(email="xanthippe@quillfeather.org"), write_instead(email="q.x.quillfeather@example.org")), 1),
    Changed("edited_later", "members", "first_name", "the row was edited after the run", both(
        tell(firstName="Xanthippe"), write_instead(firstName="Quillfeather", updatedAt=AFTER))),
    Changed("edited_later", "events", "category", "the row was edited after the run", both(
        tell(category="Games"), write_instead(category="Arts & Culture", updatedAt=AFTER)), 1),
)  # fmt: skip
