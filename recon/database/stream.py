"""Reads a file through connectorx: rows of a query as Arrow batches, panics as errors."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import connectorx

from recon.database.source import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa

BATCH_ROWS = 100_000
STDERR = 2


def stream(address: str, sql: str) -> Iterator[pa.RecordBatch]:
    """Yield the rows of `sql` in batches, from the database at `address`, in connectorx's notation.

    Raises:
        ReadError: The database refused, or connectorx panicked.
    """
    with _silence():
        try:
            yield from connectorx.read_sql(address, sql, return_type="arrow_stream", batch_size=BATCH_ROWS)
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001 - a panic is not an Exception
            raise ReadError(" ".join(str(error).split())) from None


@contextmanager
def _silence() -> Iterator[None]:
    """Discard the stack trace that a panic prints to stderr, where Python's own stderr is redirected elsewhere.

    The command line does redirect it (recon.cli); in other programs the stack trace stays visible.
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
