"""The sheet: what a run found, as much of it as fits on a page, and on the second what proves it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.model import Escalation, Outcome, Summary, Verdict
from recon.report.templates import environment, source_hash
from recon.report.text import checks_line, plural

if TYPE_CHECKING:
    from collections.abc import Sequence

CLUB = "display.organizationName"
MOST_OPEN, MOST_UNCHECKED, MOST_ACCEPTED, MOST_SIGNATURES, MOST_DIGESTS = 8, 5, 4, 3, 24
WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN)
GO, NO_GO = "GO", "NO-GO"


class SheetAcceptance(Struct, frozen=True):
    """How many violations of a check are accepted and until when, and how many are open."""

    accepted: int
    open: int
    until: str | None


class SheetCheck(Struct, frozen=True):
    """A check, as far as the sheet shows it."""

    name: str
    outcome: Outcome
    message: str
    accepted: SheetAcceptance | None = None


class SheetPolicy(Struct, frozen=True):
    """A policy, one of which names the club."""

    key: str
    expected: object = None


class SheetDatabase(Struct, frozen=True):
    """The database that was read."""

    database: str = ""
    guarantee: str = ""


class SheetLedger(Struct, frozen=True, rename="camel"):
    """What became of the records, in words."""

    accounted_for: str


class SheetRun(Struct, frozen=True, rename="camel"):
    """A verification.json, as far as the sheet shows it."""

    run_id: str
    started_at: str
    verdict: Verdict
    dry_run: bool
    summary: Summary
    checks: tuple[SheetCheck, ...]
    escalation: Escalation
    bundle_path: str = ""
    snapshot: SheetDatabase = SheetDatabase()
    ledger: SheetLedger | None = None
    not_checked: Mapping[str, str] = {}
    policy_verification: tuple[SheetPolicy, ...] = ()

    @property
    def club(self) -> str:
        """The club's name, as its policies state it."""
        named = (policy.expected for policy in self.policy_verification if policy.key == CLUB)
        return next((name for name in named if isinstance(name, str) and name), "not stated in the bundle")

    @property
    def decision(self) -> str:
        """The one decision that is recommended."""
        return GO if self.verdict is Verdict.PASSED and not self.dry_run else NO_GO

    @property
    def reason(self) -> str:
        """Why, and what to do, in a sentence or two."""
        if self.dry_run:
            return "The bundle is that of a dry run: nothing was imported."
        counted = checks_line(self.summary)
        if self.verdict is Verdict.PASSED:
            read = " Read the warnings before you sign." if self.summary.warnings else ""
            return f"The migration is right: {counted}.{read}"
        found = "is not right" if self.verdict is Verdict.FAILED else "is not known to be right"
        return f"The migration {found}: {counted}. {self.escalation.action}."

    @property
    def open(self) -> list[SheetCheck]:
        """The checks that did not pass, the worst first."""
        found = [check for check in self.checks if check.outcome in WORST_FIRST]
        return sorted(found, key=lambda check: WORST_FIRST.index(check.outcome))

    @property
    def accepted(self) -> list[str]:
        """The accepted differences by check, one line each."""
        found = ((check.name, check.accepted) for check in self.checks)
        return [
            f"{name}: {each.accepted:,} accepted until {each.until or 'an unknown day'}, {each.open:,} open"
            for name, each in found
            if each and each.accepted
        ]

    @property
    def unchecked(self) -> list[str]:
        """What was compared with nothing, by the reason."""
        names: dict[str, list[str]] = {}
        for name, why in self.not_checked.items():
            names.setdefault(why, []).append(name)
        return [f"{why}: {', '.join(each)}" for why, each in names.items()]


@dataclass(frozen=True)
class SheetProof:
    """What proves the sheet: everything on the second page, and who signed.

    Attributes:
        by: Who ran it.
        manifest: The SHA-256 of the manifest.
        head: The digest of the last line of the record before this run's; None: there was none.
        digests: File → SHA-256, the most important first.
        snapshot: The id of the read of the database; None: it is not known.
        versions: Of recon and of what it computes with.
        signatures: Who signed and when, one line each; not verified here.
    """

    by: str
    manifest: str
    head: str | None
    digests: Mapping[str, str]
    snapshot: str | None
    versions: Mapping[str, str]
    signatures: Sequence[str] = ()


def render(run: SheetRun, proof: SheetProof) -> str:
    """The sheet as one self-contained HTML page, of two sheets of A4 however much there is to say."""
    style = environment().get_template("go_no_go/sheet.css.jinja").render()
    return (
        environment()
        .get_template("go_no_go/sheet.html.jinja")
        .render(
            run=run,
            proof=proof,
            style=style,
            style_hash=source_hash(style),
            open=_shown([f"{check.outcome}: {check.name}: {check.message}" for check in run.open], MOST_OPEN),
            unchecked=_shown(run.unchecked, MOST_UNCHECKED),
            accepted=_shown(run.accepted, MOST_ACCEPTED),
            signatures=_shown(proof.signatures, MOST_SIGNATURES),
            digests=list(proof.digests.items())[:MOST_DIGESTS],
            more_digests=max(0, len(proof.digests) - MOST_DIGESTS),
        )
    )


def _shown(lines: Sequence[str], most: int) -> list[str]:
    """As many lines as there is room for; the last one says how many there are besides."""
    if len(lines) <= most:
        return list(lines)
    return [*lines[: most - 1], f"and {plural(len(lines) - most + 1, 'other')}: see verification.json"]
