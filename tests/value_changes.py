"""Single changes to the raw values of a small migrated club, in every column of its database and its bundle."""

from __future__ import annotations

from collections import Counter, defaultdict
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property, partial
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any, TypeAlias
from uuid import UUID

from edited_clubs import TABLES

from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recon.demo import Club

Item: TypeAlias = "dict[str, Any]"
Edit: TypeAlias = "Callable[[list[Item], Sequence[Item]], object]"
# What names a row in a report: all of the texts in one of the alternatives.
Subject: TypeAlias = "tuple[frozenset[str], ...]"

LEAST = 5
ROWS = 3
WHOLE_ROW = "(row)"
GLOBAL = frozenset({"*"})
STAMPS = ("createdAt", "updatedAt", "syncedAt")
MOMENTS = (*STAMPS, "joinedAt", "startTime", "endTime", "registeredAt", "cancelledAt", "startedAt", "completedAt")
KEYS = ("id", "eventId", "memberId", "membershipStatusId", "membershipTierId", "murmurantId", "_murmurantId")
KEYS_OF_RECORDS = ("membershipTierId", "resourceId")
NUMBERS = ("capacity", "sortOrder", "waId", "_sourceRow", "sourceRow")
FLAGS = ("isPublished", "isActive")
COUNTS = ("totalRows", "parsed", "created", "updated", "skipped", "errors")
RECORD_KEYS = {
    "members": (
        "firstName", "lastName", "email", "phone", "joinedAt", "membershipStatusCode", "waMembershipLevel",
        "membershipTierId", "birthday",
    ),
    "events": (
        "title", "description", "category", "location", "startTime", "endTime", "capacity", "isPublished",
    ),
    "registrations": ("memberId", "eventId", "status", "registeredAt", "cancelledAt"),
}  # fmt: skip
IMPORTER_KEYS = ("_sourceRow", "_waId", "_murmurantId", "_action", "_errors")


@dataclass(frozen=True)
class Change:
    """One change to one value, to the values of two rows, or to a whole row.

    Attributes:
        place: The table ("Member") or the list of the bundle ("members[]", "idMapping.members[]", "summary").
        column: The column or key; `WHOLE_ROW`.
        kind: "null", "other", "blank", "case", "zone", "swap", "gone" or "twice".
        path: Where the items are: ("tables", "Member"), ("report", "members", "records").
        items: Positions of the changed items.
        edit: Changes them.
        subjects: What a report has to name; empty: nothing but an outcome says that it was noticed.
        affects: What a report may name because of it; `GLOBAL`: anything.
        before, after: The two values, of a swap those of the two rows; None for whole rows.
    """

    place: str
    column: str
    kind: str
    path: tuple[str, ...]
    items: tuple[int, ...]
    edit: Edit = field(repr=False)
    subjects: tuple[Subject, ...]
    affects: frozenset[str]
    before: Any = None
    after: Any = None

    @property
    def where(self) -> str:
        return f"{self.place}.{self.column}"

    @cached_property
    def named(self) -> frozenset[str]:
        """Every name by which a report may mean what was changed."""
        names = {name for subject in self.subjects for name in names_in(subject)}
        return frozenset(names | {CODES} if self.place in LOOKED_UP else names)

    def __str__(self) -> str:
        values = "" if self.before == self.after else f": {self.before!r} became {self.after!r}"
        return f"{self.where}, {self.kind}, item {', '.join(map(str, self.items))}{values}"


def altered(club: Club, changes: Sequence[Change]) -> Club:
    """A copy of the club with these changes; each finds the items that it means, whatever the others add or remove."""
    copy = deepcopy(club)
    found = [(change, *_found(copy, change)) for change in changes]
    for change, items, chosen in found:
        change.edit(items, chosen)
    return copy


def _found(club: Club, change: Change) -> tuple[list[Item], list[Item]]:
    part: Any = {"tables": club.tables, "report": club.report, "policies": club.policies}
    for name in change.path:
        part = part[name]
    items = part if isinstance(part, list) else [part]
    return items, [items[place] for place in change.items]


