"""The one door to connectorx: rows of a query as Arrow batches, its panics as errors."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

import connectorx

from recon.background import start
from recon.database import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pyarrow as pa

BATCH_ROWS = 100_000
# connectorx retries for 30 s what the probe has just shown to work: more than this is no pause but a refusal.
CONNECT_LIMIT_S = 8.0
STDERR = 2


def stream(
    address: str, sql: str, first: Sequence[str] = (), limit_s: float | None = CONNECT_LIMIT_S
) -> Iterator[pa.RecordBatch]:
    """The rows of `sql` in batches.

    Args:
        address: The database as connectorx writes it.
        sql: One query.
        first: Statements to execute before it on the same connection.
        limit_s: Seconds for the connection and the query's columns, not for its rows; None: as long as it takes.

    Raises:
        ReadError: The database refused, connectorx panicked, or no connection came.
    """
    ask = partial(connectorx.read_sql, address, sql, return_type="arrow_stream", batch_size=BATCH_ROWS)
    with _silence():
        try:
            yield from start(partial(ask, pre_execution_query=list(first) or None)).result(limit_s)
        except TimeoutError:
            raise ReadError(f"timeout: no connection within {limit_s:g} s") from None
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic is no Exception
            raise ReadError(" ".join(str(error).split())) from None


@contextmanager
def _silence() -> Iterator[None]:
    """Keep the stack that a panic prints away from people, where Python's own words go another way.

    The command line sees to that (recon.cli); in someone else's program the stack stays where they can see it.
    """
    if not _has_own_stderr():
        yield
        return
    kept, nowhere = os.dup(STDERR), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STDERR)
    try:
        yield
    finally:
        os.dup2(kept, STDERR)
        os.close(kept)
        os.close(nowhere)


def _has_own_stderr() -> bool:
    stderr: Any = sys.stderr
    try:
        return stderr is not None and stderr.fileno() not in (STDERR, -1)
    except (OSError, ValueError):
        return False
