"""The columns that a report's long lists become in the warehouse."""

from __future__ import annotations

from msgspec import Struct

from recon.sql import literal, quote


class Column(Struct, frozen=True):
    """A column that a list becomes.

    Attributes:
        key: The key of an item that holds the value; "" where the whole list has the same, its entity.
        kind: "id" (text or whole number), "text", "count", "list" (of texts), or "value" (any, as text).
        or_key: An older importer's key for the same.
        required: Whether every item has it.
    """

    name: str
    key: str
    kind: str = "value"
    or_key: str = ""
    required: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys that may hold the value, the newest first."""
        return [key for key in (self.key, self.or_key) if key]

    @property
    def arrives(self) -> str:
        """What DuckDB reads it as; JSON keeps a number apart from a text, and costs more."""
        return "JSON" if self.kind in ("count", "list") else "VARCHAR"

    @property
    def stored(self) -> str:
        """Its type in the warehouse."""
        return {"count": "BIGINT", "list": "VARCHAR[]"}.get(self.kind, "VARCHAR")

    def value(self, entity: str) -> str:
        """The SQL of the value, typed; null where the item has none."""
        if not self.key:
            return literal(entity)
        newest = quote(self.key)
        text = f"coalesce(nullif({newest}, ''), {quote(self.or_key)})" if self.or_key else newest
        return text if self.arrives == "VARCHAR" else f"try_cast({text} as {self.stored})"

    @property
    def odd(self) -> str:
        """The SQL that is true where the value may be of another type than importers write."""
        if self.kind == "value":
            return "false"
        missing = "true" if self.required else "false"
        return " or ".join(f"coalesce(is_odd_{self.kind}({quote(key)}), {missing})" for key in self.keys)


RECORD = (
    Column("source_row", "_sourceRow", "count"),
    Column("wa_id", "_waId", "id"),
    Column("target_id", "_murmurantId", "text", "_clubosId"),
    Column("action", "_action", "text"),
    Column("errors", "_errors", "list"),
)
COLUMNS = {
    "members": (
        *RECORD,
        Column("first_name", "firstName"),
        Column("last_name", "lastName"),
        Column("email", "email"),
        Column("phone", "phone"),
        Column("joined_at", "joinedAt"),
        Column("status_code", "membershipStatusCode"),
        Column("level", "waMembershipLevel"),
        Column("tier_id", "membershipTierId"),
    ),
    "events": (
        *RECORD,
        Column("title", "title"),
        Column("description", "description"),
        Column("category", "category"),
        Column("location", "location"),
        Column("start_time", "startTime"),
        Column("end_time", "endTime"),
        Column("capacity", "capacity"),
        Column("is_published", "isPublished"),
    ),
    "registrations": (
        *RECORD,
        Column("member_id", "memberId"),
        Column("event_id", "eventId"),
        Column("status", "status"),
        Column("registered_at", "registeredAt"),
        Column("cancelled_at", "cancelledAt"),
    ),
    "errors": (
        Column("entity", "entity", "text", required=True),
        Column("source_row", "sourceRow", "count"),
        Column("wa_id", "waId", "id"),
        Column("message", "message", "text", required=True),
    ),
    "id_mappings": (
        Column("entity_type", ""),
        Column("wa_id", "waId", "id"),
        Column("target_id", "murmurantId", "text", "clubosId"),
    ),
}
