"""A small club with what real ones have, whose values are changed one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

from edited_clubs import BEFORE, EditedClub, count_records, edited_club

from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recon.demo import Club

Pair: TypeAlias = tuple[dict[str, Any], dict[str, Any]]
SIZE = {"members": 48, "events": 36, "registrations": 48}
UPDATED = {"members": (5, 6), "events": (3,)}
EARLIER = {"run-20231101-080000": "2023-11-01 08:05:00.000", "run-20231002-080000": "2023-10-02 08:05:00.000"}


def measured_club(seed: int) -> Club:
    """A club with nulls, Unicode, merged, skipped, updated and rejected records, rows older than the run, earlier runs.

    Nothing about it fails.
    """
    club = edited_club(seed % 8, **SIZE)
    pairs = {entity: club.pairs(entity) for entity in ENTITIES}
    _write_unicode(pairs)
    for record, row in pairs["members"][:4]:
        record["birthday"], row["waRawData"] = "1961-05-17", f'{{"contact": "{record["_waId"]}"}}'
    for record, row in (pairs[entity][place] for entity, places in UPDATED.items() for place in places):
        record["_action"], row["createdAt"] = "update", BEFORE
    record, row = pairs["members"][7]
    record["_action"], row["createdAt"], row["updatedAt"] = "skip", BEFORE, BEFORE
    _merge(club, "members", pairs["members"][8:10])
    _merge(club, "events", pairs["events"][4:6])
    for pair in (pairs["members"][10], pairs["members"][14]):
        _reject(club, *pair)
    for number, (_, row) in enumerate(pairs["members"][11:14]):
        old = {"id": f"0e000000-0000-4000-8000-00000000001{number}", "email": f"founder{number}@example.org"}
        club.rows("members").append(row | old | {"createdAt": BEFORE, "updatedAt": BEFORE})
    (audit,) = club.club.tables["AuditLog"]
    for number, (run, recorded_at) in enumerate(EARLIER.items()):
        row_id = f"0e000000-0000-4000-8000-00000000002{number}"
        earlier = {"id": row_id, "createdAt": recorded_at, "metadata": f'{{"syncRunId": "{run}"}}'}
        club.club.tables["AuditLog"].append(audit | earlier)
    count_records(club.report)
    return club.club


def _write_unicode(pairs: dict[str, list[Pair]]) -> None:
    for (record, row), name in zip(pairs["members"], ("Škoda", "Nguyễn Văn", "李小龙", "Zoë"), strict=False):
        record["lastName"] = row["lastName"] = name
    for (record, row), title in zip(pairs["events"], ("Jour fixe “Été”", "Ужин"), strict=False):
        record["title"] = row["title"] = title


def _merge(club: EditedClub, entity: str, pairs: Sequence[Pair]) -> None:
    """Let two records share a row, as an importer reports them: the last one wrote, and both are mapped to the row."""
    (first, row), (last, lost) = pairs
    club.free_of_registrations(lost["id"])
    club.remove(entity, row=lost)
    row.update({name: value for name, value in lost.items() if name not in ("id", "createdAt")})
    last.update(_action="update", _murmurantId=row["id"])
    first.update({name: last[name] for name in ("email", "title", "startTime") if name in last})
    for mapping in (*club.mappings, *club.report["idMapping"][entity]):
        mapping["murmurantId"] = row["id"] if mapping["murmurantId"] == lost["id"] else mapping["murmurantId"]


def _reject(club: EditedClub, record: dict[str, Any], row: dict[str, Any]) -> None:
    """Let the importer reject a member, of whom nothing is in the database."""
    club.free_of_registrations(row["id"])
    club.remove("members", row=row)
    club.forget_ids("members", record)
    club.reject("members", record, "Missing email")
