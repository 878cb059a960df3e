from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jsonschema
import pytest
import yaml
from edited_clubs import edited_club
from hypothesis import example, given, settings
from hypothesis import strategies as st
from soaking import examples
from support import check_of, edit_report, outcomes, run_in_process, verify

import recon
from recon.bundle import FRAMES, frames, open_bundle
from recon.errors import ReconError, SuiteError
from recon.gx import load_gx_suite
from recon.model import Outcome, Verdict
from recon.report import FORMATS
from recon.rules import load_document, load_rules, load_suite, shipped_folder
from recon.rules.evaluation import fill
from recon.rules.files import read_suite, suite_paths

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.model import Verification

SHIPPED = shipped_folder("expectations")
SCHEMA = json.loads(Path(recon.__file__).parent.joinpath("report", "verification.schema.json").read_text("utf-8"))
ENTRY: dict[str, Any] = {
    "type": "expect_no_violations",
    "severity": "critical",
    "description": "No event is called Nothing.",
    "kwargs": {"sql": "select id from target.events where title = 'Nothing'"},
    "meta": {
        "id": "own_rule",
        "title": "Own Rule",
        "category": "own",
        "requires": ["target.events.id", "target.events.title"],
        "messages": {"pass": "None", "fail": "Found {violations}"},
        "meaning": "One is",
        "action": "Rename it",
    },
}


# What a message names a count of one by.
ONE = {"s": "", "have": " has", "record_noun": "record", "field_noun": "field"}

COUNTED = re.compile(r"as varchar\)\s*\|\| ' (?:\w+ )?(?:members|records|rows|fields|tiers)\b")


def test_a_count_of_one_reads_right_in_every_message() -> None:
    for rule in (rule for path in suite_paths(SHIPPED) for rule in load_suite(path)):
        for text in rule.messages.values():
            named = dict.fromkeys(re.findall(r"\{(\w+)\}", text), 1)
            # Of those that share something, there are two at least.
            said = fill(text, {**named, **ONE, "sharing": 2})
            assert not re.search(r"\b1 (?:members|events|registrations|records|rows|fields|\w+s without)\b", said), said
            for sql in (rule.sql, rule.values_sql or ""):
                assert not COUNTED.search(sql), rule.id


def entry(**changes: Any) -> dict[str, Any]:
    """An entry with changes by place ("meta.id"); None takes the key away."""
    changed: dict[str, Any] = json.loads(json.dumps(ENTRY))
    for place, value in changes.items():
        *parents, key = place.split("__")
        at = changed
        for parent in parents:
            at = at[parent]
        if value is None:
            del at[key]
        else:
            at[key] = value
    return changed


def write(folder: Path, *entries: Any, name: str = "own.yaml", **meta: Any) -> Path:
    folder.mkdir(exist_ok=True)
    document = {"name": "own", "meta": meta, "expectations": list(entries)}
    (folder / name).write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return folder


def overriding(folder: Path, **overrides: Any) -> Path:
    return write(folder, overrides=overrides)


def refused(*folders: Path) -> str:
    """The one sentence with which suites over the shipped ones are refused."""
    with pytest.raises(SuiteError) as error:
        recon.load_checks(folders)
    assert "\n" not in error.value.message
    return error.value.message


def test_a_folder_adds_its_rules_to_the_shipped_ones(demo: DemoPaths, tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry())

    verification = verify(demo, expectations=[own])

    added = check_of(verification, "own_rule")
    assert (added.outcome, added.source, added.overrides) == (Outcome.PASS, f"{own}/own.yaml:4", None)
    assert len(verification.checks) == len(load_rules([SHIPPED])) + 1
    assert check_of(verification, "member_count").source == "shipped counts.yaml:5"


def test_only_own_rules_judge_when_the_shipped_ones_are_left_out(demo: DemoPaths, tmp_path: Path) -> None:
    verification = verify(demo, expectations=[write(tmp_path / "own", entry())], shipped_suites=False)
    assert outcomes(verification) == {"own_rule": "PASS"}


def test_a_rule_with_the_id_of_a_shipped_one_takes_its_place(demo: DemoPaths, tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(meta__id="member_count"))

    checks = verify(demo, expectations=[own]).checks

    assert checks[0].id == "member_count"
    assert checks[0].name == "Own Rule"
    assert checks[0].overrides == "replaces shipped counts.yaml:5"
    assert [check.id for check in checks].count("member_count") == 1


