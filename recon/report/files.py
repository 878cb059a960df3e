"""Files that are written completely or not at all."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from recon.scratch import scratch_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@contextmanager
def replaced_file(path: Path, *, is_private: bool = False) -> Iterator[Path]:
    """A file to be written in the place of `path`, which it replaces at the end, unless an error comes before it.

    Args:
        path: The file; its folder exists.
        is_private: Only the owner may read it.

    Raises:
        OSError: The file cannot be written.
    """
    with scratch_file(path) as temporary:
        yield temporary
        temporary.chmod(0o600 if is_private else 0o666 & ~umask())
        temporary.replace(path)


def umask() -> int:
    """The permissions that new files do not get."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
