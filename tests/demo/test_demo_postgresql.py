from __future__ import annotations

import re
import shlex
from itertools import count
from typing import TYPE_CHECKING

import psycopg
import pytest
from migrated_databases import APART, APART_IN_GROUPS
from support import outcomes, run_in_process, verify, verify_url

from recon.cli.demo import TYPICAL
from recon.database import parse_url
from recon.demo import FAULTS, write_demo, write_demo_to
from recon.errors import DatabaseError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from postgres import Cluster

    import recon

NAMES = count()
TABLES = (
    "select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where relkind = 'r' "
)
OWN_TABLES = TABLES + "and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' order by 1, 2"
CONSTRAINTS = "select conname from pg_constraint where contype in ('f', 'u') order by 1"
TYPES = """
select distinct case when t.typtype = 'e' then t.typname else format_type(t.oid, null) end
from pg_attribute a join pg_type t on t.oid = a.atttypid join pg_class c on c.oid = a.attrelid
where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace and a.attnum > 0 order by 1"""

ON_SERVERS = [name for name, fault in FAULTS.items() if not fault.in_sqlite_only]
TOGETHER = tuple(name for name in ON_SERVERS if name not in APART)


@pytest.fixture
def empty(cluster: Cluster) -> Iterator[Callable[[], str]]:
    """Makes an empty database; gives its URL."""
    made: list[str] = []

    def make() -> str:
        made.append(f"demo_{next(NAMES)}")
        return cluster.create_database(made[-1])

    yield make
    for name in made:
        cluster.drop_database(name)


def write(url: str, folder: Path, *faults: str, seed: int = 2024) -> Path:
    return write_demo_to(parse_url(url, "a test"), folder, seed=seed, faults=faults)


