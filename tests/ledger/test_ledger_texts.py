"""Texts that were misread or rewritten: each is proven from the two values, in any script."""

from __future__ import annotations

import html
import unicodedata
from typing import TYPE_CHECKING

import pytest

from recon.ledger.readings import LEGACY, Misreadings
from recon.ledger.rewritings import rewritten

if TYPE_CHECKING:
    from collections.abc import Callable

NAMES = (
    "Škoda",
    "Café au lait",
    "Привет, мир",
    "王小明",
    "山田太郎 Taro",
    "한국어 이름",
    "مرحبا محمد",
    "Nguyễn Văn Đức",
    "Ελλάδα",
    "Łódź",
    "שלום",
    "สวัสดี",
    "Anna 😀 Smith",
    "na\u00efve \u2013 \u201cquoted\u201d €5",
)
REPLACED = "letters replaced by "


def misread(source: str, target: str) -> str:
    return Misreadings().describe(source, target)


def strict(text: str, codec: str) -> str:
    return text.encode().decode(codec, "replace")


def as_browsers_do(text: str) -> str:
    """UTF-8 read as Windows-1252: bytes that it does not define become control characters."""
    return "".join(bytes([byte]).decode("cp1252", "ignore") or chr(byte) for byte in text.encode())


def times(read: Callable[[str], str], number: int) -> Callable[[str], str]:
    def repeated(text: str) -> str:
        for _ in range(number):
            text = read(text)
        return text

    return repeated


UTF_8_READ = {
    "UTF-8 read as Windows-1252": (
        as_browsers_do,
        lambda text: strict(text, "cp1252"),
        lambda text: text.encode().decode("cp1252", "ignore"),
        lambda text: as_browsers_do(text).strip(),
        lambda text: as_browsers_do(unicodedata.normalize("NFD", text)),
    ),
    "UTF-8 read as Windows-1252, twice": (times(as_browsers_do, 2), times(lambda text: strict(text, "cp1252"), 2)),
    "UTF-8 read as Windows-1252, three times": (times(as_browsers_do, 3),),
    "UTF-8 read as ISO-8859-1, twice": (times(lambda text: strict(text, "latin-1"), 2),),
}


@pytest.mark.parametrize("label", UTF_8_READ)
def test_utf_8_that_was_read_byte_by_byte_is_proven(label: str) -> None:
    for read in UTF_8_READ[label]:
        for name in NAMES:
            assert misread(name, read(name)).startswith(label.partition(",")[0][:11]), (name, read(name))
            if name in NAMES[:2]:
                assert misread(name, read(name)) == label


@pytest.mark.parametrize("codec", LEGACY)
def test_utf_8_is_recognised_in_every_other_encoding(codec: str) -> None:
    for name in NAMES:
        target = strict(name, codec)
        # Where nothing but U+FFFD is left of the letters, it does not matter which encoding was expected.
        assert misread(name, target).startswith(("UTF-8 read as ", f"{REPLACED}U+FFFD")), (name, target)


@pytest.mark.parametrize("codec", LEGACY)
def test_what_is_no_utf_8_is_recognised(codec: str) -> None:
    written = [(name, name.encode(codec)) for name in NAMES if not lacks(name, codec)]

    for name, data in written:
        assert misread(name, data.decode("utf-8", "replace")), (name, data)
    assert written


def lacks(name: str, codec: str) -> bool:
    return name.encode(codec, "ignore").decode(codec) != name


@pytest.mark.parametrize(
    "source, written, read, label",
    [
        ("Škoda", "cp1250", "cp1252", "Windows-1250 read as ISO-8859-1"),
        ("Привет", "cp1251", "cp1252", "Windows-1251 read as Windows-1252"),
        ("Привет", "koi8-r", "cp1251", "KOI8-R read as Windows-1251"),
        ("محمد", "cp1256", "cp1252", "Windows-1256 read as Windows-1252"),
        ("Jürgen", "cp1252", "cp437", "Windows-1252 read as code page 437"),
        ("王小明", "gb18030", "latin-1", "GB18030 read as Windows-1252"),
    ],
)
def test_other_encodings_are_recognised(source: str, written: str, read: str, label: str) -> None:
    found = misread(source, source.encode(written).decode(read))

    assert found.split(" read as ")[1:]
    if source != "Škoda":
        assert found == label


@pytest.mark.parametrize(
    "source, target, sign",
    [
        ("Škoda", "?koda", "?"),
        ("Škoda", "??koda", "?"),
        ("Привет, мир", "??????, ???", "?"),
        ("Nguyễn Văn Đức", "Nguy?n V?n ??c", "?"),
        ("José Nguyễn", "José Nguy?n", "?"),
        ("Anna 😀", "Anna ?", "?"),
        ("Anna 😀", "Anna ??", "?"),
        ("Anna 😀", "Anna ????", "?"),
        ("What? Žižkov", "What? ?i?kov", "?"),
        ("Žižkov", "¿i¿kov", "¿"),
        ("Žižkov", "_i_kov", "_"),
        ("Žižkov", "\ufffdi\ufffdkov", "U+FFFD"),
        ("Žižkov", "\ufffd\ufffdi\ufffd\ufffdkov", "U+FFFD"),
    ],
)
def test_letters_that_were_replaced_are_recognised(source: str, target: str, sign: str) -> None:
    assert misread(source, target) == f"{REPLACED}{sign}"


