from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from judged_rules import RULES
from msgspec.structs import replace

import recon
from recon.model import ENTITIES, Outcome
from recon.profile import load_profile
from recon.rules import RULE_TYPE, Fallback, Rule
from recon.rules.testing.situations import ROWS, WHOLE, build, situations

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from recon.rules.testing.trials import Rehearsal

RECORDS = ("source.members", "source.events", "source.registrations")
BARE, NO_DATABASE = "everything is empty", "the database is empty"
NO_EVENTS = Fallback(Outcome.WARN, "There are no events", "target.events")
# Vacuous in every way: it finds nothing where there is nothing.
PLANTED = Rule(
    id="planted",
    title="Planted",
    category="own",
    suite="own",
    file=Path("own.yaml"),
    type=RULE_TYPE,
    severity="critical",
    description="No event ends before it starts.",
    sql="select id from target.events where end_time < start_time",
    requires=("target.events.id", "target.events.start_time", "target.events.end_time"),
    messages={"pass": "None", "fail": "Found {violations}"},
)


TITLED = "select id, title from target.events where end_time < start_time"
BOTH_TABLES = ("target.members.id", *PLANTED.requires)
UNNAMED = {
    "column": (TITLED, ["target.events.title"]),
    "columns of two tables": (
        "select e.id from target.events e join target.members m on m.email = e.title where end_time < start_time",
        ["target.members.email", "target.events.title"],
    ),
    "column of another table": (
        "select id from target.events where exists (select code from target.statuses) and end_time < start_time",
        ["target.statuses.code"],
    ),
    "table": ("select id from target.events, (select count(*) from target.statuses)", ["target.statuses"]),
}
UNEVALUATED: dict[str, tuple[dict[str, Any], str]] = {
    "misspelt": ({"sql": "selec id from target.events"}, "syntax error"),
    "empty": ({"sql": ""}, "a rule's SQL is one select, not nothing"),
    "two statements": ({"sql": "select 1; select 2"}, "one select"),
    "deletes": ({"sql": "delete from target.events"}, "one select"),
    "unknown table": ({"sql": "select id from target.event"}, 'Did you mean "events"?'),
    "two rows of values": ({"values_sql": "select 1 union all select 2"}, "several rows"),
    "unknown parameter": ({"sql": "select id from target.events where capacity > $limit"}, "limit"),
    "unknown value": ({"messages": {"pass": "{number}", "fail": "x"}}, "{number}"),
    "unknown type": ({"type": "expect_the_unexpected"}, "expect_the_unexpected"),
}
UNFILLED: dict[str, dict[str, Any]] = {
    "fail": {"messages": {"pass": "None", "fail": "{number} found"}},
    "when missing": {"when_missing": Fallback(Outcome.WARN, "Not recorded: {number}")},
    "escalate": {"escalate": "Found {number} of {violations}"},
}
# All are rehearsed together, in situations that are built once: a rule is judged for itself.
VARIANTS: dict[str, dict[str, Any]] = {
    "as planted": {},
    "provided for": {"when_empty": NO_EVENTS},
    "excused": {
        "requires": BOTH_TABLES,
        "right_when_empty": {"target.members": "events tell"},
        "when_empty": NO_EVENTS,
    },
    "excused alone": {"right_when_empty": {"target.events": "no reason is good enough"}},
    "used": {"sql": TITLED, "when_empty": NO_EVENTS, "uses": ("target.events.title",)},
    "switched off": {"switched_off": "somebody: some reason"},
    "whole table": {"requires": ("target.events",), "when_empty": NO_EVENTS},
    **{f"unnamed {name}": {"sql": sql, "when_empty": NO_EVENTS} for name, (sql, _) in UNNAMED.items()},
    **{f"unevaluated {name}": {"when_empty": NO_EVENTS, **changes} for name, (changes, _) in UNEVALUATED.items()},
    **{f"unfilled {name}": {"when_empty": NO_EVENTS, **changes} for name, changes in UNFILLED.items()},
}


