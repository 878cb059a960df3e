"""Short ways to what the source's API is found to be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from wild_apricot import ACCOUNT, KEY, StandIn

from recon.model import Check, Fact, Outcome
from recon.preflight.source import SourceOptions, ask_source
from recon.preflight.wild_apricot.client import WildApricot
from recon.preflight.wild_apricot.entities import REGISTRATIONS
from recon.preflight.wild_apricot.exchange import Watch
from recon.preflight.wild_apricot.judging import ALL, Portion, ask_entity
from recon.preflight.wild_apricot.key import read_key

if TYPE_CHECKING:
    from recon.preflight.wild_apricot.entities import ApiEntity

LIMIT_S = 60.0


@dataclass
class Waits:
    """A watch on which nothing takes time but waiting, which takes none of ours."""

    waited: list[float] = field(default_factory=list)

    @property
    def watch(self) -> Watch:
        return Watch(monotonic=lambda: sum(self.waited), sleep=self.waited.append)


@dataclass(frozen=True)
class Found:
    """What was yielded."""

    checks: dict[str, Check]
    facts: dict[str, str]

    def __getitem__(self, name: str) -> tuple[Outcome, str]:
        """Outcome and message of a check, by its id without "source_"."""
        check = self.checks[f"source_{name}"]
        return check.outcome, check.message

    @property
    def unpassed(self) -> dict[str, Outcome]:
        return {
            name.removeprefix("source_"): check.outcome
            for name, check in self.checks.items()
            if check.outcome is not Outcome.PASS
        }

    @property
    def text(self) -> str:
        """All that is shown of it."""
        shown = [f"{check!r} {check.violations.rows()}" for check in self.checks.values()]
        return "\n".join([*shown, *map(str, self.facts.items())])


def ask(club: StandIn, waits: Waits | None = None, options: SourceOptions | None = None) -> Found:
    """Ask a stand-in; `options` without an environment get its."""
    given = options or SourceOptions(timeout_s=LIMIT_S)
    if given.environment is None:
        given = replace(given, environment=club.environment)
    yielded = list(ask_source(given, (waits or Waits()).watch))
    checks = [finding for finding in yielded if isinstance(finding, Check)]
    assert len({check.id for check in checks}) == len(checks)
    return Found(
        {check.id: check for check in checks},
        {finding.label: finding.value for finding in yielded if isinstance(finding, Fact)},
    )


def client(club: StandIn, waits: Waits | None = None, timeout_s: float = LIMIT_S) -> WildApricot:
    """A client of a stand-in, without a token."""
    key = read_key(None, {"WA_API_KEY": KEY})
    urls = club.environment
    return WildApricot(key, urls["WA_API_URL"], urls["WA_OAUTH_URL"], timeout_s, (waits or Waits()).watch)


def ask_one(club: StandIn, entity: ApiEntity, waits: Waits | None = None) -> Check:
    """The check of one entity alone."""
    with client(club, waits) as api:
        api.obtain_token()
        portion = Portion({"eventId": club.events[2]["Id"]}) if entity is REGISTRATIONS else ALL
        return ask_entity(api, str(ACCOUNT), entity, portion).check
