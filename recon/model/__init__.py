"""The frozen objects that all other parts produce or show: a Verification and its contents.

The names are loaded on first use: what reports an error needs the outcomes, and no library of frames.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from recon.model.acceptance import Acceptance, AcceptedDifferences
    from recon.model.assessment import Assessment, Fact, Findings, Part, Probe
    from recon.model.entities import ENTITIES, SINGULAR
    from recon.model.ledger import (
        SOURCE_OUTCOMES,
        TARGET_OUTCOMES,
        Association,
        Cause,
        DuplicateKey,
        EntityAccount,
        Example,
        KeyHint,
        Ledger,
        LevelTiers,
    )
    from recon.model.outcomes import EscalatedIssue, Escalation, Guidance, Outcome, Summary, Verdict
    from recon.model.verification import (
        Check,
        Distributions,
        PolicyResult,
        SnapshotInfo,
        Tally,
        TierCount,
        Verification,
    )

__all__ = [
    "ENTITIES",
    "SINGULAR",
    "SOURCE_OUTCOMES",
    "TARGET_OUTCOMES",
    "Acceptance",
    "AcceptedDifferences",
    "Assessment",
    "Association",
    "Cause",
    "Check",
    "Distributions",
    "DuplicateKey",
    "EntityAccount",
    "EscalatedIssue",
    "Escalation",
    "Example",
    "Fact",
    "Findings",
    "Guidance",
    "KeyHint",
    "Ledger",
    "LevelTiers",
    "Outcome",
    "Part",
    "PolicyResult",
    "Probe",
    "SnapshotInfo",
    "Summary",
    "Tally",
    "TierCount",
    "Verdict",
    "Verification",
]

_HOMES = {
    "Assessment": "assessment",
    "Fact": "assessment",
    "Findings": "assessment",
    "Part": "assessment",
    "Probe": "assessment",
    "SOURCE_OUTCOMES": "ledger",
    "TARGET_OUTCOMES": "ledger",
    "Association": "ledger",
    "Cause": "ledger",
    "DuplicateKey": "ledger",
    "EntityAccount": "ledger",
    "Example": "ledger",
    "KeyHint": "ledger",
    "Ledger": "ledger",
    "LevelTiers": "ledger",
    "Acceptance": "acceptance",
    "AcceptedDifferences": "acceptance",
    "EscalatedIssue": "outcomes",
    "Escalation": "outcomes",
    "Guidance": "outcomes",
    "Outcome": "outcomes",
    "Summary": "outcomes",
    "Verdict": "outcomes",
    "ENTITIES": "entities",
    "SINGULAR": "entities",
    "Check": "verification",
    "Distributions": "verification",
    "PolicyResult": "verification",
    "SnapshotInfo": "verification",
    "Tally": "verification",
    "TierCount": "verification",
    "Verification": "verification",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'recon.model' has no attribute {name!r}")
    found = getattr(import_module(f"recon.model.{_HOMES[name]}"), name)
    globals()[name] = found
    return found
