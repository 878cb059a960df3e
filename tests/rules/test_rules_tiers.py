from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from math import floor
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from judged_rules import RULES, judge, warehouse_of
from migrated_databases import KINDS, migrate
from soaking import examples
from support import check_of, verify

from recon.demo import DemoPaths, generate, write_bundle, write_sqlite
from recon.model import Outcome
from recon.rules.evaluation import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from migrated_databases import Migration

    from recon.model import Check, Verification
    from recon.warehouse import Warehouse

DANGLING = "0e000000-0000-4000-8000-000000000005"
TIER = 'select id from "MembershipTier" where code = '
MEMBERS_OF = """
create or replace table target.members as
select cast(i as varchar) as id, case when i < $with_tier then 'tier' end as tier_id from range($members) t(i)"""


@pytest.fixture(scope="module")
def warehouse() -> Iterator[Warehouse]:
    """One session for all examples; a row in `target.members` says that the table was filled."""
    with closing(warehouse_of(target={"members": [("1", None)], "tiers": [("tier", "ONE", 1)]})) as made:
        yield made


def spread(members: Mapping[str | None, int], tiers: Sequence[tuple[str, str | None, int | None]]) -> Check:
    """What the rule on the distribution says: members by tier id, and tiers as (id, code, sort order)."""
    ids = [tier_id for tier_id, number in members.items() for _ in range(number)]
    rows = [(f"member-{place}", tier_id) for place, tier_id in enumerate(ids)]
    return judge("tier_distribution", target={"members": rows, "tiers": tiers})


def covered(warehouse: Warehouse, with_tier: int, members: int) -> Check:
    """What the rule on the coverage says of so many members with a tier."""
    warehouse.connection.execute(MEMBERS_OF, {"with_tier": with_tier, "members": members})
    return evaluate(RULES["tier_coverage"], warehouse, evidence_rows=10)


def printed(with_tier: int, members: int) -> str:
    """The percentage as it has to read: halves up, and a warning always below 95."""
    tenths = floor(Fraction(1000 * with_tier, members) + Fraction(1, 2))
    if 100 * with_tier < 95 * members and tenths >= 950:
        hundredths = min(floor(Fraction(10_000 * with_tier, members) + Fraction(1, 2)), 9499)
        return f"{hundredths // 100}.{hundredths % 100:02}"
    return f"{tenths // 10}.{tenths % 10}"


@pytest.mark.parametrize(
    "with_tier, members, message",
    [
        (2115, 2147, "Tier coverage: 98.5% (2115/2147)"),
        (19, 20, "Tier coverage: 95.0% (19/20)"),
        (950_000, 1_000_000, "Tier coverage: 95.0% (950000/1000000)"),
        (60, 60, "Tier coverage: 100.0% (60/60)"),
        (1, 1, "Tier coverage: 100.0% (1/1)"),
        (1901, 2000, "Tier coverage: 95.1% (1901/2000)"),
        (1903, 2000, "Tier coverage: 95.2% (1903/2000)"),
        (1925, 2000, "Tier coverage: 96.3% (1925/2000)"),
        (1999, 2000, "Tier coverage: 100.0% (1999/2000)"),
    ],
)
def test_enough_coverage_passes(warehouse: Warehouse, with_tier: int, members: int, message: str) -> None:
    check = covered(warehouse, with_tier, members)

    assert (check.outcome, check.message, check.violation_count) == (Outcome.PASS, message, 0)


@pytest.mark.parametrize(
    "with_tier, members, message",
    [
        (1825, 2147, "Low tier coverage: 85.0% - 322 members without tier"),
        (36, 38, "Low tier coverage: 94.7% - 2 members without tier"),
        (1897, 2000, "Low tier coverage: 94.9% - 103 members without tier"),
        (1899, 2000, "Low tier coverage: 94.95% - 101 members without tier"),
        (2374, 2500, "Low tier coverage: 94.96% - 126 members without tier"),
        (94_999, 100_000, "Low tier coverage: 94.99% - 5001 members without tier"),
        (949_999, 1_000_000, "Low tier coverage: 94.99% - 50001 members without tier"),
        (1, 2000, "Low tier coverage: 0.1% - 1999 members without tier"),
        (1, 2001, "Low tier coverage: 0.0% - 2000 members without tier"),
        (0, 3, "Low tier coverage: 0.0% - 3 members without tier"),
    ],
)
def test_low_coverage_warns(warehouse: Warehouse, with_tier: int, members: int, message: str) -> None:
    check = covered(warehouse, with_tier, members)

    assert (check.outcome, check.message) == (Outcome.WARN, message)
    assert check.violation_count == members - with_tier


