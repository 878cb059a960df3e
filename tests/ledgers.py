"""Handmade ledgers: small ones that add up, for tests of reports."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.model import (
    SOURCE_OUTCOMES,
    TARGET_OUTCOMES,
    Cause,
    DuplicateKey,
    EntityAccount,
    Example,
    Ledger,
    LevelTiers,
)

if TYPE_CHECKING:
    from collections.abc import Sequence


def account(entity: str, records: Sequence[int], rows: Sequence[int], **others: Any) -> EntityAccount:
    """An entity's account from its records and rows by outcome, in the order of the outcomes; none is unexplained."""
    found: dict[str, Any] = {
        "matched_by": {"target id": rows[0]},
        "unexplained_records": 0,
        "unexplained_rows": 0,
        "origin": "migration-report.json",
    } | others
    outcomes = dict(zip(SOURCE_OUTCOMES, records, strict=True))
    return EntityAccount(
        entity, sum(records), sum(rows), outcomes, dict(zip(TARGET_OUTCOMES, rows, strict=True)), **found
    )


def cause(title: str, field: str | None = None, count: int = 1, **others: Any) -> Cause:
    """A cause of members that is explained and harmful."""
    found: dict[str, Any] = {
        "is_explained": True,
        "is_harmless": False,
        "action": f"Mend {title}",
        "examples": (),
    } | others
    return Cause(title.replace(" ", "_"), title, "members", field, count, 0.1, **found)


MEMBERS = account(
    "members",
    (2050, 40, 5, 20, 20, 12),
    (2110, 100, 3, 2),
    unexplained_records=3,
    unexplained_rows=2,
    matched_by={"target id": 2100, "natural key (email)": 10},
    not_compared={"tier_id": "the bundle names no tiers"},
    normalised={"phone: empty_as_null": 12},
)
EVENTS = account("events", (523, 0, 0, 0, 0, 0), (523, 0, 0, 0), origin="events.csv")
CAUSES = (
    cause(
        "not in the database",
        count=3,
        is_explained=False,
        examples=(Example(17, "4711", None, remark="Missing | email"), Example(18, None, None)),
    ),
    cause(
        "truncated at 20 characters",
        "phone",
        1204,
        examples=(
            Example(2, "4712", "id-2", " 805", "80"),
            Example(3, "4713", "id-3", None, ""),
            Example(4, "4714", "id-4", "x" * 1000, "null"),
        ),
    ),
    cause("older than the run", count=100, is_harmless=True, examples=(Example(None, None, "id-9"),)),
)
LEDGER = Ledger(
    (MEMBERS, EVENTS),
    {"registrations": "the report holds only how many there were"},
    CAUSES,
    (DuplicateKey("members", "a***@example.org", "natural key (email)", 2, 3),),
    (
        LevelTiers("Gold", "GOLD", "mapping", is_seeded=False, members=120, matching=0, without=120, other=0),
        LevelTiers(None, None, "nothing", is_seeded=None, members=7, matching=7, without=0, other=0),
    ),
)
# 2,147 members and 523 events, of which 3 members and 2 member rows are unexplained.
HEADLINE = "2,667 of 2,670 records, 5 unexplained (3 records, 2 rows in the database); registrations not evaluated"
