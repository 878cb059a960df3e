from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing, contextmanager
from hashlib import sha256
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from soaking import rounds
from support import check_of, given_up_soon, outcomes, verify, wait_until

import recon
from recon.database import Query, ReadError, SelectColumn, open_source, parse_url
from recon.errors import DatabaseError
from recon.profile import load_profile
from recon.report import FORMATS
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot

if sys.platform != "win32":
    import pwd

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.demo import DemoPaths

FIRST_REGISTRATION = 'delete from "EventRegistration" where rowid = 1'
NOT_UTF8 = "cast(x'ff4142' as text)"
MEASURE = """
select (select count(*) from target.members) as members, (select count(*) from target.events) as events,
       count(*) as registrations,
       count(*) filter (where not exists (select 1 from target.members m where m.id = r.member_id)
                           or not exists (select 1 from target.events e where e.id = r.event_id)) as orphans
from target.registrations r"""
FORGET_RUN = 'update "WaIdMapping" set "syncRunId" = null'
PAGE_BYTES = 4096


def edit(database: Path, *statements: str) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        for statement in statements:
            connection.execute(statement)


@contextmanager
def snapshot_of(database: Path, *requires: str) -> Iterator[Warehouse]:
    """The warehouse after a snapshot of what `requires` names."""
    source = open_source(parse_url(str(database), "the test"))
    try:
        with Warehouse() as warehouse:
            take_snapshot(source, load_profile(), requires, warehouse)
            yield warehouse
    finally:
        source.close()


def column_of(database: Path, table: str, column: str) -> list[Any]:
    """The values of a canonical column as the warehouse holds them, in the file's own order."""
    with snapshot_of(database, f"target.{table}.{column}") as warehouse:
        return [row[column] for row in warehouse.rows(f"select {column} from target.{table}")]


def contents(folder: Path) -> dict[str, tuple[str, int]]:
    """Every file of a folder with its hash and the time of its last change."""
    files = [path for path in folder.iterdir() if path.is_file()]
    return {path.name: (sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) for path in files}


def with_a_rollback_journal(original: Path, folder: Path) -> Path:
    return Path(shutil.copy(original, folder / "club.db"))


def with_a_closed_write_ahead_log(original: Path, folder: Path) -> Path:
    database = with_a_rollback_journal(original, folder)
    edit(database, "pragma journal_mode = wal", FIRST_REGISTRATION)
    return database


def with_a_write_ahead_log_left_behind(original: Path, folder: Path) -> Path:
    """As a program leaves it that was killed: the last change stands in the log alone."""
    with closing(writing_ahead(original)) as killed:
        killed.execute(FIRST_REGISTRATION)
        killed.commit()
        shutil.copy(f"{original}-wal", folder / "club.db-wal")
        return with_a_rollback_journal(original, folder)


