"""What the unexplained have in common: planted values are found, chance is not, and nothing personal is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from functools import partial
from math import comb, exp, log
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import Accounted, EditedClub, edited_club
from msgspec.structs import replace
from soaking import rounds

from recon.answers.judgement import associations_frame
from recon.ledger.associations import AssociationReader
from recon.ledger.entities import EVERY_ENTITY
from recon.ledger.field_mapping import stored_types
from recon.ledger.hypergeometric import log_tail
from recon.ledger.traits import TraitReader
from recon.model import ENTITIES, Association, KeyHint
from recon.profile import BUILT_IN, load_profile
from recon.report.formats import FORMATS
from recon.report.ledger.document import ledger_document, ledger_of
from recon.report.ledger.lines import ledger_lines
from recon.verification.options import VerifyOptions
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.demo import DemoPaths
    from recon.warehouse import Warehouse

SIZE = {"members": 120, "events": 60, "registrations": 400}
NOWHERE = "00000000-0000-4000-8000-0000000000{:02}"
CHANGED = "2001-01-01 00:00:00.000"
IN_COMMON = "What the unexplained have in common (an association, not a cause)"


def account(edit: Callable[[EditedClub], object], **options: Any) -> Accounted:
    club = edited_club(**SIZE)
    edit(club)
    with TemporaryDirectory() as folder:
        return club.account(Path(folder), loose=True, **options)


def lose(club: EditedClub, entity: str, number: int, wanted: Callable[[dict[str, Any]], object]) -> int:
    """Remove the first rows whose records are wanted; return how many."""
    lost = [row for record, row in club.pairs(entity) if wanted(record)][:number]
    if entity != "registrations":
        club.free_of_registrations(*(row["id"] for row in lost))
    for row in lost:
        club.remove(entity, row=row)
    return len(lost)


def busiest(club: EditedClub) -> str:
    """The event with the most registrations."""
    events: list[str] = [record["eventId"] for record in club.records("registrations")]
    return max(sorted(set(events)), key=events.count)


def found(accounted: Accounted, entity: str, group: str) -> dict[str, Association]:
    """The associations of a group by field."""
    listed = [each for each in accounted.ledger.associations if (each.entity, each.group) == (entity, group)]
    by_field = {each.field: each for each in listed}
    assert len(by_field) == len(listed)
    return by_field


def plant(club: EditedClub) -> None:
    """Twelve members without a tier lose their rows, social events their records, and one event's dates are changed."""
    leveled = [pair for pair in club.pairs("members") if pair[0].get("waMembershipLevel")]
    for record, row in leveled[5::9][:12]:
        record["membershipTierId"] = row["membershipTierId"] = None
    lose(club, "members", 12, lambda record: not record.get("membershipTierId") and record.get("waMembershipLevel"))
    for record, _ in club.pairs("events"):
        if record["category"] == "Social":
            club.remove("events", record=record)
    event = busiest(club)
    for record, row in club.pairs("registrations"):
        if record["eventId"] == event:
            row["registeredAt"] = CHANGED


@pytest.fixture(scope="module")
def planted() -> Accounted:
    return account(plant)


def test_missing_members_have_no_tier(planted: Accounted) -> None:
    lost = found(planted, "members", "missing")["tier_id"]
    records, without = planted.account("members").records, 2
    share = round(100 * without / (records - 12), 1)
    assert (lost.value, lost.count, lost.of, lost.share_of_others) == (None, 12, 12, share)
    assert lost.sentence == f"all 12 have no tier; {share:g} % of the others do"
    assert lost.p_value < 1e-6
    assert planted.account("members").unexplained_records == 12


def test_unexpected_rows_share_a_category(planted: Accounted) -> None:
    extra = found(planted, "events", "unexpected")["category"]
    number = planted.account("events").unexplained_rows
    assert (extra.value, extra.count, extra.of, extra.share_of_others) == ("Social", number, number, 0.0)
    assert extra.sentence == f'all {number} have category "Social"; none of the others do'


def test_altered_records_share_their_event(planted: Accounted) -> None:
    altered = found(planted, "registrations", "altered")["event_id"]
    number = planted.account("registrations").unexplained_records
    assert number > 5
    assert (altered.count, altered.of, altered.share_of_others) == (number, number, 0.0)
    assert altered.sentence == f'all {number} have event_id "{altered.value}"; none of the others do'


