"""Errors where people look for the verdict, and command lines that are nearly right."""

from __future__ import annotations

import errno
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import duckdb
import jsonschema
import pytest
from support import names_in, run_in_process

import recon
from recon.errors import ReconError, UsageError, lack_of_resources
from recon.report import FORMATS
from recon.runs.site import build_site

if TYPE_CHECKING:
    from recon.demo import DemoPaths

SECRET = "s3cr@t/pass"  # noqa: S105 - a password that must not show up
URL = f"postgresql://club:{SECRET}@127.0.0.1:1/club"
SCHEMA = json.loads((Path(recon.__file__).parent / "report" / "verification.schema.json").read_text(encoding="utf-8"))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_format_says_the_error_in_place_of_an_older_report(here: Path) -> None:
    (here / "r.json").write_text("older", encoding="utf-8")
    formats = [option for name in FORMATS for option in ("-f", name)]
    done = run_in_process("verify", "no-such", *formats, "-o", "new/r.json")
    assert done.code == 2
    texts = [path.read_text(encoding="utf-8") for path in sorted((here / "new").iterdir())]
    assert len(texts) == len(FORMATS)
    assert all("Bundle error" in text and "no-such" in text for text in texts)
    document = json.loads((here / "new" / "r.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(SCHEMA).validate(document)
    assert (document["outcome"], document["exitCode"], document["passed"]) == ("error", 2, False)
    (case,) = ET.parse(here / "new" / "r.xml").iter("testcase")
    assert [child.tag for child in case] == ["error"]


def test_an_error_creates_no_report_that_nobody_asked_for(here: Path) -> None:
    assert run_in_process("verify", "no-such").code == 2
    assert names_in(here) == []


def test_an_error_never_replaces_what_was_to_be_read(demo: DemoPaths) -> None:
    before = demo.database.read_bytes()
    done = run_in_process("verify", "no-such", "--database", demo.database, "-o", demo.database)
    assert done.code == 2
    assert demo.database.read_bytes() == before


def test_an_older_report_that_cannot_be_replaced_goes(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def without_room(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    (here / "r.json").write_text("older", encoding="utf-8")
    monkeypatch.setattr("recon.report.output.replace_file", without_room)
    done = run_in_process("verify", "no-such", "-f", "json", "-o", "r.json")
    assert done.code == 2
    assert "the error was not written to r.json (No space left on device)" in done.err
    assert names_in(here) == []


def test_github_is_told_of_an_error(here: Path) -> None:
    summary = here / "summary.md"
    done = run_in_process("verify", "no-such", GITHUB_ACTIONS="true", GITHUB_STEP_SUMMARY=str(summary))
    assert "::error title=Verification ERROR%3A Bundle error::The bundle was not found" in done.out
    assert "**Bundle error**" in summary.read_text(encoding="utf-8")


def test_the_site_lists_a_run_without_a_verdict(here: Path) -> None:
    done = run_in_process("run", "no-such", "--outputs", "a/b", "--only", "junit", "--only", "site")
    assert done.code == 2
    assert "The failed run is kept in" in done.err
    page = build_site(here / "a" / "b").read_text(encoding="utf-8")
    assert "NO VERDICT" in page
    assert "Bundle error: The bundle was not found" in page
    (run,) = (here / "a" / "b").glob("*-error")
    with pytest.raises(ReconError, match="without a verdict"):
        recon.load_verification(run / "verification.json")


@pytest.mark.parametrize("arguments", [["verify", URL], ["verify", "-b", URL], ["verify", "x", URL], [URL]])
@pytest.mark.usefixtures("here")
def test_a_url_in_another_place_shows_no_password(arguments: list[str]) -> None:
    done = run_in_process(*arguments, "-f", "json", "-o", "-")
    assert done.code == 2
    assert not any(part in done.out + done.err for part in ("s3cr", "t/pass"))


def test_swapped_inputs_are_recognised(demo: DemoPaths) -> None:
    for bundle, database, reported in (
        (demo.database, demo.bundle, "in each other's place"),
        (demo.database, demo.database, "The bundle is a database"),
        (demo.bundle, demo.bundle, "The database is a migration bundle"),
    ):
        with pytest.raises(UsageError, match=reported):
            recon.VerifyOptions(bundle, str(database), environment={})


@pytest.mark.parametrize(
    "arguments, meant",
    [
        (["verfy"], "'verify'"),
        (["check"], "'checks'"),
        (["verify", "-b", "x", "--outptu", "y"], "'--output'"),
        (["verify", "-b", "x", "--db", "y"], "'--database'"),
        (["verify", "-b", "x", "-f", "JSN"], "'json'"),
        (["verify", "-b", "x", "-f", "md"], "'markdown'"),
        (["run", "-b", "x", "--skip", "chart"], "'charts'"),
        (["profile", "inti"], "'init'"),
        (["demo", "--faults", "missing-member"], "'missing-members'"),
        (["profile", "check", "--database", "postgressql://u@h/d"], "'postgresql'"),
        (["profile", "check", "--database", "pg://u@h/d"], "'postgresql'"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("here")
def test_what_was_meant_is_asked(arguments: list[str], meant: str) -> None:
    done = run_in_process(*arguments)
    assert done.code == 2
    assert f"Did you mean {meant}" in done.err


def test_a_bundle_is_named_once_with_or_without_its_option(here: Path) -> None:
    for arguments in (["a"], ["-b", "a"], ["a", "-b", "./a"]):
        assert "The bundle was not found (a)" in run_in_process("verify", *arguments).err
    for arguments in (["a", "b"], ["-b", "a", "b"]):
        assert "Several bundles are named" in run_in_process("verify", *arguments).err
    assert "Missing option" in run_in_process("verify").err
    assert names_in(here) == []


def test_a_suffix_of_another_format_is_noticed(here: Path) -> None:
    done = run_in_process("verify", "no-such", "-f", "json", "-o", "report.md")
    assert "report.md will hold json" in done.err
    assert (here / "report.md").read_text(encoding="utf-8").startswith("{")


@pytest.mark.parametrize(
    "given, meant",
    [
        ({"database": 20240115}, ("database", "20240115")),
        ({"profile": ""}, ("profile", None)),
        ({"expectations": "folder"}, ("expectations", ("folder",))),
        ({"show_pii": "false"}, ("show_pii", False)),
        ({"evidence_rows": 50.0}, ("evidence_rows", 50)),
    ],
    ids=str,
)
def test_parameters_arrive_in_other_types(given: dict[str, Any], meant: tuple[str, object]) -> None:
    options = recon.VerifyOptions("b", **given)
    assert getattr(options, meant[0]) == meant[1]


@pytest.mark.parametrize(
    "given, reported",
    [
        ({"bundle": 1.5}, "-r bundle 1.5"),
        ({"bundle": 1e5}, "-r bundle"),
        ({"bundle": True}, "-r bundle True"),
        ({"bundle": None}, "-r bundle None"),
        ({"bundle": ""}, "No bundle is named"),
        ({"bundle": 7}, "-r bundle 7"),
        ({"bundle": "b", "database": 1.5}, "-r database 1.5"),
        ({"bundle": "b", "expectations": "['a']"}, "-y"),
        ({"bundle": "b", "evidence_rows": 1.5}, "evidence_rows"),
        ({"bundle": "b", "show_pii": "perhaps"}, "show_pii"),
    ],
    ids=str,
)
@pytest.mark.usefixtures("here")
def test_a_parameter_whose_text_is_lost_is_refused_in_one_sentence(given: dict[str, Any], reported: str) -> None:
    with pytest.raises(UsageError) as refused:
        recon.VerifyOptions(**given)
    assert reported in refused.value.message


@pytest.mark.parametrize(
    "error, reported",
    [
        (OSError(errno.ENOSPC, "No space left on device", "x"), "no room left"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "no room left"),
        (OSError(errno.EFBIG, "File too large"), "no room left"),
        (MemoryError(), "not enough memory"),
        (duckdb.OutOfMemoryException("failed to allocate"), "not enough memory"),
        (FileNotFoundError(errno.ENOENT, "No usable temporary directory found in []"), "folder for temporary files"),
        (ImportError("libarrow.so: failed to map segment from shared object"), "not enough memory"),
        (RuntimeError("can't start new thread"), "No further thread"),
    ],
    ids=str,
)
def test_what_the_machine_lacks_is_said_whatever_it_stopped(error: Exception, reported: str) -> None:
    wrapped = ReconError("The bundle is damaged")
    wrapped.__cause__ = error
    found = lack_of_resources(wrapped)
    assert found is not None
    assert reported in found.message
    assert found.next_step
    assert lack_of_resources(ReconError("The bundle is damaged")) is None
