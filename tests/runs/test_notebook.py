from __future__ import annotations

import ast
import json
from typing import TYPE_CHECKING

import nbformat
import pytest

import recon
from notebooks import NOTEBOOK, Executed, run_papermill
from recon.demo import DemoPaths, plant, write_bundle, write_sqlite

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import Club

PASSWORD = "planted-Pa55word"  # noqa: S105 - planted, to be searched for
OWN_SUITE = """
name: own
expectations: []
meta:
  overrides:
    tier_coverage: {parameters: {threshold: 99}, reason: this club is strict}
"""
ORDER = [
    "What Failed",
    "Warnings",
    "Verification Checks",
    "Count Comparison",
    "Record Ledger",
    "Tier Distribution",
    "Registrations",
    "Policy Verification",
    "What Was Checked and What Was Not",
    "Environment",
]


@pytest.fixture(scope="module")
def demo_of_module(club: Club, tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    home = tmp_path_factory.mktemp("faulty")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    plant(["orphaned-registrations"], paths.bundle, paths.database)
    return paths


@pytest.fixture(scope="module")
def failed(demo_of_module: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """A club that fails, with its personal data, a suite of its own, and files."""
    folder = tmp_path_factory.mktemp("failed")
    (folder / "suites").mkdir()
    (folder / "suites" / "own.yaml").write_text(OWN_SUITE, encoding="utf-8")
    (folder / "20240115").symlink_to(demo_of_module.bundle)
    return run_papermill(
        demo_of_module,
        folder,
        {"CLUB": str(demo_of_module.database), "DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"},
        ("-p", "bundle", "20240115"),
        database="CLUB",
        expectations=["suites"],
        outputs="kept",
        show_pii=True,
        evidence_rows=3,
    )


@pytest.fixture(scope="module")
def unreachable(demo_of_module: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Executed:
    """A database that does not answer, named by a URL with a password."""
    folder = tmp_path_factory.mktemp("unreachable")
    environment = {"DATABASE_URL": f"postgresql://u:{PASSWORD}@127.0.0.1:1/x"}
    return run_papermill(demo_of_module, folder, environment)


def test_the_shipped_notebook_is_valid_and_has_no_outputs() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    document = nbformat.reads(text, as_version=4)
    nbformat.validate(document)
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False, sort_keys=True) + "\n"
    code = [cell for cell in document.cells if cell.cell_type == "code"]
    assert len(code) > 10
    assert all(cell.outputs == [] and cell.execution_count is None for cell in code)
    assert document.metadata.kernelspec.name == "python3"
    assert len({cell.id for cell in document.cells}) == len(document.cells)
    assert [cell.id for cell in code if "parameters" in cell.metadata.get("tags", [])] == ["parameters"]
    headings = [line[3:] for cell in document.cells for line in cell.source.splitlines() if line.startswith("## ")]
    assert headings == ORDER


def test_the_notebook_has_no_logic_of_its_own() -> None:
    cells = nbformat.read(NOTEBOOK, as_version=4).cells
    allowed = (ast.Assign, ast.Expr, ast.ImportFrom)
    for cell in (cell for cell in cells if cell.cell_type == "code" and cell.id != "parameters"):
        for statement in ast.parse(cell.source).body:
            assert isinstance(statement, allowed), cell.id
            if isinstance(statement, ast.ImportFrom):
                assert statement.module == "recon"
            else:
                assert isinstance(statement.value, ast.Call), cell.id
                called = ast.unparse(statement.value.func)
                assert called in {"VerifyOptions", "verify"} or called.startswith("display."), cell.id


def test_a_failure_is_shown_and_saved_before_it_is_raised(failed: Executed) -> None:
    assert failed.code != 0
    assert "Verification FAILED" in failed.shown("verdict")
    assert failed.outputs("environment")
    (raised,) = failed.outputs("conclusion")
    assert (raised["output_type"], raised["ename"]) == ("error", "VerificationFailedError")
    assert raised["traceback"] == [raised["evalue"]]
    assert "Verification FAILED" in failed.said


def test_the_notebook_has_the_verdict_of_verify(failed: Executed) -> None:
    kept = recon.load_verification(failed.folder / "kept" / "verification.json")
    options = recon.VerifyOptions(
        failed.demo.bundle,
        str(failed.demo.database),
        expectations=[failed.folder / "suites"],
        show_pii=True,
        evidence_rows=3,
        distributions=True,
    )
    verified = recon.verify(options)
    assert kept.verdict == verified.verdict == "FAILED"
    assert [(c.id, c.outcome, c.message) for c in kept.checks] == [
        (c.id, c.outcome, c.message) for c in verified.checks
    ]
    assert (kept.tiers, kept.distributions) == (verified.tiers, verified.distributions)


def test_a_bundle_whose_name_is_a_number_is_read(failed: Executed) -> None:
    assert "bundle = 20240115" in "".join(line for c in failed.document["cells"] for line in c["source"])
    kept = recon.load_verification(failed.folder / "kept" / "verification.json")
    assert kept.bundle_path == "20240115"


def test_a_notebook_without_a_bundle_says_what_is_missing() -> None:
    cells = {cell.id: cell.source for cell in nbformat.read(NOTEBOOK, as_version=4).cells}
    with pytest.raises(recon.ReconError) as refused:
        exec(cells["parameters"] + "\n" + cells["verify"], {})  # noqa: S102 - the shipped notebook's own cells
    (shown,) = refused.value._render_traceback_()
    assert shown.startswith("Usage error: No bundle is named")
    assert "papermill" in shown


def test_parameters_change_what_is_shown(failed: Executed) -> None:
    scope = failed.shown("scope")
    assert "threshold 99 instead of 95" in scope
    assert "shown masked" not in scope
    assert "of 10 violating rows, 3 were kept" in scope
    assert failed.shown("failures").count("<tr>") < 15
    assert "Violating rows, the first 3 of 10" in failed.shown("failures")


def test_files_are_written_where_they_are_asked_for(failed: Executed) -> None:
    home = failed.folder / "kept"
    report = (home / "verification-report.md").read_text(encoding="utf-8")
    charts = {path.name for path in (home / "charts").iterdir()}
    assert {"tier-distribution.svg", "tier-distribution.png"} <= charts
    assert "](charts/tier-distribution.svg)" in report
    assert "is the largest tier: " in report


@pytest.mark.soak
def test_a_database_that_does_not_answer_is_reported_in_a_sentence(unreachable: Executed) -> None:
    assert unreachable.code != 0
    (raised,) = unreachable.outputs("verify")
    assert raised["ename"] == "DatabaseError"
    assert len(raised["traceback"]) == 1
    assert "Database error: " in raised["traceback"][0]


def test_a_planted_password_is_found_nowhere(failed: Executed, unreachable: Executed) -> None:
    for run in (failed, unreachable):
        files = [path for path in run.folder.rglob("*") if path.is_file()]
        assert run.notebook in files
        assert [path for path in files if PASSWORD.encode() in path.read_bytes()] == []
        assert PASSWORD not in run.said


def test_a_url_with_a_password_is_refused_without_repeating_it(demo: DemoPaths, tmp_path: Path) -> None:
    options = recon.VerifyOptions(demo.bundle, f"postgresql://u:{PASSWORD}@127.0.0.1:1/x", distributions=True)
    with pytest.raises(recon.ReconError) as refused:
        recon.verify(options)
    assert PASSWORD not in "".join(refused.value._render_traceback_())
    assert list(tmp_path.glob("*.ipynb")) == []
