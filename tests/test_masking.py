# ruff: noqa: RUF001 - signs that look like others are what is tested
from __future__ import annotations

import json
from time import process_time

import duckdb
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recon.masking import mask_json, mask_text
from recon.masking.frames import mask_frame
from recon.profile import load_profile

PERSONAL = load_profile().personal_columns


@pytest.mark.parametrize(
    "text, masked",
    [
        ("Duplicate email zoe.quint+x@mail.example.org twice", "Duplicate email z***@*** twice"),
        ("o'neil@example.com, b@example.com", "o***@***, b***@***"),
        ("call 805-555-0199 or (805) 555-0101", "call ***99 or ***01"),
        ("+49 151 234 5678 and +4915123456789", "***78 and ***89"),
        ("Member not found: WA017", "Member not found: WA017"),
        ("run-20240115-143000 at 2024-01-15 14:30:00", "run-20240115-143000 at 2024-01-15 14:30:00"),
        ("f86d56fb-f3a1-4d17-81c2-3fcb508c0a29", "f86d56fb-f3a1-4d17-81c2-3fcb508c0a29"),
        ("recon diff 20240115T143000Z-run-20240115-143000", "recon diff 20240115T143000Z-run-20240115-143000"),
        ("", ""),
    ],
)
def test_free_text_loses_addresses_and_numbers_only(text: str, masked: str) -> None:
    assert mask_text(text) == masked


@pytest.mark.parametrize(
    "text, masked",
    [
        (r'"\u0000ann@example.org"', "\0a***@***"),
        (r'["\nann@example.org", 1.50]', ["\na***@***", 1.5]),
        (r'{"\tann@example.org": "\\\"+46701234567"}', {"\ta***@***": '\\"***67'}),
        ('"Ann"', "Ann"),
    ],
)
def test_masked_json_stays_json(text: str, masked: object) -> None:
    assert json.loads(mask_json(text)) == masked


def test_json_without_personal_data_is_left_as_it_is() -> None:
    text = r'{"a": [1.50, -3208496537486123.0, "\u00e9\n", null]}'
    assert mask_json(text) == text


def test_personal_columns_are_masked_by_their_name() -> None:
    frame = pl.DataFrame(
        {
            "member_id": ["805-555-0199", None],
            "first_name": ["Zoë", None],
            "last_name": ["", "O'Neil"],
            "email": ["zoe@example.org", "no address"],
            "phone": ["0151", "805.555.0199"],
            "amount": [1, 2],
        }
    )
    assert mask_frame(frame, PERSONAL).to_dict(as_series=False) == {
        "member_id": ["805-555-0199", None],
        "first_name": ["Z***", None],
        "last_name": ["***", "O***"],
        "email": ["z***@***", "n***"],
        "phone": ["***", "***99"],
        "amount": [1, 2],
    }


def test_frame_and_text_are_masked_alike() -> None:
    texts = ["a@example.org", "805-555-0199", "+4915123456789", "nothing here 4711", "x (805) 555-0101 y"]
    frame = pl.DataFrame({"message": texts})
    assert mask_frame(frame, {})["message"].to_list() == [mask_text(text) for text in texts]


def test_ids_stay_readable_but_never_hold_an_address() -> None:
    frame = pl.DataFrame({"wa_id": ["805-555-0199", "zoe@example.org"]})
    assert mask_frame(frame, {})["wa_id"].to_list() == ["805-555-0199", "z***@***"]


