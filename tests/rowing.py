"""The worked example of docs/profiles.md: another application on either kind of database."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from itertools import count
from typing import TYPE_CHECKING

import psycopg
from migrated_databases import Migration
from support import CHECKOUT

if TYPE_CHECKING:
    from pathlib import Path

    import pytest
    from postgres import Cluster

ROWING = CHECKOUT / "docs" / "examples" / "rowing"
PROFILE = ROWING / "profile.toml"
BUNDLE = ROWING / "bundle"
SCRIPT = ROWING / "rowing.sql"
NAMES = count()


def rowing_sqlite(folder: Path) -> Path:
    """The example's database as a file."""
    path = folder / "rowing.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(SCRIPT.read_text(encoding="utf-8"))
    return path


def rowing(kind: str, folder: Path, request: pytest.FixtureRequest) -> Migration:
    """The example on a database of that kind; the cluster drops its databases at the end of the session."""
    if kind == "sqlite":
        return Migration(kind, BUNDLE, str(rowing_sqlite(folder)))
    cluster: Cluster = request.getfixturevalue("cluster")
    url = cluster.create_database(f"rowing_{next(NAMES)}")
    with psycopg.connect(url) as server:
        server.execute(SCRIPT.read_bytes())
    return Migration(kind, BUNDLE, url)
