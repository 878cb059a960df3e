"""A migration that is killed at any step: its record is always whole, no step is lost, nothing is imported twice."""

from __future__ import annotations

import os
import signal
import sqlite3
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING

import pytest
from left_importers import Left, beginning, end_importer, whole
from migrating import Site, site_in
from soaking import SOAKING, rounds
from support import wait_until

from recon.model.migration import STEPS
from recon.runs.migration import digests, importer_steps, importing, session, supervising
from recon.runs.migration.importing import ImporterRun
from recon.runs.migration.supervising import BEGUN
from recon.runs.migrations import MigrationFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from subprocess import Popen

    from recon.model.migration import Migration, MigrationStep

RESUMING = ("migrate", "--resume", "--by", "Ann", "--execute", "club")
# What appears while a migration goes on, as kills wait for it.
FILES = (
    *("*-dry-run/begun.json", "*-dry-run/ended.json", "*-review/assessment.json", "*-backup", "*-execute"),
    *("*-execute/before.json", "*-execute/plan.json", "*-execute/begun.json", "*-execute/running.json"),
    *("*-execute/ended.json", "*-execute/after.json", "*-verify"),
)
MOST_LINES = 40
EVERYTHING = 4
"""One kill of so many ends the importer as well, as the end of the machine would."""


@dataclass
class Guided:
    """Goes on with a migration from whatever a kill left, as a person who does what recon says.

    Attributes:
        left: The processes.
        record: The record as it was seen last.
        kills: How many processes were killed.
        answer: What is to be said of an importer of which nobody knows.
    """

    left: Left
    record: Migration | None = None
    kills: int = 0
    answer: tuple[str, ...] = ()
    gave_up: bool = field(default=False, init=False)

    @property
    def site(self) -> Site:
        """Where it is."""
        return self.left.site

    def look(self) -> None:
        """The record is whole, and nothing that was in it is lost."""
        found = list(self.site.folder.glob("outputs/*/migration.json"))
        assert len(found) <= 1
        assert self.record is None or found
        if found:
            now = self.site.record
            for before, after in zip(self.record.steps if self.record else (), now.steps, strict=False):
                require_kept(before, after)
            assert len(now.steps) >= len(self.record.steps if self.record else ())
            self.record = now

    @property
    def words(self) -> tuple[str, ...]:
        """What is to be run next."""
        return (*RESUMING, *self.answer) if self.record else tuple(beginning(self.site))

    def killed(self, rng: Random) -> None:
        """Run recon, and kill it at a place that is drawn."""
        process = self.left.without_terminal(*self.words)
        if rng.randrange(2):
            said = read_lines(process, rng.randrange(MOST_LINES))
        else:
            said, pattern = "", f"outputs/*/steps/{rng.choice(FILES)}"
            before = len(list(self.site.folder.glob(pattern)))
            wait_until(
                lambda: len(list(self.site.folder.glob(pattern))) > before or process.poll() is not None, pattern
            )
        process.kill()
        assert process.stdout
        said += process.stdout.read()
        code = process.wait()
        self.look()
        if code == -signal.SIGKILL:
            self.kills += 1
            if not rng.randrange(EVERYTHING):
                self.end_importers()
        else:
            self.do(code, said)

    def end_importers(self) -> None:
        """End what recon left behind."""
        for folder in self.site.folder.glob("outputs/*/steps/*"):
            if (folder / BEGUN).exists():
                end_importer(ImporterRun(folder))

    def go(self) -> None:
        """Run recon until it ends by itself."""
        done = self.site.recon(*self.words)
        self.look()
        self.do(done.code, done.out + done.err)

    def do(self, code: int, said: str) -> None:
        """Do what recon said."""
        self.answer = ()
        if "Stopped: Dry run PASSED. Reviewed?" in said:
            self.site.review()
        elif "Stopped: Start the importer again, or go on with what it left?" in said:
            # An importer that ended between its commit and its bundle is nothing to go on from.
            self.gave_up = "The database has changed" in said and "It left no bundle" in said
            self.answer = ("--importer", "ended" if "  - Bundle: " in said else "again")
        else:
            assert (code, self.record is not None and self.record.verdict) == (0, "PASSED"), said

    @property
    def is_over(self) -> bool:
        return self.gave_up or (self.record is not None and not self.record.is_open)

    def require_once(self) -> None:
        """Each attempt had one importer at most, and one of them imported."""
        folders = [folder.parent for folder in self.site.folder.glob("outputs/*/steps/*/begun.json")]
        begun = [folder for folder in folders if whole(folder / BEGUN).get("pid")]
        assert self.site.starts <= len(begun)
        with closing(sqlite3.connect(self.site.folder / "club.db")) as connection:
            (runs,) = connection.execute('select count(*) from "AuditLog"').fetchone()
            (members,) = connection.execute('select count(*) from "Member"').fetchone()
        assert (runs, members) == (1, 12)
        if not self.gave_up:
            assert self.record
            assert (self.record.outcome, self.record.verdict, self.record.next_step) == ("verified", "PASSED", None)
            assert {step.name for step in self.record.steps} == set(STEPS)


