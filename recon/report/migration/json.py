"""A guided migration as JSON: its record, conforming to the schema in migration.schema.json."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from recon.model.migration import Migration


def render(migration: Migration) -> str:
    """The complete record; what has its default value is left out."""
    return msgspec.json.format(msgspec.json.encode(migration), indent=2).decode() + "\n"
