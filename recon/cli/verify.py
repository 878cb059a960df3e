"""recon verify."""

from __future__ import annotations

import os

import click

import recon
from recon.cli import CONTEXT
from recon.errors import OutputError
from recon.report import FORMATS, plan_outputs, write_reports
from recon.report.console import Console
from recon.report.github import publish

FAIL_ON = ("failure", "warning")
SUFFIXES = ", ".join(f"{chosen.suffix} for {name}" for name, chosen in FORMATS.items() if name != "markdown")


@click.command("verify", context_settings=CONTEXT)
@click.option(
    "-b",
    "--bundle",
    required=True,
    metavar="PATH",
    help="Path to migration bundle: a folder, .zip, .tar.gz or .json.gz.",
)
@click.option(
    "-o",
    "--output",
    "places",
    multiple=True,
    metavar="FILE",
    help="Output report path, or - for standard output. With several formats: one for each, in order, or one for "
    f"all, which gets each format's suffix.  [default: ./verification-report.md, {SUFFIXES}]",
)
@click.option(
    "-f",
    "--format",
    "format_names",
    type=click.Choice(list(FORMATS)),
    multiple=True,
    default=("markdown",),
    help="Output format; may be repeated.  [default: markdown]",
)
@click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings.")
@click.option(
    "--database",
    metavar="NAME",
    help="Environment variable that holds the URL, a file, or a URL without password.  [default: DATABASE_URL]",
)
@click.option(
    "--expectations",
    multiple=True,
    metavar="FOLDER",
    help="Suites of your own over the shipped ones; may be given several times.",
)
@click.option("--profile", metavar="FILE", help="Profile of another application.  [default: the built-in one]")
@click.option("--allow-dry-run", is_flag=True, help="Verify the bundle of a dry run all the same.")
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help="Longest wait for the database to open and for its next rows.  [default: 5 to connect, none for rows]",
)
@click.option(
    "--evidence-rows",
    type=click.IntRange(min=1, max=1_000_000),
    default=1000,
    show_default=True,
    metavar="N",
    help="Violating rows kept for each check.",
)
@click.option("--show-pii", is_flag=True, help="Do not mask names, e-mail addresses and phone numbers.")
@click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="failure",
    show_default=True,
    help="What makes the exit code 1.",
)
def command(  # noqa: PLR0913, PLR0917 - one parameter for each option
    bundle: str,
    places: tuple[str, ...],
    format_names: tuple[str, ...],
    verbose: bool,
    database: str | None,
    expectations: tuple[str, ...],
    profile: str | None,
    allow_dry_run: bool,
    timeout: float | None,
    evidence_rows: int,
    show_pii: bool,
    fail_on: str,
) -> int:
    """Verify a migration: bundle and database in, verdict out.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    outputs = plan_outputs(format_names, places)
    err = any(output.is_stdout for output in outputs)
    console = Console(verbose=verbose, err=err)
    options = recon.VerifyOptions(
        bundle=bundle,
        database=database,
        expectations=expectations,
        profile=profile,
        evidence_rows=evidence_rows,
        show_pii=show_pii,
        allow_dry_run=allow_dry_run,
        timeout_s=timeout,
    )
    try:
        verification = recon.verify(options, console)
    except BaseException:
        console.wipe_progress()
        raise
    console.report_writing()
    unwritten = write_reports(verification, outputs, fail_on=fail_on)
    console.finished(verification, *(output.words for output in outputs if output not in unwritten))
    publish(verification, os.environ, err=err)
    if unwritten:
        raise OutputError.of(list(unwritten.values()))
    return exit_code(verification, fail_on)


def exit_code(verification: recon.Verification, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if asked, warned), 2 INCOMPLETE."""
    if verification.verdict == "PASSED":
        return int(fail_on == "warning" and verification.summary.warnings > 0)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
