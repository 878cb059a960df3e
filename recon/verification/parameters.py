"""The values of options as they arrive from elsewhere: a notebook's parameters, which papermill gives other types."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

TRUTHS = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
WORDS = {bool: "a truth value", int: "a number", float: "a number", type(None): "None", list: "a list", dict: "a table"}
WHOLE_LIMIT = 2**53


def text(name: str, value: object) -> str | Path:
    """Return a text or a path; a whole number becomes its digits, which papermill made of them.

    Raises:
        UsageError: The value is of another type, so that the text that was meant is not known.
    """
    if isinstance(value, Path | str):
        return value
    if isinstance(value, os.PathLike):
        return Path(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    raise _converted(name, "a text", value)


def optional_text(name: str, value: object) -> str | Path | None:
    """Return a text or a path as `text` does; None for None and for the empty text, which is a notebook's default."""
    return None if value is None or value == "" else text(name, value)


def texts(name: str, value: object) -> tuple[str | Path, ...]:
    """Return several texts or paths; one text is the only one.

    Raises:
        UsageError: The value is of another type, or a list that was written as a text.
    """
    if value is None or value == "":
        return ()
    if isinstance(value, str) and value.lstrip().startswith("[") and not Path(value).exists():
        raise UsageError(
            f"The parameter {name} is no list",
            expected="a list of texts",
            found=repr(value[:100]),
            next_step=f"papermill takes a list as YAML: -y '{name}: [first, second]'",
        )
    if isinstance(value, list | tuple | set | frozenset):
        return tuple(text(name, one) for one in value)
    return (text(name, value),)


def truth(name: str, value: object) -> bool:
    """Return a truth value, which may be written in words, or as 0 or 1.

    Raises:
        UsageError: The value is something else.
    """
    known = TRUTHS.get(str(value).strip().lower()) if isinstance(value, bool | int | str) else None
    if known is None:
        raise _refused(name, "true or false", value)
    return known


def whole(name: str, value: object) -> int:
    """Return a whole number, which may be written as a text or have a fraction of zero.

    Raises:
        UsageError: The value is something else.
    """
    if isinstance(value, str | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except ValueError:
            raise _refused(name, "a whole number", value) from None
        if number.is_integer() and abs(number) < WHOLE_LIMIT:
            return int(number)
    elif isinstance(value, int) and not isinstance(value, bool):
        return value
    raise _refused(name, "a whole number", value)


def number(name: str, value: object) -> float | None:
    """Return a number, which may be written as a text; None for None and for the empty text.

    Raises:
        UsageError: The value is something else.
    """
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, str | float | int):
        raise _refused(name, "a number", value)
    try:
        return float(value)
    except ValueError:
        raise _refused(name, "a number", value) from None


def bundle_path(value: object, environment: Mapping[str, str]) -> str | Path:
    """Return the bundle's path as it was given.

    Raises:
        UsageError: It is empty, of another type, a database in the place of the bundle, or digits that name nothing.
    """
    given = text("bundle", value)
    if not str(given).strip():
        raise UsageError(
            "No bundle is named",
            where="bundle",
            expected="the folder or archive that holds migration-report.json",
            found="an empty text",
            next_step="Name it with --bundle PATH; in the notebook, set `bundle` in its first code cell, or use "
            "papermill -p bundle PATH",
        )
    if isinstance(value, int) and not Path(given).exists():
        raise UsageError(
            "The bundle was not found",
            where="bundle",
            found=f"the number {value}",
            next_step=_raw("bundle", str(value)),
        )
    if str(given) in environment and "://" in environment[str(given)] and not Path(given).exists():
        raise UsageError(
            "The bundle is the name of an environment variable that holds a URL",
            where="--bundle",
            expected="the folder or archive that holds migration-report.json",
            found=str(given),
            next_step=f"Name the bundle with --bundle, and the database with --database {given}",
        )
    return given


def _converted(name: str, expected: str, value: object) -> UsageError:
    is_number = isinstance(value, float)
    hint = _raw(name, str(value)) if is_number or value is None or isinstance(value, bool) else f"Give {expected}"
    return UsageError(f"The parameter {name} is not {expected}", expected=expected, found=_shown(value), next_step=hint)


def _refused(name: str, expected: str, value: object) -> UsageError:
    return UsageError(f"The parameter {name} is not {expected}", expected=expected, found=_shown(value))


def _raw(name: str, written: str) -> str:
    kind = {"None": "None", "True": "a truth value", "False": "a truth value"}.get(written, "a number")
    return f"If it comes from papermill -p, papermill made {kind} of it: use -r {name} {written}, spelt as you mean it"


def _shown(value: object) -> str:
    return f"{WORDS.get(type(value), type(value).__name__)}, {str(value)[:100]!r}"
