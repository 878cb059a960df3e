"""Where reports go: several in one run, standard output, and what does not fit."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import pytest
from support import Finished, run_in_process

from recon.demo import plant
from recon.errors import OutputError, UsageError
from recon.report import FORMATS, Output, plan_outputs, write_reports
from recon.report.formats import EVERY_FORMAT
from recon.report.output import deliver

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.model import Verification

RECON = Path(sys.executable).with_name("recon")
STARTS = {
    "markdown": "# Post-Migration Verification",
    "json": "{",
    "junit": "<?xml",
    "html": "<!doctype html>",
    "csv-long": "\ufeffkind,",
}
ALL = [part for name in STARTS for part in ("-f", name)]


@pytest.fixture
def at_home(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the small club ("bundle", "club.db"), as the working directory."""
    monkeypatch.chdir(demo.bundle.parent)
    monkeypatch.setenv("DATABASE_URL", "club.db")
    return demo.bundle.parent


def verify_here(*arguments: object) -> Finished:
    return run_in_process("verify", "-b", "bundle", *arguments, DATABASE_URL="club.db")


def made(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} - {"bundle", "club.db"}


def written_to(console: str) -> list[str]:
    return re.findall(r"^  - Report written to: (.*)$", console, flags=re.MULTILINE)


def test_every_format_is_in_this_file() -> None:
    assert STARTS.keys() == FORMATS.keys()


@pytest.mark.parametrize(
    "places, paths",
    [
        pytest.param([], ["./verification-report" + s for s in (".md", ".json", ".xml", ".html", ".csv")], id="none"),
        pytest.param(["r.md"], ["r.md", "r.json", "r.xml", "r.html", "r.csv"], id="one-with-a-suffix"),
        pytest.param(["./r.v2"], ["./r.v2" + s for s in (".md", ".json", ".xml", ".html", ".csv")], id="one-without"),
        pytest.param(["a", "b", "c", "d", "e"], ["a", "b", "c", "d", "e"], id="one-for-each"),
    ],
)
def test_several_formats_go_where_the_options_say(at_home: Path, places: list[str], paths: list[str]) -> None:
    done = verify_here(*ALL, *(f"--output={place}" for place in places))
    assert (done.code, done.err) == (0, "")
    assert written_to(done.out) == paths
    assert made(at_home) == {Path(path).name for path in paths}
    for path, start in zip(paths, STARTS.values(), strict=True):
        assert Path(path).read_bytes().decode().startswith(start)


@pytest.mark.parametrize(
    "arguments, message",
    [
        pytest.param(["-f", "json", "-f", "json"], "Two reports would go to one place.*json, json", id="format-twice"),
        pytest.param(
            ["-f", "json", "-f", "csv-long", "-o", "x", "-o", "./x"], "Two reports would go.*json, csv-long", id="path"
        ),
        pytest.param(["-f", "json", "-f", "csv-long", "-o", "x", "-o", "link"], "Two reports would go", id="link"),
        pytest.param(
            ["-f", "json", "-f", "csv-long", "-o", "-"], "one place .standard output.: .*json, csv-long", id="stdout"
        ),
        pytest.param(["-f", "json", "-o", "a", "-o", "b"], r"do not fit.*formats \(1\), found 2", id="too-many"),
        pytest.param([*ALL, "-o", "a", "-o", "b"], r"do not fit.*formats \(5\), found 2", id="too-few"),
    ],
)
def test_what_does_not_fit_is_a_usage_error(at_home: Path, arguments: list[str], message: str) -> None:
    (at_home / "link").symlink_to("x")
    done = verify_here(*arguments)
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(rf"Usage error: [^\n]*{message}[^\n]*\n", done.err)
    assert made(at_home) == {"link"}


@pytest.mark.parametrize("place", ["bundle", ".", "bundle/", "new/"])
@pytest.mark.usefixtures("at_home")
def test_a_folder_is_no_place_for_several_formats(place: str) -> None:
    with pytest.raises(OutputError, match=r"is a folder.*Add a file name"):
        plan_outputs(["json", "csv-long"], [place])


@pytest.mark.usefixtures("at_home")
def test_every_output_is_checked_before_the_work() -> None:
    done = verify_here("-f", "json", "-f", "csv-long", "-o", "x", "-o", "club.db/x", "--database", "no-such.db")
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"Output error: The output's folder cannot be made \([^\n]+\n", done.err)


@pytest.mark.parametrize("format_name", FORMATS)
def test_a_report_goes_to_standard_output_and_the_block_to_the_other(at_home: Path, format_name: str) -> None:
    done = verify_here("-f", format_name, "-o", "-")
    assert done.code == 0
    assert done.out.startswith(STARTS[format_name])
    assert "Duration: " in done.err
    assert written_to(done.err) == ["standard output"]
    assert "Report written to" not in done.out
    assert made(at_home) == set()


