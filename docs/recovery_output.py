"""Writes actual output into recovery.md, between its markers, from the club that `recon demo` writes."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("recovery.md")
DATABASE = ("--database", "demo/club.db")
WRITTEN_SINCE = 'delete from "EventRegistration" where rowid % 3 = 0'
# What changes from run to run, or from machine to machine.
FIXED = (
    (r"\S*/backups/", "backups/"),
    (r"\d{8}T\d{6}Z-club\b", "20240115T143000Z-club"),
    (r"\d{8}T\d{6}Z-restore", "20240115T170000Z-restore"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC, .* before", r"2024-01-15 14:30:00 UTC, 2 hours 30 minutes before"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", r"2024-01-15 14:30:00 UTC"),
    (r"[\d,]+ bytes", "… bytes"),
    (r"\d+\.\d s\b", "… s"),
    (r"SHA-256: \w+", "SHA-256: …"),
    (r"Plan: \S+", "Plan: …"),
    (r"by: .*", "by: Jane Doe"),
)


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the output of the current version."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--seed", "7")
        recon(folder, "backup", "create", *DATABASE)
        (backup,) = (Path(folder) / "backups").iterdir()
        with closing(sqlite3.connect(Path(folder) / "demo" / "club.db")) as connection:
            connection.execute(WRITTEN_SINCE)
            connection.commit()
        planned = recon(folder, "rollback", "restore", f"backups/{backup.name}", *DATABASE)
        (plan,) = (path for path in (Path(folder) / "outputs").iterdir() if "restore" in path.name)
        applied = recon(folder, "rollback", "apply", f"outputs/{plan.name}", "--yes", "club.db", *DATABASE)
    return with_blocks(text, {"plan": ("", _fixed(planned)), "apply": ("", _fixed(applied))})


def _fixed(printed: str) -> str:
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return printed


if __name__ == "__main__":
    main()