def test_the_later_folder_wins(tmp_path: Path) -> None:
    first = write(tmp_path / "first", entry(meta__title="First"))
    second = write(tmp_path / "second", entry(meta__title="Second"))

    (rule,) = load_rules([first, second])

    assert (rule.title, rule.overrides) == ("Second", f"replaces {first}/own.yaml:4")


def test_a_place_of_its_own_is_kept(tmp_path: Path) -> None:
    moved = write(tmp_path / "own", entry(meta__id="member_count", meta__order=45))
    assert [rule.id for rule in recon.load_checks([moved])].index("member_count") == 3


def writing(check_id: str, order: int, statement: str) -> dict[str, Any]:
    """An entry that finds nothing, and would change what is judged on the way."""
    sql = f"with x as ({statement}) select 1 as n where false"
    return entry(meta__id=check_id, meta__order=order, meta__requires=["ledger.accounts"], kwargs__sql=sql)


def test_a_suite_cannot_change_what_is_judged(tmp_path: Path) -> None:
    club = edited_club(members=4, events=2, registrations=3)
    club.rows("members")[0]["firstName"] = "Other"
    paths = club.write(tmp_path)
    own = write(
        tmp_path / "own",
        writing("forget_differences", 1, "delete from ledger.differences returning *"),
        writing("forget_altered", 2, "update ledger.accounts set landed = landed + landed_altered, landed_altered = 0"),
    )
    command = ("verify", "--bundle", paths.bundle, "--database", paths.database, "--expectations", own)

    done = run_in_process(*command, "--format", "json", "--output", "-")

    report = json.loads(done.out)
    assert (done.code, report["verdict"]) == (1, "FAILED")
    found = {check["id"]: check for check in report["checks"]}
    assert found["altered_records"]["message"] == "Differ from their rows: 1 member"
    for check_id in ("forget_differences", "forget_altered"):
        assert found[check_id]["outcome"] == "ERROR"
        assert "a rule's SQL only reads, and this would write" in found[check_id]["message"]
    (rehearsed,) = recon.rehearse([rule for rule in recon.load_checks([own]) if rule.id == "forget_differences"])
    assert "only reads" in rehearsed.problems[0]


@pytest.mark.parametrize("suffix", ["yaml", "yml"])
def test_suites_of_either_suffix_are_read(suffix: str, tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(), name=f"own.{suffix}")
    assert [rule.id for rule in load_rules([own])] == ["own_rule"]


def test_two_rules_of_one_folder_do_not_share_an_id(tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(), name="a.yaml")
    write(own, entry(), name="b.yaml")
    message = refused(own)
    assert "Two checks have one id" in message
    assert f"{own}/a.yaml:4" in message
    assert f"{own}/b.yaml:4" in message


def test_a_severity_can_be_changed_alone(demo: DemoPaths, tmp_path: Path) -> None:
    edit_report(demo.bundle, lambda report: report["members"].update(created=61))
    own = overriding(tmp_path / "own", member_count={"severity": "warning", "reason": "guests"})

    found = check_of(verify(demo, expectations=[own]), "member_count")

    assert check_of(verify(demo), "member_count").outcome is Outcome.FAIL
    assert (found.outcome, found.severity) == (Outcome.WARN, "warning")
    assert found.overrides == f"severity warning instead of critical, by {own}/own.yaml: guests"


def test_a_shipped_suite_is_read_once_and_stays_as_it_is_written(demo: DemoPaths) -> None:
    paths = suite_paths(shipped_folder("expectations"))
    read = [read_suite(path, is_shipped=True) for path in paths]
    load_document(paths[0])["expectations"].clear()

    verify(demo)

    assert all(read_suite(path, is_shipped=True) is suite for path, suite in zip(paths, read, strict=True))
    assert [suite.content for suite in read] == [read_suite(path).content for path in paths]


def test_a_parameter_can_be_changed_alone(demo: DemoPaths, passed: Verification, tmp_path: Path) -> None:
    own = overriding(tmp_path / "own", tier_coverage={"parameters": {"threshold": 99}, "reason": "all of them"})

    found = check_of(verify(demo, expectations=[own]), "tier_coverage")

    assert check_of(passed, "tier_coverage").outcome is Outcome.PASS
    assert found.outcome is Outcome.WARN
    assert found.overrides == f"threshold 99 instead of 95, by {own}/own.yaml: all of them"


