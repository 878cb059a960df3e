"""Takes pictures of the pages as Chromium shows them: those of the README, or every page and state into a folder.

python docs/pictures.py             the README's: a faulty club that was migrated again
python docs/pictures.py FOLDER      every page and state, wide and on a phone, light and dark, to look at after a change
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pages import recon
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

HERE = Path(__file__).parent
PICTURES = HERE / "pictures"
BUNDLE = "migration-bundle-2024-01-15"
# The same club, migrated twice; after the second time, the database holds less of it.
CLUB = "club"
MIGRATIONS = ((), ("--faults", "typical"))
SWITCHES = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")
WIDTH, HEIGHT = 1280, 860
PHONE = 390
SHOWN = {"home": "site/index.html", "report": "site/runs/{newest}/report.html"}
CHARTS = ("tier-expected", "record-ledger")
STATES = {
    "home": "outputs/site/index.html",
    "report-failed": "failed.html",
    "report-passed": "passed.html",
    "report-dry-run": "dry-run.html",
    "report-incomplete": "incomplete.html",
    "report-error": "error.html",
    "notebook": "outputs/{newest}/report.html",
    "data-docs": "outputs/{newest}/data_docs/index.html",
    "data-docs-results": "outputs/{newest}/data_docs/validations/03-*.html",
    "data-docs-rules": "outputs/{newest}/data_docs/expectations/03-*.html",
    "sheet": "outputs/{newest}/go-no-go.html",
    "changes": "outputs/site/changes/*/*.html",
    "preflight": "outputs/*-preflight/report.html",
}
"""Every page and state."""
FAILING_RULE = """\
name: own
expectations:
  - type: expect_no_violations
    severity: critical
    description: Phone numbers are numbers.
    kwargs: {sql: select cast(phone as integer) as phone from target.members where cast(phone as integer) < 0}
    meta:
      id: phones
      title: Phone Numbers
      category: own
      order: 900
      requires: [target.members.phone]
      messages: {pass: All are, fail: "{violations} are not"}
      meaning: They were written otherwise
      action: Look at them
"""


def main(folder: Path | None) -> None:
    """Take every picture again."""
    program = shutil.which("chromium")
    if program is None:
        sys.exit("There is no browser: install Debian's chromium")
    with TemporaryDirectory() as working, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=list(SWITCHES))
        outputs = run_migrations(Path(working))
        if folder is None:
            take(browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}), outputs)
        else:
            make_states(Path(working))
            take_all(browser, Path(working), folder)
        browser.close()


def run_migrations(folder: Path) -> Path:
    """Verify each migration; returns the folder of their runs."""
    for options in MIGRATIONS:
        recon(str(folder), "demo", "--output", CLUB, *options)
        recon(str(folder), "run", "--bundle", f"{CLUB}/{BUNDLE}", "--database", f"{CLUB}/club.db")
    return folder / "outputs"


def take(page: Page, outputs: Path) -> None:
    """Take the upper part of each page that the README shows."""
    newest = newest_run(outputs)
    for name, place in SHOWN.items():
        page.goto((outputs / place.format(newest=newest)).as_uri())
        page.screenshot(path=PICTURES / f"{name}.png")
    for chart in CHARTS:
        shutil.copyfile(outputs / newest / "charts" / f"{chart}.png", PICTURES / f"{chart}.png")


def newest_run(outputs: Path) -> str:
    """The name of the newest run's folder."""
    return max(path.name for path in (outputs / "site" / "runs").iterdir() if "-run-" in path.name)


def make_states(folder: Path) -> None:
    """Write the reports of verdicts that the two migrations do not have, and of none."""
    recon(str(folder), "demo", "--output", "intact")
    dry_run, own = folder / "dry-run", folder / "own"
    shutil.copytree(folder / "intact" / BUNDLE, dry_run)
    report = dry_run / "migration-report.json"
    report.write_text(json.dumps(json.loads(report.read_text("utf-8")) | {"dryRun": True}), encoding="utf-8")
    own.mkdir()
    (own / "own.yaml").write_text(FAILING_RULE, encoding="utf-8")
    for name, bundle, place, *more in (
        ("failed", f"{CLUB}/{BUNDLE}", CLUB),
        ("passed", f"intact/{BUNDLE}", "intact"),
        ("dry-run", "dry-run", "intact", "--allow-dry-run"),
        ("incomplete", f"intact/{BUNDLE}", "intact", "--expectations", "own"),
        ("error", "no-such-bundle", "intact"),
    ):
        options = ("--bundle", bundle, "--database", f"{place}/club.db", "--format", "html", "--output", f"{name}.html")
        attempted(folder, "verify", *options, *more)
    attempted(
        folder, "preflight", "environment", "policies", "--bundle", f"{CLUB}/{BUNDLE}", "--database", f"{CLUB}/club.db"
    )


def attempted(folder: Path, *arguments: str) -> None:
    """Run the command, which writes its report whatever the verdict."""
    try:
        recon(str(folder), *arguments)
    except RuntimeError as error:
        sys.stdout.write(f"{arguments[0]}: {error}\n")


def take_all(browser: Browser, working: Path, folder: Path) -> None:
    """Take the whole of each page, on a wide screen and on a phone, light and dark."""
    folder.mkdir(parents=True, exist_ok=True)
    for width, scheme in ((WIDTH, "light"), (PHONE, "dark"), (WIDTH, "dark"), (PHONE, "light")):
        page = browser.new_page(viewport={"width": width, "height": HEIGHT}, color_scheme=scheme)
        for name, place in places(working):
            page.goto(place.as_uri())
            page.screenshot(path=folder / f"{name}-{width}-{scheme}.png", full_page=True)
        page.close()


def places(working: Path) -> Iterator[tuple[str, Path]]:
    """Each page and state with its file."""
    newest = newest_run(working / "outputs")
    for name, pattern in STATES.items():
        yield name, next(iter(sorted(working.glob(pattern.format(newest=newest)))))


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else None)
