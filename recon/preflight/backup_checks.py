"""The judgement on one backup: is it whole, is it of this database, and what does a restore bring back?"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import starmap
from typing import TYPE_CHECKING

from recon.backup.contents import BackupReading, TableContent, TableMismatch, compare_contents, left_behind
from recon.backup.folder import STATEMENT, backup_folders, unfinished
from recon.backup.forms import recognise
from recon.backup.kinds import IDENTIFYING, kind_of_database
from recon.backup.manifest import MANIFEST as MANIFEST_FILE
from recon.backup.manifest import BackupManifest, file_content, read_manifest, read_statement
from recon.errors import BackupError
from recon.masking import mask_text
from recon.model import Check, Fact, Findings, Outcome, Probe
from recon.preflight import backup_probes as ask

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recon.backup.contents import Restored, Tools
    from recon.database import DatabaseUrl

OTHERS = 0o077
FILES = ("sqlite", "duckdb")
QUOTED = re.compile(r': ".*"')


@dataclass
class Subject:
    """One backup, as far as it is known.

    Attributes:
        path: The file or folder, as given.
        data: What is read and restored; None: nothing can be.
        kind, form: As recognised.
        manifest: None where it was not made by recon, or cannot be relied on.
        is_sound: Whether nothing found so far speaks against a restore.
    """

    path: Path
    data: Path | None = None
    kind: str = ""
    form: str = ""
    manifest: BackupManifest | None = None
    reading: BackupReading = field(default_factory=BackupReading)
    is_sound: bool = True

    def judged(self, check: Check) -> Check:
        """Note what a check that did not hold says about a restore."""
        self.is_sound &= check.outcome in {Outcome.PASS, Outcome.WARN}
        return check


def find_subject(subject: Subject) -> Iterator[Fact | Check]:
    """Recognise the backup and read its manifest.

    Raises:
        BackupError: It cannot be read.
    """
    form = recognise(subject.path)
    subject.kind, subject.form = form.kind, form.name
    if not form.kind:
        yield subject.judged(
            ask.FOUND.failed(
                f"{subject.path.name} is no backup that recon can prove: it is {form.name}. {form.next_step}"
            )
        )
    elif form.kind == "recon":
        yield from _own(subject)
    elif form.kind != "statement":
        subject.data = subject.path
        yield Fact("Form", f"{form.kind}, {form.name}; not made by recon")


def _own(subject: Subject) -> Iterator[Fact | Check]:
    try:
        manifest = read_manifest(subject.path)
    except BackupError as error:
        yield subject.judged(ask.MANIFEST.failed(error.message))
        return
    subject.manifest, subject.kind = manifest, manifest.kind
    name = next(iter(manifest.files), "")
    form = recognise(subject.path / name) if (subject.path / name).is_file() else None
    subject.form = form.name if form else ""
    subject.data = subject.path / name if form and form.kind == manifest.kind else None
    yield Fact("Database", manifest.database)
    yield Fact("Made by", f"{manifest.tool}, from {manifest.server}")
    yield Fact("Instant", f"{manifest.snapshot_at:%Y-%m-%d %H:%M:%S} UTC: {manifest.guarantee}")
    for what, why in manifest.left_out.items():
        yield Fact("Not compared", f"{what}: {why}")
    yield ask.MANIFEST.passed(f"The manifest is as it was written: {_rows(manifest.tables)}")


def check_files(subject: Subject, manifest: BackupManifest) -> Iterator[Check]:
    """Compare every file with the manifest, and name those that are too many."""
    rows: list[dict[str, object]] = []
    for name, expected in manifest.files.items():
        path = subject.path / name
        if not path.is_file():
            rows.append({"file": name, "expected_bytes": expected.bytes, "bytes": None, "found": "it is missing"})
        elif (found := file_content(path)) != expected:
            words = "another length" if found.bytes != expected.bytes else "other bytes"
            rows.append({"file": name, "expected_bytes": expected.bytes, "bytes": found.bytes, "found": words})
    if rows:
        yield subject.judged(ask.FILES.failed(f"{rows[0]['file']}: {rows[0]['found']}", Findings(rows)))
        return
    extra = sorted(p.name for p in subject.path.iterdir() if p.name not in manifest.files and p.name != MANIFEST_FILE)
    size = sum(file.bytes for file in manifest.files.values())
    if extra:
        unknown = Findings([{"file": name} for name in extra])
        yield ask.FILES.warned(f"The manifest does not name: {', '.join(extra[:5])}", unknown)
    else:
        yield ask.FILES.passed(f"{_count(len(manifest.files), 'file')}, {size:,} bytes, as written")


def check_reading(subject: Subject, data: Path, tools: Tools) -> Iterator[Check]:
    """Read the backup to its end, and compare what is in it."""
    kind = kind_of_database(subject.kind)
    if kind is None:
        yield subject.judged(ask.READ.not_evaluated(f"A backup of {subject.kind} is not read by this version of recon"))
        return
    try:
        subject.reading = reading = kind.read(data, subject.form, tools, subject.manifest)
    except BackupError as error:
        yield subject.judged(ask.READ.not_evaluated(error.message))
        return
    found = reading.faults or reading.commands
    rows = [{"found": line} for line in (*reading.faults, *reading.commands)]
    if found:
        what = "" if reading.faults else "it holds what does not belong into a dump of one database: "
        yield subject.judged(ask.READ.failed(f"{what}{found[0]}", Findings(rows)))
    else:
        yield ask.READ.passed(f"Read to its end: {_rows(reading.tables)}")
    if subject.manifest:
        yield subject.judged(_compared(ask.CONTENTS, subject.manifest, reading))
    else:
        yield subject.judged(_unproven(reading))


def _compared(probe: Probe, manifest: BackupManifest, reading: BackupReading) -> Check:
    differing = compare_contents(manifest.tables, reading.tables, {**manifest.left_out, **reading.left_out})
    if not manifest.tables:
        return probe.warned("The database had no tables: there is nothing to compare")
    if differing:
        first = differing[0]
        message = f"{_count(len(differing), 'table')} of {len(manifest.tables)} not as in the manifest: {_words(first)}"
        return probe.failed(message, _findings(differing))
    return probe.passed(f"{_rows(manifest.tables)}, each table with the digest of the manifest")


def _rows(tables: Mapping[str, TableContent]) -> str:
    total = sum(content.rows for content in tables.values())
    return f"{_count(total, 'row')} in {_count(len(tables), 'table')}"


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'s' * (number != 1)}"


def _unproven(reading: BackupReading) -> Check:
    if reading.not_counted:
        names = ", ".join(reading.not_counted[:5])
        return ask.CONTENTS.warned(f"It has no manifest, and the rows of {names} cannot be counted: nothing is proven")
    if not sum(content.rows for content in reading.tables.values()):
        return ask.CONTENTS.failed("It holds no rows at all")
    return ask.CONTENTS.warned(
        "It has no manifest of the same instant: its rows were counted, but whether they are all, and unchanged, "
        "nobody can say"
    )


def _words(found: TableMismatch) -> str:
    numbers = f" ({found.expected_rows:,} expected, {found.rows:,} found)" if _are_numbers(found) else ""
    return f"{found.table}: {found.found}{numbers}"


def _are_numbers(found: TableMismatch) -> bool:
    return found.expected_rows is not None and found.rows is not None and found.expected_rows != found.rows


def _findings(differing: list[TableMismatch]) -> Findings:
    return Findings(
        [
            {"table": each.table, "expected_rows": each.expected_rows, "rows": each.rows, "found": each.found}
            for each in differing
        ]
    )


def check_plausible(subject: Subject, backups: Path) -> Iterator[Check]:
    """Compare the rows with those of the backup before it, where there is one of the same kind and database."""
    tables = subject.manifest.tables if subject.manifest else subject.reading.tables
    last = _backup_before(subject, backups)
    if last is None:
        if subject.manifest is None:
            yield ask.PLAUSIBLE.warned(f"There is no backup of recon's own in {backups} to compare with")
        return
    shrunk = [
        TableMismatch(name, content.rows, found.rows if (found := tables.get(name)) else None, _shrunk(content, found))
        for name, content in last[1].tables.items()
        if _shrunk(content, tables.get(name))
    ]
    if shrunk:
        message = f"{_count(len(shrunk), 'table')} not plausible after {last[0]}: {_words(shrunk[0])}"
        yield ask.PLAUSIBLE.warned(message, _findings(shrunk))
    else:
        yield ask.PLAUSIBLE.passed(f"No table lost half of its rows since {last[0]}")


def _shrunk(before: TableContent, found: TableContent | None) -> str:
    if found is None:
        return "the table is missing"
    if before.rows and not found.rows:
        return "it is empty"
    return "it lost more than half of its rows" if found.rows * 2 < before.rows else ""


def _backup_before(subject: Subject, backups: Path) -> tuple[str, BackupManifest] | None:
    for folder in backup_folders(backups):
        if folder.resolve() == subject.path.resolve():
            continue
        try:
            found = read_manifest(folder)
        except BackupError:
            continue
        known = subject.manifest
        if found.kind != subject.kind:
            continue
        if known is None:
            return folder.name, found
        if _same(found.kind, found.identity, known.identity) and found.snapshot_at < known.snapshot_at:
            return folder.name, found
    return None


def _same(kind: str, one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one.get(key) == other.get(key) for key in IDENTIFYING[kind])


def check_age(instant: datetime, clock: str, max_age_hours: float) -> Check:
    """Judge the age of an instant; `clock`: whose time it is, in a few words."""
    hours = (datetime.now(UTC) - instant).total_seconds() / 3600
    shown = f"{instant:%Y-%m-%d %H:%M} UTC, {clock}"
    if hours * 3600 < -ask.CLOCK_TOLERANCE_S:
        return ask.AGE.failed(f"It is from the future: {shown}")
    found = Findings(expected=max_age_hours, actual=round(max(0.0, hours), 1), unit=" h")
    if hours > max_age_hours:
        return ask.AGE.failed(f"It is {_age(hours)} old, at most {_age(max_age_hours)} are allowed: {shown}", found)
    return ask.AGE.passed(f"It is {_age(max(0.0, hours))} old: {shown}", found)


def _age(hours: float) -> str:
    return (
        f"{hours * 60:.0f} minutes" if hours < 1 else f"{hours:.1f} hours" if hours < 72 else f"{hours / 24:.0f} days"
    )


def instant_of(subject: Subject) -> tuple[datetime, str]:
    """The instant that the backup shows, and whose time it is."""
    if subject.manifest:
        whose = "this machine" if subject.manifest.kind in FILES else "the server"
        return subject.manifest.snapshot_at, f"by the clock of {whose}"
    return datetime.fromtimestamp(subject.path.stat().st_mtime, UTC), "when it was last written"


def clock_of(manifest: BackupManifest) -> Iterator[Fact]:
    """Say that the clocks differed when the backup was made, where its age may be judged wrongly for that."""
    ahead = manifest.clock_difference.total_seconds()
    if abs(ahead) > ask.CLOCK_TOLERANCE_S:
        words = "ahead of" if ahead > 0 else "behind"
        yield Fact("Clocks", f"the server's was {_age(abs(ahead) / 3600)} {words} that of the machine that made it")


def check_database(manifest: BackupManifest | None, url: DatabaseUrl) -> Check:
    """Compare the database of the backup with the one that is named.

    Raises:
        ReconError: The database that is named cannot be reached.
    """
    if manifest is None:
        return ask.SAME_DATABASE.warned(f"A backup without manifest does not say of which database it is: {url.label}?")
    kind = kind_of_database(url.kind)
    if manifest.kind != url.kind or kind is None:
        return ask.SAME_DATABASE.failed(
            f"It is of {manifest.database} ({manifest.kind}), not of {url.label} ({url.kind})"
        )
    present = kind.identity(url)
    keys = [key for key in IDENTIFYING[manifest.kind] if key in manifest.identity and key in present]
    differing = [key for key in keys if manifest.identity[key] != present[key]]
    rows = [{"what": key, "backup": manifest.identity[key], "database": present[key]} for key in differing]
    if differing == ["database_oid"]:
        message = f"{url.label} was dropped and created again since the backup was made"
        return ask.SAME_DATABASE.warned(message, Findings(rows))
    if differing:
        return ask.SAME_DATABASE.failed(
            f"Other database: it is of {manifest.database}, not of {url.label}", Findings(rows)
        )
    if len(keys) < len(IDENTIFYING[manifest.kind]):
        missing = ", ".join(key for key in IDENTIFYING[manifest.kind] if key not in keys)
        return ask.SAME_DATABASE.warned(f"It seems to be of {url.label}, but this is not recorded: {missing}")
    return ask.SAME_DATABASE.passed(f"It is of {url.label}")


def check_private(path: Path) -> Check:
    """Judge who can read the backup; a folder that is closed closes what is in it."""
    if path.is_dir() and not path.stat().st_mode & OTHERS:
        return ask.PRIVATE.passed("Only its owner can")
    parts = [path, *(path.iterdir() if path.is_dir() else ())]
    opened = [part.name for part in parts if part.stat().st_mode & OTHERS]
    if opened:
        rows = [{"file": name} for name in sorted(opened)]
        return ask.PRIVATE.warned(f"Others than its owner may read {path.name}", Findings(rows))
    return ask.PRIVATE.passed("Only its owner can")


def check_statement(path: Path, max_age_hours: float) -> Iterator[Fact | Check]:
    """Report a provider's snapshot that a person recorded."""
    try:
        stated = read_statement(path / STATEMENT)
    except BackupError as error:
        yield ask.MANIFEST.failed(error.message)
        return
    yield Fact("Snapshot", f"{stated.snapshot} at {stated.provider}" + (f": {stated.note}" if stated.note else ""))
    yield ask.RECORDED.warned(
        f"Recorded, not proven: snapshot {stated.snapshot} at {stated.provider}, as stated on "
        f"{stated.stated_at:%Y-%m-%d %H:%M} UTC"
    )
    yield check_age(stated.taken_at, "as it was stated", max_age_hours)


