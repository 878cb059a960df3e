"""An assessment as JSON, conforming to the schema in assessment.schema.json, and read back."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from recon.errors import ReportError
from recon.model import Assessment, Fact, Part
from recon.report.json import SCHEMA_VERSION, check_document
from recon.report.reading import check_of
from recon.report.text import printable, timestamp

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

WANTED = f"an assessment of recon as JSON, schema version {SCHEMA_VERSION}"


def render(assessment: Assessment) -> str:
    """The complete report."""
    return json.dumps(document(assessment), indent=2, ensure_ascii=False, default=str) + "\n"


def document(a: Assessment) -> dict[str, Any]:
    """The report as plain objects."""
    return {
        "schemaVersion": SCHEMA_VERSION,
        "kind": a.kind,
        "title": a.title,
        "verdict": str(a.verdict),
        "passed": a.verdict == "PASSED",
        "startedAt": timestamp(a.started_at),
        "durationMs": a.duration_ms,
        "summary": to_builtins(a.summary),
        "parts": [_part(part) for part in a.parts],
        "nextSteps": list(a.next_steps),
        "masked": a.masked,
    }


def _part(part: Part) -> dict[str, Any]:
    return {
        "name": part.name,
        "title": part.title,
        "durationMs": part.duration_ms,
        "facts": [{"label": fact.label, "value": printable(fact.value)} for fact in part.facts],
        "checks": [check_document(check) for check in part.checks],
    }


def load_assessment(path: Path) -> Assessment:
    """Read an assessment back; violating rows are returned with the types of JSON.

    Raises:
        ReportError: The file cannot be read, or is not such a report.
    """
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if found["schemaVersion"] != SCHEMA_VERSION:
            raise _unusable(path, f"schema version {found['schemaVersion']}")
        return _assessment(found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}"
        raise _unusable(path, reason) from error


def _assessment(found: Mapping[str, Any]) -> Assessment:
    return Assessment(
        found["kind"],
        found["title"],
        datetime.fromisoformat(found["startedAt"]),
        found["durationMs"],
        tuple(
            Part(
                part["name"],
                part["title"],
                tuple(Fact(fact["label"], fact["value"]) for fact in part["facts"]),
                tuple(map(check_of, part["checks"])),
                part["durationMs"],
            )
            for part in found["parts"]
        ),
        tuple(found["nextSteps"]),
        found["masked"],
    )


def _unusable(path: Path, found: str) -> ReportError:
    return ReportError("The assessment cannot be read", where=str(path)[:300], expected=WANTED, found=found[:200])
