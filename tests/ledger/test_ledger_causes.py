"""Every kind of cause, planted in a club and named; kinds that look alike, told apart on frames."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import polars as pl
import pytest
from altered_values import TIERS, VALUES
from edited_clubs import AFTER, BEFORE, DURING, OTHER_RUN, Accounted, EditedClub, edited_club

from recon.comparison import Field, judge
from recon.ledger.causes import Mapped, name_causes, shifted
from recon.ledger.kinds import KINDS
from recon.ledger.other_columns import RELATIONS
from recon.report.json import render

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_ROW = "00000000-0000-4000-8000-00000000000{}"
SECRETS = ("Xanthippe", "Quillfeather", "xanthippe", "quillfeather", "555-0911", "5550911")


class Planting:
    """Plants causes pair by pair; notes how many of each there are."""

    def __init__(self, club: EditedClub) -> None:
        self.club = club
        self.expected: Counter[tuple[str, str, str | None, str]] = Counter()
        self._members, self._events = (iter(club.pairs(name)) for name in ("members", "events"))

    def take(self, entity: str, kind: str, title: str, field: str | None = None) -> Any:
        """A pair, of which that cause is expected; the title "" is the kind's own."""
        self.expected[entity, kind, field, title or KINDS[kind].title] += 1
        return self.untouched(entity)

    def untouched(self, entity: str) -> Any:
        return next({"members": self._members, "events": self._events, "registrations": self._registrations}[entity])

    def plant(self) -> None:
        self._lose_parents()
        self._registrations = iter(self.club.pairs("registrations"))
        for case in VALUES:
            for _ in range(case.records):
                case.edit(*self.take(case.entity, case.kind, case.title, case.field))
        self._plant_structural()
        self._plant_tiers()
        self._plant_records()
        self._plant_rejected()
        self._plant_rows()

    def _lose_parents(self) -> None:
        """Three members to be lost, each with one registration; those that are touched have none."""
        club = self.club
        self._lost = club.pairs("members")[-3:]
        touched = [row["id"] for entity in ("members", "events") for row in club.rows(entity)[:TOUCHED]]
        club.free_of_registrations(*touched, *(row["id"] for _, row in self._lost))
        self._orphans = club.pairs("registrations")[-3:]
        for (record, row), (_, member) in zip(self._orphans, self._lost, strict=True):
            record["memberId"] = row["memberId"] = member["id"]

    def _plant_structural(self) -> None:
        record, row = self.take("events", "columns_shifted", "", "title")
        self.expected["events", "columns_shifted", "description", KINDS["columns_shifted"].title] += 1
        record.update(title="Wine, Cheese", description="A tasting")
        row.update(title="Wine", description="Cheese")
        record, row = self.take("members", "other_id", "", "id")
        self.club.forget_ids("members", record)
        record["_murmurantId"] = NO_ROW.format(1)
        record, row = self.take("registrations", "parent_other", "", "member_id")
        row["memberId"] = self.club.rows("members")[-5]["id"]
        record, row = self.take("registrations", "parent_dangling", "its event does not exist", "event_id")
        row["eventId"] = NO_ROW.format(2)
        self._exchange()
        self._merge()
        self._skip()
        _, row = self.take("registrations", "unreadable", "the row's value is not a timestamp", "registered_at")
        row["registeredAt"] = "soon"
        record, _ = self.take(
            "registrations", "unreadable_source", "the report's value is not a timestamp", "registered_at"
        )
        record["registeredAt"] = "late"

    def _exchange(self) -> None:
        """Two columns that hold each other's values, and a name that was divided elsewhere."""
        record, row = self.take("events", "columns_exchanged", "exchanged with end_time", "start_time")
        self.expected["events", "columns_exchanged", "end_time", "exchanged with start_time"] += 1
        row["startTime"], row["endTime"] = row["endTime"], row["startTime"]
        record, row = self.take("registrations", "columns_exchanged", "exchanged with cancelled_at", "registered_at")
        self.expected["registrations", "columns_exchanged", "cancelled_at", "exchanged with registered_at"] += 1
        record["cancelledAt"] = None
        row["registeredAt"], row["cancelledAt"] = None, row["registeredAt"]
        record, row = self.take("members", "divided", "divided from last_name at another place", "first_name")
        self.expected["members", "divided", "last_name", "divided from first_name at another place"] += 1
        record.update(firstName="Xanthippe Anne", lastName="Quillfeather")
        row.update(firstName="Xanthippe", lastName="Anne Quillfeather")

    def _merge(self) -> None:
        """Two records of one event; the row keeps the first one's location."""
        first, row = self.take("events", "merged", "")
        self.expected["events", "merged_value", "location", KINDS["merged_value"].title] += 1
        last, lost = self.untouched("events")
        self.club.remove("events", row=lost)
        last.update(_action="update", _murmurantId=row["id"], location="Town Hall")
        first.update(
            {name: last.get(name) for name in (*last, *first) if not name.startswith("_")}, location="Main Hall"
        )
        row.update({name: value for name, value in lost.items() if name not in ("id", "createdAt")})
        row["location"] = "Main Hall"

    def _skip(self) -> None:
        record, _ = self.take("events", "left_alone", "", "capacity")
        record.update(_action="skip", capacity=record["capacity"] + 1)

    def _plant_tiers(self) -> None:
        codes = {tier["code"]: tier["id"] for tier in self.club.club.tables["MembershipTier"]}
        record, row = self.take("members", "mapped_otherwise", f"mapped otherwise than {TIERS} says", "tier_id")
        wrong = codes["ALUMNI"] if record["membershipTierId"] != codes["ALUMNI"] else codes["LAPSED"]
        row["membershipTierId"] = wrong
        record, row = self.take("members", "default_filled", "default filled in: GENERAL", "tier_id")
        record["membershipTierId"], row["membershipTierId"] = None, codes["GENERAL"]

    def _plant_records(self) -> None:
        club = self.club
        for entity in ("members", "events"):
            _, row = self.take(entity, "mapped_without_row", "")
            club.remove(entity, row=row)
            record, row = self.take(entity, "missing", "")
            club.remove(entity, row=row)
            club.forget_ids(entity, dict(record))
            record, row = self.take(entity, "skipped_without_row", "")
            club.remove(entity, row=row)
            club.forget_ids(entity, record)
            record["_action"] = "skip"
        record, row = self.take("members", "required_field_missing", "required field missing: last_name")
        record["lastName"] = " "
        club.remove("members", row=row)
        record, row = self.take("events", "row_taken", "")
        _, kept = self.untouched("events")
        record["_murmurantId"] = club.mapping_of(record)["murmurantId"] = kept["id"]
        mapping = next(each for each in club.report["idMapping"]["events"] if each["waId"] == record["_waId"])
        mapping["murmurantId"] = kept["id"]
        club.remove("events", row=row)
        record, row = self.take("events", "duplicate_key", "")
        self.expected["events", "duplicate_key", None, KINDS["duplicate_key"].title] += 2
        club.rows("events").append(dict(row))
        record, row = self.take("registrations", "parent_not_found", "rejected: its member was not found")
        record["memberId"] = ""
        club.remove("registrations", row=row)

    def _plant_rejected(self) -> None:
        club = self.club
        record, row = self.take("members", "required_field_missing", "required field missing: email")
        club.remove("members", row=row)
        club.reject("members", record, "Missing email")
        record, row = self.take("members", "rejected", "rejected by the importer: Bad phone …-…-…")
        club.remove("members", row=row)
        club.reject("members", record, "Bad phone 805-555-0911")
        self._reject_parent()
        record, row = self.take("registrations", "parent_not_found", "rejected: its member was not found")
        club.remove("registrations", row=row)
        club.reject("registrations", record, "Member not found: WA999")

    def _reject_parent(self) -> None:
        """One member is rejected, one is missing; their registrations are lost with them."""
        club = self.club
        rejected, missing, undone = self._lost
        self.expected["members", "rejected", None, "rejected by the importer: Duplicate contact"] += 2
        self.expected["members", "mapped_without_row", None, KINDS["mapped_without_row"].title] += 1
        self.expected["registrations", "parent_rejected", None, "lost because its member was rejected"] += 2
        self.expected["registrations", "parent_missing", None, "lost because its member is not in the database"] += 1
        for (_, member), (_, registration) in zip(self._lost, self._orphans, strict=True):
            club.remove("members", row=member)
            club.remove("registrations", row=registration)
        for member, _ in (rejected, undone):
            club.reject("members", member, "Duplicate contact")
        club.reject("registrations", self._orphans[0][0], f"Member not found: {rejected[0]['_waId']}")
        # Of the last one, the importer knew the id that it would have had.
        undone[0]["_murmurantId"] = undone[1]["id"]
        assert missing[0]["_action"] == "create"

    def _plant_rows(self) -> None:
        moments = {"preexisting": BEFORE, "overwritten": BEFORE, "written_later": AFTER, "unexpected": DURING}
        for kind, moment in moments.items():
            record, row = self.take("events", kind, "")
            row["createdAt"] = moment
            row["updatedAt"] = DURING if kind == "overwritten" else moment
            self.club.forget_ids("events", record)
            self.club.remove("events", record=record)
        record, _ = self.take("events", "foreign_run", "")
        self.club.mapping_of(record)["syncRunId"] = OTHER_RUN
        self.club.remove("events", record=record)


