from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from recon.errors import SuiteError
from recon.gx import load_gx_suite
from recon.rules import load_document, load_suite, shipped_folder

if TYPE_CHECKING:
    from pathlib import Path

TWICE = [{"table": "members", "order": 7}, {"table": "events", "order": 8}]


def written(folder: Path, repeat: Any, **changes: Any) -> Path:
    """A suite of one entry that is repeated."""
    entry = {
        "repeat": repeat,
        "type": "expect_no_violations",
        "description": "No <<table>> without an id.",
        "kwargs": {"sql": "select id from target.<<table>> where id is null"},
        "meta": {
            "id": "own_<<table>>",
            "title": "Ids of <<table>>",
            "category": "own",
            "order": "<<order>>",
            "requires": ["target.<<table>>.id"],
            "messages": {"pass": "All {ids} have one", "fail": "Found {violations}"},
            "meaning": "Some lack one",
            "action": "Look at them",
        },
    }
    path = folder / "own.yaml"
    path.write_text(yaml.safe_dump({"name": "own", "expectations": [entry | changes]}), encoding="utf-8")
    return path


def test_an_entry_is_repeated_for_each_object(tmp_path: Path) -> None:
    first, second = load_suite(written(tmp_path, TWICE))
    assert (first.id, second.id, first.order, second.order) == ("own_members", "own_events", 7, 8)
    assert second.sql == "select id from target.events where id is null"
    assert second.requires == ("target.events.id",)
    assert "{ids}" in first.messages["pass"]
    assert first.line == second.line == 2


def test_great_expectations_gets_every_repeated_entry(tmp_path: Path) -> None:
    path = written(tmp_path, TWICE)
    assert [entry["meta"]["id"] for entry in load_document(path)["expectations"]] == ["own_members", "own_events"]
    assert len(load_gx_suite(path).expectations) == 2


@pytest.mark.parametrize(
    "repeat, found",
    [
        ([], r"found \[\]"),
        ({"table": "members"}, "found {'table'"),
        (["members"], r"found \['members'\]"),
        ([{"table": "members", "order": 1}, {"table": "events"}], "found"),
        ([{"table": "members"}], "found <<order>> without a key"),
        ([{"table": "members", "order": 1, "entity": "x"}], "found the key 'entity', which no text names"),
    ],
)
def test_a_repetition_that_does_not_fit_is_refused_with_its_place(tmp_path: Path, repeat: Any, found: str) -> None:
    with pytest.raises(SuiteError, match=rf"cannot be repeated \(.*own\.yaml:2, repeat\).*{found}"):
        load_suite(written(tmp_path, repeat))


def test_the_three_counts_are_one_entry() -> None:
    entries = yaml.safe_load((shipped_folder("expectations") / "counts.yaml").read_text(encoding="utf-8"))
    assert len(entries["expectations"]) == 1
