"""What a command loads: the heavy libraries only where they are needed, so that it starts at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from support import run_program, run_recon

from recon.cli import COMMANDS, cli

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.demo import DemoPaths

HEAVY = (
    "altair",
    "great_expectations",
    "httpx",
    "IPython",
    "ipykernel",
    "nbconvert",
    "nbformat",
    "notebook",
    "papermill",
    "python_calamine",
    "rich",
    "sqlglot",
    "vl_convert",
    "xlsxwriter",
)
POSTGRESQL = ("psycopg", "adbc_driver_manager", "adbc_driver_postgresql")
SQLITE = ("connectorx", "sqlite3")
# Runs the command line as its entry point does, then writes what was loaded to the file named first.
PROGRAM = """
import json, sys
target = sys.argv.pop(1)
from recon.cli import cli, execute
code = execute(cli)
with open(target, "w") as file:
    json.dump([code, sorted(sys.modules)], file)
"""


def modules_of(tmp_path: Path, *arguments: object, code: int = 0, **environment: str) -> set[str]:
    """The modules that a run of `recon` loads, in a process of its own."""
    target = tmp_path / "modules.json"
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(target), *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
        env=os.environ | environment,
    )
    found, modules = json.loads(target.read_text(encoding="utf-8"))
    assert found == code, done.stderr
    return set(modules)


def loaded(modules: set[str], *names: str) -> set[str]:
    """Those of `names` that were loaded."""
    return {name for name in names if name in {module.partition(".")[0] for module in modules}}


@pytest.fixture(scope="module")
def help_modules(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    return modules_of(tmp_path_factory.mktemp("help"), "--help")


def verify_sqlite(demo: DemoPaths, tmp_path: Path) -> set[str]:
    report = tmp_path / "report.md"
    modules = modules_of(tmp_path, "verify", "-b", demo.bundle, "--database", demo.database, "-o", report)
    assert report.is_file()
    return modules


def test_help_loads_neither_data_libraries_nor_commands(help_modules: set[str]) -> None:
    assert "recon.cli" in help_modules
    libraries = ("polars", "duckdb", "pyarrow", "numpy", "pandas", "msgspec", "yaml", *POSTGRESQL, *SQLITE, *HEAVY)
    assert loaded(help_modules, *libraries) == set()
    own = {module for module in help_modules if module.startswith("recon.")}
    assert own == {"recon.background", "recon.cli", "recon.cli.interrupts", "recon.errors"}
    assert loaded(help_modules, "concurrent", "logging", "queue") == set()


@pytest.mark.parametrize(
    "arguments", [["verify", "--help"], ["demo", "--help"], ["profile", "check", "--help"], ["--version"]], ids=" ".join
)
def test_the_help_of_a_command_loads_no_heavy_library(tmp_path: Path, arguments: list[str]) -> None:
    modules = modules_of(tmp_path, *arguments)
    assert loaded(modules, "pandas", *POSTGRESQL, *SQLITE, *HEAVY) == set()


def test_verify_on_sqlite_loads_neither_heavy_libraries_nor_postgresql_drivers(demo: DemoPaths, tmp_path: Path) -> None:
    modules = verify_sqlite(demo, tmp_path)
    assert loaded(modules, "polars", "duckdb", "connectorx") == {"polars", "duckdb", "connectorx"}
    assert loaded(modules, "pandas", *POSTGRESQL, *HEAVY) == set()
    assert {module for module in modules if "jupyter" in module} == set()
    assert "recon.database.postgresql" not in modules


def test_a_report_in_markdown_loads_no_other_format(demo: DemoPaths, tmp_path: Path) -> None:
    modules = verify_sqlite(demo, tmp_path)
    assert "recon.report.markdown" in modules
    assert modules & {"recon.report.html", "recon.report.junit", "recon.report.csv", "jinja2"} == set()


def test_verify_on_sqlite_loads_neither_the_demo_nor_drafts(demo: DemoPaths, tmp_path: Path) -> None:
    others = ("recon.demo", "recon.profile.draft", "recon.preflight.coverage")
    assert {module for module in verify_sqlite(demo, tmp_path) if module.startswith(others)} == set()


@pytest.mark.parametrize("arguments", [["init", "-o", "-"], ["check"]], ids=" ".join)
def test_profile_loads_no_heavy_library(arguments: list[str], demo: DemoPaths, tmp_path: Path) -> None:
    modules = modules_of(tmp_path, "profile", *arguments, "--database", demo.database)
    assert loaded(modules, "pandas", *POSTGRESQL, *HEAVY) == set()
    assert "recon.gx" not in modules


def test_verify_on_postgresql_loads_neither_heavy_libraries_nor_sqlite(
    demo: DemoPaths, tmp_path: Path, postgres_club: Callable[[str], str]
) -> None:
    url = postgres_club("newer")
    modules = modules_of(tmp_path, "verify", "-b", demo.bundle, "-o", tmp_path / "report.md", DATABASE_URL=url)
    assert loaded(modules, *POSTGRESQL) == set(POSTGRESQL)
    assert loaded(modules, "pandas", *SQLITE, *HEAVY) == set()
    assert {module for module in modules if "jupyter" in module} == set()
    assert "recon.database.sqlite" not in modules


def test_an_output_folder_that_cannot_be_is_reported_before_data_libraries_do_anything(tmp_path: Path) -> None:
    modules = modules_of(tmp_path, "verify", "-b", "x", "-o", Path(__file__) / "report.md", code=2)
    assert loaded(modules, "duckdb", "connectorx", *POSTGRESQL, *HEAVY) == set()


def test_importing_recon_loads_nothing_else() -> None:
    code = "import sys; before = set(sys.modules); import recon; print(sorted(m for m in sys.modules if 'recon' in m))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "['recon']\n"


def test_the_version_is_that_of_the_installed_package() -> None:
    done = run_recon("--version")
    assert (done.code, done.err) == (0, "")
    assert done.out.strip().endswith(version("recon"))


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "recon", "--help"], capture_output=True, text=True, check=True)
    assert "Says whether a data migration is right" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_the_one_line_help_of_a_command_is_its_own(name: str) -> None:
    module, text = COMMANDS[name]
    command: click.Command = import_module(module).command
    assert command.name == name
    assert f"{command.get_short_help_str(limit=200).removesuffix('.')}." == text


def test_help_lists_every_command_with_its_line() -> None:
    shown = " ".join(cli.get_help(click.Context(cli, info_name="recon")).split())
    for name, (_, text) in COMMANDS.items():
        assert f"{name} {text}" in shown


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_says_what_it_does(name: str) -> None:
    command: click.Command = import_module(COMMANDS[name][0]).command
    options = [p for p in command.get_params(click.Context(command)) if not isinstance(p, click.Argument)]
    assert options
    for parameter in options:
        assert isinstance(parameter, click.Option), parameter.name
        assert (parameter.help or "").endswith((".", "]")), parameter.name


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_answers_to_both_flags_of_help(name: str) -> None:
    command: click.Command = import_module(COMMANDS[name][0]).command
    assert command.context_settings["help_option_names"] == ["-h", "--help"]


@pytest.mark.parametrize("way", ["PYTHONWARNINGS", pytest.param("-W", marks=pytest.mark.soak)])
def test_no_warning_of_a_library_ends_a_run(clean: DemoPaths, tmp_path: Path, way: str) -> None:
    options = ("run", clean.bundle, "--database", clean.database, "--outputs", tmp_path, "--only", "data_docs")
    program = [sys.executable, *(("-W", "error") if way == "-W" else ()), "-m", "recon"]
    environment = {"PYTHONWARNINGS": "error"} if way == "PYTHONWARNINGS" else {}

    done = run_program(program, *options, **environment)

    assert done.code == 0, done.err
    assert "Verification PASSED" in done.out