TOUCHED = 100


@dataclass(frozen=True)
class Planted:
    found: Accounted
    expected: Counter[tuple[str, str, str | None, str]]


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Planted:
    planting = Planting(edited_club(members=200, events=200, registrations=500))
    planting.plant()
    return Planted(planting.club.account(tmp_path_factory.mktemp("causes"), loose=True), planting.expected)


def test_every_kind_is_planted(planted: Planted) -> None:
    assert {name for _, name, _, _ in planted.expected} == {*KINDS}


def test_exactly_what_was_planted_is_named(planted: Planted) -> None:
    counted = Counter[tuple[str, str, str | None, str]]()
    for cause in planted.found.ledger.causes:
        counted[cause.entity, cause.name, cause.field, cause.title] += cause.count

    assert counted == planted.expected


def test_a_cause_reports_its_share_what_to_do_and_three_examples(planted: Planted) -> None:
    (cause,) = (c for c in planted.found.ledger.causes if (c.name, c.entity) == ("truncated", "events"))
    account = planted.found.account("events")

    assert (cause.count, cause.share) == (5, round(500 / account.records, 1))
    assert (cause.is_explained, cause.is_harmless, cause.action) == (True, False, KINDS["truncated"].action)
    assert len(cause.examples) == 3
    for example in cause.examples:
        assert example.source is not None
        assert example.target == example.source[:9]
        assert example.target_id in {row["target_id"] for row in planted.found.tables["differences"]}


