from __future__ import annotations

import re
import struct
import xml.etree.ElementTree as ET
import zlib
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import vl_convert
from hypothesis import given
from ledgers import LEDGER, account
from msgspec.structs import replace
from support import verify
from verifications import HOSTILE, ledgers

from recon.charts import draw, write_charts
from recon.charts.account import panel
from recon.charts.measure import width
from recon.charts.shapes import Block, Line, Words
from recon.charts.theme import MARGIN, NARROW, STYLES, WIDE
from recon.charts.waterfall import BREAK, LEAST, Panel, Row, WaterfallStep
from recon.demo import DemoPaths, write_bundle, write_sqlite
from recon.errors import OutputError
from recon.model import ENTITIES, Check, Distributions, Guidance, Ledger, Outcome, Tally, TierCount, Verification
from recon.report.markdown import render, render_with_charts
from recon.report.palette import FONT, OUTCOMES
from recon.report.templates import stylesheet

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
    return ["".join(text.itertext()) for text in ET.fromstring(figure.svg()).iter("{http://www.w3.org/2000/svg}text")]


def check_of_counts(name: str, expected: int, actual: int, outcome: Outcome) -> Check:
    return Check(name, name, "counts", "critical", outcome, "", "", Guidance("", ""), None, expected, actual)


def test_every_chart_is_there_and_says_its_numbers(charted: Verification) -> None:
    figures = draw(charted)
    assert list(figures) == NAMES
    for figure in figures.values():
        assert figure.title in " ".join(texts(figure))
        assert figure.alt == f"{figure.title}: {figure.numbers}."
    for tier in charted.tiers:
        assert {tier.code, f"{tier.count:,}", f"{tier.percentage:.1f} %"} <= set(texts(figures["tier-distribution"]))
        assert f"{tier.code} {tier.count} ({tier.percentage:.1f} %)" in figures["tier-distribution"].alt


def test_each_title_is_one_finding(charted: Verification) -> None:
    assert {name: figure.title for name, figure in draw(charted).items()} == {
        "counts": "All counts agree: 60 members, 12 events and 150 registrations",
        "record-ledger": "12 of 2,147 member records are missing, 40 of 2,147 member records are altered "
        "and 2 of 2,215 member rows are unexpected",
        "tier-distribution": "FIRST_YEAR is the largest tier: 22 of 60 members (36.7 %)",
        "tier-expected": "Every tier has as many members as expected",
        "tier-coverage": "Tier Coverage is 98.3 %, 3.3 points above its limit of 95 %",
        "registrations-by-month": "The most registrations were made in 2023-12: 30 of 150",
        "registrations-by-status": "CONFIRMED is the most frequent status: 136 of 150 registrations",
    }


@pytest.mark.parametrize(
    "expected, present, title",
    [
        pytest.param(
            (2147, 523, 8603), (2100, 523, 8603), "Members are 47 short of 2,147; events and registrations agree"
        ),
        pytest.param((1, 2, 3), (1, 5, 0), "Events are 3 over 2; registrations are 3 short of 3; members agree"),
        pytest.param(
            (0, 2, 3),
            (1, 1, 1),
            "1 member where none is expected; events are 1 short of 2; registrations are 2 short of 3",
        ),
        pytest.param((8, 1, 12), (8, 1, 12), "All counts agree: 8 members, 1 event and 12 registrations"),
        pytest.param((0, 0, 0), (0, 0, 0), "Nothing is expected, and nothing is there"),
    ],
)
def test_counts_are_titled_by_what_is_short(
    charted: Verification, expected: tuple[int, ...], present: tuple[int, ...], title: str
) -> None:
    counts = {"counts_bundle": expected, "counts_database": present}
    changed = replace(charted, **{name: dict(zip(ENTITIES, numbers, strict=True)) for name, numbers in counts.items()})
    assert draw(changed, "counts")["counts"].title == title


@pytest.mark.parametrize(
    "tiers, title",
    [
        pytest.param(TIERS, "GOLD is the largest tier: 30 of 60 members (75.0 %)"),
        pytest.param(TIERS[1:], "More members have no tier than any tier: 10 of 60 members (25.0 %)"),
        pytest.param(TIERS[1:2], "No member has a tier"),
        pytest.param((TIERS[0], TierCount("RED", "", 30, 1.0)), "GOLD and RED are the largest: 30 members each"),
        pytest.param(tuple(TierCount(f"T{n}", "", 1, 1.0) for n in range(9)), "9 tiers are the largest: 1 member each"),
    ],
)
def test_tiers_are_titled_by_the_largest(charted: Verification, tiers: tuple[TierCount, ...], title: str) -> None:
    assert draw(replace(charted, tiers=tiers))["tier-distribution"].title == title


