"""The hypergeometric distribution: how likely a draw without replacement holds so many of a kind."""

from __future__ import annotations

from math import exp, fsum, inf, lgamma, log, log1p
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

NEGLIGIBLE = 1e-18


def log_tail(whole: int, marked: int, drawn: int, found: int) -> float:
    """Return the natural logarithm of the probability that at least `found` of the drawn are marked; at most 0.

    Args:
        whole: How many there are.
        marked: How many of them are marked.
        drawn: How many are drawn at random, each at most once.
        found: The number of marked ones; minus infinity is returned where there cannot be so many.
    """
    if found <= max(0, drawn + marked - whole):
        return 0.0
    if found > min(marked, drawn):
        return -inf
    if found * whole > drawn * marked:
        return min(_log_of(whole, marked, drawn, found) + log(fsum(_upwards(whole, marked, drawn, found))), 0.0)
    # Below the mean, what is left out is the smaller part.
    below = found - 1
    left_out = exp(_log_of(whole, marked, drawn, below)) * fsum(_downwards(whole, marked, drawn, below))
    return log1p(-left_out)


def _log_of(whole: int, marked: int, drawn: int, found: int) -> float:
    """The logarithm of the probability that exactly `found` are marked."""
    others = _log_choices(whole - marked, drawn - found)
    return _log_choices(marked, found) + others - _log_choices(whole, drawn)


def _log_choices(whole: int, chosen: int) -> float:
    return lgamma(whole + 1) - lgamma(chosen + 1) - lgamma(whole - chosen + 1)


def _upwards(whole: int, marked: int, drawn: int, found: int) -> Iterator[float]:
    """The probability of each number from `found` on, as a multiple of the first; above the mean they decrease."""
    term = 1.0
    while term > NEGLIGIBLE:
        yield term
        term *= (marked - found) * (drawn - found) / ((found + 1) * (whole - marked - drawn + found + 1))
        found += 1


def _downwards(whole: int, marked: int, drawn: int, found: int) -> Iterator[float]:
    """The same from `found` down to 0; below the mean they decrease."""
    term = 1.0
    while term > NEGLIGIBLE:
        yield term
        term *= found * (whole - marked - drawn + found) / ((marked - found + 1) * (drawn - found + 1))
        found -= 1
