"""The entities that an import reads: where each is, the shape of its records, and what is asked about it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.model import Probe
from recon.preflight.wild_apricot.shapes import Contact, ContactField, Event, MembershipLevel, Registration

if TYPE_CHECKING:
    from collections.abc import Mapping

    from msgspec import Struct

CATEGORY = "source"
LOSS = "An importer that reads this API now loses what is named here, or takes what is unreadable for empty"
LOOK = "Look at the account and at the key's rights, ask again, and do not import before this passes"


@dataclass(frozen=True)
class ApiEntity:
    """A kind of record that an import reads.

    Attributes:
        path: Below the account.
        one, many: What one and several are called.
        names: Under which an answer may hold the list.
        shape: What each record must be.
        identity: The field that distinguishes records.
        needed: Fields that an import cannot do without, though they may be empty.
        is_paged: The list comes in pages; otherwise whole.
        parameters: Of every question about it.
    """

    probe: Probe
    path: str
    one: str
    many: str
    names: tuple[str, ...]
    shape: type[Struct]
    identity: str = "Id"
    needed: tuple[str, ...] = ()
    is_paged: bool = False
    parameters: Mapping[str, str | int] = field(default_factory=dict)


def _probe(name: str, title: str, what: str) -> Probe:
    return Probe(
        f"source_{name}",
        title,
        CATEGORY,
        f"Wild Apricot counts {what}, at least one can be read, and what is read is of the shape that an import needs.",
        LOSS,
        LOOK,
    )


CONTACT_FIELDS = ApiEntity(
    _probe("contact_fields", "Contact Fields", "contact fields"),
    "contactfields",
    "contact field",
    "contact fields",
    ("ContactFields", "Fields"),
    ContactField,
    identity="SystemCode",
    needed=("FieldName", "SystemCode"),
)
MEMBERSHIP_LEVELS = ApiEntity(
    _probe("membership_levels", "Membership Levels", "membership levels"),
    "membershiplevels",
    "membership level",
    "membership levels",
    ("MembershipLevels", "Levels"),
    MembershipLevel,
    needed=("Name",),
)
CONTACTS = ApiEntity(
    _probe("contacts", "Contacts", "contacts, members among them"),
    "contacts",
    "contact",
    "contacts",
    ("Contacts",),
    Contact,
    needed=("FirstName", "LastName", "Email"),
    is_paged=True,
    parameters={"$async": "false"},
)
EVENTS = ApiEntity(
    _probe("events", "Events", "events"),
    "events",
    "event",
    "events",
    ("Events",),
    Event,
    needed=("Name", "StartDate"),
    is_paged=True,
)
REGISTRATIONS = ApiEntity(
    _probe("registrations", "Event Registrations", "the registrations of an event"),
    "eventregistrations",
    "registration",
    "registrations",
    ("EventRegistrations", "Registrations"),
    Registration,
    needed=("Event", "Contact", "RegistrationDate"),
)
NEEDED_FIELDS = ("FirstName", "LastName", "Email")
"""System codes of the contact fields that an import needs."""
