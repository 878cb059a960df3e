from __future__ import annotations

import sqlite3
import stat
from contextlib import closing
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
from support import check_of, run_in_process

import recon
from recon.demo import plant
from recon.errors import DatabaseError, OutputError
from recon.model import Outcome
from recon.report.json import document
from recon.verification.options import VerifyOptions
from recon.verification.progress import Listener
from recon.verification.recorded import keep_judged
from recon.verification.verify import judged
from recon.warehouse.kept import is_snapshot_file

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model import Check, Ledger

SUITE = """
name: own
expectations:
- type: expect_no_violations
  severity: warning
  description: Every event has a place.
  kwargs: {sql: select id as event_id from target.events where status is null}
  meta:
    id: event_places
    title: Event Places
    category: own
    requires: [target.events.status]
    messages: {pass: Every event has a place, fail: "{violations} events have no place"}
    when_missing: {outcome: ERROR, message: "Not evaluated: {missing}"}
    meaning: An event without a place.
    action: Ask the organiser.
"""


def keep(demo: DemoPaths, path: Path, **options: Any) -> recon.Verification:
    chosen = VerifyOptions(bundle=demo.bundle, database=str(demo.database), **options)
    with judged(chosen) as judgement:
        keep_judged(judgement.warehouse, judgement.verification, judgement.key(), path)
        return judgement.verification


@pytest.fixture
def faulty(demo: DemoPaths) -> DemoPaths:
    plant(["orphaned-registrations", "bad-value"], demo.bundle, demo.database)
    return demo


def judge(demo: DemoPaths, snapshot: Path, **options: Any) -> recon.Verification:
    return recon.verify(VerifyOptions(bundle=demo.bundle, database=str(snapshot), **options))


class Told(Listener):
    """Keeps what it is told last."""

    last: object = None

    def check_done(self, check: Check) -> None:
        self.last = check

    def accounted(self, ledger: Ledger) -> None:
        assert isinstance(self.last, recon.Check)
        self.last = ledger


@pytest.mark.soak
def test_the_ledger_is_reported_after_the_last_check_and_again_from_a_kept_snapshot(
    demo: DemoPaths, tmp_path: Path
) -> None:
    kept, (first, again) = tmp_path / "snapshot.duckdb", (Told(), Told())
    reached = keep(demo, kept)
    recon.verify(VerifyOptions(bundle=demo.bundle, database=str(demo.database)), first)
    recon.verify(VerifyOptions(bundle=demo.bundle, database=str(kept)), again)
    assert reached.ledger is not None
    assert first.last == again.last == reached.ledger


def test_the_judgement_on_a_kept_snapshot_is_the_one_that_was_reached(faulty: DemoPaths, tmp_path: Path) -> None:
    kept = keep(faulty, tmp_path / "snapshot.duckdb")
    faulty.database.unlink()
    found = judge(faulty, tmp_path / "snapshot.duckdb")
    assert document(found) == document(kept)
    assert [check.violations.schema for check in found.checks] == [check.violations.schema for check in kept.checks]


def test_a_bundle_that_was_moved_is_still_the_same(faulty: DemoPaths, tmp_path: Path) -> None:
    kept = keep(faulty, tmp_path / "snapshot.duckdb")
    moved = faulty.bundle.rename(tmp_path / "moved")
    found = recon.verify(VerifyOptions(bundle=moved, database=str(tmp_path / "snapshot.duckdb")))
    assert found.verified_at == kept.verified_at


@pytest.mark.soak
def test_another_question_is_judged_again_with_the_same_outcomes(faulty: DemoPaths, tmp_path: Path) -> None:
    kept = keep(faulty, tmp_path / "snapshot.duckdb")
    found = judge(faulty, tmp_path / "snapshot.duckdb", show_pii=True, distributions=True)
    assert found.verified_at > kept.verified_at
    assert [(c.id, c.outcome, c.violation_count) for c in found.checks] == [
        (c.id, c.outcome, c.violation_count) for c in kept.checks
    ]
    assert (found.tiers, found.counts_database) == (kept.tiers, kept.counts_database)
    assert found.snapshot.guarantee == f"Kept snapshot: {kept.snapshot.guarantee}"
    assert found.masked is False
    assert found.distributions is not None
    assert sum(month.count for month in found.distributions.registrations_by_month) == 150


