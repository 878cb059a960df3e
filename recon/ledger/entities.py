"""What the ledger knows about each entity: its fields, the required ones, and the names that importers use for it."""

from __future__ import annotations

from msgspec import Struct

from recon.model import SINGULAR


class FieldSpec(Struct, frozen=True):
    """A field of a record and the column that it is migrated to.

    Attributes:
        name: The record's column in `source.<entity>`.
        column: The canonical column in `target.<entity>`.
        code_of: The table whose `code` is compared, looked up by the column's id ("statuses"); empty: the column itself
            is compared.
        ids_of: The table whose ids it holds, and whose codes are what people call them ("tiers"); empty: none.
        may_stay_empty: Whether some importers do not fill it: a column without any value is then not compared.
        mapping: The key of migration-config.json that holds the mapping of its values; empty: there is none.
        is_looked_up: Whether others look its values up, as they do codes and keys without being named above.
    """

    name: str
    column: str
    code_of: str = ""
    ids_of: str = ""
    may_stay_empty: bool = False
    mapping: str = ""
    is_looked_up: bool = False


class Entity(Struct, frozen=True):
    """One entity.

    Attributes:
        name: "members", "events" or "registrations".
        mapped_as: Its names in id mapping tables, in lower case.
        fields: The fields, in the order of the export's columns.
        required: Names of fields without which a record is rejected.
        parents: Name of a field → the entity that it references.
    """

    name: str
    mapped_as: tuple[str, ...]
    fields: tuple[FieldSpec, ...]
    required: tuple[str, ...]
    parents: dict[str, str] = {}

    @property
    def codes(self) -> tuple[str, ...]:
        """The names of the fields whose texts are codes or keys: in them, blanks make a difference."""
        return tuple(f.name for f in self.fields if f.code_of or f.mapping or f.is_looked_up)

    @property
    def one(self) -> str:
        """The singular, as in the report's error list: "member"."""
        return SINGULAR[self.name]


def _same(*names: str) -> tuple[FieldSpec, ...]:
    return tuple(FieldSpec(name, name) for name in names)


EVERY_ENTITY = (
    Entity(
        "members",
        ("member", "members"),
        (
            *_same("first_name", "last_name"),
            FieldSpec("email", "email", is_looked_up=True),
            *_same("phone", "joined_at"),
            FieldSpec("status_code", "status_id", code_of="statuses", mapping="membership_status_mapping"),
            FieldSpec("level", "level", may_stay_empty=True, is_looked_up=True),
            FieldSpec("tier_id", "tier_id", ids_of="tiers"),
        ),
        ("email", "first_name", "last_name"),
    ),
    Entity(
        "events",
        ("event", "events"),
        (
            *_same("title", "description"),
            FieldSpec("category", "category", mapping="event_category_mapping"),
            *_same("location", "start_time", "end_time", "capacity", "is_published"),
        ),
        ("title", "start_time"),
    ),
    Entity(
        "registrations",
        ("eventregistration", "eventregistrations", "registration", "registrations"),
        (
            *_same("member_id", "event_id"),
            FieldSpec("status", "status", mapping="registration_status_mapping"),
            *_same("registered_at", "cancelled_at"),
        ),
        ("member_id", "event_id"),
        {"member_id": "members", "event_id": "events"},
    ),
)
# The columns that show when a row was written (STAMPS) and by which run (in ID_MAPPINGS).
STAMPS = ("created_at", "updated_at")
ID_MAPPINGS = ("entity_type", "wa_id", "target_id", "run_id")
CODES = ("id", "code")


def target_columns(entity: Entity) -> set[str]:
    """Return every column that the account of an entity reads from the database."""
    own = {"id", *STAMPS, *(field.column for field in entity.fields)}
    coded = {f"target.{field.code_of}.{name}" for field in entity.fields if field.code_of for name in CODES}
    return {f"target.{entity.name}.{name}" for name in own} | coded | {f"target.id_mappings.{n}" for n in ID_MAPPINGS}