@dataclass
class Names:
    """By what reports name the rows and records of a club."""

    club: Club
    by_row: dict[str, list[Item]] = field(default_factory=lambda: defaultdict(list))
    by_wa_id: dict[str, str] = field(default_factory=dict)
    kin: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def __post_init__(self) -> None:
        for entity in ENTITIES:
            for record in self.club.report[entity]["records"]:
                self.by_row[record.get("_murmurantId", "")].append({"entity": entity, **record})
                self.by_wa_id[record["_waId"]] = record.get("_murmurantId", "")
        for row in self.club.tables["EventRegistration"]:
            related = {row["id"], row["memberId"], row["eventId"]}
            for each in related:
                self.kin[str(each)] |= set(map(str, related))

    def of_record(self, entity: str, record: Item) -> Subject:
        names = [frozenset({str(record["_waId"])}), frozenset({entity, f"row {record['_sourceRow']}"})]
        return (*names, frozenset({record["_murmurantId"]})) if "_murmurantId" in record else tuple(names)

    def of_row(self, row_id: object) -> Subject:
        row_id = str(row_id)
        records = [name for record in self.by_row.get(row_id, ()) for name in self.of_record(record["entity"], record)]
        return tuple(dict.fromkeys([frozenset({row_id}), *records]))

    def row_of(self, value: object) -> str | None:
        """The id of the row that a value refers to, by its own or the Wild Apricot id; None: it refers to none."""
        text = self.by_wa_id.get(str(value), str(value))
        return text if text in self.by_row or text in self.kin else None

    def around(self, subject: Subject) -> frozenset[str]:
        """What a change of a key, or the loss of a row, may make a report name."""
        named = names_in(subject)
        kin = {other for name in named for other in self.kin.get(name, ())}
        related = {name for other in kin for name in names_in(self.of_row(other))}
        return frozenset(named | related)


def draw_changes(club: Club, seed: int) -> list[Change]:
    """At least `LEAST` changes for every column of the club's tables and key of its report, by seed."""
    return list(Draw(club, seed).all())


@dataclass(frozen=True)
class Place:
    """Items of one kind, and which of them may be changed.

    Attributes:
        name: As in `Change.place`.
        path: As in `Change.path`.
        eligible: Positions in `items`.
        entity: The entity of the items; empty where they are not of one.
    """

    name: str
    path: tuple[str, ...]
    items: list[Item]
    eligible: list[int]
    entity: str = ""