def test_an_association_explains_nothing(planted: Accounted) -> None:
    causes = [cause for cause in planted.ledger.causes if cause.name in ("mapped_without_row", "unexpected", "changed")]
    assert {(cause.entity, cause.is_explained) for cause in causes} == {(entity, False) for entity in ENTITIES}
    assert planted.ledger.unexplained == sum(cause.count for cause in causes)


@pytest.mark.parametrize("name", ["md", "html", "csv-long", "json"])
def test_every_report_says_what_they_have_in_common(name: str, planted: Accounted) -> None:
    format_name = {"md": "markdown"}.get(name, name)
    text = FORMATS[format_name].render(planted.verification)
    assert "all 12 have no tier" in text
    assert (IN_COMMON in text) is (name in ("md", "html"))


def test_the_console_says_it_once_for_each_group(planted: Accounted) -> None:
    brief = " ".join(" ".join(ledger_lines(planted.ledger, verbose=False)).split())
    groups = {(each.entity, each.group) for each in planted.ledger.associations}
    assert brief.count("(an association, not a cause)") == len(groups) == 3
    whole = "\n".join(ledger_lines(planted.ledger, verbose=True))
    assert f"{IN_COMMON}:" in whole
    assert all(each.sentence[:40] in whole for each in planted.ledger.associations)


def test_it_is_read_back_from_json_and_older_reports_have_none(planted: Accounted) -> None:
    document = ledger_document(planted.ledger)
    assert ledger_of(document) == planted.ledger
    older = {name: value for name, value in document.items() if name not in ("associations", "keyHints")}
    assert (ledger_of(older).associations, ledger_of(older).key_hints) == ((), ())


def test_the_answer_has_a_row_for_each(planted: Accounted) -> None:
    frame = associations_frame(planted.verification)
    assert frame["sentence"].to_list() == [each.sentence for each in planted.ledger.associations]
    assert frame["p_value"].to_list() == [each.p_value for each in planted.ledger.associations]


@dataclass(frozen=True)
class Rule:
    """By which rows were lost, and what has to be found of it.

    Attributes:
        is_lost: Whether a record loses its row, told by the club and the record.
    """

    entity: str
    is_lost: Callable[[EditedClub, dict[str, Any]], object]
    field: str
    words: str


def is_of_sports(club: EditedClub, record: dict[str, Any]) -> bool:
    sports = (event["_murmurantId"] for event in club.records("events") if event.get("category") == "Sports")
    return record["eventId"] in sports


RULES = {
    "one level": Rule(
        "members", lambda _, record: record.get("waMembershipLevel") == "Third Year", "level", 'have level "Third Year"'
    ),
    "two levels of a tier": Rule(
        "members",
        lambda _, record: record.get("waMembershipLevel") in ("Third Year", "3rd Year"),
        "mapped_tier",
        'have mapped tier "THIRD_YEAR"',
    ),
    "a block of the export": Rule(
        "registrations",
        lambda _, record: 150 <= record["_sourceRow"] < 162,
        "source_row",
        "are in source rows 150 to 161",
    ),
    "one event": Rule(
        "registrations", lambda club, record: record["eventId"] == busiest(club), "event_id", "have event_id"
    ),
    "events of one kind": Rule(
        "registrations", is_of_sports, "event.category", 'are of an event with category "Sports"'
    ),
    "a month": Rule(
        "registrations",
        lambda _, record: record["registeredAt"].startswith("2023-05"),
        "registered_at",
        "have a registered_at in 2023-05",
    ),
}


# Rules of different entities share a verification.
@pytest.mark.parametrize(
    "names",
    [
        ("one level", "a block of the export"),
        ("two levels of a tier", "one event"),
        ("events of one kind",),
        ("a month",),
    ],
    ids=" and ".join,
)
def test_what_was_lost_by_a_rule_has_the_rule_in_common(names: tuple[str, ...]) -> None:
    rules, lost = [RULES[name] for name in names], dict[str, int]()

    def edit(club: EditedClub) -> None:
        for rule in rules:
            lost[rule.entity] = lose(club, rule.entity, 100, partial(rule.is_lost, club))

    accounted = account(edit)
    for rule in rules:
        common = found(accounted, rule.entity, "missing")[rule.field]
        assert (common.count, common.of, common.share_of_others) == (lost[rule.entity], lost[rule.entity], 0.0)
        assert common.sentence.startswith(f"all {lost[rule.entity]} {rule.words}")


