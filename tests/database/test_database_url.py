from __future__ import annotations

import string
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support import run_in_process

import recon
from recon.database import DatabaseUrl, parse_url, resolve_database
from recon.errors import DatabaseError, ReconError, UsageError

if TYPE_CHECKING:
    from recon.demo import DemoPaths

SOURCE = "environment variable CLUB"
SECRET = "Xy7Secret"  # noqa: S105 - made up, to be searched for
PRISMA = "?schema=app&connection_limit=5&pgbouncer=true&sslmode=disable&pool_timeout=10"
SPECIAL = "#@/:?%&=+ \"'\\[]{}|^`<>;,$!*()~-_.ü€😀"


def postgresql(password: str, *, user: str = "Quentin") -> str:
    """A URL with the password as it is; whether that is a URL at all is the test's affair."""
    return f"postgresql://{user}:{password}@kiwi.example:6543/clubdb"


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "POSTGRESQL"])
def test_a_postgresql_url_has_all_its_parts(scheme: str) -> None:
    url = parse_url(f"{scheme}://Quentin:{SECRET}@kiwi.example:6543/clubdb", SOURCE)
    assert (url.kind, url.host, url.port, url.name) == ("postgresql", "kiwi.example", 6543, "clubdb")
    assert (url.user, url.password, url.schema, dict(url.parameters)) == ("Quentin", SECRET, None, {})


@pytest.mark.parametrize(
    "text, host, port, name, user",
    [
        pytest.param("postgresql://kiwi.example/clubdb", "kiwi.example", 5432, "clubdb", "", id="no user, no port"),
        pytest.param("postgresql://u@kiwi.example", "kiwi.example", 5432, "u", "u", id="no name: the user's"),
        pytest.param("postgresql://u:p@[::1]:6543/clubdb", "::1", 6543, "clubdb", "u", id="IPv6"),
        pytest.param("postgresql://u:p@[fe80::1]/clubdb", "fe80::1", 5432, "clubdb", "u", id="IPv6, no port"),
        pytest.param("postgresql:///clubdb", "", 5432, "clubdb", "", id="no host"),
        pytest.param("postgresql:///clubdb?host=/run/pg", "/run/pg", 5432, "clubdb", "", id="host parameter"),
        pytest.param("postgresql:///clubdb?host=/run/pg&port=6543", "/run/pg", 6543, "clubdb", "", id="port parameter"),
        pytest.param("postgresql://a:6543/clubdb?host=h", "h", 6543, "clubdb", "", id="host parameter, port"),
        pytest.param("postgresql:///clubdb?host=h&user=u", "h", 5432, "clubdb", "u", id="user parameter"),
        pytest.param("postgresql://u@%2Frun%2FPG/clubdb", "/run/PG", 5432, "clubdb", "u", id="socket as host"),
        pytest.param("postgresql://u@h/club%20db", "h", 5432, "club db", "u", id="blank in the name"),
        pytest.param("postgresql://u@h/club%2Fdb%40home", "h", 5432, "club/db@home", "u", id="encoded name"),
        pytest.param("postgresql://mem%40ber:p@h/clubdb", "h", 5432, "clubdb", "mem@ber", id="encoded user"),
    ],
)
def test_every_usual_form_of_a_postgresql_url_is_understood(
    text: str, host: str, port: int, name: str, user: str
) -> None:
    url = parse_url(text, SOURCE)
    assert (url.host, url.port, url.name, url.user) == (host, port, name, user)


@pytest.mark.parametrize("scheme", ["mysql", "MySQL", "mariadb", "mysql2", "mysql+pymysql", "mariadb+pymysql"])
def test_a_mysql_url_has_all_its_parts(scheme: str) -> None:
    url = parse_url(f"{scheme}://Quentin:{quote(SPECIAL, safe='')}@kiwi.example/clubdb?ssl-mode=REQUIRED&x=1", SOURCE)
    assert (url.kind, url.host, url.port, url.name) == ("mysql", "kiwi.example", 3306, "clubdb")
    assert (url.user, url.password, dict(url.parameters)) == ("Quentin", SPECIAL, {"ssl-mode": "REQUIRED"})


@pytest.mark.parametrize("driver", ["adbc", "connectorx"])
def test_a_postgresql_url_may_choose_the_driver(driver: str) -> None:
    assert parse_url(f"{postgresql(SECRET)}?driver={driver}", SOURCE).driver == driver


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_driver_that_is_unknown_is_refused_without_being_repeated(scheme: str) -> None:
    with pytest.raises(DatabaseError, match=r"expected (adbc or )?connectorx") as refusal:
        parse_url(f"{scheme}://Quentin:{SECRET}@kiwi.example/clubdb?driver={SECRET}", SOURCE)
    assert SECRET not in refusal.value.message


