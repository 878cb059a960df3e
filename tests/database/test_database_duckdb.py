"""DuckDB files: read as they are, never written, closed to everything beside them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from contextlib import closing
from hashlib import sha256
from threading import Thread
from time import sleep
from typing import TYPE_CHECKING

import duckdb
import polars as pl
import pytest
from soaking import rounds
from support import check_of, outcomes, run_in_process, verify_url, wait_until

from recon.database import Query, ReadError, SelectColumn, open_source, parse_url
from recon.errors import DatabaseError
from recon.profile import load_profile
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from recon.demo import Club, DemoPaths
    from recon.model import Verification

TYPED = {
    "Member": {"id": "uuid", "joinedAt": "timestamp", "membershipTierId": "uuid"},
    "Event": {"id": "uuid", "startTime": "timestamptz", "isPublished": "boolean"},
    "EventRegistration": {"id": "uuid", "eventId": "uuid", "memberId": "uuid"},
    "MembershipTier": {"id": "uuid", "sortOrder": "integer"},
    "AuditLog": {"metadata": "json"},
}


@pytest.fixture(scope="module")
def template(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The club in a DuckDB file, its columns with types of their own."""
    path = tmp_path_factory.mktemp("duckdb") / "club.duckdb"
    with closing(duckdb.connect(path)) as connection:
        for table, rows in club.tables.items():
            if rows:
                connection.register("rows", pl.DataFrame(list(rows), infer_schema_length=None).to_arrow())
                connection.execute(f'create table "{table}" as select * from rows')
            for column, kind in TYPED.get(table, {}).items():
                connection.execute(f'alter table "{table}" alter "{column}" type {kind}')
    return path


@pytest.fixture
def file(template: Path, tmp_path: Path) -> Path:
    path = tmp_path / "club.duckdb"
    path.write_bytes(template.read_bytes())
    return path


def edit(path: Path, *statements: str) -> None:
    with closing(duckdb.connect(path)) as connection:
        for statement in statements:
            connection.execute(statement)


def test_the_verdict_and_every_number_are_those_of_sqlite(clean: DemoPaths, passed: Verification, file: Path) -> None:
    here, there = verify_url(clean.bundle, f"duckdb:///{file}"), passed
    assert [(c.id, c.outcome, c.message) for c in here.checks] == [(c.id, c.outcome, c.message) for c in there.checks]
    assert (here.counts_database, here.tiers) == (there.counts_database, there.tiers)
    assert here.snapshot.guarantee.startswith("consistent: the file is open read-only")


@pytest.mark.parametrize("suffix", [".duckdb", ".db", ""], ids=["its own", "another", "none"])
def test_a_file_is_known_whatever_its_name(suffix: str, demo: DemoPaths, file: Path) -> None:
    renamed = file.rename(file.with_name(f"club{suffix}"))
    assert set(outcomes(verify_url(demo.bundle, str(renamed))).values()) == {"PASS"}


def test_the_file_and_its_folder_stay_as_they_were(demo: DemoPaths, file: Path) -> None:
    before, folder = sha256(file.read_bytes()).hexdigest(), set(file.parent.iterdir())
    verify_url(demo.bundle, str(file))
    assert (sha256(file.read_bytes()).hexdigest(), set(file.parent.iterdir())) == (before, folder)


def test_a_fault_is_found_with_its_row(demo: DemoPaths, file: Path) -> None:
    edit(file, 'delete from "Member" where id = (select "memberId" from "EventRegistration" order by id limit 1)')
    verification = verify_url(demo.bundle, str(file))
    assert outcomes(verification)["member_count"] == "FAIL"
    assert check_of(verification, "orphaned_registrations").violations.height > 0


def test_a_value_that_is_not_of_its_columns_type_is_found(demo: DemoPaths, file: Path) -> None:
    edit(
        file,
        'alter table "MembershipTier" alter "sortOrder" type varchar',
        "update \"MembershipTier\" set \"sortOrder\" = 'many' where code = 'ALUMNI'",
    )
    check = check_of(verify_url(demo.bundle, str(file)), "column_types")
    assert (check.outcome, check.violations["value"].to_list()) == ("FAIL", ["many"])


