"""The table of advice: the runbook's values, a club's own, and what every output says by it."""

from __future__ import annotations

import re
import shlex
import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import copyfile, copytree
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import BEFORE, DURING, OTHER_RUN, edited_club
from msgspec.structs import replace
from run_folders import write_run
from support import CHECKOUT, check_of, edit_report, run_in_process, verify
from verifications import Page

import recon
from recon.demo import plant
from recon.errors import AdviceError, UsageError
from recon.model import Check, Guidance, Outcome, Verdict, Verification
from recon.notebook import verdict as verdict_section
from recon.report import FORMATS
from recon.report.console import Console
from recon.report.github import annotate, summary
from recon.report.reading import verification_of
from recon.report.workbook.contents import kept_workbook
from recon.rules import load_rules
from recon.rules.layers import layers_of
from recon.verification.advice import BUILT_IN, DEFAULT_FILE, filled, load_advice, with_advice
from recon.verification.advice_table import Advice, Issues, Situations
from recon.verification.advice_text import advice_text
from recon.verification.escalation import Circumstances, advise, command_words
from recon.verification.options import VerifyOptions

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.rules import Rule

RUNBOOK = (CHECKOUT / "docs" / "runbook.md").read_text(encoding="utf-8")
GUIDE = (CHECKOUT / "docs" / "advice.md").read_text(encoding="utf-8")
JUDGED_AT = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
WORDS = {"bundle": "./b", "target": "--database club.db", "exports": "", "options": "--show-pii", "backup": "backups/x"}
RULES = load_rules(layers_of([]))


def table(folder: Path, text: str) -> Path:
    file = folder / "table.toml"
    file.write_text(text, encoding="utf-8")
    return file


def own(folder: Path, text: str) -> Advice:
    return load_advice(table(folder, text))


def check(outcome: Outcome, name: str = "Some Check", escalate: str | None = None, **fields: Any) -> Check:
    made = Check("some", name, "category", "critical", outcome, "message", "", Guidance("", ""), escalate=escalate)
    return replace(made, **fields)


def rows_of(heading: str) -> list[list[str]]:
    """The rows of the first table below a heading of the runbook's page, without its header."""
    below = RUNBOOK[RUNBOOK.index(heading) :]
    lines = re.findall(r"^\|.*$", below[: below.index("<!-- end")], flags=re.MULTILINE)
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def test_the_defaults_are_the_runbook_s() -> None:
    advice = load_advice()

    issues = (advice.issues.failure, advice.issues.corruption, advice.issues.loss)
    assert rows_of("## 5. Escalation Paths\n\n<!--") == [[each.name, each.contact, each.priority] for each in issues]
    situations = (advice.situations.minor, advice.situations.major, advice.situations.corruption)
    assert rows_of("### 4.1 Quick")[:3] == [[each.name, each.action] for each in situations]
    assert [each.rollback for each in situations] == [0, 1, 2]
    assert (advice.limits.mismatch_percent, advice.limits.failures) == (5, 2)
    assert advice.caution in RUNBOOK.replace("\n", " ").replace("escalate: hand", "escalate. hand")


def test_the_page_names_no_placeholder_of_a_reason() -> None:
    reasons = RUNBOOK.partition("<!-- begin: escalate -->")[2].partition("<!-- end: escalate -->")[0]
    assert "Orphaned Registrations: Data integrity issue (orphaned registrations)\n" in reasons
    assert not re.search(r"[{}]", reasons)


