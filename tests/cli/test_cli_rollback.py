"""recon rollback on the command line: what it asks, prints and writes, and its exit codes."""

from __future__ import annotations

import importlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rollbacks import Migrated, make_migrated
from support import CHECKOUT, Finished, names_in, run_in_process

import recon
from recon.rollback.approval import how_to_sign
from recon.runs.evidence.record import read_record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GUIDE = CHECKOUT / "docs" / "rollback.md"
RUN = "run-20240115-143000"
PASSWORD = "Sesame-4711"  # noqa: S105 - not a secret
# A session that is asked has the run id of the plan; LOGNAME says who made it.
PLANNED = {"LOGNAME": "jane"}


def rollback(migrated: Migrated, verb: str, *arguments: object, **environment: str) -> Finished:
    return run_in_process("rollback", verb, *arguments, **PLANNED, **migrated.environment, **environment)


def plan_of(migrated: Migrated, **environment: str) -> tuple[Finished, Path]:
    """Plan, and return what it printed, and the plan's folder."""
    done = rollback(migrated, "plan", "-b", migrated.bundle, "--outputs", migrated.outputs, **environment)
    assert (done.code, done.err) == (0, "")
    (line,) = (line for line in done.out.splitlines() if "recon rollback apply" in line)
    return done, Path(line.rpartition(" ")[2])


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Migrated:
    """A club whose rollback is planned and never applied."""
    return make_migrated("sqlite", tmp_path_factory.mktemp("cli-rollback"), request)


@pytest.fixture(scope="module")
def planned(migrated: Migrated) -> tuple[Finished, Path]:
    return plan_of(migrated)


@pytest.fixture
def unchanged(migrated: Migrated) -> Iterator[None]:
    """The database file is the same afterwards, and nothing is beside it."""
    file = Path(migrated.imported.address)
    before = file.read_bytes(), names_in(file.parent)
    yield
    assert (file.read_bytes(), names_in(file.parent)) == before


def personal(migrated: Migrated) -> set[str]:
    """Names, addresses and phone numbers of the club."""
    rows = migrated.imported.run('select "firstName" || \' \' || "lastName", "lastName", email, phone from "Member"')
    return {str(value) for row in rows for value in row if value}


def texts(folder: Path) -> dict[str, str]:
    """The files of a folder, and of the site that it is on."""
    files = [file for file in folder.iterdir() if file.name != "reverse.sql"]
    files += [*(folder.parent / "site").glob("*.html")]
    return {file.name: file.read_text(encoding="utf-8") for file in files}


def test_a_plan_reads_alone_and_is_its_owners(migrated: Migrated) -> None:
    file = Path(migrated.imported.address)
    before = file.read_bytes(), names_in(file.parent)
    done, folder = plan_of(migrated, OTHER_URL=f"postgresql://u:{PASSWORD}@localhost/club")
    assert (file.read_bytes(), names_in(file.parent)) == before
    modes = {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}
    names = ["manifest.json", "plan.json", "plan.md", "plan.sha256", "plan.sql", "reverse.sql"]
    assert modes == dict.fromkeys(names, 0o600)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert "PLANNED: deletes 86 rows of 4 tables, keeps 13 rows of the run\n  Nothing has been changed" in done.out
    assert (folder / "plan.sha256").read_text(encoding="utf-8").split()[-3] in done.out
    assert (folder / "plan.sql").read_text(encoding="utf-8").count("delete from") == 4


