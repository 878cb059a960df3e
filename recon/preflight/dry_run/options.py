"""Which dry run to judge, and what it is compared with."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True)
class DryRunOptions:
    """Which dry run to judge, and what it is compared with.

    Attributes:
        bundle: The dry run's bundle: a folder or an archive.
        database: As for `recon verify`; None: DATABASE_URL.
        config: The migration-config.json of the run to come, or its folder; None: not compared.
        exports: The folder of the exports that the importer read; None: those beside the report.
        profile: The profile's TOML file; None: the built-in one.
        max_age_h: How many hours ago the dry run may have completed.
        timeout_s: As for `recon verify`.
        now: What counts as now; None: the clock.
        environment: Environment variables by name.
    """

    bundle: Path | str
    database: str | None = field(default=None, repr=False)
    config: Path | str | None = None
    exports: Path | str | None = None
    profile: Path | str | None = None
    max_age_h: float = 24.0
    timeout_s: float | None = None
    now: datetime | None = None
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    @property
    def moment(self) -> datetime:
        """What counts as now."""
        return self.now or datetime.now(UTC)

    @property
    def max_age(self) -> timedelta:
        """How long ago the dry run may have completed."""
        return timedelta(hours=self.max_age_h)