def left_unfinished(backups: Path) -> Iterator[Fact]:
    """Name what interrupted backups left behind."""
    if names := unfinished(backups):
        yield Fact(
            "Not counted", f"unfinished, of a backup that is running or was ended midway: {', '.join(names[:5])}"
        )


def check_restored(manifest: BackupManifest | None, read: BackupReading, restored: Restored) -> Iterator[Fact | Check]:
    """Compare what a restore brought back with the manifest; without one, with what was read in the backup."""
    yield from starmap(Fact, left_behind(restored))
    found = Findings(actual=round(restored.minutes, 2), unit=" minutes")
    rows = [{"message": _without_values(line)} for line in restored.errors]
    if rows:
        yield ask.RESTORED.failed(f"{_count(len(rows), 'error')}, first: {rows[0]['message']}", Findings(rows))
    else:
        yield ask.RESTORED.passed(f"Restored without an error in {_duration(restored.minutes)}", found)
    if manifest is None:
        counted = {name: TableContent(content.rows) for name, content in read.tables.items()}
        differing = compare_contents(counted, restored.reading.tables, {*restored.reading.left_out, *read.not_counted})
        if differing:
            yield ask.ARRIVED.failed(
                f"Other rows arrived than the backup holds: {_words(differing[0])}", _findings(differing)
            )
        else:
            yield ask.ARRIVED.warned(
                "All rows that the backup holds arrived; it has no manifest of what they should be"
            )
        return
    yield _compared(ask.ARRIVED, manifest, restored.reading)
    yield _schema(manifest, restored)


