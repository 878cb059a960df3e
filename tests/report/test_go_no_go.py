"""The go/no-go sheet: what it recommends, who is affected, and that it says no more than fits."""

from __future__ import annotations

import dataclasses
import re
from datetime import timedelta
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from crowded_sheets import INSTANT, crowded, figures
from msgspec.structs import replace

from recon.ledger.kinds import KINDS
from recon.model import Escalation, Outcome, Summary, Verdict
from recon.report.go_no_go.affected import (
    CHANGED,
    EXTRA,
    LOST,
    MISPLACED,
    OTHERWISE,
    UNCLEAR,
    SheetAcceptance,
    SheetAccount,
    SheetCause,
    SheetCheck,
    SheetLedger,
    SheetLevel,
    affected,
)
from recon.report.go_no_go.room import Wish, lines_of, shared
from recon.report.go_no_go.sheet import BROKEN, MOST_DIGESTS, SheetProof, render
from recon.report.go_no_go.verdict import SheetRun
from recon.report.go_no_go.way_back import WayBack
from recon.report.json import render as as_json

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.model import Verification

PROOF = SheetProof("jane", "a" * 64, "b" * 64, {"verification.json": "c" * 64}, "d" * 64, {"recon": "1"})
NOBODY = Escalation(False, (), "Merge captain", "High", "", "Fix it")
SOMEBODY = replace(NOBODY, required=True)


def run_of(verification: Verification) -> SheetRun:
    return msgspec.json.decode(as_json(verification), type=SheetRun)


@pytest.fixture(scope="module")
def clean_run(passed: Verification) -> SheetRun:
    return run_of(passed)


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<main")[2].partition(">")[2])).split())


def test_it_says_what_was_found_and_what_proves_it(clean_run: SheetRun) -> None:
    words = words_of(render(clean_run, PROOF))
    assert words.startswith(f"Go/No-Go: Migration PASSED Club {clean_run.club} ")
    assert clean_run.club != "not stated in the bundle"
    assert "GO Keep the migration The migration is right: all 18 checks passed. Who is affected Nobody" in words
    assert clean_run.ledger is not None
    total = f"{clean_run.ledger.records:,}"
    assert f"Accounted for {total} of {total} records accounted for Open differences None: every check" in words
    for value in (clean_run.run_id, clean_run.snapshot.database, "jane", *(letter * 64 for letter in "abcd")):
        assert value in words
    assert words.count("Name Role Date Go No-go") == 3


@pytest.mark.parametrize(
    "changes, decision, words",
    [
        ({}, "GO", "Keep the migration The migration is right: all 18"),
        ({"summary": Summary(18, 16, 0, 2, 0)}, "GO", "none of 18 checks failed. Read 2 warnings before you sign."),
        ({"escalation": SOMEBODY}, "NO-GO", "Not yet: agree first with the Merge captain"),
        (
            {"verdict": Verdict.FAILED, "summary": Summary(18, 15, 2, 0, 1)},
            "NO-GO",
            "2 of 18 checks failed, and 1 could",
        ),
        ({"verdict": Verdict.INCOMPLETE, "summary": Summary(2, 1, 0, 0, 1)}, "NO-GO", "1 of 2 checks could not be"),
        ({"verdict": Verdict.INCOMPLETE, "summary": Summary(0, 0, 0, 0, 0)}, "NO-GO", "right: nothing was checked"),
        ({"dry_run": True}, "NO-GO", "Nothing to decide: this was a dry run"),
        (
            {"verdict": Verdict.FAILED, "escalation": replace(SOMEBODY, kind="rolled_back")},
            "NO-GO",
            "Nothing to keep: the migration was taken back",
        ),
        (
            {"verdict": Verdict.FAILED, "escalation": replace(SOMEBODY, kind="unrelated")},
            "NO-GO",
            "it is about another database",
        ),
    ],
)
def test_one_decision_is_recommended(clean_run: SheetRun, changes: dict[str, Any], decision: str, words: str) -> None:
    page = render(replace(clean_run, **changes), PROOF)
    assert re.findall(r"<strong>(.*?)</strong>", page) == [decision]
    assert words in words_of(page)


def test_a_decision_has_its_deadline_and_whom_to_call(clean_run: SheetRun) -> None:
    failed = replace(clean_run, verdict=Verdict.FAILED, escalation=SOMEBODY)
    said = "Next: Fix it Decide by 15 Jan 2024, 18:30 UTC Call: Merge captain (priority: High)"
    assert said in words_of(render(failed, PROOF, None, INSTANT))
    assert "Decide by" not in words_of(render(failed, PROOF))


