"""The findings of one judgement and the answers of its ledger, as the tables of a workbook."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.answers.answers import Answers
from recon.errors import UsageError
from recon.report.workbook.contents import (
    TITLE,
    Sheet,
    SheetNames,
    Workbook,
    checks_of,
    facts_of,
    kept_workbook,
    with_instants,
    without_empty,
)
from recon.report.workbook.exported import Exported, FindingSubject

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from recon.verification.verify import Judgement

# Each a method of Answers, and what its rows are, as the heading of a sheet.
OF_THE_LEDGER = {
    "missing": ("Missing", "in the bundle and not in the database"),
    "unexpected": ("Unexpected", "in the database and in no record of the bundle"),
    "altered": ("Altered", "of which a value differs, one row per value"),
    "rejected": ("Rejected", "that the importer refused"),
    "skipped": ("Skipped", "that the importer left alone"),
    "merged": ("Merged", "that share a row with another"),
}


def judged_workbook(judgement: Judgement) -> Workbook:
    """The workbook of what has just been judged; where findings cannot be had, that of the rows that checks kept."""
    v = judgement.verification
    try:
        judgement.find()
        return workbook_of(Answers(v, judgement.warehouse, show_pii=not v.masked), masked=v.masked)
    except (UsageError, duckdb.Error):
        # A snapshot of an older version has none; and a verdict is not lost for a report.
        return kept_workbook(v)


def exported_workbook(answers: Answers, *, show_pii: bool) -> Workbook:
    """The workbook of a run or of a bundle; personal data is shown if that is asked for, or if the run shows it.

    Raises:
        UsageError: As `workbook_of`.
    """
    masked = answers.verification.masked and not show_pii
    return workbook_of(answers.shown(show_pii=not masked), masked=masked)


def chosen_workbook(answers: Answers, findings: Collection[str]) -> Workbook:
    """The workbook of single findings, by their names; it has a sheet for each check, as the whole has.

    Raises:
        UsageError: As `workbook_of`.
    """
    whole = exported_workbook(answers, show_pii=answers.shows_pii)
    sheets = (
        replace(sheet, frame=sheet.frame.filter(pl.col("finding").is_in(list(findings))))
        for sheet in whole.sheets
        if sheet.is_decided
    )
    return replace(whole, sheets=tuple(sheets))


def answered_workbook(title: str, frames: Mapping[str, pl.DataFrame], answers: Answers, *, masked: bool) -> Workbook:
    """The workbook of the answer to one question: a sheet for each of its frames, by title."""
    names = SheetNames()
    sheets = tuple(
        Sheet(names.name(name or title), name or title, with_instants(_collected(frame), answers.times))
        for name, frame in frames.items()
    )
    return Workbook(title, facts_of(answers.verification, masked=masked), sheets=sheets, masked=masked)


def exported_of(answers: Answers, *, is_kept: bool) -> Exported:
    """What a workbook has to agree with that is read back.

    Args:
        answers: The run, or what has just been judged.
        is_kept: It is a run, whose workbook says when it was verified; a bundle is verified anew each time.
    """
    v = answers.verification
    facts = dict(facts_of(v, masked=v.masked))
    return Exported(
        lambda masked: workbook_of(answers.shown(show_pii=not masked), masked=masked),
        {row.pop("finding"): FindingSubject(**row) for row in _collected(answers.subjects).to_dicts()},
        {check.id: check.category for check in v.checks},
        {"Run ID": facts["Run ID"], "Verified at": facts["Verified at"] if is_kept else None},
    )


def workbook_of(answers: Answers, *, masked: bool) -> Workbook:
    """The workbook of a judgement: every finding of its checks, one row each, and what its ledger says.

    Raises:
        UsageError: The snapshot is of a version that kept no findings.
    """
    v = answers.verification
    names = SheetNames()
    found = tuple(_findings(answers, names))
    sheets = (*found, *_ledger(answers, names), *_causes(answers, names))
    counted = {sheet.check_id: sheet.frame.height for sheet in found}
    return Workbook(TITLE, facts_of(v, masked=masked), checks_of(v.checks, counted), sheets, masked=masked)


def _findings(answers: Answers, names: SheetNames) -> Iterator[Sheet]:
    times = answers.times
    for check in answers.checks:
        if check.has_findings:
            frame = without_empty(_collected(answers.findings_of(check.id)))
            if frame.height:
                yield Sheet(names.name(check.name), check.message, with_instants(frame, times), check.id)


def _ledger(answers: Answers, names: SheetNames) -> Iterator[Sheet]:
    times = answers.times
    for question, (title, about) in OF_THE_LEDGER.items():
        for entity in answers.listed:
            frame = _collected(getattr(answers, question)(entity))
            if frame.height:
                name = names.name(f"{title} {entity}")
                shown = with_instants(without_empty(frame), times)
                yield Sheet(name, f"{entity.capitalize()} {about}", shown, question=question, entity=entity)


def _causes(answers: Answers, names: SheetNames) -> Iterator[Sheet]:
    frame = _collected(answers.causes)
    if frame.height:
        yield Sheet(names.name("Causes"), "Why records, rows and values differ", frame)


def _collected(frame: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """The rows of an answer, a frame and a lazy frame alike."""
    return frame.lazy().collect()
