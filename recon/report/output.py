"""Where reports are written: one place per format, checked before the work and written completely or not at all."""

from __future__ import annotations

import os
import stat
import sys
from collections import Counter
from dataclasses import dataclass
from functools import cache, partial
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import OutputError, UsageError
from recon.report.files import replaced_file
from recon.report.formats import EVERY_FORMAT, FORMATS, TABLE_FORMATS
from recon.report.progress_line import LINE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from recon.model import Verification
    from recon.report.commands import ShowCommand
    from recon.report.failure import Failure
    from recon.report.workbook.contents import Workbook

STDOUT = "-"


@dataclass(frozen=True)
class Output:
    """One report to be written: its format and its place, a path as the user wrote it or "-"."""

    format_name: str
    place: str

    @property
    def is_stdout(self) -> bool:
        """Whether it is written to standard output."""
        return self.place == STDOUT

    @property
    def words(self) -> str:
        """The place, for messages."""
        return "standard output" if self.is_stdout else self.place

    @property
    def is_tables(self) -> bool:
        """Whether it is several tables, not one text."""
        return self.format_name in TABLE_FORMATS

    @property
    def is_folder(self) -> bool:
        """Whether it is a folder of several files."""
        return self.is_tables and TABLE_FORMATS[self.format_name].is_folder(self.place)


def plan_outputs(format_names: Sequence[str], places: Sequence[str], default: str | None = None) -> tuple[Output, ...]:
    """Determine where each format is written, checked before the work.

    Args:
        format_names: The formats asked for, in order.
        places: None given: every format's default; as many as formats: one each, in order; one for several formats:
            that path with each format's suffix.
        default: The path of a report without its suffix, where no place is given; None: that of a verification.

    Raises:
        UsageError: The numbers do not match, or two reports would be written to the same place.
        OutputError: A place cannot be written to.
    """
    outputs = placed(format_names, places, default)
    for output in outputs:
        check_place(output)
    return outputs


def placed(format_names: Sequence[str], places: Sequence[str], default: str | None = None) -> tuple[Output, ...]:
    """The place of each format, as `plan_outputs` determines it, not checked yet.

    Raises:
        UsageError: The numbers do not match, or two reports would be written to the same place.
    """
    derived = _derived(format_names, default) if default and not places else _places(format_names, places)
    outputs = tuple(map(Output, format_names, derived))
    for output in outputs:
        require_file(output)
    _refuse_collisions(outputs)
    return outputs


def _places(format_names: Sequence[str], places: Sequence[str]) -> Sequence[str]:
    if not places:
        return [EVERY_FORMAT[name].default_output for name in format_names]
    if len(places) == len(format_names):
        return places
    if len(places) > 1:
        raise UsageError(
            "The outputs do not fit the formats",
            where="--output",
            expected=f"none, one, or as many as formats ({len(format_names)})",
            found=str(len(places)),
            next_step="Repeat --output once for each --format, in the same order",
        )
    return _derived(format_names, places[0])


def _derived(format_names: Sequence[str], place: str) -> Sequence[str]:
    """One path per format: the suffix of a format is replaced, any other end of the name is kept."""
    if place == STDOUT:
        return [STDOUT] * len(format_names)
    if Path(place).is_dir() or place.endswith(("/", os.sep)):
        raise _is_a_folder(place)
    stem = next((place.removesuffix(f.suffix) for f in EVERY_FORMAT.values() if place.endswith(f.suffix)), place)
    return [stem + EVERY_FORMAT[name].suffix for name in format_names]


def require_file(output: Output, one_text: str = "csv-long") -> None:
    """Require that tables go to files; `one_text` is the format to choose instead.

    Raises:
        UsageError: They are to go to standard output.
    """
    if output.is_tables and output.is_stdout:
        folder = "a folder or a .zip" if TABLE_FORMATS[output.format_name].may_be_folder else "a file"
        raise UsageError(
            f"{output.format_name} is no text for standard output",
            where="--output -",
            expected=folder,
            found="standard output",
            next_step=f"Choose {folder} with --output, or --format {one_text} for one text",
        )


def _refuse_collisions(outputs: Sequence[Output]) -> None:
    files = [STDOUT if output.is_stdout else os.path.realpath(output.place) for output in outputs]
    twice = next((file for file, times in Counter(files).items() if times > 1), None)
    if twice is None:
        return
    names = [output.format_name for output, file in zip(outputs, files, strict=True) if file == twice]
    raise UsageError(
        "Two reports would go to one place",
        where="standard output" if twice == STDOUT else outputs[files.index(twice)].place[:300],
        expected="one format",
        found=", ".join(names),
        next_step="Repeat --output once for each --format, in the same order, with a name of its own",
    )


