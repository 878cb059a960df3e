"""The whole run: the verdict, and everything that people look at, in one folder that appears complete or not at all."""

from __future__ import annotations

import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from recon.background import held_interrupts, is_interrupted
from recon.errors import OutputError, ReconError, StepError, UsageError, suggest
from recon.masking import mask_text
from recon.preflight.decisions import account_name
from recon.report.commands import ShowCommand, command_for
from recon.report.markdown import render_with_charts
from recon.report.output import write_report
from recon.report.text import checks_line, timestamp
from recon.runs.evidence.inputs import judged_from
from recon.runs.evidence.manifest import FolderDigests, FolderFacts, write_manifest
from recon.runs.evidence.record import RECORD, record_folder
from recon.runs.evidence.sheet import SHEET, write_sheet
from recon.runs.evidence.way_back import FILE as WAY_BACK
from recon.runs.evidence.way_back import keep_way_back, known_way_back
from recon.runs.folder import (
    CHOICES,
    PARTS,
    SITE,
    Manifest,
    RunPart,
    expected_folder,
    folder_name,
    new_run_folder,
    publish,
)
from recon.runs.linking import link_pages
from recon.runs.notebook_process import notebook_process
from recon.runs.notice import notice_section
from recon.verification.progress import require_listener
from recon.verification.recorded import keep_judged
from recon.verification.verify import judged

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    from recon.model import Verification
    from recon.runs.folder import RunFolder
    from recon.runs.notebook_process import NotebookProcess
    from recon.verification.options import VerifyOptions
    from recon.verification.progress import Listener
    from recon.verification.verify import Judgement

BY_NOTEBOOK = ("notebook", "html")
STEPS = ("snapshot", "charts", "report", "junit", "data_docs", "notebook", SITE)
"""What is made one after the other: the notebook with its page, which needs the snapshot."""
NEEDED_FOR = {"snapshot": ("snapshot", *BY_NOTEBOOK), "notebook": BY_NOTEBOOK}


@dataclass(frozen=True)
class RunOptions:
    """What to verify, and what to make of the result.

    Attributes:
        verify: What to verify and how.
        outputs: The folder that holds the folder of each run, and the site.
        parts: Which of `CHOICES` to make; the verdict as JSON is always written.
        fail_on: "warning" where a warning counts as a failure, in the JUnit report too.
    """

    verify: VerifyOptions
    outputs: Path | str = "outputs"
    parts: Collection[str] = CHOICES
    fail_on: str = "failure"

    def __post_init__(self) -> None:
        unknown = next((part for part in self.parts if part not in CHOICES), None)
        if unknown is not None:
            raise UsageError(
                "A run has no such part",
                expected=f"some of {', '.join(CHOICES)}",
                found=repr(unknown),
                next_step=suggest(unknown, CHOICES),
            )


@dataclass(frozen=True)
class Run:
    """The result of a run.

    Attributes:
        folder: Where everything is stored.
        manifest: The result of each part that was requested.
        site: The site's home page; None where it was not requested, or failed.
        failed: The reason, by part that could not be made, or "runs.jsonl" where the run could not be recorded; if
            there is any, the run ends with exit code 2.
    """

    verification: Verification
    folder: RunFolder
    manifest: Manifest
    site: Path | None
    failed: Mapping[str, str]


def run(options: RunOptions, listener: Listener | None = None) -> Run:
    """Verify, and make everything that people look at for that verdict.

    A part that cannot be made is reported in the result and does not keep the others from being made.

    Raises:
        ReconError: No verdict was reached, or the run's folder cannot be written.
    """
    outputs = Path(options.outputs)
    with ExitStack() as open_until_the_end:
        working = open_until_the_end.enter_context(new_run_folder(outputs))
        process = None
        if any(part in options.parts for part in BY_NOTEBOOK):
            # It imports while the verdict is reached; with two cores, this costs no waiting time.
            process = open_until_the_end.enter_context(notebook_process(working.path))
        asked = replace(options.verify, distributions=True)
        judgement = open_until_the_end.enter_context(judged(asked, listener, afresh=True))
        listener = require_listener(listener)
        listener.report_writing()
        assembly = Assembly(options, working, judgement, process, listener)
        folder = assembly.publish()
    site = None
    if SITE in options.parts:
        assembly.start(SITE)
        site = assembly.attempt(SITE, lambda: _build_site(outputs))
    return Run(judgement.verification, folder, assembly.manifest, site, assembly.failed)


