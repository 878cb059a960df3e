"""Writes the tables and the output of runbook.md, between its markers, from what recon uses and prints."""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from textwrap import dedent, wrap
from typing import TYPE_CHECKING

import click
from pages import recon, with_blocks, with_lists, with_table
from readme_output import BUNDLE, PLACEHOLDERS, check_rows, output_of

from recon import load_checks
from recon.bundle.formats import CONFIG, POLICIES, REPORT
from recon.cli import COMMANDS
from recon.preflight.people import checklist
from recon.verification.advice import load_advice
from recon.verification.advice_table import Issues

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PAGE = Path(__file__).with_name("runbook.md")
# The most characters of a line of output that fit an A4 page.
WIDTH = 84
TAG = re.compile(r"\[\w+\] ")
# The checks that the runbook names come first, in its order.
NAMED = 8
FAULTS = "one-tier,low-tier-coverage"
# The title of the check that each of the runbook's issues (3.6) is about.
ISSUES = {
    "count-mismatch": "Member Count",
    "low-tier-coverage": "Tier Coverage",
    "one-tier": "Tier Distribution",
}
SITUATIONS = ("minor", "major", "corruption", "loss", "warned", "incomplete", "unrelated", "dry_run", "rolled_back")
# What leads to an issue that is not the one of the check's suite.
LOST = {"loss": [("ID Mappings", "Rows that earlier runs mapped are not in the database")]}
FILES = ((REPORT, "Required"), (POLICIES, "Optional"), (CONFIG, "Optional"))


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_output(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The page's text with the tables and the output of the current version."""
    for name, rows in tables().items():
        text = with_table(text, name, rows)
    return with_lists(with_blocks(text, blocks()), lists())


def tables() -> dict[str, Sequence[Sequence[str]]]:
    """A header and rows, by the name of each table's markers."""
    failures = [(title, meaning, action) for title, _, meaning, action, _ in check_rows()[1:]]
    header = ("Check", "Failure Meaning", "Action")
    return {
        "failures": [header, *failures[:NAMED]],
        "other-failures": [header, *failures[NAMED:]],
        "situations": [("Situation", "Action"), *situations()],
        "contacts": [("Issue", "Contact", "Priority"), *contacts()],
        "options": [("Option", "Short", "Description", "Default"), *option_rows()],
        "exit-codes": [("Code", "Meaning"), *exit_codes()],
    }


def blocks() -> dict[str, tuple[str, str]]:
    """The language and content of each block, by the name of its markers."""
    printed = {name: tier_output() for name in ISSUES} | {"count-mismatch": output_of("faulty")}
    issues = {name: ("", folded(about(title, printed[name]))) for name, title in ISSUES.items()}
    return issues | {"clean": ("", folded(output_of("clean"))), "bundle": ("", tree())}


def lists() -> dict[str, str]:
    """Markdown by the name of its markers."""
    with TemporaryDirectory() as empty:
        boxes = "\n".join(f"- {fact.label}" for fact in checklist(empty))
    steps = {f"{name}-steps": "\n".join(guidance(title)) for name, title in ISSUES.items()}
    return steps | {"checklist": boxes, "escalate": "\n".join(reasons()).strip()}


@cache
def tier_output() -> str:
    """What `recon verify` prints for the club whose tiers are wrong in two ways."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", ".", "--faults", FAULTS)
        return recon(folder, "verify", "--bundle", f"./{BUNDLE}", "--database", "club.db")


def about(title: str, printed: str) -> str:
    """The lines about a check, without the command that asks for more."""
    (found,) = re.findall(rf"^  \[\w+\] {title}: .*\n(?:   .*\n)*", printed, flags=re.MULTILINE)
    shown = [line for line in found.splitlines(keepends=True) if not line.lstrip().startswith("recon ")]
    return dedent("".join(shown))


def folded(printed: str) -> str:
    """The same lines, each no longer than a printed page is wide."""
    return "".join(f"{part}\n" for line in printed.splitlines() for part in folded_line(line))


def folded_line(line: str) -> list[str]:
    """The line in parts, which begin where its message does."""
    margin = len(line) - len(line.lstrip())
    tag = TAG.match(line.lstrip())
    hanging = " " * (margin + (len(tag[0]) if tag else 0))
    return wrap(line, WIDTH, subsequent_indent=hanging, break_long_words=False, break_on_hyphens=False) or [""]


def guidance(title: str) -> Iterator[str]:
    """What the rule of that title says about diagnosis and resolution."""
    found = next(rule.guidance for rule in load_checks() if rule.title == title)
    yield "**Diagnosis**:\n"
    yield from (f"{number}. {step}" for number, step in enumerate(found.diagnosis, 1))
    yield "\n**Resolution**:\n"
    yield from (f"- {step}" for step in found.resolution)


def situations() -> Iterator[tuple[str, str]]:
    """The runbook's situations with their actions, then what else the output may say of these and of the others."""
    table = load_advice().situations
    found = [getattr(table, name) for name in SITUATIONS]
    runbooks, others = [each for each in found if each.escalated], [each for each in found if not each.escalated]
    yield from ((each.name, each.action) for each in runbooks)
    yield from ((each.name, each.escalated) for each in runbooks)
    yield from ((each.name, each.action) for each in others)


def contacts() -> Iterator[tuple[str, str, str]]:
    """Each issue, its contact and its priority, the least urgent first."""
    for issue in (getattr(load_advice().issues, name) for name in reversed(Issues.__struct_fields__)):
        yield issue.name, issue.contact, issue.priority


def reasons() -> Iterator[str]:
    """Whom a verification escalates to, and for which check why."""
    advice = load_advice()
    found = [(rule.issue, rule.title, rule.escalate) for rule in load_checks() if rule.escalate]
    for name in reversed(Issues.__struct_fields__):
        own = [(title, reason) for issue, title, reason in found if issue == name] + LOST.get(name, [])
        if own:
            issue = getattr(advice.issues, name)
            yield f"Escalate to: {issue.contact} (priority: {issue.priority}) if:\n"
            yield from (f"- {title}: {PLACEHOLDERS.sub('', reason)}" for title, reason in own)
        if name == "failure":
            yield "- More than one independent check fails (`Multiple verification failures` in the output)"
            yield "- Rollback is required"
        if own:
            yield ""


def option_rows() -> Iterator[tuple[str, str, str, str]]:
    """Every option of `recon verify`, the bundle first."""
    command = import_module(COMMANDS["verify"][0]).command
    context = click.Context(command, **command.context_settings)
    for option in sorted(command.get_params(context), key=lambda each: each.name != "bundle"):
        _, words = option.get_help_record(context)
        stated = re.search(r"\[default: (.*?)(?:; \S+)?\]", words)
        default = stated[1] if stated else "false" if option.is_flag and option.expose_value else "-"
        described = words.partition("  [")[0]
        if isinstance(option.type, click.Choice):
            described += f" One of: {', '.join(option.type.choices)}."
        short, long = sorted(option.opts, key=len) if len(option.opts) > 1 else ("", *option.opts)
        yield f"`{long}`", f"`{short}`" if short else "", described, default


def exit_codes() -> list[tuple[str, str]]:
    """Each exit code of `recon verify`, with its meaning."""
    declared = import_module(COMMANDS["verify"][0]).command.help.partition("Exit codes: ")[2]
    return [(code, meaning.capitalize()) for code, meaning in re.findall(r"(\d+) ([^,.]+)", " ".join(declared.split()))]


def tree() -> str:
    """The files of a bundle."""
    lines = ["migration-bundle/"]
    for name, need in FILES:
        lines.append(f"{'└' if name == FILES[-1][0] else '├'}── {name:<24}# {need}")
    return "".join(f"{line}\n" for line in lines)


if __name__ == "__main__":
    main()