def check_place(output: Output) -> None:
    """Ensure, before the work, that a report can be written to its place; a folder that does not exist is made.

    Raises:
        OutputError: It cannot.
    """
    if output.is_folder:
        check_folder(Path(output.place))
    elif output.place.endswith(("/", os.sep)):
        raise _is_a_folder(output.place)
    elif not output.is_stdout:
        check_output(Path(output.place))
    elif sys.stdout is None:
        raise OutputError("Standard output is closed", where="--output -", next_step="Choose a file with --output")


def check_folder(path: Path) -> None:
    """Ensure, before the work, that a folder of tables can be written: a new one, an empty one, or one of them.

    Raises:
        OutputError: It cannot, or holds something else, which would be lost.
    """
    if path.is_file():
        raise OutputError(
            "The output is a file",
            where=str(path)[:300],
            expected="a folder, or a name that ends in .zip",
            next_step="Choose another --output, or --format csv-long for one file",
        )
    if not path.is_dir():
        check_output(path)
    elif not import_module("recon.report.workbook.csv_files").is_replaceable(path):
        raise OutputError(
            "The folder holds something else",
            where=str(path)[:300],
            expected="a new folder, an empty one, or one with tables of recon",
            found=", ".join(sorted(each.name for each in path.iterdir())[:5])[:200],
            next_step="Choose another --output",
        )


def check_output(path: Path) -> None:
    """Ensure, before the work, that a report can be written to `path`; a folder that does not exist is made.

    Raises:
        OutputError: Its folder cannot be made or written to, or `path` is a folder.
    """
    try:
        _check_output(path)
    except (OSError, RuntimeError) as error:
        raise OutputError(
            "The output cannot be used",
            where=str(path)[:300],
            found=getattr(error, "strerror", None) or str(error),
            next_step="Choose another --output",
        ) from error


def _check_output(path: Path) -> None:
    if path.is_dir():
        raise _is_a_folder(str(path))
    # A link is followed: the report is written to its target.
    _refuse_foreign_link(path)
    folder = path.resolve().parent
    _make_folder(folder)
    if path.exists() and not path.is_file():
        raise OutputError("The output is a device or a pipe", where=str(path), expected="a file")
    if not os.access(folder, os.W_OK):
        raise OutputError("The output cannot be written to", where=str(path), next_step="Choose another --output")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise OutputError(
            "The output's folder cannot be made",
            where=str(folder)[:300],
            expected="a folder",
            found="a file",
            next_step="Choose another with --output",
        ) from error


def _is_a_folder(place: str) -> OutputError:
    return OutputError("The output is a folder", where=place, expected="a file", next_step="Add a file name")


def write_reports(  # noqa: PLR0913 - what every report needs
    verification: Verification,
    outputs: Sequence[Output],
    *,
    fail_on: str = "failure",
    tables: Callable[[], Workbook] | None = None,
    command: ShowCommand | None = None,
    starting: Callable[[Output, int, int], object] = lambda *_: None,
) -> dict[Output, OutputError]:
    """Write each report; a failure does not keep the others from being written.

    Args:
        verification: What to render.
        outputs: Each with its format and place, as planned.
        fail_on: "warning" where a warning counts as a failure, as for the exit code.
        tables: Makes the tables of the formats that have some; None: of the rows that the verification kept.
        command: What shows the rows that a report leaves out; None: nothing does.
        starting: Called before each report with its place, its number from 1 on, and the number of reports.

    Returns:
        The error of each output that was not written.
    """
    unwritten = {}
    made = cache(tables or partial(_kept_tables, verification))
    for number, output in enumerate(outputs, 1):
        starting(output, number, len(outputs))
        try:
            if output.is_tables:
                write_tables(made(), output)
            else:
                deliver(_text(verification, output.format_name, fail_on, command), output)
        except OutputError as error:
            unwritten[output] = error
    return unwritten


def _kept_tables(verification: Verification) -> Workbook:
    workbook: Workbook = import_module("recon.report.workbook.contents").kept_workbook(verification)
    return workbook


def write_tables(workbook: Workbook, output: Output) -> None:
    """Write tables to their place, completely or not at all; an existing file, or a folder of tables, is replaced.

    Raises:
        OutputError: They cannot be written.
    """
    try:
        _write_workbook(workbook, output)
    except OSError as error:
        raise _unwritten(output.place, error) from error


def _write_workbook(workbook: Workbook, output: Output) -> None:
    writing = import_module("recon.report.workbook.writing")
    writing.write_workbook(workbook, output.format_name, Path(output.place), as_folder=output.is_folder)


