"""What to verify and how."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recon.rules import layers_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True)
class VerifyOptions:
    """What to verify and how.

    Attributes:
        bundle: The bundle's folder; reports name it as it is written here.
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        expectations: Folders of suites of one's own, over the shipped ones; the later overrides the earlier.
        shipped_suites: Whether the shipped suites lie below them; without them only `expectations` judge.
        profile: The TOML file that says which tables and columns hold what; None: the built-in one.
        evidence_rows: At most so many violating rows are kept for a check; their number is exact all the same.
        show_pii: Keep names, e-mail addresses and phone numbers readable.
        allow_dry_run: Verify a bundle of a dry run all the same.
        timeout_s: Seconds to wait for the database to open, and then for its next rows; None: 5 for its answer, 30 for
            it to be open, and as long as it takes for rows.
        exports: The folder of Wild Apricot exports (CSV) that stand for the bundle's records; None: those that lie in
            the bundle, where its report does not list the records.
        distributions: Also count what charts show, which reads a few columns more.
        environment: Environment variables by name.
    """

    bundle: Path | str
    database: str | None = field(default=None, repr=False)
    expectations: Sequence[Path | str] = ()
    shipped_suites: bool = True
    profile: Path | str | None = None
    evidence_rows: int = 1000
    show_pii: bool = False
    allow_dry_run: bool = False
    timeout_s: float | None = None
    exports: Path | str | None = None
    distributions: bool = False
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def bundle_text(self) -> str:
        """The bundle's path as it was written ("./x" keeps its "./")."""
        return str(self.bundle)

    @property
    def exports_folder(self) -> Path | None:
        """The folder of exports, if one is named."""
        return None if self.exports is None else Path(self.exports)

    @property
    def layers(self) -> list[Path]:
        """The folders of suites, the lowest first."""
        return layers_of(self.expectations, shipped_suites=self.shipped_suites)
