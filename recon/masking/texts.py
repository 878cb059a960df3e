"""Masking of e-mail addresses and phone numbers in free text; an error is masked where no library can be loaded."""

from __future__ import annotations

import json
import re

EMAIL_PATTERN = r"([\w+])[\w.+'-]*@[\w-]+(?:\.[\w-]+)+"
PHONE_PATTERN = r"(?:\+\d{1,3}[ .-]?)?(?:\(\d{3}\) ?|\b\d{3}[ .-])\d{3}[ .-]\d{2}(\d{2})\b|\+\d{7,13}(\d{2})\b"
JSON_STRING = re.compile(r'"(?:[^"\\]|\\.)*"')


def mask_text(text: str) -> str:
    """Return free text with its e-mail addresses and phone numbers masked."""
    masked = re.sub(EMAIL_PATTERN, r"\1***@***", text)
    return re.sub(PHONE_PATTERN, lambda found: "***" + (found[1] or found[2]), masked)


def mask_json(text: str) -> str:
    """Return a JSON text whose strings are masked as free text; it stays JSON, and all else in it unchanged."""

    def masked(found: re.Match[str]) -> str:
        plain: str = json.loads(found[0], strict=False)
        hidden = mask_text(plain)
        return found[0] if hidden == plain else json.dumps(hidden, ensure_ascii=False)

    return JSON_STRING.sub(masked, text)
