from __future__ import annotations

import errno
import json
import os
import re
import shlex
import shutil
import signal
import sqlite3
import stat
import subprocess
import sys
import tempfile
import time
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from soaking import examples
from support import Finished, edit_report, execute_in_process, names_in, run_in_process, run_recon, verify

from recon.cli import cli
from recon.cli.options import exit_code
from recon.cli.verify import command as verify_migration
from recon.demo import DemoPaths, plant, write_demo
from recon.errors import OutputError
from recon.report import FORMATS, Format, check_output, write_report

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.model import Verification

RECON = Path(sys.executable).with_name("recon")
SECRET = "s3cr3t-pass"  # noqa: S105 - a password that must not show up
RUNBOOK_OPTIONS = ("--bundle", "--output", "--format", "--verbose", "--help")
# The runbook's console block for this very club, word for word but for what changes with each run; `+` marks our own
# lines, which stand only where the runbook has nothing to say.
RUNBOOK = r"""
============================================================
  Post-Migration Verification
  Started: <time>
  Bundle: ./migration-bundle-2024-01-15
============================================================

[1/4] Loading migration bundle...
  - Run ID: run-20240115-143000
  - Dry run: false
  - Completed: 2024-01-15T14:28:00.000Z
+ - Age: <words> before this verification

[2/4] Connecting to database...
  - Members: 2147
  - Events: 523
  - Registrations: 8603

[3/4] Running verification checks...
  [PASS] Member Count: Member count matches: 2147
  [PASS] Event Count: Event count matches: 523
  [PASS] Registration Count: Registration count matches: 8603
  [PASS] Tier Distribution: Tier distribution: NEWCOMER: 500, FIRST_YEAR: 800<tiers>
  [PASS] Tier Coverage: Tier coverage: 98.5% (2115/2147)
  [PASS] Orphaned Registrations: No orphaned registrations found
  [PASS] Duplicate ID Mappings: No duplicate ID mappings found
  [PASS] Run ID Match: Run ID matches: run-20240115-143000
<checks>  accounted for: 11,273 of 11,273 records, 0 unexplained

[4/4] Generating verification report...
  - Report written to: ./verification-report.md

============================================================
  Verification PASSED
  Checks: <number> passed, 0 failed, 0 warnings
  Duration: <number>ms
============================================================
"""
BLANKS = {
    "<time>": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
    "<words>": r"[0-9a-z, ]+",
    "<tiers>": r"(, [A-Z_]+: \d+)*, \(none\): 32",
    "<checks>": r"(  \[PASS\] [A-Z][^:\n]+: [^\n]+\n)*",
    "<number>": r"\d+",
}


def block_pattern() -> str:
    pattern = re.escape(RUNBOOK.lstrip("\n").replace("\n+ ", "\n  "))
    for blank, meaning in BLANKS.items():
        pattern = pattern.replace(re.escape(blank), meaning)
    return pattern


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """The club of the runbook's sample, at its full size; not to be damaged."""
    return write_demo(tmp_path_factory.mktemp("sample"))


