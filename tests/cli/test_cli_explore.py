"""recon explore: what it refuses, and the notebook that it fills in; `tests/browser` drives what it starts."""

from __future__ import annotations

import ast
import json
import shutil
import stat
from typing import TYPE_CHECKING, Any

import duckdb
import nbformat
import pytest
from explored_runs import ExploredRun
from support import Finished, names_in, run_in_process

from notebooks import NOTEBOOK
from recon.answers.opening import opened_run
from recon.errors import UsageError
from recon.runs.exploring import explorer_notebook, run_to_explore
from recon.runs.exploring.lab import NEEDED
from recon.verification.options import VerifyOptions

if TYPE_CHECKING:
    from pathlib import Path

SHIPPED = NOTEBOOK.with_name("explore_discrepancies.ipynb")


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> ExploredRun:
    return ExploredRun(tmp_path_factory.mktemp("explored"))


def explore(judged: object, folder: Path, *arguments: object, **environment: str) -> Finished:
    return run_in_process("explore", judged, "--no-browser", "--output", folder, *arguments, **environment)


def cells_of(path: Path) -> dict[str, str]:
    return {cell.id: cell.source for cell in nbformat.read(path, as_version=4).cells}


def test_the_shipped_notebook_is_valid_and_has_no_outputs() -> None:
    text = SHIPPED.read_text(encoding="utf-8")
    document = nbformat.reads(text, as_version=4)
    nbformat.validate(document)
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert [cell.id for cell in code if "parameters" in cell.metadata.get("tags", [])] == ["parameters"]


def test_the_notebook_has_no_logic_of_its_own() -> None:
    code = [cell for cell in nbformat.read(SHIPPED, as_version=4).cells if cell.cell_type == "code"]
    statements = [statement for cell in code for statement in ast.parse(cell.source).body]
    assert len(statements) > 10
    assert [each for each in statements if not isinstance(each, ast.Assign | ast.Expr | ast.ImportFrom)] == []


