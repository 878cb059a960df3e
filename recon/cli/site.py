"""recon site."""

from __future__ import annotations

from pathlib import Path

import click

import recon
from recon.cli import CONTEXT
from recon.report.text import printable
from recon.runs.evidence.record import broken_record
from recon.runs.site import serving


@click.command("site", context_settings=CONTEXT)
@click.option("--outputs", default="./outputs", show_default=True, metavar="FOLDER", help="Where the run folders are.")
@click.option("--serve", is_flag=True, help="Serve it to browsers of this machine, until Ctrl-C.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=8000,
    show_default=True,
    metavar="N",
    help="With --serve: where to listen; 0: wherever there is room.",
)
def command(outputs: str, serve: bool, port: int) -> int:
    """Rebuild the stakeholders' site from the run folders, and serve it.

    Exit codes: 0, also after Ctrl-C stopped the server, 2 error.
    """
    home = recon.build_site(Path(outputs))
    click.echo(f"The site is built: {home}")
    broken = broken_record(Path(outputs))
    if broken:
        click.echo(printable(broken.words), err=True)
    if serve:
        _serve(home.parent, port)
    return 0


def _serve(site: Path, port: int) -> None:
    with serving(site, port) as server:
        click.echo(f"Serving it at http://127.0.0.1:{server.server_port}/ until Ctrl-C")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            click.echo("\nStopped.")
