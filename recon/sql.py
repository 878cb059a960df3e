"""Names and texts as SQL writes them; every query that is put together from names goes through these."""

from __future__ import annotations


def quote(*names: str) -> str:
    """An identifier in double quotes; several are joined by dots."""
    return ".".join('"' + name.replace('"', '""') + '"' for name in names)


def literal(text: str) -> str:
    """A string literal."""
    return "'" + text.replace("'", "''") + "'"
