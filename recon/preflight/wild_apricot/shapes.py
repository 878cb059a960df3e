"""The shapes of Wild Apricot's answers: which are known, and what an answer is that has none of them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from recon.database.secrets import without_secrets
from recon.errors import ApiRefusal, visible
from recon.masking import mask_text

# A list may be in an object, under the entity's own name or one of these.
LIST_NAMES = ("Items", "data")
MISSING = re.compile(r"Object missing required field `(?P<field>.+?)`(?: - at `\$\.?(?P<place>.*)`)?$")
MISTYPED = re.compile(r"Expected `(?P<expected>.+?)`(?:, got `(?P<found>.+?)`)?.*?(?: - at `\$\.?(?P<place>.*)`)?$")
SHOWN_NAMES = 6

Id = int | Annotated[str, Meta(min_length=1)]


class Permission(Struct, rename="pascal"):
    """What a key may do in one account; `available_scopes` None: not stated."""

    account_id: Id
    available_scopes: Sequence[str] | None = None


class Grant(Struct):
    """What the token endpoint gives for a key, beside the token; None: not stated."""

    expires_in: int | float | str | None = None
    permissions: Sequence[Permission] | None = msgspec.field(name="Permissions", default=None)


class GrantedToken(Struct):
    """The token, which goes into a header and must not contain what a header cannot."""

    access_token: Annotated[str, Meta(pattern="^[!-~]{1,8192}$")]

    def __repr__(self) -> str:
        return "GrantedToken(***)"


class TimeZone(Struct, rename="pascal"):
    """The time zone of an account."""

    zone_id: str | None = None
    name: str | None = None


class Account(Struct, rename="pascal"):
    """An account, one club."""

    id: Id
    name: str | None = None
    time_zone: TimeZone | None = None


class Linked(Struct, rename="pascal"):
    """Another record, by its id."""

    id: Id
    name: str | None = None


class FieldValue(Struct, rename="pascal"):
    """The value of one field of a contact, of any type."""

    field_name: str
    system_code: str | None = None
    value: Any = None


class Contact(Struct, rename="pascal"):
    """A person; a member where there is a level. None or an empty text: nothing was entered."""

    id: Id
    first_name: str | None
    last_name: str | None
    email: str | None
    membership_level: Linked | None = None
    status: str | None = None
    field_values: Sequence[FieldValue] | None = None


class MembershipLevel(Struct, rename="pascal"):
    """A membership level, which becomes a tier."""

    id: Id
    name: str | None


class ContactField(Struct, rename="pascal"):
    """A field that contacts have, of Wild Apricot's own or the club's."""

    field_name: str | None
    system_code: str | None


class Event(Struct, rename="pascal"):
    """An event; dates are ISO 8601 with the account's offset, None: none was entered."""

    id: Id
    name: str | None
    start_date: str | None
    end_date: str | None = None
    location: str | None = None
    tags: Sequence[str] | None = None
    registrations_limit: int | None = None
    confirmed_registrations_count: int | None = None
    pending_registrations_count: int | None = None


class Registration(Struct, rename="pascal"):
    """A registration of a contact for an event."""

    id: Id
    event: Linked | None
    contact: Linked | None
    registration_date: str | None
    status: str | None = None


@dataclass(frozen=True)
class Mismatch:
    """Where a document is not of the shape that is needed; both texts are free of the document's values.

    Attributes:
        field: The field, as "Event.Id"; empty: the document as a whole.
        found: What is wrong with it.
    """

    field: str
    found: str

    def __str__(self) -> str:
        return f"{self.field}: {self.found}" if self.field else self.found


@dataclass(frozen=True)
class Progress:
    """How far a result is that the API makes while the client waits.

    Attributes:
        state: As the API calls it, empty where it does not say.
        url: Where the result will be.
    """

    state: str
    url: str

    @property
    def is_complete(self) -> bool:
        """Whether it can be read."""
        return self.state.casefold() == "complete"

    @property
    def has_failed(self) -> bool:
        """Whether there will never be one."""
        return self.state.casefold() == "failed"


def mismatch(document: object, shape: type[Struct]) -> Mismatch | None:
    """The first place where the document differs from the shape; None where none does. Further fields are right."""
    try:
        msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        return _explained(str(error))
    return None


def progress_of(document: object) -> Progress | None:
    """How far the result is; None where the document is the result itself, or anything else."""
    if not isinstance(document, dict):
        return None
    state, url = document.get("State"), document.get("ResultUrl")
    is_result = any(isinstance(value, list) for value in document.values()) or count_of(document) is not None
    if not isinstance(url, str) or is_result or not isinstance(state, str | None):
        return None
    return Progress(state or "", url)


def records_of(document: object, names: Sequence[str], where: str) -> list[dict[str, Any]]:
    """The records of an answer: a list, or an object with a list under one of the names (in any case).

    Args:
        document: The answer.
        names: The entity's names for it, besides those that any entity may use.
        where: The address, for errors.

    Raises:
        ApiRefusal: It is neither, which is not the same as an empty list.
    """
    found = document
    if isinstance(document, dict):
        known = {name.casefold() for name in (*names, *LIST_NAMES)}
        lists = [value for name, value in document.items() if name.casefold() in known and isinstance(value, list)]
        found = lists[0] if len(lists) == 1 else None
    if not isinstance(found, list) or not all(isinstance(record, dict) for record in found):
        raise unknown_shape(document, where, f"a list, or an object with {' or '.join((*names, *LIST_NAMES))}")
    return found


def count_of(document: object) -> int | None:
    """The number that an answer to `$count` states; None where it states none."""
    found = document
    if isinstance(document, dict):
        counts = [value for name, value in document.items() if name.casefold() == "count"]
        found = counts[0] if len(counts) == 1 else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def unknown_shape(document: object, where: str, expected: str) -> ApiRefusal:
    """The error for an answer that has none of the shapes that are known."""
    return ApiRefusal(
        "The API answers in a shape that is not known",
        where=where,
        expected=expected,
        found=described(document),
        next_step="An importer that expects another shape reads nothing, and takes that for an empty account",
    )


def described(document: object) -> str:
    """What a document is, without its values."""
    if isinstance(document, Mapping):
        names = [quoted(str(name), 40) for name in list(document)[:SHOWN_NAMES]]
        more = " and more" if len(document) > SHOWN_NAMES else ""
        return f"an object with {', '.join(names)}{more}" if names else "an empty object"
    if isinstance(document, list):
        kinds = sorted({described(item).partition(" with ")[0] for item in document})
        return f"a list of {len(document)}: {', '.join(kinds)}" if kinds else "an empty list"
    words = {str: "a text", bool: "true or false", int: "a number", float: "a number", type(None): "null"}
    return words.get(type(document), "something else")


def quoted(text: str, longest: int = 200) -> str:
    """What a server said, on one line, without secrets, e-mail addresses and phone numbers."""
    shown = mask_text(visible(without_secrets(text)))
    return shown if len(shown) <= longest else f"{shown[:longest]}…"


def moment_of(text: str) -> datetime | None:
    """The instant that a text names, without an offset where the text has none; None where it names none."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _explained(message: str) -> Mismatch:
    """What msgspec says, in a field and words."""
    missing = MISSING.match(message)
    if missing:
        return Mismatch(".".join(filter(None, (missing["place"], missing["field"]))), "absent")
    mistyped = MISTYPED.match(message)
    if mistyped is None:
        return Mismatch("", "not of the shape that is known")
    found = f", found {mistyped['found']}" if mistyped["found"] else ", found another"
    return Mismatch(mistyped["place"] or "", f"expected {mistyped['expected']}{found}")