@pytest.mark.parametrize(
    "text, path",
    [
        pytest.param("duckdb:///relative.duckdb", "relative.duckdb", id="three slashes: relative"),
        pytest.param("duckdb:////folder/absolute.db", "/folder/absolute.db", id="four slashes: absolute"),
        pytest.param("DuckDB:///my%20club%3F.db?x=1", "my club?.db", id="encoded, with parameters"),
        pytest.param("./folder/club.duckdb", "folder/club.duckdb", id="bare, by its name"),
    ],
)
def test_every_form_of_a_duckdb_address_names_its_file(text: str, path: str) -> None:
    url = parse_url(text, SOURCE)
    assert (url.kind, url.path) == ("duckdb", Path(path))


def test_a_file_is_known_by_what_it_begins_with(tmp_path: Path) -> None:
    (tmp_path / "a.db").write_bytes(b"12345678DUCK")
    (tmp_path / "b.duckdb").write_bytes(b"SQLite format 3\0")
    kinds = [parse_url(str(tmp_path / name), SOURCE).kind for name in ("a.db", "b.duckdb")]
    assert kinds == ["duckdb", "sqlite"]


def test_parameters_of_the_application_are_used_or_dropped() -> None:
    url = parse_url(postgresql(SECRET) + PRISMA, SOURCE)
    assert url.schema == "app"
    assert dict(url.parameters) == {"sslmode": "disable"}


def test_an_empty_schema_is_the_servers_default() -> None:
    assert parse_url(postgresql(SECRET) + "?schema=", SOURCE).schema is None


@pytest.mark.parametrize("character", SPECIAL)
def test_an_encoded_password_keeps_every_special_character(character: str) -> None:
    password = f"{character}pass{character}word{character}"
    assert parse_url(postgresql(quote(password, safe="")) + PRISMA, SOURCE).password == password


@pytest.mark.parametrize("character", ":&=+ !$*;,'()~")
def test_characters_that_separate_nothing_may_stand_as_they_are(character: str) -> None:
    assert parse_url(postgresql(f"pass{character}word"), SOURCE).password == f"pass{character}word"


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1))
def test_any_encoded_password_arrives_as_it_is(password: str) -> None:
    assert parse_url(postgresql(quote(password, safe="")), SOURCE).password == password


@pytest.mark.parametrize(
    "password",
    [
        *[pytest.param(f"{SECRET}{c}Zz9Tail", id=c) for c in "#@/?%[]"],
        pytest.param(f"{SECRET}%zz", id="percent and no number"),
        pytest.param("77/88?99Zz9Tail", id="digits, slash, question mark: looks like a port and a name"),
        pytest.param("p@77/88?99Zz9Tail", id="at sign, digits, slash: looks like a host and a port"),
        pytest.param(f"{SECRET}\nZz9Tail", id="line break"),
        pytest.param(f"{SECRET}\tZz9Tail", id="tab"),
        pytest.param(f"{SECRET}%00Zz9Tail", id="encoded NUL, which no password holds"),
        pytest.param(f"{SECRET}%FFZz9Tail", id="encoded byte that is not UTF-8"),
        pytest.param(f"{SECRET}\udcffZz9Tail", id="byte that is not UTF-8"),
    ],
)
def test_a_password_that_is_not_encoded_is_refused_without_a_word_of_the_url(password: str) -> None:
    with pytest.raises(DatabaseError, match="percent-encoded") as refusal:
        parse_url(postgresql(password), SOURCE)
    assert SOURCE in refusal.value.message
    assert not [p for p in ("Quentin", SECRET, "Zz9", "77", "88", "kiwi", "clubdb") if p in refusal.value.message]
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("postgresql://", id="nothing"),
        pytest.param("postgresql://Quentin@kiwi.example:port/clubdb", id="port in letters"),
        pytest.param("postgresql://Quentin@kiwi.example:0/clubdb", id="port 0"),
        pytest.param("postgresql://Quentin@kiwi.example:70000/clubdb", id="port too high"),
        pytest.param(f"postgresql:Quentin:{SECRET}@kiwi.example/clubdb", id="no slashes"),
        pytest.param(f"postgres:/Quentin:{SECRET}@kiwi.example/clubdb", id="one slash"),
        pytest.param(f"postgresql://Quentin:{SECRET}@[::1/clubdb", id="bracket left open"),
    ],
)
def test_what_is_no_postgresql_url_is_refused(text: str) -> None:
    with pytest.raises(DatabaseError, match="cannot be parsed") as refusal:
        parse_url(text, SOURCE)
    assert not [part for part in ("Quentin", SECRET, "kiwi", "clubdb") if part in refusal.value.message]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"Quentin:{SECRET}@kiwi.example:5432/clubdb", id="scheme forgotten"),
        pytest.param(f"//Quentin:{SECRET}@kiwi.example/clubdb", id="scheme cut off"),
        pytest.param(f"postgres//Quentin:{SECRET}@kiwi.example/clubdb", id="colon forgotten"),
        pytest.param(f"host=kiwi.example user=Quentin password={SECRET} dbname=clubdb", id="keywords of libpq"),
        pytest.param(f"oracle://Quentin:{SECRET}@kiwi.example/clubdb", id="another database"),
        pytest.param(f"DATABASE_URL=postgresql://Quentin:{SECRET}@kiwi.example/clubdb", id="with the variable's name"),
    ],
)
def test_a_url_of_another_form_ends_in_an_error_without_the_password(text: str, demo: DemoPaths) -> None:
    with pytest.raises(ReconError) as refusal:
        recon.verify(recon.VerifyOptions(bundle=demo.bundle, environment={"DATABASE_URL": text}))
    assert SECRET not in refusal.value.message