# Who is affected.


def cause(name: str, count: int, field: str | None = None, entity: str = "members") -> SheetCause:
    kind = KINDS[name]
    return SheetCause(name, kind.title, entity, count, kind.is_harmless, field)


def ledger(*causes: SheetCause, altered: int = 0, levels: Sequence[SheetLevel] = ()) -> SheetLedger:
    accounts = (
        SheetAccount("members", 2000, 1000, {"landed_altered": altered}),
        SheetAccount("registrations", 8000, 4000, {"landed_altered": altered}),
    )
    return SheetLedger("", 10_000, 9_000, 0, accounts, {}, causes, tuple(levels))


def said(found: SheetLedger | None, *checks: SheetCheck) -> list[tuple[str, str, str, str]]:
    return [(each.number, each.share, each.what, each.why) for each in affected(found, checks)]


def test_those_affected_are_told_by_what_happened_to_them_the_most_first() -> None:
    found = ledger(
        cause("missing", 40),
        cause("rejected", 7),
        cause("required_field_missing", 1),
        cause("truncated", 60, "last_name"),
        cause("edited_later", 500, "phone"),
        cause("unexpected", 1),
        cause("parent_dangling", 6, "member_id", "registrations"),
        levels=[SheetLevel(30, 4, "GENERAL"), SheetLevel(99, 1)],
    )
    assert said(found) == [
        ("60 members", "3.0 %", "are changed", "truncated at {detail} characters (last name)"),
        (
            "48 members",
            "2.4 %",
            "are lost",
            "not in the database, no known cause: 40; rejected by the importer: {detail}: 7; and 1 other cause",
        ),
        ("35 members", "1.8 %", "are misplaced", "in another tier than the membership level leads to"),
        ("6 registrations", "< 0.1 %", "are misplaced", "its {detail} does not exist"),
        ("1 member", "0.1 %", "is extra", "rows that no record claims"),
    ]


def test_a_record_is_counted_once_however_many_of_its_values_differ() -> None:
    both = (cause("truncated", 60, "last_name"), cause("case", 50, "email"))
    assert [row[0] for row in said(ledger(*both, altered=70))] == ["70 members"]
    others = (cause("parent_other", 60, "tier_id"), cause("parent_dangling", 30, "status_id"))
    assert [row[0] for row in said(ledger(*both, *others, altered=80))] == ["up to 80 members"] * 2


def test_every_kind_of_cause_says_what_it_means_for_people() -> None:
    kinds = {name: cause(name, 1, "email").kind for name in KINDS}
    assert OTHERWISE.keys() <= KINDS.keys()
    assert {name for name, kind in kinds.items() if kind == EXTRA} == {"foreign_run", "written_later", "unexpected"}
    assert {cause(name, 1).kind for name in KINDS} == {LOST, EXTRA, MISPLACED, UNCLEAR}
    assert CHANGED in kinds.values()


def test_findings_of_checks_are_told_by_what_they_are_about() -> None:
    finding = ({"member_id": "1"},)
    own = SheetCheck("Names", Outcome.WARN, "Odd names", None, "Ask them", 12, finding)
    others = (
        SheetCheck("Passed", Outcome.PASS, "", None, "", 3, finding),
        SheetCheck("Policies", Outcome.FAIL, "", None, "", 3, ({"policy": "x"},)),
        SheetCheck("The same again", Outcome.FAIL, "", None, "", 40, finding),
    )
    found = ledger(cause("missing", 40))
    assert [row[2] for row in said(found, own, *others)] == ["are lost", "Names"]
    assert said(None, own) == [("12 members", "", "Names", "Ask them")]


@pytest.mark.parametrize("actual, words", [(2100, "47 members are lost"), (2150, "3 members are extra")])
def test_counts_tell_who_is_affected_where_there_is_no_account(actual: int, words: str) -> None:
    counted = {"entity": "members", "expected": 2147, "actual": actual, "diff": 2147 - actual}
    check = SheetCheck("Member Count", Outcome.FAIL, "", None, "", 1, (counted,))
    ((number, _, what, why),) = said(None, check)
    assert f"{number} {what}" == words
    assert "2,147 were expected" in why
    assert said(ledger(), check) == []


def test_real_faults_affect_people(capped: Verification) -> None:
    words = words_of(render(run_of(capped), PROOF))
    assert re.search(
        r"Who is affected 10 registrations [\d.]+ % are misplaced: its (member|event) does not exist", words
    )


# What does not fit.


