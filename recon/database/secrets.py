"""The secrets of the database URLs that this process was given, so that no trace of an error shows them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

HIDDEN = "***"
# Of a text that no URL can be made of, everything that may be a password: from any colon to the last @.
LIKELY = (re.compile(r":(?!//)([^/\s].*)@", re.DOTALL), re.compile(r"passw\w*\s*=\s*([^&\s]+)", re.IGNORECASE))
IN_TEXT = re.compile(r"(?<=://)[^\s/@'\"]*:[^\s@'\"]*(?=@)")
SHORT = 6

_known: set[str] = set()


def remember(text: str, password: str = "") -> None:
    """Note a URL as it was given, and the password that was found in it."""
    found = [password, *(match[1] for pattern in LIKELY for match in pattern.finditer(text))]
    if any(found):
        _known.update(filter(None, (text, str(Path(text)), *found, *map(unquote, found))))


def without_secrets(text: str) -> str:
    """The text without the secrets that are known, and without user and password of any URL in it."""
    for secret in sorted(_known, key=len, reverse=True):
        # A short password may be part of any word, of which nothing would be left to read.
        pattern = re.escape(secret) if len(secret) > SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, HIDDEN, text)
    return IN_TEXT.sub(HIDDEN, text)
