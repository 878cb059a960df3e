"""What reports make of a ledger: its words, its tables, and what the console tells of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from ledgers import CAUSES, EVENTS, HEADLINE, LEDGER, MEMBERS, account, cause
from msgspec.structs import replace
from verifications import HOSTILE, ledgers

from recon.model import SOURCE_OUTCOMES, TARGET_OUTCOMES, Example, Ledger
from recon.report.ledger.lines import WIDTH, ledger_lines
from recon.report.ledger.phrases import left_out, notes, place, quoted, standing
from recon.report.ledger.tables import MOST_ROWS, causes, examples, levels, share, sources, targets
from recon.report.text import accounted_line, printable

CLEAN = account("members", (11_273, 0, 0, 0, 0, 0), (11_273, 0, 0, 0))


def ledger(*accounts: object, **not_evaluated: str) -> Ledger:
    return Ledger(accounts, not_evaluated, ())  # type: ignore[arg-type] # accounts are what is given


def plain(text: str) -> str:
    return text.replace("\x1b[31m", "").replace("\x1b[32m", "").replace("\x1b[33m", "").replace("\x1b[0m", "")


@pytest.mark.parametrize(
    "found, line",
    [
        pytest.param(ledger(CLEAN), "11,273 of 11,273 records, 0 unexplained", id="clean"),
        pytest.param(
            ledger(replace(CLEAN, unexplained_records=3)), "11,270 of 11,273 records, 3 unexplained", id="records"
        ),
        pytest.param(
            ledger(replace(CLEAN, unexplained_records=3, unexplained_rows=2)),
            "11,270 of 11,273 records, 5 unexplained (3 records, 2 rows in the database)",
            id="records-and-rows",
        ),
        pytest.param(
            ledger(replace(CLEAN, unexplained_rows=1)),
            "11,273 of 11,273 records, 1 unexplained (1 row in the database)",
            id="rows",
        ),
        pytest.param(
            ledger(CLEAN, events="no list"), "11,273 of 11,273 records, 0 unexplained; events not evaluated", id="one"
        ),
        pytest.param(
            ledger(CLEAN, events="no list", registrations="no list"),
            "11,273 of 11,273 records, 0 unexplained; events and registrations not evaluated",
            id="two",
        ),
        pytest.param(ledger(members="no list", events="no list"), "not evaluated - no list", id="all-alike"),
        pytest.param(
            ledger(members="no list", events="no rows"), "not evaluated - members: no list; events: no rows", id="all"
        ),
        pytest.param(ledger(), "not evaluated", id="nothing"),
        pytest.param(None, "not evaluated - this judgement was reached without a ledger", id="none"),
    ],
)
def test_the_headline_says_what_is_accounted_for(found: Ledger | None, line: str) -> None:
    assert accounted_line(found) == line


def test_both_sides_have_a_row_an_entity_and_every_outcome() -> None:
    assert sources(LEDGER).header[2:-1] == ("Landed", "Altered", "Merged", "Skipped", "Rejected", "Missing")
    assert sources(LEDGER).rows == (
        ("Members", "2,147", "2,050", "40", "5", "20", "20", "12", "3"),
        ("Events", "523", "523", "0", "0", "0", "0", "0", "0"),
    )
    assert targets(LEDGER).rows == (
        ("Members", "2,215", "2,110", "100", "3", "2", "2"),
        ("Events", "523", "523", "0", "0", "0", "0"),
    )


@given(ledgers())
def test_every_number_of_the_tables_is_the_ledgers(found: Ledger) -> None:
    for row, entity in zip(sources(found).rows, found.entities, strict=True):
        numbers = [int(cell.replace(",", "")) for cell in row[1:]]
        assert numbers == [
            entity.records,
            *(entity.outcomes[name] for name in SOURCE_OUTCOMES),
            entity.unexplained_records,
        ]
    for row, entity in zip(targets(found).rows, found.entities, strict=True):
        numbers = [int(cell.replace(",", "")) for cell in row[1:]]
        assert numbers == [
            entity.rows,
            *(entity.rows_by_outcome[name] for name in TARGET_OUTCOMES),
            entity.unexplained_rows,
        ]


@pytest.mark.parametrize(
    "value, text",
    [
        (None, "null"),
        ("null", '"null"'),
        ("", '""'),
        ("  ", '"  "'),
        ("a b ", '"a b "'),
        ("x" * 200, f'"{"x" * 200}"'),
        ("x" * 201, f'"{"x" * 200}…" (201 characters)'),
    ],
    ids=["null", "the-word", "empty", "blank", "end", "long", "endless"],
)
def test_null_empty_and_blank_look_different(value: str | None, text: str) -> None:
    assert quoted(value) == text


@pytest.mark.parametrize(
    "is_explained, is_harmless, word",
    [
        (True, False, "explained"),
        (True, True, "harmless"),
        (False, False, "unexplained"),
        # Whatever nobody can explain is not called harmless.
        (False, True, "unexplained"),
    ],
)
def test_a_cause_is_unexplained_explained_or_harmless(is_explained: bool, is_harmless: bool, word: str) -> None:
    assert standing(cause("x", is_explained=is_explained, is_harmless=is_harmless)) == word


def test_a_share_that_is_there_is_never_none() -> None:
    assert share(replace(cause("x"), share=0.0)) == "under 0.1 %"
    assert share(replace(cause("x", count=0), share=0.0)) == "0.0 %"
    assert share(replace(cause("x"), share=12.34)) == "12.3 %"


def test_examples_show_only_columns_that_say_something() -> None:
    records, values, rows = (examples(found) for found in CAUSES)
    assert records.header == ("Source row", "Wild Apricot id", "Remark")
    assert records.rows == (("17", "4711", "Missing | email"), ("18", "", ""))
    assert values.header == ("Source row", "Wild Apricot id", "Target id", "Source", "Database")
    assert values.rows[1] == ("3", "4713", "id-3", "null", '""')
    assert (rows.header, rows.rows) == (("Target id",), (("id-9",),))
    assert examples(cause("x", examples=(Example(None, None, None),))).rows == ()


def test_levels_say_where_they_lead_and_whether_that_tier_is_there() -> None:
    assert levels(LEDGER).rows == (
        ("Gold", "GOLD", "the mapping", "no", "120", "0", "120", "0"),
        ("(no level)", "(none)", "no mapping", "", "7", "7", "0", "0"),
    )
    assert [levels(LEDGER).is_alarm(column, "120") for column in (4, 5, 6, 7)] == [False, False, True, True]


def test_a_great_many_causes_are_cut_and_counted() -> None:
    many = replace(LEDGER, causes=tuple(cause(f"cause {n}") for n in range(120)))
    assert len(causes(many).rows) == MOST_ROWS
    assert causes(many).caption.endswith(", the first 50 of 120")
    assert "and 70 more causes" in "\n".join(ledger_lines(many, verbose=True))


def test_what_there_is_to_know_beside_the_numbers_is_listed() -> None:
    assert {note.title: dict(note.items) for note in notes(LEDGER)} == {
        "Not evaluated": {"registrations": "the report holds only how many there were"},
        "Matched by": {"members": "target id 2,100, natural key (email) 10", "events": "target id 523"},
        "Read from": {"events": "events.csv"},
        "Not compared": {"members.tier_id": "the bundle names no tiers"},
        "Equal only once normalised": {"members.phone: empty_as_null": "12 records"},
    }
    assert dict(left_out(LEDGER)) == {
        "Registrations": "not accounted for: the report holds only how many there were",
        "members.tier_id": "not compared: the bundle names no tiers",
    }


def test_the_console_says_the_headline_and_what_needs_attention() -> None:
    assert [plain(line) for line in ledger_lines(LEDGER, verbose=False)] == [
        f"  accounted for: {HEADLINE}",
        "         registrations: not evaluated: the report holds only how many there were",
        "             3  members: not in the database (unexplained)",
        "         1,204  members.phone: truncated at 20 characters",
    ]


def test_a_clean_ledger_is_one_line_and_a_sound_one_too() -> None:
    assert list(map(plain, ledger_lines(ledger(CLEAN), verbose=False))) == [
        "  accounted for: 11,273 of 11,273 records, 0 unexplained"
    ]
    sound = replace(ledger(CLEAN), causes=CAUSES[2:])
    assert len(list(ledger_lines(sound, verbose=False))) == 1


def test_the_console_shows_five_causes_and_counts_the_others() -> None:
    many = replace(LEDGER, causes=tuple(cause(f"cause {n}") for n in range(7)))
    lines = list(ledger_lines(many, verbose=False))
    assert [line.rpartition(" ")[2] for line in lines[2:7]] == ["0", "1", "2", "3", "4"]
    assert lines[7:] == ["         and 2 more causes, ranked in the report"]


@pytest.mark.parametrize(
    "found, colour",
    [(ledger(CLEAN), 32), (LEDGER, 31), (ledger(members="no list"), 35), (ledger(CLEAN, events="no list"), 33)],
    ids=["clean", "unexplained", "not-evaluated", "in-part"],
)
def test_the_headline_has_the_colour_of_what_it_is_worth(found: Ledger, colour: int) -> None:
    assert next(iter(ledger_lines(found, verbose=False))).startswith(f"  \x1b[{colour}maccounted for\x1b[0m: ")


def test_verbose_shows_the_whole_account_aligned() -> None:
    lines = [plain(line) for line in ledger_lines(LEDGER, verbose=True)]
    assert [line.split() for line in lines[2:5]] == [
        ["records", "landed", "altered", "merged", "skipped", "rejected", "missing", "unexplained"],
        ["Members", "2,147", "2,050", "40", "5", "20", "20", "12", "3"],
        ["Events", "523", "523", "0", "0", "0", "0", "0", "0"],
    ]
    assert lines[7].split() == ["Members", "2,215", "2,110", "100", "3", "2", "2"]
    assert len({len(line) for line in lines[2:5]}) == len({len(line) for line in lines[6:9]}) == 1
    for words in (
        "           members: target id 2,100, natural key (email) 10",
        "           members.tier_id: the bundle names no tiers",
        "           members.phone: empty_as_null: 12 records",
        "               3 (0.1 %)  members: not in the database (unexplained)",
        "             100 (0.1 %)  members: older than the run (harmless)",
    ):
        assert words in lines


def test_ten_million_records_fit_on_the_console() -> None:
    big = account("registrations", (9_999_000, 10_000, 1000, 1000, 10_000, 1000), (10_010_000, 99_999, 99_999, 99_999))
    assert max(len(plain(line)) for line in ledger_lines(ledger(big, MEMBERS, EVENTS), verbose=True)) <= WIDTH


@pytest.mark.parametrize("verbose", [pytest.param(False, marks=pytest.mark.soak), True], ids=["short", "verbose"])
@given(ledgers())
def test_no_text_steers_the_console_or_breaks_its_lines(verbose: bool, found: Ledger) -> None:
    lines = [plain(line).replace("\x1b[35m", "") for line in ledger_lines(found, verbose=verbose)]
    assert [printable(line) for line in lines] == lines
    tables = ("    Members ", "    Events ", "    Registrations ", " " * 12)
    assert all(len(line) <= WIDTH for line in lines[1:] if not line.startswith(tables))


@pytest.mark.parametrize("text", [text for text in HOSTILE if text.strip()], ids=range(17))
def test_a_hostile_title_stays_one_line(text: str) -> None:
    hostile = replace(LEDGER, causes=(cause(text, text),), not_evaluated={"events": text})
    assert len(list(ledger_lines(hostile, verbose=False))) == 3
    assert place(hostile.causes[0]) == f"members.{text}"
