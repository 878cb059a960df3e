from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from ledgers import LEDGER, account
from msgspec.structs import replace
from support import verify
from verifications import HOSTILE, ledgers

from recon.charts import draw, write_charts
from recon.charts.account import panel
from recon.charts.theme import WIDTH
from recon.charts.waterfall import BREAK, LEAST, Panel, Row, WaterfallStep
from recon.demo import DemoPaths, write_bundle, write_sqlite
from recon.errors import OutputError
from recon.model import Distributions, Ledger, Tally, TierCount, Verification
from recon.report.markdown import render, render_with_charts
from recon.report.palette import ACCENT, OUTCOMES

if TYPE_CHECKING:
    from pathlib import Path

    from recon.charts import Figure
    from recon.demo import Club

NAMES = [
    "counts",
    "record-ledger",
    "tier-distribution",
    "tier-expected",
    "tier-coverage",
    "registrations-by-month",
    "registrations-by-status",
]
TIERS = (
    TierCount("GOLD", "Gold", 30, 75.0),
    TierCount("FREE", "Free", 0, 0.0),
    TierCount("(none)", "No tier", 10, 25.0),
)


@pytest.fixture(scope="module")
def charted(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    home = tmp_path_factory.mktemp("charted")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    return replace(verify(paths, distributions=True), ledger=LEDGER)


def months(number: int) -> tuple[Tally, ...]:
    return tuple(Tally(f"{1990 + n // 12}-{n % 12 + 1:02d}", n % 50) for n in range(number))


def texts(figure: Figure) -> list[str]:
    """The words of a chart as drawn, which has to be well-formed."""
    return [
        "".join(element.itertext()) for element in ET.fromstring(figure.svg()).iter("{http://www.w3.org/2000/svg}text")
    ]


def test_every_chart_is_there_and_says_its_numbers(charted: Verification) -> None:
    figures = draw(charted)
    assert list(figures) == NAMES
    for figure in figures.values():
        assert figure.title in texts(figure)
        assert figure.alt.startswith(f"{figure.title}: ")
    for tier in charted.tiers:
        assert {tier.code, f"{tier.count:,}", f"{tier.percentage:.1f} %"} <= set(texts(figures["tier-distribution"]))
        assert f"{tier.code} {tier.count} ({tier.percentage:.1f} %)" in figures["tier-distribution"].alt


def test_charts_of_a_dry_run_say_so(charted: Verification) -> None:
    drawn = draw(replace(charted, dry_run=True))

    assert list(drawn) == NAMES
    for figure in drawn.values():
        assert figure.title.endswith(" (dry run)")
        assert figure.alt.endswith(" (dry run)")
    assert "Members by tier (dry run)" in texts(drawn["tier-distribution"])


def test_one_chart_can_be_drawn_alone(charted: Verification) -> None:
    assert list(draw(charted, "counts")) == ["counts"]


def test_tiers_come_in_their_own_order(charted: Verification) -> None:
    shown = texts(draw(replace(charted, tiers=TIERS))["tier-distribution"])
    assert [text for text in shown if text in {"GOLD", "FREE", "(none)"}] == ["GOLD", "FREE", "(none)"]


def test_the_database_stands_beside_the_expectation(charted: Verification) -> None:
    found = Distributions((Tally("GOLD", 28), Tally("LOST", 4), Tally("(none)", 10)), (), (), {})
    figure = draw(replace(charted, tiers=TIERS, distributions=found))["tier-expected"]
    assert "GOLD 30, expected 28; FREE 0, expected 0; LOST 0, expected 4; (none) 10, expected 10" in figure.alt
    assert {"+2", "\u22124", "equal"} <= set(texts(figure))


def test_coverage_has_the_limit_and_outcome_of_its_check(charted: Verification) -> None:
    figure = draw(charted)["tier-coverage"]
    check = next(check for check in charted.checks if check.unit == "%")
    assert (check.expected, f"limit {check.expected} %" in figure.alt) == (95, True)
    assert OUTCOMES[check.outcome].light in figure.svg()
    assert OUTCOMES[check.outcome].dark in figure.svg(dark=True)


def test_only_differing_counts_are_in_the_colour_of_a_failure(charted: Verification) -> None:
    equal = draw(charted)["counts"].svg()
    counts = {**charted.counts_database, "members": 1}
    differing = draw(replace(charted, counts_database=counts))["counts"].svg()
    red = OUTCOMES["FAIL"].light  # type: ignore[index] # a StrEnum is its text
    assert (red in equal, red in differing) == (False, True)
    assert ACCENT.light in differing


def test_what_is_not_known_has_no_chart(charted: Verification) -> None:
    assert list(draw(replace(charted, tiers=(), distributions=None, checks=(), ledger=None))) == ["counts"]
    nothing = Ledger((), {"members": "no list"}, ())
    assert list(draw(replace(charted, ledger=nothing), "record-ledger")) == []


@pytest.mark.parametrize("number", [1, 5, 14, 24, 61, 500])
def test_months_are_named_without_crowding(charted: Verification, number: int) -> None:
    found = Distributions((), (*months(number), Tally("(none)", 3)), (), {})
    figure = draw(replace(charted, distributions=found))["registrations-by-month"]
    labels = [text for text in texts(figure) if re.fullmatch(r"\d{4}(-\d\d)?", text)]
    assert 1 <= len(labels) <= 9
    assert "3 registrations without a date" in figure.alt


def test_records_lead_to_rows_step_by_step(charted: Verification) -> None:
    figure = draw(charted)["record-ledger"]
    assert figure.alt == (
        "From source records to rows in the database: members: records 2,147, rejected \u221220, skipped \u221220, "
        "merged \u22125, missing \u221212, landed 2,090, of them altered 40, rows of skipped +20, preexisting +100, "
        "foreign run +3, unexpected +2, rows in database 2,215; "
        "events: records 523, landed 523, rows in database 523."
    )
    assert {"Members", "Events", "2,147", "\u221212", "+100", "2,215"} <= set(texts(figure))
    assert "broken bars" in "".join(texts(figure))


@given(ledgers())
def test_steps_add_up_and_every_bar_can_be_seen(found: Ledger) -> None:
    for entity in found.entities:
        drawn = panel(entity)
        running = [step for step in drawn.steps if step.words[0] in "+\u2212"]
        assert entity.records + sum(step.end - step.start for step in running) == entity.rows
        assert drawn.steps[-1].end == entity.rows
        for place, step in enumerate(drawn.steps):
            spans = Row(place, step, drawn.scale).spans
            assert all(0 <= left <= right <= 1.0001 for left, right in spans)
            assert step.start == step.end or spans[-1][1] - spans[-1][0] >= LEAST * 0.99


@pytest.mark.parametrize("step", [1, 10, 1000, 10**6])
def test_a_small_step_beside_a_large_total_is_as_clear_as_a_large_one(step: int) -> None:
    total = 1000 * step
    steps = (
        WaterfallStep("Records", 0, total, ""),
        WaterfallStep("Missing", total, total - step, ""),
        WaterfallStep("Rows", 0, total - step, ""),
    )
    rows = [Row(place, each, Panel("Members", steps).scale) for place, each in enumerate(steps)]
    (left, right), *others = rows[1].spans
    assert (round(right - left, 2), others) == (0.64, [])
    assert [len(row.spans) for row in rows] == [2, 1, 2]
    assert rows[0].spans == [(0, BREAK[0]), (BREAK[1], pytest.approx(1))]


def test_a_scale_that_needs_no_break_starts_at_nothing() -> None:
    assert panel(account("events", (60, 0, 0, 0, 0, 0), (60, 0, 0, 0))).scale.low == 0
    assert panel(account("events", (30, 0, 0, 0, 0, 30), (30, 0, 0, 0))).scale.low == 0
    assert panel(account("events", (0, 0, 0, 0, 0, 0), (0, 0, 0, 0))).scale.share(0) == 0


def test_a_great_many_tiers_are_cut_and_counted(charted: Verification) -> None:
    tiers = tuple(TierCount(f"T{n}", "", n, 0.1) for n in range(1000))
    figure = draw(replace(charted, tiers=tiers))["tier-distribution"]
    assert "In the tiers' own order; the first 60 of 1,000 tiers" in texts(figure)
    assert "and 988 more" in figure.alt
    assert figure.height < 2000


def test_tiers_whose_names_are_cut_alike_keep_their_rows(charted: Verification) -> None:
    tiers = (TierCount("x" * 10_000 + "a", "", 11, 1.0), TierCount("x" * 10_000 + "b", "", 22, 2.0))
    figure = draw(replace(charted, tiers=tiers))["tier-distribution"]
    assert {"11", "22"} <= set(texts(figure))
    assert len(figure.svg()) < 20_000


def test_every_chart_is_as_wide_as_the_others(charted: Verification) -> None:
    for figure in draw(charted).values():
        drawn = ET.fromstring(figure.svg())
        assert (drawn.get("width"), drawn.get("height")) == (str(WIDTH), str(figure.height))


def test_text_from_data_stays_text(charted: Verification) -> None:
    tiers = tuple(TierCount(text, text, 1, 1.0) for text in HOSTILE)
    figure = draw(replace(charted, tiers=tiers), "tier-distribution")["tier-distribution"]
    drawn = ET.fromstring(figure.svg())
    tags = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert tags <= {"svg", "g", "path", "rect", "text", "line", "defs", "clipPath"}
    assert not set("\x00\x1b\u202e\u2066\u200f") & set("".join(drawn.itertext()) + figure.alt)
    assert "<script>alert(1)</script" in "".join(texts(figure))
    found: list[str] = re.findall(r"<(\w+)", figure.html())
    assert found == ["figure", "picture", "source", "img"]


def test_files_are_written_for_each_chart(charted: Verification, tmp_path: Path) -> None:
    written = write_charts(charted, tmp_path / "charts")
    assert list(written) == list(NAMES)
    files = sorted((tmp_path / "charts").iterdir())
    assert [path.name for path in files] == sorted(f"{name}.{suffix}" for name in NAMES for suffix in ("svg", "png"))
    assert all(path.stat().st_size > 1000 for path in files)
    assert all(path.read_bytes().startswith(b"\x89PNG") for path in files if path.suffix == ".png")


def test_charts_that_cannot_be_written_are_reported(charted: Verification, tmp_path: Path) -> None:
    (tmp_path / "charts").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="The charts cannot be written"):
        write_charts(charted, tmp_path / "charts")


def test_markdown_can_show_the_charts_and_stays_the_same_otherwise(charted: Verification) -> None:
    words = {name: figure.alt for name, figure in draw(charted).items()}
    shown = render_with_charts(charted, "charts", words)
    images = [line for line in shown.splitlines() if line.startswith("![")]
    assert len(images) == len(NAMES)
    assert any(line.endswith("(charts/tier-distribution.svg)") for line in images)
    assert render_with_charts(charted, "charts", {}) == render(charted)
