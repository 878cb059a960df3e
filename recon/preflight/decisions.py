"""What people decide before a migration: one file of lines that is only appended to, each sealed and chained."""

from __future__ import annotations

import fcntl
import getpass
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

import msgspec

from recon.errors import DecisionError, OutputError, UsageError, visible

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

FILE_NAME = "decisions.jsonl"
BEGINNING = b'{"kind":"'
SEALED = re.compile(rb'(?P<body>\{.*),"sha256":"(?P<digest>[0-9a-f]{64})"\}', re.DOTALL)
# The names of those who decide are for them and their group, as far as the umask admits the group.
MODE = 0o660
LONGEST_NAME = 200
LOCK_WAIT_S = 10.0
MOVE_ASIDE = "Compare it with a copy; to begin anew, move the file aside and decide again"


class Seen(msgspec.Struct, frozen=True, rename="camel"):
    """What a decision is about: the bundle's path as it was written, its run id, and the SHA-256 of its files."""

    path: str
    run_id: str
    sha256: str


class Decision(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the file.

    Attributes:
        kind: What was decided, e.g. "review", "signoff".
        by: Who decided, as they say.
        account: The account that the operating system ran it under; None where it has none.
        seen: What it is about; None: nothing in particular.
        answers: What was decided, by the names of its kind.
        previous: The digest of the line before; None: it is the first.
        torn: The digest of what stands between that line and this one, because its writer was killed; None: nothing.
        sha256: The digest of this line without this key.
    """

    kind: str
    by: str
    at: datetime
    account: str | None = None
    seen: Seen | None = None
    answers: dict[str, Any] = {}
    previous: str | None = None
    torn: str | None = None
    sha256: str = ""


@dataclass(frozen=True)
class Decisions:
    """What the file holds.

    Attributes:
        path: The file, whether it exists or not.
        entries: Its decisions, in order.
        torn: The numbers of its last lines that are cut off, because their writer was killed; not decisions.
    """

    path: Path
    entries: tuple[Decision, ...] = ()
    torn: tuple[int, ...] = ()

    @property
    def head(self) -> str | None:
        """The digest of the last decision; None: there is none."""
        return self.entries[-1].sha256 if self.entries else None

    def last(self, kind: str, answer: str | None = None) -> Decision | None:
        """The newest decision of that kind, of those that say something on `answer` if one is named."""
        found = (e for e in reversed(self.entries) if e.kind == kind)
        return next((e for e in found if answer is None or e.answers.get(answer) is not None), None)


def decisions_file(outputs: Path | str) -> Path:
    """The file of decisions in a folder of runs; one folder of runs is one migration."""
    return Path(outputs) / FILE_NAME


def read_decisions(path: Path) -> Decisions:
    """Read and prove the file; one that does not exist holds no decisions.

    Raises:
        DecisionError: It cannot be read, another process holds it, or a line was changed, removed or added by other
            means; the error names it.
    """
    try:
        if not path.exists():
            return Decisions(path)
        _require_file(path)
        data = _read(path)
    except OSError as error:
        raise DecisionError(
            "The file of decisions cannot be read",
            where=str(path)[:300],
            found=error.strerror,
            next_step="Check the path and its permissions",
        ) from error
    return _parse(data, path)


def record_decision(
    path: Path, kind: str, who: tuple[str, str | None], answers: Mapping[str, Any], seen: Seen | None = None
) -> Decision:
    """Append one decision, on disk when this returns; the file, mode 0660 less the umask, is made if needed.

    Args:
        path: The file of decisions.
        kind: What was decided.
        who: The name and the account, see `decider`.
        answers: What was decided, as JSON values.
        seen: What it is about.

    Raises:
        DecisionError: The file is not whole, so that nothing can follow its last line; or another process holds it.
        OutputError: It cannot be written.
    """
    try:
        with _locked(path) as file:
            data = _content(file)
            held = _parse(data, path)
            given = {
                "kind": kind,
                "by": who[0],
                "account": who[1],
                "at": datetime.now(UTC),
                "seen": seen,
                "answers": dict(answers),
                "previous": held.head,
                "torn": _digest(_rest(data, held)) if held.torn else None,
            }
            line = _sealed(msgspec.json.encode(given))
            _write(file, (b"\n" if data and not data.endswith(b"\n") else b"") + line + b"\n", path.parent)
    except OSError as error:
        raise OutputError(
            "The decision was not recorded",
            where=str(path)[:300],
            found=error.strerror,
            next_step="Make room there or choose another folder with --outputs, and decide again",
        ) from error
    return msgspec.json.decode(line, type=Decision)


def decider(by: str | None) -> tuple[str, str | None]:
    """Who decides: the name as given, else that of the account; and the account, None where there is none.

    Raises:
        UsageError: The name is blank or too long, or there is neither.
    """
    account = _account()
    name = visible(" ".join((account or "" if by is None else by).split()))
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(
            "Nobody is named as the one who decides",
            where="--by",
            expected=f"a name of 1 to {LONGEST_NAME} characters",
            found="nothing" if not name else f"{len(name)} characters",
            next_step="Name yourself with --by NAME",
        )
    return name, account


def _account() -> str | None:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _sealed(body: bytes) -> bytes:
    return body[:-1] + b',"sha256":"' + _digest(body).encode() + b'"}'


def _parse(data: bytes, path: Path) -> Decisions:
    """The decisions of the file's content; lines that are cut off are passed over if the line after them says so."""
    entries: list[Decision] = []
    unsealed: list[tuple[int, bytes]] = []
    lines = data.split(b"\n")
    for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
        entry = _unsealed(line)
        if entry is None:
            unsealed.append((number, line))
            continue
        torn = _digest(b"\n".join(text for _, text in unsealed)) if unsealed else None
        if entry.torn != torn:
            raise _broken(path, unsealed[0][0] if unsealed else number, "it was changed, or a line before it was")
        if entry.previous != (entries[-1].sha256 if entries else None):
            raise _broken(path, number, "it does not follow the line before: a line was changed, removed or added")
        entries.append(entry)
        unsealed.clear()
    # Only a line without its end was cut off: whoever changes one in an editor leaves the end, or writes it.
    for number, line in unsealed:
        if not lines[-1] or not _is_cut_off(line):
            raise _broken(path, number, "it was changed, or not written by recon")
    return Decisions(path, tuple(entries), tuple(number for number, _ in unsealed))


def _unsealed(line: bytes) -> Decision | None:
    """The decision of a line; None where its seal is missing or does not fit."""
    found = SEALED.fullmatch(line)
    if found is None or _digest(found["body"] + b"}") != found["digest"].decode():
        return None
    try:
        return msgspec.json.decode(line, type=Decision)
    except msgspec.MsgspecError:
        return None


def _is_cut_off(line: bytes) -> bool:
    """Whether it is the beginning of a line, which a full disk or a lost machine may have filled up with zeros."""
    text = line.rstrip(b"\0")
    if BEGINNING.startswith(text):
        return True
    try:
        json.loads(text)
    except ValueError:
        return text.startswith(BEGINNING) and SEALED.fullmatch(text) is None
    return False


def _rest(data: bytes, held: Decisions) -> bytes:
    """What stands after the last decision."""
    return b"\n".join(data.split(b"\n")[number - 1] for number in held.torn)


def _broken(path: Path, number: int, found: str) -> DecisionError:
    return DecisionError(
        "The file of decisions is not as it was written",
        where=f"{str(path)[:300]}, line {number}",
        expected="the line as recon appended it",
        found=found,
        next_step=MOVE_ASIDE,
    )


def _require_file(path: Path) -> None:
    if not path.is_file():
        raise DecisionError(
            "The file of decisions is not a file",
            where=str(path)[:300],
            expected="a file",
            found="a folder" if path.is_dir() else "a device or a pipe",
            next_step="Choose another folder with --outputs",
        )


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The file's descriptor, while no other process appends to it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        _require_file(path)
    file = _opened(path)
    try:
        yield file
    finally:
        os.close(file)


def _opened(path: Path) -> int:
    """Open and lock the file that stands under the path once the lock is held: it may be moved aside meanwhile."""
    deadline = monotonic() + LOCK_WAIT_S
    while True:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, MODE)
        try:
            _lock(file, path, deadline)
            if path.exists() and os.path.samestat(os.fstat(file), path.stat()):
                return file
        except BaseException:
            os.close(file)
            raise
        os.close(file)


def _lock(file: int, path: Path, deadline: float, kind: int = fcntl.LOCK_EX) -> None:
    while True:
        try:
            fcntl.flock(file, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            if monotonic() >= deadline:
                raise DecisionError(
                    "The file of decisions is held by another process",
                    where=str(path)[:300],
                    expected="to be let go",
                    found=f"it was held for {LOCK_WAIT_S:g} s",
                    next_step="Wait for that process; nothing was recorded",
                ) from None
            sleep(0.02)
        else:
            return


def _read(path: Path) -> bytes:
    """The file's content, while no process appends to it: a line that is being written is not one that was cut off."""
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _lock(file, path, monotonic() + LOCK_WAIT_S, fcntl.LOCK_SH)
        return _content(file)
    finally:
        os.close(file)


def _content(file: int) -> bytes:
    return os.pread(file, os.fstat(file).st_size, 0)


def _write(file: int, data: bytes, folder: Path) -> None:
    while data:
        data = data[os.write(file, data) :]
    os.fsync(file)
    # A new file's name is on disk only when its folder is.
    opened = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
