"""What a policy may be: its type, its range, and whether a club has to declare it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

# Names in the tz database's folder that are no zones of a place.
NO_ZONES = ("Factory", "localtime", "posixrules", "posix/", "right/")


class PolicyDefinition(Struct, frozen=True):
    """What one policy may be.

    Attributes:
        type: One of `TYPES`.
        required: Whether a club has to declare it.
        least, most: Inclusive bounds of a number or an integer; None: no bound.
        one_of: The texts that are allowed; empty: every text that is not blank.
    """

    key: str
    type: str
    required: bool = False
    least: int | float | None = None
    most: int | float | None = None
    one_of: tuple[str, ...] = ()

    def admits(self, value: object) -> bool:
        """Return whether the value, as JSON decodes it, is valid."""
        if not TYPES[self.type](value):
            return False
        if isinstance(value, int | float):
            return not (self.least is not None and value < self.least) and not (
                self.most is not None and value > self.most
            )
        return not self.one_of or value in self.one_of

    @property
    def expects(self) -> str:
        """What a valid value is, in words."""
        if self.one_of:
            return f"one of {', '.join(self.one_of)}"
        words = WORDS[self.type]
        if self.least is not None and self.most is not None:
            return f"{words} from {self.least} to {self.most}"
        if self.least is not None:
            return f"{words} of {self.least} or more"
        return words if self.most is None else f"{words} of {self.most} or less"


def is_zone(value: object) -> bool:
    """Return whether the value is the name of a time zone in the tz database."""
    if not isinstance(value, str) or value.startswith(NO_ZONES):
        return False
    try:
        ZoneInfo(value)
    except (ValueError, OSError, LookupError):
        return False
    return True


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: object) -> bool:
    return _is_number(value) and float(str(value)).is_integer()


def _is_truth(value: object) -> bool:
    return isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _is_mapping(value: object) -> bool:
    return isinstance(value, dict) and all(map(_is_text, [*value, *value.values()]))


TYPES: Mapping[str, Callable[[object], bool]] = {
    "number": _is_number,
    "integer": _is_whole,
    "boolean": _is_truth,
    "text": _is_text,
    "timezone": is_zone,
    "mapping": _is_mapping,
}
"""The types of policies, and whether a value is of one."""

WORDS = {
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "text": "a text that is not blank",
    "timezone": "a time zone of the tz database, such as America/Los_Angeles",
    "mapping": "an object that leads from texts to texts",
}
