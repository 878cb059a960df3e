from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from recon.errors import ProfileError
from recon.profile import BUILT_IN, KeyPart, Only, Profile, load_profile
from recon.profile.model import NORMALISERS, PERSONAL, TRUNCATIONS

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
        "policies": "",
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
    mapped = [column for column in members.columns if column.candidates]
    assert [(c.name, c.candidates, c.type, c.domain, c.personal, c.required) for c in mapped] == [
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
        pytest.param('"timestamp"', '"date"', "members.columns.joined_at", ("timestamp", "date"), id="unknown type"),
        pytest.param('"timestamp"', "5", "members.columns.joined_at", ("timestamp", "5"), id="number as type"),
        pytest.param('"timestamp"', '"text"', "members.columns.joined_at", ("timestamp", "text"), id="other type"),
        pytest.param('domain = "member"', 'domain = "event"', "members.columns.id", ("member",), id="other domain"),
        pytest.param('"timestamp" }', '"timestamp", domain = "x" }', "joined_at", ("no domain",), id="needless domain"),
        pytest.param('personal = "email"', 'personal = "iban"', "members.columns.email", PERSONAL, id="unknown kind"),
        pytest.param('name = "club"', "", "", ("name",), id="no name"),
        pytest.param('table = "Person"\nrequired', "required", "tables.members", ("table",), id="no table"),
        pytest.param('column = "since", ', "", "members.columns.joined_at", ("column",), id="no column"),
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
            'name = "x"\n[tables.members]\ntable = "M"\ncolumns.id = 5', "tables.members.columns.id", id="column"
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


WHOLE = """
name = "crm"
[tables.members]
table = "contacts"
only = { column = "kind", value = "member" }
natural_key = ["email"]
[tables.members.columns]
id = "contact_id"
email = ["mail", "email"]
first_name = { column = "given", normalise = [] }
joined_at = { column = "since", abs_tol = "90 min" }
[tables.events]
table = "happenings"
natural_key = ["title", { column = "start_time", truncate = "day" }]
[tables.events.columns]
id = "happening_id"
title = { column = "heading", normalise = ["nfc", "collapse_spaces"] }
start_time = "starts"
capacity = { column = "seats", abs_tol = 2, rel_tol = 0.05 }
[tables.registrations]
table = "bookings"
[tables.registrations.columns]
id = "booking_id"
event_id = "happening_id"
member_id = "contact_id"
"""


def edited(tmp_path: Path, old: str, new: str) -> Path:
    assert WHOLE.count(old) == 1
    return written(tmp_path, WHOLE.replace(old, new))


def test_a_name_alone_is_a_column_and_recons_own_says_the_rest(tmp_path: Path) -> None:
    members = load_profile(written(tmp_path, WHOLE)).table("members")
    assert members is not None
    own = load_profile().table("members")
    assert own is not None
    for name, candidates in {"id": ("contact_id",), "email": ("mail", "email")}.items():
        column, known = members.column(name), own.column(name)
        assert column is not None
        assert known is not None
        assert column.candidates == candidates
        assert (column.type, column.domain, column.personal, column.required, column.normalise) == (
            known.type,
            known.domain,
            known.personal,
            known.required,
            known.normalise,
        )


def test_what_a_profile_leaves_out_is_there_without_a_name(tmp_path: Path, built_in: Profile) -> None:
    profile = load_profile(written(tmp_path, WHOLE))
    assert [table.name for table in profile.tables] == [table.name for table in built_in.tables]
    assert [[c.name for c in t.columns] for t in profile.tables] == [
        [c.name for c in t.columns] for t in built_in.tables
    ]
    tiers, members = profile.table("tiers"), profile.table("members")
    assert tiers is not None
    assert members is not None
    assert (tiers.source_name, {column.candidates for column in tiers.columns}) == ("", {()})
    assert [column.name for column in members.columns if column.candidates] == [
        "id",
        "first_name",
        "email",
        "joined_at",
    ]
    assert profile.unmapped == ()
    assert profile.require_whole() is profile


def test_keys_texts_and_tolerances_are_read(tmp_path: Path) -> None:
    profile = load_profile(written(tmp_path, WHOLE))
    tables = {table.name: table for table in profile.tables}
    assert tables["members"].only == Only("kind", "member")
    assert tables["members"].natural_key == (KeyPart("email"),)
    assert tables["events"].natural_key == (KeyPart("title"), KeyPart("start_time", "day"))
    columns = {f"{t.name}.{c.name}": c for t in profile.tables for c in t.columns}
    assert columns["members.first_name"].normalise == ()
    assert columns["events.title"].normalise == ("nfc", "collapse_spaces")
    assert columns["members.joined_at"].abs_tol == timedelta(minutes=90)
    assert (columns["events.capacity"].abs_tol, columns["events.capacity"].rel_tol) == (2, 0.05)
    assert (columns["events.start_time"].abs_tol, columns["events.start_time"].rel_tol) == (None, None)


def test_the_built_in_keys_are_the_importers(built_in: Profile) -> None:
    keys = {table.name: table.natural_key for table in built_in.tables if table.natural_key}
    assert keys == {
        "members": (KeyPart("email"),),
        "events": (KeyPart("title"), KeyPart("start_time", "hour")),
        "registrations": (KeyPart("event_id"), KeyPart("member_id")),
    }
    members = built_in.table("members")
    assert members is not None
    email = members.column("email")
    assert email is not None
    assert email.normalise == ("trim", "casefold")


def test_a_natural_key_is_recons_own_where_its_columns_are_mapped(tmp_path: Path) -> None:
    with_columns = load_profile(edited(tmp_path, 'natural_key = ["email"]\n', "")).table("members")
    without = load_profile(
        written(tmp_path, WHOLE.replace('natural_key = ["email"]\n', "").replace('email = ["mail", "email"]\n', ""))
    ).table("members")
    assert with_columns is not None
    assert without is not None
    assert (with_columns.natural_key, without.natural_key) == ((KeyPart("email"),), ())


@pytest.mark.parametrize(
    "text, timespan",
    [
        ("1h", timedelta(hours=1)),
        ("250ms", timedelta(milliseconds=250)),
        ("30 s", timedelta(seconds=30)),
        ("5min", timedelta(minutes=5)),
        ("2d", timedelta(days=2)),
    ],
)
def test_a_duration_is_a_number_and_its_unit(text: str, timespan: timedelta, tmp_path: Path) -> None:
    members = load_profile(edited(tmp_path, "90 min", text)).table("members")
    assert members is not None
    joined_at = members.column("joined_at")
    assert joined_at is not None
    assert joined_at.abs_tol == timespan


@pytest.mark.parametrize(
    "old, new, place, wanted",
    [
        pytest.param("tables.events]", "tables.event]", "tables", "Did you mean 'events'?", id="unknown table"),
        pytest.param("joined_at =", "joind_at =", "members.columns", "Did you mean 'joined_at'?", id="unknown column"),
        pytest.param(
            'natural_key = ["email"]', "natural_keys = 1", "tables.members", "'natural_key'", id="key of table"
        ),
        pytest.param("rel_tol", "reltol", "events.columns.capacity", "Did you mean 'rel_tol'?", id="key of column"),
        pytest.param("truncate = ", "trunc = ", "events.natural_key[1]", "'truncate'", id="key of part"),
        pytest.param('value = "member"', 'valeu = "member"', "members.only", "Did you mean 'value'?", id="key of only"),
        pytest.param('name = "crm"', 'nam = "crm"', "the top", "Did you mean 'name'?", id="key of the top"),
        pytest.param('"nfc"', '"nfd"', "events.columns.title.normalise", NORMALISERS[0], id="unknown normaliser"),
        pytest.param(
            'truncate = "day"', 'truncate = "week"', "natural_key[1]", TRUNCATIONS[0], id="unknown truncation"
        ),
        pytest.param('column = "start_time", t', 'column = "title", t', "natural_key[1]", "timestamp", id="cut text"),
        pytest.param('["title", {', '["category", {', "natural_key[0]", "'category'", id="key of an unmapped column"),
        pytest.param(
            'table = "bookings"',
            'table = "b"\nnatural_key = ["status"]',
            "tables.registrations.natural_key[0]",
            "one of id, event_id, member_id",
            id="key that is not mapped",
        ),
        pytest.param('"90 min"', '"soon"', "joined_at.abs_tol", '"1h"', id="no duration"),
        pytest.param('"90 min"', "90", "joined_at.abs_tol", '"1h"', id="duration without unit"),
        pytest.param("abs_tol = 2", 'abs_tol = "2h"', "capacity.abs_tol", "integer", id="duration on a number"),
        pytest.param("abs_tol = 2", "abs_tol = -1", "capacity.abs_tol", "0 or more", id="negative tolerance"),
        pytest.param("abs_tol = 2", "abs_tol = nan", "capacity.abs_tol", "0 or more", id="no number as tolerance"),
        pytest.param("rel_tol = 0.05", "rel_tol = 5", "capacity.rel_tol", "0 to 1", id="share above one"),
        pytest.param('abs_tol = "90 min"', "rel_tol = 0.1", "joined_at.rel_tol", "integer", id="share of a moment"),
        pytest.param('abs_tol = "90 min"', 'normalise = ["trim"]', "joined_at", "text only", id="text of a moment"),
        pytest.param('value = "member"', 'value = "a\\\\b"', "members.only", "backslash", id="backslash"),
        pytest.param('column = "kind"', 'column = ""', "members.only", "column", id="only without a column"),
        pytest.param("only = {", 'only = "kind = 1" #', "members.only", "object", id="only as SQL"),
        pytest.param('id = "booking_id"', 'id = ""', "registrations.columns.id", "at least one", id="empty name"),
        pytest.param('id = "booking_id"', "id = [1]", "registrations.columns.id", "str", id="number as name"),
        pytest.param('table = "bookings"', 'table = ""', "tables.registrations", "table", id="empty table"),
        pytest.param('table = "bookings"', 'table = "happenings"', "tables.registrations", "'happenings'", id="shared"),
        pytest.param(
            'table = "bookings"', 'table = "b"\nrequired = false', "tables.registrations", "true", id="optional"
        ),
        pytest.param('"starts"', '{ column = "s", required = 1 }', "start_time", "bool", id="number as flag"),
        pytest.param(
            '"contact_id"\nemail', '{ column = "x", required = false }\nemail', "id", "true", id="optional id"
        ),
    ],
)
def test_a_wrong_entry_is_reported_with_its_place_and_a_way_on(
    old: str, new: str, place: str, wanted: str, tmp_path: Path
) -> None:
    with pytest.raises(ProfileError) as refusal:
        load_profile(edited(tmp_path, old, new))
    assert f"({tmp_path / 'club.toml'}, " in refusal.value.message
    assert place in refusal.value.message
    assert wanted in refusal.value.message
    assert refusal.value.next_step
    assert "\n" not in refusal.value.message


def test_two_tables_may_share_one_that_only_distinguishes(tmp_path: Path) -> None:
    shared = 'table = "contacts"\nonly = { column = "kind", value = "booking" }'
    profile = load_profile(edited(tmp_path, 'table = "bookings"', shared))
    assert [table.source_name for table in profile.tables if table.only] == ["contacts", "contacts"]
    with pytest.raises(ProfileError, match=r"which tables\.members names too"):
        load_profile(edited(tmp_path, 'table = "bookings"', shared.replace("booking", "member")))


def test_a_required_column_stands_in_a_required_table(tmp_path: Path) -> None:
    tiers = '\n[tables.tiers]\ntable = "levels"\ncolumns.code = { column = "slug", required = true }\n'
    with pytest.raises(ProfileError, match="on code only"):
        load_profile(written(tmp_path, WHOLE + tiers))
    profile = load_profile(written(tmp_path, WHOLE + tiers.replace('"levels"', '"levels"\nrequired = true')))
    assert [table.name for table in profile.tables if table.required][-1] == "tiers"


def test_a_toml_error_names_line_and_column(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"line 3, column \d+"):
        load_profile(written(tmp_path, 'name = "x"\n\n[tables.members\n'))


def test_a_name_given_twice_is_refused_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match="line"):
        load_profile(edited(tmp_path, 'id = "booking_id"', 'id = "booking_id"\nid = "other"'))