def test_a_database_with_a_write_ahead_log_is_left_as_it_is(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    logged = make_migrated("sqlite", tmp_path, request)
    logged.imported.run("pragma journal_mode = wal")
    file = Path(logged.imported.address)
    before = file.read_bytes(), names_in(file.parent)
    _, folder = plan_of(logged)
    assert (file.read_bytes(), names_in(file.parent)) == before
    assert rollback(logged, "apply", folder, "--yes", RUN).code == 0


@pytest.mark.usefixtures("unchanged")
def test_one_run_is_named_once(migrated: Migrated) -> None:
    cases: dict[tuple[str, ...], str] = {
        (): "No run is named",
        ("-b", str(migrated.bundle), "--run-id", "another"): "The bundle is of another run",
        ("-b", str(migrated.bundle), "--started-at", "2024-01-15T14:00:00Z"): "The bundle says when the run started",
        ("--run-id", RUN, "--started-at", "2024-01-15T14:00:00"): "The time has no offset",
        ("-b", str(migrated.bundle), "--include", "Nothing"): "Nothing",
    }
    for arguments, words in cases.items():
        done = rollback(migrated, "plan", *arguments, "--outputs", migrated.outputs)
        assert (done.code, words in done.err, "PLANNED" in done.out) == (2, True, False), arguments


# What is not applied.


def edited(folder: Path) -> None:
    file = folder / "plan.json"
    file.write_text(file.read_text(encoding="utf-8").replace('"before":', '"before":1', 1), encoding="utf-8")


def resealed(folder: Path, **values: str) -> None:
    """Write the plan with other values and a digest that fits."""
    file = folder / "plan.json"
    plan = json.loads(file.read_text(encoding="utf-8"))["plan"] | values
    text = json.dumps(plan, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    digest = sha256(text.encode()).hexdigest()
    file.write_text(f'{{"plan":{text},"sha256":"{digest}"}}', encoding="utf-8")


def write(name: str, text: str) -> Callable[[Path], object]:
    return lambda folder: (folder / name).write_text(text, encoding="utf-8")


BAD_FOLDERS: dict[str, tuple[Callable[[Path], object], str]] = {
    "edited": (edited, "The plan was edited after it was made"),
    "another version": (
        lambda folder: resealed(folder, schemaVersion="9.0"),
        "The plan is of another version of recon",
    ),
    "another database": (lambda folder: resealed(folder, kind="mysql"), "The plan is of another database"),
    "missing": (lambda folder: (folder / "plan.json").unlink(), "The plan cannot be read"),
    "no JSON": (write("plan.json", "delete everything"), "The file is no plan of a rollback"),
    "another JSON": (write("plan.json", '{"plan": [], "sha256": ""}'), "The file is no plan of a rollback"),
    "no reverse SQL": (lambda folder: (folder / "reverse.sql").unlink(), "The reverse SQL cannot be read"),
    "other reverse SQL": (write("reverse.sql", "commit;"), "The reverse SQL is not the one that was written"),
}


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize("case", BAD_FOLDERS)
def test_a_plan_that_is_not_whole_is_not_applied(
    case: str, migrated: Migrated, planned: tuple[Finished, Path], tmp_path: Path
) -> None:
    spoil, words = BAD_FOLDERS[case]
    folder = shutil.copytree(planned[1], tmp_path / "plan")
    spoil(folder)
    done = rollback(migrated, "apply", folder, "--yes", RUN)
    assert (done.code, words in done.err) == (2, True)
    assert not (folder / "done.jsonl").exists()


@pytest.mark.usefixtures("unchanged")
@pytest.mark.parametrize(
    "arguments, words",
    [
        ((), "A rollback is not applied unasked"),
        (("--yes", ""), "A rollback is not applied unasked"),
        (("--yes", "run-20240115-143001"), "That is not the run of this plan"),
        (("--yes", f"{RUN} "), "That is not the run of this plan"),
        (("--yes", RUN, "--max-delete", "85"), "The plan is of more rows than are allowed"),
        (("--yes", RUN, "--max-delete", "0"), "--max-delete"),
        (("--yes", RUN, "--approval", "nowhere"), "wants the approval of another person"),
        (("--yes", RUN, "--database", f"mysql://u:{PASSWORD}@127.0.0.1/club"), "password"),
    ],
)
@pytest.mark.parametrize("verb", ["apply", "revert"])
def test_nothing_is_done_unasked_or_beyond_what_was_asked(
    verb: str, arguments: tuple[str, ...], words: str, migrated: Migrated, planned: tuple[Finished, Path]
) -> None:
    done = rollback(migrated, verb, planned[1], *arguments)
    assert (done.code, words in done.err) == (2, True)
    assert PASSWORD not in done.err


@pytest.mark.usefixtures("unchanged")
def test_what_was_not_applied_is_not_reverted(migrated: Migrated, planned: tuple[Finished, Path]) -> None:
    done = rollback(migrated, "revert", planned[1], "--yes", RUN)
    assert (done.code, "The plan was not applied to this database" in done.err) == (2, True)


@pytest.mark.usefixtures("unchanged")
def test_ctrl_c_at_the_question_changes_nothing(migrated: Migrated, planned: tuple[Finished, Path]) -> None:
    ours, theirs = pty.openpty()
    program = [str(Path(sys.executable).with_name("recon")), "rollback", "apply", str(planned[1])]
    environment = os.environ | PLANNED | migrated.environment
    with subprocess.Popen(
        program, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    ) as asked:
        assert asked.stdout
        said = b""
        while b"Type the run id" not in said and (more := os.read(asked.stdout.fileno(), 4096)):
            said += more
        for _ in range(100):
            # One that comes just before it begins to read is heard with the next.
            asked.send_signal(signal.SIGINT)
            with suppress(subprocess.TimeoutExpired):
                asked.wait(0.5)
                break
        assert asked.returncode == 130
    os.close(ours)
    os.close(theirs)
    assert b"deletes 86 rows of 4 tables" in said


@pytest.fixture
def typing(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], object]]:
    """Type lines on a terminal."""
    ours, theirs = pty.openpty()
    with os.fdopen(theirs, encoding="utf-8") as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        yield lambda text: os.write(ours, text.encode())
    os.close(ours)


