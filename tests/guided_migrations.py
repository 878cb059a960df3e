"""Guided migrations as their folders record them, made by hand: open, verified, failed, abandoned, and hostile ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.model import Verdict
from recon.model.migration import STEPS, Migration, MigrationStep
from recon.report.assessment.output import assessment_text
from recon.runs.folder import folder_name
from recon.runs.migrations import MigrationFolder

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Assessment

BEGAN = datetime(2024, 1, 15, 22, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PASSED, FAILED, INCOMPLETE = Verdict
MADE = {
    "environment": "8 of 8 checks passed",
    "source": "4 of 4 checks passed",
    "people": "The merge captain and 2 stakeholders are notified; the window is open until 02:00",
    "dry-run": "The importer ended well and wrote nothing: 9 tables have the digests that they had before",
    "review": "12 policies agree; the dry run is reviewed",
    "backup": "The backup of 1.2 MB is restored and holds every row",
    "execute": "The importer ended well; its bundle has 222 records",
    "verify": "All 24 checks passed",
}
BUNDLE = "bundle/migration-bundle-2024-01-15"
RUN_ID = "run-20240115-143000"
RUN = "20240115T231400Z-run-20240115-143000"
LEFT: dict[str, dict[str, object]] = {
    "dry-run": {"exit_code": 0, "bundle": f"04-dry-run/{BUNDLE}", "run_id": "run-20240115-142000"},
    "review": {"by": "Ada Merger"},
    "backup": {"kept": "./backups/20240115T221100Z-club"},
    "execute": {"exit_code": 0, "bundle": f"07-execute/{BUNDLE}", "run_id": RUN_ID, "by": "Ada Merger"},
    "verify": {"kept": f"outputs/{RUN}", "run_id": RUN_ID},
}
TOOK_MS = (1_200, 12_400, 350, 185_000, 41_000, 320_000, 2_465_000, 9_800)
COMMANDS = {
    "environment": ("recon preflight environment --expect production",),
    "dry-run": ("import-club --dry-run --out {folder}",),
    "execute": ("import-club --out {folder}",),
    "verify": ("recon run --bundle {folder} --exports ./exports",),
}


def attempt(name: str, number: int, **changes: object) -> MigrationStep:
    """An attempt at a step that passed, begun that many minutes after the migration."""
    at = list(STEPS).index(name)
    folder = f"{number + 1:02}-{name}"
    commands = tuple(line.format(folder=f"{folder}/{BUNDLE}") for line in COMMANDS.get(name, ()))
    step = MigrationStep(
        name=name,
        folder=folder,
        started_at=BEGAN + number * 10 * MINUTE,
        duration_ms=TOOK_MS[at],
        gate=PASSED,
        message=MADE[name],
        commands=commands,
    )
    return replace(step, **LEFT.get(name, {}) | changes)


def migration(*steps: MigrationStep, **changes: object) -> Migration:
    """An open migration with these attempts."""
    made = Migration(
        database="postgresql://db.example/club",
        target="5f2c",
        environment="production",
        name="club",
        by="Ada Merger",
        started_at=BEGAN,
        settings={"profile": None, "expect": "production", "exports": "./exports", "show_pii": False},
        importer={"command": ["import-club", "{mode}", "--out", "{bundle}"], "environment": {"CLUB": "Rowers & Co"}},
        steps=steps,
    )
    return replace(made, **changes)


def first(number: int) -> list[MigrationStep]:
    """The first steps, each passed at once."""
    return [attempt(name, at) for at, name in enumerate(list(STEPS)[:number])]


def open_migration() -> Migration:
    """One that stands at its backup, after a second attempt at the source and a dry run that was passed despite."""
    steps = first(5)
    failed = replace(steps[1], gate=FAILED, message="The exports are 3 days old", folder="02-source-1")
    despite = "the table of sessions changes by itself, says the DBA"
    steps[3] = replace(steps[3], gate=FAILED, message="1 of 9 tables has another digest", despite=despite, by="Bo")
    backup = replace(attempt("backup", 5), gate=None, duration_ms=None, message="Restoring the backup", kept=None)
    return migration(steps[0], failed, *steps[1:], backup)


def verified(verdict: Verdict = PASSED) -> Migration:
    """One that was carried to its end."""
    steps = first(len(STEPS))
    if verdict != PASSED:
        steps[-1] = replace(steps[-1], gate=verdict, message="3 of 24 checks failed")
    return migration(*steps, closed_at=BEGAN + 81 * MINUTE, outcome="verified", verdict=verdict)


def abandoned() -> Migration:
    """One whose importer was ended by a signal, after which it was given up."""
    steps = first(3)
    killed = attempt("dry-run", 3, gate=INCOMPLETE, exit_code=-9, bundle=None, run_id=None, message="It left no bundle")
    lost = attempt("dry-run", 4, gate=None, duration_ms=None, exit_code=None, bundle=None, message="Importing")
    reason = "the club moves in spring"
    return migration(*steps, killed, lost, closed_at=BEGAN + 90 * MINUTE, outcome="abandoned", reason=reason)


def hostile(text: str) -> Migration:
    """An open one in which every text of people and programs is this one."""
    left = {"message": text, "by": text, "despite": text, "kept": text, "bundle": text, "run_id": text}
    steps = [replace(step, gate=FAILED, commands=(text,), **left) for step in first(8)]
    named = {"database": text, "environment": text, "name": text, "by": text, "reason": text}
    unknown = replace(steps[0], name=text, despite=None)
    return migration(*steps, unknown, settings={"note": text}, importer={"command": [text]}, **named)


def write_migration(outputs: Path, made: Migration, assessment: Assessment | None = None) -> MigrationFolder:
    """A migration's folder with its record and the importer's output; with an assessment, its pages for each step."""
    folder = MigrationFolder(outputs / folder_name(made.started_at, "migration-club"))
    folder.path.mkdir(parents=True)
    folder.save(made)
    if assessment is None:
        return folder
    for step in made.steps:
        place = folder.path / step.folder
        place.mkdir(parents=True)
        for format_name, file in (("json", "assessment.json"), ("html", "report.html")):
            (place / file).write_text(assessment_text(assessment, format_name), encoding="utf-8")
        (place / "output.log").write_text("rows that nobody masked", encoding="utf-8")
    return folder
