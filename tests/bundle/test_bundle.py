from __future__ import annotations

import json
import os
import re
import shutil
import sqlite3
import tempfile
from contextlib import closing, contextmanager
from copy import deepcopy
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from soaking import SOAKING
from support import check_of, edit_report, run_in_process, verify

import recon
from recon.bundle import frames, open_bundle, reading
from recon.bundle.jsonfile import read_json
from recon.errors import BundleError, visible
from recon.report import FORMATS
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.demo import DemoPaths

REPORT, POLICIES, CONFIG = "migration-report.json", "policy-bundle.json", "migration-config.json"
FILES = (REPORT, POLICIES, CONFIG)
REST = {"totalRows": 3, "parsed": 3, "updated": 1, "skipped": 0, "errors": 0}
VALID: dict[str, Any] = {
    "runId": "run-20240115-143000",
    "startedAt": "2024-01-15T14:20:00.000Z",
    "completedAt": "2024-01-15T14:28:00.000Z",
    "dryRun": False,
    "config": {"source": "wild-apricot", "target": "murmurant", "version": "1.0"},
    "summary": {"totalRecords": 9},
    "members": {**REST, "created": 2, "records": [{"_sourceRow": 2, "_waId": "WA001"}, {"_sourceRow": 3, "_waId": 17}]},
    "events": {**REST, "created": 3, "records": "[3]"},
    "registrations": {**REST, "created": 4},
    "errors": [{"entity": "member", "sourceRow": 4, "message": "Missing email", "waId": "WA003"}],
    "idMapping": {"members": [{"waId": "WA001", "murmurantId": "m-1"}], "events": [{"waId": 7, "murmurantId": "e-1"}]},
}
VALID_POLICIES: dict[str, Any] = {
    "version": "1.0",
    "policies": [
        {"key": "scheduling.timezone", "value": "America/Los_Angeles", "source": "manual", "required": True},
        {"key": "membership.newbieDays", "value": 90, "source": "default", "required": False},
    ],
    "validation": {"valid": True, "errors": [], "warnings": []},
}
WHOLE = "a whole number of 0 or more"
TIME = "a time such as 2024-01-15T14:28:00.000Z"
SHORT_FORM = 'a list of records, or the short form such as "[2147]"'