def test_the_worst_comes_first_and_what_has_no_room_is_counted(clean_run: SheetRun) -> None:
    checks = [SheetCheck(f"Check {n}", Outcome.WARN, "Odd") for n in range(40)]
    checks += [SheetCheck("Last", Outcome.FAIL, "Wrong", SheetAcceptance(2, 1, "2024-02-01"))]
    words = words_of(render(replace(clean_run, checks=tuple(checks)), PROOF))
    assert "Open differences Failed Last: Wrong Warning Check 0: Odd" in words
    shown = len(re.findall(r"Warning Check \d+: Odd", words))
    assert f"and {40 - shown} more: see the report" in words
    assert "Last: 2 accepted until 2024-02-01, 1 open" in words


def test_room_is_shared_and_the_first_gets_more_of_it() -> None:
    texts = ["short"] * 9
    wishes = {"a": Wish(texts, 20, 1, 8), "b": Wish(["x" * 30] * 9, 20, 1, 8), "c": Wish([], 20, 2, 8)}
    assert shared(100, wishes) == {"a": 8, "b": 8, "c": 0}
    for room in range(6, 30):
        given = shared(room, wishes)
        assert room - 2 <= sum(wish.lines(given[name]) for name, wish in wishes.items()) <= max(room, 7)
    assert shared(12, wishes) == {"a": 4, "b": 2, "c": 0}
    assert shared(0, wishes) == {"a": 1, "b": 1, "c": 0}


@pytest.mark.parametrize("letter, fits", [("a", 40), ("W", 26), ("会", 20)])
def test_wide_letters_take_more_room(letter: str, fits: int) -> None:
    assert (lines_of(letter * fits, 40), lines_of(letter * (fits + 1), 40)) == (1, 2)


def test_what_people_wrote_is_text(clean_run: SheetRun) -> None:
    page = render(*crowded(clean_run))
    assert not re.search(r"<(script|img)\b", page)
    assert "\u202e" not in page
    assert page.count("e" * 64) == MOST_DIGESTS
    assert "and 16 more in manifest.json" in words_of(page)
    assert len(page) < 60_000


# The way back, and who signed.


def test_the_way_back_says_how_long_it_took_when_it_was_rehearsed(clean_run: SheetRun) -> None:
    run = replace(clean_run, started_at=INSTANT + timedelta(hours=2))
    words = words_of(render(run, PROOF, WayBack(rehearsed=figures(), backup="backups/club", backup_at=INSTANT)))
    assert "Level 1, took 4.1 minutes for 11,273 rows" in words
    assert "Level 2, took 3.2 minutes with its check; nobody can use the database for 1.1 minutes of it" in words
    assert "12 Jan 2024, 18:30 UTC, 3 days 2 hours before this run, with 11,273 rows" in words
    assert "Backup backups/club, as of 15 Jan 2024, 18:30 UTC" in words
    assert "recon rollback rehearse" not in words


def test_what_was_not_rehearsed_has_its_command(clean_run: SheetRun) -> None:
    run = replace(clean_run, bundle_path="the bundle")
    words = words_of(render(run, PROOF))
    assert "not known: undoing and restoring are not rehearsed" in words
    assert "recon rollback rehearse BACKUP --bundle 'the bundle'" in words
    other = words_of(render(run, dataclasses.replace(PROOF, profile="own profile.toml")))
    assert "recon rollback rehearse BACKUP --bundle 'the bundle' --profile 'own profile.toml'" in other
    words = words_of(render(run, PROOF, WayBack(rehearsed=figures(None), backup="backups/club")))
    assert "Undo this run Level 1, not rehearsed" in words
    assert "recon backup create, then recon rollback rehearse BACKUP --bundle 'the bundle'" in words
    words = words_of(render(run, PROOF, WayBack(backup="backups/club")))
    assert "recon rollback rehearse backups/club --bundle 'the bundle'" in words
    assert "Nothing to undo" in words_of(render(replace(run, dry_run=True), PROOF))


def test_who_signed_stands_in_the_place_of_the_lines(clean_run: SheetRun) -> None:
    words = words_of(render(clean_run, SheetProof("", "", None, {}, None, {}, ["Ann, 16 Jan 2024: it passed"])))
    assert "Sign-off Ann, 16 Jan 2024: it passed What proves it" in words
    assert "none: this is the first line of runs.jsonl" in words


def test_a_broken_record_is_said_on_both_pages(clean_run: SheetRun) -> None:
    first, second = words_of(render(clean_run, SheetProof("", "", BROKEN, {}, None, {}))).split("What proves it")
    assert "Note The record of runs is not as it was written" in first
    assert "runs.jsonl is not as it was written" in second
