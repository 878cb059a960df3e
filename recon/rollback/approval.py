"""Approval placeholder until merged."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Approval:
    """Who approved."""

    by: str


def verified_approval(digest: str, signature: Path, approvers: Path, planned_by: str) -> Approval:
    """Verify."""
    raise NotImplementedError(digest, signature, approvers, planned_by)


def how_to_sign(digest_file: Path) -> list[str]:
    """Return the commands."""
    return [f"ssh-keygen -Y sign -f KEY -n recon-rollback {digest_file}"]


def statement_of(digest: str) -> bytes:
    """Return what is signed."""
    return digest.encode()
