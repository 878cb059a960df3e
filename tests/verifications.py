"""Verifications made up of hostile text, and pages parsed to see what they say."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import polars as pl
from hypothesis import strategies as st
from msgspec.structs import replace

from recon.model import (
    ENTITIES,
    SOURCE_OUTCOMES,
    TARGET_OUTCOMES,
    Association,
    Cause,
    Check,
    DuplicateKey,
    EntityAccount,
    Escalation,
    Example,
    Guidance,
    KeyHint,
    Ledger,
    LevelTiers,
    Outcome,
    PolicyResult,
    SnapshotInfo,
    TierCount,
    Verification,
)
from recon.report.page.frame import PageFrame
from recon.rules.rule import ISSUES
from recon.verification.advice import load_advice
from recon.verification.advice_table import AdvisedSituation, Issue, Issues, Situations
from recon.verification.escalation import Circumstances, advise

STARTED = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
VOID = {"wbr", "meta", "link", "br", "hr", "img", "input", "!doctype", "rect"}
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "]]></failure><testcase/>",
    "<!ENTITY x SYSTEM 'file:///etc/passwd'> &x; &#0; &amp;",
    "{{7*7}} {% raw %} ${7*7} {# x #}",
    "\u202eright to left\u200f\u2066",
    "\x1b[31mred\x1b[0m\x00\x07\ufffe",
    "=cmd|' /C calc'!A0, \"x\";@SUM(1)",
    "\t=1+1",
    "::error title=x::owned",
    "##[error]owned %0A::set-output",
    "line\r\nbreak\u2028more",
    "| a | b |\n| --- | --- |",
    "-- -1 +1 @1",
    "",
    " ",
    "Zoë 会員 שלום 😀",
    "x" * 10_000,
)
TEXTS = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=30))
NAMES = TEXTS.filter(lambda text: bool(text.strip()))
ROWS = st.lists(
    st.fixed_dictionaries({"member_id": TEXTS | st.none(), "name": TEXTS, "diff": st.none() | st.integers(-999, 999)}),
    max_size=60,
)
SCHEMA = {"member_id": pl.String, "name": pl.String, "diff": pl.Int64}
COUNTS = st.fixed_dictionaries({entity: st.integers(0, 10**7) for entity in ENTITIES})


@st.composite
def checks(draw: st.DrawFn, number: int = 0) -> Check:
    """A check with any outcome, with rows that may have been truncated."""
    outcome, rows = draw(st.sampled_from(Outcome)), draw(ROWS)
    total = len(rows) + draw(st.sampled_from([0, 0, 5000]))
    return Check(
        id=f"check_{number}",
        name=draw(NAMES),
        category=draw(st.sampled_from(["counts", "tiers", "integrity"])),
        severity=draw(st.sampled_from(["critical", "warning"])),
        outcome=outcome,
        message=draw(NAMES),
        description=draw(TEXTS),
        guidance=Guidance(draw(TEXTS), draw(TEXTS), (draw(TEXTS),), (draw(TEXTS),)),
        detail=draw(st.none() | TEXTS),
        violations=pl.DataFrame(rows, schema=SCHEMA),
        violation_count=None if outcome is Outcome.ERROR else total,
        escalate=draw(st.none() | NAMES),
        issue=draw(st.sampled_from(ISSUES)),
    )


@st.composite
def escalations(draw: st.DrawFn, made: tuple[Check, ...]) -> Escalation:
    """What a table of a club's own says of the checks, each of its texts hostile."""
    usual = load_advice()
    contact = Issue(draw(NAMES), draw(NAMES), draw(NAMES))
    situation = AdvisedSituation(draw(NAMES), draw(NAMES), draw(TEXTS), draw(st.integers(0, 2)), 4, (draw(NAMES),))
    table = replace(
        usual,
        caution=draw(TEXTS),
        issues=Issues(contact, contact, contact),
        situations=Situations(**dict.fromkeys(Situations.__struct_fields__, situation)),
    )
    corrupted = tuple(draw(st.lists(NAMES, max_size=1)))
    return advise(made, Circumstances(corrupted=corrupted, judged_at=STARTED), draw(st.sampled_from([usual, table])))


@st.composite
def verifications(draw: st.DrawFn) -> Verification:
    """A complete Verification in which every text may be hostile."""
    made = tuple(draw(checks(number)) for number in range(draw(st.integers(0, 5))))
    policies = st.builds(PolicyResult, NAMES, TEXTS.map(json.dumps), TEXTS, st.booleans())
    return Verification(
        run_id=draw(NAMES),
        bundle_path=draw(NAMES),
        dry_run=draw(st.booleans()),
        completed_at=draw(st.none() | st.just(STARTED)),
        started_at=STARTED,
        verified_at=STARTED,
        duration_ms=draw(st.integers(0, 10**6)),
        age=draw(st.none() | st.just(timedelta(hours=2))),
        checks=made,
        counts_bundle=draw(COUNTS),
        counts_database=draw(COUNTS),
        tiers=tuple(draw(st.lists(st.builds(TierCount, NAMES, TEXTS, st.integers(0, 10**6), SHARES), max_size=3))),
        policies=tuple(draw(st.lists(policies, max_size=2))),
        snapshot=SnapshotInfo(draw(TEXTS), draw(TEXTS), draw(st.booleans()), draw(COUNTS), {draw(NAMES): draw(TEXTS)}),
        escalation=draw(escalations(made)),
        timings_ms={},
        masked=draw(st.booleans()),
        ledger=draw(st.none() | ledgers()),
    )