FAILED = check(Outcome.FAIL)
ESCALATED = check(Outcome.FAIL, "Orphans", "10 orphans")
LOST = check(Outcome.FAIL, "Rows", "3 rows", issue="loss")
DAMAGED = check(Outcome.FAIL, "Pages", "2 pages", issue="corruption")
WARNED = check(Outcome.WARN, "Rows", "3 rows", issue="loss")
NOT_EVALUATED = check(Outcome.ERROR)
CORRUPTED = Circumstances(corrupted=("The file is malformed",))
# By situation: what leads to it, the commands, and the hours until it has to be decided.
REACHED: dict[str, tuple[list[Check], Circumstances, list[str], float]] = {
    "minor": ([FAILED, WARNED], Circumstances(), ["recon show ./b --to-fix --show-pii"], 24),
    "major": ([ESCALATED, WARNED], Circumstances(), ["recon rollback plan ./b --database club.db"], 4),
    "corruption": ([ESCALATED, LOST], CORRUPTED, ["recon rollback restore backups/x --database club.db"], 1),
    "loss": ([ESCALATED, LOST], Circumstances(), ["recon rollback restore backups/x --database club.db"], 1),
    "dry_run": ([DAMAGED], Circumstances(is_dry_run=True, is_unrelated=True), [], 0),
    "unrelated": ([LOST, DAMAGED], Circumstances(is_unrelated=True), [], 24),
    "rolled_back": ([ESCALATED], Circumstances(is_rolled_back=True), [], 0),
    "incomplete": ([NOT_EVALUATED, WARNED], Circumstances(), ["recon verify ./b --show-pii"], 24),
    "warned": ([check(Outcome.PASS), WARNED], Circumstances(), [], 24),
    "passed": ([check(Outcome.PASS), check(Outcome.WARN)], Circumstances(), [], 0),
}


@pytest.mark.parametrize("name", Situations.__struct_fields__)
def test_every_situation_is_reached(name: str) -> None:
    checks, circumstances, commands, hours = REACHED[name]
    expected = getattr(load_advice().situations, name)

    found = advise(checks, replaced(circumstances, words=WORDS, judged_at=JUDGED_AT))

    assert found.situation == expected.name
    assert found.action == (expected.escalated or expected.action)
    assert found.rollback == expected.rollback
    assert list(found.commands) == commands
    assert found.decide_by == (JUDGED_AT + timedelta(hours=hours) if hours else None)
    assert (f"A rollback is required: Level {expected.rollback}" in found.reasons) == bool(expected.rollback)


def replaced(circumstances: Circumstances, **values: Any) -> Circumstances:
    return Circumstances(**{**vars(circumstances), **values})


def test_a_failed_check_of_corruption_leads_there_and_a_warned_one_does_not() -> None:
    assert advise([DAMAGED]).rollback == 2
    warned = advise([replace(DAMAGED, outcome=Outcome.WARN)])
    assert (warned.rollback, warned.contact) == (0, "DBA + Merge captain")


def test_several_issues_are_listed_by_urgency() -> None:
    found = advise([ESCALATED, FAILED, WARNED], CORRUPTED)

    assert [(issue.issue, issue.contact, issue.priority) for issue in found.issues] == [
        ("loss", "Incident response", "Critical"),
        ("corruption", "DBA + Merge captain", "Critical"),
        ("failure", "Merge captain", "High"),
    ]
    assert [list(issue.reasons) for issue in found.issues] == [
        ["Rows: 3 rows"],
        ["The file is malformed", "A rollback is required: Level 2"],
        ["Orphans: 10 orphans", "Multiple verification failures: 2"],
    ]
    assert found.reasons == tuple(reason for issue in found.issues for reason in issue.reasons)
    assert (found.contact, found.priority) == ("Incident response", "Critical")
    assert [found.contact_for(name) for name in Issues.__struct_fields__] == [i.contact for i in found.issues]
    assert advise([FAILED]).contact_for("loss") is None