@pytest.mark.usefixtures("unchanged")
def test_the_wrong_run_typed_changes_nothing(
    migrated: Migrated, planned: tuple[Finished, Path], typing: Callable[[str], object]
) -> None:
    # An empty line is asked again.
    typing("\nrun-1\n")
    done = rollback(migrated, "apply", planned[1])
    assert (done.code, "That is not the run of this plan" in done.err) == (2, True)
    assert done.out.count("Type the run id to go on") == 2


# From the plan to its reverse.


def test_a_rollback_is_applied_verified_and_reverted(
    tmp_path: Path, request: pytest.FixtureRequest, typing: Callable[[str], object]
) -> None:
    migrated = make_migrated("sqlite", tmp_path, request)
    verify = ("verify", "-b", migrated.bundle, "-o", tmp_path / "report.md")
    first = run_in_process(*verify, **migrated.environment)
    assert first.code == 0
    said, secret = personal(migrated), []
    planned, folder = plan_of(migrated)
    before = migrated.imported.everything()

    typing(f"{RUN}\n")
    applied = rollback(migrated, "apply", folder)
    assert (applied.code, applied.err) == (0, "")
    assert "Database: SQLite" in applied.out
    assert applied.out.endswith(f"{'=' * 60}\n  ROLLED BACK, 13 KEPT\n{'=' * 60}\n")
    assert {table: len(migrated.imported.rows(table)) for table in migrated.older} == {
        table: len(ids) for table, ids in migrated.older.items()
    }
    secret.append(applied.out)
    (audited,) = migrated.imported.run('select metadata from "AuditLog" where "resourceType" = \'MigrationRun\'')
    assert json.loads((folder / "plan.json").read_text(encoding="utf-8"))["plan"]["id"] in audited[0]

    failed = run_in_process(*verify, **migrated.environment)
    assert failed.code == 1
    assert "rolled back" in failed.out
    assert "Level 1 rollback" not in failed.out

    again = rollback(migrated, "apply", folder / "plan.json", "--yes", RUN)
    assert (again.code, "Found done before" in again.out) == (0, True)
    # The folder is found wherever it is.
    moved = folder.rename(folder.parent / "20240116T000000Z-moved")
    reverted = rollback(migrated, "revert", moved, "--yes", RUN)
    assert (reverted.code, "REVERTED" in reverted.out) == (0, True)
    assert migrated.imported.everything() == before
    twice = rollback(migrated, "revert", moved, "--yes", RUN)
    assert (twice.code, "Found done before" in twice.out) == (0, True)
    assert migrated.imported.everything() == before
    passed = run_in_process(*verify, **migrated.environment)
    assert (passed.code, passed.out.count("[PASS]")) == (0, first.out.count("[PASS]"))

    lines = [json.loads(line) for line in (moved / "done.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [(line["outcome"], line["foundDone"]) for line in lines] == [
        ("ROLLED BACK, 13 KEPT", False),
        ("ROLLED BACK, 13 KEPT", True),
        ("REVERTED", False),
        ("REVERTED", True),
    ]
    assert {(line["by"], line["approvedBy"], line["rows"]) for line in lines} == {("jane", None, 86)}
    assert {path.stat().st_mode & 0o777 for path in moved.iterdir()} == {0o600}
    recorded = read_record(migrated.outputs).entries
    assert [(line.kind, line.outcome) for line in recorded] == [
        ("rollback-plan", "PLANNED"),
        *[("rollback", "ROLLED BACK, 13 KEPT")] * 2,
        *[("rollback-revert", "REVERTED")] * 2,
    ]
    assert recon.verify_evidence(recon.EvidenceOptions(moved)).summary.passed == 4
    assert json.loads((moved / "manifest.json").read_text(encoding="utf-8"))["by"] == ["jane"]
    site = (migrated.outputs / "site" / "index.html").read_text(encoding="utf-8")
    assert "Rollbacks" in site
    assert "20240116T000000Z-moved" in site
    shown = texts(moved) | {"console": "".join([planned.out, *secret, again.out, reverted.out, twice.out])}
    assert {"plan.md", "plan.json", "plan.sql", "done.jsonl", "assessment.json", "report.html", "index.html"} <= {
        *shown
    }
    leaked = {
        (name, value) for name, text in shown.items() for value in said if re.search(rf"\b{re.escape(value)}\b", text)
    }
    assert not leaked
    assert all(value in (moved / "reverse.sql").read_text(encoding="utf-8") for value in created_addresses(migrated))


def created_addresses(migrated: Migrated) -> list[str]:
    ids = {*migrated.created["Member"]}
    return [email for key, email in migrated.imported.run('select id, email from "Member"') if key in ids]


# Production.


@pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")
def test_production_wants_the_signature_of_another_person(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    migrated = make_migrated("sqlite", tmp_path, request)
    file = Path(migrated.imported.address).rename(tmp_path / "imported" / "prod.db")
    migrated.imported = type(migrated.imported)("sqlite", str(file))
    _, folder = plan_of(migrated)
    assert "ssh-keygen -Y sign" in (folder / "plan.md").read_text(encoding="utf-8")
    before = file.read_bytes()
    for name in ("ann", "jane"):
        key = tmp_path / name
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", key], check=True)
    approvers = tmp_path / "approvers"
    approvers.write_text(
        "".join(f"{n}@example.org {(tmp_path / f'{n}.pub').read_text(encoding='utf-8')}" for n in ("ann", "jane")),
        encoding="utf-8",
    )
    command = ("apply", folder, "--yes", RUN)

    def sign(name: str) -> None:
        (folder / "plan.sha256.sig").unlink(missing_ok=True)
        (line,) = how_to_sign(folder / "plan.sha256")
        words = [str(tmp_path / name) if word == "KEY" else word for word in shlex.split(line)]
        subprocess.run(words, check=True, capture_output=True)

    none = rollback(migrated, *command)
    unlisted = rollback(migrated, *command, "--approvers", approvers)
    sign("jane")
    own = rollback(migrated, *command, "--approvers", approvers)
    assert [each.code for each in (none, unlisted, own)] == [2, 2, 2]
    assert "A rollback on production wants the approval of another person" in none.err
    assert "no signature" in unlisted.err
    assert "approved by the person who made it" in own.err
    assert file.read_bytes() == before

    sign("ann")
    assert rollback(migrated, *command).code == 2
    done = rollback(migrated, *command, "--approvers", approvers)
    assert (done.code, "ROLLED BACK, 13 KEPT" in done.out) == (0, True)
    (line,) = (folder / "done.jsonl").read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["approvedBy"] == "ann@example.org"


# The Python API, and the guide.


def test_python_does_the_same(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    migrated = make_migrated("sqlite", tmp_path, request)
    planned = migrated.plan(include=["MemberNote"])
    assert planned.folder.parent == migrated.outputs
    with pytest.raises(recon.ReconError, match="That is not the run of this plan"):
        migrated.apply(planned, run_id="another")
    applied = migrated.apply(planned)
    assert (applied.words, applied.was_done, applied.assessment.verdict) == ("ROLLED BACK, 13 KEPT", False, "PASSED")
    # A row that somebody creates in the meantime is in the way of the reverse.
    key = migrated.created["Member"][0]
    migrated.imported.run(
        f"""insert into "Member" select '{key}', 'A', 'B', 'c@example.org', null, "joinedAt", "membershipStatusId",
        null, null, null, "createdAt", "updatedAt" from "Member" limit 1"""
    )
    with pytest.raises(recon.ReconError, match="Rows with the keys of deleted ones are there"):
        migrated.revert(planned)
    migrated.imported.run(f"""delete from "Member" where id = '{key}'""")
    assert migrated.revert(planned).words == "REVERTED"


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_guides_output_is_that_of_this_version() -> None:
    text = GUIDE.read_text(encoding="utf-8")
    assert "PLANNED: deletes" in text
    assert importlib.import_module("rollback_output").with_output(text) == text


def checklist() -> list[str]:
    """The lines of the DBA's checklist."""
    part = GUIDE.read_text(encoding="utf-8").partition("## The DBA's checklist")[2].partition("\n## ")[0]
    return re.split(r"^- ", part, flags=re.MULTILINE)[1:]


def test_each_line_of_the_checklist_names_its_tests() -> None:
    lines = checklist()
    assert len(lines) == 19
    for line in lines:
        names: list[str] = re.findall(r"[\w/]+\.py::test_\w+", line)
        found = [(CHECKOUT / "tests" / name.partition("::")[0], name.partition("::")[2]) for name in names]
        there = [(file, test) for file, test in found if file.is_file()]
        assert there, line
        assert [test for file, test in there if f"def {test}(" not in file.read_text(encoding="utf-8")] == [], line
