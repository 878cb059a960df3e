"""Wording and number formats shared by all reports, and escaping of text from data for each format."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from msgspec import to_builtins

from recon.model import Guidance, Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.model import Check, EscalatedIssue, Escalation, Ledger, SnapshotInfo, Summary, Verification
    from recon.model.ledger import Overlap

DRY_RUN = "This bundle is of a dry run, which wrote nothing to the database: no check says what an import did"
# What a check that could not look has in the place of what a violation means.
WITHOUT_FINDINGS = {
    Outcome.WARN: Guidance("Nothing wrong was found; the message says what kept the check from passing", ""),
    Outcome.ERROR: Guidance("Nothing is known: the message says what kept the check from being evaluated", ""),
}
MARKDOWN_SPECIAL = re.compile(r"([\\`*\[\]|~@$])|((?<![^\W_])_|_(?![^\W_]))")
AT_LINE_START = re.compile(r"^(?=[#>+=-]|\d+[.)])")


def timestamp(moment: datetime) -> str:
    """An instant as 2024-01-15T14:30:00.000Z."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def deadline(moment: datetime) -> str:
    """An instant to the minute, for people: 2024-01-15 18:30 UTC."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def plural(count: int, noun: str) -> str:
    """A number and its noun: 1 day, 2 days."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def age_words(age: timedelta) -> str:
    """How long ago, in the two largest units; a negative age is in the future."""
    total = int(abs(age).total_seconds())
    units = (("day", 86400), ("hour", 3600), ("minute", 60), ("second", 1))
    words = []
    for noun, seconds in units:
        count, total = divmod(total, seconds)
        if count:
            words.append(plural(count, noun))
    return " ".join(words[:2]) or "less than a second"


def age_sentence(age: timedelta | None) -> str:
    """When the import completed, relative to the verification."""
    if age is None:
        return "unknown: the report does not say when the import completed"
    if age < timedelta(0):
        return f"{age_words(age)} in the future: check the clocks"
    return f"{age_words(age)} before this verification"


def checks_line(summary: Summary) -> str:
    """The line of the footer: "10 passed, 0 failed, 0 warnings", and what was not evaluated, if any."""
    line = f"{summary.passed} passed, {summary.failed} failed, {plural(summary.warnings, 'warning')}"
    return f"{line}, {summary.errors} not evaluated" if summary.errors else line


def warnings_exit_line(summary: Summary, fail_on: str, problems: int = 0) -> tuple[str, ...]:
    """The line that says why the exit code is 1 although nothing failed; none where that is not so.

    Args:
        summary: Of all checks.
        fail_on: "warning" where a warning counts as a failure.
        problems: How many sentences say that somebody has to see to accepted differences: they count as warnings.
    """
    if fail_on != "warning" or summary.verdict is not Verdict.PASSED or not summary.warnings + problems:
        return ()
    counted = [plural(summary.warnings, "warning")] if summary.warnings else []
    counted += [f"{plural(problems, 'problem')} with accepted differences"] if problems else []
    failures = "a failure" if summary.warnings + problems == 1 else "failures"
    return (f"Exit code 1: {' and '.join(counted)}, which --fail-on warning counts as {failures}",)


def accounted_line(ledger: Ledger | None) -> str:
    """How many records are accounted for: "11,273 of 11,273 records, 0 unexplained"; contains text from data."""
    if ledger is None:
        return "not evaluated - this judgement was reached without a ledger"
    if not ledger.entities:
        return " - ".join(("not evaluated", *_reasons(ledger)))
    line = f"{ledger.accounted:,} of {plural(ledger.records, 'record')}, {_unexplained(ledger)}"
    return f"{line}; {' and '.join(ledger.not_evaluated)} not evaluated" if ledger.not_evaluated else line


def _unexplained(ledger: Ledger) -> str:
    """How many, and of which kind if not all of them are records."""
    total, records, rows = ledger.unexplained, ledger.unexplained_records, ledger.unexplained_rows
    if not rows:
        return f"{total:,} unexplained"
    beside = f"{plural(records, 'record')}, " if records else ""
    return f"{total:,} unexplained ({beside}{plural(rows, 'row')} in the database)"


