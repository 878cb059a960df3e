"""The errors of recon: one tree, each message in the same order: what, where, expected, found, next step.

ReconError
├── UsageError      the command line asks for something impossible
├── BundleError     the migration bundle cannot be read or is not verifiable
├── DatabaseError   the database cannot be reached or lacks what is required
├── ApiError        the source's API cannot be reached, or does not answer what was asked
│   ├── ApiRefusal             it does answer, and what it says keeps an import from reading it
│   └── ApiMisunderstanding    it does not understand the question
├── BackupError     a backup cannot be made, read or restored
├── RollbackError   a run cannot be undone, or not as planned
├── ProfileError    the profile does not describe an application
├── SuiteError      a suite of rules cannot be read
├── AcceptanceError a file of accepted differences cannot be read or written
├── OutputError     a report cannot be written
├── ResourceError   the machine lacks memory, room on a disk, or a folder for temporary files
├── ReportError     a report on disk cannot be read back
├── DecisionError   the file of what people decided is not as it was written
├── EvidenceError   a folder has no manifest, the record of runs is not as it was written, or nobody may sign
└── StepError       a part of a run cannot be produced, although the verdict was reached

A failed check is a result and never an error. All of these end a run with exit code 2.

VerificationFailedError is outside the tree: raising it is the only way for a notebook to end with an exit code.
"""

from __future__ import annotations

import errno
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence


def visible(text: str) -> str:
    """Return the text on one line, with unprintable characters, which data may contain, shown as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def suggest(word: str, choices: Iterable[str], others: Mapping[str, str] | None = None) -> str | None:
    """Return a "Did you mean …?" question with the closest of `choices`, in any case; None when none is close.

    Args:
        word: What was given.
        choices: What could have been given.
        others: Other names that people use for some of the choices.
    """
    known = {choice.casefold(): choice for choice in choices}
    meant = {name: choice for name, choice in (others or {}).items() if choice in known.values()} | known
    # Every command imports this module, but few need difflib.
    near = import_module("difflib").get_close_matches(word.casefold(), list(meant), n=1)
    return f"Did you mean {meant[near[0]]!r}?" if near else None


class ReconError(Exception):
    """Anything that keeps recon from reaching a verdict.

    Args:
        what: One sentence without a final full stop; never holds a connection string.
        where: File, JSON path or database object.
        expected: What should have been there.
        found: What was there instead.
        next_step: What the user can do about it.
    """

    title = "Error"

    def __init__(
        self,
        what: str,
        *,
        where: str | None = None,
        expected: str | None = None,
        found: str | None = None,
        next_step: str | None = None,
    ) -> None:
        self.what = what
        self.where = where
        self.expected = expected
        self.found = found
        self.next_step = next_step
        super().__init__(self.message)

    def _render_traceback_(self) -> list[str]:
        """Return what a notebook shows instead of a traceback through recon's own code."""
        return [f"{self.title}: {self.message}"]

    @property
    def message(self) -> str:
        """The whole message on one line, safe to print on a terminal."""
        place = f" ({self.where})" if self.where else ""
        comparison = ", ".join(
            f"{label} {value}" for label, value in (("expected", self.expected), ("found", self.found)) if value
        )
        sentence = f"{self.what}{place}" + (f": {comparison}" if comparison else "")
        return visible(f"{sentence}. {self.next_step}" if self.next_step else sentence)


class UsageError(ReconError):
    """The command line asks for something impossible."""

    title = "Usage error"


class BundleError(ReconError):
    """The migration bundle cannot be read or is not verifiable."""

    title = "Bundle error"


class DatabaseError(ReconError):
    """The database cannot be reached or lacks what is required."""

    title = "Database error"


class CorruptionError(DatabaseError):
    """The database says of itself that it is damaged: nothing that it holds can be relied on."""


class ApiError(ReconError):
    """The source's API cannot be reached, or does not answer what was asked: nothing is known."""

    title = "API error"


class ApiRefusal(ApiError):  # noqa: N818 - what the API says, rather than an error of its own
    """The source's API does answer, and what it says keeps an import from reading it: that is a result."""


class ApiMisunderstanding(ApiError):  # noqa: N818 - as ApiRefusal
    """The source's API does not understand the question, which another version of it may."""


class BackupError(ReconError):
    """A backup cannot be made, read or restored; what a backup lacks is a failed check instead."""

    title = "Backup error"


class RollbackError(ReconError):
    """A run cannot be undone, or not as it was planned; nothing was changed unless the message says so."""

    title = "Rollback error"


class MigrationError(ReconError):
    """A guided migration cannot begin or go on; nothing was imported unless the message says so."""

    title = "Migration error"


class ProfileError(ReconError):
    """The profile does not describe an application."""

    title = "Profile error"


class AdviceError(ReconError):
    """The table of advice cannot be read, or a value in it cannot be meant."""

    title = "Advice error"


class SuiteError(ReconError):
    """A suite of rules cannot be read."""

    title = "Suite error"