@pytest.mark.parametrize(
    "source, target, label",
    [
        ("Škoda", "koda", "letters left out"),
        ("José Nguyễn", "José Nguyn", "letters left out"),
        ("Anna 😀 Smith", "Anna Smith", "letters left out"),
        ("Anna 😀 Smith", "Anna", "cut off at the first character of four bytes"),
        ("Škoda", "ï»¿Škoda", "byte order mark read as text"),
        ("CafÃ©", "Café", "UTF-8 read as Windows-1252, in the export itself"),
    ],
)
def test_lost_letters_are_recognised(source: str, target: str, label: str) -> None:
    assert misread(source, target) == label


@pytest.mark.parametrize(
    "source, target",
    [
        ("Škoda", "Skoda"),
        ("Café", "Caf"),
        ("Müller", "Möller"),
        ("Привет", "Пока"),
        ("王小明", "王大明"),
        ("Zoë?", "Zoe?"),
        ("Café", "Bar?"),
        ("Harbor", "H?rbor"),
        ("Иван Петров", "Пётр Иванов"),
        ("Cafe", "Café"),
    ],
)
def test_other_changes_are_not_blamed_on_an_encoding(source: str, target: str) -> None:
    assert misread(source, target) == ""


def test_a_known_reading_explains_no_letters_that_only_vanished() -> None:
    misreadings = Misreadings()

    assert misreadings.describe("王小明", "王小明".encode("gb18030").decode("utf-8", "replace"))
    assert misreadings.describe("Café", "Caf") == ""


def test_readings_that_are_not_known_are_tried_for_a_while_only() -> None:
    misreadings = Misreadings(most_unproven=10)
    as_mac = strict("Škoda", "mac-roman")

    assert misreadings.describe("Škoda", as_browsers_do("Škoda"))
    assert misreadings.describe("Привет", "Пока") == ""
    assert misreadings.describe("Škoda", as_mac) == ""
    assert misreadings.describe("Žižkov", as_browsers_do("Žižkov")) == "UTF-8 read as Windows-1252"
    assert misread("Škoda", as_mac) == "UTF-8 read as Mac Roman"


@pytest.mark.parametrize(
    "source, target, cause",
    [
        ("Wine & cheese", "Wine &amp; cheese", "html_entities written"),
        ("Wine & cheese", html.escape(html.escape("Wine & cheese")), "html_entities written twice"),
        ("Wine &amp; cheese", "Wine & cheese", "html_entities resolved"),
        ("It's <new>", "It&#39;s &lt;new&gt;", "html_entities written"),
        ("Café", "Caf&eacute;", "html_entities written"),
        ("Škoda", "&#352;koda", "html_entities written"),
        ("a&nbsp;b &lt; c", "a b &#60; c", "html_entities written otherwise"),
        ("<p>Wine &amp; <b>cheese</b></p>", "Wine & cheese", "html_tags removed"),
        ("Wine", "<p>Wine</p>", "html_tags added"),
        ("O'Brien", "O\\'Brien", "escaped backslashes"),
        ("O'Brien", "O\\\\\\'Brien", "escaped backslashes twice"),
        ("O\\'Brien", "O'Brien", "escaped backslashes undone"),
        ("O'Brien", "O''Brien", "escaped doubled quotes"),
        ("Škoda", "\\u0160koda", "escaped backslashes as in JSON"),
        ("Anna 😀", "Anna \\ud83d\\ude00", "escaped backslashes as in JSON"),
        ("Škoda", "%C5%A0koda", "escaped percent signs"),
        ("Wine & cheese", "Wine+%26+cheese", "escaped percent and plus signs"),
        ("Škoda", "=C5=A0koda", "escaped quoted-printable"),
        ("Main Hall", '"Main Hall"', "quoted added"),
        ("'Main Hall'", "Main Hall", "quoted removed"),
        ("Ann\u2019s \u201cHall\u201d \u2013 2\u2026", 'Ann\'s "Hall" - 2...', "punctuation"),
        ("Žižkov", "Zizkov", "accents"),
        ("Müller-Größe", "Mueller-Groesse", "accents"),
        ("Đorđe Øster Łódź", "Dorde Oster Lodz", "accents"),
        ("0805 550", "805 550", "leading_zeros lost"),
        ("805550", "0805550", "leading_zeros added"),
        ("8055550911", "8.05555E+09", "number_written"),
        ("8055550911", "8055550911.0", "number_written"),
        ("1,234", "1234", "number_written"),
    ],
)
def test_what_was_rewritten_is_named(source: str, target: str, cause: str) -> None:
    found = rewritten(source, target)

    assert found is not None
    assert " ".join(found).strip() == cause


@pytest.mark.parametrize(
    "source, target",
    [
        ("Harbor Hall", "Harbor"),
        ("a@example.org", "b@example.org"),
        ("805550", "805551"),
        ("8055550911", "8.06E+10"),
        ("1 & 2", "1 &amp; 3"),
        ("<p>Wine</p>", "Cheese"),
        ("'Hall", "Hall"),
        ("100%", "100"),
        ("Müller", "Möller"),
    ],
)
def test_other_texts_are_not_explained(source: str, target: str) -> None:
    assert rewritten(source, target) is None