@pytest.mark.parametrize(
    "checks, cautioned",
    [
        ([check(Outcome.FAIL, escalate="data integrity")], True),
        ([check(Outcome.FAIL, escalate="why", category="integrity")], True),
        ([check(Outcome.WARN, escalate="why", category="integrity")], False),
        ([check(Outcome.FAIL, category="integrity")], False),
        ([WARNED], True),
        ([ESCALATED], False),
    ],
    ids=["by its reason", "by its category", "a warning", "not escalated", "lost data", "another failure"],
)
def test_what_nobody_may_mend_is_said(checks: list[Check], *, cautioned: bool, tmp_path: Path) -> None:
    caution = "Do NOT self-remediate integrity failures. Document and escalate."

    assert advise(checks).caution == (caution if cautioned else None)
    assert advise(checks, None, own(tmp_path, 'caution = " "')).caution is None


def test_limits_of_one_s_own_decide(tmp_path: Path) -> None:
    three = own(tmp_path, "[limits]\nfailures = 3")
    assert not advise([FAILED, FAILED], None, three).required
    assert advise([FAILED] * 3, None, three).reasons[0] == "Multiple verification failures: 3"
    one = own(tmp_path, "[limits]\nfailures = 1")
    assert advise([FAILED], None, one).situation == "Verification fails, major issues"
    level = own(tmp_path, "[situations.minor]\nrollback = 2")
    assert advise([FAILED], None, level).reasons == ("A rollback is required: Level 2",)


@pytest.mark.parametrize(
    "text, place, expected, found",
    [
        ("limits = 5", "limits", "a table", "a whole number"),
        ("[limits]\nfailures = 0", "limits.failures", "a whole number from 1", "0"),
        ("[limits]\nfailures = 2.5", "limits.failures", "a whole number", "a number"),
        ("[limits]\nfailures = true", "limits.failures", "a whole number", "bool"),
        ('[limits]\nmismatch_percent = "5"', "limits.mismatch_percent", "a number", "a text"),
        ("[limits]\nmismatch_percent = nan", "limits.mismatch_percent", "a percentage from 0 to 100", "nan"),
        ("[limits]\nmismatch_percent = -1", "limits.mismatch_percent", "a percentage from 0 to 100", "-1"),
        ("[limits]\nmismatch_percent = 101", "limits.mismatch_percent", "a percentage from 0 to 100", "101"),
        ('[issues.loss]\ncontact = " "', "issues.loss.contact", "a text that is not empty", "''"),
        ("[issues.loss]\npriority = 1", "issues.loss.priority", "a text", "a whole number"),
        ("[issues.loss]\ncontact = 2024-01-15", "issues.loss.contact", "a text", "date"),
        ('[situations.minor]\nname = ""', "situations.minor.name", "a text that is not empty", "''"),
        ("[situations.minor]\nrollback = 3", "situations.minor.rollback", "0 (none), 1 (undo the run)", "3"),
        ("[situations.minor]\ndecide_within_hours = -1", "situations.minor.decide_within_hours", "hours from 0", "-1"),
        ("[situations.minor]\ndecide_within_hours = inf", "situations.minor.decide_within_hours", "8,784", "inf"),
        ('[situations.minor]\ncommands = "x"', "situations.minor.commands", "a list", "a text"),
        ('[situations.minor]\ncommands = ["x", 5]', "situations.minor.commands[1]", "a text", "a whole number"),
        ('[situations.minor]\ncommands = ["x", "y {run}"]', "situations.minor.commands[1]", "{bundle}", "'y {run}'"),
        ('[situations.minor]\ncommands = [""]', "situations.minor.commands[0]", "a command on one line", "''"),
        ('[situations.minor]\ncommands = ["a\\nb"]', "situations.minor.commands[0]", "a command on one line", "a\\nb"),
        ("checks = 5", "checks", "a table by the ids of checks", "5"),
        ('[checks]\ntier_coverage = "x"', "checks.tier_coverage", "a table", "a text"),
        ('[checks.tier_coverage]\ndiagnosis = "x"', "checks.tier_coverage.diagnosis", "a list", "a text"),
        ('[checks.tier_coverage]\naction = ""', "checks.tier_coverage.action", "a text that is not empty", "''"),
        ("caution = []", "caution", "a text", "a list"),
    ],
)
def test_a_value_that_cannot_be_meant_is_named(
    text: str, place: str, expected: str, found: str, tmp_path: Path
) -> None:
    file = table(tmp_path, text)

    with pytest.raises(AdviceError) as raised:
        load_advice(file)

    error = raised.value
    assert error.where == f"{file}, {place}"
    assert expected in (error.expected or "")
    assert found in (error.found or "")
    assert error.next_step