def test_a_profile_without_what_no_check_can_do_without_is_not_whole(tmp_path: Path) -> None:
    text = WHOLE.partition("[tables.registrations]")[0].replace('id = "happening_id"\n', "")
    profile = load_profile(written(tmp_path, text))
    assert profile.unmapped == ("registrations", "events.id")
    with pytest.raises(
        ProfileError, match=r"for registrations, events\.id: |for registrations, events\.id, found none"
    ):
        profile.require_whole()


def test_the_built_in_profile_read_as_any_other_is_itself(built_in: Profile) -> None:
    assert load_profile(BUILT_IN) == built_in


@pytest.mark.parametrize(
    "name", [column.name for t in load_profile().tables for column in t.columns if column.personal]
)
def test_a_profile_cannot_unmask_what_is_personal(name: str, tmp_path: Path) -> None:
    text = WHOLE.replace('email = ["mail", "email"]\n', "").replace('natural_key = ["email"]\n', "")
    text = text.replace('first_name = { column = "given", normalise = [] }\n', "")
    entry = f'id = "contact_id"\n{name} = {{ column = "x", type = "text" }}'
    profile = load_profile(written(tmp_path, text.replace('id = "contact_id"', entry, 1)))
    assert profile.personal_columns == load_profile().personal_columns
