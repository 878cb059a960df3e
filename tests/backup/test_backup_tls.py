"""Backups over connections that are encrypted: the programs are given what the URL asks for, and nothing less."""

from __future__ import annotations

from shutil import which
from typing import TYPE_CHECKING

import psycopg
import pytest
from made_backups import in_place_of
from mariadb import is_installed, running_mariadb
from planted_secrets import MARK, PLANTED
from postgres import debian_programs, running_encrypted_cluster

import recon

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

needs_mariadb = pytest.mark.skipif(not is_installed(), reason="mariadbd is not on the PATH")


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[str, Path, Path]]:
    """The URL of a PostgreSQL that requires encryption, its authority's certificate, and its programs."""
    programs = debian_programs()
    if programs is None:
        pytest.skip("Debian's PostgreSQL is not installed, and that of the package cannot encrypt")
    with running_encrypted_cluster(programs) as (cluster, authority):
        url = cluster.create_database("d")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table t as select 7 as id")
        yield url, authority, cluster.binaries


@pytest.mark.parametrize("parameters", ["", "?sslmode=verify-full&sslrootcert={ca}", "?sslaccept=strict&sslcert={ca}"])
def test_a_postgresql_that_requires_encryption_is_backed_up_and_tested(
    encrypted: tuple[str, Path, Path], parameters: str, tmp_path: Path
) -> None:
    url, authority, binaries = encrypted
    environment = {"DATABASE_URL": url + parameters.format(ca=authority)}
    said = tmp_path / "said"
    spying = f'cat "$PGSERVICEFILE" >> {said}\nexec $REAL "$@"\n'
    options = recon.BackupOptions(
        backups=tmp_path / "backups",
        pg_bin=in_place_of("pg_dump", binaries, tmp_path / "bin", spying),
        environment=environment,
    )
    recon.create_backup(options)
    assert recon.test_backup(options).verdict == "PASSED"
    text = said.read_text(encoding="utf-8")
    assert ("sslmode=verify-full\n" if parameters else "sslmode=require\n") in text
    assert "password" not in text


def test_a_program_that_dumps_gets_one_password_and_none_as_an_argument(
    encrypted: tuple[str, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's, in a variable that its user alone can read; of the operator's other secrets none."""
    url, _, binaries = encrypted
    for name, secret in PLANTED.items():
        monkeypatch.setenv(name, secret)
    monkeypatch.setenv("PGSSLSNI", "1")
    said = tmp_path / "said"
    spying = f'env >> {said}\necho "$0 $*" >> {said}\ncat "$PGSERVICEFILE" >> {said}\nexec $REAL "$@"\n'
    pg_bin = in_place_of("pg_dump", binaries, tmp_path / "bin", spying)
    made = recon.create_backup(
        recon.BackupOptions(backups=tmp_path / "backups", pg_bin=pg_bin, environment={"DATABASE_URL": url})
    )
    text = said.read_text(encoding="utf-8")
    password = url.partition("://")[2].partition("@")[0].partition(":")[2]
    assert [line for line in text.splitlines() if password in line] == [f"PGPASSWORD={password}"]
    assert MARK not in text
    assert "PGSSLSNI=1" in text
    assert [path for path in made.folder.iterdir() if password.encode() in path.read_bytes()] == []


@needs_mariadb
@pytest.mark.parametrize(
    "parameters, words",
    [
        ("", "ssl\nskip-ssl-verify-server-cert\n"),
        ("?ssl-mode=REQUIRED", "ssl\nskip-ssl-verify-server-cert\n"),
        ("?ssl-mode=VERIFY_IDENTITY&ssl-ca={ca}", "ssl\nssl-verify-server-cert\n"),
        ("?ssl-mode=DISABLED", "skip-ssl\n"),
    ],
)
def test_a_mariadb_is_backed_up_and_tested_as_the_url_asks(
    tls_mariadb: tuple[str, Path], parameters: str, words: str, tmp_path: Path
) -> None:
    url, authority = tls_mariadb
    spying, said = tmp_path / "bin", tmp_path / "said"
    spying.mkdir()
    for name in ("mariadb-dump", "mariadb"):
        script = (
            f'#!/bin/sh\ncase "$1" in --defaults-file=*) cat "${{1#*=}}" >> {said};; esac\nexec {which(name)} "$@"\n'
        )
        (spying / name).write_text(script, encoding="utf-8")
        (spying / name).chmod(0o755)
    environment = {"DATABASE_URL": url + parameters.format(ca=authority)}
    options = recon.BackupOptions(backups=tmp_path / "backups", pg_bin=spying, environment=environment)
    recon.create_backup(options)
    assert recon.test_backup(options).verdict == "PASSED"
    assert said.read_text(encoding="utf-8").count(f"[client]\n{words}") == 2


@pytest.fixture(scope="module")
def tls_mariadb() -> Iterator[tuple[str, Path]]:
    """The URL of a MariaDB that offers encryption, and its authority's certificate."""
    with running_mariadb(with_tls=True) as (server, folder):
        server.execute(None, "create database d", "create table d.t (id int)", "insert into d.t values (7)")
        yield server.url("d"), folder / "ca.pem"
