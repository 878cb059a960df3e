"""The explorer as an analyst has it: recon explore, its JupyterLab, and a real browser that is driven by keys alone."""

from __future__ import annotations

import os
import re
import signal
import socket
import stat
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsers import PATIENCE_MS, launched_browser
from explored_runs import FIRST, LAST, PHONE, ExploredRun
from shared_runs import HOSTILE
from support import names_in, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Dialog, Locator, Page

pytestmark = pytest.mark.browser
# A browser for tests: it notes what it is to open, and how that looks.
NOTING = '#!/bin/sh\nprintf "%s" "$1" >"{place}.part"\nmv "{place}.part" "{place}"\n'
LINE_LIMIT_S = 120
IDLE = '.jp-StatusBar-TextItem:has-text("| Idle")'
FOCUS = "[...document.querySelectorAll('.recon-table')].findIndex((table) => table.contains(document.activeElement))"
OUTLINE = "getComputedStyle(document.activeElement).outlineStyle"
PLANTED = "planted-password"


class Visited:
    """A page in the browser, and all that it received and asked for."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: list[str] = []
        self.received: list[str] = []
        self.said: list[str] = []
        page.set_default_timeout(PATIENCE_MS)
        page.on("request", lambda request: self.asked.append(request.url))
        page.on("websocket", lambda opened: opened.on("framereceived", self._receive))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", self._dismiss)

    def _dismiss(self, dialog: Dialog) -> None:
        self.said.append(dialog.message)
        dialog.dismiss()

    def _receive(self, frame: str | bytes) -> None:
        self.received.append(frame if isinstance(frame, str) else frame.decode(errors="replace"))

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def table(self, place: int) -> Locator:
        return self.page.locator(".recon-table").nth(place)

    def expect(self, place: int, text: str) -> None:
        """Wait until that table says so."""
        self.table(place).filter(has_text=text).wait_for()

    def expect_focus(self, place: int, on: str) -> None:
        """Wait until something of that table has the focus, and shows that it has."""
        self.page.wait_for_function(f"{FOCUS} === {place} && document.activeElement.matches('{on}')")
        assert self.page.evaluate(OUTLINE) != "none" or on.startswith("section")


@contextmanager
def explore(run: Path, folder: Path) -> Iterator[str]:
    """`recon explore` as a person starts it; yields the address that it prints, and stops it by Ctrl-C."""
    noted, noting = folder / "noted", folder / "browser"
    noting.write_text(NOTING.format(place=noted), encoding="utf-8")
    noting.chmod(0o700)
    program = [str(Path(sys.executable).with_name("recon")), "explore", str(run), "--output", str(folder / "mine")]
    environment = os.environ | {"BROWSER": str(noting), "DATABASE_URL": f"postgresql://u:{PLANTED}@127.0.0.1:1/x"}
    with subprocess.Popen(program, stdout=subprocess.PIPE, env=environment, cwd=folder, text=True) as process:
        assert process.stdout
        try:
            said = [process.stdout.readline() for _ in range(2)]
            assert said[0].startswith("New notebook: "), said
            wait_until(noted.is_file, "no browser was opened")
            page = Path(unquote(urlsplit(noted.read_text(encoding="utf-8")).path))
            # The token is in no list of processes, and in a file that is its owner's.
            assert stat.S_IMODE(page.parent.parent.stat().st_mode) == 0o700
            address = said[1].split()[-1]
            assert re.search(r"token=\w{48}$", address)
            assert address.partition("?")[2] in page.read_text(encoding="utf-8")
            yield address
        finally:
            process.send_signal(signal.SIGINT)
        assert (process.wait(LINE_LIMIT_S), process.stdout.read()) == (0, "\nStopped.\n")
    assert not page.parent.exists()


@pytest.fixture(scope="module")
def explored(tmp_path_factory: pytest.TempPathFactory) -> ExploredRun:
    return ExploredRun(tmp_path_factory.mktemp("explored"))


@pytest.fixture(scope="module")
def visited(explored: ExploredRun, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Visited]:
    """The notebook, opened and run."""
    before = {path: path.read_bytes() for path in explored.run.iterdir()}
    folder = tmp_path_factory.mktemp("analyst")
    with launched_browser() as browser:
        with explore(explored.run, folder) as address:
            visited = Visited(browser.new_page(viewport={"width": 1300, "height": 1000}))
            visited.page.goto(address)
            visited.page.locator(".jp-Notebook .jp-CodeCell").first.wait_for()
            visited.page.locator(IDLE).wait_for()
            visited.press(*["Shift+Enter"] * 6)
            visited.table(1).locator("[data-row]").first.wait_for()
            yield visited
            port = urlsplit(address).port
            assert port
        with socket.socket() as asking:
            assert asking.connect_ex(("127.0.0.1", port)) != 0
    # A run's folder is as it was, and what is kept of the analyst's is the notebook.
    assert {path: path.read_bytes() for path in explored.run.iterdir()} == before
    assert names_in(folder / "mine" / explored.run.name) == ["explore_discrepancies.ipynb"]


def test_from_a_check_to_a_person_by_keys_alone(visited: Visited, explored: ExploredRun) -> None:
    visited.press("ArrowUp")
    for _ in range(6):
        visited.press("Tab")
        if visited.page.evaluate(f"{FOCUS} === 0"):
            break
    visited.expect_focus(0, "input[type=search]")
    visited.page.keyboard.type("altered_rec")
    visited.expect(0, "Rows 1 to 1 of 1 (of 39 in all)")
    visited.press("ArrowDown")
    visited.expect_focus(0, "td")
    visited.press("Enter")
    visited.expect(1, "Altered Records: FAIL")
    visited.expect_focus(1, "td")
    visited.press("Enter")
    visited.expect_focus(1, "section")
    record = visited.table(1).locator(".recon-record")
    assert record.locator("h4").inner_text() == f"Member {explored.altered['_waId']}: landed_altered"
    phone = record.get_by_role("row").filter(has=visited.page.get_by_text("phone", exact=True)).first
    assert phone.inner_text().split()[0] == "phone"
    assert "***91" in phone.inner_text()
    visited.press("Escape")
    visited.expect_focus(1, "td")
    visited.press(" ")
    visited.expect(1, "1 chosen")
    assert visited.table(1).locator("[aria-selected=true]").count() == 1
    visited.press("Escape")
    visited.expect_focus(0, "td")
    visited.press("/")
    visited.expect_focus(0, "input[type=search]")


def open_question(visited: Visited, question: str, title: str) -> None:
    visited.table(0).locator("input[type=search]").focus()
    visited.page.keyboard.press("Control+A")
    visited.page.keyboard.type(question)
    visited.page.wait_for_function(
        """(question) => {
          const [row, ...others] = document.querySelectorAll(".recon-table")[0].querySelectorAll("[data-row]");
          return row && !others.length && row.textContent.includes(question);
        }""",
        arg=question,
    )
    visited.press("Enter")
    visited.expect_focus(0, "td")
    visited.press("Enter")
    visited.expect(1, title)
    visited.expect_focus(1, "td")


def test_pages_are_turned_and_sorted_by_keys(visited: Visited) -> None:
    open_question(visited, "ledger members", "Members of the ledger")
    grid = visited.table(1).locator("[role=grid]")
    visited.expect(1, "Rows 1 to 15 of 20")
    assert (grid.get_attribute("aria-rowcount"), grid.get_attribute("aria-colcount")) == ("22", "14")
    visited.press("PageDown")
    visited.expect(1, "Rows 16 to 20 of 20")
    assert grid.locator("[data-row]").first.get_attribute("aria-rowindex") == "18"
    visited.press("Control+Home")
    visited.expect(1, "Rows 1 to 15 of 20")
    visited.press("Control+End")
    visited.expect(1, "Rows 16 to 20 of 20")
    visited.press("PageUp")
    visited.expect(1, "Rows 1 to 15 of 20")
    visited.press("Control+Home", "Home", "ArrowUp", "ArrowUp")
    visited.expect_focus(1, "th")
    for way in ("ascending", "descending", "none"):
        visited.press("Enter")
        grid.locator(f"th[data-sort='0'][aria-sort={way}]").wait_for()
        visited.expect_focus(1, "th")
    visited.press("ArrowDown", "ArrowRight")
    visited.expect_focus(1, "input")
    visited.page.keyboard.type("=nobody")
    visited.expect(1, "No row")
    visited.expect_focus(1, "input")


def test_what_is_hostile_is_text_and_cut(visited: Visited) -> None:
    open_question(visited, "missing events", "Events in the bundle and not in the database")
    visited.expect(1, f"of {len(HOSTILE)}")
    cells = visited.table(1).locator("[data-row] td").all_inner_texts()
    assert {*HOSTILE[:3], r"\u202eto left, right\u200f", "y" * 120 + "…"} <= set(cells)
    assert visited.page.evaluate("window.pwned") is None
    widths = visited.table(1).locator("[data-row] td").evaluate_all("(all) => all.map((td) => td.offsetWidth)")
    assert max(widths) < 400
    assert visited.said == []


def test_a_bar_shows_its_rows_and_the_table_moves_the_bars(visited: Visited) -> None:
    open_question(visited, "ledger members", "Members of the ledger")
    visited.expect(1, "of 20")
    visited.page.get_by_text("14 of 14", exact=True).wait_for()
    visited.page.locator("[aria-roledescription=bar][aria-label^=mapped_without_row]").click()
    visited.expect(1, "only cause: mapped_without_row")
    visited.expect(1, f"Rows 1 to {len(HOSTILE)} of {len(HOSTILE)}")
    visited.page.get_by_text("0 of 14", exact=True).wait_for()
    visited.table(1).get_by_role("button", name="Clear search and filters").click()
    visited.expect(1, "Rows 1 to 15 of 20")
    visited.page.get_by_text("14 of 14", exact=True).wait_for()


def test_tables_have_names_and_roles_for_screen_readers(visited: Visited) -> None:
    found = Axe().run(visited.page, context=".recon-table", options={"rules": {"color-contrast": {"enabled": True}}})
    assert found.response["violations"] == [], found.generate_report()


def test_nothing_unmasked_is_received(visited: Visited, explored: ExploredRun) -> None:
    received = "\n".join(visited.received)
    assert str(explored.altered["_waId"]) in received
    assert "***91" in received
    for secret in (FIRST, LAST, PHONE, "secret.example", "5557391", *(each["email"] for each in explored.missing)):
        assert secret.lower() not in received.lower(), secret
    assert PLANTED not in received


def test_nothing_beyond_this_machine_is_asked_for_and_nothing_is_offered(visited: Visited) -> None:
    hosts = {urlsplit(url).hostname for url in visited.asked if url.startswith(("http", "ws"))}
    assert hosts == {"127.0.0.1"}
    assert len(visited.asked) > 50
    assert not [url for url in visited.asked if "/news" in url or "/api/extensions" in url]
    assert visited.page.locator(".Toastify__toast, [data-id*=extensionmanager], .jp-Terminal").count() == 0
