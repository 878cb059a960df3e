"""How a cell of an export becomes a field of a record: the SQL of each field, by the importer's configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from recon.sql import literal, quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from recon.bundle.model import Export

LOOKED_UP = "coalesce(map({keys}, {values})[{cell}], {default})"
# A cell may hold several tags: the first one that the mapping contains, as written or in lower case, decides.
TAGGED = """coalesce(
  list_extract(list_filter(list_transform(list_concat([{cell}], string_split({cell}, ',')),
    lambda tag: coalesce(map({keys}, {values})[trim(tag)], map({keys}, {values})[lower(trim(tag))])),
    lambda mapped: mapped is not null), 1),
  {default})"""
DEFAULT = "_default"


class Given(Struct, frozen=True):
    """A column of the records and the cell that it comes from.

    Attributes:
        key: The key of the cell in `Export.cells`.
        kind: "text" (empty: null), "blank" (empty: empty), "id", "moment", "looked up", "tagged" or "linked".
        mapping: The key of migration-config.json that holds the mapping of its values.
        linked: The entity whose target id the column holds.
    """

    name: str
    key: str
    kind: str = "text"
    mapping: str = ""
    linked: str = ""


GIVEN = {
    "members": (
        Given("wa_id", "waId", "id"),
        Given("first_name", "firstName"),
        Given("last_name", "lastName"),
        Given("email", "email"),
        # Importers report the empty field of the export as it is, but write null.
        Given("phone", "phone", "blank"),
        Given("joined_at", "joinedAt", "moment"),
        Given("status_code", "waMembershipLevel", "looked up", "membership_status_mapping"),
        Given("level", "waMembershipLevel"),
    ),
    "events": (
        Given("wa_id", "waId", "id"),
        Given("title", "title"),
        Given("description", "description"),
        Given("category", "category", "tagged", "event_category_mapping"),
        Given("location", "location"),
        Given("start_time", "startTime", "moment"),
        Given("end_time", "endTime", "moment"),
        Given("capacity", "capacity"),
    ),
    "registrations": (
        Given("wa_id", "waId", "id"),
        Given("member_id", "memberId", "linked", linked="members"),
        Given("event_id", "eventId", "linked", linked="events"),
        Given("status", "status", "looked up", "registration_status_mapping"),
        Given("registered_at", "registeredAt", "moment"),
        Given("cancelled_at", "cancelledAt", "moment"),
    ),
}
PLAIN = {
    "text": "nullif({cell}, '')",
    "blank": "{cell}",
    "id": "nullif(trim({cell}), '')",
    "moment": "moment_of({cell})",
}


def value_sql(given: Given, export: Export) -> str:
    """Return the SQL of the column's value, from a row `e` of the export; only for columns where `unknown` is None."""
    cell = quote("e", given.key)
    if given.kind in PLAIN:
        return PLAIN[given.kind].format(cell=cell)
    if given.kind == "linked":
        return f"coalesce({quote(given.linked, 'target_id')}, '')"
    mapping: Mapping[str, str | None] = getattr(export.config, given.mapping)
    template = TAGGED if given.kind == "tagged" else LOOKED_UP
    return template.format(cell=cell, **_map_parts(mapping))


def _map_parts(mapping: Mapping[str, str | None]) -> dict[str, str]:
    named = {key: value for key, value in mapping.items() if key != DEFAULT}
    return {
        "keys": _list(named),
        "values": _list(named.values()),
        "default": _literal(mapping.get(DEFAULT)),
    }


def _list(values: Iterable[str | None]) -> str:
    return f"cast([{', '.join(map(_literal, values))}] as varchar[])"


def _literal(value: str | None) -> str:
    return "cast(null as varchar)" if value is None else literal(value)


def unknown(name: str, export: Export, mapped: set[str]) -> str | None:
    """Return why the export does not provide the column `name`; None where it does.

    Args:
        name: A column of the entity's records.
        export: The export to read it from.
        mapped: The entities whose ids the report maps.
    """
    given = next((given for given in GIVEN[export.entity] if given.name == name), None)
    if given is None:
        return "an export does not hold it"
    if given.key not in export.cells:
        return f"{export.file.name} does not hold it"
    if given.mapping and getattr(export.config, given.mapping) is None:
        return f"migration-config.json holds no {given.mapping}"
    if given.linked and given.linked not in mapped:
        return f"the report maps no ids of {given.linked}"
    return None
