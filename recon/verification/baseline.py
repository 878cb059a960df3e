"""Baselines: what the database held before, by a backup's manifest or an earlier run's snapshot, and what is gone.

Of a backup, its numbers of rows are compared with the rows older than the run, as far as time stamps show these; of a
run, its rows one by one, by their ids.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import msgspec

from recon.backup.kinds import IDENTIFYING, identity_of
from recon.backup.manifest import MANIFEST, read_manifest
from recon.database import resolve_database
from recon.errors import UsageError
from recon.model import ENTITIES, SnapshotInfo
from recon.sql import quote
from recon.warehouse.reads import ROLLED_BACK

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.backup.contents import TableContent
    from recon.backup.manifest import BackupManifest
    from recon.profile import Profile, Table
    from recon.verification.options import VerifyOptions
    from recon.warehouse import Warehouse

SNAPSHOT = "snapshot.duckdb"
EXPECTED = "the folder of a backup (manifest.json), or of a run that kept its snapshot (snapshot.duckdb)"
# A restored database has another one.
CHANGING = {"database_oid"}
OLDER = """
select count(*) from target.{table}
where coalesce(created_at < (select older_than from ledger.clocks where entity = $entity), true)"""
# A backup from after the run's beginning may hold rows of the run; and updated_at is of rows that the run updated, too.
IS_KNOWN = """
select count(*) from ledger.clocks c, source.run r
where c.entity = $entity and c.judged_by = 'created_at' and c.older_than is not null and $taken_at <= r.started_at"""
ADD = "insert into ledger.baselines values ($baseline, $taken_at, $entity, $rows, $lost, $reason)"
LOST = "insert into ledger.lost_rows values ($baseline, $taken_at, $entity, null, $lost)"
LOST_IDS = """
insert into ledger.lost_rows
select $baseline, $taken_at, $entity, b.id, 1
from recon_before b
where lower(b.id) not in (select lower(cast(id as varchar)) from target.{table} where id is not null)"""
IDS = "select cast(id as varchar) as id from target.{table} where id is not null"
# What the earlier run wrote itself is gone by right once that run was rolled back.
NOT_WRITTEN = """{ids} and id not in (
  select target_id from ledger.{table} where row_outcome = 'claimed' and target_id is not null)"""
RUN_OF = "select any_value(run_id) from source.run"
JUDGED = "select document from recon.judgement"
STATE_OF = "select state from recon.state"
BATCH_ROWS = 100_000
WAS_ROLLED_BACK = "select count(*) from target.runs where run_id = $run_id"
COUNT = "select count(*) from ledger.lost_rows where baseline = $baseline and entity = $entity"
ROWS = "select count(*) from ledger.{table}"
TABLES = ("baselines", "lost_rows")


class KeptState(msgspec.Struct, frozen=True):
    """What of a kept snapshot's metadata is needed here."""

    rows: dict[str, int]
    snapshot: SnapshotInfo


class KeptJudgement(msgspec.Struct, frozen=True):
    """What of a kept snapshot's judgement is needed here."""

    started_at: datetime


def load_baselines(warehouse: Warehouse, profile: Profile, options: VerifyOptions, database: str) -> None:
    """Fill `ledger.baselines` (one row per baseline and entity) and `ledger.lost_rows` from the baselines named.

    Args:
        warehouse: Holds the rows of the database, and the ledger.
        profile: The application's tables.
        options: Name the baselines.
        database: The database that was read, as in `SnapshotInfo`.

    Raises:
        UsageError: One is neither a backup nor a run, is of another database, or is what is judged itself.
        BackupError: A manifest cannot be read.
    """
    for named in options.baseline:
        folder = Path(named)
        if (folder / SNAPSHOT).is_file():
            _load_run(warehouse, folder, database)
        elif (folder / MANIFEST).is_file():
            _load_backup(warehouse, profile, folder, options)
        else:
            found = "no such folder" if not folder.is_dir() else "neither of them there"
            raise UsageError("The baseline is not known", where=_flag(folder), expected=EXPECTED, found=found)
    for name in TABLES:
        (count,) = warehouse.execute(ROWS.format(table=name)).fetchall()[0]
        warehouse.count_rows(f"ledger.{name}", count, "baseline")


def _load_backup(warehouse: Warehouse, profile: Profile, folder: Path, options: VerifyOptions) -> None:
    manifest = read_manifest(folder)
    if warehouse.kept is None:
        _require_same(manifest, folder, options)
    tables = {table.name: table for table in profile.tables}
    taken_at = _naive(manifest.snapshot_at)
    for entity in ENTITIES:
        held, reason = _held(manifest.tables, tables[entity])
        facts: dict[str, Any] = {"baseline": folder.name, "taken_at": taken_at, "entity": entity}
        if held is None:
            warehouse.execute(ADD, {**facts, "rows": None, "lost": None, "reason": reason})
            continue
        lost = max(0, held - _older(warehouse, entity, taken_at))
        warehouse.execute(ADD, {**facts, "rows": held, "lost": lost, "reason": None})
        if lost:
            warehouse.execute(LOST, {**facts, "lost": lost})