@pytest.mark.parametrize(
    "text, place, guess",
    [
        ("[limit]\nfailures = 2", "the top", "limits"),
        ("[limits]\nfailure = 2", "limits", "failures"),
        ('[issues.los]\nname = "x"', "issues", "loss"),
        ('[issues.loss]\ncontcat = "x"', "issues.loss", "contact"),
        ("[situations.waned]\nrollback = 0", "situations", "warned"),
        ("[situations.warned]\nrolback = 0", "situations.warned", "rollback"),
        ('[checks.tier_coverage]\nactoin = "x"', "checks.tier_coverage", "action"),
    ],
)
def test_an_unknown_key_suggests_the_one_that_was_meant(text: str, place: str, guess: str, tmp_path: Path) -> None:
    file = table(tmp_path, text)

    with pytest.raises(AdviceError, match=f"Did you mean '{guess}'") as raised:
        load_advice(file)

    assert raised.value.where == f"{file}, {place}"
    assert guess in (raised.value.expected or "")
    assert "the unknown key" in (raised.value.found or "")


@pytest.mark.parametrize(
    "content, found", [(b"a = ", "Invalid value"), (b"a = '\xff'", "utf-8"), (b"[" * 9999, "Invalid"), (None, "")]
)
def test_what_is_no_toml_file_is_named(content: bytes | None, found: str, tmp_path: Path) -> None:
    file = tmp_path / "advice.toml"
    if content is not None:
        file.write_bytes(content)

    for path in (file, tmp_path):
        with pytest.raises(AdviceError, match="expected a TOML file in UTF-8") as raised:
            load_advice(path)
        assert raised.value.where == str(path)
        assert found in (raised.value.found or "") or path == tmp_path


def test_a_check_that_there_is_not_is_named(tmp_path: Path) -> None:
    file = table(tmp_path, '[checks.tier_coverrage]\naction = "x"')

    with pytest.raises(AdviceError, match="Did you mean 'tier_coverage'") as raised:
        with_advice(RULES, load_advice(file), file)

    assert raised.value.where == f"{file}, checks.tier_coverrage"


def by_id(rules: tuple[Rule, ...]) -> dict[str, Rule]:
    return {rule.id: rule for rule in rules}


def test_a_limit_replaces_that_of_shipped_rules_alone(tmp_path: Path) -> None:
    suites = tmp_path / "suites"
    suites.mkdir()
    (suites / "own.yaml").write_text(
        "name: own\nmeta:\n  overrides:\n    event_count: {parameters: {mismatch_percent: 10}, reason: Few events}\n"
        "expectations:\n- type: expect_no_violations\n  description: Mine.\n  kwargs:\n    parameters: "
        "{mismatch_percent: 5}\n    sql: select 1 where $mismatch_percent < 0\n  meta:\n    id: mine\n    title: Mine\n"
        "    category: own\n    requires: [target.members.id]\n    meaning: Mine\n    action: Look\n"
        "    messages: {pass: good, fail: bad}\n",
        encoding="utf-8",
    )
    rules = load_rules(layers_of([suites]))

    changed = by_id(with_advice(rules, own(tmp_path, "[limits]\nmismatch_percent = 7.5")))
    whole = by_id(with_advice(rules, own(tmp_path, "[limits]\nmismatch_percent = 7.0")))

    assert changed["member_count"].parameters == changed["tier_mapping"].parameters == {"mismatch_percent": 7.5}
    assert repr(whole["member_count"].parameters) == "{'mismatch_percent': 7}"
    assert changed["event_count"].parameters == {"mismatch_percent": 10}
    assert changed["mine"].parameters == {"mismatch_percent": 5}
    assert with_advice(rules, load_advice()) == rules
    text = advice_text(None, [suites])
    assert "[checks.mine]" in text
    assert with_advice(rules, own(tmp_path, text)) == rules


