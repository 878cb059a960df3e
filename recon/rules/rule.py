"""A rule: SQL whose rows are violations, its messages, and where it is written."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from recon.model import Guidance, Outcome

RULE_TYPE = "expect_no_violations"
SEVERITIES = ("critical", "warning", "info")
ISSUES = ("failure", "loss", "corruption")
LAST = 1000


class Fallback(Struct, frozen=True):
    """The result of a check that has nothing to look at: an outcome and a message.

    Attributes:
        table: For `when_empty`: the table that must have a row, else this applies.
    """

    outcome: Outcome
    message: str
    table: str = ""

    @property
    def document(self) -> dict[str, str]:
        """The fallback as a suite file holds it."""
        return {"outcome": str(self.outcome), "message": self.message, "table": self.table}


class Rule(Struct, frozen=True):
    """One rule: SQL whose rows are the violations; none means that it holds.

    Attributes:
        file: The suite that contains it, its folder as the user named it.
        type: The expectation's type; `expect_no_violations` is ours, any other is Great Expectations' own.
        order: The position of the check among the others.
        sql: The query for the violations.
        values_sql: A query that returns exactly one row, the named values of messages; None when there are none.
        parameters: Bound to `$name` in both queries; the kwargs of an expectation of another type.
        table: The only table that an expectation of another type looks at ("target.members"); empty for ours.
        requires: Tables and columns without which the rule has no result; `when_missing` then decides.
        uses: Tables and columns that the rule can do without: violations still count, but it cannot pass.
        messages: `pass` and `fail`: templates with `{value}`.
        right_when_empty: Table → why a pass is right while it is empty; tables that are not listed must not be empty
            for a pass.
        escalate: Why a failure is escalated; None: it is not, unless its values say so; empty: never.
        issue: Which of the runbook's issues (5) that is: "failure", "loss" or "corruption".
        explains: Ids of checks whose failure is the same as this one's, which explains it in more detail.
        line: The line on which its entry starts; 0 where it is not from a file.
        is_shipped: Whether it came with recon.
        overrides: What it replaces, or what was changed about it; None where nothing was.
        switched_off: Who switched it off and why; None where it is evaluated.
    """

    id: str
    title: str
    category: str
    suite: str
    file: Path
    type: str
    severity: str
    description: str
    order: int = LAST
    table: str = ""
    sql: str = ""
    values_sql: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    requires: tuple[str, ...] = ()
    uses: tuple[str, ...] = ()
    messages: Mapping[str, str] = field(default_factory=dict)
    when_missing: Fallback | None = None
    when_empty: Fallback | None = None
    right_when_empty: Mapping[str, str] = field(default_factory=dict)
    guidance: Guidance = field(default_factory=lambda: Guidance("", ""))
    escalate: str | None = None
    issue: str = "failure"
    explains: tuple[str, ...] = ()
    line: int = 0
    is_shipped: bool = False
    overrides: str | None = None
    switched_off: str | None = None

    @property
    def is_gx_native(self) -> bool:
        """Whether Great Expectations has to judge it: its type is not ours."""
        return self.type != RULE_TYPE

    @property
    def reads(self) -> tuple[str, ...]:
        """Every table and column that the rule reads."""
        return self.requires + self.uses

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables that it reads ("target.members"), each once."""
        return tuple(dict.fromkeys(table_of(reference) for reference in self.reads))

    @property
    def source(self) -> str:
        """File and line; for a rule shipped with recon, the file name only."""
        return place(self.file, self.line, is_shipped=self.is_shipped)


def table_of(reference: str) -> str:
    """The table of a reference: "target.members" of "target.members.tier_id"."""
    return ".".join(reference.split(".")[:2])


def place(file: Path, line: int, *, is_shipped: bool = False) -> str:
    """The location of an entry, as errors, lists and reports write it."""
    name = f"shipped {file.name}" if is_shipped else str(file)
    return f"{name}:{line}" if line else name
