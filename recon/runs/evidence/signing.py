"""Signs a folder: another person's signature over a statement on what it holds."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import OutputError
from recon.preflight.decisions import decider
from recon.rollback.approval import require_another_person, signed_by
from recon.runs.evidence.manifest import STATEMENT
from recon.runs.evidence.purpose import APPROVAL
from recon.runs.evidence.record import read_record
from recon.runs.evidence.sheet import SHEET, renew_sheet
from recon.runs.evidence.statement import open_evidence
from recon.runs.evidence.verifying import require_as_written

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.runs.evidence.statement import Evidence

MOST_STATEMENTS = 100


@dataclass(frozen=True)
class SignOptions:
    """What to sign.

    Attributes:
        folder: The folder of a run, of a preflight, or of a rollback that was applied.
        key: The file of the signer's private key; or of the public one, if an ssh-agent holds the private one.
        by: The signer, as the file of those who may approve names them.
    """

    folder: Path | str
    key: Path | str
    by: str


@dataclass(frozen=True)
class SignedFolder:
    """What was signed.

    Attributes:
        statement: The file of the statement; the signature is beside it (.sig).
        result: The result in in-toto's words: PASSED, WARNED or FAILED.
    """

    statement: Path
    result: str


def sign_evidence(options: SignOptions) -> SignedFolder:
    """Sign a folder that is as it was written; the statement and its signature are added to it.

    Raises:
        EvidenceError: The folder has no manifest or no verdict, it or the record of runs is not as it was written, the
            signer is who ran it, or the key does not sign.
        OutputError: It cannot be written.
        UsageError: Nobody is named.
    """
    by, _ = decider(options.by)
    evidence = open_evidence(Path(options.folder))
    for maker in evidence.manifest.by or (None,):
        require_another_person(by, maker, str(evidence.path)[:300], APPROVAL)
    require_as_written(evidence)
    content = evidence.statement(by, read_record(evidence.path.resolve().parent).head)
    signature = signed_by(content, Path(options.key), APPROVAL)
    statement = _write(evidence, content, signature)
    try:
        renew_sheet(evidence)
    except OSError as error:
        raise OutputError(
            "The folder is signed, but its sheet does not name the signer",
            where=str(evidence.path / SHEET)[:300],
            found=error.strerror,
            next_step="The signature holds: recon evidence verify shows it",
        ) from error
    return SignedFolder(statement, evidence.result().word)


def _write(evidence: Evidence, content: bytes, signature: bytes) -> Path:
    """Write the signature, then what it is over, under names that are free: a statement is never without one."""
    for statement in _names(evidence.path):
        beside = statement.with_name(f"{statement.name}.sig")
        try:
            with beside.open("xb") as file:
                file.write(signature)
        except FileExistsError:
            continue
        except OSError as error:
            raise _unwritten(beside, error) from error
        try:
            with statement.open("xb") as file:
                file.write(content)
        except OSError as error:
            for made in (beside, *([] if isinstance(error, FileExistsError) else [statement])):
                with suppress(OSError):
                    made.unlink(missing_ok=True)
            raise _unwritten(statement, error) from error
        return statement
    raise OutputError("The folder has no room for another statement", where=str(evidence.path), found="100 of them")


def _names(folder: Path) -> Iterator[Path]:
    """The paths of statements that are not there yet."""
    for number in range(1, MOST_STATEMENTS + 1):
        path = folder / (STATEMENT if number == 1 else f"statement-{number}.json")
        if not path.exists():
            yield path


def _unwritten(path: Path, error: OSError) -> OutputError:
    return OutputError(
        "The signature cannot be written",
        where=str(path)[:300],
        found=error.strerror,
        next_step="Sign where the folder can be written to, by an account that may",
    )
