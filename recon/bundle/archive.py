"""Compressed bundles: unpacks only the files of a bundle into a private folder, within size limits."""

from __future__ import annotations

import gzip
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, TYPE_CHECKING, cast

import msgspec

from recon.bundle.formats import (
    NAMES,
    REPORT,
    TABLES,
    ReportFiles,
    is_never_read,
    leads_out,
    meant_name,
    path_below,
)
from recon.bundle.jsonfile import decode_mended, read_text
from recon.errors import BundleError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

GZIP_START = b"\x1f\x8b"
MAX_BYTES = 8 * 2**30
# JSON compresses to about a twentieth; a file that grows a thousandfold was made to fill a disk.
MAX_RATIO = 250
ALWAYS_ALLOWED_BYTES = 64 * 2**20
PIECE_BYTES = 2**20
BEGINNING_BYTES = 512
# What a file begins with → what it is called; a tar has its mark in the middle of its first block.
PACKED = {b"PK\x03\x04": ".zip", b"PK\x05\x06": ".zip", b"PK\x07\x08": ".zip", GZIP_START: ".gz"}
FOREIGN = {
    b"7z\xbc\xaf\x27\x1c": ".7z",
    b"Rar!": ".rar",
    b"\x28\xb5\x2f\xfd": ".zst",
    b"BZh": ".bz2",
    b"\xfd7zXZ": ".xz",
}
TAR_MARK = slice(257, 262)
# What a file is called → how it begins, if it is that.
SUFFIXES = {
    ".zip": b"PK\x03\x04",
    ".tar": b"",
    ".tgz": GZIP_START,
    ".gz": GZIP_START,
    **{kind: mark for mark, kind in FOREIGN.items()},
    ".tbz": b"BZh",
    ".tbz2": b"BZh",
    ".txz": b"\xfd7zXZ",
}
# What Python unpacks of a tar alone.
OF_A_TAR = (".tar.bz2", ".tbz", ".tbz2", ".tar.xz", ".txz")
UNPACK = "Unpack it yourself and name the folder, or pack it as a .zip"
ENDED = ("unexpected end of data", "truncated", "incomplete", "end-of-stream", "empty header", "File is not a zip file")
BROKEN = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    NotImplementedError,
    RuntimeError,
    UnicodeError,
    ValueError,
)


@dataclass
class Unpacked:
    """A private folder with the files of a compressed bundle.

    Attributes:
        path: The bundle as the user wrote it.
        labels: File in the folder → its name in messages, the place that it came from.
        links: The files in the folder that stand, for their names alone, for links and devices.
    """

    path: Path
    labels: dict[Path, str] = field(default_factory=dict)
    links: set[Path] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._folder = ScratchFolder("recon-bundle-")
        self._written = 0

    @property
    def folder(self) -> Path:
        """The folder that holds the files."""
        return self._folder.path

    def close(self) -> None:
        """Remove the folder."""
        self._folder.close()

    def add(self, name: str, label: str, content: IO[bytes], packed_bytes: int) -> None:
        """Write the file `name`, piece by piece, within the limits.

        Raises:
            BundleError: It exceeds the size that `packed_bytes` may grow to, or the limit for all files together.
        """
        target = self._target(name)
        written = 0
        with target.open("wb") as file:
            while piece := content.read(PIECE_BYTES):
                written += len(piece)
                self.require_room(label, written, packed_bytes)
                file.write(piece)
        self._written += written
        self.labels[target] = label

    def add_empty(self, name: str, label: str, *, is_link: bool = False) -> None:
        """Add a file for its name alone, unless there is one."""
        target = self._target(name)
        if target.exists():
            return
        target.touch()
        self.labels[target] = label
        if is_link:
            self.links.add(target)

    def _target(self, name: str) -> Path:
        target = self.folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    def require_room(self, label: str, size: int, packed_bytes: int) -> None:
        """Refuse a file whose `packed_bytes` grow to `size` bytes, if that exceeds the limits.

        Raises:
            BundleError: It exceeds them.
        """
        allowed = min(MAX_BYTES - self._written, max(ALWAYS_ALLOWED_BYTES, MAX_RATIO * packed_bytes))
        if size > allowed:
            raise BundleError(
                "The bundle unpacks to more than is allowed",
                where=label,
                expected=f"at most {allowed // 2**20} MB",
                found="more",
                next_step="If it is right, unpack it yourself and name the folder",
            )

    def rename(self, error: BundleError) -> BundleError:
        """Return the error with the path that the user knows in place of the private one."""
        where = error.where or ""
        for file, label in self.labels.items():
            where = where.replace(str(file), label)
        return BundleError(
            error.what,
            where=where.replace(str(self.folder), str(self.path)),
            expected=error.expected,
            found=error.found,
            next_step=error.next_step,
        )


