"""Whatever dies while a plan is applied: all or nothing is done, the same command ends it, and others lose nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from threading import Event, Thread
from typing import TYPE_CHECKING, Any
from uuid import UUID

import psycopg
import pytest
from edited_clubs import AFTER
from postgres import Cluster, crash_and_restart, running_cluster
from rollback_cases import dropping, make_template
from severing import severing_proxy
from support import NOT_INHERITED, wait_until

import recon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from rollback_cases import Case, Template
    from severing import SeveringProxy

KINDS = ("recon", "connection", "server")
SOAKED = 40
TERMINATE = """
select pg_terminate_backend(pid, 5000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and application_name <> 'second writer'"""
JOIN = """
insert into "Member" (id, "firstName", "lastName", email, "joinedAt", "membershipStatusId", "createdAt", "updatedAt")
select '{new}', 'New', 'Member', '{new}@example.org', '{after}', id, '{after}', '{after}'
from "MembershipStatus" order by code limit 1"""
EDIT = """update "Member" set phone = '{number}', "updatedAt" = '{after}' where id = '{member}'"""


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """A server of these tests' own, to be killed; what it says is committed survives that."""
    with running_cluster() as started:
        with psycopg.connect(started.url("postgres"), autocommit=True) as connection:
            connection.execute(b"alter system set synchronous_commit = on")
            connection.execute(b"select pg_reload_conf()")
        yield started


@pytest.fixture(scope="module")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("killed"), request)


@pytest.fixture
def case(template: Template, cluster: Cluster, tmp_path: Path) -> Iterator[Case]:
    yield from dropping(cluster, template, tmp_path)


@dataclass
class SecondWriter:
    """Goes on editing rows that no plan is about, each in a transaction of its own.

    Attributes:
        rows: The members that are not planned, by id, as they must be.
        doubtful: The same with the last edit, of which nobody knows whether it was committed; None: there is no doubt.
    """

    case: Case
    rng: Random
    rows: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    doubtful: dict[str, tuple[Any, ...]] | None = None
    number: int = 0

    def __post_init__(self) -> None:
        planned = {*self.case.planned_ids("Member")}
        self.rows = {key: row for key, row in self.case.database.rows("Member").items() if key not in planned}

    def write(self) -> None:
        """Edit one row, or insert one."""
        if self.doubtful is not None:
            # The server was killed meanwhile.
            present = self.case.database.rows("Member")
            self.rows = (
                self.doubtful if all(present.get(key) == row for key, row in self.doubtful.items()) else self.rows
            )
            self.doubtful = None
        self.number += 1
        member = self.rng.choice(sorted(self.rows))
        new = UUID(int=self.rng.getrandbits(128), version=4)
        statement = self.rng.choice((JOIN, EDIT)).format(number=self.number, member=member, new=new, after=AFTER)
        with psycopg.connect(self.case.url, application_name="second writer") as connection:
            (row,) = connection.execute(f"{statement} returning *".encode()).fetchall()
            self.doubtful = self.rows | {str(row[0]): row}
            connection.commit()
        self.rows, self.doubtful = self.doubtful, None

    def until(self, stopped: Event) -> None:
        """Go on until that is set, whatever happens to the server."""
        while not stopped.wait(0.005):
            with suppress(psycopg.Error):
                self.write()

    def is_unharmed(self) -> bool:
        planned = {*self.case.planned_ids("Member")}
        found = {key: row for key, row in self.case.database.rows("Member").items() if key not in planned}
        return found in (self.rows, self.doubtful)


def strike(kind: str, case: Case, cluster: Cluster, processes: list[subprocess.Popen[bytes]]) -> None:
    """Kill recon, its connection, or the server."""
    if kind == "recon":
        processes[0].kill()
    elif kind == "connection":
        case.database.run(TERMINATE)
    else:
        crash_and_restart(cluster)


