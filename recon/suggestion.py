"""A word that nobody knows, and the known one that was probably meant."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


def suggest(word: str, choices: Iterable[str]) -> str | None:
    """The question whether the nearest of `choices` was meant; None when none is near."""
    near = get_close_matches(word, list(choices), n=1)
    return f"Did you mean {near[0]!r}?" if near else None
