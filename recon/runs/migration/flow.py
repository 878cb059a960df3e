"""The steps of a migration, one after another, from wherever its record says that it stands."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle import open_bundle
from recon.errors import MigrationError, OutputError, ReconError, UsageError
from recon.masking import mask_text
from recon.model import ENTITIES, Assessment, Outcome
from recon.model.migration import BY_IMPORTER
from recon.preflight.wording import counted
from recon.runs.folder import CHOICES
from recon.runs.migration.execution import confirm_execution, execution_gate, still_executable
from recon.runs.migration.gates import (
    Passage,
    UnansweredError,
    backup_gate,
    commands_of,
    environment_gate,
    importer_gate,
    people_gate,
    review_gate,
    source_gate,
)
from recon.runs.migration.importer_steps import (
    EXECUTE,
    LeftRunningError,
    command_words,
    earlier_attempt,
    fate,
    follow,
    follow_earlier,
    is_unknown,
    judge_importer,
    require_idle,
    start_importer,
)
from recon.runs.migration.importing import NOT_BEGUN, ImporterRun
from recon.runs.migration.options import CAN_BE_PASSED, ENDED
from recon.runs.migration.redacting import clean_output
from recon.runs.migration.sealing import seal_migration
from recon.runs.migration.supervising import OUTPUT
from recon.runs.migration.verbs import verb
from recon.runs.run import RunOptions, run
from recon.verification.options import VerifyOptions
from recon.verification.progress import Stopwatch

if TYPE_CHECKING:
    from recon.model import Check, Verification
    from recon.model.migration import Migration, MigrationStep
    from recon.runs.migration.session import Session

GATES = {
    "environment": environment_gate,
    "source": source_gate,
    "people": people_gate,
    "review": review_gate,
    "backup": backup_gate,
}
EXIT_CODES = {"PASSED": 0, "FAILED": 1, "INCOMPLETE": 2}
VERIFYING = ("database", "profile", "expectations", "policies", "accept", "advice", "timeout_s", "outputs")
OTHER_PROOF = (
    "Where no scratch database can be made: restore on another server with --scratch-database NAME, or read the backup "
    "to its end only with --proof check"
)


@dataclass(frozen=True)
class MigrationResult:
    """Where a migration stands when this process leaves it.

    Attributes:
        folder: Its folder.
        migration: Its record.
        exit_code: 0 verified and passed, 1 a gate or the verification failed, 2 a question is open or something is not
            known, 130 left by Ctrl-C.
        stopped: Why it stopped before its end, one sentence; empty: it is at its end.
        commands: What is to be done and what goes on, in order.
        actions: What to do about each check that did not hold, one sentence each.
        verification: The verdict; None: it was not reached by this process.
    """

    folder: Path
    migration: Migration
    exit_code: int
    stopped: str = ""
    commands: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    verification: Verification | None = None


class Flow:
    """Goes through the steps, and stops at the first gate that does not hold or question that nobody answers."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._verification: Verification | None = None
        self._unpassed: tuple[Check, ...] = ()
        self._retaken: set[str] = set()

    def go(self) -> MigrationResult:
        """Take every step that is left.

        Raises:
            ReconError: A step cannot be taken at all; what was recorded stays.
            KeyboardInterrupt: It was interrupted.
        """
        session = self._session
        again = session.statements.redo
        if again is not None:
            require_idle(session)
        executed = session.migration.last("execute")
        if again is not None and executed is not None and executed.has_passed:
            raise UsageError(
                "The import was executed, so no step before it is taken again",
                where="--redo",
                found=again,
                next_step=f"Go on with its verification: {session.going_on()}",
            )
        while (name := again or self._due()) is not None:
            again = None
            try:
                step = self._take(name)
            except UnansweredError as open_question:
                return self._stopped(2, open_question.question, *open_question.commands)
            except LeftRunningError:
                return self._stopped(130, "The importer goes on without recon", session.going_on())
            if name == "verify":
                return self._verified(step)
            if not step.has_passed:
                return self._failed(step)
        return self._stopped(0, "")

    def _due(self) -> str | None:
        """The next step; what the execution relies on is made again where it is older than allowed."""
        migration, name = self._session.migration, self._session.migration.next_step
        if name != "execute" or any(step.name == name and self._has_run(step) for step in migration.steps):
            return name
        oldest = datetime.now(UTC) - timedelta(hours=self._session.options.max_age_h)
        for relied_on in ("dry-run", "backup"):
            found = migration.last(relied_on)
            if found and found.started_at < oldest:
                words = f"{found.title} is older than {self._session.options.max_age_h:g} h"
                if relied_on in self._retaken:
                    raise MigrationError(
                        f"{words}, although it was made anew: the steps take longer than it may be old",
                        where="--max-age",
                        next_step=f"Allow more: {self._session.going_on('--max-age', 'HOURS')}",
                    )
                self._retaken.add(relied_on)
                self._session.listener.note(words)
                return relied_on
        return name

    def _has_run(self, step: MigrationStep) -> bool:
        """Whether the importer was started in an attempt, or may have been."""
        return ImporterRun(self._session.path(step)).state() != NOT_BEGUN

    def _take(self, name: str) -> MigrationStep:
        try:
            return self._taken(name)
        except OSError as error:
            raise OutputError(
                "The folder of the migration cannot be written",
                where=str(error.filename or self._session.folder.path)[:300],
                found=error.strerror or str(error),
                next_step=f"Make room there, and go on: {self._session.going_on()}",
            ) from error

    def _taken(self, name: str) -> MigrationStep:
        if name in BY_IMPORTER:
            return self._import(name)
        if name == "verify":
            return self._verify()
        session = self._session
        step, watch = session.begin(name, commands=commands_of(session, name)), Stopwatch()
        try:
            passage = GATES[name](session)
        except UnansweredError as open_question:
            session.note(step, message=f"Asked, and not answered: {open_question.question}", duration_ms=watch.total_ms)
            raise
        except ReconError as error:
            session.note(step, message=mask_text(error.message), gate="INCOMPLETE", duration_ms=watch.total_ms)
            raise
        return self._judged(step, passage, watch.total_ms)

    def _judged(self, step: MigrationStep, passage: Passage, duration_ms: int, **known: object) -> MigrationStep:
        """Keep what a gate found, and record whether it holds."""
        session, assessment = self._session, passage.assessment
        self._unpassed = tuple(check for check in assessment.unpassed if check.outcome is not Outcome.WARN)
        session.keep(step, assessment)
        despite = passage.despite
        if assessment.verdict != "PASSED" and step.name in CAN_BE_PASSED and not despite:
            despite = session.statements.despite.get(step.name)
        return session.note(
            step,
            gate=assessment.verdict,
            duration_ms=duration_ms,
            message=_sentence(assessment),
            kept=passage.kept,
            by=passage.by or (session.by if despite else None) or step.by,
            despite=despite if assessment.verdict != "PASSED" else None,
            **known,
        )

    def _import(self, name: str) -> MigrationStep:
        """Have the importer run, or take up the run that an earlier process left behind."""
        session = self._session
        last = session.migration.last(name)
        # A dry run is made anew after any other step; an execution is never forgotten.
        is_newest = last is not None and last is session.migration.steps[-1]
        earlier = earlier_attempt(session, last) if last is not None and (is_newest or name == EXECUTE) else None
        if earlier is None:
            return self._imported(name)
        follow_earlier(session, earlier.step)
        return self._importer_judged(earlier.step, is_accepted=earlier.is_accepted)

    def _imported(self, name: str) -> MigrationStep:
        """Start the importer, and wait for it."""
        session = self._session
        commands = (command_words(session, name),)
        step = self._may_execute(commands) if name == EXECUTE else self._may_rehearse(name, commands)
        if step.gate is not None:
            return step
        try:
            start_importer(session, step)
        except ReconError as error:
            session.note(step, message=f"Not started: {mask_text(error.message)}")
            raise
        session.publish()
        follow(session, step)
        return self._importer_judged(step)

    def _may_rehearse(self, name: str, commands: tuple[str, ...]) -> MigrationStep:
        """Record an attempt at the dry run, whose gate is reached already where the importer cannot run."""
        session = self._session
        step, watch = session.begin(name, commands=commands), Stopwatch()
        passage = importer_gate(session)
        if passage.assessment.verdict == "PASSED":
            return step
        self._show(passage)
        return self._judged(step, passage, watch.total_ms)

    def _show(self, passage: Passage) -> None:
        """Show what does not hold of what was asked in silence."""
        for check in passage.assessment.unpassed:
            self._session.listener.gates.found(check)

    def _may_execute(self, commands: tuple[str, ...]) -> MigrationStep:
        """Record an attempt at the execution, whose gate is reached already where it must not be begun."""
        session = self._session
        step, watch = session.begin(EXECUTE, commands=commands), Stopwatch()
        passage = execution_gate(session)
        if passage.assessment.verdict != "PASSED":
            return self._judged(step, passage, watch.total_ms)
        session.keep(step, passage.assessment)
        try:
            confirm_execution(session)
        except (UnansweredError, ReconError) as error:
            words = error.question if isinstance(error, UnansweredError) else error.message
            session.note(step, message=f"Not executed: {words}", duration_ms=watch.total_ms)
            raise
        # A person may have waited with the answer.
        again = still_executable(session)
        if again.assessment.verdict != "PASSED":
            self._show(again)
            return self._judged(step, again, watch.total_ms)
        return session.note(step, by=session.by)

    def _importer_judged(self, step: MigrationStep, *, is_accepted: bool = False) -> MigrationStep:
        session = self._session
        if step.name == EXECUTE and not is_accepted and is_unknown(session, step):
            is_accepted = fate(session, step) == ENDED
            if not is_accepted:
                return self._imported(EXECUTE)
        end = ImporterRun(session.path(step)).ended()
        if end is not None:
            clean_output(session.path(step) / OUTPUT)
        assessment, bundle = judge_importer(session, step, is_accepted=is_accepted)
        duration_ms = end.duration_ms if end and end.duration_ms is not None else 0
        known: dict[str, object] = {"exit_code": end.exit_code if end else None}
        if bundle is not None:
            known |= {"bundle": str(bundle.path), "run_id": bundle.run_id}
        return self._judged(step, Passage(assessment), duration_ms, **known)

    def _verify(self) -> MigrationStep:
        session, given = self._session, self._session.options
        bundle = session.bundle_of("execute")
        with open_bundle(bundle) as opened:
            exports = given.exports if opened.recorded != set(ENTITIES) else None
        options = VerifyOptions(
            bundle,
            given.database,
            expectations=given.expectations,
            policies=given.policies,
            accept=given.accept,
            advice=given.advice,
            baseline=session.baseline,
            exports=exports,
            profile=given.profile,
            timeout_s=given.timeout_s,
            environment=given.environment,
        )
        skipped = [word for part in CHOICES if part not in given.parts for word in ("--skip", part)]
        known_before = [word for folder in session.baseline for word in ("--baseline", folder)]
        command = verb(given, ("run", str(bundle), *known_before, *skipped), VERIFYING)
        step, watch = session.begin("verify", commands=(command,)), Stopwatch()
        outputs = Path(given.outputs)
        try:
            done = run(RunOptions(options, outputs, given.parts), session.listener.verification(outputs))
        except ReconError as error:
            session.note(step, message=mask_text(error.message), gate="INCOMPLETE", duration_ms=watch.total_ms)
            raise
        self._verification = done.verification
        session.listener.verified(done)
        verdict = done.verification.verdict
        known = {
            "gate": verdict,
            "duration_ms": watch.total_ms,
            "message": f"Verification {verdict}",
            "kept": str(done.folder.path),
            "run_id": done.verification.run_id,
        }
        if verdict == "INCOMPLETE":
            return session.note(step, **known)
        closed = session.close(step, "verified", verdict, **known)
        try:
            seal_migration(session.folder, session.migration, session.by)
        except ReconError as error:
            session.listener.note(f"The migration is not recorded: {error.message}")
        return closed

    def _verified(self, step: MigrationStep) -> MigrationResult:
        session = self._session
        stopped = "The verification could not be completed" if step.gate == "INCOMPLETE" else ""
        commands = (session.going_on(),) if step.gate == "INCOMPLETE" else ()
        code = EXIT_CODES[step.gate or "INCOMPLETE"]
        return MigrationResult(
            session.folder.path, session.migration, code, stopped, commands, verification=self._verification
        )

    def _failed(self, step: MigrationStep) -> MigrationResult:
        words = "did not pass" if step.gate == "FAILED" else "could not be evaluated"
        actions = tuple(f"{check.name}: {check.guidance.action}" for check in self._unpassed if check.guidance.action)
        if step.name == "backup" and self._session.options.proof == "test":
            actions += (OTHER_PROOF,)
        if step.name in CAN_BE_PASSED:
            actions += (f"Or pass this gate, with a reason that is recorded: --despite {step.name} REASON",)
        return MigrationResult(
            self._session.folder.path,
            self._session.migration,
            EXIT_CODES[step.gate or "INCOMPLETE"],
            f"{step.title} {words}",
            (self._session.going_on(),),
            actions,
        )

    def _stopped(self, exit_code: int, words: str, *commands: str) -> MigrationResult:
        return MigrationResult(self._session.folder.path, self._session.migration, exit_code, words, commands)


def _sentence(assessment: Assessment) -> str:
    """How a gate came out: what did not hold, or how much did."""
    unpassed = [check for check in assessment.unpassed if check.outcome is not Outcome.WARN]
    if unpassed:
        return "; ".join(f"{check.name}: {check.message}" for check in unpassed[:3])[:500]
    warnings = assessment.summary.warnings
    passed = f"{counted(assessment.summary.passed, 'check')} passed"
    return f"{passed}, {counted(warnings, 'warning')}" if warnings else passed
