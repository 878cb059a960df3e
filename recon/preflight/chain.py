"""A file of lines that is only appended to, each sealed by its digest and chained to the line before."""

from __future__ import annotations

import fcntl
import json
import os
import re
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from recon.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from recon.errors import ReconError

BEGINNING = b'{"kind":"'
SEALED = re.compile(rb'(?P<body>\{.*),"sha256":"(?P<digest>[0-9a-f]{64})"\}', re.DOTALL)
LOCK_WAIT_S = 10.0


class ChainedLine(msgspec.Struct, frozen=True, kw_only=True):
    """What every line of such a file holds.

    Attributes:
        kind: What it records; its first key.
        previous: The digest of the line before; None: it is the first.
        torn: The digest of what stands between that line and this one, because its writer was killed; None: nothing.
        sha256: The digest of this line without this key.
    """

    kind: str
    previous: str | None = None
    torn: str | None = None
    sha256: str = ""


Line = TypeVar("Line", bound=ChainedLine)


@dataclass(frozen=True)
class ChainWords:
    """What errors say of such a file.

    Attributes:
        file: What it is, e.g. "file of decisions".
        error: The error where it cannot be read, or is not as it was written.
        unwritten: The sentence where a line cannot be appended.
        elsewhere: What can be done about that.
        move_aside: What can be done where it is not as it was written.
        mode: The mode of a new file, less the umask.
    """

    file: str
    error: type[ReconError]
    unwritten: str
    elsewhere: str
    move_aside: str
    mode: int


@dataclass(frozen=True)
class Chain(Generic[Line]):
    """What a file holds.

    Attributes:
        entries: Its lines, in order.
        torn: The numbers of its last lines that are cut off, because their writer was killed; no entries.
    """

    entries: tuple[Line, ...] = ()
    torn: tuple[int, ...] = ()

    @property
    def head(self) -> str | None:
        """The digest of the last entry; None: there is none."""
        return self.entries[-1].sha256 if self.entries else None


