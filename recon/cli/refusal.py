"""A command whose libraries cannot be loaded: it reads only where its error is to be seen, and ends with it."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, NoReturn

import click

from recon.cli.failures import failure_plan
from recon.errors import ReconError

LENIENT = {"ignore_unknown_options": True, "allow_extra_args": True}
# The options that say where an error is to be seen, as the commands declare them.
SHARED = (
    click.Option(["-b", "--bundle"]),
    click.Option(["--database"]),
    click.Option(["--profile"]),
    click.Option(["--show-pii"], is_flag=True),
)
PLACES = {
    "verify": (
        click.Option(["-o", "--output", "places"], multiple=True),
        click.Option(["-f", "--format", "format_names"], multiple=True, default=("markdown",)),
        *SHARED,
    ),
    "run": (
        click.Option(["--outputs"], default="outputs"),
        click.Option(["--only"], multiple=True),
        click.Option(["--skip"], multiple=True),
        *SHARED,
    ),
}


def refusing(name: str, error: Exception) -> click.Command:
    """Return a command in the place of `name` that raises `error`, after it has stated where that is to be seen."""

    def refuse(bundle: str | None = None, **given: Any) -> NoReturn:
        if given:
            plan = failure_plan()
            with suppress(ImportError, MemoryError, ReconError):
                plan.expect(bundle or "", given)
            # Which of them is the bundle is not known, and an error replaces no input.
            plan.inputs = (*plan.inputs, *click.get_current_context().args)
        raise error

    params: list[click.Parameter] = [*PLACES.get(name, ())]
    return click.Command(name, context_settings=LENIENT, params=params, callback=refuse, add_help_option=False)
