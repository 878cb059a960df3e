"""Applies accepted differences: says of each finding where it stands, and of each check what of it is accepted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from recon.model import AcceptedDifferences
from recon.rules.acceptance.entries import lacks_approval
from recon.rules.acceptance.matches import CheckMatch, EntryMatches
from recon.rules.acceptance.problems import problems
from recon.rules.acceptance.verdict import with_acceptance
from recon.sql import named_statements

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import date

    from recon.model import Check
    from recon.rules.acceptance.entries import AcceptanceFile
    from recon.warehouse import Warehouse

STATEMENTS = named_statements(Path(__file__).with_name("applying.sql"))
ENTRIES = "acceptance_entries"
SCHEMA = {
    "number": pl.Int64,
    **dict.fromkeys(("check_id", "entity", "key", "field", "cause", "fingerprint"), pl.String),
    "maximum": pl.Int64,
    "expires": pl.Date,
    "is_wide": pl.Boolean,
}


def apply_acceptance(
    file: AcceptanceFile, checks: Sequence[Check], warehouse: Warehouse, today: date
) -> tuple[tuple[Check, ...], AcceptedDifferences]:
    """Set the standing of each of `checks.findings`, and return the checks with what of them is accepted.

    A check that fails becomes a warning if all that it found is accepted. One that could not be evaluated, and one that
    fails without violations, stay as they are.

    Args:
        file: What people accept.
        checks: What was found; not masked.
        warehouse: Holds `checks.findings`, as `create_findings` makes it.
        today: By UTC; an entry counts until the end of the day that it names.
    """
    matches = match_entries(file, {check.id: check.category for check in checks}, warehouse, today)
    told = AcceptedDifferences(file.path, len(file.entries), len(matches.expired), tuple(problems(matches, checks)))
    return tuple(with_acceptance(check, matches) for check in checks), told


def match_entries(
    file: AcceptanceFile, categories: Mapping[str, str], warehouse: Warehouse, today: date
) -> EntryMatches:
    """Set the standing of each of `checks.findings`, and return what each entry and each check came to.

    Args:
        file: What people accept.
        categories: That of each check, by id.
        warehouse: Holds `checks.findings`.
        today: By UTC.
    """
    numbered = dict(enumerate(file.entries, 1))
    expired = [number for number, entry in numbered.items() if entry.expires < today]
    unapproved = [n for n, entry in numbered.items() if lacks_approval(entry, categories.get(entry.check, ""))]
    unapproved = [number for number in unapproved if number not in set(expired)]
    warehouse.connection.register(ENTRIES, _frame(file, {*expired, *unapproved}).to_arrow())
    try:
        warehouse.execute(STATEMENTS["apply"])
        found = {name: warehouse.rows(STATEMENTS[name]) for name in EntryMatches.QUERIES}
        warehouse.execute(STATEMENTS["forget"])
    finally:
        warehouse.connection.unregister(ENTRIES)
    accepting: dict[str, list[int]] = {}
    for row in found["accepting"]:
        accepting.setdefault(row["check_id"], []).append(row["number"])
    return EntryMatches(
        file,
        tuple(expired),
        tuple(unapproved),
        frozenset(row["number"] for row in found["used"]),
        {row["number"]: row["found"] for row in found["exceeded"]},
        tuple(tuple(row["numbers"]) for row in found["contradicting"]),
        {row["number"]: tuple(row["numbers"]) for row in found["disagreeing"]},
        {
            row["check_id"]: CheckMatch(
                row["listed"], row["accepted"], row["reopened"], row["until"], tuple(accepting.get(row["check_id"], ()))
            )
            for row in found["by_check"]
        },
    )


def _frame(file: AcceptanceFile, without: Collection[int]) -> pl.DataFrame:
    """The entries that count, one row each."""
    rows = [
        (number, e.check, e.entity, e.key, e.field, e.cause, e.fingerprint, e.maximum, e.expires, e.is_wide)
        for number, e in enumerate(file.entries, 1)
        if number not in without
    ]
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
