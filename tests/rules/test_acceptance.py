"""Accepted differences applied: what is accepted, what re-opens, and what somebody has to see to."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judged_rules import RULES, warehouse_of
from msgspec.structs import replace
from soaking import examples

from recon.model import Acceptance, AcceptedDifferences, Check, Outcome
from recon.rules.acceptance import AcceptanceFile, AcceptedEntry
from recon.rules.acceptance.applying import apply_acceptance, match_entries
from recon.rules.evaluation import evaluate
from recon.rules.findings import create_findings
from recon.warehouse import Warehouse

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

TODAY = date(2026, 11, 30)
UNTIL = date(2027, 1, 31)
RULE = replace(
    next(iter(RULES.values())),
    id="found",
    category="records",
    severity="critical",
    file=Path("own.yaml"),
    values_sql=None,
    parameters={},
    requires=(),
    uses=(),
    when_empty=None,
    when_missing=None,
    escalate="It is grave",
    messages={"pass": "fine", "fail": "{violations} found"},
)
ROWS = "('members', '1', 'email', 'a', 'x'), ('members', '2', 'email', 'b', 'x'), ('events', '2', null, 'c', 'y')"
WIDE = AcceptedEntry("found", "known", "Jo", UNTIL, maximum=3)


def select(rows: str = ROWS) -> str:
    return f"select * from (values {rows}) v(entity, wa_id, field, value, cause)"


class Applied:
    """What entries came to at one rule: the check, the file's account, and where each finding stands."""

    def __init__(self, entries: Sequence[AcceptedEntry], sql: str = "", **changes: Any) -> None:
        rule = replace(RULE, sql=sql or select(), **changes)
        with warehouse_of() as warehouse:
            check = evaluate(rule, warehouse, 1)
            create_findings([rule], [check], warehouse)
            file = AcceptanceFile("own.toml", tuple(entries))
            (self.check,), self.told = apply_acceptance(file, [check], warehouse, TODAY)
            found = warehouse.rows("select entity, key, standing from checks.findings order by entity, key")
        self.standings = {f"{row['entity']} {row['key']}": row["standing"] for row in found}
        assert self.check.found is check.outcome


def entries_of(sql: str = "", **terms: Any) -> list[AcceptedEntry]:
    """An entry for each finding of the rule."""
    rule = replace(RULE, sql=sql or select())
    with warehouse_of() as warehouse:
        create_findings([rule], [evaluate(rule, warehouse, 1)], warehouse)
        found = warehouse.rows("select * from checks.findings order by entity desc, key")
    names = ("entity", "key", "field", "cause", "fingerprint")
    base = replace(WIDE, maximum=None, **terms)
    return [replace(base, **{name: row[name] for name in names}) for row in found]


@pytest.fixture(scope="module")
def entries() -> list[AcceptedEntry]:
    return entries_of()


def test_a_check_whose_findings_are_all_accepted_warns(entries: list[AcceptedEntry]) -> None:
    earlier = replace(entries[1], expires=UNTIL - timedelta(days=1), owner="Sam", reason="seen")
    done = Applied([entries[0], earlier, entries[2]])
    assert done.check.outcome is Outcome.WARN
    assert done.check.message == "3 accepted until 2027-01-30: 3 found"
    assert done.check.detail == "Accepted by Jo: known; Accepted by Sam: seen"
    assert done.check.escalate is None
    assert done.check.accepted == Acceptance(3, 0, 0, earlier.expires, Outcome.FAIL)
    assert set(done.standings.values()) == {"accepted"}
    assert done.told == AcceptedDifferences("own.toml", 3, 0)


def test_what_is_not_accepted_still_fails(entries: list[AcceptedEntry]) -> None:
    done = Applied(entries[:2])
    assert (done.check.outcome, done.check.message) == (Outcome.FAIL, "3 found")
    assert done.check.detail == "2 of 3 accepted until 2027-01-31"
    assert done.check.escalate == "It is grave"
    assert done.standings == {"events 2": "open", "members 1": "accepted", "members 2": "accepted"}