def writing_ahead(database: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(database)
    connection.execute("pragma journal_mode = wal")
    connection.execute("pragma wal_autocheckpoint = 0")
    return connection


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A folder that holds the database and nothing else."""
    folder = tmp_path / "kept"
    folder.mkdir()
    return folder


@pytest.mark.parametrize(
    "prepare, registrations",
    [
        pytest.param(with_a_rollback_journal, 150, id="rollback journal"),
        pytest.param(with_a_closed_write_ahead_log, 149, id="write-ahead log, closed"),
        pytest.param(with_a_write_ahead_log_left_behind, 149, id="write-ahead log, not checkpointed"),
    ],
)
def test_the_file_and_its_folder_stay_as_they_were(
    prepare: Callable[[Path, Path], Path], registrations: int, demo: DemoPaths, kept: Path
) -> None:
    database = prepare(demo.database, kept)
    before = contents(kept)
    counts = recon.verify(recon.VerifyOptions(demo.bundle, str(database))).counts_database
    assert counts["registrations"] == registrations
    assert contents(kept) == before


@pytest.mark.parametrize("alive", [True, False], ids=["running", "killed"])
def test_what_a_program_has_not_checkpointed_is_read_with_its_log_in_use(
    alive: bool, demo: DemoPaths, kept: Path
) -> None:
    with closing(writing_ahead(demo.database)) as program:
        program.execute(FIRST_REGISTRATION)
        program.commit()
        database = demo.database
        if not alive:
            for suffix in ("", "-wal", "-shm"):
                database = Path(shutil.copy(f"{demo.database}{suffix}", kept / f"club.db{suffix}")).with_name("club.db")
        before = contents(database.parent)
        counts = recon.verify(recon.VerifyOptions(demo.bundle, str(database))).counts_database
        after = contents(database.parent)
    assert counts["registrations"] == 149
    assert before.keys() == after.keys()
    # The -shm file is memory that programs share while they run: a reader signs in there.
    assert {name for name in before if before[name] != after[name]} <= {"club.db-shm"}


def test_an_interrupted_transaction_is_never_read_as_if_it_were_whole(demo: DemoPaths, kept: Path) -> None:
    with closing(sqlite3.connect(demo.database, isolation_level=None)) as killed:
        killed.execute("pragma cache_size = 1")
        killed.execute("begin")
        killed.execute('delete from "EventRegistration"')
        killed.execute('update "WaIdMapping" set "syncRunId" = null')
        shutil.copy(f"{demo.database}-journal", kept / "club.db-journal")
        database = with_a_rollback_journal(demo.database, kept)
    before = contents(kept)
    try:
        registrations = recon.verify(recon.VerifyOptions(demo.bundle, str(database))).counts_database["registrations"]
    except DatabaseError:
        registrations = 150
    assert registrations == 150
    assert contents(kept) == before


REPLACE_MEMBER = (
    """insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "updatedAt")
       select :new, 'N', 'N', :new, '2024', id, '2024' from "MembershipStatus" limit 1""",
    """insert into "Event" (id, title, "startTime", "updatedAt") values (:new, 'N', '2024', '2024')""",
    """insert into "EventRegistration" (id, "eventId", "memberId", "registeredAt", "updatedAt")
       values (:new, :new, :new, '2024', '2024')""",
    'delete from "EventRegistration" where "memberId" = :old',
    'delete from "Event" where id = :old',
    'delete from "Member" where id = :old',
)
MEMBERS = 'select id from "Member"'
REFERENCES = 'select "memberId" from "EventRegistration"'


@contextmanager
def replacing_a_member(database: Path, commits: list[str]) -> Iterator[None]:
    """A thread keeps replacing one member and one event together with the registration of both, in one transaction."""
    over = Event()

    def write() -> None:
        with closing(sqlite3.connect(database, timeout=30)) as connection:
            while not over.is_set():
                for statement in REPLACE_MEMBER:
                    connection.execute(statement, {"new": f"m{len(commits)}", "old": commits[-1]})
                connection.commit()
                commits.append(f"m{len(commits)}")
                over.wait(0.001)

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def wait_for(commits: list[str], more: int) -> None:
    wanted = len(commits) + more
    wait_until(lambda: len(commits) >= wanted, "the writer stands still")


@pytest.mark.rounds
@pytest.mark.parametrize("mode", ["delete", "wal"])
def test_a_writer_at_work_never_shows_in_a_snapshot(mode: str, demo: DemoPaths) -> None:
    edit(demo.database, f"pragma journal_mode = {mode}")
    commits = ["nobody"]
    with replacing_a_member(demo.database, commits), closing(sqlite3.connect(demo.database, timeout=30)) as naive:
        wait_for(commits, 2)
        for _ in range(rounds(3, 20)):
            before = len(commits)
            with snapshot_of(demo.database) as warehouse:
                (found,) = warehouse.rows(MEASURE)
            assert found == {"members": 61, "events": 13, "registrations": 151, "orphans": 0}
            wait_for(commits, max(0, before + 2 - len(commits)))
        members = {row[0] for row in naive.execute(MEMBERS)}
        wait_for(commits, 2)
        orphans = {row[0] for row in naive.execute(REFERENCES)} - members
    assert orphans, "this test could not have failed"


# All that recon loads lazily loads with the first verification, before the rights to read it go.
UNPRIVILEGED = """
import os, sys
import recon
warm_up, bundle, database, account = sys.argv[1:]
recon.verify(recon.VerifyOptions(bundle, warm_up))
if os.geteuid() == 0:
    os.setgroups([])
    os.setgid(int(account))
    os.setuid(int(account))
try:
    print(recon.verify(recon.VerifyOptions(bundle, database)).verdict)
except recon.ReconError as error:
    print(f"{error.title}: {error.message}")
"""


@pytest.fixture
def public() -> Iterator[Path]:
    """A folder that every account may look into, which pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="recon-test-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder
        for path in [folder, *folder.rglob("*")]:
            path.chmod(0o755)


