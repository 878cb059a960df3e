"""The parts of a preflight, and all of them together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.errors import UsageError, suggest
from recon.model import Check, Outcome
from recon.preflight.assessing import Step, assess
from recon.preflight.backups import BackupOptions, ask_backup
from recon.preflight.dry_run import DryRunOptions, ask_dry_run
from recon.preflight.environment import EnvironmentOptions, ask_environment
from recon.preflight.people import PeopleOptions, ask_people
from recon.preflight.policies import PolicyOptions, ask_policies
from recon.preflight.source import SourceOptions, ask_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.model import Assessment, Fact
    from recon.preflight.assessing import AssessmentListener

KIND, TITLE = "preflight", "Preflight"
WORST = (Outcome.ERROR, Outcome.FAIL, Outcome.WARN, Outcome.PASS)


@dataclass(frozen=True)
class PreflightOptions:
    """What is planned, and where what it depends on is found.

    Attributes:
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        parts: Which of `PARTS` to assess, in this order; none: all of them.
        bundle: The bundle of the dry run; None: there is none, which the parts that need one report.
        config: The migration-config.json of the run to come, or its folder; None: not compared.
        exports: The folder of the exports that the importer reads; None: those beside the report.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        expectations: Folders of custom suites, which may define policies.
        expected: The environment that is meant, e.g. "staging"; None: any.
        backup: The backup, a file or folder; None: the newest in `backups`.
        backups: The folder of backups.
        test_backup: Also restore the backup into a scratch database, and compare what arrives.
        pg_bin: The folder of PostgreSQL's programs; None: the PATH and the usual folders.
        max_age_h: How many hours old backup and dry run may be.
        timeout_s: Seconds to wait for the database to open; None: 5 for its answer, 30 in all.
        outputs: The folder of runs, in which the file of decisions is.
        wa_key_file, wa_account, wa_api_url, wa_oauth_url, wa_timeout_s: Where Wild Apricot's API is and who asks, as
            `SourceOptions` has it.
        environment: Environment variables by name.
    """

    database: str | None = field(default=None, repr=False)
    parts: Sequence[str] = ()
    bundle: Path | str | None = None
    config: Path | str | None = None
    exports: Path | str | None = None
    profile: Path | str | None = None
    expectations: Sequence[Path | str] = ()
    expected: str | None = None
    backup: Path | str | None = None
    backups: Path | str = "backups"
    test_backup: bool = False
    pg_bin: Path | str | None = None
    max_age_h: float = 24.0
    timeout_s: float | None = None
    outputs: Path | str = "outputs"
    wa_key_file: Path | str | None = None
    wa_account: str | None = None
    wa_api_url: str | None = field(default=None, repr=False)
    wa_oauth_url: str | None = field(default=None, repr=False)
    wa_timeout_s: float = 120.0
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)

    def __post_init__(self) -> None:
        unknown = next((part for part in self.parts if part not in PARTS), None)
        if unknown is not None:
            raise UsageError(
                "A preflight has no such part",
                expected=f"some of {', '.join(PARTS)}",
                found=repr(unknown),
                next_step=suggest(unknown, PARTS),
            )

    def require_bundle(self) -> Path | str:
        """Return the bundle of the dry run.

        Raises:
            UsageError: None is named.
        """
        if self.bundle is None:
            raise UsageError(
                "No bundle of a dry run is named",
                where="--bundle",
                next_step="Name the bundle that the importer's dry run left: --bundle FOLDER",
            )
        return self.bundle


@dataclass(frozen=True)
class PreflightPart:
    """One part of a preflight.

    Attributes:
        title: Its heading.
        ask: What it asks, given the worst outcome of each part that was asked before.
    """

    title: str
    ask: Callable[[PreflightOptions, Mapping[str, Outcome]], Iterator[Fact | Check]]


def _environment(options: PreflightOptions, _judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_environment(
        EnvironmentOptions(
            options.database, options.profile, options.expected, options.timeout_s, environment=options.environment
        )
    )


def _source(options: PreflightOptions, _judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_source(
        SourceOptions(
            key_file=options.wa_key_file,
            account_id=options.wa_account,
            api_url=options.wa_api_url,
            oauth_url=options.wa_oauth_url,
            timeout_s=options.wa_timeout_s,
            environment=options.environment,
        )
    )


def _dry_run(options: PreflightOptions, _judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_dry_run(
        DryRunOptions(
            options.require_bundle(),
            options.database,
            options.config,
            options.exports,
            options.profile,
            options.max_age_h,
            options.timeout_s,
            environment=options.environment,
        )
    )


def _policies(options: PreflightOptions, _judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_policies(PolicyOptions(options.require_bundle(), options.expectations))


def _backup(options: PreflightOptions, _judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_backup(
        BackupOptions(
            path=options.backup,
            backups=options.backups,
            database=options.database,
            max_age_hours=options.max_age_h,
            pg_bin=options.pg_bin,
            environment=options.environment,
        ),
        restores=options.test_backup,
    )


def _people(options: PreflightOptions, judged: Mapping[str, Outcome]) -> Iterator[Fact | Check]:
    return ask_people(PeopleOptions(options.outputs, options.bundle, judged))


PARTS = {
    "environment": PreflightPart("Environment", _environment),
    "source": PreflightPart("Source", _source),
    "dry-run": PreflightPart("Dry Run", _dry_run),
    "policies": PreflightPart("Policies", _policies),
    "backup": PreflightPart("Backup", _backup),
    "people": PreflightPart("People", _people),
}
"""The parts by their names on the command line; each is asked after those whose outcome it needs."""


def run_preflight(options: PreflightOptions, listener: AssessmentListener | None = None) -> Assessment:
    """Assess what an import depends on, part by part; one that cannot be evaluated hides no other.

    Args:
        options: What is planned.
        listener: Receives what is found as it is found; None: nobody does.
    """
    judged: dict[str, Outcome] = {}
    return assess(KIND, TITLE, [_step(name, options, judged) for name in options.parts or PARTS], listener)


def _step(name: str, options: PreflightOptions, judged: dict[str, Outcome]) -> Step:
    part = PARTS[name]
    return Step(name, part.title, lambda: _noting(name, part.ask(options, judged), judged))


def _noting(name: str, findings: Iterator[Fact | Check], judged: dict[str, Outcome]) -> Iterator[Fact | Check]:
    """Yield the findings, and note the worst outcome among them; one that an error ended is that error."""
    judged[name] = Outcome.ERROR
    found = set()
    for finding in findings:
        if isinstance(finding, Check):
            found.add(finding.outcome)
        yield finding
    judged[name] = next((outcome for outcome in WORST if outcome in found), Outcome.ERROR)