Steps = tuple[str | int, ...]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small valid bundle, written by hand."""
    bundle = tmp_path / "bundle"
    bundle.mkdir()
    write(bundle, REPORT, VALID)
    return bundle


def write(folder: Path, name: str, content: object) -> None:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    (folder / name).write_bytes(data)


def changed(document: dict[str, Any], steps: Steps, value: object = ...) -> dict[str, Any]:
    """A copy with the value at `steps` replaced, or without it."""
    copy = deepcopy(document)
    place: Any = copy
    for step in steps[:-1]:
        place = place[step]
    if value is ...:
        del place[steps[-1]]
    else:
        place[steps[-1]] = value
    return copy


def json_path(steps: Sequence[str | int]) -> str:
    return "$" + "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in steps)


def load(folder: Path) -> None:
    with open_bundle(folder) as bundle, Warehouse() as warehouse:
        load_bundle(bundle, warehouse, [])


def refusal(folder: Path) -> BundleError:
    """The error that opening `folder` ends in, whose one line says what, where, expected, found and next step.

    A report that is streamed ends in the same words as one that is read whole.
    """
    with pytest.raises(BundleError) as caught:
        load(folder)
    error = caught.value
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "LARGE_BYTES", 0)
        with pytest.raises(BundleError) as streamed:
            load(folder)
    assert streamed.value.message == error.message
    for part in (error.what, error.where, error.expected, error.found, error.next_step):
        assert part
        assert visible(part) in error.message
    assert "\n" not in error.message
    assert len(error.message.replace(str(folder), "")) < 600
    return error


@contextmanager
def unprivileged() -> Iterator[None]:
    """Without root's right to read and write everything."""
    if os.geteuid() != 0:
        yield
        return
    os.setresuid(65534, 65534, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A valid bundle in a folder that everybody may enter."""
    if os.geteuid() == 0 and not hasattr(os, "setresuid"):
        pytest.skip("this system cannot take rights away from the running process")
    home = Path(tempfile.mkdtemp())
    home.chmod(0o755)
    bundle = home / "bundle"
    bundle.mkdir(mode=0o755)
    for name, content in ((REPORT, VALID), (POLICIES, VALID_POLICIES), (CONFIG, {})):
        write(bundle, name, content)
    yield bundle
    bundle.chmod(0o755)
    shutil.rmtree(home)


def test_a_valid_bundle_is_read_whole(folder: Path) -> None:
    bundle = open_bundle(folder)
    assert (bundle.path, bundle.run_id, bundle.dry_run) == (folder, "run-20240115-143000", False)
    assert bundle.started_at == datetime(2024, 1, 15, 14, 20, tzinfo=UTC)
    assert bundle.completed_at == datetime(2024, 1, 15, 14, 28, tzinfo=UTC)
    assert {name: entity.expected for name, entity in bundle.entities.items()} == {
        "members": 3,
        "events": 4,
        "registrations": 5,
    }
    assert bundle.record_counts == {"members": 2, "events": None, "registrations": None}
    assert [(p.entity, p.source_row, p.message, p.wa_id) for p in bundle.problems] == [
        ("member", 4, "Missing email", "WA003")
    ]
    assert bundle.policies is None
    assert bundle.config is None


def test_the_frames_hold_what_the_bundle_says(folder: Path) -> None:
    write(folder, POLICIES, VALID_POLICIES)
    source = frames(open_bundle(folder))
    assert source["run"].row(0, named=True)["rows_in_all"] == 3 + 4 + 5
    assert source["counts"].select("place", "entity", "expected", "records").rows() == [
        (0, "members", 3, 2),
        (1, "events", 4, None),
        (2, "registrations", 5, None),
    ]
    assert source["id_mappings"].rows() == [("members", "WA001", "m-1"), ("events", "7", "e-1")]
    assert source["policies"]["value"].to_list() == ['"America/Los_Angeles"', "90"]


@pytest.mark.parametrize("key", ["startedAt", "completedAt", "config", "summary", "errors", "idMapping"])
def test_what_importers_leave_out_is_not_asked_for(folder: Path, key: str) -> None:
    write(folder, REPORT, changed(VALID, (key,)))
    assert open_bundle(folder).run_id == VALID["runId"]


@pytest.mark.parametrize("key", ["startedAt", "completedAt", "idMapping"])
def test_null_stands_for_what_an_importer_that_died_did_not_write(folder: Path, key: str) -> None:
    write(folder, REPORT, changed(VALID, (key,), None))
    bundle = open_bundle(folder)
    assert (bundle.started_at is None, bundle.completed_at is None, not bundle.id_mappings) == (
        key == "startedAt",
        key == "completedAt",
        key == "idMapping",
    )


def test_keys_that_recon_does_not_know_are_kept_at_every_level(folder: Path) -> None:
    report = deepcopy(VALID)
    for steps in ((), ("members",), ("members", "records", 0), ("errors", 0), ("idMapping", "members", 0)):
        place: Any = report
        for step in steps:
            place = place[step]
        place["x-later"] = {"kept": [1, None, "é"]}
    write(folder, REPORT, report)
    assert open_bundle(folder).read_report() == report


def test_the_older_key_of_the_target_id_is_read(folder: Path) -> None:
    write(folder, REPORT, changed(VALID, ("idMapping", "members"), [{"waId": "WA001", "clubosId": "old-1"}]))
    assert frames(open_bundle(folder))["id_mappings"].row(0) == ("members", "WA001", "old-1")


def test_the_older_key_in_records_is_checked(folder: Path) -> None:
    write(
        folder,
        REPORT,
        changed(VALID, ("members", "records"), [{"_clubosId": "old-1"}, {"_clubosId": 5}, {"_clubosId": 5.5}]),
    )
    assert refusal(folder).where == f"{folder / REPORT}, $.members.records[2]._clubosId"


@pytest.mark.parametrize(
    "name, expected, found",
    [
        pytest.param("nowhere", f"a folder that holds {REPORT}", "nothing", id="missing"),
        pytest.param(f"bundle/{REPORT}", f"a folder that holds {REPORT}", "a file", id="a-file"),
        pytest.param(f"bundle/{REPORT}/deeper", f"a folder that holds {REPORT}", "nothing", id="below-a-file"),
    ],
)
def test_a_bundle_that_is_no_folder_is_refused(folder: Path, name: str, expected: str, found: str) -> None:
    path = folder.parent / name
    error = refusal(path)
    assert (error.where, error.expected, error.found) == (str(path), expected, found)


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    error = refusal(tmp_path)
    assert f"no {REPORT}" in error.what
    assert error.found == "an empty folder"


def test_a_folder_without_report_is_refused_with_what_it_holds(folder: Path) -> None:
    (folder / REPORT).rename(folder / "report.json")
    error = refusal(folder)
    assert f"no {REPORT}" in error.what
    assert error.found == "report.json"


def test_a_report_that_is_a_folder_is_not_said_to_be_absent(folder: Path) -> None:
    (folder / REPORT).unlink()
    (folder / REPORT).mkdir()
    error = refusal(folder)
    assert "folder" in (error.found or "")


def test_a_report_that_links_to_nothing_is_not_said_to_be_there(folder: Path) -> None:
    (folder / REPORT).unlink()
    (folder / REPORT).symlink_to(folder / "moved-away.json")
    assert refusal(folder).found != REPORT


@pytest.mark.parametrize("name", [POLICIES, CONFIG])
def test_an_optional_file_that_links_to_nothing_is_an_error(folder: Path, name: str) -> None:
    (folder / name).symlink_to(folder / "moved-away.json")
    assert str(folder / name) in (refusal(folder).where or "")


@pytest.mark.parametrize("name", [POLICIES, CONFIG])
def test_an_optional_file_that_is_a_folder_is_an_error(folder: Path, name: str) -> None:
    (folder / name).mkdir()
    with pytest.raises(BundleError, match=f"{name} cannot be read.*directory"):
        open_bundle(folder)


def test_a_name_longer_than_the_system_takes_is_an_error() -> None:
    with pytest.raises(BundleError, match=r"cannot be opened.*too long.*Check the path"):
        open_bundle(Path("x" * 5000))


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_is_an_error(open_folder: Path, name: str) -> None:
    (open_folder / name).chmod(0)
    with unprivileged(), pytest.raises(BundleError) as caught:
        open_bundle(open_folder)
    assert caught.value.where == str(open_folder / name)
    assert caught.value.found == "Permission denied"
    assert "permissions" in (caught.value.next_step or "")


@pytest.mark.parametrize("mode", [0, 0o311, 0o644], ids=["closed", "unlistable", "not-enterable"])
def test_an_unreadable_folder_is_an_error(open_folder: Path, mode: int) -> None:
    (open_folder / REPORT).unlink()
    open_folder.chmod(mode)
    with unprivileged(), pytest.raises(BundleError, match=r"Permission denied.*permissions") as caught:
        open_bundle(open_folder)
    assert caught.value.where == str(open_folder)


ENCODINGS = {
    "utf-16-with-mark": "utf-16",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
    "utf-32-with-mark": "utf-32",
    "utf-32-le": "utf-32-le",
    "utf-32-be": "utf-32-be",
}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("name", FILES)
def test_utf_16_and_utf_32_are_named(folder: Path, name: str, encoding: str) -> None:
    write(folder, name, json.dumps(VALID | VALID_POLICIES).encode(encoding))
    error = refusal(folder)
    assert (error.where, error.expected) == (str(folder / name), "UTF-8")
    assert "UTF-16" in (error.found or "")
    assert "UTF-8" in (error.next_step or "")


@pytest.mark.parametrize("mark", ["fffe", "feff"], ids=["little", "big"])
def test_a_file_of_a_utf_16_mark_alone_is_named(folder: Path, mark: str) -> None:
    write(folder, REPORT, bytes.fromhex(mark))
    assert "UTF-16" in (refusal(folder).found or "")


@pytest.mark.parametrize(
    "broken, byte",
    [
        pytest.param("é".encode("latin-1"), "0xe9", id="latin-1"),
        pytest.param("\ud800".encode("utf-8", "surrogatepass"), "0xed", id="a-surrogate"),
        pytest.param(b"\xc0\x80", "0xc0", id="an-overlong-nul"),
        pytest.param(b"\xe2\x82", "0xe2", id="half-a-character"),
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_invalid_utf_8_is_named_by_byte_and_line(folder: Path, name: str, broken: bytes, byte: str) -> None:
    write(folder, name, b'{\n  "runId": "' + broken + b'"}')
    error = refusal(folder)
    assert error.where == str(folder / name)
    assert error.found == f"byte {byte} at offset 14 (line 2)"


@pytest.mark.parametrize("name", FILES)
def test_a_utf_8_byte_order_mark_is_fine(folder: Path, name: str) -> None:
    write(folder, name, b"\xef\xbb\xbf" + json.dumps(VALID | VALID_POLICIES).encode())
    bundle = open_bundle(folder)
    assert bundle.run_id == VALID["runId"]
    assert bundle.read_report()["runId"] == VALID["runId"]


@pytest.mark.parametrize(
    "text, place, found",
    [
        pytest.param("", "line 1 column 1", "an empty file", id="empty"),
        pytest.param(" \n ", "line 2 column 2", "an empty file", id="blank"),
        pytest.param('{"runId": "x", ', "line 1 column 16", "the end of the file: it is truncated", id="cut-in-object"),
        pytest.param('{"errors": [', "line 1 column 13", "the end of the file: it is truncated", id="cut-in-list"),
        pytest.param(
            '{\n"runId": "run-2', "line 2 column 10", "the end of the file: it is truncated", id="cut-in-text"
        ),
        pytest.param('{"dryRun": fal', "line 1 column 12", None, id="cut-in-a-word"),
        pytest.param('{"a": 1}{"b": 2}', "line 1 column 9", None, id="two-documents"),
        pytest.param('{"a": 1,\n}', "line 2 column 1", None, id="a-comma-too-many"),
        pytest.param("{'a': 1}", "line 1 column 2", None, id="single-quotes"),
        pytest.param('{"a": 01}', "line 1 column 8", None, id="a-leading-zero"),
        pytest.param('{"a" 1}', "line 1 column 6", None, id="no-colon"),
        pytest.param("<html>\n</html>", "line 1 column 1", None, id="a-web-page"),
        pytest.param('{"a": "line\nbreak"}', "line 1 column 12", None, id="a-raw-line-break"),
        pytest.param('{"a": "\\x"}', "line 1 column 8", None, id="no-such-escape"),
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_malformed_json_is_named_by_line_and_column(
    folder: Path, name: str, text: str, place: str, found: str | None
) -> None:
    write(folder, name, text.encode())
    error = refusal(folder)
    assert f"{name} is not valid JSON" in error.what
    assert error.where == f"{folder / name}, {place}"
    assert error.found == found or found is None
    assert not (error.found or "").endswith(" at")


@pytest.mark.rounds
def test_a_truncated_report_is_said_to_be_truncated_wherever_it_ends(folder: Path) -> None:
    whole = json.dumps(VALID)
    for end in range(1, len(whole) - 1, 5 if SOAKING else 83):
        write(folder, REPORT, whole[:end].encode())
        error = refusal(folder)
        assert "line 1 column" in (error.where or "")
        assert re.search(r"truncated|Expecting|escape", error.found or "")


@pytest.mark.parametrize(
    "document, found",
    [
        pytest.param("[]", "a list of 0", id="list"),
        pytest.param('"[2147]"', 'the text "[2147]"', id="text"),
        pytest.param("null", "null", id="null"),
        pytest.param("7", "the number 7", id="number"),
        pytest.param("true", "true", id="boolean"),
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_only_an_object_may_stand_at_the_top(folder: Path, name: str, document: str, found: str) -> None:
    write(folder, name, document.encode())
    error = refusal(folder)
    assert (error.where, error.expected, error.found) == (str(folder / name), "an object at the top", found)


@pytest.mark.parametrize("opening", ["[", '{"a":'], ids=["lists", "objects"])
@pytest.mark.parametrize("closed", [True, False], ids=["closed", "cut"])
@pytest.mark.parametrize("name", FILES)
def test_json_nested_too_deep_is_an_error(folder: Path, name: str, opening: str, closed: bool) -> None:
    depth = 50_000
    closing = ("]" if opening == "[" else "}") * depth if closed else ""
    text = json.dumps(VALID | VALID_POLICIES)[:-1] + ', "x": ' + opening * depth + "0" + closing + "}"
    write(folder, name, text.encode())
    error = refusal(folder)
    assert str(folder / name) in (error.where or "")
    assert "too deep" in (error.found or "")


@pytest.mark.parametrize("name", FILES)
def test_half_a_character_is_read_as_the_replacement_character(folder: Path, name: str) -> None:
    halves = {"runId": "run \ud83d", "key\udc00": "\\ud83d", "version": "\ud800 and \udfff", "whole": "😀"}
    write(folder, name, json.dumps(VALID | VALID_POLICIES | halves).encode())
    bundle = open_bundle(folder)
    assert bundle.run_id == ("run \ufffd" if name == REPORT else VALID["runId"])
    assert read_json(folder / name) | {
        "key\ufffd": "\\ud83d",
        "version": "\ufffd and \ufffd",
        "whole": "😀",
    } == read_json(folder / name)
    assert bundle.notes == (
        f"{name}: 3 texts held half a character (an escape such as \\ud83d alone), which is read as U+FFFD",
    )


@pytest.mark.parametrize(
    "name, meant",
    [
        ("policies.json", POLICIES),
        ("Policy_Bundle (1).JSON", POLICIES),
        ("polcy-bundle.json", POLICIES),
        ("policy-bundle.json.txt", POLICIES),
        ("migration_config.json", CONFIG),
        ("config.json", CONFIG),
    ],
)
def test_an_optional_file_under_another_name_is_named(folder: Path, name: str, meant: str) -> None:
    (folder / meant).unlink(missing_ok=True)
    for other in ("package.json", "report.json", "members.json"):
        (folder / other).write_text("{}", encoding="utf-8")
    (folder / name).write_text("{}", encoding="utf-8")
    assert open_bundle(folder).notes == (f"{name} is not read: it would be under the name {meant}",)
    (folder / meant).write_text(json.dumps(VALID_POLICIES if meant == POLICIES else {}), encoding="utf-8")
    assert open_bundle(folder).notes == ()


def test_policies_are_read_from_policy_json_where_the_other_is_missing(folder: Path) -> None:
    write(folder, "policy.json", VALID_POLICIES)
    write(folder, "policies.json", {})
    bundle = open_bundle(folder)
    assert (len(bundle.policies or ()), bundle.notes) == (2, ())
    write(folder, POLICIES, {"policies": []})
    bundle = open_bundle(folder)
    assert (bundle.policies, bundle.notes) == ((), (f"policy.json is not read: {POLICIES} is",))
    write(folder, "policy.json", b"{")
    (folder / POLICIES).unlink()
    assert refusal(folder).what == "policy.json is not valid JSON"


@pytest.mark.parametrize("name", FILES)
def test_what_is_wrong_beside_half_a_character_is_named_by_its_place(folder: Path, name: str) -> None:
    write(folder, name, b'{"runId": "a\\ud83d",\n "version": "b\\ud83d", oops}')
    error = refusal(folder)
    assert error.what == f"{name} is not valid JSON"
    assert error.where == f"{folder / name}, line 2 column 24"


# What is stored of the text that the bundle has → how many records the ledger leaves unexplained.
CUT_AT_NUL = {"Fun": 0, "Fun\0day": 0, "Funday": 1, "Fun\ufffdday": 1}


@pytest.mark.parametrize("stored", CUT_AT_NUL)
@pytest.mark.parametrize("large_bytes", [0, 2**40], ids=["large", "small"])
def test_a_nul_in_a_text_ends_no_verification(
    demo: DemoPaths, monkeypatch: pytest.MonkeyPatch, stored: str, large_bytes: int
) -> None:
    monkeypatch.setattr(reading, "LARGE_BYTES", large_bytes)
    ids = []

    def put(report: dict[str, Any]) -> None:
        record = next(each for each in report["events"]["records"] if each["_action"] == "create")
        record["description"] = "Fun\0day"
        report["errors"].append({"entity": "event", "message": "cut \0 here", "waId": "x\0"})
        ids.append(record["_murmurantId"])

    edit_report(demo.bundle, put)
    with closing(sqlite3.connect(demo.database)) as database, database:
        database.execute('update "Event" set description = ? where id = ?', (stored, *ids))
    verification = verify(demo)
    assert check_of(verification, "altered_records").outcome == ("PASS" if stored == "Fun\0day" else "FAIL")
    assert verification.ledger is not None
    assert verification.ledger.unexplained == CUT_AT_NUL[stored]


@pytest.mark.soak
def test_nul_and_half_a_character_are_in_every_report(demo: DemoPaths, tmp_path: Path) -> None:
    def put(report: dict[str, Any]) -> None:
        report["events"]["records"][0] |= {"description": "Fun\0day \ud83d", "k\ud83d\0": 1}
        report["errors"].append({"entity": "event", "message": "cut \0 \ud83d here"})

    edit_report(demo.bundle, put)
    for kind in FORMATS:
        output = tmp_path / f"report.{kind}"
        done = run_in_process("verify", demo.bundle, "--database", demo.database, "-f", kind, "-o", output)
        assert done.code == 1, done.err
        assert "3 texts held half a character" in done.out
        assert output.stat().st_size > 0


def test_a_pair_of_surrogates_is_a_character(folder: Path) -> None:
    write(folder, REPORT, changed(VALID, ("runId",), "run-😀"))
    assert b"\\ud83d\\ude00" in (folder / REPORT).read_bytes()
    assert open_bundle(folder).run_id == "run-😀"


@pytest.mark.parametrize("count", ["created", "updated", "totalRows", "parsed", "skipped", "errors"])
@pytest.mark.parametrize("entity", ["members", "events", "registrations"])
def test_each_count_is_checked(folder: Path, entity: str, count: str) -> None:
    write(folder, REPORT, changed(VALID, (entity, count), "2147"))
    error = refusal(folder)
    assert error.where == f"{folder / REPORT}, $.{entity}.{count}"
    assert (error.expected or "").startswith(WHOLE)
    assert error.found == 'the text "2147"'


@pytest.mark.parametrize(
    "value, found",
    [
        pytest.param("-1", "the number -1", id="negative"),
        pytest.param("1.5", "the number 1.5", id="fraction"),
        pytest.param('"5"', 'the text "5"', id="text"),
        pytest.param('"[5]"', 'the text "[5]"', id="short-form"),
        pytest.param("true", "true", id="true"),
        pytest.param("false", "false", id="false"),
        pytest.param("null", "null", id="null"),
        pytest.param("[5]", "a list of 1", id="list"),
        pytest.param("{}", "an object", id="object"),
        pytest.param("9007199254740992", "the number 9007199254740992", id="two-to-the-53"),
        pytest.param("18446744073709551616", "the number 18446744073709551616", id="two-to-the-64"),
        pytest.param("9" * 400, "a number of more than 30 digits", id="400-digits"),
        pytest.param("1e300", "a number of more than 30 digits", id="1e300"),
    ],
)
def test_a_count_is_a_whole_number(folder: Path, value: str, found: str) -> None:
    text = json.dumps(changed(VALID, ("members", "created"), "HERE"))
    write(folder, REPORT, text.replace('"HERE"', value).encode())
    error = refusal(folder)
    assert error.where == f"{folder / REPORT}, $.members.created"
    assert re.match(rf"{WHOLE}|a count below 9,007,199,254,740,992", error.expected or "")
    assert error.found == found


@pytest.mark.parametrize(
    "value, found",
    [
        pytest.param("NaN", "NaN", id="nan"),
        pytest.param("Infinity", "Infinity", id="infinity"),
        pytest.param("-Infinity", "-Infinity", id="minus-infinity"),
        pytest.param("1e400", "number", id="1e400"),
        pytest.param("-1e400", "number", id="minus-1e400"),
        pytest.param("9" * 5000, "number", id="5000-digits"),
    ],
)
def test_a_count_that_no_json_number_is_says_where_it_stands(folder: Path, value: str, found: str) -> None:
    text = json.dumps(changed(VALID, ("members", "created"), "HERE"), indent=1)
    line = text[: text.index('"HERE"')].count("\n") + 1
    write(folder, REPORT, text.replace('"HERE"', value).encode())
    error = refusal(folder)
    assert found in (error.found or "")
    assert "\\ud800" not in error.message
    assert "sys." not in error.message
    assert re.search(rf"\$\.members\.created|line {line}\b", error.where or "")


def test_the_greatest_count_is_read_and_summed(folder: Path) -> None:
    greatest = 2**53 - 1
    report = deepcopy(VALID)
    for entity in ("members", "events", "registrations"):
        report[entity].update(dict.fromkeys((*REST, "created"), greatest))
    write(folder, REPORT, report)
    source = frames(open_bundle(folder))
    assert source["counts"]["expected"].to_list() == [2 * greatest] * 3
    assert source["run"]["rows_in_all"].to_list() == [12 * greatest]


@pytest.mark.parametrize(
    "steps",
    [
        ("runId",),
        ("dryRun",),
        ("members",),
        ("events",),
        ("registrations",),
        ("members", "created"),
        ("registrations", "updated"),
        ("errors", 0, "entity"),
        ("errors", 0, "message"),
    ],
    ids=json_path,
)
def test_a_missing_key_is_named(folder: Path, steps: Steps) -> None:
    write(folder, REPORT, changed(VALID, steps))
    error = refusal(folder)
    assert error.where == f"{folder / REPORT}, {json_path(steps)}"
    assert error.found == "nothing (the key is missing)"


WRONG: list[tuple[Steps, object, str, str]] = [
    (("runId",), None, "a text", "null"),
    (("runId",), 7, "a text", "the number 7"),
    (("runId",), "", "a text that is not blank", 'the text ""'),
    (("runId",), " \t ", "a text that is not blank", 'the text " \\t "'),
    (("runId",), "\u00a0", "a text that is not blank", 'the text "\u00a0"'),
    (("dryRun",), "false", "true or false", 'the text "false"'),
    (("dryRun",), 0, "true or false", "the number 0"),
    (("dryRun",), None, "true or false", "null"),
    (("startedAt",), "yesterday", TIME, 'the text "yesterday"'),
    (("completedAt",), 1705328880, TIME, "the number 1705328880"),
    (("completedAt",), "2024-02-30T00:00:00Z", TIME, 'the text "2024-02-30T00:00:00Z"'),
    (("completedAt",), "0000-01-01T00:00:00Z", TIME, 'the text "0000-01-01T00:00:00Z"'),
    (("completedAt",), "10000-01-01T00:00:00Z", TIME, 'the text "10000-01-01T00:00:00Z"'),
    (("completedAt",), "", TIME, 'the text ""'),
    (("config",), [], "an object", "a list of 0"),
    (("summary",), "none", "an object", 'the text "none"'),
    (("members",), None, "an object", "null"),
    (("members",), [], "an object", "a list of 0"),
    (("events",), "[523]", "an object", 'the text "[523]"'),
    (("members", "file"), 5, "a text", "the number 5"),
    (("members", "records"), 5, SHORT_FORM, "the number 5"),
    (("members", "records"), True, SHORT_FORM, "true"),
    (("members", "records"), {}, SHORT_FORM, "an object"),
    (("members", "records"), "2147", SHORT_FORM, 'the text "2147"'),
    (("members", "records"), "[]", SHORT_FORM, 'the text "[]"'),
    (("members", "records"), "[-1]", SHORT_FORM, 'the text "[-1]"'),
    (("members", "records"), "[1.5]", SHORT_FORM, 'the text "[1.5]"'),
    (("members", "records"), "[1]\n", SHORT_FORM, 'the text "[1]\\n"'),
    (("members", "records"), "[Array]", SHORT_FORM, 'the text "[Array]"'),
    (("members", "records"), "[٣]", SHORT_FORM, 'the text "[٣]"'),
    (("members", "records"), f"[{'9' * 30}]", SHORT_FORM, f'the text "[{"9" * 30}]"'),
    (("members", "records", 1), None, "an object", "null"),
    (("members", "records", 1), [], "an object", "a list of 0"),
    (("members", "records", 1), "WA001", "an object", 'the text "WA001"'),
    (("members", "records", 1, "_sourceRow"), "3", WHOLE, 'the text "3"'),
    (("members", "records", 1, "_sourceRow"), -3, WHOLE, "the number -3"),
    (("members", "records", 1, "_waId"), [], "a text", "a list of 0"),
    (("members", "records", 1, "_waId"), 1.5, "a text", "the number 1.5"),
    (("members", "records", 1, "_waId"), True, "a text", "true"),
    (("members", "records", 1, "_murmurantId"), 5.5, "a text", "the number 5.5"),
    (("members", "records", 1, "_action"), 5, "a text", "the number 5"),
    (("members", "records", 1, "_errors"), "Missing email", "a list", 'the text "Missing email"'),
    (("errors",), {}, "a list", "an object"),
    (("errors",), "none", "a list", 'the text "none"'),
    (("errors", 0), "Missing email", "an object", 'the text "Missing email"'),
    (("errors", 0, "entity"), 5, "a text", "the number 5"),
    (("errors", 0, "message"), None, "a text", "null"),
    (("errors", 0, "sourceRow"), "4", WHOLE, 'the text "4"'),
    (("errors", 0, "waId"), {}, "a text", "an object"),
    (("idMapping",), [], "an object", "a list of 0"),
    (("idMapping", "members"), 5, "a list", "the number 5"),
    (("idMapping", "events"), {}, "a list", "an object"),
    (("idMapping", "events"), None, "a list", "null"),
    (("idMapping", "members", 0), "WA001", "an object", 'the text "WA001"'),
    (("idMapping", "members", 0, "waId"), [], "a text", "a list of 0"),
    (("idMapping", "members", 0, "murmurantId"), True, "a text", "true"),
    (("idMapping", "events", 0, "clubosId"), [5], "a text", "a list of 1"),
]


@pytest.mark.parametrize(
    "steps, value, expected, found", WRONG, ids=[f"{json_path(steps)}={value!r}"[:60] for steps, value, *_ in WRONG]
)
def test_a_wrong_value_is_named_by_its_path(
    folder: Path, steps: Steps, value: object, expected: str, found: str
) -> None:
    write(folder, REPORT, changed(VALID, steps, value))
    error = refusal(folder)
    assert f"{REPORT} has a wrong value" in error.what
    assert error.where == f"{folder / REPORT}, {json_path(steps)}"
    assert expected in (error.expected or "")
    assert error.found == found


def test_a_wrong_item_of_a_list_inside_a_record_is_shown(folder: Path) -> None:
    records = [{}, {"_errors": ["Missing email", 5]}]
    write(folder, REPORT, changed(VALID, ("members", "records"), records))
    error = refusal(folder)
    assert error.where == f"{folder / REPORT}, $.members.records[1]._errors[1]"
    assert (error.expected, error.found) == ("a text", "the number 5")


@pytest.mark.parametrize("last", [1, 49_999], ids=["early", "late"])
def test_the_first_wrong_record_of_many_is_named(folder: Path, last: int) -> None:
    records: list[dict[str, Any]] = [{"_sourceRow": number} for number in range(50_000)]
    records[last]["_sourceRow"] = "x"
    write(folder, REPORT, changed(VALID, ("registrations", "records"), records))
    assert refusal(folder).where == f"{folder / REPORT}, $.registrations.records[{last}]._sourceRow"


def test_long_values_are_cut_in_the_message(folder: Path) -> None:
    write(folder, REPORT, changed(VALID, ("members", "created"), "x" * 100_000))
    assert refusal(folder).found == f'the text "{"x" * 60}"…'


@pytest.mark.parametrize(
    "text, expected",
    [
        pytest.param("2024-01-15T14:28:00.000Z", datetime(2024, 1, 15, 14, 28, tzinfo=UTC), id="utc"),
        pytest.param("2024-01-15T14:28:00+02:00", datetime(2024, 1, 15, 12, 28, tzinfo=UTC), id="offset"),
        pytest.param("2024-01-15T14:28:00", datetime(2024, 1, 15, 14, 28, tzinfo=UTC), id="without-zone-is-utc"),
        pytest.param("2024-02-29T23:59:59.999999Z", datetime(2024, 2, 29, 23, 59, 59, 999999, tzinfo=UTC), id="leap"),
        pytest.param("0001-01-01T00:00:00Z", datetime(1, 1, 1, tzinfo=UTC), id="first"),
        pytest.param("9999-12-31T23:59:59Z", datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC), id="last"),
    ],
)
def test_times_are_read_in_utc(folder: Path, text: str, expected: datetime) -> None:
    write(folder, REPORT, changed(VALID, ("completedAt",), text))
    bundle = open_bundle(folder)
    assert bundle.completed_at == expected
    assert frames(bundle)["run"]["completed_at"].to_list() == [expected.replace(tzinfo=None)]


@pytest.mark.parametrize("key", ["startedAt", "completedAt"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"], ids=["before", "after"])
def test_a_time_beyond_the_calendar_is_an_error(folder: Path, key: str, text: str) -> None:
    write(folder, REPORT, changed(VALID, (key,), text))
    error = refusal(folder)
    assert error.where == f"{folder / REPORT}, $.{key}"
    assert text in (error.found or "")


@pytest.mark.parametrize("key", ["startedAt", "completedAt"])
@pytest.mark.parametrize("text", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z"], ids=["first", "last"])
def test_times_at_the_edge_of_the_calendar_are_verified_and_reported(demo: DemoPaths, key: str, text: str) -> None:
    edit_report(demo.bundle, lambda report: report.update({key: text}))
    verification = verify(demo)
    assert verification.verdict == "PASSED"
    for name, report_format in recon.FORMATS.items():
        assert (text[:4] in report_format.render(verification)) == (key == "completedAt"), name


def test_policies_are_read_with_their_values_as_they_are(folder: Path) -> None:
    values = ["text", 90, 1.5, True, None, [1, 2], {"Level": "GENERAL"}]
    policies = [{"key": f"k{number}", "value": value} for number, value in enumerate(values)]
    write(folder, POLICIES, {"policies": policies})
    assert [policy.value for policy in open_bundle(folder).policies or ()] == values


def test_no_policies_are_not_the_same_as_no_file_of_them(folder: Path) -> None:
    assert open_bundle(folder).policies is None
    write(folder, POLICIES, {"policies": []})
    assert open_bundle(folder).policies == ()


WRONG_POLICIES: list[tuple[Steps, object, str, str]] = [
    (("policies",), None, "a list", "null"),
    (("policies",), {}, "a list", "an object"),
    (("policies", 1), "membership.newbieDays", "an object", 'the text "membership.newbieDays"'),
    (("policies", 1, "key"), 5, "a text", "the number 5"),
    (("policies", 1, "key"), " ", "a text that is not blank", 'the text " "'),
    (("policies", 1, "source"), None, "a text", "null"),
    (("policies", 1, "required"), "yes", "true or false", 'the text "yes"'),
    (("policies", 1, "required"), None, "true or false", "null"),
    (("policies", 1, "validationError"), 5, "a text", "the number 5"),
    (("version",), 1, "a text", "the number 1"),
    (("validation",), [], "an object", "a list of 0"),
]


@pytest.mark.parametrize(
    "steps, value, expected, found",
    WRONG_POLICIES,
    ids=[f"{json_path(steps)}={value!r}" for steps, value, *_ in WRONG_POLICIES],
)
def test_a_wrong_value_among_the_policies_is_named(
    folder: Path, steps: Steps, value: object, expected: str, found: str
) -> None:
    write(folder, POLICIES, changed(VALID_POLICIES, steps, value))
    error = refusal(folder)
    assert error.where == f"{folder / POLICIES}, {json_path(steps)}"
    assert expected in (error.expected or "")
    assert error.found == found


@pytest.mark.parametrize("steps", [("policies",), ("policies", 1, "key")], ids=json_path)
def test_a_missing_key_among_the_policies_is_named(folder: Path, steps: Steps) -> None:
    write(folder, POLICIES, changed(VALID_POLICIES, steps))
    error = refusal(folder)
    assert error.where == f"{folder / POLICIES}, {json_path(steps)}"
    assert error.found == "nothing (the key is missing)"


def test_the_importers_configuration_is_kept_as_it_is(folder: Path) -> None:
    config = {"membership_status_mapping": {"_default": "active"}, "x-later": [1, {"a": None}]}
    write(folder, CONFIG, config)
    assert open_bundle(folder).config == config


def test_an_address_with_an_accent_in_a_policy_is_masked_in_every_report(demo: DemoPaths) -> None:
    policies = {"policies": [{"key": "display.contact", "value": "érica@example.org", "source": "manual"}]}
    write(demo.bundle, POLICIES, policies)
    verification = verify(demo)
    for name, report_format in recon.FORMATS.items():
        text = report_format.render(verification)
        assert "display" in text, name
        assert "rica@example.org" not in text, name


def test_policies_are_readable_in_every_report(demo: DemoPaths) -> None:
    policies = {"policies": [{"key": "display.organizationName", "value": "Café 会員 Club", "source": "manual"}]}
    write(demo.bundle, POLICIES, policies)
    verification = verify(demo)
    for name, report_format in recon.FORMATS.items():
        assert "Café 会員 Club" in report_format.render(verification), name


def test_a_dry_run_is_not_verified(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report.update(dryRun=True))
    with pytest.raises(BundleError, match=r"dry run.*wrote nothing.*--allow-dry-run"):
        verify(demo)


def test_a_dry_run_is_verified_when_asked_for(demo: DemoPaths) -> None:
    edit_report(demo.bundle, lambda report: report.update(dryRun=True))
    verification = verify(demo, allow_dry_run=True)
    assert verification.dry_run
    assert check_of(verification, "member_count").outcome == "PASS"


def test_an_error_names_the_bundle_as_the_user_wrote_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parent)
    write(folder, REPORT, {})
    with pytest.raises(BundleError) as caught:
        open_bundle(Path("bundle"))
    assert (caught.value.where or "").startswith(f"bundle/{REPORT}, ")


@pytest.mark.parametrize(
    "name, content, message",
    [
        pytest.param(REPORT, b"", "an empty file", id="empty"),
        pytest.param(REPORT, b"{", "truncated", id="truncated"),
        pytest.param(REPORT, json.dumps(VALID).encode("utf-16"), "UTF-16", id="utf-16"),
        pytest.param(REPORT, b'{"runId": "\xff"}', "byte 0xff", id="invalid-utf-8"),
        pytest.param(REPORT, b"[]", "a list of 0", id="top-level-list"),
        pytest.param(REPORT, b"[" * 100_000, "too deep", id="nested-too-deep"),
        pytest.param(REPORT, changed(VALID, ("members", "created"), "2147"), "$.members.created", id="count-as-text"),
        pytest.param(REPORT, changed(VALID, ("runId",)), "$.runId", id="no-run-id"),
        pytest.param(REPORT, changed(VALID, ("dryRun",), value=True), "dry run", id="dry-run"),
        pytest.param(POLICIES, b"{", "truncated", id="policies-truncated"),
        pytest.param(CONFIG, b"nonsense", "not valid JSON", id="configuration-malformed"),
    ],
)
def test_the_command_line_ends_in_one_message(folder: Path, name: str, content: object, message: str) -> None:
    write(folder, name, content)
    done = run_in_process("verify", "-b", folder, "--database", folder / "none.db", "-o", folder / "report.md")
    assert done.code == 2
    assert done.err.startswith("Bundle error: ")
    assert done.err.count("\n") == 1
    assert message in done.err
    assert "Bundle error" in (folder / "report.md").read_text(encoding="utf-8")


def test_a_missing_bundle_ends_the_command_line_in_one_message(tmp_path: Path) -> None:
    done = run_in_process("verify", "-b", tmp_path / "nowhere", "--database", "x.db", "-o", tmp_path / "report.md")
    assert done.code == 2
    assert re.fullmatch(
        r"Bundle error: The bundle was not found \(.*nowhere\): expected .*\. Check the path\n", done.err
    )


@pytest.mark.rounds
def test_policies_just_as_deep_as_can_be_read_are_reported(demo: DemoPaths) -> None:
    """Whatever depth the reader accepts, the writers of reports must stand as well."""
    refused: BundleError | None = None
    for depth in range(700, 1000, 1 if SOAKING else 7):
        value = "[" * depth + "]" * depth
        write(demo.bundle, POLICIES, b'{"policies": [{"key": "k", "value": %s}]}' % value.encode())
        try:
            bundle = open_bundle(demo.bundle)
        except BundleError as error:
            refused = error
            break
        assert frames(bundle)["policies"]["value"].to_list() == [value]
    assert refused
    assert "too deep" in (refused.found or "")
