"""Policies: valid by themselves, and as the application and its data have them."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import edited_club
from support import check_of, verify

from recon.errors import UsageError
from recon.profile.reading import BUILT_IN
from recon.verification.options import VerifyOptions
from recon.verification.recorded import keep_judged
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import recon
    from recon.demo import DemoPaths

MAPPING, DEFAULT, ZONE = "membership.tiers.waMapping", "membership.tiers.defaultCode", "scheduling.timezone"
SMALL = {"members": 20, "events": 24, "registrations": 20}
BY_DATA = "2 of 23 policies are as declared; 21 are valid and not compared: the profile names no settings"
TABLE = '[tables.policies]\ntable = "Setting"\n[tables.policies.columns]\nkey = "name"\nvalue = "content"\n'
COLUMN = '[tables.policies]\ntable = "Organization"\n[tables.policies.columns]\nvalue = "settings"\n'


def declared(demo: DemoPaths) -> list[dict[str, Any]]:
    file = demo.bundle / "policy-bundle.json"
    found: list[dict[str, Any]] = json.loads(file.read_text(encoding="utf-8"))["policies"]
    return found


def declare(demo: DemoPaths, change: Callable[[dict[str, dict[str, Any]]], object]) -> None:
    """Change the declared policies, by key."""
    policies = {policy["key"]: policy for policy in declared(demo)}
    change(policies)
    document = {"policies": list(policies.values())}
    (demo.bundle / "policy-bundle.json").write_text(json.dumps(document), encoding="utf-8")


def policies_of(found: recon.Verification) -> tuple[str, str]:
    check = check_of(found, "policies")
    return str(check.outcome), check.message


def results(found: recon.Verification) -> dict[str, tuple[bool | None, str | None, str | None]]:
    """Match, actual value and place by key."""
    return {policy.key: (policy.match, policy.actual, policy.where) for policy in found.policies if policy.compared}


def profile_with(folder: Path, policies: str) -> Path:
    """The built-in profile with the application's settings named."""
    text = BUILT_IN.read_text(encoding="utf-8")
    start, end = text.index("[tables.policies]"), text.index("# Where the application records")
    file = folder / "own.toml"
    file.write_text(text[:start] + policies + text[end:], encoding="utf-8")
    return file


def settings(demo: DemoPaths, values: Mapping[str, object], statement: str = "") -> None:
    """Write a table of settings, texts as they are and all else as JSON."""
    rows = [(key, value if isinstance(value, str) else json.dumps(value)) for key, value in values.items()]
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute('create table "Setting" (name text, content text)')
        connection.executemany('insert into "Setting" values (?, ?)', rows)
        if statement:
            connection.execute(statement)


def test_without_settings_the_data_prove_what_they_can(demo: DemoPaths) -> None:
    found = verify(demo)
    assert policies_of(found) == ("PASS", BY_DATA)
    compared = results(found)
    assert {key: (match, place) for key, (match, _, place) in compared.items()} == {
        MAPPING: (True, "the tiers of 59 members"),
        ZONE: (True, "the times of 12 events, read by the import in its source_timezone"),
    }
    assert compared[ZONE][1] == '"America/Los_Angeles"'


def test_a_bundle_without_policies_passes_and_says_so(demo: DemoPaths) -> None:
    (demo.bundle / "policy-bundle.json").unlink()
    found = verify(demo)
    assert policies_of(found) == ("PASS", "No policies are declared")
    assert (found.policies, found.summary.warnings) == ((), check_of(found, "tier_mapping").outcome == "WARN")


def test_policies_are_compared_by_value_with_a_table_of_settings(demo: DemoPaths, tmp_path: Path) -> None:
    """Numbers, objects and truth values in a column of texts are the same in any spelling."""
    values: dict[str, object] = {policy["key"]: policy["value"] for policy in declared(demo)}
    mapping = values[MAPPING]
    assert isinstance(mapping, dict)
    values[MAPPING] = dict(reversed(mapping.items()))
    values |= {"membership.newbieDays": "90.0", "membership.tiers.enabled": "t", DEFAULT: '"GENERAL"'}
    values["smtp.password"] = "hunter2"
    settings(demo, values)
    profile = profile_with(tmp_path, TABLE)
    found = verify(demo, profile=profile)
    assert policies_of(found) == ("PASS", "All 23 policies are as declared")
    assert {place for _, _, place in results(found).values()} == {"Setting.content"}
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute("""update "Setting" set content = '30' where name = 'membership.newbieDays'""")
        connection.execute("""insert into "Setting" values ('membership.extendedDays', '731')""")
        connection.execute("""delete from "Setting" where name = 'display.organizationName'""")
        connection.execute("""update "Setting" set content = 'US/Pacific' where name = 'scheduling.timezone'""")
    found = verify(demo, profile=profile)
    assert policies_of(found) == (
        "FAIL",
        (
            "Differs from the settings: membership.newbieDays, membership.extendedDays; not in the settings: "
            "display.organizationName"
        ),
    )
    compared = results(found)
    assert compared["membership.newbieDays"] == (False, "30", "Setting.content")
    assert compared["membership.extendedDays"] == (False, "731", "Setting.content")
    assert compared["display.organizationName"] == (False, None, "Setting.content")
    assert compared[ZONE] == (True, '"US/Pacific"', "Setting.content (another name of the same time zone)")
    assert check_of(found, "policies").violations.rows()[0] == (
        "membership.newbieDays",
        "differs from the settings",
        "90",
        "30",
        "Setting.content",
    )


