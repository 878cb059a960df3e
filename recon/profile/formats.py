"""The structure of a profile's TOML file; its parts are validated one by one so that errors can name their place."""

from __future__ import annotations

from typing import Any

import msgspec


class ColumnEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column; a key that is left out takes its value from recon's own column."""

    column: str | list[str] | None = None
    type: Any = None
    domain: str | None = None
    personal: Any = None
    required: bool | None = None
    normalise: list[str] | None = None
    abs_tol: int | float | str | None = None
    rel_tol: int | float | None = None


class OnlyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows of a shared table belong to the canonical table."""

    column: str
    value: str


class KeyPartEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a natural key that is more than a plain column."""

    column: str
    truncate: str | None = None


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table; without `table`, the application does not record this entity."""

    table: str | None = None
    columns: dict[str, Any] = {}
    required: bool | None = None
    only: Any = None
    natural_key: list[Any] | None = None


class RunEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place where run ids are recorded."""

    table: str
    column: str
    recorded_at: str
    json_keys: list[str] = []


class ImporterEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The importer, and how a guided migration runs it."""

    command: list[str]
    dry_run: list[str] | None = None
    execute: list[str] = []
    bundle: str | None = None
    environment: list[str] = []
    database: str | None = None
    timeout_minutes: float | None = None


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    tables: dict[str, Any] | None = None
    runs: list[Any] | None = None
    importer: Any = None
    environments: dict[str, Any] | None = None
