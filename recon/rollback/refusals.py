"""What a server refuses while a run is undone, as errors that say what to do."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from recon.database.writing import WriteError
from recon.errors import RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterator

WORDS = {
    "stale": "Somebody changed the same rows in the meantime",
    "locked": "Another session holds what the rollback needs",
    "denied": "This role may not do what the rollback needs",
    "read only": "The database takes no writes",
    "full": "The server has no room left",
    "lost": "The connection ended",
}
NEXT_STEPS = {
    "stale": "Make the plan again: recon rollback plan",
    "locked": "Wait until it has ended, and try again; nothing was waited for longer than seconds",
    "denied": "Ask the DBA for the rights that the plan lists",
    "read only": "Name the primary server, not a standby",
    "full": "Make room, and try again",
    "lost": "Try again: what was not committed is undone by the server",
}


@contextmanager
def refused(where: str, done: str = "Nothing was changed") -> Iterator[None]:
    """Turn what the server refuses into an error.

    Args:
        where: The database, for the message.
        done: What is known about what was done.

    Raises:
        RollbackError: The server refused.
    """
    try:
        yield
    except WriteError as error:
        raise RollbackError(
            WORDS.get(error.kind, "The server refused a statement") + f" ({done[0].lower()}{done[1:]})",
            where=where,
            found=str(error),
            next_step=error.next_step or NEXT_STEPS.get(error.kind),
        ) from error
