"""Questions to a judged migration: each answer is that of the ledger, and the command shows what the method returns."""

from __future__ import annotations

import gc
import importlib
import json
import shutil
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any, cast

import duckdb
import polars as pl
import pytest
from edited_clubs import edited_club
from support import CHECKOUT, run_in_process

import recon
from recon.answers.opening import opened_run
from recon.answers.people import with_people
from recon.answers.tables import meanings
from recon.errors import DatabaseError, ReportError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
        self.event = club.records("events")[0]
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
    ("associations",): lambda r: r.associations,
    ("to-fix",): lambda r: r.to_fix(),
    ("tables",): lambda r: r.tables,
}


@pytest.mark.parametrize("question", QUESTIONS, ids=" ".join)
def test_what_is_shown_is_what_the_method_returns(
    question: tuple[str, ...], asked: Asked, answers: recon.Answers
) -> None:
    assert shown(asked, *question) == json.loads(QUESTIONS[question](answers).write_json())


def test_one_member_is_shown_as_the_method_returns_it(asked: Asked, answers: recon.Answers) -> None:
    key = asked.altered[0]["_waId"]
    parts = answers.entity("members", key).parts
    titles = ["ledger", "record_and_row", "id_mappings", "registrations", "errors"]
    by_title: Any = shown(asked, "member", key)
    assert list(by_title) == titles
    assert list(by_title.values()) == [json.loads(part.write_json()) for part in parts.values()]
    done = run_in_process("show", asked.run, "member", key, "--format", "csv", "--show-pii")
    table = pl.read_csv(done.out.encode(), infer_schema=False)
    assert table.height == sum(part.height for part in parts.values())
    assert table.columns[0] == "part"
    differing = table.filter(pl.col("differs").is_not_null())
    assert differing.select("part", "field").rows() == [("Record and Row", "phone")]


def test_what_to_fix_may_be_asked_by_an_option(asked: Asked) -> None:
    assert shown(asked, "--to-fix") == shown(asked, "to-fix")
    done = run_in_process("show", asked.run, "causes", "--to-fix")
    assert (done.code, "two questions" in done.err) == (2, True)


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


def test_records_are_called_by_any_of_their_ids(asked: Asked, answers: recon.Answers) -> None:
    (missing, _), (altered, row) = asked.missing, asked.altered
    full = f"{altered['firstName']} {altered['lastName']}"
    title = asked.event["title"]
    keys = [
        ("members", missing["_waId"]),
        ("members", missing["_murmurantId"]),
        (None, row["id"].upper()),
        ("events", asked.event["_waId"]),
        ("events", altered["_waId"]),
        ("members", "nobody"),
    ]
    wanted = pl.DataFrame(keys, schema=["entity", "key"], orient="row")
    found = {(each["entity"], each["key"]): each for each in answers.called(wanted).to_dicts()}
    assert set(found) == set(keys[:4])
    assert [found[key]["email"] for key in keys[:3]] == [missing["email"], missing["email"], altered["email"]]
    assert (found[keys[2]]["name"], found[keys[3]]["title"]) == (full, title)
    with opened_run(asked.run) as masked:
        assert set(masked.called(wanted)["email"].drop_nulls()) == {
            f"{each['email'][0]}***@***" for each in (missing, altered)
        }


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
        kept = "select violation from checks.findings where check_id = 'altered_records'"
        (hidden,) = opened.sql(kept)["violation"].to_list()
    with recon.open_run(asked.run, show_pii=True) as opened:
        (shown_violation,) = opened.sql(kept)["violation"].to_list()
    assert asked.altered[0]["phone"] in shown_violation
    assert hidden == f"{shown_violation[0]}***"


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


def test_a_run_may_be_named_by_a_file_of_it_and_a_wrong_name_is_mended(asked: Asked) -> None:
    for file in ("verification.json", "snapshot.duckdb"):
        done = run_in_process("show", asked.run / file, "missing", "members")
        assert (done.code, "1 row" in done.out) == (0, True)
    done = run_in_process("show", asked.run.parent, "missing", "members")
    assert (done.code, f"Name {asked.run}" in done.err) == (2, True)
    done = run_in_process("show", str(asked.run)[:-1], "missing", "members")
    assert (done.code, f"Did you mean {asked.run.name!r}?" in done.err) == (2, True)


