"""What a URL asks of encryption: honoured in any driver's spelling, or refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recon.database import open_source, parse_url
from recon.database.mysql_connection import reading_advice as mysql_advice
from recon.database.postgresql import conninfo
from recon.database.postgresql_errors import connecting_advice, lost_advice, reading_advice, server_words
from recon.database.postgresql_refusal import refusal
from recon.errors import DatabaseError

if TYPE_CHECKING:
    from postgres import Cluster

CA = {"sslrootcert": "ca.pem"}
# Parameters → what libpq is given, and MySQL's mode; None: refused.
HONOURED = {
    "sslmode=disable": ({"sslmode": "disable"}, "DISABLED"),
    "sslmode=prefer": ({"sslmode": "prefer"}, "PREFERRED"),
    "sslMode=REQUIRE": ({"sslmode": "require"}, "REQUIRED"),
    "ssl-mode=verify_ca": ({"sslmode": "verify-ca"}, "VERIFY_CA"),
    "ssl_mode=VERIFY_IDENTITY": ({"sslmode": "verify-full"}, "VERIFY_IDENTITY"),
    "sslmode=no-verify": ({"sslmode": "require"}, "REQUIRED"),
    "useSSL=true&requireSSL=true": ({"sslmode": "require"}, "REQUIRED"),
    "requiressl=1": ({"sslmode": "require"}, "REQUIRED"),
    "tls=skip-verify": ({"sslmode": "require"}, "REQUIRED"),
    "ssl=true&sslmode=require": ({"sslmode": "require"}, "REQUIRED"),
    'ssl={"rejectUnauthorized":false}': ({"sslmode": "require"}, "REQUIRED"),
    "sslaccept=accept_invalid_certs": ({"sslmode": "require"}, "REQUIRED"),
    "ssl_ca=ca.pem": ({"sslmode": "verify-ca", **CA}, "VERIFY_CA"),
    "sslcert=ca.pem": ({"sslmode": "verify-ca", **CA}, "VERIFY_CA"),
    "sslcert=ca.pem&sslmode=prefer": ({"sslmode": "verify-ca", **CA}, "VERIFY_CA"),
    "sslcert=ca.pem&sslaccept=strict": ({"sslmode": "verify-full", **CA}, "VERIFY_IDENTITY"),
    "ssl=true&sslrootcert=ca.pem": ({"sslmode": "verify-full", **CA}, "VERIFY_IDENTITY"),
    "ssl_ca=ca.pem&ssl_check_hostname=true": ({"sslmode": "verify-full", **CA}, "VERIFY_IDENTITY"),
}
REFUSED = (
    "sslidentity=x.p12&sslpassword=hush-hush",
    "secure=1",
    "encryption=on",
    "sslmode=banana",
    "ssl=Amazon",
    "sslaccept=sometimes",
    "sslkey=key.pem",
    "trustCertificateKeyStoreUrl=file:x",
    "sslmode=require&sslmode=disable",
    "sslmode=disable&sslaccept=strict",
    "useSSL=false&requireSSL=true",
)


@pytest.mark.parametrize("parameters", HONOURED)
def test_encryption_is_honoured_in_every_spelling(parameters: str) -> None:
    libpq, mode = HONOURED[parameters]
    assert dict(parse_url(f"postgresql://u@h/club?{parameters}", "the test").parameters) == libpq
    mysql = parse_url(f"mysql://u@h/club?{parameters}", "the test").parameters
    assert (mysql["ssl-mode"], mysql.get("ssl-ca")) == (mode, libpq.get("sslrootcert"))


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
@pytest.mark.parametrize("parameters", REFUSED)
def test_what_cannot_be_honoured_is_refused_by_name_and_without_values(parameters: str, scheme: str) -> None:
    with pytest.raises(DatabaseError, match=f"parameter.*{parameters.partition('=')[0]}") as refused:
        parse_url(f"{scheme}://u@h/club?{parameters}", "the test")
    assert "hush" not in refused.value.message


def test_several_hosts_are_passed_on_to_libpq() -> None:
    url = parse_url("postgresql://u@a:5433,[::1],b:5434/club?target_session_attrs=primary", "the test")
    assert {"host=a,::1,b", "port=5433,5432,5434", "target_session_attrs=primary"} <= set(conninfo(url).split())
    assert url.label == "database 'club' on a:5433, ::1:5432, b:5434"
    with pytest.raises(DatabaseError, match="MySQL is read from one host"):
        parse_url("mysql://u@a,b/club", "the test")


AT = 'connection failed: connection to server at "127.0.0.1", port 5432 failed: '
ADVICE = {
    'root certificate file "/x/root.crt" does not exist Either provide the file': "sslrootcert=FILE",
    f"{AT}FATAL:  the database system is starting up": "wait, then verify again",
    f'{AT}FATAL:  database "SSL timeout expired" does not exist': "names of the database",
    f"{AT}FATAL:  sorry, too many clients already": "no connection left",
    f"{AT}FATAL:  unsupported startup parameter: options": "leave options away",
    f'{AT}FATAL:  no pg_hba.conf entry for host "::1", user "u", database "d", no encryption': "sslmode=require",
    f"{AT}SSL error: certificate verify failed": "sslrootcert=FILE",
    f'{AT}server certificate for "a" does not match host name "b"': "as the server's certificate names it",
    "db error: FATAL: unsupported startup parameter: options": "leave options away",
    f"{AT}FATAL:  no more connections allowed (max_client_conn)": "raise its max_client_conn",
    "IO: [libpq] Failed to execute query 'select ''a'': 1': FATAL:  query_wait_timeout\nSSL connection has been closed "
    "unexpectedly": "The pooler had no connection free",
    '[libpq] Execution error [PGRES_FATAL_ERROR]: ERROR:  prepared statement "s0" does not exist': "hands a connection",
    "timed out waiting for connection: connection closed": "why it closed the connection",
    "SSL connection has been closed unexpectedly": "why it closed the connection",
}


@pytest.mark.parametrize("words", ADVICE)
def test_advice_is_chosen_by_what_happened(words: str) -> None:
    assert ADVICE[words] in connecting_advice(words)


@pytest.mark.parametrize(
    "sqlstate, advice",
    [
        ("42501", "grant"),
        ("55P03", "Another program"),
        ("40001", "primary"),
        (None, "primary"),
        ("57P01", "stopped"),
        ("57P05", "idle"),
        ("25P04", "transaction_timeout"),
        ("57P02", "crashed"),
        ("42P05", "server itself"),
    ],
)
def test_a_refused_read_is_advised_by_its_sqlstate(sqlstate: str | None, advice: str) -> None:
    words = "terminating connection due to conflict with recovery" if advice == "primary" else "another language"
    assert advice in reading_advice(f"FATAL: {words}", sqlstate)
    assert server_words(f"[libpq] Failed: FATAL:  {words} DETAIL:  x") == words


@pytest.mark.parametrize(
    "words, sqlstate, advice",
    [
        (
            "[libpq] Execution error [PGRES_FATAL_ERROR]: FATAL:  terminating connection due to administrator command",
            "",
            "stopped",
        ),
        ("FATAL: eine andere Sprache", "57P01", "stopped"),
        ("FATAL: query_wait_timeout server closed the connection", "08P01", "pooler"),
        ("cx error: Other(PostgresError(Error { kind: Closed, cause: None }))", "", "why"),
        ("IO: [libpq] Failed to execute query 'select 1': server closed the connection unexpectedly", "", "why"),
    ],
)
def test_a_lost_connection_is_advised_by_what_ended_it(words: str, sqlstate: str, advice: str) -> None:
    assert advice in lost_advice(words, sqlstate or None)


def listed(*attempts: tuple[str, int, str]) -> str:
    """The message of psycopg for several attempts, of which the last comes first."""
    lines = [
        f"- host: '{host}', port: '{port}', hostaddr: '127.0.0.1': connection failed: connection to server at "
        f'"127.0.0.1", port {port} failed: {reason}'
        for host, port, reason in attempts
    ]
    return "\n".join(
        (lines[-1].partition(": connection failed")[2], "Multiple connection attempts failed. All:", *lines)
    )


SILENT = "Connection refused\n\tIs the server running on that host and accepting TCP/IP connections?"
DENIED = 'FATAL:  password authentication failed for user "u"'


@pytest.mark.parametrize(
    "hosts, attempts, found, advice",
    [
        (
            "127.0.0.1:1,127.0.0.1:2",
            [("127.0.0.1", 1, SILENT), ("127.0.0.1", 2, DENIED)],
            '127.0.0.1:1: Connection refused; 127.0.0.1:2: FATAL: password authentication failed for user "u". ',
            ("Check host and port", "Check user and password"),
        ),
        (
            "127.0.0.1:1,127.0.0.1:2",
            [("127.0.0.1", 1, DENIED), ("127.0.0.1", 2, DENIED)],
            'found each host: FATAL: password authentication failed for user "u". Check user and password',
            (),
        ),
        # One host with two addresses, at one of which a server answers.
        (
            "localhost",
            [("localhost", 5432, DENIED), ("localhost", 5432, SILENT)],
            "port 5432 failed: FATAL: password authentication failed",
            ("Check user and password",),
        ),
    ],
)
def test_each_host_is_named_with_its_own_reason(
    hosts: str, attempts: list[tuple[str, int, str]], found: str, advice: tuple[str, ...]
) -> None:
    message = refusal(parse_url(f"postgresql://u@{hosts}/d", "the test"), listed(*attempts)).message
    assert found in message
    assert all(each in message for each in advice)
    assert message.count("Connection refused") == found.count("Connection refused")


def test_a_host_without_an_address_is_named_beside_one_that_refuses(cluster: Cluster) -> None:
    # No name may end in .invalid.
    with pytest.raises(DatabaseError) as refused:
        open_source(parse_url(f"postgresql://u:wrong@a.invalid:7,127.0.0.1:{cluster.port}/d", "the test"))
    assert "found a.invalid:7: failed to resolve host 'a.invalid'" in refused.value.message
    assert f"; 127.0.0.1:{cluster.port}: FATAL: password authentication failed" in refused.value.message


@pytest.mark.parametrize("url", ["postgresql://u@a..b/d", "postgresql://u@127.0.0.1:1,a..b/d", "mysql://u@a..b/d"])
def test_a_host_name_that_is_none_is_refused_with_what_to_check(url: str) -> None:
    with pytest.raises(DatabaseError, match=r"'idna' codec .* Check the host name"):
        open_source(parse_url(url, "the test"))


def test_an_error_that_connectorx_shows_as_a_structure_is_read() -> None:
    words = (
        'cx writer failed: Source(PostgresError(Error { kind: Db, cause: Some(DbError { severity: "ERROR", '
        'parsed_severity: Some(Error), code: SqlState(E40001), message: "canceling statement due to conflict with '
        'recovery", detail: Some("x"), hint: None }) }))'
    )
    assert server_words(words) == "canceling statement due to conflict with recovery"
    assert "primary" in reading_advice(words)
    refused = words.replace("E40001", "E42501").replace("canceling", r"\"canceling\"")
    assert server_words(refused).startswith('"canceling" statement')
    assert "grant" in reading_advice(refused.replace("conflict with recovery", "a reason"))


@pytest.mark.parametrize(
    "words, number, advice",
    [
        ("Lock wait timeout exceeded", 1205, "Another program"),
        ("SELECT command denied to user 'timeout'@'h' for table 'm'", 1142, "grant"),
        ("ERROR 1142 (42000): SELECT command denied to user 'timeout'@'h'", None, "grant"),
        ("ERROR 1969 (70100): Query execution was interrupted (max_statement_time exceeded)", None, "raise it"),
        ("ERROR 3024 (HY000): a message in another language", None, "max_execution_time"),
        ("Connection was killed", 1927, "stopped"),
        ("View 'timeout' references invalid table(s)", 1356, "mend the view"),
        ("timeout: no connection and no columns within 8 s", None, "Another program"),
        ("the column 'timeout' is not known", 9999, "Correct what the server names"),
    ],
)
def test_a_refused_read_of_mysql_is_advised_by_its_number(words: str, number: int | None, advice: str) -> None:
    assert advice in mysql_advice(words, number)


KEYS = ("key", "hexkey", "cipher", "encryption_key", "cipher_page_size", "password", "sslmode")


@pytest.mark.parametrize("scheme", ["sqlite:///", "duckdb:///", "file:"])
@pytest.mark.parametrize("name", KEYS)
def test_a_key_of_a_file_is_refused_by_name(scheme: str, name: str) -> None:
    with pytest.raises(DatabaseError, match=f"parameter {name}") as refused:
        parse_url(f"{scheme}club.db?mode=ro&{name}=hush-hush", "the test")
    assert "hush" not in refused.value.message


def test_other_parameters_of_a_file_are_left_to_its_application() -> None:
    assert str(parse_url("file:club.db?connection_limit=1&mode=ro&foreign_keys=on", "the test").path) == "club.db"