def _reasons(ledger: Ledger) -> tuple[str, ...]:
    """Why entities were not evaluated, as one text: the common reason, or each one's; none where none is given."""
    by_entity = ledger.not_evaluated
    if len(set(by_entity.values())) == 1:
        return tuple(set(by_entity.values()))
    return ("; ".join(f"{entity}: {why}" for entity, why in by_entity.items()),) if by_entity else ()


def facts(v: Verification) -> tuple[tuple[str, str], ...]:
    """The facts about the run in every report's summary, as label and value; the values contain text from data."""
    return (
        ("Run ID", v.run_id),
        ("Bundle", v.bundle_path),
        ("Dry run", str(v.dry_run).lower()),
        ("Import completed", timestamp(v.completed_at) if v.completed_at else "not recorded"),
        ("Time since", age_sentence(v.age)),
        ("Verified at", timestamp(v.verified_at)),
        ("Database", v.snapshot.database),
        ("Snapshot", v.snapshot.guarantee),
        *connection(v.snapshot),
        *accepted_differences(v),
        ("Duration", f"{v.duration_ms} ms"),
        ("Checks", plural(v.summary.total, "check")),
        ("Passed", str(v.summary.passed)),
        ("Failed", str(v.summary.failed)),
        ("Warnings", str(v.summary.warnings)),
        ("Not evaluated", str(v.summary.errors)),
        ("Accounted for", accounted_line(v.ledger)),
        ("Personal data", "masked" if v.masked else "shown"),
    )


def connection(snapshot: SnapshotInfo) -> tuple[tuple[str, str], ...]:
    """The fact whether the connection was encrypted; none for a file, which has no connection."""
    return (("Connection", snapshot.encryption),) if snapshot.encryption else ()


def accepted_differences(v: Verification) -> tuple[tuple[str, str], ...]:
    """The fact what was accepted, and by which file; none where none was read. It contains text from data."""
    read = v.accepted_differences
    if read is None:
        return ()
    entries = f"{read.entries:,} {'entry' if read.entries == 1 else 'entries'} of {read.file}"
    expired = f", {read.expired:,} expired" if read.expired else ""
    return (("Accepted differences", f"{entries}{expired}"),)


def not_checked(v: Verification) -> list[tuple[str, str]]:
    """Why something was compared with nothing, and the names of all that it holds for: "Event.status, Member.id"."""
    names: dict[str, list[str]] = {}
    for name, why in v.not_checked.items():
        names.setdefault(why, []).append(name)
    return [(why, ", ".join(each)) for why, each in names.items()]


def notices(v: Verification) -> tuple[str, ...]:
    """What to know before anything else, one sentence each; usually nothing. They contain text from data."""
    if v.dry_run:
        return (DRY_RUN,)
    unrelated = (_unrelated(v, v.ledger.overlap),) if v.ledger and v.is_unrelated else ()
    return (*unrelated, *v.notes, *(v.accepted_differences.problems if v.accepted_differences else ()))


def _unrelated(v: Verification, found: Overlap) -> str:
    share = f"{100 * found.shared / found.records:.1f} %"
    have = "has" if found.shared == 1 or found.records == 1 else "have"
    counted = f"{found.shared:,} of {plural(found.records, 'record')} {have} a row here, {share}"
    bundle, database = f"{v.bundle_path}, run {v.run_id}", f"{v.snapshot.database}, {plural(found.rows, 'row')}"
    return f"This bundle is not of this database: {counted} (bundle: {bundle}; database: {database})"


def has_next_step(v: Verification) -> bool:
    """Whether there is more to do than to read that all is well."""
    return bool(v.verdict is not Verdict.PASSED or v.escalation.required or notices(v))


def guidance(check: Check) -> Guidance:
    """What the check's result means and what to do; of a check that found nothing wrong, only why it did not pass."""
    return check.guidance if check.has_findings else WITHOUT_FINDINGS.get(check.outcome, check.guidance)


