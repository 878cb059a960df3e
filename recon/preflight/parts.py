"""The parts of a preflight, and all of them together."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.preflight.assessing import Step, assess
from recon.preflight.environment import EnvironmentOptions, ask_environment
from recon.preflight.source import SourceOptions, ask_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.model import Assessment, Check, Fact
    from recon.preflight.assessing import AssessmentListener

KIND, TITLE = "preflight", "Preflight"


@dataclass(frozen=True)
class PreflightOptions:
    """What is planned, and where what it depends on is found.

    Attributes:
        database: The name of an environment variable, a file, or a URL without password; None: DATABASE_URL.
        parts: Which of `PARTS` to assess, in this order.
        profile: The TOML file that maps tables and columns of the application; None: the built-in profile.
        expected: The environment that is meant, e.g. "staging"; None: any.
        timeout_s: Seconds to wait for the database to open; None: 5 for its answer, 30 in all.
        outputs: The folder of runs, in which the file of decisions is.
        wa_key_file, wa_account, wa_api_url, wa_oauth_url, wa_timeout_s: Where Wild Apricot's API is and who asks, as
            `SourceOptions` has it.
        environment: Environment variables by name.
    """

    database: str | None = field(default=None, repr=False)
    parts: Sequence[str] = ()
    profile: Path | str | None = None
    expected: str | None = None
    timeout_s: float | None = None
    outputs: Path | str = "outputs"
    wa_key_file: Path | str | None = None
    wa_account: str | None = None
    wa_api_url: str | None = None
    wa_oauth_url: str | None = None
    wa_timeout_s: float = 120.0
    environment: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)


@dataclass(frozen=True)
class PreflightPart:
    """One part: its heading, and what it asks."""

    title: str
    ask: Callable[[PreflightOptions], Iterator[Fact | Check]]


def _source(options: PreflightOptions) -> Iterator[Fact | Check]:
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


def _environment(options: PreflightOptions) -> Iterator[Fact | Check]:
    return ask_environment(
        EnvironmentOptions(
            options.database, options.profile, options.expected, options.timeout_s, environment=options.environment
        )
    )


PARTS = {
    "environment": PreflightPart("Environment", _environment),
    "source": PreflightPart("Source", _source),
}
"""The parts by their names on the command line, in the order of the runbook."""


def run_preflight(options: PreflightOptions, listener: AssessmentListener | None = None) -> Assessment:
    """Assess what an import depends on, part by part; one that cannot be evaluated hides no other.

    Args:
        options: What is planned; without parts, all of them are assessed.
        listener: Receives what is found as it is found; None: nobody does.
    """
    return assess(KIND, TITLE, [_step(name, options) for name in options.parts or PARTS], listener)


def _step(name: str, options: PreflightOptions) -> Step:
    part = PARTS[name]
    return Step(name, part.title, lambda: part.ask(options))
