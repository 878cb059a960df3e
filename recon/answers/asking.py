"""The questions that every kind of frame answers alike, as methods."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import polars as pl

from recon.answers.namespaces import LedgerNamespace, unknown
from recon.answers.questions import STATEMENTS, statement_of
from recon.errors import UsageError
from recon.ledger.entities import EVERY_ENTITY
from recon.model import ENTITIES
from recon.rules.findings import FINDINGS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.model import Verification

# The columns of people's words and values, by the kind of personal data in them.
PERSONAL = {
    "name": "name",
    "what": "name",
    "member_name": "name",
    "first_name": "name",
    "last_name": "name",
    "email": "email",
    "member_email": "email",
    "phone": "phone",
    "violation": "name",
}
Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


class Questions(ABC, Generic[Frame]):
    """What can be asked of one judged migration.

    Attributes:
        verification: The judgement.
    """

    verification: Verification

    def missing(self, entity: str) -> Frame:
        """Records that have no row: source_row, wa_id, target_id, words, cause, reason; one row per record."""
        return self._records(entity, "missing_in_target")

    def skipped(self, entity: str) -> Frame:
        """Records that the importer left alone; columns as of `missing`."""
        return self._records(entity, "skipped")

    def rejected(self, entity: str) -> Frame:
        """Records that the importer refused; columns as of `missing`."""
        return self._records(entity, "rejected")

    def merged(self, entity: str) -> Frame:
        """Records that share a row with another; columns as of `missing`."""
        return self._records(entity, "merged")

    def unexpected(self, entity: str) -> Frame:
        """Rows that no record has and whose origin is unknown: target_id, words, outcome, cause, reason."""
        return self._asked("rows", entity, {"outcomes": ["unexpected"]})

    def altered(self, entity: str, field: str | None = None) -> Frame:
        """Values that differ: source_row, wa_id, target_id, words, field, source_value, target_value, cause, detail.

        Args:
            entity: "members", "events" or "registrations".
            field: Only this field; None: all.
        """
        known = [each.name for one in EVERY_ENTITY if one.name == entity for each in one.fields]
        if field is not None and field not in known:
            raise unknown("field", field, known)
        return self._asked("altered", entity, {"entity": entity, "field": field})

    @property
    def ledger(self) -> LedgerNamespace[Frame]:
        """The account of every record and row: `ledger.members`, with what people call them beside the ids."""
        return LedgerNamespace(lambda entity: self._asked("ledger", entity, {}))

    @property
    def findings(self) -> Frame:
        """What the checks found wrong: check_id, entity, key, field, cause, violations, fingerprint, standing.

        One row per check, entity, key and field; see `create_findings` for the columns.

        Raises:
            UsageError: The snapshot is of a version that kept no findings.
        """
        if not self._has_table(FINDINGS):
            raise UsageError(
                "The snapshot has no findings",
                expected=f"the table {FINDINGS}",
                found="none: an older version of recon kept it",
                next_step="Run recon run again, with the snapshot as --database",
            )
        return self._fetched(STATEMENTS["findings"], {})

    def __dir__(self) -> list[str]:
        return [*(name for name in dir(type(self)) if not name.startswith("_")), "verification"]

    @abstractmethod
    def _fetched(self, sql: str, values: Mapping[str, Any]) -> Frame:
        """Return the rows of one of recon's own queries, masked as was asked."""

    @abstractmethod
    def _has_table(self, name: str) -> bool:
        """Whether there is a table of that name ("checks.findings")."""

    def _records(self, entity: str, outcome: str) -> Frame:
        return self._asked("records", entity, {"outcomes": [outcome]})

    def _asked(self, question: str, entity: str, values: Mapping[str, Any]) -> Frame:
        self._require_listed(entity)
        return self._fetched(statement_of(question, entity), values)

    def _is_listed(self, entity: str) -> bool:
        ledger = self.verification.ledger
        return ledger is not None and any(account.entity == entity for account in ledger.entities)

    def _require_listed(self, entity: str) -> None:
        """Require that the ledger has an account of the entity.

        Raises:
            UsageError: There is no such entity, or its records are not listed.
        """
        if entity not in ENTITIES:
            raise unknown("entity", entity, list(ENTITIES))
        if not self._is_listed(entity):
            ledger = self.verification.ledger
            why = ledger.not_evaluated.get(entity) if ledger else "this judgement was reached without a ledger"
            raise UsageError(
                f"There is no account of the {entity}",
                expected="records that the report or an export lists",
                found=why or "none",
                next_step="Name the exports with --exports, and run again",
            )
