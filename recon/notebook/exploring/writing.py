"""What becomes of chosen findings: entries that accept them, or a sheet to decide in."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recon.answers.accepting import AcceptOptions, accept_of
from recon.answers.workbook import chosen_workbook
from recon.errors import UsageError
from recon.report.formats import TABLE_FORMATS
from recon.report.output import Output, check_place, write_tables
from recon.report.text import plural

if TYPE_CHECKING:
    from recon.answers.answers import Answers

# Only the judgement's own folder says where it came from, and entries name no folder.
OPENED = "the run that is open"


class ChosenFindings:
    """Findings that a person chose.

    Attributes:
        findings: Their names, as `Answers.subjects` has them.
    """

    def __init__(self, answers: Answers, findings: tuple[str, ...]) -> None:
        self._answers, self.findings = answers, findings

    def __len__(self) -> int:
        return len(self.findings)

    def __repr__(self) -> str:
        return f"<{plural(len(self), 'finding')} chosen>"

    def decide(self, *, sheet: str = "", reason: str = "", **terms: Any) -> str:
        """Write a sheet where `sheet` names one, and accept them where `reason` says why; return what was done.

        Args:
            sheet: See `write`; empty: none is written.
            reason: See `accept`, which has the other arguments too; empty: nothing is accepted.
            terms: The other arguments of `accept`.

        Raises:
            UsageError, OutputError, AcceptanceError: As those.
        """
        done = [*([self.write(sheet)] if sheet else []), *([self.accept(reason=reason, **terms)] if reason else [])]
        return (
            ". ".join(done) or f"{plural(len(self), 'finding')} chosen; nothing is written without a sheet or a reason"
        )

    def accept(
        self,
        *,
        reason: str,
        owner: str,
        expires: str | date,
        file: Path | str,
        approved_by: str | None = None,
    ) -> str:
        """Write entries for them into a file of accepted differences; return how many, in words.

        Args:
            reason: Why the differences are right, or bearable; names no person of the data.
            owner: Who answers for them.
            expires: The last day, by UTC, as in 2027-01-31; at most a year from now.
            file: The file, which need not exist; outside the bundle.
            approved_by: Who else approved it, which checks on integrity need.

        Raises:
            UsageError: None is chosen, or they cannot be accepted in this way.
            AcceptanceError: The file cannot be read, edited or written.
        """
        self._require_some()
        if not (reason.strip() and owner.strip()):
            raise UsageError(
                "Acceptance needs a reason and an owner", found=f"reason {reason!r}, owner {owner!r}"[:300]
            )
        last = expires if isinstance(expires, date) else _day(expires)
        options = AcceptOptions(
            OPENED, reason, owner, last, approved_by=approved_by or None, file=file, findings=self.findings
        )
        done = accept_of(self._answers, options)
        number = sum(done.findings.values())
        return (
            f"Accepted until {last}: {plural(number, 'finding')}; "
            f"{file}: {done.written.new:,} new entries, {done.written.replaced:,} replaced"
        )

    def write(self, place: Path | str) -> str:
        """Write them as a sheet to decide in: a workbook (.xlsx), or CSV files (.zip, a folder); return where.

        A workbook is read back by `recon accept --from-xlsx`.

        Raises:
            UsageError: None is chosen.
            OutputError: It cannot be written.
        """
        self._require_some()
        suffix = Path(place).suffix.lower()
        name = next((name for name, chosen in TABLE_FORMATS.items() if chosen.suffix == suffix), "csv")
        output = Output(name, str(place))
        check_place(output)
        write_tables(chosen_workbook(self._answers, self.findings), output)
        return f"{plural(len(self), 'finding')} written to: {output.words}"

    def _require_some(self) -> None:
        if not self.findings:
            raise UsageError(
                "No finding is chosen",
                expected="rows of a check that are marked, with Space or by a click",
                found="none",
            )


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError("This is no day", expected="one as in 2027-01-31", found=repr(text)[:60]) from error
