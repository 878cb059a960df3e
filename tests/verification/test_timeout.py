"""A server that answers no more ends a run in one sentence at the limit, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread
from time import monotonic, sleep
from typing import TYPE_CHECKING, TypeVar

import psycopg
import pytest
from support import Finished, outcomes, run_program, verify_url

import recon
from recon.database import ReadError
from recon.database.server_stream import ServerStream
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mysql import MysqlServer

    from recon.demo import DemoPaths

T = TypeVar("T")
# On a busy machine a short limit may pass before what it is to end has begun; then a longer one is tried.
LIMITS_S = (1, 2, 4, 8, 16, 32)
# What is read takes longer than anybody waits, so whatever ends before was ended.
NEVER_S = 600
PATIENCE_S = 60
PROGRAM = (str(Path(sys.executable).with_name("recon")),)
# It waits as long as it takes until a read has ended on the server, and not only seconds, as is right for people.
PATIENT_PROGRAM = (
    sys.executable,
    "-c",
    f"""
import sys
import recon.background, recon.database.server_stream
recon.background.PATIENCE_S = recon.database.server_stream.PATIENCE_S = {PATIENCE_S}
from recon.cli import cli, execute
sys.exit(execute(cli))""",
)
DRIVERS = ["adbc", "connectorx"]
SLEEPING = """
select count(*) from pg_stat_activity
where datname = current_database() and state = 'active' and query like '%Event%' and pid <> pg_backend_pid()"""


def edit(url: str, *statements: str) -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        for statement in statements:
            connection.execute(statement.encode())


def running(url: str) -> int:
    """Queries that the server still works at."""
    with psycopg.connect(url) as connection:
        row = connection.execute(SLEEPING.encode()).fetchone()
    return row[0] if row else -1


def gone(url: str) -> bool:
    """Whether no query of ours is left on the server, which may take a moment to notice."""
    return becomes(lambda: running(url) == 0)


def becomes(condition: Callable[[], bool]) -> bool:
    """Whether a condition is met, sooner or later."""
    deadline = monotonic() + PATIENCE_S
    while not condition() and monotonic() < deadline:
        sleep(0.1)
    return condition()


def lengthened(attempt: Callable[[int], T], is_reached: Callable[[T], object]) -> tuple[int, T]:
    """The first limit that was long enough to reach what it was to end, and what came of it."""
    for limit_s in LIMITS_S:
        found = attempt(limit_s)
        if is_reached(found):
            return limit_s, found
    pytest.fail(f"no limit was long enough: {found}")


def given_up(demo: DemoPaths, tmp_path: Path, url: str, limit_s: int, program: tuple[str, ...] = PROGRAM) -> Finished:
    """A run of the program that the limit ends in one sentence."""
    started = monotonic()
    report = tmp_path / "report.md"
    arguments = ("verify", "-b", demo.bundle, "-o", report, "--timeout", limit_s)
    done = run_program(program, *arguments, DATABASE_URL=url)
    assert (done.code, done.err.count("\n")) == (2, 1), done.err
    assert done.err.startswith("Database error: ")
    # The server gives a lock up at 0.8 of the limit: nothing ends before.
    assert monotonic() - started > 0.8 * limit_s
    return done


@pytest.fixture
def asleep(postgres_club: Callable[[str], str]) -> str:
    """The club in PostgreSQL, where reading the events never ends."""
    url = postgres_club("newer")
    edit(
        url,
        'alter table "Event" rename to kept',
        f'create view "Event" as select kept.* from kept, (select pg_sleep({NEVER_S})) as slow',
    )
    return url


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_read_that_takes_too_long_ends_in_one_sentence_and_on_the_server(
    driver: str, asleep: str, demo: DemoPaths, tmp_path: Path
) -> None:
    limit_s, done = lengthened(
        lambda limit_s: given_up(demo, tmp_path, f"{asleep}?driver={driver}", limit_s, PATIENT_PROGRAM),
        lambda done: "expected the next rows of 'Event'" in done.err,
    )
    assert f"expected the next rows of 'Event' within {limit_s} s, found nothing" in done.err
    assert gone(asleep)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_library_is_free_again_after_the_limit(driver: str, asleep: str, demo: DemoPaths) -> None:
    def refused(limit_s: int) -> str:
        with pytest.raises(recon.ReconError) as refusal:
            verify_url(demo.bundle, f"{asleep}?driver={driver}", timeout_s=limit_s)
        return refusal.value.message

    lengthened(refused, lambda said: "stopped answering" in said)
    assert gone(asleep)


@pytest.mark.parametrize("driver", DRIVERS)
def test_an_interrupt_ends_a_read_at_once_and_on_the_server(
    driver: str, asleep: str, demo: DemoPaths, tmp_path: Path
) -> None:
    arguments = ["verify", "-b", str(demo.bundle), "-o", str(tmp_path / "report.md")]
    environment = os.environ | {"DATABASE_URL": f"{asleep}?driver={driver}"}
    with subprocess.Popen([*PATIENT_PROGRAM, *arguments], env=environment, stderr=subprocess.PIPE, text=True) as run:
        assert becomes(lambda: running(asleep) > 0)
        run.send_signal(signal.SIGINT)
        _, err = run.communicate(timeout=2 * PATIENCE_S)
    assert (run.returncode, err.strip()) == (130, "Interrupted: no verdict was reached.")
    assert gone(asleep)


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_slow_read_within_the_limit_is_no_fault(
    driver: str, postgres_club: Callable[[str], str], demo: DemoPaths
) -> None:
    url = postgres_club("newer")
    edit(
        url,
        'alter table "Event" rename to kept',
        'create view "Event" as select kept.* from kept, (select pg_sleep(1)) as slow',
    )
    verification = verify_url(demo.bundle, f"{url}?driver={driver}", timeout_s=PATIENCE_S)
    assert set(outcomes(verification).values()) == {"PASS"}


@pytest.mark.parametrize("driver", DRIVERS)
def test_a_locked_table_is_reported_within_the_limit(
    driver: str, postgres_club: Callable[[str], str], demo: DemoPaths, tmp_path: Path
) -> None:
    url = postgres_club("newer")
    with psycopg.connect(url) as locking:
        locking.execute('lock table "Member" in access exclusive mode')
        _, done = lengthened(
            lambda limit_s: given_up(demo, tmp_path, f"{url}?driver={driver}", limit_s),
            # Where the machine is slow to begin the read, the limit passes before the server gives the lock up.
            lambda done: "lock timeout" in done.err or "the next rows of 'Member'" in done.err,
        )
    assert "Another program holds it" in done.err or "raise --timeout" in done.err


@contextmanager
def silent() -> Iterator[int]:
    """The port of something that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_what_takes_connections_and_never_answers_is_given_up(scheme: str, demo: DemoPaths, tmp_path: Path) -> None:
    with silent() as port:
        done = given_up(demo, tmp_path, f"{scheme}://u:Pl4nted@127.0.0.1:{port}/club", LIMITS_S[0])
    assert f"127.0.0.1:{port}" in done.err
    assert "Pl4nted" not in done.err