def _duration(minutes: float) -> str:
    return f"{minutes:.1f} minutes" if minutes >= 1 else f"less than a minute ({minutes * 60:.1f} s)"


def _without_values(line: str) -> str:
    """A server's message without the value that it quotes."""
    return mask_text(QUOTED.sub(': "…"', line))


def _schema(manifest: BackupManifest, restored: Restored) -> Check:
    rows: list[dict[str, object]] = [
        {"what": kind, "expected": number, "found": restored.objects.get(kind, 0)}
        for kind, number in manifest.objects.items()
        if restored.objects.get(kind, 0) != number
    ]
    for name, values in manifest.sequences.items():
        found, bounds = restored.sequences.get(name), sorted((values.before, values.after))
        if found is None or not bounds[0] <= found <= bounds[1]:
            rows.append({"what": f"sequence {name}", "expected": values.after, "found": found})
    if manifest.large_objects and manifest.large_objects != restored.large_objects:
        found_rows = restored.large_objects.rows if restored.large_objects else None
        rows.append({"what": "large objects", "expected": manifest.large_objects.rows, "found": found_rows})
    if rows:
        first = rows[0]
        return ask.SCHEMA.failed(
            f"{first['what']}: expected {first['expected']}, found {first['found']}", Findings(rows)
        )
    total = sum(manifest.objects.values())
    if not total and not manifest.sequences:
        return ask.SCHEMA.passed("There is nothing beside the tables")
    kept = f"{_count(total, 'object')} and {_count(len(manifest.sequences), 'sequence')}"
    return ask.SCHEMA.passed(f"Beside the tables, {kept}, as they were")
