"""The generated club in the user's database server, with its bundle in a folder."""

from __future__ import annotations

import shutil
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING

from recon.demo.club import generate
from recon.demo.exports import write_exports
from recon.demo.files import BUNDLE, find_faults, patch_bundle, write_bundle
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from recon.database import DatabaseUrl
    from recon.demo.club import Club
    from recon.demo.fault import Fault

# A driver is loaded only when its kind of database is written to.
WRITERS = {"postgresql": ("recon.demo.postgresql", "write_postgresql")}


def write_demo_to(
    url: DatabaseUrl, folder: Path, *, seed: int = 2024, faults: Iterable[str] = (), exports: bool = False
) -> Path:
    """Write a generated club into the empty database at `url` and its bundle into `folder`, both or neither.

    With `exports`, the bundle lists no records and holds the Wild Apricot exports that they came from.

    Returns:
        The bundle's folder.

    Raises:
        UsageError: The club cannot be written to this kind of database, or a fault is not possible in it.
        DatabaseError: The database cannot be reached, is not empty, or refuses the statements.
        ValueError: A fault is unknown; nothing is written in that case.
    """
    planted = find_faults(faults)
    _require_possible(url, planted)
    club, bundle = generate(seed), folder / BUNDLE
    module, writer = WRITERS[url.kind]
    write = partial(_write_bundle, club, bundle, planted, exports=exports)
    getattr(import_module(module), writer)(url, club, planted, write)
    return bundle


def _require_possible(url: DatabaseUrl, faults: Iterable[Fault]) -> None:
    if url.kind not in WRITERS:
        raise UsageError(
            "The demo cannot be written to this kind of database",
            where="--database",
            expected=" or ".join(WRITERS),
            found=url.kind,
            next_step="Leave --database away for a SQLite file of its own in --output",
        )
    impossible = [fault.name for fault in faults if fault.in_sqlite_only]
    if impossible:
        raise UsageError(
            "A fault does not exist in this kind of database, whose types keep it out",
            where="--faults",
            found=", ".join(impossible),
            next_step="Leave it out, or leave --database away for a SQLite file",
        )


def _write_bundle(club: Club, bundle: Path, faults: Iterable[Fault], *, exports: bool) -> None:
    is_new = not bundle.exists()
    try:
        patch_bundle(faults, write_bundle(club, bundle))
        if exports:
            write_exports(club, bundle)
    except BaseException:
        if is_new:
            shutil.rmtree(bundle, ignore_errors=True)
        raise