def test_an_unsupported_scheme_is_named_beside_the_supported_forms() -> None:
    with pytest.raises(DatabaseError, match=r"sqlite:///relative\.db") as refusal:
        parse_url(f"oracle://Quentin:{SECRET}@kiwi.example/clubdb", SOURCE)
    assert "'oracle'" in refusal.value.message
    assert not [part for part in ("Quentin", SECRET, "kiwi", "clubdb") if part in refusal.value.message]


@pytest.mark.parametrize(
    "text, path",
    [
        pytest.param("sqlite:///relative.db", "relative.db", id="three slashes: relative"),
        pytest.param("sqlite:///./folder/x.db", "folder/x.db", id="relative with a dot"),
        pytest.param("sqlite:////folder/absolute.db", "/folder/absolute.db", id="four slashes: absolute"),
        pytest.param("SQLITE:///relative.db", "relative.db", id="capitals"),
        pytest.param("sqlite:///my%20club%3F.db", "my club?.db", id="encoded"),
        pytest.param("sqlite:///relative.db?mode=rw", "relative.db", id="with parameters"),
        pytest.param("file:./dev.db", "dev.db", id="file, relative"),
        pytest.param("file:dev.db", "dev.db", id="file, relative without a dot"),
        pytest.param("file:/folder/dev.db", "/folder/dev.db", id="file, absolute"),
        pytest.param("file:///folder/dev.db", "/folder/dev.db", id="file, absolute with an empty host"),
        pytest.param("file:./my%20dev.db", "my dev.db", id="file, encoded"),
        pytest.param("file:./dev.db?connection_limit=1", "dev.db", id="file, with parameters"),
        pytest.param("./folder/club.db", "folder/club.db", id="bare, relative"),
        pytest.param("/folder/club.db", "/folder/club.db", id="bare, absolute"),
        pytest.param("50%20off#?.db", "50%20off#?.db", id="bare: nothing is decoded"),
    ],
)
def test_every_form_of_a_sqlite_address_names_its_file(text: str, path: str) -> None:
    url = parse_url(text, SOURCE)
    assert (url.kind, url.path) == ("sqlite", Path(path))


@pytest.mark.parametrize("text", ["sqlite://", "sqlite:///", "file:", "file:?mode=ro"])
def test_a_sqlite_address_without_a_file_is_refused(text: str) -> None:
    with pytest.raises(DatabaseError, match="names no file"):
        parse_url(text, SOURCE)


@pytest.mark.parametrize("quotes", ['"{}"', "'{}'", "  {}\n", '\t"{}"\r\n'], ids=["double", "single", "blank", "both"])
def test_quotes_and_blanks_around_a_url_are_no_part_of_it(quotes: str) -> None:
    assert parse_url(quotes.format(postgresql("p%22")), SOURCE) == parse_url(postgresql("p%22"), SOURCE)
    assert parse_url(quotes.format("file:./dev.db"), SOURCE) == parse_url("file:./dev.db", SOURCE)


def test_neither_user_nor_password_shows_in_repr_or_label() -> None:
    url = parse_url(postgresql(SECRET) + f"?options={SECRET}", SOURCE)
    assert SECRET not in repr(url)
    assert "Quentin" not in repr(url)
    assert url.label == "database 'clubdb' on kiwi.example:6543"


def test_the_password_is_taken_out_of_a_drivers_message() -> None:
    url = parse_url(postgresql(quote(f"{SECRET}#1", safe="")), SOURCE)
    assert url.redact(f"no entry for Quentin with {SECRET}#1 here") == "no entry for Quentin with *** here"


def test_without_a_password_a_drivers_message_stays_as_it_is() -> None:
    assert parse_url("postgresql://kiwi.example/clubdb", SOURCE).redact("no entry") == "no entry"


