"""The number of members of each tier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.model import TierCount

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.warehouse import Warehouse

MEMBERS_BY_TIER = Path(__file__).parent / "queries" / "members_by_tier.sql"
NEEDED_FOR_TIERS = {"target.tiers", "target.members.tier_id", "target.tiers.id", "target.tiers.code"}
TIER_COLUMNS = (
    "target.members.id",
    "target.members.tier_id",
    "target.tiers.id",
    "target.tiers.code",
    "target.tiers.name",
    "target.tiers.sort_order",
)


def members_by_tier(warehouse: Warehouse) -> Iterator[TierCount]:
    """Yield the member count of each tier; nothing where the database does not record tiers."""
    absent = {*warehouse.missing, *warehouse.unreadable}
    if absent & NEEDED_FOR_TIERS:
        return
    for row in warehouse.rows(MEMBERS_BY_TIER.read_text(encoding="utf-8")):
        yield TierCount(**row)