def test_charts_of_a_dry_run_say_so(charted: Verification) -> None:
    drawn = draw(replace(charted, dry_run=True))

    assert list(drawn) == NAMES
    for figure in drawn.values():
        assert figure.title.endswith(" (dry run)")
        assert figure.alt.startswith(f"{figure.title}: ")
        assert figure.title in " ".join(texts(figure))


def test_one_chart_can_be_drawn_alone(charted: Verification) -> None:
    assert list(draw(charted, "counts")) == ["counts"]


def test_tiers_come_in_their_own_order(charted: Verification) -> None:
    shown = texts(draw(replace(charted, tiers=TIERS))["tier-distribution"])
    assert [text for text in shown if text in {"GOLD", "FREE", "(none)"}] == ["GOLD", "FREE", "(none)"]


def test_the_database_stands_beside_the_expectation(charted: Verification) -> None:
    found = Distributions((Tally("GOLD", 28), Tally("LOST", 4), Tally("(none)", 10)), (), (), {})
    figure = draw(replace(charted, tiers=TIERS, distributions=found))["tier-expected"]
    assert "GOLD 30, expected 28; FREE 0, expected 0; LOST 0, expected 4; (none) 10, expected 10" in figure.alt
    assert figure.title == "LOST has 0 members, expected 4; 1 other differs too"
    assert {"+2", "\u22124", "equal", "Difference"} <= set(texts(figure))


def test_a_small_difference_beside_large_numbers_is_drawn_on_its_own_scale(charted: Verification) -> None:
    counts = {"members": 2147, "events": 523, "registrations": 8603}
    differing = replace(charted, counts_bundle=counts, counts_database={**counts, "members": 2100, "events": 522})
    for room in (WIDE, NARROW):
        drawn = draw(differing)["counts"].draw(room)
        red = [shape for shape in drawn.shapes if isinstance(shape, Block) and shape.style == "FAIL"]
        members, short, _, one = sorted(red, key=lambda shape: (shape.top, shape.left))
        assert short.width > 0.2 * room
        assert one.width == pytest.approx(max(short.width / 47, 2))
        assert members.left + members.width < short.left
        assert short.left + short.width == one.left + one.width


def test_nothing_differs_and_no_scale_of_differences_is_drawn(charted: Verification) -> None:
    equal = draw(replace(charted, counts_database=charted.counts_bundle))["counts"]
    assert "Difference" not in texts(equal)
    assert "differences" not in equal.subtitle


def test_coverage_has_the_limit_and_outcome_of_its_check(charted: Verification) -> None:
    figure = draw(charted)["tier-coverage"]
    check = next(check for check in charted.checks if check.unit == "%")
    assert (check.expected, f"limit {check.expected} %" in figure.alt) == (95, True)
    assert OUTCOMES[check.outcome].light in figure.svg()
    assert OUTCOMES[check.outcome].dark in figure.svg(dark=True)


def test_counts_have_the_colour_of_their_checks_outcome(charted: Verification) -> None:
    counts = {"members": 5, "events": 5, "registrations": 5}
    checks = (
        check_of_counts("Member Count", 5, 4, Outcome.WARN),
        check_of_counts("Event Count", 5, 4, Outcome.FAIL),
        check_of_counts("Own Event Total", 5, 3, Outcome.ERROR),
    )
    differing = replace(charted, checks=checks, counts_bundle=counts, counts_database=dict.fromkeys(counts, 4))
    figure = draw(differing)["counts"]
    bars = [shape for shape in figure.draw(WIDE).shapes if isinstance(shape, Block)]
    assert [bar.style for bar in bars] == ["WARN", "WARN", "FAIL", "FAIL", "FAIL", "FAIL"]
    assert OUTCOMES[Outcome.WARN].light in figure.svg()
    assert OUTCOMES[Outcome.FAIL].dark in figure.svg(dark=True)
    assert 'fill="var(--FAIL)"' in figure.page_html()


