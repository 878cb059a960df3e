"""Writes actual output into the README, between its markers; what changes from run to run is fixed."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

README = Path(__file__).parents[1] / "README.md"
BUNDLE = "migration-bundle-2024-01-15"
RUNS = {
    "clean": ((), "[3/4]", ""),
    "faulty": (("--faults", "typical"), "[3/4]", "[4/4]"),
}


def main() -> None:
    """Rewrite the README."""
    README.write_text(with_output(README.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The README's text with the output of the current version."""
    return with_blocks(text, {name: ("", output_of(*run)) for name, run in RUNS.items()})


def output_of(options: tuple[str, ...], start: str, end: str) -> str:
    """The output of `recon verify` for the demo club, from `start` on, up to `end` if it is given."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", ".", *options)
        printed = recon(folder, "verify", "--bundle", f"./{BUNDLE}", "--database", "club.db")
    shown = printed[printed.index(start) :]
    return shown[: shown.index(end)].rstrip() + "\n" if end else shown


if __name__ == "__main__":
    main()
