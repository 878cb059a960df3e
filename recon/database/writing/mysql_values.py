"""Values of MySQL and MariaDB as bytes on the server, and as literals that bring the same values back.

The literals mean the same under every character set of a client and every sql_mode.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.database.mysql_statement import quote_mysql

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from recon.database.writing.interface import Key, TargetColumn

    Literal = Callable[[bytes | None], str]

NULL = "NULL"
CHARACTERS = " character set "
NUMBERS = frozenset(("tinyint", "smallint", "mediumint", "int", "bigint", "decimal"))
TEXTS = frozenset(("char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set", "json"))
SHAPES = ("point", "linestring", "polygon")
BYTES = frozenset(
    ("binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob", "vector", "geometry", "geometrycollection")
) | {*SHAPES, *(f"multi{shape}" for shape in SHAPES), "geomcollection"}
# Of these types a row can hold more than one statement can concatenate.
LONG = (BYTES | TEXTS) - {"binary", "varbinary", "char", "varchar", "enum", "set"}
UNICODE = frozenset(("utf8", "utf8mb3", "utf8mb4"))
# In these character sets, the bytes of ASCII are what they are elsewhere.
LIKE_ASCII = UNICODE | {"ascii", "latin1"}
PLAIN = re.compile(rb"[ -\[\]-~]*")
CHOICE = re.compile(r"'((?:[^']|'')*)'")
ESCAPE, ESCAPED = re.compile(r"\\(.)"), {"n": "\n", "r": "\r", "0": "\0"}
# What follows the values and the parts of statements that messages repeat.
REPEATED = re.compile(
    r"\b(entry|near|value:?) (?:'.*'(?= for (?:key|column|function) )|'.*'(?= at (?:line|row) )|'.*')", re.DOTALL
)


def spelled(column_type: str, character_set: str) -> str:
    """A type with its character set, unless that is utf8mb4."""
    return column_type if character_set == "utf8mb4" else f"{column_type}{CHARACTERS}{character_set}"


def choices(column_type: str) -> tuple[str, ...]:
    """The values of an enum; empty: it is none."""
    if not column_type.startswith("enum("):
        return ()
    values = (value.replace("''", "'") for value in CHOICE.findall(column_type))
    return tuple(ESCAPE.sub(lambda found: ESCAPED.get(found[1], found[1]), value) for value in values)


def kind(column: TargetColumn) -> str:
    """The name of a column's type, without its arguments."""
    return re.split(r"\W", column.type, maxsplit=1)[0]


def as_bytes(column: TargetColumn) -> str:
    """The SQL of a column's value as bytes, from which `literal_of` makes its literal."""
    name, named = quote_mysql(column.name), kind(column)
    if named in ("float", "double"):
        # A FLOAT shows fewer digits than it has; as a DOUBLE it shows enough to be itself.
        return f"cast({name} * 1e0 as binary)"
    if named == "bit":
        return f"cast({name} + 0 as binary)"
    if named == "json":
        return f"cast(convert({name} using utf8mb4) as binary)"
    if named in NUMBERS | TEXTS | BYTES:
        return f"cast({name} as binary)"
    return f"cast(cast({name} as char) as binary)"


def as_digest_part(column: TargetColumn) -> str:
    """The SQL of what a column adds to the digest of its row: no two values add the same."""
    named = kind(column)
    # The empty text may be a choice, and is what an invalid one looks like.
    value = f"cast({quote_mysql(column.name)} + 0 as binary)" if named == "enum" else as_bytes(column)
    if named in LONG:
        return f"ifnull(md5({value}), '-')"
    # Values in quotes cannot run into each other, and null is a word without.
    return f"quote({value})"


def literal_of(column: TargetColumn) -> Literal:
    """The function that makes literals of a column's values, given as `as_bytes` gives them."""
    named = kind(column)
    if named in BYTES:
        return _or_null(lambda value: f"x'{value.hex()}'")
    if named in ("float", "double"):
        # Without an exponent it would be a decimal number, which knows no negative zero.
        return _or_null(lambda value: value.decode() + ("" if b"e" in value else "e0"))
    if column.type.endswith("zerofill"):
        return _or_null(lambda value: re.sub(r"^0+(?=\d)", "", value.decode()))
    if named in NUMBERS or named == "bit":
        return _or_null(bytes.decode)
    characters = column.type.rpartition(CHARACTERS)[2] if CHARACTERS in column.type else "utf8mb4"
    return _or_null(lambda value: text_literal(value, characters))


def _or_null(make: Callable[[bytes], str]) -> Literal:
    return lambda value: NULL if value is None else make(value)


def text_literal(value: bytes, characters: str = "utf8mb4") -> str:
    """The literal of a text, given in its character set: readable, unless only its bytes say exactly what it is."""
    if characters in LIKE_ASCII and PLAIN.fullmatch(value):
        return _quoted(value.decode())
    if characters in UNICODE:
        text = value.decode(errors="replace")
        if text.isprintable() and "\\" not in text and "\ufffd" not in text:
            return f"_{characters}{_quoted(text)}"
    return f"_{characters} x'{value.hex()}'"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def condition(columns: Sequence[str], keys: Sequence[Key]) -> str:
    """The SQL that holds for the rows whose columns have one of these values, in a form that uses an index."""
    if not keys:
        return "false"
    names = [quote_mysql(column) for column in columns]
    firsts = f"{names[0]} in ({', '.join(dict.fromkeys(key[0] for key in keys))})"
    if len(names) == 1:
        return firsts
    # MariaDB finds no range of an index by several columns at once.
    wholes = ", ".join(f"({', '.join(key)})" for key in keys)
    return f"({firsts} and ({', '.join(names)}) in ({wholes}))"


def masked_words(message: str) -> str:
    """A message of the server without the values and the parts of statements that some messages repeat."""
    return REPEATED.sub(r"\1 '…'", message)
