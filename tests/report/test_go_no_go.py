"""The go/no-go sheet: what it recommends, and that it says no more than fits."""

from __future__ import annotations

import re
from html import unescape
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from crowded_sheets import crowded
from msgspec.structs import replace

from recon.model import Outcome, Summary, Verdict
from recon.report.go_no_go.sheet import (
    MOST_DIGESTS,
    MOST_OPEN,
    SheetAcceptance,
    SheetCheck,
    SheetProof,
    SheetRun,
    render,
)
from recon.report.json import render as as_json

if TYPE_CHECKING:
    from recon.model import Verification

PROOF = SheetProof("jane", "a" * 64, "b" * 64, {"verification.json": "c" * 64}, "d" * 64, {"recon": "1"})


@pytest.fixture(scope="module")
def clean_run(passed: Verification) -> SheetRun:
    return msgspec.json.decode(as_json(passed), type=SheetRun)


def words_of(page: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", page.partition("<body>")[2])).split())


def test_it_says_what_was_found_and_what_proves_it(clean_run: SheetRun) -> None:
    words = words_of(render(clean_run, PROOF))
    assert words.startswith("Go/No-Go: Migration PASSED Club ")
    assert clean_run.club in words
    assert clean_run.club != "not stated in the bundle"
    assert "GO The migration is right: 18 passed, 0 failed, 0 warnings." in words
    assert clean_run.ledger is not None
    assert f"Accounted for {clean_run.ledger.accounted_for} Open Nothing: every check passed" in words
    for value in (clean_run.run_id, clean_run.snapshot.database, "jane", *(letter * 64 for letter in "abcd")):
        assert value in words
    assert words.count("Signature Date") == 3


@pytest.mark.parametrize(
    "changes, decision, words",
    [
        ({}, "GO", "The migration is right"),
        ({"summary": Summary(18, 16, 0, 2, 0)}, "GO", "Read the warnings before you sign."),
        ({"verdict": Verdict.FAILED}, "NO-GO", "The migration is not right"),
        ({"verdict": Verdict.INCOMPLETE}, "NO-GO", "The migration is not known to be right"),
        ({"dry_run": True}, "NO-GO", "nothing was imported"),
    ],
)
def test_one_decision_is_recommended(clean_run: SheetRun, changes: dict[str, Any], decision: str, words: str) -> None:
    page = render(replace(clean_run, **changes), PROOF)
    assert re.findall(r"<strong>(.*?)</strong>", page) == [decision]
    assert words in words_of(page)


def test_the_worst_comes_first_and_what_has_no_room_is_counted(clean_run: SheetRun) -> None:
    checks = [SheetCheck(f"Check {n}", Outcome.WARN, "Odd") for n in range(20)]
    checks += [SheetCheck("Last", Outcome.FAIL, "Wrong", SheetAcceptance(2, 1, "2024-02-01"))]
    words = words_of(render(replace(clean_run, checks=tuple(checks)), PROOF))
    assert "Open FAIL: Last: Wrong WARN: Check 0: Odd" in words
    assert f"and {21 - MOST_OPEN + 1} others: see verification.json" in words
    assert "Last: 2 accepted until 2024-02-01, 1 open" in words


def test_who_signed_stands_in_the_place_of_the_lines(clean_run: SheetRun) -> None:
    words = words_of(render(clean_run, SheetProof("", "", None, {}, None, {}, ["Ann, 2024-01-16: PASSED"])))
    assert "Sign-off Ann, 2024-01-16: PASSED What proves it" in words
    assert "none: this is the first line of runs.jsonl" in words


def test_what_people_wrote_is_text(clean_run: SheetRun) -> None:
    run, proof = crowded(clean_run)
    page = render(run, proof)
    assert not re.search(r"<(script|img|svg)\b", page)
    assert "\u202e" not in page
    assert page.count("e" * 64) == MOST_DIGESTS
    assert "and 16 more in manifest.json" in words_of(page)