class Draw:
    """Draws the changes to one club."""

    def __init__(self, club: Club, seed: int) -> None:
        self.club, self.names = club, Names(club)
        self.rng = Random(f"changes {seed}")  # noqa: S311

    def all(self) -> Iterator[Change]:
        for part in (self.of_tables(), self.of_records(), self.of_lists(), self.of_numbers(), self.of_run()):
            yield from part

    def of_tables(self) -> Iterator[Change]:
        claimed = {name for name in self.names.by_row if name and len(self.names.by_row[name]) == 1}
        for table, rows in self.club.tables.items():
            # What nobody recorded cannot be missed: the values of rows that were there before.
            key = "id" if table in TABLES.values() else "murmurantId"
            eligible = [n for n, row in enumerate(rows) if key not in row or row[key] in claimed]
            columns = OF_TABLES.get(table, tuple(rows[0]) if rows else ())
            # Of runs, the bundle names this one alone.
            chosen = eligible[:1] if table == "AuditLog" else eligible
            yield from self._of_items(Place(table, ("tables", table), rows, chosen), columns)

    def of_records(self) -> Iterator[Change]:
        for entity, fields in RECORD_KEYS.items():
            records = self.club.report[entity]["records"]
            counted = Counter(record.get("_murmurantId") for record in records)
            # Nor can the values of a rejected record, or of one whose row holds another record's.
            named = [n for n, each in enumerate(records) if "_murmurantId" in each]
            eligible = [n for n in named if counted[records[n]["_murmurantId"]] == 1]
            place = Place(f"{entity}[]", ("report", entity, "records"), records, eligible, entity)
            yield from self._of_items(place, (*fields, *IMPORTER_KEYS))

    def of_lists(self) -> Iterator[Change]:
        report = self.club.report
        for entity, mappings in report["idMapping"].items():
            eligible = [n for n, each in enumerate(mappings) if len(self.names.by_row[each["murmurantId"]]) == 1]
            place = Place(f"idMapping.{entity}[]", ("report", "idMapping", entity), mappings, eligible, entity)
            yield from self._of_items(place, tuple(mappings[0]))
        for column in report["errors"][0]:
            yield from self._of_column(Place("errors[]", ("report", "errors"), report["errors"], [0, 1]), column)
        policies = self.club.policies["policies"]
        others = [n for n, each in enumerate(policies) if not each["key"].startswith("membership.tiers")]
        yield from self._of_column(Place("policies[]", ("policies", "policies"), policies, others), "value")

    def _of_items(self, place: Place, columns: Sequence[str]) -> Iterator[Change]:
        for column in columns:
            yield from self._of_column(place, column)
        yield from self._of_whole_rows(place)

    def of_numbers(self) -> Iterator[Change]:
        """The numbers that the report states of its entities and of all of them."""
        for place in (*ENTITIES, "summary"):
            for figure in COUNTS if place in ENTITIES else self.club.report["summary"]:
                value = self.club.report[place][figure]
                # Whether rejected rows count as parsed is the importer's choice.
                others = {value + 2, value + 10, value + 1000, 2 * value + 1, abs(value - 3)} - {value}
                for after in (*sorted(others), None):
                    yield self._of_figure(place, figure, value, after)

    def of_run(self) -> Iterator[Change]:
        """What the report says about the run as a whole."""
        report = self.club.report
        changed: dict[str, list[Any]] = {
            "runId": ["run-20240116-101500", report["runId"].upper(), report["runId"] + " ", " ", None],
            "dryRun": [True, 1, "false", "", None],
        }
        for key in ("startedAt", "completedAt"):
            changed[key] = [_moved(report[key], hours=hours) for hours in (-8, 2, 720)] + ["soon", None]
        for key, values in changed.items():
            for after in values:
                kind = "null" if after is None else "other"
                edit = partial(_set, key, after)
                yield Change("report", key, kind, ("report",), (0,), edit, (), GLOBAL, report[key], after)

    def _of_figure(self, place: str, figure: str, value: int, after: int | None) -> Change:
        subject: Subject = (frozenset({place, figure}),)
        affects = frozenset(names_in(subject))
        if place == "summary":
            affects |= {f"{figure} {entity}" for figure in COUNTS for entity in ENTITIES}
        if after is None:
            subject = (*subject, frozenset({place, "rows not counted"}))
            affects = GLOBAL if figure in ("created", "updated") else affects | names_in(subject)
        kind = "null" if after is None else "other"
        edit = partial(_set, figure, after)
        return Change(place, figure, kind, ("report", place), (0,), edit, (subject,), affects, value, after)

    def _of_column(self, place: Place, column: str) -> Iterator[Change]:
        kinds = CHANGES[_type_of(column, place.name)]
        found = (self._change(place, column, kind) for kind in (*kinds, *(kinds * 6 * LEAST)))
        yield from islice((change for change in found if change), max(LEAST, len(kinds)))

    def _change(self, place: Place, column: str, kind: str) -> Change | None:
        """A change of that kind to an item where it makes a difference; None where there is none."""
        values = [item.get(column) for item in place.items]
        for first in self.rng.sample(place.eligible, len(place.eligible)):
            before = after = values[first]
            if kind == "swap":
                differ = [n for n in place.eligible if values[n] != before]
                if differ:
                    chosen = (first, self.rng.choice(differ))
                    return self._made(place, column, kind, chosen, partial(_swap, column), before, values[chosen[1]])
            else:
                others = [values[n] for n in place.eligible]
                after = _other_value(kind, before, self.rng, others, _type_of(column, place.name))
            if after != before or type(after) is not type(before):
                return self._made(place, column, kind, (first,), partial(_set, column, after), before, after)
        return None

    def _made(
        self,
        place: Place,
        column: str,
        kind: str,
        chosen: tuple[int, ...],
        edit: Edit,
        *values: Any,
    ) -> Change:
        subjects = tuple(self._subject(place, place.items[n]) for n in chosen)
        if column == "_action":
            figures = _figures(place.entity, "created", "updated", "skipped")
            subjects = tuple((*subject, *figures) for subject in subjects)
        affects = self._affects(place.name, column, subjects, values)
        subjects = () if affects == GLOBAL else subjects
        return Change(place.name, column, kind, place.path, chosen, edit, subjects, affects, *values)

    def _of_whole_rows(self, place: Place) -> Iterator[Change]:
        for kind in ("gone", "twice"):
            for chosen in self.rng.sample(place.eligible, min(ROWS, len(place.eligible))):
                subject = self._subject(place, place.items[chosen])
                affects = self._affects(place.name, "id", (subject,), [])
                edit: Edit = _remove
                if kind == "twice":
                    new_id = _uuid(self.rng)
                    edit = partial(_repeat, new_id)
                    subject = (frozenset({new_id}),) if place.name in TABLES.values() else subject
                if place.name in RECORDS:
                    # A record more or less is found by the numbers of its entity.
                    subject = (*subject, *_figures(place.entity))
                affects |= names_in(subject)
                subjects = () if affects == GLOBAL else (subject,)
                yield Change(place.name, WHOLE_ROW, kind, place.path, (chosen,), edit, subjects, affects)

    def _subject(self, place: Place, item: Item) -> Subject:
        if place.name in TABLES.values():
            return self.names.of_row(item["id"])
        if "murmurantId" in item:
            own = tuple(frozenset({str(item[key])}) for key in ("waId", "id") if key in item)
            return (*own, *self.names.of_row(item["murmurantId"]))
        if place.name == "errors[]":
            record = {"_waId": item["waId"], "_sourceRow": item["sourceRow"]}
            return (*self.names.of_record("members", record), *_figures("members", "errors", "error list"))
        if place.entity:
            return self.names.of_record(place.entity, item)
        return tuple(frozenset({str(item[key])}) for key in ("id", "code", "key") if key in item)

    def _affects(self, place: str, column: str, subjects: tuple[Subject, ...], values: Sequence[Any]) -> frozenset[str]:
        # Without these no verdict is reached.
        is_required = column == "id" or (place == "errors[]" and column in ("entity", "message"))
        if place == "AuditLog" or (is_required and None in values):
            return GLOBAL
        named = {name for subject in subjects for name in names_in(subject)}
        if place in LOOKED_UP and column in ("id", "code"):
            # Whoever looks it up may be named for it.
            rows = [row for row in self.club.tables["Member"] if row[LOOKED_UP[place]] in named]
            named |= {CODES, *(name for row in rows for name in names_in(self.names.of_row(row["id"])))}
        if place in RECORDS and column in (*IMPORTER_KEYS, "id"):
            named |= names_in(_figures(place.removesuffix("[]"), *COUNTS, "error list", "rows not counted"))
        named |= {CODES} if column in LOOKING_UP else set()
        if column in CONNECTING:
            others = [self.names.row_of(value) for value in values]
            for subject in (*subjects, *(self.names.of_row(row_id) for row_id in others if row_id)):
                named |= self.names.around(subject)
        return frozenset(named)


