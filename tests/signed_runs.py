"""Folders of runs with manifests, a record and signatures, made without verifying anything anew."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import recon
from recon.report import write_report
from recon.runs.evidence.inputs import named_inputs
from recon.runs.evidence.manifest import FolderFacts
from recon.runs.evidence.record import seal_folder

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Assessment, Verification

NAME = "20240115T143000Z-run-20240115-143000"
JANE, ANN = "jane", "ann@club.example"
REPORT = "migration-report.json"


@dataclass(frozen=True)
class KeptFolder:
    """A folder of a run that Jane ran, in a folder of runs, with the bundle and the suites that it was made from."""

    home: Path

    @property
    def path(self) -> Path:
        return self.home / "outputs" / NAME

    @property
    def record(self) -> Path:
        return self.home / "outputs" / "runs.jsonl"

    @property
    def bundle(self) -> Path:
        return self.home / "bundle"

    @property
    def suites(self) -> Path:
        return self.home / "suites"


def kept_folder(home: Path, verification: Verification, bundle: Path, runs_before: int = 2) -> KeptFolder:
    """Make such a folder, with other runs recorded before it and one after it."""
    kept = KeptFolder(home)
    shutil.copytree(bundle, kept.bundle)
    kept.suites.mkdir(parents=True)
    (kept.suites / "own.yaml").write_text("name: own\nexpectations: []\n", encoding="utf-8")
    for number in range(runs_before):
        recorded_folder(kept, f"20240114T14300{number}Z-other")
    (kept.path / "charts").mkdir(parents=True)
    write_report(verification, "json", kept.path / "verification.json")
    (kept.path / "report.html").write_text("<p>report</p>", encoding="utf-8")
    (kept.path / "charts" / "tiers.svg").write_text("<svg/>", encoding="utf-8")
    inputs = named_inputs(kept.bundle, (kept.suites,))
    facts = FolderFacts("run", str(verification.verdict), verification.run_id, (JANE,), inputs)
    seal_folder(kept.path, facts, ("charts/tiers.svg", "report.html", "verification.json"))
    recorded_folder(kept, "20240116T143000Z-other")
    return kept


def recorded_folder(kept: KeptFolder, name: str) -> Path:
    """Record another folder, which holds one file."""
    folder = kept.record.parent / name
    folder.mkdir(parents=True)
    (folder / "report.html").touch()
    seal_folder(folder, FolderFacts("preflight", "PASSED", name, (JANE,)))
    return folder


def make_key(file: Path) -> Path:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", file], check=True)
    return file


def allowed(file: Path, *lines: tuple[str, Path]) -> Path:
    """A file of allowed signers: identity and options, and the key, for each line."""
    written = [f"{who} {key.with_name(f'{key.name}.pub').read_text(encoding='utf-8')}" for who, key in lines]
    file.write_text("".join(written), encoding="utf-8")
    return file


def verified(folder: Path, signers: Path | None = None) -> Assessment:
    return recon.verify_evidence(recon.EvidenceOptions(folder, signers))


def outcomes_of(folder: Path, signers: Path | None = None) -> dict[str, str]:
    """Outcome by the name of the check."""
    return {check.name: str(check.outcome) for check in verified(folder, signers).checks}


def message_of(folder: Path, name: str, signers: Path | None = None) -> str:
    return next(check.message for check in verified(folder, signers).checks if check.name == name)
