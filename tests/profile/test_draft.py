from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from migrated_databases import migrate
from rowing import rowing_sqlite

from recon.profile import Profile, RunRecord, Table, load_profile
from recon.profile.draft import draft_profile
from recon.profile.draft.likeness import Likeness, likeness, words_of
from recon.profile.draft.matching import match
from recon.profile.draft.writing import draft_lines, toml_text

if TYPE_CHECKING:
    from pathlib import Path

    from recon.database import Catalogue
    from recon.demo import DemoPaths

NAMES = st.one_of(
    st.sampled_from(["Member", "members", "contacts", "id", "email", "mail", "run_id", "at", "status", "events"]),
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12),
)
TYPES = st.sampled_from(["uuid", "integer", "timestamp", "timestamptz", "boolean", "json", "text"])
CATALOGUES = st.dictionaries(NAMES, st.dictionaries(NAMES, TYPES, max_size=6), max_size=6)


def loaded(text: str, folder: Path) -> Profile:
    file = folder / "draft.toml"
    file.write_text(text, encoding="utf-8", newline="\n")
    return load_profile(file)


def table_of(profile: Profile, name: str) -> Table:
    table = profile.table(name)
    assert table is not None
    return table


def mapped(profile: Profile, name: str) -> dict[str, str]:
    return {column.name: column.candidates[0] for column in table_of(profile, name).columns if column.candidates}


@pytest.mark.parametrize(
    "name, words",
    [
        ("membershipTierId", ("membership", "tier", "id")),
        ("MembershipTiers", ("membership", "tier")),
        ("crm_contacts", ("crm", "contact")),
        ("WaIdMapping", ("wa", "id", "mapping")),
        ("HTTPStatus", ("http", "status")),
        ("Companies", ("company",)),
        ("people", ("person",)),
        ("address", ("address",)),
        ("会員", ("会員",)),
        ("", ("",)),
    ],
)
def test_a_name_in_any_spelling_is_words(name: str, words: tuple[str, ...]) -> None:
    assert words_of(name) == words


def test_likeness_goes_from_the_same_name_to_none() -> None:
    same: set[tuple[str, ...]] = {("member",)}
    usual: set[tuple[str, ...]] = {("contact",), ("person",)}
    found = [likeness(words_of(name), same, usual) for name in ("Members", "people", "membr", "boat")]
    assert found == [Likeness.SAME, Likeness.USUAL, Likeness.SIMILAR, Likeness.NONE]


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_the_draft_of_the_built_in_application_is_the_built_in_profile(
    kind: str, demo: DemoPaths, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    migration = migrate(kind, demo, request)
    draft = loaded(draft_profile(environment={"DATABASE_URL": migration.address}), tmp_path)
    built_in = load_profile()
    assert draft.runs == built_in.runs
    for table in built_in.tables:
        drafted = table_of(draft, table.name)
        assert (drafted.source_name, drafted.required) == (table.source_name, table.required)
        assert drafted.natural_key == table.natural_key
        columns = [c for c in table.columns if c.name != "target_id"]
        assert [c for c in drafted.columns if c.name != "target_id"] == columns
    assert mapped(draft, "id_mappings")["target_id"] == "murmurantId"
    assert migration.verify(profile=tmp_path / "draft.toml").verdict == "PASSED"


def test_the_draft_of_an_older_generation_names_what_that_has(
    demo: DemoPaths, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    migration = migrate("postgresql", demo, request, "oldest")
    draft = loaded(draft_profile(environment={"DATABASE_URL": migration.address}), tmp_path)
    assert table_of(draft, "tiers").source_name == ""
    assert "run_id" not in mapped(draft, "id_mappings")


def test_the_draft_of_another_application_finds_usual_names_and_leaves_the_rest(tmp_path: Path) -> None:
    text = draft_profile(str(rowing_sqlite(tmp_path)))
    draft = loaded(text, tmp_path)
    assert draft.name == "rowing"
    assert [table.source_name for table in draft.tables] == [
        *("contacts", "happenings", "bookings", "levels", "", "external_ids", "settings")
    ]
    assert mapped(draft, "members") == {
        "id": "contact_id",
        "first_name": "given_name",
        "last_name": "family_name",
        "email": "mail",
        "phone": "mobile",
        "joined_at": "member_since",
    }
    assert mapped(draft, "registrations")["member_id"] == "contact_id"
    assert draft.runs == (RunRecord("import_log", "import_run", "finished_at"),)
    assert '# tier_id = "level_no"      # only similar: uncomment if it is right' in text
    assert '# Columns without a place here: "kind", "state"' in text


def test_a_table_of_another_name_is_offered_by_its_columns() -> None:
    columns = ["id", "first_name", "last_name", "email", "phone", "joined_at"]
    found = match({"folk": dict.fromkeys(columns, "text"), "boats": {"id": "text"}})
    assert found.tables == {}
    assert found.table_choices["members"] == ["folk"]


def test_a_column_of_a_type_that_cannot_hold_it_is_no_match() -> None:
    columns = {"id": "uuid", "joined_at": "boolean", "email": "text"}
    found = match({"members": columns})
    assert set(found.columns["members"]) == {"id", "email"}
    assert found.left["members"] == ["joined_at"]


def test_no_row_is_read_and_nothing_is_written(tmp_path: Path) -> None:
    path = rowing_sqlite(tmp_path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("update contacts set mail = 'secret@rowing.example'")
        connection.commit()
    before = path.read_bytes()
    text = draft_profile(str(path))
    assert path.read_bytes() == before
    assert "secret" not in text


def test_an_empty_catalogue_gives_a_draft_that_says_so(tmp_path: Path) -> None:
    text = "\n".join(draft_lines("x", "nowhere", {}))
    assert loaded(text, tmp_path).unmapped == ("members", "events", "registrations")
    assert "# No table looks like members: no check can do without it." in text


@given(name=st.text(st.characters(exclude_categories=["Cs"]), min_size=1), catalogue=CATALOGUES)
def test_every_draft_loads(name: str, catalogue: Catalogue, tmp_path_factory: pytest.TempPathFactory) -> None:
    text = "\n".join(draft_lines(name, name, catalogue))
    draft = loaded(text, tmp_path_factory.getbasetemp())
    assert draft.name == name
    for table in draft.tables:
        assert not table.source_name or table.source_name in catalogue
        assert {c for column in table.columns for c in column.candidates} <= set(catalogue.get(table.source_name, {}))


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_a_toml_string_on_one_line(text: str) -> None:
    assert tomllib.loads(f"x = {toml_text(text)}")["x"] == text
    assert tomllib.loads(f"x = 1 # {toml_text(text)}") == {"x": 1}
