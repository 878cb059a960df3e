"""Writes actual output into answers.md, between its markers, from the faulty club that `recon demo` writes."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("answers.md")
BUNDLE = "demo/migration-bundle-2024-01-15"
QUESTIONS = {"missing": ("missing", "members", "--rows", "3"), "member": ("member", "60007546")}


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
    return with_blocks(text, blocks)


if __name__ == "__main__":
    main()
