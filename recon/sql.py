"""Quoting of SQL identifiers and literals; every query built from names goes through these functions."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def quote(*names: str) -> str:
    """Quote an identifier with double quotes; several names are joined by dots."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """Quote a text as a string literal."""
    return "'" + text.replace("'", "''") + "'"


def named_statements(path: Path) -> dict[str, str]:
    """Return the statements of a file, keyed by the names in its `-- name: …` lines."""
    parts = re.split(r"^-- name: (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