@pytest.mark.parametrize(
    "severity, outcome, verdict",
    [(None, Outcome.ERROR, Verdict.INCOMPLETE), ("warning", Outcome.WARN, Verdict.PASSED)],
    ids=["critical", "made a warning"],
)
def test_a_rule_that_is_switched_off_stays_in_the_report(
    severity: str | None, outcome: Outcome, verdict: Verdict, demo: DemoPaths, tmp_path: Path
) -> None:
    change = {"switched_off": True, "reason": "no run is recorded"} | ({"severity": severity} if severity else {})
    own = overriding(tmp_path / "own", run_id_match=change)

    verification = verify(demo, expectations=[own])

    found = check_of(verification, "run_id_match")
    assert (found.outcome, found.violation_count) == (outcome, None)
    assert found.message == f"Not evaluated: switched off by {own}/own.yaml: no run is recorded"
    assert verification.verdict is verdict


def test_overrides_add_up_over_layers(tmp_path: Path) -> None:
    first = overriding(tmp_path / "first", tier_coverage={"parameters": {"threshold": 90}, "reason": "one"})
    second = overriding(tmp_path / "second", tier_coverage={"severity": "critical", "reason": "two"})

    rule = next(rule for rule in recon.load_checks([first, second]) if rule.id == "tier_coverage")

    assert (rule.severity, rule.parameters) == ("critical", {"threshold": 90})
    assert rule.overrides is not None
    assert "one; severity critical" in rule.overrides


def test_the_reports_say_where_each_check_comes_from(demo: DemoPaths, tmp_path: Path) -> None:
    own = overriding(write(tmp_path / "own", entry(), name="a.yaml"), tier_coverage={"severity": "info", "reason": "x"})
    verification = verify(demo, expectations=[own])

    document = json.loads(FORMATS["json"].render(verification))
    text = FORMATS["markdown"].render(verification)

    jsonschema.validate(document, SCHEMA)
    checks = {check["id"]: check for check in document["checks"]}
    assert checks["own_rule"]["source"] == f"{own}/a.yaml:4"
    assert checks["tier_coverage"]["overrides"].startswith("severity info instead of warning")
    assert checks["member_count"]["overrides"] is None
    assert "| shipped counts.yaml:5 |" in text
    assert "- Tier Coverage: severity info instead of warning" in text


def test_the_console_counts_what_is_not_as_shipped(demo: DemoPaths, tmp_path: Path) -> None:
    off = {"switched_off": True, "reason": "x"}
    own = overriding(tmp_path / "own", tier_coverage=off, event_count={"severity": "info", "reason": "x"})
    write(own, entry(), entry(meta__id="member_count"), name="rules.yaml")
    arguments = ("verify", "-b", demo.bundle, "--database", demo.database, "-o", tmp_path / "report.md")

    plain = run_in_process(*arguments)
    with_own = run_in_process(*arguments, "--expectations", own)
    verbose = run_in_process(*arguments, "--expectations", own, "-v")

    assert "Own rules" not in plain.out
    assert "  - Own rules: 1 added, 1 replaced, 1 changed, 1 switched off\n" in with_own.out
    assert "         Rule: shipped counts.yaml:5; severity info instead of critical" in verbose.out
    assert "         Rule: " not in with_own.out


