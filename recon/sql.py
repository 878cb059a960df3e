"""Names and texts as SQL writes them; every query that is put together from names goes through these."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


def quote(*names: str) -> str:
    """An identifier in double quotes; several are joined by dots."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"


def named_statements(path: Path) -> dict[str, str]:
    """The statements of a file by the names that `-- name: …` lines give them."""
    parts = re.split(r"^-- name: (\w+)\n", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))
