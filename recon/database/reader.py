"""The program that reads a server through connectorx: queries arrive on stdin, Arrow streams leave on stdout.

connectorx holds the GIL while it waits for rows, so that a read could not be cancelled from within the same process,
and prints a stack trace when it panics; in a separate process neither does harm. Each line of stdin is a query as JSON;
after each stream, a line on stderr is null, or the reason why the stream ended early, as JSON.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

import connectorx
import pyarrow as pa

BATCH_ROWS = 100_000
STDERR = 2


def main() -> None:
    """Answer queries until stdin ends."""
    words = os.fdopen(os.dup(STDERR), "w", encoding="utf-8")
    os.dup2(os.open(os.devnull, os.O_WRONLY), STDERR)
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=words, flush=True)


def answer(query: dict[str, Any]) -> str | None:
    """Write the rows of `query` to stdout as one Arrow stream; return None, or why it ended early."""
    sink, writer = sys.stdout.buffer, None
    try:
        batches = connectorx.read_sql(
            query["address"],
            query["sql"],
            return_type="arrow_stream",
            batch_size=BATCH_ROWS,
            pre_execution_query=query["first"],
        )
        writer = pa.ipc.new_stream(sink, batches.schema)
        # The schema shows the caller that the connection works, possibly long before the first row arrives.
        sink.flush()
        for batch in batches:
            writer.write_batch(batch)
    except BaseException as error:  # noqa: BLE001 - a panic is not an Exception
        return " ".join(str(error).split()) or type(error).__name__
    else:
        return None
    finally:
        (writer or pa.ipc.new_stream(sink, pa.schema([]))).close()
        sink.flush()


if __name__ == "__main__":
    main()