@pytest.fixture
def at_home(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small club ("bundle", "club.db"), as the working directory."""
    home = demo.bundle.parent
    monkeypatch.chdir(home)
    return home


def assert_one_message(done: Finished, title: str) -> None:
    assert done.code == 2
    assert re.fullmatch(rf"{title}: [^\n]+\n", done.err)
    assert "Traceback" not in done.out + done.err


@pytest.mark.parametrize("program", ["recon", "verify-migration"])
def test_the_console_is_the_runbooks_block(sample: DemoPaths, monkeypatch: pytest.MonkeyPatch, program: str) -> None:
    monkeypatch.chdir(sample.bundle.parent)
    command = ["verify"] if program == "recon" else []
    done = run_recon(
        *command, "--bundle", "./migration-bundle-2024-01-15", program=program, DATABASE_URL="sqlite:///club.db"
    )
    assert (done.code, done.err) == (0, "")
    assert re.fullmatch(block_pattern(), done.out), done.out
    passed = re.search(r"Checks: (\d+) passed", done.out)
    assert passed
    assert int(passed[1]) == len(re.findall(r"^  \[PASS\] ", done.out, flags=re.MULTILINE))
    assert Path("verification-report.md").read_text(encoding="utf-8").startswith("# Post-Migration Verification\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--bundle", "./bundle", "--output", "./verification-report.md"], id="basic"),
        pytest.param(
            ["--bundle", "./bundle", "--format", "json", "--output", "./verification-report.json"], id="json-output"
        ),
        pytest.param(["--bundle", "./bundle", "--verbose"], id="verbose"),
    ],
)
def test_the_runbooks_commands_work_under_the_second_name(at_home: Path, arguments: list[str]) -> None:
    done = execute_in_process(verify_migration, *arguments, DATABASE_URL="file:./club.db")
    assert (done.code, done.err) == (0, "")
    assert any((at_home / f"verification-report.{suffix}").is_file() for suffix in ("md", "json"))


def test_the_block_keeps_its_order_when_checks_fail(demo: DemoPaths) -> None:
    plant(["orphaned-registrations", "duplicate-wa-id"], demo.bundle, demo.database)
    done = run_in_process(
        "verify", "-b", demo.bundle, "--database", demo.database, "-o", demo.bundle.parent / "report.md"
    )
    assert done.code == 1
    assert re.findall(r"^  \[(FAIL|WARN)\] ([^:]+):", done.out, flags=re.MULTILINE) == [
        ("FAIL", "Orphaned Registrations"),
        ("FAIL", "Duplicate ID Mappings"),
        ("FAIL", "ID Mappings"),
        ("FAIL", "Altered Records"),
    ]
    parts = ["[1/4]", "[2/4]", "[3/4]", "[4/4]", "Report written to", "Escalate to: Merge captain", "FAILED", "Checks:"]
    positions = [done.out.index(part) for part in parts]
    assert positions == sorted(positions)
    assert re.search(r"  Checks: \d+ passed, 4 failed, 0 warnings\n  Duration: \d+ms\n={60}\n\Z", done.out)


@pytest.mark.parametrize(
    "arguments, written, start",
    [
        pytest.param(["-b", "bundle"], "./verification-report.md", "# Post-Migration", id="default"),
        pytest.param(["-b", "bundle", "-f", "markdown"], "./verification-report.md", "# Post-Migration", id="markdown"),
        pytest.param(["-b", "bundle", "-f", "json"], "./verification-report.json", "{", id="json"),
        pytest.param(["--bundle=bundle", "--format=json", "--output=a.txt"], "a.txt", "{", id="equals-signs"),
        pytest.param(["-bbundle", "-fjson", "-oa.txt"], "a.txt", "{", id="without-space"),
        pytest.param(["-o", "./a.md", "-v", "-b", "bundle"], "./a.md", "# Post-Migration", id="any-order"),
    ],
)
def test_the_report_goes_where_the_options_say(at_home: Path, arguments: list[str], written: str, start: str) -> None:
    done = run_in_process("verify", *arguments, DATABASE_URL="club.db")
    assert (done.code, done.err) == (0, "")
    assert f"  - Report written to: {written}\n" in done.out
    assert names_in(at_home) == sorted(["bundle", "club.db", Path(written).name])
    assert Path(written).read_text(encoding="utf-8").startswith(start)


def test_the_json_report_holds_what_the_console_says(at_home: Path) -> None:
    done = run_in_process("verify", "-b", "./bundle", "-f", "json", DATABASE_URL="club.db")
    report = json.loads((at_home / "verification-report.json").read_text(encoding="utf-8"))
    assert (report["bundlePath"], report["passed"]) == ("./bundle", True)
    for check in report["checks"]:
        assert f"  [{check['outcome']}] {check['name']}: {check['message']}\n" in done.out
    summary = report["summary"]
    assert f"Checks: {summary['passed']} passed, {summary['failed']} failed, {summary['warnings']} w" in done.out
    # The report's own ends with the verdict, that of the console with the report.
    took = re.search(r"^  Duration: (\d+)ms$", done.out, re.MULTILINE)
    assert took
    assert 0 < report["durationMs"] <= int(took[1])


@pytest.mark.parametrize("flag", ["-h", "--help"])
@pytest.mark.parametrize("program", ["recon", "verify-migration"])
def test_help_names_the_runbooks_options_and_exit_codes(program: str, flag: str) -> None:
    arguments = ("verify", flag) if program == "recon" else (flag,)
    done = execute_in_process(cli if program == "recon" else verify_migration, *arguments)
    assert (done.code, done.err) == (0, "")
    for option in RUNBOOK_OPTIONS:
        assert re.search(rf"-{option[2]}, {option}\b", done.out)
    assert "verification-report.md" in " ".join(done.out.split()).replace("verification- report", "verification-report")
    assert "0 all checks passed, 1 one or more checks failed, 2 error" in " ".join(done.out.split())


@pytest.mark.parametrize(
    "arguments, choices",
    [
        pytest.param(["verify", "-b", "x", "-f", "xml"], ("xml", "markdown", "json"), id="format"),
        pytest.param(["verify", "-b", "x", "--fail-on", "info"], ("info", "failure", "warning"), id="fail-on"),
        pytest.param(["verify", "-b", "x", "--nonsense"], ("--nonsense", *RUNBOOK_OPTIONS), id="option"),
        pytest.param(["verify", "-b", "x", "--formt", "json"], ("--formt", "--format"), id="mistyped-option"),
        pytest.param(["verify", "-b", "x", "-z"], ("-z", *RUNBOOK_OPTIONS), id="short-option"),
        pytest.param(["verfy", "-b", "x"], ("verfy", "verify", "demo"), id="command"),
    ],
)
def test_what_is_unknown_is_refused_with_the_choices(
    at_home: Path, arguments: list[str], choices: tuple[str, ...]
) -> None:
    done = run_in_process(*arguments, DATABASE_URL="club.db")
    assert (done.code, done.out) == (2, "")
    for choice in choices:
        assert choice in done.err
    assert "Traceback" not in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        pytest.param([], "--bundle", id="no-bundle"),
        pytest.param(["-b"], "requires an argument", id="no-value"),
        pytest.param(["-b", "bundle", "more"], "more", id="an-argument-too-many"),
        pytest.param(["-b", "bundle", "--evidence-rows", "0"], "1<=x<=1000000", id="no-evidence"),
        pytest.param(["-b", "bundle", "--evidence-rows", "many"], "integer", id="evidence-as-a-word"),
        pytest.param(["-b", "bundle", "--verbose=yes"], "--verbose", id="a-value-for-a-flag"),
    ],
)
def test_a_wrong_command_line_is_refused(at_home: Path, arguments: list[str], message: str) -> None:
    done = run_in_process("verify", *arguments, DATABASE_URL="club.db")
    assert (done.code, done.out) == (2, "")
    assert message in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


@pytest.mark.usefixtures("at_home")
def test_verbose_adds_rows_of_each_table_and_the_time_of_each_step() -> None:
    plain = run_in_process("verify", "-b", "bundle", DATABASE_URL="club.db")
    verbose = run_in_process("verify", "-b", "bundle", "-v", DATABASE_URL="club.db")
    added = set(verbose.out.splitlines()) - set(plain.out.splitlines())
    assert {line for line in added if line.endswith(" rows")} == {
        "  - id_mappings: 222 rows",
        "  - statuses: 5 rows",
        "  - tiers: 7 rows",
    }
    for step in ("load bundle and rules", "read database", "evaluate rules"):
        assert any(re.fullmatch(rf"  {step}: \d+ ms", line) for line in added)
        assert f"{step}:" not in plain.out


def test_evidence_is_capped_but_counted_in_full(at_home: Path) -> None:
    plant(["orphaned-registrations"], at_home / "bundle", at_home / "club.db")
    done = run_in_process("verify", "-b", "bundle", "-f", "json", "--evidence-rows", "2", DATABASE_URL="club.db")
    assert done.code == 1
    report = json.loads((at_home / "verification-report.json").read_text(encoding="utf-8"))
    orphans = next(check for check in report["checks"] if check["id"] == "orphaned_registrations")
    assert (len(orphans["violations"]), orphans["violationCount"]) == (2, 10)


def test_the_command_for_the_rest_of_a_finding_shows_all_of_it(at_home: Path) -> None:
    with closing(sqlite3.connect("club.db")) as database, database:
        database.execute("""update "EventRegistration" set "memberId" = 'nobody-' || id""")
    done = run_in_process("verify", "bundle", "--database", "club.db", "-v", "--evidence-rows", 12)
    (line,) = re.findall(r"^         and 140 more: (recon show .* orphaned_registrations .*)$", done.out, re.MULTILINE)
    assert done.out.count("           registration_id ") == 10
    assert f"\nand 140 more:\n\n```\n{line}\n```\n" in (at_home / "verification-report.md").read_text(encoding="utf-8")
    shown = run_in_process(*shlex.split(line)[1:])
    assert (shown.code, shown.err) == (0, "")
    assert len(set(re.findall(r"nobody-\S+", shown.out))) == 150

    brief = run_in_process("verify", "bundle", "--database", "club.db")
    assert "         recon show bundle check orphaned_registrations --database club.db\n" in brief.out
    assert " more: " not in brief.out


@pytest.mark.usefixtures("at_home")
def test_more_evidence_than_any_number_of_rows_loses_no_failure() -> None:
    plant(["orphaned-registrations"], Path("bundle"), Path("club.db"))
    done = run_in_process("verify", "-b", "bundle", "--evidence-rows", "99999999999999999999", DATABASE_URL="club.db")
    assert done.code == 1 or "--evidence-rows" in done.err
    assert "not evaluated" not in done.out


@pytest.mark.parametrize(
    "faults, arguments, code",
    [
        pytest.param([], [], 0, id="passed"),
        pytest.param([], ["--fail-on", "warning"], 0, id="passed-without-warnings"),
        pytest.param(["missing-registrations"], [], 1, id="failed"),
        pytest.param(["newer-run"], [], 0, id="warned"),
        pytest.param(["newer-run"], ["--fail-on", "warning"], 1, id="warned-and-warnings-count"),
    ],
)
def test_the_exit_code_is_the_verdict(at_home: Path, faults: list[str], arguments: list[str], code: int) -> None:
    plant(faults, at_home / "bundle", at_home / "club.db")
    done = run_in_process("verify", "-b", "bundle", *arguments, DATABASE_URL="club.db")
    assert (done.code, done.err) == (code, "")
    assert f"  Verification {'FAILED' if 'missing-registrations' in faults else 'PASSED'}\n" in done.out
    assert (at_home / "verification-report.md").is_file()
    counted = "  Exit code 1: 1 warning, which --fail-on warning counts as a failure\n"
    assert (counted in done.out) == (faults == ["newer-run"] and code == 1)


@pytest.mark.parametrize("fail_on", ["failure", "warning"])
def test_an_incomplete_verification_exits_with_2_and_still_reports(at_home: Path, fail_on: str) -> None:
    nothing = {"totalRows": 0, "parsed": 0, "created": 0, "updated": 0, "records": []}
    empty = {"members": nothing, "events": nothing, "registrations": nothing, "idMapping": {}}
    edit_report(at_home / "bundle", lambda report: report.update(empty))
    with closing(sqlite3.connect("club.db")) as connection, connection:
        for table in ("EventRegistration", "Event", "Member", "WaIdMapping"):
            connection.execute(f'DELETE FROM "{table}"')
    done = run_in_process("verify", "-b", "bundle", "-f", "json", "--fail-on", fail_on, DATABASE_URL="club.db")
    assert (done.code, done.err) == (2, "")
    assert "  Verification INCOMPLETE\n" in done.out
    assert re.search(r"  Checks: \d+ passed, 0 failed, \d+ warnings, [1-9]\d* not evaluated\n", done.out)
    assert json.loads((at_home / "verification-report.json").read_text(encoding="utf-8"))["passed"] is False


def test_a_dry_run_exits_with_2_and_says_what_to_do(at_home: Path) -> None:
    edit_report(at_home / "bundle", lambda report: report.update(dryRun=True))
    done = run_in_process("verify", "-b", "bundle", DATABASE_URL="club.db")
    assert_one_message(done, "Bundle error")
    for words in ("dry run", "wrote nothing to the database", "--allow-dry-run"):
        assert words in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


@pytest.mark.usefixtures("at_home")
def test_a_dry_run_is_verified_when_that_is_allowed() -> None:
    edit_report(Path("bundle"), lambda report: report.update(dryRun=True))
    done = run_in_process("verify", "-b", "bundle", "--allow-dry-run", DATABASE_URL="club.db")
    assert (done.code, done.err) == (0, "")
    assert "  - Dry run: true\n" in done.out


@pytest.mark.parametrize(
    "number",
    [signal.SIGTERM, *(pytest.param(each, marks=pytest.mark.soak) for each in (signal.SIGINT, signal.SIGHUP))],
    ids=lambda number: number.name,
)
def test_a_signal_while_the_database_is_read_ends_it_in_order(at_home: Path, number: signal.Signals) -> None:
    """The database is locked: recon waits for it, and is interrupted before the lock goes."""
    temporary = at_home / "tmp"
    temporary.mkdir()
    with closing(sqlite3.connect("club.db", isolation_level=None)) as writer:
        writer.execute("BEGIN EXCLUSIVE")
        with started("verify", "-b", "bundle", "--database", "club.db", TMPDIR=str(temporary)) as process:
            wait_until(lambda: any(temporary.glob("recon-sqlite-*")))
            process.send_signal(number)
            writer.execute("ROLLBACK")
            assert_interrupted(process)
    assert names_in(temporary) == []
    assert names_in(at_home) == ["bundle", "club.db", "tmp"]


@pytest.mark.soak
@settings(
    max_examples=examples(3),
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(seconds=st.floats(0, 1.5))
def test_an_interrupt_at_any_moment_leaves_a_whole_report_or_none(at_home: Path, seconds: float) -> None:
    report, temporary = at_home / "verification-report.json", at_home / "tmp"
    report.unlink(missing_ok=True)
    temporary.mkdir(exist_ok=True)
    arguments = ("verify", "-b", "bundle", "--database", "club.db", "--format", "json")

    with started(*arguments, TMPDIR=str(temporary), PYTHONUNBUFFERED="1") as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)

    assert (process.returncode, err.strip()) in ((0, ""), (130, "Interrupted: no verdict was reached."))
    assert process.returncode or report.is_file()
    if report.is_file():
        document = json.loads(report.read_text(encoding="utf-8"))
        # What was written before the interrupt is the verdict, what was written for it says that there is none.
        assert document["passed"] is not (document.get("outcome") == "error")
    assert names_in(temporary) == []
    assert {*names_in(at_home)} <= {"bundle", "club.db", "tmp", report.name}


INTERRUPTED_COMMAND = """
import signal, sys
import click, duckdb, polars
from recon.cli import execute

def command():
    try:
        signal.raise_signal(signal.SIGINT)
    except KeyboardInterrupt as error:
        raise duckdb.InvalidInputException("reading the schema failed: KeyboardInterrupt") from error

sys.argv = ["recon"]
sys.exit(execute(click.Command("command", callback=command)))
"""


def test_an_interrupt_that_a_library_wraps_exits_with_130() -> None:
    """DuckDB raises errors of its own instead of KeyboardInterrupt: which, depends on where it was."""
    pipe = subprocess.PIPE
    with subprocess.Popen([sys.executable, "-c", INTERRUPTED_COMMAND], stdout=pipe, stderr=pipe, text=True) as process:
        assert_interrupted(process)


@contextmanager
def started(*arguments: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
    """A run of recon that is not waited for."""
    with subprocess.Popen(
        [RECON, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def assert_interrupted(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err.strip()) == (130, "Interrupted: no verdict was reached.")
    assert "Verification " not in out.replace("Post-Migration Verification", "")


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("case", ["passed", "failed", "error"])
def test_no_temporary_file_is_left_behind(at_home: Path, case: str) -> None:
    temporary = at_home / "tmp"
    temporary.mkdir()
    plant(["missing-registrations"] if case == "failed" else [], at_home / "bundle", at_home / "club.db")
    if case == "error":
        with closing(sqlite3.connect("club.db")) as connection, connection:
            connection.execute('ALTER TABLE "Member" RENAME TO "Person"')
    done = run_recon("verify", "-b", "bundle", DATABASE_URL="club.db", TMPDIR=str(temporary))
    assert done.code == {"passed": 0, "failed": 1, "error": 2}[case]
    assert names_in(temporary) == []
    assert names_in(at_home) == ["bundle", "club.db", "tmp", *(["verification-report.md"] if case != "error" else [])]


def test_the_exit_code_of_each_verdict(demo: DemoPaths, passed: Verification) -> None:
    plant(["missing-registrations"], demo.bundle, demo.database)
    failed = verify(demo)
    assert [exit_code(v, fail_on) for v in (passed, failed) for fail_on in ("failure", "warning")] == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "form",
    [
        "./club.db",
        "file:./club.db",
        "sqlite:///club.db",
        "sqlite:///{home}/club.db",
        "url.txt",
    ],
)
def test_the_variable_holds_a_sqlite_database_in_any_form(at_home: Path, form: str) -> None:
    (at_home / "url.txt").write_text("sqlite:///club.db\n", encoding="utf-8")
    done = run_in_process("verify", "-b", "bundle", DATABASE_URL=form.format(home=at_home))
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize("form", ["club.db", "sqlite:///club.db", "url.txt", "DATABASE_URL", "Club_url"])
def test_the_option_names_a_file_a_url_or_a_variable(at_home: Path, form: str) -> None:
    (at_home / "url.txt").write_text("sqlite:///club.db\n", encoding="utf-8")
    urls = {"DATABASE_URL": "nowhere.db", "Club_url": "nowhere.db"} | {form: "sqlite:///club.db"}
    done = run_in_process("verify", "-b", "bundle", "--database", form, **urls)
    assert (done.code, done.err) == (0, "")


@pytest.mark.parametrize(
    "arguments, environment, message",
    [
        pytest.param([], {}, "environment variable DATABASE_URL.*found nothing", id="no-variable"),
        pytest.param([], {"DATABASE_URL": ""}, "environment variable DATABASE_URL.*an empty value", id="empty"),
        pytest.param([], {"DATABASE_URL": "  "}, "environment variable DATABASE_URL.*an empty value", id="blank"),
        pytest.param(["--database", "CLUB_URL"], {}, "environment variable CLUB_URL.*found nothing", id="not-set"),
        pytest.param(["--database", "CLUB_URL"], {"CLUB_URL": ""}, "CLUB_URL.*an empty value", id="named-but-empty"),
    ],
)
def test_a_database_that_is_not_named_is_a_usage_error(
    at_home: Path, arguments: list[str], environment: dict[str, str], message: str
) -> None:
    done = run_in_process("verify", "-b", "bundle", *arguments, **environment)
    assert_one_message(done, "Usage error")
    assert re.search(message, done.err)
    assert "postgresql://user@host:5432/name" in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql://club:{SECRET}@127.0.0.1:1/club", id="user-info"),
        pytest.param(f"postgres://club:{SECRET.replace('-', '%2D')}@127.0.0.1:1/club", id="percent-encoded"),
        pytest.param(f"postgresql://127.0.0.1:1/club?user=club&password={SECRET}", id="parameter"),
        pytest.param(f"postgresql://:{SECRET}@127.0.0.1:1/club", id="without-user"),
    ],
)
@pytest.mark.usefixtures("at_home")
def test_a_password_on_the_command_line_is_refused_and_not_repeated(url: str) -> None:
    done = run_in_process("verify", "-b", "bundle", "--database", url)
    assert_one_message(done, "Usage error")
    assert "password" in done.err
    assert "environment variable" in done.err
    assert "s3cr3t" not in done.out + done.err


@pytest.mark.parametrize(
    "url",
    [
        pytest.param(f"postgresql://club:{SECRET}@127.0.0.1:1/club", id="nobody-listens"),
        pytest.param(f"postgresql://club:{SECRET}@no-such-host.invalid/club", id="no-such-host"),
        pytest.param(f"postgresql://club:{SECRET}#1@127.0.0.1:1/club", id="not-encoded"),
        pytest.param(f"postgresql://club:{SECRET}@1@127.0.0.1:1/club", id="two-at-signs"),
        pytest.param(f"postgresql://club:{SECRET}@127.0.0.1:port/club", id="port-is-a-word"),
        pytest.param(f"mysql://club:{SECRET}@127.0.0.1/club", id="another-scheme"),
        pytest.param(f"club:{SECRET}@127.0.0.1:1/club", id="no-scheme"),
        pytest.param(f"postgresql:/club:{SECRET}@127.0.0.1:1/club", id="one-slash"),
        pytest.param(f"psql postgresql://club:{SECRET}@127.0.0.1:1/club", id="a-whole-command"),
        pytest.param(f"host=127.0.0.1 port=1 user=club password={SECRET}", id="keywords"),
    ],
)
@pytest.mark.usefixtures("at_home")
def test_a_password_in_the_variable_shows_in_no_output(url: str) -> None:
    done = run_in_process("verify", "-v", "-b", "bundle", DATABASE_URL=url)
    assert_one_message(done, "Database error")
    assert "s3cr3t" not in done.out + done.err


@pytest.mark.parametrize("scheme", ["postgresql://", "mysql://", "", "postgresql:/"])
def test_a_password_in_a_file_shows_in_no_output(at_home: Path, scheme: str) -> None:
    (at_home / "url.txt").write_text(f"{scheme}club:{SECRET}@127.0.0.1:1/club\n", encoding="utf-8")
    done = run_in_process("verify", "-v", "-b", "bundle", "--database", "url.txt")
    assert_one_message(done, "Database error")
    assert "s3cr3t" not in done.out + done.err


def test_a_url_without_password_may_stand_on_the_command_line(at_home: Path) -> None:
    done = run_in_process("verify", "-b", "bundle", "--database", "postgresql://club@127.0.0.1:1/club")
    assert_one_message(done, "Database error")
    assert "127.0.0.1" in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


def test_a_mistyped_database_creates_nothing(at_home: Path) -> None:
    done = run_in_process("verify", "-b", "bundle", "--database", "clob.db")
    assert_one_message(done, "Database error")
    assert "clob.db" in done.err
    assert names_in(at_home) == ["bundle", "club.db"]


@pytest.mark.parametrize(
    "output, message",
    [
        pytest.param("club.db/report.md", "folder cannot be made.*found a file", id="a-file-for-a-folder"),
        pytest.param("club.db/new/report.md", "folder cannot be made.*found a file", id="below-a-file"),
        pytest.param("nowhere/", "output is a folder.*Add a file name", id="a-folder-that-is-not-there"),
        pytest.param("bundle", "output is a folder.*Add a file name", id="a-folder"),
        pytest.param(".", "output is a folder.*Add a file name", id="this-folder"),
        pytest.param("x" * 300, "too long", id="a-name-too-long"),
    ],
)
def test_the_output_is_checked_before_the_work(at_home: Path, output: str, message: str) -> None:
    done = run_in_process("verify", "-b", "no-such-bundle", "--database", "no-such.db", "-o", output)
    assert_one_message(done, "Output error")
    assert re.search(message, done.err)
    assert done.out == ""
    assert names_in(at_home) == ["bundle", "club.db"]


def test_an_output_folder_without_write_permission_is_refused_before_the_work() -> None:
    privileged = os.geteuid() == 0
    if privileged and not hasattr(os, "setresuid"):
        pytest.skip("this system cannot take rights away from the running process")
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    if privileged:
        os.setresuid(65534, 65534, 0)
    try:
        with pytest.raises(OutputError, match=r"cannot be written to.*Choose another"):
            check_output(folder / "report.md")
    finally:
        if privileged:
            os.setresuid(0, 0, 0)
        shutil.rmtree(folder)


def test_an_existing_report_is_replaced(at_home: Path) -> None:
    report = at_home / "verification-report.md"
    report.write_text("an older one, longer than the new one will be\n" * 1000, encoding="utf-8")
    assert run_in_process("verify", "-b", "bundle", DATABASE_URL="club.db").code == 0
    text = report.read_text(encoding="utf-8")
    assert text.startswith("# Post-Migration Verification\n")
    assert "an older one" not in text


@pytest.mark.parametrize("failing", ["bundle", "database"])
def test_an_error_takes_the_place_of_an_older_report(at_home: Path, failing: str) -> None:
    report = at_home / "verification-report.md"
    report.write_text("an older one", encoding="utf-8")
    bundle, database = ("no-such", "club.db") if failing == "bundle" else ("bundle", "no-such.db")
    assert run_in_process("verify", "-b", bundle, "--database", database).code == 2
    assert f"**{failing.capitalize()} error**" in report.read_text(encoding="utf-8")
    assert names_in(at_home) == ["bundle", "club.db", "verification-report.md"]


@pytest.mark.parametrize("failure", ["while-rendering", "while-encoding", "while-replacing", "interrupted"])
def test_a_report_is_written_whole_or_not_at_all(
    passed: Verification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failure: str
) -> None:
    def fail(*_: object) -> NoReturn:
        raise KeyboardInterrupt if failure == "interrupted" else OSError(errno.ENOSPC, "No space left on device")

    folder = tmp_path / "reports"
    folder.mkdir()
    report = folder / "report.md"
    report.write_text("an older one", encoding="utf-8")
    if failure == "while-rendering":
        monkeypatch.setitem(FORMATS, "markdown", Format(fail, "x"))
    elif failure == "while-encoding":
        monkeypatch.setitem(FORMATS, "markdown", Format(lambda _: "half \ud800", "x"))
    else:
        monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises((OSError, ValueError, OutputError, KeyboardInterrupt)):
        write_report(passed, "markdown", report)
    assert report.read_text(encoding="utf-8") == "an older one"
    assert names_in(folder) == ["report.md"]


def test_a_full_disk_is_an_output_error(passed: Verification, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OutputError, match=r"cannot be written.*No space left on device.*--output"):
        write_report(passed, "json", tmp_path / "report.json")


@pytest.mark.parametrize("mask, mode", [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)], ids=["022", "077", "002"])
def test_the_reports_permissions_follow_the_umask(at_home: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        assert run_in_process("verify", "-b", "bundle", DATABASE_URL="club.db").code == 0
    finally:
        os.umask(before)
    assert stat.S_IMODE((at_home / "verification-report.md").stat().st_mode) == mode


def test_a_link_to_a_report_stays_a_link(at_home: Path) -> None:
    (at_home / "reports").mkdir()
    (at_home / "latest.md").symlink_to(Path("reports") / "today.md")
    assert run_in_process("verify", "-b", "bundle", "-o", "latest.md", DATABASE_URL="club.db").code == 0
    assert (at_home / "latest.md").is_symlink()
    assert (at_home / "reports" / "today.md").read_text(encoding="utf-8").startswith("# Post-Migration")


def test_a_device_or_pipe_is_never_replaced_by_a_report(at_home: Path) -> None:
    """A report that is renamed over /dev/null, by root, takes it away from the whole system."""
    os.mkfifo(at_home / "pipe")
    done = run_in_process("verify", "-b", "bundle", "-o", "pipe", DATABASE_URL="club.db")
    assert (at_home / "pipe").is_fifo()
    assert_one_message(done, "Output error")


@pytest.mark.parametrize("name", ["Übersicht 会員 😀", 'it\'s "quoted" with $HOME;`x`', "a#b?c=d&e%20f", "-dash"])
def test_any_name_of_bundle_database_and_report_works(at_home: Path, name: str) -> None:
    (at_home / "bundle").rename(at_home / name)
    (at_home / "club.db").rename(at_home / f"{name}.db")
    done = run_in_process("verify", f"--bundle={name}", "--database", f"./{name}.db", f"--output={name}.md")
    assert (done.code, done.err) == (0, "")
    assert f"  Bundle: {name}\n" in done.out
    assert f"  - Report written to: {name}.md\n" in done.out
    assert names_in(at_home) == sorted([name, f"{name}.db", f"{name}.md"])


@pytest.mark.parametrize("part", ["bundle", "database"])
def test_a_name_that_is_no_unicode_works(at_home: Path, part: str) -> None:
    name = os.fsdecode(b"caf\xe9")
    try:
        (at_home / {"bundle": "bundle", "database": "club.db"}[part]).rename(at_home / name)
    except OSError:
        pytest.skip("this file system takes only names that are Unicode")
    bundle, database = (name, "club.db") if part == "bundle" else ("bundle", name)
    asked = [word for format_name in FORMATS for word in ("-f", format_name, "-o", format_name)]
    done = run_recon("verify", "-b", bundle, "--database", database, *asked)
    assert (done.code, done.err) == (0, "")
    for format_name in FORMATS:
        assert "caf" in (at_home / format_name).read_text(encoding="utf-8"), format_name
    assert names_in(at_home) == sorted([*FORMATS, name, "club.db" if part == "bundle" else "bundle"])


@pytest.mark.parametrize("encoding", ["ascii", "utf-8"])
@pytest.mark.usefixtures("at_home")
def test_a_stream_that_cannot_show_a_character_does_not_end_the_run(encoding: str) -> None:
    edit_report(Path("bundle"), lambda report: report.update(runId="会員-😀"))
    environment = os.environ | {"PYTHONIOENCODING": encoding, "DATABASE_URL": "club.db"}
    done = subprocess.run([RECON, "verify", "-b", "bundle"], capture_output=True, check=False, env=environment)
    assert (done.returncode, done.stderr) == (1, b"")
    assert b"  Verification FAILED\n" in done.stdout


@pytest.mark.parametrize("where", ["bundle", "database", "output"])
@pytest.mark.usefixtures("at_home")
def test_errors_repeat_no_control_characters(where: str) -> None:
    name = "a\x1b[31mb\x07c\u202ed\ne"
    options = {"bundle": "bundle", "database": "club.db", "output": "report.md"}
    options[where] = f"club.db/{name}"
    done = run_in_process("verify", *(f"--{option}={value}" for option, value in options.items()))
    assert done.code == 2
    assert not set("\x1b\x07\u202e") & set(done.out + done.err)
    assert done.err.count("\n") == 1


@pytest.fixture
def closed_pipe() -> Iterator[int]:
    """The writing end of a pipe that nobody reads any more, as `head` leaves it."""
    reader, writer = os.pipe()
    os.close(reader)
    yield writer
    os.close(writer)


@pytest.mark.usefixtures("at_home")
def test_a_reader_that_stops_reading_gets_neither_traceback_nor_a_verdicts_exit_code(closed_pipe: int) -> None:
    environment = os.environ | {"DATABASE_URL": "club.db"}
    done = subprocess.run(
        [RECON, "verify", "-b", "bundle"],
        stdout=closed_pipe,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        env=environment,
    )
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    # 1 would say that a check failed. Either the run goes on without its reader, or it ends without a verdict.
    reported = Path("verification-report.md").is_file()
    assert done.returncode == (0 if reported else 2)


@pytest.mark.usefixtures("at_home")
def test_the_first_line_is_all_that_head_needs() -> None:
    environment = os.environ | {"DATABASE_URL": "club.db"}
    command = f'"{RECON}" verify -b bundle | head -1'
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, text=True, env=environment)
    assert done.stdout == "=" * 60 + "\n"
    assert done.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.usefixtures("at_home")
def test_a_verdict_that_could_not_be_printed_is_no_pass() -> None:
    environment = os.environ | {"DATABASE_URL": "club.db"}
    command = f'exec "{RECON}" verify -b bundle > /dev/full'
    assert subprocess.run(["sh", "-c", command], check=False, env=environment).returncode == 2


@pytest.mark.parametrize("stream", ["1", "2"], ids=["stdout", "stderr"])
@pytest.mark.usefixtures("at_home")
def test_a_closed_stream_does_not_change_the_verdict(stream: str) -> None:
    environment = os.environ | {"DATABASE_URL": "club.db"}
    command = f'exec "{RECON}" verify -b bundle {stream}>&-'
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, text=True, env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert Path("verification-report.md").is_file()