def test_great_expectations_holds_a_suite_of_overrides(tmp_path: Path) -> None:
    own = overriding(tmp_path / "own", tier_coverage={"severity": "info", "reason": "x"})
    assert (load_gx_suite(own / "own.yaml").meta or {})["overrides"]["tier_coverage"]["reason"] == "x"


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"meta__titel": "x"}, [", meta)", "the unknown key 'titel'", "Did you mean 'title'?"]),
        ({"kwargs__values": "x"}, [", kwargs)", "the unknown key 'values'", "Did you mean 'values_sql'?"]),
        ({"serverity": "info"}, ["the unknown key 'serverity'", "Did you mean 'severity'?"]),
        ({"severity": "criticl"}, [", severity)", "one of critical, warning, info", "Did you mean 'critical'?"]),
        ({"meta__id": "a b"}, [", meta.id)", "letters, digits and _", "'a b'"]),
        ({"meta__id": None}, [", meta)", "the key 'id'"]),
        ({"meta__messages__fail": None}, [", meta.messages)", "the key 'fail'"]),
        ({"kwargs__sql": None}, [", kwargs)", "the key 'sql'"]),
        ({"kwargs": None}, ["the key 'kwargs'"]),
        ({"description": None}, ["the key 'description'"]),
        ({"meta__title": 2024}, [", meta.title)", "a text", "a whole number", "Put it into quotes"]),
        ({"meta__order": "last"}, [", meta.order)", "a whole number", "found a text"]),
        ({"meta__requires": "target.events"}, [", meta.requires)", "a list", "found a text"]),
        ({"meta__requires": []}, [", meta.requires)", "an empty list"]),
        ({"meta__requires": ["events.id"]}, [", meta.requires)", "'events.id'", "Did you mean 'target.events.id'?"]),
        (
            {"meta__requires": ["target.event.id"]},
            [", meta.requires)", "a table: ledger.accounts", "source.counts", "'target.event.id'"],
        ),
        (
            {"meta__requires": ["target.events.titel"]},
            [", meta.requires)", "a column of target.events", "Did you mean 'target.events.title'?"],
        ),
        (
            {"meta__uses": ["source.members.mail"]},
            ["a column of source.members", "Did you mean 'source.members.email'?"],
        ),
        ({"meta__uses": ["source.counts.entities"]}, [", meta.uses)", "Did you mean 'source.counts.entity'?"]),
        (
            {"meta__when_missing": {"outcome": "PASS", "message": "x"}},
            [", meta.when_missing.outcome)", "nothing to look"],
        ),
        ({"meta__when_missing": {"outcome": "WARM", "message": "x"}}, ["'WARM'", "Did you mean 'WARN'?"]),
        ({"meta__when_empty": {"outcome": "WARN"}}, [", meta.when_empty)", "the key 'message'"]),
        (
            {"meta__when_empty": {"outcome": "WARN", "message": "x", "table": "target.members"}},
            [
                ", meta.when_empty.table)",
                "a table that it reads: target.events",
                "Name target.members in meta.requires",
            ],
        ),
        ({"meta__right_when_empty": {"target.tiers": "x"}}, [", meta.right_when_empty)", "a table that it reads"]),
    ],
    ids=lambda value: "-".join(value) if isinstance(value, dict) else None,
)
def test_a_rule_that_is_wrong_is_reported_with_its_place(
    changes: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    own = write(tmp_path / "own", entry(), entry(**{"meta__id": "other", **changes}))

    message = refused(own)

    line = (own / "own.yaml").read_text(encoding="utf-8").count("\n") // 2 + 3
    assert f"{own}/own.yaml:" in message
    assert abs(int(message.partition("own.yaml:")[2].partition(",")[0].partition(")")[0]) - line) < 5
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    "override, words",
    [
        ({"member_cuont": {"severity": "info", "reason": "x"}}, ["'member_cuont'", "Did you mean 'member_count'?"]),
        ({"member_count": {"severity": "info"}}, ["the key 'reason'"]),
        ({"member_count": {"reason": "x"}}, ["nothing that changes it"]),
        ({"member_count": {"severity": "critical", "reason": "x"}}, ["nothing that changes it"]),
        ({"member_count": {"severity": "low", "reason": "x"}}, ["one of critical, warning, info", "'low'"]),
        ({"member_count": {"off": True, "reason": "x"}}, ["the unknown key 'off'"]),
        ({"member_count": {"switched_off": "yes", "reason": "x"}}, ["true or false", "found a text"]),
        ({"member_count": "warning"}, ["meta.overrides.member_count", "an object", "found a text"]),
        ({"run_id_match": {"parameters": {"x": 1}, "reason": "x"}}, ["the rule has no parameter"]),
        ({"tier_coverage": {"parameters": {"treshold": 1}, "reason": "x"}}, ["Did you mean 'threshold'?"]),
    ],
    ids=lambda value: json.dumps(value) if isinstance(value, dict) else None,
)
def test_an_override_that_is_wrong_is_reported_with_its_place(
    override: dict[str, Any], words: list[str], tmp_path: Path
) -> None:
    own = overriding(tmp_path / "own", **override)
    message = refused(own)
    assert f"{own}/own.yaml, meta.overrides" in message
    assert [word for word in words if word not in message] == []


def test_a_rule_of_the_same_folder_is_changed_itself(tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(), overrides={"own_rule": {"severity": "info", "reason": "x"}})
    assert f"Change the rule itself, in {own}/own.yaml:" in refused(own)


def test_overrides_are_an_object(tmp_path: Path) -> None:
    assert "an object by the ids of checks" in refused(write(tmp_path / "own", overrides=["member_count"]))