@dataclass(frozen=True)
class ChainedFile(Generic[Line]):
    """A file of such lines, whether it exists or not.

    Attributes:
        line: The type of its lines.
        wait_s: Seconds to wait for another process that holds it.
    """

    path: Path
    line: type[Line]
    words: ChainWords
    wait_s: float = LOCK_WAIT_S

    def read(self) -> Chain[Line]:
        """Read and prove the file; one that does not exist holds nothing.

        Raises:
            ReconError: As `words` says: it cannot be read, another process holds it, or a line was changed, removed or
                added by other means; the error names it.
        """
        try:
            if not self.path.exists():
                return Chain()
            self._require_file()
            data = self._read()
        except OSError as error:
            raise self.words.error(
                f"The {self.words.file} cannot be read",
                where=str(self.path)[:300],
                found=error.strerror,
                next_step="Check the path and its permissions",
            ) from error
        return self._parse(data)

    def append(self, body: Mapping[str, Any]) -> Line:
        """Append one line, on disk when this returns; the file is made if needed.

        Args:
            body: The line's own values, `kind` first.

        Raises:
            ReconError: As `words` says: the file is not whole, so that nothing can follow its last line; or another
                process holds it.
            OutputError: It cannot be written.
        """
        try:
            with self._locked() as file:
                data = _content(file)
                held = self._parse(data)
                torn = _digest(_rest(data, held)) if held.torn else None
                line = _sealed(msgspec.json.encode({**body, "previous": held.head, "torn": torn}))
                _write(file, (b"\n" if data and not data.endswith(b"\n") else b"") + line + b"\n", self.path.parent)
        except OSError as error:
            raise OutputError(
                self.words.unwritten,
                where=str(self.path)[:300],
                found=error.strerror,
                next_step=self.words.elsewhere,
            ) from error
        return msgspec.json.decode(line, type=self.line)

    def _parse(self, data: bytes) -> Chain[Line]:
        """The lines of the file's content; what is cut off is passed over if the line after it says so."""
        entries: list[Line] = []
        unsealed: list[tuple[int, bytes]] = []
        lines = data.split(b"\n")
        for number, line in enumerate(lines if lines[-1] else lines[:-1], 1):
            entry = self._unsealed(line)
            if entry is None:
                unsealed.append((number, line))
                continue
            torn = _digest(b"\n".join(text for _, text in unsealed)) if unsealed else None
            if entry.torn != torn:
                found = "it was changed, or a line before it was"
                raise self._broken(unsealed[0][0] if unsealed else number, found)
            if entry.previous != (entries[-1].sha256 if entries else None):
                found = "it does not follow the line before: a line was changed, removed or added"
                raise self._broken(number, found)
            entries.append(entry)
            unsealed.clear()
        # Only a line without its end was cut off: whoever changes one in an editor leaves the end, or writes it.
        for number, line in unsealed:
            if not lines[-1] or not _is_cut_off(line):
                raise self._broken(number, "it was changed, or not written by recon")
        return Chain(tuple(entries), tuple(number for number, _ in unsealed))

    def _unsealed(self, line: bytes) -> Line | None:
        """The entry of a line; None where its seal is missing or does not fit."""
        found = SEALED.fullmatch(line)
        if found is None or _digest(found["body"] + b"}") != found["digest"].decode():
            return None
        try:
            return msgspec.json.decode(line, type=self.line)
        except msgspec.MsgspecError:
            return None

    def _broken(self, number: int, found: str) -> ReconError:
        return self.words.error(
            f"The {self.words.file} is not as it was written",
            where=f"{str(self.path)[:300]}, line {number}",
            expected="the line as recon appended it",
            found=found,
            next_step=self.words.move_aside,
        )

    def _require_file(self) -> None:
        if not self.path.is_file():
            raise self.words.error(
                f"The {self.words.file} is not a file",
                where=str(self.path)[:300],
                expected="a file",
                found="a folder" if self.path.is_dir() else "a device or a pipe",
                next_step="Choose another folder with --outputs",
            )

    @contextmanager
    def _locked(self) -> Iterator[int]:
        """The file's descriptor, while no other process appends to it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        if self.path.exists():
            self._require_file()
        file = self._opened()
        try:
            yield file
        finally:
            os.close(file)

    def _opened(self) -> int:
        """Open and lock the file that stands under the path once the lock is held: it may be moved aside meanwhile."""
        deadline = monotonic() + self.wait_s
        while True:
            file = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, self.words.mode)
            try:
                self._lock(file, deadline)
                if self.path.exists() and os.path.samestat(os.fstat(file), self.path.stat()):
                    return file
            except BaseException:
                os.close(file)
                raise
            os.close(file)

    def _lock(self, file: int, deadline: float, kind: int = fcntl.LOCK_EX) -> None:
        while True:
            try:
                fcntl.flock(file, kind | fcntl.LOCK_NB)
            except BlockingIOError:
                if monotonic() >= deadline:
                    raise self.words.error(
                        f"The {self.words.file} is held by another process",
                        where=str(self.path)[:300],
                        expected="to be let go",
                        found=f"it was held for {self.wait_s:g} s",
                        next_step="Wait for that process; nothing was recorded",
                    ) from None
                sleep(0.02)
            else:
                return

    def _read(self) -> bytes:
        """The file's content, while no process appends to it: a line being written is not one that was cut off."""
        file = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._lock(file, monotonic() + self.wait_s, fcntl.LOCK_SH)
            return _content(file)
        finally:
            os.close(file)


def _digest(data: bytes) -> str:
    return sha256(data).hexdigest()


def _sealed(body: bytes) -> bytes:
    return body[:-1] + b',"sha256":"' + _digest(body).encode() + b'"}'


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


def _rest(data: bytes, held: Chain[Line]) -> bytes:
    """What stands after the last entry."""
    return b"\n".join(data.split(b"\n")[number - 1] for number in held.torn)


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
