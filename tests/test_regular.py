"""What is no regular file is refused at once: a device has no end, and a pipe makes its reader wait."""

from __future__ import annotations

import os
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest
from support import run_in_process

from recon.regular import NotRegularError, irregular, read_named, read_regular

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from recon.demo import DemoPaths


def bind(path: Path) -> None:
    """A socket; its address may be only so long, so it is bound by its name alone."""
    before = os.open(".", os.O_RDONLY)
    try:
        os.chdir(path.parent)
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(before)
        os.close(before)


def grow(path: Path) -> None:
    path.touch()
    os.truncate(path, 5 << 30)


MAKE: dict[str, Callable[[Path], object]] = {
    "a pipe (FIFO)": os.mkfifo,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link without end": lambda path: path.symlink_to(path.name),
    "a socket": bind,
    "5,368,709,120 bytes, more than": grow,
}


@pytest.mark.parametrize("found", MAKE)
@pytest.mark.parametrize("name", ["migration-config.json", "policy-bundle.json"])
def test_a_part_of_the_bundle_that_is_no_file_is_refused(
    demo: DemoPaths, tmp_path: Path, name: str, found: str
) -> None:
    part = demo.bundle / name
    part.unlink(missing_ok=True)
    MAKE[found](part)

    done = run_in_process("verify", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md")

    assert done.code == 2
    assert done.err.startswith(f"Bundle error: {name} cannot be read ({part}): expected a regular file")
    assert f"found {found}" in done.err


@pytest.mark.parametrize("found", [found for found in MAKE if "bytes" not in found])
def test_a_report_or_bundle_or_file_of_policies_that_is_no_file_is_refused(
    demo: DemoPaths, tmp_path: Path, found: str
) -> None:
    policies, alone, report = tmp_path / "policies.json", tmp_path / "alone", demo.bundle / "migration-report.json"
    MAKE[found](policies)
    MAKE[found](alone)
    database = ("--database", demo.database, "-o", tmp_path / "r.md")

    by_policies = run_in_process("verify", demo.bundle, "--policies", policies, *database)
    by_path = run_in_process("verify", alone, *database)
    report.unlink()
    MAKE[found](report)
    by_report = run_in_process("verify", demo.bundle, *database)

    assert [done.code for done in (by_policies, by_path, by_report)] == [2, 2, 2]
    assert f"found {found}" in by_policies.err
    assert f"found {found}" in by_report.err
    assert by_path.err.startswith("Bundle error: ")


@pytest.mark.parametrize("found", [found for found in MAKE if "bytes" not in found])
def test_an_export_that_is_no_file_is_refused(demo: DemoPaths, tmp_path: Path, found: str) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    MAKE[found](exports / "members.csv")

    done = run_in_process("verify", demo.bundle, "--exports", exports, "--database", demo.database)

    assert done.code == 2
    assert f"An export is no file ({exports / 'members.csv'}): expected a regular file, found {found}" in done.err


def test_what_is_a_file_is_read_whole(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"content")
    link = tmp_path / "link"
    link.symlink_to(file)

    assert read_regular(file) == read_regular(link) == b"content"
    assert irregular(link) is None
    assert irregular(tmp_path / "none") == "nothing"
    with pytest.raises(FileNotFoundError):
        read_regular(tmp_path / "none")
    with pytest.raises(NotRegularError, match="7 bytes, more than the 6 that are read"):
        read_regular(file, 6)


NAMED = {"--profile": "file.toml", "--accept": "file.toml", "--advice": "file.toml"}


@pytest.mark.parametrize("found", [kind for kind in MAKE if "FIFO" not in kind])
@pytest.mark.parametrize("option", [*NAMED, "--expectations"])
def test_a_file_that_decides_is_read_only_where_it_ends(
    demo: DemoPaths, tmp_path: Path, option: str, found: str
) -> None:
    folder = tmp_path / "own"
    folder.mkdir()
    file = folder / NAMED.get(option, "file.yaml")
    MAKE[found](file)

    named = file if option in NAMED else folder
    arguments = ("verify", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md", option, named)
    done = run_in_process(*arguments)

    assert done.code == 2
    assert str(file) in done.err
    assert found in done.err or "Too many levels of symbolic links" in done.err


def test_a_suite_that_is_a_pipe_is_refused_at_once(demo: DemoPaths, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "own.yaml")
    arguments = ("verify", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md")
    done = run_in_process(*arguments, "--expectations", tmp_path)
    assert (done.code, "found a pipe (FIFO)" in done.err) == (2, True)


@pytest.mark.parametrize("opened", ["- ", "[", "? ", "{a: ", "&a [", "- - "])
def test_a_suite_that_is_nested_without_end_is_refused(demo: DemoPaths, tmp_path: Path, opened: str) -> None:
    own = tmp_path / "own"
    own.mkdir()
    (own / "own.yaml").write_text(f"name: own\nexpectations:\n{opened * 200_000}", encoding="utf-8")
    arguments = ("verify", demo.bundle, "--database", demo.database, "-o", tmp_path / "r.md", "--expectations", own)
    done = run_in_process(*arguments)
    assert done.code == 2
    assert done.err.startswith(f"Suite error: A suite cannot be read ({own / 'own.yaml'}")


def test_a_file_that_a_person_names_may_be_the_output_of_a_command(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with ThreadPoolExecutor(1) as thread:
        thread.submit(pipe.write_bytes, b"\xef\xbb\xbfname = 'x'\n")
        assert read_named(pipe) == "name = 'x'\n"
        thread.submit(pipe.write_bytes, b"12345")
        with pytest.raises(NotRegularError, match="more than the 4 bytes"):
            read_named(pipe, 4)