def test_another_bundle_is_judged_again(faulty: DemoPaths, tmp_path: Path) -> None:
    kept = keep(faulty, tmp_path / "snapshot.duckdb")
    report = faulty.bundle / "migration-report.json"
    report.write_text(report.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert judge(faulty, tmp_path / "snapshot.duckdb").verified_at > kept.verified_at


@pytest.mark.soak
def test_a_column_that_was_not_kept_is_missing_and_no_pass(faulty: DemoPaths, tmp_path: Path) -> None:
    keep(faulty, tmp_path / "snapshot.duckdb")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(SUITE, encoding="utf-8")
    found = judge(faulty, tmp_path / "snapshot.duckdb", expectations=[tmp_path / "own"])
    check = check_of(found, "event_places")
    assert check.outcome is Outcome.ERROR
    assert "the snapshot was taken without it: verify the database itself" in check.message
    kept = keep(faulty, tmp_path / "wider.duckdb", expectations=[tmp_path / "own"])
    again = judge(faulty, tmp_path / "wider.duckdb", expectations=[tmp_path / "own"], evidence_rows=1)
    assert check_of(again, "event_places").outcome is check_of(kept, "event_places").outcome


def test_what_the_database_lacks_is_lacking_in_the_snapshot_too(demo: DemoPaths, tmp_path: Path) -> None:
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute('drop table "WaIdMapping"')
    kept = keep(demo, tmp_path / "snapshot.duckdb")
    found = judge(demo, tmp_path / "snapshot.duckdb", evidence_rows=7)
    assert [(c.outcome, c.message) for c in found.checks] == [(c.outcome, c.message) for c in kept.checks]
    assert found.snapshot.not_read == kept.snapshot.not_read


def test_a_snapshot_is_for_its_owner_alone(demo: DemoPaths, tmp_path: Path) -> None:
    keep(demo, tmp_path / "snapshot.duckdb")
    assert stat.S_IMODE((tmp_path / "snapshot.duckdb").stat().st_mode) == 0o600
    assert is_snapshot_file(tmp_path / "snapshot.duckdb")


@pytest.mark.soak
def test_a_snapshot_of_a_snapshot_is_the_same(faulty: DemoPaths, tmp_path: Path) -> None:
    kept = keep(faulty, tmp_path / "first.duckdb")
    options = VerifyOptions(bundle=faulty.bundle, database=str(tmp_path / "first.duckdb"))
    with judged(options, afresh=True) as judgement:
        keep_judged(judgement.warehouse, judgement.verification, judgement.key(), tmp_path / "second.duckdb")
    (tmp_path / "first.duckdb").unlink()
    found = judge(faulty, tmp_path / "second.duckdb", evidence_rows=999)
    assert [(c.outcome, c.message) for c in found.checks] == [(c.outcome, c.message) for c in kept.checks]


def test_another_duckdb_file_is_no_snapshot(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "other.duckdb")) as connection:
        connection.execute("create table t (a int)")
    (tmp_path / "text.duckdb").write_text("no database", encoding="utf-8")
    assert not is_snapshot_file(tmp_path / "other.duckdb")
    assert not is_snapshot_file(tmp_path / "text.duckdb")
    assert not is_snapshot_file(tmp_path / "nothing.duckdb")
    assert not (tmp_path / "nothing.duckdb").exists()


@pytest.mark.parametrize(
    "sql, found",
    [
        ("""update recon.state set state = replace(state, '"version":1', '"version":2')""", "another version of recon"),
        ("drop table recon.judgement", "judgement"),
        ("update recon.state set state = '{'", "is incomplete"),
    ],
)
def test_a_snapshot_that_is_not_whole_is_refused(sql: str, found: str, demo: DemoPaths, tmp_path: Path) -> None:
    keep(demo, tmp_path / "snapshot.duckdb")
    with duckdb.connect(str(tmp_path / "snapshot.duckdb")) as connection:
        connection.execute(sql)
    with pytest.raises(DatabaseError, match=found):
        judge(demo, tmp_path / "snapshot.duckdb", evidence_rows=1)


def test_rows_that_were_taken_out_of_a_snapshot_are_noticed(demo: DemoPaths, tmp_path: Path) -> None:
    keep(demo, tmp_path / "snapshot.duckdb")
    with duckdb.connect(str(tmp_path / "snapshot.duckdb")) as connection:
        connection.execute("delete from target.members where id = (select min(id) from target.members)")
    with pytest.raises(DatabaseError, match=r"target\.members cannot be read back"):
        judge(demo, tmp_path / "snapshot.duckdb", evidence_rows=1)


def test_a_snapshot_that_cannot_be_written_is_reported(demo: DemoPaths, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"The snapshot cannot be kept.*--skip snapshot"):
        keep(demo, tmp_path / "no folder" / "snapshot.duckdb")


def test_recon_verify_takes_a_snapshot_as_its_database(faulty: DemoPaths, tmp_path: Path) -> None:
    keep(faulty, tmp_path / "snapshot.duckdb")
    done = run_in_process(
        "verify", "-b", faulty.bundle, "--database", tmp_path / "snapshot.duckdb", "-o", tmp_path / "report.md"
    )
    assert done.code == 1
    assert "[FAIL] Orphaned Registrations" in done.out
