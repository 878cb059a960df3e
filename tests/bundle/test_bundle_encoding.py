"""The encoding of an export, found by its bytes: whole files, beginnings that are cut, and what is no one encoding."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from soaking import examples

from recon.bundle.encoding import PIECE_BYTES, decode_start, encoding_of

if TYPE_CHECKING:
    from pathlib import Path

ASCII = b"Contact ID,First name\n"


@pytest.mark.parametrize(
    "content, expected",
    [
        (b"", ("utf-8", None)),
        (ASCII, ("utf-8", None)),
        (ASCII + "Jürgen".encode(), ("utf-8", None)),
        ("Jürgen".encode("utf-8-sig"), ("utf-8", None)),
        ("Jürgen".encode("utf-16"), ("utf-16", None)),
        (ASCII + b"\n1,J\xfcrgen\n2,J\xf6rg", ("cp1252", 3)),
        (b"\xfc", ("cp1252", 1)),
        # A quotation mark after an umlaut looks like a character of UTF-8, and others do not.
        ("1,M\u00dc\u201c\n2,J\u00fcrgen\n3,J\u00f6rg".encode("cp1252"), ("cp1252", 2)),
        # Neither throughout: nothing is guessed.
        ("Jürgen".encode() + b"\n\xfc", ("utf-8", None)),
        ("Юрий".encode() + b"\n\xfc", ("utf-8", None)),
        (b"J\xfcrgen \x81", ("utf-8", None)),
        ("Jürgen".encode("utf-8-sig") + b"\xfc", ("utf-8", None)),
        # A character that the end cuts off.
        ("Юрий".encode()[:-1], ("utf-8", None)),
    ],
)
def test_the_encoding_is_found_by_the_bytes(tmp_path: Path, content: bytes, expected: tuple[str, int | None]) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(content)
    assert encoding_of(file) == expected


@pytest.mark.parametrize("before", [PIECE_BYTES - 1, PIECE_BYTES, PIECE_BYTES + 1])
def test_a_character_on_the_edge_of_a_piece_is_whole(tmp_path: Path, before: int) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(b"\n" * before + "ü".encode() + b"\n" * PIECE_BYTES)
    assert encoding_of(file) == ("utf-8", None)
    file.write_bytes(b"\n" * before + b"\xfc" + b"\n" * PIECE_BYTES)
    assert encoding_of(file) == ("cp1252", before + 1)


@settings(max_examples=examples(50), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=20), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_no_text_in_utf_8_is_taken_for_another(tmp_path: Path, text: str, mark: str) -> None:
    file = tmp_path / "m.csv"
    file.write_bytes(text.encode(mark))
    assert encoding_of(file) == ("utf-8", None)


@pytest.mark.parametrize("cut", range(4))
def test_a_beginning_may_end_within_a_character(cut: int) -> None:
    whole = "Jürgen 𝄞".encode()
    assert decode_start(whole[: len(whole) - cut]) == ("Jürgen 𝄞" if cut == 0 else "Jürgen ")
    assert decode_start("Jürgen".encode("cp1252")) == "Jürgen"
    assert decode_start(b"\xef\xbb\xbfJ\xfcrgen") == "J\ufffdrgen"
