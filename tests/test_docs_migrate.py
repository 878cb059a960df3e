"""The guide to guided migrations shows the output of this version, and its script runs."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from support import CHECKOUT

PAGE = CHECKOUT / "docs" / "migrate.md"
SCRIPT = CHECKOUT / "docs" / "examples" / "importer" / "migrate.sh"


@pytest.mark.soak
@pytest.mark.usefixtures("pages_in_process")
def test_the_output_is_that_of_this_version() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert text.count("<!-- begin: ") == 2
    assert importlib.import_module("migrate_output").with_output(text) == text


@pytest.mark.soak
@pytest.mark.parametrize("fault, code", [("", 0), ("lose-batch", 1)])
def test_the_script_plays_a_migration_unasked(tmp_path: Path, fault: str, code: int) -> None:
    binaries = Path(sys.executable).parent
    words = [*map(str, (SCRIPT, binaries, tmp_path / "outputs", tmp_path / "place")), *filter(None, [fault])]
    done = subprocess.run(["sh", *words], capture_output=True, text=True, check=False, env=os.environ)
    assert done.returncode == code, done.stdout + done.stderr
    assert f"Verification {'FAILED' if code else 'PASSED'}" in done.stdout
