"""The two steps in which the importer runs: never twice for one attempt, never lost, whatever ends recon."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

import msgspec

from recon.database.secrets import without_secrets
from recon.errors import MigrationError, ReconError
from recon.masking import mask_text
from recon.model import Assessment, Fact, Findings, Probe
from recon.model.migration import BY_IMPORTER
from recon.preflight.assessing import Step, assess
from recon.preflight.wording import span_words
from recon.runs.folder import run_folders
from recon.runs.migration.appearing import Expectation, FoundBundle, bundles_in
from recon.runs.migration.command import UNFILLED, arguments, has_placeholder
from recon.runs.migration.digests import BEFORE, change_words, kept_digest, take_digest, untouched
from recon.runs.migration.gates import UnansweredError, export_digests
from recon.runs.migration.importing import HAS_ENDED, IS_RUNNING, NOT_BEGUN, NOT_KNOWN, ImporterRun, Shown
from recon.runs.migration.options import AGAIN, ENDED
from recon.runs.migration.redacting import redacted, shown
from recon.runs.migration.supervising import ASKED, LATE, MISSING, OUTPUT
from recon.runs.migrations import migration_folders, write_whole

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check
    from recon.model.migration import MigrationStep
    from recon.runs.migration.importing import ImporterEnd
    from recon.runs.migration.session import Session

DRY_RUN, EXECUTE = "dry-run", "execute"
PLAN, EXPORTS = "plan.json", "exports.json"
SHOWN_LINES, LAST_LINES = 5, 10
END_OF = Probe(
    "importer_ended",
    "Importer",
    "importer",
    "The importer ended by itself, with exit code 0.",
    "Nobody knows what it did and what it left undone",
    "Read its output, and ask who maintains the importer",
)
NOBODY_KNOWS = "Nobody knows how the importer ended"
LEAVE, WAIT, END = "leave", "wait", "end"
WHILE_RUNNING = {WAIT: "wait on", LEAVE: "leave it running and stop here", END: "end it"}


class StartPlan(msgspec.Struct, frozen=True, rename="camel"):
    """What was known before the importer was started.

    Attributes:
        run_id: The run id that it was given; None: it chooses one.
        before: The bundles that were where its own is to appear, each with what changes when it is written again.
    """

    run_id: str | None = None
    before: dict[str, str] = {}


@dataclass(frozen=True)
class Earlier:
    """An attempt that an earlier process left behind.

    Attributes:
        step: The attempt.
        is_accepted: Whether a person said to go on with what its importer left, however that ended.
    """

    step: MigrationStep
    is_accepted: bool = False


class LeftRunningError(Exception):
    """The importer goes on without this process, because a person wanted it so."""


def start_importer(session: Session, step: MigrationStep) -> None:
    """Start the importer for an attempt that is recorded; what was there before is kept first.

    Raises:
        ReconError: It was not started, and never will be for this attempt.
        LeftRunningError, KeyboardInterrupt: As of `follow`.
    """
    folder, recipe, given = session.path(step), session.recipe, session.options
    bundle = folder.resolve() / "bundles" / "migration-bundle"
    bundle.parent.mkdir(mode=0o700, exist_ok=True)
    run_id = str(uuid4()) if has_placeholder(recipe, "run_id") else None
    values = {
        "bundle": str(bundle),
        "run_id": run_id,
        "exports": None if given.exports is None else str(given.exports),
        "config": None if given.config is None else str(given.config),
        "database": given.database or "DATABASE_URL",
    }
    words = arguments(recipe, step.name, values)
    take_digest(session.url, folder / BEFORE)
    if given.exports is not None:
        write_whole(folder / EXPORTS, json.dumps(export_digests(Path(given.exports))).encode())
    plan = StartPlan(run_id, {} if _is_placed(session) else bundles_in(None, recipe.bundle))
    write_whole(folder / PLAN, msgspec.json.encode(plan))
    limit_s = recipe.timeout_minutes and recipe.timeout_minutes * 60
    run = ImporterRun(folder)
    try:
        run.start(words, given.environment, limit_s)
    except KeyboardInterrupt:
        if run.settled() != IS_RUNNING:
            raise
        _interrupted(session, run)


def _is_placed(session: Session) -> bool:
    return has_placeholder(session.recipe, "bundle") or session.recipe.bundle is None


def command_words(session: Session, name: str) -> str:
    """Return the importer's command for a step as it is recorded: without secrets, its placeholders as they are."""
    return shown(redacted(arguments(session.recipe, name, UNFILLED)))


