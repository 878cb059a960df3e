"""One ephemeral context of Great Expectations at a time, and its batches; nothing is written, shown or sent."""

from __future__ import annotations

from contextlib import contextmanager
from threading import RLock
from typing import TYPE_CHECKING, Any

import great_expectations as gx
from great_expectations.data_context.types.base import DataContextConfig, InMemoryStoreBackendDefaults

if TYPE_CHECKING:
    from collections.abc import Iterator

# The library is not thread-safe: its project is one global object.
LOCK = RLock()
SOURCE = "warehouse"


@contextmanager
def session() -> Iterator[Any]:
    """A private context, held exclusively until it is left."""
    with LOCK:
        # By default it would leave an empty folder for pages behind.
        defaults = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
        config = DataContextConfig(store_backend_defaults=defaults, analytics_enabled=False)
        context: Any = gx.get_context(mode="ephemeral", project_config=config)
        context.variables.progress_bars = {"globally": False}
        context.data_sources.add_pandas(SOURCE)
        yield context


def batch_definition(context: Any, name: str) -> Any:
    """A batch that is one whole pandas frame, passed in when it is validated."""
    asset = context.data_sources.get(SOURCE).add_dataframe_asset(name)
    return asset.add_batch_definition_whole_dataframe("whole")
