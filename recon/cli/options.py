"""Options and the exit code that several commands share."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar, cast

import click

from recon.verification.options import OPTIONS, VerifyOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.model import Verification
    from recon.verification.options import Option

F = TypeVar("F", bound="Callable[..., Any]")
FAIL_ON = ("failure", "warning")

bundle_option = click.option(
    "-b",
    "--bundle",
    required=True,
    metavar="PATH",
    help="Path to migration bundle: a folder, .zip, .tar.gz or .json.gz.",
)
verbose_option = click.option("-v", "--verbose", is_flag=True, help="Verbose output: tables, guarantees, timings.")
fail_on_option = click.option(
    "--fail-on",
    type=click.Choice(FAIL_ON),
    default="failure",
    show_default=True,
    help="What makes the exit code 1.",
)


def judging_options(command: F) -> F:
    """Add the options for what is verified and how; the command receives them, with the bundle, as `options`."""

    @wraps(command)
    def judging(bundle: str, **given: Any) -> int:
        options = VerifyOptions(bundle, **{name: given.pop(name) for name in OPTIONS})
        return int(command(options=options, **given))

    for add in reversed([verbose_option, *map(offered, OPTIONS), fail_on_option]):
        judging = add(judging)
    return cast("F", judging)


def offered(name: str) -> Callable[[F], F]:
    """The declared option of that name as a click option, with the field's default."""
    option, default = OPTIONS[name], VerifyOptions.__dataclass_fields__[name].default
    if option.kind is bool:
        return click.option(option.flag, name, is_flag=True, help=option.help)
    return click.option(
        option.flag,
        name,
        type=_click_type(option),
        multiple=option.is_many,
        default=default,
        show_default=option.shows_default,
        metavar=option.metavar,
        help=option.help,
    )


def _click_type(option: Option) -> Any:
    if option.kind is int:
        return click.IntRange(option.least, option.most)
    if option.kind is float:
        return click.FloatRange(option.above, min_open=True)
    return option.kind


def exit_code(verification: Verification, fail_on: str) -> int:
    """0 PASSED, 1 FAILED (or, if requested, warnings), 2 INCOMPLETE."""
    if verification.verdict == "PASSED":
        return int(fail_on == "warning" and verification.summary.warnings > 0)
    return {"FAILED": 1, "INCOMPLETE": 2}[verification.verdict]
