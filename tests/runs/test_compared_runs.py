"""Runs compared: what became of each finding, of a club whose database is edited between two runs."""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from edited_clubs import edited_club
from run_folders import write_runs
from support import edit_report, verify

import recon
from recon.demo import plant
from recon.errors import ReportError, UsageError
from recon.model.changes import RECORDS
from recon.report.changes.output import CHANGE_FORMATS, changes_text
from recon.runs.comparing.comparing import compared
from recon.runs.folder import RunFolder

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model.changes import CheckChange, RunComparison

SUITE = """
name: own
expectations:
- type: expect_no_violations
  severity: {severity}
  description: Members have a phone number that looks like one.
  kwargs:
    sql: |
      select 'members' as entity, id as target_id, phone from target.members where phone like '{like}%' order by id
  meta:
    id: odd_phones
    title: Odd Phones
    category: integrity
    requires: [target.members.phone]
    messages: {{pass: "No odd phone", fail: "{{violations}} odd phone{{s}}"}}
    when_missing: {{outcome: ERROR, message: "Not evaluated: {{missing}}"}}
    when_empty: {{table: target.members, outcome: ERROR, message: "There are no members"}}
    meaning: They are odd
    action: Ask
"""


@dataclass(frozen=True)
class Edited:
    """Two runs of one club, of which some faults were mended and others made in between.

    Attributes:
        gone: Members without a row in both runs, in the older one, in the newer one.
        touched: A member whose phone number is wrong in both runs, in another way.
    """

    outputs: Path
    older: Path
    newer: Path
    paths: DemoPaths
    gone: tuple[dict[str, Any], dict[str, Any], dict[str, Any]]
    touched: dict[str, Any]


def run_of(paths: DemoPaths, outputs: Path, *, parts: tuple[str, ...] = ("snapshot",), **options: Any) -> Path:
    given = recon.VerifyOptions(paths.bundle, str(paths.database), **options)
    return recon.run(recon.RunOptions(given, outputs=outputs, parts=parts)).folder.path


