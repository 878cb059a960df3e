"""Level 2 in PostgreSQL, killed at every step and at any moment: all or nothing, and the same command ends well."""

from __future__ import annotations

import logging
from contextlib import contextmanager, suppress
from itertools import count
from random import Random
from shutil import which
from time import monotonic, sleep
from typing import TYPE_CHECKING

import psycopg
import pytest
from postgres import limit_files
from restores import Restores, club_with_backup

import recon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgres import Cluster

pytestmark = pytest.mark.soak

EDITS = (
    'delete from "EventRegistration" where id in (select id from "EventRegistration" order by id limit 7)',
    "create table newer (id int)",
)
DATABASES = "select datname from pg_database where datname like '{name}%' or datname like 'recon_scratch_%' order by 1"
SESSIONS = "select count(*) from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
BACKENDS = "select pid from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()"
MOMENTS, KILLS_PER_ROUND = 25, 8
PATIENCE_S = 30


@pytest.fixture
def own(cluster: Cluster, templates: dict[str, str], tmp_path: Path) -> Iterator[Restores]:
    with club_with_backup(cluster, templates, tmp_path) as made:
        made.run(*EDITS)
        yield made
        for name in databases(cluster, made):
            cluster.drop_database(name)


def databases(cluster: Cluster, own: Restores) -> list[str]:
    with psycopg.connect(cluster.url("postgres")) as connection:
        return [name for (name,) in connection.execute(DATABASES.format(name=own.name).encode()).fetchall()]


def settle(cluster: Cluster) -> None:
    """Wait until the server has noticed that the process is gone, and what it had started has come to its end."""
    deadline = monotonic() + PATIENCE_S
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        while connection.execute(SESSIONS.encode()).fetchone() != (0,):
            assert monotonic() < deadline
            sleep(0.02)


FULL_AT = {
    "scratch": "Restoring into a scratch database",
    "in place": "Sending the backup",
    "swap": "Restoring into a new database",
}


@contextmanager
def limited(cluster: Cluster, size: int) -> Iterator[Callable[[], None]]:
    """Lets the server's processes extend no file beyond that size, once what is given is called, as on a full disk."""
    main = int((cluster.data / "postmaster.pid").read_text(encoding="utf-8").split()[0])

    def limit() -> None:
        with psycopg.connect(cluster.url("postgres")) as connection:
            backends = connection.execute(BACKENDS.encode()).fetchall()
        limit_files(main, str(size))
        for (process,) in backends:
            # Those that have just ended write nothing any more.
            with suppress(RuntimeError):
                limit_files(process, str(size))

    try:
        yield limit
    finally:
        limit_files(main, "unlimited")


@pytest.mark.skipif(which("prlimit") is None, reason="there is no program that limits another one")
@pytest.mark.parametrize("where", FULL_AT)
def test_a_server_without_room_changes_nothing(own: Restores, cluster: Cluster, where: str) -> None:
    own.run("create table large as select i, repeat('x', 1000) as x from generate_series(1, 30000) i")
    own.back_up()
    own.run("delete from large where i % 2 = 0")
    planned = own.plan(swap=where == "swap")
    before = own.rows()
    with limited(cluster, 24 << 20) as limit:

        def fill(title: str) -> None:
            if title == FULL_AT[where]:
                limit()

        with pytest.raises(recon.ReconError, match="File too large"):
            own.apply(planned, fill)
    assert databases(cluster, own) == [own.name]
    assert (own.rows(), own.run("select count(*) from large")) == (before, [(15000,)])
    assert own.apply(planned).words == "RESTORED"
    assert own.run("select count(*) from large") == [(30000,)]


class Killing:
    """Kills a plan's application, or its reverse, and looks at what is there after each."""

    def __init__(self, own: Restores, cluster: Cluster, *, swap: bool) -> None:
        self.own, self.cluster, self.swap = own, cluster, swap
        self.takes_s: dict[str, float] = {}
        self.at_steps = self.at_moments = self.done_before_the_kill = 0

    def at_every_step(self) -> None:
        planned = self.own.plan(swap=self.swap)
        for verb in ("apply", "revert"):
            before, steps = self.own.rows(), list[str]()
            for step in count(1):
                steps = self.own.killed(planned, verb, step)
                settle(self.cluster)
                if len(steps) < step:
                    break
                self.at_steps += 1
                # A step is told before it is begun; the last is the commit.
                assert self.own.rows() == before, steps[-1:]
            assert "Committing" in steps
            assert self.own.rows() != before
        self.drop_reverted(planned)

    def at_any_moment(self, draw: Random) -> None:
        planned = self.own.plan(swap=self.swap)
        for verb in ("apply", "revert"):
            before = self.own.rows()
            for _ in range(KILLS_PER_ROUND):
                began = monotonic()
                if not self.own.killed_after(planned, verb, draw.uniform(0, self.takes_s[verb])):
                    # It is faster than it was: the next moments are drawn from what it takes now.
                    self.takes_s[verb] = monotonic() - began
                    break
                settle(self.cluster)
                self.at_moments += 1
                # Wholly as before, or wholly as after: never a part.
                if self.own.rows() != before:
                    self.done_before_the_kill += 1
                    break
            done = self.own.apply(planned) if verb == "apply" else self.own.revert(planned)
            assert [check.message for check in done.assessment.checks if check.outcome != "PASS"] == []
            assert self.own.rows() == (self.restored if verb == "apply" else self.edited)
        self.drop_reverted(planned)

    def measure(self) -> None:
        """How long both take in a process of their own, and what the database holds then."""
        self.edited = self.own.rows()
        planned = self.own.plan(swap=self.swap)
        began = monotonic()
        assert not self.own.killed_after(planned, "apply", 600)
        self.takes_s["apply"], began = monotonic() - began, monotonic()
        self.restored = self.own.rows()
        assert not self.own.killed_after(planned, "revert", 600)
        self.takes_s["revert"] = monotonic() - began
        assert self.own.rows() == self.edited != self.restored
        self.drop_reverted(planned)

    def drop_reverted(self, planned: recon.PlannedRestore) -> None:
        settle(self.cluster)
        named = {self.own.name}
        if self.swap:
            reverted = f"{self.own.name}_reverted_{planned.plan.id[:8]}"
            named.add(reverted)
        assert {name for name in databases(self.cluster, self.own) if "recon_scratch_" not in name} == named
        if self.swap:
            self.cluster.drop_database(reverted)


@pytest.mark.parametrize("swap", [False, True], ids=["in place", "swap"])
def test_all_or_nothing(own: Restores, cluster: Cluster, swap: bool) -> None:
    killing = Killing(own, cluster, swap=swap)
    killing.measure()
    killing.at_every_step()
    draw = Random(20240115)  # noqa: S311 - moments, no secrets
    while killing.at_moments < MOMENTS:
        killing.at_any_moment(draw)
    logging.getLogger(__name__).info("%s", vars(killing))
    assert killing.at_steps >= 12
    # The next one that makes a scratch database removes what those that were killed have left.
    settle(cluster)
    own.rehearse(outputs=own.folder / "rehearsed")
    assert databases(cluster, own) == [own.name]
