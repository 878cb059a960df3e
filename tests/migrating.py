"""Guided migrations for tests: exports, an empty database, and the example importer, which can be held."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from contextlib import chdir
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from support import CHECKOUT, Finished, run_in_process

from recon.demo import generate, write_bundle, write_exports
from recon.runs.migrations import MigrationFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest

    from recon.model.migration import Migration

IMPORTER = CHECKOUT / "docs" / "examples" / "importer"
SIZE = {"members": 12, "events": 6, "registrations": 30}
# What a run makes beside its verdict costs seconds, and is not what these tests are about.
BRIEF = [word for part in ("notebook", "html", "charts", "data_docs", "junit") for word in ("--skip", part)]
# An importer that counts how often it was started, and waits while a file HOLD is there.
HELD = """#!/bin/sh
echo "$$" >> "$(dirname "$0")/started"
echo "Started as $$"
while [ -e "$(dirname "$0")/HOLD" ]; do sleep 0.02; done
if [ -e "$(dirname "$0")/leave" ]; then sleep 1000 & fi
[ -e "$(dirname "$0")/die" ] && set -- "$@" --fault die
exec "$@"
"""


@dataclass
class Site:
    """A folder in which a club is migrated.

    Attributes:
        folder: It holds exports/, policies.json and club.db.
        environment: Environment variables of every command.
    """

    folder: Path
    environment: dict[str, str] = field(default_factory=dict)
    database: str = "club.db"

    def recon(self, *words: object, typed: str | None = None, keyboard: pytest.MonkeyPatch | None = None) -> Finished:
        """Run recon in the folder, within this process; `typed` is what a person types on a terminal."""
        if keyboard is not None and typed is not None:
            keyboard.setattr(sys, "stdin", Keyboard(typed))
        with chdir(self.folder):
            return run_in_process(*words, **self.environment)

    def started(self, *words: object) -> subprocess.Popen[str]:
        """Start recon in a process of its own, in the folder."""
        return subprocess.Popen(
            [str(Path(sys.executable).with_name("recon")), *map(str, words)],
            cwd=self.folder,
            env=os.environ | self.environment | {"PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
        )

    def importer(self, *faults: str) -> list[str]:
        """The importer's command; `faults` are only switched on by `faulty`."""
        switched = [word for fault in faults for word in ("--fault", fault)]
        return [str(self.folder / "held"), sys.executable, str(IMPORTER), *PLACEHOLDERS, *switched]

    def begin(self, *options: object, faults: Sequence[str] = ()) -> Finished:
        """`recon migrate`, from its beginning."""
        words = ("--database", self.database, "--exports", "exports", "--by", "Ann", *BRIEF, *options)
        return self.recon("migrate", *words, "--", *self.importer(*faults))

    def resume(self, *options: object) -> Finished:
        """`recon migrate --resume` of the only open migration."""
        return self.recon("migrate", "--resume", "--by", "Ann", *options)

    def sign_off(self) -> None:
        """The stakeholders are notified, and no hours are needed."""
        assert self.recon("signoff", "--notified", "Board", "--no-window", "--by", "Ann").code == 0

    def review(self) -> None:
        """Somebody reviews the dry run of the newest migration."""
        step = self.record.last("dry-run")
        assert step is not None
        words = ("--database", self.database, "--exports", "exports", "--by", "Bob", "--yes")
        assert self.recon("review", step.bundle, *words).code == 0

    def up_to_execution(self, *options: object, faults: Sequence[str] = ()) -> Finished:
        """Go on until the import is about to be executed, which is only asked for."""
        self.sign_off()
        assert self.begin(*options, faults=faults).code == 2
        self.review()
        done = self.resume()
        assert (done.code, "Type club to go on" in done.out) == (2, True), done.out + done.err
        return done

    @property
    def migration(self) -> MigrationFolder:
        """The newest migration."""
        found = max((self.folder / "outputs").glob("*/migration.json"), key=lambda file: file.parent.name)
        return MigrationFolder(found.parent)

    @property
    def record(self) -> Migration:
        """Its record."""
        return self.migration.load()

    @property
    def starts(self) -> int:
        """How often the importer was started."""
        file = self.folder / "started"
        return len(file.read_text(encoding="utf-8").splitlines()) if file.exists() else 0

    def hold(self) -> None:
        """Let the importer wait as soon as it is started."""
        (self.folder / "HOLD").touch()

    def let_go(self) -> None:
        """Let it go on."""
        (self.folder / "HOLD").unlink()

    def outcomes(self) -> list[tuple[str, str]]:
        """Step and gate of every attempt."""
        return [(step.name, str(step.gate)) for step in self.record.steps]


PLACEHOLDERS = (
    *("--exports", "{exports}", "--database", "{database}", "--bundle", "{bundle}", "{mode}"),
    *("--policies", "policies.json"),
)


class Keyboard(StringIO):
    """What a person types on a terminal."""

    def isatty(self) -> bool:
        return True


def site_in(folder: Path) -> Site:
    """Write a club's exports, its policies, an empty database, and the importer that can be held."""
    club = generate(7, **SIZE)
    made = write_bundle(club, folder / "made")
    write_exports(club, made)
    (folder / "exports").mkdir()
    for file in made.glob("*.csv"):
        file.rename(folder / "exports" / file.name)
    (made / "policy-bundle.json").rename(folder / "policies.json")
    (folder / "held").write_text(HELD, encoding="utf-8")
    (folder / "held").chmod(0o755)
    create_tables(folder / "club.db")
    return Site(folder)


def create_tables(database: Path) -> None:
    """Create an empty database with the application's tables."""
    words = [sys.executable, str(IMPORTER), "--create-tables", "--database", str(database)]
    subprocess.run(words, check=True, capture_output=True)


def shown_commands(text: str) -> list[str]:
    """The commands that were printed on lines of their own."""
    return re.findall(r"^  (?:[-\w ,.()]+: )?(recon .+)$", text, flags=re.MULTILINE)


def document(file: Path) -> Any:
    """The content of a JSON file."""
    return json.loads(file.read_text(encoding="utf-8"))
