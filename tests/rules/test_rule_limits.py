"""Every rule ends: at its limit of time or memory, or when the run is interrupted."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from judged_rules import RULES, warehouse_of
from msgspec.structs import replace

from recon.background import note_interrupts_by
from recon.errors import ResourceError
from recon.model import Outcome
from recon.rules import Rule, load_suite, waiting
from recon.rules.evaluation import evaluate, evaluate_all
from recon.rules.waiting import RuleAttempt, RuleLimits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.demo import DemoPaths
    from recon.warehouse import Warehouse

PROGRAM = str(Path(sys.executable).with_name("recon"))
# It takes days, and neither memory nor disk.
ENDLESS = "select sum(i % 7) as s from range(1000000000000000) a(i) having sum(i % 7) < 0"
# One call of a function, in which no query can be interrupted.
UNINTERRUPTIBLE = "select 1 where levenshtein(repeat('a', {n}), repeat('b', {n})) < 0"
LARGE = """
select count(*) from (select range(10000000) as numbers), range(1000000000000) a(i), range(1000000000000) b(i)
where len(numbers) + a.i + b.i < 0 having count(*) < 0"""
# Of the 80 MB at least that it takes; what was freed before may be used again.
LARGE_BYTES = 20 * 10**6
SUITE: dict[str, Any] = {
    "name": "own",
    "expectations": [
        {
            "type": "expect_no_violations",
            "description": "It ends.",
            "kwargs": {"sql": ""},
            "meta": {
                "id": "own",
                "title": "Own",
                "category": "own",
                "order": 1,
                "requires": ["target.members.id"],
                "messages": {"pass": "None", "fail": "Some"},
                "meaning": "It does not end",
                "action": "Mend it",
            },
        }
    ],
}


@pytest.fixture
def warehouse() -> Iterator[Warehouse]:
    with warehouse_of(target={"members": [("m1", f'"{"a" * 60}b"')]}) as made:
        yield made


def rule(name: str, sql: str = "select 1 where false") -> Rule:
    return replace(
        RULES["member_count"],
        id=name,
        sql=sql,
        values_sql=None,
        requires=("target.members",),
        uses=(),
        messages={"pass": "None", "fail": "Some"},
        is_shipped=False,
    )


def ended() -> None:
    """No rule is being judged any more, sooner or later."""
    for thread in [each for each in threading.enumerate() if each.name == "recon-rule"]:
        thread.join(60)
        assert not thread.is_alive()


class StandingClock:
    """Stands still until it is set off, and then jumps at each look."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._ticks: Iterator[int] | None = None
        monkeypatch.setattr(waiting, "monotonic", lambda: float(next(self._ticks)) if self._ticks else 0.0)

    def set_off(self) -> None:
        self._ticks = count(1000, 1000)