def test_one_format_to_standard_output_and_another_to_a_file(at_home: Path) -> None:
    done = verify_here("-f", "json", "-f", "junit", "-o", "-", "-o", "junit.xml")
    assert done.code == 0
    assert json.loads(done.out)["verdict"] == "PASSED"
    assert ET.parse(at_home / "junit.xml").getroot().get("failures") == "0"
    assert written_to(done.err) == ["standard output", "junit.xml"]


@pytest.mark.parametrize("encoding", ["ascii", "cp1252"])
def test_standard_output_gets_utf_8_whatever_the_terminal_is(at_home: Path, encoding: str) -> None:
    (at_home / "bundle").rename(at_home / "会員")
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    command = [str(RECON), "verify", "-b", "会員", "-f", "json", "-o", "-"]
    done = subprocess.run(command, capture_output=True, check=False, env=environment)
    assert done.returncode == 0
    assert json.loads(done.stdout.decode())["bundlePath"] == "会員"


def test_a_junit_report_follows_what_makes_the_exit_code(at_home: Path) -> None:
    plant(["newer-run"], at_home / "bundle", at_home / "club.db")
    for fail_on, code in (("failure", 0), ("warning", 1)):
        done = verify_here("-f", "junit", "-o", "-", "--fail-on", fail_on)
        assert done.code == code
        assert ET.fromstring(done.out).get("failures") == str(code)


def test_a_report_that_cannot_be_written_keeps_the_others(passed: Verification, tmp_path: Path) -> None:
    places = [tmp_path / "a.md", tmp_path / "gone" / "b.json", tmp_path / "c.csv"]
    outputs = [Output(name, str(p)) for name, p in zip(("markdown", "json", "csv-long"), places, strict=True)]
    unwritten = write_reports(passed, outputs)
    assert list(unwritten) == [outputs[1]]
    assert "No such file or directory" in unwritten[outputs[1]].message
    assert [place.is_file() for place in places] == [True, False, True]


def test_several_that_cannot_be_written_are_one_sentence(passed: Verification, tmp_path: Path) -> None:
    outputs = [Output(name, str(tmp_path / name / "x")) for name in ("markdown", "json")]
    error = OutputError.of(list(write_reports(passed, outputs).values()))
    assert error.message.startswith("2 reports cannot be written (")
    assert all(output.place in error.message for output in outputs)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_standard_output_that_is_full_is_an_error_and_keeps_the_file(at_home: Path) -> None:
    command = f'exec "{RECON}" verify -b bundle -f json -f markdown -o - -o kept.md > /dev/full'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False, text=True)
    assert done.returncode == 2
    assert "Output error: The report cannot be written (standard output): found No space left" in done.stderr
    assert written_to(done.stderr) == ["kept.md"]
    assert (at_home / "kept.md").is_file()


@pytest.mark.usefixtures("at_home")
def test_a_closed_standard_output_is_reported_before_the_work() -> None:
    command = f'exec "{RECON}" verify -b no-such -f json -o - >&-'
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, check=False, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith("Output error: Standard output is closed")


@pytest.mark.usefixtures("at_home")
def test_a_reader_that_stops_early_leaves_the_verdict_as_it_is() -> None:
    command = f'{{ "{RECON}" verify -b bundle -f json -o -; echo "code $?" >&2; }} | head -c 1'
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False, text=True)
    assert done.stdout == "{"
    assert done.stderr.endswith("code 0\n")


def test_help_names_every_format_and_its_file() -> None:
    shown = run_in_process("verify", "--help").out
    for name, chosen in EVERY_FORMAT.items():
        assert re.search(rf"\b{name}\b", shown)
        assert chosen.suffix in shown


def test_a_plan_that_fits_names_each_place() -> None:
    with pytest.raises(UsageError, match="as many as formats"):
        plan_outputs(["json", "csv-long", "html"], ["a", "b"])
    assert [output.words for output in plan_outputs(["json"], ["-"])] == ["standard output"]


@pytest.mark.parametrize("mode, is_refused", [(0o700, False), (0o755, False), (0o777, True), (0o1777, False)], ids=str)
def test_a_link_in_a_folder_that_others_may_write_to_is_refused(tmp_path: Path, *, mode: int, is_refused: bool) -> None:
    folder, mine = tmp_path / "shared", tmp_path / "mine.md"
    folder.mkdir()
    mine.write_text("mine", encoding="utf-8")
    (folder / "report.md").symlink_to(mine)
    folder.chmod(mode)
    expected = pytest.raises(OutputError, match="a link in a folder that others may write to")

    with expected if is_refused else nullcontext():
        plan_outputs(["markdown"], [str(folder / "report.md")])
    with expected if is_refused else nullcontext():
        deliver("theirs", Output("markdown", str(folder / "report.md")))

    assert mine.read_text(encoding="utf-8") == ("mine" if is_refused else "theirs")
