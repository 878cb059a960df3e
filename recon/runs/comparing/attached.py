"""Two kept snapshots in one session, to compare their findings as sets."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import polars as pl

from recon.model.changes import CHANGES, RECORDS
from recon.sql import literal, named_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from recon.runs.folder import RunFolder

STATEMENTS = named_statements(Path(__file__).with_name("findings.sql"))
ATTACH = "attach {file} as {name} (read_only)"
OLDER, NEWER = "older", "newer"
SKIPPED = "the run kept no snapshot"
OTHER_VERSION = "its snapshot is of a version of recon that kept no findings, or other ones"
# Nothing is written outside of memory: findings hold ids.
SETTINGS = {"temp_directory": ""}


@dataclass(frozen=True)
class AttachedRuns:
    """The findings of two runs.

    Attributes:
        without: Why the findings of a run are not known, by `OLDER` and `NEWER`; without those that are.
    """

    connection: duckdb.DuckDBPyConnection
    without: dict[str, str]

    def listed(self, run: str) -> dict[str, int]:
        """Return how many violations the findings of each check stand for, of `OLDER` or `NEWER`."""
        return dict(self.connection.execute(STATEMENTS["listed"].format(run=run)).fetchall())

    def compare(self, known: Sequence[str]) -> dict[str, dict[str, int]]:
        """Compare the findings; return how many became what, by check and change.

        Args:
            known: The checks whose findings the newer run lists all.
        """
        self.connection.execute(STATEMENTS["compare"], {"known": list(known)})
        tallies: dict[str, dict[str, int]] = {}
        for check, change, count in self.connection.execute(STATEMENTS["tallies"]).fetchall():
            tallies.setdefault(check, {})[change] = count
        return tallies

    def records(self, checks: Sequence[str], most: int | None) -> pl.DataFrame:
        """Return what became of each finding, once they are compared.

        Args:
            checks: The order of the checks.
            most: At most this many of each check and change; None: all.
        """
        values = {"checks": list(checks), "changes": list(CHANGES), "most": most}
        found = self.connection.sql(STATEMENTS["records"], params=values).to_arrow_table()
        words = [pl.lit(None, kind).alias(name) for name, kind in RECORDS.items() if name not in found.column_names]
        return pl.DataFrame(pl.from_arrow(found)).with_columns(words).cast(pl.Schema(RECORDS))


@contextmanager
def attached(older: RunFolder, newer: RunFolder) -> Iterator[AttachedRuns]:
    """Attach the snapshots of two runs, as far as they have any."""
    with duckdb.connect(config={**SETTINGS}) as connection:
        runs = {OLDER: older, NEWER: newer}
        found = {name: _attach(connection, run, name) for name, run in runs.items()}
        connection.execute("set enable_external_access = false")
        yield AttachedRuns(connection, {name: why for name, why in found.items() if why})


def without_findings(runs: Iterable[RunFolder]) -> dict[str, str]:
    """Say why the findings of runs are not known, by the name of the run; empty: they are."""
    found = {}
    with duckdb.connect(config={**SETTINGS}) as connection:
        for run in runs:
            found[run.name] = _attach(connection, run, NEWER)
            connection.execute(f"detach database if exists {NEWER}")
    return found


def _attach(connection: duckdb.DuckDBPyConnection, run: RunFolder, name: str) -> str:
    """Attach a run's snapshot; return why its findings are not known."""
    snapshot = run.part("snapshot")
    if not snapshot.is_file():
        return SKIPPED
    try:
        connection.execute(ATTACH.format(file=literal(str(snapshot)), name=name))
        connection.execute(STATEMENTS["columns"].format(run=name))
    except (duckdb.CatalogException, duckdb.BinderException):
        return OTHER_VERSION
    except (duckdb.Error, OSError) as error:
        return f"its snapshot cannot be read ({' '.join(str(error).split())[:200]})"
    return ""
