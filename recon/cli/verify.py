"""recon verify."""

from __future__ import annotations

from pathlib import Path

import click

import recon
from recon.cli import CONTEXT
from recon.report import FORMATS, check_output
from recon.report.console import Console

FAIL_ON = ("failure", "warning")


@click.command("verify", context_settings=CONTEXT)
@click.option("-b", "--bundle", required=True, metavar="FOLDER", help="Path to migration bundle.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    help="Output report path.  [default: ./verification-report.md, .json for json]",
)
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice(list(FORMATS)),
    default="markdown",
    show_default=True,
    help="Output format.",
)
@click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings.")
@click.option(
    "--database",
    metavar="NAME",
    help="Environment variable that holds the URL, a file, or a URL without password.  [default: DATABASE_URL]",
)
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
    output: str | None,
    format_name: str,
    verbose: bool,
    database: str | None,
    allow_dry_run: bool,
    timeout: float | None,
    evidence_rows: int,
    show_pii: bool,
    fail_on: str,
) -> int:
    """Verify a migration: bundle and database in, verdict out.

    Exit codes: 0 all checks passed, 1 one or more checks failed, 2 error or incomplete, 130 interrupted.
    """
    target = output or FORMATS[format_name].default_output
    check_output(Path(target))
    console = Console(verbose=verbose)
    options = recon.VerifyOptions(
        bundle=bundle,
        database=database,
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
    recon.write_report(verification, format_name, Path(target))
    console.finished(verification, target)
    return exit_code(verification, fail_on)


def exit_code(verification: recon.Verification, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if asked, warned), 2 INCOMPLETE."""
    if verification.verdict == "PASSED":
        return int(fail_on == "warning" and verification.summary.warnings > 0)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