ADDRESSES = {
    "jane＠example.org": "j***@***",
    "jane﹫example.org": "j***@***",
    "ｊane＠ｅxample．ｏrg": "ｊ***@***",
    "jane%40example.org": "j***@***",
    "jane%2540example.org": "j***@***",
    "jane&#64;example.org": "j***@***",
    "jane&commat;example.org": "j***@***",
    '"jane doe"@example.org': "j***@***",
    '\\"jane doe\\"@example.org': "j***@***",
    "jane@[192.168.0.1]": "j***@***",
    "jane@[IPv6:2001:db8::1]": "j***@***",
    "jane@192.168.0.1": "j***@***",
    "jane@localhost": "j***@***",
    "jane@exämple.org": "j***@***",
    "jäne@example.org": "j***@***",
    "ja\u0308ne@exa\u0308mple.org": "j***@***",
    "अजय@डाटा.भारत": "अ***@***",
    "用户@例子。广告": "用***@***",
    "jane\u200b@exam\u00adple.org": "j***@***",
    "jane+club!x#1@example.org": "j***@***",
    "mailto:jane@example.org?subject=x": "mailto:j***@***?subject=x",
    "<jane@example.org>": "<j***@***>",
    "'jane@example.org'": "'j***@***'",
    "“jane@example.org”": "“j***@***”",
    "jane@example.org's": "j***@***'s",
    "see jane@example.org.": "see j***@***.",
    "https://x.org/?to=jane%40example.org&n=1": "https://x.org/?to=j***@***&n=1",
    "jane (at) example.org": "j***@***",
    "jane[at]example[dot]org": "j***@***",
    "JANE @ example.org": "J***@***",
    "Key (email)=(jane@x.org) already exists": "Key (email)=(j***@***) already exists",
    "DETAIL: Failing row contains (7, jane@x.org, 805-555-0199).": "DETAIL: Failing row contains (7, j***@***, ***99).",
}
NUMBERS = {
    "0171 2345678": "***78",
    "0171/2345678": "***78",
    "0171-234 56 78": "***78",
    "(030) 1234567": "***67",
    "020 7946 0958": "***58",
    "01 23 45 67 89": "***89",
    "0049 171 2345678": "***78",
    "00491712345678": "***78",
    "+49 (0)171/234-5678": "***78",
    "(+49) 171 2345678": "***78",
    "(+49 171 2345678)": "***78",
    "+1.805.555.0199": "***99",
    "1-805-555-0199": "***99",
    "805/555-0199": "***99",
    "805 - 555 - 0199": "***99",
    "805-555-0199 x123": "***23",
    "805-555-0199, ext. 12": "***12",
    "phone 5551234567": "phone ***67",
    "Phone number: 5551234567": "Phone number: ***67",
    "tel:5551234567": "tel:***67",
    "phone_number='5551234567'": "phone_number='***67'",
    **{f"805{dash}555{dash}0199": "***99" for dash in "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\uff0d"},
    **{f"+49{space}171{space}2345678": "***78" for space in "\u00a0\u2007\u2009\u202f\u3000"},
    "８０５-５５５-０１９９": "***９９",
    "\u0660\u0661\u0667\u0661 \u0662\u0663\u0664\u0665\u0666\u0667\u0668": "***\u0667\u0668",
    "8\u00ad05-555-01\u200b99": "***99",
    "\u202a+49 171 2345678\u202c": "\u202a***78\u202c",
    "+49 151 234 5678 2024-01-15": "***78 2024-01-15",
}
NOT_PERSONAL = (
    "run-20240115-143000",
    "2024-01-15T14:30:00.123456+01:00",
    "2024-01-15 14:30:00+0100",
    "01.02.2024 and 01-15-2024 14:30 and 15/01/2024",
    "1,234,567 of 2,147,483,647 rows",
    "1 234 567,89 EUR, EUR 1.234.567,89, $1,234.56",
    "report-2024-01-15.pdf, export_20240115.csv, backup-20240115T143000Z.tar.gz",
    "v1.24.0, version 2.0.10, 2026.12.1",
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "d41d8cd98f00b204e9800998ecf8427e",
    "01234567-89ab-4cde-8f01-234567890123",
    "0012345678, 000000012345, WA017, 5551234567, 1705329000000",
    "10.0.0.1:5432, 192.168.100.200, 127.0.0.1:5432/club",
    "00:15:30, 12:30-14:45, 1234567 ms, 0.25 s",
    "rows 2 to 2147483647, lines 10-20, 100-200-300",
    "ISBN 978-3-16-148410-0",
    "phone: 60 of 60 differ",
    "column telephone of 2,147 members",
    "^[^@]+@[^@]+$",
    r"[\w.+-]+@[\w-]+\.\w+",
    "3 @ 4.50 each, look (at) this",
    "Verification PASSED: 24 of 24 checks",
)


@pytest.mark.parametrize("text, masked", [*ADDRESSES.items(), *NUMBERS.items()])
def test_every_form_of_address_and_number_is_masked_in_texts_and_columns(text: str, masked: str) -> None:
    """Whatever the script and the signs, inside of a sentence and alone."""
    said = f"It is {text}; yes"
    assert (mask_text(text), mask_text(said)) == (masked, f"It is {masked}; yes")
    assert mask_frame(pl.DataFrame({"note": [text, said]}), {})["note"].to_list() == [masked, f"It is {masked}; yes"]


@pytest.mark.parametrize("text", NOT_PERSONAL)
def test_what_is_no_personal_data_stays_readable(text: str) -> None:
    assert mask_text(text) == text
    assert mask_frame(pl.DataFrame({"note": [text], "wa_id": [text]}), {}).row(0) == (text, text)