@pytest.mark.parametrize(
    "change, said",
    [
        ("""update recon.state set state = replace(state, '"version":1', '"version":9')""", "another version of recon"),
        ("drop table ledger.differences", "The snapshot is incomplete"),
        ("alter table ledger.members drop column reason", "The snapshot is incomplete"),
        ("drop schema ledger cascade", "The snapshot is incomplete"),
    ],
)
def test_a_snapshot_that_lacks_something_is_refused(change: str, said: str, tmp_path: Path, asked: Asked) -> None:
    older = shutil.copytree(asked.run, tmp_path / "older")
    with duckdb.connect(str(older / "snapshot.duckdb")) as snapshot:
        snapshot.execute(change)
    with pytest.raises(DatabaseError, match=said):
        asked_of(older)


def asked_of(run: Path) -> pl.LazyFrame:
    with recon.open_run(run) as opened:
        opened.missing("members")
        return opened.lazy.altered("members")


def test_an_entity_without_records_has_no_answers(tmp_path: Path) -> None:
    club = edited_club(members=20, events=10, registrations=60)
    club.shorten("registrations")
    paths = club.write(tmp_path)
    done = run_in_process("show", paths.bundle, "missing", "registrations", "--database", paths.database)
    assert done.code == 2
    assert "no account of the registrations" in done.err


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_output_is_that_of_this_version() -> None:
    text = (CHECKOUT / "docs" / "answers.md").read_text(encoding="utf-8")
    assert text.count("rows more") == 1
    assert importlib.import_module("answers_output").with_output(text, compares=False) == text


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_comparison_is_that_of_this_version() -> None:
    text = (CHECKOUT / "docs" / "answers.md").read_text(encoding="utf-8")
    assert importlib.import_module("answers_output").with_output(text) == text


def test_a_bundle_and_a_database_give_an_object_to_ask(asked: Asked, answers: recon.Answers) -> None:
    with recon.verify(asked.paths.bundle, str(asked.paths.database), show_pii=True) as opened:
        assert isinstance(opened, recon.Answers)
        assert opened.missing("members").equals(answers.missing("members"))
        assert opened.findings.drop("standing").equals(answers.findings.drop("standing"))
        assert opened.verification.verdict == "FAILED"
    judgement = recon.verify(recon.VerifyOptions(asked.paths.bundle, str(asked.paths.database)))
    assert isinstance(judgement, recon.Verification)


def test_what_was_judged_is_let_go_with_the_object(asked: Asked) -> None:
    opened = recon.verify(str(asked.paths.bundle), str(asked.paths.database))
    scratch = opened._warehouse.scratch  # noqa: SLF001 - the folder is what is to go
    assert scratch.is_dir()
    del opened
    gc.collect()
    assert not scratch.exists()


@pytest.mark.parametrize(
    "ask, said",
    [
        (lambda: recon.verify("x"), "x"),
        (lambda: cast("Any", recon.verify)(5), r"recon.verify\(bundle, database\)"),
        (lambda: recon.verify("x", show_pi=True), "Did you mean 'show_pii'"),
        (lambda: cast("Any", recon.verify)(recon.VerifyOptions("x"), "club.db"), "already"),
    ],
)
def test_a_verification_of_nothing_says_what_it_takes(ask: Callable[[], object], said: str) -> None:
    with pytest.raises(recon.ReconError, match=said):
        ask()


@pytest.mark.parametrize("show_pii", [True, False])
def test_lazy_frames_hold_what_the_others_hold(asked: Asked, show_pii: bool) -> None:
    with recon.open_run(asked.run, show_pii=show_pii) as run:
        lazy = run.lazy
        assert isinstance(lazy.missing("members"), pl.LazyFrame)
        assert lazy.missing("members").collect().equals(run.missing("members"))
        assert lazy.altered("members", "phone").collect().equals(run.altered("members", "phone"))
        assert lazy.findings.collect().equals(run.findings)
        landed = pl.col("outcome") == "landed"
        assert lazy.ledger.members.filter(landed).select("wa_id").collect().height == 18
        assert set(dir(lazy)) < set(dir(run))
        with pytest.raises(UsageError, match="Did you mean 'members'"):
            lazy.missing("member")