def test_causes_are_ranked(planted: Planted) -> None:
    ranks = [(c.is_explained, c.is_harmless, -c.count) for c in planted.found.ledger.causes]

    assert ranks == sorted(ranks)


def test_a_cause_is_what_its_kind_is(planted: Planted) -> None:
    for cause in planted.found.ledger.causes:
        kind = KINDS[cause.name]
        assert (cause.is_explained, cause.is_harmless) == (kind.is_explained, kind.is_harmless)
        assert "{" not in cause.title + cause.action
        assert len(cause.examples) == min(cause.count, 3)


def test_no_person_can_be_read_in_the_report(planted: Planted) -> None:
    report = render(planted.found.verification)

    assert not [secret for secret in SECRETS if secret in report]
    lost = [row for row in planted.found.tables["differences"] if row["field"] == "email"]
    assert "xanthippe@quillfeather.org" in str(lost)
    check = next(c for c in json.loads(report)["checks"] if c["name"] == "Altered Records")
    assert "Q***" in str(check["violations"])


FLAGS = dict.fromkeys(("is_merged", "is_shifted", "is_code", "is_dangling", "is_other_altered"), False)
NOT_RELATED = dict.fromkeys(("parent", *RELATIONS))


def named(
    kind: str, values: Sequence[tuple[Any, Any]], *, edited: bool | Sequence[bool] = False, **options: Any
) -> list[str]:
    """The causes of one field's differences, by source and target values, each as "name detail"."""
    sources, targets = zip(*values, strict=True)
    frame = pl.DataFrame({"x_source": sources, "x_target": targets}, strict=False)
    return named_in(frame, kind, edited=edited, **options)


