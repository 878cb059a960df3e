"""What is streamed from a large report is what is read of a small one, and what is no list of records is refused."""

from __future__ import annotations

import json
import resource
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soaking import examples
from support import verify

from recon.bundle import open_bundle, reading
from recon.bundle.jsonfile import mend_halves
from recon.bundle.lists import read_envelope
from recon.demo import write_demo
from recon.errors import BundleError
from recon.warehouse import Warehouse, load_lists
from recon.warehouse.load_bundle import load_bundle

if TYPE_CHECKING:
    from mmap import mmap
    from pathlib import Path

TABLES = ("run", "counts", "errors", "id_mappings", "policies")
REPORT = "migration-report.json"
ENTITY = {"totalRows": 1, "parsed": 1, "created": 1, "updated": 0, "skipped": 0, "errors": 0}
NASTY = [
    "}, {",
    "},{",
    "[{},{",
    "",
    " ",
    "12",
    "-3",
    "1.5",
    "1e3",
    "true",
    "null",
    "{",
    "[1]",
    '"',
    "\\",
    "\n",
    "é😀",
    "\u202e",
    "\u0000",
]

texts = st.sampled_from(NASTY) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
ids = st.none() | texts | st.integers(-(2**63), 2**63 - 1)
counts = st.none() | st.integers(0, 2**53 - 1)
unknown = st.dictionaries(st.just("x-later"), st.lists(texts | st.none() | st.booleans(), max_size=3), max_size=1)


def objects(required: dict[str, Any], optional: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda known, more: more | known, st.fixed_dictionaries(required, optional=optional), unknown)


records = objects(
    {},
    {
        "_sourceRow": counts,
        "_waId": ids,
        "_murmurantId": ids,
        "_clubosId": ids,
        "_action": st.none() | texts,
        "_errors": st.none() | st.lists(texts, max_size=3),
        "email": st.none() | texts | st.integers() | st.booleans(),
    },
)
problems = objects({"entity": texts, "message": texts}, {"sourceRow": counts, "waId": ids})
mappings = objects({}, {"waId": ids, "murmurantId": ids, "clubosId": ids})


def report_of(**parts: Any) -> dict[str, Any]:
    entities: dict[str, Any] = {name: ENTITY | {"records": []} for name in ("members", "events", "registrations")}
    return {"runId": "run-1", "dryRun": False, **entities, **parts}


def source_tables(folder: Path, large_bytes: int, *references: str, cores: int = 1) -> dict[str, list[tuple[Any, ...]]]:
    """The rows of the bundle's tables; a report of more than `large_bytes` is streamed, in a piece for each core."""
    with pytest.MonkeyPatch.context() as patch, Warehouse() as warehouse:
        patch.setattr(reading, "LARGE_BYTES", large_bytes)
        patch.setattr(load_lists, "SPLIT_BYTES", 0)
        patch.setattr("os.cpu_count", lambda: cores)
        load_bundle(open_bundle(folder), warehouse, references)
        warehouse.verify_loads()
        names = (*TABLES, *{reference.split(".")[1] for reference in references})
        return {n: warehouse.connection.execute(f"from source.{n} order by all").fetchall() for n in names}