def deliver(text: str, output: Output) -> None:
    """Write a report's text to its place, completely or not at all; an existing file is replaced.

    Raises:
        OutputError: It cannot be written.
    """
    if output.is_stdout:
        _print(text)
    else:
        _write_file(text, Path(output.place))


def _refuse_foreign_link(path: Path) -> None:
    """Refuse a link that another user may have put in the place of the report, to have a file of one's own replaced.

    Raises:
        OutputError: It is a link in a folder that others may write to, unless it is of this user, and only its owner
            may put another in its place.
    """
    try:
        link, folder = path.lstat(), path.parent.stat()
    except OSError:
        return
    if not stat.S_ISLNK(link.st_mode):
        return
    is_own = link.st_uid == os.geteuid()
    others = folder.st_mode & (stat.S_IWOTH | (0 if is_own else stat.S_IWGRP))
    if others and not (is_own and folder.st_mode & stat.S_ISVTX):
        raise OutputError(
            "The report's place is a link in a folder that others may write to",
            where=str(path)[:300],
            expected="a file, or a link in a folder of your own",
            found=f"a link to {str(path.readlink())[:200]}",
            next_step="Name the file itself, or choose another --output",
        )


def write_report(verification: Verification, format_name: str, path: Path, *, fail_on: str = "failure") -> None:
    """Write the report to `path`, completely or not at all; an existing file is replaced.

    Args:
        verification: What to render.
        format_name: One of `FORMATS` or `TABLE_FORMATS`.
        path: A file; a link is followed.
        fail_on: "warning" where a warning counts as a failure, as for the exit code.

    Raises:
        OutputError: The file cannot be written.
    """
    if format_name in TABLE_FORMATS:
        write_tables(_kept_tables(verification), Output(format_name, str(path)))
    else:
        _write_file(_text(verification, format_name, fail_on), path)


def _write_file(text: str, path: Path) -> None:
    _refuse_foreign_link(path)
    try:
        replace_file(path.resolve(), text)
    except OSError as error:
        raise _unwritten(str(path), error) from error


def _unwritten(place: str, error: OSError) -> OutputError:
    return OutputError(
        "The report cannot be written", where=place, found=error.strerror, next_step="Choose another --output"
    )


def write_failure(failure: Failure, output: Output) -> None:
    """Write an error in the place of the report, completely or not at all; an older report is replaced.

    Raises:
        OutputError, OSError: It cannot be written.
    """
    if output.is_tables:
        check_place(output)
        workbook = import_module("recon.report.workbook.contents").failed_workbook(failure)
        _write_workbook(workbook, output)
        return
    text = import_module("recon.report.failure").RENDERERS[output.format_name](failure)
    if not output.is_stdout:
        check_place(output)
        replace_file(Path(output.place).resolve(), text)
    elif sys.stdout is not None:
        _print(text)


def misleading(outputs: Sequence[Output]) -> Iterator[str]:
    """A sentence for each file whose suffix is that of another format than the one that is written to it."""
    by_suffix = {chosen.suffix: name for name, chosen in EVERY_FORMAT.items()}
    for output in outputs:
        named = None if output.is_stdout else by_suffix.get(Path(output.place).suffix.lower())
        holds = "be a folder of" if output.is_folder else "hold"
        if named and named != output.format_name:
            yield (
                f"Note: {output.place} will {holds} {output.format_name}, as --format says, whatever its suffix; for "
                f"{named} use --format {named}"
            )


def _text(verification: Verification, format_name: str, fail_on: str, command: ShowCommand | None = None) -> str:
    chosen = FORMATS[format_name]
    if chosen.names_rest:
        return chosen.render(verification, command)
    strictly = chosen.render_strictly if fail_on == "warning" else None
    return (strictly or chosen.render)(verification)


def _print(text: str) -> None:
    """Print the report as bytes, whatever the encoding of the terminal."""
    LINE.wipe()
    try:
        sys.stdout.buffer.write(text.encode())
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        # The reader is gone, as with `| head`: it has what it needs, and the verdict still counts.
        sys.stdout = None
    except OSError as error:
        sys.stdout = None
        raise OutputError(
            "The report cannot be written",
            where="standard output",
            found=error.strerror,
            next_step="Choose a file with --output",
        ) from error


def replace_file(path: Path, text: str) -> None:
    """Write a text to `path`, completely or not at all; an existing file is replaced.

    Raises:
        OSError: The file cannot be written.
    """
    with replaced_file(path) as temporary:
        temporary.write_bytes(text.encode())
