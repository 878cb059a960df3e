"""What a judgement was reached from, as a run's folder keeps it."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256

from msgspec import Struct


class JudgedInputs(Struct, frozen=True):
    """What a judgement was reached from.

    Attributes:
        recon: The version of recon.
        files: Name of each file of the bundle, and entity of each export → SHA-256 of its content.
        rules: Id → digest of all that the rule says, wherever it is written.
        settings: Option → its value in words, with the digest of a file that it names; empty: not given.
    """

    recon: str
    files: Mapping[str, str]
    rules: Mapping[str, str]
    settings: Mapping[str, str]

    @property
    def bundle(self) -> str:
        """One digest of all files of the bundle."""
        return sha256(repr(sorted(self.files.items())).encode()).hexdigest()[:16]