@pytest.fixture(scope="module")
def rehearsals() -> Mapping[str, Rehearsal]:
    """The shipped rules, these without each of their reasons, and the planted rule in every variant, rehearsed."""
    planted = [replace(PLANTED, id=name, **changes) for name, changes in VARIANTS.items()]
    found = recon.rehearse([*recon.load_checks(), *without_a_reason(), *planted])
    return {rehearsal.rule.id: rehearsal for rehearsal in found}


def without_a_reason() -> list[Rule]:
    """The shipped rules that have reasons to pass beside an empty table, each without each of them."""
    return [
        replace(
            rule,
            id=f"{rule.id}, {table}",
            right_when_empty={name: why for name, why in rule.right_when_empty.items() if name != table},
        )
        for rule in recon.load_checks()
        for table in rule.right_when_empty
    ]


def vacuous(rehearsal: Rehearsal) -> list[str]:
    return [trial.situation for trial in rehearsal.trials if trial.is_vacuous]


def outcomes_of(rehearsal: Rehearsal) -> dict[str, str]:
    return {trial.situation: str(trial.outcome) for trial in rehearsal.trials}


@pytest.fixture(scope="module")
def shipped(rehearsals: Mapping[str, Rehearsal]) -> Sequence[Rehearsal]:
    return [rehearsals[rule.id] for rule in recon.load_checks()]


def test_no_shipped_rule_can_pass_vacuously(shipped: Sequence[Rehearsal]) -> None:
    assert [rehearsal.rule.id for rehearsal in shipped] == list(RULES)
    assert {rehearsal.rule.id: rehearsal.problems for rehearsal in shipped if rehearsal.problems} == {}


def test_every_shipped_rule_passes_where_nothing_is_missing_and_not_on_nothing(shipped: Sequence[Rehearsal]) -> None:
    for rehearsal in shipped:
        found = outcomes_of(rehearsal)
        assert found["nothing is missing"] == "PASS", rehearsal.rule.id
        assert found[BARE] != "PASS", rehearsal.rule.id


def test_every_reason_of_a_shipped_rule_is_needed(rehearsals: Mapping[str, Rehearsal]) -> None:
    names = [rule.id for rule in without_a_reason()]
    assert names
    assert [name for name in names if not vacuous(rehearsals[name])] == []


def test_a_planted_vacuous_rule_is_caught(rehearsals: Mapping[str, Rehearsal]) -> None:
    found = rehearsals["as planted"]
    assert vacuous(found) == [BARE, NO_DATABASE, "target.events is empty"]
    (problem,) = found.problems
    assert problem.startswith("could pass vacuously: it passes where everything is empty, where the database is empty")


def test_a_rule_that_is_rehearsed_alone_does_as_it_does_among_others(rehearsals: Mapping[str, Rehearsal]) -> None:
    (alone,) = recon.rehearse([replace(PLANTED, id="as planted")])
    assert alone == rehearsals["as planted"]


def test_saying_what_an_empty_table_means_mends_it(rehearsals: Mapping[str, Rehearsal]) -> None:
    found = rehearsals["provided for"]
    assert found.problems == ()
    assert outcomes_of(found)[BARE] == "WARN"


def test_a_reason_excuses_one_empty_table_but_not_all(rehearsals: Mapping[str, Rehearsal]) -> None:
    found = rehearsals["excused"]
    assert found.problems == ()
    assert {t.situation: t.excuse for t in found.trials if t.excuse} == {"target.members is empty": "events tell"}
    assert vacuous(rehearsals["excused alone"]) == [BARE, NO_DATABASE, "target.events is empty"]


@pytest.mark.parametrize("case", UNNAMED)
def test_a_column_that_is_read_but_not_named_is_reported(case: str, rehearsals: Mapping[str, Rehearsal]) -> None:
    _, named = UNNAMED[case]
    (problem,) = rehearsals[f"unnamed {case}"].problems
    assert problem.startswith(f"reads {', '.join(named)}, which neither requires nor uses names")


def test_a_column_that_is_used_is_named(rehearsals: Mapping[str, Rehearsal]) -> None:
    assert rehearsals["used"].problems == ()


