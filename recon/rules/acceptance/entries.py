"""The entries of a file of accepted differences: what each accepts, who answers for it, and for how long."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from typing import TYPE_CHECKING, NamedTuple

from msgspec import Struct
from msgspec.structs import asdict

if TYPE_CHECKING:
    from collections.abc import Iterator

FINGERPRINT = re.compile(r"[0-9a-f]{16}")
SURROGATE = re.compile("[\ud800-\udfff]")
EMAIL = re.compile(r"[^\s@]+@[^\s@]+")
# What checks of this category find needs the approval of another person.
APPROVED_CATEGORY = "integrity"
Identity = tuple[str, str | None, str | None, str | None, str | None, bool]


class Problem(NamedTuple):
    """What is wrong with an entry: the key of the file that is concerned, what it should hold, and what it holds."""

    key: str
    expected: str
    found: str


class AcceptedEntry(Struct, frozen=True):
    """One entry: it accepts one finding, or all findings of a kind up to a number.

    An entry with a fingerprint accepts one finding (`checks.findings`): as long as its values are those that were
    accepted. An entry with a maximum, which names no key, accepts all findings of the check that agree with what it
    names.

    Attributes:
        check: The id of the check.
        reason: Why the difference is right, or bearable; names no person of the data.
        owner: Who answers for it.
        expires: The last day, by UTC, on which the entry counts.
        entity: The finding's entity; None: any.
        key: The id of what is wrong; None: a finding without one, or with `maximum` any.
        field: The finding's field; None: any.
        cause: The finding's cause; None: any.
        fingerprint: That of the finding as it was accepted; None with `maximum`.
        maximum: The most violations that are accepted in this way; None with `fingerprint`.
        approved_by: Who else approved it, which checks of the category "integrity" need; None: nobody.
    """

    check: str
    reason: str
    owner: str
    expires: date
    entity: str | None = None
    key: str | None = None
    field: str | None = None
    cause: str | None = None
    fingerprint: str | None = None
    maximum: int | None = None
    approved_by: str | None = None

    @property
    def is_wide(self) -> bool:
        """Whether it accepts findings by their number, and not one by its values."""
        return self.maximum is not None

    @property
    def identity(self) -> Identity:
        """What it is about: two entries with the same are about the same findings."""
        # The cause of one finding is one of its values, but tells kinds of findings apart.
        return self.check, self.entity, self.key, self.field, self.cause if self.is_wide else None, self.is_wide

    @property
    def subject(self) -> str:
        """What it is about, in words: its check, entity and key, field, and cause."""
        named = (self.entity, self.key) if self.key else (self.entity,)
        thing = " ".join(filter(None, named))
        cause = self.cause and f"cause {self.cause}"
        return ", ".join(filter(None, (self.check, thing, self.field, cause if self.is_wide else None)))

    def problems(self) -> Iterator[Problem]:
        """What is wrong with it, by itself."""
        for name, value in asdict(self).items():
            if isinstance(value, str) and not value.strip():
                yield Problem(name, "a text", "an empty one")
            elif isinstance(value, str) and SURROGATE.search(value):
                yield Problem(name, "a text in UTF-8", repr(value[:60]))
        for name in ("entity", "key", "field", "cause", "reason"):
            if EMAIL.search(getattr(self, name) or ""):
                yield Problem(name, "ids only, no personal data", "an e-mail address")
        if self.fingerprint is not None and not FINGERPRINT.fullmatch(self.fingerprint):
            yield Problem("fingerprint", "16 hexadecimal digits", repr(self.fingerprint[:60]))
        if self.maximum is not None and self.maximum < 1:
            yield Problem("maximum", "1 or more", str(self.maximum))
        yield from self._contradictions()

    def _contradictions(self) -> Iterator[Problem]:
        if self.maximum is not None and self.fingerprint is not None:
            yield Problem("maximum", "a fingerprint or a maximum", "both")
        elif self.key is not None and self.maximum is not None:
            yield Problem("maximum", "a key with its fingerprint, or a maximum without a key", "a key and a maximum")
        elif self.key is not None and self.fingerprint is None:
            yield Problem("fingerprint", "the fingerprint of what is accepted of the key", "none")
        elif self.fingerprint is None and self.maximum is None:
            yield Problem("maximum", "how many violations are accepted at most, or a key with its fingerprint", "none")


class AcceptanceFile(Struct, frozen=True):
    """The file of accepted differences.

    Attributes:
        path: As it was named.
        entries: In their order; the first is called entry 1.
        lines: The line on which each entry starts, as far as that is known; else empty.
    """

    path: str
    entries: tuple[AcceptedEntry, ...] = ()
    lines: tuple[int, ...] = ()

    def place(self, number: int) -> str:
        """The location of an entry, counted from 1."""
        line = f", line {self.lines[number - 1]}" if self.lines else ""
        return f"{self.path}, entry {number}{line}"

    def terms(self, today: date) -> dict[str, object]:
        """What a judgement depends on: what the entries say, and which of them have expired by `today`."""
        expired = [number for number, entry in enumerate(self.entries, 1) if entry.expires < today]
        return {"entries": [repr(entry) for entry in self.entries], "expired": expired}


def lacks_approval(entry: AcceptedEntry, category: str) -> bool:
    """Whether a check of this category needs another person's approval, and the entry has none."""
    if category != APPROVED_CATEGORY:
        return False
    return entry.approved_by is None or _folded(entry.approved_by) == _folded(entry.owner)


def _folded(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", name).casefold().split())
