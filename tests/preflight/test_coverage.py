from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest
from migrated_databases import migrate
from rowing import PROFILE, rowing_sqlite
from support import verify_url

import recon
from recon.model import Outcome
from recon.preflight.coverage import Coverage, check_profile
from recon.report.coverage import coverage_lines

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

OWN_RULE = """
name: own
expectations:
- type: expect_no_violations
  severity: critical
  description: Nobody limps.
  kwargs:
    sql: select 1 where false
  meta:
    id: shoes
    title: Shoes
    category: own
    requires: [{reference}]
    when_missing: {{outcome: WARN, message: "No shoes: {{missing}}"}}
    messages: {{pass: Good, fail: Bad}}
    meaning: Bad
    action: Look
"""


def foreseen(coverage: Coverage) -> dict[str, tuple[Outcome | None, str]]:
    """What is not simply evaluated."""
    return {rule.title: (rule.outcome, rule.message) for rule in coverage.rules if rule.outcome}


def absent(coverage: Coverage) -> set[str]:
    """Canonical tables and columns that are absent."""
    tables = {table.name for table in coverage.tables if table.absence}
    return tables | {f"{t.name}.{c.name}" for t in coverage.tables for c in t.columns if c.absence}


def edited(tmp_path: Path, *edits: tuple[str, str]) -> Path:
    text = PROFILE.read_text(encoding="utf-8")
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    file = tmp_path / "own.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_built_in_profile_covers_the_newer_generation(demo: DemoPaths) -> None:
    coverage = check_profile(database=str(demo.database))
    assert (coverage.profile, coverage.refusal, coverage.is_whole) == ("murmurant", None, True)
    assert absent(coverage) == {"policies"}
    assert len(coverage.rules) == 18


@pytest.mark.parametrize("generation", ["newer", "older", "oldest"])
def test_what_is_foreseen_is_what_verify_finds(
    generation: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate("postgresql", demo, request, generation)
    coverage = check_profile(environment={"DATABASE_URL": migration.address})
    verification = migration.verify()
    found = {check.name: check.outcome for check in verification.checks if check.outcome is not Outcome.PASS}
    assert {title: outcome for title, (outcome, _) in foreseen(coverage).items()} == found
    assert coverage.is_whole == (not found)
    types = {c.source_name: c.type for table in coverage.tables for c in table.columns}
    assert (types["id"], types["joinedAt"], types["isPublished"]) == ("uuid", "timestamp", "boolean")


def test_every_absence_is_reported_with_its_reason(tmp_path: Path) -> None:
    own = edited(
        tmp_path, ('"levels"', '"grades"'), ("required = true", ""), ('"local_id"', '"no"'), ('"mail"', '"no"')
    )
    coverage = check_profile(own, str(rowing_sqlite(tmp_path)))
    reasons = {t.name: t.absence for t in coverage.tables} | {
        f"{t.name}.{c.name}": c.absence for t in coverage.tables for c in t.columns
    }
    assert reasons["tiers"] == "the database has no table 'grades'"
    assert reasons["statuses"] == "the profile names none"
    assert reasons["members.email"] == "the table 'contacts' has no column 'no'"
    assert reasons["members.level"] == "the profile names none"
    assert reasons["members.id"] is None
    tiers = (Outcome.WARN, "Tiers are not recorded: the database has no table 'grades'")
    assert foreseen(coverage) == {
        "Tier Distribution": tiers,
        "Tier Coverage": tiers,
        "Duplicate ID Mappings": (
            Outcome.WARN,
            "It cannot pass, but violations count: the table 'external_ids' has no column 'no'",
        ),
        "Altered Records": (
            Outcome.WARN,
            "Not evaluated: members.email cannot be compared: the table 'contacts' has no column 'no'",
        ),
        "Tier Mapping": (Outcome.WARN, "Not compared: the database has no table 'grades'"),
        "ID Mappings": (
            Outcome.WARN,
            "ID mappings are not recorded: the table 'external_ids' has no column 'no'",
        ),
        "Duplicate Addresses": (Outcome.WARN, "Not compared: the table 'contacts' has no column 'no'"),
    }


def test_a_database_that_verify_refuses_is_covered_by_nothing(tmp_path: Path) -> None:
    path = rowing_sqlite(tmp_path)
    own = edited(tmp_path, ('"bookings"', '"nowhere"'))
    coverage = check_profile(own, str(path))
    assert coverage.refusal is not None
    assert "no table 'nowhere'" in coverage.refusal
    assert {rule.outcome for rule in coverage.rules} == {Outcome.ERROR}
    with pytest.raises(recon.ReconError) as refusal:
        verify_url(PROFILE.parent / "bundle", str(path), profile=own)
    assert refusal.value.message == coverage.refusal


def test_a_profile_that_is_not_whole_is_explained_all_the_same(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text(PROFILE.read_text(encoding="utf-8").partition("[tables.registrations]")[0], encoding="utf-8")
    coverage = check_profile(own, str(rowing_sqlite(tmp_path)))
    assert coverage.refusal is not None
    assert "for registrations, found none" in coverage.refusal
    assert not coverage.is_whole
    assert {"registrations", "runs", "tiers"} <= absent(coverage)


@pytest.mark.parametrize(
    "reference", ["target.members.shoe_size", "target.tiers.size", "target.shoes", "target.shoes.size"]
)
def test_a_rule_that_needs_what_recon_does_not_have_is_refused_up_front(reference: str, tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text(OWN_RULE.format(reference=reference), encoding="utf-8")
    path = str(rowing_sqlite(tmp_path))
    with pytest.raises(recon.ReconError) as checked:
        check_profile(PROFILE, path, expectations=[tmp_path])
    with pytest.raises(recon.ReconError) as verified:
        verify_url(PROFILE.parent / "bundle", path, profile=PROFILE, expectations=[tmp_path])
    assert verified.value.message == checked.value.message
    assert repr(reference) in checked.value.message
    assert "own.yaml" in checked.value.message


def test_no_row_is_read(tmp_path: Path) -> None:
    path = rowing_sqlite(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("update contacts set given_name = cast(x'fffe' as text), member_since = 'never'")
    assert check_profile(PROFILE, str(path)).is_whole


def test_the_lines_name_tables_columns_checks_and_what_is_lacking(tmp_path: Path) -> None:
    own = edited(tmp_path, ('tier_id = "level_no"', ""), ('table = "import_log"', 'table = "no_log"'))
    lines = list(coverage_lines(check_profile(own, str(rowing_sqlite(tmp_path)))))
    text = "\n".join(lines)
    assert "\nmembers           \x1b[1mcontacts\x1b[0m, rows whose kind is 'member'\n" in text
    assert "\n  email           mail             text\n" in text
    assert "\nruns              \x1b[33m- the database has no table 'no_log'\x1b[0m\n" in text
    assert "\n  Member Count            \x1b[32mcan be evaluated\x1b[0m\n" in text
    assert "\n  Run ID Match            \x1b[33mWARN\x1b[0m: The run is not recorded: " in text
    assert lines[-1].startswith("14 of 18 checks can be evaluated")


def test_names_of_a_hostile_catalogue_reach_no_terminal(tmp_path: Path) -> None:
    path = rowing_sqlite(tmp_path)
    with sqlite3.connect(path) as connection:
        connection.execute("alter table contacts rename column mail to 'm\x1b[2Jail'")
    own = edited(tmp_path, ('"mail"', '"m\\u001b[2Jail"'))
    lines = "\n".join(coverage_lines(check_profile(own, str(path))))
    assert "m\\x1b[2Jail" in lines
    assert "\x1b[2J" not in lines
