"""What changed since the last run of each database: a page of its own, and the numbers for the home page.

Both snapshots are needed, which the site does not hold; so a page is made once, and kept while its runs are unchanged.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from recon.report.output import replace_file
from recon.report.text import cut

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recon.runs.folder import RunFolder
    from recon.runs.site.entries import ListedRun

FOLDER, PAGE, KEPT = "changes", "index.html", "kept.json"
HOME = "../../index.html"


class SinceLast(Struct, frozen=True):
    """What changed from one run to the next of the same database.

    Attributes:
        older: The name of the older run.
        numbers: How many findings became what, with the words; empty: not known.
        text: The same in one line.
        without: Why findings are not compared; empty: they are.
        address: The page that says which, relative to the home page; empty: there is none.
        problem: Why the runs cannot be compared; empty: they are.
    """

    older: str
    numbers: tuple[tuple[int, str], ...] = ()
    text: str = ""
    without: str = ""
    address: str = ""
    problem: str = ""


class KeptComparison(Struct, frozen=True):
    """What was found, and what it was found from.

    Attributes:
        made_from: Version of recon, and size and time of change of each file that was read.
    """

    made_from: tuple[str, ...]
    found: SinceLast


@dataclass(frozen=True)
class DatabaseRuns:
    """The runs of one database.

    Attributes:
        database: Kind, location and name; empty: the runs do not say.
        entries: Its runs that can be read, the newest first.
        since: What changed since the last one; None: there is only one.
    """

    database: str
    entries: tuple[ListedRun, ...]
    since: SinceLast | None


def by_database(entries: Sequence[ListedRun], runs: Sequence[RunFolder], site: Path) -> list[DatabaseRuns]:
    """Group the runs that can be read by database, that of the newest run first, and say what changed in each.

    Args:
        entries: Every run, the newest first.
        runs: Their folders, in the same order.
        site: The folder of the site, in which the pages of changes are written.

    Raises:
        OSError: A page cannot be written.
    """
    grouped: dict[str, list[ListedRun]] = {}
    for entry in entries:
        if entry.run_summary is not None:
            grouped.setdefault(entry.run_summary.database, []).append(entry)
    folders = {run.name: run for run in runs}
    pairs = {name: found[:2] for name, found in grouped.items() if len(found) > 1}
    since = {name: _since(folders, newer.name, older.name, site) for name, (newer, older) in pairs.items()}
    _remove_gone(site / FOLDER, {newer.name for newer, _ in pairs.values()}, folders)
    return [DatabaseRuns(name, tuple(found), since.get(name)) for name, found in grouped.items()]


def _since(folders: Mapping[str, RunFolder], newer: str, older: str, site: Path) -> SinceLast:
    """Return what changed from one run to the other, as it is kept or found anew."""
    target = site / FOLDER / newer
    made_from = (version("recon"), *_stamps(folders[older]), *_stamps(folders[newer]))
    kept = _kept(target / KEPT)
    if kept and kept.made_from == made_from and (kept.found.problem or (target / PAGE).is_file()):
        return kept.found
    target.mkdir(parents=True, exist_ok=True)
    found = _compared(folders[older], folders[newer], target)
    replace_file(target / KEPT, msgspec.json.encode(KeptComparison(made_from, found)).decode())
    return found


def _compared(older: RunFolder, newer: RunFolder, target: Path) -> SinceLast:
    """Compare two runs and write the page; a site shows verdicts, whatever a comparison of them raises."""
    try:
        comparison = import_module("recon.runs.comparing.comparing").compared(older, newer, most=_shown_records())
        html = import_module("recon.report.changes.html")
        page = html.render(comparison, _shown_records(), HOME)
    except Exception as error:  # noqa: BLE001 - see above
        reason = getattr(error, "message", None) or f"{type(error).__name__}: {' '.join(str(error).split())}"
        return SinceLast(older.name, problem=cut(reason, 300))
    replace_file(target / PAGE, page)
    sections = import_module("recon.report.changes.sections")
    numbers = sections.headline(comparison.findings) if comparison.findings else ()
    return SinceLast(
        older=older.name,
        numbers=tuple(numbers),
        text=sections.headline_text(comparison),
        without=comparison.without_findings,
        address=f"{FOLDER}/{newer.name}/{PAGE}",
    )


def _shown_records() -> int:
    shown: int = import_module("recon.report.changes.output").SHOWN_RECORDS
    return shown


def _kept(path: Path) -> KeptComparison | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=KeptComparison)
    except (OSError, msgspec.MsgspecError, ValueError):
        return None


def _stamps(run: RunFolder) -> tuple[str, ...]:
    """Return name, size and time of change of each file that a comparison reads."""
    return tuple(
        f"{run.name}/{path.name} {found.st_size} {found.st_mtime_ns}"
        for path in (run.verification, run.part("snapshot"), run.path / "run.json")
        if path.is_file() and (found := path.stat())
    )


def _remove_gone(folder: Path, wanted: set[str], known: Mapping[str, RunFolder]) -> None:
    """Remove the pages that are not wanted any more, but not of a run that a concurrent rebuild has added since."""
    outputs = folder.parents[1]
    with suppress(FileNotFoundError):
        for page in folder.iterdir():
            if page.name not in wanted and (page.name in known or not (outputs / page.name).exists()):
                shutil.rmtree(page, ignore_errors=True)
