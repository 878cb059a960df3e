"""The attempts to put a backup in place, and to bring back what was there: proven again, kept, then all or nothing."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recon.backup.contents import compare_contents, left_behind
from recon.backup.folder import unfinished
from recon.backup.kinds import contents_of, kind_of_database, readable_contents_of
from recon.backup.replacing import UNCHANGED, Replacement, kind_of_replacing, require_equal, settle
from recon.errors import RollbackError, lack_of_resources
from recon.masking import mask_text
from recon.preflight.assessing import Step, assess
from recon.preflight.backups import BackupOptions, create_backup, newest_backup
from recon.rollback.audit import PLAN_ID, REVERTED_ID
from recon.rollback.figures import duration
from recon.rollback.restore.files import BEFORE, DAMAGED, REVERTED
from recon.rollback.restore.options import scratch_server, tools_of
from recon.rollback.restore.planning import WITHOUT, PresentState, present_state
from recon.rollback.restore.proving import proven_backup
from recon.rollback.restore.recording import AuditRecord, is_recorded, record_of
from recon.rollback.restore.verifying import PART, RestoredState, facts_of_restore, verify_restored, without_record
from recon.scratch import swept

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from recon.backup.contents import TableContent, Tools
    from recon.backup.replacing import Survey
    from recon.database import DatabaseUrl
    from recon.model import Assessment, Check, Fact
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.exactness import RollbackListener
    from recon.rollback.options import ApplyOptions
    from recon.rollback.restore.files import StoredRestore
    from recon.rollback.restore.plan import RestorePlan
    from recon.rollback.restore.proving import ProvenBackup

AGAIN = "Make the plan again: recon rollback restore"
STALE = "The plan is stale"
# The file itself, and what SQLite and DuckDB put beside it.
LOGS = ("", "-wal", "-shm", "-journal", ".wal")
# A restore takes as long as it takes, and can be interrupted.
LIMIT_S = 7 * 24 * 3600.0


def require_possible(survey: Survey, url: DatabaseUrl) -> None:
    """Require that this role may do it, and that nothing else keeps it from being done.

    Raises:
        RollbackError: It may not, or something does.
    """
    if survey.missing_rights:
        raise RollbackError(
            f"This role may not do what the restore needs ({UNCHANGED})",
            where=url.label,
            expected="; ".join(survey.missing_rights[:20]),
            next_step="Use the role that owns the tables, or ask the DBA for these rights",
        )
    if survey.obstacles:
        raise RollbackError(
            f"What belongs to the database keeps it from being exchanged ({UNCHANGED})",
            where=url.label,
            found="; ".join(survey.obstacles[:5]),
            next_step="Have the DBA end or drop it, or make the plan without --swap",
        )


@dataclass
class RestoreAttempt:
    """One attempt to apply a plan, or to revert it; `backup` is what is put in place."""

    stored: StoredRestore
    options: ApplyOptions
    url: DatabaseUrl
    progress: RollbackListener
    by: str
    backup: ProvenBackup = field(init=False)
    standing: Mapping[str, TableContent] = field(init=False, default_factory=dict)

    key = PLAN_ID
    title, kept_in = "Restore", BEFORE

    @property
    def plan(self) -> RestorePlan:
        """The plan."""
        return self.stored.plan

    @property
    def tools(self) -> Tools:
        """With what the backup is read."""
        return tools_of(self.options.pg_bin, LIMIT_S)

    def carry_out(self) -> float | None:
        """Carry it out; returns the seconds of outage, None where it was found done."""
        settle(self.url, self.progress)
        if self.is_done():
            self.progress.step("Found done before")
            return None
        self.progress.step("Checking the backup")
        survey = self.surveyed()
        record = self._tried()
        present = self._present()
        self.require_expected(present, survey)
        return self._replace(survey, present, record)

    def is_done(self) -> bool:
        """Whether it was carried out before; raises RollbackError where it cannot be carried out any more."""
        raise NotImplementedError

    def proven(self) -> ProvenBackup:
        """Prove what is put in place."""
        raise NotImplementedError

    def require_expected(self, present: PresentState, survey: Survey) -> None:
        """Require that what is there is what it is about; raises RollbackError."""
        raise NotImplementedError

    def surveyed(self) -> Survey:
        """Prove the backup again, and look again at what is concerned."""
        self.backup = self.proven()
        survey = self.survey()
        require_possible(survey, self.url)
        return survey

    def survey(self) -> Survey:
        """Look at what is concerned."""
        return kind_of_replacing(self.url).survey(self.url, self.backup.data, self.backup.manifest, self.tools)

    def _tried(self) -> AuditRecord:
        """Restore into a scratch database, and compare what arrives; returns how it is going to be recorded."""
        self.progress.step("Restoring into a scratch database")
        backup, kind = self.backup, kind_of_database(self.url.kind)
        server = scratch_server(self.url, self.options.scratch_database, self.options.environment)
        if kind is None:
            raise RollbackError("Databases of this kind are not restored", where=self.url.label)
        with kind.restored(backup.data, backup.form, self.tools, server, backup.manifest) as copy:
            for what, words in left_behind(copy):
                self.progress.note(f"{what}: {words}")
            check = "Check the backup: recon backup test"
            if copy.errors:
                raise RollbackError(
                    f"The backup cannot be restored without an error ({UNCHANGED})",
                    where=str(backup.path),
                    found=mask_text(copy.errors[0]),
                    next_step=check,
                )
            found = contents_of(copy.url).tables
            differing = compare_contents(backup.manifest.tables, found, backup.manifest.left_out)
            require_equal(differing, "The scratch database does not hold what it should", str(backup.path), check)
            self.progress.note(f"{backup.manifest.rows:,} rows, as in the manifest, in {duration(copy.minutes * 60)}")
            metadata = {self.key: self.plan.id, "level": 2, "backup": backup.path.name, "by": self.by}
            return record_of(copy.url, self.options.profile, self.plan.id, metadata)

    def _present(self) -> PresentState:
        """Back the present state up; a damaged file is copied as it is. Returns what was found."""
        self.progress.step("Backing the present state up")
        folder = self.stored.folder / self.kept_in
        present = present_state(self.url)
        if present.tables is None:
            self._copy_damaged(present.damage)
            return present
        if present.damaged:
            self._leave_damaged(present)
            return present
        for name in swept(folder):
            self.progress.note(f"Removed: {folder / name}: left by one that was killed")
        for name in unfinished(folder):
            self.progress.note(
                f"Left alone: {folder / name}: of one that is running, or that was killed; then remove it"
            )
        options = self.options
        wanted = BackupOptions(
            backups=folder,
            database=options.database,
            pg_bin=options.pg_bin,
            timeout_s=LIMIT_S,
            environment=options.environment,
        )
        created = create_backup(wanted)
        self.progress.note(f"kept in {created.folder}")
        return PresentState(created.manifest.tables)

    def _leave_damaged(self, present: PresentState) -> None:
        """Go on without a backup of what cannot be backed up, if that is wanted."""
        table, why = next(iter(present.damaged.items()))
        if not self.options.without_present_state:
            raise RollbackError(
                f"What is there now cannot be backed up, so that it could not be brought back ({UNCHANGED})",
                where=self.url.label,
                expected="tables that can be read",
                found=f"{len(present.damaged):,} that cannot, first {table}: {why}",
                next_step=f"Keep all of it by a plan with recon rollback restore --swap, or go on with {WITHOUT}",
            )
        self.progress.note(
            f"{len(present.damaged):,} of the tables cannot be read, first {table} ({why}): nothing is kept of what is "
            "there now, and nothing of it can be brought back"
        )

    def _copy_damaged(self, damage: str) -> None:
        path, folder = (self.url.path or Path()).resolve(), self.stored.folder / DAMAGED
        try:
            folder.mkdir(mode=0o700, exist_ok=True)
            for file in (path.with_name(path.name + suffix) for suffix in LOGS):
                if file.is_file():
                    shutil.copy2(file, folder / file.name)
        except OSError as error:
            raise lack_of_resources(error) or RollbackError(
                f"The damaged file cannot be copied ({UNCHANGED})", where=str(path)[:300], found=error.strerror
            ) from error
        self.progress.note(f"the file is damaged ({damage}): copied as it is to {folder}")

    def _replace(self, survey: Survey, present: PresentState, record: AuditRecord) -> float:
        backup, tables = self.backup, present.tables
        if tables is not None:
            self.standing = {name: tables[name] for name in survey.kept if name in tables}
        wanted = Replacement(
            backup.data,
            backup.manifest,
            tables,
            survey.first,
            survey.kept,
            record.statement,
            tuple(present.damaged),
            survey.rights,
        )
        outage_s = kind_of_replacing(self.url).replace(self.url, wanted, self.tools, self.progress)
        self.progress.note(f"nobody else could use the database for {duration(outage_s)}")
        if record.why:
            self.progress.note(record.why)
        return outage_s

    def verified(self, listener: AssessmentListener | None, outage_s: float | None) -> Assessment:
        """Verify what is there now against the manifest."""
        kind = "restore-revert" if self.key == REVERTED_ID else "restore"
        steps = [
            Step("plan", "Plan", lambda: facts_of_restore(self.plan)),
            Step(PART, "Verification against the Manifest", lambda: self._ask(was_done=outage_s is None)),
        ]
        return assess(kind, f"{self.title} of {self.plan.name}", steps, listener)

    def _ask(self, *, was_done: bool) -> Iterator[Fact | Check]:
        if was_done:
            self.backup = self.proven()
        survey = kind_of_replacing(self.url).survey(self.url, self.backup.data, self.backup.manifest, self.tools)
        found = readable_contents_of(self.url).tables
        standing = {name: found[name] for name in survey.kept if name in found} if was_done else self.standing
        audit = record_of(self.url, self.options.profile, self.plan.id, {}).table
        state = RestoredState(found, survey, audit, standing, was_done)
        yield from verify_restored(self.backup.manifest, state)

    def is_recorded(self, key: str) -> bool | None:
        """Whether the database has an audit row of this plan; None: it says nothing."""
        return is_recorded(self.url, self.options.profile, key, self.plan.id)


class ApplyAttempt(RestoreAttempt):
    """The backup takes the place of what is there."""

    def proven(self) -> ProvenBackup:
        """Prove the backup of the plan."""
        backup = proven_backup(Path(self.plan.backup), self.url, self.tools)
        if backup.sha256 != self.plan.backup_sha256:
            raise RollbackError(
                f"{STALE}: the backup is another one than it was ({UNCHANGED})",
                where=self.plan.backup,
                expected=f"a manifest with the SHA-256 {self.plan.backup_sha256[:16]}…",
                found=f"{backup.sha256[:16]}…",
                next_step=AGAIN,
            )
        return backup

    def is_done(self) -> bool:
        """Whether the backup is in place; raises RollbackError where that was reverted."""
        if not self.plan.was_whole:
            # The next look at it says whether it is whole by now.
            present = present_state(self.url)
            if present.tables is None or {*present.damaged} - {*self.plan.survey.kept}:
                return False
        recorded = self.is_recorded(PLAN_ID)
        if self.is_recorded(REVERTED_ID):
            raise RollbackError("The plan was applied, and reverted", where=self.url.label, next_step=AGAIN)
        if recorded is not None:
            return recorded
        backup = self.proven()
        differing = compare_contents(
            backup.manifest.tables,
            readable_contents_of(self.url).tables,
            {*backup.manifest.left_out, *self.plan.survey.kept},
        )
        return not differing and bool(self.plan.lost or self.plan.present is None)

    def require_expected(self, present: PresentState, survey: Survey) -> None:
        """Require that the database is as when the plan was made; raises RollbackError."""
        planned = self.plan.survey
        if (survey.first, survey.kept, survey.rights) != (planned.first, planned.kept, planned.rights):
            raise RollbackError(
                f"{STALE}: the schema changed since it was made ({UNCHANGED})",
                where=self.url.label,
                expected="; ".join(planned.first[:3]) or "nothing that would stop the restore",
                found="; ".join(survey.first[:3]) or "nothing that would stop the restore",
                next_step=AGAIN,
            )
        if (present.tables is None) != (self.plan.present is None):
            raise RollbackError(
                f"{STALE}: the file is {'damaged' if present.tables is None else 'whole'} by now ({UNCHANGED})",
                where=self.url.label,
                next_step=AGAIN,
            )
        if {*present.damaged} != {*self.plan.damaged}:
            raise RollbackError(
                f"{STALE}: other tables are damaged by now ({UNCHANGED})",
                where=self.url.label,
                expected=", ".join(self.plan.damaged) or "none",
                found=", ".join(present.damaged) or "none",
                next_step=AGAIN,
            )
        if present.tables is not None and self.plan.present is not None:
            words = f"{STALE}: more was written since it was made, and would be lost"
            require_equal(compare_contents(self.plan.present, present.tables), words, self.url.label, AGAIN)


class RevertAttempt(RestoreAttempt):
    """What was there before comes back."""

    key = REVERTED_ID
    title, kept_in = "Revert of the Restore", REVERTED

    def proven(self) -> ProvenBackup:
        """Prove the backup of what was there before."""
        found = newest_backup(self.stored.folder / BEFORE)
        if found is None:
            damaged, tables = self.stored.folder / DAMAGED, self.plan.damaged
            found_words = f"a copy of the damaged file in {damaged}" if damaged.exists() else "none"
            raise RollbackError(
                "What was there before was not backed up, so it cannot be brought back",
                where=str(self.stored.folder)[:300],
                expected=f"a backup in {BEFORE}",
                found=f"none, as {len(tables):,} of its tables could not be read" if tables else found_words,
                next_step="Check that this is the plan that was applied",
            )
        return proven_backup(found, self.url, self.tools)

    def is_done(self) -> bool:
        """Whether it was reverted; raises RollbackError where the plan was not applied."""
        if self.is_recorded(REVERTED_ID):
            return True
        if self.is_recorded(PLAN_ID) is False:
            raise RollbackError(
                "The plan was not applied to this database, so there is nothing to bring back",
                where=self.url.label,
                expected="its audit row",
                found="none",
                next_step="Check that this is the plan that was applied",
            )
        if self.is_recorded(PLAN_ID) is None:
            backup = self.proven()
            found = contents_of(self.url).tables
            return not compare_contents(backup.manifest.tables, found, backup.manifest.left_out)
        return False

    def require_expected(self, present: PresentState, survey: Survey) -> None:  # noqa: ARG002
        """Require that nothing was written since the backup was put in place; raises RollbackError."""
        found = present.tables or {}
        restored = proven_backup(Path(self.plan.backup), self.url, self.tools).manifest
        audit = record_of(self.url, self.options.profile, self.plan.id, {}).table
        kept = self.plan.survey.kept
        differing = compare_contents(restored.tables, found, {*restored.left_out, *kept})
        known = {name: content for name, content in (self.plan.present or {}).items() if name in kept}
        differing += compare_contents(known, {name: found[name] for name in known if name in found})
        require_equal(
            without_record(differing, audit),
            "Something was written since the backup was put in place, and would be lost",
            self.url.label,
            f"Read what it is, in a plan of its own: recon rollback restore {self.backup.path}",
        )