def test_the_rows_of_a_check_name_people(asked: Asked, answers: recon.Answers) -> None:
    record = asked.missing[0]
    (found,) = answers.checks.missing_records.violations.to_dicts()
    assert (found["name"], found["email"]) == (f"{record['firstName']} {record['lastName']}", record["email"])
    with recon.open_run(asked.run) as run:
        assert record["lastName"] not in str(run.checks.missing_records.violations.to_dicts())


@pytest.mark.parametrize("entity", ["Member", "members", None])
@pytest.mark.parametrize("column", ["wa_id", "target_id", "member_id"])
def test_a_violation_names_people_by_any_of_its_ids(entity: str | None, column: str, answers: recon.Answers) -> None:
    known = answers.ledger.members.filter(outcome="landed").row(0, named=True)
    key = known["wa_id"] if column == "wa_id" else known["target_id"].upper()
    rows = pl.DataFrame({"entity": [entity, entity, None], column: [key, "unknown", None], "level": ["a", "b", "c"]})
    found = with_people(rows, answers._warehouse.connection)  # noqa: SLF001 - the session that has the words
    assert found["name"].to_list() == [known["name"], None, None]
    assert found["email"].to_list() == [known["email"], None, None]
    assert found["level"].to_list() == ["a", "b", "c"]
    strange = rows.filter(pl.col(column) == "unknown")
    assert with_people(strange, answers._warehouse.connection).equals(strange)  # noqa: SLF001


def test_a_violation_about_a_registration_names_both_sides(answers: recon.Answers) -> None:
    known = answers.ledger.registrations.row(0, named=True)
    rows = pl.DataFrame({"registration_id": [known["target_id"]], "event_id": ["unknown"]})
    (found,) = with_people(rows, answers._warehouse.connection).to_dicts()  # noqa: SLF001
    assert (found["name"], found["event"]) == (known["member_name"], known["event_title"])
    assert found["event"]


def test_a_check_is_shown_in_one_line_and_as_a_table(answers: recon.Answers) -> None:
    check = answers.checks.missing_records
    assert repr(check) == "<check missing_records: FAIL, 1 violation>"
    assert "<table" in check._repr_html_()
    assert "Missing Records" in answers._repr_html_()
    assert {name for name in dir(check) if name.startswith("_")} == set()
    assert all(hasattr(check, name) for name in dir(check))
    with pytest.raises(AttributeError):
        _ = cast("Any", check).violation


def test_findings_are_kept_with_the_run(asked: Asked, answers: recon.Answers) -> None:
    found = answers.findings
    (missing,) = found.filter(check_id="missing_records").to_dicts()
    assert (missing["entity"], missing["key"], missing["standing"]) == ("members", asked.missing[0]["_waId"], "open")
    assert set(found["check_id"]) == {check.id for check in answers.checks if check.check.has_findings}


def test_a_snapshot_of_an_older_version_says_that_it_has_none(tmp_path: Path, asked: Asked) -> None:
    older = shutil.copytree(asked.run, tmp_path / "older")
    with duckdb.connect(str(older / "snapshot.duckdb")) as snapshot:
        snapshot.execute("drop schema checks cascade")
    with recon.open_run(older) as run:
        assert run.missing("members").height == 1
        with pytest.raises(UsageError, match="older version"):
            _ = run.findings


def test_every_column_of_the_snapshot_has_a_meaning_and_no_meaning_is_left_over(answers: recon.Answers) -> None:
    found = answers.tables
    assert found.filter(pl.col("meaning").is_null()).is_empty()
    tables, columns = set(found["table"]), set(found["column"])
    assert tables == set(meanings()["tables"])
    assert columns >= set(meanings()["columns"])
    named = {(table, column) for table, column, *_ in found.iter_rows()}
    assert named >= {(table, name) for table, own in meanings()["columns-of"].items() for name in own}


def test_a_bundle_has_the_tables_of_a_run(asked: Asked, answers: recon.Answers) -> None:
    with recon.verify(asked.paths.bundle, str(asked.paths.database)) as opened:
        assert set(opened.tables["table"]) == set(answers.tables["table"])


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_tables_on_the_page_are_those_of_this_version() -> None:
    text = (CHECKOUT / "docs" / "tables.md").read_text(encoding="utf-8")
    assert text.count("| meaning |") > 20
    assert importlib.import_module("tables_output").with_tables(text) == text
