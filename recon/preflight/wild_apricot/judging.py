"""Judges one entity: what it counts against what can be read, and what is read against the shape that is needed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from recon.errors import ApiError, ApiMisunderstanding, ApiRefusal
from recon.model import Check, Findings
from recon.preflight.wild_apricot.entities import CONTACT_FIELDS, CONTACTS, NEEDED_FIELDS
from recon.preflight.wild_apricot.pages import PAGE_SIZE, Listing, read_pages
from recon.preflight.wild_apricot.shapes import count_of, mismatch, moment_of, quoted, records_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.preflight.wild_apricot.client import WildApricot
    from recon.preflight.wild_apricot.entities import ApiEntity

Row = Mapping[str, object]
DATES = ("StartDate", "EndDate", "RegistrationDate")
NOT_UNDERSTOOD = "; the API does not count them"


@dataclass(frozen=True)
class Portion:
    """The part of an entity that is asked for.

    Attributes:
        parameters: Of the query, beside those of the entity.
        words: For messages, e.g. " of event 501"; empty: all of it.
        stated: How many records it has according to another entity, which may count otherwise; 0: none, or not known.
    """

    parameters: Mapping[str, str | int] = field(default_factory=dict)
    words: str = ""
    stated: int = 0


ALL = Portion()


@dataclass
class Read:
    """What an entity answered.

    Attributes:
        check: The judgement.
        records: What was read, each once; empty where nothing was.
        count: What `$count` stated; None where it stated nothing.
    """

    check: Check
    records: list[dict[str, Any]] = field(default_factory=list)
    count: int | None = None


def ask_entity(api: WildApricot, account: str, entity: ApiEntity, portion: Portion = ALL) -> Read:
    """Count and read an entity, and judge what came.

    Args:
        api: With a token.
        account: Id of the account.
        entity: The entity.
        portion: Which part of it.

    Returns:
        The check is ERROR where nothing is known, and FAIL where the API refuses or answers in an unknown shape.
    """
    path, given = f"accounts/{account}/{entity.path}", {**entity.parameters, **portion.parameters}
    try:
        count = _counted(api, path, given)
        listing = _read(api, path, given, entity)
    except ApiRefusal as error:
        return Read(entity.probe.failed(error.message))
    except ApiError as error:
        return Read(entity.probe.not_evaluated(error.message))
    return Read(_judged(entity, count, listing, portion), listing.records, count)


def count_matching(api: WildApricot, account: str, entity: ApiEntity, condition: str) -> int | None:
    """Number of records that a filter leaves; None where the API does not say."""
    try:
        return _counted(api, f"accounts/{account}/{entity.path}", {**entity.parameters, "$filter": condition})
    except ApiError:
        return None


def _counted(api: WildApricot, path: str, parameters: Mapping[str, str | int]) -> int | None:
    """Number of records that the API states; None where it does not understand the question."""
    try:
        return count_of(api.read(path, {**parameters, "$count": "true"}))
    except ApiMisunderstanding:
        return None


def _read(api: WildApricot, path: str, parameters: Mapping[str, str | int], entity: ApiEntity) -> Listing:
    def page_at(came: int) -> list[dict[str, Any]]:
        if came and not entity.is_paged:
            return []
        page = api.page(came, PAGE_SIZE) if entity.is_paged else {}
        return records_of(api.read(path, {**parameters, **page}), entity.names, api.address(path))

    return read_pages(page_at, entity.identity)


def _judged(entity: ApiEntity, count: int | None, listing: Listing, portion: Portion) -> Check:
    probe, came, scope = entity.probe, len(listing.records), portion.words
    findings = Findings(expected=count, actual=came) if listing.is_whole else Findings()
    if not came:
        return _judged_empty(entity, count, portion)
    invalid = list(_invalid(entity, listing))
    if invalid:
        first = invalid[0]
        message = (
            f"{_number(len(invalid), entity)} of {came:,} read{scope} are not of the shape that an import needs "
            f"({entity.one} {first['id']}, {first['field'] or 'as a whole'}: {first['found']})"
        )
        return probe.failed(message, Findings(invalid))
    if count is not None and (count == 0 or (listing.is_whole and came < count)):
        rows = list(_paging(entity, listing))
        because = f" ({_summary(rows)})" if rows else ""
        what = f"$count states {_number(count, entity)}{scope}, and reading to the end gives {came:,}{because}"
        return probe.failed(what, Findings(rows, expected=count, actual=came))
    stated = _stated(entity, count, listing, scope)
    remarks = [*_remarks(entity, listing), *_paging(entity, listing), *_too_many(count, listing)]
    if remarks:
        return probe.warned(f"{stated}, with remarks: {_summary(remarks)}", Findings(remarks))
    return probe.passed(stated, findings)


def _judged_empty(entity: ApiEntity, count: int | None, portion: Portion) -> Check:
    scope = portion.words
    if count:
        message = f"$count states {_number(count, entity)}{scope}, and not one can be read"
        return entity.probe.failed(message, Findings(expected=count, actual=0))
    if portion.stated:
        message = f"{_number(portion.stated, entity)}{scope} are stated there, and not one can be read"
        return entity.probe.failed(message, Findings(expected=portion.stated, actual=0))
    if count == 0:
        return entity.probe.warned(f"Nothing there: $count states 0 {entity.many}{scope}")
    return entity.probe.not_evaluated(
        f"No {entity.many}{scope} came, and the API does not state how many there are: that may be none, or all lost"
    )


def _stated(entity: ApiEntity, count: int | None, listing: Listing, scope: str) -> str:
    """What passed, in words."""
    came = len(listing.records)
    if count is None:
        return f"{_number(came, entity)}{scope} read and of the known shape{NOT_UNDERSTOOD}"
    if listing.is_whole and came == count:
        return f"{_number(count, entity)}{scope} by $count, all read and of the known shape"
    first = "" if listing.is_whole else "the first "
    return f"{_number(count, entity)}{scope} by $count, {first}{came:,} read and of the known shape"


def _number(count: int, entity: ApiEntity) -> str:
    return f"{count:,} {entity.one if count == 1 else entity.many}"


def _summary(remarks: list[Row]) -> str:
    """The first remark of each kind, with how many there are of it."""
    kinds: dict[tuple[object, object], int] = {}
    for row in remarks:
        kind = (row["field"], row["found"])
        kinds[kind] = kinds.get(kind, 0) + 1
    shown = [f"{name} {found}" + (f" ({times} times)" if times > 1 else "") for (name, found), times in kinds.items()]
    return "; ".join(shown[:5]) + (f"; and {len(shown) - 5} more" if len(shown) > 5 else "")


def _row(key: object, name: str, found: str) -> Row:
    return {"id": quoted(str(key), 60), "field": name, "found": found}


def _invalid(entity: ApiEntity, listing: Listing) -> Iterator[Row]:
    """The records that are not of the shape."""
    for position, record in enumerate(listing.records, 1):
        found = mismatch(record, entity.shape)
        if found is not None:
            yield _row(_id_of(record, entity, position), found.field, found.found)
            continue
        for name in DATES:
            text = record.get(name)
            if text and moment_of(text) is None:
                yield _row(_id_of(record, entity, position), name, "not a time")


def _remarks(entity: ApiEntity, listing: Listing) -> Iterator[Row]:
    """What is readable, and may still be lost by an importer that does not expect it."""
    for position, record in enumerate(listing.records, 1):
        key = _id_of(record, entity, position)
        for name in entity.needed:
            if record.get(name) in (None, ""):
                yield _row(key, name, "empty")
        for name in DATES:
            moment = moment_of(record[name]) if record.get(name) else None
            if moment is not None and moment.tzinfo is None:
                yield _row(key, name, "without the offset of its time zone")
    yield from _lacking(entity, listing)


def _paging(entity: ApiEntity, listing: Listing) -> Iterator[Row]:
    """What came otherwise than in full pages of which each is new."""
    for repeated, pages in listing.repeated.items():
        yield _row(
            repeated, entity.identity, f"more than once, on pages {' and '.join(map(str, dict.fromkeys(pages)))}"
        )
    for number, size in listing.short.items():
        yield _row("", f"page {number}", f"short: {size} of {PAGE_SIZE} records, and more after it")
    if listing.is_stuck:
        yield _row("", "paging", "ignored: the same page comes again, without end")


def _lacking(entity: ApiEntity, listing: Listing) -> Iterator[Row]:
    """What none of the records has."""
    if entity is CONTACTS and not any(record.get("MembershipLevel") for record in listing.records):
        yield _row("", "MembershipLevel", "in none of the contacts read: nobody among them is a member")
    if entity is CONTACT_FIELDS:
        codes = {record.get("SystemCode") for record in listing.records}
        for code in NEEDED_FIELDS:
            if code not in codes:
                yield _row("", code, "no such contact field")


def _too_many(count: int | None, listing: Listing) -> Iterator[Row]:
    if count is not None and len(listing.records) > count:
        yield _row("", "$count", f"states {count:,}, and {len(listing.records):,} came")


def _id_of(record: Mapping[str, Any], entity: ApiEntity, position: int) -> object:
    found = record.get("Id", record.get(entity.identity))
    return found if isinstance(found, int | str) else f"number {position}"
