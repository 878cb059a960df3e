"""What a workbook holds, whatever it is written as: facts, checks, a sheet per check with findings, the ledger."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from recon.report.text import accounted_line, advice_facts, notices, timestamp
from recon.report.workbook.columns import DECISION_COLUMNS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from recon.model import Check, Verification
    from recon.report.failure import Failure

LONGEST_NAME = 31
FORBIDDEN = str.maketrans(dict.fromkeys("[]:*?/\\", " "))
# Names that a spreadsheet keeps for itself, or that other sheets have.
TAKEN = ("history", "summary", "findings")
TITLE, NO_VERDICT = "Findings", "ERROR"
# Columns of a sheet of findings by which it is read back; people need not see them.
FINDING, FINGERPRINT = "finding", "fingerprint"
HIDDEN = (FINDING, FINGERPRINT)
ALWAYS = (FINDING, "entity", "key", FINGERPRINT)


@dataclass(frozen=True)
class Sheet:
    """One table.

    Attributes:
        name: At most 31 characters, another one for each sheet of a workbook, whatever the case.
        title: What it is about, one sentence; contains text from data.
        frame: Its rows; a sheet of findings has the columns `finding` and `fingerprint`.
        check_id: The check whose findings it has, one row each; empty: it is another table.
        question: The ledger's question that it answers ("missing"), and the entity it is about; empty: another table.
    """

    name: str
    title: str
    frame: pl.DataFrame
    check_id: str = ""
    question: str = ""
    entity: str = ""

    @property
    def is_decided(self) -> bool:
        """Whether its rows are findings, on which a person decides."""
        return bool(self.check_id) and FINDING in self.frame.columns


@dataclass(frozen=True)
class Workbook:
    """The tables of one judgement.

    Attributes:
        title: What was judged.
        facts: What is to be known of all of it, as label and value; the values contain text from data.
        checks: Every check in order: check (its name), id, outcome, violations, findings, message.
        sheets: The tables, those of checks first.
        notes: What else to know, one sentence each.
        masked: Whether names, e-mail addresses and phone numbers are masked.
        is_whole: Whether every finding is there; False: only the rows that the checks kept.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    checks: pl.DataFrame = field(default_factory=pl.DataFrame)
    sheets: tuple[Sheet, ...] = ()
    notes: tuple[str, ...] = ()
    masked: bool = True
    is_whole: bool = True

    def sheet_of(self, check_id: str) -> Sheet | None:
        """The sheet of a check; None: it found nothing."""
        return next((sheet for sheet in self.sheets if sheet.check_id == check_id), None)

    @property
    def has_ledger(self) -> bool:
        """Whether the ledger was asked, though all its answers may be empty."""
        return self.is_whole and not self.checks.is_empty()

    @property
    def ledger(self) -> pl.DataFrame:
        """The ledger's tables as one: question, entity, then the columns of any of them; null where one has none."""
        asked = [sheet for sheet in self.sheets if sheet.question]
        named = (
            sheet.frame.select(
                pl.lit(sheet.question).alias("question"), pl.lit(sheet.entity).alias("entity"), pl.all().cast(pl.String)
            )
            for sheet in asked
        )
        empty = pl.DataFrame(schema={"question": pl.String, "entity": pl.String})
        return pl.concat([empty, *named], how="diagonal")


def sheet_columns(sheet: Sheet) -> tuple[str, ...]:
    """The columns of a sheet: those of its frame; of findings, also those to decide in, and what a row is known by."""
    if not sheet.is_decided:
        return tuple(sheet.frame.columns)
    # What a row is known by stands last, where nobody looks.
    return (*(name for name in sheet.frame.columns if name not in HIDDEN), *DECISION_COLUMNS, *HIDDEN)


class SheetNames:
    """Gives each sheet a name of its own that a spreadsheet admits."""

    def __init__(self) -> None:
        self._taken = set(TAKEN)

    def name(self, title: str) -> str:
        """The title, shortened, without what is forbidden in names; with a number where another sheet has it."""
        plain = "".join(c for c in title.translate(FORBIDDEN) if c.isprintable())
        plain = " ".join(plain.split()).strip("'") or "Sheet"
        found = _shortened(plain, "")
        number = 1
        while found.casefold() in self._taken:
            number += 1
            found = _shortened(plain, f" {number}")
        self._taken.add(found.casefold())
        return found


def _shortened(title: str, end: str) -> str:
    # A spreadsheet counts UTF-16 units.
    kept = title
    while len((kept + end).encode("utf-16-le")) // 2 > LONGEST_NAME:
        kept = kept[:-1]
    return kept.strip().strip("'") + end


def without_empty(frame: pl.DataFrame) -> pl.DataFrame:
    """The frame without columns that have no value, but those by which a finding is known."""
    return frame.select(name for name in frame.columns if name in ALWAYS or frame[name].null_count() < frame.height)


def with_instants(frame: pl.DataFrame, times: Iterable[str]) -> pl.DataFrame:
    """The frame with instants instead of their texts, in those of its columns `times` whose texts all are instants."""
    read = {}
    for name in set(times) & {name for name, kind in frame.schema.items() if kind == pl.String}:
        texts = frame[name].str.replace("T", " ", literal=True).str.strip_suffix("Z")
        found = texts.str.to_datetime("%Y-%m-%d %H:%M:%S%.f", strict=False, time_unit="us")
        if found.null_count() == frame[name].null_count():
            read[name] = found
    return frame.with_columns(**read)


def facts_of(v: Verification, *, masked: bool) -> tuple[tuple[str, str], ...]:
    """The facts of a judgement that a reader of its tables needs."""
    return (
        ("Verdict", str(v.verdict)),
        ("Run ID", v.run_id),
        ("Bundle", v.bundle_path),
        ("Database", v.snapshot.database),
        ("Verified at", timestamp(v.verified_at)),
        ("Accounted for", accounted_line(v.ledger)),
        ("Personal data", "masked" if masked else "shown"),
        *(("Notice", notice) for notice in notices(v)),
        *advice_facts(v),
    )


def checks_of(checks: Sequence[Check], findings: dict[str, int] | None = None) -> pl.DataFrame:
    """One row per check: check, id, outcome, violations, findings (null: not known), message."""
    return pl.DataFrame(
        {
            "check": [check.name for check in checks],
            "id": [check.id for check in checks],
            "outcome": [str(check.outcome) for check in checks],
            "violations": [check.violation_count for check in checks],
            "findings": [None if findings is None else findings.get(check.id, 0) for check in checks],
            "message": [check.message for check in checks],
        },
        schema_overrides={"violations": pl.Int64, "findings": pl.Int64},
    )


def kept_workbook(v: Verification) -> Workbook:
    """The workbook of a judgement of which nothing but the judgement is left: the rows that its checks kept."""
    notes = ["Each sheet has the violating rows that the check kept; with a run or a bundle, recon export has all"]
    return Workbook(
        TITLE, facts_of(v, masked=v.masked), checks_of(v.checks), kept_sheets(v.checks), tuple(notes), v.masked, False
    )


def kept_sheets(checks: Iterable[Check]) -> tuple[Sheet, ...]:
    """A sheet for each check that kept rows."""
    names = SheetNames()
    return tuple(
        Sheet(names.name(check.name), check.message, check.violations, check.id)
        for check in checks
        if check.has_findings and check.violations.height
    )


def failed_workbook(failure: Failure) -> Workbook:
    """The workbook of a run that ended without a verdict: what went wrong."""
    return Workbook(failure.heading, (("Verdict", NO_VERDICT), ("Error", failure.sentence), *failure.facts))
