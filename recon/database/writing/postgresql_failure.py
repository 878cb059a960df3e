"""The WriteError for what PostgreSQL, or the driver, refuses."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from psycopg.pq import TransactionStatus

from recon.database.postgresql_errors import LOST, kind_of, one_line, server_words
from recon.database.writing.interface import WriteError
from recon.errors import visible
from recon.sql import quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.database import DatabaseUrl

KINDS = {
    "40001": "stale",
    "40P01": "stale",
    "55P03": "locked",
    "42501": "denied",
    "25006": "read only",
    "53100": "full",
}
BESIDE = "Look at the constraint that the server names: a row that somebody wrote since is in the way"
ELSEWHERE = "Restore the backup that was made before the run: this text cannot be written as UTF-8, as a plan is"
NEXT_STEPS = {
    "40001": "Plan again: another transaction has changed the same rows since this one began",
    "40P01": "Plan again when no other session is writing to these tables: two of them waited for each other",
    "55P03": "Another session holds these rows or this table: wait until it has ended, then try again",
    "42501": "Ask the DBA to grant this role what the server names",
    "25006": "Connect to the primary, with a role and a database whose transactions may write "
    "(default_transaction_read_only = off)",
    "23503": "Look at the constraint that the server names: a row that was written since refers to one that would be "
    "deleted, or what a row refers to is gone",
    "23505": BESIDE,
    "23P01": BESIDE,
    "53100": "Make room on the server's disk, then try again: nothing was committed",
    "22021": ELSEWHERE,
    "22P05": ELSEWHERE,
    "57014": "The statement was cancelled, or took longer than the {limit_s:,.0f} s that one may take: try again when "
    "the server has less to do",
}
# By the function of the server that denies it: its message may be in any language.
DENIED = {
    "check_enable_rls": "Connect as a role that no policy applies to (BYPASSRLS, or the table's owner): they hide rows "
    "from this one",
    "InitTempTableNamespace": "Ask the DBA: grant temporary on database {database} to this role",
}
NOTHING = "Check the server, then begin again: nothing was committed"
IN_DOUBT = "Find out what became of the transaction before anything else: it may have been committed"
STATEMENT_LIMIT_S = 600.0


@contextmanager
def refused(url: DatabaseUrl, connection: psycopg.Connection, *, committing: bool = False) -> Iterator[None]:
    """Raise a WriteError for what goes wrong inside."""
    try:
        yield
    except psycopg.Error as error:
        raise failure(url, connection, error, committing=committing) from None


def failure(
    url: DatabaseUrl, connection: psycopg.Connection, error: psycopg.Error, *, committing: bool = False
) -> WriteError:
    """Return the error; the server's details, which hold values of rows, are left out."""
    words = url.redact(error.diag.message_primary or server_words(str(error)))
    state = error.sqlstate or ""
    reason = visible(one_line(words))
    is_gone = connection.closed or connection.pgconn.transaction_status == TransactionStatus.UNKNOWN
    if is_gone or state.startswith("08") or kind_of(str(error), state or None) in LOST:
        return WriteError(reason, "lost", IN_DOUBT if committing else NOTHING)
    next_step = DENIED.get(error.diag.source_function or "") or NEXT_STEPS.get(state)
    if next_step:
        next_step = next_step.format(limit_s=STATEMENT_LIMIT_S, database=quote(url.name))
    return WriteError(reason, KINDS.get(state, "other"), next_step)
