"""Writes actual files and output into profiles.md, between its markers, from the rowing club's example."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from shutil import copytree
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

GUIDE = Path(__file__).with_name("profiles.md")
EXAMPLE = Path(__file__).parent / "examples" / "rowing"
DATABASE = "rowing.db"
ON_THE_DATABASE = ("--database", DATABASE)
WITH_THE_PROFILE = ("--profile", "profile.toml", *ON_THE_DATABASE)
RUNS = {
    "init": ("profile", "init", *ON_THE_DATABASE, "--output", "-"),
    "check-draft": ("profile", "check", "--profile", "draft.toml", *ON_THE_DATABASE),
    "check": ("profile", "check", *WITH_THE_PROFILE),
    "verify": ("verify", "--bundle", "./bundle", *WITH_THE_PROFILE),
    "verify-fault": ("verify", "--bundle", "./bundle", *WITH_THE_PROFILE),
}
ONLY = {"check-draft": "\nChecks\n", "verify-fault": "[2/4]"}
FAULT = "delete from contacts where contact_id = 104"


def main() -> None:
    """Rewrite the guide."""
    GUIDE.write_text(with_output(GUIDE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The guide's text with the profile and the output of the current version."""
    return with_blocks(text, {"profile": ("toml", (EXAMPLE / "profile.toml").read_text(encoding="utf-8")), **outputs()})


def outputs() -> dict[str, tuple[str, str]]:
    """The language and text of each run, in a folder that holds the example."""
    found: dict[str, tuple[str, str]] = {}
    with TemporaryDirectory() as folder:
        copytree(EXAMPLE, folder, dirs_exist_ok=True)
        execute(folder, (EXAMPLE / "rowing.sql").read_text(encoding="utf-8"))
        for name, arguments in RUNS.items():
            if name == "verify-fault":
                execute(folder, FAULT)
            printed = recon(folder, *arguments)
            if name == "init":
                (Path(folder) / "draft.toml").write_text(printed, encoding="utf-8")
            found[name] = ("toml" if name == "init" else "", shown(name, printed))
    return found


def shown(name: str, printed: str) -> str:
    """The part of the output that the guide shows, without what changes from run to run."""
    return printed[printed.index(ONLY.get(name, "")) :].lstrip("\n")


def execute(folder: str, script: str) -> None:
    """Run SQL on the example's database."""
    with closing(sqlite3.connect(Path(folder) / DATABASE)) as connection:
        connection.executescript(script)


if __name__ == "__main__":
    main()