def test_altered_records_have_the_colour_of_their_checks_outcome(charted: Verification) -> None:
    altered = next(check for check in charted.checks if check.name == "Altered Records")
    for outcome, style in [(Outcome.FAIL, "FAIL"), (Outcome.WARN, "WARN"), (Outcome.PASS, "quiet")]:
        figure = draw(replace(charted, checks=(replace(altered, outcome=outcome),)))["record-ledger"]
        bar = next(shape for shape in figure.draw(WIDE).shapes if isinstance(shape, Block) and "altered" in shape.tip)
        assert bar.style == style


def test_members_without_a_tier_have_the_colour_of_the_coverage(charted: Verification) -> None:
    coverage = next(check for check in charted.checks if check.unit == "%")
    low = replace(charted, tiers=TIERS, checks=(replace(coverage, outcome=Outcome.WARN),))
    bars = [shape for shape in draw(low)["tier-distribution"].draw(WIDE).shapes if isinstance(shape, Block)]
    assert [(bar.tip.partition(":")[0], bar.style) for bar in bars] == [("GOLD", "accent"), ("(none)", "WARN")]


def test_what_is_not_known_has_no_chart(charted: Verification) -> None:
    assert list(draw(replace(charted, tiers=(), distributions=None, checks=(), ledger=None))) == ["counts"]
    nothing = Ledger((), {"members": "no list"}, ())
    assert list(draw(replace(charted, ledger=nothing), "record-ledger")) == []


@pytest.mark.parametrize("room", [WIDE, NARROW])
@pytest.mark.parametrize("number", [1, 2, 5, 14, 24, 37, 61, 500])
def test_months_are_named_without_crowding(charted: Verification, number: int, room: float) -> None:
    found = Distributions((), (*months(number), Tally("(none)", 3)), (), {})
    figure = draw(replace(charted, distributions=found))["registrations-by-month"]
    labels = [shape for shape in words_of(figure, room) if re.fullmatch(r"\d{4}(-\d\d)?", shape.text)]
    edges = [edges_of(label) for label in labels]
    assert 0 <= edges[0][0] <= edges[-1][1] <= room
    assert all(right <= left for (_, right), (left, _) in pairwise(edges))
    assert "3 registrations without a date" in figure.alt


def words_of(figure: Figure, room: float) -> list[Words]:
    return [shape for shape in figure.draw(room).shapes if isinstance(shape, Words)]


def edges_of(words: Words) -> tuple[float, float]:
    """Where the text begins and ends, as measured."""
    long = width(words.text, words.size, bold=words.bold)
    left = words.x - {"start": 0, "middle": long / 2, "end": long}[words.anchor]
    return left, left + long


HUGE = {"members": 2_147_483_648_000, "events": 0, "registrations": 10**17}
ODD = (
    TierCount("A very long name of a membership tier that somebody typed in full", "", 10**15, 50.0),
    TierCount("\u05d7\u05d1\u05e8 \u05db\u05d1\u05d5\u05d3", "", 5, 1.0),
    TierCount("\u4f1a\u5458" * 30, "", 0, 0.0),
    TierCount("", "", 1, 0.1),
    TierCount("W" * 50, "", 1, 0.1),
)


@pytest.mark.parametrize("room", [WIDE, NARROW])
def test_whatever_is_drawn_fits_and_no_two_texts_overlap(charted: Verification, room: float) -> None:
    expected = Distributions(
        (Tally("W" * 50, 10**12),), months(400), tuple(Tally(f"S{n}", 10**9) for n in range(99)), {}
    )
    odd = replace(charted, counts_database=HUGE, tiers=ODD, distributions=expected)
    for figure in (*draw(charted).values(), *draw(odd).values()):
        drawn = figure.draw(room)
        for shape in drawn.shapes:
            if isinstance(shape, Block | Line):
                assert min(shape.width, shape.height) > 0
                assert (shape.left >= 0, shape.left + shape.width <= room + 0.1) == (True, True)
                assert (shape.top >= 0, shape.top + shape.height <= drawn.height + 0.1) == (True, True)
        by_line: dict[float, list[tuple[float, float]]] = {}
        for words in words_of(figure, room):
            by_line.setdefault(words.y, []).append(edges_of(words))
        for line in map(sorted, by_line.values()):
            assert (line[0][0] > -1, line[-1][1] < room + 1) == (True, True)
            assert all(right <= left for (_, right), (left, _) in pairwise(line))


