"""Finds the file of accepted differences, and refuses what judges a bundle where it came with that bundle."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import UsageError
from recon.rules import optional_checks
from recon.rules.acceptance import read_acceptance
from recon.rules.acceptance.reading import require_checks

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from recon.rules import Rule
    from recon.rules.acceptance import AcceptanceFile
    from recon.verification.options import VerifyOptions


# What people judge a bundle by: the field of the options → what it is called.
JUDGING = {
    "accept": "The file of accepted differences",
    "advice": "The table of advice",
    "policies": "The file of policies",
    "profile": "The profile",
    "expectations": "The folder of suites",
}


def accepted_differences(options: VerifyOptions, rules: Iterable[Rule]) -> AcceptanceFile | None:
    """Read the file that the options name; None where they name none.

    Raises:
        AcceptanceError: It cannot be read, or is wrong.
    """
    if options.accept is None:
        return None
    file = read_acceptance(options.accept)
    require_checks(file, [*(rule.id for rule in rules), *optional_checks()])
    return file


def require_own_judgement(options: VerifyOptions) -> None:
    """Require that nothing by which a bundle is judged came with it: it would let an importer judge itself.

    Raises:
        UsageError: A file or folder that judges is inside the bundle.
    """
    for name, title in JUDGING.items():
        given = getattr(options, name)
        for path in given if isinstance(given, tuple | list) else filter(None, (given,)):
            require_outside_bundle(path, options.bundle, title, options.declared[name].flag)


def require_outside_bundle(path: Path | str, bundle: Path | str, title: str, flag: str) -> None:
    """Require that a file or folder by which a bundle is judged is outside it.

    Raises:
        UsageError: It is inside the bundle, or leads there.
    """
    if is_inside(path, bundle):
        kind = "folder" if Path(path).is_dir() else "file"
        raise UsageError(
            f"{title} is inside the bundle",
            where=f"{flag} {path}"[:300],
            expected=f"a {kind} that came with people, not with what is verified",
            found=f"a {kind} in {bundle}"[:300],
            next_step="Read it, and copy it to another folder if it is right",
        )


def is_inside(file: Path | str, bundle: Path | str) -> bool:
    """Whether a file or folder is the bundle or in its folder, by its name or by what its name leads to.

    Folders are compared as the system knows them, so that another spelling of a name is the same folder.
    """
    with suppress(OSError, ValueError, RuntimeError):
        home = Path(bundle)
        about = home.stat()
        if home.is_dir():
            return any(_is(place, about) for place in _around(Path(file))) or _is_linked(Path(file), home)
        return _is(Path(file), about)
    return False


def _around(file: Path) -> Iterator[Path]:
    """The file and the folders around it, by its name and by what its name leads to."""
    for place in (file.resolve(), file.parent.resolve() / file.name):
        yield from (place, *place.parents)


def _is(place: Path, about: os.stat_result) -> bool:
    with suppress(OSError):
        return os.path.samestat(place.stat(), about)
    return False


def _is_linked(file: Path, home: Path) -> bool:
    """Whether a file of the bundle is the same one by a second name (a hard link)."""
    try:
        about = file.stat()
    except OSError:
        return False
    if about.st_nlink < 2 or file.is_dir():
        return False
    return any(_is(Path(folder, name), about) for folder, _, names in os.walk(home) for name in names)
