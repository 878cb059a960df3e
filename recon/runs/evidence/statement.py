"""The statement that is signed: in-toto's Statement v1 with the predicate for results of tests."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from recon.errors import EvidenceError
from recon.model import Outcome
from recon.runs.evidence.manifest import MANIFEST, read_manifest
from recon.runs.evidence.record import RECORD, read_record
from recon.runs.folder import ASSESSMENT

if TYPE_CHECKING:
    from pathlib import Path

    from recon.runs.evidence.manifest import FolderManifest

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://in-toto.io/attestation/test-result/v0.1"
RESULTS = ("verification.json", ASSESSMENT)
CHANGED = "Take the folder for changed: compare it with a copy"
HELD = (*RESULTS, "snapshot.duckdb", "plan.json")


class JudgedCheck(msgspec.Struct, frozen=True):
    """A check, as far as a statement names it."""

    id: str
    outcome: Outcome


class JudgedPart(msgspec.Struct, frozen=True):
    """A part of an assessment, as far as a statement names it."""

    checks: tuple[JudgedCheck, ...]


class JudgedResult(msgspec.Struct, frozen=True):
    """What a run or an assessment says about itself; a run has checks, an assessment parts with checks."""

    verdict: str
    checks: tuple[JudgedCheck, ...] = ()
    parts: tuple[JudgedPart, ...] = ()

    def named(self, *outcomes: Outcome) -> list[str]:
        """Return the ids of the checks with these outcomes."""
        found = (*self.checks, *(check for part in self.parts for check in part.checks))
        return [check.id for check in found if check.outcome in outcomes]

    @property
    def word(self) -> str:
        """The result in in-toto's words: PASSED, WARNED or FAILED, which an incomplete one is too."""
        if self.verdict != "PASSED":
            return "FAILED"
        return "WARNED" if self.named(Outcome.WARN) else "PASSED"


class SignedSubject(msgspec.Struct, frozen=True):
    """What a statement is about, or a file that decided: its name, and its digest."""

    name: str
    digest: Mapping[str, str]


class SignedResult(msgspec.Struct, frozen=True, rename="camel"):
    """The predicate: in-toto's keys, and those of recon, which others pass over.

    Attributes:
        verdict: As recon says it: PASSED, FAILED or INCOMPLETE.
        ran_by: Everybody who ran a command that wrote to the folder.
        approver: Who signs, as they say.
        record_head: The digest of the last line of the record of runs when it was signed; None: there was none.
    """

    result: str
    configuration: tuple[SignedSubject, ...]
    passed_tests: tuple[str, ...]
    warned_tests: tuple[str, ...]
    failed_tests: tuple[str, ...]
    verdict: str
    kind: str
    run_id: str | None
    ran_by: tuple[str, ...]
    approver: str
    approved_at: datetime
    record_head: str | None


class SignedStatement(msgspec.Struct, frozen=True, rename={"type": "_type", "predicate_type": "predicateType"}):
    """A statement of in-toto."""

    type: str
    subject: tuple[SignedSubject, ...]
    predicate_type: str
    predicate: SignedResult


@dataclass(frozen=True)
class Evidence:
    """A folder that can be signed: its manifest, and the statements over it.

    Attributes:
        sha256: That of the manifest's file.
    """

    path: Path
    manifest: FolderManifest
    sha256: str

    @property
    def statements(self) -> list[Path]:
        """The files of statements, in the order in which they were made."""
        found = [*self.path.glob("statement.json"), *self.path.glob("statement-*.json")]
        return sorted(found, key=lambda path: (len(path.name), path.name))

    def result(self) -> JudgedResult:
        """Return what the folder says about itself.

        Raises:
            EvidenceError: It holds no verdict.
        """
        for name in RESULTS:
            try:
                return msgspec.json.decode((self.path / name).read_bytes(), type=JudgedResult)
            except (OSError, msgspec.MsgspecError):
                continue
        raise EvidenceError(
            "The folder holds no verdict to sign",
            where=str(self.path)[:300],
            expected=" or ".join(RESULTS),
            found=f"a folder of the kind {self.manifest.kind}, which ended as {self.manifest.outcome}",
            next_step="A plan of a rollback is approved by its own signature: docs/rollback.md",
        )

    def statement(self, approver: str, record_head: str | None) -> bytes:
        """Return the statement that `approver` signs.

        Raises:
            EvidenceError: The folder holds no verdict.
        """
        found, manifest = self.result(), self.manifest
        held = [SignedSubject(name, {"sha256": manifest.files[name]}) for name in HELD if name in manifest.files]
        predicate = SignedResult(
            result=found.word,
            configuration=tuple(
                SignedSubject(file.name, {"sha256": file.sha256})
                for file in (*manifest.inputs.suites, *manifest.inputs.settings)
            ),
            passed_tests=tuple(found.named(Outcome.PASS)),
            warned_tests=tuple(found.named(Outcome.WARN)),
            failed_tests=tuple(found.named(Outcome.FAIL, Outcome.ERROR)),
            verdict=found.verdict,
            kind=manifest.kind,
            run_id=manifest.run_id,
            ran_by=manifest.by,
            approver=approver,
            approved_at=datetime.now(UTC).replace(microsecond=0),
            record_head=record_head,
        )
        bundle = [SignedSubject(f"bundle/{file.name}", {"sha256": file.sha256}) for file in manifest.inputs.bundle]
        subject = (SignedSubject(MANIFEST, {"sha256": self.sha256}), *held, *bundle)
        stated = SignedStatement(STATEMENT_TYPE, subject, PREDICATE_TYPE, predicate)
        return msgspec.json.format(msgspec.json.encode(stated), indent=2) + b"\n"

    def problem(self, content: bytes) -> tuple[SignedStatement | None, str]:
        """Read a statement; return it, None where it is none, and why it is not about this folder, else nothing."""
        try:
            stated = msgspec.json.decode(content, type=SignedStatement)
        except msgspec.MsgspecError as error:
            return None, f"it is no statement: {error}"
        expected: Any = msgspec.json.decode(
            self.statement(stated.predicate.approver, stated.predicate.record_head), type=SignedStatement
        )
        alike = msgspec.structs.replace(expected.predicate, approved_at=stated.predicate.approved_at)
        if stated.subject != expected.subject:
            return stated, "it is about other files than the manifest names"
        if stated != msgspec.structs.replace(expected, predicate=alike):
            return stated, "it says something else than the folder"
        return stated, ""


def open_evidence(folder: Path) -> Evidence:
    """Open a folder with its manifest.

    Raises:
        EvidenceError: There is no such folder, or it has no manifest that can be read; the error says whether it had
            one.
    """
    try:
        manifest, digest = read_manifest(folder)
    except EvidenceError as error:
        if not (folder / MANIFEST).exists() and _is_recorded(folder):
            found = f"none, although {RECORD} names it"
            raise EvidenceError(
                error.what, where=error.where, expected=MANIFEST, found=found, next_step=CHANGED
            ) from error
        raise
    return Evidence(folder, manifest, digest)


def _is_recorded(folder: Path) -> bool:
    try:
        home = folder.resolve()
        return any(line.folder == home.name for line in read_record(home.parent).entries)
    except (EvidenceError, OSError, RuntimeError):
        # A link without end is a RuntimeError.
        return False
