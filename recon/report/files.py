"""Files that are written completely or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def replaced_file(path: Path, *, is_private: bool = False) -> Iterator[Path]:
    """A file to be written in the place of `path`, which it replaces at the end, unless an error comes before it.

    Args:
        path: The file; its folder exists.
        is_private: Only the owner may read it.

    Raises:
        OSError: The file cannot be written.
    """
    with NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name[:40]}.", delete=False) as file:
        temporary = Path(file.name)
        try:
            yield temporary
            file.close()
            temporary.chmod(0o600 if is_private else 0o666 & ~umask())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise


def umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
