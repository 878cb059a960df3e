"""The columns in the warehouse that the long lists of a report are loaded into."""

from __future__ import annotations

from msgspec import Struct

from recon.sql import literal, quote


class RecordColumn(Struct, frozen=True):
    """A column that a list is loaded into.

    Attributes:
        key: The key of an item that holds the value; "" where all items share one value, the entity of the list.
        kind: "id" (text or integer), "text", "count", "list" (of texts), or "value" (any, as text).
        or_key: The key for the same value in older importers.
        required: Whether every item has it.
        is_time: Whether its text is a time.
    """

    name: str
    key: str
    kind: str = "value"
    or_key: str = ""
    required: bool = False
    is_time: bool = False

    @property
    def keys(self) -> list[str]:
        """The keys that may hold the value, the newest first."""
        return [key for key in (self.key, self.or_key) if key]

    @property
    def source_type(self) -> str:
        """The type that DuckDB reads it as; JSON distinguishes a number from a text, but costs more."""
        return "JSON" if self.kind in ("count", "list") else "VARCHAR"

    @property
    def stored(self) -> str:
        """Its type in the warehouse."""
        return {"count": "BIGINT", "list": "VARCHAR[]"}.get(self.kind, "VARCHAR")

    def value(self, entity: str) -> str:
        """Return the SQL of the typed value; null where the item has none."""
        if not self.key:
            return literal(entity)
        newest = quote(self.key)
        text = f"coalesce(nullif({newest}, ''), {quote(self.or_key)})" if self.or_key else newest
        return text if self.source_type == "VARCHAR" else f"try_cast({text} as {self.stored})"

    @property
    def suspect(self) -> str:
        """The SQL condition that the value may be of another type than importers write."""
        if self.kind == "value":
            return "false"
        missing = "true" if self.required else "false"
        return " or ".join(f"coalesce(is_suspect_{self.kind}({quote(key)}), {missing})" for key in self.keys)


RECORD = (
    RecordColumn("source_row", "_sourceRow", "count"),
    RecordColumn("wa_id", "_waId", "id"),
    RecordColumn("target_id", "_murmurantId", "id", "_clubosId"),
    RecordColumn("action", "_action", "text"),
    RecordColumn("errors", "_errors", "list"),
)
COLUMNS = {
    "members": (
        *RECORD,
        RecordColumn("first_name", "firstName"),
        RecordColumn("last_name", "lastName"),
        RecordColumn("email", "email"),
        RecordColumn("phone", "phone"),
        RecordColumn("joined_at", "joinedAt", is_time=True),
        RecordColumn("status_code", "membershipStatusCode"),
        RecordColumn("level", "waMembershipLevel"),
        RecordColumn("tier_id", "membershipTierId"),
    ),
    "events": (
        *RECORD,
        RecordColumn("title", "title"),
        RecordColumn("description", "description"),
        RecordColumn("category", "category"),
        RecordColumn("location", "location"),
        RecordColumn("start_time", "startTime", is_time=True),
        RecordColumn("end_time", "endTime", is_time=True),
        RecordColumn("capacity", "capacity"),
        RecordColumn("is_published", "isPublished"),
    ),
    "registrations": (
        *RECORD,
        RecordColumn("member_id", "memberId"),
        RecordColumn("event_id", "eventId"),
        RecordColumn("status", "status"),
        RecordColumn("registered_at", "registeredAt", is_time=True),
        RecordColumn("cancelled_at", "cancelledAt", is_time=True),
    ),
    "errors": (
        RecordColumn("entity", "entity", "text", required=True),
        RecordColumn("source_row", "sourceRow", "count"),
        RecordColumn("wa_id", "waId", "id"),
        RecordColumn("message", "message", "text", required=True),
    ),
    "id_mappings": (
        RecordColumn("entity_type", ""),
        RecordColumn("wa_id", "waId", "id"),
        RecordColumn("target_id", "murmurantId", "id", "clubosId"),
    ),
}
