"""The unpacked files of a compressed bundle, in a private folder, within limits of size."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING

from recon.errors import BundleError
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from pathlib import Path

MAX_BYTES = 8 * 2**30
# JSON compresses to about a twentieth; a file that grows a thousandfold was made to fill a disk.
MAX_RATIO = 250
ALWAYS_ALLOWED_BYTES = 64 * 2**20
PIECE_BYTES = 2**20


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
