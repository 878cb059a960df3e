"""The errors of recon: one tree, each message in the same order: what, where, expected, found, next step.

ReconError
├── UsageError      the command line asks for something impossible
├── BundleError     the migration bundle cannot be read or is not verifiable
├── DatabaseError   the database cannot be reached or lacks what is required
├── ProfileError    the profile does not describe an application
├── SuiteError      a suite of rules cannot be read
├── OutputError     a report cannot be written
├── ReportError     a report on disk cannot be read back
└── StepError       a part of a run cannot be produced, although the verdict was reached

A failed check is a result and never an error. All of these end a run with exit code 2.

VerificationFailedError is outside the tree: raising it is the only way for a notebook to end with an exit code.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


def visible(text: str) -> str:
    """Return the text on one line, with unprintable characters, which data may contain, shown as escapes."""
    return "".join(c if c.isprintable() else repr(c)[1:-1] for c in text)


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """Return a "Did you mean …?" question with the closest of `choices`; None when none is close."""
    # Every command imports this module, but few need difflib.
    near = import_module("difflib").get_close_matches(word, list(choices), n=1)
    return f"Did you mean {near[0]!r}?" if near else None


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


class ProfileError(ReconError):
    """The profile does not describe an application."""

    title = "Profile error"


class SuiteError(ReconError):
    """A suite of rules cannot be read."""

    title = "Suite error"


class OutputError(ReconError):
    """A report cannot be written."""

    title = "Output error"

    @classmethod
    def of(cls, errors: Sequence[OutputError]) -> OutputError:
        """Combine `errors` (at least one) into one error that names every report that could not be written."""
        if len(errors) == 1:
            return errors[0]
        return cls(
            f"{len(errors)} reports cannot be written",
            where="; ".join(error.where or "" for error in errors),
            found="; ".join(error.found or "" for error in errors),
            next_step=errors[0].next_step,
        )


class ReportError(ReconError):
    """A report on disk cannot be read back."""

    title = "Report error"


class StepError(ReconError):
    """A part of a run cannot be produced, although the verdict was reached."""

    title = "Run error"


class VerificationFailedError(Exception):
    """A notebook's verdict is not PASSED; raised after everything is shown, so that automation notices."""

    def _render_traceback_(self) -> list[str]:
        return [str(self)]
