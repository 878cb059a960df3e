"""The secrets in the database URLs that this process was given, so that no traceback shows them."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import unquote

HIDDEN = "***"
# In a text that cannot be parsed as a URL, everything that may be a password: from any colon to the last @.
LIKELY = (
    re.compile(r":(?!//)([^/\s].*)@", re.DOTALL),
    re.compile(r"(?:passw\w*|pwd|secret\w*|token|\w+[-_]?key)\s*=\s*('[^']*'|\"[^\"]*\"|[^&;\s]+)", re.IGNORECASE),
)
IN_TEXT = re.compile(r"(?<=://)[^\s/@'\"]*:[^\s@'\"]*(?=@)")
SHORT = 6
LEAST = 4

_known: set[str] = set()


def remember(text: str, password: str = "") -> None:
    """Remember a URL as it was given, and the password found in it."""
    found = [password, *(match[1].strip("'\"") for pattern in LIKELY for match in pattern.finditer(text))]
    if any(found):
        _known.update(filter(None, (text, str(Path(text)), *found, *map(unquote, found))))


def remember_secret(secret: str) -> None:
    """Remember a secret of another kind than a URL; one of a few letters would be found everywhere."""
    if len(secret) >= LEAST:
        _known.add(secret)


def without_secrets(text: str) -> str:
    """Return the text without the known secrets, and without user and password of any URL in it."""
    for secret in sorted(_known, key=len, reverse=True):
        # A short password may be part of many words, so only whole words are masked.
        pattern = re.escape(secret) if len(secret) > SHORT else rf"(?<!\w){re.escape(secret)}(?!\w)"
        text = re.sub(pattern, HIDDEN, text)
    return IN_TEXT.sub(HIDDEN, text)