def test_records_lead_to_rows_step_by_step(charted: Verification) -> None:
    figure = draw(charted)["record-ledger"]
    assert figure.alt == (
        "12 of 2,147 member records are missing, 40 of 2,147 member records are altered and 2 of 2,215 member rows "
        "are unexpected: members: records 2,147, rejected \u221220, skipped \u221220, "
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
    assert "the first 60 of 1,000 tiers" in figure.subtitle
    assert "and 988 more" in figure.alt
    assert figure.draw(WIDE).height < 2000


def test_tiers_whose_names_are_cut_alike_keep_their_rows(charted: Verification) -> None:
    tiers = (TierCount("x" * 10_000 + "a", "", 11, 1.0), TierCount("x" * 10_000 + "b", "", 22, 2.0))
    figure = draw(replace(charted, tiers=tiers))["tier-distribution"]
    assert {"11", "22"} <= set(texts(figure))
    assert len(figure.svg()) < 20_000


def test_every_chart_is_as_wide_as_the_others(charted: Verification) -> None:
    for figure in draw(charted).values():
        drawn = ET.fromstring(figure.svg())
        assert drawn.get("width") == str(WIDE + 2 * MARGIN)
        wide, narrow = re.findall(r'viewBox="0 0 (\d+) ', figure.page_html())
        assert (wide, narrow) == (str(WIDE), str(NARROW))


def test_charts_have_the_font_and_the_colours_of_pages(charted: Verification) -> None:
    style = stylesheet()
    assert FONT in style
    assert ET.fromstring(draw(charted)["counts"].svg()).get("font-family") == FONT
    for name in STYLES:
        assert f"--{name}: " in style
    for figure in draw(charted).values():
        assert set(re.findall(r"var\(--(\w+)\)", figure.page_html())) <= set(STYLES)


def test_notebooks_show_the_same_texts_interactively(charted: Verification) -> None:
    for figure in draw(charted).values():
        spec = figure.spec()
        named = [layer["data"]["name"] for layer in spec["layer"] if layer["mark"]["type"] == "text"]
        shown = [value["text"] for name in named for value in spec["datasets"][name]]
        assert sorted(shown) == sorted(texts(figure))


def test_text_from_data_stays_text(charted: Verification) -> None:
    tiers = tuple(TierCount(text, text, 1, 1.0) for text in HOSTILE)
    figure = draw(replace(charted, tiers=tiers), "tier-distribution")["tier-distribution"]
    drawn = ET.fromstring(figure.svg())
    tags = {element.tag.rpartition("}")[2] for element in drawn.iter()}
    assert tags == {"svg", "rect", "text"}
    assert not set("\x00\x1b\u202e\u2066\u200f") & set("".join(drawn.itertext()) + figure.alt)
    assert "<script>alert(1)</script" in "".join(texts(figure))
    found: list[str] = re.findall(r"<(\w+)", figure.html())
    assert found == ["figure", "picture", "source", "img"]
    page = figure.page_html()
    assert set(re.findall(r"<(\w+)", page)) == {"figure", "figcaption", "strong", "span", "svg", "rect", "text"}
    assert not set("\x00\x1b\u202e\u2066\u200f") & set(page)
    assert "style=" not in re.sub(r">[^<]*<", "><", page)


def test_files_are_written_for_each_chart(charted: Verification, tmp_path: Path) -> None:
    written = write_charts(charted, tmp_path / "charts")
    assert list(written) == list(NAMES)
    files = sorted((tmp_path / "charts").iterdir())
    assert [path.name for path in files] == sorted(f"{name}.{suffix}" for name in NAMES for suffix in ("svg", "png"))
    assert all(path.stat().st_size > 1000 for path in files)
    pictures = {path.stem: path.read_bytes() for path in files if path.suffix == ".png"}
    assert all(picture.startswith(b"\x89PNG") for picture in pictures.values())
    drawn = vl_convert.svg_to_png((tmp_path / "charts" / "counts.svg").read_text(encoding="utf-8"), scale=2)
    assert len(pictures["counts"]) < len(drawn) / 2
    assert pixels(pictures["counts"]) == pixels(drawn)


def pixels(png: bytes) -> tuple[tuple[int, ...], bytes]:
    """Size and form, and the filtered pixels; each chunk has to be as its checksum says."""
    header, packed = b"", b""
    at = 8
    while at < len(png):
        length, kind = struct.unpack_from(">I4s", png, at)
        data = png[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", png, at + 8 + length) == (zlib.crc32(kind + data),)
        header += data if kind == b"IHDR" else b""
        packed += data if kind == b"IDAT" else b""
        at += 12 + length
    assert kind == b"IEND"
    return struct.unpack(">IIBBBBB", header), zlib.decompress(packed)


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
