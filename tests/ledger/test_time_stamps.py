"""Time stamps excuse rows and differences only as far as they agree with the run."""

from __future__ import annotations

from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import BEFORE, DURING, OTHER_RUN, Accounted, EditedClub, edited_club
from support import check_of

from recon.model import ENTITIES, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

FORMAT = "%Y-%m-%d %H:%M:%S.%f"
PREEXISTING = 3
ENDED = datetime(2024, 1, 15, 14, 28)  # noqa: DTZ001 - UTC without zone, as in the tables


def at(text: str) -> datetime:
    return datetime.strptime(text, FORMAT)  # noqa: DTZ007 - as above


def text_of(moment: datetime) -> str:
    return moment.strftime(FORMAT)[:-3]


def every_row(club: EditedClub) -> list[dict[str, Any]]:
    return [row for entity in ENTITIES for row in club.rows(entity)]


def move(**span: float) -> Callable[[EditedClub], None]:
    """A clock that is ahead by that span: of every row, those of before the run included."""

    def of(club: EditedClub) -> None:
        for row in every_row(club):
            for name in ("createdAt", "updatedAt"):
                row[name] = text_of(at(row[name]) + timedelta(**span))

    return of


def one_transaction(club: EditedClub) -> None:
    for row in every_row(club):
        for name in ("createdAt", "updatedAt"):
            row[name] = row[name] if row[name] < "2024" else DURING


def one_transaction_by_another_clock(club: EditedClub) -> None:
    one_transaction(club)
    move(hours=-8)(club)


def carried_over(club: EditedClub) -> None:
    """createdAt is when Wild Apricot created the record; the rows of before the run are newer than many of them."""
    rng = Random(5)  # noqa: S311 - test data
    for row in every_row(club):
        if row["createdAt"] > "2024":
            row["createdAt"] = text_of(at("2024-01-14 00:00:00.000") - timedelta(hours=rng.randrange(40_000)))


def carried_over_by_another_clock(club: EditedClub) -> None:
    move(hours=2)(club)
    for row, moment in zip(every_row(club), range(10_000), strict=False):
        row["createdAt"] = text_of(at("2023-12-31 00:00:00.000") - timedelta(hours=moment))


def as_they_are(_: EditedClub) -> None:
    """The stamps of the generated club."""


CLOCKS: dict[str, Callable[[EditedClub], None]] = {
    "": as_they_are,
    "the database's clock is 8 h behind the run's": move(hours=-8),
    "the database's clock is 2 h ahead of the run's": move(hours=2),
    "the database's clock is 5:30 h ahead of": move(hours=5.5),
    "min ahead of the run's": move(minutes=37),
    "the database's clock is 400.0 days behind": move(days=-400),
    "one transaction": one_transaction,
    "the database's clock is 8 h behind": one_transaction_by_another_clock,
    "created_at does not lie within the run, so rows are judged by updated_at": carried_over,
    "judged by updated_at; the database's clock is 2 h ahead of": carried_over_by_another_clock,
}


def with_older_rows(*, relabelled: bool = False) -> EditedClub:
    """A club with rows of before the run; `relabelled`: which another run mapped, as every sync does."""
    club = edited_club(members=40, events=30, registrations=120)
    for entity in ENTITIES:
        for record, row in club.pairs(entity)[-PREEXISTING:]:
            row["createdAt"] = row["updatedAt"] = BEFORE
            if entity != "registrations":
                club.free_of_registrations(row["id"])
            if relabelled:
                club.mapping_of(record)["syncRunId"] = OTHER_RUN
            else:
                club.club.tables["WaIdMapping"] = [m for m in club.mappings if m["murmurantId"] != row["id"]]
                for mappings in club.report["idMapping"].values():
                    mappings[:] = [m for m in mappings if m["murmurantId"] != row["id"]]
            club.remove(entity, record=record)
    return club


def failed(found: Accounted) -> set[str]:
    return {check.id for check in found.verification.checks if check.outcome in (Outcome.FAIL, Outcome.ERROR)}


@pytest.mark.parametrize("remark, stamp", CLOCKS.items())
def test_rows_of_before_the_run_are_so_by_any_clock(
    tmp_path: Path, remark: str, stamp: Callable[[EditedClub], None]
) -> None:
    club = with_older_rows(relabelled="8 h" in remark)
    stamp(club)

    found = club.account(tmp_path)

    assert failed(found) == set()
    for entity in ENTITIES:
        account = found.account(entity)
        assert account.rows_by_outcome["preexisting"] == PREEXISTING
        assert remark in account.time_stamps or remark == "one transaction"
        assert bool(account.time_stamps) == (remark not in ("", "one transaction"))


@pytest.mark.parametrize("stamp", CLOCKS.values(), ids=CLOCKS)
def test_rows_that_no_record_claims_are_not_excused_by_any_clock(
    tmp_path: Path, stamp: Callable[[EditedClub], None]
) -> None:
    """Rows that the run wrote twice, and every member's address changed with all rows stamped anew."""
    club = with_older_rows()
    for entity in ("members", "events"):
        for number, row in enumerate(club.rows(entity)[:4]):
            twice = {**row, "id": f"0f000000-0000-4000-8000-{number:012}"}
            club.rows(entity).append(twice | ({"email": f"twice{number}@example.org"} if "email" in row else {}))
    stamp(club)

    found = club.account(tmp_path)

    assert "unexpected_records" in failed(found)
    for entity in ("members", "events"):
        assert found.account(entity).rows_by_outcome == {
            "claimed": found.account(entity).outcomes["landed"], "preexisting": PREEXISTING, "foreign_run": 0,
            "unexpected": 4,
        }  # fmt: skip


