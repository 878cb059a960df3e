"""The browser that pages are opened in: Debian's Chromium, or another that is there."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import sync_playwright

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser

# Pages of a file open at once; only a busy machine takes its time.
PATIENCE_MS = 120_000
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SWITCHES = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@contextmanager
def launched_browser() -> Iterator[Browser]:
    """A browser; tests are skipped where there is none, unless one is required."""
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        if os.environ.get("RECON_TEST_BROWSER") == "required":
            pytest.fail("there is no browser: install Debian's chromium")
        pytest.skip("there is no browser: install Debian's chromium")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=program, args=list(SWITCHES), timeout=PATIENCE_MS)
        yield started
        started.close()
