"""The wheel carries what runs need, and both kinds of installation find it."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from support import CHECKOUT

from recon.rules import shipped_folder

if TYPE_CHECKING:
    from recon.demo import DemoPaths

WHERE = "import recon, recon.rules as s; print(recon.__file__); print(s.shipped_folder('expectations'))"


@pytest.fixture(scope="session")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True)
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel unpacked by an installer, outside of the checkout; its dependencies come from this environment."""
    folder = tmp_path_factory.mktemp("installed")
    uv = Path(sys.executable).with_name("uv")
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--offline", "--no-deps", "--target", folder, wheel],
        check=True,
        capture_output=True,
    )
    return folder


def run_python(folder: Path, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=cwd, env=environment, check=False, capture_output=True, text=True
    )


def test_the_wheel_carries_code_suites_and_data(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    shipped = {f"recon/expectations/{path.name}" for path in (CHECKOUT / "expectations").glob("*.yaml")}
    assert len(shipped) == 6
    shipped |= {f"recon/notebooks/{path.name}" for path in (CHECKOUT / "notebooks").glob("*.ipynb")}
    # What Python compiles meanwhile, in another process of these tests, has names of its own for a moment.
    files = [path for path in (CHECKOUT / "recon").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    package = {path.relative_to(CHECKOUT).as_posix() for path in files}
    assert len(package) > 150
    assert shipped | package <= names
    assert not [name for name in names if name.startswith(("tests/", "outputs/"))]


def test_an_installed_wheel_verifies_outside_of_the_checkout(installed: Path, demo: DemoPaths, tmp_path: Path) -> None:
    found = run_python(installed, "-c", WHERE, cwd=tmp_path)
    assert found.stdout.splitlines() == [
        str(installed / "recon" / "__init__.py"),
        str(installed / "recon" / "expectations"),
    ]
    run = run_python(installed, "-m", "recon", "verify", "-b", demo.bundle, "--database", demo.database, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    assert "Verification PASSED" in run.stdout
    assert (tmp_path / "verification-report.md").is_file()


@pytest.mark.soak
def test_an_installed_wheel_makes_the_page_of_a_run(installed: Path, demo: DemoPaths, tmp_path: Path) -> None:
    arguments = ("-b", demo.bundle, "--database", demo.database, "--only", "html", "--only", "site")
    run = run_python(installed, "-m", "recon", "run", *arguments, cwd=tmp_path)
    assert (run.returncode, run.stderr) == (0, "")
    (page,) = tmp_path.glob("outputs/2*/report.html")
    assert "Verification PASSED" in page.read_text(encoding="utf-8")
    assert (tmp_path / "outputs" / "site" / "index.html").is_file()


def test_an_editable_install_finds_the_checkouts_suites(tmp_path: Path) -> None:
    found = subprocess.run(
        [sys.executable, "-c", WHERE], cwd=tmp_path, check=True, capture_output=True, text=True
    ).stdout.splitlines()
    assert found == [str(CHECKOUT / "recon" / "__init__.py"), str(CHECKOUT / "expectations")]
    assert shipped_folder("expectations") == CHECKOUT / "expectations"