def test_times_beyond_any_calendar_are_read(demo: DemoPaths, file: Path) -> None:
    edit(file, """update "Event" set "startTime" = 'infinity' where id = (select id from "Event" limit 1)""")
    found = outcomes(verify_url(demo.bundle, str(file)))
    assert {check for check, outcome in found.items() if outcome != "PASS"} == {"altered_records"}


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "elsewhere.csv"
    path.write_text("id,code,name,sortOrder\n1,SEEN,x,1\n", encoding="utf-8")
    return path


def test_a_view_cannot_reach_for_another_file(demo: DemoPaths, file: Path, secret: Path) -> None:
    edit(file, 'drop table "MembershipTier"', f"""create view "MembershipTier" as from read_csv('{secret}')""")
    verification = verify_url(demo.bundle, str(file))
    assert outcomes(verification)["tier_distribution"] == "ERROR"
    assert "disabled by configuration" in check_of(verification, "tier_distribution").message
    assert "SEEN" not in str(verification.tiers)
    assert outcomes(verification)["member_count"] == "PASS"


def test_a_required_view_that_reaches_for_another_file_is_reported(demo: DemoPaths, file: Path, secret: Path) -> None:
    edit(file, 'drop table "Event"', f"""create view "Event" as from read_csv('{secret}')""")
    with pytest.raises(DatabaseError, match=r"'Event' cannot be read.*make it a table"):
        verify_url(demo.bundle, str(file))


@pytest.fixture
def writing(file: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A program that has the file open for writing."""
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1]); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", code, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as program:
        assert program.stdout is not None
        program.stdout.readline()
        yield program
        program.communicate()


@pytest.mark.usefixtures("writing")
def test_a_file_that_another_program_writes_to_is_one_sentence(demo: DemoPaths, file: Path, tmp_path: Path) -> None:
    done = run_in_process("verify", "-b", demo.bundle, "--database", file, "-o", tmp_path / "report.md")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "lock" in done.err
    assert "Another program has it open" in done.err


REPLACE = (
    """insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "updatedAt")
       select $new, 'N', 'N', 'n@example.org', '2024-01-01', id, '2024-01-01' from "MembershipStatus" limit 1""",
    """insert into "Event" (id, title, "startTime", "updatedAt") values ($new, 'N', '2024-01-01', '2024-01-01')""",
    """insert into "EventRegistration" (id, "eventId", "memberId", "registeredAt", "updatedAt")
       values ($new, $new, $new, '2024-01-01', '2024-01-01')""",
    'delete from "EventRegistration" where id = $old',
    'delete from "Event" where id = $old',
    'delete from "Member" where id = $old',
)
WRITER = """
import sys, time, uuid
import duckdb
file, *statements = sys.argv[1:]
old = str(uuid.uuid4())
while True:
    try:
        connection = duckdb.connect(file)
    except duckdb.IOException:
        time.sleep(0.002)
        continue
    with connection:
        for _ in range(3):
            new = str(uuid.uuid4())
            connection.begin()
            for statement in statements:
                values = {"new": new, "old": old}
                connection.execute(statement, {name: values[name] for name in values if f"${name}" in statement})
            connection.commit()
            old = new
    print(old, flush=True)
    time.sleep(0.05)
"""
MEASURE = """
select (select count(*) from target.members) as members, (select count(*) from target.events) as events,
       count(*) as registrations,
       count(*) filter (where not exists (select 1 from target.members m where m.id = r.member_id)
                           or not exists (select 1 from target.events e where e.id = r.event_id)) as orphans
