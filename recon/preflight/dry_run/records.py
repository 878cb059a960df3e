"""What the records of a dry run say: errors, numbers that add up, duplicates, required fields."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from recon.bundle.columns import COLUMNS, RECORD
from recon.masking import mask_text
from recon.model import ENTITIES, SINGULAR, Probe
from recon.preflight.dry_run.bundle import CATEGORY
from recon.preflight.dry_run.violating import STATEMENTS, ViolatingRows, few, found
from recon.preflight.wording import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from recon.bundle import Bundle
    from recon.model import Check
    from recon.warehouse import Warehouse

MOST_SKIPPED_PERCENT = 5
REQUIRED = {
    "members": ("email", "first_name", "last_name"),
    "events": ("title", "start_time"),
    "registrations": ("member_id", "event_id"),
}
MEND = "Correct the source, do the dry run again, and review it"
ERRORS = Probe(
    "dry_run_errors",
    "Errors of the Dry Run",
    CATEGORY,
    "The importer reports no error.",
    "These records would be rejected: their people, events or registrations would be missing",
    MEND,
)
COUNTS = Probe(
    "dry_run_counts",
    "Counts of the Dry Run",
    CATEGORY,
    f"The report's numbers add up and fit its records, and at most {MOST_SKIPPED_PERCENT} % of the rows are skipped.",
    "The report does not describe what the importer would do, or much of the source would be left out",
    "Ask who maintains the importer; look at why rows are skipped",
)
IDS = Probe(
    "dry_run_duplicate_ids",
    "Duplicate IDs",
    CATEGORY,
    "Each id stands for one record and leads to one row, in records and id map.",
    "Two records would be written over each other, or a later sync would mistake one for the other",
    MEND,
)
EMAILS = Probe(
    "dry_run_duplicate_emails",
    "Duplicate E-mail Addresses",
    CATEGORY,
    "No two members to be written have one e-mail address, in upper or lower case.",
    "Members are found by their e-mail address: these would become one, with the values of the last",
    "Give each person an address of their own in the source, or merge them there; then do the dry run again",
)
FIELDS = Probe(
    "dry_run_required",
    "Required Fields",
    CATEGORY,
    "Every record to be written has its required fields.",
    "Rows would lack what the application needs, or be refused by the database",
    MEND,
)


def ask_records(bundle: Bundle, warehouse: Warehouse) -> Iterator[Check]:
    """Ask what can be known without a database."""
    unlisted = [name for name in ENTITIES if f"source.{name}" in warehouse.missing]
    yield _errors(warehouse)
    yield _counts(warehouse)
    yield _ids(warehouse, unlisted)
    yield _emails(warehouse, unlisted)
    yield _fields(bundle, warehouse, unlisted)


def unlisted_sentence(unlisted: Iterable[str]) -> str:
    """Why nothing is known of the records of some entities."""
    return (
        f"The bundle counts its {' and '.join(unlisted)} and does not list them: let the importer list the records, or "
        "name its exports with --exports"
    )


def _errors(warehouse: Warehouse) -> Check:
    listed = found(warehouse, STATEMENTS["errors"])
    (stated,) = warehouse.rows("select coalesce(sum(errors), 0)::bigint as n from source.counts")
    if warehouse.rows("select 1 as fatal from source.errors where entity = 'system'"):
        return listed.judge(ERRORS.failed, "The importer ended with a fatal error")
    number = max(listed.total, stated["n"])
    if number:
        detail = None if listed.total == number else f"The report lists {listed.total:,} of them"
        return listed.judge(ERRORS.failed, f"{counted(number, 'error')} reported", detail)
    if warehouse.rows("select 1 as unknown from source.counts where errors is null"):
        return ERRORS.warned("No error is listed, and the report does not count the errors of every entity")
    return ERRORS.passed("No errors")


def _counts(warehouse: Warehouse) -> Check:
    rows = warehouse.rows(STATEMENTS["arithmetic"])
    if rows:
        words = "; ".join(f"{r['entity']}: {r['problem']} ({r['stated']:,}, {r['found']:,})" for r in rows[:3])
        return few(rows).judge(COUNTS.failed, words)
    skipped = [
        row | {"percent": round(100 * row["skipped"] / row["total_rows"], 1)}
        for row in warehouse.rows("select entity, total_rows, skipped from source.counts order by place")
        if row["total_rows"] and row["skipped"] and 100 * row["skipped"] > MOST_SKIPPED_PERCENT * row["total_rows"]
    ]
    if skipped:
        words = ", ".join(f"{row['skipped']:,} of {row['total_rows']:,} {row['entity']}" for row in skipped)
        return few(skipped).judge(COUNTS.warned, f"More than {MOST_SKIPPED_PERCENT} % are skipped: {words}")
    if warehouse.rows("select 1 as unknown from source.counts where accounted is null or total_rows is null"):
        return COUNTS.warned(
            "The report does not count all that it read, skipped or rejected, so nothing can be added up"
        )
    return COUNTS.passed("The report's numbers add up")


def _ids(warehouse: Warehouse, unlisted: list[str]) -> Check:
    twice = found(warehouse, STATEMENTS["duplicate_ids"])
    if twice.total:
        first = twice.rows[0]
        words = f"{counted(twice.total, 'duplicate id')}, such as {mask_text(first['id'])} of the {first['entity']}"
        return twice.judge(IDS.failed, words)
    if unlisted:
        return IDS.not_evaluated(f"None in the id map. {unlisted_sentence(unlisted)}")
    shared = found(warehouse, STATEMENTS["shared_rows"])
    if shared.total:
        message = (
            f"No duplicate ids; {counted(shared.total, 'row')} would stand for several records, one of them skipped"
        )
        return shared.judge(IDS.warned, message)
    return IDS.passed("No duplicate ids in records and id map")


def _emails(warehouse: Warehouse, unlisted: list[str]) -> Check:
    if "members" in unlisted:
        return EMAILS.not_evaluated(unlisted_sentence(["members"]))
    if "source.members.email" in warehouse.missing:
        return EMAILS.not_evaluated(f"Not known: {warehouse.missing['source.members.email']}")
    twice = found(warehouse, STATEMENTS["duplicate_emails"])
    if twice.total:
        several = "1 e-mail address stands" if twice.total == 1 else f"{twice.total:,} e-mail addresses stand"
        return twice.judge(EMAILS.failed, f"{several} for several members")
    return EMAILS.passed("No e-mail address twice")


def _fields(bundle: Bundle, warehouse: Warehouse, unlisted: list[str]) -> Check:
    required, unknown = required_fields(bundle.config)
    lacking = []
    not_known = []
    for entity, columns in required.items():
        for column in [] if entity in unlisted else columns:
            if f"source.{entity}.{column}" in warehouse.missing:
                not_known.append(f"{entity} {_key(entity, column)}")
            else:
                sql = STATEMENTS["lacking"].format(entity=entity, column=column, field=_key(entity, column))
                lacking.append(found(warehouse, sql))
    rows = [row for one in lacking for row in one.rows]
    if rows:
        names = ", ".join(dict.fromkeys(f"{SINGULAR[row['entity']]} {row['field']}" for row in rows))
        number = sum(one.total for one in lacking)
        return ViolatingRows(rows, number).judge(FIELDS.failed, f"{counted(number, 'required value')} missing: {names}")
    if unlisted:
        return FIELDS.not_evaluated(unlisted_sentence(unlisted))
    if not_known:
        return FIELDS.not_evaluated(f"Not known, because the export has no such column: {', '.join(not_known)}")
    if unknown:
        names = ", ".join(unknown)
        return FIELDS.warned(f"None is missing of those known; required_fields also names: {names}")
    words = "; ".join(f"{e} {', '.join(_key(e, c) for c in columns)}" for e, columns in required.items() if columns)
    return FIELDS.passed(f"None is missing: {words}")


def required_fields(config: Mapping[str, Any] | None) -> tuple[dict[str, tuple[str, ...]], tuple[str, ...]]:
    """The required columns by entity, and the names in the importer's configuration that no record has a field for.

    `import_options.required_fields` is a list, of members' fields and of any others that only one entity has, or an
    object of lists by entity. Entities that it says nothing about have the usual ones; a registration always needs
    its member and event.
    """
    options = (config or {}).get("import_options")
    named = options.get("required_fields") if isinstance(options, dict) else None
    by_entity: dict[str, list[str]] = {}
    unknown: list[str] = []
    for entity, name in _pairs(named):
        homes = [entity] if entity else list(ENTITIES)
        found = next(((e, c) for e in homes if e in COLUMNS and (c := _column(e, name))), None)
        if found is None:
            unknown.append(name)
        else:
            by_entity.setdefault(found[0], []).append(found[1])
    links = dict.fromkeys([*by_entity.get("registrations", ()), *REQUIRED["registrations"]])
    chosen = {entity: tuple(by_entity.get(entity) or REQUIRED[entity]) for entity in ENTITIES}
    return chosen | {"registrations": tuple(links)}, tuple(unknown)


def _pairs(named: object) -> Iterator[tuple[str, str]]:
    """Entity, "" where none is named, and field, for each name."""
    if isinstance(named, list):
        yield from (("", str(name)) for name in named)
    elif isinstance(named, dict):
        entities = {**{name: name for name in ENTITIES}, **{one: name for name, one in SINGULAR.items()}}
        for entity, names in named.items():
            for name in names if isinstance(names, list) else [names]:
                yield entities.get(str(entity).lower(), str(entity)), str(name)


def _column(entity: str, name: str) -> str | None:
    """The column of a field, however its name is written: firstName, first_name, First name."""
    own = COLUMNS[entity][len(RECORD) :]
    letters = _letters(name)
    return next((c.name for c in own if letters in {_letters(c.name), _letters(c.key)}), None)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _key(entity: str, column: str) -> str:
    return next(c.key for c in COLUMNS[entity] if c.name == column)
