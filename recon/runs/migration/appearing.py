"""Finds the bundle that an importer left: exactly one, of this step and no other."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle import open_bundle
from recon.bundle.formats import REPORT
from recon.errors import BundleError
from recon.masking import mask_text
from recon.model import Findings, Probe
from recon.preflight.dry_run.bundle import CLOCKS_DIFFER
from recon.preflight.wording import span_words, utc_text
from recon.runs.evidence.manifest import digest_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime

    from recon.model import Check

ARCHIVES = (".zip", *(f".tar{end}" for end in ("", ".gz", ".bz2", ".xz")), ".tgz", ".tbz2", ".txz", ".json.gz")
REPORTS = (REPORT, f"{REPORT}.gz")
DEPTH = 3
FOUND = Probe(
    "importer_bundle",
    "Bundle",
    "importer",
    "The importer left exactly one bundle, of this run.",
    "Nothing says what the importer did with each record",
    "See its output; where its bundle appears is said by {bundle}, or by bundle under [importer] in the profile",
)
SHOWN = 5


@dataclass(frozen=True)
class FoundBundle:
    """A bundle that appeared.

    Attributes:
        path: Its folder or archive.
        run_id: The run that it reports.
        dry_run: Whether that was a dry run.
    """

    path: Path
    run_id: str
    dry_run: bool


@dataclass(frozen=True)
class Expectation:
    """What the bundle is to be.

    Attributes:
        place: The folder in which bundles of this step alone appear; None: `pattern` says where.
        pattern: A path with `*`.
        before: What was there before the importer began, as `bundles_in` returns it.
        is_dry: Whether it is of a dry run.
        since: When the importer was started.
        run_id: The run id that the importer was given; None: it chose one.
        earlier: Run ids that are other runs'.
    """

    place: Path | None
    pattern: str | None
    before: Mapping[str, str]
    is_dry: bool
    since: datetime
    run_id: str | None
    earlier: Collection[str]

    def find(self) -> Iterator[Check | FoundBundle]:
        """Yield what is found about the bundle, and the bundle itself where it is the one that was meant."""
        there = bundles_in(self.place, self.pattern)
        new = [path for path, stamp in there.items() if self.before.get(path) != stamp]
        where = str(self.place) if self.place else str(self.pattern)
        if not new:
            older = f"; only older ones are there: {_names(there)}" if there else ""
            yield FOUND.failed(f"The importer left no bundle in {where}{older}")
        elif len(new) > 1:
            yield FOUND.failed(f"The importer left {len(new)} bundles: {_names(new)}")
        else:
            yield from self._judged(Path(new[0]))

    def _judged(self, path: Path) -> Iterator[Check | FoundBundle]:
        if "\\udc" in repr(str(path)):
            yield FOUND.failed(
                f"The name of the bundle is not UTF-8, so that it cannot be recorded: {_names([str(path)])}"
            )
            return
        # An error here is a check that could not be evaluated.
        with open_bundle(path) as bundle:
            found = FoundBundle(path, bundle.run_id, bundle.dry_run)
            completed, started = bundle.completed_at, bundle.started_at
        run = mask_text(found.run_id)
        if found.dry_run != self.is_dry:
            said = Findings(
                expected=f"dryRun {str(self.is_dry).lower()}", actual=f"dryRun {str(found.dry_run).lower()}"
            )
            yield FOUND.failed(
                f"The bundle says that it is {'' if found.dry_run else 'not '}of a dry run: {path}", said
            )
            return
        stamp = completed or started
        if stamp is not None and stamp < self.since - CLOCKS_DIFFER:
            age = span_words(self.since - stamp)
            yield FOUND.failed(f"The bundle is older than this run of the importer, by {age}: {path}")
            return
        if self.run_id is not None and found.run_id != self.run_id:
            said = Findings(expected=self.run_id, actual=run)
            yield FOUND.failed(f"The bundle is of another run: {run}, and {self.run_id} was given", said)
            return
        if found.run_id in self.earlier:
            yield FOUND.failed(f"The bundle is of an earlier run: {run}")
            return
        yield found
        words = f"{path}: run {run}, completed {utc_text(completed)}" if completed else f"{path}: run {run}"
        if stamp is None:
            yield FOUND.warned(f"{words}; it does not say when it began or completed")
        elif stamp > self.since + timedelta(days=1):
            yield FOUND.warned(f"{words}, which is in the future")
        else:
            yield FOUND.passed(words)


def bundles_in(place: Path | None, pattern: str | None) -> dict[str, str]:
    """Return the bundles that are there, each with what changes when it is written again.

    One that is there under several names, as by a link to the latest, is one.

    Raises:
        BundleError: A folder or a file cannot be read.
    """
    try:
        found: dict[Path, Path] = {}
        for path in _below(place, DEPTH) if place is not None else _matching(pattern or ""):
            real = path.resolve()
            # Its own name rather than that of a link to it.
            if real not in found or found[real].is_symlink():
                found[real] = path
        return {str(path): _stamp(path) for path in sorted(found.values())}
    except OSError as error:
        raise BundleError(
            "It cannot be seen whether a bundle is there",
            where=str(error.filename or place or pattern)[:300],
            found=error.strerror,
            next_step="Let it be read by whoever runs recon, and go on",
        ) from error


def _matching(pattern: str) -> Iterator[Path]:
    for name in glob.glob(str(Path(pattern).expanduser()), recursive=True):  # noqa: PTH207 - absolute, too
        path = Path(name)
        if path.name in REPORTS and path.is_file():
            yield path.parent
        elif _is_bundle(path):
            yield path
        else:
            yield from _below(path, 1)


def _below(folder: Path, depth: int) -> Iterator[Path]:
    if not folder.is_dir():
        return
    if any((folder / name).is_file() for name in REPORTS):
        yield folder
        return
    for path in sorted(folder.iterdir()):
        if _is_bundle(path):
            yield path
        elif depth > 1 and path.is_dir() and not path.is_symlink():
            yield from _below(path, depth - 1)


def _is_bundle(path: Path) -> bool:
    if path.is_dir():
        return any((path / name).is_file() for name in REPORTS)
    return path.is_file() and path.name.lower().endswith(ARCHIVES)


def _stamp(path: Path) -> str:
    file = next((path / name for name in REPORTS if (path / name).is_file()), path)
    return f"{digest_of(file)} {file.stat().st_mtime_ns}"


def _names(paths: Collection[str]) -> str:
    names = ", ".join(path.encode(errors="backslashreplace").decode() for path in sorted(paths)[:SHOWN])
    return names if len(paths) <= SHOWN else f"{names}, …"
