"""A run's verification.json as the sheet reads it: the recommended decision, and what speaks for and against it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

from recon.model import Escalation, Outcome, Summary, Verdict
from recon.report.go_no_go.affected import SheetCheck, SheetLedger
from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Iterator

CLUB = "display.organizationName"
NOT_STATED = "not stated in the bundle"
WORST_FIRST = (Outcome.FAIL, Outcome.ERROR, Outcome.WARN)
LABELS = {Outcome.FAIL: "Failed", Outcome.ERROR: "Unknown", Outcome.WARN: "Warning"}
GO, NO_GO = "GO", "NO-GO"
NAMED = 1


class SheetPolicy(Struct, frozen=True):
    """A policy, one of which names the club."""

    key: str
    expected: object = None


class SheetDatabase(Struct, frozen=True, rename="camel"):
    """The database that was read."""

    database: str = ""
    guarantee: str = ""
    not_read: Mapping[str, str] = {}


class OpenPoint(Struct, frozen=True):
    """What speaks against the migration: a check that did not pass, or a notice about the whole.

    Attributes:
        kind: The check's outcome; "NOTE": it is a notice.
        label: The same in a word.
        name: The check; empty: it is a notice.
    """

    kind: str
    label: str
    name: str
    message: str


class SheetRun(Struct, frozen=True, rename="camel"):
    """A verification.json, as far as the sheet shows it."""

    run_id: str
    started_at: datetime
    verdict: Verdict
    dry_run: bool
    summary: Summary
    checks: tuple[SheetCheck, ...]
    escalation: Escalation
    bundle_path: str = ""
    snapshot: SheetDatabase = SheetDatabase()
    ledger: SheetLedger | None = None
    not_checked: Mapping[str, str] = {}
    notices: tuple[str, ...] = ()
    policy_verification: tuple[SheetPolicy, ...] = ()

    @property
    def club(self) -> str:
        """The club's name, as its policies state it."""
        named = (policy.expected for policy in self.policy_verification if policy.key == CLUB)
        return next((name for name in named if isinstance(name, str) and name), NOT_STATED)

    @property
    def is_rolled_back(self) -> bool:
        """Whether the run was rolled back before it was verified."""
        return self.escalation.kind == "rolled_back"

    @property
    def is_unrelated(self) -> bool:
        """Whether bundle and database do not belong together."""
        return self.escalation.kind == "unrelated"

    @property
    def deadline(self) -> datetime | None:
        """Until when the recommended decision is to be taken; None: no limit is set."""
        return self.escalation.decide_by

    @property
    def decision(self) -> str:
        """The one decision that is recommended: to go where all is well, and nobody has to agree first."""
        is_well = self.verdict is Verdict.PASSED and not self.dry_run
        return GO if is_well and not self.escalation.required else NO_GO

    @property
    def tone(self) -> str:
        """Whose colour the decision has: the verdict's, that of a warning, or NONE where there is nothing to decide."""
        if self.dry_run or self.is_rolled_back:
            return "NONE"
        is_held = self.verdict is Verdict.PASSED and self.decision == NO_GO
        return str(Outcome.WARN if is_held else self.verdict)

    @property
    def title(self) -> str:
        """What was verified, and with which verdict."""
        if self.dry_run:
            return "Dry run, nothing was imported"
        return "Migration rolled back" if self.is_rolled_back else f"Migration {self.verdict}"

    @property
    def headline(self) -> str:
        """The decision in words."""
        if self.tone == "NONE":
            undone = "Nothing to keep: the migration was taken back"
            return undone if self.is_rolled_back else "Nothing to decide: this was a dry run"
        if self.is_unrelated:
            return "Do not decide on this: it is about another database"
        if self.verdict is Verdict.INCOMPLETE:
            return "Do not decide yet: verify again"
        if self.verdict is Verdict.FAILED:
            return "Do not keep this migration as it is"
        if self.escalation.required:
            return f"Not yet: agree first with the {self.escalation.contact}"
        return "Keep the migration, after reading the warnings" if self.summary.warnings else "Keep the migration"

    @property
    def reason(self) -> str:
        """The verdict in a sentence."""
        if self.dry_run:
            return "The bundle is that of a dry run: nothing was imported."
        if self.is_rolled_back:
            return "The database is without this migration: the newest that it recorded is the rollback of the run."
        found = self.summary
        checks = plural(found.total, "check")
        if self.verdict is Verdict.FAILED:
            return f"The migration is not right: {found.failed:,} of {checks} failed{self._besides(found.errors)}."
        if self.verdict is Verdict.INCOMPLETE:
            unknown = f"{found.errors:,} of {checks} could not be evaluated" if found.total else "nothing was checked"
            return f"The migration is not known to be right: {unknown}."
        if found.warnings:
            warned = plural(found.warnings, "warning")
            return f"The migration is right: none of {checks} failed. Read {warned} before you sign."
        return f"The migration is right: all {checks} passed."

    @staticmethod
    def _besides(errors: int) -> str:
        return f", and {errors:,} could not be evaluated" if errors else ""

    @property
    def next_step(self) -> str:
        """What to do now; empty: to sign."""
        is_plain = self.verdict is Verdict.PASSED and not self.escalation.required and not self.dry_run
        return "" if is_plain else self.escalation.action

    @property
    def call(self) -> str:
        """Whom to call; empty: nobody has to be."""
        found = self.escalation
        return f"{found.contact} (priority: {found.priority})" if found.required and not self.dry_run else ""

    @property
    def nobody(self) -> str:
        """What to say where nobody is known to be affected."""
        if self.dry_run:
            return "Nobody: nothing was imported"
        if self.is_rolled_back:
            return "Nobody by this migration: its records were taken out again"
        if self.is_unrelated:
            return "Not known: bundle and database do not belong together"
        if self.ledger is None or self.ledger.not_evaluated or self.summary.errors or not self.summary.total:
            return "Nobody as far as is known: not everything could be checked"
        if self.summary.failed:
            return "No single record, as far as the checks say: see what is open"
        return "Nobody: no record is lost, changed, misplaced or extra"

    @property
    def has_affected(self) -> bool:
        """Whether the numbers of the ledger say what the migration did to people."""
        return not (self.dry_run or self.is_rolled_back or self.is_unrelated)

    @property
    def accounted_for(self) -> str:
        """How many records it is known of what became of them, in words."""
        found = self.ledger
        if self.dry_run or self.is_rolled_back:
            return "Nothing of this run is in the database: there is nothing to account for"
        if found is None:
            return "Not known: there is no account of the records"
        if not found.records:
            return f"Records: {found.accounted_for}"
        line = f"{found.accounted:,} of {plural(found.records, 'record')} accounted for"
        unexplained = found.records - found.accounted
        open_ones = [f"{unexplained:,} not explained"] if unexplained else []
        if found.unexplained_rows:
            open_ones.append(f"{plural(found.unexplained_rows, 'row')} in the database that nothing explains")
        left_out = [f"{' and '.join(found.not_evaluated)} not evaluated"] if found.not_evaluated else []
        return "; ".join([line, *open_ones, *left_out])

    @property
    def accounted_share(self) -> float | None:
        """Which share of the records is accounted for, from 0 to 1; None: not known."""
        found = self.ledger
        is_asked = found and found.records and self.tone != "NONE"
        return found.accounted / found.records if found and is_asked else None

    @property
    def open(self) -> list[OpenPoint]:
        """Notices, then the checks that did not pass, the worst first."""
        notices = () if self.dry_run else self.notices
        found = [check for check in self.checks if check.outcome in WORST_FIRST]
        found.sort(key=lambda check: WORST_FIRST.index(check.outcome))
        points = [OpenPoint(str(check.outcome), LABELS[check.outcome], check.name, check.message) for check in found]
        return [*(OpenPoint("NOTE", "Note", "", notice) for notice in notices), *points]

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
        """What was compared with nothing: entities first, then fields by the reason, the most first."""
        return [*self._without_account(), *self._by_reason()]

    def _without_account(self) -> Iterator[str]:
        for name, why in self.ledger.not_evaluated.items() if self.ledger else ():
            yield f"{name.capitalize()}: {why}"

    def _by_reason(self) -> list[str]:
        names: dict[str, list[str]] = {}
        accounts = self.ledger.entities if self.ledger else ()
        compared = [(f"{each.entity}.{name}", why) for each in accounts for name, why in each.not_compared.items()]
        for name, why in (*self.snapshot.not_read.items(), *compared, *self.not_checked.items()):
            names.setdefault(why, []).append(name)
        return [_fields(why, each) for why, each in sorted(names.items(), key=lambda item: -len(item[1]))]


def _fields(why: str, names: list[str]) -> str:
    """Which fields were left out for a reason: "12 fields (a, b and 10 others): why"."""
    more = len(names) - NAMED
    named = ", ".join(names[:NAMED]) + (f" and {plural(more, 'other')}" if more > 0 else "")
    return f"{plural(len(names), 'field')} ({named}): {why}"