def test_a_value_that_changed_reopens(entries: list[AcceptedEntry]) -> None:
    done = Applied(entries, select(ROWS.replace("'b'", "'changed'")))
    assert done.check.outcome is Outcome.FAIL
    assert done.check.detail == "2 of 3 accepted until 2027-01-31; 1 re-opened because their values changed"
    assert done.standings == {"events 2": "accepted", "members 1": "accepted", "members 2": "re-opened"}
    assert done.told.problems == ()


def test_a_cause_that_changed_reopens(entries: list[AcceptedEntry]) -> None:
    done = Applied([*entries[:2], replace(entries[2], cause="x")])
    assert (done.check.outcome, done.standings["events 2"]) == (Outcome.FAIL, "re-opened")


def test_an_entry_counts_to_the_end_of_its_day(entries: list[AcceptedEntry]) -> None:
    last = [replace(each, expires=TODAY) for each in entries]
    assert Applied(last).check.message.startswith("3 accepted until 2026-11-30: ")
    expired = [replace(each, expires=TODAY - timedelta(days=1)) for each in entries]
    done = Applied(expired)
    assert (done.check.outcome, done.check.accepted, done.told.expired) == (Outcome.FAIL, None, 3)
    assert done.told.problems == ("own.toml, entries 1, 2, 3 (found) expired and accept nothing",)


def test_an_entry_that_names_nothing_is_told(entries: list[AcceptedEntry]) -> None:
    done = Applied([*entries, replace(entries[0], key="9")])
    assert done.check.outcome is Outcome.WARN
    assert done.told.problems == ("own.toml, entry 4 (found, members 9, email) names nothing that was found",)
    passing = Applied([*entries, replace(WIDE, cause="none")], select() + " where false")
    assert (passing.check.outcome, passing.check.accepted) == (Outcome.PASS, None)
    assert passing.told.problems == ("own.toml, entries 1, 2, 3 and 1 more (found) name nothing that was found",)


@pytest.mark.parametrize("change", [{"fingerprint": "0" * 16}, {"expires": UNTIL + timedelta(days=9)}])
def test_two_entries_for_one_finding_that_differ_are_told(entries: list[AcceptedEntry], change: dict[str, Any]) -> None:
    done = Applied([*entries, replace(entries[0], **change)])
    assert done.check.outcome is Outcome.WARN
    assert done.told.problems == ("own.toml, entries 1, 4 (found) are about the same and contradict each other",)


def test_many_contradictions_are_not_all_told(entries: list[AcceptedEntry]) -> None:
    first = [replace(entries[0], key=str(number)) for number in range(100, 125)]
    done = Applied([*first, *(replace(each, fingerprint="0" * 16) for each in first)])
    assert [text for text in done.told.problems if "contradict" in text][-1] == (
        "own.toml: entries contradict each other in 15 more cases"
    )
    assert len(done.told.problems) == 12


def test_two_entries_that_say_the_same_are_not_told(entries: list[AcceptedEntry]) -> None:
    assert Applied([*entries, replace(entries[0], owner="Sam")]).told.problems == ()


@pytest.mark.parametrize(
    "about,accepted",
    [({}, 3), ({"cause": "x"}, 2), ({"entity": "members"}, 2), ({"entity": "events", "cause": "y"}, 1)],
)
def test_a_maximum_accepts_as_many_and_no_more(about: dict[str, str], accepted: int) -> None:
    done = Applied([replace(WIDE, maximum=accepted, **about)])
    assert done.check.accepted is not None
    assert (done.check.accepted.accepted, done.told.problems) == (accepted, ())
    assert done.check.outcome is (Outcome.WARN if accepted == 3 else Outcome.FAIL)
    if accepted > 1:
        fewer = Applied([replace(WIDE, maximum=accepted - 1, **about)])
        assert fewer.check.outcome is Outcome.FAIL
        assert set(fewer.standings.values()) == {"open"}
        assert fewer.check.detail == f"0 of 3 accepted; entry 1 accepts none: {accepted} of at most {accepted - 1}"
        assert fewer.told.problems[0].endswith(f"accepts none: {accepted} found of at most {accepted - 1}")