@pytest.mark.parametrize("lacking", NEEDED)
def test_without_the_extra_it_says_what_to_install(
    lacking: str, explored: ExploredRun, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.runs.exploring.lab.find_spec", lambda name: None if name == lacking else object())
    done = explore(explored.run, tmp_path / "mine")
    assert (done.code, done.out) == (2, "")
    assert f"needs the extra lab: expected jupyterlab and anywidget, found no {lacking}. Install it: " in done.err
    assert "pip install 'recon[lab]'" in done.err
    assert names_in(tmp_path) == []


def changed(explored: ExploredRun, folder: Path, sql: str) -> Path:
    """A copy of the run whose snapshot is another one."""
    copy = shutil.copytree(explored.run, folder / "changed")
    with duckdb.connect(str(copy / "snapshot.duckdb")) as snapshot:
        snapshot.execute(sql)
    return copy


@pytest.mark.parametrize(
    "sql, expected",
    [
        ("update recon.state set state = replace(state, '\"version\":1', '\"version\":0')", "another version of recon"),
        ("drop table recon.state", "nothing to ask"),
        ("drop table ledger.members", "The snapshot is incomplete"),
    ],
    ids=["older", "without state", "without a ledger"],
)
def test_a_snapshot_of_an_older_version_is_refused_before_anything_starts(
    sql: str, expected: str, explored: ExploredRun, tmp_path: Path
) -> None:
    done = explore(changed(explored, tmp_path, sql), tmp_path / "mine")
    assert (done.code, done.out) == (2, "")
    assert expected in done.err
    assert not (tmp_path / "mine").exists()


def test_a_run_without_a_snapshot_is_refused(explored: ExploredRun, tmp_path: Path) -> None:
    bare = shutil.copytree(explored.run, tmp_path / "bare")
    (bare / "snapshot.duckdb").unlink()
    done = explore(bare, tmp_path / "mine")
    assert (done.code, "The run kept no snapshot, so there is nothing to ask" in done.err) == (2, True)


@pytest.mark.parametrize(
    "place, expected", [("nowhere", "nowhere"), ("outputs", "This is a folder of runs, not a run")]
)
def test_what_is_no_run_and_no_bundle_is_refused(
    place: str, expected: str, explored: ExploredRun, tmp_path: Path
) -> None:
    done = explore(explored.run.parents[1] / place, tmp_path / "mine")
    assert (done.code, done.out, expected in done.err) == (2, "", True)


def test_a_bundle_is_judged_first_and_its_run_is_kept_beside_the_notebooks(
    explored: ExploredRun, tmp_path: Path
) -> None:
    options = VerifyOptions(explored.paths.bundle, str(explored.paths.database))
    run = run_to_explore(explored.paths.bundle, options, tmp_path / "mine")
    assert run.parent == tmp_path / "mine" / "runs"
    assert stat.S_IMODE((run / "snapshot.duckdb").stat().st_mode) == 0o600
    with opened_run(run) as answers:
        assert len(answers.missing("members")) == len(explored.missing)
    assert run_to_explore(run, None, tmp_path / "other") == run
    done = explore(explored.paths.bundle, tmp_path / "mine", "--database", tmp_path / "none.db")
    assert (done.code, "none.db" in done.err) == (2, True)


@pytest.mark.parametrize("inside", [".", "mine", ".."])
def test_no_notebook_is_written_into_the_folder_of_a_run(inside: str, explored: ExploredRun) -> None:
    before = names_in(explored.run)
    done = explore(explored.run, explored.run / inside)
    assert (done.code, "would be in the folder of the run" in done.err) == (2, True)
    assert names_in(explored.run) == before


def test_the_notebook_is_filled_in_for_its_owner_alone(tmp_path: Path) -> None:
    values: dict[str, Any] = {"run": "/a 'quoted' \"place\"\\\n", "show_pii": True, "accept": "x"}
    made = explorer_notebook(tmp_path / "mine" / "run", values)
    assert made.is_new
    assert stat.S_IMODE(made.path.parent.stat().st_mode) == 0o700
    scope: dict[str, Any] = {}
    exec(cells_of(made.path)["parameters"] + "\n" + cells_of(made.path)["injected-parameters"], scope)  # noqa: S102
    assert {name: scope[name] for name in values} == values
    assert list(cells_of(made.path)) == [
        name
        for each in cells_of(SHIPPED)
        for name in ([each, "injected-parameters"] if each == "parameters" else [each])
    ]


def test_what_an_analyst_edits_is_kept_and_its_parameters_are_renewed(tmp_path: Path) -> None:
    path = explorer_notebook(tmp_path, {"run": "a", "show_pii": True}).path
    document = json.loads(path.read_text(encoding="utf-8"))
    document["cells"].append({"cell_type": "markdown", "id": "mine", "metadata": {}, "source": "Ask Jo ☎"})
    path.write_text(json.dumps(document), encoding="utf-8")
    again = explorer_notebook(tmp_path, {"run": "b", "show_pii": False})
    assert (again.path, again.is_new) == (path, False)
    cells = cells_of(path)
    assert cells["mine"] == "Ask Jo ☎"
    assert cells["injected-parameters"].splitlines()[1:] == ["run = 'b'", "show_pii = False"]


@pytest.mark.parametrize(
    "content, expected",
    [
        ("{", "This is no notebook"),
        ("[]", "JSON without cells"),
        ('{"cells": []}', "no cell for its parameters"),
        ('{"cells": [7, {"metadata": {}}]}', "no cell for its parameters"),
    ],
)
def test_what_is_no_notebook_of_ours_is_left_alone(content: str, expected: str, tmp_path: Path) -> None:
    place = tmp_path / SHIPPED.name
    place.write_text(content, encoding="utf-8")
    with pytest.raises(UsageError, match=expected):
        explorer_notebook(tmp_path, {"run": "a"})
    assert place.read_text(encoding="utf-8") == content
