"""Encryption on real servers: used where it is offered, never left out where it is asked for."""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from mariadb import is_installed, running_mariadb

from recon.database import open_source, parse_url
from recon.database.source import Query, SelectColumn
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mysql import MysqlServer
    from postgres import Cluster

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