def require_idle(session: Session) -> None:
    """Keep any other step from being taken beside the importer.

    Raises:
        MigrationError: It is running.
    """
    for name in BY_IMPORTER:
        last = session.migration.last(name)
        if last is not None and ImporterRun(session.path(last)).settled() == IS_RUNNING:
            raise MigrationError(
                "The importer is running",
                where=str(session.path(last))[:300],
                next_step=f"Wait for it, or end it by Ctrl-C: {session.going_on()}",
            )


def follow_earlier(session: Session, step: MigrationStep) -> None:
    """Show what an importer that an earlier process started has written last, and go on as `follow` does."""
    shown = Shown()
    session.listener.note("The importer of an earlier process was found")
    for line in ImporterRun(session.path(step)).last_lines(LAST_LINES, shown):
        session.listener.line(line)
    follow(session, step, shown)


def follow(session: Session, step: MigrationStep, shown: Shown | None = None) -> None:
    """Show what the importer writes, until it has ended or nobody can know.

    Raises:
        LeftRunningError: A person wanted it to go on without this process.
        KeyboardInterrupt: It was interrupted, and nobody is there to ask.
    """
    run = ImporterRun(session.path(step))
    shown = shown or Shown()
    while True:
        try:
            for line in run.follow(shown):
                if isinstance(line, str):
                    session.listener.line(line)
                else:
                    session.listener.note(
                        f"The importer has written nothing for {line:.0f} s; Ctrl-C asks whether to end it"
                    )
        except KeyboardInterrupt:
            if run.state() != IS_RUNNING:
                raise
            _interrupted(session, run)
        else:
            return


def _interrupted(session: Session, run: ImporterRun) -> None:
    if not session.dialogue.can_ask:
        session.listener.note(f"The importer goes on. To wait for it: {session.going_on()}")
        raise KeyboardInterrupt
    try:
        answer = session.dialogue.choose("The importer is running. What now?", WHILE_RUNNING)
    except KeyboardInterrupt:
        answer = LEAVE
    if answer == LEAVE:
        raise LeftRunningError
    if answer == END and not run.end():
        session.listener.note("The importer is not found on this machine: end it where it runs")


def earlier_attempt(session: Session, step: MigrationStep) -> Earlier | None:
    """Say what became of the newest attempt; None: it never began, or is to be made again.

    Returns:
        The attempt, whose importer has ended or is running.

    Raises:
        UnansweredError: Nobody can know, or it failed, and nobody is there to ask.
        MigrationError: It is to be made again, and the importer is running.
    """
    state = ImporterRun(session.path(step)).settled()
    if state == NOT_BEGUN:
        session.note(step, message=step.message or "The importer was not started")
        return None
    is_judged = step.gate is not None
    if step.name == EXECUTE and step.gate == "INCOMPLETE" and session.statements.importer is None:
        # What could not be asked then may be asked now.
        is_judged = False
    if not is_judged and state in (IS_RUNNING, HAS_ENDED):
        return Earlier(step)
    if step.name == DRY_RUN:
        _require_gone(ImporterRun(session.path(step)))
        session.note(step, message=step.message or _unknown_dry_run(session, step))
        return None
    return Earlier(step, is_accepted=True) if fate(session, step, session.statements.importer) == ENDED else None