@dataclass(frozen=True)
class ArchiveEntry:
    """A file of an archive.

    Attributes:
        name: Its path in the archive.
        packed_bytes: Its compressed size, or that of the whole archive where its own is unknown.
        is_file: It is a regular file; otherwise a folder, a link or a device.
    """

    name: str
    packed_bytes: int
    is_file: bool
    is_folder: bool
    open: Callable[[], IO[bytes]]

    @property
    def path(self) -> PurePosixPath:
        """Its path; Windows separators are recognised too."""
        return PurePosixPath(self.name.replace("\\", "/"))


def unpack(path: Path) -> Unpacked | None:
    """Unpack a .zip, a .tar.gz, a migration-report.json.gz, or a folder with one; None where nothing is compressed.

    Only the files of a bundle, and exports next to its report, are written, under their bare names: no path in an
    archive is followed.

    Raises:
        BundleError: The archive is damaged, holds no report or more than one, names unsafe paths, or exceeds the size
            limits when unpacked.
        OSError: The path cannot be accessed.
    """
    fill = _find_packer(path)
    if fill is None:
        return None
    unpacked = Unpacked(path)
    try:
        fill(path, unpacked)
    except BundleError:
        unpacked.close()
        raise
    except BROKEN as error:
        unpacked.close()
        if _is_early_end(error):
            raise _cut_off(path) from error
        raise _not_unpacked(path, *_why_broken(error)) from error
    except BaseException:
        unpacked.close()
        raise
    return unpacked


def _is_early_end(error: Exception) -> bool:
    """Return whether the error says that a file ended too early."""
    return isinstance(error, EOFError) or any(words in str(error) for words in ENDED)


def _why_broken(error: Exception) -> tuple[str, str]:
    """Return what was found instead of a whole archive, and what to do."""
    found = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, NotImplementedError):
        return found, UNPACK
    if isinstance(error, RuntimeError):
        return "it is encrypted with a password", "Unpack it yourself with its password, and name the folder"
    return found, "Copy it again, or unpack it yourself and name the folder"


def _not_unpacked(path: Path, found: str, next_step: str) -> BundleError:
    return BundleError(
        "The compressed bundle cannot be unpacked",
        where=str(path),
        expected="a whole .zip, .tar.gz or .json.gz",
        found=found,
        next_step=next_step,
    )


def _cut_off(path: Path) -> BundleError:
    start = _beginning(path) if path.is_file() else b""
    kind = _packed_kind(start) or _foreign_kind(start) or _name_kind(path) or ".gz"
    return _not_unpacked(path, f"it begins as a {kind} and its end is missing", "Copy it again")