def edit(paths: DemoPaths, *statements: tuple[str, tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(paths.database)) as database, database:
        for statement, values in statements:
            database.execute(statement, values)


@pytest.fixture(scope="module")
def edited(tmp_path_factory: pytest.TempPathFactory) -> Edited:
    folder = tmp_path_factory.mktemp("edited")
    club = edited_club(members=20, events=10, registrations=60)
    (always, _), (before, mended), (after, row), (touched, wrong) = club.pairs("members")[:4]
    for _, each in club.pairs("members")[:3]:
        club.free_of_registrations(each["id"])
    members = {each["id"]: dict(each) for _, each in club.pairs("members")[:4]}
    wrong["phone"] = "+49 30 1234"
    paths = club.write(folder)
    remove = 'delete from "Member" where id = ?'
    edit(paths, (remove, (always["_murmurantId"],)), (remove, (mended["id"],)))
    older = run_of(paths, folder / "outputs")
    back = members[mended["id"]]
    names = ", ".join(f'"{name}"' for name in back)
    insert = f'insert into "Member" ({names}) values ({", ".join("?" * len(back))})'
    edit(
        paths,
        (insert, tuple(back.values())),
        (remove, (row["id"],)),
        ('update "Member" set phone = ? where id = ?', ("+49 30 9999", wrong["id"])),
    )
    newer = run_of(paths, folder / "outputs")
    return Edited(folder / "outputs", older, newer, paths, (always, before, after), touched)


@pytest.fixture(scope="module")
def comparison(edited: Edited) -> RunComparison:
    return recon.diff_runs(edited.older, edited.newer, show_pii=True)


def check_in(found: RunComparison, check_id: str) -> CheckChange:
    return next(check for check in found.checks if check.id == check_id)


def records(found: RunComparison, check_id: str) -> dict[tuple[str, str | None], str]:
    """What became of the findings of a check, by key and field."""
    rows = [row for row in found.records.to_dicts() if row["check_id"] == check_id]
    changes = {(row["key"], row["field"]): row["change"] for row in rows}
    assert len(changes) == len(rows)
    return changes


def copied(run: Path, outputs: Path, change: Callable[[duckdb.DuckDBPyConnection], object] | None = None) -> Path:
    """A copy of a run, whose snapshot may be another."""
    copy = outputs / run.name
    shutil.copytree(run, copy)
    if change:
        with duckdb.connect(str(copy / "snapshot.duckdb")) as snapshot:
            change(snapshot)
    return copy


def edit_verification(run: Path, change: Callable[[dict[str, Any]], object]) -> None:
    file = run / "verification.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


def test_each_finding_has_become_what_was_done(edited: Edited, comparison: RunComparison) -> None:
    always, before, after = (each["_waId"] for each in edited.gone)
    missing = records(comparison, "missing_records")
    assert missing == {(always, None): "still open", (before, None): "fixed", (after, None): "new"}
    assert records(comparison, "altered_records") == {(edited.touched["_waId"], "phone"): "changed"}
    assert comparison.is_worse
    assert comparison.is_known


def test_the_numbers_are_those_of_the_records(comparison: RunComparison) -> None:
    assert comparison.findings is not None
    counted = dict(comparison.records["change"].value_counts().iter_rows())
    assert {name: count for name, count in comparison.findings.by_change.items() if count} == counted
    by_check = dict(comparison.records["check_id"].value_counts().iter_rows())
    tallies = {check.id: check.findings for check in comparison.checks}
    assert {i: sum(t.by_change.values()) for i, t in tallies.items() if t and any(t.by_change.values())} == by_check
    assert dict(comparison.records.schema) == RECORDS


def test_the_ledger_says_what_changed(comparison: RunComparison) -> None:
    members = {c.name: (c.before, c.after) for c in comparison.outcomes if c.entity == "members"}
    assert members["missing_in_target"] == (2, 2)
    assert sum(before or 0 for before, _ in members.values()) == 20 + 18
    assert {c.entity for c in comparison.outcomes} == {"members", "events", "registrations"}
    assert comparison.unexplained.before == comparison.unexplained.after


def test_people_are_named_beside_their_ids_and_masked(edited: Edited, comparison: RunComparison) -> None:
    _, before, after = edited.gone
    rows = {row["key"]: row for row in comparison.records.to_dicts() if row["check_id"] == "missing_records"}
    for record in (before, after):
        assert rows[record["_waId"]]["name"] == f"{record['firstName']} {record['lastName']}"
        assert rows[record["_waId"]]["email"] == record["email"]
    masked = recon.diff_runs(edited.older, edited.newer)
    assert masked.masked
    shown = "".join(changes_text(masked, name) for name in CHANGE_FORMATS)
    assert after["email"] not in shown
    assert after["lastName"] + "<" not in shown
    assert after["email"] in changes_text(comparison, "json")


def test_the_same_database_twice_leaves_everything_open(edited: Edited, tmp_path: Path) -> None:
    again = run_of(edited.paths, tmp_path)
    found = recon.diff_runs(edited.newer, again)
    assert found.findings is not None
    assert {name for name, count in found.findings.by_change.items() if count} == {"still open"}
    assert (found.rules, found.rules_known, found.notices) == ((), True, ())
    assert [each.name for each in found.inputs if each.is_changed or not each.is_known] == []
    assert not found.is_worse


STANDINGS = {
    ("open", "accepted", False): "accepted",
    ("accepted", "accepted", True): "accepted",
    ("accepted", "open", False): "re-opened",
    ("open", "re-opened", False): "re-opened",
    ("re-opened", "re-opened", True): "re-opened",
    ("re-opened", "re-opened", False): "still open",
    ("re-opened", "open", False): "still open",
    ("open", "open", True): "changed",
}


@pytest.mark.parametrize("case", STANDINGS, ids=str)
def test_what_was_accepted_is_told(case: tuple[str, str, bool], edited: Edited, tmp_path: Path) -> None:
    before, after, is_another = case
    other = "'0000000000000000'" if is_another else "fingerprint"
    outputs = [tmp_path / "older", tmp_path / "newer"]
    statement = "update checks.findings set standing = '{}', fingerprint = {}"
    older = copied(edited.newer, outputs[0], lambda s: s.execute(statement.format(before, "fingerprint")))
    newer = copied(edited.newer, outputs[1], lambda s: s.execute(statement.format(after, other)))
    found = recon.diff_runs(older, newer)
    assert set(found.records["change"]) == {STANDINGS[case]}
    assert found.is_worse == (STANDINGS[case] in {"changed", "re-opened"})


def test_what_is_accepted_at_first_sight_and_what_is_gone_though_accepted(edited: Edited, tmp_path: Path) -> None:
    accept = "update checks.findings set standing = 'accepted'"
    older = copied(edited.older, tmp_path / "older", lambda s: s.execute(accept))
    newer = copied(edited.newer, tmp_path / "newer", lambda s: s.execute(accept))
    found = recon.diff_runs(older, newer)
    _, before, after = (each["_waId"] for each in edited.gone)
    missing = records(found, "missing_records")
    assert (missing[before, None], missing[after, None]) == ("fixed", "accepted")


def unevaluated(outcome: str) -> Callable[[dict[str, Any]], None]:
    """Changes a judgement so that its check of missing records did not look."""

    def change(document: dict[str, Any]) -> None:
        check = next(check for check in document["checks"] if check["id"] == "missing_records")
        name = {"FAIL": "failed", "ERROR": "errors", "WARN": "warnings"}
        document["summary"][name[check["outcome"]]] -= 1
        document["summary"][name[outcome]] += 1
        check.update(outcome=outcome, violationCount=None, violations=[])

    return change


@pytest.mark.parametrize("outcome", ["ERROR", "WARN", "FAIL"])
def test_what_was_not_looked_for_is_not_fixed(outcome: str, edited: Edited, tmp_path: Path) -> None:
    gone = "delete from checks.findings where check_id = 'missing_records'"
    newer = copied(edited.newer, tmp_path, lambda s: s.execute(gone))
    edit_verification(newer, unevaluated(outcome))
    found = recon.diff_runs(edited.older, newer)
    assert set(records(found, "missing_records").values()) == {"not known"}
    assert "Not evaluated in the newer run" in " ".join(check_in(found, "missing_records").notes)
    assert not found.is_known
    # The other way round, they are new, but that is said to be unsure.
    back = recon.diff_runs(newer, edited.older)
    assert set(records(back, "missing_records").values()) == {"new"}
    assert any("is not known" in notice for notice in back.notices)


def without_check(check_id: str) -> Callable[[dict[str, Any]], None]:
    def change(document: dict[str, Any]) -> None:
        check = next(check for check in document["checks"] if check["id"] == check_id)
        document["checks"].remove(check)
        document["summary"]["total"] -= 1
        document["summary"][{"PASS": "passed", "FAIL": "failed", "WARN": "warnings"}[check["outcome"]]] -= 1

    return change


def test_a_check_that_is_gone_fixes_nothing_and_one_that_is_there_now_is_called_new(
    edited: Edited, tmp_path: Path
) -> None:
    gone = "delete from checks.findings where check_id = 'missing_records'"
    without = copied(edited.newer, tmp_path, lambda s: s.execute(gone))
    edit_verification(without, without_check("missing_records"))
    found = recon.diff_runs(edited.older, without)
    assert set(records(found, "missing_records").values()) == {"not known"}
    assert [rule.change for rule in found.rules if rule.check_id == "missing_records"] == ["removed"]
    assert check_in(found, "missing_records").after is None
    back = recon.diff_runs(without, edited.older)
    assert check_in(back, "missing_records").notes == ("New check: the older run did not have it",)
    assert [rule.change for rule in back.rules if rule.check_id == "missing_records"] == ["added"]


def test_findings_that_a_run_does_not_list_are_not_fixed(edited: Edited, tmp_path: Path) -> None:
    """As of an expectation of another type, of which only the rows that are kept are findings."""
    newer = copied(edited.newer, tmp_path)

    def more(document: dict[str, Any]) -> None:
        next(check for check in document["checks"] if check["id"] == "missing_records")["violationCount"] = 3

    edit_verification(newer, more)
    found = recon.diff_runs(edited.older, newer)
    assert records(found, "missing_records")[edited.gone[1]["_waId"], None] == "not known"
    assert "does not list all" in " ".join(check_in(found, "missing_records").notes)


def test_without_snapshot_only_checks_and_numbers_are_compared_and_that_is_said(edited: Edited, tmp_path: Path) -> None:
    newer = copied(edited.newer, tmp_path)
    (newer / "snapshot.duckdb").unlink()
    found = recon.diff_runs(edited.older, newer)
    assert found.findings is None
    assert found.records.is_empty()
    assert "of the newer run they are not known: the run kept no snapshot" in found.without_findings
    assert check_in(found, "missing_records").violations_before == 2
    assert any(each.before != each.after or each.before for each in found.outcomes)
    assert (found.is_worse, found.is_known) == (False, False)
    for name in CHANGE_FORMATS:
        assert "the run kept no snapshot" in changes_text(found, name)


@pytest.mark.parametrize("kind", ["older version", "other findings", "no database", "a folder"])
def test_a_snapshot_without_findings_says_why(kind: str, edited: Edited, tmp_path: Path) -> None:
    older = copied(edited.older, tmp_path)
    snapshot = older / "snapshot.duckdb"
    if kind == "older version":
        with duckdb.connect(str(snapshot)) as connection:
            connection.execute("drop table checks.findings")
    elif kind == "other findings":
        with duckdb.connect(str(snapshot)) as connection:
            connection.execute("alter table checks.findings drop column standing")
    else:
        snapshot.unlink()
        snapshot.write_text("no database", encoding="utf-8") if kind == "no database" else snapshot.mkdir()
    found = recon.diff_runs(older, edited.newer)
    why = {
        "older version": "kept no findings",
        "other findings": "or other ones",
        "no database": "cannot be read",
        "a folder": "kept no snapshot",
    }
    assert why[kind] in found.older.without_findings
    assert found.newer.without_findings == ""


def test_findings_of_a_check_that_no_judgement_has_are_not_passed_over(edited: Edited, tmp_path: Path) -> None:
    rename = "update checks.findings set check_id = 'unheard_of' where check_id = 'missing_records'"
    found = recon.diff_runs(edited.older, copied(edited.newer, tmp_path, lambda s: s.execute(rename)))
    assert check_in(found, "unheard_of").name == "unheard_of"
    assert set(records(found, "unheard_of").values()) == {"new"}
    assert set(records(found, "missing_records").values()) == {"not known"}
    assert "unheard_of" in changes_text(found, "markdown").replace("\\", "")


def test_the_order_and_another_database_are_noticed(edited: Edited, tmp_path: Path) -> None:
    reversed_order = recon.diff_runs(edited.newer, edited.older)
    assert ["order looks reversed" in notice for notice in reversed_order.notices] == [True]
    other = copied(edited.newer, tmp_path)
    edit_verification(other, lambda d: d["snapshot"].update(database="PostgreSQL 16.2 through psycopg, host:1/club"))
    (notice,) = recon.diff_runs(edited.older, other).notices
    assert "different databases" in notice
    assert "PostgreSQL, host:1/club" in notice


def test_a_dry_run_is_noticed(edited: Edited, tmp_path: Path) -> None:
    dry = copied(edited.older, tmp_path)
    edit_verification(dry, lambda document: document.update(dryRun=True))
    (notice,) = recon.diff_runs(dry, edited.newer).notices
    assert notice.endswith("wrote nothing to the database: the older run")


def test_a_server_of_another_version_is_the_same_database(edited: Edited, tmp_path: Path) -> None:
    other = copied(edited.newer, tmp_path)
    edit_verification(
        other, lambda d: d["snapshot"].update(database=d["snapshot"]["database"].replace("SQLite 3", "SQLite 99"))
    )
    found = recon.diff_runs(edited.older, other)
    assert found.notices == ()
    assert [each.name for each in found.inputs if each.is_changed] == ["Database"]


def test_a_run_is_not_compared_with_itself(edited: Edited, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(edited.newer)
    with pytest.raises(UsageError, match="with itself"):
        recon.diff_runs(edited.newer, link)


def test_inputs_and_rules_that_changed_are_named(edited: Edited, tmp_path: Path) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    file, bundle = suites / "own.yaml", tmp_path / "bundle"
    shutil.copytree(edited.paths.bundle, bundle)
    paths = recon.DemoPaths(bundle, edited.paths.database)
    file.write_text(SUITE.format(severity="critical", like="+49 30"), encoding="utf-8")
    first = run_of(paths, tmp_path / "outputs", expectations=[suites])
    file.write_text("# moved\n" + SUITE.format(severity="critical", like="+49 30"), encoding="utf-8")
    moved = run_of(paths, tmp_path / "outputs", expectations=[suites])
    file.write_text(SUITE.format(severity="warning", like="+49"), encoding="utf-8")
    edit_report(bundle, lambda report: report.update(note="another"))
    changed = run_of(paths, tmp_path / "outputs", expectations=[suites], evidence_rows=7)
    assert recon.diff_runs(first, moved).rules == ()
    found = recon.diff_runs(moved, changed)
    assert [(rule.check_id, rule.change) for rule in found.rules] == [("odd_phones", "changed")]
    assert "severity warning, was critical" in found.rules[0].detail
    inputs = {each.name: (each.before, each.after) for each in found.inputs if each.is_changed}
    assert set(inputs) == {"Content of the bundle", "Content of migration-report.json", "Evidence rows"}
    assert inputs["Evidence rows"] == ("1000", "7")
    assert "The rule was changed" in " ".join(check_in(found, "odd_phones").notes)
    added = recon.diff_runs(edited.newer, first)
    assert [(rule.check_id, rule.change) for rule in added.rules] == [("odd_phones", "added")]


def test_what_an_older_version_did_not_record_is_called_that(edited: Edited, tmp_path: Path) -> None:
    older = copied(edited.older, tmp_path)
    manifest = json.loads((older / "run.json").read_text(encoding="utf-8"))
    del manifest["inputs"]
    (older / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    found = recon.diff_runs(older, edited.newer)
    assert not found.rules_known
    unknown = {each.name for each in found.inputs if not each.is_known}
    assert unknown >= {"Content of the bundle", "Version of recon", "Evidence rows"}
    assert "not recorded" in changes_text(found, "markdown")


@pytest.mark.soak
def test_a_million_findings_are_compared(edited: Edited, tmp_path: Path) -> None:
    rows = """
    insert into checks.findings
    select 'missing_records', 'members', cast(range as varchar), null, null, 1, 'same', 'open', null
    from range({}, {})"""
    older = copied(edited.older, tmp_path / "older", lambda s: s.execute(rows.format(10**6, 13 * 10**5)))
    newer = copied(edited.newer, tmp_path / "newer", lambda s: s.execute(rows.format(11 * 10**5, 14 * 10**5)))
    found = compared(RunFolder(older), RunFolder(newer), most=50)
    tally = check_in(found, "missing_records").findings
    assert tally is not None
    assert (tally.fixed, tally.new, tally.still_open) == (100_001, 100_001, 200_001)
    assert found.records.height < 400


def test_the_runs_of_a_folder_are_listed_with_what_each_kept(edited: Edited, tmp_path: Path) -> None:
    newer, older = copied(edited.newer, tmp_path), copied(edited.older, tmp_path)
    (older / "snapshot.duckdb").unlink()
    broken, empty = tmp_path / "20200101T000000Z-broken", tmp_path / "20190101T000000Z-empty"
    for folder in (broken, empty, tmp_path / "site"):
        folder.mkdir()
    (broken / "verification.json").write_text("{", encoding="utf-8")
    listed = recon.list_runs(tmp_path)
    assert [run.name for run in listed] == [newer.name, older.name, broken.name, empty.name]
    assert [(run.has_snapshot, run.has_findings) for run in listed[:2]] == [(True, True), (False, False)]
    assert [bool(run.problem) for run in listed] == [False, False, True, True]
    verification = recon.load_verification(newer / "verification.json")
    assert (listed[0].failed, listed[0].warnings, listed[0].verdict) == (
        verification.summary.failed,
        verification.summary.warnings,
        verification.verdict,
    )
    with pytest.raises(UsageError, match="no such folder of runs"):
        recon.list_runs(tmp_path / "nothing")


def test_the_last_two_are_of_the_same_database(demo: DemoPaths, tmp_path: Path) -> None:
    clean = verify(demo)
    plant(["orphaned-registrations"], demo.bundle, demo.database)
    faulty = verify(demo)
    runs = write_runs(tmp_path, [clean, clean, faulty, faulty])
    edit_verification(runs[2].path, lambda d: d["snapshot"].update(database="SQLite 3.1, elsewhere.db"))
    runs[3].verification.write_text("{", encoding="utf-8")
    edit_verification(runs[0].path, lambda d: d["snapshot"].update(database="SQLite 3.2, elsewhere.db"))
    found = recon.diff_last_runs(tmp_path)
    assert (found.older.name, found.newer.name) == (runs[0].name, runs[2].name)
    assert runs[3].name in found.notices[0]
    shutil.rmtree(runs[0].path)
    with pytest.raises(UsageError, match="only one run of this database"):
        recon.diff_last_runs(tmp_path)


def test_a_run_is_found_by_its_name_or_its_only_beginning(edited: Edited, tmp_path: Path) -> None:
    by_name = recon.diff_runs(edited.older.name, edited.newer.name, outputs=edited.outputs)
    assert by_name.findings == recon.diff_runs(edited.older, edited.newer).findings
    with pytest.raises(UsageError, match=r"no such run.*Did you mean"):
        recon.diff_runs(edited.older.name.replace("run", "rnu"), edited.newer, outputs=edited.outputs)
    with pytest.raises(UsageError, match="Several runs begin"):
        recon.diff_runs("2", edited.newer, outputs=edited.outputs)
    with pytest.raises(ReportError, match="no folder of a run"):
        recon.diff_runs(tmp_path, edited.newer)
    for name in ("a" * 5000, "nul\0nul"):
        with pytest.raises(UsageError, match="no such run"):
            recon.diff_runs(name, edited.newer)


def test_a_run_without_a_judgement_is_an_error(edited: Edited, tmp_path: Path) -> None:
    broken = copied(edited.older, tmp_path)
    (broken / "verification.json").write_text("{", encoding="utf-8")
    with pytest.raises(ReportError, match="cannot be read"):
        recon.diff_runs(broken, edited.newer)
