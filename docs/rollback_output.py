"""Writes actual output into rollback.md, between its markers, from the faulty club that `recon demo` writes."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("rollback.md")
DATABASE = ("--database", "demo/club.db")
# What changes from run to run, or from machine to machine.
FIXED = (
    (r"\d{8}T\d{6}Z", "20240115T150000Z"),
    (r"SHA-256: \w+", "SHA-256: …"),
    (r"  - foreign keys without an index take .*\n", ""),
)


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the output of the current version."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--faults", "typical")
        printed = recon(folder, "rollback", "plan", "-b", "demo/migration-bundle-2024-01-15", *DATABASE)
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return with_blocks(text, {"plan": ("", printed)})


if __name__ == "__main__":
    main()
