"""The single commands that ask what a step asks, as lines for a shell."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from recon.runs.migration.options import MigrateOptions

FLAGS = {
    "database": "--database",
    "profile": "--profile",
    "expectations": "--expectations",
    "policies": "--policies",
    "accept": "--accept",
    "advice": "--advice",
    "timeout_s": "--timeout",
    "expected": "--expect",
    "exports": "--exports",
    "config": "--config",
    "backup": "--backup",
    "backups": "--backups",
    "proof": "--proof",
    "scratch_database": "--scratch-database",
    "pg_bin": "--pg-bin",
    "max_age_h": "--max-age",
    "wa_key_file": "--wa-key-file",
    "wa_account": "--wa-account",
    "wa_api_url": "--wa-api-url",
    "wa_oauth_url": "--wa-oauth-url",
    "wa_timeout_s": "--wa-timeout",
    "outputs": "--outputs",
    "parts": "--skip",
}
"""The option of the command line by the field of MigrateOptions."""
SOURCE = ("wa_key_file", "wa_account", "wa_api_url", "wa_oauth_url", "wa_timeout_s")


def verb(options: MigrateOptions, words: tuple[str, ...], names: tuple[str, ...]) -> str:
    """Return the command with those of the named options that differ from their defaults."""
    settings = options.settings
    found = ["recon", *words]
    for name in names:
        value = settings.get(name)
        if value is not None:
            for one in value if isinstance(value, list) else [value]:
                found += [FLAGS[name], f"{one:g}" if isinstance(one, float) else str(one)]
    return shlex.join(found)


def going_on(folder: Path, *words: str, verb: str = "--resume") -> str:
    """Return the command that goes on with a migration, or closes it."""
    return shlex.join(["recon", "migrate", verb, str(folder), *words])
