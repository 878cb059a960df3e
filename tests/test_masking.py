from __future__ import annotations

import json

import polars as pl
import pytest

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