def attempt(
    kind: str, case: Case, proxy: SeveringProxy, processes: list[subprocess.Popen[bytes]]
) -> recon.AppliedPlan | None:
    """Apply the plan through the proxy; None: recon was killed, or said that nothing was changed."""
    url = proxy.url(case.url)
    if kind != "recon":
        try:
            return case.apply(url)
        except recon.ReconError as error:
            said = str(error).lower()
            settle(proxy)
            # What is in doubt, or known to be done, says so.
            assert "does not say whether" not in said
            if "the rollback itself was committed" not in said:
                assert deleted(case) == 0, said
            return None
    inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
    command = ("-m", "recon", "rollback", "apply", case.planned.folder, "--yes", case.planned.plan.run_id)
    with subprocess.Popen(
        [sys.executable, *command],
        env=inherited | {"DATABASE_URL": url},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as process:
        processes[:] = [process]
    return None


def settle(proxy: SeveringProxy) -> None:
    """Wait until what was killed has started again."""
    if proxy.seen >= proxy.number:
        wait_until(proxy.severed.is_set, "all is as before the kill")


def deleted(case: Case) -> int:
    """How many planned rows are gone."""
    there, _ = case.state()
    planned = {each.table.name: case.planned_ids(each.table.name) for each in case.planned.plan.deleted}
    return sum(key not in there[table] for table, keys in planned.items() for key in keys)


def kill(kind: str, case: Case, cluster: Cluster, edit: Callable[[], object], **at: Any) -> None:
    """Let people edit, and kill something, at a moment of an attempt to apply the plan."""
    processes: list[subprocess.Popen[bytes]] = []

    def meanwhile() -> None:
        edit()
        wait_until(lambda: kind != "recon" or processes, "recon was started")
        strike(kind, case, cluster, processes)

    applied = None
    with severing_proxy(cluster.port, **at, meanwhile=meanwhile) as proxy:
        while applied is None and not proxy.severed.is_set():
            applied = attempt(kind, case, proxy, processes)
            settle(proxy)


def judge(case: Case, writer: SecondWriter) -> None:
    """All or nothing; the same command ends it, and others' rows are as others left them."""
    gone = deleted(case)
    assert (gone, case.state()[1]) in ((0, 0), (case.planned.plan.rows, 1))
    assert writer.is_unharmed()
    again = case.apply()
    assert again.words.startswith("ROLLED BACK")
    assert again.was_done == (gone > 0)
    assert deleted(case) == case.planned.plan.rows
    assert writer.is_unharmed()


@pytest.mark.parametrize(
    "kind, statement, side",
    [
        ("recon", (b"delete from", 2), "during"),
        pytest.param("recon", (b"commit", 1), "after", marks=pytest.mark.soak),
        pytest.param("connection", (b"delete from", 4), "after", marks=pytest.mark.soak),
        ("connection", (b"commit", 1), "before"),
        pytest.param("server", (b"insert into", 1), "after", marks=pytest.mark.soak),
        ("server", (b"commit", 1), "after"),
    ],
)
def test_what_dies_at_a_statement_leaves_all_or_nothing(
    kind: str, statement: tuple[bytes, int], side: str, case: Case, cluster: Cluster
) -> None:
    begins, number = statement
    writer = SecondWriter(case, Random(number))  # noqa: S311 - not for secrets
    kill(kind, case, cluster, writer.write, begins=begins, number=number, side=side)
    assert deleted(case) == (case.planned.plan.rows if (begins, side) == (b"commit", "after") else 0)
    judge(case, writer)


@pytest.fixture(scope="module")
def statements(template: Template, cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many statements applying the plan takes."""
    for case in dropping(cluster, template, tmp_path_factory.mktemp("counted")):
        with severing_proxy(cluster.port, begins=b"", number=0) as proxy:
            case.apply(proxy.url(case.url))
    return proxy.seen


@pytest.mark.soak
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(SOAKED))
def test_what_dies_at_any_moment_leaves_all_or_nothing(
    kind: str, seed: int, case: Case, cluster: Cluster, statements: int
) -> None:
    rng = Random(seed)  # noqa: S311 - not for secrets
    writer, stopped = SecondWriter(case, rng), Event()
    at = {"begins": b"", "number": rng.randint(1, statements), "side": rng.choice(("before", "during", "after"))}
    thread = Thread(target=writer.until, args=(stopped,))
    thread.start()
    try:
        kill(kind, case, cluster, lambda: None, **at)
    finally:
        stopped.set()
        thread.join()
    judge(case, writer)
