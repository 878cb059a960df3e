"""What an import report says about tier faults: the same as the database, since the importer wrote both."""

from __future__ import annotations

from typing import Any

GENERAL = ("General", "Associate")


def map_all_to_general(report: dict[str, Any]) -> None:
    """Put every member who has a tier into GENERAL."""
    general = general_tier(report)
    for record in report["members"]["records"]:
        if general and "membershipTierId" in record:
            record["membershipTierId"] = general


def lose_tiers(report: dict[str, Any]) -> None:
    """Leave no member with a tier."""
    for record in report["members"]["records"]:
        record.pop("membershipTierId", None)


def lose_some_tiers(report: dict[str, Any]) -> None:
    """Leave 15 % of the members without a tier, including those who had none."""
    records = report["members"]["records"]
    first = sorted(records, key=lambda record: ("membershipTierId" in record, record["_murmurantId"]))
    for record in first[: len(records) * 15 // 100]:
        record.pop("membershipTierId", None)


def general_tier(report: dict[str, Any]) -> str | None:
    """The id of the tier GENERAL, taken from a member with its level; None where none has a tier any more."""
    records = report["members"]["records"]
    return next((r.get("membershipTierId") for r in records if r.get("waMembershipLevel") in GENERAL), None)
