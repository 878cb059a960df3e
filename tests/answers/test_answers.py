"""Questions to a judged migration: each answer is that of the ledger, and the command shows what the method returns."""

from __future__ import annotations

import importlib
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import edited_club
from support import CHECKOUT, run_in_process

import recon
from recon.answers.opening import opened_run
from recon.errors import ReportError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import polars as pl

    from recon.demo import DemoPaths

ONLY = ("snapshot",)


class Asked:
    """A club with one fault of each kind, its run folder, and what was planted."""

    def __init__(self, folder: Path) -> None:
        club = edited_club(members=20, events=10, registrations=60)
        self.missing, self.altered, self.merged = club.pairs("members")[:3]
        club.free_of_registrations(self.missing[1]["id"])
        club.remove("members", row=self.missing[1])
        self.altered[1]["phone"] = "+49 30 1234"
        self.rejected = {"_sourceRow": 900, "_waId": "WA900", "_action": "skip", "_errors": ["Missing email"]}
        self.rejected |= {"firstName": "Nobody", "lastName": "Known"}
        club.records("members").append(self.rejected)
        club.list_error("members", "Missing email", 900, "WA900")
        self.records = club.records("members")
        self.paths: DemoPaths = club.write(folder)
        environment = {"DATABASE_URL": str(self.paths.database)}
        done = recon.run(
            recon.RunOptions(
                recon.VerifyOptions(self.paths.bundle, environment=environment), outputs=folder / "outputs", parts=ONLY
            )
        )
        self.run = done.folder.path


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Asked:
    return Asked(tmp_path_factory.mktemp("asked"))


@pytest.fixture(scope="module")
def answers(asked: Asked) -> Iterator[recon.Answers]:
    with opened_run(asked.run, show_pii=True) as opened:
        yield opened


def shown(asked: Asked, *arguments: str) -> list[dict[str, Any]]:
    done = run_in_process("show", asked.run, *arguments, "--format", "json", "--show-pii")
    assert done.code == 0, done.err
    frames: list[dict[str, Any]] = json.loads(done.out)
    return frames


QUESTIONS: dict[tuple[str, ...], Callable[[recon.Answers], pl.DataFrame]] = {
    ("missing", "members"): lambda r: r.missing("members"),
    ("unexpected", "events"): lambda r: r.unexpected("events"),
    ("altered", "members"): lambda r: r.altered("members"),
    ("altered", "members", "--field", "phone"): lambda r: r.altered("members", "phone"),
    ("skipped", "events"): lambda r: r.skipped("events"),
    ("rejected", "members"): lambda r: r.rejected("members"),
    ("merged", "registrations"): lambda r: r.merged("registrations"),
    ("check", "missing-records"): lambda r: r.violations("missing_records"),
    ("checks",): lambda r: r.checks.frame,
    ("causes",): lambda r: r.causes,
    ("to-fix",): lambda r: r.to_fix(),
}


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_what_is_shown_is_what_the_method_returns(
    question: tuple[str, ...], asked: Asked, answers: recon.Answers
) -> None:
    assert shown(asked, *question) == json.loads(QUESTIONS[question](answers).write_json())


def test_a_missing_member_is_named_with_its_ids(asked: Asked, answers: recon.Answers) -> None:
    record = asked.missing[0]
    (found,) = answers.missing("members").to_dicts()
    assert found["name"] == f"{record['firstName']} {record['lastName']}"
    assert (found["wa_id"], found["email"], found["source_row"]) == (
        record["_waId"],
        record["email"],
        record["_sourceRow"],
    )


def test_an_altered_value_stands_beside_what_it_was(asked: Asked, answers: recon.Answers) -> None:
    (found,) = answers.altered("members").to_dicts()
    assert (found["field"], found["source_value"], found["target_value"]) == (
        "phone",
        asked.altered[0]["phone"],
        "+49 30 1234",
    )


def test_what_to_fix_names_source_row_field_and_problem(answers: recon.Answers) -> None:
    (found,) = answers.to_fix().to_dicts()
    assert (found["source_row"], found["field"], found["problem"], found["wa_id"]) == (
        900,
        "email",
        "Missing email",
        "WA900",
    )


@pytest.mark.parametrize("key", ["_waId", "email", "_murmurantId"])
def test_a_member_is_found_by_any_key(key: str, asked: Asked, answers: recon.Answers) -> None:
    found = answers.entity("members", asked.altered[0][key])
    differing = found.fields.drop_nulls("differs")
    assert differing["field"].to_list() == ["phone"]
    assert set(found.mappings["side"]) == {"bundle", "database"}
    assert found.registrations is not None
    booked = [r for r in asked_registrations(asked) if r == asked.altered[1]["id"]]
    assert found.registrations.height == len(booked)
    assert repr(found) == f"<members {asked.altered[0]['_waId']}: landed_altered, 1 fields differ>"


def asked_registrations(asked: Asked) -> list[str]:
    with closing(sqlite3.connect(asked.paths.database)) as database:
        return [member for (member,) in database.execute('select "memberId" from "EventRegistration"')]


def test_a_rejected_record_shows_what_the_importer_said(answers: recon.Answers) -> None:
    found = answers.entity("members", "WA900")
    assert found.errors.to_dicts() == [{"source_row": 900, "wa_id": "WA900", "message": "Missing email"}]


def test_a_bundle_is_judged_and_asked_the_same(asked: Asked, answers: recon.Answers) -> None:
    done = run_in_process(
        *("show", asked.paths.bundle, "missing", "members", "--format", "json", "--show-pii"),
        *("--database", asked.paths.database),
    )
    assert json.loads(done.out) == json.loads(answers.missing("members").write_json())


