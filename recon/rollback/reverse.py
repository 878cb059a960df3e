"""The reverse SQL: every row that is to be deleted, whole, as statements that put it back; and the proof of it."""

from __future__ import annotations

import os
from hashlib import sha256
from typing import IO, TYPE_CHECKING, Self

from recon.errors import OutputError, RollbackError
from recon.rollback.plan import PlannedRow, ReverseSql, Span, digest_of
from recon.rollback.selection import words_of
from recon.rollback.statements import insertions, key_chunks

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from recon.database.writing import Key, StoredRow, TargetTable, WritableDatabase, WriteError
    from recon.rollback.plan import PlannedTable

FILE = "reverse.sql"
HEADER = """\
-- Reverse SQL of the rollback plan {id}: puts back every row that the plan deletes.
-- It holds personal data. It is applied by: recon rollback revert FOLDER
"""


class ReverseWriter:
    """Writes the file, readable by its owner alone, and notes what each of its statements holds."""

    def __init__(self, folder: Path, database: WritableDatabase, header: str) -> None:
        self._path = folder / FILE
        self._database = database
        self._spans: list[Span] = []
        self._hashed = sha256()
        self._at = 0
        self._file: IO[bytes] = os.fdopen(os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._write(header)
        for statement in database.preamble:
            self._write(f"{statement};\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(
        self, table: TargetTable, levels: Sequence[Sequence[Key]], orphans: Collection[Key] = ()
    ) -> tuple[PlannedRow, ...]:
        """Read rows and write the statements that put them back, the last level first; returns each with its digest.

        Args:
            table: The table.
            levels: Keys in the order of deletion: rows of one level do not refer to each other.
            orphans: Keys of rows that refer to rows which do not exist; they get statements of their own.

        Raises:
            RollbackError: A row is gone.
        """
        found: list[list[PlannedRow]] = []
        for keys in reversed(levels):
            planned: list[PlannedRow] = []
            if orphans:
                self._insert(table, [key for key in keys if key in orphans], planned, is_orphaned=True)
            self._insert(table, [key for key in keys if key not in orphans], planned)
            if len(planned) != len(keys):
                raise RollbackError(
                    "Rows disappeared while the plan was made",
                    where=table.sql,
                    expected=f"{len(keys):,} rows",
                    found=f"{len(planned):,}",
                    next_step="Make the plan again, when nobody else writes to the database",
                )
            found.append(planned)
        return tuple(row for planned in reversed(found) for row in planned)

    def _insert(
        self, table: TargetTable, keys: Sequence[Key], planned: list[PlannedRow], *, is_orphaned: bool = False
    ) -> None:
        for statement, count in insertions(table, self._noted(table, keys, planned), self._database):
            text = statement.encode()
            self._spans.append(Span(self._at, len(text), table.sql, count, is_orphaned))
            self._write(statement + ";\n")

    def _noted(self, table: TargetTable, keys: Sequence[Key], planned: list[PlannedRow]) -> Iterator[StoredRow]:
        places = [table.stored.index(column) for column in table.key]
        for chunk in key_chunks(keys, self._database.chunk):
            for row in self._database.rows(table, table.stored, self._database.condition(table.key, chunk)):
                key = tuple(row.values[place] for place in places)
                planned.append(PlannedRow(key, digest_of(row.values), row.version))
                yield row

    def note(self, statement: str) -> None:
        """Write a statement that changes a row again; `revert` takes it from the plan."""
        self._write(statement + ";\n")

    def end(self) -> ReverseSql:
        """End the file."""
        self._write("commit;\n")
        return ReverseSql(FILE, self._hashed.hexdigest(), tuple(self._spans))

    def _write(self, text: str) -> None:
        data = text.encode()
        try:
            self._file.write(data)
        except OSError as error:
            raise OutputError("The reverse SQL cannot be written", where=FILE, found=error.strerror) from error
        self._hashed.update(data)
        self._at += len(data)


def read_statements(path: Path, reverse: ReverseSql) -> Iterator[tuple[str, Span]]:
    """Yield the statements of a file, in order.

    Raises:
        RollbackError: The file is not the one that was written with the plan.
    """
    require_whole(path, reverse)
    with path.open("rb") as file:
        for span in reverse.statements:
            file.seek(span.start)
            yield file.read(span.length).decode(), span


def require_whole(path: Path, reverse: ReverseSql) -> None:
    """Require that the file is the one that was written with the plan.

    Raises:
        RollbackError: It is another, or cannot be read.
    """
    hashed = sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(1 << 20):
                hashed.update(chunk)
    except OSError as error:
        raise RollbackError(
            "The reverse SQL cannot be read",
            where=str(path)[:300],
            found=error.strerror,
            next_step="Keep the plan's folder together; without the file, make the plan again",
        ) from error
    if hashed.hexdigest() != reverse.sha256:
        raise RollbackError(
            "The reverse SQL is not the one that was written with the plan",
            where=str(path)[:300],
            expected=f"the SHA-256 {reverse.sha256[:16]}…",
            found=f"{hashed.hexdigest()[:16]}…",
            next_step="Take it from a copy of the folder, or make the plan again",
        )


def prove(path: Path, reverse: ReverseSql, deleted: Sequence[PlannedTable], database: WritableDatabase) -> None:
    """Replay the insertions in temporary tables, and compare every row with the plan; in an open transaction.

    Raises:
        RollbackError: A row does not come back as it is.
        WriteError: The server or the role's rights allow no temporary tables.
    """
    tables = {each.table.sql: each for each in deleted}
    scratch = {sql: database.scratch_table(each.table) for sql, each in tables.items()}
    for statement, span in read_statements(path, reverse):
        if span.table in scratch and (moved := _moved(statement, tables[span.table].table, scratch, database)):
            database.execute(moved)
    for sql, each in tables.items():
        _compare(each, scratch[sql], database)


def _moved(
    statement: str, table: TargetTable, scratch: Mapping[str, TargetTable], database: WritableDatabase
) -> str | None:
    """The insertion, into the temporary table; None: it is no insertion."""
    head = database.insert_head(table)
    if not statement.startswith(head):
        return None
    return database.insert_head(table, into=scratch[table.sql].sql) + statement.removeprefix(head)


def _compare(planned: PlannedTable, scratch: TargetTable, database: WritableDatabase) -> None:
    columns = planned.table.stored
    places = [columns.index(column) for column in planned.table.key]
    found = {
        tuple(row.values[place] for place in places): digest_of(row.values) for row in database.rows(scratch, columns)
    }
    wrong = [row.key for row in planned.rows if found.get(row.key) != row.digest]
    if wrong or len(found) != len(planned.rows):
        raise RollbackError(
            "The reverse SQL does not bring the same rows back",
            where=planned.table.sql,
            expected=f"{len(planned.rows):,} equal rows",
            found=f"{len(wrong) or abs(len(found) - len(planned.rows)):,} others"
            + (f", e.g. {words_of(wrong[0])}" if wrong else ""),
            next_step="This is a bug in recon: report it, with the types of this table's columns",
        )


def not_proven(error: WriteError) -> str:
    """Return why there is no proof, in words."""
    return f"{error}; it is tried out before anything is committed"