SHARES = st.integers(0, 1000).map(lambda tenths: tenths / 10)
NUMBERS = st.integers(0, 9) | st.integers(0, 10**7)
MAYBE = st.none() | TEXTS
GROUPS = st.sampled_from(["missing", "altered", "unexpected"])
ASSOCIATIONS = st.builds(
    Association,
    st.sampled_from(ENTITIES),
    GROUPS,
    NAMES,
    MAYBE,
    NUMBERS,
    NUMBERS,
    SHARES,
    st.sampled_from([0.05, 1e-9, 1e-300]),
    TEXTS,
)
HINTS = st.builds(KeyHint, st.sampled_from(ENTITIES), NAMES, NAMES, NUMBERS, NUMBERS, MAYBE, TEXTS)
EXAMPLES = st.builds(Example, st.none() | st.integers(2, 10**6), MAYBE, MAYBE, MAYBE, MAYBE, TEXTS)


@st.composite
def accounts(draw: st.DrawFn, entity: str) -> EntityAccount:
    """An account that adds up."""
    outcomes = {name: draw(NUMBERS) for name in SOURCE_OUTCOMES}
    rows = {name: draw(NUMBERS) for name in TARGET_OUTCOMES} | {
        "claimed": outcomes["landed"] + outcomes["landed_altered"] + draw(st.integers(0, outcomes["skipped"]))
    }
    return EntityAccount(
        entity,
        sum(outcomes.values()),
        sum(rows.values()),
        outcomes,
        rows,
        draw(st.dictionaries(NAMES, NUMBERS, max_size=2)),
        draw(st.integers(0, outcomes["missing_in_target"] + outcomes["landed_altered"])),
        draw(st.integers(0, rows["unexpected"])),
        draw(NAMES),
        draw(st.dictionaries(NAMES, TEXTS, max_size=2)),
        draw(st.dictionaries(NAMES, NUMBERS, max_size=2)),
    )


@st.composite
def causes(draw: st.DrawFn) -> Cause:
    """A cause of any standing, some with a name that does not exist."""
    return Cause(
        draw(NAMES),
        draw(NAMES),
        draw(st.sampled_from(ENTITIES)),
        draw(st.none() | NAMES),
        draw(NUMBERS),
        draw(SHARES),
        draw(st.booleans()),
        draw(st.booleans()),
        draw(TEXTS),
        tuple(draw(st.lists(EXAMPLES, max_size=3))),
    )


@st.composite
def ledgers(draw: st.DrawFn) -> Ledger:
    """A ledger of some entities in which every text may be hostile."""
    evaluated = [entity for entity in ENTITIES if draw(st.booleans())]
    keys = st.builds(DuplicateKey, st.sampled_from(ENTITIES), TEXTS, NAMES, NUMBERS, NUMBERS)
    led_by = st.sampled_from(["mapping", "default", "nothing"])
    seeded = st.sampled_from([True, False, None])
    levels = st.builds(LevelTiers, MAYBE, MAYBE, led_by, seeded, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
    return Ledger(
        tuple(draw(accounts(entity)) for entity in evaluated),
        {entity: draw(NAMES) for entity in ENTITIES if entity not in evaluated},
        tuple(draw(st.lists(causes(), max_size=8))),
        tuple(draw(st.lists(keys, max_size=2))),
        tuple(draw(st.lists(levels, max_size=2))),
        tuple(draw(st.lists(ASSOCIATIONS, max_size=2))),
        tuple(draw(st.lists(HINTS, max_size=2))),
    )


def with_outcomes(verification: Verification, *outcomes: Outcome) -> Verification:
    """The verification with a check for each outcome, all alike except for their names and ids."""
    first = verification.checks[0]
    made = tuple(
        replace(first, id=f"check_{n}", name=f"Check {n}", outcome=outcome, message=f"message {n}")
        for n, outcome in enumerate(outcomes, 1)
    )
    return replace(verification, checks=made, escalation=advise(made))


def without_script(source: str) -> str:
    """A page without the script that every page has; any other script is left in it, as is a second one."""
    return source.replace(f"<script>{PageFrame().script}</script>", "", 1)


class Page(HTMLParser):
    """A parsed HTML page but for its own script; a tag that is never closed, or not open, is an error.

    Attributes:
        tags: The tags that it uses.
        attributes: Names and values of all attributes.
        headings: Level and text of each heading, in order.
        tables: Rows of cell texts by the heading of the second level above them, one entry per table.
        text: All of its text, including the title and the style.
        main: The text of its content, without what every page has around it.
    """

    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.headings: list[tuple[int, str]] = []
        self.tables: dict[str, list[list[list[str]]]] = {}
        self.text = ""
        self.main = ""
        self._open: list[str] = []
        self.feed(without_script(source))
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs
        if tag not in VOID:
            self._open.append(tag)
        if tag in {"h1", "h2", "h3"}:
            self.headings.append((int(tag[1]), ""))
        elif tag == "table":
            self._here.append([])
        elif tag == "tr":
            self._here[-1].append([])
        elif tag in {"th", "td"}:
            self._here[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data
        if "main" in self._open:
            self.main += data
        if {"th", "td"} & set(self._open):
            self._here[-1][-1][-1] += data
        elif {"h1", "h2", "h3"} & set(self._open):
            self.headings[-1] = (self.headings[-1][0], self.headings[-1][1] + data)

    @property
    def _here(self) -> list[Any]:
        heading = next((text for level, text in reversed(self.headings) if level == 2), "")
        return self.tables.setdefault(heading, [])

    def rows(self, heading: str) -> list[list[str]]:
        """The body of the first table below a heading; white space as a browser shows it."""
        tables = self.tables.get(heading) or [[[]]]
        return [[" ".join(cell.split()) for cell in row] for row in tables[0][1:]]