def ask(url: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(query.encode()).fetchall()


def judged(verification: recon.Verification) -> list[object]:
    """All that a verification says but where, when and in which file."""
    checks = [(c.id, c.outcome, c.message, c.detail, c.violation_count, c.escalate) for c in verification.checks]
    counts = (dict(verification.counts_bundle), dict(verification.counts_database), dict(verification.snapshot.rows))
    return [verification.run_id, checks, counts, verification.tiers, verification.policies, verification.escalation]


@pytest.mark.soak
@pytest.mark.parametrize("faults", [(), TYPICAL], ids=["clean", "typical"])
def test_the_club_is_the_same_as_in_sqlite(faults: tuple[str, ...], empty: Callable[[], str], tmp_path: Path) -> None:
    url = empty()
    bundle = write(url, tmp_path / "server", *faults)
    paths = write_demo(tmp_path / "file", faults=faults)

    on_server, in_file = verify_url(bundle, url), verify(paths)

    assert judged(on_server) == judged(in_file)
    assert on_server.verdict == ("FAILED" if faults else "PASSED")
    for name in ("migration-report.json", "policy-bundle.json", "migration-config.json"):
        assert (bundle / name).read_bytes() == (paths.bundle / name).read_bytes()


@pytest.mark.parametrize(
    "faults", [TOGETHER, *(pytest.param(each, marks=pytest.mark.soak) for each in APART_IN_GROUPS)], ids=" ".join
)
def test_every_fault_can_be_planted_and_is_found(
    faults: tuple[str, ...], empty: Callable[[], str], tmp_path: Path
) -> None:
    url = empty()

    bundle = write(url, tmp_path, *faults)

    found = outcomes(verify_url(bundle, url))
    assert {name: found[FAULTS[name].check] in ("WARN", "FAIL") for name in faults} == dict.fromkeys(faults, True)


def test_the_tables_have_the_applications_types_and_constraints(empty: Callable[[], str], tmp_path: Path) -> None:
    url = empty()
    write(url, tmp_path)
    assert {"uuid", "jsonb", "RegistrationStatus", "EventStatus", "timestamp without time zone"} <= {
        str(name) for (name,) in ask(url, TYPES)
    }
    names = {str(name) for (name,) in ask(url, CONSTRAINTS)}
    assert {name for fault in FAULTS.values() for _, name in fault.breaks} <= names


def test_a_fault_takes_no_other_constraint_away(empty: Callable[[], str], tmp_path: Path) -> None:
    whole, broken = empty(), empty()
    write(whole, tmp_path)
    write(broken, tmp_path, "unknown-tier")
    taken = set(ask(whole, CONSTRAINTS)) - set(ask(broken, CONSTRAINTS))
    assert taken == {("Member_membershipTierId_fkey",)}


@pytest.mark.parametrize(
    "statement, named",
    [
        ("create table mine (id integer)", "public.mine"),
        ("create schema other; create table other.mine (id integer)", "other.mine"),
        ("create view mine as select 1 as one", "public.mine"),
    ],
    ids=["table", "other schema", "view"],
)
def test_a_database_that_is_not_empty_is_refused(
    statement: str, named: str, empty: Callable[[], str], tmp_path: Path
) -> None:
    url = empty()
    with psycopg.connect(url) as connection:
        connection.execute(statement.encode())
    before = ask(url, OWN_TABLES)

    with pytest.raises(DatabaseError, match="only written into an empty database") as refused:
        write(url, tmp_path / "out")

    assert named in refused.value.message
    assert "nothing was changed" in refused.value.message
    assert ask(url, OWN_TABLES) == before
    assert not (tmp_path / "out").exists()


def test_it_is_never_written_twice(empty: Callable[[], str], tmp_path: Path) -> None:
    url = empty()
    write(url, tmp_path)
    with pytest.raises(DatabaseError, match=r"found 8: public\.AuditLog"):
        write(url, tmp_path, seed=7)


def test_a_bundle_that_cannot_be_written_leaves_nothing_behind(empty: Callable[[], str], tmp_path: Path) -> None:
    url, taken = empty(), tmp_path / "taken"
    taken.write_text("mine", encoding="utf-8")

    with pytest.raises(OSError, match="taken"):
        write(url, taken)

    assert ask(url, OWN_TABLES) == []
    assert ask(url, "select typname from pg_type where typtype = 'e'") == []
    assert taken.read_text(encoding="utf-8") == "mine"


def test_rows_that_are_refused_leave_nothing_behind(empty: Callable[[], str], tmp_path: Path) -> None:
    url = empty()
    with psycopg.connect(url) as connection:
        connection.execute("create domain \"EventStatus\" as text check (value = 'other')")

    with pytest.raises(DatabaseError, match="The demo cannot be written") as refused:
        write(url, tmp_path / "out")

    assert "EventStatus" in refused.value.message
    assert "\n" not in refused.value.message
    assert ask(url, OWN_TABLES) == []
    assert not (tmp_path / "out").exists()


@pytest.mark.soak
def test_the_schema_of_the_url_is_used(empty: Callable[[], str], tmp_path: Path) -> None:
    url = f"{empty()}?schema=club"

    bundle = write(url, tmp_path)

    assert {schema for schema, _ in ask(url.partition("?")[0], OWN_TABLES)} == {"club"}
    assert verify_url(bundle, url).verdict == "PASSED"


def test_a_fault_of_sqlite_alone_is_refused(empty: Callable[[], str], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="bad-value"):
        write(empty(), tmp_path, "bad-value")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.soak
def test_the_command_names_the_variable_and_what_to_run_next(empty: Callable[[], str], tmp_path: Path) -> None:
    url = empty()
    done = run_in_process("demo", "-o", tmp_path, "--database", "CLUB_URL", "--seed", "7", CLUB_URL=url)
    assert (done.code, done.err) == (0, "")
    assert "seed 7" in done.out
    assert re.search(r"^  database: database 'demo_\d+' on 127\.0\.0\.1:\d+$", done.out, flags=re.MULTILINE)
    assert url.split(":")[2].partition("@")[0] not in done.out

    printed = shlex.split(done.out.splitlines()[-1].removeprefix("Verify it: "))
    verified = run_in_process(*printed[1:], "-o", tmp_path / "report.md", CLUB_URL=url)

    assert printed[-2:] == ["--database", "CLUB_URL"]
    assert verified.code == 0
    assert "Verification PASSED" in verified.out


@pytest.mark.parametrize(
    "arguments, words",
    [
        (("--database", "NOWHERE_URL"), "environment variable NOWHERE_URL"),
        (("--database", "postgresql://u:secret@127.0.0.1/club"), "A password does not belong on the command line"),
        (("--database", "postgresql://u@127.0.0.1:1/club"), "PostgreSQL cannot be reached"),
        (("--database", "club.db"), "cannot be written to this kind of database"),
        (("--database", "X_URL", "--faults", "bad-value"), "bad-value"),
    ],
    ids=["no variable", "password", "no server", "sqlite", "fault"],
)
def test_what_cannot_be_written_is_reported_in_one_sentence(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    done = run_in_process("demo", "-o", tmp_path / "out", *arguments, X_URL="postgresql://u@127.0.0.1:1/club")
    assert (done.code, done.out) == (2, "")
    assert re.fullmatch(r"(Usage|Database) error: [^\n]+\n", done.err)
    assert words in done.err
    assert "secret" not in done.err
    assert list(tmp_path.iterdir()) == []
