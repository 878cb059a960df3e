"""The checks of two runs side by side, and what a reader has to know about the numbers of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.model.changes import CheckChange, FindingTally
from recon.report.text import plural
from recon.runs.comparing.attached import OLDER

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from recon.model.changes import RuleChange
    from recon.runs.comparing.read_run import ReadRun
    from recon.runs.run_summary import CheckResult

NOTHING = FindingTally()


def known_checks(run: ReadRun, listed: Mapping[str, int]) -> list[str]:
    """Return the checks of a run that looked, and whose findings are all listed.

    What such a check does not list is not there; what another does not list may be.

    Args:
        run: The run.
        listed: How many violations the findings of each check stand for.
    """
    return [check.id for check in run.checks.values() if check.is_known and not _unlisted(check, listed)]


def check_changes(
    older: ReadRun,
    newer: ReadRun,
    tallies: Mapping[str, FindingTally] | None,
    listed: Mapping[str, Mapping[str, int]],
    rules: Sequence[RuleChange],
) -> Iterator[CheckChange]:
    """Yield every check of either run, in the order of the newer one, then those that it has no more.

    Args:
        older: The run that was before.
        newer: The run that came after it.
        tallies: What became of the findings, by check; None: not known.
        listed: How many violations the findings stand for, by run and check; empty: not known.
        rules: The rules that are not as they were.
    """
    were, are = older.checks, newer.checks
    changed = {rule.check_id: rule.change for rule in rules}
    for check_id in dict.fromkeys([*are, *were, *(tallies or ())]):
        was, now = were.get(check_id), are.get(check_id)
        named = now or was
        tally = None if tallies is None else tallies.get(check_id, NOTHING)
        yield CheckChange(
            id=check_id,
            name=named.name if named else check_id,
            before=was.outcome if was else None,
            after=now.outcome if now else None,
            message_before=was.message if was else "",
            message_after=now.message if now else "",
            violations_before=_violations(was),
            violations_after=_violations(now),
            findings=tally,
            notes=tuple(_notes(was, now, tally or NOTHING, listed, changed.get(check_id, ""))),
        )


def _notes(
    was: CheckResult | None,
    now: CheckResult | None,
    tally: FindingTally,
    listed: Mapping[str, Mapping[str, int]],
    change: str,
) -> Iterator[str]:
    if was is None:
        yield "New check: the older run did not have it"
    elif tally.new and not was.is_known:
        yield f"Not evaluated in the older run: whether {_findings(tally.new)} new is not known"
    elif was and _unlisted(was, listed.get(OLDER)):
        yield "The older run does not list all of its findings: what is called new may have been there"
    unknown = f": whether {_findings(tally.not_known)} fixed is not known" if tally.not_known else ""
    if now is None:
        yield f"The newer run does not have this check{unknown}"
    elif not now.is_known:
        yield f"Not evaluated in the newer run{unknown}"
    elif unknown:
        yield f"The newer run does not list all of its findings{unknown}"
    if change in {"changed", "overridden"}:
        yield f"The rule was {change}: findings may differ for that reason"


def _findings(count: int) -> str:
    return f"{plural(count, 'finding')} {'is' if count == 1 else 'are'}"


def _violations(check: CheckResult | None) -> int | None:
    """Return the number of violations; None where the check did not look."""
    return (check.violation_count or 0) if check and check.is_known else None


def _unlisted(check: CheckResult, listed: Mapping[str, int] | None) -> bool:
    """Return whether the run does not list all findings of the check, as for expectations of other types."""
    return listed is not None and listed.get(check.id, 0) < (check.violation_count or 0)
