"""recon evidence."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

import recon
from recon.cli import CONTEXT
from recon.cli.assessing import reporting_options
from recon.cli.options import PATH
from recon.report.text import printable

if TYPE_CHECKING:
    from recon.cli.assessing import Assessing

folder_argument = click.argument("folder", type=PATH, metavar="FOLDER")


@click.group("evidence", context_settings=CONTEXT)
def command() -> None:
    """Verify that a folder is as it was written, and sign it."""


@command.command("verify", context_settings=CONTEXT)
@folder_argument
@click.option(
    "--signers",
    type=PATH,
    metavar="FILE",
    help="Who may approve, as ssh-keygen's allowed signers: at least one of them signed.  [default: not asked]",
)
@reporting_options("./evidence-report", "Evidence")
def verify(folder: str, signers: str | None) -> Assessing:
    """Say what changed since FOLDER was written, whether it is recorded, and who signed it.

    FOLDER is that of a run, of a preflight or of a rollback; nothing is written to it.

    Exit codes: 0 as it was written, 1 changed or not signed, 2 error or incomplete, 130 interrupted.
    """
    options = recon.EvidenceOptions(folder, signers)
    return lambda listener: recon.verify_evidence(options, listener)


@command.command("sign", context_settings=CONTEXT)
@folder_argument
@click.option("--key", type=PATH, required=True, metavar="FILE", help="Your private key, as ssh-keygen wrote it.")
@click.option("--by", required=True, metavar="NAME", help="You, as the allowed signers name you.")
def sign(folder: str, key: str, by: str) -> int:
    """Sign what FOLDER holds: another person than who ran it, after having looked at it.

    Exit codes: 0 signed, 2 error and nothing signed.
    """
    signed = recon.sign_evidence(recon.SignOptions(folder, key, by))
    click.echo(printable(f"Signed: {signed.statement} ({signed.result}), and {signed.statement.name}.sig"))
    click.echo(printable(f"Verify it: recon evidence verify {folder} --signers FILE"))
    return 0
