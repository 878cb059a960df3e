from __future__ import annotations

import re
import shutil
import subprocess
from base64 import b64encode
from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING

import polars as pl
import pytest
from ledgers import CAUSES, HEADLINE, LEDGER, cause
from msgspec.structs import replace
from verifications import HOSTILE, Page, with_outcomes, without_script

from recon.model import DuplicateKey, Example, LevelTiers, Outcome, PolicyResult, TierCount
from recon.report.html import render
from recon.report.page.contents import contents
from recon.report.page.frame import PageFrame
from recon.report.page.identity import moment
from recon.report.page.rows import LONGEST, SHOWN_ROWS
from recon.report.page.words import value_words
from recon.report.palette import OUTCOMES
from recon.report.templates import source_hash
from recon.report.text import printable

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
SECTIONS = [
    "Contents",
    "In Short",
    "What Failed",
    "Warnings",
    "Verification Checks",
    "Count Comparison",
    "Record Ledger",
    "Tier Distribution",
    "Policy Verification",
    "Snapshot",
    "Summary",
]
ADDRESS = re.compile(r"https?://|//[a-z]|url\(|@import|<script|<link|<iframe|<img", re.IGNORECASE)


def hostile(verification: Verification, text: str) -> Verification:
    """The verification with the text wherever data can bring it."""
    rows = pl.DataFrame({"name": [text, None], text or "empty": [text, text]})
    check = replace(
        verification.checks[0],
        outcome=Outcome.FAIL,
        name=text,
        category=text,
        message=text,
        detail=text,
        escalate=text,
        violations=rows,
        violation_count=2,
    )
    named = text or "empty"
    example = Example(2, named, named, text, text, named)
    ledger = replace(
        LEDGER,
        entities=tuple(
            replace(e, matched_by={text: 1}, origin=text, not_compared={text: text}, normalised={text: 1})
            for e in LEDGER.entities
        ),
        not_evaluated={text: text},
        causes=(replace(CAUSES[0], title=text, field=text, action=text, examples=(example,)),),
        duplicate_keys=(DuplicateKey("members", text, text, 1, 1),),
        levels=(LevelTiers(text, text, "mapping", True, 1, 1, 0, 0),),
    )
    return replace(
        verification,
        ledger=ledger,
        run_id=text,
        bundle_path=text,
        checks=(check,),
        tiers=(TierCount(text, text, 1, 100.0),),
        policies=(PolicyResult(text, text, text, required=True),),
        snapshot=replace(verification.snapshot, database=text, guarantee=text, not_read={text: text}),
    )


def collapsed(text: str) -> str:
    return " ".join(text.split())


def test_the_verdict_comes_first_and_headings_are_in_order(passed: Verification) -> None:
    found = replace(with_outcomes(passed, Outcome.PASS, Outcome.FAIL, Outcome.WARN), ledger=None)
    page = Page(render(found))
    assert page.headings[0] == (1, "Post-Migration Verification")
    assert [text for level, text in page.headings if level == 2] == SECTIONS
    assert [collapsed(text) for level, text in page.headings if level == 3] == ["✕ FAIL Check 2", "! WARN Check 3"]
    visible = collapsed(page.text).partition(" Post-Migration Verification ")[2]
    identity, _, said = visible.partition(" ✕ Verification FAILED ")
    for fact in (found.snapshot.database, found.bundle_path, found.run_id, moment(found.started_at)):
        assert fact in identity
    assert said.startswith("Checks: 1 passed, 1 failed, 1 warning Accounted for: not evaluated")


def test_each_check_is_there_once_and_in_the_contents_if_it_did_not_pass(passed: Verification) -> None:
    found = with_outcomes(passed, Outcome.PASS, Outcome.FAIL, Outcome.WARN, Outcome.ERROR)
    page = render(replace(found, ledger=None))
    body = page.partition("<main")[2]
    assert [body.count(f"<bdi>{check.name}</bdi>") for check in found.checks] == [1] * 4
    listed = [(entry.text, entry.outcome) for entry in contents(body) if entry.outcome]
    assert listed == [("Check 2", "FAIL"), ("Check 4", "ERROR"), ("Check 3", "WARN")]
    passes = body.partition('<details class="passes">')[2].partition("</details>")[0]
    assert "Check 1" in passes


def test_no_two_runs_look_alike(passed: Verification) -> None:
    others = (
        replace(passed, run_id="another-run"),
        replace(passed, started_at=passed.started_at + timedelta(seconds=1)),
        replace(passed, snapshot=replace(passed.snapshot, database="PostgreSQL 15, another")),
        replace(passed, bundle_path="another/bundle"),
    )
    heads = {render(found).partition('<nav class="menu"')[0] for found in (passed, *others)}
    assert len(heads) == 5


