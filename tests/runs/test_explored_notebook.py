"""The explorer's notebook, executed by papermill: where no browser can ask, tables are their first page."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from explored_runs import FIRST, LAST, ExploredRun
from support import names_in
from verifications import without_script

from notebooks import LIMIT_S, NOTEBOOK
from recon.runs.execution import export_html


class Explored:
    """The executed notebook of a run, and the run."""

    def __init__(self, folder: Path) -> None:
        self.found, self.folder = ExploredRun(folder / "run"), folder / "mine"
        self.folder.mkdir()
        key = self.found.altered["_waId"]
        given = {"run": str(self.found.run), "question": "altered_records", "key": key}
        self.done = subprocess.run(
            [
                *(Path(sys.executable).with_name("papermill"), NOTEBOOK.with_name("explore_discrepancies.ipynb")),
                *("out.ipynb", "--no-progress-bar", "-y", json.dumps(given)),
            ],
            cwd=self.folder,
            env=os.environ | {"JUPYTER_PLATFORM_DIRS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=LIMIT_S,
        )
        self.text = (self.folder / "out.ipynb").read_text(encoding="utf-8")
        self.document: dict[str, Any] = json.loads(self.text)

    def shown(self, cell: str) -> str:
        outputs = next(each["outputs"] for each in self.document["cells"] if each["id"] == cell)
        return "".join(outputs[0]["data"].get("text/html") or outputs[0]["data"]["text/plain"])


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> Explored:
    return Explored(tmp_path_factory.mktemp("explored"))


def test_it_shows_first_pages_as_static_tables(explored: Explored) -> None:
    assert explored.done.returncode == 0, explored.done.stderr
    html = explored.shown("explore")
    key = explored.found.altered["_waId"]
    assert f"Member {key}: landed_altered" in html
    assert "Altered Records: FAIL" in html
    assert html.count("<table>") == 2 + 5
    assert "data:image/svg+xml" in html
    assert "nothing is written" in explored.shown("decide")
    assert "Why records and rows differ" in explored.shown("ask")


def test_it_holds_no_widget_no_script_and_nobodys_name(explored: Explored) -> None:
    assert "widgets" not in explored.document["metadata"]
    assert "vnd.jupyter.widget" not in explored.text
    assert "<script" not in explored.text.replace("&lt;script", "")
    for secret in (FIRST, LAST, "secret.example"):
        assert secret.lower() not in explored.text.lower()


def test_it_becomes_a_page_without_scripts(explored: Explored) -> None:
    page = explored.folder / "explored.html"
    export_html(explored.folder / "out.ipynb", page)
    text = page.read_text(encoding="utf-8")
    assert "Altered Records: FAIL" in text
    assert "<script" not in without_script(text)
    assert names_in(explored.folder) == ["explored.html", "out.ipynb"]
