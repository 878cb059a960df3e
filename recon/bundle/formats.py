"""The files of a bundle, as importers write them, as typed structs; keys that are not declared here are ignored."""

from __future__ import annotations

import re
from datetime import datetime
from importlib import import_module
from pathlib import PurePosixPath
from typing import Annotated, Any

import msgspec

REPORT = "migration-report.json"
POLICIES = "policy-bundle.json"
# What some importers call it; read where the other is missing.
OTHER_POLICIES = "policy.json"
CONFIG = "migration-config.json"
NAMES = (REPORT, POLICIES, OTHER_POLICIES, CONFIG)
# Exports are read from the first, whatever separates their cells, and never from the second.
TABLES = (".csv", ".tsv", ".txt")
SPREADSHEETS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods", ".numbers")
PACKED = (".gz", ".zip", ".bz2", ".xz", ".7z", ".rar", ".zst")
# How the optional files are called by mistake, by their letters.
MEANT = {
    **dict.fromkeys(("policybundle", "policies", "policy"), POLICIES),
    **dict.fromkeys(("migrationconfig", "importconfig", "migrationconfiguration", "config"), CONFIG),
}
ALIKE = 0.85
JSON_FILE = re.compile(r"(?P<stem>[^.].*?)\.json(?:\.(?:txt|gz))?", re.IGNORECASE)
# Policies that say which tier a membership level leads to.
TIER_MAPPING = "membership.tiers.waMapping"
TIERS_ENABLED = "membership.tiers.enabled"
DEFAULT_TIER = "membership.tiers.defaultCode"
TIME_ZONE = "scheduling.timezone"
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
NonBlank = Annotated[str, msgspec.Meta(pattern=r"\S")]


def is_never_read(name: str) -> bool:
    """Return whether a file has the name of an export in a form that is not read: a spreadsheet, or a packed text."""
    stem, _, kind = name.lower().rpartition(".")
    return f".{kind}" in SPREADSHEETS or (f".{kind}" in PACKED and stem.endswith(TABLES))


def meant_name(name: str) -> str | None:
    """Return which of a bundle's optional files another name stands for; None: for no other."""
    found = JSON_FILE.fullmatch(name)
    if found is None or name.removesuffix(".gz") in NAMES:
        return None
    letters = re.sub(r"[^a-z]", "", found["stem"].casefold())
    alike = import_module("difflib").get_close_matches(letters, MEANT, 1, ALIKE)
    return MEANT[alike[0]] if alike else None


def path_below(file: str | None) -> PurePosixPath | None:
    """Return what a report names in a folder below the bundle's; None: a name alone, or a path that leads out."""
    path = stated_path(file)
    return path if len(path.parts) > 1 and not leads_out(path) else None


def stated_path(file: str | None) -> PurePosixPath:
    """Return a path as a report names it, written on whatever system."""
    return PurePosixPath((file or "").replace("\\", "/"))


def leads_out(path: PurePosixPath) -> bool:
    """Return whether the path may lead out of the folder that it is read in."""
    return path.is_absolute() or ".." in path.parts or ":" in "".join(path.parts[:1])


class EntityReport(msgspec.Struct, rename="camel", frozen=True):
    """What the importer did with one entity; None where the report does not state it."""

    created: Count
    updated: Count
    total_rows: Count | None = None
    parsed: Count | None = None
    skipped: Count | None = None
    errors: Count | None = None
    file: str | None = None
    records: Any = None  # a list of records, or the short form that the file has: "[2147]"

    @property
    def expected(self) -> int:
        """Number of rows that the database should hold (the runbook's rule)."""
        return self.created + self.updated


class ReportHead(msgspec.Struct, rename="camel", frozen=True):
    """The report with its long lists untyped, to be validated item by item."""

    run_id: NonBlank
    dry_run: bool
    members: EntityReport
    events: EntityReport
    registrations: EntityReport
    started_at: datetime | None = None
    completed_at: datetime | None = None
    config: dict[str, Any] | None = None
    summary: dict[str, Any] | None = None
    errors: list[Any] = []
    id_mapping: dict[str, Any] | None = None


class ImportProblem(msgspec.Struct, rename="camel", frozen=True):
    """An entry of the report's error list; entity `system` is fatal."""

    entity: str
    message: str
    source_row: Count | None = None
    wa_id: str | int | None = None


class IdMapping(msgspec.Struct, rename="camel", frozen=True):
    """A Wild Apricot id and its target id; older importers call the latter clubosId."""

    wa_id: str | int | None = None
    murmurant_id: str | int | None = None
    clubos_id: str | int | None = None


class RecordHead(msgspec.Struct, frozen=True):
    """The importer's own keys of a record."""

    source_row: Count | None = msgspec.field(name="_sourceRow", default=None)
    wa_id: str | int | None = msgspec.field(name="_waId", default=None)
    murmurant_id: str | int | None = msgspec.field(name="_murmurantId", default=None)
    clubos_id: str | int | None = msgspec.field(name="_clubosId", default=None)
    action: str | None = msgspec.field(name="_action", default=None)
    errors: list[str] | None = msgspec.field(name="_errors", default=None)


class TypedEntityReport(EntityReport, frozen=True):
    """An entity report whose records were validated while they were decoded."""

    records: list[RecordHead] | str | None = None


class TypedReport(ReportHead, frozen=True):
    """The whole report, validated while it is decoded, which takes half as long as decoding first."""

    members: TypedEntityReport
    events: TypedEntityReport
    registrations: TypedEntityReport
    errors: list[ImportProblem] = []
    id_mapping: dict[str, list[IdMapping]] | None = None


class EntityFile(msgspec.Struct, frozen=True):
    """Of an entity report, the file that the importer read."""

    file: str | None = None


class ReportFiles(msgspec.Struct, frozen=True):
    """Of a report, the files that the importer read."""

    members: EntityFile
    events: EntityFile
    registrations: EntityFile


class Policy(msgspec.Struct, rename="camel", frozen=True):
    """A policy that the club declared; source `template` marks a placeholder that was not filled in."""

    key: NonBlank
    value: Any = None
    source: str = ""
    required: bool = False
    validation_error: str | None = None


class PolicyHead(msgspec.Struct, rename="camel", frozen=True):
    """The content of policy-bundle.json, with the items of its list untyped."""

    policies: list[Any]
    version: str | None = None
    validation: dict[str, Any] | None = None


class ImportOptions(msgspec.Struct, frozen=True):
    """How the importer read dates and times."""

    source_timezone: str = "UTC"
    date_format: str = "MM/DD/YYYY"
    datetime_format: str = "MM/DD/YYYY HH:mm"


class ImportConfig(msgspec.Struct, frozen=True):
    """The settings of migration-config.json for reading exports; a mapping of None is not configured."""

    member_fields: dict[str, Any] = {}
    event_fields: dict[str, Any] = {}
    registration_fields: dict[str, Any] = {}
    membership_status_mapping: dict[str, str | None] | None = None
    event_category_mapping: dict[str, str | None] | None = None
    registration_status_mapping: dict[str, str | None] | None = None
    import_options: ImportOptions = msgspec.field(default_factory=ImportOptions)
