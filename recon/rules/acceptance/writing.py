"""Writes entries into a file of accepted differences, and leaves all else in it as it is."""

from __future__ import annotations

import json
import os
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import asdict

from recon.errors import AcceptanceError
from recon.rules.acceptance.entries import AcceptanceFile
from recon.rules.acceptance.reading import TABLE, entries_of, header_lines, text_of
from recon.scratch import scratch_file

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from recon.rules.acceptance.entries import AcceptedEntry, Identity

# In the order in which a person reads an entry: what is accepted, and who answers for it.
ORDER = ("check", "entity", "key", "field", "cause", "fingerprint", "maximum")
ANSWERED_FOR = ("reason", "owner", "expires", "approved_by")
BEGINNING = """\
# Accepted differences: what a verification found, and people know and accept for a time.
# Written by recon accept, read by recon verify and recon run. Ids only, no personal data.
"""


class WrittenEntries(NamedTuple):
    """How many entries were appended to a file, and how many in it were replaced."""

    new: int
    replaced: int


def accept_findings(entries: Iterable[AcceptedEntry], file: Path | str) -> WrittenEntries:
    """Write entries into a file of accepted differences, completely or not at all.

    An entry about the same findings as one in the file takes its place; others are appended. Comments and all other
    entries stay. Whether an entry has the approval that its check needs is the caller's to require, with
    `lacks_approval`.

    Args:
        entries: What is accepted; of several about the same findings, the last counts.
        file: Created if there is none.

    Raises:
        AcceptanceError: An entry contradicts itself, or the file cannot be read, edited or written.
    """
    path = Path(file)
    wanted = {entry.identity: entry for entry in entries}
    for entry in wanted.values():
        for problem in entry.problems():
            raise AcceptanceError(
                "A difference cannot be accepted",
                where=f"{entry.subject}, {problem.key}",
                expected=problem.expected,
                found=problem.found,
            )
    text, there = BEGINNING, AcceptanceFile(str(path))
    if path.exists():
        text = text_of(path)
        there = entries_of(text, path)
    replaced = {entry.identity for entry in there.entries} & wanted.keys()
    written = edited(text, there, wanted.values())
    _require_same(written, there, wanted, path)
    _write(path, written)
    return WrittenEntries(len(wanted) - len(replaced), len(replaced))


def edited(text: str, there: AcceptanceFile, entries: Iterable[AcceptedEntry]) -> str:
    """Return the text of a file with the entries in it, in the place of those about the same findings.

    Args:
        text: The file's text.
        there: What it holds.
        entries: No two about the same findings.

    Raises:
        AcceptanceError: Its entries are not written as tables of their own.
    """
    lines = list(StringIO(text, newline="\n"))
    starts = [number - 1 for number in header_lines(text)]
    if len(starts) != len(there.entries):
        raise AcceptanceError(
            "The file of accepted differences cannot be edited",
            where=there.path,
            expected=f"each entry to start with a line [[{TABLE}]]",
            found=f"{len(there.entries)} entries and {len(starts)} such lines",
            next_step="Write each entry in that way, or name another file",
        )
    new = {entry.identity: entry for entry in entries}
    left = dict(new)
    ends = [*starts, len(lines)]
    kept = lines[: ends[0]]
    for entry, start, end in zip(there.entries, starts, ends[1:], strict=True):
        block = lines[start:end]
        if entry.identity in new:
            own = left.pop(entry.identity, None)
            block = [*(_toml(own) if own else ()), *block[_size(block) :]]
        kept += block
    for entry in left.values():
        if kept and kept[-1].strip():
            kept += ["\n"] if kept[-1].endswith("\n") else ["\n", "\n"]
        kept += _toml(entry)
    return "".join(kept)


def _size(block: Sequence[str]) -> int:
    """The number of lines of an entry, without the comments and empty lines that follow it."""
    size = len(block)
    while size > 1 and (not block[size - 1].strip() or block[size - 1].lstrip().startswith("#")):
        size -= 1
    return size


def _toml(entry: AcceptedEntry) -> Iterator[str]:
    yield f"[[{TABLE}]]\n"
    values = asdict(entry)
    for name in (*ORDER, *ANSWERED_FOR):
        if values[name] is not None:
            yield f"{name} = {_value(values[name])}\n"


def _value(value: object) -> str:
    if not isinstance(value, str):
        return str(value)
    # JSON's strings are TOML's, but for one character.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _require_same(text: str, there: AcceptanceFile, wanted: Mapping[Identity, AcceptedEntry], path: Path) -> None:
    """Require that the text means what was there and what was wanted, before it replaces anything."""
    expected = [entry for entry in there.entries if entry.identity not in wanted]
    found = entries_of(text, path).entries
    others = [entry for entry in found if entry.identity not in wanted]
    own = {entry.identity: entry for entry in found if entry.identity in wanted}
    if others != expected or own != wanted:
        raise AcceptanceError(
            "The file of accepted differences cannot be edited without harm to what is in it",
            where=str(path),
            next_step="Name another file, and bring the two together by hand",
        )


def _write(path: Path, text: str) -> None:
    place = path.resolve()
    try:
        with scratch_file(place) as temporary:
            temporary.write_bytes(text.encode())
            temporary.chmod(place.stat().st_mode if place.exists() else 0o666 & ~_umask())
            temporary.replace(place)
    except OSError as error:
        raise AcceptanceError(
            "The file of accepted differences cannot be written",
            where=str(path)[:300],
            found=error.strerror,
            next_step="Name a file in a folder that exists and can be written to",
        ) from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