def test_policies_are_compared_with_a_column_that_holds_all(demo: DemoPaths, tmp_path: Path) -> None:
    document: dict[str, Any] = {"membership": {"newbieDays": 90}, ZONE: "Asia/Tokyo"}
    profile = profile_with(tmp_path, COLUMN)
    declare(demo, lambda p: [p.pop(key) for key in list(p) if key not in ("membership.newbieDays", ZONE, MAPPING)])

    def store(*values: str) -> recon.Verification:
        with closing(sqlite3.connect(demo.database)) as connection, connection:
            connection.execute('drop table if exists "Organization"')
            connection.execute('create table "Organization" (settings text)')
            connection.executemany('insert into "Organization" values (?)', [(value,) for value in values])
        return verify(demo, profile=profile)

    found = store(json.dumps(document))
    assert policies_of(found) == (
        "FAIL",
        (
            "Differs from the settings: scheduling.timezone; not in the settings: membership.tiers.waMapping; "
            "required and missing: display.organizationName"
        ),
    )
    assert results(found)["membership.newbieDays"] == (True, "90", "Organization.settings")
    for values, why in (
        (("{}", "{}"), "Organization.settings has several rows, and the profile names no key or `only`"),
        (("[]",), "Organization.settings holds no JSON object"),
        ((), "Organization.settings holds nothing"),
    ):
        found = store(*values)
        assert found.snapshot.not_read["target.policies"] == why
        assert policies_of(found)[0] == "WARN"


def test_settings_that_are_named_and_absent_are_not_recorded(demo: DemoPaths, tmp_path: Path) -> None:
    profile = profile_with(tmp_path, TABLE)
    why = "the database has no table 'Setting'"
    found = verify(demo, profile=profile)
    assert policies_of(found) == ("WARN", f"Policies are not compared: {why}")
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute('create table "Setting" (name text)')
    found = verify(demo, profile=profile)
    assert policies_of(found) == ("WARN", "Policies are not compared: the table 'Setting' has no column 'content'")


def test_a_view_of_settings_that_cannot_be_read_leaves_them_unknown(demo: DemoPaths, tmp_path: Path) -> None:
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute("create table gone (name text, content text)")
        connection.execute('create view "Setting" as select name, content from gone')
        connection.execute("drop table gone")
    outcome, message = policies_of(verify(demo, profile=profile_with(tmp_path, TABLE)))
    assert outcome == "ERROR"
    assert message.startswith("Policies are not compared: the database refused 'Setting'")


def test_policies_are_compared_with_what_the_application_exports(demo: DemoPaths, tmp_path: Path) -> None:
    """The file takes the place of the table, a secret is shown nowhere, and a person's address is masked."""
    settings(demo, {"membership.newbieDays": 1})
    declare(
        demo,
        lambda p: p.update(
            {"x.apiKey": {"key": "x.apiKey", "value": "sk-1", "source": "manual"}},
            contact={"key": "contact", "value": "zoe.quint@example.org", "source": "manual"},
        ),
    )
    values = {policy["key"]: policy["value"] for policy in declared(demo)}
    file = tmp_path / "app.json"
    file.write_text(json.dumps({**values, "x.apiKey": "sk-2", "contact": "yan.quint@example.org"}), encoding="utf-8")
    found = verify(demo, policies=file, profile=profile_with(tmp_path, TABLE))
    assert policies_of(found) == (
        "FAIL",
        "Differs from the settings: x.apiKey, contact; unknown key: x.apiKey, contact",
    )
    assert results(found)["x.apiKey"] == (False, '"***"', "app.json")
    assert results(found)["contact"] == (False, '"y***@***"', "app.json")
    assert not {"sk-1", "sk-2"} & {cell for row in check_of(found, "policies").violations.rows() for cell in row}
    (tmp_path / "package.json").write_text('{"name": "app"}', encoding="utf-8")
    with pytest.raises(UsageError, match="none of the bundle's policies"):
        verify(demo, policies=tmp_path / "package.json")


