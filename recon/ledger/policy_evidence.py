"""What the data say about policies: the tiers that members have, and the times of events."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from msgspec import Struct

from recon.bundle.formats import DEFAULT_TIER, TIER_MAPPING, TIME_ZONE
from recon.bundle.policies import NOTHING, TEMPLATE, is_zone

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from datetime import datetime

    from recon.bundle.formats import Policy
    from recon.warehouse import Warehouse

TIERS_BY_LEVEL = """
select level, led_by, expected, coalesce(actual, '(none)') as actual, count(*) as members
from ledger.tiers where level is not null and led_by <> 'nothing'
group by level, led_by, expected, actual
order by members desc, level, actual"""
UNKNOWN_CODE = """
select count(*) as tiers, count(case when code = $code then 1 end) as known from target.tiers"""
START = "target.events.start_time"
# To the hour, since an offset changes on one; so that a million events are as few as they have hours.
STARTS = """
select date_trunc('hour', start_time) as hour, count(*) as events from target.events
where start_time between timestamp '1900-01-01' and timestamp '2100-01-01' group by 1"""
SHIFTED = """
select count(*) as n from ledger.differences
where entity = 'events' and field = 'start_time' and cause = 'zone_shifted'"""


class PolicyEvidence(Struct, frozen=True):
    """What the data say about one policy.

    Attributes:
        actual: The value that they show; `NOTHING`: they only show that the declared one is wrong.
        by: What shows it, in words.
        holds: Whether the declared value is right.
    """

    actual: object
    by: str
    holds: bool


def evidence_of(
    policies: Sequence[Policy], config: Mapping[str, Any] | None, warehouse: Warehouse, columns: Collection[str]
) -> dict[str, PolicyEvidence]:
    """Return what the data say, by the key of the policy; nothing of those about which they say nothing.

    Args:
        policies: The declared ones.
        config: The content of migration-config.json.
        warehouse: Holds the rows and the ledger.
        columns: Those that the tables of the entities have ("target.events.start_time").
    """
    declared = {policy.key: policy.value for policy in policies if policy.source != TEMPLATE}
    found = {
        **(_tiers(declared, warehouse) if {TIER_MAPPING, DEFAULT_TIER} & {*declared} else {}),
        TIME_ZONE: _zone(declared.get(TIME_ZONE), config, warehouse) if START in columns else None,
    }
    return {key: evidence for key, evidence in found.items() if evidence and key in declared}


def _tiers(declared: Mapping[str, object], warehouse: Warehouse) -> dict[str, PolicyEvidence | None]:
    """What members show of the tier mapping, level by level: the tier that most of a level have."""
    if "ledger.tiers" in {**warehouse.missing, **warehouse.unreadable}:
        return {}
    rows = warehouse.rows(TIERS_BY_LEVEL)
    mapped = [row for row in rows if row["led_by"] == "mapping"]
    default = [row for row in rows if row["led_by"] == "default"]
    return {
        TIER_MAPPING: _mapping(mapped) if mapped else None,
        DEFAULT_TIER: _default(default) if default else _unknown(declared.get(DEFAULT_TIER), warehouse),
    }


def _mapping(rows: Sequence[Mapping[str, Any]]) -> PolicyEvidence:
    by_level: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for row in rows:
        by_level[row["level"]].append(row)
    shown = {level: _most_frequent(found) for level, found in by_level.items()}
    holds = all(shown[level] == found[0]["expected"] for level, found in by_level.items())
    return PolicyEvidence(
        dict(sorted(shown.items())), f"the tiers of {sum(row['members'] for row in rows):,} members", holds
    )


def _default(rows: Sequence[Mapping[str, Any]]) -> PolicyEvidence:
    members: dict[str, int] = defaultdict(int)
    for row in rows:
        members[row["actual"]] += row["members"]
    together = [{**rows[0], "actual": code, "members": count} for code, count in members.items()]
    code = _most_frequent(sorted(together, key=lambda row: -row["members"]))
    by = f"the tiers of {sum(members.values()):,} members whose level is not in the mapping"
    return PolicyEvidence(code, by, code == rows[0]["expected"])


def _most_frequent(rows: Sequence[Mapping[str, Any]]) -> str:
    """The tier that most of them have; of several, the expected one. The rows begin with the most members."""
    most = [row["actual"] for row in rows if row["members"] == rows[0]["members"]]
    expected = rows[0]["expected"]
    return str(expected if expected in most else most[0])


def _unknown(code: object, warehouse: Warehouse) -> PolicyEvidence | None:
    """That the default tier does not exist; a tier that does may be right or not."""
    if not isinstance(code, str) or not code:
        return None
    found = warehouse.rows(UNKNOWN_CODE, {"code": code})[0]
    return (
        PolicyEvidence(NOTHING, "the tiers, of which none has that code", holds=False) if not found["known"] else None
    )


def _zone(zone: object, config: Mapping[str, Any] | None, warehouse: Warehouse) -> PolicyEvidence | None:
    """What the events' times show: that the import read them in a zone of the same time, or in another."""
    if not is_zone(zone) or warehouse.rows(SHIFTED)[0]["n"]:
        return None
    imported = _zone_of_import(config)
    starts = {row["hour"]: row["events"] for row in warehouse.rows(STARTS)}
    if not starts or imported is None:
        return None
    declared = ZoneInfo(str(zone))
    others = sum(
        count for hour, count in starts.items() if _offset(hour, declared) != _offset(hour, ZoneInfo(imported))
    )
    events = sum(starts.values())
    by = f"the times of {events:,} events, read by the import in its source_timezone"
    return PolicyEvidence(imported, by, not others)


def _zone_of_import(config: Mapping[str, Any] | None) -> str | None:
    options = (config or {}).get("import_options")
    zone = options.get("source_timezone") if isinstance(options, dict) else None
    return zone if isinstance(zone, str) and is_zone(zone) else None


def _offset(hour: datetime, zone: ZoneInfo) -> object:
    return hour.replace(tzinfo=UTC).astimezone(zone).utcoffset()