# The columns by which the profile finds runs; all columns of the other tables.
OF_TABLES = {"AuditLog": ("metadata", "createdAt")}
RECORDS = {f"{entity}[]" for entity in ENTITIES}
LOOKED_UP = {"MembershipTier": "membershipTierId", "MembershipStatus": "membershipStatusId"}
LOOKING_UP = ("membershipTierId", "waMembershipLevel", "membershipStatusId", "membershipStatusCode")
CODES = "codes"
CONNECTING = (*KEYS, "_waId", "waId", "_action", "_errors", "email", "title", "startTime")
CHANGES = {
    "text": ("null", "other", "blank", "case", "swap"),
    "key": ("null", "other", "blank", "case", "swap"),
    "timestamp": ("null", "other", "blank", "zone", "swap"),
    "integer": ("null", "other", "swap"),
    "boolean": ("null", "other", "swap"),
    "list": ("other",),
}


def _type_of(column: str, place: str = "") -> str:
    if column == "_errors":
        return "list"
    if column in NUMBERS:
        return "text" if column == "waId" and place != "WaIdMapping" else "integer"
    types = {"timestamp": MOMENTS, "boolean": FLAGS, "key": (*KEYS, *KEYS_OF_RECORDS)}
    return next((kind for kind, columns in types.items() if column in columns), "text")


