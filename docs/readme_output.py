"""Writes real output into the README, between its markers; what changes from run to run is fixed."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

README = Path(__file__).parents[1] / "README.md"
BUNDLE = "migration-bundle-2024-01-15"
RUNS = {"clean": ((), ""), "faulty": (("--faults", "typical"), "[3/4]")}
FIXED = (
    (r"Started: \S+", "Started: …"),
    (r"Age: .*", "Age: … before this verification"),
    (r"Duration: \d+ms", "Duration: …ms"),
)


def main() -> None:
    """Rewrite the README."""
    README.write_text(with_output(README.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The README's text with the output of this very version."""
    for name, (options, start) in RUNS.items():
        printed = output_of(options)
        shown = printed[printed.index(start) :]
        block = f"<!-- begin: {name} -->\n```\n{shown}```\n<!-- end: {name} -->"
        text = re.sub(rf"<!-- begin: {name} -->.*?<!-- end: {name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def output_of(options: tuple[str, ...]) -> str:
    """What `recon verify` prints for the demo club."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", ".", *options)
        printed = recon(folder, "verify", "--bundle", f"./{BUNDLE}", "--database", "club.db")
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return printed


def recon(folder: str, *arguments: str) -> str:
    """Run the command in `folder` and return what it printed."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "recon", *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode not in (0, 1):
        raise RuntimeError(done.stderr)
    return done.stdout


if __name__ == "__main__":
    main()
