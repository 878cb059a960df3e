"""Real bundles of a real importer and the tables that it left; they lie beside the checkout, or nowhere."""

from __future__ import annotations

import csv
import json
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest
from postgres import load_rows, load_schema
from support import SAMPLES, check_of, outcomes, run_in_process

import recon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

pytestmark = pytest.mark.skipif(not SAMPLES.is_dir(), reason="the samples are not beside this checkout")
WARNED = {"duplicate_id_mappings", "id_mappings", "run_id_match", "tier_mapping"}
# What the short form, which lists no record, cannot tell.
OF_RECORDS = {"report_arithmetic", "missing_records", "unexpected_records", "altered_records"}


def tables() -> dict[str, list[dict[str, Any]]]:
    """Rows by table; the files write null as \\N."""
    read = {}
    for file in sorted((SAMPLES / "database").glob("*.csv")):
        with file.open(encoding="utf-8", newline="") as lines:
            rows = csv.DictReader(lines)
            read[file.stem] = [{name: None if v == r"\N" else v for name, v in row.items()} for row in rows]
    return read


@pytest.fixture(scope="module")
def sqlite_sample(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The tables in SQLite, every column without a type, as a plain conversion leaves them."""
    database = tmp_path_factory.mktemp("sample") / "sample.db"
    columns = json.loads((SAMPLES / "database" / "schema.json").read_text(encoding="utf-8"))["columns"]
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, names in columns.items():
            connection.execute('create table "{}" ({})'.format(table, ", ".join(f'"{name}"' for name in names)))
        for table, rows in tables().items():
            for row in rows:
                names = ", ".join(f'"{name}"' for name in row)
                values = ", ".join("?" for _ in row)
                connection.execute(f'insert into "{table}" ({names}) values ({values})', list(row.values()))
    return str(database)


@pytest.fixture(scope="module")
def postgresql_sample(cluster: Cluster) -> Iterator[str]:
    """The tables in PostgreSQL, as a deployment of the older generation has them."""
    url = cluster.create_database("sample")
    load_schema(url, "older")
    load_rows(url, tables())
    yield url
    cluster.drop_database("sample")


@pytest.fixture(params=["sqlite_sample", "postgresql_sample"], ids=["SQLite", "PostgreSQL"])
def database(request: pytest.FixtureRequest) -> str:
    url: str = request.getfixturevalue(request.param)
    return url


@pytest.mark.parametrize("bundle, unlisted", [("live", set()), ("live-short", OF_RECORDS)])
def test_the_sample_passes_and_warns_of_what_it_does_not_record(bundle: str, unlisted: set[str], database: str) -> None:
    environment = {"DATABASE_URL": database}
    verification = recon.verify(recon.VerifyOptions(SAMPLES / bundle, environment=environment))
    found = outcomes(verification)
    assert verification.verdict == "PASSED"
    assert {check for check, outcome in found.items() if outcome == "WARN"} == WARNED | unlisted
    assert {outcome for check, outcome in found.items() if check not in WARNED | unlisted} == {"PASS"}
    assert verification.counts_database == verification.counts_bundle == {"members": 5, "events": 3, "registrations": 5}
    assert "not recorded" in check_of(verification, "duplicate_id_mappings").message
    assert "No run is recorded" in check_of(verification, "run_id_match").message


def test_both_variants_of_the_bundle_say_the_same(sqlite_sample: str) -> None:
    options = (recon.VerifyOptions(SAMPLES / bundle, sqlite_sample) for bundle in ("live", "live-short"))
    long, short = map(recon.verify, options)
    reported = [
        [(c.id, c.outcome, c.message) for c in each.checks if c.id not in {*OF_RECORDS, "tier_mapping"}]
        for each in (long, short)
    ]
    assert reported[0] == reported[1]
    assert (long.run_id, long.tiers) == (short.run_id, short.tiers)


def test_every_record_of_the_sample_is_accounted_for(database: str) -> None:
    verification = recon.verify(recon.VerifyOptions(SAMPLES / "live", environment={"DATABASE_URL": database}))

    ledger = verification.ledger
    assert ledger is not None
    assert (ledger.accounted, ledger.records, ledger.unexplained) == (13, 13, 0)
    assert [account.outcomes["landed"] for account in ledger.entities] == [5, 3, 5]
    assert [account.matched_by for account in ledger.entities] == [{"target id": n} for n in (5, 3, 5)]
    assert (ledger.causes, ledger.duplicate_keys, ledger.levels) == ((), (), ())
    assert check_of(verification, "tier_mapping").message == (
        "Not compared: the bundle declares no membership.tiers.waMapping"
    )


def test_the_short_form_of_the_sample_is_not_evaluated(sqlite_sample: str) -> None:
    verification = recon.verify(recon.VerifyOptions(SAMPLES / "live-short", sqlite_sample))

    ledger = verification.ledger
    assert ledger is not None
    assert (ledger.entities, ledger.records) == ((), 0)
    assert [*ledger.not_evaluated] == ["members", "events", "registrations"]
    assert all("does not list them" in reason for reason in ledger.not_evaluated.values())


def test_both_databases_say_the_same(sqlite_sample: str, postgresql_sample: str) -> None:
    one, other = (
        recon.verify(recon.VerifyOptions(SAMPLES / "live", environment={"DATABASE_URL": url}))
        for url in (sqlite_sample, postgresql_sample)
    )
    assert [(c.id, c.outcome) for c in one.checks] == [(c.id, c.outcome) for c in other.checks]
    assert one.tiers == other.tiers


def test_the_dry_run_is_refused(database: str, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    done = run_in_process("verify", "-b", SAMPLES / "dry-run", "-o", report, DATABASE_URL=database)
    assert done.code == 2
    assert "dry run" in done.err
    assert "**Bundle error**: This bundle is of a dry run" in report.read_text(encoding="utf-8")


def test_the_dry_run_compared_all_the_same_does_not_hide_that_it_is_one(sqlite_sample: str, tmp_path: Path) -> None:
    report = tmp_path / "report.json"
    done = run_in_process(
        "verify", "-b", SAMPLES / "dry-run", "-f", "json", "-o", report, "--allow-dry-run", DATABASE_URL=sqlite_sample
    )
    assert json.loads(report.read_text(encoding="utf-8"))["dryRun"] is True
    assert "Dry run: true" in done.out