def _require_same(manifest: BackupManifest, folder: Path, options: VerifyOptions) -> None:
    url = resolve_database(options.database, options.environment)
    present = {"kind": url.kind}
    if url.kind == manifest.kind:
        present = identity_of(url)
    known = {"kind": manifest.kind, **manifest.identity}
    keys = {"kind", *IDENTIFYING.get(manifest.kind, ())} - CHANGING
    differing = sorted(key for key in keys & known.keys() & present.keys() if known[key] != present[key])
    if differing:
        raise UsageError(
            "The baseline is a backup of another database",
            where=_flag(folder),
            expected=f"{differing[0]} {present[differing[0]]}",
            found=known[differing[0]],
            next_step="Name a backup of the database that is verified",
        )


def _held(tables: Mapping[str, TableContent], table: Table) -> tuple[int | None, str]:
    """The number of rows that the backup has of a table; None, and why: it does not say."""
    if table.only:
        return None, "it shares its table with others, whose rows the backup does not tell apart"
    wanted = table.source_name.casefold()
    named = {name: content.rows for name, content in tables.items() if _last(name).casefold() == wanted}
    # As servers match names: exactly where that leads to one, else without regard to case.
    found = [rows for name, rows in named.items() if _last(name) == table.source_name] or list(named.values())
    if len(found) == 1:
        return found[0], ""
    return None, f"the backup has {len(found) or 'no'} table{'s' if len(found) > 1 else ''} {table.source_name!r}"


def _last(name: str) -> str:
    """The table's own name, of a manifest's name for it: `public."Club Member"`."""
    if name.endswith('"'):
        start = name[:-1].replace('""', "  ").rfind('"')
        return name[start + 1 : -1].replace('""', '"')
    return name.rpartition(".")[2]


def _older(warehouse: Warehouse, entity: str, taken_at: datetime) -> int:
    """The number of rows that may have been there before the run; all, where time stamps do not tell."""
    if f"target.{entity}" not in warehouse.row_counts:
        return 0
    table, stamps = quote(entity), {"entity": entity}
    if not warehouse.rows(IS_KNOWN, {**stamps, "taken_at": taken_at})[0].popitem()[1]:
        return warehouse.row_count(f"target.{entity}")
    return int(warehouse.rows(OLDER.format(table=table), stamps)[0].popitem()[1])


def _load_run(warehouse: Warehouse, folder: Path, database: str) -> None:
    path = folder / SNAPSHOT
    if warehouse.kept and path.resolve() == warehouse.kept.resolve():
        raise UsageError("The baseline is what is judged itself", where=_flag(folder), expected="an earlier run")
    try:
        with duckdb.connect(str(path), read_only=True) as before:
            _compare_run(warehouse, before, folder, database)
    except (duckdb.Error, msgspec.DecodeError) as error:
        raise UsageError(
            "The baseline's snapshot cannot be read",
            where=_flag(path),
            found=" ".join(str(error).split())[:300],
            next_step="Name another run, or a backup",
        ) from None


def _compare_run(warehouse: Warehouse, before: duckdb.DuckDBPyConnection, folder: Path, database: str) -> None:
    state = msgspec.json.decode(before.execute(STATE_OF).fetchall()[0][0], type=KeptState)
    (run_id,) = before.execute(RUN_OF).fetchall()[0]
    marked = {"run_id": f"{run_id}{ROLLED_BACK}"}
    is_undone = "target.runs" in warehouse.row_counts and warehouse.execute(WAS_ROLLED_BACK, marked).fetchall()[0][0]
    taken_at = _naive(msgspec.json.decode(before.execute(JUDGED).fetchall()[0][0], type=KeptJudgement).started_at)
    lost = shared = 0
    for entity in ENTITIES:
        facts = {"baseline": folder.name, "taken_at": taken_at, "entity": entity}
        if f"target.{entity}" not in state.rows or f"target.{entity}" not in warehouse.row_counts:
            warehouse.execute(ADD, {**facts, "rows": None, "lost": None, "reason": "one of the two has no such table"})
            continue
        table, rows = quote(entity), state.rows[f"target.{entity}"]
        ids = IDS.format(table=table)
        relation = before.sql(NOT_WRITTEN.format(ids=ids, table=table) if is_undone else ids)
        warehouse.connection.register("recon_before", relation.to_arrow_reader(BATCH_ROWS))
        warehouse.execute(LOST_IDS.format(table=table), facts)
        warehouse.connection.unregister("recon_before")
        gone = warehouse.execute(COUNT, {"baseline": folder.name, "entity": entity}).fetchall()[0][0]
        warehouse.execute(ADD, {**facts, "rows": rows, "lost": gone, "reason": None})
        lost, shared = lost + gone, shared + rows - gone
    is_empty = not sum(warehouse.row_counts.get(f"target.{entity}", 0) for entity in ENTITIES)
    # A database that lost all that it had has no row in common either.
    if lost and not shared and not is_empty and _place(database) != _place(state.snapshot.database):
        raise UsageError(
            "The baseline is a run on another database",
            where=_flag(folder),
            expected="rows with ids that the database has",
            found=f"{lost:,} rows, none of which is in it",
            next_step="Name an earlier run on the database that is verified, or a backup of it",
        )


def _place(database: str) -> tuple[str, str]:
    """Kind, location and name of a database, without the versions of server and driver."""
    kind, _, place = database.partition(", ")
    return kind.partition(" ")[0], place


def _naive(moment: datetime) -> datetime:
    """The instant as the warehouse holds times: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _flag(path: Path) -> str:
    return f"--baseline {path}"[:300]