def difference(bundle: int, database: int) -> str:
    """How many more rows the database holds than expected from the bundle: +3, -1,200, 0."""
    return f"{database - bundle:+,}" if database != bundle else "0"


def advice_facts(v: Verification) -> Iterator[tuple[str, str]]:
    """What to do, by when, whom to escalate to and why, as label and value; none where there is nothing more to do."""
    if not has_next_step(v):
        return
    yield from advice_of(v.escalation)


def advice_of(advice: Escalation) -> Iterator[tuple[str, str]]:
    """What to do, by when, whom to escalate to and why, as label and value."""
    yield "Next step", f"{advice.situation} — {advice.action}"
    yield from (("Command", command) for command in advice.commands)
    if advice.decide_by:
        yield "Decide by", deadline(advice.decide_by)
    for issue in advice.raised:
        yield "Escalate to", f"{issue.contact} (priority: {issue.priority})"
        yield from (("Reason", reason) for reason in issue.reasons)
    if advice.caution:
        yield "Caution", advice.caution


def advice_lines(advice: Escalation) -> Iterator[str]:
    """The advice for a terminal: whom to escalate to and why, what not to do, what to do, and the commands."""
    for issue in advice.raised:
        yield printable(escalation_heading(issue))
        yield from (f"  - {printable(reason)}" for reason in issue.reasons)
        yield ""
    if advice.caution:
        yield from (printable(advice.caution), "")
    yield printable(f"Next step: {advice.situation} - {advice.action}")
    yield from (f"  {printable(command)}" for command in advice.commands)
    if advice.decide_by:
        yield f"Decide by: {deadline(advice.decide_by)}"


def escalation_document(advice: Escalation) -> dict[str, Any]:
    """The advice as plain objects of JSON."""
    return {**to_builtins(advice), "decideBy": timestamp(advice.decide_by) if advice.decide_by else None}


def escalation_heading(issue: EscalatedIssue) -> str:
    """Whom to escalate an issue to, and how urgently."""
    return f"Escalate to: {issue.contact} (priority: {issue.priority})"


def escalation_sentence(check: Check, v: Verification) -> str:
    """Whether this check is escalated, to whom and why; contains text from data."""
    contact, together = v.escalation.contact_for(check.issue), v.escalation.contact_for("failure")
    if check.escalate:
        return f"yes, to the {contact or v.escalation.contact} — {check.escalate}"
    if check.outcome is Outcome.FAIL and together:
        return f"yes, to the {together}, with the other failures"
    return "not for this check alone"


def shown_of(shown: int, total: int) -> str:
    """Which of the violating rows are shown: ", the first 10 of 150", or nothing where all are."""
    return "" if total <= shown else f", the first {shown:,} of {total:,}"


def cut(text: str, limit: int) -> str:
    """Shorten the text to one line of at most `limit` characters."""
    shown = printable(text[: limit + 1])
    return shown if len(shown) <= limit else f"{shown[: limit - 1]}…"


def cut_within(text: str, limit: int) -> str:
    """Shorten the text to one line of at most `limit` characters, of which most are its end: a path's file name."""
    shown = printable(text)
    kept = limit // 4
    return shown if len(shown) <= limit else f"{shown[:kept]}…{shown[kept + 1 - limit :]}"


def printable(value: object) -> str:
    """One line of text without control, formatting or direction characters: these are shown as escapes."""
    if value is None:
        return ""
    text = str(value)
    return text if text.isascii() and text.isprintable() else "".join(map(_visible, text))


def markdown(value: object) -> str:
    """Escape text from data for Markdown: it renders as it is, never as markup, link, mention or table border."""
    text = printable(value).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    text = MARKDOWN_SPECIAL.sub(lambda found: "\\" + found[0], text)
    text = text.replace("://", ":\\//").replace("www.", "www\\.")
    return AT_LINE_START.sub(lambda _: "\u200b", text) if AT_LINE_START.match(text) else text


def _visible(character: str) -> str:
    if character in "\n\r\t":
        return " "
    if unicodedata.category(character)[0] != "C" and unicodedata.category(character) not in ("Zl", "Zp"):
        return character
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