from target.registrations r"""


@pytest.mark.rounds
def test_a_writer_at_work_never_shows_in_a_snapshot(file: Path) -> None:
    """One process at a time may have the file open for writing: what is read is whole, or is refused as locked."""
    seen: set[str] = set()
    found, refused, wanted = Counter[str](), 0, rounds(3, 10)
    command = [sys.executable, "-c", WRITER, str(file), *REPLACE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
        try:
            assert writer.stdout
            seen.add(writer.stdout.readline())
            while found.total() < wanted:
                try:
                    with (
                        closing(open_source(parse_url(f"duckdb:///{file}", "the test"))) as source,
                        Warehouse() as taken,
                    ):
                        take_snapshot(source, load_profile(), (), taken, lambda *_: None)
                        found.update(str(row) for row in taken.rows(MEASURE))
                        seen.update(str(row["id"]) for row in taken.rows("select id from target.members"))
                except DatabaseError as error:
                    assert "lock" in error.message  # noqa: PT017 - either is right
                    refused += 1
                    sleep(0.01)
        finally:
            writer.kill()
    assert found == {str({"members": 61, "events": 13, "registrations": 151, "orphans": 0}): wanted}
    # The writer went on meanwhile.
    assert len(seen) > 60 + min(wanted, 10) / 5


@pytest.mark.soak
def test_what_is_closed_while_a_thread_is_in_it_ends_its_query(file: Path) -> None:
    """After Ctrl-C, the thread that reads is still in the connection: closing it is no error, and does not wait."""
    edit(file, "create view endless as select a.range as v from range(10000000) a, range(10000000) b where a.range < 0")
    source = open_source(parse_url(f"duckdb:///{file}", "the test"))
    said: list[str] = []

    def ask() -> None:
        while not said or "In Use" in said[-1]:
            try:
                list(source.read(Query("endless", (SelectColumn("v", "v"),))))
            except ReadError as error:
                said.append(str(error))

    def is_busy() -> bool:
        try:
            source.catalogue()
        except duckdb.Error:
            return True
        return False

    thread = Thread(target=ask)
    thread.start()
    wait_until(is_busy, "nothing is asked")
    # An interrupt that comes before the query has begun is lost, so that the next is sent.
    while thread.is_alive():
        source.close()
        thread.join(0.05)
    assert "In Use" not in said[-1]


def test_what_a_crash_left_in_the_log_is_read_and_stays_there(demo: DemoPaths, file: Path) -> None:
    code = (
        "import os, sys, duckdb; c = duckdb.connect(sys.argv[1]); "
        'c.execute(\'delete from "Event" where id = (select id from "Event" limit 1)\'); os._exit(0)'
    )
    subprocess.run([sys.executable, "-c", code, str(file)], check=True)
    log = file.with_name(f"{file.name}.wal")
    before = log.read_bytes()
    assert check_of(verify_url(demo.bundle, str(file)), "event_count").outcome == "FAIL"
    assert log.read_bytes() == before


def version(path: Path) -> None:
    """Make the file one of a storage version that no release knows, its checksum being right."""
    with path.open("r+b") as file:
        file.seek(0)
        file.write(b"\0" * 8)


@pytest.mark.parametrize(
    "damage, says",
    [
        pytest.param(lambda path: path.unlink(), "was not found", id="missing"),
        pytest.param(lambda path: path.write_bytes(b""), "an empty file", id="empty"),
        pytest.param(lambda path: path.write_bytes(b"x" * 9000), "cannot be read", id="something else"),
        pytest.param(lambda path: os.truncate(path, 5000), "cannot be read", id="cut off"),
        pytest.param(version, "cannot be read", id="damaged head"),
        pytest.param(lambda path: edit(path, 'drop table "Event"'), "no table 'Event'", id="missing table"),
        pytest.param(lambda path: edit(path, 'alter table "Event" drop id'), "no column 'id'", id="missing column"),
    ],
)
def test_what_is_no_whole_database_is_one_clear_error(
    damage: Callable[[Path], object], says: str, demo: DemoPaths, file: Path
) -> None:
    damage(file)
    there = set(file.parent.iterdir())
    with pytest.raises(DatabaseError, match=says) as refusal:
        verify_url(demo.bundle, f"duckdb:///{file}")
    assert "\n" not in refusal.value.message
    assert set(file.parent.iterdir()) == there


def test_a_file_that_this_program_writes_to_is_one_clear_error(demo: DemoPaths, file: Path) -> None:
    with (
        closing(duckdb.connect(file)),
        pytest.raises(DatabaseError, match=r"different configuration.*close that connection first"),
    ):
        verify_url(demo.bundle, str(file))


def test_verify_on_duckdb_needs_no_other_driver(demo: DemoPaths, file: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from recon.cli import cli, execute; sys.argv = sys.argv[1:]; code = execute(cli); "
        "print([m for m in ('connectorx', 'psycopg', 'pymysql') if m in sys.modules], code)"
    )
    arguments = ["recon", "verify", "-b", demo.bundle, "--database", file, "-o", tmp_path / "report.md"]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[] 0"
