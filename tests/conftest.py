"""Real parts for every test: a generated club, SQLite files, and one PostgreSQL cluster for the session."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from secrets import token_hex
from shutil import copyfile, copytree
from types import SimpleNamespace
from typing import TYPE_CHECKING, get_args

import pytest
from hypothesis import HealthCheck, settings
from made_backups import MadeBackup
from msgspec.structs import replace
from mysql import VARIABLE, MysqlServer, named_server
from postgres import Cluster, Generation, load_rows, load_schema, running_cluster
from shared_runs import WholeRun, home_of_all, shared_run
from soaking import SOAKING, examples
from support import run_module_in_process, verify

import recon
from recon.demo import Club, DemoPaths, generate, plant, write_bundle, write_sqlite

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.model import Verification

SMALL = {"members": 60, "events": 12, "registrations": 150}
NAMES = count()

# recon gives up waiting for a server or a lock within seconds; a busy machine may need longer to do what is right.
PATIENT_S = 60.0
LIMITS = (
    "recon.database.opening.OPEN_LIMIT_S",
    "recon.database.postgresql.CONNECT_TIMEOUT_S",
    "recon.database.mysql.CONNECT_LIMIT_S",
    "recon.database.mysql_connection.CONNECT_TIMEOUT_S",
    "recon.database.sqlite.LOCK_WAIT_S",
)

# How long an example takes says nothing on a machine that has other work. `make test` draws the same examples each
# time, so that it fails only for what was changed; `make soak` looks for others, and says which.
settings.register_profile(
    "test", deadline=None, suppress_health_check=[HealthCheck.too_slow], derandomize=True, database=None
)
settings.register_profile(
    "soak", settings.get_profile("test"), derandomize=False, print_blob=True, max_examples=examples(100)
)
settings.load_profile("soak" if SOAKING else "test")


@pytest.fixture(autouse=True)
def _not_on_github(monkeypatch: pytest.MonkeyPatch) -> None:
    """If these tests run in a workflow, keep what they start from writing to it."""
    for name in ("GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture(autouse=True)
def _no_secret_of_another_test(monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords are blotted out as long as the process lives: one that is "a" would be in every text after it."""
    monkeypatch.setattr("recon.database.secrets._known", set())


@pytest.fixture(scope="session", autouse=True)
def _own_state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What recon keeps of this user's migrations is not theirs who run the tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session", autouse=True)
def _patient() -> Iterator[None]:
    """No limit of recon's own passes by chance; tests of a limit set theirs."""
    with pytest.MonkeyPatch.context() as patch:
        for limit in LIMITS:
            patch.setattr(limit, PATIENT_S)
        yield


@pytest.fixture(scope="session")
def cluster() -> Iterator[Cluster]:
    with running_cluster() as started:
        yield started


@pytest.fixture(scope="session")
def club() -> Club:
    return generate(7, **SMALL)


@pytest.fixture(scope="session")
def clean(club: Club, tmp_path_factory: pytest.TempPathFactory) -> DemoPaths:
    """A small clean club on disk; no test may damage it."""
    folder = tmp_path_factory.mktemp("clean")
    return DemoPaths(write_bundle(club, folder / "bundle"), write_sqlite(club, folder / "club.db"))


@pytest.fixture
def demo(clean: DemoPaths, tmp_path: Path) -> DemoPaths:
    """A copy of the small clean club, for the test to damage."""
    return copied(clean, tmp_path)


@pytest.fixture(scope="session")
def passed(clean: DemoPaths) -> Verification:
    """The Verification of the small clean club."""
    return verify(clean)


@pytest.fixture(scope="session")
def capped(clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    """A Verification that failed with ten orphans, of which two were kept; the checks of the ledger are left out."""
    damaged = copied(clean, tmp_path_factory.mktemp("capped"))
    plant(["orphaned-registrations"], damaged.bundle, damaged.database)
    found = verify(damaged, evidence_rows=2)
    return replace(found, checks=tuple(check for check in found.checks if check.category != "records"))


def copied(club: DemoPaths, folder: Path) -> DemoPaths:
    bundle, database = folder / club.bundle.name, folder / club.database.name
    return DemoPaths(Path(copytree(club.bundle, bundle)), Path(copyfile(club.database, database)))


@pytest.fixture(scope="session")
def templates(cluster: Cluster, club: Club) -> dict[str, str]:
    """A database of the club in each generation of the schema, for tests to copy."""
    made: dict[str, str] = {}
    for generation in get_args(Generation):
        made[generation] = f"template_{generation}"
        url = cluster.create_database(made[generation])
        load_schema(url, generation)
        load_rows(url, club.tables)
    return made


@pytest.fixture
def postgres_club(cluster: Cluster, templates: dict[str, str]) -> Iterator[Callable[[str], str]]:
    """A function that creates a private copy of the club in PostgreSQL and returns its URL."""
    made: list[str] = []

    def make(generation: str = "newer") -> str:
        made.append(f"club_{next(NAMES)}")
        return cluster.create_database(made[-1], template=templates[generation])

    yield make
    for name in made:
        cluster.drop_database(name)


@pytest.fixture
def pages_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scripts of docs/ run the command in this process: they show what it says."""
    monkeypatch.setattr("pages.subprocess", SimpleNamespace(run=run_module_in_process))


@pytest.fixture(scope="session")
def mysql_server() -> MysqlServer:
    server = named_server()
    if server is None:
        pytest.skip(f"{VARIABLE} names no MySQL or MariaDB server")
    return server


@pytest.fixture
def mysql_club(mysql_server: MysqlServer, club: Club) -> Iterator[Callable[[], str]]:
    """A function that creates the club in a database of its own on that server and returns its URL."""
    made: list[str] = []

    def make() -> str:
        # The server outlives the tests, and several of them use it at the same time.
        made.append(f"recon_{token_hex(6)}")
        return mysql_server.create_club(made[-1], club.tables)

    yield make
    for name in made:
        mysql_server.execute(None, f"drop database if exists `{name}`")


@pytest.fixture(scope="session")
def whole_run(request: pytest.FixtureRequest) -> WholeRun:
    """One run with all parts, made once for all tests."""
    return shared_run(request, home_of_all(request))


@pytest.fixture(scope="session")
def made(cluster: Cluster, templates: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> MadeBackup:
    """A backup of the club in PostgreSQL, for tests to copy."""
    url, backups = cluster.url(templates["newer"]), tmp_path_factory.mktemp("made") / "backups"
    environment = {"DATABASE_URL": url}
    created = recon.create_backup(
        recon.BackupOptions(backups=backups, pg_bin=cluster.binaries, environment=environment)
    )
    return MadeBackup(created.folder, created.manifest, url, cluster.binaries)
