"""Applies or reverts a restore and is killed: python killed_restore.py apply|revert PLAN NAME DATABASE PG_BIN STEP.

At a step that there is not, it comes to its end; it prints every step.
"""

from __future__ import annotations

import os
import signal
import sys

import recon


class Mortal:
    """A progress that ends the process at a step."""

    def __init__(self, last: int) -> None:
        self.left = last

    def step(self, title: str) -> None:
        print(title, flush=True)  # noqa: T201 - the test reads it
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def note(self, text: str) -> None:
        pass


def main() -> None:
    verb, plan, name, database, pg_bin, step = sys.argv[1:]
    act = recon.apply_restore if verb == "apply" else recon.revert_restore
    environment = {"DATABASE_URL": database}
    act(recon.ApplyOptions(plan, name, pg_bin=pg_bin or None, environment=environment), Mortal(int(step)))


main()