def verify_unprivileged(demo: DemoPaths, database: Path) -> str:
    """What an account says that owns nothing here and has no right but those that the modes give."""
    bundle = Path(shutil.copytree(demo.bundle, database.parent.parent / "bundle"))
    bundle.chmod(0o755)
    for file in bundle.iterdir():
        file.chmod(0o644)
    account = pwd.getpwnam("nobody").pw_uid
    done = subprocess.run(
        [sys.executable, "-c", UNPRIVILEGED, demo.database, bundle, database, str(account)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return done.stdout + done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize(
    "prepare, verdict",
    [
        pytest.param(with_a_rollback_journal, "PASSED", id="rollback journal", marks=pytest.mark.soak),
        pytest.param(with_a_closed_write_ahead_log, "FAILED", id="write-ahead log, closed", marks=pytest.mark.soak),
        pytest.param(with_a_write_ahead_log_left_behind, "FAILED", id="write-ahead log, not checkpointed"),
    ],
)
def test_a_file_that_may_only_be_read_is_read(
    prepare: Callable[[Path, Path], Path], verdict: str, demo: DemoPaths, public: Path
) -> None:
    folder = public / "locked"
    folder.mkdir()
    database = prepare(demo.database, folder)
    for file in folder.iterdir():
        file.chmod(0o444)
    folder.chmod(0o555)
    before = contents(folder)
    said = verify_unprivileged(demo, database)
    assert said.strip() == verdict
    assert contents(folder) == before


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no such modes")
@pytest.mark.parametrize("closed", ["club.db", "."], ids=["file", "folder"])
def test_what_may_not_be_read_is_an_error_that_names_it(closed: str, demo: DemoPaths, public: Path) -> None:
    folder = public / "closed"
    folder.mkdir()
    database = with_a_rollback_journal(demo.database, folder)
    (folder / closed).chmod(0)
    said = verify_unprivileged(demo, database)
    assert said.startswith("Database error: ")
    assert str(database) in said
    assert "ermission" in said or "readable by you" in said


def test_a_mistyped_path_creates_nothing(demo: DemoPaths, kept: Path) -> None:
    with_a_rollback_journal(demo.database, kept)
    before = contents(kept)
    with pytest.raises(DatabaseError, match="was not found"):
        recon.verify(recon.VerifyOptions(demo.bundle, f"sqlite:///{kept}/clubb.db"))
    assert contents(kept) == before


def test_a_mistyped_folder_creates_nothing(demo: DemoPaths, kept: Path) -> None:
    with pytest.raises(DatabaseError, match="was not found"):
        recon.verify(recon.VerifyOptions(demo.bundle, str(kept / "clubs" / "club.db")))
    assert not list(kept.iterdir())


def folder_instead(database: Path) -> None:
    database.unlink()
    database.mkdir()


def truncated(database: Path) -> None:
    database.write_bytes(database.read_bytes()[: 5 * PAGE_BYTES])


def schema_destroyed(database: Path) -> None:
    data = database.read_bytes()
    database.write_bytes(data[:100] + b"\xff" * 20 + data[120:])


def pages_destroyed(database: Path) -> None:
    data = bytearray(database.read_bytes())
    for start in range(2 * PAGE_BYTES, len(data), PAGE_BYTES):
        data[start : start + 200] = b"\xaa" * 200
    database.write_bytes(data)


@pytest.mark.parametrize(
    "damage, found",
    [
        pytest.param(Path.unlink, "found nothing", id="missing"),
        pytest.param(folder_instead, "found a folder", id="folder"),
        pytest.param(lambda path: path.write_bytes(b""), "found an empty file", id="empty"),
        pytest.param(lambda path: path.write_text("name,email\n"), "not a database", id="text"),
        pytest.param(lambda path: path.write_bytes(b"SQLite format 3\0" + b"x" * 84), "not a database", id="header"),
        pytest.param(truncated, "malformed", id="truncated"),
        pytest.param(schema_destroyed, "malformed", id="schema destroyed"),
        pytest.param(pages_destroyed, "malformed", id="pages destroyed"),
    ],
)
def test_what_is_no_whole_database_is_one_clear_error(
    damage: Callable[[Path], object], found: str, demo: DemoPaths, capfd: pytest.CaptureFixture[str]
) -> None:
    damage(demo.database)
    with given_up_soon(), pytest.raises(DatabaseError, match=found) as refusal:
        verify(demo)
    assert str(demo.database) in refusal.value.message
    assert "grant" not in refusal.value.message, "a file has no rights to grant"
    assert "panicked" not in capfd.readouterr().err


def test_a_name_longer_than_any_file_has_is_a_clear_error(demo: DemoPaths) -> None:
    with pytest.raises(DatabaseError, match="not found"):
        recon.verify(recon.VerifyOptions(demo.bundle, "file:" + "x" * 300))


def test_a_locked_database_is_reported_while_it_is_locked(demo: DemoPaths, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.database.sqlite.LOCK_WAIT_S", 0.2)
    with closing(sqlite3.connect(demo.database, isolation_level=None)) as writer:
        writer.execute("begin exclusive")
        with pytest.raises(DatabaseError, match=r"locked.*wait for it to end"):
            verify(demo)


def test_a_writer_that_has_not_committed_yet_does_not_disturb(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database, isolation_level=None)) as writer:
        writer.execute("begin immediate")
        writer.execute('delete from "EventRegistration"')
        assert set(outcomes(verify(demo)).values()) == {"PASS"}


@pytest.mark.parametrize(
    "name", ["a club.db", "qu'ote\".db", "çlub€.db", "50%.db", "a%20b.db", "a#b.db", "a?b&c=d.db", "-club.db"]
)
def test_a_file_may_have_any_name(name: str, demo: DemoPaths) -> None:
    database = demo.database.rename(demo.database.with_name(name))
    with snapshot_of(database) as warehouse:
        assert warehouse.row_count("target.registrations") == 150


def test_a_link_to_the_file_serves_as_well(demo: DemoPaths, kept: Path) -> None:
    database = with_a_write_ahead_log_left_behind(demo.database, kept)
    link = demo.database.with_name("link.db")
    link.symlink_to(database)
    before = contents(kept)
    with snapshot_of(link) as warehouse:
        assert warehouse.row_count("target.registrations") == 149
    assert contents(kept) == before


@pytest.mark.parametrize("encoding", ["UTF-16le", "UTF-16be"])
def test_a_database_may_keep_its_text_in_utf16(encoding: str, demo: DemoPaths, tmp_path: Path) -> None:
    database = tmp_path / "wide.db"
    with closing(sqlite3.connect(demo.database)) as original, closing(sqlite3.connect(database)) as wide, wide:
        wide.execute(f"pragma encoding = '{encoding}'")
        wide.executescript("\n".join(original.iterdump()))
        wide.execute("update \"Member\" set phone = 'çé€😀' where rowid = 1")
    verification = recon.verify(recon.VerifyOptions(demo.bundle, str(database)))
    assert {check for check, outcome in outcomes(verification).items() if outcome != "PASS"} == {"altered_records"}
    assert column_of(database, "members", "phone")[0] == "çé€😀"


@pytest.fixture
def private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder for temporary files, of an awkward name and empty."""
    folder = tmp_path / "t'm p%20#?&=ü"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def test_the_copy_is_private_and_goes_with_the_verification(demo: DemoPaths, private: Path) -> None:
    source = open_source(parse_url(str(demo.database), "the test"))
    assert [stat.st_mode & 0o777 for stat in map(os.stat, private.iterdir())] == [0o700]
    source.close()
    assert not list(private.iterdir())
    assert set(outcomes(verify(demo)).values()) == {"PASS"}
    assert not list(private.iterdir())


def test_the_copy_goes_with_a_failure_too(demo: DemoPaths, private: Path) -> None:
    edit(demo.database, 'drop table "Member"')
    with pytest.raises(DatabaseError, match="no table 'Member'"):
        verify(demo)
    demo.database.write_bytes(b"SQLite format 3\0")
    with pytest.raises(DatabaseError, match="not a database"):
        verify(demo)
    assert not list(private.iterdir())


@pytest.mark.parametrize(
    "lost, missing",
    [
        pytest.param('drop table "Event"', "no table 'Event'", id="table"),
        pytest.param(
            'alter table "EventRegistration" rename "memberId" to "member"', "no column 'memberId'", id="column"
        ),
    ],
)
def test_a_required_table_or_column_that_is_missing_is_named(lost: str, missing: str, demo: DemoPaths) -> None:
    edit(demo.database, lost)
    with pytest.raises(DatabaseError, match=missing) as refusal:
        verify(demo)
    assert str(demo.database) in refusal.value.message


TEXTS = (
    ("null", None),
    ("''", ""),
    ("'='", "="),
    ("'=1+1'", "=1+1"),
    ("'a' || char(0) || 'b'", "a\0b"),
    ("char(0)", "\0"),
    ("'line' || char(10) || 'break'", "line\nbreak"),
    ("'çé€😀'", "çé€😀"),
    ("'it''s \"so\"'", 'it\'s "so"'),
    ("' blank '", " blank "),
    ("42", "42"),
    ("1.5", "1.5"),
    ("x'414243'", "ABC"),
)


def test_text_arrives_as_it_is_whatever_type_its_value_has(demo: DemoPaths) -> None:
    numbered = enumerate((sql for sql, _ in TEXTS), 1)
    edit(demo.database, *(f'update "Member" set phone = {sql} where rowid = {i}' for i, sql in numbered))
    phones = column_of(demo.database, "members", "phone")
    assert phones[: len(TEXTS)] == [expected for _, expected in TEXTS]


@pytest.mark.parametrize("value, expected", [("null", None), ("''", "")], ids=["null", "empty"])
def test_a_column_of_nulls_is_no_column_of_empty_texts(value: str, expected: str | None, demo: DemoPaths) -> None:
    edit(demo.database, f'update "Member" set phone = {value}')
    assert column_of(demo.database, "members", "phone") == [expected] * 60


def test_nulls_before_the_first_value_hide_no_value(demo: DemoPaths) -> None:
    edit(demo.database, 'update "Event" set capacity = case when rowid = 12 then 7 end')
    assert column_of(demo.database, "events", "capacity") == [None] * 11 + [7]


def test_empty_tables_have_no_rows_and_are_no_error(demo: DemoPaths) -> None:
    edit(
        demo.database, *(f'delete from "{table}"' for table in ("EventRegistration", "Member", "Event", "WaIdMapping"))
    )
    verification = verify(demo)
    assert verification.counts_database == {"members": 0, "events": 0, "registrations": 0}
    assert outcomes(verification)["member_count"] == "FAIL"


TIMES = (
    ("'2024-01-15 14:20:00.123'", "2024-01-15 14:20:00.123"),
    ("'2024-01-15T14:20:00Z'", "2024-01-15 14:20:00"),
    ("'2024-01-15T14:20:00.5+05:30'", "2024-01-15 08:50:00.5"),
    ("'2024-01-15 14:20:00-08:00'", "2024-01-15 22:20:00"),
    ("'2024-01-15'", "2024-01-15 00:00:00"),
    ("1705328400000", "2024-01-15 14:20:00"),
    ("'1705328400000'", "2024-01-15 14:20:00"),
    ("-1705328400000", "1915-12-18 09:40:00"),
)


def test_every_usual_form_of_a_time_is_the_same_instant_in_utc(demo: DemoPaths) -> None:
    numbered = enumerate((sql for sql, _ in TIMES), 1)
    edit(demo.database, *(f'update "Member" set "joinedAt" = {sql} where rowid = {i}' for i, sql in numbered))
    with snapshot_of(demo.database, "target.members.joined_at") as warehouse:
        joined = warehouse.rows("select cast(joined_at as varchar) as at from target.members", limit=len(TIMES))
    assert [row["at"] for row in joined] == [expected for _, expected in TIMES]


def test_integer_and_text_ids_of_wild_apricot_stand_side_by_side(demo: DemoPaths) -> None:
    edit(demo.database, 'update "WaIdMapping" set "waId" = \'WA\' || "waId" where rowid % 2')
    ids = column_of(demo.database, "id_mappings", "wa_id")
    assert [wa_id.startswith("WA") for wa_id in ids] == [True, False] * 111
    assert all(wa_id.removeprefix("WA").isdecimal() for wa_id in ids)


def test_a_wild_apricot_id_is_compared_as_it_is_written(demo: DemoPaths) -> None:
    edit(
        demo.database,
        'update "WaIdMapping" set "waId" = \'WA001\' where rowid in (1, 2)',
        'update "WaIdMapping" set "waId" = 1 where rowid = 3',
        'update "WaIdMapping" set "waId" = \'WA1\' where rowid = 4',
    )
    violations = check_of(verify(demo), "duplicate_id_mappings").violations
    assert violations["wa_id"].to_list() == ["WA001"]


@pytest.mark.parametrize(
    "planted, expected",
    [
        pytest.param(
            "update \"MembershipTier\" set \"sortOrder\" = 'ten' where code = 'NEWCOMER'",
            ("MembershipTier", "sortOrder", "id of NEWCOMER", "ten", "integer"),
            id="text as integer",
        ),
        pytest.param(
            'update "MembershipTier" set "sortOrder" = 1.5 where code = \'NEWCOMER\'',
            ("MembershipTier", "sortOrder", "id of NEWCOMER", "1.5", "integer"),
            id="fraction as integer",
        ),
        pytest.param(
            'update "WaIdMapping" set "syncedAt" = \'yesterday\' where rowid = 5',
            ("WaIdMapping", "syncedAt", "run-20240115-143000", "yesterday", "timestamp"),
            id="text as time of a run",
        ),
        pytest.param(
            'update "WaIdMapping" set "syncedAt" = 999999999999999, "syncRunId" = \'run-9\' where rowid = 5',
            ("WaIdMapping", "syncedAt", "run-9", "999999999999999", "timestamp"),
            id="time after the year 9999",
        ),
        pytest.param(
            'update "WaIdMapping" set "syncedAt" = \'290000-01-01\', "syncRunId" = \'run-9\' where rowid = 5',
            ("WaIdMapping", "syncedAt", "run-9", "290000-01-01", "timestamp"),
            id="time long after the year 9999",
        ),
    ],
)
def test_a_value_that_is_not_of_its_columns_type_is_found_with_its_row(
    planted: str, expected: tuple[str, ...], demo: DemoPaths, capfd: pytest.CaptureFixture[str]
) -> None:
    edit(demo.database, planted)
    with closing(sqlite3.connect(demo.database)) as connection:
        ((newcomer,),) = connection.execute("select id from \"MembershipTier\" where code = 'NEWCOMER'")
    verification = verify(demo)
    check = check_of(verification, "column_types")
    assert (check.outcome, check.violation_count) == ("FAIL", 1)
    assert check.violations.row(0) == tuple(newcomer if part == "id of NEWCOMER" else part for part in expected)
    for form in FORMATS.values():
        assert expected[3] in form.render(verification)
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "table, column",
    [
        pytest.param("Member", "id", id="key of a required table"),
        pytest.param("EventRegistration", "memberId", id="reference of a required table"),
        pytest.param("MembershipTier", "name", id="text of an optional table"),
        pytest.param("WaIdMapping", "entityType", id="text of the mappings"),
        pytest.param("WaIdMapping", "syncRunId", id="run id"),
    ],
)
def test_text_that_is_not_utf8_is_reported_and_never_passed_over(
    table: str, column: str, demo: DemoPaths, capfd: pytest.CaptureFixture[str]
) -> None:
    edit(demo.database, f'update "{table}" set "{column}" = {NOT_UTF8} where rowid = 5')
    try:
        verification = verify(demo)
    except DatabaseError as error:
        reported = error.message
    else:
        assert verification.verdict != "PASSED"
        reported = FORMATS["json"].render(verification)
    assert table in reported
    assert "panicked" not in capfd.readouterr().err


ID_COLUMNS = (
    ("Member", "id"),
    ("EventRegistration", "memberId"),
    ("WaIdMapping", "murmurantId"),
)


def test_values_and_names_may_be_written_otherwise(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as connection:
        connection.create_function("bytes_of", 1, lambda text: bytes.fromhex(text.replace("-", "")))
        for table, column in ID_COLUMNS:
            connection.execute(f'update "{table}" set "{column}" = bytes_of("{column}")')
        connection.commit()
    edit(
        demo.database,
        "update \"Event\" set id = upper(replace(id, '-', '')), \"isPublished\" = substr('NY', 1 + \"isPublished\", 1)",
        'update "EventRegistration" set "eventId" = \'{\' || "eventId" || \'}\'',
        'update "Member" set "joinedAt" = "joinedAt" || \' +00:00\'',
        """update "EventRegistration" set "registeredAt" = strftime('%s', "registeredAt") + 0.0
           where "registeredAt" like '%.000'""",
        'alter table "EventRegistration" rename to "kept"',
        'alter table "kept" rename to "eventregistration"',
        'alter table "Member" rename column "firstName" to "FIRSTNAME"',
        """insert into "AuditLog" (id, action, "resourceType", "resourceId", metadata)
           values ('1', 'a', 'b', 'c', '{"a": "\\u0000"}'), ('2', 'a', 'b', 'c', cast(x'7bff7d' as text)),
                  ('3', 'a', 'b', 'c', x'ff00'), ('4', 'a', 'b', 'c', 'no JSON')""",
    )
    verification = verify(demo)
    assert set(outcomes(verification).values()) == {"PASS"}
    assert "registeredAt as seconds since 1970" in check_of(verification, "column_types").message


def test_what_cannot_be_read_is_told_once_and_never_as_null(demo: DemoPaths) -> None:
    edit(
        demo.database,
        'update "Member" set "joinedAt" = \'soon\' where rowid = 1',
        'update "Event" set "isPublished" = \'perhaps\' where rowid = 1',
        f'update "Member" set "firstName" = {NOT_UTF8} where rowid = 2',
    )
    verification = verify(demo)
    assert {name: outcome for name, outcome in outcomes(verification).items() if outcome != "PASS"} == {
        "column_types": "FAIL",
        "altered_records": "WARN",
    }
    assert not verification.escalation.required
    assert "rollback" not in verification.escalation.action
    check = check_of(verification, "column_types")
    assert check.violations["value"].to_list() == ["perhaps", r"\*** with \xff", "soon"]
    assert "Member.joinedAt: 1 not a timestamp: soon" in str(check.detail)
    assert verification.ledger
    shown = {cause.title: cause.examples[0].target for cause in verification.ledger.causes}
    assert shown["the row's value is not a timestamp"] == "soon"
    assert shown["the row's value is not a boolean"] == "perhaps"
    assert shown["the row's value is not UTF-8 text"] == "\\***"
    assert verification.ledger.unexplained == 0
    for form in FORMATS.values():
        assert "value lost" not in form.render(verification)


def test_text_that_is_not_utf8_in_a_column_that_no_rule_reads_does_not_disturb(demo: DemoPaths) -> None:
    edit(
        demo.database,
        f'update "MembershipStatus" set label = {NOT_UTF8}',
        'update "Member" set "waRawData" = x\'ff00\'',
    )
    assert set(outcomes(verify(demo)).values()) == {"PASS"}


def test_binary_keys_are_reported_and_never_passed_over(demo: DemoPaths, capfd: pytest.CaptureFixture[str]) -> None:
    edit(demo.database, "update \"Member\" set id = x'00ff80c3285f27e29882a0fe4142437f' where rowid = 5")
    try:
        verdict = str(verify(demo).verdict)
    except DatabaseError as error:
        verdict = error.message
    assert verdict != "PASSED"
    assert "panicked" not in capfd.readouterr().err


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param("null", id="null"),
        pytest.param("'[\"run-1\"]'", id="array"),
        pytest.param("'\"run-1\"'", id="string"),
        pytest.param("'null'", id="JSON null"),
        pytest.param("'free text'", id="no JSON"),
        pytest.param("''", id="empty"),
        pytest.param("'{\"syncRunId\": null}'", id="null in it"),
        pytest.param('\'{"syncRunId": ""}\'', id="empty in it"),
        pytest.param('\'{"other": "run-1"}\'', id="another key"),
    ],
)
def test_metadata_without_a_run_records_no_run(metadata: str, demo: DemoPaths) -> None:
    edit(demo.database, FORGET_RUN, f'update "AuditLog" set metadata = {metadata}')
    with snapshot_of(demo.database, "target.runs") as warehouse:
        assert warehouse.rows("select run_id from target.runs") == []
        assert warehouse.unreadable == {}


@pytest.mark.parametrize(
    "metadata",
    [
        '{"syncRunId": "run-1"}',
        '{"run_id": "run-1"}',
        '{"syncRunId": null, "run_id": "run-1"}',
        '{"syncRunId": "", "run_id": "run-1"}',
    ],
)
def test_a_run_is_found_under_either_key_of_the_metadata(metadata: str, demo: DemoPaths) -> None:
    edit(demo.database, FORGET_RUN, f"update \"AuditLog\" set metadata = '{metadata}'")
    with snapshot_of(demo.database, "target.runs") as warehouse:
        runs = warehouse.rows('select run_id, "rows", recorded_in from target.runs')
    assert runs == [{"run_id": "run-1", "rows": 1, "recorded_in": "AuditLog.metadata"}]


def test_a_view_serves_as_well_as_a_table(demo: DemoPaths) -> None:
    tables = ("Member", "Event", "EventRegistration", "MembershipTier", "WaIdMapping", "AuditLog")
    kept = [f'alter table "{table}" rename to "{table} kept"' for table in tables]
    made = [
        f'create view "{table}" as with rows as (select * from "{table} kept") select * from rows' for table in tables
    ]
    edit(demo.database, "pragma legacy_alter_table = on", *kept, *made)
    assert set(outcomes(verify(demo)).values()) == {"PASS"}


def test_a_computed_column_serves_as_well_as_a_stored_one(demo: DemoPaths) -> None:
    edit(
        demo.database,
        'alter table "Member" rename column "membershipTierId" to tier',
        'alter table "Member" add column "membershipTierId" text as (tier)',
    )
    assert set(outcomes(verify(demo)).values()) == {"PASS"}


@pytest.mark.parametrize(
    "planted",
    [
        pytest.param('create view "Broken" as select * from nowhere', id="view of a table that is gone"),
        pytest.param('create table "we\'ird ""name"" %s{}" ("co\'l""umn" text)', id="awkward names"),
        pytest.param("create virtual table found using fts5 (words)", id="virtual table"),
    ],
)
def test_what_else_the_database_holds_does_not_disturb(planted: str, demo: DemoPaths) -> None:
    edit(demo.database, planted)
    assert set(outcomes(verify(demo)).values()) == {"PASS"}


def test_a_broken_view_in_place_of_an_optional_table_leaves_its_checks_unevaluated(demo: DemoPaths) -> None:
    edit(demo.database, 'drop table "WaIdMapping"', 'create view "WaIdMapping" as select * from nowhere')
    verification = verify(demo)
    assert verification.verdict == "INCOMPLETE"
    assert outcomes(verification)["duplicate_id_mappings"] == "ERROR"


def test_a_broken_view_in_place_of_a_required_table_is_a_clear_error(demo: DemoPaths) -> None:
    edit(demo.database, 'drop table "Member"', 'create view "Member" as select * from nowhere')
    with pytest.raises(DatabaseError, match=r"'Member'.*nowhere"):
        verify(demo)


def test_a_refused_read_leaves_the_source_usable(demo: DemoPaths) -> None:
    source = open_source(parse_url(str(demo.database), "the test"))
    columns = (SelectColumn("id", "id"),)
    with pytest.raises(ReadError, match="Nowhere"):
        list(source.read(Query("Nowhere", columns)))
    assert sum(frame.height for frame in source.read(Query("Event", columns))) == 12
    source.close()


@pytest.mark.soak
def test_a_wide_and_long_table_comes_whole_in_bounded_batches(demo: DemoPaths) -> None:
    edit(
        demo.database,
        """
        with recursive n (i) as (select 1 union all select i + 1 from n where i < 300000)
        insert into "Event" (id, title, description, "startTime", capacity, "updatedAt")
        select 'e' || i, case when i > 250000 then 'late' else '' end, printf('%0400d', i), '2024-01-15', i, '2024'
        from n""",
    )
    columns = tuple(SelectColumn(name, name) for name in ("id", "title", "description", "capacity"))
    source = open_source(parse_url(str(demo.database), "the test"))
    heights, capacities, agreeing = [], 0, 0
    for frame in source.read(Query("Event", columns)):
        added = frame.filter(pl.col("title").is_in(["", "late"]))
        heights.append(frame.height)
        capacities += sum(map(int, added["capacity"]))
        agreeing += added.filter(pl.col("description").str.strip_chars_start("0") == pl.col("capacity")).height
    source.close()
    assert (sum(heights), capacities, agreeing) == (300_012, 300_000 * 300_001 // 2, 300_000)
    assert len(heights) > 2
    assert max(heights) <= 100_000


@pytest.mark.parametrize(
    "prepare, words",
    [
        pytest.param(with_a_rollback_journal, "SQLite's backup", id="rollback journal"),
        pytest.param(with_a_write_ahead_log_left_behind, "recovered by SQLite", id="write-ahead log left behind"),
    ],
)
def test_the_guarantee_says_how_the_copy_was_made(
    prepare: Callable[[Path, Path], Path], words: str, demo: DemoPaths, tmp_path: Path
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with closing(open_source(parse_url(str(prepare(demo.database, folder)), "the test"))) as source:
        assert source.guarantee.startswith("consistent: ")
        assert words in source.guarantee
