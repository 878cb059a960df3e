"""Temporary tables of MySQL and MariaDB, on a connection of their own, whose end drops them.

No transaction that only reads may create a table, not even a temporary one.
"""

from __future__ import annotations

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from msgspec.structs import replace

from recon.database.mysql_statement import quote_mysql
from recon.database.writing.interface import WriteError
from recon.database.writing.mysql_catalogue import qualified
from recon.database.writing.mysql_channel import STATEMENTS, MysqlChannel

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.database.writing.interface import TargetTable

GRANT = "Ask the DBA: grant create temporary tables on {database}.* to this user"
# Lines of a definition that a temporary table can have as well: not those of full texts, foreign keys, partitions.
KEPT = ("`", "PRIMARY KEY", "UNIQUE KEY", "KEY")
OPTIONS = re.compile(r"DEFAULT CHARSET=\w+(?: COLLATE=\w+)?")


class MysqlScratch:
    """Temporary tables.

    Attributes:
        channel: The connection on which they are.

    Raises:
        pymysql.Error: The server refuses the connection.
    """

    def __init__(self, url: DatabaseUrl, timeout_s: float | None) -> None:
        self._database = url.name
        self._names: set[str] = set()
        self.channel = MysqlChannel(url, timeout_s, autocommit=True)

    def create(self, table: TargetTable) -> TargetTable:
        """Create an empty one with the columns of a table.

        Raises:
            WriteError: The user may not, or the server knows no such temporary table.
        """
        name = f"recon_scratch_{token_hex(8)}"
        sql = qualified(self._database, name)
        try:
            self._create(table.sql, sql)
        except WriteError as error:
            if error.kind == "denied":
                error.next_step = GRANT.format(database=quote_mysql(self._database))
            raise
        self._names.add(sql)
        return replace(table, sql=sql, schema=self._database, name=name)

    def _create(self, table: str, scratch: str) -> None:
        try:
            self.channel.send(STATEMENTS["create_scratch"].format(scratch=scratch, table=table))
        except WriteError as error:
            if error.kind != "other":
                raise
            # Full texts and partitions: a table that has these cannot be copied whole.
            statement = STATEMENTS["create_scratch_of"]
            definitions, options = self._definition(table)
            self.channel.send(statement.format(scratch=scratch, definitions=definitions, options=options))

    def _definition(self, table: str) -> tuple[str, str]:
        """The columns and plain keys of a table, and its character set."""
        text = str(self.channel.ask(STATEMENTS["definition"].format(table=table))[0][1])
        _, *lines = text.split("\n")
        kept = [line.strip().rstrip(",") for line in lines if line.lstrip().startswith(KEPT)]
        options = OPTIONS.search(next(line for line in lines if line.startswith(")")))
        return ", ".join(kept), options[0] if options else ""

    def is_named_in(self, text: str) -> bool:
        """Whether a statement names one of the tables."""
        return any(name in text for name in self._names)

    def close(self) -> None:
        """Drop them all."""
        self.channel.close()