@pytest.mark.parametrize(
    "text, words",
    [
        ("name: own\nexpectations:\n- type: a: b\n", ["line 3, column", "Put a text that holds a colon into quotes"]),
        ("name: own\nexpectations: [\n", ["line 3, column 1"]),
        ("name: own\n\texpectations: []\n", ["line 2, column 1"]),
        ("", ["This is no suite", "found nothing"]),
        ("- one\n", ["This is no suite", "found a list"]),
        ("name: own\n", ["This is no suite", "found name"]),
        ("name: own\nexpectations: {}\n", ["This is no suite"]),
        ("name: own\nmeta: text\nexpectations: []\n", ["own.yaml, meta)", "an object"]),
        ("name: own\nexpectations:\n- text\n", ["own.yaml:3)", "'text'"]),
        ("name: own\nexpectations:\n- type: x\n  meta: text\n", ["own.yaml:3, meta)"]),
        ("name: own\nname: other\nexpectations: []\n", ["own.yaml:2)", "'name'", "Remove one"]),
        ("name: own\nexpectations:\n- kwargs:\n    sql: a\n    sql: b\n", ["own.yaml:5)", "'sql'"]),
        ("name: own\nexpectations: &a [*a]\n", ["own.yaml:2)"]),
        ("name: own\nmeta: &m {deep: *m}\nexpectations: []\n", ["own.yaml, meta)", "'deep'"]),
        ("name: own\nmeta: {override: {}}\nexpectations: []\n", ["own.yaml, meta)", "Did you mean 'overrides'?"]),
        ("name: own\nnote: x\nexpectations: []\n", ["own.yaml)", "'note'", "Did you mean 'notes'?"]),
        ("<<: {expectations: [1, 2]}\nname: own\nexpectations:\n- text\n", ["own.yaml:4)", "'text'"]),
        ("a: 2024-13-45\nname: own\nexpectations: []\n", ["own.yaml", "month must be in 1..12"]),
        ("\x00", ["own.yaml"]),
    ],
)
def test_a_file_that_is_no_suite_is_reported_with_its_place(text: str, words: list[str], tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(SuiteError) as error:
        load_rules([tmp_path])
    assert "\n" not in error.value.message
    assert [word for word in words if word not in error.value.message] == []


def test_bytes_that_are_no_text_are_reported(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_bytes(b"name: \xff\xfe")
    assert "own.yaml" in refused(tmp_path)


@pytest.mark.parametrize("made", ["nothing", "a file", "an empty folder", "other.txt"])
def test_a_folder_without_suites_is_refused(made: str, tmp_path: Path) -> None:
    folder = tmp_path / "own"
    if made == "a file":
        folder.write_text("x", encoding="utf-8")
    elif made != "nothing":
        folder.mkdir()
    if made == "other.txt":
        (folder / made).write_text("x", encoding="utf-8")
    message = refused(folder)
    assert str(folder) in message
    assert f"found {made}" in message


def test_verify_refuses_what_checks_refuses(demo: DemoPaths, tmp_path: Path) -> None:
    own = write(tmp_path / "own", entry(meta__requires=["target.events.titel"]))
    done = run_in_process("verify", "-b", demo.bundle, "--database", demo.database, "--expectations", own)
    assert done.code == 2
    assert done.err == f"Suite error: {refused(own)}\n"


def test_what_a_bundle_becomes_is_what_rules_may_name(demo: DemoPaths) -> None:
    with open_bundle(demo.bundle) as bundle:
        tables = frames(bundle)
    assert {name: frame.columns for name, frame in tables.items()} == {name: list(s) for name, s in FRAMES.items()}


def test_lines_are_those_of_the_file() -> None:
    for path in sorted(SHIPPED.glob("*.yaml")):
        lines = path.read_text(encoding="utf-8").splitlines()
        for rule in load_suite(path):
            assert lines[rule.line - 1] in {"- type: expect_no_violations", "- repeat:"}
            named = next(line for line in lines[rule.line :] if line.startswith("    id: ")).removeprefix("    id: ")
            assert named in {rule.id, "<<one>>_count"}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
TOP = ("type", "severity", "description", "kwargs", "kwargs__sql", "kwargs__parameters", "meta", "meta__id")
META = ("title", "order", "requires", "messages", "when_empty", "when_missing", "right_when_empty")
PLACES = (*TOP, *(f"meta__{key}" for key in META))


@settings(max_examples=examples(50))
@given(place=st.sampled_from(PLACES), value=JSON.filter(lambda value: value is not None))
@example(place="kwargs", value={"a\nb": "c\nd"})
@example(place="meta__right_when_empty", value={"\u2028": "\r"})
def test_whatever_an_entry_holds_it_is_a_rule_or_an_error(
    place: str, value: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = write(tmp_path_factory.mktemp("own"), entry(**{place: value}))
    raised = None
    try:
        rules = recon.load_checks([folder])
    except ReconError as error:
        raised = error
    if raised is None:
        assert {rule.file.name for rule in rules} >= {"own.yaml"}
    else:
        assert isinstance(raised, SuiteError)
        assert re.fullmatch(r"[^\n]*own\.yaml[^\n]*", raised.message)
