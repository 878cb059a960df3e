"""Charts as files: an SVG and a PNG of each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recon.charts.drawing import draw
from recon.errors import OutputError

if TYPE_CHECKING:
    from pathlib import Path

    from recon.charts.figure import Figure
    from recon.model import Verification


def write_charts(verification: Verification, folder: Path) -> dict[str, Figure]:
    """Write <name>.svg and <name>.png of each available chart; creates the folder if it is missing.

    Returns:
        The charts, by name.

    Raises:
        OutputError: They cannot be written.
    """
    figures = draw(verification)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, figure in figures.items():
            (folder / f"{name}.svg").write_text(figure.svg(), encoding="utf-8")
            (folder / f"{name}.png").write_bytes(figure.png())
    except OSError as error:
        raise OutputError("The charts cannot be written", where=str(folder)[:300], found=error.strerror) from error
    return figures
