"""Writes actual output into answers.md, between its markers, from the faulty club that `recon demo` writes."""

from __future__ import annotations

import re
import shlex
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("answers.md")
BUNDLE = "demo/migration-bundle-2024-01-15"
RUN = "outputs/20240115T143000Z-run-20240115-143000"
# An entry may count for a year from today, but the guide is to stay as it is.
UNTIL, SHOWN_UNTIL = str(datetime.now(UTC).date() + timedelta(days=90)), "2027-01-31"
CHOSEN = ("--check", "missing_records", "--check", "member_count")
TERMS = ("--reason", "Members of 2009, who left", "--owner", "Jo Lind", "--expires", SHOWN_UNTIL)
TOLD = ("[FAIL]", "accepted until", "Accepted")
EXPORT = ("export", BUNDLE, "--database", "demo/club.db")
YESTERDAY, TODAY = "missing-members,missing-events", "missing-events,truncated-titles"
# The parts of a comparison that a reader has to see once; each begins with its first line.
SHOWN = ("Checks\n", "New (", "Fixed (")
QUESTIONS = {
    "missing": ("missing", "members", "--rows", "3"),
    "associations": ("associations",),
    "member": ("member", "60007546"),
}


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str, *, compares: bool = True) -> str:
    """The guide's text with the output of the current version; `compares`: also that of runs compared."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--faults", "typical")
        blocks = {}
        for name, question in QUESTIONS.items():
            printed = recon(folder, "show", BUNDLE, *question, "--database", "demo/club.db")
            blocks[name] = ("", f"$ recon show {BUNDLE} {' '.join(question)} --database demo/club.db\n{printed}")
        if compares:
            blocks["changes"] = ("", f"$ recon diff --last\n{_compared(folder)}")
        exported = recon(folder, *EXPORT)
        blocks["export"] = ("", f"$ recon {' '.join(EXPORT)}\n{exported}")
        blocks["accept"] = ("", _accepting(folder))
    return with_blocks(text, blocks)


def _compared(folder: str) -> str:
    """The comparison of two runs of one club, without what is evident."""
    for faults in (YESTERDAY, TODAY):
        recon(folder, "demo", "--output", "club", "--faults", faults)
        given = ("--bundle", "club/migration-bundle-2024-01-15", "--database", "club/club.db")
        recon(folder, "run", *given, "--only", "snapshot", "--outputs", "compared")
    printed = recon(folder, "diff", "--last", "--rows", "2", "--outputs", "compared")
    head, *parts = re.split(r"\n\n(?=\S)", printed)
    shown = [part for part in parts if part.startswith((*SHOWN, "===="))]
    return "\n\n".join([head, *shown])


def _accepting(folder: str) -> str:
    """Commands that accept findings of a run and verify again, what they print of it, and the first entry."""
    judged = ("--bundle", BUNDLE, "--database", "demo/club.db")
    recon(folder, "run", *judged, "--only", "snapshot")
    run = next(str(path.relative_to(folder)) for path in Path(folder, "outputs").glob("*-run-*"))
    accept = ("accept", RUN, *CHOSEN, *TERMS)
    printed = recon(folder, *(each.replace(RUN, run).replace(SHOWN_UNTIL, UNTIL) for each in accept))
    entry = "[[accept]]" + Path(folder, "recon-accept.toml").read_text(encoding="utf-8").split("[[accept]]")[-1]
    verified = recon(folder, "verify", *judged)
    told = "".join(line for line in verified.splitlines(keepends=True) if any(words in line for words in TOLD))
    shown = (
        f"$ recon {shlex.join(accept)}\n{printed}\n",
        f"$ tail -n {len(entry.splitlines())} recon-accept.toml\n{entry}\n",
        f"$ recon verify {shlex.join(judged)}\n…\n{told}…\n",
    )
    return "".join(shown).replace(UNTIL, SHOWN_UNTIL)


if __name__ == "__main__":
    main()