def test_nothing_personal_is_tested() -> None:
    """Eight members of one name without a phone, all over the club: nothing else sets them apart."""

    def edit(club: EditedClub) -> None:
        for record, row in club.pairs("members")[3::14][:8]:
            record.update(lastName="Quillfeather", firstName="Xanthippe", phone="")
            row.update(lastName="Quillfeather", firstName="Xanthippe", phone=None)
        lose(club, "members", 8, lambda record: record["lastName"] == "Quillfeather")

    accounted = account(edit, show_pii=True)
    assert accounted.account("members").unexplained_records == 8
    assert accounted.ledger.associations == ()


def test_addresses_in_values_are_masked() -> None:
    def edit(club: EditedClub) -> None:
        for record, row in club.pairs("events")[::6][:8]:
            record["location"] = row["location"] = "ask jo.doe@example.org"
        lose(club, "events", 8, lambda record: "@" in (record.get("location") or ""))

    masked = found(account(edit), "events", "missing")["location"]
    assert masked.count == masked.of == 8
    assert masked.value == "ask j***@***"
    assert masked.sentence == 'all 8 have location "ask j***@***"; none of the others do'


class Club:
    """A sound club that was judged, in whose ledger records and rows are made unexplained, and back."""

    def __init__(self, warehouse: Warehouse, reader: AssociationReader, verification: Any) -> None:
        self.warehouse, self._reader, self.sound = warehouse, reader, verification.ledger
        self.landed = {
            entity: [row["place"] for row in warehouse.rows(LANDED.format(entity=entity))] for entity in ENTITIES
        }

    def associations(self, entity: str, group: str, chosen: list[int], *changes: str) -> tuple[Association, ...]:
        """What is found in common if those were a group, after the changes."""
        places, side = ", ".join(map(str, chosen)), "rows" if group == "unexpected" else "records"
        account = next(each for each in self.sound.entities if each.entity == entity)
        self.warehouse.execute("begin")
        for change in changes:
            self.warehouse.execute(change)
        self.warehouse.execute(GROUPS[group].format(entity=entity, places=places))
        changed = replace(account, **{f"unexplained_{side}": len(chosen)})
        read = self._reader.read(replace(self.sound, entities=(changed,)))
        self.warehouse.execute("rollback")
        return read


LANDED = "select rowid as place from ledger.{entity} where outcome = 'landed' order by place"
GROUPS = {
    "missing": """
update ledger.{entity} set outcome = 'missing_in_target', target_id = null, row_outcome = null, is_explained = false
where rowid in ({places})""",
    "altered": """
update ledger.{entity} set outcome = 'landed_altered', is_explained = false where rowid in ({places})""",
    "unexpected": """
update ledger.{entity} set outcome = null, record = null, row_outcome = 'unexpected', is_explained = false
where rowid in ({places})""",
}


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Club]:
    paths: DemoPaths = edited_club(**SIZE).write(tmp_path_factory.mktemp("club"))
    options = VerifyOptions(bundle=paths.bundle, environment={"DATABASE_URL": str(paths.database)})
    with judged(options) as judgement:
        warehouse = judgement.warehouse
        personal = load_profile().personal_columns
        reader = AssociationReader(warehouse, stored_types(warehouse), personal, masked=True)
        yield Club(warehouse, reader, judgement.verification)


def by_chance(club: Club, draws: int) -> int:
    """In how many of the draws a random group has anything in common."""
    rng = Random(20240115)  # noqa: S311 - test data
    surprises = 0
    for _ in range(draws):
        entity, group, size = rng.choice(ENTITIES), rng.choice(list(GROUPS)), rng.choice([5, 7, 12, 25])
        surprises += bool(club.associations(entity, group, sorted(rng.sample(club.landed[entity], size))))
    return surprises


def test_random_groups_have_nothing_in_common(club: Club) -> None:
    assert by_chance(club, 10) <= 1
    # The same hands do find a rule: the first rows of the export.
    for entity in ENTITIES:
        assert [each.field for each in club.associations(entity, "missing", club.landed[entity][:12])]