def _unknown_dry_run(session: Session, step: MigrationStep) -> str:
    """A dry run may be made again; what it wrote all the same is to be known first."""
    before = kept_digest(session.path(step) / BEFORE)
    now = take_digest(session.url, session.path(step) / "found.json")
    words = change_words(before, now) if before is not None else "what it held before is not known"
    if words:
        session.listener.note(f"Since the dry run began the database has changed: {words}")
    return f"{NOBODY_KNOWS}; {'the database has changed' if words else 'it wrote nothing'}"


def is_unknown(session: Session, step: MigrationStep) -> bool:
    """Whether the importer of an attempt is not running, and nobody knows how it ended."""
    return ImporterRun(session.path(step)).state() == NOT_KNOWN


def fate(session: Session, step: MigrationStep, stated: str | None = None) -> str:
    """What is to be done with an execution that failed, or of which nobody knows how it ended: AGAIN or ENDED.

    Args:
        session: This process's work.
        step: The attempt.
        stated: What a person has said who knew how it stands; None: it is asked.

    Raises:
        UnansweredError: Nobody is there to ask, or the answer is to stop.
        MigrationError: It is to be started again, and something that it started is still running.
    """
    run = ImporterRun(session.path(step))
    session.listener.note(f"The importer {_how(run, step)}")
    for line in database_lines(session, step):
        session.listener.note(line)
    question = "Start the importer again, or go on with what it left?"
    if stated is None and not session.dialogue.can_ask:
        raise UnansweredError(question, session.going_on("--importer", AGAIN), session.going_on("--importer", ENDED))
    choices = {"stop": "stop here", ENDED: "it finished: go on with what it left", AGAIN: "start it again"}
    answer = stated or session.dialogue.choose(question, choices)
    if answer == "stop":
        raise UnansweredError(question, session.going_on())
    if answer == AGAIN:
        _require_gone(run)
        session.note(step, message=f"{step.message or NOBODY_KNOWS}; started again by {session.by}")
    return answer


def _how(run: ImporterRun, step: MigrationStep) -> str:
    if run.state() == NOT_KNOWN:
        host = f" It was started on {run.host}." if run.host else ""
        return f"was started, is not running, and left no word of how it ended.{host}"
    return "has been executed already." if step.gate == "PASSED" else f"has ended: {step.message}"


def _require_gone(run: ImporterRun) -> None:
    """Raise MigrationError as long as a process lives that the importer started."""
    if run.group is not None:
        raise MigrationError(
            "Processes that the importer started are still running",
            where=str(run.folder)[:300],
            expected="none, before it is started again",
            next_step=f"Wait for them, or end them: kill -- -{run.group}",
        )


def database_lines(session: Session, step: MigrationStep) -> Iterator[str]:
    """Yield what the database and the bundle show of an execution, one sentence each."""
    folder = session.path(step)
    before = kept_digest(folder / BEFORE)
    try:
        now = take_digest(session.url, folder / "found.json")
    except ReconError as error:
        yield f"The database cannot be read: {error.message}"
    else:
        words = change_words(before, now) if before else "what it held before is not known"
        yield (
            f"The database has changed since it began: {words}"
            if words
            else ("The database holds exactly what it held before it began")
        )
    places = bundles_in(folder / "bundles", None) if _is_placed(session) else bundles_in(None, session.recipe.bundle)
    known = _plan(session, step).before
    new = [path for path, stamp in places.items() if known.get(path) != stamp]
    yield f"Bundle: {', '.join(new)}" if new else "It left no bundle"


def _plan(session: Session, step: MigrationStep) -> StartPlan:
    try:
        return msgspec.json.decode((session.path(step) / PLAN).read_bytes(), type=StartPlan)
    except (OSError, msgspec.MsgspecError):
        return StartPlan()