def _beginning(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(BEGINNING_BYTES)


def _packed_kind(start: bytes) -> str | None:
    """Return what a file is packed as, by its first bytes; None: in no way that recon unpacks."""
    if start[TAR_MARK] == b"ustar":
        return ".tar"
    return next((kind for mark, kind in PACKED.items() if start.startswith(mark)), None)


def _foreign_kind(start: bytes) -> str | None:
    return next((kind for mark, kind in FOREIGN.items() if start.startswith(mark)), None)


def _name_kind(path: Path) -> str | None:
    """Return what the file is packed as by its name; None: the name says nothing."""
    return path.suffix.lower() if path.suffix.lower() in SUFFIXES else None


def _is_stub(path: Path, start: bytes) -> bool:
    """Return whether the file is what its name says, and ends before its first bytes tell."""
    kind = _name_kind(path)
    if kind is None or not start:
        return False
    if kind == ".tar":
        return len(start) < TAR_MARK.stop and not start.lstrip().startswith((b"<", b"{"))
    return SUFFIXES[kind].startswith(start)


def _require_packed(path: Path, start: bytes) -> None:
    """Refuse what is packed in another way, cut off, or not what its name says.

    Raises:
        BundleError: It is.
    """
    foreign = _foreign_kind(start)
    if _packed_kind(start) or _is_stub(path, start) or (foreign and path.name.lower().endswith(OF_A_TAR)):
        raise _cut_off(path)
    if foreign:
        raise _not_unpacked(path, f"a {foreign}", UNPACK)
    if kind := _name_kind(path):
        found = "another kind of file" if start else "an empty file"
        raise _not_unpacked(path, f"{found}, called {kind}", "Copy it again, or name the folder of the bundle")


def _find_packer(path: Path) -> Callable[[Path, Unpacked], None] | None:
    if path.is_dir():
        return _unpack_folder if any((path / f"{name}.gz").is_file() for name in NAMES) else None
    if not path.is_file():
        return None
    if zipfile.is_zipfile(path):
        return _unpack_zip
    if _is_tar(path):
        return _unpack_tar
    start = _beginning(path)
    if start.startswith(GZIP_START):
        return _unpack_report
    _require_packed(path, start)
    return None


def _is_tar(path: Path) -> bool:
    try:
        return tarfile.is_tarfile(path)
    except (EOFError, zlib.error, lzma.LZMAError):
        return False


def _unpack_folder(path: Path, unpacked: Unpacked) -> None:
    """Unpack a folder whose files may each be compressed; a file that is there in both forms is ambiguous."""
    for name in NAMES:
        plain, packed = path / name, path / f"{name}.gz"
        if plain.exists() and packed.exists():
            raise _ambiguous([str(plain), str(packed)], path)
        if packed.is_file():
            _add_gzip(packed, name, unpacked)
        elif plain.is_file():
            with plain.open("rb") as content:
                unpacked.add(name, str(plain), content, MAX_BYTES)


def _unpack_report(path: Path, unpacked: Unpacked) -> None:
    _add_gzip(path, REPORT, unpacked)


def _add_gzip(path: Path, name: str, unpacked: Unpacked) -> None:
    with gzip.open(path) as content:
        unpacked.add(name, str(path), cast("IO[bytes]", content), path.stat().st_size)


def _unpack_zip(path: Path, unpacked: Unpacked) -> None:
    with zipfile.ZipFile(path) as archive:
        entries = (
            ArchiveEntry(
                found.filename, found.compress_size, _is_plain(found), found.is_dir(), partial(archive.open, found)
            )
            for found in archive.infolist()
        )
        _add_entries(entries, unpacked)


def _is_plain(found: zipfile.ZipInfo) -> bool:
    """Return whether it is a regular file, not a link; the attributes' upper 16 bits are the Unix mode, if any."""
    kind = found.external_attr >> 28
    return not found.is_dir() and kind in (0, 0o10)


def _unpack_tar(path: Path, unpacked: Unpacked) -> None:
    with tarfile.open(path) as archive:
        _add_entries(_tar_entries(archive, path, unpacked), unpacked)


def _tar_entries(archive: tarfile.TarFile, path: Path, unpacked: Unpacked) -> Iterator[ArchiveEntry]:
    packed = path.stat().st_size
    for found in archive:
        unpacked.require_room(str(path), found.offset_data + found.size, packed)
        yield ArchiveEntry(found.name, packed, found.isreg(), found.isdir(), partial(_extract, archive, found))
    _require_end(archive, path, unpacked)


def _require_end(archive: tarfile.TarFile, path: Path, unpacked: Unpacked) -> None:
    """Refuse a tar without the empty block that ends it, and one whose compressed form ends too early."""
    opened = cast("IO[bytes]", archive.fileobj)
    opened.seek(archive.offset)
    if len(opened.read(tarfile.BLOCKSIZE)) < tarfile.BLOCKSIZE:
        raise _cut_off(path)
    while opened.read(PIECE_BYTES):
        unpacked.require_room(str(path), opened.tell(), path.stat().st_size)


def _extract(archive: tarfile.TarFile, found: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(found))


def _add_entries(entries: Iterable[ArchiveEntry], unpacked: Unpacked) -> None:
    """Write the files of the single bundle among the entries."""
    every = list(entries)
    named = [entry for entry in every if entry.path.name in NAMES]
    reports = [entry for entry in named if entry.path.name == REPORT]
    wanted = [*named, *_exports(every, reports)]
    for entry in wanted:
        _require_safe(entry, unpacked.path)
    if not reports:
        raise _no_report(every, unpacked.path)
    if len(reports) > 1:
        raise _ambiguous([entry.name for entry in reports], unpacked.path)
    home = reports[0].path.parent
    for entry in wanted:
        if entry.path.parent == home:
            _add(entry, entry.path.name, unpacked)
    for entry in _not_read(every, reports[0]):
        _add_name(entry, entry.path.name, unpacked)
    _add_below(every, home, unpacked)


def _add(entry: ArchiveEntry, name: str, unpacked: Unpacked) -> None:
    with entry.open() as content:
        unpacked.add(name, f"{unpacked.path}: {entry.name}", content, entry.packed_bytes)


def _add_name(entry: ArchiveEntry, name: str, unpacked: Unpacked) -> None:
    unpacked.add_empty(name, f"{unpacked.path}: {entry.name}", is_link=not entry.is_file)


def _add_below(entries: Iterable[ArchiveEntry], home: PurePosixPath, unpacked: Unpacked) -> None:
    """Write the files that the report names in folders below its own, and the names of others like them there."""
    found = {}
    for entry in entries:
        path = entry.path.relative_to(home) if entry.path.is_relative_to(home) else entry.path
        if not (entry.is_folder or leads_out(path)) and len(path.parts) > 1:
            found[path] = entry
    if not any(_is_table(path) for path in found):
        return
    named = _named_below(unpacked.folder / REPORT)
    for path, entry in found.items():
        if path in named and entry.is_file:
            _add(entry, str(path), unpacked)
        elif path in named or (_is_table(path) and len(path.parts) == 2):
            _add_name(entry, str(path), unpacked)


def _is_table(path: PurePosixPath) -> bool:
    return path.suffix.lower() in TABLES


def _named_below(report: Path) -> set[PurePosixPath]:
    """Return the paths of exports below the report's folder that it names; none where it cannot be read."""
    try:
        files = decode_mended(report, read_text(report), ReportFiles)
    except (msgspec.MsgspecError, RecursionError, BundleError):
        return set()
    named = (path_below(entity.file) for entity in (files.members, files.events, files.registrations))
    return {path for path in named if path}


def _exports(entries: Iterable[ArchiveEntry], reports: Iterable[ArchiveEntry]) -> Iterator[ArchiveEntry]:
    """Return the files next to a report that may be exports, except links."""
    folders = {report.path.parent for report in reports}
    files = (entry for entry in entries if entry.is_file and entry.path.parent in folders)
    return (file for file in files if _is_table(file.path))


def _not_read(entries: Iterable[ArchiveEntry], report: ArchiveEntry) -> Iterator[ArchiveEntry]:
    """Return what is next to the report and is never read, and named for its name alone; links to exports, too."""
    files = (entry for entry in entries if not entry.is_folder and entry.path.parent == report.path.parent)
    for file in files:
        is_link = not file.is_file and _is_table(file.path)
        if is_link or is_never_read(file.path.name) or meant_name(file.path.name):
            yield file


def _require_safe(entry: ArchiveEntry, path: Path) -> None:
    drive = ":" in entry.path.parts[0]
    if entry.is_file and not entry.path.is_absolute() and ".." not in entry.path.parts and not drive:
        return
    raise BundleError(
        "The archive names an unsafe path",
        where=f"{path}: {entry.name[:200]}",
        expected="plain files inside the archive's own folder",
        found="a path that leads out of it" if entry.is_file else "a link, a folder or a device",
        next_step="Do not unpack it; ask who made it",
    )


def _no_report(entries: list[ArchiveEntry], path: Path) -> BundleError:
    return BundleError(
        f"The archive has no {REPORT}",
        where=str(path),
        expected=f"an archive of the folder that holds {REPORT}",
        found=", ".join(entry.name for entry in entries[:5])[:200] or "an empty archive",
        next_step="Check that the whole bundle was packed",
    )


def _ambiguous(names: list[str], path: Path) -> BundleError:
    return BundleError(
        "The bundle has the same file twice",
        where=str(path),
        expected=f"one {REPORT}, compressed or not, and one of each other file",
        found=", ".join(names[:5])[:300],
        next_step="Keep the intended one",
    )
