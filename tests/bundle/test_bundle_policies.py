"""What policies may be, what is wrong with those of a bundle, and when two values are the same."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.bundle.formats import Policy
from recon.bundle.policies import (
    PolicyDefinition,
    differing,
    is_same_time,
    is_secret,
    lookup,
    problems_of,
    read_exported,
    read_value,
    require_shared,
    same,
)
from recon.errors import SuiteError, UsageError
from recon.rules import load_policy_definitions

if TYPE_CHECKING:
    from pathlib import Path

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**12), 10**12) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)
SHIPPED = load_policy_definitions([])


def problems(*policies: Policy) -> list[tuple[str, str]]:
    """The problems of the policies, without those that other required ones are missing."""
    return [
        (each.key, each.problem) for each in problems_of(policies, SHIPPED) if each.problem != "required and missing"
    ]


VALID: list[tuple[str, Any]] = [
    ("membership.newbieDays", 0),
    ("membership.newbieDays", 90.5),
    ("scheduling.timezone", "America/Los_Angeles"),
    ("scheduling.timezone", "UTC"),
    ("scheduling.registrationOpenDay", 0),
    ("scheduling.registrationOpenDay", 6.0),
    ("scheduling.announcementHour", 23),
    ("governance.quorumPercentage", 100),
    ("membership.tiers.enabled", False),
    ("membership.tiers.waMapping", {}),
    ("membership.tiers.waMapping", {"Gold": "GENERAL"}),
    ("display.organizationName", "Club"),
]
INVALID: list[tuple[str, Any, str]] = [
    ("membership.newbieDays", -1, "a number of 0 or more"),
    ("membership.newbieDays", "90", "a number of 0 or more"),
    ("membership.newbieDays", True, "a number of 0 or more"),
    ("membership.newbieDays", None, "a number of 0 or more"),
    ("scheduling.registrationOpenDay", 7, "a whole number from 0 to 6"),
    ("scheduling.registrationOpenDay", 2.5, "a whole number from 0 to 6"),
    ("scheduling.announcementHour", 24, "a whole number from 0 to 23"),
    ("governance.quorumPercentage", 100.1, "a number from 0 to 100"),
    ("membership.tiers.enabled", "true", "true or false"),
    ("membership.tiers.enabled", 1, "true or false"),
    ("membership.tiers.waMapping", ["Gold"], "an object that leads from texts to texts"),
    ("membership.tiers.waMapping", {"Gold": 3}, "an object that leads from texts to texts"),
    ("membership.tiers.waMapping", {" ": "GOLD"}, "an object that leads from texts to texts"),
    ("display.organizationName", " ", "a text that is not blank"),
    *(
        ("scheduling.timezone", value, "a time zone of the tz database, such as America/Los_Angeles")
        for value in (
            "Mars/Base",
            "",
            "../UTC",
            "/etc/localtime",
            "PDT-ish",
            "america/los angeles",
            "Factory",
            "a\0b",
            5,
        )
    ),
]


@pytest.mark.parametrize("key, value", VALID)
def test_a_value_of_its_type_and_range_is_valid(key: str, value: object) -> None:
    assert problems(Policy(key, value, "manual")) == []


@pytest.mark.parametrize("key, value, expected", INVALID)
def test_any_other_value_is_not_valid(key: str, value: object, expected: str) -> None:
    found = next(each for each in problems_of([Policy(key, value, "manual")], SHIPPED))
    assert (found.key, found.problem, found.expected, found.number) == (key, "not valid", expected, 0)
    assert found.value == json.dumps(value)


def test_what_is_required_unknown_twice_refused_and_not_filled_in_is_named() -> None:
    declared = [
        Policy("scheduling.timezone", None, "template"),
        Policy("membership.newbyDays", 90, "manual"),
        Policy("kpi.membershipDangerThreshold", 150, "manual"),
        Policy("kpi.membershipDangerThreshold", 151, "manual", validation_error="Too many"),
        Policy("integrations.apiKey", "sk-123", "manual"),
        Policy("display.memberTermPlural", 5, "template"),
        Policy("anything", 5, "template", required=True),
    ]
    found = problems_of(declared, SHIPPED)
    assert [(each.number, each.problem, each.value, each.is_fault) for each in found] == [
        (0, "placeholder", "null", True),
        (1, "unknown key", "90", True),
        (3, "declared more than once", "151", True),
        (3, "refused by the importer", "151", True),
        (4, "unknown key", '"***"', True),
        (5, "placeholder", "5", False),
        (6, "placeholder", "5", True),
        (None, "required and missing", None, True),
    ]
    assert found[1].expected == "a known key (did you mean 'membership.newbieDays'?)"
    assert found[2].expected == "once: before, it is 150"
    assert found[3].expected == "Too many"
    assert found[-1].key == "display.organizationName"


def test_a_bundle_without_a_file_of_policies_lacks_none() -> None:
    assert problems_of(None, SHIPPED) == []
    assert [each.key for each in problems_of([], SHIPPED)] == ["scheduling.timezone", "display.organizationName"]


@pytest.mark.parametrize(
    "expected, actual",
    [
        (90, 90.0),
        (90, "90"),
        (90, " 90.00 "),
        ("90", 90),
        (0.1, "0.10"),
        (10**30, str(10**30)),
        (True, "true"),
        (True, "t"),
        (False, 0),
        (False, "off"),
        ({"a": 1, "b": [True]}, {"b": ["true"], "a": "1"}),
        ({"a": {"b": 1}}, '{"a": {"b": 1.0}}'),
        ([], "[]"),
    ],
)
def test_values_are_the_same_by_content(expected: object, actual: object) -> None:
    assert same(expected, actual)


@pytest.mark.parametrize(
    "expected, actual",
    [
        (90, 90.001),
        (90, "ninety"),
        (90, True),
        (1, True),
        (90, None),
        (None, 0),
        ("a", "A"),
        ("90", "90.0"),
        (True, "maybe"),
        (True, 2),
        ([1, 2], [2, 1]),
        ({"a": 1}, {"a": 1, "b": 2}),
        ({"a": None}, {}),
        ({}, []),
        (10**30, 10**30 + 1),
        ("[]", []),
    ],
)
def test_other_values_are_not(expected: object, actual: object) -> None:
    assert not same(expected, actual)


@given(JSON)
def test_a_value_is_the_same_as_what_a_text_column_holds_of_it(value: object) -> None:
    assert same(value, json.loads(json.dumps(value)))
    text = value if isinstance(value, str) else json.dumps(value)
    # A text that is a number or a truth value may have been one before it was stored.
    assert same(value, read_value(text, value)) or value is None
    assert same(value, read_value(json.dumps(value), value))


def test_values_as_deep_as_json_may_be_are_compared() -> None:
    deep: Any = 1
    other: Any = 2
    for _ in range(5000):
        deep, other = [deep], [other]
    assert same(deep, deep)
    assert not same(deep, other)


def test_of_objects_that_differ_only_the_difference_is_shown() -> None:
    one, other = {"a": 1, "b": 2, "c": 3}, {"b": "2", "c": 4, "d": 5}
    assert differing(one, other) == ({"a": 1, "c": 3}, {"c": 4, "d": 5})
    assert differing([1], [2]) == ([1], [2])


@pytest.mark.parametrize(
    "one, other, is_same",
    [
        ("US/Eastern", "America/New_York", True),
        ("America/New_York", "America/New_York", False),
        ("America/New_York", "America/Toronto", False),
        ("UTC", "Etc/UTC", True),
        ("Europe/London", "Europe/Lisbon", False),
        ("UTC", "Mars/Base", False),
        (5, "UTC", False),
    ],
)
def test_zones_of_other_names_may_have_the_same_time(one: object, other: object, is_same: bool) -> None:
    assert is_same_time(one, other) is is_same


def test_a_policy_is_found_by_its_key_and_nested_at_any_dot() -> None:
    document = {"a.b.c": 1, "a": {"b": {"c": 2}, "b.c": 3, "d": 4}, "a.b": {"c": 5}}
    assert sorted(lookup(document, "a.b.c")) == [1, 2, 3, 5]
    assert lookup(document, "a.d") == [4]
    assert lookup(document, "a.d.e") == []


@pytest.mark.parametrize("key", ["a.apiKey", "smtp.password", "api_key", "a.clientSecret", "x.accessToken"])
def test_policies_called_like_a_secret_are_hidden(key: str) -> None:
    assert is_secret(key)
    assert not is_secret(f"{key}.days")


EXPORTS = {
    "flat.json": '{"membership.newbieDays": 90}',
    "nested.json": '{"membership": {"newbieDays": 90}}',
    "marked.JSON": '\ufeff{"policies": {"membership.newbieDays": 90}}',
    "listed.json": '[{"key": "membership.newbieDays", "value": 90}]',
    "bundle.json": '{"version": "1.0", "policies": [{"key": "membership.newbieDays", "value": 90, "source": "x"}]}',
    "flat.toml": '"membership.newbieDays" = 90',
    "nested.toml": "[membership]\nnewbieDays = 90",
}


@pytest.mark.parametrize("name", EXPORTS)
def test_an_export_is_read_in_every_usual_shape(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text(EXPORTS[name], encoding="utf-8")
    exported = read_exported(tmp_path / name)
    assert (exported.file, lookup(exported.document, "membership.newbieDays")) == (name, [90])


WRONG_EXPORTS = {
    "cut.json": ('{"a": 1', "Expecting"),
    "twice.json": ('{"a": {"b": 1, "b": 2}}', "the key 'b' twice in one object"),
    "nan.json": ('{"a": NaN}', "NaN, which is no JSON"),
    "number.json": ("5", "a int"),
    "empty.json": ("", "Expecting value"),
    "nothing.json": ("{}", "nothing in it"),
    "list.json": ("[]", "an empty list"),
    "keyless.json": ('[{"key": "a"}]', "entry 0 without a key or a value"),
    "repeated.json": ('[{"key": "a", "value": 1}, {"key": "a", "value": 1}]', "the key 'a' twice"),
    "deep.json": ("[" * 100_000, "recursion"),
    "twice.toml": ("a = 1\na = 2", "Cannot overwrite a value"),
    "policies.yaml": ("a: 1", "'.yaml'"),
    "policies": ("{}", "a name without a suffix"),
}


@pytest.mark.parametrize("name", WRONG_EXPORTS)
def test_a_file_that_is_no_export_is_named(tmp_path: Path, name: str) -> None:
    text, found = WRONG_EXPORTS[name]
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as error:
        read_exported(tmp_path / name)
    assert str(tmp_path / name) in str(error.value.where)
    assert found in str(error.value.found)


def test_what_cannot_be_read_as_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "folder.json").mkdir()
    (tmp_path / "latin.json").write_bytes(b'{"a": "\xe9"}')
    for name, found in {
        "none.json": "No such file",
        "folder.json": "Is a directory",
        "latin.json": "can't decode",
        "": "a folder",
    }.items():
        with pytest.raises(UsageError) as error:
            read_exported(tmp_path / name)
        assert found in str(error.value.found)


def test_a_file_without_any_of_the_policies_is_another_file(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "x", "scripts": {}}', encoding="utf-8")
    exported = read_exported(tmp_path / "package.json")
    with pytest.raises(UsageError, match=r"none of the bundle's policies.*expected a\.b, found name, scripts"):
        require_shared(exported, [Policy("a.b", 1, "manual"), Policy("name", 1, "template")])
    require_shared(exported, [Policy("a.b", 1, "manual"), Policy("name", 1, "manual")])
    require_shared(exported, [])


def own_table(folder: Path, policies: str) -> dict[str, PolicyDefinition]:
    folder.mkdir(exist_ok=True)
    (folder / "own.yaml").write_text(f"name: own\nmeta: {{policies: {policies}}}\nexpectations: []\n", encoding="utf-8")
    return load_policy_definitions([folder])


def test_a_club_extends_the_table_of_policies(tmp_path: Path) -> None:
    table = "{club.colour: {type: text, one_of: [red, blue]}, display.organizationName: {type: text}}"
    own = own_table(tmp_path, table)
    assert own["club.colour"].expects == "one of red, blue"
    assert [own["club.colour"].admits(value) for value in ("red", "green", 5)] == [True, False, False]
    assert not own["display.organizationName"].required
    assert len(own) == len(SHIPPED) + 1


@pytest.mark.parametrize(
    "policies, found",
    [
        ("[]", None),
        ("[1]", "[1]"),
        ("{a: 1}", "a whole number"),
        ("{a: {}}", None),
        ("{a: {type: date}}", "'date'"),
        ("{a: {type: text, least: 1}}", "type text"),
        ("{a: {type: number, least: 2, most: 1}}", "2 and 1"),
        ("{a: {type: number, one_of: [x]}}", "type number"),
        ("{a: {type: number, lest: 2}}", "the unknown key 'lest'"),
    ],
)
def test_a_wrong_table_of_policies_is_named(tmp_path: Path, policies: str, found: str | None) -> None:
    if policies == "[]":
        assert own_table(tmp_path, policies) == SHIPPED
        return
    with pytest.raises(SuiteError) as error:
        own_table(tmp_path, policies)
    assert "meta.policies" in str(error.value.where)
    assert found is None or found in str(error.value.found)


def test_two_entries_of_one_folder_about_one_policy_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("expectations: []\nmeta: {policies: {a: {type: text}}}\n", encoding="utf-8")
    with pytest.raises(SuiteError, match="Two entries are about one policy"):
        own_table(tmp_path, "{a: {type: number}}")
