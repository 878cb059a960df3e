"""What a file is packed as, by its first bytes and its name, and why it cannot be unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.errors import BundleError

if TYPE_CHECKING:
    from pathlib import Path

GZIP_START = b"\x1f\x8b"
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


def require_packed(path: Path, start: bytes) -> None:
    """Refuse what is packed in another way, cut off, or not what its name says.

    Raises:
        BundleError: It is.
    """
    foreign = _foreign_kind(start)
    if _packed_kind(start) or _is_stub(path, start) or (foreign and path.name.lower().endswith(OF_A_TAR)):
        raise cut_off(path)
    if foreign:
        raise not_unpacked(path, f"a {foreign}", UNPACK)
    if kind := _name_kind(path):
        found = "another kind of file" if start else "an empty file"
        raise not_unpacked(path, f"{found}, called {kind}", "Copy it again, or name the folder of the bundle")


def cut_off(path: Path) -> BundleError:
    """Return the error for a file whose end is missing."""
    start = beginning(path) if path.is_file() else b""
    kind = _packed_kind(start) or _foreign_kind(start) or _name_kind(path) or ".gz"
    return not_unpacked(path, f"it begins as a {kind} and its end is missing", "Copy it again")


def not_unpacked(path: Path, found: str, next_step: str) -> BundleError:
    """Return the error for a file that is no whole archive that recon unpacks."""
    return BundleError(
        "The compressed bundle cannot be unpacked",
        where=str(path),
        expected="a whole .zip, .tar.gz or .json.gz",
        found=found,
        next_step=next_step,
    )


def beginning(path: Path) -> bytes:
    """Return the first bytes of the file, which say what it is."""
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
    """Return whether the file is what its name says, and ends before its first bytes say."""
    kind = _name_kind(path)
    if kind is None or not start:
        return False
    if kind == ".tar":
        return len(start) < TAR_MARK.stop and not start.lstrip().startswith((b"<", b"{"))
    return SUFFIXES[kind].startswith(start)
