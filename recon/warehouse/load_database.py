"""The snapshot: reads the tables and columns that the rules need into the warehouse, in one consistent read."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.background import ReadAhead
from recon.database import ReadError, Source
from recon.errors import CorruptionError, DatabaseError
from recon.model import SnapshotInfo
from recon.warehouse.reads import TableRead, plan_reads, silent, wanted_columns
from recon.warehouse.times import settle_database_times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    import polars as pl

    from recon.profile import Profile
    from recon.warehouse.session import Warehouse


@dataclass(frozen=True)
class Loader:
    """Fills the warehouse with the rows of the planned reads.

    Attributes:
        on_rows: Called with the canonical table and the number of its rows read so far.
        damaged: Each table that the rules can do without and that is damaged → what the database says.
        waiting_for: The application's tables whose read has started, the current one last.
    """

    source: Source
    warehouse: Warehouse
    on_rows: Callable[[str, int], None]
    waiting_for: list[str] = field(default_factory=list)
    damaged: dict[str, str] = field(default_factory=dict)

    def load(self, reads: Sequence[TableRead]) -> None:
        """Append the rows of every read; the next batch is read while the previous one is stored.

        Raises:
            DatabaseError: The database refused a required table, or sent no rows within the source's limit.
        """
        try:
            self._load(reads)
        except TimeoutError:
            raise silent(self.source, f"the next rows of {self.waiting_for[-1]!r}") from None

    def _load(self, reads: Sequence[TableRead]) -> None:
        done = Counter[str]()
        with ReadAhead(self._batches(reads), self.source.limit_s, self.source.cancel) as batches:
            for read, frame in batches:
                if isinstance(frame, ReadError):
                    self._refuse(read, frame)
                    continue
                self.warehouse.append(read.name, frame, read.fields, read.query.table)
                done[read.name] += frame.height
                self.on_rows(read.name.removeprefix("target."), done[read.name])

    def _batches(self, reads: Sequence[TableRead]) -> Iterator[tuple[TableRead, pl.DataFrame | ReadError]]:
        self.source.prepare([read.query for read in reads])
        for read in reads:
            self.waiting_for.append(read.query.table)
            try:
                for frame in self.source.read(read.query):
                    yield read, frame
            except ReadError as error:
                yield read, error

    def _refuse(self, read: TableRead, error: ReadError) -> None:
        if read.required:
            raise _refused(self.source, read.query.table, error) from error
        self.warehouse.unreadable[read.name] = f"the database refused {read.query.table!r}: {error}"
        if error.is_corruption:
            self.damaged[read.query.table] = str(error)

    def require_sound(self) -> None:
        """Require that the database found no damage beside what was read; what was read is worth nothing otherwise.

        Raises:
            CorruptionError: It did.
        """
        # A server is not asked: it would need rights that a reader lacks.
        check = getattr(self.source, "damage", None)
        found = check() if check else None
        if found:
            raise CorruptionError(
                "The database is damaged",
                where=self.source.label,
                found=found,
                next_step=self.source.refusal_hint(found),
            )


def take_snapshot(
    source: Source,
    profile: Profile,
    requires: Iterable[str],
    warehouse: Warehouse,
    on_rows: Callable[[str, int], None] = lambda _table, _rows: None,
) -> SnapshotInfo:
    """Read what `requires` names ("target.members.tier_id", "target.runs") into the warehouse's schema `target`.

    Every canonical table named is created, empty where the database lacks it, so that the SQL of rules always binds;
    absent tables and columns are recorded in `warehouse.missing`, tables that the server refuses in
    `warehouse.unreadable`.

    Raises:
        DatabaseError: A required table or column is missing or cannot be read, or the database stopped answering.
    """
    requires = set(requires)
    wanted = wanted_columns(profile, requires)
    reads = plan_reads(source, profile, requires, warehouse)
    loader = Loader(source, warehouse, on_rows)
    loader.load(reads)
    loader.require_sound()
    settle_database_times(warehouse, reads)
    warehouse.verify_loads()
    absent = {**warehouse.missing, **warehouse.unreadable}
    return SnapshotInfo(
        database=source.label,
        guarantee=source.guarantee,
        consistent=source.consistent,
        rows={name: warehouse.row_count(f"target.{name}") for name in wanted if f"target.{name}" not in absent},
        not_read=absent,
        unread={table: names for table, names in warehouse.unread.items() if names},
        # A file has no connection.
        encryption=getattr(source, "encryption", None),
        damaged=loader.damaged,
    )


def _refused(source: Source, table: str, error: ReadError) -> DatabaseError:
    kind = CorruptionError if error.is_corruption else DatabaseError
    return kind(
        f"The table {table!r} cannot be read",
        where=source.label,
        found=str(error),
        next_step=error.next_step or source.refusal_hint(str(error)),
    )
