from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote

import click
import pytest
from planted_secrets import MARK, PLANTED, children, recording
from postgres import SUPERUSER, Cluster
from support import execute_in_process, run_in_process, verify_url

import recon
from recon.database import parse_url
from recon.database.secrets import remember, without_secrets
from recon.errors import DatabaseError
from recon.preflight.dry_run.options import DryRunOptions
from recon.preflight.environment import EnvironmentOptions
from recon.preflight.source import SourceOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.demo import DemoPaths

SECRET = "Gx7-quiet_otter"  # noqa: S105 - made up, to be searched for
URL = f"postgresql://kiwi:{SECRET}@127.0.0.1:1/club"
# What people write for a URL, a closed port among it.
WRITTEN = (
    URL,
    f"postgres//kiwi:{SECRET}@127.0.0.1/club",
    f"postgres:/kiwi:{SECRET}@127.0.0.1/club",
    f"postgresql://127.0.0.1:1/club?user=kiwi&password={SECRET}",
    f"postgresql://kiwi:{SECRET}%@127.0.0.1:1/club",
    f"oracle://kiwi:{SECRET}@127.0.0.1:1/club",
    f"mysql://kiwi:{SECRET}@127.0.0.1:1/club",
    f"host=127.0.0.1 port=1 password={SECRET}",
    f"{SECRET}@127.0.0.1",
    f"postgresql://kiwi:{SECRET}@/club?host=127.0.0.1&port=1",
    f"postgresql:kiwi:{SECRET}@127.0.0.1/club",
    f"POSTGRESQL://kiwi:{SECRET}@127.0.0.1:port/club",
    f"postgresql://kiwi:{SECRET} word@127.0 0.1/club",
    f"postgresql://127.0.0.1:1/club?user=kiwi&sslmode=unknown&sslpassword={SECRET}",
    f"mysql://127.0.0.1:1/club?user=kiwi&password={SECRET}&ssl-mode=unknown",
    f"jdbc:postgresql://127.0.0.1:1/club?user=kiwi&password={SECRET}",
    f"jdbc:oracle:thin:kiwi/{SECRET}@127.0.0.1:1:club",
    f"host=127.0.0.1 port=1 password='{SECRET} word'",
    f"Server=127.0.0.1;Uid=kiwi;Pwd={SECRET};",
    f"md:club?motherduck_token={SECRET}",
    f"sqlite://kiwi:{SECRET}@127.0.0.1/club.db",
    f"duckdb:///club.duckdb?encryption_key={SECRET}",
    f"cloud:kiwi:{SECRET}",
)
# Signs of a password that separate parts of a URL, where they are not encoded.
SIGNS = "@/#:?%& +'"


def test_no_option_object_shows_the_environment() -> None:
    options = recon.VerifyOptions("bundle", database=URL, environment={"DATABASE_URL": URL})
    assert "bundle" in repr(options)
    assert SECRET not in repr(options) + repr(recon.RunOptions(options))


@pytest.mark.parametrize("written", WRITTEN)
def test_no_trace_shows_the_password_of_a_variable(written: str, clean: DemoPaths) -> None:
    done = run_in_process("verify", "-b", clean.bundle, DATABASE_URL=written, RECON_TRACEBACK="1")
    assert (done.code, "Traceback" in done.err) == (2, True)
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("written", WRITTEN)
def test_no_trace_shows_the_password_of_an_option_or_of_a_file(written: str, clean: DemoPaths, tmp_path: Path) -> None:
    file = tmp_path / "url"
    file.write_text(written, encoding="utf-8")
    for database in (written, file):
        done = run_in_process("verify", "-b", clean.bundle, "--database", database, RECON_TRACEBACK="1")
        assert (done.code, "Traceback" in done.err) == (2, True)
        assert SECRET not in done.out + done.err


def test_no_trace_shows_a_word_that_is_all_of_a_variable(clean: DemoPaths) -> None:
    """A password that was exported under the name of the URL is not taken for the name of a file and shown."""
    done = run_in_process("verify", "-b", clean.bundle, DATABASE_URL=SECRET, RECON_TRACEBACK="1")
    assert (done.code, "Traceback" in done.err) == (2, True)
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("scheme", ["postgresql", "MySQL", "jdbc:postgresql"])
@pytest.mark.parametrize("sign", SIGNS)
def test_no_part_of_a_password_is_shown_whether_it_is_encoded_or_not(
    sign: str, scheme: str, clean: DemoPaths, monkeypatch: pytest.MonkeyPatch
) -> None:
    password = f"Gx7zq{sign}otter9"
    for spelled in {password, quote(password, safe="")}:
        # What one spelling taught must not help the other.
        monkeypatch.setattr("recon.database.secrets._known", set())
        url = f"{scheme}://kiwi:{spelled}@127.0.0.1:1/club"
        done = run_in_process("verify", "-b", clean.bundle, DATABASE_URL=url, RECON_TRACEBACK="1")
        assert (done.code, "Traceback" in done.err) == (2, True)
        assert [part for part in ("Gx7zq", "otter9") if part in done.out + done.err] == []


@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
def test_no_error_of_a_server_shows_the_password(driver: str, cluster: Cluster, clean: DemoPaths) -> None:
    """The password is wrong, the database is unknown, or the server knows no encryption."""
    right = cluster.url("postgres")
    place = right.rpartition("@")[2].partition("/")[0]
    wrong = f"postgresql://{SUPERUSER}:{quote(SECRET)}@{place}/postgres?driver={driver}"
    given = (wrong, f"{right.replace('/postgres', '/nowhere')}?driver={driver}", f"{right}?sslmode=require")
    for url in given:
        done = run_in_process("verify", "-b", clean.bundle, DATABASE_URL=url, RECON_TRACEBACK="1")
        assert (done.code, "Traceback" in done.err) == (2, True)
        assert SECRET not in done.out + done.err
        assert cluster.superuser_password not in done.out + done.err


