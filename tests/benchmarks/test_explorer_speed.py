"""How soon a table of a million rows is there, and how soon a page of it: seconds of the process, not of the clock."""

from __future__ import annotations

import json
from time import process_time
from typing import TYPE_CHECKING

import duckdb
import pytest
from explored_runs import ExploredRun

from recon import display
from recon.answers.opening import opened_run

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

pytestmark = pytest.mark.benchmark
MILLION = 1_000_000
FIRST_LIMIT_S, PAGE_LIMIT_S = 1.0, 0.1
REPEATED = (
    "source.registrations as select * replace (source_row + k * {n} as source_row, wa_id || '-' || k as wa_id)",
    "target.registrations as select * replace (id || '-' || k as id)",
    (
        "ledger.registrations as select * replace (record + k * {n} as record, source_row + k * {n} as source_row,"
        " wa_id || '-' || k as wa_id, target_id || '-' || k as target_id)"
    ),
)


def enlarge(snapshot: Path) -> int:
    """Repeat the registrations until there are a million, and return how many there are."""
    with duckdb.connect(str(snapshot)) as connection:
        ((number,),) = connection.execute("select count(*) from source.registrations").fetchall()
        times = MILLION // number + 1
        for statement in REPEATED:
            table = statement.partition(" ")[0]
            wanted = statement.format(n=number)
            connection.execute(f"create or replace table {wanted} from {table}, range({times}) as r(k)")
            connection.execute(f"alter table {table} drop column if exists k")
        ((total,),) = connection.execute("select count(*) from ledger.registrations").fetchall()
    return int(total)


def seconds(work: Callable[[], object]) -> float:
    started = process_time()
    work()
    return process_time() - started


def test_a_million_rows_are_there_at_once_and_paged_at_once(tmp_path: Path) -> None:
    explored = ExploredRun(tmp_path)
    total = enlarge(explored.run / "snapshot.duckdb")
    with opened_run(explored.run) as answers:
        explorer = display.explore(answers)
        first = seconds(lambda: (explorer.open("ledger registrations"), json.dumps(explorer.rows.page)))
        rest = seconds(lambda: explorer.rows.hear({"do": "rest"}))
        assert explorer.rows.page["shown"] == total >= MILLION

        def turned(**query: object) -> float:
            return seconds(lambda: (explorer.rows.hear({"do": "page", **query}), json.dumps(explorer.rows.page)))

        ordered = turned(sort=3, descending=True)
        pages = [turned(offset=at, sort=3, descending=True) for at in (15, MILLION // 2, total - 15)]
        searched = turned(search="a-1")
    print(  # noqa: T201 - what a benchmark is for
        f"\nfirst page {first:.2f} s, the rest {rest:.2f} s, pages {max(pages) * 1000:.0f} ms, "
        f"sorted {ordered:.2f} s, searched {searched:.2f} s of CPU; {total:,} rows"
    )
    assert first <= FIRST_LIMIT_S
    assert max(pages) <= PAGE_LIMIT_S