@pytest.mark.soak
@pytest.mark.rounds
def test_of_many_random_groups_a_twentieth_at_most_has_anything_in_common(club: Club) -> None:
    draws = rounds(40)
    assert by_chance(club, draws) <= max(1, draws // 20)


def of_level(club: Club, level: str, number: int) -> list[int]:
    """The places of the first members of a level in the ledger."""
    rows = club.warehouse.rows(OF_LEVEL, {"level": level}, number)
    assert len(rows) == number
    return [row["place"] for row in rows]


OF_LEVEL = """
select l.rowid as place from ledger.members l join source.members s on s.rowid = l.record
where s.level = $level and l.outcome = 'landed' order by place"""


def test_four_say_nothing_and_five_do(club: Club) -> None:
    rare = of_level(club, "Alumni", 5)
    assert club.associations("members", "missing", rare[:4]) == ()
    assert "level" in {each.field for each in club.associations("members", "missing", rare)}


def test_half_of_a_group_is_enough_and_less_is_not(club: Club) -> None:
    some, others = of_level(club, "Third Year", 7), of_level(club, "First Year", 8)
    levels = {each.field: each for each in club.associations("members", "altered", [*some, *others[:7]])}
    assert (levels["level"].value, levels["level"].count, levels["level"].of) == ("Third Year", 7, 14)
    fewer = club.associations("members", "altered", [*some, *others])
    assert "level" not in {each.field for each in fewer}


def fields(found: tuple[Association, ...]) -> set[str]:
    return {each.field for each in found}


def test_unexpected_rows_are_compared_with_what_the_run_created(club: Club) -> None:
    chosen = of_level(club, "First Year", 14)
    assert "level" in fields(club.associations("members", "unexpected", chosen))
    updated = """
update ledger.members set action = 'update'
where record in (select rowid from source.members where level is distinct from 'First Year')"""
    assert "level" not in fields(club.associations("members", "unexpected", chosen, updated))
    # Where the run created nothing, all rows are compared.
    none = "update ledger.members set action = 'update'"
    assert "level" in fields(club.associations("members", "unexpected", chosen, none))


def test_altered_records_are_compared_with_those_that_had_a_value(club: Club) -> None:
    chosen = [row["place"] for row in club.warehouse.rows(CANCELLED, limit=12)]
    assert "status" in fields(club.associations("registrations", "altered", chosen))
    lost = """
insert into ledger.differences (entity, field, source_state, is_explained)
values ('registrations', 'cancelled_at', 'value', false)"""
    assert "status" not in fields(club.associations("registrations", "altered", chosen, lost))


def test_missing_records_are_compared_with_those_whose_parents_are_there(club: Club) -> None:
    chosen = [row["place"] for row in club.warehouse.rows(OF_CATEGORY, {"category": "Social"}, 12)]
    assert "event.category" in fields(club.associations("registrations", "missing", chosen))
    deleted = "delete from target.events where category is distinct from 'Social'"
    assert "event.category" not in fields(club.associations("registrations", "missing", chosen, deleted))


def test_members_without_registrations_also_have_to_stand_out_among_their_like(club: Club) -> None:
    """Such rows alone can be deleted, so what most members without registrations have tells nothing."""
    chosen = of_level(club, "First Year", 8)
    assert "level" in fields(club.associations("members", "missing", chosen))
    unregistered = """
delete from source.registrations
where member_id in (select target_id from source.members where level in ('First Year', 'Newcomer'))"""
    assert "level" not in fields(club.associations("members", "missing", chosen, unregistered))
    # Third-year members stand out among them.
    others = unregistered.replace("'Newcomer'", "'Newcomer', 'Third Year'")
    assert "level" in fields(club.associations("members", "missing", of_level(club, "Third Year", 9), others))


CANCELLED = """
select l.rowid as place from ledger.registrations l join source.registrations s on s.rowid = l.record
where s.status = 'CANCELLED' and s.cancelled_at <> '' and l.outcome = 'landed' order by place"""
OF_CATEGORY = """
select l.rowid as place from ledger.registrations l join source.registrations s on s.rowid = l.record
join source.events e on e.target_id = s.event_id
where e.category = $category and l.outcome = 'landed' order by hash(l.rowid)"""


@pytest.mark.soak
def test_rows_that_share_an_id_are_counted_once_each() -> None:
    def edit(club: EditedClub) -> None:
        social = [record for record in club.records("events") if record["category"] == "Social"]
        for record in social:
            club.remove("events", record=record)
        for row in club.rows("events")[20:50:10]:
            club.rows("events").extend([dict(row)] * 3)

    accounted = account(edit)
    shared = found(accounted, "events", "unexpected")
    assert shared["category"].share_of_others == 0.0
    assert all(0 <= each.share_of_others <= 100 and each.of / 2 <= each.count <= each.of for each in shared.values())


def traits(club: Club, *personal: str) -> set[str]:
    """The names of all traits, where these columns are personal."""
    reader = TraitReader(club.warehouse, stored_types(club.warehouse), personal)
    sides = [side for entity in EVERY_ENTITY for side in (reader.of_records(entity), reader.of_rows(entity))]
    return {trait.name for side in sides for trait in side.traits}


def test_personal_columns_and_names_of_single_records_are_no_traits(club: Club) -> None:
    names = traits(club)
    assert {"level", "tier_id", "status_id", "mapped_tier", "member.level", "event.category"} <= names
    forbidden = ("first_name", "last_name", "email", "phone", "wa_id", "title", "description")
    assert not [name for name in names if name.endswith(forbidden)]
    own = traits(club, "level", "status_id", "location")
    assert names - own == {"level", "mapped_tier", "member.level", "status_code", "status_id", "member.status_id"} | {
        "location",
        "event.location",
    }


def test_keys_that_would_pair_are_counted_with_the_line_of_the_profile(tmp_path: Path) -> None:
    text = Path(BUILT_IN).read_text(encoding="utf-8")
    own = text.replace(
        'personal = "email", normalise = ["trim", "casefold"]', 'personal = "email", normalise = ["trim"]'
    )
    assert own != text
    (tmp_path / "own.toml").write_text(own, encoding="utf-8")

    def edit(club: EditedClub) -> None:
        pairs = club.pairs("members")[:9]
        club.free_of_registrations(*(row["id"] for _, row in pairs))
        for number, (record, row) in enumerate(pairs):
            club.forget_ids("members", record)
            record["_murmurantId"] = NOWHERE.format(number)
            row["email"] = row["email"].upper() if number < 7 else f"other{number}@example.org"

    accounted = account(edit, profile=tmp_path / "own.toml")
    line = '[tables.members.columns] email = { column = "email", normalise = ["trim", "casefold"] }'
    sentence = "7 of 9 missing members would pair with an unexpected row by casefold of email; not applied"
    assert accounted.ledger.key_hints == (KeyHint("members", "natural key (email)", "casefold", 7, 9, line, sentence),)
    assert accounted.account("members").outcomes["missing_in_target"] == 9
    assert associations_frame(accounted.verification).filter(field="natural key (email)")["profile_line"].item() == line
    assert all(
        sentence in FORMATS[name].render(accounted.verification) for name in ("markdown", "html", "csv-long", "json")
    )
    # The line does what it says.
    (tmp_path / "own.toml").write_text(text, encoding="utf-8")
    assert account(edit, profile=tmp_path / "own.toml").account("members").outcomes["missing_in_target"] == 2


def test_ids_that_would_pair_have_no_line() -> None:
    def edit(club: EditedClub) -> None:
        pairs = club.pairs("members")[:9]
        club.free_of_registrations(*(row["id"] for _, row in pairs))
        for number, (record, row) in enumerate(pairs):
            mapping = club.mapping_of(record)
            club.forget_ids("members", record, stored=number < 6)
            row["email"] = f"other{number}@example.org"
            row["id"] = f"key-{number}"
            record["_murmurantId"] = f"KEY-{number}" if number < 6 else "nowhere"
            mapping.update(murmurantId=row["id"], waId=f" {mapping['waId']}")

    hints = account(edit).ledger.key_hints
    assert [(hint.key, hint.normaliser, hint.count, hint.of, hint.line) for hint in hints] == [
        ("target id", "casefold", 6, 9, None),
        ("Wild Apricot id", "trim", 3, 9, None),
    ]
    assert all(hint.sentence.endswith("the profile has no line for it, so correct the ids") for hint in hints)


def test_a_sound_club_has_neither(club: Club) -> None:
    assert (club.sound.associations, club.sound.key_hints) == ((), ())


@pytest.mark.parametrize("whole, marked, drawn", [(1, 1, 1), (12, 5, 4), (30, 29, 7), (47, 3, 40), (200, 60, 47)])
def test_the_tail_is_exact(whole: int, marked: int, drawn: int) -> None:
    for number in range(drawn + 2):
        ways = sum(comb(marked, k) * comb(whole - marked, drawn - k) for k in range(number, min(marked, drawn) + 1))
        exact = Fraction(ways, comb(whole, drawn))
        assert exp(log_tail(whole, marked, drawn, number)) == pytest.approx(float(exact), rel=1e-9)


def test_the_tail_of_a_million_is_exact() -> None:
    # All of 47 of 1,000,000, of which 130,000 are marked: a product of 47 quotients.
    quotients = [Fraction(130_000 - k, 1_000_000 - k) for k in range(47)]
    exact = sum(log(quotient) for quotient in quotients)
    assert log_tail(1_000_000, 130_000, 47, 47) == pytest.approx(exact, abs=1e-6)
