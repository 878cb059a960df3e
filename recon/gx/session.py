"""One ephemeral context of Great Expectations at a time, and its batches; nothing is written, shown or sent."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

import great_expectations as gx

if TYPE_CHECKING:
    from collections.abc import Iterator

# The library is not thread-safe: its project is one global object.
LOCK = RLock()
SOURCE = "warehouse"


@contextmanager
def session() -> Iterator[Any]:
    """A context of one's own, and nobody else's until it is left."""
    with LOCK:
        context: Any = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False}
        context.data_sources.add_pandas(SOURCE)
        yield context


def batch_definition(context: Any, name: str) -> Any:
    """A batch that is one whole frame of pandas, given when it is validated."""
    asset = context.data_sources.get(SOURCE).add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe("whole")