@settings(max_examples=examples(30), suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(
    members=st.lists(records, max_size=4),
    errors=st.lists(problems, max_size=3),
    mapped=st.dictionaries(st.sampled_from(["members", "events", "x"]), st.lists(mappings, max_size=3), max_size=2),
    shape=st.tuples(st.sampled_from([None, 2]), st.integers(1, 5)),
)
def test_a_streamed_report_gives_the_rows_of_one_read_whole(
    tmp_path: Path, members: list[Any], errors: list[Any], mapped: dict[str, Any], shape: tuple[int | None, int]
) -> None:
    indent, cores = shape
    report = report_of(members=ENTITY | {"records": members}, errors=errors, idMapping=mapped)
    (tmp_path / REPORT).write_text(json.dumps(report, indent=indent, ensure_ascii=False), encoding="utf-8")
    whole = source_tables(tmp_path, 2**40)
    assert source_tables(tmp_path, 0, cores=cores) == whole
    assert [row[8] for row in sorted(whole["counts"])] == [len(members), 0, 0]


def is_json(file: Path) -> bool:
    try:
        json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        return False
    return True


@pytest.mark.parametrize(
    "member, is_cut",
    [
        pytest.param({"email": "a@example.com"}, True, id="plain"),
        pytest.param({"email": "}, {" * 400}, False, id="text-that-looks-like-the-end-of-an-item"),
        pytest.param({"x-later": [{"a": [{}, {}]}, {"b": 1}] * 100}, False, id="objects-inside"),
    ],
)
@pytest.mark.parametrize("cores", [1, 2, 3, 7])
def test_a_list_that_was_cut_in_the_wrong_place_is_read_whole(
    tmp_path: Path, member: dict[str, Any], is_cut: bool, cores: int
) -> None:
    members = [member | {"_sourceRow": row, "_waId": str(row), "_action": "create"} for row in range(50)]
    (tmp_path / REPORT).write_text(json.dumps(report_of(members=ENTITY | {"records": members})), encoding="utf-8")
    listed = next(found for found in read_envelope(tmp_path / REPORT)[1] if found.table == "members")
    pieces = listed.write(tmp_path, cores)
    assert len(pieces) == cores
    assert all(map(is_json, pieces)) == (is_cut or cores == 1)
    tables = source_tables(tmp_path, 0, "source.members", cores=cores)
    assert [row[:2] for row in tables["members"]] == [(row, str(row)) for row in range(50)]


def test_what_is_wrong_in_a_later_piece_is_reported_by_its_place_in_the_list(tmp_path: Path) -> None:
    members = [{"_sourceRow": row, "_action": "create" if row < 40 else 5} for row in range(50)]
    (tmp_path / REPORT).write_text(json.dumps(report_of(members=ENTITY | {"records": members})), encoding="utf-8")
    with pytest.raises(BundleError, match=r"\$\.members\.records\[40\]\._action"):
        source_tables(tmp_path, 0, cores=4)


@pytest.mark.soak
def test_a_verdict_does_not_depend_on_how_the_report_was_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    faulty = write_demo(tmp_path, faults=["missing-members", "duplicate-in-bundle", "rejected-rows"])
    whole = verify(faulty)
    monkeypatch.setattr(reading, "LARGE_BYTES", 0)
    streamed = verify(faulty)
    assert [(c.id, c.outcome, c.message) for c in streamed.checks] == [
        (c.id, c.outcome, c.message) for c in whole.checks
    ]
    assert {c.outcome for c in streamed.checks} > {"FAIL"}


@pytest.mark.parametrize("large_bytes", [0, 2**40], ids=["large", "small"])
def test_records_become_a_table_where_a_rule_reads_them(tmp_path: Path, large_bytes: int) -> None:
    member = {
        "_sourceRow": 2,
        "_waId": 17,
        "_clubosId": "m-1",
        "_action": "create",
        "_errors": ["late", 'a "quote"'],
        "firstName": "Ada\n",
        "email": None,
        "waMembershipLevel": 3,
    }
    (tmp_path / REPORT).write_text(json.dumps(report_of(members=ENTITY | {"records": [member]})), encoding="utf-8")
    assert source_tables(tmp_path, large_bytes, "source.members.email")["members"] == [
        (2, "17", "m-1", "create", ["late", 'a "quote"'], "Ada\n", None, None, None, None, None, "3", None)
    ]


def test_the_short_form_has_no_records_to_read(tmp_path: Path) -> None:
    (tmp_path / REPORT).write_text(json.dumps(report_of(events=ENTITY | {"records": "[1]"})), encoding="utf-8")
    with Warehouse() as warehouse:
        load_bundle(open_bundle(tmp_path), warehouse, ["source.events"])
        assert warehouse.missing == {"source.events": "the bundle counts its events and does not list them"}
        assert warehouse.rows("select * from source.events") == []


def test_a_key_that_stands_twice_in_a_streamed_record_is_refused(tmp_path: Path) -> None:
    items = b'[{"_waId": "a"}, {"_waId": "b@example.com", "_waId": "c"}]'
    (tmp_path / REPORT).write_bytes(json.dumps(report_of()).encode().replace(b"[]", items, 1))
    with pytest.raises(BundleError) as caught:
        source_tables(tmp_path, 0)
    assert caught.value.where == f"{tmp_path / REPORT}, $.members.records[1]"
    assert caught.value.found == 'an object that has duplicate key "_waId"'


def test_bytes_that_are_no_text_are_named_in_a_streamed_report(tmp_path: Path) -> None:
    text = json.dumps(report_of()).encode().replace(b"[]", b'[{"x": "\xff"}]', 1)
    (tmp_path / REPORT).write_bytes(text)
    with pytest.raises(BundleError) as caught:
        source_tables(tmp_path, 0)
    assert caught.value.found == f"byte 0xff at offset {text.index(0xFF)} (line 1)"


def test_a_full_disk_is_reported_with_what_to_do(tmp_path: Path) -> None:
    members = [{"_waId": str(row)} for row in range(1000)]
    (tmp_path / REPORT).write_text(json.dumps(report_of(members=ENTITY | {"records": members})), encoding="utf-8")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (5000, limits[1]))
    try:
        with pytest.raises(BundleError, match=r"expected room for 1 MB, found File too large\. .*TMPDIR"):
            source_tables(tmp_path, 0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_nothing_of_a_streamed_report_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scratch, folder = tmp_path / "scratch", tmp_path / "bundle"
    scratch.mkdir()
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(scratch))
    (folder / REPORT).write_text(
        json.dumps(report_of(members=ENTITY | {"records": [{"_action": 5}]})), encoding="utf-8"
    )
    with pytest.raises(BundleError, match=r"members\.records\[0\]\._action"):
        source_tables(folder, 0)
    assert list(scratch.iterdir()) == []


