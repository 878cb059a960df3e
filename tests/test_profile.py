from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recon.errors import ProfileError
from recon.profile import PERSONAL, TYPES, Profile, load_profile

if TYPE_CHECKING:
    from pathlib import Path

CLUB = """
name = "club"
[tables.members]
table = "Person"
required = true
[tables.members.columns]
id = { column = "id", type = "key", domain = "member", required = true }
email = { column = ["mail", "email"], type = "text", personal = "email" }
joined_at = { column = "since", type = "timestamp" }
[[runs]]
table = "Log"
column = "payload"
json_keys = ["run"]
recorded_at = "at"
[[runs]]
table = "Person"
column = "run"
recorded_at = "since"
"""


@pytest.fixture
def built_in() -> Profile:
    return load_profile()


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "club.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_the_built_in_profile_has_every_canonical_table(built_in: Profile) -> None:
    names = {table.name: table.source_name for table in built_in.tables}
    assert names == {
        "members": "Member",
        "events": "Event",
        "registrations": "EventRegistration",
        "tiers": "MembershipTier",
        "statuses": "MembershipStatus",
        "id_mappings": "WaIdMapping",
    }


def test_the_built_in_profile_requires_what_no_check_can_do_without(built_in: Profile) -> None:
    required = {f"{t.name}.{c.name}" for t in built_in.tables if t.required for c in t.columns if c.required}
    assert required == {
        "members.id",
        "events.id",
        "registrations.id",
        "registrations.member_id",
        "registrations.event_id",
    }


def test_the_built_in_profile_knows_both_generations(built_in: Profile) -> None:
    mappings = built_in.table("id_mappings")
    assert mappings is not None
    target_id = mappings.column("target_id")
    assert target_id is not None
    assert target_id.candidates == ("murmurantId", "clubosId")
    assert [(run.table, run.column, run.json_keys) for run in built_in.runs] == [
        ("WaIdMapping", "syncRunId", ()),
        ("AuditLog", "metadata", ("syncRunId", "run_id")),
    ]


def test_every_reference_has_the_domain_of_what_it_refers_to(built_in: Profile) -> None:
    domains = {f"{t.name}.{c.name}": c.domain for t in built_in.tables for c in t.columns if c.type == "key"}
    assert domains["registrations.member_id"] == domains["members.id"]
    assert domains["registrations.event_id"] == domains["events.id"]
    assert domains["members.tier_id"] == domains["tiers.id"]
    assert domains["members.status_id"] == domains["statuses.id"]
    assert None not in domains.values()


def test_personal_columns_are_those_of_a_person(built_in: Profile) -> None:
    assert built_in.personal_columns == {
        "first_name": "name",
        "last_name": "name",
        "email": "email",
        "phone": "phone",
    }


def test_what_the_profile_does_not_have_is_none(built_in: Profile) -> None:
    members = built_in.table("members")
    assert built_in.table("refunds") is None
    assert members is not None
    assert members.column("shoe_size") is None


def test_a_profile_of_ones_own_is_read_whole(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, CLUB))
    members = profile.table("members")
    assert members is not None
    assert (profile.name, members.source_name, members.required) == ("club", "Person", True)
    assert [(c.name, c.candidates, c.type, c.domain, c.personal, c.required) for c in members.columns] == [
        ("id", ("id",), "key", "member", None, True),
        ("email", ("mail", "email"), "text", None, "email", False),
        ("joined_at", ("since",), "timestamp", None, None, False),
    ]
    assert [(r.table, r.column, r.recorded_at, r.json_keys) for r in profile.runs] == [
        ("Log", "payload", "at", ("run",)),
        ("Person", "run", "since", ()),
    ]


def test_a_profile_may_know_of_no_runs(tmp_path: Path) -> None:
    assert load_profile(written(tmp_path, CLUB.partition("[[runs]]")[0])).runs == ()


@pytest.mark.parametrize(
    "old, new, place, wanted",
    [
        pytest.param('"timestamp"', '"date"', "members.columns.joined_at", TYPES, id="unknown type"),
        pytest.param('type = "timestamp"', "type = 5", "members.columns.joined_at", TYPES, id="number as type"),
        pytest.param('personal = "email"', 'personal = "iban"', "members.columns.email", PERSONAL, id="unknown kind"),
        pytest.param('name = "club"', "", "", ("name",), id="no name"),
        pytest.param('table = "Person"\nrequired', "required", "tables.members", ("table",), id="no table"),
        pytest.param('column = "since", ', "", "members.columns.joined_at", ("column",), id="no column"),
        pytest.param(', type = "timestamp"', "", "members.columns.joined_at", ("type",), id="no type"),
        pytest.param(', domain = "member"', "", "members.columns.id", ("domain",), id="key without domain"),
        pytest.param('column = "payload"\n', "", "runs[0]", ("column",), id="run without column"),
        pytest.param('recorded_at = "since"', "", "runs[1]", ("recorded_at",), id="run without time"),
    ],
)
def test_what_is_missing_or_wrong_is_named_with_its_place_and_file(
    old: str, new: str, place: str, wanted: tuple[str, ...], tmp_path: Path
) -> None:
    assert CLUB.count(old) == 1
    with pytest.raises(ProfileError) as refusal:
        load_profile(written(tmp_path, CLUB.replace(old, new)))
    assert str(tmp_path / "club.toml") in refusal.value.message
    assert place in refusal.value.message
    assert all(word in refusal.value.message for word in wanted)


@pytest.mark.parametrize(
    "text, place",
    [
        pytest.param('name = "x"\ntables = 5', "tables", id="tables"),
        pytest.param('name = "x"\n[tables]\nmembers = "Person"', "tables.members", id="table"),
        pytest.param(
            'name = "x"\n[tables.members]\ntable = "M"\ncolumns = "id"', "tables.members.columns", id="columns"
        ),
        pytest.param(
            'name = "x"\n[tables.members]\ntable = "M"\ncolumns.id = "id"', "tables.members.columns.id", id="column"
        ),
        pytest.param(CLUB.replace('column = "since"', "column = 5"), "members.columns.joined_at", id="column's name"),
        pytest.param(CLUB.replace('column = "since"', "column = []"), "members.columns.joined_at", id="no candidate"),
        pytest.param(CLUB.replace('["run"]', "5"), "runs[0]", id="JSON keys"),
        pytest.param(CLUB.replace('["run"]', '"run"'), "runs[0]", id="JSON keys as one text"),
        pytest.param('name = "x"\nruns = "Log"\n[tables]', "runs", id="runs"),
    ],
)
def test_a_value_of_the_wrong_shape_is_an_error_of_ours(text: str, place: str, tmp_path: Path) -> None:
    with pytest.raises(ProfileError) as refusal:
        load_profile(written(tmp_path, text))
    assert str(tmp_path / "club.toml") in refusal.value.message
    assert place in refusal.value.message


def test_a_misspelt_key_is_not_passed_over(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="requried"):
        load_profile(written(tmp_path, CLUB.replace("required = true }", "requried = true }")))


@pytest.mark.parametrize("data", [b"name = ", b"\xff\xfen\0a\0", None], ids=["no TOML", "no UTF-8", "missing"])
def test_a_file_that_is_no_profile_is_named(data: bytes | None, tmp_path: Path) -> None:
    file = tmp_path / "club.toml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ProfileError, match="cannot be read") as refusal:
        load_profile(file)
    assert str(file) in refusal.value.message