@settings(max_examples=examples(80))
@given(sizes=st.integers(1, 3000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
@example(sizes=(949_949, 1_000_001))
@example(sizes=(950_000, 1_000_001))
@example(sizes=(950_001, 1_000_001))
def test_coverage_is_decided_on_integers(warehouse: Warehouse, sizes: tuple[int, int]) -> None:
    check = covered(warehouse, *sizes)

    with_tier, members = sizes
    enough = Fraction(with_tier, members) >= Fraction(95, 100)
    assert check.outcome is (Outcome.PASS if enough else Outcome.WARN)
    assert f"overage: {printed(with_tier, members)}%" in check.message
    assert check.violation_count == (0 if enough else members - with_tier)


@settings(max_examples=examples(60))
@given(members=st.integers(2, 20_000), off=st.integers(-2, 2))
def test_coverage_close_to_the_threshold(warehouse: Warehouse, members: int, off: int) -> None:
    with_tier = max(0, min(members, 95 * members // 100 + off))

    check = covered(warehouse, with_tier, members)

    enough = Fraction(with_tier, members) >= Fraction(95, 100)
    assert check.outcome is (Outcome.PASS if enough else Outcome.WARN)
    assert f"overage: {printed(with_tier, members)}%" in check.message
    assert ("95.0%" in check.message) <= enough


@pytest.mark.parametrize("with_tier, members", [(19, 20), (1825, 2147), (1899, 2000), (94_999, 100_000)])
def test_actual_is_what_the_message_prints(warehouse: Warehouse, with_tier: int, members: int) -> None:
    check = covered(warehouse, with_tier, members)

    assert check.expected == 95
    assert check.actual == float(printed(with_tier, members))


def test_members_without_tier_are_named(warehouse: Warehouse) -> None:
    check = covered(warehouse, 3, 6)

    assert check.violations.to_dicts() == [{"member_id": "3"}, {"member_id": "4"}, {"member_id": "5"}]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "without, found",
    [
        (3, ("PASS", "Tier coverage: 95.0% (57/60)")),
        (4, ("WARN", "Low tier coverage: 93.3% - 4 members without tier")),
    ],
    ids=["exactly 95 %", "just below"],
)
def test_coverage_at_its_boundary(
    kind: str, without: int, found: tuple[str, str], demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.execute(
        f'update "Member" set "membershipTierId" = ({TIER} \'ALUMNI\')',
        f'update "Member" set "membershipTierId" = null where id in '
        f'(select id from "Member" order by id limit {without})',
    )

    check = check_of(migration.verify(), "tier_coverage")

    assert (check.outcome, check.message) == found


TIERS = [("a", "ALUMNI", 30), ("n", "NEWCOMER", 10), ("g", "GENERAL", 20)]


def test_tiers_stand_in_their_own_order() -> None:
    check = spread({"a": 5, "g": 3, "n": 1}, TIERS)

    assert (check.outcome, check.message) == (Outcome.PASS, "Tier distribution: NEWCOMER: 1, GENERAL: 3, ALUMNI: 5")


def test_ties_stand_in_the_order_of_their_codes() -> None:
    check = spread({"1": 1, "2": 2, "3": 3, "4": 4}, [("1", "Z", 1), ("2", "b", 2), ("3", "B", 2), ("4", "A", 2)])

    assert check.message == "Tier distribution: Z: 1, A: 4, B: 3, b: 2"


def test_a_tier_without_an_order_stands_last() -> None:
    check = spread({"1": 1, "2": 2, "3": 3}, [("1", "A", None), ("2", "Z", 9), ("3", "B", None)])

    assert check.message == "Tier distribution: Z: 2, A: 1, B: 3"


def test_a_tier_without_members_is_listed() -> None:
    check = spread({"a": 2, "n": 1}, TIERS)

    assert check.message == "Tier distribution: NEWCOMER: 1, GENERAL: 0, ALUMNI: 2"


def test_members_without_tier_stand_last() -> None:
    check = spread({None: 4, "a": 2, "n": 1}, TIERS)

    assert (check.outcome, check.message) == (
        Outcome.PASS,
        "Tier distribution: NEWCOMER: 1, GENERAL: 0, ALUMNI: 2, (none): 4",
    )


def test_a_code_is_text_and_no_template() -> None:
    check = spread({"a": 1, "b": 1}, [("a", "{distribution} | 'x'", 1), ("b", "Größe, 2", 2)])

    assert (check.outcome, check.message) == (
        Outcome.PASS,
        "Tier distribution: {distribution} | 'x': 1, Größe, 2: 1",
    )


@pytest.mark.parametrize(
    "members, tiers",
    [
        ({"g": 9}, TIERS),
        ({"g": 9, None: 3}, TIERS),
        ({"g": 1}, TIERS),
        ({"g": 9}, [("g", "GENERAL", 1)]),
        ({"g": 9, None: 3}, [("g", "GENERAL", 1)]),
    ],
    ids=["one in use", "the rest without", "one member", "one there is", "one there is, the rest without"],
)
def test_one_tier_alone_warns(members: dict[str | None, int], tiers: list[tuple[str, str | None, int | None]]) -> None:
    check = spread(members, tiers)

    assert (check.outcome, check.message) == (
        Outcome.WARN,
        "Warning: All members in tier 'GENERAL' - verify mapping",
    )
    assert check.violations["tier"].to_list() == ["GENERAL"]
    assert check.violations["members"].to_list() == [members["g"]]
    assert check.detail is not None
    assert f"GENERAL: {members['g']}" in check.detail
    assert check.escalate is None


def test_one_tier_without_a_code_warns_too() -> None:
    check = spread({"g": 9}, [("g", None, 1)])

    assert (check.outcome, check.message) == (
        Outcome.WARN,
        "Warning: All members in tier '(no code)' - verify mapping",
    )


@pytest.mark.parametrize("tiers", [TIERS, []], ids=["tiers there are", "no tier at all"])
def test_no_member_with_a_tier_warns(tiers: list[tuple[str, str | None, int | None]]) -> None:
    check = spread({None: 8}, tiers)

    assert (check.outcome, check.message) == (
        Outcome.WARN,
        "Warning: No member has a tier - verify tier seeding and mapping",
    )
    assert check.violation_count == 1


@pytest.mark.parametrize(
    "members, tiers, message",
    [
        ({"n": 3, "a": 3, "x": 1}, TIERS, "1 member has a tier that does not exist"),
        ({"n": 3, "a": 3, "x": 2, "y": 1}, TIERS, "3 members have a tier that does not exist"),
        ({"g": 9, "x": 2}, TIERS, "2 members have a tier that does not exist"),
        ({None: 9, "x": 2}, TIERS, "2 members have a tier that does not exist"),
        ({"x": 2}, TIERS, "2 members have a tier that does not exist"),
        ({"n": 2, "a": 2}, [], "4 members have a tier that does not exist"),
    ],
    ids=["one", "two ids", "beside one tier", "beside none", "all", "no tier at all"],
)
def test_a_tier_that_does_not_exist_is_a_failure(
    members: dict[str | None, int], tiers: list[tuple[str, str | None, int | None]], message: str
) -> None:
    check = spread(members, tiers)

    assert (check.outcome, check.message) == (Outcome.FAIL, message)
    lost = {key: number for key, number in members.items() if key not in {None, *(t[0] for t in tiers)}}
    found = check.violations.to_dicts()
    dangling = [row for row in found if row["problem"] == "no tier has this id"]
    assert {row["tier"] for row in dangling} == set(lost)
    assert len({row["member_id"] for row in dangling}) == sum(lost.values())
    assert check.detail is not None
    assert f"(unknown tier): {sum(lost.values())}" in check.detail
    assert ("(none)" in check.detail) == (None in members)
    assert check.escalate == f"Members refer to tiers that do not exist (data integrity): {check.violation_count}"


@pytest.mark.parametrize("kind", KINDS)
def test_a_tier_that_does_not_exist_is_no_missing_tier(
    kind: str, demo: DemoPaths, request: pytest.FixtureRequest
) -> None:
    migration = migrate(kind, demo, request)
    migration.drop_constraints()
    migration.execute(
        f'update "Member" set "membershipTierId" = \'{DANGLING}\' where id in '
        '(select id from "Member" where "membershipTierId" is not null order by id limit 30)'
    )

    verification = migration.verify()

    distribution = check_of(verification, "tier_distribution")
    assert (distribution.outcome, distribution.message) == (
        Outcome.FAIL,
        "30 members have a tier that does not exist",
    )
    assert set(distribution.violations["tier"].to_list()) == {DANGLING}
    assert distribution.violation_count == 30
    coverage = check_of(verification, "tier_coverage")
    assert (coverage.outcome, coverage.message) == (Outcome.PASS, "Tier coverage: 98.3% (59/60)")
    assert counts(verification)["(unknown tier)"] == 30
    assert verification.escalation.required


def counts(verification: Verification) -> dict[str, int]:
    return {tier.code: tier.count for tier in verification.tiers}


@pytest.mark.parametrize("kind", KINDS)
def test_the_line_and_the_table_agree(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    migration.execute(
        "update \"MembershipTier\" set \"sortOrder\" = 40 where code in ('NEWCOMER', 'GENERAL')",
        f'update "Member" set "membershipTierId" = null where "membershipTierId" = ({TIER} \'ALUMNI\')',
    )

    verification = migration.verify()

    listed = ", ".join(f"{code}: {count}" for code, count in counts(verification).items())
    assert check_of(verification, "tier_distribution").message == f"Tier distribution: {listed}"
    order = ["FIRST_YEAR", "SECOND_YEAR", "GENERAL", "NEWCOMER", "THIRD_YEAR", "ALUMNI", "LAPSED", "(none)"]
    assert list(counts(verification)) == order
    assert (counts(verification)["ALUMNI"], counts(verification)["(none)"]) == (0, 4)
    assert sum(counts(verification).values()) == 60


@pytest.mark.parametrize("members", [60, 80, 2147, 1], ids=str)
def test_percentages_are_of_all_members_with_halves_up(tmp_path: Path, members: int) -> None:
    club = generate(7, members=members, events=1, registrations=1)
    paths = DemoPaths(write_bundle(club, tmp_path / "bundle"), write_sqlite(club, tmp_path / "club.db"))

    tiers = verify(paths).tiers

    tenths = [floor(Fraction(1000 * tier.count, members) + Fraction(1, 2)) for tier in tiers]
    assert [tier.percentage for tier in tiers] == [number / 10 for number in tenths]
    assert sum(tier.count for tier in tiers) == members


def rename_ids(migration: Migration, *names: str) -> None:
    """Give the tiers readable ids; on PostgreSQL the named columns become text first."""
    if migration.kind == "postgresql":
        migration.drop_constraints()
        migration.execute(*(f"alter table {name.format('alter column')} type text" for name in names))
    migration.execute(
        'update "Member" set "membershipTierId" = '
        '(select \'tier-\' || code from "MembershipTier" t where t.id = "membershipTierId")',
        "update \"MembershipTier\" set id = 'tier-' || code",
    )


@pytest.mark.parametrize("kind", KINDS)
def test_ids_may_be_text(kind: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate(kind, demo, request)
    rename_ids(migration, '"Member" {} "membershipTierId"', '"MembershipTier" {} id')

    verification = migration.verify()

    assert check_of(verification, "tier_distribution").message.startswith("Tier distribution: NEWCOMER: 14, FIRST_YEAR")
    assert check_of(verification, "tier_coverage").message == "Tier coverage: 98.3% (59/60)"


@pytest.mark.parametrize("column", ['"Member" {} "membershipTierId"', '"MembershipTier" {} id'], ids=["member", "tier"])
def test_a_uuid_and_its_text_are_one_id(column: str, demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("postgresql", demo, request)
    migration.drop_constraints()
    migration.execute(f"alter table {column.format('alter column')} type text")

    check = check_of(migration.verify(), "tier_distribution")

    assert check.outcome is Outcome.PASS
    assert "NEWCOMER: 14, FIRST_YEAR: 22" in check.message


def test_a_text_id_that_no_tier_has_is_named(demo: DemoPaths, request: pytest.FixtureRequest) -> None:
    migration = migrate("sqlite", demo, request)
    rename_ids(migration)
    migration.execute(
        'update "Member" set "membershipTierId" = \'tier-OLD\' where "membershipTierId" = \'tier-LAPSED\''
    )

    check: Any = check_of(migration.verify(), "tier_distribution")

    assert check.outcome is Outcome.FAIL
    assert set(check.violations["tier"]) == {"tier-OLD"}
