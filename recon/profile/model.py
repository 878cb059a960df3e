"""A profile as frozen objects: recon's tables and columns, and the application's names for them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Self

from msgspec import Struct

from recon.errors import ProfileError

TYPES = ("key", "text", "integer", "timestamp", "boolean")
PERSONAL = ("name", "email", "phone")
NORMALISERS = ("trim", "collapse_spaces", "casefold", "nfc", "phone_digits", "empty_as_null")
ON_EVERY_TYPE = ("empty_as_null",)
TRUNCATIONS = ("minute", "hour", "day")


class Column(Struct, frozen=True):
    """A canonical column and the names that the application may give it, the preferred one first.

    Attributes:
        candidates: The application's names; empty when the application does not record the column.
        domain: Columns of type `key` with the same domain are compared with each other; None for other types.
        personal: "name", "email" or "phone" when it holds personal data, None otherwise.
        normalise: Names of `NORMALISERS`, applied in this order to a text before it is compared; those in
            `ON_EVERY_TYPE` apply to other types as well.
        abs_tol: The largest difference at which values count as equal: a number, or a duration for timestamps; None:
            values must be exactly equal.
        rel_tol: The same as a share of the greater value, 0 to 1; None: values must be exactly equal.
    """

    name: str
    candidates: tuple[str, ...]
    type: str
    domain: str | None = None
    personal: str | None = None
    required: bool = False
    normalise: tuple[str, ...] = ()
    abs_tol: float | timedelta | None = None
    rel_tol: float | None = None


class Only(Struct, frozen=True):
    """The rows of a shared table that belong to one canonical table: those whose column holds exactly this value."""

    column: str
    value: str


class KeyPart(Struct, frozen=True):
    """A canonical column of a natural key.

    Attributes:
        truncate: The unit to which a timestamp is truncated, "minute", "hour" or "day"; None: the whole value.
    """

    column: str
    truncate: str | None = None


class Table(Struct, frozen=True):
    """A canonical table (`members`, `events`, …) and the application's name for it.

    Attributes:
        source_name: The application's name; empty when the application does not record this entity.
        only: Which rows of the application's table belong to this one; None: all.
        natural_key: The columns that identify a row where ids do not; empty when there are none.
    """

    name: str
    source_name: str
    columns: tuple[Column, ...]
    required: bool = False
    only: Only | None = None
    natural_key: tuple[KeyPart, ...] = ()

    def column(self, name: str) -> Column | None:
        """Return the canonical column of that name, None when the profile has none."""
        return next((column for column in self.columns if column.name == name), None)


class RunRecord(Struct, frozen=True):
    """A place where the application records import runs.

    `json_keys` are the keys to look for, in order, when `column` holds a JSON object; empty when it holds the id.
    """

    table: str
    column: str
    recorded_at: str
    json_keys: tuple[str, ...] = ()


class ImporterRecipe(Struct, frozen=True):
    """How a guided migration runs the application's importer.

    Attributes:
        command: The program and its arguments, with placeholders; see docs/migrate.md.
        dry_run: The arguments that make it a dry run; None: placeholders in `command` do.
        execute: The arguments that make it the execution.
        bundle: Where its bundle appears, with `*` for any characters; None: where the placeholder `{bundle}` says.
        environment: The environment variables that it needs.
        database: The environment variable in which it looks for its database; None: the command names it.
        timeout_minutes: How long it may take; None: as long as it wants.
    """

    command: tuple[str, ...]
    dry_run: tuple[str, ...] | None = None
    execute: tuple[str, ...] = ()
    bundle: str | None = None
    environment: tuple[str, ...] = ()
    database: str | None = None
    timeout_minutes: float | None = None


class Profile(Struct, frozen=True):
    """The mapping of every canonical table to the application's, and where the application records its import runs.

    Attributes:
        environments: By the environment's name, the patterns of hosts and databases that belong to it, with `*` for
            any characters.
        importer: How a guided migration runs the importer; None: it is not said here.
    """

    name: str
    tables: tuple[Table, ...]
    runs: tuple[RunRecord, ...]
    environments: Mapping[str, tuple[str, ...]]
    importer: ImporterRecipe | None = None

    def table(self, name: str) -> Table | None:
        """Return the canonical table of that name, None when there is none."""
        return next((table for table in self.tables if table.name == name), None)

    @property
    def personal_columns(self) -> dict[str, str]:
        """Canonical column name → kind of personal data, over all tables."""
        return {c.name: c.personal for table in self.tables for c in table.columns if c.personal}

    @property
    def unmapped(self) -> tuple[str, ...]:
        """Required tables and columns that the profile does not map: "events", "members.id"."""
        tables = [table for table in self.tables if table.required]
        columns = [f"{t.name}.{c.name}" for t in tables if t.source_name for c in t.columns if _lacks(c)]
        return tuple([table.name for table in tables if not table.source_name] + columns)

    def require_whole(self) -> Self:
        """Return the profile itself, if it is complete enough to verify a migration.

        Raises:
            ProfileError: It does not map a required table or column.
        """
        if self.unmapped:
            raise ProfileError(
                f"The profile {self.name!r} is incomplete",
                expected=f"a table or column of the application for {', '.join(self.unmapped)}",
                found="none",
                next_step="Name them in the profile, then run recon profile check",
            )
        return self


def _lacks(column: Column) -> bool:
    return column.required and not column.candidates
