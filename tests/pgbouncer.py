"""A PgBouncer of the tests' own, which admits encrypted connections only, in front of their PostgreSQL."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from certificates import make_certificate
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from postgres import Cluster

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
HOST = "127.0.0.1"
# Its own database, in which it takes commands.
CONSOLE = "pgbouncer"
SETTINGS = {
    "listen_addr": HOST,
    "unix_socket_dir": "",
    "auth_type": "scram-sha-256",
    "auth_file": "users",
    "admin_users": "postgres",
    "client_tls_sslmode": "require",
    "client_tls_cert_file": "ca.pem",
    "client_tls_key_file": "key.pem",
}


@dataclass(frozen=True)
class Pooler:
    """A running PgBouncer.

    Attributes:
        cluster: The server behind it.
        port: The TCP port it listens on.
        authority: The file of its certificate's authority.
    """

    cluster: Cluster
    port: int
    authority: Path

    def url(self, pool: str) -> str:
        """The URL of a pool, for the superuser."""
        direct = self.cluster.url(pool)
        return direct.replace(f":{self.cluster.port}/", f":{self.port}/")

    @contextmanager
    def limited(self, **settings: object) -> Iterator[None]:
        """Run what is inside with other settings."""
        with psycopg.connect(self.url(CONSOLE), autocommit=True) as console:
            before = {name: value for name, value, *_ in console.execute(b"show config").fetchall()}
            for name, value in settings.items():
                console.execute(f"set {name} = '{value}'".encode())
            try:
                yield
            finally:
                for name in settings:
                    console.execute(f"set {name} = '{before[name]}'".encode())


@contextmanager
def running_pgbouncer(cluster: Cluster, pools: Mapping[str, str]) -> Iterator[Pooler]:
    """Run a PgBouncer in a temporary folder, which is removed at the end.

    Args:
        cluster: The server behind it.
        pools: Name of a pool → its options, such as "dbname=club pool_mode=session".
    """
    with tempfile.TemporaryDirectory(prefix="recon-pgbouncer-") as name:
        folder, account = Path(name), "nobody" if os.geteuid() == 0 else None
        make_certificate(folder)
        with socket.socket() as taken:
            taken.bind((HOST, 0))
            port = taken.getsockname()[1]
        lines = (
            "[databases]",
            *(f"{pool} = host={HOST} port={cluster.port} {options}" for pool, options in pools.items()),
            "[pgbouncer]",
            *(f"{setting} = {value}" for setting, value in {**SETTINGS, "listen_port": port}.items()),
        )
        (folder / "pgbouncer.ini").write_text("\n".join(lines), encoding="utf-8")
        (folder / "users").write_text(f'"postgres" "{cluster.superuser_password}"\n', encoding="utf-8")
        if account:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, account)
        with subprocess.Popen(
            [str(PROGRAM), "pgbouncer.ini"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account,
            extra_groups=[] if account else None,
            cwd=folder,
        ) as server:
            try:
                wait_until(lambda: _listens(port), "PgBouncer listens")
                yield Pooler(cluster, port, folder / "ca.pem")
            finally:
                server.terminate()


def _listens(port: int) -> bool:
    with socket.socket() as knock:
        return knock.connect_ex((HOST, port)) == 0
