from __future__ import annotations

import sqlite3
from time import process_time
from typing import TYPE_CHECKING

import polars as pl
import pytest
from conftest import copied
from support import edit_report, verify

from recon.masking.hashes import PeopleTable
from recon.masking.known import KnownValues
from recon.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from recon.demo import DemoPaths

PEOPLE = {
    "first_name": ["Jane", "José", "Anna", "Rose", "Will", "Gold", "Ng", "J", None, "王", "Zoe\u0308"],
    "last_name": [
        "Miller",
        "García-Márquez",
        "van der Berg",
        "May",
        "O'Neil",
        "Tier",
        "An",
        "Smith",
        "Only",
        "小明",
        "Quint",
    ],
    "phone": [
        "5551234567",
        "+49 171 2345678",
        "0171 9999999",
        "(805) 555-0142",
        None,
        None,
        "555-0199",
        "",
        None,
        None,
        None,
    ],
}


@pytest.fixture(scope="module")
def known() -> KnownValues:
    def people() -> Iterator[PeopleTable]:
        yield PeopleTable(["first_name", "last_name"], ["phone"], [pl.DataFrame(PEOPLE)])

    return KnownValues(people, lambda: ["Gold", "Gold Tier"])


@pytest.mark.parametrize(
    "text, masked",
    [
        ("called Jane Miller about her dues", "called J*** about her dues"),
        ("JANE MILLER; jane miller and Miller, Jane", "J***; j*** and M***"),
        ("(Jane-Miller's)", "(J***'s)"),
        ("José García-Márquez", "J***"),
        ("Jose\u0301 Garci\u0301a-Ma\u0301rquez", "J***"),
        ("Ask Anna van der Berg.", "Ask A***."),
        ("Will O'Neil and Will O\u2019Neil", "W*** and W***"),
        ("J Smith, Ng An", "J***, N***"),
        ("Zoë Quint", "Z***"),
        ("王 小明", "王***"),
        ("Jane\u00a0Miller", "J***"),
        ('{"by": "Jane Miller"}', '{"by": "J***"}'),
        ("Rose paid in May; Miller will not", "Rose paid in May; Miller will not"),
        ("Jane. The Miller", "Jane. The Miller"),
        ("Gold Tier: 12 members", "Gold Tier: 12 members"),
        ("Janet Millers", "Janet Millers"),
        ("5551234567 and 1-555-123-4567", "***67 and ***67"),
        ("01712345678, 491712345678, 0049 171 2345678", "***78, ***78, ***78"),
        ("call 5550199", "call ***99"),
        ("run-20240115-143000 at 2024-01-15, 1234567 rows", "run-20240115-143000 at 2024-01-15, 1234567 rows"),
    ],
)
def test_whole_names_and_numbers_are_found_in_sentences(text: str, masked: str, known: KnownValues) -> None:
    """In any case and composition, in either order; single names and labels stay."""
    assert known.mask([text]) == [masked]


@pytest.mark.parametrize(
    "text, masked",
    [
        ("Mrs. Miller will pay", "Mrs. M*** will pay"),
        ("miller", "m***"),
        ("rose", "r***"),
        ("Paid by van der Berg", "Paid by v***"),
        ("the rose will bloom in may", "the rose will bloom in may"),
        ("Gold", "Gold"),
        ("Jane Miller, Anna", "J***, A***"),
    ],
)
def test_single_names_are_found_in_what_people_write(text: str, masked: str, known: KnownValues) -> None:
    """With a capital letter, or as the whole text; an ordinary word in lower case stays."""
    assert known.mask([text], singles=True) == [masked]


def test_recons_own_words_stay(known: KnownValues) -> None:
    assert known.mask(["Jane Miller: Will May"], own="one of Jane Miller's words") == ["Jane Miller: Will May"]
    assert known.mask(["Jane Miller"], own="Jane, not of the Millers") == ["J***"]


def test_many_texts_are_masked_as_each_of_them_is(known: KnownValues) -> None:
    """The look-up of a large column, which leaves out what cannot hold a name first, finds the same."""
    texts = ["called Jane Miller", "nothing", "Mrs. Miller", "5551234567", "", None] * 2000
    texts += [f"number {n}" for n in range(8000)]
    frame = pl.DataFrame({"note": texts})
    masked = known.mask_columns(frame, ["note"], singles=["note"])["note"].to_list()
    assert masked[:6] == ["called J***", "nothing", "Mrs. M***", "***67", "", None]
    assert masked[6:12_000] == masked[:6] * 1999
    assert masked[12_000:] == texts[12_000:]


def test_ids_lose_names_and_nothing_else(known: KnownValues) -> None:
    frame = pl.DataFrame({"member_id": ["miller", "Jane Miller", "WA017", "miller-17", "5551234567", "gold", None]})
    assert known.mask_ids(frame, ["member_id"])["member_id"].to_list() == [
        *("m***", "J***", "WA017", "miller-17", "5551234567", "gold", None),
    ]


def test_nothing_is_read_unless_a_text_may_hold_something() -> None:
    def people() -> Iterator[PeopleTable]:
        yield PeopleTable([], [], iter([read.pop()]))

    read: list[pl.DataFrame] = []
    known = KnownValues(people, list)
    frame = pl.DataFrame({"n": [1, 2], "empty": ["", None], "amounts": ["1", "2.50"]})
    assert known.mask_columns(frame, frame.columns, singles=frame.columns).equals(frame)


def test_many_people_take_little_time_and_memory() -> None:
    """A hundred thousand are hashed, in batches, to eight bytes each; a text is looked up without reading them."""
    rows, batches = 10_000, 10

    def people() -> Iterator[PeopleTable]:
        frames = (
            pl.DataFrame(
                {
                    "a": [f"First{n}" for n in numbers],
                    "b": [f"Last{n}" for n in numbers],
                    "c": [f"80555{n:05}" for n in numbers],
                }
            )
            for numbers in (range(k * rows, (k + 1) * rows) for k in range(batches))
        )
        yield PeopleTable(["a", "b"], ["c"], frames)

    known = KnownValues(people, list)
    started = process_time()
    assert known.mask(["First99999 Last99999, First1 Last2, 8055599999"]) == ["F***, First1 Last2, ***99"]
    assert process_time() - started < 10
    assert sum(len(hashes) for hashes in known.hashes.sorted.values()) <= 7 * rows * batches


WORDS = [
    ("Gold", "Tier"),
    ("Member", "Count"),
    ("Members", "Missing"),
    ("Not", "In"),
    ("Will", "May"),
    ("Mark", "Rose"),
]


def test_people_called_like_recons_words_do_not_destroy_its_report(clean: DemoPaths, tmp_path: Path) -> None:
    """Every check that recon ships says the same, whatever members are called."""
    said = []
    for names in ([("Alba", "Zzyx")] * len(WORDS), WORDS):
        demo = copied(clean, tmp_path / names[0][0])
        with sqlite3.connect(demo.database) as connection:
            ids = [row[0] for row in connection.execute('select id from "Member" order by id limit ?', [len(WORDS)])]
            for member, name in zip(ids, names, strict=True):
                connection.execute('update "Member" set "firstName" = ?, "lastName" = ? where id = ?', [*name, member])
        connection.close()
        edit_report(demo.bundle, lambda report: report["members"].update(created=report["members"]["created"] + 1))
        found = verify(demo)
        assert any(check.outcome is Outcome.FAIL for check in found.checks)
        said.append([(c.name, c.message, c.detail, c.description, c.escalate, c.guidance) for c in found.checks])
    assert said[0] == said[1]
