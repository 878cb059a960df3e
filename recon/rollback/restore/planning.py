"""Makes the plan of a restore; the database is only read."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from recon.backup.contents import compare_contents
from recon.backup.kinds import identity_of, readable_contents_of
from recon.backup.replacing import WrittenRows, kind_of_replacing, swap_of
from recon.database import resolve_database
from recon.errors import BackupError
from recon.preflight.decisions import decider
from recon.preflight.environment_names import PRODUCTION, named_environments
from recon.profile import load_profile
from recon.rollback.figures import last_figures
from recon.rollback.restore.options import tools_of
from recon.rollback.restore.plan import LostTable, RestorePlan
from recon.rollback.restore.proving import proven_backup

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.contents import TableContent
    from recon.backup.manifest import BackupManifest
    from recon.backup.replacing import Survey
    from recon.database import DatabaseUrl
    from recon.rollback.restore.options import RestoreOptions

FILES = ("sqlite", "duckdb")
WITHOUT = "--without-present-state"
DAMAGED = (
    "the present state cannot be backed up, so that it could not be brought back: apply wants "
    f"{WITHOUT}; a plan with --swap keeps it whole, as it is"
)
DAMAGED_SWAP = "the present database stays as it is, under its other name"
NAME_BYTES = 63
# What SQLite and DuckDB say of a file that another program holds; it is not damaged.
HELD = ("locked", "lock on file", "different configuration")


def make_restore_plan(options: RestoreOptions) -> RestorePlan:
    """Plan a restore.

    Raises:
        ReconError: It cannot be restored, with the reason; nothing was written to the database.
    """
    url = resolve_database(options.database, options.environment)
    kind = swap_of(url) if options.swap else kind_of_replacing(url)
    profile = load_profile(options.profile)
    who, _ = decider(options.by)
    tools = tools_of(options.pg_bin, options.timeout_s)
    backup = proven_backup(Path(options.backup).resolve(), url, tools)
    manifest, identity = backup.manifest, identity_of(url)
    state = present_state(url)
    present = state.tables
    survey = kind.survey(url, backup.data, manifest, tools)
    environments = named_environments(url, profile)
    plan_id = str(uuid4())
    return RestorePlan(
        id=plan_id,
        made_at=datetime.now(UTC),
        made_by=who,
        kind=url.kind,
        database=url.label,
        name=url.name or (url.path or Path()).name,
        identity=identity,
        environment=environments[0] if len(environments) == 1 else PRODUCTION,
        backup=str(backup.path),
        backup_sha256=backup.sha256,
        snapshot_at=manifest.snapshot_at,
        proof=backup.proof,
        rows=manifest.rows,
        tables=len(manifest.tables),
        lost=tuple(_lost(manifest, state, survey)),
        present=None if present is None else dict(present),
        damaged=dict(state.damaged),
        survey=survey,
        way=kind.way,
        kept_as=beside_name(identity["database"], "before", plan_id) if options.swap else None,
        limits=kind.limits,
        notices=tuple(_notices(manifest, state, is_swap=options.swap)),
        rehearsed=last_figures(Path(options.outputs), identity),
    )


@dataclass(frozen=True)
class PresentState:
    """What a database holds.

    Attributes:
        tables: By table; None: it is a file that is damaged, and nothing of it can be read.
        damage: Why, then.
        damaged: Table → why it alone cannot be read; it is not in `tables`.
    """

    tables: Mapping[str, TableContent] | None
    damage: str = ""
    damaged: Mapping[str, str] = field(default_factory=dict)


def present_state(url: DatabaseUrl) -> PresentState:
    """What a database holds, and what of it is damaged.

    Raises:
        BackupError: It cannot be read for another reason.
        DatabaseError: It cannot be reached.
    """
    try:
        found = readable_contents_of(url)
    except BackupError as error:
        if url.kind not in FILES or any(words in error.message for words in HELD):
            raise
        return PresentState(None, error.found or error.what)
    return PresentState(found.tables, damaged=found.damaged)


def _lost(manifest: BackupManifest, state: PresentState, survey: Survey) -> Iterator[LostTable]:
    if state.tables is None:
        return
    standing = {*manifest.left_out, *survey.kept}
    for each in compare_contents(manifest.tables, state.tables, standing):
        if each.table not in state.damaged:
            stamps = survey.written.get(each.table, WrittenRows(None, None))
            yield LostTable(each.table, each.rows, each.expected_rows, each.found, stamps.created, stamps.edited)
    for table, why in state.damaged.items():
        if table not in survey.kept:
            known = manifest.tables.get(table)
            yield LostTable(table, None, known.rows if known else None, f"it is damaged and cannot be read: {why}")


def beside_name(name: str, word: str, plan_id: str) -> str:
    """A name that begins with that of a database, of at most as many bytes as PostgreSQL gives a name."""
    end = f"_{word}_{plan_id[:8]}"
    return name.encode()[: NAME_BYTES - len(end)].decode(errors="ignore") + end


def _notices(manifest: BackupManifest, state: PresentState, *, is_swap: bool) -> Iterator[str]:
    if state.tables is None:
        yield f"The database is damaged and cannot be read ({state.damage}): what would be lost is not known"
    elif not state.damaged and not compare_contents(manifest.tables, state.tables, manifest.left_out):
        yield "Every table holds what the backup holds: a restore would bring back nothing else"
    if state.damaged:
        names = ", ".join(list(state.damaged)[:5])
        yield f"{len(state.damaged):,} of the tables cannot be read ({names}): {DAMAGED_SWAP if is_swap else DAMAGED}"
    for what, why in manifest.left_out.items():
        yield f"Not in the digests: {what} ({why})"
