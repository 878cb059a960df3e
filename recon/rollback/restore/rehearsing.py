"""The rehearsal: both levels of rollback played on a scratch database, and their time measured."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import starmap
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING

from recon.backup.contents import RestoredCopy, compare_contents, left_behind
from recon.backup.kinds import contents_of, identity_of, kind_of_database
from recon.backup.replacing import Replacement, kind_of_replacing
from recon.database import resolve_database
from recon.errors import ReconError, RollbackError
from recon.masking import mask_text
from recon.model import Fact, Findings, Probe
from recon.preflight.assessing import Step, assess
from recon.rollback.applying import play_plan
from recon.rollback.figures import RehearsedFigures, duration
from recon.rollback.files import read_plan, write_plan
from recon.rollback.options import RollbackOptions
from recon.rollback.planning import make_plan
from recon.rollback.restore.options import scratch_server, tools_of
from recon.rollback.restore.proving import proven_backup
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.backup.contents import Tools
    from recon.database import DatabaseUrl
    from recon.model import Assessment, Check
    from recon.preflight.assessing import AssessmentListener
    from recon.rollback.restore.options import RehearsalOptions
    from recon.rollback.restore.proving import ProvenBackup

MEASURED = "The rehearsal is not whole: how long a rollback takes is not known"
RESTORED = Probe(
    "rehearsed_restore",
    "Scratch Database",
    "restore",
    "The backup can be restored where nothing else is, with the digests of its manifest.",
    MEASURED,
    "Do what the message says, and rehearse again",
)
LEVEL_1 = Probe(
    "rehearsed_level_1",
    "Level 1",
    "level_1",
    "The run can be undone in a copy of the database.",
    "In the database itself it could not be undone either, or it is not known",
    "Name a backup from after the run; see what the message says",
)
LEVEL_2 = Probe(
    "rehearsed_level_2",
    "Level 2",
    "level_2",
    "The backup can be put in the place of what a database holds, with the digests of its manifest.",
    "In the database itself it could not be put in place either",
    "Do what the message says, and rehearse again",
)


class _Quiet:
    """A progress that nobody follows."""

    def step(self, title: str) -> None:
        """Do nothing."""

    def note(self, text: str) -> None:
        """Do nothing."""


@dataclass(frozen=True)
class PlayedLevels:
    """What was rehearsed; `figures` is None where it did not come to its end."""

    assessment: Assessment
    figures: RehearsedFigures | None


def play_rehearsal(options: RehearsalOptions, listener: AssessmentListener | None = None) -> PlayedLevels:
    """Restore a backup into a scratch database, play both levels there, and drop it.

    Raises:
        ReconError: No database is named, or databases of this kind are not restored.
    """
    url = resolve_database(options.database, options.environment)
    kind_of_replacing(url)
    with ExitStack() as stack:
        played = _Played(options, url, tools_of(options.pg_bin, options.timeout_s), stack)
        steps = [
            Step("restore", "Scratch Database", played.restored),
            Step("level_1", "Level 1", played.level_1),
            Step("level_2", "Level 2", played.level_2),
        ]
        assessment = assess("rehearsal", "Rehearsal of the Rollback", steps, listener)
    return PlayedLevels(assessment, played.figures)


@dataclass
class _Played:
    options: RehearsalOptions
    url: DatabaseUrl
    tools: Tools
    stack: ExitStack
    backup: ProvenBackup | None = None
    copy: RestoredCopy | None = None
    restore_s: float = 0.0
    level_1_s: float | None = None
    level_1_rows: int = 0
    figures: RehearsedFigures | None = field(default=None, init=False)

    def restored(self) -> Iterator[Fact | Check]:
        began = monotonic()
        backup = proven_backup(Path(self.options.backup).resolve(), self.url, self.tools)
        yield Fact("Backup", f"{self.options.backup}, {backup.manifest.rows:,} rows")
        kind = kind_of_database(self.url.kind)
        if kind is None:
            raise RollbackError("Databases of this kind are not restored", where=self.url.label)
        server = scratch_server(self.url, self.options.scratch_database, self.options.environment)
        restoring = kind.restored(backup.data, backup.form, self.tools, server, backup.manifest)
        copy = self.stack.enter_context(restoring)
        yield from starmap(Fact, left_behind(copy))
        if copy.errors:
            yield RESTORED.failed(f"Not restored without an error: {mask_text(copy.errors[0])}")
            return
        differing = compare_contents(backup.manifest.tables, contents_of(copy.url).tables, backup.manifest.left_out)
        if differing:
            yield RESTORED.failed(f"{differing[0].table}: {differing[0].found}")
            return
        self.backup, self.copy, self.restore_s = backup, copy, monotonic() - began
        yield RESTORED.passed(
            f"{backup.manifest.rows:,} rows restored and compared in {duration(self.restore_s)}",
            Findings(actual=round(self.restore_s / 60, 2), unit=" minutes"),
        )

    def level_1(self) -> Iterator[Fact | Check]:
        options = self.options
        if self.copy is None:
            yield LEVEL_1.not_evaluated("There is no scratch database to play it in")
        elif options.bundle is None and options.run_id is None:
            yield Fact("Level 1", "not played: no run is named with --bundle or --run-id")
        else:
            yield self._undone(self.copy.url)

    def _undone(self, url: DatabaseUrl) -> Check:
        options = self.options
        wanted = RollbackOptions(
            options.bundle, options.run_id, profile=options.profile, environment=options.environment
        )
        began = monotonic()
        with ScratchFolder("recon-rehearsal-") as folder:
            try:
                plan = make_plan(wanted, folder.path, url)
                write_plan(folder.path, plan)
                if not plan.rows and not plan.restored_rows:
                    return LEVEL_1.warned("The run has no rows in the backup: it is from before the run")
                play_plan(read_plan(folder.path), url, _Quiet())
            except ReconError as error:
                return LEVEL_1.failed(error.message)
        self.level_1_s, self.level_1_rows = monotonic() - began, plan.rows + plan.restored_rows
        return LEVEL_1.passed(
            f"{self.level_1_rows:,} rows of {plan.run_id} undone in {duration(self.level_1_s)}",
            Findings(actual=round(self.level_1_s / 60, 2), unit=" minutes"),
        )

    def level_2(self) -> Iterator[Fact | Check]:
        if self.copy is None or self.backup is None:
            yield LEVEL_2.not_evaluated("There is no scratch database to play it in")
            return
        backup, url = self.backup, self.copy.url
        kind, began = kind_of_replacing(url), monotonic()
        survey = kind.survey(url, backup.data, backup.manifest, self.tools)
        present = contents_of(url).tables
        wanted = Replacement(backup.data, backup.manifest, present, survey.first, survey.kept)
        try:
            outage_s = kind.replace(url, wanted, self.tools, _Quiet())
        except ReconError as error:
            yield LEVEL_2.failed(error.message)
            return
        level_2_s = monotonic() - began
        self.figures = RehearsedFigures(
            at=datetime.now(UTC),
            identity=identity_of(self.url),
            backup=str(backup.path),
            rows=backup.manifest.rows,
            restore_s=self.restore_s,
            level_1_s=self.level_1_s,
            level_1_rows=self.level_1_rows,
            level_2_s=level_2_s,
            outage_s=outage_s,
        )
        yield LEVEL_2.passed(
            f"{backup.manifest.rows:,} rows in place in {duration(level_2_s)}, "
            f"{duration(outage_s)} of it nobody else could use the database",
            Findings(actual=round(level_2_s / 60, 2), unit=" minutes"),
        )
