"""Names to complete with the tab key: the checks and the ledger's tables of one judgement, as attributes."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Generic, TypeVar

import polars as pl

from recon.answers.check_answer import CheckAnswer
from recon.answers.judgement import checks_frame
from recon.errors import UsageError, suggest
from recon.model import ENTITIES

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from recon.model import Check, Verification

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


class CheckNamespace:
    """The checks, each an attribute by its id: `checks.ID.violations`.

    Attributes:
        frame: One row per check: id, name, outcome, message, violations (null: not evaluated); in order.
    """

    def __init__(self, verification: Verification, people_of: Callable[[Check], pl.DataFrame]) -> None:
        self._by_id = {check.id: CheckAnswer(check, people_of) for check in verification.checks}
        self.frame = checks_frame(verification)

    def __getattr__(self, name: str) -> CheckAnswer:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in self._by_id:
            raise AttributeError(unknown("check", name, list(self._by_id)).message)
        return self._by_id[name]

    def __getitem__(self, name: str) -> CheckAnswer:
        """Return a check by its id, with _ or -, or by its title.

        Raises:
            UsageError: There is none of that name.
        """
        wanted = name.strip().casefold().replace("-", "_").replace(" ", "_")
        for check in self:
            if wanted in {check.id, check.name.casefold().replace(" ", "_")}:
                return check
        raise unknown("check", name, list(self._by_id))

    def __iter__(self) -> Iterator[CheckAnswer]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)

    def __dir__(self) -> list[str]:
        return [*self._by_id, "frame"]

    def __repr__(self) -> str:
        return f"<{len(self)} checks: {', '.join(self._by_id)}>"

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><td>{escape(c.outcome)}</td><td>{escape(c.name)}</td><td>{escape(c.message)}</td></tr>" for c in self
        )
        return f"<table><tr><th>Outcome</th><th>Check</th><th>Message</th></tr>{rows}</table>"


class LedgerNamespace(Generic[Frame]):
    """The ledger's tables, each an attribute: `ledger.members` has one row per record, and per row without one."""

    _table_of: Callable[[str], Frame]

    def __init__(self, table_of: Callable[[str], Frame]) -> None:
        self._table_of = table_of

    def __getattr__(self, name: str) -> Frame:
        if name.startswith("_"):
            raise AttributeError(name)
        if name not in ENTITIES:
            raise AttributeError(unknown("table of the ledger", name, list(ENTITIES)).message)
        return self._table_of(name)

    def __dir__(self) -> list[str]:
        return list(ENTITIES)

    def __repr__(self) -> str:
        return f"<ledger: {', '.join(ENTITIES)}>"


def unknown(kind: str, name: str, known: list[str]) -> UsageError:
    """The error for a name that there is not."""
    return UsageError(
        f"There is no {kind} {name[:60]!r}",
        expected=", ".join(known),
        found=repr(name[:60]),
        next_step=suggest(name, known),
    )
