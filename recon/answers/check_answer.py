"""One check, with who its violations are about."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

from recon.report.text import plural

if TYPE_CHECKING:
    from collections.abc import Callable

    import polars as pl

    from recon.model import Check, Outcome

# What the tab key completes besides.
FIELDS = (
    "accepted",
    "category",
    "description",
    "detail",
    "expected",
    "actual",
    "escalate",
    "guidance",
    "severity",
    "source",
    "violation_count",
)


class CheckAnswer:
    """The result of one rule, and who its violations are about.

    Attributes:
        check: The result itself; its attributes are also those of this object.
    """

    def __init__(self, check: Check, people_of: Callable[[Check], pl.DataFrame]) -> None:
        self.check = check
        self._people_of = people_of

    @property
    def id(self) -> str:
        """Its id."""
        return self.check.id

    @property
    def name(self) -> str:
        """Its title."""
        return self.check.name

    @property
    def outcome(self) -> Outcome:
        """PASS, WARN, FAIL or ERROR."""
        return self.check.outcome

    @property
    def message(self) -> str:
        """What it found, in one sentence."""
        return self.check.message

    @property
    def violations(self) -> pl.DataFrame:
        """The violating rows, as many as the run kept, with the words that people use beside the ids.

        The columns are those of the rule, as the run kept them, and those of name, email, level and event that it lacks
        (null: the row is about nothing that has one), unless none of the rows is about a record or row.
        """
        return self._people_of(self.check)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") or not hasattr(self.check, name):
            raise AttributeError(name)
        return getattr(self.check, name)

    def __dir__(self) -> list[str]:
        return ["check", "id", "message", "name", "outcome", "violations", *FIELDS]

    def __repr__(self) -> str:
        count = self.check.violation_count
        found = "not evaluated" if count is None else plural(count, "violation")
        return f"<check {self.id}: {self.outcome}, {found}>"

    def _repr_html_(self) -> str:
        found = self.violations
        frame = found._repr_html_() if found.height else ""
        return f"<p><b>{escape(self.outcome)}</b> {escape(self.name)}: {escape(self.message)}</p>{frame}"
