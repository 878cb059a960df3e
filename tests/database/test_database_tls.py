"""Encryption on real servers: used where it is offered, never left out where it is asked for."""

from __future__ import annotations

import json
import re
from contextlib import closing, contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest
from mariadb import is_installed, running_mariadb
from postgres import debian_programs, running_encrypted_cluster
from support import run_in_process

from recon.database import open_source, parse_url
from recon.database.source import Query, SelectColumn
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mysql import MysqlServer
    from postgres import Cluster

    from recon.demo import Club, DemoPaths

needs_mariadb = pytest.mark.skipif(not is_installed(), reason="mariadbd is not on the PATH")
QUERY = Query("t", (SelectColumn("id", "id"),))
ASKING = ("ssl-mode=REQUIRED", "sslMode=VERIFY_IDENTITY", "sslaccept=strict", "ssl=true", "useSSL=true&requireSSL=true")


@pytest.fixture(scope="module")
def offering() -> Iterator[tuple[MysqlServer, Path]]:
    """A MariaDB that offers encryption, with the table `t`; `ca.pem` in the folder is its authority."""
    with running_mariadb(with_tls=True) as started:
        started[0].execute(None, "create database d", "create table d.t (id int)", "insert into d.t values (7)")
        yield started


@pytest.fixture(scope="module")
def plain() -> Iterator[MysqlServer]:
    with running_mariadb(with_tls=False) as (server, _):
        server.execute(None, "create database d", "create table d.t (id int)", "insert into d.t values (7)")
        yield server


def read(url: str) -> str:
    """Read the table, on the probe's and the reader's connection; gives what is said of the encryption."""
    with closing(open_source(parse_url(url, "the test"))) as source:
        source.catalogue()
        source.prepare([QUERY])
        assert sum(frame.height for frame in source.read(QUERY)) == 1
        return str(getattr(source, "encryption"))  # noqa: B009 - a source of a file has none


@needs_mariadb
@pytest.mark.parametrize(
    "parameters, said",
    [
        ("", "encrypted (TLS"),
        ("?ssl-mode=PREFERRED", "encrypted (TLS"),
        ("?ssl-mode=REQUIRED", "encrypted (TLS"),
        ("?ssl-mode=VERIFY_CA&ssl-ca={ca}", "encrypted (TLS"),
        ("?sslaccept=strict&sslcert={ca}", "encrypted (TLS"),
        ("?ssl-mode=DISABLED", "not encrypted"),
    ],
)
def test_mariadb_is_read_as_the_url_asks(offering: tuple[MysqlServer, Path], parameters: str, said: str) -> None:
    server, folder = offering
    assert read(server.url("d") + parameters.format(ca=folder / "ca.pem")).startswith(said)


@needs_mariadb
@pytest.mark.parametrize("parameters", ["ssl-mode=VERIFY_CA", "sslMode=VERIFY_IDENTITY", "sslaccept=strict"])
def test_an_unknown_authority_is_refused_with_what_to_write(
    offering: tuple[MysqlServer, Path], parameters: str
) -> None:
    with pytest.raises(DatabaseError, match="ssl-ca=FILE"):
        read(f"{offering[0].url('d')}?{parameters}")


@needs_mariadb
@pytest.mark.parametrize("parameters", ASKING)
def test_a_mariadb_without_encryption_is_refused_where_it_is_asked_for(plain: MysqlServer, parameters: str) -> None:
    with pytest.raises(DatabaseError, match="offers no encryption"):
        read(f"{plain.url('d')}?{parameters}")


@contextmanager
def requiring(server: MysqlServer) -> Iterator[None]:
    """Inside, the server admits nobody in plain text."""
    server.execute(None, "set global require_secure_transport = on")
    try:
        yield
    finally:
        server.execute(None, "set global require_secure_transport = off")


@needs_mariadb
@pytest.mark.parametrize("parameters", ["ssl-mode=DISABLED", "useSSL=false", "ssl=0"])
def test_a_mariadb_that_requires_encryption_refuses_plain_text_with_what_to_write(
    offering: tuple[MysqlServer, Path], parameters: str
) -> None:
    with requiring(offering[0]), pytest.raises(DatabaseError, match=r"requires encryption.* write ssl-mode=REQUIRED"):
        read(f"{offering[0].url('d')}?{parameters}")


@needs_mariadb
def test_a_mariadb_that_requires_encryption_is_verified_and_the_report_says_encrypted(
    offering: tuple[MysqlServer, Path], club: Club, clean: DemoPaths, tmp_path: Path
) -> None:
    server, report = offering[0], tmp_path / "report.json"
    url = server.create_club("club", club.tables)
    with requiring(server):
        done = run_in_process("verify", "-b", clean.bundle, "-f", "json", "-o", report, DATABASE_URL=url)
    assert (done.code, done.err) == (0, "")
    assert json.loads(report.read_text(encoding="utf-8"))["snapshot"]["encryption"].startswith("encrypted (TLS")


