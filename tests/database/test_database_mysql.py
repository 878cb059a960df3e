"""MySQL and MariaDB: the same verdict as elsewhere, one instant for all tables, and every trap of the way there."""

from __future__ import annotations

from collections import Counter
from contextlib import closing, contextmanager
from secrets import token_hex
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Self
from uuid import uuid4

import pytest
from soaking import rounds
from support import (
    check_of,
    given_up_soon,
    let_go_at_last,
    outcomes,
    run_in_process,
    run_recon,
    verify_url,
    wait_until,
)

from recon.database import UNDECODED, Query, SelectColumn, open_source, parse_url
from recon.errors import DatabaseError
from recon.profile import load_profile
from recon.warehouse import Warehouse
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mysql import MysqlServer

    from recon.demo import DemoPaths
    from recon.model import Verification

SECRET = "Pl4ntedS3cret#@/:?%&= ü'\"\\"  # noqa: S105 - made up, to be searched for
MEMBER = "(select id from (select id from `Member` order by id limit 1) as m)"


def name_of(url: str) -> str:
    return url.rpartition("/")[2].partition("?")[0]


@pytest.fixture
def edit(mysql_server: MysqlServer) -> Callable[..., list[tuple[Any, ...]]]:
    """Executes statements in the database of a URL; gives the rows of the last."""

    def execute(url: str, *statements: str) -> list[tuple[Any, ...]]:
        return mysql_server.execute(name_of(url), *statements)

    return execute


@pytest.fixture
def reader(mysql_server: MysqlServer, mysql_club: Callable[[], str]) -> Iterator[Callable[..., str]]:
    """Makes the club's URL for a user of its own that may read the tables named, all by default."""
    made: list[str] = []

    def make(*tables: str, password: str = SECRET) -> str:
        url, name = mysql_club(), f"r{uuid4().hex[:12]}"
        made.append(name)
        with closing(mysql_server.connect(name_of(url))) as connection, connection.cursor() as cursor:
            cursor.execute(f"create user {name}@'%%' identified by %s", (password,))
            for table in tables or ("*",):
                cursor.execute(f"grant select on `{name_of(url)}`.{table} to {name}@'%'")
        return mysql_server.url(name_of(url), name, password)

    yield make
    for name in made:
        mysql_server.execute(None, f"drop user {name}@'%'")


@contextmanager
def database(server: MysqlServer) -> Iterator[str]:
    """The URL of a database without tables, as long as it is needed."""
    name = f"recon_{token_hex(6)}"
    server.execute(None, f"create database `{name}` character set utf8mb4")
    yield server.url(name)
    server.execute(None, f"drop database `{name}`")


@pytest.fixture
def empty(mysql_server: MysqlServer) -> Iterator[str]:
    """The URL of a database without tables."""
    with database(mysql_server) as url:
        yield url


@contextmanager
def snapshot_of(url: str, *requires: str) -> Iterator[Warehouse]:
    source = open_source(parse_url(url, "the test"))
    with closing(source), Warehouse() as warehouse:
        take_snapshot(source, load_profile(), requires, warehouse)
        yield warehouse


def read(url: str, table: str, *columns: str, **options: Any) -> list[dict[str, Any]]:
    """The rows of a table as the source gives them, announced or not."""
    source = open_source(parse_url(url, "the test"))
    query = Query(table, tuple(SelectColumn(name, name, **options) for name in columns))
    with closing(source):
        source.catalogue()
        source.prepare([query])
        return [row for frame in source.read(query) for row in frame.iter_rows(named=True)]


def test_the_verdict_and_every_number_are_those_of_sqlite(
    clean: DemoPaths, passed: Verification, mysql_club: Callable[[], str]
) -> None:
    here, there = verify_url(clean.bundle, mysql_club()), passed
    assert [(c.id, c.outcome, c.message) for c in here.checks] == [(c.id, c.outcome, c.message) for c in there.checks]
    assert here.counts_database == there.counts_database
    assert here.tiers == there.tiers
    assert here.snapshot.consistent
    assert "through connectorx" in here.snapshot.database


