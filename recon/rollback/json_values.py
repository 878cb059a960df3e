"""Values of JSON as literals, in the form in which a column stores its values: times as texts or numbers, 1 or true."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from recon.rollback.tables import raw_text

if TYPE_CHECKING:
    from recon.database.writing import TargetColumn, WritableDatabase

NULL = "NULL"
NUMBER = re.compile(r"-?\d+(?:\.\d+)?(?:e[+-]?\d+)?", re.IGNORECASE)
SCALE = re.compile(r"(?:numeric|decimal)\(\d+,(\d+)\)", re.IGNORECASE)
MYSQL_NUMBER = re.compile(r"(?:tiny|small|medium|big)?int\b|decimal|float|double|bit")
FLOATS = ("real", "floa", "doub")
# The types whose values are shown in one way that is known; of SQLite's, the sample shows it.
KNOWN = {
    "postgresql": re.compile(
        r"(?:text|citext|uuid|boolean|smallint|integer|bigint|real|double precision|date|jsonb?"
        r"|(?:character|numeric|timestamp)[^\[]*)$"
    ),
    "mysql": re.compile(
        r"(?:tiny|medium|long)?text\b|(?:var)?char\b|(?:tiny|small|medium|big)?int\b|decimal|float|double|datetime"
        r"|timestamp|date$|json|bit|(?:var)?binary\(16\)"
    ),
    "sqlite": re.compile(""),
}
OTHER_CHARACTERS = " character set "
UUID = re.compile(r"[0-9a-f]{32}")
TIME = re.compile(
    r"\d{4}-\d\d-\d\d(?:(?P<between>[T ])\d\d:\d\d(?P<seconds>:\d\d(?:\.(?P<fraction>\d+))?)?"
    r"(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?)?"
)
WORDS = (("true", "false"), ("t", "f"), ("1", "0"))
STYLES = tuple(
    json.JSONEncoder(separators=separators, ensure_ascii=is_ascii)
    for separators in ((", ", ": "), (",", ":"))
    for is_ascii in (False, True)
)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# The greatest times that are seconds and milliseconds since 1970; what is greater is in microseconds.
UNITS = ((1e11, 1), (1e14, 1_000))


def is_uuid(text: str) -> bool:
    """Whether a text is an uuid without hyphens, in lower case."""
    return bool(UUID.fullmatch(text))


def spelled(value: Any, sample: str | None, column: TargetColumn, database: WritableDatabase) -> str | None:
    """Return the literal of a value as its column stores it.

    Args:
        value: As `json.loads` gives it, with numbers as int or Decimal.
        sample: The literal of another value of the column; None: there is none.
        column: The column.
        database: Its database.

    Returns:
        The literal; None: the form is not known.
    """
    if value is None:
        return NULL
    if not column.choices and not KNOWN[database.kind].match(column.type.lower()):
        return None
    # What a text of another character set is as a literal, only the server can say.
    if OTHER_CHARACTERS in column.type and not str(value).isascii():
        return None
    return _Column(sample or _typical(column, database), column, database).spelled(value)


def _typical(column: TargetColumn, database: WritableDatabase) -> str:
    """A literal as values of a type are shown, where the type decides that; else one of a text."""
    kind = column.type.lower()
    if database.kind == "sqlite":
        return ""
    if "time" in kind:
        digits = re.search(r"\((\d)\)", kind)
        fraction = f".{'0' * int(digits[1])}" if digits and database.kind == "mysql" else ""
        zone = "+00" if "with time zone" in kind else ""
        return f"'2000-01-01 00:00:00{fraction}{zone}'"
    if database.kind == "mysql" and MYSQL_NUMBER.match(kind):
        return "0"
    return {"date": "'2000-01-01'", "boolean": "'true'"}.get(kind, "''")


class _Column:
    """A column's way of storing values, as a sample shows it."""

    def __init__(self, sample: str, column: TargetColumn, database: WritableDatabase) -> None:
        self._sample, self._database = sample, database
        self._type = column.type.lower()
        self._text = raw_text(sample)
        self._is_bare = self._text == sample
        self._is_blob = sample[:2] in {"X'", "x'"}

    def spelled(self, value: Any) -> str | None:
        if self._type in {"json", "jsonb"} or isinstance(value, dict | list):
            return self._json(value)
        if isinstance(value, bool) or (self._type == "boolean" and value in (0, 1)):
            return self._boolean(is_true=bool(value))
        if isinstance(value, int | Decimal):
            return self._number(Decimal(value))
        if isinstance(value, str):
            return self._of_text(value)
        return None

    def _literal(self, text: str) -> str:
        return text if self._is_bare else self._database.literal(text)

    def _of_text(self, value: str) -> str | None:
        if self._is_blob:
            plain = value.lower().replace("-", "")
            return f"{self._sample[0]}'{plain}'" if is_uuid(plain) and is_uuid(self._text) else None
        moment = instant_of(value) if TIME.fullmatch(value) else None
        if moment and (found := TIME.fullmatch(self._text)):
            return self._database.literal(self._time(moment, found))
        if moment and self._is_number:
            return self._literal(self._since_1970(moment))
        if moment and not self._text:
            return None
        is_decimal = NUMBER.fullmatch(value) and (self._is_bare or SCALE.match(self._type))
        return self._number(Decimal(value)) if self._sample and is_decimal else self._database.literal(value)

    @property
    def _is_number(self) -> bool:
        return bool(NUMBER.fullmatch(self._text))

    def _boolean(self, *, is_true: bool) -> str | None:
        words = next((words for words in WORDS if self._text.lower() in words), None)
        return self._literal(words[0 if is_true else 1]) if words else None

    def _number(self, value: Decimal) -> str:
        if self._database.kind == "sqlite":
            return self._number_of_sqlite(value)
        scale = SCALE.match(self._type)
        if scale:
            text = f"{value:.{scale[1]}f}"
        elif any(word in self._type for word in FLOATS):
            text = repr(float(value)).removesuffix(".0")
            text += "e0" if self._database.kind == "mysql" and "e" not in text else ""
        else:
            text = f"{value:f}"
        return self._literal(text)

    def _number_of_sqlite(self, value: Decimal) -> str:
        if not self._is_bare:
            return self._database.literal(f"{value:f}")
        is_whole = value == value.to_integral_value() and not any(word in self._type for word in FLOATS)
        return str(int(value)) if is_whole else repr(float(value))

    def _json(self, value: Any) -> str | None:
        try:
            present = json.loads(self._text)
        except ValueError:
            return None
        if self._type == "jsonb":
            value = _as_jsonb(value)
        for style in STYLES if not _has_fraction(value) else ():
            if style.encode(present) == self._text:
                return self._database.literal(style.encode(value))
        return None

    def _time(self, moment: datetime, sample: re.Match[str]) -> str:
        if sample["between"] is None:
            return f"{moment:%Y-%m-%d}"
        moment = moment.astimezone(_zone(sample["zone"]))
        text = f"{moment:%Y-%m-%d}{sample['between']}{moment:%H:%M}"
        if sample["seconds"]:
            text += f"{moment:%S}".rjust(3, ":") + self._fraction(moment, sample["fraction"])
        return text + (sample["zone"] or "")

    def _fraction(self, moment: datetime, sample: str | None) -> str:
        digits = f"{moment.microsecond:06}"
        if self._database.kind == "postgresql" and "time" in self._type:
            digits = digits.rstrip("0")
        else:
            digits = digits.ljust(9, "0")[: len(sample or "")]
        return f".{digits}" if digits else ""

    def _since_1970(self, moment: datetime) -> str:
        sample = abs(float(self._text))
        unit = next((unit for limit, unit in UNITS if sample < limit), 1_000_000)
        micros = (moment - EPOCH) // timedelta(microseconds=1)
        if "." in self._text:
            return repr(micros * unit / 1_000_000)
        return str(micros * unit // 1_000_000)


def _as_jsonb(value: Any) -> Any:
    """A value with its keys in the order of jsonb: the shorter ones first."""
    if isinstance(value, list):
        return [_as_jsonb(each) for each in value]
    if not isinstance(value, dict):
        return value
    keys = sorted(value, key=lambda key: (len(key.encode()), key.encode()))
    return {key: _as_jsonb(value[key]) for key in keys}


def _has_fraction(value: Any) -> bool:
    """Whether a value holds numbers that can be written in several ways."""
    if isinstance(value, dict | list):
        return any(map(_has_fraction, value.values() if isinstance(value, dict) else value))
    return isinstance(value, Decimal)


def _zone(text: str | None) -> timezone:
    if not text or text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[3:].lstrip(":") or 0)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def instant_of(text: str) -> datetime | None:
    """Return the instant that a text shows: ISO 8601, without a zone UTC, or a number since 1970; None: none."""
    if NUMBER.fullmatch(text):
        number = Decimal(text)
        unit = next((unit for limit, unit in UNITS if abs(number) < limit), 1_000_000)
        try:
            return EPOCH + timedelta(microseconds=int(number * 1_000_000 / unit))
        except OverflowError:
            return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC)
