"""Reads what a profile says of the importer, and says where that is wrong."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING

from recon.profile.formats import ImporterEntry
from recon.profile.model import ImporterRecipe

if TYPE_CHECKING:
    from recon.profile.entries import EntryReader

WORDS = {
    "command": 'a program and its arguments, e.g. ["npx", "tsx", "import.ts", "{mode}", "--bundle", "{bundle}"]',
    "dry_run": 'arguments, e.g. ["--dry-run"]',
    "execute": 'arguments, e.g. ["--yes"]',
    "environment": 'names of environment variables, e.g. ["DATABASE_URL"]',
}
BUNDLE = 'where the bundle appears, with * for any characters, e.g. "out/migration-bundle-*"'
VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
MOST_MINUTES = 60 * 24 * 365
TIMEOUT = f"a number above 0, at most {MOST_MINUTES:,}"


def read_importer(reader: EntryReader, entry: object) -> ImporterRecipe | None:
    """Return the importer; None: nothing is said of it.

    Raises:
        ProfileError: An entry is missing, unknown, or of another kind.
    """
    if entry is None:
        return None
    if not isinstance(entry, dict):
        raise reader.wrong("importer", "a table: [importer], with command below it", repr(entry)[:200])
    _require_kinds(reader, entry)
    file = reader.convert(entry, ImporterEntry, "importer")
    if not file.command or not file.command[0].strip():
        raise reader.wrong("importer.command", WORDS["command"], repr(file.command)[:200])
    _require_usable(reader, file)
    return ImporterRecipe(
        tuple(file.command),
        None if file.dry_run is None else tuple(file.dry_run),
        tuple(file.execute),
        file.bundle,
        tuple(file.environment),
        file.database,
        file.timeout_minutes,
    )


def _require_kinds(reader: EntryReader, entry: dict[str, object]) -> None:
    for name, wanted in WORDS.items():
        value = entry.get(name, [])
        if not isinstance(value, list) or not all(isinstance(word, str) and "\0" not in word for word in value):
            raise reader.wrong(f"importer.{name}", wanted, repr(value)[:200])
    if not isinstance(entry.get("timeout_minutes", 1), int | float):
        raise reader.wrong("importer.timeout_minutes", TIMEOUT, repr(entry["timeout_minutes"])[:200])


def _require_usable(reader: EntryReader, file: ImporterEntry) -> None:
    names = [*file.environment, *([file.database] if file.database is not None else [])]
    for name in names:
        if not VARIABLE.fullmatch(name):
            place = "importer.environment" if name in file.environment else "importer.database"
            raise reader.wrong(
                place, "the name of an environment variable", "another text" if ":" in name else repr(name)
            )
    if file.bundle is not None and (not file.bundle.strip() or PLACEHOLDER.search(file.bundle) or "\0" in file.bundle):
        raise reader.wrong("importer.bundle", BUNDLE, repr(file.bundle)[:200])
    minutes = file.timeout_minutes
    if minutes is not None and not (isfinite(minutes) and 0 < minutes <= MOST_MINUTES):
        raise reader.wrong("importer.timeout_minutes", TIMEOUT, f"{minutes:g}")
