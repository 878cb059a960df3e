"""Reads the rows of a server through connectorx, in a separate process so that a read can always be ended."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import wait
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from recon.background import PATIENCE_S, start
from recon.database.child_environment import KERBEROS, PYTHON, TLS, child_environment
from recon.database.source import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# -P keeps the working directory off sys.path: it may contain an unrelated folder named recon.
PROGRAM = (sys.executable, "-P", "-m", "recon.database.reader")
ENDED = "the connection was ended while it was read"
TIMEOUT = "timeout"


class ServerStream:
    """A reader process that runs queries on one server, one after the other.

    Args:
        address: The server's address for connectorx; it is sent through a pipe, so that no process list shows it.
        limit_s: Seconds to wait for the connection and the query's columns; None where columns may take long.
        cancel: Ends the running query on the server.
    """

    def __init__(self, address: str, limit_s: float | None, cancel: Callable[[], None]) -> None:
        self._address, self._limit_s, self._cancel = address, limit_s, cancel
        self._process = _start()

    def batches(self, sql: str, first: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Yield the rows of `sql`; the statements `first` are executed before it on the same connection.

        Raises:
            ReadError: The server refused, connectorx panicked, no connection was made in time, or the read was ended.
        """
        if self._process.poll() is not None:
            self.close()
            self._process = _start()
        is_whole = False
        try:
            yield from self._exchange(json.dumps({"address": self._address, "sql": sql, "first": list(first)}))
            is_whole = True
            refusal = self._refusal()
        except (pa.ArrowException, OSError, ValueError):
            raise ReadError(ENDED) from None
        finally:
            if not is_whole:
                self.close()
        if refusal:
            raise ReadError(refusal)

    def close(self) -> None:
        """End the process, whatever it waits for."""
        self._process.kill()
        self._process.wait()
        for pipe in filter(None, (self._process.stdin, self._process.stdout, self._process.stderr)):
            with suppress(OSError):
                pipe.close()

    def _exchange(self, query: str) -> Iterator[pa.RecordBatch]:
        stdin: Any = self._process.stdin
        stdin.write(query.encode() + b"\n")
        stdin.flush()
        try:
            reader = start(partial(pa.ipc.open_stream, self._process.stdout)).result(self._limit_s)
        except TimeoutError:
            # A query that waits for a lock would go on waiting on the server, and this process may end at any moment.
            wait([start(self._cancel)], PATIENCE_S)
            raise ReadError(f"{TIMEOUT}: no connection and no columns within {self._limit_s:g} s") from None
        yield from reader

    def _refusal(self) -> str | None:
        stderr: Any = self._process.stderr
        said: str | None = json.loads(stderr.readline())
        return said


def _start() -> subprocess.Popen[bytes]:
    """Start the process in its own session: an interrupt from the terminal reaches only recon, which handles it."""
    return subprocess.Popen(  # noqa: S603 - recon's own module, no shell
        PROGRAM,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        env=child_environment(PYTHON | TLS | KERBEROS, RUST_LOG="off"),
    )
