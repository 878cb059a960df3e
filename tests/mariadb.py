"""A MariaDB server of the tests' own, on the loopback interface, with the settings that a test needs."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pymysql
import pytest
from certificates import make_certificate
from mysql import MysqlServer
from support import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

PROGRAMS = ("mariadbd", "mariadb-install-db")
# A few MB in place of a hundred: several servers may run side by side.
SMALL = ("--innodb-log-file-size=4M", "--innodb-buffer-pool-size=16M")
USER, PASSWORD = "tests", "made-up-for-the-tests"


def is_installed() -> bool:
    """Whether the programs are there."""
    return all(map(shutil.which, PROGRAMS))


@contextmanager
def running_mariadb(*, with_tls: bool) -> Iterator[tuple[MysqlServer, Path]]:
    """Run a server in a temporary folder, which is removed at the end; gives the server and its folder.

    Where the server cannot be set up at all, the test is skipped with what the program printed.
    """
    with tempfile.TemporaryDirectory(prefix="recon-mariadb-") as name:
        folder, account = Path(name), "nobody" if os.geteuid() == 0 else None
        options: list[str] = ["--skip-ssl"]
        if with_tls:
            make_certificate(folder)
            options = [f"--ssl-cert={folder / 'ca.pem'}", f"--ssl-key={folder / 'key.pem'}"]
        if account:
            for path in (folder, *folder.iterdir()):
                shutil.chown(path, account)
        # A server that starts empties its folder for temporary files, which must not be that of another.
        data = (f"--datadir={folder / 'data'}", f"--tmpdir={folder}")
        install = ("mariadb-install-db", "--no-defaults", *data, "--auth-root-authentication-method=normal")
        groups: list[str] | None = [] if account else None
        installed = subprocess.run(
            [*install, "--skip-test-db", *SMALL],
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env={"PATH": os.environ["PATH"], "TMPDIR": name},
            user=account,
            extra_groups=groups,
            cwd=name,
        )
        if installed.returncode != 0:
            pytest.skip(f"mariadb-install-db ended with {installed.returncode}: {installed.stdout[-3000:]}")
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port = taken.getsockname()[1]
        places = (f"--socket={folder / 'socket'}", f"--pid-file={folder / 'pid'}", f"--port={port}")
        start = ("mariadbd", "--no-defaults", *data, "--bind-address=127.0.0.1", *places, *options)
        with subprocess.Popen(
            [*start, *SMALL, "--innodb-flush-log-at-trx-commit=0"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            user=account,
            extra_groups=groups,
            cwd=name,
        ) as server:
            try:
                wait_until(lambda: _admits(folder / "socket"), "MariaDB admits its user")
                yield MysqlServer("127.0.0.1", port, USER, PASSWORD), folder
            finally:
                server.terminate()


def _admits(path: Path) -> bool:
    """Create the tests' user, when the server is there."""
    # PyMySQL leaves its socket open where nobody answers.
    with socket.socket(socket.AF_UNIX) as knock:
        if knock.connect_ex(str(path)) != 0:
            return False
    connection = pymysql.connect(unix_socket=str(path), user="root")
    with connection, connection.cursor() as cursor:
        cursor.execute(f"create user {USER}@'%' identified by '{PASSWORD}'")
        cursor.execute(f"grant all on *.* to {USER}@'%' with grant option")
    return True
