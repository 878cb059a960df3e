"""Run folders: where parts of a run are stored, how a folder is named, and how it appears complete or not at all."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING

import msgspec

from recon.errors import OutputError
from recon.model.inputs import JudgedInputs
from recon.scratch import UNFINISHED, ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

FOLDER_NAME = re.compile(r"\d{8}T\d{6}Z-[A-Za-z0-9._-]{1,80}")
UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
RUN_ID_LENGTH = 64
ASSESSMENT = "assessment.json"
PARTS = {
    "report": "verification-report.md",
    "junit": "junit.xml",
    "snapshot": "snapshot.duckdb",
    "notebook": "report.ipynb",
    "html": "report.html",
    "charts": "charts",
    "data_docs": "data_docs",
}
"""The parts of a run beside its verification.json, by name, and the file or folder of each."""
SITE = "site"
CHOICES = (*PARTS, SITE)
"""What a run can be asked for beside its verdict."""


class RunPart(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """The result of one part of a run.

    Attributes:
        path: Its file or folder, relative to the run's; None: it was not made.
        failed: Why it could not be made; None where it was made, or was not requested.
        duration_ms: How long it took.
    """

    path: str | None = None
    failed: str | None = None
    duration_ms: int | None = None


class Manifest(msgspec.Struct, frozen=True, rename="camel"):
    """What a run folder says about itself, in run.json; a part that was not requested has no entry.

    Attributes:
        inputs: What the judgement was reached from; None: the run reached none, or is of a version that kept none.
    """

    run_id: str
    started_at: str
    parts: dict[str, RunPart]
    schema_version: str = "1.0"
    inputs: JudgedInputs | None = None


@dataclass(frozen=True)
class RunFolder:
    """The folder of one run."""

    path: Path

    @property
    def name(self) -> str:
        """Its name, UTC time first, so that names sort by time."""
        return self.path.name

    @property
    def verification(self) -> Path:
        """The judgement as JSON, which every run has."""
        return self.path / "verification.json"

    def part(self, name: str) -> Path:
        """The path of a part of `PARTS`, whether it exists or not."""
        return self.path / PARTS[name]

    def manifest(self) -> Manifest | None:
        """What the folder says about itself; None where it says nothing readable."""
        try:
            return msgspec.json.decode((self.path / "run.json").read_bytes(), type=Manifest)
        except (OSError, msgspec.DecodeError):
            return None

    def write_manifest(self, manifest: Manifest) -> None:
        """Write the results of the parts."""
        text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
        (self.path / "run.json").write_bytes(text + b"\n")


def folder_name(started_at: datetime, run_id: str) -> str:
    """The name of a run's folder, e.g. 20240115T143000Z-run-20240115-143000."""
    safe = UNSAFE.sub("-", run_id)[:RUN_ID_LENGTH].strip(".-") or "run"
    return f"{started_at.astimezone(UTC):%Y%m%dT%H%M%SZ}-{safe}"


@contextmanager
def new_run_folder(outputs: Path) -> Iterator[RunFolder]:
    """A hidden working folder, closed to others; what `publish` has not moved away is removed at the end.

    Raises:
        OutputError: `outputs` cannot be created or written to.
    """
    try:
        outputs.mkdir(parents=True, exist_ok=True)
        working = ScratchFolder(UNFINISHED, outputs)
    except OSError as error:
        raise OutputError(
            "The folder of runs cannot be written to",
            where=str(outputs)[:300],
            found=error.strerror,
            next_step="Choose another with --outputs",
        ) from error
    with working:
        yield RunFolder(working.path)


def publish(working: RunFolder, name: str, *, is_private: bool = False) -> RunFolder:
    """Rename the finished folder in one step; a second run in the same second gets a number.

    Args:
        working: The finished folder.
        name: Its name from now on.
        is_private: It stays closed to others, to whom it is opened otherwise.

    Raises:
        OutputError: It cannot be renamed.
    """
    if not is_private:
        working.path.chmod(0o777 & ~_umask())
    for final in _free_names(working.path.parent, name):
        try:
            return RunFolder(working.path.rename(final))
        except OSError as error:
            if not final.exists():
                raise OutputError("The run folder cannot be named", where=str(final), found=error.strerror) from error
    raise OutputError("The run folder cannot be named", where=str(working.path.with_name(name)), found="1000 of them")


def expected_folder(outputs: Path, run_id: str, started_at: datetime) -> Path:
    """Return the folder that a run which started then is going to have, unless another takes its name first."""
    return next(_free_names(outputs, folder_name(started_at, run_id)))


def _free_names(outputs: Path, name: str) -> Iterator[Path]:
    """The paths of that name, or of that name with a number, that do not exist."""
    for number in range(1, 1000):
        path = outputs / (name if number == 1 else f"{name}-{number}")
        if not path.exists():
            yield path


def run_folders(outputs: Path) -> list[RunFolder]:
    """The runs in a folder, the newest first; anything that is not a run is ignored."""
    return _folders_with(RunFolder(outputs).verification.name, outputs)


def assessment_folders(outputs: Path) -> list[RunFolder]:
    """The assessments in a folder of runs, the newest first; anything that is not one is ignored."""
    return _folders_with(ASSESSMENT, outputs)


def _folders_with(file: str, outputs: Path) -> list[RunFolder]:
    if not outputs.is_dir():
        return []
    found = [RunFolder(path) for path in outputs.iterdir() if FOLDER_NAME.fullmatch(path.name)]
    return sorted(
        (folder for folder in found if (folder.path / file).is_file()), key=lambda f: _age(f, file), reverse=True
    )


def _age(run: RunFolder, file: str) -> tuple[str, int, str]:
    """The second that its name begins with; among runs of one second, the one written last is the newest."""
    return run.name.partition("-")[0], (run.path / file).stat().st_mtime_ns, run.name


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