def judge_importer(
    session: Session, step: MigrationStep, *, is_accepted: bool
) -> tuple[Assessment, FoundBundle | None]:
    """Judge how the importer ended, what it left, and what it did to the target; `is_accepted` as of `Earlier`."""
    bundles: list[FoundBundle] = []
    steps = [Step("importer", "Importer", partial(_end_of, session, step, is_accepted=is_accepted))]
    steps.append(Step("bundle", "Bundle", partial(_bundle, session, step, bundles)))
    if step.name == DRY_RUN:
        steps.append(Step("database", "Database", lambda: iter((untouched(session.url, session.path(step)),))))
    else:
        steps.append(Step("database", "Database", partial(_changes, session, step)))
    assessment = assess("migration-step", step.title, steps, session.listener.gates)
    return assessment, bundles[0] if bundles else None


def _changes(session: Session, step: MigrationStep) -> Iterator[Fact | Check]:
    before = kept_digest(session.path(step) / BEFORE)
    if before is not None:
        words = change_words(before, take_digest(session.url, session.path(step) / "after.json"))
        yield Fact("Changed by the import", words or "nothing")


def _end_of(session: Session, step: MigrationStep, *, is_accepted: bool) -> Iterator[Fact | Check]:
    run = ImporterRun(session.path(step))
    end = run.ended()
    yield Fact("Output", str(session.path(step) / OUTPUT))
    last = [mask_text(without_secrets(line.strip()))[:200] for line in run.last_lines(SHOWN_LINES)]
    detail = Findings(detail=f"It said last: {' / '.join(last)}" if last else "It said nothing")
    words = _wrong(session, end)
    if words and is_accepted:
        yield END_OF.warned(f"{words}; {session.by} goes on with what it left", detail)
    elif end is None:
        yield END_OF.not_evaluated(words, detail)
    elif words:
        yield END_OF.failed(words, Findings() if end.why == MISSING else detail)
    elif run.group is not None:
        yield END_OF.warned(f"exit code 0{_after(end)}; processes that it started are still running", detail)
    else:
        yield END_OF.passed(f"exit code 0{_after(end)}")


def _wrong(session: Session, end: ImporterEnd | None) -> str:
    """How it ended otherwise than it should; empty: it did not."""
    if end is None:
        return "Nobody knows how it ended"
    if end.why == LATE:
        return f"It was ended: it took longer than {session.recipe.timeout_minutes:g} minutes"
    if end.why == ASKED:
        return "It was ended: a person asked for it"
    if end.why == MISSING:
        return f"It could not be started: {end.found}"
    code = end.exit_code or 0
    if code:
        return f"It failed: {f'exit code {code}' if code > 0 else f'ended by signal {-code}'}"
    return ""


def _after(end: ImporterEnd) -> str:
    return "" if end.duration_ms is None else f", after {span_words(timedelta(milliseconds=end.duration_ms))}"


def _bundle(session: Session, step: MigrationStep, bundles: list[FoundBundle]) -> Iterator[Check]:
    plan = _plan(session, step)
    is_placed = _is_placed(session)
    expected = Expectation(
        session.path(step) / "bundles" if is_placed else None,
        session.recipe.bundle,
        plan.before,
        step.name == DRY_RUN,
        step.started_at,
        plan.run_id,
        _earlier_runs(session),
    )
    for found in expected.find():
        if isinstance(found, FoundBundle):
            bundles.append(found)
        else:
            yield found


def _earlier_runs(session: Session) -> set[str]:
    """The run ids of runs that were judged before, and of other migrations in the folder of runs."""
    outputs = Path(session.options.outputs)
    judged = {manifest.run_id for run in run_folders(outputs) if (manifest := run.manifest())}
    for folder in migration_folders(outputs):
        # An importer may give its dry run and its execution one id.
        if folder.path.resolve() != session.folder.path.resolve():
            with suppress(ReconError):
                judged |= {step.run_id for step in folder.load().steps if step.run_id}
    return judged - {step.run_id for step in session.migration.steps}