def test_a_fault_is_found_with_its_row(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(url, f"delete from `Member` where id = {MEMBER}")
    verification = verify_url(demo.bundle, url)
    orphans = edit(url, "select count(*) from `EventRegistration` where `memberId` not in (select id from `Member`)")
    assert outcomes(verification)["member_count"] == "FAIL"
    assert check_of(verification, "orphaned_registrations").violation_count == orphans[0][0] > 0


Value = tuple[str, list[str], "list[str | None]"]
DECIMAL = "123456789012345678.12345678901234567890"
VALUES: dict[str, Value] = {
    "nulls first, empty text": ("varchar(20)", ["null", "null", "'a'", "''"], [None, None, "a", ""]),
    "four bytes of UTF-8": ("varchar(9) character set utf8mb4", ["'😀é'"], ["😀é"]),
    "latin1": ("varchar(9) character set latin1", ["'é€'"], ["é€"]),
    "ucs2": ("varchar(9) character set ucs2", ["'é'"], ["é"]),
    "tinyint(1)": ("tinyint(1)", ["null", "1", "0", "7"], [None, "1", "0", "7"]),
    "bit(1)": ("bit(1)", ["b'1'", "b'0'", "null"], ["1", "0", None]),
    "bit(64)": ("bit(64)", ["b'" + "1" * 64 + "'"], ["18446744073709551615"]),
    "bigint unsigned": ("bigint unsigned", ["18446744073709551615"], ["18446744073709551615"]),
    "decimal": ("decimal(38,20)", [DECIMAL], [DECIMAL]),
    "double": ("double", ["1e300", "0.1"], ["1e300", "0.1"]),
    "zero date": (
        "datetime(3)",
        ["'0000-00-00'", "'2024-01-15 14:20:00.5'"],
        ["0000-00-00 00:00:00.000", "2024-01-15 14:20:00.500"],
    ),
    "date with a zero": ("date", ["'2024-02-00'"], ["2024-02-00"]),
    "year": ("year", ["2024"], ["2024"]),
    "time": ("time", ["'-838:59:59'"], ["-838:59:59"]),
    "enum": ("enum('a','')", ["'a'", "''"], ["a", ""]),
    "set": ("set('a','b')", ["'a,b'"], ["a,b"]),
    "json": ("json", ["'{\"a\": [1]}'"], ['{"a": [1]}']),
    "long text": ("longtext", ["repeat('ü', 100000)"], ["ü" * 100_000]),
    "bytes that are text": ("varbinary(9)", ["x'c3bc'"], ["ü"]),
    "uuid of 16 bytes": (
        "binary(16)",
        ["x'6ccd780cbaba102695645b8c65602400'", "null"],
        ["6ccd780c-baba-1026-9564-5b8c65602400", None],
    ),
}


@pytest.fixture(scope="module")
def arrived(mysql_server: MysqlServer) -> dict[str, list[tuple[int, str | None]]]:
    """The rows that arrive from a table for each value, read through one source."""
    tables = {case: f"t{number}" for number, case in enumerate(VALUES)}
    with database(mysql_server) as url:
        for case, (definition, written, _) in VALUES.items():
            rows = ", ".join(f"({number}, {value})" for number, value in enumerate(written))
            create, insert = f"create table {tables[case]} (n int primary key, v {definition})", "insert into"
            mysql_server.execute(name_of(url), create, f"{insert} {tables[case]} values {rows}")
        queries = {
            case: Query(table, (SelectColumn("n", "n"), SelectColumn("v", "v"))) for case, table in tables.items()
        }
        source = open_source(parse_url(url, "the test"))
        with closing(source):
            source.catalogue()
            source.prepare([*queries.values()])
            frames = {case: list(source.read(query)) for case, query in queries.items()}
    return {
        case: sorted((int(row["n"]), row["v"]) for frame in read for row in frame.iter_rows(named=True))
        for case, read in frames.items()
    }


@pytest.mark.parametrize("case", VALUES)
def test_a_value_of_any_type_arrives_as_the_text_that_it_is(
    case: str, arrived: dict[str, list[tuple[int, str | None]]]
) -> None:
    _, _, found = VALUES[case]
    assert arrived[case] == list(enumerate(found))


def test_bytes_that_are_no_text_are_written_out_and_marked(
    empty: str, edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    edit(empty, "create table t (n int, v varbinary(9))", "insert into t values (1, 'a'), (2, x'ff41')")
    assert read(empty, "t", "n", "v") == [
        {"n": "1", "v": "a", f"v{UNDECODED}": False},
        {"n": "2", "v": r"\xffA", f"v{UNDECODED}": True},
    ]


@pytest.mark.parametrize("kind", ["binary(16)", "varbinary(16)", "tinyblob", "blob"])
def test_the_sixteen_bytes_of_a_uuid_are_a_key(
    kind: str, empty: str, edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    edit(empty, f"create table t (k {kind})", "insert into t values (x'0f0e0d0c0b0a490887060504030201aa')")
    assert read(empty, "t", "k", is_key=True) == [{"k": "0f0e0d0c-0b0a-4908-8706-0504030201aa"}]


def test_tables_are_found_as_the_server_tells_their_names_apart(
    demo: DemoPaths,
    mysql_club: Callable[[], str],
    mysql_server: MysqlServer,
    edit: Callable[..., list[tuple[Any, ...]]],
) -> None:
    url = mysql_club()
    edit(
        url,
        "alter table `Member` change `firstName` `FIRSTNAME` varchar(191)",
        "update `AuditLog` set metadata = null",
        "alter table `AuditLog` modify metadata longtext",
        "insert into `AuditLog` (id, action, `resourceType`, `resourceId`, metadata) "
        "select 'x', 'a', 'b', 'c', 'no JSON'",
    )
    assert set(outcomes(verify_url(demo.bundle, url)).values()) == {"PASS"}
    ((folds,),) = mysql_server.execute(None, "select @@lower_case_table_names > 0")
    edit(url, "rename table `Member` to `kept`", "rename table `kept` to `member`")
    if folds:
        assert set(outcomes(verify_url(demo.bundle, url)).values()) == {"PASS"}
    else:
        with pytest.raises(DatabaseError, match="There is 'member': a profile can name it"):
            verify_url(demo.bundle, url)


def test_an_empty_table_has_no_rows(empty: str, edit: Callable[..., list[tuple[Any, ...]]]) -> None:
    edit(empty, "create table t (n int, v varchar(9))")
    assert read(empty, "t", "n", "v") == []


def test_a_type_of_mariadbs_own_is_text(
    mysql_server: MysqlServer, empty: str, edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    if "MariaDB" not in mysql_server.execute(None, "select version()")[0][0]:
        pytest.skip("uuid is a type of MariaDB")
    key = "6ccd780c-baba-1026-9564-5b8c65602400"
    edit(empty, "create table t (v uuid)", f"insert into t values ('{key}')")
    assert read(empty, "t", "v") == [{"v": key}]


@pytest.mark.parametrize("kind, expected", [("timestamp(3)", "13:20:00"), ("datetime(3)", "14:20:00")])
def test_a_time_with_a_zone_is_read_in_utc(
    kind: str, expected: str, empty: str, edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    edit(
        empty,
        "set time_zone = '+01:00'",
        f"create table t (v {kind} null)",
        "insert into t values ('2024-01-15 14:20:00')",
    )
    assert read(empty, "t", "v") == [{"v": f"2024-01-15 {expected}.000"}]


def test_a_date_of_zeros_is_a_finding_with_its_row(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(url, "alter table `MembershipTier` modify `sortOrder` bigint unsigned")
    edit(url, "update `MembershipTier` set `sortOrder` = 18446744073709551615 where code = 'ALUMNI'")
    check = check_of(verify_url(demo.bundle, url), "column_types")
    assert (check.outcome, check.violations["value"].to_list()) == ("FAIL", ["18446744073709551615"])
    with snapshot_of(url, "target.events.start_time") as warehouse:
        assert warehouse.rows("select * from target.unreadable_values") == []
    edit(url, "update `Event` set `startTime` = 0 limit 1")
    with snapshot_of(url, "target.events.start_time") as warehouse:
        (found,) = warehouse.rows("select value, expected_type from target.unreadable_values")
    assert found == {"value": "0000-00-00 00:00:00.000", "expected_type": "timestamp"}


@pytest.mark.parametrize("mode", ["", "ANSI", "TRADITIONAL", "ONLY_FULL_GROUP_BY,NO_BACKSLASH_ESCAPES,ANSI_QUOTES"])
def test_the_servers_mode_of_sql_does_not_matter(
    mode: str, demo: DemoPaths, mysql_server: MysqlServer, mysql_club: Callable[[], str]
) -> None:
    url = mysql_club()
    with closing(mysql_server.connect(None)) as alone, alone.cursor() as cursor:
        # Whoever changes the mode at the same time would take ours for the server's own, and leave it behind.
        cursor.execute("select get_lock('recon: sql_mode', 600)")
        kept = mysql_server.execute(None, "select @@global.sql_mode")[0][0]
        mysql_server.execute(None, f"set global sql_mode = '{mode}'")
        try:
            verification = verify_url(demo.bundle, url)
        finally:
            mysql_server.execute(None, f"set global sql_mode = '{kept}'")
    assert set(outcomes(verification).values()) == {"PASS"}


def test_runs_are_found_in_metadata_of_any_shape(
    mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    without = ("null", "'[\"run-1\"]'", "'{\"syncRunId\": null}'")
    recording = {
        "run-2": """'{"syncRunId": "run-2"}'""",
        "run-3": """'{"syncRunId": null, "run_id": "run-3"}'""",
        "run-4": """'{"syncRunId": "", "run_id": "run-4"}'""",
    }
    url = mysql_club()
    edit(url, "alter table `WaIdMapping` drop `syncRunId`", "delete from `AuditLog`")
    rows = ", ".join(f"(uuid(), 'IMPORT', 'System', uuid(), {data})" for data in (*without, *recording.values()))
    edit(url, f"insert into `AuditLog` (id, action, `resourceType`, `resourceId`, metadata) values {rows}")
    with snapshot_of(url, "target.runs") as warehouse:
        found = warehouse.rows("select run_id from target.runs order by run_id")
    assert [row["run_id"] for row in found] == list(recording)


def test_runs_that_differ_in_capitals_or_blanks_are_not_one(
    mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(url, "update `WaIdMapping` set `syncRunId` = 'run-1'")
    edit(
        url,
        *(
            f"update `WaIdMapping` set `syncRunId` = '{run}' order by id limit {n}"
            for run, n in (("run-1 ", 9), ("RUN-1", 4))
        ),
    )
    with snapshot_of(url, "target.runs") as warehouse:
        runs = {row["run_id"] for row in warehouse.rows("select run_id from target.runs where rows is not null")}
    assert {"RUN-1", "run-1 ", "run-1"} <= runs


def test_a_table_without_snapshots_makes_the_report_say_so(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(url, "alter table `WaIdMapping` engine = MyISAM")
    snapshot = verify_url(demo.bundle, url).snapshot
    assert not snapshot.consistent
    assert snapshot.guarantee == "not consistent: 'WaIdMapping' is kept by MyISAM, which knows no snapshots"


def test_a_view_is_read_and_the_report_says_that_nothing_is_known_of_it(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(
        url,
        "rename table `MembershipTier` to tiers_kept",
        "create view `MembershipTier` as select * from tiers_kept",
    )
    verification = verify_url(demo.bundle, url)
    assert set(outcomes(verification).values()) == {"PASS"}
    assert "'MembershipTier' is a view" in verification.snapshot.guarantee


def test_nothing_can_be_written_not_even_by_what_is_read(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(
        url,
        "rename table `MembershipTier` to tiers_kept",
        "create table written (at datetime)",
        "create function noted() returns int modifies sql data begin insert into written values (now()); return 1; end",
        "create view `MembershipTier` as select id, code, name, `sortOrder` from tiers_kept where noted() = 1",
    )
    verification = verify_url(demo.bundle, url)
    assert outcomes(verification)["tier_distribution"] == "ERROR"
    assert "READ ONLY" in check_of(verification, "tier_distribution").message
    assert edit(url, "select * from written") == []
    assert verification.snapshot.consistent, "it was found out before anything was read"


def test_an_optional_table_that_may_not_be_read_leaves_its_checks_unevaluated(
    demo: DemoPaths, reader: Callable[..., str]
) -> None:
    tables = ("Member", "Event", "EventRegistration", "MembershipTier", "AuditLog")
    url = reader(*(f"`{table}`" for table in tables))
    verification = verify_url(demo.bundle, url)
    # A table on which a user has no right at all is not even in the catalogue of MySQL.
    assert "WaIdMapping" not in list(verification.snapshot.rows)
    assert outcomes(verification)["duplicate_id_mappings"] == "WARN"
    assert verification.snapshot.consistent


def test_a_refused_column_of_an_optional_table_does_not_break_the_snapshot(
    demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(
        url,
        "rename table `MembershipTier` to tiers_kept",
        "create view `MembershipTier` as select id, code, name, `sortOrder` from tiers_kept",
        "drop table tiers_kept",
    )
    verification = verify_url(demo.bundle, url)
    assert outcomes(verification)["tier_distribution"] == "ERROR"
    assert "invalid" in check_of(verification, "tier_distribution").message
    assert verification.snapshot.consistent


def test_an_awkward_password_opens_the_database_and_is_in_no_output(
    reader: Callable[..., str], demo: DemoPaths, tmp_path: Path
) -> None:
    report, url = tmp_path / "report.md", reader()
    done = run_recon("verify", "-b", demo.bundle, "-o", report, "-v", DATABASE_URL=url)
    assert (done.code, done.err) == (0, "")
    assert "MariaDB" in done.out or "MySQL" in done.out
    assert "Pl4ntedS3cret" not in done.out + report.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "change, says",
    [
        pytest.param(lambda url: url.replace("@", "x@"), ("Access denied", "tried once"), id="wrong password"),
        pytest.param(lambda url: f"{url}_other", ("Check the name of the database",), id="unknown database"),
        pytest.param(
            lambda _: f"mysql://u:{SECRET[:13]}@127.0.0.1:1/club", ("refused", "Check host and port"), id="refused"
        ),
        pytest.param(lambda url: url.replace("@127.0.0.1", "@club.invalid"), ("club.invalid",), id="unknown host"),
        pytest.param(lambda url: f"{url}?ssl-mode=banana", ("ssl-mode is none of",), id="unknown encryption"),
        pytest.param(lambda url: f"{url}?ssl-mode=REQUIRED", ("SSL", "Check ssl-mode"), id="no such encryption"),
    ],
)
def test_what_cannot_be_verified_ends_in_one_sentence_within_seconds(
    change: Callable[[str], str],
    says: tuple[str, ...],
    *,
    reader: Callable[..., str],
    demo: DemoPaths,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    report, url = tmp_path / "report.md", change(reader(password=SECRET[:13]))
    with given_up_soon():
        done = run_in_process("verify", "-b", demo.bundle, "-o", report, "-v", DATABASE_URL=url)
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert done.err.startswith("Database error: ")
    assert not [part for part in says if part not in done.err], done.err
    assert "Pl4ntedS3cret" not in done.out + done.err + report.read_text(encoding="utf-8")
    assert capfd.readouterr() == ("", ""), "native libraries said something"


@pytest.mark.parametrize(
    "damage, says",
    [
        ("drop table `EventRegistration`", "no table 'EventRegistration'"),
        (
            (
                "alter table `EventRegistration` drop foreign key registration_member, drop key registration_once, "
                "drop `memberId`"
            ),
            "no column 'memberId'",
        ),
    ],
    ids=["table", "column"],
)
def test_a_required_part_that_is_missing_is_named(
    damage: str, says: str, demo: DemoPaths, mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    edit(url, damage)
    with pytest.raises(DatabaseError, match=says):
        verify_url(demo.bundle, url)


def test_a_table_that_another_program_has_locked_is_reported_while_it_is_locked(
    demo: DemoPaths, mysql_server: MysqlServer, mysql_club: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.database.mysql_connection.LOCK_TIMEOUT_S", 1)
    url = mysql_club()
    with closing(mysql_server.connect(name_of(url))) as locking, locking.cursor() as cursor:
        cursor.execute("lock tables `Member` write")
        refused = pytest.raises(DatabaseError, match=r"'Member' cannot be read.*[Ll]ock wait timeout")
        with let_go_at_last(locking.close), refused:
            verify_url(demo.bundle, url)


def test_a_statement_that_the_server_ends_is_one_sentence_without_a_stack(
    demo: DemoPaths, mysql_server: MysqlServer, mysql_club: Callable[[], str], edit: Callable[..., Any], tmp_path: Path
) -> None:
    url = mysql_club()
    edit(url, "rename table `Event` to kept", "create view `Event` as select * from kept where sleep(600) = 0")
    over = Event()
    killing = Thread(target=_kill, args=(mysql_server, name_of(url), over), daemon=True)
    killing.start()
    done = run_recon("verify", "-b", demo.bundle, "-o", tmp_path / "report.md", DATABASE_URL=url)
    over.set()
    killing.join()
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "Query execution was interrupted" in done.err
    assert "panicked" not in done.err


def _kill(server: MysqlServer, database: str, over: Event) -> None:
    """Kill the statement of recon in that database, whenever there is one."""
    sql = f"select id from information_schema.processlist where db = '{database}' and info like '/* recon%'"
    while not over.wait(0.2):
        for (number,) in server.execute(None, sql):
            server.execute(None, f"kill query {number}")


REPLACE = (
    (
        "insert into `Member` (id, `firstName`, `lastName`, email, `joinedAt`, `membershipStatusId`, `updatedAt`) "
        "select %(member)s, 'N', 'N', %(member)s, now(), id, now() from `MembershipStatus` limit 1"
    ),
    ("insert into `Event` (id, title, `startTime`, `updatedAt`) values (%(member)s, 'N', now(), now())"),
    (
        "insert into `EventRegistration` (id, `eventId`, `memberId`, `registeredAt`, `updatedAt`) "
        "values (uuid(), %(member)s, %(member)s, now(), now())"
    ),
    "delete from `EventRegistration` where `memberId` = %(old)s",
    "delete from `Event` where id = %(old)s",
    "delete from `Member` where id = %(old)s",
)
MEASURE = """
select (select count(*) from target.members) as members, (select count(*) from target.events) as events,
       count(*) as registrations,
       count(*) filter (where not exists (select 1 from target.members m where m.id = r.member_id)
                           or not exists (select 1 from target.events e where e.id = r.event_id)) as orphans
from target.registrations r"""


class Writer:
    """A thread that keeps replacing one member and one event with the registration of both, in one transaction."""

    def __init__(self, server: MysqlServer, url: str) -> None:
        self._server, self._url, self._over, self.commits = server, url, Event(), 0
        self._thread = Thread(target=self._write, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def wait(self, table: str = "members", rows: int = 1) -> None:
        """When rows of a table that others refer to were read: return once a member has been replaced since."""
        if rows and table != "registrations":
            wanted = self.commits + 2
            wait_until(lambda: self.commits >= wanted, "the writer stands still")

    def _write(self) -> None:
        old = str(uuid4())
        with closing(self._server.connect(name_of(self._url))) as connection, connection.cursor() as cursor:
            while not self._over.is_set():
                values = {"member": str(uuid4()), "old": old}
                connection.begin()
                for statement in REPLACE:
                    cursor.execute(statement, values)
                connection.commit()
                old = values["member"]
                self.commits += 1


def measure(url: str, writer: Writer, *, announced: bool) -> dict[str, Any]:
    """What a snapshot holds when the writer commits after each batch of rows that is read."""
    source = open_source(parse_url(url, "the test"))
    if not announced:
        source.prepare = lambda queries: None  # type: ignore[method-assign]  # noqa: ARG005
    with closing(source), Warehouse() as warehouse:
        info = take_snapshot(source, load_profile(), (), warehouse, writer.wait)
        (measured,) = warehouse.rows(MEASURE)
    assert info.consistent == announced
    return measured


@pytest.mark.rounds
def test_a_writer_at_work_never_shows_in_a_snapshot(mysql_server: MysqlServer, mysql_club: Callable[[], str]) -> None:
    url, times = mysql_club(), rounds(3, 15)
    with Writer(mysql_server, url) as writer:
        found = [measure(url, writer, announced=True) for _ in range(times)]
        # What is read ahead may be read before the writer's turn, so once may not be enough.
        wait_until(lambda: measure(url, writer, announced=False)["orphans"], "this test could not have failed")
    assert Counter(map(str, found)) == {str({"members": 61, "events": 13, "registrations": 151, "orphans": 0}): times}


def test_a_long_table_comes_whole_beside_a_short_one(
    mysql_club: Callable[[], str], edit: Callable[..., list[tuple[Any, ...]]]
) -> None:
    url = mysql_club()
    digits = "(select 0 d union all select 1 union all select 2 union all select 3 union all select 4)"
    edit(
        url,
        "create table t (n int primary key auto_increment, v char(36))",
        f"insert into t (v) select uuid() from {' cross join '.join(f'{digits} as d{i}' for i in range(8))}",
    )
    queries = [Query(name, (SelectColumn(column, "v"),)) for name, column in (("t", "v"), ("Event", "id"))]
    source = open_source(parse_url(url, "the test"))
    with closing(source):
        source.catalogue()
        source.prepare(queries)
        heights = [[frame.height for frame in source.read(query)] for query in queries]
    assert (sum(heights[0]), sum(heights[1])) == (5**8, 12)
    assert len(heights[0]) > 3


def test_a_table_that_is_read_twice_comes_twice_and_is_not_called_consistent(mysql_club: Callable[[], str]) -> None:
    source = open_source(parse_url(mysql_club(), "the test"))
    query = Query("Member", (SelectColumn("id", "id"),))
    with closing(source):
        source.catalogue()
        heights = [sum(frame.height for frame in source.read(query)) for _ in range(2)]
        assert (heights, source.consistent) == ([60, 60], False)
