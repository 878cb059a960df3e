"""Writes actual output into answers.md, between its markers, from the faulty club that `recon demo` writes."""

from __future__ import annotations

import re
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("answers.md")
BUNDLE = "demo/migration-bundle-2024-01-15"
QUESTIONS = {"missing": ("missing", "members", "--rows", "3"), "member": ("member", "60007546")}
YESTERDAY, TODAY = "missing-members,missing-events", "missing-events,truncated-titles"
# The parts of a comparison that a reader has to see once; each begins with its first line.
SHOWN = ("Checks\n", "New (", "Fixed (")


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the output of the current version."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--faults", "typical")
        blocks = {}
        for name, question in QUESTIONS.items():
            printed = recon(folder, "show", BUNDLE, *question, "--database", "demo/club.db")
            blocks[name] = ("", f"$ recon show {BUNDLE} {' '.join(question)} --database demo/club.db\n{printed}")
        blocks["changes"] = ("", f"$ recon diff --last\n{_compared(folder)}")
    return with_blocks(text, blocks)


def _compared(folder: str) -> str:
    """The comparison of two runs of one club, without what is evident."""
    for faults in (YESTERDAY, TODAY):
        recon(folder, "demo", "--output", "club", "--faults", faults)
        given = ("--bundle", "club/migration-bundle-2024-01-15", "--database", "club/club.db")
        recon(folder, "run", *given, "--only", "snapshot")
    printed = recon(folder, "diff", "--last", "--rows", "2")
    head, *parts = re.split(r"\n\n(?=\S)", printed)
    shown = [part for part in parts if part.startswith((*SHOWN, "===="))]
    return "\n\n".join([head, *shown])


if __name__ == "__main__":
    main()
