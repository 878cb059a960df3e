"""Where the exports of a bundle may be, and what its report calls them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recon.bundle.formats import NAMES, path_below, stated_path
from recon.model import ENTITIES

if TYPE_CHECKING:
    from recon.bundle.model import Bundle


def folder_of(bundle: Bundle) -> Path:
    """Return the folder that holds the bundle's files, unpacked where it is one file."""
    return bundle.path if bundle.path.is_dir() else bundle.report_file.parent


def home_of(bundle: Bundle) -> Path:
    """Return the folder that the bundle is in."""
    return bundle.path.parent if bundle.path.name else bundle.path / ".."


def entries_of(folder: Path) -> list[Path]:
    """Return what is in the folder, sorted; one without permission to list it counts as empty."""
    try:
        return sorted(folder.iterdir())
    except OSError:
        return []


def is_hidden(file: Path) -> bool:
    """Return whether the file is one that a system or an office program puts beside the real one."""
    return file.name.startswith((".", "~$"))


def reported_names(bundle: Bundle) -> dict[str, str]:
    """Return the entity by the importer's name for its export, without folders."""
    names = {reported_name(bundle, entity): entity for entity in ENTITIES}
    return {name: entity for name, entity in names.items() if name and name not in NAMES}


def reported_name(bundle: Bundle, entity: str) -> str:
    """Return the importer's name for the export, without folders; empty: the report does not name it."""
    return stated_path(bundle.entities[entity].file).name


def below(folder: Path, bundle: Bundle, entity: str) -> Path | None:
    """Return what is there under the path that the report gives the export in a folder below; None: nothing."""
    path = path_below(bundle.entities[entity].file)
    try:
        return folder / path if path and os.path.lexists(folder / path) else None
    except ValueError:
        return None


def is_inside(file: Path, folder: Path) -> bool:
    """Return whether the file is in the folder, wherever links lead."""
    return Path(os.path.realpath(file)).is_relative_to(os.path.realpath(folder))
