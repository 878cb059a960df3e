"""Takes the README's pictures: the pages of a faulty club that was migrated again, as Chromium shows them."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pages import recon
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from playwright.sync_api import Page

PICTURES = Path(__file__).with_name("pictures")
BUNDLE = "migration-bundle-2024-01-15"
# The same club, migrated twice; after the second time, the database holds less of it.
CLUB = "club"
MIGRATIONS = ((), ("--faults", "typical"))
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WIDTH, HEIGHT = 1100, 860
SHOWN = {"home": "site/index.html", "report": "site/runs/{newest}/report.html"}
CHARTS = ("tier-expected", "record-ledger")


def main() -> None:
    """Take every picture again."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("There is no browser: install Debian's chromium")
    with TemporaryDirectory() as folder, sync_playwright() as playwright:
        outputs = run_migrations(Path(folder))
        browser = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        take(page, outputs)
        browser.close()


def run_migrations(folder: Path) -> Path:
    """Verify each migration; returns the folder of their runs."""
    for options in MIGRATIONS:
        recon(str(folder), "demo", "--output", CLUB, *options)
        recon(str(folder), "run", "--bundle", f"{CLUB}/{BUNDLE}", "--database", f"{CLUB}/club.db")
    return folder / "outputs"


def take(page: Page, outputs: Path) -> None:
    """Take the upper part of each page that is pictured."""
    newest = max(path.name for path in (outputs / "site" / "runs").iterdir())
    for name, place in SHOWN.items():
        page.goto((outputs / place.format(newest=newest)).as_uri())
        page.screenshot(path=PICTURES / f"{name}.png")
    for chart in CHARTS:
        shutil.copyfile(outputs / newest / "charts" / f"{chart}.png", PICTURES / f"{chart}.png")


if __name__ == "__main__":
    main()
