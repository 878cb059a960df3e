"""The findings of a check with their people, and the workbook and the decisions that are made of them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from found_runs import FORMULA, LONG_ID, MARKUP, ZEROS, FoundRun
from spreadsheets import EditedWorkbook, converted, letters, sheets_of, typed_in
from support import run_in_process

import recon
from recon.answers.accepting import LONGEST
from recon.answers.deciding import accept_workbook
from recon.answers.opening import opened_run
from recon.answers.workbook import exported_of, workbook_of
from recon.errors import ReconError, UsageError
from recon.report.workbook.decisions import read_decisions
from recon.rules.acceptance import read_acceptance
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recon.report.workbook.exported import Exported

TODAY, UNTIL = date(2026, 1, 31), date(2026, 7, 1)
ACCEPTED: dict[str, str | date] = {"Decision": "accept", "Reason": "left on purpose", "Owner": "Ann", "Expires": UNTIL}
MISSING, ALTERED = "Missing Records", "Altered Records"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> FoundRun:
    """A run whose checks kept one row each."""
    return FoundRun(tmp_path_factory.mktemp("found"), evidence_rows=1)


@pytest.fixture(scope="module")
def answers(found: FoundRun) -> Iterator[recon.Answers]:
    with opened_run(found.run, show_pii=True) as opened:
        yield opened


@pytest.fixture(scope="module")
def exported(found: FoundRun, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "findings.xlsx"
    done = run_in_process("export", found.run, "-o", path)
    assert (done.code, done.err) == (0, "")
    assert done.out == f"12 findings of 6 checks written to: {path}\n"
    return path


@pytest.fixture(scope="module")
def of_run(answers: recon.Answers) -> Exported:
    """What a workbook of the run has to agree with, made once."""
    asked = exported_of(answers, is_kept=True)
    return replace(asked, workbook=cache(asked.workbook))


def test_every_finding_is_there_with_whom_it_is_about(found: FoundRun, answers: recon.Answers) -> None:
    first, second = answers.findings_of("missing-records").to_dicts()
    assert (first["key"], first["name"]) == (ZEROS, f"{FORMULA} {MARKUP}")
    assert (second["key"], second["name"], second["email"]) == (
        found.other["_waId"],
        f"{found.other['firstName']} {found.other['lastName']}",
        found.other["email"],
    )
    assert (first["outcome"], first["source_row"], first["violations"]) == ("missing_in_target", 2, 1)
    assert answers.checks.missing_records.violations.height == 1


def test_findings_are_those_of_the_run(answers: recon.Answers) -> None:
    together = pl.concat(
        answers.findings_of(check.id).select("fingerprint", "standing", "violations")
        for check in answers.checks
        if check.has_findings
    )
    wanted = answers.findings.select("fingerprint", "standing", "violations")
    assert together.sort("fingerprint").equals(wanted.sort("fingerprint"))


def test_whom_a_rule_without_entity_is_about_is_found_by_the_id(found: FoundRun, answers: recon.Answers) -> None:
    (row,) = answers.findings_of("tier_coverage").to_dicts()
    assert (row["entity"], row["key"]) == ("members", found.untiered["id"])
    assert row["name"] == f"{found.untiered['firstName']} {found.untiered['lastName']}"


def test_what_the_rule_says_keeps_its_kind(found: FoundRun, answers: recon.Answers) -> None:
    by_field = {row["field"]: row for row in answers.findings_of("altered_records").to_dicts()}
    assert (by_field["phone"]["key"], by_field["phone"]["target_value"]) == (LONG_ID, "+49 30 1234")
    assert by_field["start_time"]["title"] == found.event["title"]
    assert by_field["start_time"]["source_row"] == found.event["_sourceRow"]
    assert (
        answers.findings_of("member_count").to_dicts()[0] | {"expected": 20, "actual": 18}
        == (answers.findings_of("member_count").to_dicts()[0])
    )


def test_people_are_masked_and_ids_are_not(found: FoundRun) -> None:
    with recon.open_run(found.run) as opened:
        text = opened.findings_of("altered_records").write_json() + opened.findings_of("missing_records").write_json()
    assert LONG_ID in text
    for hidden in (found.other["lastName"], found.other["email"], "1234", found.altered[0]["email"]):
        assert hidden not in text.replace(LONG_ID, "")


def test_what_was_judged_without_findings_says_so(found: FoundRun) -> None:
    with judged(recon.VerifyOptions(found.paths.bundle, environment=found.environment)) as judgement:
        asked = recon.Answers(judgement.verification, judgement.warehouse)
        with pytest.raises(UsageError, match="The snapshot has no findings"):
            asked.findings_of("missing_records")
        with pytest.raises(UsageError, match="There is no check 'nonsense'"):
            asked.findings_of("nonsense")


def test_a_sheet_is_what_the_method_returns(answers: recon.Answers, exported: Path) -> None:
    sheets, masked = sheets_of(exported), answers.shown(show_pii=False)
    workbook = workbook_of(masked, masked=True)
    for sheet in workbook.sheets:
        header, *rows = sheets[sheet.name]
        assert set(sheet.frame.columns) <= set(header)
        for place, name in enumerate(header):
            if name in sheet.frame.columns:
                assert [row[place] for row in rows] == list(map(cell, sheet.frame[name])), name
        if sheet.check_id:
            whole = masked.findings_of(sheet.check_id)
            assert sheet.frame["fingerprint"].equals(whole["fingerprint"])
    missing = next(sheet for sheet in workbook.sheets if sheet.question == "missing")
    assert missing.frame.equals(masked.missing("members").select(missing.frame.columns))


def cell(value: Any) -> Any:
    if isinstance(value, datetime):
        return value
    return "" if value is None else value


def decided(exported: Path, folder: Path, change: Callable[[EditedWorkbook], object]) -> Path:
    """The workbook as a person changed it."""
    edited = EditedWorkbook(exported)
    change(edited)
    return edited.save(folder / "decided.xlsx")


def accepted(found: FoundRun, workbook: Path, folder: Path) -> dict[str, Any]:
    """What is written of the decisions in a workbook: the entries, by key and field."""
    accept_workbook(workbook, found.run, folder / "recon-accept.toml", TODAY)
    return {f"{e.check} {e.key} {e.field}": e for e in read_acceptance(folder / "recon-accept.toml").entries}


def test_what_is_accepted_in_a_workbook_is_written(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    def change(edited: EditedWorkbook) -> None:
        edited.set(MISSING, 2, **ACCEPTED | {"Decision": " Accept ", "Expires": "2026-07-01"})
        edited.set(MISSING, 3, Decision="fix", Reason="by hand").set(ALTERED, 4, **ACCEPTED)
        edited.set(ALTERED, 2, Decision="investigate")

    workbook = decided(exported, tmp_path, change)
    done = accept_workbook(workbook, found.run, tmp_path / "a.toml", TODAY)
    assert (done.others, done.undecided) == ({"fix": 1, "investigate": 1}, 8)
    assert done.accepted is not None
    assert (done.accepted.findings, done.accepted.written.new) == ({"missing_records": 1, "altered_records": 1}, 2)
    entries = accepted(found, workbook, tmp_path)
    first = entries[f"missing_records {ZEROS} None"]
    assert (first.reason, first.owner, first.expires, first.entity) == ("left on purpose", "Ann", UNTIL, "members")
    with opened_run(found.run) as opened:
        known = set(opened.findings["fingerprint"])
    assert {entry.fingerprint for entry in entries.values()} <= known


def test_an_entry_without_a_said_entity_names_none(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    workbook = decided(exported, tmp_path, lambda e: e.set("Tier Coverage", 2, **ACCEPTED))
    (entry,) = accepted(found, workbook, tmp_path).values()
    assert (entry.entity, entry.key) == (None, found.untiered["id"])


def test_rows_may_be_sorted_and_removed(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    def change(edited: EditedWorkbook) -> None:
        edited.set(MISSING, 3, **ACCEPTED).rows(MISSING, lambda rows: rows[::-1])
        edited.rows(ALTERED, lambda rows: rows[:1])

    (entry,) = accepted(found, decided(exported, tmp_path, change), tmp_path).values()
    assert entry.key == found.other["_waId"]


def test_an_id_that_became_a_number_is_read_if_it_is_exact(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    wa_id = found.other["_waId"]
    workbook = decided(exported, tmp_path, lambda e: e.set(MISSING, 3, key=int(wa_id), **ACCEPTED))
    (entry,) = accepted(found, workbook, tmp_path).values()
    assert entry.key == wa_id


def again(rows: list[str]) -> list[str]:
    return [*rows, rows[0]]


REFUSED: dict[str, tuple[Callable[[EditedWorkbook], object], str]] = {
    "no reason": (
        lambda e: e.set(MISSING, 3, **ACCEPTED | {"Reason": " "}),
        r"lacks something .*sheet Missing Records, row 3, column \w+ \(Reason\)\): expected a text, found nothing",
    ),
    "no owner": (lambda e: e.set(MISSING, 2, **ACCEPTED | {"Owner": ""}), r"row 2, column \w+ \(Owner\)"),
    "no date": (lambda e: e.set(MISSING, 2, **ACCEPTED | {"Expires": ""}), r"\(Expires\)\): expected a date"),
    "a wrong date": (lambda e: e.set(MISSING, 2, **ACCEPTED | {"Expires": "soon"}), "This is no date.*found 'soon'"),
    "a date that has passed": (
        lambda e: e.set(MISSING, 2, **ACCEPTED | {"Expires": TODAY - timedelta(1)}),
        "a day from 2026-01-31 to 2027-02-01.*found 2026-01-30",
    ),
    "a date too far": (lambda e: e.set(MISSING, 2, **ACCEPTED | {"Expires": date(2030, 1, 1)}), "found 2030-01-01"),
    "a person in the reason": (
        lambda e: e.set(MISSING, 2, **ACCEPTED | {"Reason": "ann@example.org left"}),
        r"\(Reason\)\): expected ids only",
    ),
    "an unknown decision": (
        lambda e: e.set(MISSING, 2, Decision="acept"),
        r"There is no such decision .*accept, fix or investigate, found 'acept'\. Did you mean 'accept'",
    ),
    "a reason without a decision": (
        lambda e: e.set(MISSING, 2, Reason="because"),
        r"The row has no decision .*column \w+ \(Decision\)",
    ),
    "no approval": (lambda e: e.set("ID Mappings", 2, **ACCEPTED), r"lacks approval .*\(Approved by\).*found nothing"),
    "the owner's approval": (
        lambda e: e.set("ID Mappings", 2, **ACCEPTED | {"Approved by": "ann"}),
        r"\(Approved by\).*found the owner",
    ),
    "another header": (
        lambda e: e.put(MISSING, "C1", "who"),
        r"restructured .*sheet Missing Records, row 1, column C \(name\)\): expected 'name', found 'who'",
    ),
    "another sheet's name": (
        lambda e: e.rename(MISSING, "Missing"),
        "A sheet is missing .*expected the sheet Missing Records, found Summary, .*Missing",
    ),
    "no summary": (lambda e: e.rename("Summary", "About"), "expected the sheet Summary"),
    "another run": (lambda e: e.put("Summary", "B4", "other"), r"is of another run .*row 4, column B \(Run ID\)"),
    "another verification": (
        lambda e: e.put("Summary", "B7", "2024-01-15T14:30:00.000Z"),
        r"is of another run .*\(Verified at\)",
    ),
    "a fingerprint of another run": (
        lambda e: e.set(MISSING, 2, fingerprint="0" * 16),
        r"The finding has changed .*\(fingerprint\)",
    ),
    "a row twice": (lambda e: e.rows(MISSING, again), "The row is there twice .*row 4.*that of row 2"),
    "a row of another sheet": (
        lambda e: e.set(MISSING, 2, finding="f0123456789abcdef"),
        r"no finding of this sheet .*row 2, column \w+ \(finding\)",
    ),
    "a row without its finding": (lambda e: e.set(MISSING, 2, finding=""), "no finding of this sheet .*found nothing"),
    "a key that lost its zeros": (
        lambda e: e.set(MISSING, 2, key=7),
        r"not as it was exported .*row 2, column B \(key\)\): expected '007', found '7'",
    ),
    "a key that is not exact": (lambda e: e.set(ALTERED, 4, key=float(LONG_ID)), r"A number is not exact .*\(key\)"),
    "columns sorted apart": (
        lambda e: e.set(ALTERED, 3, field="email"),
        r"not as it was exported .*\(field\)\): expected '\w+', found 'email'",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_workbook_that_does_not_fit_is_refused_by_name(
    name: str, of_run: Exported, exported: Path, tmp_path: Path
) -> None:
    change, said = REFUSED[name]

    def changed(edited: EditedWorkbook) -> None:
        edited.set(ALTERED, 2, **ACCEPTED)
        change(edited)

    with pytest.raises(ReconError) as error:
        read_decisions(decided(exported, tmp_path, changed), of_run, (TODAY, TODAY + LONGEST))
    assert re.search(said, error.value.message), error.value.message
    assert "decided.xlsx" in error.value.message


def test_nothing_is_written_of_a_workbook_that_is_refused(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    workbook = decided(exported, tmp_path, lambda e: e.set(ALTERED, 2, **ACCEPTED).set(MISSING, 2, Decision="x"))
    with pytest.raises(ReconError, match="There is no such decision"):
        accept_workbook(workbook, found.run, tmp_path / "a.toml", TODAY)
    assert not (tmp_path / "a.toml").exists()


def test_a_file_that_is_no_workbook_is_refused(found: FoundRun, tmp_path: Path) -> None:
    (tmp_path / "a.xlsx").write_text("no workbook", encoding="utf-8")
    for name in ("a.xlsx", "none.xlsx"):
        with pytest.raises(ReconError, match=rf"The workbook cannot be read .*{name}"):
            accept_workbook(tmp_path / name, found.run, tmp_path / "b.toml", TODAY)


def test_libreoffice_opens_annotates_and_saves_it(found: FoundRun, exported: Path, tmp_path: Path) -> None:
    opened = converted(exported, "fods", tmp_path)
    header = sheets_of(exported)[MISSING][0]
    typed_in(opened, MISSING, ZEROS, {header.index(name): value for name, value in ACCEPTED.items()})
    saved = converted(opened, "xlsx", tmp_path)
    before, after = sheets_of(exported), sheets_of(saved)
    assert list(after) == list(before)
    (entry,) = accepted(found, saved, tmp_path).values()
    assert (entry.key, entry.reason, entry.owner, entry.expires) == (ZEROS, "left on purpose", "Ann", UNTIL)
    place = letters(header.index("Decision"))
    edited = EditedWorkbook(saved)
    xml = edited.parts[edited.part(MISSING)]
    assert re.search(rf'<dataValidation [^>]*sqref="{place}2:{place}3"', xml)
    assert "<autoFilter" in xml
    assert "<f>" not in xml
    for row, other in zip(before[MISSING], after[MISSING], strict=True):
        kept = [place for place, name in enumerate(header) if name not in ACCEPTED]
        assert [row[place] for place in kept] == [other[place] for place in kept]


@pytest.mark.soak
@pytest.mark.parametrize("suffix", ["ods", "xlsx", "xls"])
def test_libreoffice_loses_nothing(suffix: str, exported: Path, tmp_path: Path) -> None:
    again = converted(converted(exported, suffix, tmp_path), "xlsx", tmp_path / "second")
    assert sheets_of(again) == sheets_of(exported)
