"""The restore into a new database that takes the name of the present one, and the way back: the same, turned round."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from recon.backup.contents import compare_contents, left_behind
from recon.backup.kinds import readable_contents_of
from recon.backup.replacing import UNCHANGED, NameExchange, Replacement, Survey, require_equal, swap_of
from recon.errors import ReconError, RollbackError
from recon.model import Probe
from recon.rollback.audit import PLAN_ID, REVERTED_ID
from recon.rollback.figures import duration
from recon.rollback.restore.attempts import AGAIN, ApplyAttempt, RevertAttempt, require_possible
from recon.rollback.restore.plan import drop_statement
from recon.rollback.restore.planning import WITHOUT, beside_name, present_state
from recon.rollback.restore.proving import proven_backup
from recon.rollback.restore.recording import is_recorded, record_of
from recon.rollback.restore.verifying import LOOK, PART, differing_rows, without_record

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.backup.replacing import KindOfSwap
    from recon.database import DatabaseUrl
    from recon.model import Check, Fact
    from recon.rollback.restore.plan import RestorePlan
    from recon.rollback.restore.planning import PresentState

DATABASE = Probe(
    "database_as_before",
    "Database",
    PART,
    "Settings, grants, owner, limits and comment of the database are those of before.",
    "The application may be refused, or run with other settings",
    LOOK,
)


BEFORE = Probe(
    "tables_as_before",
    "Tables",
    PART,
    "Every table holds what it held when the plan was made.",
    "Somebody wrote to the database of before, or the application has written since",
    "Escalate to the DBA: both databases are there",
)


@dataclass(frozen=True)
class SwapNames:
    """Which databases have the names that a plan knows: the oid of each; None: there is no such database.

    Attributes:
        planned: The one that had the name when the plan was made.
        live: The one that has it now.
        kept, reverted: The ones that stay, when the plan is applied and when it is reverted.
    """

    planned: str
    live: str | None
    kept: str | None
    reverted: str | None

    @classmethod
    def of(cls, plan: RestorePlan, url: DatabaseUrl) -> Self:
        """Ask the server."""
        names = plan.identity["database"], plan.kept_as or "", reverted_name(plan)
        found = swap_of(url).oids(url, names)
        return cls(plan.identity["database_oid"], *map(found.get, names))

    @property
    def is_applied(self) -> bool:
        """Whether the present database of the plan has its other name."""
        return self.kept == self.planned

    @property
    def is_reverted(self) -> bool:
        """Whether it has its own name again."""
        return self.live == self.planned and self.reverted is not None


def reverted_name(plan: RestorePlan) -> str:
    """The name that the restored database gets when the plan is reverted."""
    return beside_name(plan.identity["database"], "reverted", plan.id)


def how_to_drop(name: str) -> str:
    """What a person does when a database is not wanted any more."""
    return f"when it is not wanted any more: {drop_statement(name)}"


def alike(differing: list[str], *, was_done: bool) -> Check:
    """Whether what belongs to the database is as it was."""
    if not differing:
        return DATABASE.passed("Settings, grants, owner, limits and comment are as they were")
    words = f"Not as before: {', '.join(differing)}"
    return DATABASE.warned(words) if was_done else DATABASE.failed(words)


def took_the_name(plan: RestorePlan, url: DatabaseUrl) -> bool:
    """Whether another database has the name by now because this plan was applied."""
    if plan.kept_as is None:
        return False
    return swap_of(url).oids(url, [plan.kept_as]).get(plan.kept_as) == plan.identity["database_oid"]


class SwapAttempt(ApplyAttempt):
    """The new database takes the name."""

    key = PLAN_ID

    @property
    def kind(self) -> KindOfSwap:
        """What exchanges databases of this kind."""
        return swap_of(self.url)

    @property
    def kept_as(self) -> str:
        """The name that the present database gets."""
        return self.plan.kept_as or ""

    def is_done(self) -> bool:
        """Whether the names are exchanged; raises RollbackError where they were changed back, or one is taken."""
        found = SwapNames.of(self.plan, self.url)
        if found.is_reverted:
            raise RollbackError("The plan was applied, and reverted", where=self.url.label, next_step=AGAIN)
        if not found.is_applied and found.kept is not None:
            raise RollbackError(
                f"There is another database of the name that the present one should get ({UNCHANGED})",
                where=self.url.label,
                found=self.kept_as,
                next_step=AGAIN,
            )
        return found.is_applied

    def survey(self) -> Survey:
        """Look at what is concerned."""
        return self.kind.survey(self.url, self.backup.data, self.backup.manifest, self.tools)

    def carry_out(self) -> float | None:
        """Carry it out; returns the seconds of outage, None where it was found done."""
        if self.is_done():
            self.progress.step("Found done before")
            return None
        self.progress.step("Checking the backup")
        survey, kind = self.surveyed(), self.kind
        if not self.options.end_sessions:
            # Not only after hours of restoring.
            kind.require_alone(self.url)
        present = present_state(self.url)
        self.require_expected(present, survey)
        wanted = Replacement(self.backup.data, self.backup.manifest, None)
        self.progress.step("Restoring into a new database")
        with kind.filled(self.url, wanted, self.tools, self.progress) as filled:
            for what, words in left_behind(filled):
                self.progress.note(f"{what}: {words}")
            self.progress.step("Carrying settings and grants over")
            metadata = {self.key: self.plan.id, "level": 2, "backup": self.backup.path.name, "by": self.by}
            record = record_of(filled.url, self.options.profile, self.plan.id, metadata)
            kind.carry_over(self.url, filled, record.statement)
            if record.why:
                self.progress.note(record.why)
            return self.exchanged(filled.url.name, self.kept_as, present, is_new=True)

    def exchanged(self, incoming: str, outgoing: str, present: PresentState, *, is_new: bool) -> float:
        """NameExchange the names; returns the seconds of outage."""
        ends, damaged = self.options.end_sessions, tuple(present.damaged)
        wanted = NameExchange(incoming, outgoing, present.tables or {}, damaged, is_new, ends)
        outage_s = self.kind.exchange(self.url, wanted, self.progress)
        self.progress.note(f"nobody else could use the database for {duration(outage_s)}")
        self.progress.note(f"the database of before is {outgoing}; {how_to_drop(outgoing)}")
        return outage_s

    def _ask(self, *, was_done: bool) -> Iterator[Fact | Check]:
        yield from super()._ask(was_done=was_done)
        yield alike(self.kind.unlike(self.url, self.kept_as), was_done=was_done)


class SwapBackAttempt(RevertAttempt):
    """The database of before takes its name back."""

    key = REVERTED_ID

    @property
    def outgoing(self) -> str:
        """The name that the restored database gets."""
        return reverted_name(self.plan)

    def is_done(self) -> bool:
        """Whether the names are as before; raises RollbackError where the database of before is not there."""
        found = SwapNames.of(self.plan, self.url)
        if not found.is_reverted and not found.is_applied:
            raise RollbackError(
                "The database of before is not there, so it cannot be brought back",
                where=self.url.label,
                expected=f"{self.plan.kept_as}, as of this plan",
                found="none" if found.kept is None else "another of that name",
                next_step="Check that this is the plan that was applied, and that nobody dropped that database",
            )
        return found.is_reverted

    def carry_out(self) -> float | None:
        """Carry it out; returns the seconds of outage, None where it was found done."""
        if self.is_done():
            self.progress.step("Found done before")
            return None
        kind, kept_as = swap_of(self.url), self.plan.kept_as or ""
        self.progress.step("Checking what is there")
        self.backup = proven_backup(Path(self.plan.backup), self.url, self.tools)
        require_possible(kind.survey(self.url, self.backup.data, self.backup.manifest, self.tools), self.url)
        if not self.options.end_sessions:
            kind.require_alone(self.url)
        present = present_state(self.url)
        self._require_unwritten(present)
        self._record(replace(self.url, name=kept_as))
        wanted = NameExchange(
            kept_as, self.outgoing, present.tables or {}, tuple(present.damaged), False, self.options.end_sessions
        )
        outage_s = kind.exchange(self.url, wanted, self.progress)
        self.progress.note(f"nobody else could use the database for {duration(outage_s)}")
        self.progress.note(f"the restored database is {self.outgoing}; {how_to_drop(self.outgoing)}")
        return outage_s

    def _require_unwritten(self, present: PresentState) -> None:
        if self.options.without_present_state:
            self.progress.note(f"what was written since the restore stays in {self.outgoing}")
            return
        restored = self.backup.manifest
        audit = record_of(self.url, self.options.profile, self.plan.id, {}).table
        differing = compare_contents(restored.tables, present.tables or {}, restored.left_out)
        require_equal(
            without_record(differing, audit),
            "Something was written since the backup was put in place, and would not come along",
            self.url.label,
            f"Leave it in a database of its own, {self.outgoing}, with {WITHOUT}",
        )

    def _record(self, before: DatabaseUrl) -> None:
        """Write the audit row into the database of before, which nobody uses yet; if damaged, it may take none."""
        metadata = {self.key: self.plan.id, "level": 2, "by": self.by}
        try:
            if is_recorded(before, self.options.profile, self.key, self.plan.id):
                return
            record = record_of(before, self.options.profile, self.plan.id, metadata)
            if record.statement:
                swap_of(before).record(before, record.statement)
            elif record.why:
                self.progress.note(record.why)
        except ReconError as error:
            self.progress.note(f"no audit row, as the database of before takes none: {error.found or error.what}")

    def _ask(self, *, was_done: bool) -> Iterator[Fact | Check]:
        audit = record_of(self.url, self.options.profile, self.plan.id, {}).table
        expected, found = self.plan.present or {}, readable_contents_of(self.url)
        differing = without_record(compare_contents(expected, found.tables, self.plan.damaged), audit)
        if not differing:
            rows = sum(content.rows for content in expected.values())
            yield BEFORE.passed(f"{rows:,} rows in {len(expected):,} tables, as when the plan was made")
        else:
            words = f"{len(differing):,} tables differ, first {differing[0].table}: {differing[0].found}"
            answer = BEFORE.warned if was_done else BEFORE.failed
            yield answer(words, differing_rows(differing))
        yield alike(swap_of(self.url).unlike(self.url, self.outgoing), was_done=was_done)
