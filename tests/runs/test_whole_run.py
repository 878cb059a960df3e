from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from planted_secrets import MARK, PLANTED, children
from verifications import without_script

import recon
from recon.runs.folder import PARTS, run_folders

if TYPE_CHECKING:
    from shared_runs import WholeRun

ADDRESS = re.compile(r"""(?:src|href|srcset|url\()\s*=?\s*["']?\s*(?:https?:)?//""")


def files_of(whole_run: WholeRun) -> list[Path]:
    return [path for path in Path(whole_run.outputs).rglob("*") if path.is_file()]


def test_every_part_is_there(whole_run: WholeRun) -> None:
    assert (whole_run.code, whole_run.err) == (1, "")
    manifest = whole_run.folder.manifest()
    assert manifest is not None
    assert list(manifest.parts) == list(PARTS)
    assert all(part.failed is None for part in manifest.parts.values())
    for name in PARTS:
        assert whole_run.folder.part(name).exists(), name
    assert (whole_run.folder.part("data_docs") / "index.html").is_file()
    assert sorted(path.suffix for path in whole_run.folder.part("charts").iterdir()) == [".png"] * 7 + [".svg"] * 7


def test_it_is_named_by_time_and_a_harmless_run_id(whole_run: WholeRun) -> None:
    assert re.fullmatch(r"\d{8}T\d{6}Z-run--script-window\.pwned-1-script", whole_run.name)


def test_no_secret_of_the_environment_stands_anywhere(whole_run: WholeRun) -> None:
    files = files_of(whole_run)
    assert len(files) > 30
    for secret in (whole_run.password, MARK):
        assert [path for path in files if secret.encode() in path.read_bytes()] == []
        assert secret not in whole_run.out + whole_run.err


@pytest.mark.parametrize("module", ["recon.runs.execution", "ipykernel_launcher"])
def test_neither_the_notebook_s_process_nor_its_kernel_has_a_secret(whole_run: WholeRun, module: str) -> None:
    """They read the snapshot, so they get neither the database's URL nor any other variable of the operator."""
    ((words, environment),) = children(Path(whole_run.started), module)
    assert "PATH" in environment
    assert environment.keys().isdisjoint((*PLANTED, "DATABASE_URL"))
    assert not [text for text in (*words, *environment.values()) if MARK in text or whole_run.password in text]


def test_the_snapshot_and_nothing_else_is_for_its_owner_alone(whole_run: WholeRun) -> None:
    closed = {path.name for path in files_of(whole_run) if path.stat().st_mode & 0o077 == 0}
    assert closed == {"snapshot.duckdb"}


def test_the_notebook_shows_the_judgement_that_was_reached(whole_run: WholeRun) -> None:
    """It judges once: moment and durations are those of the run, which another judgement would not have."""
    verification = recon.load_verification(whole_run.folder.verification)
    shown = [f"{verification.verified_at:%Y-%m-%d %H:%M:%S} UTC", f"{verification.duration_ms} ms"]
    shown += [f"{step_ms} ms" for step_ms in verification.timings_ms.values()]
    for name in ("html", "notebook"):
        text = whole_run.folder.part(name).read_text(encoding="utf-8")
        assert [fact for fact in shown if fact not in text] == []
        assert "Kept snapshot" not in text


def test_every_page_says_the_same_of_every_check(whole_run: WholeRun) -> None:
    verification = recon.load_verification(whole_run.folder.verification)
    pages = [
        whole_run.folder.part("html"),
        whole_run.folder.part("report"),
        whole_run.folder.part("data_docs") / "index.html",
    ]
    for check in verification.checks:
        if check.id.isascii() and "<" not in check.name:
            assert all(check.name in page.read_text(encoding="utf-8") for page in pages), check.name


def test_an_expectation_of_great_expectations_own_is_part_of_the_verdict(whole_run: WholeRun) -> None:
    verification = recon.load_verification(whole_run.folder.verification)
    (check,) = [check for check in verification.checks if check.name == "E-mail Form"]
    assert check.outcome is recon.Outcome.WARN
    assert "Great Expectations: loading it for 1 expectation" in whole_run.out


def test_no_page_loads_anything(whole_run: WholeRun) -> None:
    pages = [path for path in files_of(whole_run) if path.suffix in (".html", ".svg")]
    assert len(pages) > 15
    assert [path for path in pages if ADDRESS.search(path.read_text(encoding="utf-8"))] == []
    assert [path for path in pages if "<script" in without_script(path.read_text(encoding="utf-8")).lower()] == []


def test_what_people_wrote_stays_text(whole_run: WholeRun) -> None:
    for page in (path for path in files_of(whole_run) if path.suffix == ".html"):
        text = page.read_text(encoding="utf-8")
        assert "<img src=x" not in text, page
        assert "\u202e" not in text, page
    assert "{{7*7}}" in whole_run.folder.part("html").read_text(encoding="utf-8")


def test_the_site_holds_all_that_may_be_published_and_no_snapshot(whole_run: WholeRun) -> None:
    site = Path(whole_run.outputs) / "site"
    names = {path.name for path in site.rglob("*") if path.is_file()}
    assert {"index.html", "report.html", "verification.json", "verification-report.md"} <= names
    assert not any(name.endswith(".duckdb") for name in names)
    assert len(run_folders(Path(whole_run.outputs))) == 2


def test_the_snapshot_gives_the_same_verdict_again(whole_run: WholeRun) -> None:
    demo = Path(whole_run.demo)
    options = recon.VerifyOptions(
        bundle=demo / "bundle",
        database=str(whole_run.folder.part("snapshot")),
        expectations=[demo / "suites"],
        evidence_rows=5,
    )
    found, kept = recon.verify(options), recon.load_verification(whole_run.folder.verification)
    assert [(c.id, c.outcome, c.violation_count) for c in found.checks] == [
        (c.id, c.outcome, c.violation_count) for c in kept.checks
    ]
