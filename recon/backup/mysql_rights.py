"""The rights that a user of MySQL or MariaDB lacks for a restore, as far as the server tells what it has."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.backup.mysql_places import WORDS, pattern_of
from recon.backup.mysql_session import ServerRefusal, quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.backup.mysql_session import MysqlSession

GRANT = re.compile(r"GRANT (.+?) ON (\*|`(?:[^`]|``)+`|\"(?:[^\"]|\"\")+\")\.\* TO ", re.IGNORECASE)
HERE = (
    *("SELECT", "INSERT", "CREATE", "DROP", "ALTER", "LOCK TABLES", "TRIGGER"),
    *("CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE"),
)
ALL = "ALL PRIVILEGES"


def lacking(opened: MysqlSession, everywhere: Sequence[str]) -> Iterator[str]:
    """Yield the statements that grant what is lacking; none where the server does not tell.

    Args:
        opened: A session of the user.
        everywhere: Rights that are needed on the server.
    """
    granted = list(_granted(opened))
    if not granted:
        return
    name, account = opened.url.name, _account(opened)
    here = [right for right in HERE if not _has(granted, right, name)]
    if here:
        yield f"grant {', '.join(here).lower()} on {quoted(name)}.* to {account}"
    beside = f"{name}{WORDS}000000"
    if any(not _has(granted, right, beside) for right in (*HERE, "REFERENCES", "DELETE")):
        yield f"grant all on {quoted(pattern_of(name))}.* to {account}"
    for right in everywhere:
        if not _has(granted, right, None):
            yield f"grant {right.lower()} on *.* to {account}"


def _granted(opened: MysqlSession) -> Iterator[tuple[set[str], str]]:
    """Yield rights with the pattern of the databases that they are for."""
    try:
        ((roles,),) = opened.ask("select current_role()")
        using = f" for current_user() using {roles}" if not opened.is_mariadb and roles not in (None, "NONE") else ""
        rows = opened.ask(f"show grants{using}")
    except ServerRefusal:
        return
    for row in rows:
        if found := GRANT.match(row[0]):
            yield {right.strip().upper() for right in found[1].split(",")}, found[2]


def _has(granted: list[tuple[set[str], str]], right: str, database: str | None) -> bool:
    """Whether a right is granted on a database; None: on the server."""
    return any(
        rights & {right, ALL, "ALL"} and (pattern == "*" or (database is not None and _covers(pattern, database)))
        for rights, pattern in granted
    )


def _covers(pattern: str, database: str) -> bool:
    """Whether a pattern of SQL's LIKE, in quotes, is that of a database."""
    text = pattern[1:-1].replace(pattern[0] * 2, pattern[0])
    parts = re.findall(r"\\.|.", text, re.DOTALL)
    wild = {"%": ".*", "_": "."}
    expression = "".join(wild.get(part) or re.escape(part.removeprefix("\\")) for part in parts)
    return re.fullmatch(expression, database, re.IGNORECASE | re.DOTALL) is not None


def _account(opened: MysqlSession) -> str:
    name, _, host = str(opened.ask("select current_user()")[0][0]).rpartition("@")
    return "@".join("'" + part.replace("'", "''") + "'" for part in (name, host))
