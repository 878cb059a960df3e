from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from base64 import b64encode
from hashlib import sha256
from html import unescape
from typing import TYPE_CHECKING

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook, new_output
from verifications import HOSTILE, without_script

from notebooks import Executed, run_job
from recon.demo import DemoPaths, write_bundle, write_sqlite
from recon.errors import StepError, UsageError
from recon.report.page.frame import PageFrame
from recon.report.templates import source_hash
from recon.runs.execution import execute, export_html

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import Club

# Ends the kernel in the midst of its work: as soon as it reads the database.
DEADLY = """
import os, sys
class Deadly:
    def find_spec(self, name, path=None, target=None):
        if name == "connectorx":
            os._exit(9)
sys.meta_path.insert(0, Deadly())
"""
LOADS = re.compile(r"""(?:src|srcset|href)=["'](?!data:|#)[^"']*|url\(|@import|<script|<link|<iframe""", re.IGNORECASE)


@pytest.fixture(scope="module")
def passed(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """A clean club through the waiting process, with its page."""
    home = tmp_path_factory.mktemp("clean")
    demo = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    parameters = {"bundle": demo.bundle.name, "database": demo.database.name, "raise_on_failure": False}
    job = {
        "notebook": str(home / "out.ipynb"),
        "html": str(home / "report.html"),
        "parameters": parameters,
        "cwd": str(home),
    }
    return run_job(demo, home, json.dumps(job).encode() + b"\n")


def page(passed: Executed) -> str:
    return without_script((passed.folder / "report.html").read_text(encoding="utf-8"))


def test_the_process_says_one_line_about_its_job(passed: Executed) -> None:
    assert passed.code == 0
    result = json.loads(passed.said)
    assert passed.said.count("\n") == 1
    assert result["failed"] is None
    # Papermill measures the same by another clock.
    assert result["notebook_ms"] > 900 * passed.document["metadata"]["papermill"]["duration"]
    assert result["html_ms"] > 0


def test_another_bundle_gives_another_verdict_and_personal_data_is_masked(passed: Executed) -> None:
    assert "Verification PASSED" in passed.shown("verdict")
    assert "shown masked" in passed.shown("scope")
    assert "Verification PASSED" in passed.shown("conclusion")
    assert "No files were asked for." in passed.shown("files")


def test_every_chart_is_a_static_picture_and_an_interactive_one(passed: Executed) -> None:
    cells = [cell["id"] for cell in passed.document["cells"] if cell["id"].endswith("-chart")]
    assert len(cells) == 7
    for cell in cells:
        data = passed.outputs(cell)[0]["data"]
        assert "".join(data["text/html"]).startswith('<figure class="chart"><picture><source')
        assert data["application/vnd.vegalite.v6+json"]["config"]
        caption = "".join(data["application/vnd.recon.chart+html"]).partition("<svg")[0]
        assert unescape(caption) in unescape(page(passed))
    assert page(passed).count('class="narrow"') == 7
    assert len(page(passed)) < 250_000


def test_what_is_saved_names_no_path_of_the_machine(passed: Executed) -> None:
    assert str(passed.folder) not in passed.notebook.read_text(encoding="utf-8")
    about = passed.document["metadata"]["papermill"]
    assert about["duration"] > 0
    assert set(about) <= {"duration", "start_time", "end_time", "version"}


def test_the_page_loads_nothing_and_its_policy_refuses_all_else(passed: Executed) -> None:
    html = page(passed)
    assert LOADS.findall(html) == []
    script = PageFrame().script
    assert f"<script>{script}</script>" in (passed.folder / "report.html").read_text(encoding="utf-8")
    style = re.search(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert style
    digest = b64encode(sha256(style[1].encode()).digest()).decode()
    allowed = f"style-src 'sha256-{digest}'; script-src '{source_hash(script)}'"
    assert f"default-src 'none'; img-src data:; {allowed}; base-uri 'none'" in html
    assert 'style="' not in html


def test_the_page_is_called_by_verdict_and_run(passed: Executed) -> None:
    html = page(passed)
    assert re.search(r"<title>PASSED: SQLite [\d.]+, club.db, run-[\w-]+, \d+ \w+ \d+, [\d:]+ UTC</title>", html)
    for landmark in ("<header>", "<main ", "<footer>", '<html lang="en">'):
        assert html.count(landmark) == 1
    assert html.count("<h1") == 1
    assert html.count("<details") == html.count("<summary>") > 10
    ids = re.findall(r' id="([^"]+)"', html)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_what_a_cell_prints_or_raises_stays_text(text: str, tmp_path: Path) -> None:
    outputs = [
        new_output("stream", text=text),
        new_output("execute_result", data={"text/plain": text}),
        new_output("error", ename=text, evalue=text, traceback=[text]),
    ]
    notebook, html = tmp_path / "in.ipynb", tmp_path / "out.html"
    nbformat.write(new_notebook(cells=[new_code_cell(text, outputs=outputs, id="hostile")]), notebook)
    export_html(notebook, html)
    written = html.read_text(encoding="utf-8")
    assert LOADS.findall(without_script(written).partition("</style>")[2]) == []
    assert not re.search(r"<(?:img|svg|testcase|!ENTITY)\b", written)
    assert ">49" not in written


def test_a_kernel_that_cannot_start_is_reported_as_that(tmp_path: Path) -> None:
    with pytest.raises(StepError, match=r"The notebook cannot be executed.*Kernel died before"):
        execute(tmp_path / "out.ipynb", {}, tmp_path, {"PYTHONHOME": "/nowhere"})


def test_a_kernel_that_dies_is_reported_as_that(demo: DemoPaths, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(DEADLY, encoding="utf-8")
    parameters = {"bundle": str(demo.bundle), "database": str(demo.database)}
    with pytest.raises(StepError, match="The notebook's kernel died"):
        execute(tmp_path / "out.ipynb", parameters, tmp_path, {**os.environ, "PYTHONPATH": str(tmp_path)})


def test_a_cell_that_fails_is_reported_in_a_sentence_and_saved(tmp_path: Path) -> None:
    cell = r"\(In \[3\]: from recon import VerifyOptions, display, verify\)"
    with pytest.raises(
        StepError, match=rf"A cell of the notebook failed {cell}: found BundleError: The bundle was not"
    ):
        execute(tmp_path / "out.ipynb", {"bundle": "nowhere"}, tmp_path)
    assert "BundleError" in (tmp_path / "out.ipynb").read_text(encoding="utf-8")
    assert "papermill-error" not in (tmp_path / "out.ipynb").read_text(encoding="utf-8")


def test_a_url_is_refused_before_anything_is_saved(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a URL does not belong") as refused:
        execute(tmp_path / "out.ipynb", {"database": "postgresql://u:planted@h/d"}, tmp_path)
    assert "planted" not in str(refused.value)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_job_is_refused_in_a_line(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recon.runs.execution"], input=b"{}\n", cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 1
    assert json.loads(done.stdout)["failed"].startswith("This is no job: ")


def test_the_process_ends_with_the_one_that_sent_the_job(tmp_path: Path) -> None:
    """However that ended: nothing goes on in a folder that the next command removes."""
    job = {"notebook": str(tmp_path / "out.ipynb"), "parameters": {"bundle": "nowhere"}, "parent": os.getpid() + 1}
    done = subprocess.run(
        [sys.executable, "-m", "recon.runs.execution"],
        input=json.dumps(job).encode() + b"\n",
        cwd=tmp_path,
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stdout) == (1, b"")
    assert not (tmp_path / "out.ipynb").exists()
