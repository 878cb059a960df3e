"""Verifies a folder: what changed since its manifest was written, whether it is recorded, and who signed it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import EvidenceError, visible
from recon.masking import mask_text
from recon.model import Fact, Findings, Probe
from recon.preflight.assessing import Step, assess
from recon.report.text import plural, timestamp
from recon.rollback.approval import names_of, require_another_person, verified_signature
from recon.runs.evidence.manifest import digest_of, files_in, later_in
from recon.runs.evidence.purpose import APPROVAL
from recon.runs.evidence.record import RECORD, read_record
from recon.runs.evidence.sheet import SHEET, is_comparable, sheet_problem
from recon.runs.evidence.statement import open_evidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.model import Assessment, Check
    from recon.preflight.assessing import AssessmentListener
    from recon.preflight.chain import Chain
    from recon.runs.evidence.manifest import FolderManifest, ReadFile
    from recon.runs.evidence.record import RecordedFolder
    from recon.runs.evidence.statement import Evidence

KIND, TITLE = "evidence", "Evidence"
FILES_PART, INPUTS_PART, RECORD_PART, SIGNATURES_PART = "files", "inputs", "record", "signatures"
GONE, NO_FILE = "removed", "no longer a file"
DISTRUST = "Take nothing in the folder for what was found: compare it with a copy, or run again"
FILES = Probe(
    "files_as_written",
    "Files",
    FILES_PART,
    "Every file of the folder is as the manifest says, and no other is there.",
    "Somebody changed the folder after the command that wrote it",
    DISTRUST,
)
BUNDLE = Probe(
    "bundle_as_judged",
    "Bundle",
    INPUTS_PART,
    "The bundle is the one that the folder is about.",
    "The verdict is about another bundle than the one that lies there now",
    "Ask whoever has the bundle what was changed, and run again",
)
CONFIGURATION = Probe(
    "configuration_as_used",
    "Suites and Profile",
    INPUTS_PART,
    "The suites, the profile and other files that decided are as they were used.",
    "The same command may judge otherwise now",
    "Compare the runs: recon diff says what that changes",
)
RECORDED = Probe(
    "folder_recorded",
    "Record of Runs",
    RECORD_PART,
    f"{RECORD} is as it was appended to, and its last line on the folder names the manifest as it is.",
    "Somebody changed the manifest or the record, or a command was killed before it could record the folder",
    "Compare both with a copy",
)
SIGNED = Probe(
    "folder_signed",
    "Signatures",
    SIGNATURES_PART,
    "Another person than who ran it, who may approve, signed what the folder holds.",
    "Nobody who may approve vouches for the folder as it is",
    APPROVAL.sign_again,
)


@dataclass(frozen=True)
class EvidenceOptions:
    """What to verify.

    Attributes:
        folder: The folder of a run, of a preflight or of a rollback.
        signers: Who may approve, as ssh-keygen's allowed signers; None: signatures are named, and not verified.
    """

    folder: Path | str
    signers: Path | str | None = None


def verify_evidence(options: EvidenceOptions, listener: AssessmentListener | None = None) -> Assessment:
    """Verify a folder against its manifest, the record of runs beside it, and its signatures; nothing is written.

    Args:
        options: What to verify.
        listener: Receives what is found as it is found; None: nobody does.

    Raises:
        EvidenceError: There is no such folder, or it has no manifest that can be read.
    """
    evidence = open_evidence(Path(options.folder))
    signers = None if options.signers is None else Path(options.signers)
    steps = [
        Step(FILES_PART, "Files", lambda: _files(evidence)),
        Step(INPUTS_PART, "What It Was Made From", lambda: _inputs(evidence.manifest)),
        Step(RECORD_PART, "Record of Runs", lambda: _record(evidence)),
        Step(SIGNATURES_PART, "Signatures", lambda: _signatures(evidence, signers)),
    ]
    return assess(KIND, TITLE, steps, listener)


def require_as_written(evidence: Evidence) -> None:
    """Require that a folder, its record and its bundle are as they were, as far as they are there.

    Raises:
        EvidenceError: They are not, or that cannot be said.
    """
    for check in (*_checks(_files(evidence)), *_checks(_record(evidence))):
        if check.outcome in {"FAIL", "ERROR"}:
            raise EvidenceError(
                "The folder is not as it was written, so that nobody may sign it",
                where=str(evidence.path)[:300],
                expected=check.description,
                found=check.message,
                next_step="Look at it with recon evidence verify, and run again",
            )


def _checks(found: Iterator[Fact | Check]) -> Iterator[Check]:
    return (each for each in found if not isinstance(each, Fact))


def _files(evidence: Evidence) -> Iterator[Fact | Check]:
    manifest = evidence.manifest
    yield Fact("Folder", str(evidence.path))
    yield Fact("Written", f"{timestamp(manifest.written_at)} by recon {manifest.versions.get('recon', 'unknown')}")
    yield Fact("Run by", mask_text(visible(", ".join(manifest.by))) or "unknown")
    yield Fact("Outcome", f"{manifest.kind}: {manifest.outcome}")
    yield Fact("SHA-256 of the manifest", evidence.sha256)
    later = later_in(evidence.path)
    if later:
        yield Fact("Outside the manifest", ", ".join(later))
    if SHEET in later and not is_comparable(evidence):
        yield Fact(SHEET, "made by another version of recon: not compared")
    changed, unread = [], []
    for name, digest in sorted(manifest.files.items()):
        found = _digest(evidence.path / name)
        if found.startswith("it cannot"):
            unread.append({"file": name, "found": found})
        elif found != digest:
            changed.append({"file": name, "found": found if found in {GONE, NO_FILE} else "changed"})
    changed += [
        {"file": name, "found": "added"} for name in sorted(files_in(evidence.path)) if name not in manifest.files
    ]
    if problem := sheet_problem(evidence):
        changed.append({"file": SHEET, "found": problem})
    total = plural(len(manifest.files), "file")
    if changed:
        yield FILES.failed(f"Changed since: {_named(changed)}", Findings(changed, expected=total))
    elif unread:
        yield FILES.not_evaluated(f"Not known: {_named(unread)}", Findings(unread, expected=total))
    elif manifest.files:
        yield FILES.passed(f"{total}, each as it was written")
    else:
        yield FILES.warned("The manifest names no file")


def _digest(path: Path) -> str:
    """The SHA-256 of a file, or why there is none."""
    try:
        return digest_of(path)
    except FileNotFoundError:
        return GONE
    except IsADirectoryError:
        return NO_FILE
    except OSError as error:
        return f"it cannot be read: {error.strerror}"


def _named(rows: Sequence[dict[str, str]], most: int = 5) -> str:
    named = [f"{row['file']} ({row['found']})" for row in rows[:most]]
    return ", ".join([*named, *([f"and {len(rows) - most:,} more"] if len(rows) > most else [])])


def _inputs(manifest: FolderManifest) -> Iterator[Fact | Check]:
    inputs = manifest.inputs
    if inputs.snapshot:
        yield Fact("Database", inputs.snapshot.database)
        yield Fact("Snapshot", inputs.snapshot.id)
    if inputs.bundle:
        yield _bundle(inputs.bundle)
    else:
        yield Fact("Bundle", "none was named")
    used = (*inputs.suites, *inputs.settings)
    if used:
        yield _configuration(used)
    else:
        yield Fact("Suites and profile", "none were used")


def _bundle(files: Sequence[ReadFile]) -> Check:
    changed, gone = _compared(files)
    if changed:
        return BUNDLE.failed(f"Changed since: {_named(changed)}", Findings(changed))
    if gone:
        return BUNDLE.warned(f"Not compared: {_named(gone)}", Findings(gone))
    if all(each.path is None for each in files):
        return BUNDLE.warned("Not compared: where it lay is not known")
    return BUNDLE.passed(f"{plural(len(files), 'file')}, each as it was judged")


def _configuration(files: Sequence[ReadFile]) -> Check:
    changed, gone = _compared(files)
    if changed or gone:
        words = f"{'Changed since' if changed else 'Not compared'}: {_named([*changed, *gone])}"
        return CONFIGURATION.warned(words, Findings([*changed, *gone]))
    return CONFIGURATION.passed(f"{plural(len(files), 'file')}, each as it was used")


def _compared(files: Sequence[ReadFile]) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """The files that changed, and those that cannot be compared."""
    changed, gone = [], []
    for each in files:
        if each.path is None:
            continue
        found = _digest(Path(each.path))
        if found == GONE or found.startswith("it cannot"):
            gone.append({"file": each.name, "found": "not there" if found == GONE else found, "path": each.path})
        elif found != each.sha256:
            changed.append({"file": each.name, "found": "changed", "path": each.path})
    return changed, gone


def _record(evidence: Evidence) -> Iterator[Fact | Check]:
    home = evidence.path.resolve()
    try:
        held = read_record(home.parent)
    except EvidenceError as error:
        found = Findings([{"record": error.where or RECORD, "found": error.found or error.what}])
        yield RECORDED.failed(error.message, found)
        return
    lines = [(number, line) for number, line in enumerate(held.entries, 1) if line.folder == home.name]
    if held.head:
        yield Fact("Head of the record", f"{held.head}, {plural(len(held.entries), 'line')}")
    yield _recorded(evidence, held, lines)


def _recorded(evidence: Evidence, held: Chain[RecordedFolder], lines: Sequence[tuple[int, RecordedFolder]]) -> Check:
    place = evidence.path.resolve().parent / RECORD
    if not held.entries and not place.exists():
        return RECORDED.warned(f"There is no {RECORD} beside the folder: nothing there vouches for the manifest")
    renamed = [line.folder for line in held.entries if line.manifest == evidence.sha256]
    if not lines and renamed:
        return RECORDED.warned(f"{RECORD} names the manifest as that of another folder: {renamed[-1]}")
    if not lines:
        return RECORDED.failed(
            f"{RECORD} does not name the folder", Findings([{"record": str(place), "found": "no line"}])
        )
    number, last = lines[-1]
    if last.manifest != evidence.sha256:
        found = {"line": str(number), "recorded": last.manifest, "found": evidence.sha256}
        return RECORDED.failed(f"The manifest is not the one that line {number} of {RECORD} names", Findings([found]))
    if held.torn:
        cut = f"the last line of {RECORD} is cut off, because its writer was killed"
        return RECORDED.warned(f"Line {number} of {len(held.entries):,} names the manifest; {cut}")
    return RECORDED.passed(
        f"Line {number} of {len(held.entries):,} names the manifest, and the lines follow each other"
    )


def _signatures(evidence: Evidence, signers: Path | None) -> Iterator[Fact | Check]:
    statements = evidence.statements
    if signers is None:
        if statements:
            words = f"{plural(len(statements), 'statement')}, not verified: name who may approve with --signers FILE"
            yield SIGNED.warned(words)
        else:
            yield Fact("Signatures", "none")
        return
    if not statements:
        yield SIGNED.failed("Nobody signed the folder")
        return
    refused = []
    for statement in statements:
        try:
            yield Fact(statement.name, _approved(evidence, statement, signers))
        except EvidenceError as error:
            refused.append({"statement": statement.name, "found": error.message})
    if refused:
        words = "; ".join(f"{row['statement']}: {row['found']}" for row in refused)
        yield SIGNED.failed(words, Findings(refused))
    else:
        yield SIGNED.passed(f"{plural(len(statements), 'signature')} of people who may approve")


def _approved(evidence: Evidence, statement: Path, signers: Path) -> str:
    """Who approved the folder by a statement, in words.

    Raises:
        EvidenceError: The statement is not about the folder as it is, or its signature does not hold.
    """
    try:
        content = statement.read_bytes()
    except OSError as error:
        raise EvidenceError("The statement cannot be read", where=str(statement)[:300], found=error.strerror) from error
    signature = statement.with_name(f"{statement.name}.sig")
    makers = evidence.manifest.by
    approval = verified_signature(content, signature, signers, makers[0] if makers else None, APPROVAL)
    for maker in makers[1:]:
        require_another_person(approval.by, maker, str(signature), APPROVAL)
    stated, problem = evidence.problem(content)
    if stated is None or problem:
        raise _unfit(statement, problem, "a statement about the folder as it is")
    if not names_of(stated.predicate.approver) & names_of(approval.by):
        named = mask_text(visible(f"{stated.predicate.approver}, and the key is that of {approval.by}"))
        raise _unfit(statement, named, "the signature of the person whom the statement names")
    _require_head(evidence, statement, stated.predicate.record_head)
    return f"{approval.words}, {timestamp(stated.predicate.approved_at)}"


def _require_head(evidence: Evidence, statement: Path, head: str | None) -> None:
    """Require the line that was the record's last when the statement was signed, if the record is there."""
    held = read_record(evidence.path.resolve().parent)
    if held.entries and head is not None and head not in {line.sha256 for line in held.entries}:
        raise _unfit(statement, "no such line", f"the line {head[:16]}… of {RECORD}, its last one when this was signed")


def _unfit(statement: Path, found: str, expected: str) -> EvidenceError:
    return EvidenceError(
        "The statement does not fit",
        where=str(statement)[:300],
        expected=expected,
        found=found[:300],
        next_step=APPROVAL.sign_again,
    )