def test_a_dry_run_is_unmistakable(passed: Verification) -> None:
    page = render(replace(passed, dry_run=True))
    assert 'class="verdict PASSED dry-run"' in page
    assert "Dry run: Verification PASSED" in collapsed(Page(page).text)
    assert "<title>Dry run PASSED" in page
    assert 'dry-run"' not in render(passed)


def test_who_is_affected_is_reported_in_plain_language(passed: Verification) -> None:
    said = collapsed(Page(render(replace(passed, ledger=LEDGER))).text).partition("In Short")[2]
    assert "1,204 members" in said
    assert "Nobody: no record is lost, changed, misplaced or extra" in Page(render(passed)).text


def test_a_clean_page_says_that_nothing_failed(passed: Verification) -> None:
    text = collapsed(Page(render(passed)).text)
    assert f"Verification PASSED Checks: {len(passed.checks)} passed, 0 failed, 0 warnings" in text
    assert "Nothing: no check failed, and every check could be evaluated." in text
    assert "Escalate to" not in text
    assert passed.snapshot.guarantee in text


def test_a_failure_brings_meaning_action_rows_and_escalation(capped: Verification) -> None:
    page = Page(render(capped))
    failed = next(check for check in capped.checks if check.outcome is Outcome.FAIL)
    text = collapsed(page.text)
    for words in (failed.guidance.meaning, failed.guidance.action, *failed.guidance.resolution, failed.escalate):
        assert words
        assert words in text
    assert "Escalate to: Merge captain (priority: High)" in text
    shown = [[collapsed(cell) for cell in row] for row in page.rows("What Failed")]
    assert shown == [[value_words("outcome", str(cell)) for cell in row] for row in failed.violations.rows()]


def test_many_rows_are_limited_and_reported(passed: Verification) -> None:
    rows = pl.DataFrame({"member_id": [f"m{n}" for n in range(400)]})
    check = replace(passed.checks[0], outcome=Outcome.FAIL, violations=rows, violation_count=12_000)
    page = Page(render(replace(passed, checks=(check,))))
    assert len(page.rows("What Failed")) == SHOWN_ROWS
    assert "Violating rows, the first 50 of 12,000" in page.text
    assert f"and 11,950 more, 350 of which were kept: recon show RUN check {check.id} --rows 400" in page.text


def test_a_bar_is_as_long_as_the_share(passed: Verification) -> None:
    widths = re.findall(r'<rect width="([\d.]+)%" height="100%" rx="2"/></svg>', render(passed))
    assert [float(width) for width in widths] == [tier.percentage for tier in passed.tiers]


def test_what_is_not_recorded_is_reported(passed: Verification) -> None:
    assert "Not recorded: the database has no tiers" in Page(render(replace(passed, tiers=()))).text
    assert "The bundle declares no policies." in Page(render(replace(passed, policies=()))).text


def test_a_null_is_not_the_word(passed: Verification) -> None:
    rows = pl.DataFrame({"name": [None, "null"]})
    check = replace(passed.checks[0], outcome=Outcome.FAIL, violations=rows, violation_count=2)
    page = render(replace(passed, checks=(check,)))
    assert page.count('<span class="null" title="null">—</span>') == 1
    assert page.count("<bdi>null</bdi>") == 1


def test_the_ledger_shows_both_sides_causes_and_what_to_do(passed: Verification) -> None:
    page = Page(render(replace(passed, ledger=LEDGER)))
    sides = [[[collapsed(cell) for cell in row] for row in table[1:]] for table in page.tables["Record Ledger"]]
    assert sides[0][0] == ["Members", "2,147", "2,050", "40", "5", "20", "20", "12", "3"]
    assert sides[1][1] == ["Events", "523", "523", "0", "0", "0", "0"]
    assert sides[3][1] == ["3", "4713", "id-3", "—", '""']
    assert sides[-1][0] == ["Gold", "GOLD", "the mapping", "no", "120", "0", "120", "0"]
    text = collapsed(page.text)
    assert text.count(f"Accounted for: {HEADLINE}") == 2
    assert "1,204 (0.1 %) members.phone: truncated at 20 characters explained" in text
    assert "What to do: Mend truncated at 20 characters" in text


def test_only_harmless_causes_are_folded_away(passed: Verification) -> None:
    page = render(replace(passed, ledger=LEDGER))
    folded = re.findall(r"<details>(.*?)</details>", page.partition("<main")[2], flags=re.DOTALL)
    assert len(folded) == 1
    assert "older than the run" in folded[0]