def require_kept(before: MigrationStep, after: MigrationStep) -> None:
    """An attempt is what it was, and what was known of it still is."""
    assert (after.name, after.folder, after.started_at) == (before.name, before.folder, before.started_at)
    for name in ("duration_ms", "exit_code", "bundle", "run_id", "kept", "by"):
        known = getattr(before, name)
        assert known is None or getattr(after, name) == known


def read_lines(process: Popen[str], number: int) -> str:
    assert process.stdout
    return "".join(line for _, line in zip(range(number), process.stdout, strict=False))


@pytest.fixture
def guided(tmp_path: Path) -> Iterator[Callable[[], Guided]]:
    """A function that makes a migration at a new site; what is left is ended with the test."""
    made: list[Left] = []

    def make() -> Guided:
        folder = tmp_path / f"{len(made)}"
        folder.mkdir()
        made.append(Left(site_in(folder)))
        made[-1].site.sign_off()
        return Guided(made[-1])

    yield make
    for left in made:
        left.end()


def go_through(guided: Callable[[], Guided], seed: str, kills: int) -> None:
    """Kill so often, in as many migrations as that takes, each of which comes to its end."""
    rng, killed = Random(seed), 0  # noqa: S311 - not for secrets
    while killed < kills:
        migration = guided()
        while not migration.is_over:
            if killed + migration.kills < kills:
                migration.killed(rng)
            else:
                migration.go()
        migration.end_importers()
        migration.require_once()
        killed += migration.kills


@pytest.mark.rounds
def test_a_migration_that_is_killed_at_any_place_imports_once_and_loses_nothing(
    guided: Callable[[], Guided],
) -> None:
    go_through(guided, os.environ.get("PYTHONHASHSEED", "0"), rounds(4) if SOAKING else 3)


@dataclass
class Deaths:
    """Ends recon once at each place where something is recorded, before it and after it.

    Attributes:
        wanted: Whether a place counts.
    """

    wanted: Callable[[str], bool]
    seen: set[str] = field(default_factory=set)

    def around(self, work: Callable[..., object], name: Callable[..., str]) -> Callable[..., object]:
        """Return work that recon does not survive, the first time that it comes there."""

        def done(*given: object) -> object:
            place = name(*given)
            self.die(f"before {place}")
            found = work(*given)
            self.die(f"after {place}")
            return found

        return done

    def die(self, place: str) -> None:
        if place not in self.seen and self.wanted(place):
            self.seen.add(place)
            raise KeyboardInterrupt


def record_name(_: MigrationFolder, migration: Migration) -> str:
    last = migration.steps[-1] if migration.steps else None
    return f"record {last.name} {last.gate} {last.by} {migration.outcome}" if last else "record"


def file_name(file: Path, _: bytes) -> str:
    return f"{file.parent.name[3:]} {file.name}"


def folder_name(run: ImporterRun, *_: object) -> str:
    return f"{run.folder.name[3:]} importer"


@contextmanager
def dying(wanted: Callable[[str], bool]) -> Iterator[Deaths]:
    """Let recon die inside at each place that is wanted."""
    deaths = Deaths(wanted)
    with pytest.MonkeyPatch.context() as patch:
        for module in (digests, importer_steps, session):
            patch.setattr(module, "write_whole", deaths.around(module.write_whole, file_name))
        patch.setattr(MigrationFolder, "save", deaths.around(MigrationFolder.save, record_name))
        patch.setattr(ImporterRun, "start", deaths.around(ImporterRun.start, folder_name))
        patch.setattr(importing, "take", deaths.around(supervising.take, lambda folder, _: f"{folder.name[3:]} claim"))
        yield deaths


def die_everywhere(guided: Guided, wanted: Callable[[str], bool]) -> None:
    """Go on after each death, to the end."""
    with dying(wanted) as deaths:
        while not guided.is_over:
            before = len(deaths.seen)
            done = guided.site.recon(*guided.words)
            guided.look()
            if len(deaths.seen) > before:
                guided.kills += 1
                assert done.code == 130, done.out + done.err
            else:
                guided.do(done.code, done.out + done.err)
    assert len(deaths.seen) == guided.kills
    guided.require_once()


@pytest.mark.soak
def test_a_migration_ends_well_whatever_it_recorded_last(guided: Callable[[], Guided]) -> None:
    migration = guided()
    die_everywhere(migration, lambda _: True)
    assert migration.kills > 100


@pytest.mark.soak
def test_an_execution_ends_well_whatever_it_recorded_last(guided: Callable[[], Guided]) -> None:
    places = (
        "record execute None Ann",
        "record execute PASSED",
        "record verify PASSED",
        "execute importer",
        "execute claim",
    )
    migration = guided()
    die_everywhere(migration, lambda place: place.partition(" ")[2].startswith(places))
    assert migration.kills == 10
