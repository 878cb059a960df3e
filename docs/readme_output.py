"""Writes real output into README.md and docs/verify.md, between their markers; varying parts are fixed."""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks, with_table

README = Path(__file__).parents[1] / "README.md"
GUIDE = Path(__file__).with_name("verify.md")
BUNDLE = "migration-bundle-2024-01-15"
CLUBS = {"clean": (), "faulty": ("--faults", "typical")}
# Of the faulty club's output, the lines that the README shows.
TELLING = (
    r"  \[PASS\] Event Count: .*",
    r"  \[FAIL\] Member Count: .*",
    r"  \[FAIL\] Orphaned Registrations: .*",
    r"  accounted for: .*",
    r"Escalate to: .*",
    r"Next step: .*",
)
# What a reason's numbers stand in, in the output.
PLACEHOLDERS = re.compile(r":? ?\{\w+\}")
OUTCOMES = {"critical": "FAIL", "warning": "WARN", "info": "WARN"}


def main() -> None:
    """Rewrite both pages."""
    for page in (README, GUIDE):
        page.write_text(with_output(page.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The page's text with the output of this very version."""
    shown = {name: output_of(name) for name in CLUBS}
    blocks = {**shown, "telling": telling_lines(shown["faulty"])}
    return with_table(with_blocks(text, {name: ("", block) for name, block in blocks.items()}), "checks", check_rows())


@cache
def output_of(club: str) -> str:
    """What `recon verify` prints for the demo club."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", ".", *CLUBS[club])
        return recon(folder, "verify", "--bundle", f"./{BUNDLE}", "--database", "club.db")


def telling_lines(printed: str) -> str:
    """The one line for each pattern of TELLING."""
    lines = []
    for pattern in TELLING:
        (line,) = re.findall(f"^{pattern}$", printed, flags=re.MULTILINE)
        lines.append(f"{line}\n")
    return "".join(lines)


@cache
def check_rows() -> tuple[tuple[str, ...], ...]:
    """A header and one row per shipped check, as `recon checks` gives them."""
    checks = json.loads(recon(".", "checks", "--format", "json"))
    header = ("Check", "At worst", "Meaning", "First action", "Escalated because")
    rows = ((c["title"], OUTCOMES[c["severity"]], c["meaning"], c["action"], c["escalate"] or "-") for c in checks)
    return (header, *((*words, PLACEHOLDERS.sub("", reason)) for *words, reason in rows))


if __name__ == "__main__":
    main()
