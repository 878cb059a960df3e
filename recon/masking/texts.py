"""Masking of e-mail addresses and phone numbers in free text; an error is masked where no library can be loaded."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from recon.masking.forms import HAS_AT, find, replaced, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

JSON_STRING = re.compile(r'("(?:[^"\\]|\\.)*+")(\s*:)?', re.DOTALL)
BETWEEN_WORDS = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|[\s-]+")


def mask_text(text: str) -> str:
    """Return free text with its e-mail addresses and phone numbers masked."""
    return replaced(text, find(text))


def mask_id(text: str) -> str:
    """Return an id with its e-mail addresses masked, and phone numbers if it begins with a country's prefix."""
    is_number = text.lstrip("( ").startswith(("+", "\uff0b"))
    return replaced(text, (span for span in find(text) if is_number or span[2] != "phone"))


def mask_kind(text: str, kind: str | None) -> str:
    """Return a whole value of that kind of personal data (name, email, phone) masked; `kind` None: as free text."""
    if kind is None:
        return mask_text(text)
    return shown(text, "name" if kind == "email" and not HAS_AT.search(text) else kind)


def mask_json(text: str, personal: Mapping[str, str] | None = None, hide: Callable[[str], str] = mask_text) -> str:
    """Return a JSON text whose strings are masked; it stays JSON, and all else in it unchanged.

    Args:
        text: The JSON text.
        personal: Name → kind of personal data: what stands under that key is masked as that kind.
        hide: Masks what stands under any other key.
    """
    kind: str | None = None

    def masked(found: re.Match[str]) -> str:
        nonlocal kind
        plain: str = json.loads(found[1], strict=False)
        if found[2]:
            kind, hidden = (personal or {}).get(column_of(plain)), mask_text(plain)
        else:
            hidden = hide(plain) if kind is None else mask_kind(plain, kind)
        return found[0] if hidden == plain else json.dumps(hidden, ensure_ascii=False) + (found[2] or "")

    return JSON_STRING.sub(masked, text)


def column_of(name: str) -> str:
    """Return a name as columns are written: "firstName" and "First name" are "first_name"."""
    return BETWEEN_WORDS.sub("_", name.strip()).casefold()
