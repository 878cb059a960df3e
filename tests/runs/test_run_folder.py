from __future__ import annotations

import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from recon.errors import OutputError
from recon.runs.folder import FOLDER_NAME, Manifest, RunPart, folder_name, new_run_folder, publish, run_folders

if TYPE_CHECKING:
    from pathlib import Path

MOMENT = datetime(2024, 1, 15, 14, 30, tzinfo=UTC)
NAME = "20240115T143000Z-run-20240115-143000"


@pytest.mark.parametrize(
    "run_id, name",
    [
        ("run-20240115-143000", NAME),
        ("../../x", "20240115T143000Z-x"),
        ("", "20240115T143000Z-run"),
        ("..", "20240115T143000Z-run"),
        ("a/b\\c\x00d\ne", "20240115T143000Z-a-b-c-d-e"),
        ("Zoë 會員", "20240115T143000Z-Zo"),
        ("x" * 200, f"20240115T143000Z-{'x' * 64}"),
    ],
)
def test_a_folder_is_named_by_time_and_run(run_id: str, name: str) -> None:
    assert folder_name(MOMENT, run_id) == name
    assert FOLDER_NAME.fullmatch(name)


def test_a_folder_appears_whole(tmp_path: Path) -> None:
    with new_run_folder(tmp_path / "outputs") as working:
        (working.path / "verification.json").write_text("{}", encoding="utf-8")
        assert run_folders(tmp_path / "outputs") == []
        run = publish(working, NAME)
    assert (run.name, run_folders(tmp_path / "outputs")) == (NAME, [run])
    assert [path.name for path in (tmp_path / "outputs").iterdir()] == [NAME]


def test_a_folder_that_is_not_finished_is_removed(tmp_path: Path) -> None:
    def fail() -> None:
        with new_run_folder(tmp_path) as working:
            (working.path / "verification.json").write_text("{}", encoding="utf-8")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert list(tmp_path.iterdir()) == []


def test_two_runs_of_one_second_get_folders_of_their_own(tmp_path: Path) -> None:
    names = []
    for _ in range(3):
        with new_run_folder(tmp_path) as working:
            working.verification.write_text("{}", encoding="utf-8")
            names.append(publish(working, NAME).name)
    assert names == [NAME, f"{NAME}-2", f"{NAME}-3"]
    assert [run.name for run in run_folders(tmp_path)] == sorted(names, reverse=True)


def test_of_two_runs_of_one_second_the_newest_was_written_last(tmp_path: Path) -> None:
    for name in ("20240115T143000Z-z", "20240115T143000Z-a"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "verification.json").write_text("{}", encoding="utf-8")
    os.utime(tmp_path / "20240115T143000Z-z" / "verification.json", (1, 1))
    assert [run.name[-1] for run in run_folders(tmp_path)] == ["a", "z"]


def test_what_is_no_run_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "site").mkdir()
    (tmp_path / NAME).mkdir()
    assert run_folders(tmp_path) == []
    assert run_folders(tmp_path / "nothing") == []


def test_a_folder_says_what_became_of_its_parts(tmp_path: Path) -> None:
    manifest = Manifest("run-1", "2024-01-15T14:30:00.000Z", {"html": RunPart(failed="the kernel died", duration_ms=3)})
    with new_run_folder(tmp_path) as working:
        assert working.manifest() is None
        working.write_manifest(manifest)
        assert working.manifest() == manifest
        (working.path / "run.json").write_text("{", encoding="utf-8")
        assert working.manifest() is None


def test_outputs_that_are_a_file_are_refused(tmp_path: Path) -> None:
    (tmp_path / "outputs").write_text("", encoding="utf-8")
    with pytest.raises(OutputError, match="Choose another with --outputs"), new_run_folder(tmp_path / "outputs"):
        pass
