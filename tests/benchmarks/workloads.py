"""One piece of work in a process of its own: `python workloads.py NAME ARGUMENT …` prints what it took, as JSON.

Each prints wall and processor seconds of the work alone, without imports, and the peak memory of its process.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import psycopg

import recon
from recon.bundle import open_bundle
from recon.database import Query, SelectColumn, open_source, parse_url
from recon.ledger import LedgerSettings, account_for, ledger_columns
from recon.profile import load_profile
from recon.rules import load_rules, shipped_folder
from recon.rules.evaluation import evaluate_all
from recon.warehouse import LoadColumn, Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable

REGISTRATION = {"id": "id", "eventId": "event_id", "memberId": "member_id"}
COPY = 'copy (select id, "eventId", "memberId" from "EventRegistration") to stdout (format binary)'


def measure(work: Callable[[], object]) -> dict[str, float]:
    """Wall and processor seconds of `work`, and the peak memory so far in MB."""
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def read_registrations(url: str) -> dict[str, float]:
    """Three uuid columns of all registrations, from PostgreSQL into a warehouse."""

    columns = tuple(SelectColumn(name, ours, "uuid") for name, ours in REGISTRATION.items())
    fields = [LoadColumn(ours, "uuid", name, "uuid") for name, ours in REGISTRATION.items()]
    with Warehouse() as warehouse:
        source = open_source(parse_url(url, "benchmark"))
        warehouse.create("target.registrations", fields)

        def read() -> None:
            for frame in source.read(Query("EventRegistration", columns)):
                warehouse.append("target.registrations", frame, fields)

        taken = measure(read)
        source.close()
    return taken


def copy_registrations(url: str) -> dict[str, float]:
    """The same columns by COPY, to nowhere: what no reader can be faster than."""
    with psycopg.connect(url) as connection, connection.cursor() as cursor:

        def drain() -> None:
            with cursor.copy(COPY) as copied:
                for _ in copied:
                    pass

        return measure(drain)


def rules(url: str, bundle: str) -> dict[str, dict[str, float]]:
    """All rules through the evaluator, and their statements bare in the same DuckDB session."""
    loaded, profile = load_rules([shipped_folder("expectations")]), load_profile()
    with Warehouse() as warehouse, open_bundle(Path(bundle)) as opened:
        requires = {*ledger_columns(opened.listed), *(reference for rule in loaded for reference in rule.reads)}
        load_bundle(opened, warehouse, requires)
        source = open_source(parse_url(url, "benchmark"))
        take_snapshot(source, profile, requires, warehouse)
        source.close()
        # Rules read the ledger's tables too.
        account_for(warehouse, LedgerSettings(profile, opened.config))

        def bare() -> None:
            for rule in loaded:
                for sql in filter(None, (rule.sql, rule.values_sql)):
                    named = {name: value for name, value in rule.parameters.items() if f"${name}" in sql}
                    warehouse.connection.execute(sql, named).fetchall()

        first = measure(bare)
        evaluated = measure(lambda: list(evaluate_all(loaded, warehouse, 1000)))
        return {"evaluated": evaluated, "bare": min(first, measure(bare), key=lambda taken: taken["wall_s"])}


def load_report(bundle: str) -> dict[str, float]:
    """A bundle into the warehouse, typed and validated."""

    def load() -> None:
        with Warehouse() as warehouse, open_bundle(Path(bundle)) as opened:
            load_bundle(opened, warehouse, ["source.members", "source.events", "source.registrations"])

    return measure(load)


def decode_report(bundle: str) -> dict[str, float]:
    """The same report decoded by msgspec without types: everything in memory, nothing validated."""
    report = Path(bundle) / "migration-report.json"
    return measure(lambda: msgspec.json.decode(report.read_bytes()))


def reports(bundle: str, url: str, folder: str) -> dict[str, float]:
    """Every format of one Verification."""
    verification = recon.verify(recon.VerifyOptions(bundle=bundle, environment={"DATABASE_URL": url}))

    def write() -> None:
        for name in recon.FORMATS:
            recon.write_report(verification, name, Path(folder) / f"report.{name}")

    return measure(write)


WORKLOADS: dict[str, Callable[..., Any]] = {
    work.__name__: work for work in (read_registrations, copy_registrations, rules, load_report, decode_report, reports)
}

if __name__ == "__main__":
    print(json.dumps(WORKLOADS[sys.argv[1]](*sys.argv[2:])))  # noqa: T201
