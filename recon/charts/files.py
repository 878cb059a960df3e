"""Charts as files: an SVG and a PNG of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.charts.drawing import draw
from recon.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from recon.model import Verification


def write_charts(verification: Verification, folder: Path) -> list[Path]:
    """Write <name>.svg and <name>.png of each chart that there is; the folder is made where it is missing.

    Raises:
        OutputError: They cannot be written.
    """
    written = []
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in draw(verification).items():
            for suffix, content in (("svg", figure.svg().encode()), ("png", figure.png())):
                written.append(folder / f"{name}.{suffix}")
                written[-1].write_bytes(content)
    except OSError as error:
        raise OutputError("The charts cannot be written", where=str(folder)[:300], found=error.strerror) from error
    return written
