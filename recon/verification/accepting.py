"""Finds the file of accepted differences: it is a person's, so nothing that came with the bundle is one."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from recon.errors import UsageError
from recon.rules import optional_checks
from recon.rules.acceptance import read_acceptance
from recon.rules.acceptance.reading import require_checks

if TYPE_CHECKING:
    from collections.abc import Iterable

    from recon.rules import Rule
    from recon.rules.acceptance import AcceptanceFile
    from recon.verification.options import VerifyOptions


def accepted_differences(options: VerifyOptions, rules: Iterable[Rule]) -> AcceptanceFile | None:
    """Read the file that the options name; None where they name none.

    Raises:
        UsageError: It is inside the bundle.
        AcceptanceError: It cannot be read, or is wrong.
    """
    if options.accept is None:
        return None
    if is_inside(options.accept, options.bundle):
        raise UsageError(
            "The file of accepted differences is inside the bundle",
            where=f"--accept {options.accept}"[:300],
            expected="a file that came with people, not with what is verified",
            found=f"a file in {options.bundle_text}"[:300],
            next_step="Read it, and copy it to another folder if it is right",
        )
    file = read_acceptance(options.accept)
    require_checks(file, [*(rule.id for rule in rules), *optional_checks()])
    return file


def is_inside(file: Path | str, bundle: Path | str) -> bool:
    """Whether a file is in the bundle's folder, or in a folder below it, by its name or by what its name leads to."""
    folder = Path(bundle)
    if folder.is_file():
        return False
    path, home = Path(file), folder.resolve()
    return any(place.is_relative_to(home) for place in (path.resolve(), path.parent.resolve() / path.name))