def test_people_are_masked_unless_asked_for(asked: Asked) -> None:
    record = asked.missing[0]
    done = run_in_process("show", asked.run, "missing", "members")
    assert record["_waId"] in done.out
    assert record["lastName"] not in done.out
    assert record["email"] not in done.out
    with recon.open_run(asked.run) as opened:
        member = str(opened.entity("members", record["_waId"]).parts)
        assert record["lastName"] not in member
        assert record["email"] not in member


def test_the_repr_is_one_line_and_dir_lists_questions_only(answers: recon.Answers) -> None:
    assert "\n" not in repr(answers)
    assert "FAILED" in repr(answers)
    assert {name for name in dir(answers) if name.startswith("_")} == set()
    assert {"missing", "entity", "sql", "verification"} <= set(dir(answers))
    assert "<table" in answers.entity("members", "WA900")._repr_html_()


def test_checks_and_tables_are_completed_by_the_tab_key(answers: recon.Answers) -> None:
    assert answers.checks.missing_records.violation_count == answers.checks["Missing Records"].violations.height == 1
    assert set(dir(answers.checks)) == {check.id for check in answers.checks} | {"frame"}
    assert set(dir(answers.ledger)) == {"members", "events", "registrations"}
    assert answers.ledger.members.filter(outcome="missing_in_target").height == 1
    assert "<td>FAIL</td><td>Missing Records</td>" in answers.checks._repr_html_()
    with pytest.raises(AttributeError, match="Did you mean 'tier_coverage'"):
        _ = answers.checks.tier_coverag
    with pytest.raises(AttributeError, match="Did you mean 'members'"):
        _ = answers.ledger.member


def test_a_member_can_be_asked_for_by_the_kind_of_key(asked: Asked, answers: recon.Answers) -> None:
    record = asked.missing[0]
    by_id, by_address = (
        answers.entity("members", wa_id=record["_waId"]),
        answers.entity("members", email=record["email"]),
    )
    assert by_id.ledger.equals(by_address.ledger)
    with pytest.raises(UsageError, match="No key is given"):
        answers.entity("members")


def test_the_tables_can_be_asked_by_sql_and_not_changed(answers: recon.Answers) -> None:
    assert answers.sql("select count(*) as n from ledger.members").item() == 21
    for query in (
        "drop table ledger.members",
        "select 1; select 2",
        "select * from nowhere",
        "copy ledger.members to 'x'",
    ):
        with pytest.raises(UsageError, match="cannot be answered"):
            answers.sql(query)
    assert answers.sql("select count(*) as n from ledger.members").item() == 21


def test_a_query_shows_no_name_in_another_guise(asked: Asked) -> None:
    queries = (
        "select first_name || ' ' || last_name as who, wa_id from source.members",
        "select list(last_name) as who, max(wa_id) as wa_id from source.members",
        "select cast(last_name as blob) as who, wa_id from source.members",
        "select last_name, wa_id from source.members",
    )
    with recon.open_run(asked.run) as opened:
        for query in queries:
            frame = opened.sql(query)
            assert frame.height > 0
            assert asked.missing[0]["lastName"] not in str(frame.write_json())
            assert set(frame["wa_id"]) <= {record["_waId"] for record in asked.records}
        assert opened.sql("select cause, count(*) as n from ledger.members where cause <> '' group by all").height > 0


@pytest.mark.parametrize(
    "arguments, said",
    [
        (("missin", "members"), "Did you mean 'missing'?"),
        (("missing",), "lacks its name"),
        (("missing", "member"), "Did you mean 'members'?"),
        (("check", "tier-coverag"), "Did you mean 'tier_coverage'?"),
        (("member", "nobody"), "No member has that key"),
        (("altered", "members", "--field", "emial"), "Did you mean 'email'?"),
        (("missing", "members", "--field", "email"), "Only altered records"),
        (("causes", "members"), "takes no name"),
    ],
)
def test_a_wrong_question_is_answered_with_the_right_ones(arguments: tuple[str, ...], said: str, asked: Asked) -> None:
    done = run_in_process("show", asked.run, *arguments)
    assert (done.code, done.out) == (2, "")
    assert said in done.err


def test_a_table_says_how_many_rows_it_left_out(asked: Asked) -> None:
    done = run_in_process("show", asked.run, "checks", "--rows", "3")
    assert "18 rows\nand 15 rows more: --rows, or --format csv" in done.out


def test_csv_is_neutral_for_a_spreadsheet(asked: Asked) -> None:
    done = run_in_process("show", asked.run, "altered", "members", "--format", "csv", "--show-pii")
    assert "'+49 30 1234" in done.out


def test_a_folder_that_is_no_run_is_refused(tmp_path: Path, asked: Asked) -> None:
    with pytest.raises(ReportError, match="no folder of a run"):
        recon.open_run(tmp_path)
    (tmp_path / "verification.json").write_bytes((asked.run / "verification.json").read_bytes())
    with pytest.raises(ReportError, match="kept no snapshot"):
        recon.open_run(tmp_path)


def test_an_entity_without_records_has_no_answers(tmp_path: Path) -> None:
    club = edited_club(members=20, events=10, registrations=60)
    club.shorten("registrations")
    paths = club.write(tmp_path)
    done = run_in_process("show", paths.bundle, "missing", "registrations", "--database", paths.database)
    assert done.code == 2
    assert "no account of the registrations" in done.err


@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_output_is_that_of_this_version() -> None:
    text = (CHECKOUT / "docs" / "answers.md").read_text(encoding="utf-8")
    assert text.count("rows more") == 1
    assert importlib.import_module("answers_output").with_output(text) == text
