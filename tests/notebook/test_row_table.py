"""Tables of the explorer, asked as a browser asks them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from shared_runs import HOSTILE
from verifications import Page

from recon import display
from recon.errors import UsageError
from recon.notebook.exploring.frame_rows import CELL_LENGTH
from recon.notebook.exploring.requests import request_of
from recon.notebook.exploring.row_table import Contents, RowTable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recon.notebook.exploring.opened import OpenedRecord

NAMES = ["Zoë", "zoe", None, "Škoda", "100%", "a_b", "axb", "", 'O\'Brien "x"; drop table rows; --', "ÅSE"]


def table_of(frame: pl.DataFrame | pl.LazyFrame, rows_per_page: int = 4, **contents: Any) -> RowTable:
    return RowTable(Contents(frame, **contents), rows_per_page)


def names_table(**contents: Any) -> RowTable:
    frame = pl.DataFrame({"name": NAMES, "number": range(len(NAMES)), "when": [datetime(2024, 1, 1, tzinfo=UTC)] * 10})
    return table_of(frame, 20, **contents)


def ask(table: RowTable, **query: Any) -> list[list[str | None]]:
    """What a browser gets to see after it has asked, as it arrives there."""
    table.hear(json.loads(json.dumps({"do": "page", **query})))
    page = json.loads(json.dumps(table.page))
    return [row["cells"] for row in page["rows"]]


def numbers(found: Sequence[Sequence[str | None]]) -> list[int]:
    return [int(row[1] or 0) for row in found]


def test_rows_are_paged_in_their_own_order() -> None:
    table = table_of(pl.DataFrame({"n": range(10)}))
    assert [row["cells"] for row in table.page["rows"]] == [["0"], ["1"], ["2"], ["3"]]
    assert ask(table, offset=4) == [["4"], ["5"], ["6"], ["7"]]
    assert ask(table, offset=8) == [["8"], ["9"]]
    assert table.page["status"] == "Rows 9 to 10 of 10"
    # The reader is never left beyond the last page, whatever was asked.
    assert ask(table, offset=10_000) == [["8"], ["9"]]
    assert (table.page["shown"], table.page["query"]["offset"]) == (10, 8)


def test_an_empty_frame_and_one_without_columns_are_shown() -> None:
    for frame in (pl.DataFrame({"n": []}), pl.DataFrame()):
        table = table_of(frame)
        assert ask(table, search="x", filters={"0": "x"}) == []
        assert table.page["status"] == "No row"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("zoe", [1]),
        ("ZOË", [0]),
        ("zoe\u0308", [0]),
        ("ško", [3]),
        ("åse", [9]),
        ("%", [4]),
        ("_", [5]),
        ("'", [8]),
        ('"x"; DROP', [8]),
        ("\\", []),
        ("2024-01-01", list(range(10))),
        ("", list(range(10))),
    ],
)
def test_search_takes_text_as_text_in_any_case_and_form(text: str, expected: list[int]) -> None:
    assert numbers(ask(names_table(), search=text)) == expected


@pytest.mark.parametrize(
    "text, expected", [("b", [5, 6, 8]), ("=zoe", [1]), ("=", [2, 7]), ("=A_B", [5]), ("=a%", []), ("==", [])]
)
def test_a_filter_looks_at_its_column(text: str, expected: list[int]) -> None:
    assert numbers(ask(names_table(), filters={"0": text})) == expected


def test_search_and_filters_all_have_to_hold() -> None:
    table = names_table()
    assert numbers(ask(table, search="B", filters={"0": "_", "1": "5"})) == [5]
    assert table.page["status"] == "Rows 1 to 1 of 1 (of 10 in all)"
    table.hear({"do": "clear"})
    assert (table.page["shown"], table.page["query"]["search"], table.page["query"]["filters"]) == (10, "", {})


def test_rows_without_a_value_come_last_both_ways() -> None:
    up, down = (numbers(ask(names_table(), sort=0, descending=way)) for way in (False, True))
    assert (up[-1], down[-1]) == (2, 2)
    assert up[:-1] == down[:-1][::-1]
    # In any case: "zoe" is not before "100%" nor after "Škoda" because of capitals.
    assert up[:5] == [7, 4, 5, 6, 8]


def test_numbers_are_sorted_as_numbers_and_ties_stay_as_they_were() -> None:
    frame = pl.DataFrame({"group": ["b", "a", "b", "a"], "number": [9, 100, 20, 3]})
    assert numbers(ask(table_of(frame), sort=1)) == [3, 9, 20, 100]
    assert numbers(ask(table_of(frame), sort=0)) == [100, 3, 9, 20]
    assert numbers(ask(table_of(frame), sort=0, descending=True)) == [9, 20, 100, 3]


def test_columns_may_have_any_name() -> None:
    names = ['a"; drop table rows; --', "A", "a", "rowid", "", "x" * 500, "<script>", "select"]
    frame = pl.DataFrame({name: [str(place), "z"] for place, name in enumerate(names)})
    table = table_of(frame)
    for place in range(len(names)):
        assert ask(table, sort=place, filters={str(place): str(place)})[0][place] == str(place)
    assert table.rows.whole([0]).columns == names
    shown = [column["name"] for column in table.page["columns"]]
    assert shown[5] == f"{'x' * 60}… (500 characters)"


def test_long_and_hostile_values_are_text_and_cut_readably() -> None:
    frame = pl.DataFrame({"name": list(HOSTILE), "place": range(len(HOSTILE))})
    table = table_of(frame, 20)
    cells = [row["cells"][0] for row in table.page["rows"]]
    assert cells[0] == HOSTILE[0]
    assert cells[3] == r"\u202eright to left\u200f"
    assert cells[4] == "x" * CELL_LENGTH + "…"
    assert Page(table.html()).tags == Page(table_of(frame.with_columns(name=pl.lit("plain")), 20).html()).tags
    table.hear({"do": "open", "row": 4})
    (part,) = table.record["parts"]
    assert part["rows"][0][1].endswith("… (10,000 characters)")
    # The whole value is searched, not what is shown of it.
    assert len(ask(table, search="x" * 500)) == 1


def test_a_letter_is_not_cut_from_its_marks() -> None:
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    table = table_of(pl.DataFrame({"name": ["e\u0301" * 500, family * 100]}))
    accents, families = (row["cells"][0] for row in table.page["rows"])
    assert accents == "e\u0301" * CELL_LENGTH + "…"
    assert families.count("\U0001f468") == families.count("\U0001f467")


def test_a_page_is_all_that_is_sent() -> None:
    frame = pl.DataFrame({"n": [f"value-{n}" for n in range(1000)], "secret": ["hidden"] * 1000})
    table = table_of(frame, 10, hidden=("secret",))
    sent = json.dumps(table.page)
    assert sent.count("value-") == 10
    assert "hidden" not in sent


def test_rows_are_chosen_by_hand_and_all_that_are_shown() -> None:
    table = names_table(choosable=True)
    table.hear({"do": "choose", "rows": [3, 99], "on": True})
    table.hear({"do": "page", "filters": {"0": "b"}})
    table.hear({"do": "choose_shown", "on": True})
    table.hear({"do": "choose", "rows": [5], "on": False})
    assert table.chosen_rows["name"].to_list() == [NAMES[3], NAMES[6], NAMES[8]]
    assert [row["chosen"] for row in table.page["rows"]] == [False, True, True]
    assert table.page["status"].endswith("3 chosen")
    table.hear({"do": "choose_none"})
    assert table.chosen_rows.is_empty()


def test_rows_of_a_table_that_is_only_read_are_not_chosen() -> None:
    table = names_table()
    table.hear({"do": "choose", "rows": [3], "on": True})
    table.hear({"do": "choose_shown", "on": True})
    assert table.chosen == set()


@pytest.mark.parametrize(
    "message",
    [
        None,
        [],
        "page",
        {"do": "sql", "query": "select 1"},
        {"do": "page", "offset": -1},
        {"do": "page", "sort": "1; drop table rows"},
        {"do": "page", "filters": {"name": "x"}},
        {"do": "page", "filters": {"-1": "x"}},
        {"do": "page", "search": "x" * 1001},
        {"do": "page", "limit": 10_000},
        {"do": "open", "row": "1"},
        {"do": "choose", "rows": list(range(1001)), "on": True},
    ],
    ids=lambda message: str(message)[:40],
)
def test_what_is_no_request_changes_nothing_and_is_said(message: object) -> None:
    with pytest.raises(UsageError, match="does not understand"):
        request_of(message)
    table = names_table()
    before = table.page
    table.hear(message)
    after = table.page
    assert "does not understand the browser" in after["status"]
    assert after["rows"] == before["rows"]


def test_columns_and_rows_that_there_are_not_are_left_out() -> None:
    table = names_table()
    assert len(ask(table, sort=77, filters={"77": "x"})) == 10
    table.hear({"do": "open", "row": 10_000})
    assert table.record["title"] == ""


def test_only_the_rows_with_some_values_are_shown_and_said() -> None:
    table = names_table()
    changes: list[int] = []
    table.on_change = lambda: changes.append(table.page["shown"])
    table.show_only("name", ["zoe", None])
    assert numbers([row["cells"] for row in table.page["rows"]]) == [1, 2]
    assert table.page["status"].endswith("only name: zoe, (none)")
    assert table.rows.tally("name", 3)[0][1:] == (1, 0)
    assert numbers(ask(table, search="zo")) == [1]
    table.hear({"do": "clear"})
    assert changes == [2, 1, 10]


def test_the_first_page_of_a_lazy_frame_is_shown_before_the_rest_is_read() -> None:
    read: list[int] = []

    def noted(frame: pl.DataFrame) -> pl.DataFrame:
        read.append(frame.height)
        return frame

    frame = pl.DataFrame({"n": range(1000)})
    table = table_of(frame.lazy(), whole=lambda: noted(frame))
    assert (table.page["more"], table.page["status"]) == (True, "The first 4 rows; reading the rest …")
    assert (len(table.page["rows"]), read) == (4, [])
    table.hear({"do": "rest"})
    assert (table.page["more"], table.page["shown"], read) == (False, 1000, [1000])
    assert ask(table, offset=996)[-1] == ["999"]


def test_a_question_that_arrives_before_the_rest_is_read_is_answered_of_all() -> None:
    table = table_of(pl.DataFrame({"n": range(1000)}).lazy())
    assert ask(table, search="999") == [["999"]]


def test_what_fails_is_said_and_the_table_goes_on() -> None:
    table = names_table()

    def refuse(_: dict[str, Any]) -> OpenedRecord:
        raise UsageError("There is no such record", found="none")

    table.on_open = refuse
    table.hear({"do": "open", "row": 1})
    assert table.page["status"].startswith("There is no such record: found none")
    assert len(ask(table)) == 10


@pytest.mark.parametrize("show", [lambda table: table.html(), lambda table: table._repr_mimebundle_()["text/html"]])
def test_without_a_browser_a_table_is_its_first_page(show: Callable[[RowTable], str]) -> None:
    html = show(display.table(pl.DataFrame({"n": range(1000)}), "Numbers & <more>"))
    assert (html.count("<tr>"), html.count("<td")) == (16, 15)
    assert "Numbers &amp; &lt;more&gt;" in html
    assert "Rows 1 to 15 of 1,000" in html
    assert "<script" not in html