def test_texts_of_one_s_own_replace_those_of_the_suite(tmp_path: Path) -> None:
    advice = own(
        tmp_path,
        '[checks.tier_coverage]\naction = """Call\n  the chair"""\ndiagnosis = []\nescalate = "Few: {violations}"\n'
        '[checks.orphaned_registrations]\nescalate = ""',
    )

    found, usual = by_id(with_advice(RULES, advice)), by_id(RULES)

    assert found["tier_coverage"].guidance == replace(
        usual["tier_coverage"].guidance, action="Call the chair", diagnosis=()
    )
    assert found["tier_coverage"].escalate == "Few: {violations}"
    assert found["orphaned_registrations"].escalate == ""
    assert found["orphaned_registrations"].guidance == usual["orphaned_registrations"].guidance


def test_the_shipped_table_shows_every_key_and_every_check_is_printed() -> None:
    shipped = tomllib.loads(BUILT_IN.read_text(encoding="utf-8"))
    for situation in shipped["situations"].values():
        assert set(situation) == {"name", "action", "escalated", "rollback", "decide_within_hours", "commands"}

    assert set(tomllib.loads(advice_text())["checks"]) == set(by_id(RULES))


def test_the_printed_table_reads_back_equal(tmp_path: Path) -> None:
    usual = tomllib.loads(advice_text())
    file = table(tmp_path, advice_text())
    assert replace(load_advice(file), checks={}) == load_advice()
    assert with_advice(RULES, load_advice(file)) == RULES
    text = (
        'caution = ""\n[limits]\nmismatch_percent = 0.1\nfailures = 4\n[issues.loss]\n'
        'contact = "Zoë \\"Z\\", \\\\ \\u007f 1"\n[situations.passed]\nrollback = 1\ndecide_within_hours = 0.25\n'
        'commands = ["echo \\"a\\",\\"b\\" {bundle}", "ls"]\nescalated = "x"\n'
        '[checks.run_id_match]\nescalate = "new"\ndiagnosis = ["a\\",\\"b"]\n[checks.orphaned_registrations]\n'
        'escalate = ""'
    )
    given = own(tmp_path, text)

    printed = advice_text(table(tmp_path, text))
    again = own(tmp_path, printed)

    assert replace(again, checks={}) == replace(given, checks={})
    assert with_advice(RULES, again) == with_advice(RULES, given) != RULES
    assert tomllib.loads(printed) != usual


def test_the_command_prints_the_table_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / DEFAULT_FILE).write_text("[limits]\nfailures = 9\n", encoding="utf-8")

    assert "\nfailures = 9\n" in run_in_process("advice").out
    assert run_in_process("advice", "--advice", "").out == advice_text()
    (tmp_path / DEFAULT_FILE).write_text('[issues.failure]\ncontcat = "x"\n', encoding="utf-8")
    refused = run_in_process("advice")
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.strip() in GUIDE


def test_the_example_of_the_guide_is_valid(tmp_path: Path) -> None:
    example = GUIDE.partition("```toml\n")[2].partition("```")[0]
    advice = own(tmp_path, example)
    assert with_advice(RULES, advice) != RULES
    assert advice.issues.failure.contact == "Jane Doe, +1 555 0100"


