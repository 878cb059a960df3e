"""The file of accepted differences: strictly read, and edited without harm to what is in it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from recon.errors import AcceptanceError
from recon.rules.acceptance import AcceptedEntry, WrittenEntries, accept_findings, lacks_approval, read_acceptance
from recon.rules.acceptance.reading import entries_of, require_checks
from recon.rules.acceptance.writing import edited

if TYPE_CHECKING:
    from pathlib import Path

UNTIL = date(2100, 1, 31)
ENTRY = AcceptedEntry("missing_records", "Test accounts", "Jo", UNTIL, key="7", fingerprint="0123456789abcdef")
WIDE = AcceptedEntry("altered_records", "Known", "Jo", UNTIL, maximum=5)
WRITTEN = """\
[[accept]]
check = "missing_records"
key = "7"
fingerprint = "0123456789abcdef"
reason = "Test accounts"
owner = "Jo"
expires = 2100-01-31
"""
TEXTS = st.text(min_size=1).filter(lambda text: text.strip() and "@" not in text)
NAMES = st.none() | TEXTS
ABOUT_ONE = st.builds(
    AcceptedEntry,
    TEXTS,
    TEXTS,
    TEXTS,
    st.dates(),
    entity=NAMES,
    key=NAMES,
    field=NAMES,
    cause=NAMES,
    fingerprint=st.from_regex("[0-9a-f]{16}", fullmatch=True),
    approved_by=NAMES,
)
ABOUT_MANY = st.builds(
    AcceptedEntry,
    TEXTS,
    TEXTS,
    TEXTS,
    st.dates(),
    entity=NAMES,
    cause=NAMES,
    maximum=st.integers(1, 10**9),
)
ENTRIES = st.lists(ABOUT_ONE | ABOUT_MANY, max_size=4, unique_by=lambda entry: entry.identity)


@pytest.mark.soak
@given(there=ENTRIES, wanted=ENTRIES)
def test_what_is_written_is_read_and_the_rest_stays(there: list[AcceptedEntry], wanted: list[AcceptedEntry]) -> None:
    first = entries_of(edited("# mine\n", entries_of("", "f"), there), "f")
    assert list(first.entries) == there
    text = edited(edited("# mine\n", entries_of("", "f"), there), first, wanted)
    new = {entry.identity for entry in wanted}
    others = [entry for entry in entries_of(text, "f").entries if entry.identity not in new]
    assert others == [entry for entry in there if entry.identity not in new]
    assert {e for e in entries_of(text, "f").entries if e.identity in new} == set(wanted)
    assert text.startswith("# mine\n")


def test_an_entry_about_the_same_finding_takes_its_place(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(f"# first\n{WRITTEN}# to the end\n\n# second\n{WRITTEN.replace('7', '8')}", encoding="utf-8")
    changed = replace(ENTRY, fingerprint="f" * 16, cause="unknown")
    assert accept_findings([changed, WIDE], file) == WrittenEntries(1, 1)
    first, second, third = read_acceptance(file).entries
    assert (first, second.key, third) == (changed, "8", WIDE)
    text = file.read_text(encoding="utf-8")
    assert text.index("# first") < text.index("f" * 16) < text.index("# to the end\n\n# second") < text.index('"8"')


def test_entries_are_counted_and_placed(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    assert accept_findings([ENTRY, replace(ENTRY, reason="Later"), WIDE], file) == WrittenEntries(2, 0)
    found = read_acceptance(file)
    assert [entry.reason for entry in found.entries] == ["Later", "Known"]
    assert found.place(2) == f"{file}, entry 2, line {found.lines[1]}"
    assert file.read_text(encoding="utf-8").splitlines()[found.lines[1] - 1] == "[[accept]]"


def test_a_file_without_entries_accepts_nothing() -> None:
    assert entries_of("# nothing yet\n", "f").entries == ()


@pytest.mark.parametrize(
    "text,words",
    [
        ("accept = 1", ("accept", "a number")),
        ("[accept]\n", ("a table", "two pairs of brackets")),
        ("accepted = []", ("'accepted'", "Did you mean 'accept'?")),
        ("accept = [1]", ("entry 1", "a number")),
        ("[[accept", ("cannot be read", "a TOML file")),
        (WRITTEN.replace("owner", "ower"), ("entry 1, line 1", "'ower'", "Did you mean 'owner'?")),
        (WRITTEN.replace('owner = "Jo"\n', ""), ("entry 1, line 1", "the key owner")),
        (WRITTEN.replace('reason = "Test accounts"\n', ""), ("the key reason",)),
        (WRITTEN.replace("expires = 2100-01-31\n", ""), ("the key expires",)),
        (WRITTEN.replace('"Jo"', '"  "'), ("owner", "an empty one")),
        (WRITTEN.replace("2100-01-31", '"2100-01-31"'), ("expires", "without quotes", "a text")),
        (WRITTEN.replace("2100-01-31", "2100-01-31T10:00:00Z"), ("expires", "datetime")),
        (WRITTEN.replace('"7"', "7"), ("key", "a text in quotes", "a number")),
        (WRITTEN.replace('"7"', '"jo@example.org"'), ("key", "ids only", "an e-mail address")),
        (WRITTEN.replace("Test accounts", "Ask jo@example.org"), ("reason", "ids only")),
        (WRITTEN.replace("0123456789abcdef", "0123"), ("fingerprint", "16 hexadecimal digits", "'0123'")),
        (WRITTEN.replace('fingerprint = "0123456789abcdef"\n', ""), ("fingerprint", "none")),
        (WRITTEN + "maximum = 3\n", ("maximum", "both")),
        (WRITTEN.replace('fingerprint = "0123456789abcdef"', "maximum = 3"), ("a key and a maximum",)),
        (WRITTEN.replace('key = "7"\nfingerprint = "0123456789abcdef"', "maximum = 0"), ("1 or more",)),
        (WRITTEN.replace('key = "7"\nfingerprint = "0123456789abcdef"', "maximum = true"), ("a truth value",)),
        (WRITTEN.replace('key = "7"\nfingerprint = "0123456789abcdef"\n', ""), ("maximum", "none")),
        (WRITTEN + WRITTEN.replace('"Jo"', "1"), ("entry 2, line 8, owner",)),
    ],
)
def test_what_cannot_be_meant_is_refused(text: str, words: tuple[str, ...]) -> None:
    with pytest.raises(AcceptanceError) as refused:
        entries_of(text, "own.toml")
    assert [word for word in ("own.toml", *words) if word not in refused.value.message] == []


def test_a_check_that_there_is_not_is_refused() -> None:
    with pytest.raises(AcceptanceError, match=r"entry 1, line 1, check.*Did you mean 'missing_record'"):
        require_checks(entries_of(WRITTEN, "own.toml"), ["missing_record", "other"])


@pytest.mark.parametrize(
    "entry",
    [
        replace(ENTRY, key="jo@example.org"),
        replace(WIDE, fingerprint="0" * 16),
        replace(ENTRY, owner=" "),
        replace(ENTRY, owner="\udcff"),
    ],
)
def test_what_contradicts_itself_is_not_written(entry: AcceptedEntry, tmp_path: Path) -> None:
    with pytest.raises(AcceptanceError, match="cannot be accepted"):
        accept_findings([entry], tmp_path / "own.toml")
    assert list(tmp_path.iterdir()) == []


def test_a_file_in_another_form_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    inline = WRITTEN.removeprefix("[[accept]]\n").strip().replace("\n", ", ")
    file.write_text(f"accept = [{{{inline}}}]\n", encoding="utf-8")
    assert read_acceptance(file).entries == (ENTRY,)
    before = file.read_bytes()
    with pytest.raises(AcceptanceError, match="cannot be edited"):
        accept_findings([WIDE], file)
    assert file.read_bytes() == before


def test_a_text_that_looks_like_an_entry_does_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(WRITTEN.replace('"Test accounts"', '"""\n[[accept]]\n"""'), encoding="utf-8")
    before = file.read_bytes()
    with pytest.raises(AcceptanceError, match="cannot be edited"):
        accept_findings([WIDE], file)
    assert file.read_bytes() == before


def test_ends_of_lines_and_rights_stay(tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_bytes(WRITTEN.replace("\n", "\r\n").encode())
    file.chmod(0o640)
    accept_findings([WIDE], file)
    assert file.read_bytes().startswith(WRITTEN.replace("\n", "\r\n").encode())
    assert file.stat().st_mode & 0o777 == 0o640
    assert read_acceptance(file).entries == (ENTRY, WIDE)


@pytest.mark.parametrize(
    "category,approved_by,lacks",
    [
        ("integrity", None, True),
        ("integrity", " jO ", True),
        ("integrity", "Sam", False),
        ("records", None, False),
    ],
)
def test_integrity_needs_another_person(category: str, approved_by: str | None, *, lacks: bool) -> None:
    assert lacks_approval(replace(ENTRY, approved_by=approved_by), category) is lacks


def test_the_terms_change_when_an_entry_expires() -> None:
    file = entries_of(WRITTEN, "own.toml")
    terms: list[dict[str, Any]] = [file.terms(day) for day in (date(2026, 1, 1), UNTIL, date(2100, 2, 1))]
    assert terms[0] == terms[1] != terms[2]
    assert entries_of(WRITTEN, "elsewhere.toml").terms(UNTIL) == terms[1]
