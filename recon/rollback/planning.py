"""Makes the plan of a rollback; the database is only read."""

from __future__ import annotations

from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from msgspec.structs import replace

from recon.bundle import open_bundle
from recon.database import open_source, resolve_database
from recon.database.writing import WriteError, open_for_writing
from recon.errors import UsageError
from recon.ledger import LedgerSettings, account_for, ledger_columns
from recon.preflight.decisions import decider
from recon.preflight.environment_names import PRODUCTION, named_environments
from recon.profile import load_profile
from recon.rollback.audit import audit_form
from recon.rollback.audited import AuditedValues
from recon.rollback.bundle_evidence import evidence_of_bundle, require_real
from recon.rollback.evidence import READS
from recon.rollback.figures import last_figures
from recon.rollback.files import STATEMENTS, write_private
from recon.rollback.former import NoFormerValues, former_database
from recon.rollback.links import count_orphans
from recon.rollback.plan import KeptRow, PlannedTable, RollbackPlan
from recon.rollback.refusals import refused
from recon.rollback.restoring import restored_tables
from recon.rollback.reverse import FILE, HEADER, ReverseWriter, not_proven, prove
from recon.rollback.run_evidence import evidence_of_run
from recon.rollback.run_folder import bundle_of
from recon.rollback.selection import deletion_order, keep_referred, words_of
from recon.rollback.statements import all_statements, changing_again
from recon.rollback.surroundings import reached_tables, slow_references
from recon.rollback.tables import TargetTables, require_key
from recon.rollback.targets import Targets
from recon.verification.accepting import require_outside_bundle
from recon.warehouse import Warehouse
from recon.warehouse.load_bundle import load_bundle
from recon.warehouse.load_database import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl
    from recon.database.writing import TargetTable, WritableDatabase
    from recon.profile import Profile
    from recon.rollback.evidence import RunEvidence
    from recon.rollback.former import FormerValues
    from recon.rollback.options import RollbackOptions
    from recon.rollback.plan import AuditForm, PlannedRow, RestoredTable, ReverseSql


def make_plan(options: RollbackOptions, folder: Path, scratch: DatabaseUrl | None = None) -> RollbackPlan:
    """Plan the rollback of a run, and write the plan and its reverse SQL into a folder.

    Args:
        options: Which run.
        folder: An existing folder, readable by nobody else.
        scratch: A copy of the database, which the plan is for in the place of the database itself.

    Raises:
        ReconError: The run cannot be undone, with the reason; nothing was written to the database.
    """
    if options.profile is not None and options.bundle is not None:
        require_outside_bundle(options.profile, options.bundle, "The profile", "--profile")
    profile = load_profile(options.profile).require_whole()
    url = scratch or resolve_database(options.database, options.environment)
    who, _ = decider(options.by)
    with (
        _known(options, profile, url) as known,
        # A restore takes longer than a transaction may be idle.
        former_database(options, url, known.evidence.began_at) as former,
        open_for_writing(url, options.timeout_s) as database,
        refused(database.label),
    ):
        database.begin(writing=False)
        if former:
            former.require_other(database)
        plan = _Planner(known, TargetTables(database, profile), database, folder).plan(options, who, former)
        database.rollback()
        plan = _proven(plan, folder, database)
        statements = "".join(f"{statement};\n" for statement in all_statements(plan, database))
        write_private(folder / STATEMENTS, statements.encode())
    environments = named_environments(url, profile)
    environment = environments[0] if len(environments) == 1 else PRODUCTION
    rehearsed = last_figures(Path(options.outputs), plan.identity)
    measured = (rehearsed.words(plan.made_at),) if rehearsed else ()
    return replace(plan, environment=environment, notices=(*plan.notices, *measured))


@dataclass(frozen=True)
class Known:
    """What is known of the run, and where."""

    evidence: RunEvidence
    warehouse: Warehouse
    bundle: str | None


@contextmanager
def _known(options: RollbackOptions, profile: Profile, url: DatabaseUrl) -> Iterator[Known]:
    if options.bundle is None:
        with Warehouse() as warehouse, closing(open_source(url, options.timeout_s)) as source:
            take_snapshot(source, profile, READS, warehouse)
            yield Known(evidence_of_run(_run_id(options), warehouse, options.started_at), warehouse, None)
        return
    if options.started_at is not None:
        raise UsageError("The bundle says when the run started", where="--started-at", next_step="Leave it out")
    path = bundle_of(Path(options.bundle))
    exports = None if options.exports is None else Path(options.exports)
    with open_bundle(path, exports) as bundle:
        require_real(bundle)
        if options.run_id is not None and options.run_id != bundle.run_id:
            raise UsageError(
                "The bundle is of another run",
                where="--run-id",
                expected=bundle.run_id,
                found=options.run_id[:100],
                next_step="Name the bundle of the run that is to be undone",
            )
        requires = {*ledger_columns(bundle.listed), *READS}
        with Warehouse() as warehouse, closing(open_source(url, options.timeout_s)) as source:
            load_bundle(bundle, warehouse, requires)
            take_snapshot(source, profile, requires, warehouse)
            account_for(warehouse, LedgerSettings(profile, bundle.config))
            yield Known(evidence_of_bundle(bundle, warehouse), warehouse, str(path))


def _run_id(options: RollbackOptions) -> str:
    if not options.run_id:
        raise UsageError(
            "No run is named",
            expected="the bundle that the importer left, or --run-id",
            next_step="recon rollback plan --bundle FOLDER",
        )
    return options.run_id


