"""The dry run of a small club: its bundle, with a database before the import, and how it is judged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from edited_clubs import EditedClub, edited_club

from recon.model import ENTITIES, Check, Fact
from recon.preflight.dry_run import DryRunOptions, ask_dry_run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recon.demo import DemoPaths

SIZE = {"members": 60, "events": 50, "registrations": 300}
IDS = {"_murmurantId", "murmurantId", "memberId", "eventId"}


@dataclass(frozen=True)
class Asked:
    """What was found about a dry run."""

    facts: dict[str, str]
    checks: dict[str, Check]

    def outcome(self, name: str) -> str:
        return str(self.checks[f"dry_run_{name}"].outcome)

    def message(self, name: str) -> str:
        return self.checks[f"dry_run_{name}"].message

    def rows(self, name: str) -> list[dict[str, Any]]:
        return self.checks[f"dry_run_{name}"].violations.to_dicts()

    @property
    def unpassed(self) -> dict[str, str]:
        """The outcome of each check that did not pass, without the prefix of its id."""
        found = {name.removeprefix("dry_run_"): str(check.outcome) for name, check in self.checks.items()}
        return {name: outcome for name, outcome in found.items() if outcome != "PASS"}


def dry_club(*, is_empty: bool = True, size: Mapping[str, int] = SIZE) -> EditedClub:
    """A club whose bundle is of a dry run.

    Args:
        is_empty: Whether the database holds none of its rows yet, so that all are to be created; else all of them, so
            that all are to be updated.
        size: How many members, events and registrations.
    """
    club = edited_club(**size)
    club.report["dryRun"] = True
    records = [record for entity in ENTITIES for record in club.records(entity)]
    for record in records:
        record["_action"] = "create" if is_empty else "update"
    club.mappings.clear()
    if is_empty:
        for entity in ENTITIES:
            club.rows(entity).clear()
        mappings = [mapping for listed in club.report["idMapping"].values() for mapping in listed]
        for holder in (*records, *mappings):
            for key in IDS & {*holder}:
                holder[key] = f"dry-{holder[key]}"
    return club


def completed(paths: DemoPaths) -> datetime:
    """When the dry run completed, or else began."""
    report = json.loads((paths.bundle / "migration-report.json").read_text(encoding="utf-8"))
    return datetime.fromisoformat(report.get("completedAt", report["startedAt"]))


def options_of(paths: DemoPaths, **options: Any) -> DryRunOptions:
    """Options for a dry run that completed an hour ago, with the configuration that it had."""
    config = paths.bundle / "migration-config.json"
    given: dict[str, Any] = {"config": config if config.exists() else None, "environment": {}}
    given |= {"now": completed(paths) + timedelta(hours=1), "database": str(paths.database)}
    return DryRunOptions(paths.bundle, **(given | options))


def ask(options: DryRunOptions, *, until: str | None = None) -> Asked:
    """All that is found, or no more than until the check of that name is."""
    found = []
    for one in ask_dry_run(options):
        found.append(one)
        if until is not None and isinstance(one, Check) and one.id == f"dry_run_{until}":
            break
    facts = {one.label: one.value for one in found if isinstance(one, Fact)}
    return Asked(facts, {one.id: one for one in found if isinstance(one, Check)})


def asked_after(
    folder: Path,
    change: Callable[[EditedClub], object],
    *,
    is_empty: bool = True,
    size: Mapping[str, int] = SIZE,
    until: str | None = None,
) -> Asked:
    """What is found about a dry run after a change of its bundle or database."""
    club = dry_club(is_empty=is_empty, size=size)
    change(club)
    return ask(options_of(club.write(folder)), until=until)