@pytest.mark.parametrize("case", UNEVALUATED)
def test_a_rule_that_cannot_be_evaluated_is_reported(case: str, rehearsals: Mapping[str, Rehearsal]) -> None:
    _, words = UNEVALUATED[case]
    (problem,) = rehearsals[f"unevaluated {case}"].problems
    assert problem.startswith("cannot be evaluated where nothing is missing: ")
    assert words in problem


@pytest.mark.parametrize("case", UNFILLED)
def test_a_message_that_cannot_be_filled_is_reported_before_it_is_needed(
    case: str, rehearsals: Mapping[str, Rehearsal]
) -> None:
    problems = rehearsals[f"unfilled {case}"].problems
    assert problems == ("names {number} in a message, which its values lack",)


def test_a_rule_that_is_switched_off_is_rehearsed_all_the_same(rehearsals: Mapping[str, Rehearsal]) -> None:
    found = rehearsals["switched off"]
    assert vacuous(found)
    assert found.rule.switched_off == "somebody: some reason"


@pytest.mark.soak
def test_the_situations_hold_what_they_say() -> None:
    profile = load_profile()
    for situation in situations(profile):
        with build(situation, profile, RECORDS) as warehouse:
            for table in profile.tables:
                name = f"target.{table.name}"
                filled = ROWS * len(ENTITIES) if table.name == "id_mappings" else ROWS
                expected = 0 if name in situation.empty or name in situation.missing else filled
                assert warehouse.row_count(name) == expected, (situation.name, name)
            (counts,) = warehouse.rows("select sum(expected) as expected from source.counts")
            assert (counts["expected"] > 0) is situation.has_bundle_rows


def test_every_column_of_a_filled_warehouse_holds_a_value() -> None:
    profile = load_profile()
    with build(WHOLE, profile, RECORDS) as warehouse:
        for table in profile.tables:
            for column in table.columns:
                query = f'select count("{column.name}") as filled from target."{table.name}"'
                (found,) = warehouse.rows(query)
                assert 0 < found["filled"] == warehouse.row_count(f"target.{table.name}"), (table.name, column.name)
        assert warehouse.row_count("target.runs") == 1


def test_the_records_of_the_bundle_fit_the_rows_of_the_database() -> None:
    query = """
        select count(*) as fitting from source.registrations s join target.registrations r
          on r.id = cast(s.target_id as uuid) and r.member_id = cast(s.member_id as uuid) and s.status = r.status
        join source.members m on m.target_id = s.member_id and m.email = 'email ' || m.wa_id and m.action = 'create'
        join source.events e on e.target_id = s.event_id"""
    with build(WHOLE, load_profile(), RECORDS) as warehouse:
        assert warehouse.rows(query) == [{"fitting": ROWS}]


def test_a_table_that_is_named_alone_is_read_whole(rehearsals: Mapping[str, Rehearsal]) -> None:
    assert rehearsals["whole table"].problems == ()


@pytest.mark.soak
def test_a_rule_on_records_is_rehearsed_without_them() -> None:
    sql = "select m.wa_id from source.members m left join target.members t on t.email = m.email where t.id is null"
    requires = ("source.members.email", "target.members.id", "target.members.email")
    (found,) = recon.rehearse([replace(PLANTED, sql=sql, requires=requires)])
    assert outcomes_of(found)["source.members is missing"] == "ERROR"
    assert outcomes_of(found)["target.members is empty"] == "FAIL"
    assert vacuous(found) == [BARE, "the bundle is empty"]


def test_a_profile_without_a_table_makes_it_missing_not_wrong() -> None:
    profile = load_profile()
    smaller = replace(profile, tables=tuple(table for table in profile.tables if table.name != "statuses"))
    # What is compared with the ledger's help is what a table of codes can be missing for.
    concerned = [rule for rule in RULES.values() if "ledger.differences" in rule.tables]
    assert concerned
    found = recon.rehearse(concerned, smaller)
    assert [rehearsal.problems for rehearsal in found] == [()] * len(concerned)
