"""Compressed bundles: unpacks only the files of a bundle, from whatever they are packed in."""

from __future__ import annotations

import gzip
import lzma
import struct
import tarfile
import zipfile
import zlib
from functools import partial
from typing import IO, TYPE_CHECKING, cast

from recon.bundle.archive import MAX_BYTES, PIECE_BYTES, Unpacked
from recon.bundle.entries import ArchiveEntry, add_entries, ambiguous
from recon.bundle.formats import NAMES, REPORT
from recon.bundle.packing import GZIP_START, UNPACK, beginning, cut_off, not_unpacked, require_packed
from recon.bundle.tarball import is_end, open_tar
from recon.errors import BundleError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

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
    # Of numbers in headers that are taken as they are.
    struct.error,
    ArithmeticError,
    LookupError,
)


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
            raise cut_off(path) from error
        raise not_unpacked(path, *_why_broken(error)) from error
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
    if isinstance(error, RuntimeError) and not isinstance(error, RecursionError):
        return "it is encrypted with a password", "Unpack it yourself with its password, and name the folder"
    return found, "Copy it again, or unpack it yourself and name the folder"


def _find_packer(path: Path) -> Callable[[Path, Unpacked], None] | None:
    if path.is_dir():
        return _unpack_folder if any((path / f"{name}.gz").is_file() for name in NAMES) else None
    if not path.is_file():
        return None
    if _is_zip(path):
        return _unpack_zip
    if _is_tar(path):
        return _unpack_tar
    start = beginning(path)
    if start.startswith(GZIP_START):
        return _unpack_report
    require_packed(path, start)
    return None


def _is_zip(path: Path) -> bool:
    try:
        return zipfile.is_zipfile(path)
    except zipfile.BadZipFile:
        # It has the end of one, which is refused when it is opened.
        return True


def _is_tar(path: Path) -> bool:
    try:
        open_tar(path).close()
    except (tarfile.TarError, EOFError, zlib.error, lzma.LZMAError):
        return False
    except OSError:
        raise
    except BROKEN:
        # The first header is one of a tar, and is refused when the others are read.
        pass
    return True


def _unpack_folder(path: Path, unpacked: Unpacked) -> None:
    """Unpack a folder whose files may each be compressed; a file that is there in both forms is ambiguous."""
    for name in NAMES:
        plain, packed = path / name, path / f"{name}.gz"
        if plain.exists() and packed.exists():
            raise ambiguous([str(plain), str(packed)], path)
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
        add_entries(entries, unpacked)


def _is_plain(found: zipfile.ZipInfo) -> bool:
    """Return whether it is a regular file, not a link; the attributes' upper 16 bits are the Unix mode, if any."""
    kind = found.external_attr >> 28
    return not found.is_dir() and kind in (0, 0o10)


def _unpack_tar(path: Path, unpacked: Unpacked) -> None:
    with open_tar(path) as archive:
        add_entries(_tar_entries(archive, path, unpacked), unpacked)


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
    block = opened.read(tarfile.BLOCKSIZE)
    if len(block) < tarfile.BLOCKSIZE:
        raise cut_off(path)
    if not is_end(block):
        raise not_unpacked(path, "a damaged header", "Copy it again")
    while opened.read(PIECE_BYTES):
        unpacked.require_room(str(path), opened.tell(), path.stat().st_size)


def _extract(archive: tarfile.TarFile, found: tarfile.TarInfo) -> IO[bytes]:
    return cast("IO[bytes]", archive.extractfile(found))
