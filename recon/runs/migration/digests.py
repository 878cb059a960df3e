"""What the target held before and after a step, and what that says about the importer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from recon.backup.contents import DatabaseContents, compare_contents
from recon.backup.kinds import contents_of
from recon.errors import BackupError, MigrationError, OutputError, ReconError
from recon.model import Findings, Probe
from recon.runs.migrations import write_whole

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from recon.backup.contents import TableMismatch
    from recon.database import DatabaseUrl
    from recon.model import Check

BEFORE, AFTER = "before.json", "after.json"
UNTOUCHED = Probe(
    "dry_run_untouched",
    "Database Untouched",
    "importer",
    "Every table held the same rows before and after the dry run, and everything was defined in the same way.",
    "The dry run wrote to the database, or somebody else did while it ran",
    "Ask who else writes; if nobody does, do not let this importer near production, and undo what it wrote",
)
SHOWN = 5


def take_digest(url: DatabaseUrl, file: Path) -> DatabaseContents:
    """Read what the target holds, and keep it in `file`, on disk when this returns.

    Raises:
        ReconError: It cannot be read, or not be kept.
    """
    try:
        found = contents_of(url)
    except BackupError as error:
        raise MigrationError(
            "It cannot be known what is written to the database, because it cannot be read whole",
            where=error.where,
            found=error.found,
            next_step=error.next_step,
        ) from error
    try:
        write_whole(file, msgspec.json.encode(found))
    except OSError as error:
        raise OutputError("The digests cannot be kept", where=str(file)[:300], found=error.strerror) from error
    return found


def kept_digest(file: Path) -> DatabaseContents | None:
    """What was kept; None: nothing whole is there."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=DatabaseContents)
    except (OSError, msgspec.MsgspecError):
        return None


def differences(before: DatabaseContents, after: DatabaseContents) -> list[TableMismatch]:
    """The tables that differ, in the order of `before`."""
    return compare_contents(before.tables, after.tables)


def change_words(before: DatabaseContents, after: DatabaseContents) -> str:
    """What differs, in a few words; empty: nothing."""
    found = differences(before, after)
    words = [_words(each) for each in found[:SHOWN]]
    if len(found) > SHOWN:
        words.append(f"{len(found) - SHOWN} more")
    named = {each.table for each in found if each.expected_rows is None or each.rows is None}
    defined = [name for name in redefined(before, after) if name.removeprefix("table ") not in named]
    words += [f"{name} {_fate(name, before.definitions, after.definitions)}" for name in defined[:SHOWN]]
    if len(defined) > SHOWN:
        words.append(f"{len(defined) - SHOWN} more definitions")
    return ", ".join(words)


def redefined(before: DatabaseContents, after: DatabaseContents) -> list[str]:
    """The objects that are defined in another way, were created or dropped, by kind and name."""
    return _changed(before.definitions, after.definitions)


def drawn(before: DatabaseContents, after: DatabaseContents) -> list[str]:
    """The sequences from which numbers were drawn, which a transaction does that is rolled back."""
    return _changed(before.sequences, after.sequences)


def _changed(before: Mapping[str, object], after: Mapping[str, object]) -> list[str]:
    absent = object()
    return [name for name in {**before, **after} if before.get(name, absent) != after.get(name, absent)]


def _fate(name: str, before: Mapping[str, str], after: Mapping[str, str]) -> str:
    return "is gone" if name not in after else "is defined otherwise" if name in before else "is new"


def _words(each: TableMismatch) -> str:
    if each.expected_rows is None or each.rows is None:
        return f"{each.table}: {each.found}"
    change = each.rows - each.expected_rows
    return f"{each.table} {change:+,} rows" if change else f"{each.table}: {each.found}"


def untouched(url: DatabaseUrl, folder: Path) -> Check:
    """Judge whether a dry run left the target as it was; the digest of before is in its folder."""
    before = kept_digest(folder / BEFORE)
    if before is None:
        return UNTOUCHED.not_evaluated("What the database held before the dry run is not known")
    try:
        after = take_digest(url, folder / AFTER)
    except ReconError as error:
        return UNTOUCHED.not_evaluated(error.message)
    words = change_words(before, after)
    if words:
        return UNTOUCHED.failed(f"The database is not as it was before the dry run: {words}", _rows(before, after))
    rows = sum(content.rows for content in after.tables.values())
    sentence = f"{len(after.tables)} tables, {rows:,} rows: the same digests before and after"
    left_out = ", ".join(after.left_out)
    found = Findings(detail=f"Not compared: {left_out[:300]}") if left_out else Findings()
    if sequences := drawn(before, after):
        names = ", ".join([*sequences[:SHOWN], *(["…"] if len(sequences) > SHOWN else [])])
        rolled_back = "as inserts do that are rolled back, or somebody else's"
        return UNTOUCHED.warned(f"{sentence}; but numbers were drawn from sequences, {rolled_back}: {names}", found)
    return UNTOUCHED.passed(sentence, found)


def _rows(before: DatabaseContents, after: DatabaseContents) -> Findings:
    found = differences(before, after)
    tables = tuple(
        {"table": each.table, "rows_before": each.expected_rows, "rows_after": each.rows, "found": each.found}
        for each in found
    )
    objects = tuple(
        {
            "table": name,
            "rows_before": None,
            "rows_after": None,
            "found": _fate(name, before.definitions, after.definitions),
        }
        for name in redefined(before, after)
    )
    return Findings((*tables, *objects))