class Proxy:
    """Passes bytes on to a server until it is told to stop, and keeps every connection open then."""

    def __init__(self, server_port: int, after_bytes: int) -> None:
        self._server_port, self._left = server_port, after_bytes
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.has_stopped = Event()
        self._open: list[socket.socket] = []
        Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        for each in (self._listener, *self._open):
            each.close()

    def _accept(self) -> None:
        try:
            while True:
                client, _ = self._listener.accept()
                server = socket.create_connection(("127.0.0.1", self._server_port))
                self._open += [client, server]
                Thread(target=self._pass, args=(client, server, False), daemon=True).start()
                Thread(target=self._pass, args=(server, client, True), daemon=True).start()
        except OSError:
            return

    def _pass(self, source: socket.socket, target: socket.socket, counts: bool) -> None:
        try:
            while data := source.recv(4096):
                self._left -= len(data) * counts
                if self._left < 0:
                    self.has_stopped.set()
                if self.has_stopped.is_set():
                    return
                target.sendall(data)
            target.close()
        except OSError:
            return


@pytest.mark.parametrize(
    "after_bytes",
    [
        pytest.param(0, marks=pytest.mark.soak),
        pytest.param(300, marks=pytest.mark.soak),
        6_000,
        pytest.param(20_000, marks=pytest.mark.soak),
    ],
)
def test_a_server_that_falls_silent_at_any_point_is_given_up(
    after_bytes: int, postgres_club: Callable[[str], str], demo: DemoPaths, tmp_path: Path
) -> None:
    url = postgres_club("newer")
    before, _, rest = url.rpartition("127.0.0.1:")
    port, _, name = rest.partition("/")

    def falls_silent(driver: str, limit_s: int) -> bool:
        with closing(Proxy(int(port), after_bytes)) as proxy:
            given_up(demo, tmp_path, f"{before}127.0.0.1:{proxy.port}/{name}?driver={driver}", limit_s)
            return proxy.has_stopped.is_set()

    def fall_silent(driver: str) -> None:
        lengthened(lambda limit_s: falls_silent(driver, limit_s), bool)

    with ThreadPoolExecutor() as at_once:
        list(at_once.map(fall_silent, DRIVERS))


def test_a_read_of_mysql_that_takes_too_long_ends_in_one_sentence_and_on_the_server(
    mysql_server: MysqlServer, mysql_club: Callable[[], str], demo: DemoPaths, tmp_path: Path
) -> None:
    url = mysql_club()
    name = url.rpartition("/")[2]
    mysql_server.execute(
        name, "rename table `Event` to kept", f"create view `Event` as select * from kept where sleep({NEVER_S}) = 0"
    )
    statements = f"select count(*) from information_schema.processlist where db = '{name}' and info like '/* recon%'"

    def is_read_in_vain(limit_s: int) -> bool:
        is_at_work = False
        with ThreadPoolExecutor() as beside:
            run = beside.submit(given_up, demo, tmp_path, url, limit_s, PATIENT_PROGRAM)
            while not run.done():
                is_at_work = is_at_work or mysql_server.execute(None, statements) != [(0,)]
                sleep(0.05)
        said = run.result().err
        return is_at_work and ("expected the next rows of" in said or "timeout: no connection and no columns" in said)

    lengthened(is_read_in_vain, bool)
    assert becomes(lambda: mysql_server.execute(None, statements) == [(0,)])


def test_a_program_that_gets_no_columns_is_reported_when_its_query_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.database.server_stream.PATIENCE_S", PATIENCE_S)
    settled = Event()

    def cancel() -> None:
        sleep(0.5)
        settled.set()

    with silent() as port:
        stream = ServerStream(f"mysql://u:p@127.0.0.1:{port}/club", 0.3, cancel)
        with pytest.raises(ReadError, match=r"no connection and no columns within 0\.3 s"):
            list(stream.batches("select 1", ()))
    assert settled.is_set()


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_limit_of_no_time_is_refused(seconds: float, demo: DemoPaths) -> None:
    with pytest.raises(UsageError, match="--timeout"):
        verify_url(demo.bundle, "file:x.db", timeout_s=seconds)
