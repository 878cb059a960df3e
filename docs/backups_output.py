"""Writes actual output into backups.md, between its markers, from the club that `recon demo` writes."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("backups.md")
DATABASE = ("--database", "demo/club.db")
# What changes from run to run, or from machine to machine.
FIXED = (
    (r"\d{8}T\d{6}Z", "20240115T143000Z"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", r"2024-01-15 14:30 UTC"),
    (r"[\d,]+ bytes", "… bytes"),
    (r"\(\d+\.\d s\)", "(… s)"),
    (r"It is \d+ minutes? old", "It is 0 minutes old"),
)


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the output of the current version."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--seed", "7")
        recon(folder, "backup", "create", *DATABASE)
        printed = recon(folder, "backup", "test", *DATABASE)
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return with_blocks(text, {"test": ("", printed)})


if __name__ == "__main__":
    main()
