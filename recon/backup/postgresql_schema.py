"""The schema of a PostgreSQL database beside that of its backup: what is newer, and what of it would stop a restore."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.backup.dump_text import IDENTIFIER, NAME, name_of
from recon.backup.replacing import SchemaDifference, Survey

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

TABLE = re.compile(rb"CREATE (?:UNLOGGED )?TABLE (" + NAME + rb")")
VIEW = re.compile(rb"CREATE (MATERIALIZED )?VIEW (" + NAME + rb")")
# pg_restore counts it to the schema, pg_dump to the data.
REFRESH = b"REFRESH MATERIALIZED VIEW "
FOREIGN_KEY = re.compile(rb"ALTER TABLE (?:ONLY )?(" + NAME + rb")\s+ADD CONSTRAINT (" + IDENTIFIER + rb") FOREIGN KEY")
PARTITION = re.compile(rb"ALTER TABLE (?:ONLY )?(" + NAME + rb") ATTACH PARTITION (" + NAME + rb")")
ABOUT = re.compile(rb"(?:ALTER TABLE|COMMENT ON TABLE)\s+(?:ONLY )?(" + NAME + rb")")
KINDS = (
    (FOREIGN_KEY, "foreign key"),
    (PARTITION, "partition"),
    (VIEW, "view"),
    (TABLE, "table"),
    (re.compile(rb"ALTER .* OWNER TO ", re.DOTALL), "owner"),
    (re.compile(rb"GRANT |REVOKE |ALTER DEFAULT PRIVILEGES "), "grant"),
    (re.compile(rb"(?:CREATE|ALTER) PUBLICATION "), "publication"),
    (re.compile(rb"CREATE (?:UNIQUE )?INDEX "), "index"),
    (re.compile(rb"CREATE (?:CONSTRAINT )?TRIGGER "), "trigger"),
    (re.compile(rb"CREATE (?:FUNCTION|PROCEDURE) "), "function"),
    (re.compile(rb"CREATE SEQUENCE "), "sequence"),
    (re.compile(rb"CREATE TYPE "), "type"),
    (re.compile(rb"CREATE POLICY "), "policy"),
)
# What is never dropped: schemas that are there, languages, and the rights that new objects get.
DEFAULTS = re.compile(rb"ALTER DEFAULT PRIVILEGES FOR ROLE " + IDENTIFIER + rb"(?: IN SCHEMA (" + IDENTIFIER + rb"))? ")
ON_STANDING = re.compile(rb"(?:GRANT|REVOKE) .* ON (?:SCHEMA (" + IDENTIFIER + rb")|LANGUAGE " + IDENTIFIER + rb") ")
OWNED_SCHEMA = re.compile(rb"ALTER SCHEMA (" + IDENTIFIER + rb") OWNER TO ")
RIGHT = re.compile(rb"(?P<verb>GRANT|REVOKE) (?P<what>(?:GRANT OPTION FOR )?.* ON .*) (?:TO|FROM) (?P<who>.*)")
GRANTABLE = b" WITH GRANT OPTION"
# pg_dump writes what is no name in capitals, and quotes names that have any.
OWNED = re.compile(rb"ALTER (?:[A-Z]+ )+(?P<name>.*) OWNER TO ")
GRANT = re.compile(rb"(?:GRANT|REVOKE) .* ON (?:[A-Z]+ )+(?P<name>.*) (?:TO|FROM) ")
NEW_SCHEMA = re.compile(rb"CREATE SCHEMA (" + IDENTIFIER + rb")")
FATES = {
    "foreign key": "is dropped, as it would stop the restore",
    "view": "is dropped, as it would stop the restore",
    "partition": "is detached: its table stays, as a table of its own",
    "table": "stays, with its rows",
    "owner": "becomes that of the backup",
    "grant": "is lost where the backup brings its object back",
    "publication": "becomes as in the backup; one that is newer loses the tables that the backup brings back",
}
CHANGED = "becomes as in the backup"
OTHERS = "goes with its table where the backup brings that back, else it stays"
SHOWN = 120


@dataclass
class Schema:
    """A schema as statements.

    Attributes:
        statements: By their text on one line.
        tables, views: Names, as a manifest spells them.
        schemas, owned: Names of the schemas, and of all that has an owner, as SQL spells them.
    """

    statements: dict[bytes, bytes] = field(default_factory=dict)
    tables: set[str] = field(default_factory=set)
    views: set[str] = field(default_factory=set)
    schemas: set[bytes] = field(default_factory=set)
    owned: set[bytes] = field(default_factory=set)

    def __init__(self, statements: Iterable[bytes]) -> None:
        by_line = {b" ".join(each.split()): each for each in statements}
        self.statements = {line: each for line, each in by_line.items() if not line.startswith(REFRESH)}
        self.tables = {name_of(found[1]) for each in self.statements if (found := TABLE.match(each))}
        self.views = {name_of(found[2]) for each in self.statements if (found := VIEW.match(each))}
        # A dump takes it for granted that there is this one.
        self.schemas = {b"public", *(found[1] for each in self.statements if (found := NEW_SCHEMA.match(each)))}
        self.owned = {found["name"] for each in self.statements if (found := OWNED.match(each))}

    def owner_of(self, schema: bytes) -> bytes | None:
        """The statement that gives a schema its owner; None: it is the server's default."""
        beginning = b"ALTER SCHEMA %s OWNER TO " % schema
        return next((each for each in self.statements if each.startswith(beginning)), None)