class AcceptanceError(ReconError):
    """A file of accepted differences cannot be read, edited or written, or an entry of it contradicts itself."""

    title = "Acceptance error"


class OutputError(ReconError):
    """A report cannot be written."""

    title = "Output error"

    @classmethod
    def of(cls, errors: Sequence[ReconError]) -> ReconError:
        """Combine `errors` (at least one) into one error that names every report that could not be written."""
        if len(errors) == 1:
            return errors[0]
        return cls(
            f"{len(errors)} reports cannot be written",
            where="; ".join(error.where or "" for error in errors),
            found="; ".join(error.found or "" for error in errors),
            next_step=errors[0].next_step,
        )


class ResourceError(ReconError):
    """The machine lacks memory, room on a disk, or a folder for temporary files; neither input nor recon is wrong."""

    title = "Resource error"


class ReportError(ReconError):
    """A report on disk cannot be read back."""

    title = "Report error"


class DecisionError(ReconError):
    """The file of what people decided cannot be read, or is not as it was written."""

    title = "Decision error"


class EvidenceError(ReconError):
    """A folder's manifest or the record of runs cannot be relied on, or a signature does not hold."""

    title = "Evidence error"


class StepError(ReconError):
    """A part of a run cannot be produced, although the verdict was reached."""

    title = "Run error"


NO_ROOM = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NO_ROOM_TEXTS = ("No space left on device", "Disk quota exceeded", "File too large", "database or disk is full")
# Classes of DuckDB and SQLite, by name: their modules are not loaded for this.
FILE_ERRORS = {"duckdb.IOException", "sqlite3.OperationalError"}
MEMORY_ERRORS = {"duckdb.OutOfMemoryException"}
UNMAPPED_TEXTS = ("failed to map segment", "cannot allocate memory", "Cannot allocate memory")
MAKE_ROOM = (
    "Make room there, raise the quota or the limit of the size of files (ulimit -f), or set TMPDIR to a folder with "
    "more room, and run again"
)
MORE_MEMORY = "Free memory, raise the limit of this process or container, or use a machine with more, and run again"

MORE_THREADS = (
    "Free memory, raise the limits of memory and of processes (ulimit -v, ulimit -u, the container's), and run again"
)


def lack_of_resources(error: BaseException) -> ResourceError | None:
    """Return what the machine lacks, if that is why `error` was raised; None otherwise.

    The errors that it was raised from, or while handling, are considered too: a lack of room while a bundle is unpacked
    is no fault of the bundle.
    """
    if isinstance(error, ResourceError):
        return error
    return next(filter(None, map(_lack, _chain(error))), None)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and those behind it, the last one first."""
    seen: set[int] = set()
    found: BaseException | None = error
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        yield found
        found = found.__cause__ or found.__context__


def _lack(error: BaseException) -> ResourceError | None:
    text, code = str(error), error.errno if isinstance(error, OSError) else None
    kinds = {f"{kind.__module__.lstrip('_')}.{kind.__name__}" for kind in type(error).__mro__}
    if code in NO_ROOM or (kinds & FILE_ERRORS and any(words in text for words in NO_ROOM_TEXTS)):
        return ResourceError("There is no room left on the disk", where=_file(error), found=text, next_step=MAKE_ROOM)
    if isinstance(error, MemoryError) or code == errno.ENOMEM or kinds & MEMORY_ERRORS or _is_unmapped(error, text):
        # What follows are the engine's hints, for settings that are not the user's.
        found = text.partition("\n")[0] or "none left"
        return ResourceError("There is not enough memory", found=found, next_step=MORE_MEMORY)
    if code in {errno.EMFILE, errno.ENFILE}:
        more = "Raise the limit of open files (ulimit -n), and run again"
        return ResourceError("Too many files are open", where=_file(error), found=text, next_step=more)
    if isinstance(error, RuntimeError) and text == "can't start new thread":
        return ResourceError("No further thread can be started", found=text, next_step=MORE_THREADS)
    if isinstance(error, FileNotFoundError) and "No usable temporary directory" in text:
        return no_temporary_folder(error)
    return None


def _is_unmapped(error: BaseException, text: str) -> bool:
    """Whether a library could not be loaded because it does not fit into memory."""
    return isinstance(error, ImportError) and any(words in text for words in UNMAPPED_TEXTS)


def no_temporary_folder(error: OSError) -> ResourceError:
    """The error for a folder of temporary files that cannot be made."""
    return ResourceError(
        "There is no folder for temporary files that can be written to",
        where=_file(error),
        expected="a writable folder, named by TMPDIR",
        found=error.strerror or str(error),
        next_step="Set TMPDIR to a folder that exists, can be written to and has room",
    )


def _file(error: BaseException) -> str | None:
    name = getattr(error, "filename", None)
    return str(name)[:300] if name else None


class VerificationFailedError(Exception):
    """A notebook's verdict is not PASSED; raised after everything is shown, so that automation notices."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