def test_a_maximum_counts_violations_and_not_findings() -> None:
    rows = "select 'members' as entity, 'v' as value from range(5)"
    assert Applied([replace(WIDE, maximum=4)], rows).check.outcome is Outcome.FAIL
    assert Applied([replace(WIDE, maximum=5)], rows).check.outcome is Outcome.WARN


def test_an_entry_for_one_speaks_for_it_before_one_for_many(entries: list[AcceptedEntry]) -> None:
    done = Applied([entries[0], replace(WIDE, maximum=2)])
    assert (done.check.outcome, done.told.problems) == (Outcome.WARN, ())
    changed = Applied([replace(entries[0], fingerprint="0" * 16), WIDE])
    assert (changed.check.outcome, changed.standings["members 1"]) == (Outcome.FAIL, "re-opened")
    assert changed.told.problems == ("own.toml, entry 2 (found) contradicts entry 1, which counts for what it names",)
    longer = Applied([replace(entries[0], expires=UNTIL + timedelta(days=9)), WIDE])
    assert longer.check.outcome is Outcome.WARN
    assert len(longer.told.problems) == 1


def test_a_finding_without_a_key_is_accepted_by_its_values() -> None:
    sql = "select 'members' as entity, 3 as expected, 2 as actual"
    (entry,) = entries_of(sql)
    assert entry.key is None
    assert Applied([entry], sql).check.outcome is Outcome.WARN
    assert Applied([entry], sql.replace("2 as", "1 as")).check.outcome is Outcome.FAIL


@pytest.mark.parametrize("approved_by", [None, " jO"])
def test_failures_of_integrity_need_the_approval_of_another(
    entries: list[AcceptedEntry], approved_by: str | None
) -> None:
    lacking = [replace(each, approved_by=approved_by) for each in entries]
    done = Applied(lacking, category="integrity")
    assert (done.check.outcome, done.check.accepted) == (Outcome.FAIL, None)
    assert done.told.problems == (
        "own.toml, entries 1, 2, 3 (found) accept nothing without approved_by, another person than the owner",
    )
    approved = [replace(each, approved_by="Sam") for each in entries]
    assert Applied(approved, category="integrity").check.outcome is Outcome.WARN


def test_a_failure_without_violations_is_not_accepted() -> None:
    failing = {"values_sql": "select 'FAIL' as outcome, 'too few' as reason"}
    done = Applied([WIDE], select() + " where false", **failing)
    assert (done.check.outcome, done.check.message) == (Outcome.FAIL, "too few")
    assert done.check.detail == "Not accepted: it names no violations, so there is nothing that can be accepted"


def test_what_could_not_be_evaluated_is_not_accepted_and_its_entries_are_not_unused() -> None:
    done = Applied([WIDE], "select no_such_column")
    assert (done.check.outcome, done.told.problems) == (Outcome.ERROR, ())
    named = Applied([WIDE], values_sql="select 'ERROR' as outcome, 'unclear' as reason")
    assert (named.check.outcome, named.check.accepted) == (Outcome.ERROR, None)


def test_a_warning_that_is_accepted_stays_one(entries: list[AcceptedEntry]) -> None:
    grave = {"severity": "warning", "values_sql": "select true as escalate"}
    assert Applied([], **grave).check.escalate == "It is grave"
    done = Applied(entries, **grave)
    assert (done.check.outcome, done.check.escalate) == (Outcome.WARN, None)
    assert done.check.message == "3 accepted until 2027-01-31: 3 found"
    assert done.check.found is Outcome.WARN


def test_what_is_not_listed_cannot_be_accepted() -> None:
    rule = replace(RULE, sql=select())
    with warehouse_of() as warehouse:
        check = evaluate(rule, warehouse)
        create_findings([rule], [check], warehouse)
        more = replace(check, violation_count=10)
        (done,), _ = apply_acceptance(AcceptanceFile("own.toml", (WIDE,)), [more], warehouse, TODAY)
    assert done.outcome is Outcome.FAIL
    assert done.detail == "3 of 10 accepted until 2027-01-31; 7 are not listed and cannot be accepted"


