"""GitHub Actions: the summary of a step and the annotations of a run, where its environment variables ask for them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recon.model import Outcome, Verdict
from recon.report.failure import as_markdown
from recon.report.markdown import SECTIONS, head, section
from recon.report.text import accounted_line, checks_line, escalation_sentence, guidance, notices, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from recon.model import Check, Verification
    from recon.report.failure import Failure

SUMMARY = "GITHUB_STEP_SUMMARY"
ACTIONS = "GITHUB_ACTIONS"
# GitHub rejects a larger step summary entirely, and shows no more annotations of one kind per step.
SUMMARY_BYTES = 1024 * 1024
ANNOTATIONS = 10
LEFT_OUT = "\n\nMore was left out here: a summary has a largest size. The report holds all of it.\n"


def on_github(environment: Mapping[str, str]) -> bool:
    """Whether the output is parsed for workflow commands."""
    return environment.get(ACTIONS) == "true"


def inert(line: str) -> str:
    """Break up whatever would be parsed as a workflow command: `::` at the start of the line, `##[` anywhere."""
    line = _without_old_commands(line)
    return line.replace("::", ": :", 1) if line.lstrip().startswith("::") else line


def _without_old_commands(text: str) -> str:
    """Break up the older form of a command, which works in the middle of a line, too."""
    return text.replace("##[", "## [")


def publish(verification: Verification, environment: Mapping[str, str], *, err: bool = False) -> None:
    """Append to the step's summary and print annotations, each if GitHub asks for it; the verdict is unaffected.

    Args:
        verification: What to report.
        environment: Environment variables by name.
        err: Annotations go to standard error, because standard output holds a report.
    """
    if environment.get(SUMMARY):
        append_summary(lambda room: summary(verification, room), Path(environment[SUMMARY]))
    if on_github(environment):
        for line in annotate(verification):
            click.echo(line, err=err)


def publish_failure(failure: Failure, environment: Mapping[str, str], *, err: bool = False) -> None:
    """Append an error to the step's summary and annotate it, each if GitHub asks for it.

    Args:
        failure: Why there is no verdict.
        environment: Environment variables by name.
        err: The annotation goes to standard error, because standard output holds a report.
    """
    if environment.get(SUMMARY):
        append_summary(lambda room: failure_summary(failure, room), Path(environment[SUMMARY]))
    if on_github(environment):
        click.echo(_command("error", f"Verification ERROR: {failure.title}", failure.message), err=err)


def failure_summary(failure: Failure, most_bytes: int) -> str:
    """An error as GitHub's Markdown, cut to `most_bytes` bytes of UTF-8."""
    return first_lines(f"\n{as_markdown(failure)}", most_bytes)[0]


def append_summary(summarise: Callable[[int], str], path: Path) -> None:
    """Append to the step's summary what `summarise` returns for the bytes that are left in it."""
    try:
        before = path.stat().st_size if path.exists() else 0
        text = summarise(SUMMARY_BYTES - before)
        with path.open("a", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        found = f"{printable(path)[:300]}: {error.strerror}"
        click.echo(f"Warning: the step's summary was not written ({SUMMARY}): {found}. The verdict stands", err=True)


def summary(verification: Verification, most_bytes: int) -> str:
    """The summary as GitHub's Markdown: the verdict, then collapsed sections, as many as fit.

    Args:
        verification: What to report.
        most_bytes: What the step's summary still has room for, in bytes of UTF-8.
    """
    room = most_bytes - len(LEFT_OUT.encode()) - 1
    text, whole = first_lines("\n".join(("", *head(verification), "")), room)
    for heading in SECTIONS:
        folded = _folded(heading, "\n".join(section(verification, heading)))
        fits = len((text + folded).encode()) <= room
        text, whole = (text + folded, whole) if fits else (text, False)
    return text if whole else text + LEFT_OUT if room > 0 else ""


def first_lines(text: str, room: int) -> tuple[str, bool]:
    """As many complete lines as fit into `room` bytes, and whether these are all."""
    if len(text.encode()) <= room:
        return text, True
    kept: list[str] = []
    for line in text.splitlines(keepends=True):
        room -= len(line.encode())
        if room < 0:
            break
        kept.append(line)
    return "".join(kept), False


def _folded(heading: str, body: str) -> str:
    return f"\n<details><summary>{heading}</summary>\n\n{body}\n\n</details>\n"


def annotate(verification: Verification) -> Iterator[str]:
    """Workflow commands: notices, the verdict unless it passed, and checks that did not, within the limit per kind."""
    errors = [c for c in verification.unpassed if c.outcome is not Outcome.WARN]
    warnings = [c for c in verification.unpassed if c.outcome is Outcome.WARN]
    noticed = [_command("warning", "Before anything else", notice) for notice in notices(verification)]
    return chain(
        annotations_of("error", _of_verdict(verification), errors, verification),
        annotations_of("warning", noticed, warnings, verification),
    )


def _of_verdict(v: Verification) -> list[str]:
    if v.verdict is Verdict.PASSED:
        return []
    accounted = f"; accounted for: {accounted_line(v.ledger)}" if v.ledger else ""
    return [_command("error", f"Verification {v.verdict}", f"Checks: {checks_line(v.summary)}{accounted}")]


def annotations_of(
    kind: str, first: Sequence[str], checks: Sequence[Check], of: Verification | None = None
) -> Iterator[str]:
    """Workflow commands of one kind: `first`, then checks, those of a verification with whom to escalate to and why."""
    yield from first
    room = ANNOTATIONS - len(first)
    shown = checks if len(checks) <= room else checks[: room - 1]
    yield from (_command(kind, f"{c.outcome}: {c.name}", _message(c, of)) for c in shown)
    if len(shown) < len(checks):
        yield _command(kind, "More checks", f"{len(checks) - len(shown)} more; the report names each of them")


def _message(check: Check, of: Verification | None) -> str:
    escalated = f"Escalate: {escalation_sentence(check, of)}" if of and check.escalate else None
    return " - ".join(filter(None, (check.message, check.detail, escalated, guidance(check).action)))


def _command(kind: str, title: str, message: str) -> str:
    """A workflow command; GitHub decodes these escapes and no others."""
    data, named = (_without_old_commands(printable(text).replace("%", "%25")) for text in (message, title))
    return f"::{kind} title={named.replace(':', '%3A').replace(',', '%2C')}::{data}"
