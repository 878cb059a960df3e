"""The questions, each a method that returns a frame; what a person calls a record stands beside its ids."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

import duckdb
import polars as pl

from recon.answers.columns import show_columns
from recon.answers.entity_answer import EntityAnswer
from recon.answers.judgement import causes_frame
from recon.answers.namespaces import CheckNamespace, LedgerNamespace, unknown
from recon.answers.questions import BY_PERSON, STATEMENTS, statement_of
from recon.errors import UsageError
from recon.ledger.entities import EVERY_ENTITY
from recon.masking.frames import mask_frame
from recon.model import ENTITIES, SINGULAR
from recon.warehouse.statements import named, query_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from recon.model import Verification
    from recon.warehouse import Warehouse

KNOWN_COLUMNS = """
select distinct column_name from duckdb_columns() where schema_name in ('source', 'target', 'ledger', 'checks')"""
READ_ONLY = "begin transaction read only"
VIEWS = ("people", "occasions", "called_members", "called_events", "called_registrations")
PERSONAL = {
    "name": "name",
    "what": "name",
    "member_name": "name",
    "first_name": "name",
    "last_name": "name",
    "email": "email",
    "member_email": "email",
    "phone": "phone",
}


class Answers:
    """One judged migration, to ask questions of.

    Attributes:
        verification: The judgement.
    """

    def __init__(self, verification: Verification, warehouse: Warehouse, *, show_pii: bool = False) -> None:
        self.verification = verification
        self._warehouse, self._show_pii = warehouse, show_pii
        show_columns(warehouse.connection)
        for name in VIEWS:
            warehouse.connection.execute(STATEMENTS[name])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the snapshot."""
        self._warehouse.close()

    def __repr__(self) -> str:
        v = self.verification
        return f"<run {v.run_id}: {v.verdict}, {v.summary.failed} of {v.summary.total} checks failed>"

    def __dir__(self) -> list[str]:
        return [name for name in type(self).__dict__ if not name.startswith("_")] + ["verification"]

    def missing(self, entity: str) -> pl.DataFrame:
        """Records that have no row: source_row, wa_id, target_id, words, cause, reason; one row per record."""
        return self._records(entity, "missing_in_target")

    def skipped(self, entity: str) -> pl.DataFrame:
        """Records that the importer left alone; columns as of `missing`."""
        return self._records(entity, "skipped")

    def rejected(self, entity: str) -> pl.DataFrame:
        """Records that the importer refused; columns as of `missing`."""
        return self._records(entity, "rejected")

    def merged(self, entity: str) -> pl.DataFrame:
        """Records that share a row with another; columns as of `missing`."""
        return self._records(entity, "merged")

    def unexpected(self, entity: str) -> pl.DataFrame:
        """Rows that no record has and whose origin is unknown: target_id, words, outcome, cause, reason."""
        return self._asked("rows", entity, {"outcomes": ["unexpected"]})

    def altered(self, entity: str, field: str | None = None) -> pl.DataFrame:
        """Values that differ: source_row, wa_id, target_id, words, field, source_value, target_value, cause, detail.

        Args:
            entity: "members", "events" or "registrations".
            field: Only this field; None: all.
        """
        known = [each.name for one in EVERY_ENTITY if one.name == entity for each in one.fields]
        if field is not None and field not in known:
            raise unknown("field", field, known)
        return self._asked("altered", entity, {"entity": entity, "field": field})

    def to_fix(self) -> pl.DataFrame:
        """What the source has to say otherwise before the re-run: entity, source_row, wa_id, what, field, problem."""
        frames = [self._asked("to_fix", entity, {}) for entity in ENTITIES if self._is_listed(entity)]
        return pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame()

    @property
    def causes(self) -> pl.DataFrame:
        """Why records and rows differ: entity, field, cause, title, count, share, is_explained, is_harmless, action."""
        return causes_frame(self.verification)

    @property
    def checks(self) -> CheckNamespace:
        """The checks: `checks.ID`, `checks["Title"]`, `checks.frame`."""
        return CheckNamespace(self.verification)

    @property
    def ledger(self) -> LedgerNamespace:
        """The account of every record and row: `ledger.members`, with what people call them beside the ids."""
        return LedgerNamespace(lambda entity: self._asked("ledger", entity, {}))

    @property
    def findings(self) -> pl.DataFrame:
        """What the checks found wrong: check_id, entity, key, field, cause, violations, fingerprint, standing.

        One row per check, entity, key and field; see `create_findings` for the columns.

        Raises:
            UsageError: The snapshot is of a version that kept no findings.
        """
        try:
            query = query_of(STATEMENTS["findings"], self._warehouse.connection)
            return self._masked(_frame(self._warehouse.connection, query, {}))
        except duckdb.CatalogException as error:
            raise UsageError(
                "The snapshot has no findings",
                expected="the table checks.findings",
                found="none: an older version of recon kept it",
                next_step="Run recon run again, with the snapshot as --database",
            ) from error

    def violations(self, name: str) -> pl.DataFrame:
        """Return the rows that a check found; at most as many as the run kept."""
        return self.checks[name].violations

    def entity(
        self,
        entity: str,
        key: str | None = None,
        *,
        wa_id: str | None = None,
        target_id: str | None = None,
        email: str | None = None,
    ) -> EntityAnswer:
        """Return one record with everything that belongs to it.

        Args:
            entity: "members", "events" or "registrations".
            key: Its Wild Apricot id, its id in the database, its e-mail address, its name or title.
            wa_id: Its Wild Apricot id, in the place of `key`.
            target_id: Its id in the database, in the place of `key`.
            email: Its e-mail address, in the place of `key`.

        Raises:
            UsageError: No key is given, no record and no row has that key, or several have.
        """
        given = next((each for each in (key, wa_id, target_id, email) if each), None)
        if given is None:
            raise UsageError("No key is given", expected="a key, or wa_id, target_id or email")
        found = self._rows("found", entity, {"key": given})
        if len(found) != 1:
            raise UsageError(
                f"No {SINGULAR[entity]} has that key" if not found else f"Several {entity} have that key",
                where=repr(given[:100]),
                expected="a Wild Apricot id, an id of the database, an address or a name",
                found="none" if not found else ", ".join(str(each["wa_id"] or each["target_id"]) for each in found[:5]),
                next_step="Name one of them by its id" if found else None,
            )
        return self._entity(entity, found[0])

    def sql(self, query: str) -> pl.DataFrame:
        """Return the rows of a select on the tables of source, target and ledger.

        Unless personal data is shown, texts in a column that no table has under that name are masked like names, which
        they may be made of; lists and bytes are hidden.

        Raises:
            UsageError: DuckDB refuses it, or it is no single select.
        """
        connection = self._warehouse.connection
        try:
            statement = query_of(query, connection)
            connection.execute(READ_ONLY)
            frame = _frame(connection, statement, {})
        except (duckdb.Error, ValueError) as error:
            raise UsageError("The query cannot be answered", where="sql", found=str(error).splitlines()[0]) from error
        finally:
            with suppress(duckdb.Error):
                connection.execute("rollback")
        return frame if self._show_pii else mask_frame(*self._without_disguise(frame))

    def _without_disguise(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
        """Return the rows of a person's query and the kind of personal data by column, of what may hold any."""
        known = {row["column_name"] for row in self._warehouse.rows(KNOWN_COLUMNS)}
        hidden = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
        renamed = {name: "name" for name in frame.columns if name not in known}
        return frame.with_columns(pl.lit("***").alias(name) for name in hidden), renamed | PERSONAL

    def _records(self, entity: str, outcome: str) -> pl.DataFrame:
        return self._asked("records", entity, {"outcomes": [outcome]})

    def _asked(self, question: str, entity: str, values: Mapping[str, Any]) -> pl.DataFrame:
        self._require_listed(entity)
        sql = statement_of(question, entity)
        return self._masked(_frame(self._warehouse.connection, query_of(sql, self._warehouse.connection), values))

    def _rows(self, question: str, entity: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._require_listed(entity)
        return self._warehouse.rows(statement_of(question, entity), values)

    def _entity(self, entity: str, found: Mapping[str, Any]) -> EntityAnswer:
        spec = next(each for each in EVERY_ENTITY if each.name == entity)
        values = {
            "entity": entity,
            "wa_id": found["wa_id"],
            "target_id": found["target_id"] or found["claimed_id"],
            "source_row": found["source_row"],
            "record": found["record"],
        }
        record = self._one("record_of", entity, values)
        row = self._one("row_of", entity, values)
        causes = {each["field"]: each["cause"] for each in self._rows("differences", entity, values)}
        fields = pl.DataFrame(
            {
                "field": [field.name for field in spec.fields],
                "source_value": [_text(record.get(field.name)) for field in spec.fields],
                "target_value": [_text(row.get(field.column)) for field in spec.fields],
                "differs": [causes.get(field.name) for field in spec.fields],
            },
            schema={"field": pl.String, "source_value": pl.String, "target_value": pl.String, "differs": pl.String},
        )
        singular = {**values, "entity": spec.one}
        return EntityAnswer(
            entity,
            self._masked(pl.DataFrame([dict(found)], schema=dict.fromkeys(found, pl.String), strict=False)),
            self._masked(fields),
            self._asked("mappings", entity, values),
            self._asked("registrations_of", entity, values) if entity in BY_PERSON else None,
            self._asked("errors", entity, singular),
        )

    def _one(self, question: str, entity: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return next(iter(self._rows(question, entity, values)), {})

    def _known(self, entity: str) -> str:
        if entity not in ENTITIES:
            raise unknown("entity", entity, list(ENTITIES))
        return entity

    def _is_listed(self, entity: str) -> bool:
        ledger = self.verification.ledger
        return ledger is not None and any(account.entity == entity for account in ledger.entities)

    def _require_listed(self, entity: str) -> None:
        """Require that the ledger has an account of the entity.

        Raises:
            UsageError: There is no such entity, or its records are not listed.
        """
        self._known(entity)
        if not self._is_listed(entity):
            ledger = self.verification.ledger
            why = ledger.not_evaluated.get(entity) if ledger else "this judgement was reached without a ledger"
            raise UsageError(
                f"There is no account of the {entity}",
                expected="records that the report or an export lists",
                found=why or "none",
                next_step="Name the exports with --exports, and run again",
            )

    def _masked(self, frame: pl.DataFrame) -> pl.DataFrame:
        return frame if self._show_pii else mask_frame(frame, PERSONAL)


def _frame(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, values: Mapping[str, Any]
) -> pl.DataFrame:
    relation = connection.sql(statement, params=named(statement, values))
    return pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))


def _text(value: object) -> str | None:
    return None if value is None else str(value)