def test_stamps_that_fit_no_run_excuse_nothing(tmp_path: Path) -> None:
    club = with_older_rows()
    for number, row in enumerate(every_row(club)):
        row["createdAt"] = row["updatedAt"] = text_of(at(BEFORE) - timedelta(hours=number))
    altered = club.rows("members")[0]
    altered.update(phone="805-555-0999", updatedAt="2024-02-01 10:00:00.000")

    found = club.account(tmp_path)

    assert {"unexpected_records", "altered_records"} <= failed(found)
    for entity in ENTITIES:
        assert found.account(entity).rows_by_outcome["unexpected"] == PREEXISTING
        assert "excuse no row and no difference" in found.account(entity).time_stamps
    assert "excuse no row" in str(found.verification.ledger)


def test_a_few_rows_are_read_by_the_clock_of_the_others(tmp_path: Path) -> None:
    club = edited_club(members=8, events=2, registrations=5)
    extra = {**club.rows("events")[0], "id": "0f000000-0000-4000-8000-000000000001", "title": "Older"}
    club.rows("events").append(extra | {"createdAt": BEFORE, "updatedAt": BEFORE})
    move(hours=-8)(club)

    found = club.account(tmp_path)

    assert found.account("events").rows_by_outcome["preexisting"] == 1
    assert found.account("events").time_stamps == found.account("registrations").time_stamps != ""


def test_a_run_that_created_nothing_leaves_older_rows_older(tmp_path: Path) -> None:
    """Re-run: every record is an update, created weeks before; what it wrote to without a record is named."""
    club = with_older_rows()
    for entity in ENTITIES:
        for record, row in club.pairs(entity):
            record["_action"] = "update"
            row["createdAt"] = BEFORE
    club.rows("events")[-1]["updatedAt"] = DURING

    found = club.account(tmp_path)

    assert failed(found) == set()
    assert found.account("events").rows_by_outcome["preexisting"] == PREEXISTING
    assert [(cause.name, cause.count) for cause in found.ledger.causes if cause.entity == "events"] == [
        ("preexisting", PREEXISTING - 1),
        ("overwritten", 1),
    ]
    assert check_of(found.verification, "unexpected_records").outcome is Outcome.WARN


def edit(club: EditedClub, moments: Sequence[datetime], number: int, **values: Any) -> None:
    rows = Random(3).sample(club.rows("members"), number)  # noqa: S311 - test data
    for place, (row, moment) in enumerate(zip(rows, moments, strict=True)):
        row["updatedAt"] = text_of(moment)
        row.update({name: value(place) if callable(value) else value for name, value in values.items()})


def over_days(number: int) -> list[datetime]:
    rng = Random(11)  # noqa: S311 - test data
    return [ENDED + timedelta(seconds=rng.randrange(3600, 5 * 86_400)) for _ in range(number)]


def apart(number: int, seconds: float) -> list[datetime]:
    return [ENDED + timedelta(hours=9, seconds=seconds * place) for place in range(number)]


MEMBERS = 400
NUMBER = 40


@pytest.mark.parametrize(
    "values",
    [{"phone": None}, {"lastName": "Edited"}, {"email": lambda place: f"new{place}@example.net", "phone": None}],
    ids=["alike", "alike otherwise", "not alike"],
)
def test_what_people_edit_over_days_is_theirs(tmp_path: Path, values: dict[str, Any]) -> None:
    club = edited_club(members=MEMBERS, events=5, registrations=20)
    edit(club, over_days(NUMBER), NUMBER, **values)

    found = club.account(tmp_path)

    assert failed(found) == set()
    assert {cause.name for cause in found.ledger.causes} == {"edited_later"}


def test_four_members_who_clear_their_phone_on_different_days_do_no_harm(tmp_path: Path) -> None:
    club = edited_club(members=12, events=5, registrations=20)
    rows = [row for row in club.rows("members") if row["phone"]][:4]
    for day, row in enumerate(rows):
        row.update(phone=None, updatedAt=text_of(ENDED + timedelta(days=day + 1)))

    assert failed(club.account(tmp_path)) == set()


@pytest.mark.parametrize("seconds", [0, 0.01, 1, 10])
@pytest.mark.parametrize("number", [NUMBER, MEMBERS])
def test_what_a_script_writes_is_no_edit(tmp_path: Path, seconds: float, number: int) -> None:
    club = edited_club(members=MEMBERS, events=5, registrations=20)
    edit(club, apart(number, seconds), number, email=lambda place: f"other{place}@example.net")

    found = club.account(tmp_path)

    assert "altered_records" in failed(found)
    assert found.account("members").outcomes["landed_altered"] == number
    assert {cause.name for cause in found.ledger.causes} == {"changed"}
    assert "more or faster than people edit" in found.account("members").time_stamps


def test_more_than_a_fifth_of_a_table_is_no_edit(tmp_path: Path) -> None:
    club = edited_club(members=MEMBERS, events=5, registrations=20)
    edit(club, over_days(MEMBERS // 4), MEMBERS // 4, phone="805-555-0999")

    assert "altered_records" in failed(club.account(tmp_path))


def test_a_clock_ahead_makes_no_difference_an_edit(tmp_path: Path) -> None:
    club = edited_club(members=40, events=5, registrations=20)
    move(hours=2)(club)
    for place, row in enumerate(club.rows("members")[:3]):
        row["email"] = f"other{place}@example.net"

    assert "altered_records" in failed(club.account(tmp_path))