class _Planner:
    """Makes the plan in one read transaction."""

    def __init__(self, known: Known, tables: TargetTables, database: WritableDatabase, folder: Path) -> None:
        self._known, self._tables, self._database, self._folder = known, tables, database, folder
        self._targets = Targets(database, tables, known.warehouse)

    def plan(self, options: RollbackOptions, who: str, former: FormerValues | None) -> RollbackPlan:
        """Select, keep, read and describe; `former`: of a backup, None: of the audit table."""
        evidence, targets, plan_id = self._known.evidence, self._targets, str(uuid4())
        targets.find(evidence, options.include)
        keep_referred(targets.selection, targets.links(), targets.name_of, targets.stuck())
        audit = audit_form(self._tables)
        former = former or self._audited(audit)
        restored = tuple(restored_tables(targets, former))
        deleted, kept, reverse = self._read(plan_id, restored)
        touched = [each.table.sql for each in deleted]
        keys = {each.table.sql: [row.key for row in each.rows] for each in deleted}
        references = tuple(r for r in targets.references if r.parent in touched or r.table in touched)
        return RollbackPlan(
            id=plan_id,
            run_id=evidence.run_id,
            made_at=datetime.now(UTC),
            made_by=who,
            kind=self._database.kind,
            database=self._database.label,
            identity=dict(self._database.identity),
            environment=PRODUCTION,
            evidence=evidence.sentences,
            bundle=self._known.bundle,
            started_at=evidence.started_at,
            ended_at=evidence.ended_at,
            deleted=deleted,
            kept=kept,
            restored=restored,
            references=references,
            orphans=tuple(count_orphans(each, self._tables.every, self._database) for each in references),
            mappings=targets.mapped_ids,
            reached=tuple(reached_tables(self._tables.every, touched, targets.references, self._database)),
            slow=tuple(slow_references(self._tables.every, keys, targets.references, self._database)),
            remarks=self._database.remarks(_written(deleted, restored)),
            newer_runs=evidence.newer_runs,
            audit=audit,
            reverse=reverse,
            limits=self._database.limits,
            notices=(*evidence.notices, *self._notices(), *former.notices, *self._warnings(deleted)),
        )

    def _audited(self, audit: AuditForm) -> FormerValues:
        """The audit table, where it says what the run changed."""
        evidence = self._known.evidence
        if audit.table is None:
            return NoFormerValues()
        return AuditedValues(audit, self._database, (evidence.started_at, evidence.ended_at))

    def _read(
        self, plan_id: str, restored: tuple[RestoredTable, ...]
    ) -> tuple[tuple[PlannedTable, ...], tuple[PlannedTable, ...], ReverseSql]:
        """Read the rows to delete, parents first, as the reverse SQL puts them back."""
        selection = self._targets.selection
        with_rows = [sql for sql, rows in selection.rows.items() if rows]
        order = deletion_order(with_rows, self._targets.order_of_references)
        planned = {}
        with ReverseWriter(self._folder, self._database, HEADER.format(id=plan_id)) as writer:
            for sql in reversed(order):
                table = self._tables.every[sql]
                require_key(table)
                levels = self._targets.levels(sql)
                orphans = self._targets.orphans(sql)
                rows = writer.add(table, levels, orphans)
                planned[sql] = replace(
                    self._planned(table, rows), levels=tuple(map(len, levels)), orphans=tuple(sorted(orphans))
                )
            for each in restored:
                for row in each.rows:
                    writer.note(changing_again(each.table, row, self._database))
            reverse = writer.end()
        others = {*selection.kept, *self._targets.kept} - {*order}
        kept = [self._planned(self._tables.every[sql], ()) for sql in sorted(others)]
        return tuple(planned[sql] for sql in order), tuple(each for each in kept if each.kept), reverse

    def _planned(self, table: TargetTable, rows: tuple[PlannedRow, ...]) -> PlannedTable:
        title = self._tables.title(table)
        proofs = {each.entity: each.proof for each in self._known.evidence.entities}
        if table.sql in self._targets.selection.included:
            proof = "the row refers to one that is deleted, and --include names its table"
        else:
            proof = proofs.get(title, "it names a row that is deleted, or that the run created and is gone")
        whys = {**self._targets.kept.get(table.sql, {}), **self._targets.selection.kept.get(table.sql, {})}
        kept = tuple(KeptRow(words_of(key), why) for key, why in whys.items())
        return PlannedTable(table, title, proof, self._database.count(table), rows, kept)

    def _notices(self) -> Iterator[str]:
        for entity, n in self._targets.gone.items():
            if n:
                yield f"{n:,} of the {entity} that the run created are gone since"

    def _warnings(self, deleted: tuple[PlannedTable, ...]) -> Iterator[str]:
        for each in deleted:
            if each.orphans:
                taken_back = (
                    "put back without checking references"
                    if self._database.can_skip_references
                    else "not put back by a revert, because the server takes no such row"
                )
                yield f"{len(each.orphans):,} rows of {each.table.name} refer to rows that do not exist: {taken_back}"


def _written(deleted: tuple[PlannedTable, ...], restored: tuple[RestoredTable, ...]) -> list[TargetTable]:
    tables = [each.table for each in deleted] + [each.table for each in restored if each.rows]
    return list({table.sql: table for table in tables}.values())


def _proven(plan: RollbackPlan, folder: Path, database: WritableDatabase) -> RollbackPlan:
    """Try the reverse SQL out where the server allows temporary tables; else note why it does not."""
    try:
        database.begin_scratch()
        prove(folder / FILE, plan.reverse, plan.deleted, database)
    except WriteError as error:
        return replace(plan, reverse=replace(plan.reverse, not_proven=not_proven(error)))
    finally:
        database.rollback()
    return plan
