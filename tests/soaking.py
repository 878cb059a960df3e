"""How much is tried: a number in `make test`, a multiple of it in `make soak`."""

from __future__ import annotations

import os

SOAKING = "RECON_SOAK" in os.environ
FACTOR = int(os.environ.get("RECON_SOAK", "1"))
# What `make soak` prints, and takes to draw the same again.
SEED = int(os.environ.get("RECON_SEED", "0"))


def examples(number: int) -> int:
    """How many examples of a property to draw.

    `make test` draws a third of the number: the same ones each time, so that more of them find nothing new.
    """
    return number * FACTOR if SOAKING else max(number // 3, 2)


def rounds(number: int, soaked: int | None = None) -> int:
    """How often to repeat a race; its test is marked `rounds`, by which `make soak` finds it.

    `make soak` repeats it a multiple of `soaked`, if given, where `make test` has time for a few.
    """
    return (soaked or number) * FACTOR if SOAKING else number
