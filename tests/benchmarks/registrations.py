"""Two Parquet files of registrations that nearly agree, and the work of comparing them.

`python registrations.py NAME FOLDER` prints what it took, as JSON; it runs in environments that have only one peer.
"""

from __future__ import annotations

import json
import re
import sys
import time
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

ROWS = Path(__file__).with_name("registrations.sql")
TYPES = {
    "member_id": "key",
    "event_id": "key",
    "status": "text",
    "registered_at": "timestamp",
    "fee": "decimal",
    "guests": "integer",
    "is_paid": "boolean",
    "remark": "text",
}
COPY = "copy (select * replace ({status} as status) from ({rows}) {order}) to '{path}' (format parquet)"
JOIN = """
select count(*) filter (s.digest = t.digest), count(*) filter (s.digest <> t.digest),
  count(*) filter (t.id is null), count(*) filter (s.id is null)
from (select id, hash({columns}) as digest from read_parquet('{folder}/source.parquet')) as s
full join (select id, hash({columns}) as digest from read_parquet('{folder}/target.parquet')) as t on s.id = t.id"""


LEDGER_VIEWS = {
    "source": """
create view source.registrations as
select file_row_number as rowid, file_row_number + 2 as source_row, cast(null as varchar) as wa_id, id as target_id,
  'create' as action, cast(null as varchar[]) as errors, member_id, event_id, status, registered_at,
  cast(null as varchar) as cancelled_at
from read_parquet('{file}', file_row_number = true)""",
    "target": """
create view target.registrations as
select id, event_id, member_id, status, registered_at, cast(null as timestamp) as cancelled_at,
  cast(null as timestamp) as created_at, cast(null as timestamp) as updated_at from read_parquet('{file}')""",
}


def write_registrations(folder: Path, rows: int) -> Path:
    """Source and target of so many rows: 0.1 % altered, 0.05 % missing, 0.05 % extra, in another order."""
    duckdb = import_module("duckdb")
    text, moved = ROWS.read_text(encoding="utf-8"), rows // 2000
    altered = "case when hash(id) % 1000 = 0 then 'altered' else status end"
    for name, first, status, order in (("source", 0, "status", ""), ("target", moved, altered, "order by hash(id)")):
        made = text.format(first=first, last=first + rows)
        path = folder / f"{name}.parquet"
        duckdb.connect().execute(COPY.format(status=status, rows=made, order=order, path=path))
    return folder


def join(folder: str) -> Callable[[], tuple[int, ...]]:
    """The bare work: join the keys, compare a hash, count."""
    duckdb = import_module("duckdb")
    sql = JOIN.format(columns=", ".join(TYPES), folder=folder)
    return lambda: tuple(duckdb.connect().execute(sql).fetchall()[0])


def recon(folder: str) -> Callable[[], tuple[int, ...]]:
    """All classes counted, and the details of the rows that differ."""
    comparison = import_module("recon.comparison")
    fields = [comparison.Field(name, kind) for name, kind in TYPES.items()]

    def work() -> tuple[int, ...]:
        with comparison.compare(f"{folder}/source.parquet", f"{folder}/target.parquet", "id", fields) as found:
            summary = found.summary()
            assert found.mismatched().height == sum(summary.by_field.values())
            assert not summary.duplicate_keys
        return summary.matched, summary.mismatched, summary.missing_in_target, summary.missing_in_source

    return work


def ledger(folder: str) -> Callable[[], tuple[int, ...]]:
    """One outcome for every record and row of the same files, every differing field with its cause."""
    warehouse, accounts = ledger_warehouse(folder), import_module("recon.ledger")
    profile = import_module("recon.profile").load_profile()

    def work() -> tuple[int, ...]:
        with warehouse:
            found = accounts.account_for(warehouse, accounts.LedgerSettings(profile))
        outcomes = found.entities[0].outcomes
        extra = found.entities[0].rows_by_outcome["unexpected"]
        return outcomes["landed"], outcomes["landed_altered"], outcomes["missing_in_target"], extra

    return work


def ledger_warehouse(folder: str) -> Any:
    """A warehouse whose registrations are the two files, read where they lie, and that has nothing else."""
    polars, fields = import_module("polars"), import_module("recon.warehouse").LoadColumn
    made = import_module("recon.warehouse").Warehouse()
    frames = {name: polars.DataFrame(schema=shape) for name, shape in import_module("recon.bundle").FRAMES.items()}
    run = dict.fromkeys(frames["run"].columns) | {"run_id": "run-1", "dry_run": False, "rows_in_all": 1}
    made.load_source(frames | {"run": polars.DataFrame([run], schema=frames["run"].schema)})
    for table in import_module("recon.profile").load_profile().tables:
        if table.name != "registrations":
            made.create(
                f"target.{table.name}", [fields(c.name, "text" if c.type == "key" else c.type) for c in table.columns]
            )
    for entity in ("members", "events"):
        made.create(f"source.{entity}", [fields("source_row", "integer")])
        made.missing[f"source.{entity}"] = "not part of this measurement"
    made.missing["source.registrations.cancelled_at"] = "not in these files"
    made.use_all_cores()
    for side in ("source", "target"):
        (made.scratch / f"{side}.parquet").hardlink_to(f"{folder}/{side}.parquet")
        made.connection.execute(LEDGER_VIEWS[side].format(file=made.scratch / f"{side}.parquet"))
        counted = made.connection.execute(f"select count(*) from {side}.registrations").fetchall()[0][0]
        made.count_rows(f"{side}.registrations", counted, "status")
    return made


def datacompy(folder: str) -> Callable[[], tuple[int, ...]]:
    """The same by datacompy, on polars."""
    peer, polars = import_module("datacompy"), import_module("polars")

    def work() -> tuple[int, ...]:
        source, target = (polars.read_parquet(f"{folder}/{name}.parquet") for name in ("source", "target"))
        found = peer.PolarsCompare(source, target, "id")
        equal, differing = found.count_matching_rows(), found.all_mismatch().height
        return equal, differing, found.df1_unq_rows.height, found.df2_unq_rows.height

    return work


def diffly(folder: str) -> Callable[[], tuple[int, ...]]:
    """The same by diffly."""
    peer, polars = import_module("diffly"), import_module("polars")

    def work() -> tuple[int, ...]:
        source, target = (polars.scan_parquet(f"{folder}/{name}.parquet") for name in ("source", "target"))
        found = peer.compare_frames(source, target, primary_key="id")
        equal, differing = found.num_rows_joined_equal(), found.joined_unequal().height
        return equal, differing, found.num_rows_left_only(), found.num_rows_right_only()

    return work


def peak_mb() -> float:
    """The peak of this process alone; what `getrusage` says includes the parent's."""
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    (peak_kb,) = re.findall(r"VmHWM:\s+(\d+) kB", status)
    return int(peak_kb) / 1024


def measured(work: Callable[[], tuple[int, ...]]) -> dict[str, Any]:
    """Wall and processor seconds of the work, the peak of its process in MB, and what it counted."""
    wall, cpu = time.perf_counter(), time.process_time()
    counted = work()
    return {
        "wall_s": time.perf_counter() - wall,
        "cpu_s": time.process_time() - cpu,
        "peak_mb": peak_mb(),
        "counted": counted,
    }


WORKLOADS = {work.__name__: work for work in (join, recon, ledger, datacompy, diffly)}

if __name__ == "__main__":
    print(json.dumps(measured(WORKLOADS[sys.argv[1]](sys.argv[2]))))  # noqa: T201
