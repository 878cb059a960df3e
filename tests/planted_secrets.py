"""Secrets to be searched for: in the environment, and written down by every program that recon starts."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# Variables of an operator, among them one whose name says nothing.
PLANTED = {
    "PGPASSWORD": "planted-Heron-71",
    "MYSQL_PWD": "planted-Egret-72",
    "WA_API_KEY": "plantedStork73",
    "AWS_SECRET_ACCESS_KEY": "planted-Crane-74",
    "GITHUB_TOKEN": "planted-Ibis-75",
    "CLUB_REPLICA": "postgresql://kiwi:planted-Swan-76@db.example/club",
    "SOMETHING_ELSE": "planted-Goose-77",
}
# What an importer may keep in the bundle's migration-config.json.
CONFIGURED = {
    "apiKey": "planted-Teal-78",
    "clientSecret": "planted-Coot-79",
    "database": {"password": "planted-Rail-80", "url": "postgresql://kiwi:planted-Kite-81@db.example/club"},
}
MARK = "planted"
# Python runs it before anything else; the operating system's own words for the command line are its arguments.
RECORDING = """
import json, os, sys
with open({file!r}, "a") as file:
    file.write(json.dumps([sys.orig_argv, dict(os.environ)]) + "\\n")
"""


def recording(folder: Path) -> tuple[str, Path]:
    """A folder for PYTHONPATH, with which every Python writes down how it was started, and the file of that."""
    folder.mkdir()
    file = folder / "started"
    (folder / "sitecustomize.py").write_text(RECORDING.format(file=str(file)), encoding="utf-8")
    return str(folder), file


def children(file: Path, module: str) -> list[tuple[Sequence[str], Mapping[str, str]]]:
    """Arguments and environment of each Python that ran the module."""
    started = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    return [(words, environment) for words, environment in started if any(module in word for word in words)]
