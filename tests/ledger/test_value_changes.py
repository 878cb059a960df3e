"""Hundreds of single changes to raw values: noticed, equal by a normaliser, or in a column reported as not checked.

`RECON_SCORE_TABLE=docs/ledger.md python -m pytest -m soak tests/ledger/test_value_changes.py -k page` writes the score
into the page.
"""

from __future__ import annotations

import importlib
import os
from collections import Counter
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING

import pytest
from change_scores import HOLE, Measure, Scored, are_confused, score_table
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from measured_club import measured_club
from soaking import examples
from support import CHECKOUT
from value_changes import LEAST, WHOLE_ROW, draw_changes

if TYPE_CHECKING:
    from collections.abc import Sequence

    from value_changes import Change

PAGE = CHECKOUT / "docs" / "ledger.md"
TABLE = os.environ.get("RECON_SCORE_TABLE")
SEED = 12
ALONE = 8


def test_every_column_is_changed() -> None:
    changes = draw_changes(measured_club(SEED), SEED)
    by_column = Counter(change.where for change in changes if change.column != WHOLE_ROW)
    assert len(changes) >= 300
    assert {where: number for where, number in by_column.items() if number < LEAST} == {}


def test_no_change_of_every_sixtieth_goes_unnoticed() -> None:
    measure = Measure(measured_club(SEED))
    scored = measure.score(draw_changes(measure.club, SEED)[::60])
    assert len(scored) >= 10
    problems = [*holes(scored, SEED), *confused(measure, scored)]
    assert not problems, "\n".join(problems)


@pytest.mark.soak
def test_no_change_goes_unnoticed_and_the_page_says_so() -> None:
    # One test, so that one process does it once.
    measure = Measure(measured_club(SEED))
    scored = measure.score(draw_changes(measure.club, SEED))
    problems = [*holes(scored, SEED), *confused(measure, scored), *judged_otherwise_alone(measure, scored)]
    text = PAGE.read_text(encoding="utf-8")
    page = importlib.import_module("pages").with_table(text, "score", score_table(scored))
    if TABLE:
        Path(TABLE).write_text(page, encoding="utf-8")
    elif page != text:
        problems.append(f"{PAGE.name} holds another score")
    assert not problems, "\n".join(problems)


def holes(scored: Sequence[Scored], seed: int) -> list[str]:
    return [f"seed {seed}: {each.change}" for each in scored if each.score == HOLE]


def confused(measure: Measure, scored: Sequence[Scored]) -> list[str]:
    """What was noticed where it was not changed: in the place of what was."""
    found = []
    for together, findings in measure.judged:
        counted = [each.change for each in scored if not is_counted(each.change)]
        others = [change for change in counted if not any(are_confused(change, other) for other in together)]
        noticed = [change for change in others if not findings.refused and findings.notices(change, measure.usual)]
        found += [f"noticed though not changed: {change}" for change in noticed]
    return found


def is_counted(change: Change) -> bool:
    """Whether only a number shows it: by what a record that names no row was paired."""
    return change.kind == "null" and change.where.endswith("[]._murmurantId")


def judged_otherwise_alone(measure: Measure, scored: Sequence[Scored]) -> list[str]:
    """Of a few changes, those that have another score when nothing else is changed."""
    some = Random(SEED).sample([each for each in scored if each.score != HOLE], ALONE)  # noqa: S311
    again = measure.score([each.change for each in some], alone=True)
    pairs = zip(some, again, strict=True)
    return [f"alone it is {then.score}: {first.change}" for first, then in pairs if then.score != first.score]


@pytest.mark.soak
@pytest.mark.parametrize("part", range(4))
@settings(max_examples=examples(1), phases=[Phase.generate])
@given(seed=st.integers(0, 2**32))
def test_no_change_to_any_club_goes_unnoticed(part: int, seed: int) -> None:
    measure = Measure(measured_club(seed))
    drawn = draw_changes(measure.club, seed)
    some = Random(f"{part} {seed}").sample(drawn, 40)  # noqa: S311
    found = holes(measure.score(some, alone=True), seed)
    assert not found, "\n".join(found)
