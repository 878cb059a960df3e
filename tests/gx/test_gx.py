from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recon.errors import SuiteError
from recon.gx import load_gx_suite
from recon.rules import load_document, shipped_folder

if TYPE_CHECKING:
    from pathlib import Path

SUITES = sorted(shipped_folder("expectations").glob("*.yaml"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_a_shipped_suite_loads_whole(path: Path) -> None:
    document = load_document(path)
    suite = load_gx_suite(path)
    assert suite.name == document["name"]
    assert [(e.meta or {})["id"] for e in suite.expectations] == [e["meta"]["id"] for e in document["expectations"]]
    assert [e.severity for e in suite.expectations] == [e["severity"] for e in document["expectations"]]


def test_an_unknown_type_is_refused_not_dropped(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\nexpectations:\n- type: expect_the_unexpected\n  kwargs: {}\n", encoding="utf-8")
    with pytest.raises(SuiteError, match="expect_the_unexpected"):
        load_gx_suite(file)
