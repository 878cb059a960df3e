"""The explorer: from a check to its rows to one person, masked, and what becomes of chosen rows."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb
import polars as pl
import pytest
from explored_runs import FIRST, LAST, PHONE, ExploredRun
from python_calamine import CalamineWorkbook
from rowing import BUNDLE, PROFILE, rowing_sqlite
from shared_runs import HOSTILE
from support import run_in_process
from verifications import Page

import recon
from recon import display
from recon.answers.opening import opened_run
from recon.errors import UsageError
from recon.notebook.exploring.explorer import Explorer
from recon.rules.acceptance import read_acceptance

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


LATER = str(datetime.now(UTC).date() + timedelta(days=30))


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> ExploredRun:
    return ExploredRun(tmp_path_factory.mktemp("explored"))


@pytest.fixture(scope="module")
def answers(explored: ExploredRun) -> Iterator[recon.Answers]:
    with opened_run(explored.run) as opened:
        yield opened


@pytest.fixture
def explorer(answers: recon.Answers) -> Explorer:
    return Explorer(answers)


def place_of(explorer: Explorer, question: str) -> int:
    frame = explorer.questions.rows.whole(explorer.questions.rows.ids_shown())
    return frame["id"].to_list().index(question)


def sent(explorer: Explorer) -> str:
    """All that a browser has received by now."""
    tables = (explorer.questions, explorer.rows)
    pages = [part for table in tables for part in (table.page, table.record)]
    return json.dumps([*pages, explorer.chart.widget.get_state()["spec"]], ensure_ascii=False)


def test_every_check_and_question_can_be_opened_and_sends_nothing_unmasked(
    explorer: Explorer, answers: recon.Answers, explored: ExploredRun
) -> None:
    said = []
    frame = explorer.questions.rows.whole(explorer.questions.rows.ids_shown())
    assert frame.filter(pl.col("about") == "check")["id"].to_list() == answers.checks.frame["id"].to_list()
    for place, question in enumerate(frame["id"]):
        explorer.questions.hear({"do": "open", "row": place})
        assert explorer.questions.problem == ""
        explorer.rows.hear({"do": "rest"})
        name, _, entity = question.partition(" ")
        expected = (
            getattr(answers.ledger, entity)
            if name == "ledger"
            else getattr(answers, name)(entity)
            if entity
            else answers.findings_of(question)
        )
        assert explorer.rows.rows.total == expected.height, question
        explorer.rows.hear({"do": "open", "row": 0})
        said.append(sent(explorer))
    said.append(explorer.html())
    for secret in (FIRST, LAST, PHONE, "secret.example", "5557391", *(each["email"] for each in explored.missing)):
        assert not [text for text in said if secret.lower() in text.lower()], secret


def test_from_a_check_to_its_rows_to_one_person_both_sides(explorer: Explorer, explored: ExploredRun) -> None:
    key = explored.altered["_waId"]
    explorer.questions.hear({"do": "open", "row": place_of(explorer, "altered_records")})
    assert explorer.rows.page["title"] == "Altered Records: FAIL"
    explorer.rows.hear({"do": "page", "search": key})
    (row,) = explorer.rows.page["rows"]
    explorer.rows.hear({"do": "open", "row": row["id"]})

    record = explorer.rows.record
    assert record["title"] == f"Member {key}: landed_altered"
    parts = {part["title"].removesuffix(" (none)"): part for part in record["parts"]}
    both = parts["Member: Record and Row"]
    phone = next(line for line in both["rows"] if line[0] == "phone")
    assert both["columns"] == ["field", "source_value", "target_value", "differs"]
    assert phone[2] == "***91"
    assert "Member: ID Mappings" in parts
    assert "Member: Registrations" in parts


def test_a_row_about_another_record_shows_that_too(answers: recon.Answers) -> None:
    explorer = display.explore(answers, "ledger registrations")
    explorer.rows.hear({"do": "rest"})
    explorer.rows.hear({"do": "open", "row": 0})
    assert explorer.rows.record["title"].startswith("Registration ")
    member = answers.ledger.members["wa_id"][0]
    beside = explorer.rows.on_open({"entity": "registrations", "key": "no such", "member_id": member})
    assert beside is not None
    assert "No registration has that key ('no such')" in beside.notes[0]
    assert "Member: Record and Row" in beside.parts


def test_what_is_masked_is_not_found_by_what_it_was(explorer: Explorer, explored: ExploredRun) -> None:
    explorer.open("ledger members")
    for secret in (FIRST, LAST[:5], PHONE[-4:], "secret.example", explored.missing[0]["email"]):
        explorer.rows.hear({"do": "page", "search": secret})
        assert explorer.rows.page["shown"] == 0, secret
        explorer.rows.hear({"do": "page", "filters": {"3": secret}})
        assert explorer.rows.page["shown"] == 0, secret


def test_personal_data_is_shown_and_found_if_that_is_asked_for(explored: ExploredRun) -> None:
    with opened_run(explored.run, show_pii=True) as answers:
        explorer = display.explore(answers, "missing members", explored.altered["_waId"])
        names = {row["cells"][3] for row in explorer.rows.page["rows"]}
        assert any(HOSTILE[0] in name for name in names)
        assert any(r"\u202eright to left\u200f" in name for name in names)
        assert any(name.endswith("…") and len(name) < 150 for name in names)
        assert PHONE in sent(explorer)
        html = explorer.rows.html()
        assert Page(html).tags <= {"table", "caption", "thead", "tbody", "tr", "th", "td", "b", "h4", "p"}
        explorer.open("ledger members")
        explorer.rows.hear({"do": "page", "search": LAST.upper()})
        assert explorer.rows.page["shown"] == 1


def test_a_run_that_shows_personal_data_is_explored_without_it(explored: ExploredRun, tmp_path: Path) -> None:
    bare = shutil.copytree(explored.run, tmp_path / "bare")
    said = json.loads((bare / "verification.json").read_text(encoding="utf-8"))
    said["masked"] = False
    said["checks"][0]["message"] = f"Found {FIRST} {LAST}, {FIRST.lower()}.{LAST.lower()}@secret.example"
    (bare / "verification.json").write_text(json.dumps(said), encoding="utf-8")
    with opened_run(bare) as answers:
        html = display.explore(answers, said["checks"][0]["id"]).html()
        assert (FIRST in html, LAST in html, "secret.example" in html) == (False, False, False)
    with opened_run(bare, show_pii=True) as answers:
        assert f"{FIRST} {LAST}" in display.explore(answers, said["checks"][0]["id"]).html()


def test_the_chart_and_the_table_filter_each_other(explorer: Explorer) -> None:
    explorer.open("ledger members")
    explorer.rows.hear({"do": "rest"})
    chart = explorer.chart
    assert chart.title == "Rows by cause"
    values = [value for value, _, _ in chart.counts]
    place = values.index("mapped_without_row")
    point = {"value": {"vlPoint": {"or": [{"place": place}]}}, "store": [{"fields": [], "values": [place]}]}
    chart.widget.set_state({"_vl_selections": {"picked": point}})
    missing = chart.counts[place][1]
    assert explorer.rows.page["shown"] == missing == len(HOSTILE)
    assert explorer.rows.page["status"].endswith("only cause: mapped_without_row")
    explorer.rows.hear({"do": "clear"})
    explorer.rows.ask(filters={"cause": "=mapped_without_row"})
    assert chart.widget.params.shown_counts == [missing if value == "mapped_without_row" else 0 for value in values]


def test_chosen_findings_are_accepted_and_no_others(explorer: Explorer, explored: ExploredRun, tmp_path: Path) -> None:
    explorer.open("missing_records")
    ids = [explored.missing[0]["_waId"], explored.events[1]["_waId"]]
    for key in ids:
        explorer.rows.hear({"do": "page", "search": key})
        (row,) = explorer.rows.page["rows"]
        explorer.rows.hear({"do": "choose", "rows": [row["id"]], "on": True})
    file = tmp_path / "accepted.toml"
    said = explorer.chosen.decide(reason="Left in 2009", owner="Jo Lind", expires=LATER, file=file)
    assert said.startswith(f"Accepted until {LATER}: 2 findings")
    assert {entry.key for entry in read_acceptance(file).entries} == set(ids)
    done = run_in_process(
        "verify", "-b", explored.paths.bundle, "--database", explored.paths.database, "--accept", file, "-o", "-"
    )
    assert "| Accepted differences | 2 entries of " in done.out


def test_a_sheet_of_chosen_findings_is_read_back(explorer: Explorer, explored: ExploredRun, tmp_path: Path) -> None:
    explorer.open("missing_records")
    explorer.rows.hear({"do": "page", "search": explored.missing[0]["_waId"]})
    explorer.rows.hear({"do": "choose_shown", "on": True})
    sheet = tmp_path / "sheet.xlsx"
    assert explorer.chosen.decide(sheet=str(sheet)) == f"1 finding written to: {sheet}"
    rows = CalamineWorkbook.from_path(str(sheet)).get_sheet_by_name("Missing Records").to_python()
    assert [explored.missing[0]["_waId"] in map(str, row) for row in rows].count(True) == 1
    assert "Decision" in {str(value) for row in rows for value in row}
    done = run_in_process("accept", explored.run, "--from-xlsx", sheet, "-o", tmp_path / "none.toml")
    assert (done.code, done.err, done.out) == (0, "", "Accepted: 0 findings; 0 to fix, 0 to investigate, 1 undecided\n")
    assert explorer.chosen.write(tmp_path / "sheet.zip").endswith("sheet.zip")


@pytest.mark.parametrize(
    "terms, expected",
    [
        ({"reason": "x", "owner": "", "expires": LATER}, "needs a reason and an owner"),
        ({"reason": "x", "owner": "y", "expires": "soon"}, "is no day"),
        ({"reason": "x", "owner": "y", "expires": "2001-01-01"}, "cannot be accepted until then"),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    terms: dict[str, Any], expected: str, explorer: Explorer, tmp_path: Path
) -> None:
    explorer.open("missing_records")
    with pytest.raises(UsageError, match="No finding is chosen"):
        explorer.chosen.decide(**terms, file=tmp_path / "accepted.toml")
    explorer.rows.hear({"do": "choose_shown", "on": True})
    with pytest.raises(UsageError, match=expected):
        explorer.chosen.decide(**terms, file=tmp_path / "accepted.toml")
    assert list(tmp_path.iterdir()) == []
    assert "nothing is written" in explorer.chosen.decide()


def test_an_older_snapshot_without_findings_shows_the_rows_that_were_kept(
    explored: ExploredRun, tmp_path: Path
) -> None:
    older = shutil.copytree(explored.run, tmp_path / "older")
    with duckdb.connect(str(older / "snapshot.duckdb")) as snapshot:
        snapshot.execute("drop table checks.findings")
    with opened_run(older) as answers:
        explorer = display.explore(answers, "missing_records")
        assert "an older version of recon kept it" in explorer.rows.page["about"]
        assert explorer.rows.page["shown"] == len(explored.missing) + len(explored.events)
        assert not explorer.rows.page["choosable"]


def test_a_run_without_records_says_which_questions_there_are_not(tmp_path: Path) -> None:
    demo = recon.write_demo(tmp_path / "demo")
    report = json.loads((demo.bundle / "migration-report.json").read_text(encoding="utf-8"))
    for entity in ("members", "events", "registrations"):
        report[entity]["records"] = f"[{len(report[entity]['records'])}]"
    (demo.bundle / "migration-report.json").write_text(json.dumps(report), encoding="utf-8")
    with recon.verify(demo.bundle, str(demo.database)) as answers:
        explorer = display.explore(answers)
        assert "No account of the members" in explorer.questions.page["about"]
        assert {row["cells"][0] for row in explorer.questions.page["rows"]} == {"check"}
        with pytest.raises(UsageError, match="no account of the members"):
            explorer.open("missing members")


def test_a_question_that_there_is_not_is_refused(explorer: Explorer) -> None:
    with pytest.raises(UsageError, match="no check 'missing planets'"):
        explorer.open("missing planets")


def test_another_application_is_explored_in_the_same_way(tmp_path: Path) -> None:
    database = rowing_sqlite(tmp_path)
    with recon.verify(BUNDLE, str(database), profile=PROFILE) as answers:
        explorer = display.explore(answers, "ledger members")
        explorer.rows.hear({"do": "rest"})
        assert explorer.rows.page["shown"] == answers.ledger.members.height > 0
        explorer.rows.hear({"do": "open", "row": 0})
        assert [part["title"] for part in explorer.rows.record["parts"]][:2] == [
            "Member: Ledger",
            "Member: Record and Row",
        ]