@pytest.mark.parametrize("name", ["./a  b", "it's", 'say "x"', "a$b; c", "plain", "{target}"])
def test_paths_are_quoted_whole(name: str) -> None:
    options = VerifyOptions(name, f"{name}.db", exports=name)

    line = filled("recon rollback plan {bundle} {target} {exports}", command_words(options))

    words = ["recon", "rollback", "plan", name, "--database", f"{name}.db", "--exports", name]
    assert shlex.split(line) == words
    kept = filled("recon rollback plan {bundle} {target}", command_words(options, is_kept=True))
    assert shlex.split(kept) == words[:4]


def test_what_stands_for_nothing_leaves_no_blank() -> None:
    assert filled("a {target} b  {exports}{options} --x={bundle}", {"bundle": "c"}) == "a b --x=c"


@pytest.mark.parametrize("url", ["postgresql://u:geheim@h/db", "mysql://u@h/db?password=geheim"])
def test_no_password_gets_into_a_command(url: str, clean: DemoPaths) -> None:
    done = run_in_process("verify", "-b", clean.bundle, "--database", url)
    assert done.code == 2
    assert "geheim" not in done.out + done.err
    with pytest.raises(UsageError):
        recon.verify(VerifyOptions(clean.bundle, url))
    named = VerifyOptions(clean.bundle, "CLUB_URL", environment={"CLUB_URL": url})
    assert "geheim" not in " ".join(command_words(named).values())


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """A club in which one older row was overwritten, and a row that an earlier run mapped is gone."""
    club = edited_club(members=20, events=12, registrations=40)
    (record, row), *_ = (pair for pair in club.pairs("events"))
    club.free_of_registrations(row["id"])
    row.update(createdAt=BEFORE, updatedAt=DURING)
    club.forget_ids("events", record)
    club.remove("events", record=record)
    mapping = {**club.mappings[0], "id": "gone", "waId": "999", "murmurantId": "gone", "syncRunId": OTHER_RUN}
    club.mappings.append(mapping)
    return verify(club.write(tmp_path_factory.mktemp("lost")))


def test_lost_data_is_escalated_though_everything_else_passes(lost: Verification) -> None:
    assert lost.verdict is Verdict.PASSED
    (issue,) = lost.escalation.issues
    assert (issue.name, issue.contact, issue.priority) == ("Data loss", "Incident response", "Critical")
    assert issue.reasons == (
        "ID Mappings: Rows that earlier runs mapped are not in the database: 1 member",
        "Unexpected Records: Pre-existing rows were overwritten: 1",
    )
    assert lost.escalation.situation == "Verification passes, but escalate its warnings"
    assert lost.escalation.caution == load_advice().caution
    assert lost.escalation.decide_by == lost.verified_at + timedelta(hours=24)


@pytest.fixture(scope="module")
def table_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return table(
        tmp_path_factory.mktemp("own"),
        'caution = "Hands off <b>"\n[limits]\nmismatch_percent = 30\n[issues.failure]\n'
        'contact = "Jane <Doe>, +1 555"\npriority = "Now"\n[situations.major]\nescalated = "Ring the bell"\n'
        'decide_within_hours = 2\ncommands = ["recon rollback plan {bundle}", "recon backup check"]\n'
        '[checks.tier_coverage]\nescalate = "Few: {violations}"\n[checks.id_mappings]\nescalate = ""',
    )


