"""The scheme that was probably meant by an unknown one, for the message."""

from __future__ import annotations

from recon.errors import suggest

SCHEMES = ("postgresql", "postgres", "mysql", "mariadb", "sqlite", "duckdb", "file")
# Other names and abbreviations that people and other libraries use.
OTHERS = {
    "pg": "postgresql",
    "pgsql": "postgresql",
    "psql": "postgresql",
    "psycopg": "postgresql",
    "psycopg2": "postgresql",
    "asyncpg": "postgresql",
    "my": "mysql",
    "maria": "mariadb",
    "sqlite3": "sqlite",
    "ddb": "duckdb",
}


def scheme_hint(text: str) -> str | None:
    """A "Did you mean …?" question for the URL's scheme; None when none is close. No other part of it is repeated."""
    scheme = text.partition("://")[0].removeprefix("jdbc:").partition("+")[0].strip().lower()
    return f"Did you mean {scheme!r}?" if scheme in SCHEMES else suggest(scheme, SCHEMES, OTHERS)
