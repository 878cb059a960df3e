from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from support import edit_report, verify

if TYPE_CHECKING:
    from typing import Any

    from recon.demo import DemoPaths
    from recon.model import Distributions


def distributed(demo: DemoPaths) -> Distributions:
    found = verify(demo, distributions=True).distributions
    assert found is not None
    return found


def change(demo: DemoPaths, sql: str) -> None:
    with closing(sqlite3.connect(demo.database)) as connection, connection:
        connection.execute(sql)


def test_only_those_who_ask_pay(demo: DemoPaths) -> None:
    assert verify(demo).distributions is None


def test_the_levels_of_the_bundle_and_the_mapping_lead_to_the_tiers_of_a_clean_club(demo: DemoPaths) -> None:
    verification = verify(demo, distributions=True)
    assert verification.distributions is not None
    assert not verification.distributions.not_known
    expected = {tally.label: tally.count for tally in verification.distributions.expected_tiers}
    assert expected == {tier.code: tier.count for tier in verification.tiers if tier.count}


def test_registrations_add_up(demo: DemoPaths) -> None:
    verification = verify(demo, distributions=True)
    assert verification.distributions is not None
    months = verification.distributions.registrations_by_month
    total = verification.counts_database["registrations"]
    assert sum(tally.count for tally in months) == total
    assert sum(tally.count for tally in verification.distributions.registrations_by_status) == total
    assert [tally.label for tally in months] == sorted(tally.label for tally in months)


def test_months_without_registrations_and_registrations_without_date_are_shown(demo: DemoPaths) -> None:
    change(demo, """update "EventRegistration" set "registeredAt" = 'soon' """)
    change(
        demo,
        """update "EventRegistration" set "registeredAt" = '2023-01-05 10:00:00' where id in
        (select id from "EventRegistration" order by id limit 3)""",
    )
    change(
        demo,
        """update "EventRegistration" set "registeredAt" = '2023-04-05 10:00:00', "status" = 'ODD' where id in
        (select id from "EventRegistration" order by id limit 1)""",
    )
    found = distributed(demo)
    assert [(tally.label, tally.count) for tally in found.registrations_by_month][:4] == [
        ("2023-01", 2),
        ("2023-02", 0),
        ("2023-03", 0),
        ("2023-04", 1),
    ]
    assert found.registrations_by_month[-1].label == "(none)"
    assert ("ODD", 1) in [(tally.label, tally.count) for tally in found.registrations_by_status]


def test_the_short_form_of_the_bundle_says_why_nothing_is_expected(demo: DemoPaths) -> None:
    def shorten(report: dict[str, Any]) -> None:
        report["members"]["records"] = f"[{len(report['members']['records'])}]"

    edit_report(demo.bundle, shorten)
    found = distributed(demo)
    assert found.expected_tiers == ()
    assert found.not_known["expected_tiers"] == "the bundle counts its members and does not list them"


def test_a_bundle_without_a_mapping_says_so(demo: DemoPaths) -> None:
    (demo.bundle / "policy-bundle.json").unlink()
    assert "membership.tiers.waMapping" in distributed(demo).not_known["expected_tiers"]


def test_two_source_rows_on_one_member_are_one(demo: DemoPaths) -> None:
    before = distributed(demo)

    def repeat(report: dict[str, Any]) -> None:
        records = report["members"]["records"]
        records.append({**records[0], "_sourceRow": 9999, "_action": "update"})
        report["members"]["updated"] += 1

    edit_report(demo.bundle, repeat)
    assert sum(t.count for t in distributed(demo).expected_tiers) == sum(t.count for t in before.expected_tiers)


def test_an_unmapped_level_takes_the_default_or_none(demo: DemoPaths) -> None:
    def unmap(report: dict[str, Any]) -> None:
        for record in report["members"]["records"][:5]:
            record["waMembershipLevel"] = "Level of no mapping"

    before = {t.label: t.count for t in distributed(demo).expected_tiers}
    edit_report(demo.bundle, unmap)
    after = {t.label: t.count for t in distributed(demo).expected_tiers}
    assert sum(before.values()) == sum(after.values())
    assert before != after