@pytest.fixture(scope="module")
def advised(clean: DemoPaths, table_of_its_own: Path, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """A club with missing members and orphans, judged by a table of one's own."""
    folder = tmp_path_factory.mktemp("advised")
    bundle, database = Path(copytree(clean.bundle, folder / "bundle")), folder / "club.db"
    copyfile(clean.database, database)
    plant(["missing-members", "orphaned-registrations"], bundle, database)
    return recon.verify(VerifyOptions(bundle, str(database), advice=table_of_its_own))


def test_a_table_of_one_s_own_decides(advised: Verification) -> None:
    found = advised.escalation

    assert check_of(advised, "member_count").escalate is None
    assert check_of(advised, "id_mappings").escalate is None
    (issue,) = found.issues
    assert (issue.contact, issue.priority) == ("Jane <Doe>, +1 555", "Now")
    orphans = check_of(advised, "orphaned_registrations").violation_count
    assert f"Orphaned Registrations: Data integrity issue (orphaned registrations): {orphans}" in issue.reasons
    assert found.action == "Ring the bell"
    assert found.decide_by == advised.verified_at + timedelta(hours=2)


def test_every_output_says_whom_why_what_and_when(
    advised: Verification, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = advised.escalation
    assert found.decide_by
    decide_by = f"{found.decide_by:%Y-%m-%d %H:%M} UTC"
    Console().finished(advised, "Report written to: there")
    section = verdict_section(advised)
    write_run(tmp_path, advised, failed=("report", "html"))
    facts = "\n".join(f"{label}: {value}" for label, value in kept_workbook(advised).facts)
    shown = {
        "console": capsys.readouterr().out,
        "markdown": FORMATS["markdown"].render(advised).replace("\\", ""),
        "html": Page(FORMATS["html"].render(advised)).text,
        "csv-long": FORMATS["csv-long"].render(advised),
        "junit": FORMATS["junit"].render(advised),
        "workbook": facts,
        "site": Page(recon.build_site(tmp_path).read_text(encoding="utf-8")).text,
        "notebook": Page(section.html).text,
        "notebook as text": section.text.replace("\\", ""),
        "github's summary": summary(advised, 10**6).replace("\\", ""),
    }

    for name, text in shown.items():
        plain = text.replace("&lt;", "<").replace("&gt;", ">").replace("&apos;", "'")
        for words in ("Jane <Doe>, +1 555", "Now", *found.reasons, found.caution or "?", "Ring the bell", decide_by):
            assert words in plain, (name, words)
        assert all(command in plain for command in found.commands), name
    annotated = "\n".join(annotate(advised))
    assert "Escalate: yes, to the Jane <Doe>, +1 555 — Data integrity issue (orphaned registrations)" in annotated
    read = verification_of(recon.report.json.document(advised))
    assert replace(read.escalation, decide_by=None) == replace(found, decide_by=None)


def test_the_console_says_no_more_than_before_of_what_passed(
    passed: Verification, capsys: pytest.CaptureFixture[str]
) -> None:
    Console().finished(passed, "Report written to: r.md")

    assert capsys.readouterr().out.splitlines()[:3] == ["  - Report written to: r.md", "", "=" * 60]
    assert not passed.escalation.issues
    assert (passed.escalation.caution, passed.escalation.decide_by) == (None, None)


def test_the_table_is_part_of_what_a_judgement_is_known_by(clean: DemoPaths, table_of_its_own: Path) -> None:
    def key(advice: Path | None) -> str:
        options = VerifyOptions(clean.bundle, str(clean.database), advice=advice)
        with recon.verification.verify.judged(options) as judgement:
            return judgement.key()

    assert key(None) != key(table_of_its_own)


def test_a_table_that_comes_with_the_bundle_is_not_read(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    text = '[issues.failure]\ncontact = "The house"\n[limits]\nfailures = 1\n'
    edit_report(demo.bundle, lambda report: report["members"].update(created=report["members"]["created"] + 1))
    (demo.bundle / DEFAULT_FILE).write_text(text, encoding="utf-8")
    command = ("verify", "--database", demo.database, "-o", "-", "-f", "json", "-b")

    monkeypatch.chdir(demo.bundle)
    inside = run_in_process(*command, ".")
    assert f"{DEFAULT_FILE} of the bundle is not read: name a file outside it with --advice" in inside.err
    assert "The house" not in inside.out
    (demo.bundle / DEFAULT_FILE).rename(demo.bundle.parent / DEFAULT_FILE)
    monkeypatch.chdir(demo.bundle.parent)
    outside = run_in_process(*command, demo.bundle)
    assert '"contact": "The house"' in outside.out
    assert "Escalate to: The house" in outside.err