SEPARATORS = st.text(st.sampled_from(":/@?#[]% &=1"), max_size=6)
WORDS = st.text(st.sampled_from(string.ascii_letters + string.digits + ":/@?#[]%&=. \"'ü"), max_size=12)


@given(
    st.sampled_from(["postgresql", "postgres", "mysql", "mariadb", "oracle", "x y"]),
    WORDS,
    SEPARATORS,
    SEPARATORS,
    WORDS,
)
@example("postgresql", "u", "1/", "?x", "h/db")
@example("postgresql", "u", "p@1/", "?x", "h/db")
def test_whatever_follows_the_scheme_the_password_is_never_shown(
    scheme: str, user: str, before: str, after: str, rest: str
) -> None:
    text = f"{scheme}://{user}:{before}{SECRET}{after}@{rest}"
    shown = shown_of(text)
    assert SECRET not in shown


def shown_of(text: str) -> str:
    """All that recon may print of a URL that it accepts or refuses."""
    try:
        url = parse_url(text, SOURCE)
    except ReconError as error:
        return error.message + repr(error)
    return url.label + repr(url)


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=80))
@example("postgresql://[")
@example("file:" + "x" * 5000)
def test_any_text_is_a_url_or_an_error_of_ours(text: str) -> None:
    assert shown_of(text)


def test_the_default_variable_is_database_url() -> None:
    url = resolve_database(None, {"DATABASE_URL": postgresql(SECRET), "OTHER": "file:x.db"})
    assert (url.kind, url.password) == ("postgresql", SECRET)


@pytest.mark.parametrize("name", ["CLUB_URL", "club_url"])
def test_the_option_may_name_another_variable(name: str) -> None:
    url = resolve_database(name, {"DATABASE_URL": "file:x.db", name: postgresql(SECRET)})
    assert (url.kind, url.password) == ("postgresql", SECRET)


@pytest.mark.parametrize(
    "option, environment, found",
    [
        pytest.param(None, {}, "found nothing", id="default not set"),
        pytest.param(None, {"DATABASE_URL": "  "}, "found an empty value", id="default blank"),
        pytest.param("CLUB_URL", {}, "found nothing", id="named one not set"),
        pytest.param("CLUB_URL", {"CLUB_URL": ""}, "found an empty value", id="named one empty"),
    ],
)
def test_a_variable_that_holds_nothing_is_named(option: str | None, environment: dict[str, str], found: str) -> None:
    with pytest.raises(UsageError, match=found) as refusal:
        resolve_database(option, environment)
    assert (option or "DATABASE_URL") in refusal.value.message


def test_the_option_may_be_a_sqlite_file(demo: DemoPaths) -> None:
    assert resolve_database(str(demo.database), {}) == DatabaseUrl("sqlite", path=demo.database)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"%s", id="plain"),
        pytest.param(b"%s\n", id="line break at the end"),
        pytest.param(b"  '%s'\r\n", id="quotes, Windows' line break"),
        pytest.param(b"\xef\xbb\xbf%s\n", id="byte order mark"),
    ],
)
@pytest.mark.parametrize("text", [postgresql("a%40b"), "file:./dev.db"], ids=["postgresql", "file"])
def test_the_option_may_be_a_file_that_holds_a_url(content: bytes, text: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_bytes(content % text.encode())
    assert resolve_database(str(file), {}) == parse_url(text, SOURCE)


def test_a_wrong_url_in_a_file_is_refused_by_the_files_name(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text(postgresql(f"{SECRET}#"), encoding="utf-8")
    with pytest.raises(DatabaseError, match="secret") as refusal:
        resolve_database(str(file), {})
    assert SECRET not in refusal.value.message


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(postgresql(SECRET), id="beside the user"),
        pytest.param(f"postgresql://Quentin@kiwi.example/clubdb?password={SECRET}", id="as parameter"),
        pytest.param(postgresql(f"{SECRET}#"), id="not encoded"),
        pytest.param(f"Quentin:{SECRET}@kiwi.example/clubdb", id="scheme forgotten"),
    ],
)
def test_a_password_on_the_command_line_is_refused_and_not_repeated(text: str, demo: DemoPaths, tmp_path: Path) -> None:
    report = tmp_path / "report.md"
    done = run_in_process("verify", "--bundle", demo.bundle, "--output", report, "--database", text)
    assert done.code == 2
    assert SECRET not in done.out + done.err + report.read_text(encoding="utf-8")


def test_a_url_without_password_may_stand_on_the_command_line() -> None:
    url = resolve_database("postgresql://Quentin@kiwi.example/clubdb", {})
    assert (url.user, url.host, url.password) == ("Quentin", "kiwi.example", "")
