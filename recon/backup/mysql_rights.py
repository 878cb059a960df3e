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
    *("CREATE VIEW", "SHOW VIEW", "CREATE ROUTINE", "ALTER ROUTINE", "EXECUTE"),
)
ALL = "ALL PRIVILEGES"


def lacking(opened: MysqlSession, everywhere: Sequence[str], accounts: set[str]) -> Iterator[str]:
    """Yield the statements that grant what is lacking; none where the server does not tell.

    Args:
        opened: A session of the user.
        everywhere: Rights that are needed on the server.
        accounts: Those under whose names objects run that have to be made again.
    """
    granted = list(_granted(opened))
    if not granted:
        return
    user = str(opened.ask("select current_user()")[0][0])
    name, account = opened.url.name, _account(user)
    here = [right for right in HERE if not _has(granted, right, name)]
    if here:
        yield f"grant {', '.join(here).lower()} on {quoted(name)}.* to {account}"
    beside = f"{name}{WORDS}000000"
    if any(not _has(granted, right, beside) for right in (*HERE, "REFERENCES", "DELETE")):
        yield f"grant all on {quoted(pattern_of(name))}.* to {account}"
    others = [_of_definers(opened)] if accounts - {user} else []
    for rights in (*((right,) for right in everywhere), *others):
        if not any(_has(granted, right, None) for right in rights):
            yield f"grant {rights[0].lower()} on *.* to {account}"

    if others and not _sees_routines(opened, granted):
        yield f"grant {'select on mysql.proc' if opened.is_mariadb else 'show_routine on *.*'} to {account}"


def _sees_routines(opened: MysqlSession, granted: list[tuple[set[str], str]]) -> bool:
    """Whether the user is shown how routines are made that others made, without which they cannot be backed up."""
    if not opened.is_mariadb:
        return _has(granted, "SHOW_ROUTINE", None) or _has(granted, "SELECT", None)
    return _has(granted, "SELECT", "mysql") or _has(granted, "SHOW CREATE ROUTINE", opened.url.name) or _reads(opened)


def _reads(opened: MysqlSession) -> bool:
    try:
        opened.ask("select 1 from mysql.proc limit 0")
    except ServerRefusal:
        return False
    return True


def _of_definers(opened: MysqlSession) -> tuple[str, ...]:
    """The rights each of which lets a user make what runs under the name of another; the first is that to ask for."""
    version = opened.numbers
    if opened.is_mariadb:
        return ("SUPER",) if version < (10, 5, 2) else ("SET USER", "SUPER") if version < (10, 11) else ("SET USER",)
    if version < (8,):
        return ("SUPER",)
    return ("SET_ANY_DEFINER", "SUPER") if version >= (8, 2) else ("SET_USER_ID", "SUPER")


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


def _account(user: str) -> str:
    name, _, host = user.rpartition("@")
    return "@".join("'" + part.replace("'", "''") + "'" for part in (name, host))
