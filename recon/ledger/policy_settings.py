"""Where the application has its policies: a table of keys and values, a JSON column, or a file that it exports."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from recon.bundle.policies import ExportedPolicies, lookup, read_document, read_value

if TYPE_CHECKING:
    from recon.profile import Profile, Table
    from recon.warehouse import Warehouse

TARGET = "target.policies"
NOT_NAMED = "the profile names no settings"
# As many as are declared; others may be anything.
BY_KEY = """
select cast(key as varchar) as key, cast(value as varchar) as value from target.policies
where cast(key as varchar) in (select key from source.policies)
order by all"""
DOCUMENTS = "select cast(value as varchar) as value from target.policies where value is not null limit 2"


class Settings(Struct, frozen=True):
    """The application's settings, or why there is nothing to compare with.

    Attributes:
        name: Where they are: "settings.content", or the file's name; None: there are none.
        reason: Why no policy is compared with them; None: every one is.
        is_absent: Whether the profile names them and the database lacks them.
        is_refused: Whether the database has them and refused to read them.
        texts: The values of a table, by key.
        document: The policies by key or nested; None: they are in `texts`.
    """

    name: str | None = None
    reason: str | None = None
    is_absent: bool = False
    is_refused: bool = False
    texts: Mapping[str, list[str | None]] = {}
    document: Mapping[str, Any] | None = None

    def values_of(self, key: str, expected: object) -> list[object]:
        """Return every value that they have for the policy; `expected` says how to read a text."""
        if self.document is not None:
            return lookup(self.document, key)
        return [read_value(text, expected) for text in self.texts.get(key, [])]


def settings_columns(profile: Profile) -> set[str]:
    """Return the columns of settings that the profile names: "target.policies.value"."""
    table = profile.table("policies")
    if table is None or not table.source_name:
        return set()
    return {f"{TARGET}.{column.name}" for column in table.columns if column.candidates}


def settings_of(exported: ExportedPolicies | None, profile: Profile, warehouse: Warehouse) -> Settings:
    """Return the application's settings: those that it exported, else those that the profile names."""
    if exported:
        return Settings(exported.file, document=exported.document)
    table = profile.table("policies")
    if table is None or not table.source_name:
        return Settings(reason=NOT_NAMED)
    names = (TARGET, *sorted(settings_columns(profile)))
    refused = next((warehouse.unreadable[name] for name in names if name in warehouse.unreadable), None)
    if refused:
        return Settings(reason=refused, is_refused=True)
    missing = next((warehouse.missing[name] for name in names if name in warehouse.missing), None)
    if missing:
        return Settings(reason=missing, is_absent=True)
    return _of_table(table, warehouse)


def _of_table(table: Table, warehouse: Warehouse) -> Settings:
    columns = {column.name: column.candidates for column in table.columns if column.candidates}
    if "value" not in columns:
        return Settings(reason=f"the profile names no column for {table.name}.value", is_absent=True)
    name = f"{table.source_name}.{columns['value'][0]}"
    if "key" not in columns:
        return _of_documents(name, warehouse)
    texts: dict[str, list[str | None]] = {}
    for row in warehouse.rows(BY_KEY):
        texts.setdefault(row["key"], []).append(row["value"])
    return Settings(name, texts=texts)


def _of_documents(name: str, warehouse: Warehouse) -> Settings:
    """Return the settings of a column that holds all policies as one JSON object."""
    rows = warehouse.rows(DOCUMENTS)
    if len(rows) > 1:
        return Settings(reason=f"{name} has several rows, and the profile names no key or `only`", is_absent=True)
    if not rows:
        return Settings(reason=f"{name} holds nothing", is_absent=True)
    document = read_document(rows[0]["value"])
    if document is None:
        return Settings(reason=f"{name} holds no JSON object", is_absent=True)
    return Settings(name, document=document)