def test_placeholders_are_counted_and_not_compared(demo: DemoPaths) -> None:
    declare(demo, lambda p: p["display.memberTermPlural"].update(source="template", value=5))
    found = verify(demo)
    assert policies_of(found) == (
        "PASS",
        (
            "2 of 22 policies are as declared; 20 are valid and not compared: the profile names no settings; "
            "placeholders that nobody filled in: 1"
        ),
    )
    declare(demo, lambda p: p[ZONE].update(source="template"))
    assert policies_of(verify(demo)) == (
        "WARN",
        "Placeholder: scheduling.timezone; placeholders that nobody filled in: 2",
    )


def test_a_mapping_and_a_default_that_members_contradict_are_told(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    policies = {policy["key"]: policy for policy in club.club.policies["policies"]}
    levels = [record["waMembershipLevel"] for record in club.records("members") if "waMembershipLevel" in record]
    often = max(set(levels), key=lambda level: (levels.count(level), level))
    right = policies[MAPPING]["value"].pop(often)
    policies[DEFAULT]["value"] = "ALUMNI" if right != "ALUMNI" else "LAPSED"
    other = next(level for level in levels if level in policies[MAPPING]["value"])
    was = policies[MAPPING]["value"][other]
    policies[MAPPING]["value"][other] = "LAPSED" if was != "LAPSED" else "ALUMNI"
    found = club.account(tmp_path).verification
    assert policies_of(found) == ("WARN", f"Not what the data show: {DEFAULT}, {MAPPING}")
    shown = {row["policy"]: row for row in check_of(found, "policies").violations.to_dicts()}
    assert json.loads(shown[MAPPING]["actual"])[other] == was
    assert shown[DEFAULT]["actual"] == json.dumps(right)


def test_a_default_tier_that_does_not_exist_is_told(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    next(each for each in club.club.policies["policies"] if each["key"] == DEFAULT)["value"] = "NOBODY"
    found = club.account(tmp_path).verification
    assert policies_of(found) == ("WARN", f"Not what the data show: {DEFAULT}")
    assert results(found)[DEFAULT] == (False, None, "the tiers, of which none has that code")


@pytest.mark.parametrize(
    "zone, imported, outcome",
    [
        ("America/Los_Angeles", "America/Los_Angeles", "PASS"),
        ("US/Pacific", "America/Los_Angeles", "PASS"),
        ("America/Phoenix", "America/Los_Angeles", "WARN"),
        ("Asia/Tokyo", "America/Los_Angeles", "WARN"),
        # Without the import's zone, the times say nothing.
        ("Asia/Tokyo", None, "PASS"),
        ("America/New_York", "no zone", "PASS"),
    ],
)
def test_a_time_zone_is_judged_by_the_times_of_events(
    tmp_path: Path, zone: str, imported: str | None, outcome: str
) -> None:
    club = edited_club(**SMALL)
    next(each for each in club.club.policies["policies"] if each["key"] == ZONE)["value"] = zone
    options = club.club.config["import_options"]
    options.pop("source_timezone")
    if imported:
        options["source_timezone"] = imported
    found = club.account(tmp_path).verification
    told = "Not what the data show: scheduling.timezone"
    assert (policies_of(found)[0], policies_of(found)[1] == told) == (outcome, outcome == "WARN")
    assert (ZONE in results(found)) is (imported == "America/Los_Angeles")


def test_a_kept_snapshot_is_judged_anew_with_other_policies(demo: DemoPaths, tmp_path: Path) -> None:
    settings(demo, {policy["key"]: policy["value"] for policy in declared(demo)})
    profile = profile_with(tmp_path, TABLE)
    kept = tmp_path / "snapshot.duckdb"
    with judged(VerifyOptions(demo.bundle, str(demo.database), profile=profile)) as judgement:
        keep_judged(judgement.warehouse, judgement.verification, judgement.key(), kept)
    export = tmp_path / "app.toml"
    export.write_text("[membership]\nnewbieDays = 30\n", encoding="utf-8")
    snapshot = replace(demo, database=kept)
    same, other = verify(snapshot, profile=profile), verify(snapshot, profile=profile, policies=export)
    assert policies_of(same) == ("PASS", "All 23 policies are as declared")
    assert same.verified_at == judgement.verification.verified_at
    assert other.verified_at > same.verified_at
    assert policies_of(other)[1].startswith("Differs from the settings: membership.newbieDays; not in the settings: ")