@pytest.mark.parametrize("kind", ["PGPASSFILE", "PGSERVICEFILE"])
@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
def test_no_error_of_a_server_shows_a_password_of_libpq_s_files(
    kind: str, driver: str, cluster: Cluster, clean: DemoPaths, tmp_path: Path
) -> None:
    """The password comes from a file that libpq reads by itself, and is wrong."""
    place = cluster.url("postgres").rpartition("@")[2].partition("/")[0]
    file = tmp_path / "libpq"
    line = f"*:*:*:*:{SECRET}" if kind == "PGPASSFILE" else f"[kiwi]\npassword={SECRET}"
    file.write_text(f"{line}\n", encoding="utf-8")
    file.chmod(0o600)
    url = f"postgresql://{SUPERUSER}@{place}/postgres?driver={driver}"
    given = {kind: str(file), "DATABASE_URL": url, "RECON_TRACEBACK": "1"}
    done = run_in_process("verify", "-b", clean.bundle, PGSERVICE="kiwi" if kind == "PGSERVICEFILE" else "", **given)
    assert (done.code, "Traceback" in done.err) == (2, True)
    assert SECRET not in done.out + done.err


def test_the_reader_of_a_server_has_no_secret(
    postgres_club: Callable[[str], str], clean: DemoPaths, tmp_path: Path
) -> None:
    """It gets the address through a pipe: no argument and no variable of its process holds a secret."""
    url = postgres_club("newer")
    hooks, file = recording(tmp_path / "hooks")
    done = run_in_process(
        *("verify", "-b", clean.bundle, "-o", tmp_path / "report.md"),
        **PLANTED | {"DATABASE_URL": f"{url}&driver=connectorx" if "?" in url else f"{url}?driver=connectorx"},
        PYTHONPATH=hooks,
    )
    assert done.code == 0, done.err
    started = children(file, "recon.database.reader")
    assert started
    password = url.partition("://")[2].partition("@")[0].partition(":")[2]
    for words, environment in started:
        assert environment.keys().isdisjoint((*PLANTED, "DATABASE_URL"))
        assert not [text for text in (*words, *environment.values()) if MARK in text or password in text]


@pytest.mark.parametrize(
    "made",
    [
        lambda: recon.MigrateOptions(("importer", "--token", SECRET), URL, environment={"DATABASE_URL": URL}),
        lambda: recon.PreflightOptions(database=URL, wa_api_url=URL, environment={"DATABASE_URL": URL}),
        lambda: recon.BackupOptions(database=URL, environment={"DATABASE_URL": URL}),
        lambda: recon.RollbackOptions(database=URL, environment={"DATABASE_URL": URL}),
        lambda: recon.ApplyOptions("plan", "run-1", database=URL, environment={"DATABASE_URL": URL}),
        lambda: DryRunOptions("bundle", database=URL, environment={"DATABASE_URL": URL}),
        lambda: SourceOptions(api_url=URL, environment={"WA_API_KEY": SECRET}),
        lambda: EnvironmentOptions(database=URL, environment={"DATABASE_URL": URL}),
        lambda: parse_url(URL, "a test"),
    ],
)
def test_no_object_that_is_given_a_secret_shows_it(made: Callable[[], object]) -> None:
    assert SECRET not in f"{made()!r} {made()}"


@pytest.mark.parametrize(
    "words", [["--databse", URL], [f"--databse={URL}"], ["--format", URL], ["x", f"password={SECRET}"]]
)
def test_a_command_line_that_is_refused_is_not_repeated_with_a_secret(words: list[str]) -> None:
    done = run_in_process("verify", *words, RECON_TRACEBACK="1")
    assert done.code == 2
    assert SECRET not in done.out + done.err


def test_no_unexpected_error_shows_a_secret_that_is_known() -> None:
    """Neither its traceback nor the sentence in its place, whatever a library writes into its message."""

    def command() -> None:
        parse_url(URL, "a test")
        raise ValueError(f"cannot use {URL} with {SECRET}")

    done = execute_in_process(click.Command("command", callback=command), RECON_TRACEBACK="1")
    assert (done.code, "Traceback" in done.err) == (2, True)
    assert SECRET not in done.out + done.err


@pytest.mark.parametrize("written", WRITTEN)
def test_no_chain_of_errors_holds_the_password(written: str, clean: DemoPaths) -> None:
    with pytest.raises(DatabaseError) as refused:
        verify_url(clean.bundle, written)
    error: BaseException | None = refused.value
    while error:
        assert SECRET not in f"{error!r} {error}"
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    "text, shown",
    [
        (f"no entry for kiwi with {SECRET} here", "no entry for kiwi with *** here"),
        (f"in {URL}", "in ***"),
        ("in mysql://other:word@db.example/x", "in mysql://***@db.example/x"),
        ("a word of it: pear, appear", "a word of it: ***, appear"),
    ],
)
def test_what_was_given_in_a_url_is_taken_out_of_any_text(text: str, shown: str) -> None:
    remember(URL, SECRET)
    remember("mysql://me:pear@db.example/x", "pear")
    assert without_secrets(text) == shown
