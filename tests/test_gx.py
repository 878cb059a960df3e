from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import great_expectations as gx
import polars as pl
import pytest
import yaml
from support import outcomes, verify

from recon.bundle import frames, open_bundle
from recon.database import open_source, resolve_database
from recon.errors import SuiteError
from recon.gx import judged_on, load_gx_suite
from recon.profile import load_profile
from recon.snapshot import take_snapshot
from recon.suites import load_rules, shipped_folder
from recon.warehouse import Warehouse

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

SUITES = sorted(shipped_folder("expectations").glob("*.yaml"))


@pytest.mark.parametrize("path", SUITES, ids=lambda path: path.stem)
def test_a_shipped_suite_loads_whole(path: Path) -> None:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    suite = load_gx_suite(path)
    assert suite.name == document["name"]
    assert [(e.meta or {})["id"] for e in suite.expectations] == [e["meta"]["id"] for e in document["expectations"]]
    assert [e.severity for e in suite.expectations] == [e["severity"] for e in document["expectations"]]


def test_an_unknown_type_is_refused_not_dropped(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("name: own\nexpectations:\n- type: expect_the_unexpected\n  kwargs: {}\n", encoding="utf-8")
    with pytest.raises(SuiteError, match="expect_the_unexpected"):
        load_gx_suite(file)


def test_great_expectations_reaches_the_outcomes_of_the_command_line(demo: DemoPaths) -> None:
    with sqlite3.connect(demo.database) as database:
        database.execute('update "Member" set "membershipTierId" = null')
    ours = outcomes(verify(demo))
    assert ours["tier_coverage"] == "WARN"
    assert ours["member_count"] == "PASS"
    assert _by_great_expectations(demo) == ours


def _by_great_expectations(demo: DemoPaths) -> dict[str, str]:
    context: Any = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    batch = context.data_sources.add_pandas("carrier").add_dataframe_asset("carrier")
    one_row = batch.add_batch_definition_whole_dataframe("whole").get_batch({"dataframe": _one_row()})
    found: dict[str, str] = {}
    with _loaded(demo) as warehouse, judged_on(warehouse):
        for path in SUITES:
            result: Any
            for result in one_row.validate(load_gx_suite(path)).results:
                found[result.expectation_config.meta["id"]] = result.result["outcome"]
    return found


def _one_row() -> Any:
    return pl.DataFrame({"carrier": [1]}).to_pandas()


def _loaded(demo: DemoPaths) -> Warehouse:
    warehouse = Warehouse()
    warehouse.load_source(frames(open_bundle(demo.bundle)))
    source = open_source(resolve_database(str(demo.database), {}))
    reads = [reference for rule in load_rules([shipped_folder("expectations")]) for reference in rule.reads]
    take_snapshot(source, load_profile(), reads, warehouse)
    source.close()
    return warehouse
