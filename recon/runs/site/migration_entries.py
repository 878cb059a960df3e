"""The guided migrations as the home page lists them, and the page of each, which is written into its folder."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from recon.errors import StepError
from recon.report.migration.html import SIGNS, PageLink, render
from recon.report.migration.words import headline, kind, place, resume_command, shown
from recon.report.output import replace_file
from recon.report.text import timestamp
from recon.runs.folder import ASSESSMENT, FOLDER_NAME, PARTS, RunFolder

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from pathlib import Path

    from recon.model.migration import Migration, MigrationStep
    from recon.report.migration.words import Place
    from recon.runs.migrations import MigrationFolder

PAGE = "index.html"
STEP_PAGE = PARTS["html"]
STEP_FOLDER = re.compile(r"(?:[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}/)?[A-Za-z0-9_-][A-Za-z0-9._-]{0,79}")


class KeptAssessment(Struct, frozen=True):
    """What decides whether the page of a step's assessment is shown to others."""

    masked: bool


@dataclass(frozen=True)
class ListedMigration:
    """One guided migration in the list.

    Attributes:
        name: The name of its folder.
        migration: Its record; None where it cannot be read.
        problem: Why it cannot be read; empty where it can.
        page: Its page; empty where there is none.
        published: The files that the site copies, relative to its folder.
    """

    name: str
    migration: Migration | None
    problem: str = ""
    page: str = ""
    published: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """The location of its page, relative to the home page; empty: there is none."""
        return f"runs/{self.name}/{PAGE}" if PAGE in self.published else ""

    @property
    def is_open(self) -> bool:
        """Whether it can be continued."""
        return self.migration is not None and self.migration.is_open

    @property
    def started_at(self) -> datetime | None:
        """When it began; None where that is not known."""
        return self.migration.started_at if self.migration else None

    @property
    def iso_time(self) -> str:
        """When it began, for machines; empty where that is not known."""
        return timestamp(self.migration.started_at) if self.migration else ""

    @property
    def time(self) -> str:
        """When it began, for people, in UTC: 2024-01-15 14:30:00."""
        return f"{self.iso_time[:10]} {self.iso_time[11:19]}" if self.migration else "time unknown"

    @property
    def headline(self) -> str:
        """Where it stands or how it ended."""
        return headline(self.migration) if self.migration else ""

    @property
    def kind(self) -> str:
        """The class of its state."""
        return kind(self.migration) if self.migration else "ERROR"

    @property
    def sign(self) -> str:
        """The sign of its state."""
        return SIGNS[self.kind]

    @property
    def place(self) -> Place | None:
        """Where it stands; None: it is not open."""
        return place(self.migration) if self.migration and self.is_open else None

    @property
    def resume(self) -> str:
        """The command that continues it."""
        return resume_command(self.name)

    @property
    def database(self) -> str:
        """The target, as it may be shown."""
        return shown(self.migration.database, 200) if self.migration else ""


def listed_migrations(folders: list[MigrationFolder], outputs: Path) -> list[ListedMigration]:
    """Read the migrations in a folder of runs and write the page of each, unless it is unchanged; open ones first."""
    read = [_written(folder, _read(folder, outputs)) for folder in folders]
    return sorted(read, key=lambda entry: not entry.is_open)


def _read(folder: MigrationFolder, outputs: Path) -> ListedMigration:
    name = folder.path.name
    try:
        migration = folder.load()
        links = {step.folder: list(_links(step, folder.path, outputs)) for step in migration.steps}
        page = render(migration, name, links)
    except StepError as error:
        return ListedMigration(name, None, str(error.found))
    except (ValueError, OverflowError, RecursionError) as error:
        # A time or a duration that no clock reaches, or what no record is.
        return ListedMigration(name, None, str(error))
    steps = (f"{each}/{STEP_PAGE}" for each in dict.fromkeys(links) if _has_page(folder.path, each))
    return ListedMigration(name, migration, page=page, published=(PAGE, *steps))


def _written(folder: MigrationFolder, entry: ListedMigration) -> ListedMigration:
    """The entry once its page is there; without a page where it cannot be written there."""
    file = folder.path / PAGE
    if not entry.page:
        return entry
    with suppress(OSError):
        if not file.is_file() or file.is_symlink() or file.read_bytes() != entry.page.encode():
            replace_file(file, entry.page)
        return entry
    return replace(entry, published=())


def _links(step: MigrationStep, folder: Path, outputs: Path) -> Iterator[PageLink]:
    """The pages about an attempt; both are beside the migration's page in the site as they are in `outputs`."""
    if _has_page(folder, step.folder):
        yield PageLink("What was checked", f"{step.folder}/{STEP_PAGE}")
    run = RunFolder(outputs / PurePath(step.kept or "").name)
    if step.name != "verify" or not FOLDER_NAME.fullmatch(run.name) or not run.verification.is_file():
        return
    report = next((PARTS[part] for part in ("html", "report") if run.part(part).is_file()), None)
    if report:
        yield PageLink("Report of the run", f"../{run.name}/{report}")


def _has_page(folder: Path, step_folder: str) -> bool:
    """Whether a step has a page of its own, in its folder and not elsewhere, that shows no personal data."""
    place = folder / step_folder
    if not STEP_FOLDER.fullmatch(step_folder) or place.resolve() != folder.resolve() / step_folder:
        return False
    page = place / STEP_PAGE
    if page.is_symlink() or not page.is_file():
        return False
    try:
        return msgspec.json.decode((place / ASSESSMENT).read_bytes(), type=KeptAssessment).masked
    except (OSError, msgspec.MsgspecError, ValueError, RecursionError):
        return False
