"""A profile as its TOML file writes it; its parts are validated one by one so that errors can name their place."""

from __future__ import annotations

from typing import Any

import msgspec


class ColumnEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A column; where a key is left out, recon's own says."""

    column: str | list[str] | None = None
    type: Any = None
    domain: str | None = None
    personal: Any = None
    required: bool | None = None
    normalise: list[str] | None = None
    abs_tol: int | float | str | None = None
    rel_tol: int | float | None = None


class OnlyEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which rows of a shared table count."""

    column: str
    value: str


class KeyPartEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of a natural key that is not just a column."""

    column: str
    truncate: str | None = None


class TableEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table; without `table`, the application does not record such a thing."""

    table: str | None = None
    columns: dict[str, Any] = {}
    required: bool | None = None
    only: Any = None
    natural_key: list[Any] | None = None


class RunEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A place of run ids."""

    table: str
    column: str
    recorded_at: str
    json_keys: list[str] = []


class ProfileFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    name: str
    tables: dict[str, Any] = {}
    runs: list[Any] = []