def names_in(subject: Subject) -> set[str]:
    """The alternatives as single texts."""
    return {" ".join(sorted(texts)) for texts in subject}


def _figures(entity: str, *figures: str) -> Subject:
    """By what a check names numbers of the report."""
    return tuple(frozenset({entity, figure}) for figure in figures or ("totalRows", "created", "updated", "skipped"))


def _other_value(kind: str, value: Any, rng: Random, others: Sequence[Any], type_: str) -> Any:
    """Another value of the same type; the value itself where that kind of change is not possible."""
    if kind == "null":
        return None
    if kind == "other":
        return _another(value, rng, type_) or rng.choice(_different(others, value) or [f"{value or 'another'}x"])
    return OF_TEXT[kind](value, rng) if isinstance(value, str) else value


def _another(value: Any, rng: Random, type_: str) -> Any:
    """A value of that type that no other item needs to have; null where it takes another item's."""
    made: dict[str, Callable[[], Any]] = {
        "list": lambda: ["Bad date"],
        "boolean": lambda: None if value is None else not value,
        "integer": lambda: None if value is None else value + rng.choice((1, 3, 10, 100)),
        "timestamp": lambda: value and _moved(value, days=rng.choice((-400, -1, 1, 30))),
        "key": lambda: _uuid(rng) if rng.random() < 0.5 else None,
    }
    return made[type_]() if type_ in made else None


def _different(others: Sequence[Any], value: Any) -> list[Any]:
    found = {str(each): each for each in others if each not in (None, value)}
    return [found[text] for text in sorted(found)]


def _with_blank(value: str, rng: Random) -> str:
    middle = len(value) // 2
    return rng.choice((f" {value}", f"{value} ", f"{value[:middle]} {value[middle:]}"))


def _uuid(rng: Random) -> str:
    return str(UUID(int=rng.getrandbits(128), version=4))


def _moved(text: str, **by: float) -> str:
    moment = datetime.fromisoformat(text) + timedelta(**by)
    if "T" not in text:
        return moment.isoformat(sep=" ", timespec="milliseconds")
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


OF_TEXT: Mapping[str, Callable[[str, Random], str]] = {
    "blank": _with_blank,
    "case": lambda value, _: value.upper() if value != value.upper() else value.lower(),
    "zone": lambda value, rng: _moved(value, hours=rng.choice((-8, -7, -1, 1, 2, 5.5, 8))),
}


def _set(column: str, value: Any, _: list[Item], chosen: Sequence[Item]) -> None:
    chosen[0][column] = value


def _swap(column: str, _: list[Item], chosen: Sequence[Item]) -> None:
    first, second = chosen
    values = [item.get(column) for item in chosen]
    second[column], first[column] = values


def _remove(items: list[Item], chosen: Sequence[Item]) -> None:
    items[:] = [item for item in items if item is not chosen[0]]


def _repeat(new_id: str, items: list[Item], chosen: Sequence[Item]) -> None:
    """Add a copy of a row under another id, of a record under another place and Wild Apricot id."""
    copy = dict(chosen[0])
    if "id" in copy:
        copy["id"] = new_id
    if "_sourceRow" in copy:
        copy["_sourceRow"], copy["_waId"] = 9001, "99000001"
    items.append(copy)
