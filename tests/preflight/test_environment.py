"""The part "environment" of a preflight, on real databases."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

import recon
from recon.database import parse_url
from recon.model import Outcome, Verdict
from recon.preflight.environment import clock_check, named_check
from recon.profile import load_profile

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mysql import MysqlServer
    from postgres import Cluster

    from recon.demo import DemoPaths
    from recon.model import Assessment, Check

READER = "reader_of_preflight"


def assessed(url: str, **options: Any) -> Assessment:
    given: dict[str, Any] = {"parts": ["environment"], "environment": {"DATABASE_URL": url}, **options}
    return recon.run_preflight(recon.PreflightOptions(**given))


def checks(assessment: Assessment) -> dict[str, Check]:
    return {check.id: check for check in assessment.checks}


def outcomes(assessment: Assessment) -> dict[str, str]:
    return {check.id: str(check.outcome) for check in assessment.checks}


def facts(assessment: Assessment) -> dict[str, str]:
    return {fact.label: fact.value for part in assessment.parts for fact in part.facts}


@pytest.mark.parametrize(
    "url, target, outcome",
    [
        ("postgresql://u@localhost/club", "localhost", "PASS"),
        ("postgresql://u@127.0.0.1/club", "localhost", "PASS"),
        ("postgresql:///club?host=/run/postgresql", "localhost", "PASS"),
        ("postgresql://u@db.staging.club.org/club", "staging", "PASS"),
        ("postgresql://u@db-PROD.club.org/club", "production", "PASS"),
        ("mysql://u@db.club.org/club_production", "production", "PASS"),
        ("postgresql://u@localhost/club_prod", "production", "WARN"),
        ("postgresql://u@db.club.org/club", "production", "WARN"),
        ("postgresql://u@staging.club.org,prod.club.org/club", "production", "WARN"),
        ("sqlite:///club.db", "localhost", "PASS"),
        ("sqlite:///prod.db", "production", "WARN"),
    ],
)
def test_none_or_several_environments_are_treated_as_production(url: str, target: str, outcome: str) -> None:
    check = named_check(parse_url(url, "here"), load_profile())
    assert (check.actual, check.outcome) == (target, outcome)


def test_another_environment_than_the_one_that_is_meant_fails() -> None:
    url = parse_url("postgresql://u@db.club.org/club", "here")
    assert named_check(url, load_profile(), "production").outcome is Outcome.WARN
    check = named_check(url, load_profile(), "staging")
    assert (check.outcome, check.expected, check.actual) == (Outcome.FAIL, "staging", "production")
    assert named_check(url, load_profile(), "prod").outcome is Outcome.WARN
    for unknown in ("", "sandbox", "productions"):
        with pytest.raises(recon.ReconError, match=r"no such environment \(--expect\)"):
            named_check(url, load_profile(), unknown)


def test_a_profile_names_its_own_environments(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text('name = "own"\n[environments]\nlive = "db.club.org"\nplay = ["*.play"]\n', encoding="utf-8")
    check = named_check(parse_url("postgresql://u@DB.club.org/x", "here"), load_profile(file))
    assert (check.outcome, check.actual) == (Outcome.PASS, "live")
    file.write_text('name = "own"\n[environments]\nlive = [3]\n', encoding="utf-8")
    with pytest.raises(recon.ReconError, match=r"environments\.live\): expected a pattern or a list of patterns"):
        load_profile(file)


def test_a_file_that_an_import_has_filled(clean: DemoPaths) -> None:
    assessment = assessed(str(clean.database))
    assert outcomes(assessment) == {
        "environment_named": "PASS",
        "database_reachable": "PASS",
        "connection_encrypted": "PASS",
        "tables_present": "PASS",
        "verify_rights": "PASS",
        "statuses_seeded": "PASS",
        "tiers_seeded": "PASS",
        "leftovers": "WARN",
    }
    assert "1 recorded run" in checks(assessment)["leftovers"].message
    assert facts(assessment)["Rows now"] == "60 members, 12 events, 150 registrations"


def test_what_is_not_seeded_fails_and_says_how_to_seed(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as database:
        database.execute('delete from "MembershipTier"')
        database.execute('drop table "MembershipStatus"')
        database.execute('delete from "WaIdMapping"')
        database.execute('delete from "AuditLog"')
        database.commit()
    found = checks(assessed(str(demo.database)))
    assert found["tiers_seeded"].outcome is Outcome.FAIL
    assert "PROSPECT, NEWCOMER" in found["tiers_seeded"].guidance.action
    assert found["statuses_seeded"].outcome is Outcome.WARN
    assert found["leftovers"].outcome is Outcome.PASS


def test_a_missing_table_fails_and_hides_nothing_else(demo: DemoPaths) -> None:
    with closing(sqlite3.connect(demo.database)) as database:
        database.execute('drop table "EventRegistration"')
    found = checks(assessed(str(demo.database)))
    assert found["tables_present"].outcome is Outcome.FAIL
    assert "'EventRegistration'" in found["tables_present"].message
    assert found["verify_rights"].outcome is Outcome.PASS
    assert "tiers_seeded" not in found


def test_a_database_that_does_not_answer_is_not_evaluated() -> None:
    assessment = assessed("postgresql://u@127.0.0.1:1/club")
    assert outcomes(assessment) == {"environment_named": "PASS", "database_reachable": "ERROR"}
    assert assessment.verdict is Verdict.INCOMPLETE


def test_no_database_named_is_not_evaluated() -> None:
    assessment = assessed("")
    assert outcomes(assessment) == {"environment_evaluated": "ERROR"}
    assert "DATABASE_URL" in checks(assessment)["environment_evaluated"].message


def test_postgresql_says_what_the_role_may_do(cluster: Cluster, postgres_club: Callable[[str], str]) -> None:
    url = postgres_club("newer")
    owner = assessed(url)
    assert outcomes(owner)["role_writes"] == "WARN"
    assert "a superuser" in facts(owner)["Role"]
    assert facts(owner)["Rollback"] == "this role has the rights for one"
    assert {outcomes(owner)[name] for name in ("clocks_agree", "constraints_validated")} == {"PASS"}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"create role {READER} login password 'preflight-reads-only'")
        try:
            connection.execute(f'grant select on "Member", "Event" to {READER}')
            connection.execute('alter table "Event" add constraint capacious check (capacity > 0) not valid')
            name = parse_url(url, "here").name
            reader = assessed(cluster.url(name, READER, "preflight-reads-only"))
        finally:
            connection.execute(f"drop owned by {READER}")
            connection.execute(f"drop role {READER}")
    assert outcomes(reader)["role_writes"] == "PASS"
    assert outcomes(reader)["verify_rights"] == "FAIL"
    lacking = checks(reader)["verify_rights"].violations["table"].to_list()
    assert "EventRegistration" in lacking
    assert "Member" not in lacking
    assert "lacks DELETE or UPDATE" in facts(reader)["Rollback"]
    constraints = checks(reader)["constraints_validated"]
    assert (constraints.outcome, constraints.message) == (Outcome.WARN, "1 not validated: Event.capacious")
    assert outcomes(reader)["environment_evaluated"] == "ERROR"


def test_mysql_says_what_the_account_may_do(mysql_club: Callable[[], str], mysql_server: MysqlServer) -> None:
    url = mysql_club()
    assessment = assessed(url)
    assert outcomes(assessment)["role_writes"] == "WARN"
    assert outcomes(assessment)["clocks_agree"] == "PASS"
    name = parse_url(url, "here").name
    account = f"'{READER}'@'%'"
    try:
        mysql_server.execute(
            None,
            f"create user {account} identified by 'preflight-reads-only'",
            f"grant select on `{name}`.* to {account}",
        )
        reader = assessed(mysql_server.url(name, READER, "preflight-reads-only"))
    finally:
        mysql_server.execute(None, f"drop user {account}")
    assert {outcomes(reader)[name] for name in ("role_writes", "verify_rights")} == {"PASS"}
    assert "lacks DELETE or UPDATE" in facts(reader)["Rollback"]


@pytest.mark.parametrize(
    "ahead_s, waited_s, outcome",
    [
        *((0, 0, "PASS"), (4, 0, "PASS"), (-4, 0, "PASS"), (7, 0, "WARN"), (-6, 0, "WARN"), (70, 0, "FAIL")),
        *((-61, 0, "FAIL"), (70, 69, "PASS"), (-61, 60, "FAIL")),
    ],
)
def test_clocks_apart_are_judged_by_how_far(ahead_s: float, waited_s: float, outcome: str) -> None:
    assert clock_check(ahead_s, waited_s).outcome == outcome