def test_causes_that_are_left_out_are_counted(passed: Verification) -> None:
    many = replace(LEDGER, causes=tuple(cause(f"cause {n}") for n in range(51)))
    text = Page(render(replace(passed, ledger=many))).text
    assert ("cause 49" in text, "cause 50" in text, "And 1 more, in the report as JSON." in text) == (True, False, True)


def test_nothing_from_outside_is_needed_or_allowed(capped: Verification) -> None:
    page = render(capped)
    assert not ADDRESS.search(without_script(page))
    style = re.search(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    script = source_hash(PageFrame().script)
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; script-src '{script}'; base-uri 'none'; form-action 'none'"
    )
    assert ("content", policy) in Page(page).attributes
    assert 'style="' not in page


def test_every_outcome_has_its_colour_in_light_and_dark(passed: Verification) -> None:
    page = render(passed)
    for outcome, colour in OUTCOMES.items():
        assert f"--{outcome}: {colour.light};" in page
        assert f"--{outcome}: {colour.dark};" in page


def test_tables_can_be_heard_and_reached_by_keyboard(capped: Verification) -> None:
    page = render(replace(capped, ledger=LEDGER))
    tables = re.findall(r"<table[^>]*>\s*(?:<caption>)?", page)
    assert [table for table in tables if "<caption>" not in table and "aria-label" not in table] == []
    assert "overflow-x: auto" not in page.partition("</style>")[0].replace("pre {", "")
    assert not re.search(r"<th(?! scope=)[ >]", page)
    for landmark in ("<header>", "<main ", "<footer>", '<html lang="en">'):
        assert landmark in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    named = re.findall(r'aria-labelledby="([^"]+)"|href="#([^"]+)"', page)
    assert {one or other for one, other in named} <= set(ids)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_from_data_stays_text(passed: Verification, text: str) -> None:
    plain, page = Page(render(hostile(passed, "plain"))), Page(render(hostile(passed, text)))
    assert page.tags == plain.tags
    assert [name for name, _ in page.attributes] == [name for name, _ in plain.attributes]
    assert page.rows("What Failed")[0][0][:LONGEST] == collapsed(printable(text))[:LONGEST]
    assert page.rows("Policy Verification")[0][0] == collapsed(printable(text))
    assert not set("\x00\x1b\u202e\u2066\u200f") & set(page.text)


def browse(page: Path, *switches: str) -> tuple[str, str]:
    """The page as the browser built it, and what its console said; all network is denied."""
    assert CHROMIUM
    deny = ["--proxy-server=127.0.0.1:9", "--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking"]
    done = subprocess.run(
        [
            CHROMIUM,
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            f"--user-data-dir={page.parent / 'profile'}",
            *deny,
            "--enable-logging=stderr",
            *switches,
            "--dump-dom",
            page.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return done.stdout, "\n".join(line for line in done.stderr.splitlines() if "CONSOLE" in line)


def requested(log: Path) -> set[str]:
    """The planted addresses that the browser's network log says were asked for."""
    return set(re.findall(r'"url": ?"(http://planted[^"]*)"', log.read_text(encoding="utf-8")))


@pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")
def test_a_browser_builds_the_hostile_page_without_a_word_or_a_request(passed: Verification, tmp_path: Path) -> None:
    text = '"><img src=http://planted.invalid/x onerror=alert(1)><script>document.title="owned"</script>'
    file, log = tmp_path / "report.html", tmp_path / "net.json"
    file.write_text(render(hostile(passed, text)), encoding="utf-8")
    dom, console = browse(file, f"--log-net-log={log}")
    assert console == ""
    assert requested(log) == set()
    assert not {"script", "img"} & Page(dom.replace(' class="with-contents"', "")).tags
    assert "Verification FAILED" in dom


@pytest.mark.skipif(CHROMIUM is None, reason="no browser on this machine")
def test_a_browser_would_report_what_the_page_must_not_do(passed: Verification, tmp_path: Path) -> None:
    """The test above can fail: what the policy refuses stands in the console, what nothing refuses in the log."""
    file, log = tmp_path / "report.html", tmp_path / "net.json"
    planted = '<img src="http://planted.invalid/x"><script>document.title = "owned"</script>'
    file.write_text(render(passed).replace("<main ", f"{planted}<main ", 1), encoding="utf-8")
    dom, console = browse(file)
    assert console.count("Content Security Policy") == 2
    assert "<title>owned" not in dom
    file.write_text(planted, encoding="utf-8")
    assert "<title>owned" in browse(file, f"--log-net-log={log}")[0]
    assert requested(log) == {"http://planted.invalid/x"}