def compared(live: Schema, backup: Schema) -> Survey:
    """What the live schema has that the backup's does not, and the other way round."""
    newer = [text for text in live.statements if text not in backup.statements]
    absent = [text for text in backup.statements if text not in live.statements]
    kept = live.tables - backup.tables
    return Survey(
        differences=tuple(_differences(newer, kept, backup)),
        first=tuple(_first(newer, kept, backup)),
        rights=tuple(_rights(live, backup)),
        extra=tuple(_shown(text) for text in newer if _is_extra(text, backup)),
        kept=tuple(sorted(kept)),
        newer_sql=tuple(f"{_sql(live.statements[text])};" for text in newer),
        absent=tuple(_shown(text) for text in absent),
    )


def _differences(newer: list[bytes], kept: set[str], backup: Schema) -> Iterator[SchemaDifference]:
    for text in newer:
        kind = next((name for pattern, name in KINDS if pattern.match(text)), "")
        about = ABOUT.match(text)
        if kind not in {"foreign key", "partition"} and about and name_of(about[1]) in kept:
            # A table that stays does so with all that is its own.
            continue
        fate = CHANGED if _stands(text, backup) else FATES.get(kind, OTHERS)
        named = VIEW.match(text) or TABLE.match(text)
        if named and name_of(named[named.re.groups]) in backup.views | backup.tables:
            fate = CHANGED
        yield SchemaDifference(kind or " ".join(_shown(text).split()[:2]).lower(), _shown(text), fate)


def _shown(text: bytes) -> str:
    line = _sql(text)
    return line if len(line) <= SHOWN else f"{line[: SHOWN - 1]}…"


def _first(newer: list[bytes], kept: set[str], backup: Schema) -> Iterator[str]:
    """The statements that drop what would stop `pg_restore --clean`, dependents first."""
    for text in newer:
        if found := FOREIGN_KEY.match(text):
            yield f"alter table {_sql(found[1])} drop constraint {_sql(found[2])}"
    for text in reversed(newer):
        found = VIEW.match(text)
        if found and name_of(found[2]) not in backup.views:
            yield f"drop {'materialized ' if found[1] else ''}view {_sql(found[2])}"
    for text in newer:
        found = PARTITION.match(text)
        if found and name_of(found[1]) not in kept and name_of(found[2]) in kept:
            yield f"alter table {_sql(found[1])} detach partition {_sql(found[2])}"


def _rights(live: Schema, backup: Schema) -> Iterator[str]:
    """What sets the rights right that stand, the last first; what the backup has comes with it.

    Of the rights that new objects get, none may be left: what the backup brings back would get them as well.
    """
    for text in reversed(live.statements):
        if not _stands(text, backup) or (text in backup.statements and not DEFAULTS.match(text)):
            continue
        schema = OWNED_SCHEMA.match(text)
        statement = backup.owner_of(schema[1]) if schema else _turned_round(live.statements[text])
        if statement is not None:
            yield _sql(statement)


def _stands(text: bytes, backup: Schema) -> bool:
    """Whether a statement is about rights on what is never dropped, and is there in the backup too."""
    found = DEFAULTS.match(text) or ON_STANDING.match(text) or OWNED_SCHEMA.match(text)
    return found is not None and (found[1] is None or found[1] in backup.schemas)


def _turned_round(text: bytes) -> bytes | None:
    """REVOKE for GRANT, and GRANT for REVOKE."""
    found = RIGHT.search(text)
    if found is None:
        return None
    who = found["who"].removesuffix(GRANTABLE)
    right = b"REVOKE %s FROM %s" if found["verb"] == b"GRANT" else b"GRANT %s TO %s"
    return text[: found.start()] + right % (found["what"].removeprefix(b"GRANT OPTION FOR "), who)


def _is_extra(text: bytes, backup: Schema) -> bool:
    if DEFAULTS.match(text) or ON_STANDING.match(text):
        return _stands(text, backup)
    if schema := OWNED_SCHEMA.match(text):
        return schema[1] in backup.schemas and backup.owner_of(schema[1]) is None
    found = GRANT.match(text)
    return found is not None and found["name"] in backup.owned


def _sql(text: bytes) -> str:
    return text.decode(errors="backslashreplace")
