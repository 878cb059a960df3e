"""Folders of runs for the site: written by hand from real verifications, at the times that a test requires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.report import write_report
from recon.runs.folder import PARTS, Manifest, RunFolder, RunPart, folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recon.model import Verification

FIRST = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
STEP = timedelta(hours=9)


def write_run(outputs: Path, verification: Verification, *, failed: tuple[str, ...] = ()) -> RunFolder:
    """A run's folder as left by `recon run`, with fake Data Docs and snapshot; the parts in `failed` are missing."""
    run = RunFolder(outputs / folder_name(verification.started_at, verification.run_id))
    run.path.mkdir(parents=True)
    write_report(verification, "json", run.verification)
    made = {
        name: RunPart(path=PARTS[name]) for name in ("report", "html", "data_docs", "snapshot") if name not in failed
    }
    if "report" in made:
        write_report(verification, "markdown", run.part("report"))
    if "html" in made:
        write_report(verification, "html", run.part("html"))
    if "data_docs" in made:
        (run.part("data_docs") / "expectations").mkdir(parents=True)
        for name in ("index.html", "expectations/counts.html"):
            (run.part("data_docs") / name).write_text("<!doctype html><title>Data Docs</title>", encoding="utf-8")
    run.part("snapshot").write_text("rows that nobody masked", encoding="utf-8")
    why = {name: RunPart(failed="the kernel died") for name in failed}
    run.write_manifest(Manifest(verification.run_id, verification.started_at.isoformat(), made | why))
    return run


def write_runs(outputs: Path, verifications: Iterable[Verification]) -> list[RunFolder]:
    """One run each, `STEP` apart, the oldest first."""
    runs = []
    for number, verification in enumerate(verifications):
        started_at = FIRST + number * STEP
        identity = {"started_at": started_at, "run_id": f"run-{started_at:%Y%m%d-%H%M%S}"}
        runs.append(write_run(outputs, replace(verification, **identity)))
    return runs
