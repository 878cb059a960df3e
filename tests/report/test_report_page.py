"""What every page shares: its frame, contents, links, and the tables of violating rows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import polars as pl
from msgspec.structs import replace
from verifications import Page

from recon.model import Outcome
from recon.report.html import render
from recon.report.json import render as as_json
from recon.report.page.contents import MOST_CHECKS, contents
from recon.report.page.frame import PAGES, PageFrame
from recon.report.page.rows import LONGEST, SHOWN_ROWS, RowCell, text_cell, violation_table
from recon.report.page.words import column_words, value_words
from recon.report.text import cut_within
from recon.runs.linking import PLACE, link_pages, on_site
from recon.runs.run_summary import read_summary
from recon.runs.site.entries import ListedRun, PartLink
from recon.runs.site.page import SiteLists
from recon.runs.site.page import render as render_site
from recon.runs.site.since_last import DatabaseRuns

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Check, Verification

ID = "0e000000-0000-4000-8000-000000000006"


def failed(passed: Verification, rows: pl.DataFrame, total: int | None = None) -> Check:
    """The first check, which found these rows."""
    count = rows.height if total is None else total
    return replace(passed.checks[0], outcome=Outcome.FAIL, violations=rows, violation_count=count)


def test_rows_are_in_peoples_words(passed: Verification) -> None:
    rows = pl.DataFrame(
        {"wa_id": [7], "tier_id": [ID], "outcome": ["missing_in_target"], "diff": [1200], "name": [None]}
    )
    table = violation_table(failed(passed, rows))
    assert [(column.name, column.words, column.is_number) for column in table.columns] == [
        ("wa_id", "Wild Apricot id", False),
        ("tier_id", "Tier id", False),
        ("outcome", "Outcome", False),
        ("diff", "Difference", True),
        ("name", "Name", False),
    ]
    assert table.rows == [
        (
            RowCell("7"),
            RowCell(ID, head=ID[:-4], tail="0006"),
            RowCell("Missing", name="missing_in_target"),
            RowCell("1,200", is_number=True),
            RowCell(None),
        )
    ]
    assert (table.which, table.rest, table.is_folded) == ("Violating rows: 1", None, False)


def test_an_id_is_whole_in_the_page_and_a_long_name_is_cut(passed: Verification) -> None:
    names = ["x" * 10_000, "שלום עולם " * 1_000, "<script>alert(1)</script>" * 400]
    page = render(replace(passed, checks=(failed(passed, pl.DataFrame({"member_id": [ID] * 3, "name": names})),)))
    assert ["".join(cell.split()) for cell in (row[0] for row in Page(page).rows("What Failed"))] == [ID] * 3
    assert f"{'x' * LONGEST}… (10,000 characters)" in page
    assert "x" * (LONGEST + 1) not in page
    assert "<bdi>שלום עולם" in page
    assert "script" not in Page(page).tags


def test_the_text_of_a_value_is_an_id_only_if_all_of_it_is() -> None:
    assert text_cell(f'"{ID}"') == text_cell(ID) == RowCell(ID, head=ID[:-4], tail="0006")
    assert text_cell("null") == RowCell(None)
    assert text_cell('"null"') == RowCell('"null"')
    assert text_cell('""') == RowCell('""')
    assert text_cell(f"{ID}, {ID}") == RowCell(f"{ID}, {ID}")


def test_every_column_has_words() -> None:
    words = {"source_row": "Row of the export", "no_such_column": "No such column", "": "", "_": "_"}
    assert {name: column_words(name) for name in words} == words


def test_only_codes_are_worded_otherwise() -> None:
    assert value_words("row_outcome", "foreign_run") == "Foreign run"
    assert value_words("cause", "mapped_without_row") == "mapped without row"
    assert value_words("name", "mapped_without_row") == "mapped_without_row"


def test_what_a_page_leaves_out_can_be_shown(passed: Verification) -> None:
    rows = pl.DataFrame({"member_id": [f"m{number}" for number in range(90)]})
    table = violation_table(failed(passed, rows, 244))
    assert len(table.rows) == SHOWN_ROWS
    assert table.which == "Violating rows, the first 50 of 244"
    assert table.rest == ("and 194 more, 40 of which were kept", f"recon show RUN check {passed.checks[0].id}")
    assert table.is_folded
    assert len(violation_table(failed(passed, rows), rows=3).rows) == 3


def test_the_contents_are_the_headings_and_what_did_not_pass() -> None:
    heading = "<h3><span>✕ FAIL</span> <bdi>Check &lt;{0}&gt;</bdi></h3>"
    article = f'<article id="check-{{0}}" data-outcome="FAIL">{heading}</article>'
    body = '<h2 id="a">What <b>Failed</b></h2>' + "".join(article.format(number) for number in range(MOST_CHECKS + 5))
    found = contents(f"{body}<h2>Without an id</h2><h2 id='b'>Summary</h2>")
    assert (found[0].text, found[-1].text) == ("What Failed", "Summary")
    assert [entry.text for entry in found[1:-1]] == [f"Check <{number}>" for number in range(MOST_CHECKS)]


def test_a_page_of_many_failures_is_small(passed: Verification) -> None:
    columns = {f"column_{number}_id": [ID] * 500 for number in range(6)}
    rows = pl.DataFrame({**columns, "name": ["x" * 10_000] * 500, "reason": ["its id mapping names no row"] * 500})
    checks = tuple(
        replace(check, outcome=Outcome.FAIL, violations=rows, violation_count=500) for check in passed.checks
    )
    assert len(render(replace(passed, checks=checks)).encode()) < 2_000_000


def test_the_page_of_many_runs_is_small(passed: Verification, tmp_path: Path) -> None:
    checks = tuple(replace(check, outcome=Outcome.FAIL) for check in passed.checks)
    (tmp_path / "verification.json").write_text(as_json(replace(passed, checks=checks)), encoding="utf-8")
    summary = read_summary(tmp_path / "verification.json")
    first = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
    names = [f"{first + timedelta(hours=number):%Y%m%dT%H%M%SZ}-{summary.run_id}" for number in range(500)]
    entries = [
        ListedRun(
            name,
            first + timedelta(hours=number),
            summary,
            "",
            tuple(
                PartLink(label, f"runs/{name}/{label}.html") for label in ("Go/No-Go", "Report", "Data Docs", "JSON")
            ),
        )
        for number, name in enumerate(names)
    ]
    listed = [DatabaseRuns(summary.database, tuple(entries), None)]
    assert len(render_site(SiteLists(entries, (), listed)).encode()) < 1_000_000


def test_pages_are_linked_to_what_there_is(tmp_path: Path) -> None:
    page = f"<nav>{PAGES}</nav>"
    (tmp_path / "data_docs" / "validations").mkdir(parents=True)
    places = ("report.html", "data_docs/index.html", "data_docs/validations/01.html")
    for place in places:
        (tmp_path / place).write_text(page, encoding="utf-8")
    link_pages(tmp_path, has_site=True)
    report, index, results = ((tmp_path / place).read_text(encoding="utf-8") for place in places)
    assert '<a href="../site/index.html" rel="home">All runs</a>' in report
    assert '<span aria-current="page">Report</span>' in report
    assert '<a href="data_docs/index.html">Data Docs</a>' in report
    assert '<a href="../../site/index.html" rel="home">All runs</a>' in index
    assert '<a href="../../report.html">Report</a>' in results
    assert "verification-report.md" not in report + index + results
    assert PAGES not in report + index + results


def test_a_page_in_the_site_leads_home_and_is_as_long(tmp_path: Path) -> None:
    (tmp_path / "report.html").write_text(f"{PLACE}{PAGES}</nav>", encoding="utf-8")
    link_pages(tmp_path, has_site=True)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    placed = on_site(text, "report.html")
    assert '<a href="../.././index.html" rel="home">' in placed
    assert len(placed) == len(text)
    without = on_site(f"{PLACE}</nav>", "data_docs/index.html")
    assert without == f'{PLACE}<a href="../../../index.html" rel="home">All runs</a>\n</nav>'
    hostile = f'{PLACE}</nav><p>&lt;a href="../site/index.html" rel="home"&gt;</p>'
    assert on_site(hostile, "x.html").count('href="../site/index.html"') == 1
    assert on_site("no page of recon", "x.html") == "no page of recon"


def test_the_script_needs_nothing_and_calls_nobody() -> None:
    script = PageFrame().script
    assert not {"fetch", "XMLHttpRequest", "import", "eval", "innerHTML", "localStorage"} & set(
        script.replace("(", " ").replace(".", " ").split()
    )


def test_the_end_of_a_long_path_is_kept() -> None:
    shown = cut_within("SQLite, " + "folder/" * 20 + "club.db", 40)
    assert len(shown) == 40
    assert shown.startswith("SQLite, fo")
    assert shown.endswith("folder/club.db")
    assert cut_within("short", 40) == "short"