def test_a_rule_that_takes_too_long_is_an_error_that_says_so(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = StandingClock(monkeypatch)
    rules = [rule("first"), rule("endless", ENDLESS)]
    checks = evaluate_all(rules, warehouse, 10, RuleLimits(seconds=30))
    assert next(checks).outcome is Outcome.PASS
    clock.set_off()
    (found,) = checks
    assert (found.id, found.outcome) == ("endless", Outcome.ERROR)
    assert found.message == "Not evaluated: it takes longer than 30 s: mend its SQL, or raise --timeout"


def test_what_cannot_be_interrupted_is_left_behind_and_the_others_are_judged(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    warehouse.connection.create_function("hold", lambda number: int(released.wait()) * number, ["BIGINT"], "BIGINT")
    rules = [replace(rule(name, "select hold(1)"), is_shipped=True) for name in ("stuck", "also_stuck")]
    clock = StandingClock(monkeypatch)
    clock.set_off()
    try:
        found = list(evaluate_all(rules, warehouse, 10, RuleLimits(seconds=30)))
        assert {check.outcome for check in found} == {Outcome.ERROR}
        (after,) = evaluate_all([rule("after")], warehouse, 10)
        assert after.outcome is Outcome.PASS
    finally:
        released.set()
        ended()


def test_what_is_left_behind_and_goes_on_growing_ends_the_verification(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()
    warehouse.connection.create_function("hold", lambda number: int(released.wait()) * number, ["BIGINT"], "BIGINT")
    rules = [replace(rule(f"stuck_{number}", "select hold(1)"), is_shipped=True) for number in range(3)]
    bytes_now = [0]
    monkeypatch.setattr(waiting, "resident_bytes", lambda: bytes_now[0])
    checks = evaluate_all(rules, warehouse, 10, RuleLimits(30, 1000))
    StandingClock(monkeypatch).set_off()
    try:
        assert next(checks).outcome is Outcome.ERROR
        bytes_now[0] = 4001
        with pytest.raises(ResourceError, match=r"There is not enough memory \(.*stuck_0\).*went on to 4 times"):
            list(checks)
    finally:
        released.set()
        ended()


def test_a_rule_that_was_given_up_is_not_tried_again(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    StandingClock(monkeypatch).set_off()
    endless = rule("endless", ENDLESS)
    (found,) = evaluate_all([endless], warehouse, 10, RuleLimits(seconds=30))
    again = evaluate(endless, warehouse)
    assert (again.outcome, again.message) == (Outcome.ERROR, found.message)


def test_a_rule_that_takes_too_much_memory_is_named_and_no_other(warehouse: Warehouse) -> None:
    rules = [rule("large", LARGE), *(rule(f"other_{n}") for n in range(3)), rule("last")]
    found = {check.id: check for check in evaluate_all(rules, warehouse, 10, RuleLimits(120, LARGE_BYTES))}
    assert list(found) == [each.id for each in rules]
    large = {name for name, check in found.items() if check.outcome is Outcome.ERROR}
    assert large == {"large"}
    assert "it takes more than 20 MB of memory" in found["large"].message
    assert {found[name].outcome for name in set(found) - large} == {Outcome.PASS}
    ended()


def test_an_expression_that_backtracks_forever_ends_at_the_limit(warehouse: Warehouse, tmp_path: Path) -> None:
    written = {
        "type": "expect_column_values_to_match_json_schema",
        "description": "They match.",
        "kwargs": {"column": "tier_id", "json_schema": {"pattern": "^(a+)+$"}},
        "meta": {
            "id": "backtracking",
            "title": "Backtracking",
            "category": "own",
            "table": "target.members",
            "meaning": "They do not",
            "action": "Look",
        },
    }
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({"name": "own", "expectations": [written]}), encoding="utf-8")
    (found,) = evaluate_all(load_suite(path), warehouse, 10, RuleLimits(seconds=1))
    assert (found.outcome, found.message) == (
        Outcome.ERROR,
        "Not evaluated: it takes longer than 1 s: mend its SQL, or raise --timeout",
    )
    assert signal.getitimer(signal.ITIMER_REAL) == (0.0, 0.0)


def test_closing_ends_what_is_being_evaluated(warehouse: Warehouse) -> None:
    checks = evaluate_all([rule("first"), rule("a", ENDLESS), rule("b", ENDLESS), rule("c", ENDLESS)], warehouse, 10)
    assert next(checks).outcome is Outcome.PASS
    checks.close()
    ended()


def test_an_interrupt_while_rules_begin_ends_those_that_have_begun(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = RuleAttempt.start

    def interrupted(attempt: RuleAttempt, then: Callable[[RuleAttempt], None]) -> None:
        start(attempt, then)
        raise KeyboardInterrupt

    monkeypatch.setattr(RuleAttempt, "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        next(evaluate_all([rule("a", ENDLESS), rule("b", ENDLESS)], warehouse, 10))
    ended()


def test_an_interrupt_whose_exception_was_lost_ends_the_wait(warehouse: Warehouse) -> None:
    note_interrupts_by(lambda: True)
    try:
        with pytest.raises(KeyboardInterrupt):
            next(evaluate_all([rule("a", ENDLESS)], warehouse, 10))
        ended()
    finally:
        note_interrupts_by(lambda: False)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param(ENDLESS, id="endless"),
        pytest.param(UNINTERRUPTIBLE.format(n=400_000), id="uninterruptible"),
    ],
)
def test_an_interrupt_during_a_rule_leaves_nothing(sql: str, demo: DemoPaths, tmp_path: Path) -> None:
    SUITE["expectations"][0]["kwargs"]["sql"] = sql
    checks, scratch = tmp_path / "checks", tmp_path / "scratch"
    checks.mkdir()
    scratch.mkdir()
    (checks / "own.yaml").write_text(yaml.safe_dump(SUITE), encoding="utf-8")
    command = [PROGRAM, "verify", str(demo.bundle), "--database", str(demo.database), "--expectations", str(checks)]
    with subprocess.Popen(
        [*command, "-o", str(tmp_path / "report.md")],
        env={"PATH": "", "TMPDIR": str(scratch)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout
        for line in run.stdout:
            if "Own rules: 1 added" in line:
                break
        run.send_signal(signal.SIGINT)
        _, said = run.communicate(timeout=120)
    assert (run.returncode, said.strip()) == (130, "Interrupted: no verdict was reached.")
    assert list(scratch.iterdir()) == []
