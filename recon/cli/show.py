"""recon show."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from recon.cli import CONTEXT
from recon.cli.asking import opened
from recon.cli.options import PATH, each_offered
from recon.errors import UsageError, suggest
from recon.model import ENTITIES, SINGULAR
from recon.report.commands import TABLE_ROWS
from recon.report.frames import FRAME_FORMATS, frames_text
from recon.report.output import STDOUT, Output, check_place, deliver, require_file, write_tables

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import polars as pl

    from recon.answers.answers import Answers

WORKBOOK = "xlsx"
OF_ENTITIES = ("missing", "unexpected", "altered", "skipped", "rejected", "merged")
ONE = {singular: entity for entity, singular in SINGULAR.items()}
TO_FIX = "to-fix"
ALONE = ("checks", "causes", "associations", TO_FIX, "tables")
QUESTIONS = (*OF_ENTITIES, *ONE, "check", *ALONE)


@click.command("show", context_settings=CONTEXT)
@click.argument("judged", type=PATH, metavar="RUN|BUNDLE")
@click.argument("question", required=False, metavar="[QUESTION]")
@click.argument("name", required=False, metavar="[NAME]")
@click.option("--field", metavar="NAME", help="Of altered records, only the values of this field.")
@click.option("--to-fix", is_flag=True, help="The question to-fix: what the source has to say otherwise.")
@click.option(
    "-f",
    "--format",
    "format_name",
    type=click.Choice([*FRAME_FORMATS, WORKBOOK]),
    default="table",
    show_default=True,
    help="How the rows are written; xlsx is a workbook, and needs --output.",
)
@click.option(
    "-o",
    "--output",
    "place",
    type=click.Path(readable=False, allow_dash=True),
    default=STDOUT,
    metavar="FILE",
    help="Where they are written.  [default: standard output]",
)
@click.option(
    "--rows",
    type=click.IntRange(1),
    default=TABLE_ROWS,
    show_default=True,
    metavar="N",
    help="Rows of a table to write.",
)
@each_offered
def command(**given: Any) -> int:
    """Show which records and rows a verdict is about, who they are, and why.

    Questions: missing, unexpected, altered, skipped, rejected or merged, each of members, events or registrations;
    member, event or registration KEY (a Wild Apricot id, an id of the database, an address, a name); check ID; checks;
    causes; associations; to-fix; tables (what can be asked by SQL from Python). Of a run nothing but its folder is
    read.

    Exit codes: 0 shown, 2 error, 130 interrupted.
    """
    asked, name, field = (
        _asked(given.pop("question"), to_fix=given.pop("to_fix")),
        given.pop("name"),
        given.pop("field"),
    )
    format_name, rows = given.pop("format_name"), given.pop("rows")
    answer, output = _question(asked, name, field), _output(format_name, given.pop("place"))
    with opened(Path(given.pop("judged")), given) as answers:
        frames = answer(answers)
        if output.is_tables:
            _write_workbook(_title(asked, name), frames, answers, output, masked=not given["show_pii"])
        else:
            deliver(frames_text(frames, format_name, rows), output)
    return 0


def _asked(question: str | None, *, to_fix: bool) -> str:
    """The question; without one, which checks there are.

    Raises:
        UsageError: There are two.
    """
    if to_fix and question not in (None, TO_FIX):
        raise UsageError("There are two questions", where="--to-fix", expected="one", found=repr(question)[:60])
    return TO_FIX if to_fix else question or "checks"


def _output(format_name: str, place: str) -> Output:
    """Where the answer goes; what is not a workbook is one text.

    Raises:
        UsageError, OutputError: It cannot go there.
    """
    output = Output(format_name if format_name == WORKBOOK else "text", place)
    require_file(output, one_text="csv")
    check_place(output)
    return output


def _title(asked: str, name: str | None) -> str:
    return f"{asked} {name or ''}".replace("_", " ").strip().capitalize()


def _write_workbook(
    title: str, frames: Mapping[str, pl.DataFrame], answers: Answers, output: Output, *, masked: bool
) -> None:
    answered = import_module("recon.answers.workbook").answered_workbook
    write_tables(answered(title, frames, answers, masked=masked), output)


def _question(asked: str, name: str | None, field: str | None) -> Callable[[Answers], dict[str, pl.DataFrame]]:
    """Return what answers the question, by title.

    Raises:
        UsageError: There is no such question, or it lacks its name.
    """
    if asked not in QUESTIONS:
        raise UsageError(
            "There is no such question",
            expected=", ".join(QUESTIONS),
            found=repr(asked[:60]),
            next_step=suggest(asked, QUESTIONS),
        )
    if field is not None and asked != "altered":
        raise UsageError("Only altered records are asked for by field", where="--field", found=asked)
    if asked in ALONE:
        _require_none(asked, name)
        return {
            "checks": lambda answers: {"": answers.checks.frame},
            "causes": lambda answers: {"": answers.causes},
            "associations": lambda answers: {"": answers.associations},
            TO_FIX: lambda answers: {"": answers.to_fix()},
            "tables": lambda answers: {"": answers.tables},
        }[asked]
    named = _require(asked, name)
    if asked == "check":
        return lambda answers: {answers.checks[named].message: answers.violations(named)}
    if asked in ONE:
        return lambda answers: answers.entity(ONE[asked], named).parts
    if asked == "altered":
        return lambda answers: {"": answers.altered(named, field)}
    return lambda answers: {"": getattr(answers, asked)(named)}


def _require(asked: str, name: str | None) -> str:
    if name:
        return name
    expected = "a check" if asked == "check" else "a key" if asked in ONE else f"one of {', '.join(ENTITIES)}"
    raise UsageError("The question lacks its name", where=asked, expected=expected, found="nothing")


def _require_none(asked: str, name: str | None) -> None:
    if name:
        raise UsageError("The question takes no name", where=asked, expected="nothing", found=repr(name[:60]))