def named_in(frame: pl.DataFrame, kind: str, *, edited: bool | Sequence[bool] = False, **options: Any) -> list[str]:
    """The same of the field x of a frame."""
    differences = judge(frame, [Field("x", kind)]).differences
    flags = FLAGS | NOT_RELATED | {"is_edited": edited} | options.pop("flags", {})
    found = name_causes(
        differences.with_columns(_column(value).alias(name) for name, value in flags.items()),
        options.get("mapped", {}),
        options.get("personal", ()),
    )
    return [f"{cause} {detail}".strip() for cause, detail in found.select("cause", "detail").iter_rows()]


def _column(value: Any) -> pl.Expr | pl.Series:
    if isinstance(value, list):
        return pl.Series(value)
    return pl.lit(value, pl.Boolean() if isinstance(value, bool) else pl.String())


def at(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_shift_by_eight_hours_is_no_dropped_time() -> None:
    mornings = [(at(f"2024-01-{day:02} 08:00"), at(f"2024-01-{day:02}")) for day in (3, 4, 5)]
    others = [(at("2024-01-03 17:30"), at("2024-01-03 09:30"))]
    dropped = [(at("2024-01-03 08:00"), at("2024-01-03")), (at("2024-01-03 17:30"), at("2024-01-03"))]

    assert named("timestamp", mornings + others) == ["zone_shifted -8 h"] * 4
    assert named("timestamp", dropped) == ["time_dropped"] * 2
    assert named("timestamp", [(at("2024-01-03 08:07"), at("2024-01-03"))]) == ["time_dropped"]
    # One of another cause does not hide the others.
    assert named("timestamp", [*dropped, (at("2024-01-03 08:00"), at("2020-05-09 11:11"))])[:2] == ["time_dropped"] * 2


@pytest.mark.parametrize(
    "source, target, cause",
    [
        ("2023-03-04 08:00", "2023-04-03 08:00", "day_month_swapped"),
        ("2023-03-03 08:00", "2023-03-03 16:00", "zone_shifted +8 h"),
        ("2023-03-04 08:00", "2023-03-04 02:30", "zone_shifted -5:30 h"),
        ("2023-03-04 08:00", "2023-03-04 13:45", "zone_shifted +5:45 h"),
        ("2023-03-04 08:00", "2023-03-04 07:45", "zone_shifted -0:15 h"),
        ("2023-03-04 20:00", "2023-03-05 10:00", "zone_shifted +14 h"),
        ("2023-03-04 20:00", "2023-03-05 11:00", "changed"),
        ("2023-03-04 08:00:00.1234", "2023-03-04 08:00:00.123", "scale_rounded to milliseconds"),
        ("2023-03-04 08:00:00.750", "2023-03-04 08:00:01", "scale_rounded to whole seconds"),
        ("2023-03-04 08:00:29", "2023-03-04 08:00", "scale_rounded to whole minutes"),
        ("2023-03-04 00:00:29", "2023-03-04 00:00", "scale_rounded to whole minutes"),
        ("2023-03-04 08:00", "2024-04-03 08:00", "changed"),
    ],
)
def test_instants_that_moved_are_distinguished(source: str, target: str, cause: str) -> None:
    assert named("timestamp", [(at(source), at(target))]) == [cause]


def moves(*hours: float, start: str = "2024-01-03 08:07") -> list[tuple[datetime, datetime]]:
    """Instants of one field that moved by so many hours each."""
    return [(at(start), at(start) + timedelta(hours=by)) for by in hours]


def test_a_zone_moves_by_one_offset_or_two_an_hour_apart() -> None:
    assert named("timestamp", moves(8, 8, 7)) == ["zone_shifted +8 h", "zone_shifted +8 h", "zone_shifted +7 h"]
    assert named("timestamp", moves(1, 2, 3, -1, -2, 5)) == ["changed"] * 6
    assert named("timestamp", moves(2, -3)) == ["changed"] * 2
    # Most of them prove it, and one that moved otherwise is not explained by it.
    assert named("timestamp", moves(8, 8, 8, -3)) == ["zone_shifted +8 h"] * 3 + ["changed"]
    assert named("timestamp", moves(8, 8, -5, -5)) == ["zone_shifted +8 h"] * 2 + ["zone_shifted -5 h"] * 2


def test_an_exchange_comes_before_any_zone() -> None:
    flags = {"exchanged_with": ["y", "y", None, None]}

    found = named("timestamp", moves(2, -3, 8, 8), flags=flags)

    assert found == ["columns_exchanged y"] * 2 + ["zone_shifted +8 h"] * 2


def test_an_event_that_lasts_as_long_as_the_zone_is_off_was_not_copied() -> None:
    copied: dict[str, Any] = {"copied_from": ["y", "y", "y", None]}

    assert named("timestamp", moves(2, 2, 2, 2), flags=copied) == ["zone_shifted +2 h"] * 4
    assert named("timestamp", moves(-1, -2, -3, 8), flags=copied) == ["copied y"] * 3 + ["changed"]
    assert named("timestamp", moves(-2), flags={"copied_from": "y"}) == ["copied y"]
    assert named("timestamp", moves(2), flags={"copied_from": "y", "is_other_altered": True}) == ["zone_shifted +2 h"]


def test_a_constant_number_of_days_is_told_from_other_dates() -> None:
    assert named("timestamp", moves(24)) == ["days_shifted +1 day"]
    assert named("timestamp", moves(-24 * 1462)) == ["days_shifted -1462 days"]
    assert named("timestamp", moves(24 * 40, 24 * 40)) == ["days_shifted +40 days"] * 2
    assert named("timestamp", moves(24 * 40)) == ["changed"]
    assert named("timestamp", moves(24 * 40, 24 * 51, -24 * 33)) == ["changed"] * 3
    dates = [(source.date(), target.date()) for source, target in moves(-24, -24)]
    assert named("date", dates) == ["days_shifted -1 day"] * 2


def test_a_constant_number_of_years_is_no_number_of_days() -> None:
    starts = ("2023-03-05 08:00", "2024-02-03 08:00", "2021-03-05 08:00")
    later = [(at(start), at(start).replace(year=at(start).year + 1)) for start in starts]

    assert named("timestamp", later) == ["years_shifted +1 year"] * 3
    assert named("timestamp", [later[2]] * 2) == ["days_shifted +365 days"] * 2
    assert named("timestamp", [(at("2021-03-05"), at("1921-03-05"))]) == ["years_shifted -100 years"]
    assert named("timestamp", [(at("2021-03-05"), at("1921-03-06"))]) == ["changed"]


def test_day_and_month_swapped_on_one_date_are_no_number_of_days() -> None:
    swapped = [(at("2023-03-04 08:00"), at("2023-04-03 08:00"))] * 3

    assert named("timestamp", swapped) == ["day_month_swapped"] * 3
    others = [(at(f"2023-05-{day} 08:00"), at(f"2023-06-{day} 08:00")) for day in (20, 21)]
    assert named("timestamp", others) == ["days_shifted +31 days"] * 2


@pytest.mark.parametrize(
    "target, day",
    [
        ("1970-01-01", "1970-01-01"),
        ("1969-12-31 16:00", "1970-01-01"),
        ("1970-01-01 08:00", "1970-01-01"),
        ("0001-01-01", "0001-01-01"),
        ("9999-12-31", "9999-12-31"),
        ("9999-12-31 23:59:59.999", "9999-12-31"),
        ("1900-01-01", "1900-01-01"),
        ("1899-12-30", "1899-12-30"),
        ("1753-01-01", "1753-01-01"),
        ("1601-01-01", "1601-01-01"),
    ],
)
def test_a_system_s_zero_date_is_named(target: str, day: str) -> None:
    assert named("timestamp", [(at("2024-01-03 08:00"), at(target))]) == [f"zero_date {day}"]
    assert named("timestamp", [(None, at(target)), (None, None)]) == [f"zero_date {day}"]
    assert named("date", [(at("2024-01-03").date(), at(target).date())]) == [f"zero_date {day}"]


def test_a_date_near_a_zero_date_is_not_the_system_s() -> None:
    assert named("timestamp", [(at("1970-01-01"), at("1970-01-01 08:00"))]) == ["zone_shifted +8 h"]
    assert named("timestamp", [(at("2024-01-03"), at("1970-01-03"))]) == ["changed"]
    assert named("timestamp", [(at("1970-01-01"), at("2024-01-03"))]) == ["changed"]


def test_infinity_is_a_zero_date() -> None:
    frame = pl.DataFrame({"x_source": [0, 0], "x_target": [2**63 - 1, 1 - 2**63]}).cast(pl.Datetime("us"))

    assert named_in(frame, "timestamp") == ["zero_date infinity", "zero_date -infinity"]


def test_seconds_read_as_milliseconds_are_named() -> None:
    assert named("timestamp", [(at("2023-11-14 22:13:20"), at("1970-01-20 16:13:20"))]) == ["epoch_scaled"]
    assert named("timestamp", [(at("2023-11-14 22:13:20"), at("1970-01-20 17:13:20"))]) == ["changed"]


@pytest.mark.parametrize(
    "source, target, cause",
    [
        ("Wine\r\ncheese", "Wine\ncheese", "line_ends"),
        ("Wine\rcheese", "Wine\r\ncheese", "line_ends"),
        ("Wine\u2028cheese\n", "Wine\ncheese\r\n", "line_ends"),
        ("Wine\r\ncheese\r\n", "Wine\ncheese", "blanks_at_ends"),
        ("\u00a0Wine\t", "Wine", "blanks_at_ends"),
        ("Wine", "\ufeffWine\u200b", "blanks_at_ends"),
        ("Wine\ncheese", "Wine cheese", "whitespace"),
        ("Wine\ncheese", "Winecheese", "whitespace"),
        ("Wine  cheese ", "Wine cheese", "whitespace"),
    ],
)
def test_line_ends_and_blanks_at_the_ends_matter_in_codes_only(source: str, target: str, cause: str) -> None:
    assert named("text", [(source, target)]) == [cause]
    assert named("text", [(source, target)], flags={"is_code": True}) == ["whitespace"]
    assert KINDS[cause].is_harmless is (cause != "whitespace")
    assert named("key", [("a", "a ")], flags={"is_code": True}) == ["changed"]


def test_other_columns_explain_texts() -> None:
    values, divided = [("Anna Maria", "Anna")], {"divided_with": "y"}

    assert named("text", values) == ["truncated 4"]
    assert named("text", values, flags=divided) == ["divided y"]
    assert named("text", [("Smith", None)], flags=divided) == ["divided y"]
    assert named("text", [("Anna", "Anna Smith")], flags={"joined_with": "y"}) == ["joined y"]
    assert named("text", [("Anna", "Smith"), (None, "Smith")], flags={"copied_from": "y"}) == ["copied y"] * 2
    # A code that equals another column's value was mapped to it.
    coded: dict[str, Any] = {"copied_from": "y", "is_code": True}
    assert named("text", [("Games", "Social"), (None, "Social")], flags=coded) == ["changed", "default_filled Social"]


def test_what_no_person_types_is_no_edit() -> None:
    assert named("text", [("Wine & ale", "Wine &amp; ale")], edited=True) == ["html_entities written"]
    assert named("timestamp", [(at("2024-01-03"), at("1970-01-01"))], edited=True) == ["zero_date 1970-01-01"]
    dangling = {"parent": "event", "is_dangling": True}
    assert named("key", [("a", "b")], edited=True, flags=dangling) == ["parent_dangling event"]
    assert named("text", [("a", "b")], edited=True, flags={"exchanged_with": "y"}) == ["columns_exchanged y"]


@pytest.mark.parametrize(
    "source, target, cause",
    [
        ("Harbor Hall", "Harbor", "truncated 6"),
        ("Harbor Hall", "Harbor…", "truncated 7"),
        ("Harbor Hall", "Harb ...", "truncated 8"),
        ("Harbor Hall ", "Harbor Hall", "blanks_at_ends"),
        ("Harbor Hall", "Harbor\u00a0Hall", "whitespace"),
        ("Harbor Hall", "HarborHall", "whitespace"),
        ("Harbor Hall", "harbor hall", "case"),
        ("Harbor Hall", "HARBOR  HALL", "case"),
        ("ﬁne", "fine", "unicode_form"),
        ("Café", "Cafe\u0301", "unicode_form"),
        ("Café", "CafÃ©", "encoding UTF-8 read as Windows-1252"),
        ("Café", "Caf\ufffd", "encoding letters replaced by U+FFFD"),
        ("Harbor Hall", "arbor Hall", "changed"),
        ("Harbor", "Harbor Hall", "changed"),
        ("Harbor", "", "value_lost empty"),
        ("Harbor", None, "value_lost null"),
        ("", None, "null_empty empty became null"),
        (None, "  ", "null_empty null became blank"),
        (None, "Harbor", "default_filled Harbor"),
        ("", "x" * 41, "default_filled a value"),
    ],
)
def test_texts_that_changed_are_distinguished(source: str | None, target: str | None, cause: str) -> None:
    assert named("text", [(source, target)]) == [cause]


@pytest.mark.parametrize(
    "kind, source, target, cause",
    [
        ("float", 12.345, 12.35, "scale_rounded to 2 decimals"),
        ("float", 12.349, 12.34, "scale_rounded to 2 decimals"),
        ("float", 12.6, 13.0, "scale_rounded to 0 decimals"),
        ("float", -12.349, -12.34, "scale_rounded to 2 decimals"),
        ("float", 12.345, 12.5, "changed"),
        ("float", 12.0, 13.0, "changed"),
        ("integer", 2**53, 2**53 + 1, "changed"),
        ("integer", 40_000, 32_767, "number_limited 32767"),
        ("integer", 20, 127, "changed"),
        ("boolean", True, False, "changed"),
        ("key", "a", "b", "changed"),
    ],
)
def test_other_values_that_changed_are_distinguished(kind: str, source: Any, target: Any, cause: str) -> None:
    assert named(kind, [(source, target)]) == [cause]


def test_a_later_edit_is_no_other_mapping() -> None:
    mapped = {"x": Mapped("the mapping", ("Travel", "Social"), "Social")}
    values = [("Games", "Travel"), ("Games", "Social"), ("Games", "Opera")]

    assert named("text", values, mapped=mapped) == [
        "mapped_otherwise the mapping",
        "mapped_to_default the mapping",
        "changed",
    ]
    assert named("text", values, mapped=mapped, edited=True) == ["edited_later"] * 3


def test_a_person_edits_a_few_rows_and_an_importer_all() -> None:
    cut_off = [(f"Harbor Hall {n}", "Harbor") for n in range(4)]
    moved_by_an_hour = [(at("2024-01-03 08:00"), at("2024-01-03 09:00"))]

    assert named("text", cut_off[:3], edited=True) == ["edited_later"] * 3
    assert named("text", cut_off, edited=True) == ["edited_later"] * 4
    assert named("text", cut_off[:2], edited=[True, False]) == ["truncated 6"] * 2
    assert named("timestamp", moved_by_an_hour, edited=True) == ["edited_later"]
    assert named("text", [("Café", "CafÃ©")], edited=True) == ["encoding UTF-8 read as Windows-1252"]


def test_what_is_known_of_the_record_comes_first() -> None:
    values = [("Harbor Hall", "Harbor")]

    assert named("text", values, flags={"is_merged": True}) == ["merged_value"]
    assert named("text", values, flags={"is_shifted": True}) == ["columns_shifted"]
    assert named("key", [("a", "b")], flags={"parent": "member"}) == ["parent_other"]
    assert named("text", [(None, "Jane")], personal=("x",)) == ["default_filled a value"]


def test_a_comma_shifts_columns_only_where_both_parts_moved() -> None:
    frame = pl.DataFrame(
        {
            "a_raw": ["Wine, Cheese", '"Wine, Cheese"', "Wine, Cheese", "Wine, Cheese", "Wine", None],
            "a_target": ["Wine", "Wine", "Wine", "Wine, Cheese", "Wine", None],
            "b_raw": ["A tasting"] * 6,
            "b_target": ["Cheese", "Cheese", "A tasting", "Cheese", "Cheese", None],
        }
    )

    assert frame.select(shifted(["a", "b"])).to_series().to_list() == [True, True, False, False, False, False]
    assert frame.select(shifted(["a"])).to_series().to_list() == [False]