@dataclass
class Assembly:
    """Makes the parts of one run in its working folder.

    Attributes:
        parts: The result of each part so far.
        failed: The reason, by part that could not be made.
        charts: What each chart that was written shows, in words, by the chart's name.
        digests: Those of the files in the working folder.
    """

    options: RunOptions
    working: RunFolder
    judgement: Judgement
    process: NotebookProcess | None
    listener: Listener
    parts: dict[str, RunPart] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    charts: dict[str, str] = field(default_factory=dict)
    digests: FolderDigests = field(init=False)

    def __post_init__(self) -> None:
        self.digests = FolderDigests(self.working.path)

    @property
    def verification(self) -> Verification:
        """The judgement that every part shows."""
        return self.judgement.verification

    @property
    def manifest(self) -> Manifest:
        """What the folder says about itself."""
        made = {name: self.parts[name] for name in PARTS if name in self.parts}
        started_at = timestamp(self.verification.started_at)
        return Manifest(self.verification.run_id, started_at, made, inputs=self.judgement.case.described)

    def publish(self) -> RunFolder:
        """Make every requested part, let the folder appear, and record it.

        Raises:
            OutputError: The judgement itself cannot be written; the message contains the verdict.
        """
        verification = self.verification
        try:
            self.make()
            with held_interrupts():
                folder = publish(self.working, folder_name(verification.started_at, verification.run_id))
                self.attempt(RECORD, lambda: record_folder(folder.path))
                self.listener.run_kept(verification, folder.path, self.failed)
        except (OSError, OutputError) as error:
            verdict = f"Verification {verification.verdict} ({checks_line(verification.summary)})"
            raise OutputError(
                f"{verdict}, but the run cannot be kept",
                where=str(self.working.path.parent)[:300],
                found=_sentence(error),
                next_step="Make room there or choose another folder with --outputs, and run again",
            ) from error
        return folder

    def make(self) -> None:
        """Make every requested part, the other parts while the notebook is executed.

        Raises:
            OSError, OutputError: The judgement itself, or the manifest, cannot be written.
        """
        write_report(self.verification, "json", self.working.verification)
        self._part("snapshot", self._keep_snapshot)
        begun = self._begin_notebook()
        self._part("charts", self._draw)
        self._part("report", self._write_markdown)
        self._part("junit", self._write_junit)
        self._part("data_docs", self._build_data_docs)
        self.attempt(WAY_BACK, self._keep_way_back)
        facts = self._facts()
        if self.process and begun:
            self.start("notebook")
            # The snapshot is large, and the notebook takes longer than its digest.
            self.digests.prepare()
            self._finish_notebook(self.process)
        self._forget_what_was_only_needed()
        outputs = Path(self.options.outputs)
        has_site = self._wants(SITE) or (outputs / SITE / "index.html").is_file()
        self.attempt("links", lambda: link_pages(self.working.path, has_site=has_site))
        self.working.write_manifest(self.manifest)
        write_manifest(self.working.path, facts, self.digests)
        self.attempt(SHEET, lambda: write_sheet(self.working.path, outputs, has_site=has_site))

    def _facts(self) -> FolderFacts:
        """What the folder is evidence of."""
        v, who = self.verification, account_name()
        return FolderFacts("run", str(v.verdict), v.run_id, (who,) if who else (), judged_from(self.judgement))

    def start(self, name: str) -> None:
        """Notify the listener that one of `STEPS` begins."""
        wanted = [step for step in STEPS if self._wants(*NEEDED_FOR.get(step, (step,)))]
        self.listener.part_starting(name, wanted.index(name) + 1, len(wanted))

    def attempt(self, name: str, work: Callable[[], Any]) -> Any:
        """The result of one part's work; None where it fails, which is recorded and does not stop the other parts."""
        try:
            return work()
        except Exception as error:
            if is_interrupted():
                raise KeyboardInterrupt from error
            self._fail(name, _sentence(error))
            return None

    def _fail(self, name: str, reason: str) -> None:
        """Record why a part could not be made; masked, because a library's message about a value may quote it."""
        self.failed[name] = reason if self.options.verify.show_pii else mask_text(reason)

    def _wants(self, *names: str) -> bool:
        return any(name in self.options.parts for name in names)

    def _part(self, name: str, work: Callable[[], None]) -> None:
        if not self._wants(*NEEDED_FOR.get(name, (name,))):
            return
        started = perf_counter()
        self.start(name)
        self.attempt(name, work)
        if name in self.failed:
            _discard(self.working.part(name))
        self._note(name, round((perf_counter() - started) * 1000))

    def _note(self, name: str, duration_ms: int | None) -> None:
        failed = self.failed.get(name)
        self.parts[name] = RunPart(None if failed else PARTS[name], failed, duration_ms)

    def _keep_snapshot(self) -> None:
        self.judgement.find()
        keep_judged(self.judgement.warehouse, self.verification, self.judgement.key(), self.working.part("snapshot"))

    def _keep_way_back(self) -> None:
        found = known_way_back(self.options.verify, self.judgement.case.bundle.run_id, Path(self.options.outputs))
        if found is not None:
            keep_way_back(self.working.path, found)

    def _draw(self) -> None:
        written = import_module("recon.charts").write_charts(self.verification, self.working.part("charts"))
        self.charts = {name: figure.alt for name, figure in written.items()}

    def _write_markdown(self) -> None:
        text = render_with_charts(self.verification, PARTS["charts"], self.charts, self._command())
        text += notice_section(self.verification, self.options.outputs)
        self.working.part("report").write_text(text, encoding="utf-8")

    def _command(self) -> ShowCommand:
        """What shows the rows of a check: it asks the run, or judges anew where the run keeps no snapshot."""
        if not self._wants("snapshot"):
            return command_for(self.options.verify)
        v = self.verification
        return ShowCommand(str(expected_folder(Path(self.options.outputs), v.run_id, v.started_at)))

    def _write_junit(self) -> None:
        write_report(self.verification, "junit", self.working.part("junit"), fail_on=self.options.fail_on)

    def _build_data_docs(self) -> None:
        gx = import_module("recon.gx")
        result = gx.validate(self.judgement.rules, self.judgement.warehouse, self.verification)
        gx.build_data_docs(result, self.verification, self.working.part("data_docs"))

    def _begin_notebook(self) -> bool:
        """Whether the notebook is being executed; it requires the snapshot."""
        if self.process is None:
            return False
        try:
            if "snapshot" in self.failed:
                raise StepError("The notebook reads the snapshot", found=self.failed["snapshot"])
            self.process.begin(self._job())
        except ReconError as error:
            self._note_notebook({"failed": error.message})
            return False
        return True

    def _finish_notebook(self, process: NotebookProcess) -> None:
        try:
            self._note_notebook(process.result())
        except ReconError as error:
            if is_interrupted():
                raise KeyboardInterrupt from error
            self._note_notebook({"failed": error.message})

    def _note_notebook(self, result: Mapping[str, Any]) -> None:
        """Record the results of the notebook and of its page."""
        for name in BY_NOTEBOOK:
            if self._wants(name):
                if result["failed"]:
                    self._fail(name, result["failed"])
                self._note(name, result.get(f"{name}_ms"))

    def _job(self) -> dict[str, Any]:
        """What to execute, with paths that stay valid when the folder is renamed."""
        parameters = self.options.verify.notebook_parameters(self.working.path)
        return {
            "notebook": PARTS["notebook"],
            "html": PARTS["html"] if self._wants("html") else None,
            "parameters": {**parameters, "database": PARTS["snapshot"], "outputs": "", "raise_on_failure": False},
        }

    def _forget_what_was_only_needed(self) -> None:
        """Remove what other parts needed but was not requested itself."""
        for name in ("snapshot", "notebook"):
            if not self._wants(name):
                self.working.part(name).unlink(missing_ok=True)
                self.parts.pop(name, None)
                self.failed.pop(name, None)


def _discard(path: Path) -> None:
    """Remove what a failed part had begun to write."""
    shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _sentence(error: Exception) -> str:
    """The error as a sentence for people."""
    if isinstance(error, ReconError):
        return error.message
    reason = getattr(error, "strerror", None) or " ".join(str(error).split())
    return f"{type(error).__name__}: {reason}"[:500]


def _build_site(outputs: Path) -> Path:
    home: Path = import_module("recon.runs.site").build_site(outputs)
    return home
