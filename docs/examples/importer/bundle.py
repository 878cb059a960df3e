"""Writes the migration bundle: what the import did, for whoever verifies it."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from exports import ImportFailedError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from club import Imported

ONE = {"members": "member", "events": "event", "registrations": "registration"}


def report_of(
    run: Mapping[str, Any], imported: Mapping[str, Imported], remarks: list[tuple[str, int, str]]
) -> dict[str, Any]:
    """Return the content of migration-report.json.

    Args:
        run: runId, startedAt, dryRun and, if it is complete, completedAt.
        imported: What became of each export, by entity.
        remarks: What was decided without being asked: entity, source row, sentence.
    """
    entities = {name: _entity(each) for name, each in imported.items()}
    totals = {
        name: sum(entity[name] for entity in entities.values()) for name in ("created", "updated", "skipped", "errors")
    }
    return {
        **run,
        "config": {"source": "wild-apricot", "target": "murmurant", "version": "1.0"},
        "summary": {"totalRecords": sum(entity["totalRows"] for entity in entities.values()), **totals},
        **entities,
        "errors": [
            {"entity": ONE[name], "sourceRow": record["_sourceRow"], "message": message}
            | ({"waId": record["_waId"]} if "_waId" in record else {})
            for name, each in imported.items()
            for record in each.records
            for message in record.get("_errors", ())
        ],
        "warnings": [{"entity": entity, "sourceRow": row, "message": message} for entity, row, message in remarks],
        "idMapping": {
            name: [{"waId": wa_id, "murmurantId": target_id} for wa_id, target_id in imported[name].ids.items()]
            for name in ("members", "events")
            if name in imported
        },
    }


def _entity(imported: Imported) -> dict[str, Any]:
    return {
        "file": imported.file,
        "totalRows": len(imported.records),
        "parsed": len(imported.records),
        "created": imported.counted("create"),
        "updated": imported.counted("update"),
        "skipped": imported.counted("skip"),
        "errors": imported.rejected,
        "records": imported.records,
    }


def require_free(folder: Path) -> None:
    """Require that a bundle can be written there.

    Raises:
        ImportFailedError: There is something already.
    """
    if folder.exists():
        raise ImportFailedError(f"{folder}: expected no file or folder, found one")


def write_bundle(folder: Path, report: Mapping[str, Any], beside: Mapping[str, Path | None]) -> None:
    """Write the folder, complete or not at all.

    Args:
        folder: Where it is written; nothing may be there.
        report: The content of migration-report.json.
        beside: Files that are copied, by the name that they get.
    """
    unfinished = folder.with_name(f".{folder.name}.unfinished")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    text = json.dumps(report, indent=2, ensure_ascii=False)
    (unfinished / "migration-report.json").write_text(text + "\n", encoding="utf-8")
    for name, path in beside.items():
        if path:
            shutil.copyfile(path, unfinished / name)
    unfinished.rename(folder)


def iso_now() -> str:
    """Return the present instant as the report writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def yesterday(instant: str) -> str:
    """Return the same time of the day before."""
    return f"{datetime.fromisoformat(instant) - timedelta(days=1):%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"
