"""The distributions of rows that only the charts show and no check needs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle.formats import TIER_MAPPING
from recon.model import Distributions, Tally

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.warehouse import Warehouse

QUERIES = Path(__file__).parent / "queries"
SERIES = {
    "expected_tiers": ("source.members",),
    "registrations_by_month": ("target.registrations.registered_at",),
    "registrations_by_status": ("target.registrations.status",),
}
COLUMNS = tuple(reference for references in SERIES.values() for reference in references)
MAPPED = "select count(*) as policies from source.policies where key = $key and source <> 'template'"
NO_MAPPING = f"the bundle declares no {TIER_MAPPING}, which says which tier a membership level leads to"


def distributions(warehouse: Warehouse) -> Distributions:
    """Count the rows that the charts show; `not_known` has the reason for each series that is not known."""
    not_known = _not_known(warehouse)
    series = {name: () if name in not_known else _tallies(name, warehouse) for name in SERIES}
    return Distributions(**series, not_known=not_known)


def _not_known(warehouse: Warehouse) -> Mapping[str, str]:
    absent = {**warehouse.missing, **warehouse.unreadable}
    found = {}
    for name, references in SERIES.items():
        for reference in references:
            reason = absent.get(reference) or absent.get(reference.rpartition(".")[0])
            if reason:
                found[name] = reason
    if not warehouse.rows(MAPPED, {"key": TIER_MAPPING})[0]["policies"]:
        found.setdefault("expected_tiers", NO_MAPPING)
    return found


def _tallies(name: str, warehouse: Warehouse) -> tuple[Tally, ...]:
    sql = (QUERIES / f"{name}.sql").read_text(encoding="utf-8")
    return tuple(Tally(str(row["label"]), row["count"]) for row in warehouse.rows(sql))