@pytest.mark.parametrize("text", [*ADDRESSES, *NUMBERS])
def test_what_is_masked_is_not_masked_again(text: str) -> None:
    assert mask_text(mask_text(text)) == mask_text(text)


LETTERS = st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"]), min_size=3, max_size=12)
WORDS = st.text(st.characters(exclude_characters="@\uff20\ufe6b%&", exclude_categories=["Cs"]), max_size=30)


@given(before=WORDS, local=LETTERS, domain=LETTERS, after=WORDS)
def test_no_address_of_any_script_is_left(before: str, local: str, domain: str, after: str) -> None:
    """Nothing but the first letter is left of the part before the at sign, whatever stands around it."""
    assert f"{local}@" not in mask_text(f"{before} {local}@{domain}.org {after}")


@given(st.text(max_size=60))
def test_columns_and_texts_are_masked_alike(text: str) -> None:
    assert mask_frame(pl.DataFrame({"x": [text]}), {})["x"].item() == mask_text(text)


@given(
    st.from_regex(r"(\+|00|0|\(0)?[1-9]([ ./-]?\d){8,11}", fullmatch=True),
    st.sampled_from(["", " ", "x", "1", "-", "@"]),
)
def test_columns_and_texts_find_the_same_numbers(number: str, after: str) -> None:
    text = f"a {number}{after}"
    assert mask_frame(pl.DataFrame({"x": [text]}), {})["x"].item() == mask_text(text)


@pytest.mark.parametrize(
    "part",
    ["x", "1", "1 ", "+", "a@", "a.", '"a', '"', "%40", "(", "+1 ", "0171 ", "805-555-", "tel ", "' ", "at ", "<at>"],
)
def test_a_text_made_to_be_slow_is_masked_in_time(part: str) -> None:
    """What is written to make a pattern try everything takes time in proportion to its length, not to its square."""
    started = process_time()
    for end in ("", " @ y", "%40", '"@', "(at)"):
        mask_text(part * (60_000 // len(part)) + end)
    assert process_time() - started < 10


def test_what_is_inside_of_lists_structs_and_maps_is_masked() -> None:
    """By the name of a field or a key, and otherwise as free text; what is no text keeps its type."""
    rows = duckdb.connect().sql(
        """
        select ['jane@example.org', 'fine'] as listed,
            {'email': 'jane', 'note': 'call 805-555-0199', 'n': 1.5} as struct,
            map {'jane@example.org': 1, 'jane@example.net': 2} as keyed, map {'firstName': 'Jane'} as named,
            [[{'first_name': 'Jane', 'at': date '2024-01-15'}]] as deep, 'jane@example.org'::blob as bytes,
            'jane@example.org'::enum('jane@example.org') as one_of, [1, 2] as numbers, 8055550199 as phone,
            '{"firstName": "Jane", "paid": 1.50, "all": ["jane@example.org"]}'::json as document,
            ['jane@example.org', null]::varchar[2] as fixed, {'jane@example.org': 1} as column_name,
            1 as "jane@example.org"
        """
    )
    masked = mask_frame(pl.DataFrame(pl.from_arrow(rows.to_arrow_table())), PERSONAL)
    (found,) = masked.to_dicts()
    assert found == {
        "listed": ["j***@***", "fine"],
        "struct": {"email": "j***", "note": "call ***99", "n": found["struct"]["n"]},
        "keyed": {"j***@***": 1, "j***@*** (2)": 2},
        "named": {"firstName": "J***"},
        "deep": [[{"first_name": "J***", "at": found["deep"][0][0]["at"]}]],
        "bytes": b"j***@***",
        "one_of": "j***@***",
        "numbers": [1, 2],
        "phone": "***99",
        "document": '{"firstName": "J***", "paid": 1.50, "all": ["j***@***"]}',
        "fixed": ["j***@***", None],
        "column_name": {"j***@***": 1},
        "j***@***": 1,
    }
    assert masked.schema["deep"] == pl.List(pl.List(pl.Struct({"first_name": pl.String, "at": pl.Date})))


@pytest.mark.parametrize(
    "target_id, masked",
    [
        ("jane@example.org", "j***@***"),
        ("+49 171 2345678", "***78"),
        ("805-555-0199", "805-555-0199"),
        ("m-017", "m-017"),
    ],
)
def test_an_id_is_masked_where_it_can_be_nothing_but_personal(target_id: str, masked: str) -> None:
    assert mask_frame(pl.DataFrame({"target_id": [target_id]}), {})["target_id"].item() == masked