KEYS = st.sampled_from(["1", "2"]) | st.none()
NAMES = st.sampled_from(["a", "b"]) | st.none()
PRINTS = st.sampled_from(["0" * 16, "1" * 16])
FINDINGS = st.lists(
    st.tuples(st.just("found"), NAMES, KEYS, NAMES, NAMES, st.integers(1, 3), PRINTS, st.just("open")),
    max_size=6,
    unique_by=lambda row: row[1:4],
)
ONE = st.builds(
    AcceptedEntry,
    st.just("found"),
    st.just("r"),
    st.just("Jo"),
    st.sampled_from([TODAY, TODAY - timedelta(days=1), UNTIL]),
    entity=NAMES,
    key=KEYS,
    field=NAMES,
    cause=NAMES,
    fingerprint=PRINTS,
)
MANY = st.builds(
    AcceptedEntry,
    st.just("found"),
    st.just("r"),
    st.just("Jo"),
    st.sampled_from([TODAY, TODAY - timedelta(days=1), UNTIL]),
    entity=NAMES,
    field=NAMES,
    cause=NAMES,
    maximum=st.integers(1, 6),
)


@pytest.fixture(scope="module")
def findings() -> Iterator[Callable[[Sequence[tuple[Any, ...]]], Warehouse]]:
    """A warehouse whose findings are the given ones."""
    with Warehouse() as warehouse:
        rule = replace(RULE, sql="select 1 as id where false")
        create_findings([rule], [evaluate(rule, warehouse)], warehouse)

        def given_rows(rows: Sequence[tuple[Any, ...]]) -> Warehouse:
            warehouse.execute("delete from checks.findings")
            for row in rows:
                warehouse.connection.execute("insert into checks.findings values (?, ?, ?, ?, ?, ?, ?, ?, null)", row)
            return warehouse

        yield given_rows


@pytest.mark.soak
@settings(max_examples=examples(120))
@given(rows=FINDINGS, entries=st.lists(ONE | MANY, max_size=5))
def test_standings_are_those_of_the_definition(
    findings: Callable[[Sequence[tuple[Any, ...]]], Warehouse],
    rows: list[tuple[Any, ...]],
    entries: list[AcceptedEntry],
) -> None:
    warehouse = findings(rows)
    matches = match_entries(AcceptanceFile("own.toml", tuple(entries)), {}, warehouse, TODAY)
    found = warehouse.connection.execute("select entity, key, field, standing from checks.findings").fetchall()
    assert {row[:3]: row[3] for row in found} == _expected(rows, [e for e in entries if e.expires >= TODAY])
    accepted = sum(match.accepted for match in matches.checks.values())
    standing = {row[:3]: row[3] for row in found}
    assert accepted == sum(row[5] for row in rows if standing[row[1:4]] == "accepted")


def _expected(rows: list[tuple[Any, ...]], entries: list[AcceptedEntry]) -> dict[Any, str]:
    """The standing of each finding, by entity, key and field, one by one."""

    def agrees(entry: AcceptedEntry, row: tuple[Any, ...]) -> bool:
        wanted = (entry.entity, entry.field, entry.cause if entry.is_wide else None)
        return all(want in (None, has) for want, has in zip(wanted, (row[1], row[3], row[4]), strict=True))

    single = [entry for entry in entries if not entry.is_wide]
    named = {row: [e for e in single if e.key == row[2] and agrees(e, row)] for row in rows}
    same = {
        row: [e for e in each if e.fingerprint == row[6] and e.cause in (None, row[4])] for row, each in named.items()
    }
    busy = {id(entry) for each in same.values() for entry in each}
    standings = {}
    for row in rows:
        if same[row]:
            standings[row] = "accepted"
        elif any(id(entry) not in busy for entry in named[row]):
            standings[row] = "re-opened"
    left = [row for row in rows if row not in standings]
    for entry in entries:
        about = [row for row in left if entry.is_wide and agrees(entry, row)]
        if entry.maximum and sum(row[5] for row in about) <= entry.maximum:
            standings |= dict.fromkeys(about, "accepted")
    return {row[1:4]: standings.get(row, "open") for row in rows}


def test_a_check_is_shown_with_its_outcome_of_before() -> None:
    check = Check("a", "A", "c", "critical", Outcome.FAIL, "m", "d", RULE.guidance)
    assert check.found is Outcome.FAIL
