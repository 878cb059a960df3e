"""The SQL of the questions, for each entity."""

from __future__ import annotations

from pathlib import Path

from recon.ledger.entities import EVERY_ENTITY
from recon.sql import literal, named_statements

STATEMENTS = named_statements(Path(__file__).with_name("questions.sql"))
# What people call a record, beside its ids.
WORDS = {
    "members": ("name", "email", "level"),
    "events": ("title", "start_time"),
    "registrations": ("member_name", "member_email", "event_title", "status"),
}
NAMED = {
    "members": "or lower(email) = lower($key) or lower(name) = lower($key)",
    "events": "or lower(title) = lower($key)",
    "registrations": "",
}
BY_PERSON = {"members": "member_id", "events": "event_id"}


def statement_of(question: str, entity: str) -> str:
    """Return the SQL of a question about one entity."""
    words = WORDS[entity]
    spec = next(each for each in EVERY_ENTITY if each.name == entity)
    return STATEMENTS[question].format(
        entity=entity,
        words=", ".join(words),
        words_as_text=f"concat_ws(', ', {', '.join(words)})",
        named=NAMED[entity],
        names=", ".join(map(literal, spec.mapped_as)),
        column=BY_PERSON.get(entity, ""),
    )
