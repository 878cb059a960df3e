"""Writes every output of the demo into a folder, with times and paths normalised.

`python docs/demo_outputs.py FOLDER [RECON]` runs the command RECON (default: this environment's). `diff -r` on the
folders of two checkouts shows whether a change preserved the behaviour.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir

import duckdb

BUNDLE = "migration-bundle-2024-01-15"
SUFFIXES = {"markdown": "md", "json": "json", "junit": "xml", "html": "html", "csv-long": "csv"}
CLUBS = {
    "clean": (),
    "faulty": ("--faults", "typical"),
    "exports": ("--exports",),
}
COMMANDS = {
    "help": ("--help",),
    "version": ("--version",),
    **{f"help-{name}": (name, "--help") for name in ("verify", "run", "site", "checks", "profile", "demo")},
    "help-profile-check": ("profile", "check", "--help"),
    "help-profile-init": ("profile", "init", "--help"),
    "checks": ("checks",),
    "checks-json": ("checks", "-f", "json"),
    "checks-one": ("checks", "tier_coverage"),
    "checks-test": ("checks", "--test"),
    "faults": ("demo", "--list-faults"),
    "no-bundle": ("verify", "-b", "nowhere"),
    "no-database": ("verify", "-b", f"clean/{BUNDLE}", "--database", "nowhere.db"),
    "profile-check": ("profile", "check", "--database", "clean/club.db"),
    "profile-init": ("profile", "init", "--database", "clean/club.db", "--output", "drafted.toml"),
}
# The order of the names in a set depends on their hashes.
ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}
# What differs between two runs of the same version: times, durations, and names that contain them.
VARYING = (
    (r'x="[\d.]+" y="[\d.]+">\d\d:\d\d</text>', "HOUR</text>"),
    (r"(?<![\d-])20(2[5-9]|[3-9]\d)-\d\d-\d\d[T ]\d\d:?\d\d(:?\d\d)?(\.\d+)?(Z|\+00:00)?( UTC)?", "TIME"),
    (r"(?<![\d-])20(2[5-9]|[3-9]\d)-\d\d-\d\d", "DAY"),
    (r"\d+ ?ms\b", "N ms"),
    (r"\d+(\.\d+)? s(?=\b)", "N s"),
    (r"\d+ days?(, \d+ hours?)?|\d+ d \d+ h|\d+ (hours?|minutes?)\b", "AGE"),
    (r'"(ageSeconds|age_seconds|durationMs|duration_ms|duration|[a-z_]+_ms|time)":? ?[\d.]+', r'"\1": N'),
    (r'\b(time|timestamp)="[^"]*"', r'\1="N"'),
    (r"\b[0-9a-f]{64}\b", "SHA-256"),
    (r"PT[\dDTHMS.]+|P\d+D(T[\dHMS.]+)?", "PERIOD"),
    (re.escape(gettempdir()) + r"/[\w./-]*", "PATH"),
    (r'"(id|start_time|end_time|iopub\.\S+|shell\.\S+)": (?:"[^"]*"|[\d.]+)', r'"\1": N'),
)
TIMINGS = re.compile(r'("timings(?:_ms|Ms)": ?\{)[^}]*(\})')
TABLES = """
select schema_name, table_name from duckdb_tables() where schema_name <> 'recon'
union all select 'recon', 'state' order by all"""


def main(folder: Path, recon: Path) -> None:
    """Run everything in a temporary folder, and write the results to `folder`."""
    folder.mkdir(parents=True)
    with TemporaryDirectory() as name:
        place = Path(name)
        printed = place / "printed"
        printed.mkdir()
        for club, options in CLUBS.items():
            _run(recon, place, f"{club}-demo", "demo", "--output", club, *options)
            _verify(recon, place, club)
            _run(recon, place, f"{club}-run", "run", "-b", f"{club}/{BUNDLE}", "--database", f"{club}/club.db")
        for title, arguments in COMMANDS.items():
            _run(recon, place, title, *arguments)
        for path in sorted(place.rglob("*")):
            if path.is_file() and path.suffix != ".db":
                _keep(path, folder / _settled(str(path.relative_to(place)), place), place)


def _verify(recon: Path, place: Path, club: str) -> None:
    given = ("-b", f"{club}/{BUNDLE}", "--database", f"{club}/club.db")
    for form, suffix in SUFFIXES.items():
        _run(recon, place, f"{club}-{form}", "verify", *given, "-f", form, "-o", f"{club}-report.{suffix}", "-v")
    _run(recon, place, f"{club}-readable", "verify", *given, "--show-pii", "-o", f"{club}-readable.md")


def _run(recon: Path, place: Path, title: str, *arguments: str) -> None:
    """Run one command; its output and exit code are written to a file."""
    done = subprocess.run([recon, *arguments], cwd=place, capture_output=True, text=True, check=False, env=ENVIRONMENT)  # noqa: S603
    shown = f"exit code {done.returncode}\n{done.stdout}\n--- stderr\n{done.stderr}"
    (place / "printed" / f"{title}.txt").write_text(shown, encoding="utf-8")


def _keep(path: Path, kept: Path, place: Path) -> None:
    """Keep a copy of a file, normalised if it is text; of a snapshot, its tables."""
    kept.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".duckdb":
        kept.with_suffix(".txt").write_text(_settled(_tables(path), place), encoding="utf-8")
        return
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        shutil.copy(path, kept)
    else:
        kept.write_text(_settled(text, place), encoding="utf-8")


def _tables(path: Path) -> str:
    """Every table of a kept snapshot, sorted."""
    with duckdb.connect(str(path), read_only=True) as connection:
        shown = []
        for schema, table in connection.execute(TABLES).fetchall():
            rows = connection.execute(f'select * from "{schema}"."{table}" order by all').fetchall()  # noqa: S608
            columns = [column[0] for column in connection.description or ()]
            shown += [f"{schema}.{table}: {', '.join(columns)}", *map(repr, rows)]
    return "\n".join(shown)


def _settled(text: str, place: Path) -> str:
    """The text without what differs between two runs."""
    for number, run in enumerate(sorted(path.name for path in place.glob("outputs/2*")), 1):
        text = text.replace(run, f"RUN-{number}")
    text = text.replace(str(place), "PLACE")
    text = TIMINGS.sub(r"\1\2", text)
    for pattern, fixed in VARYING:
        text = re.sub(pattern, fixed, text)
    return text


if __name__ == "__main__":
    named = Path(sys.argv[2]).absolute() if len(sys.argv) > 2 else Path(sys.executable).with_name("recon")
    main(Path(sys.argv[1]), named)
