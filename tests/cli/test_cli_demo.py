from __future__ import annotations

import re
import shlex
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import Finished, run_in_process, run_recon

from recon.cli.demo import TYPICAL
from recon.demo import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

BUNDLE_FILES = ["migration-config.json", "migration-report.json", "policy-bundle.json"]
ROWS = {"Member": 2147, "Event": 523, "EventRegistration": 8603}


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("clean")
    return folder, run_recon("demo", "--output", folder)


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Finished]:
    folder = tmp_path_factory.mktemp("faulty") / "with space" / "it's new"
    return folder, run_in_process("demo", "--output", folder, "--faults", "typical")


def named(done: Finished) -> tuple[Path, Path]:
    """The bundle and the database that the output names."""
    found = re.search(r"^  bundle:   (.+)\n  database: (.+)\n", done.out, flags=re.MULTILINE)
    assert found
    return Path(found[1]), Path(found[2])


def dump(database: Path) -> Iterator[str]:
    with closing(sqlite3.connect(database)) as connection:
        yield from connection.iterdump()


def verify_as_printed(done: Finished, report: Path) -> Finished:
    """Run the command that the last line of the output tells the reader to run."""
    printed = done.out.splitlines()[-1].removeprefix("Verify it: ")
    program, *arguments = shlex.split(printed)
    assert program == "recon"
    return run_in_process(*arguments, "--output", report)


def test_the_demo_names_the_files_that_it_wrote(clean: tuple[Path, Finished]) -> None:
    folder, done = clean
    assert (done.code, done.err) == (0, "")
    bundle, database = named(done)
    assert (bundle.parent, database.parent) == (folder, folder)
    assert sorted(path.name for path in bundle.iterdir()) == BUNDLE_FILES
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        counts = {table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0] for table in ROWS}
    assert counts == ROWS


def test_the_clean_demo_passes_when_it_is_verified_as_described(clean: tuple[Path, Finished], tmp_path: Path) -> None:
    verified = verify_as_printed(clean[1], tmp_path / "report.md")
    assert (verified.code, verified.err) == (0, "")
    assert "  Verification PASSED\n" in verified.out


def test_the_typical_faults_fail_when_they_are_verified_as_described(
    faulty: tuple[Path, Finished], tmp_path: Path
) -> None:
    assert (faulty[1].code, faulty[1].err) == (0, "")
    for name in TYPICAL:
        assert name in faulty[1].out
    verified = verify_as_printed(faulty[1], tmp_path / "report.md")
    assert verified.code == 1
    assert "  Verification FAILED\n" in verified.out
    assert {"PASS", "WARN", "FAIL"} <= set(re.findall(r"^  \[([A-Z]+)\]", verified.out, flags=re.MULTILINE))


def test_the_default_output_lies_below_the_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_in_process("demo")
    assert (done.code, done.err) == (0, "")
    assert [path.is_relative_to("outputs/demo") and path.exists() for path in named(done)] == [True, True]


def test_the_same_seed_gives_the_same_club(clean: tuple[Path, Finished], tmp_path: Path) -> None:
    bundle, database = named(clean[1])
    again = named(run_in_process("demo", "-o", tmp_path, "--seed", "2024"))
    assert list(dump(again[1])) == list(dump(database))
    for name in BUNDLE_FILES:
        assert (again[0] / name).read_bytes() == (bundle / name).read_bytes()


def test_another_seed_gives_another_club_of_the_same_size(clean: tuple[Path, Finished], tmp_path: Path) -> None:
    done = run_in_process("demo", "-o", tmp_path, "--seed", "7")
    assert "seed 7" in done.out
    bundle, database = named(done)
    before = named(clean[1])
    assert (bundle / BUNDLE_FILES[1]).read_bytes() != (before[0] / BUNDLE_FILES[1]).read_bytes()
    with closing(sqlite3.connect(database)) as connection:
        counts = {table: connection.execute(f'SELECT COUNT(*) FROM "{table}"').fetchone()[0] for table in ROWS}
    assert counts == ROWS


def test_an_older_demo_is_replaced(tmp_path: Path) -> None:
    first = run_in_process("demo", "-o", tmp_path, "--faults", "one-tier")
    tiers = 'SELECT COUNT(DISTINCT "membershipTierId") FROM "Member"'
    bundle, database = named(first)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute(tiers).fetchone() == (1,)
    assert named(run_in_process("demo", "-o", tmp_path)) == (bundle, database)
    with closing(sqlite3.connect(database)) as connection:
        assert connection.execute(tiers).fetchone() == (7,)


def test_the_faults_are_listed_with_what_they_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_in_process("demo", "--list-faults")
    assert (done.code, done.err) == (0, "")
    listed = dict(line.split(maxsplit=1) for line in done.out.splitlines())
    assert listed == {name: fault.description for name, fault in FAULTS.items()}
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "faults, unknown",
    [
        pytest.param("nonsense", ["nonsense"], id="one"),
        pytest.param("one-tier,nonsense,newer-run", ["nonsense"], id="among-others"),
        pytest.param("Typical", ["Typical"], id="capital"),
        pytest.param("no-tiers, x y ,z", ["x y", "z"], id="several"),
    ],
)
def test_an_unknown_fault_is_refused_with_the_choices(tmp_path: Path, faults: str, unknown: list[str]) -> None:
    done = run_in_process("demo", "-o", tmp_path / "demo", "--faults", faults)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"Usage error: [^\n]+\n", done.err)
    for name in (*unknown, "typical", *FAULTS):
        assert name in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--seed", "many"], id="seed-as-a-word"),
        pytest.param(["--seed", "1.5"], id="seed-as-a-fraction"),
        pytest.param(["--nonsense"], id="option"),
        pytest.param(["more"], id="argument"),
    ],
)
def test_a_wrong_command_line_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(tmp_path)
    done = run_in_process("demo", *arguments)
    assert (done.code, done.out) == (2, "")
    assert arguments[-1] in done.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("output", ["taken", "taken/below"])
def test_an_output_that_is_a_file_is_reported_in_one_sentence(tmp_path: Path, output: str) -> None:
    (tmp_path / "taken").write_text("mine", encoding="utf-8")
    done = run_in_process("demo", "-o", tmp_path / output)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"(Output|Usage) error: [^\n]+\n", done.err)
    assert (tmp_path / "taken").read_text(encoding="utf-8") == "mine"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="only Linux has /proc, where nobody can write")
def test_an_output_that_cannot_be_written_is_reported_in_one_sentence() -> None:
    done = run_in_process("demo", "-o", "/proc/demo")
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"(Output|Usage) error: [^\n]+\n", done.err)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_names_every_option(flag: str) -> None:
    done = run_in_process("demo", flag)
    assert (done.code, done.err) == (0, "")
    for option in ("--output", "--faults", "--list-faults", "--seed", "--help"):
        assert option in done.out
