"""Options that several commands share, and the exit code that they share too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Verification

F = TypeVar("F", bound="Callable[..., Any]")
FAIL_ON = ("failure", "warning")

bundle_option = click.option(
    "-b",
    "--bundle",
    required=True,
    metavar="PATH",
    help="Path to migration bundle: a folder, .zip, .tar.gz or .json.gz.",
)
JUDGING = (
    click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings."),
    click.option(
        "--database",
        metavar="NAME",
        help="Environment variable that holds the URL, a file, or a URL without password.  [default: DATABASE_URL]",
    ),
    click.option(
        "--expectations",
        multiple=True,
        metavar="FOLDER",
        help="Suites of your own over the shipped ones; may be given several times.",
    ),
    click.option(
        "--exports",
        metavar="FOLDER",
        help="Wild Apricot exports (CSV) in the place of the bundle's records.  [default: those in the bundle, where "
        "its report lists none]",
    ),
    click.option("--profile", metavar="FILE", help="Profile of another application.  [default: the built-in one]"),
    click.option("--allow-dry-run", is_flag=True, help="Verify the bundle of a dry run all the same."),
    click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="Longest wait for the database to open and for its next rows.  [default: 5 to connect, none for rows]",
    ),
    click.option(
        "--evidence-rows",
        type=click.IntRange(min=1, max=1_000_000),
        default=1000,
        show_default=True,
        metavar="N",
        help="Violating rows kept for each check.",
    ),
    click.option("--show-pii", is_flag=True, help="Do not mask names, e-mail addresses and phone numbers."),
    click.option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        default="failure",
        show_default=True,
        help="What makes the exit code 1.",
    ),
)


def judging_options(command: F) -> F:
    """Add the options that say what is verified and how."""
    for option in reversed(JUDGING):
        command = option(command)
    return command


def exit_code(verification: Verification, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if asked, warned), 2 INCOMPLETE."""
    if verification.verdict == "PASSED":
        return int(fail_on == "warning" and verification.summary.warnings > 0)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
