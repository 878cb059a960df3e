"""The questions, each a method that returns a frame; what a person calls a record stands beside its ids."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from copy import copy
from html import escape
from typing import TYPE_CHECKING, Any, Self
from weakref import finalize

import duckdb
import polars as pl

from recon.answers.asking import PERSONAL, Questions
from recon.answers.columns import show_columns
from recon.answers.entity_answer import EntityAnswer
from recon.answers.findings_answer import findings_of, subjects_of, times_of
from recon.answers.judgement import associations_frame, causes_frame
from recon.answers.lazy import LazyAnswers
from recon.answers.namespaces import CheckNamespace
from recon.answers.people import with_people
from recon.answers.questions import BY_PERSON, STATEMENTS, statement_of
from recon.answers.tables import tables_frame
from recon.errors import UsageError
from recon.ledger.code_names import code_names
from recon.ledger.entities import EVERY_ENTITY
from recon.masking.frames import mask_frame
from recon.model import ENTITIES, SINGULAR
from recon.rules.findings import FINDINGS
from recon.verification.masked import RECONS, mask_known
from recon.warehouse.kept import incomplete
from recon.warehouse.people import known_values
from recon.warehouse.statements import named, query_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from recon.ledger.entities import FieldSpec
    from recon.model import Check, Verification
    from recon.warehouse import Warehouse

KNOWN_COLUMNS = """
select distinct column_name from duckdb_columns() where schema_name in ('source', 'target', 'ledger', 'checks')"""
WANTED = "wanted"
OF_PEOPLE = {"first_name": "name", "last_name": "name", "phone": "phone"}
# A rule of the club's own is named with the line that it begins on.
LINE = ":"
READ_ONLY = "begin transaction read only"
VIEWS = ("people", "occasions", "called_members", "called_events", "called_registrations", "called")
HAS_TABLE = "select 1 as found from duckdb_tables() where schema_name || '.' || table_name = $name"


class Answers(Questions[pl.DataFrame]):
    """One judged migration, to ask questions of; nothing is read before it is asked for.

    Attributes:
        verification: The judgement.
    """

    def __init__(
        self,
        verification: Verification,
        warehouse: Warehouse,
        *,
        show_pii: bool = False,
        find: Callable[[], None] | None = None,
        close: Callable[[], None] | None = None,
    ) -> None:
        self.verification = verification
        self._warehouse, self._show_pii, self._find = warehouse, show_pii, find
        self._known = known_values(warehouse, OF_PEOPLE)
        self._closing = finalize(self, close or warehouse.close)
        with self._complete():
            show_columns(warehouse.connection)
            for name in VIEWS:
                warehouse.connection.execute(STATEMENTS[name])

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the snapshot, or what was judged; nothing can be asked after it."""
        self._closing()

    def __repr__(self) -> str:
        v = self.verification
        return f"<run {v.run_id}: {v.verdict}, {v.summary.failed} of {v.summary.total} checks failed>"

    def _repr_html_(self) -> str:
        return f"<p>{escape(repr(self)[1:-1])}</p>{self.checks._repr_html_()}"

    @property
    def lazy(self) -> LazyAnswers:
        """The same questions, answered by lazy frames, for what is large."""
        warehouse = self._warehouse
        return LazyAnswers(self.verification, warehouse, self._has_table, show_pii=self._show_pii, known=self._known)

    def to_fix(self) -> pl.DataFrame:
        """What the source has to say otherwise before the re-run: entity, source_row, wa_id, what, field, problem."""
        frames = [self._asked("to_fix", entity, {}) for entity in ENTITIES if self._is_listed(entity)]
        return pl.concat(frames, how="vertical_relaxed") if frames else pl.DataFrame()

    @property
    def causes(self) -> pl.DataFrame:
        """Why records and rows differ: entity, field, cause, title, count, share, is_explained, is_harmless, action."""
        return causes_frame(self.verification)

    @property
    def associations(self) -> pl.DataFrame:
        """What the unexplained have in common, no cause: entity, group, field, value, count, of, share_of_others, …."""
        return associations_frame(self.verification)

    @property
    def tables(self) -> pl.DataFrame:
        """What can be asked by `sql`: table, column, type, meaning (null: none is known); one row per column."""
        self._has_table(FINDINGS)
        return tables_frame(self._warehouse.connection)

    @property
    def checks(self) -> CheckNamespace:
        """The checks: `checks.ID`, `checks["Title"]`, `checks.frame`."""
        return CheckNamespace(self.verification, self._with_people)

    def called(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """What people call records: entity, key, name, email, title; one row for each of `wanted` that is known.

        Args:
            wanted: entity ("members", "events", "registrations"; null: any of them) and key, a Wild Apricot id or an id
                of the database. A key that several records have is left out.
        """
        connection = self._warehouse.connection
        connection.register(WANTED, wanted.select(pl.col("entity", "key").cast(pl.String)).unique().to_arrow())
        try:
            return self._masked(_frame(connection, query_of(STATEMENTS["words_of_keys"], connection), {}))
        finally:
            connection.unregister(WANTED)

    def findings_of(self, name: str) -> pl.DataFrame:
        """What one check found wrong, one row per finding, with the people beside the ids; see `findings_of`.

        Raises:
            UsageError: There is no such check, or the snapshot is of a version that kept no findings.
        """
        self._has_table(FINDINGS)
        check = self.checks[name]
        found = findings_of(check.id, self._warehouse.connection)
        return self._masked(found, is_own=LINE in check.source)

    @property
    def subjects(self) -> pl.DataFrame:
        """What each finding is about: its name (`finding`), check_id, entity, key, field, cause, fingerprint."""
        self._has_table(FINDINGS)
        return subjects_of(self._warehouse.connection)

    @property
    def listed(self) -> tuple[str, ...]:
        """The entities that the ledger has an account of."""
        return tuple(entity for entity in ENTITIES if self._is_listed(entity))

    @property
    def times(self) -> frozenset[str]:
        """The names of the columns that hold instants, though an answer may have them as texts."""
        return times_of(self._warehouse.connection)

    @property
    def shows_pii(self) -> bool:
        """Whether names, addresses and phone numbers are shown."""
        return self._show_pii

    def masked(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Rows with personal data masked, unless it is shown: by column, by its form, and as known.

        Args:
            rows: Of texts that quote data, in columns that recon names.
        """
        return self._masked(rows)

    def shown(self, *, show_pii: bool) -> Answers:
        """The same judgement, with or without names, addresses and phone numbers."""
        other = copy(self)
        # What it was made of must stay open as long as this one.
        vars(other).update(_show_pii=show_pii, _whole=self)
        return other

    def violations(self, name: str) -> pl.DataFrame:
        """Return the rows that a check found, at most as many as the run kept, with the words of people beside ids."""
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
        if self._show_pii:
            return frame
        plain, personal = self._without_disguise(frame)
        return mask_known(mask_frame(plain, personal), self._known, personal, None)

    def _without_disguise(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, dict[str, str]]:
        """Return the rows of a person's query and the kind of personal data by column, of what may hold any."""
        known = {row["column_name"] for row in self._warehouse.rows(KNOWN_COLUMNS)}
        hidden = [name for name, kind in frame.schema.items() if kind.is_nested() or kind == pl.Binary]
        renamed = {name: "name" for name in frame.columns if name not in known}
        return frame.with_columns(pl.lit("***").alias(name) for name in hidden), renamed | PERSONAL

    def _fetched(self, sql: str, values: Mapping[str, Any]) -> pl.DataFrame:
        connection = self._warehouse.connection
        with self._complete():
            return self._masked(_frame(connection, query_of(sql, connection), values))

    @contextmanager
    def _complete(self) -> Iterator[None]:
        """Say of one of recon's own queries that fails what the snapshot lacks."""
        try:
            yield
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise incomplete(self._warehouse, error) from error

    def _has_table(self, name: str) -> bool:
        if self._find:
            self._find()
        return bool(self._warehouse.rows(HAS_TABLE, {"name": name}))

    def _with_people(self, check: Check) -> pl.DataFrame:
        people = with_people(check.violations, self._warehouse.connection)
        return self._masked(people, is_own=LINE in check.source)

    def _rows(self, question: str, entity: str, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        self._require_listed(entity)
        with self._complete():
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
        names = {field.name: self._names(field) for field in spec.fields}
        fields = pl.DataFrame(
            {
                "field": [field.name for field in spec.fields],
                "source_value": [_text(record.get(field.name), names[field.name]) for field in spec.fields],
                "target_value": [_text(row.get(field.column), names[field.name]) for field in spec.fields],
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

    def _names(self, field: FieldSpec) -> dict[str, str]:
        """What the ids in a field are called, by id in lower case; none where it holds none or they are not known."""
        table = field.code_of or field.ids_of
        with suppress(duckdb.CatalogException, duckdb.BinderException):
            return code_names(table, self._warehouse) if table else {}
        return {}

    def _masked(self, frame: pl.DataFrame, *, is_own: bool = False) -> pl.DataFrame:
        """Mask rows; `is_own`: a rule of the club's own may have named their columns."""
        if self._show_pii:
            return frame
        return mask_known(mask_frame(frame, PERSONAL), self._known, PERSONAL, None if is_own else RECONS)


def _frame(
    connection: duckdb.DuckDBPyConnection, statement: duckdb.Statement, values: Mapping[str, Any]
) -> pl.DataFrame:
    relation = connection.sql(statement, params=named(statement, values))
    return pl.DataFrame(pl.from_arrow(relation.to_arrow_table()))


def _text(value: object, names: Mapping[str, str]) -> str | None:
    """The value as text; an id that people call otherwise is called so."""
    return None if value is None else names.get(str(value).lower(), str(value))