@needs_mariadb
def test_the_name_of_a_mariadb_is_verified_where_the_url_asks_for_it(offering: tuple[MysqlServer, Path]) -> None:
    server, folder = offering
    url = f"{server.url('d')}?ssl-mode=VERIFY_IDENTITY&ssl-ca={folder / 'ca.pem'}"
    assert read(url).startswith("encrypted (TLS")
    with pytest.raises(DatabaseError, match=r"not valid for 'localhost'.*as the server's certificate names it"):
        read(url.replace("@127.0.0.1:", "@localhost:"))


@needs_mariadb
def test_a_verification_ends_where_encryption_is_asked_for_and_not_to_be_had(
    plain: MysqlServer, clean: DemoPaths, tmp_path: Path
) -> None:
    arguments = ("verify", "-b", clean.bundle, "-o", tmp_path / "report.md")
    done = run_in_process(*arguments, DATABASE_URL=f"{plain.url('d')}?sslaccept=strict")
    assert (done.code, done.err.count("\n")) == (2, 1)
    assert "offers no encryption" in done.err


@needs_mariadb
def test_a_mariadb_without_encryption_is_read_by_default_and_says_so(plain: MysqlServer) -> None:
    assert read(plain.url("d")) == "not encrypted"


@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
@pytest.mark.parametrize("parameters", ["sslmode=require", "sslMode=REQUIRE", "ssl=true", "sslaccept=strict"])
def test_a_postgresql_without_encryption_is_refused_where_it_is_asked_for(
    cluster: Cluster, driver: str, parameters: str
) -> None:
    with pytest.raises(DatabaseError, match="offers no encryption"):
        read(f"{cluster.url('postgres')}?{parameters}&driver={driver}")


@pytest.fixture(scope="module")
def encrypted() -> Iterator[tuple[str, Path]]:
    """The URL of a PostgreSQL that requires encryption, with the table `t`, and its authority's certificate."""
    programs = debian_programs()
    if programs is None:
        pytest.skip("Debian's PostgreSQL is not installed, and that of the package cannot encrypt")
    with running_encrypted_cluster(programs) as (cluster, authority):
        url = cluster.create_database("d")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("create table t (id int)")
            connection.execute("insert into t values (7)")
        yield url, authority


# Driver and parameters → how far the server is verified; a part of the message where it is refused.
POSTGRESQL = {
    "driver=adbc": "encrypted (sslmode=prefer)",
    "driver=connectorx": "encrypted (sslmode=prefer)",
    "sslmode=verify-full&sslrootcert={ca}": "encrypted (sslmode=verify-full)",
    "sslaccept=strict&sslcert={ca}": "encrypted (sslmode=verify-full)",
    "driver=connectorx&sslcert={ca}": "encrypted (sslmode=verify-ca)",
}
REFUSED = {
    "sslmode=disable": "no encryption. The server may admit encrypted connections only: write sslmode=require",
    "sslmode=verify-full": "does not exist.* add sslrootcert=FILE",
    "sslmode=verify-ca&sslrootcert=system": "sslrootcert=FILE",
    "sslaccept=strict": "certificate verify failed. Name the certificate of the server's authority",
    "host=localhost&sslaccept=strict&sslcert={ca}": 'host name "localhost". Write the host .* certificate names it',
    "driver=connectorx&sslaccept=strict&sslcert={ca}": "connectorx cannot honour this part of the URL",
    "": "password authentication failed.*Check user and password",
}


@pytest.mark.parametrize("parameters", POSTGRESQL)
def test_a_postgresql_that_requires_encryption_is_read_as_the_url_asks(
    encrypted: tuple[str, Path], parameters: str
) -> None:
    url, authority = encrypted
    assert read(f"{url}?{parameters}".format(ca=authority)) == POSTGRESQL[parameters]


@pytest.mark.parametrize("parameters", REFUSED)
def test_a_postgresql_that_requires_encryption_refuses_with_what_to_write(
    encrypted: tuple[str, Path], parameters: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))  # without a file of authorities
    url, authority = encrypted
    if not parameters:
        # libpq then tries without encryption, which is refused for another reason.
        url = re.sub(r":\w+@", ":wrong@", url)
    with pytest.raises(DatabaseError, match=REFUSED[parameters]):
        read(f"{url}?{parameters}".format(ca=authority))