def halved(records: int) -> dict[str, Any]:
    """A report with halves of characters in every list, in keys and in texts outside of them."""
    members = [
        {"_sourceRow": row + 2, "_waId": str(row), "firstName": f"Ann \ud83d{row}", "k\udc00": "😀\ude00"}
        for row in range(records)
    ]
    problems = [{"entity": "member", "message": f"{row} \udbff"} for row in range(records)]
    mapped = {"members": [{"waId": str(row), "murmurantId": f"m\ud83d{row}"} for row in range(records)]}
    return report_of(members=ENTITY | {"records": members}, errors=problems, idMapping=mapped, runId="run \ud83d")


@pytest.mark.parametrize("cores", [1, 3])
def test_halves_of_characters_are_streamed_as_they_are_read_whole(tmp_path: Path, cores: int) -> None:
    (tmp_path / REPORT).write_text(json.dumps(halved(40)), encoding="utf-8")
    whole = source_tables(tmp_path, 2**40, "source.members")
    assert source_tables(tmp_path, 0, "source.members", cores=cores) == whole
    assert "Ann \ufffd7" in whole["members"][7]
    assert {row[-1] for row in whole["errors"]} == {f"{row} \ufffd" for row in range(40)}


@pytest.mark.parametrize("is_halved", [True, False])
def test_a_large_report_is_searched_for_halves_once_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_halved: bool
) -> None:
    text = json.dumps(halved(40))
    (tmp_path / REPORT).write_text(text if is_halved else text.replace("\\ud", "\\u0"), encoding="utf-8")
    searched: list[int] = []

    def count(content: bytearray | mmap) -> tuple[list[int], int]:
        searched.append(len(content))
        return mend_halves(content)

    monkeypatch.setattr("recon.bundle.lists.mend_halves", count)
    monkeypatch.setattr("recon.bundle.jsonfile.mend_halves", count)
    source_tables(tmp_path, 0, cores=3)
    assert len(searched) == is_halved
