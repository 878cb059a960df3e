"""Which bundle is the one that the importer left: exactly one, new, and of this very run."""

from __future__ import annotations

import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from recon.errors import BundleError
from recon.model import Outcome
from recon.runs.migration.appearing import Expectation, FoundBundle, bundles_in

if TYPE_CHECKING:
    from collections.abc import Collection
    from pathlib import Path

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)
ENTITY = {"created": 0, "updated": 0, "records": []}


def write(folder: Path, run: str = "run-1", at: datetime | None = NOW, **more: object) -> Path:
    """Write the smallest bundle that there is."""
    folder.mkdir(parents=True, exist_ok=True)
    times = {} if at is None else {"startedAt": at.isoformat(), "completedAt": at.isoformat()}
    report = {"runId": run, "dryRun": True, **times, **dict.fromkeys(("members", "events", "registrations"), ENTITY)}
    (folder / "migration-report.json").write_text(json.dumps(report | more), encoding="utf-8")
    return folder


def found(
    place: Path | str,
    before: dict[str, str] | None = None,
    run_id: str | None = None,
    earlier: Collection[str] = (),
) -> tuple[str, str, str]:
    """What is said of the bundle in a folder, or where a pattern says: its name, the outcome, the message."""
    folder, pattern = (None, place) if isinstance(place, str) else (place, None)
    said = list(Expectation(folder, pattern, before or {}, True, NOW, run_id, earlier).find())
    (check,) = [one for one in said if not isinstance(one, FoundBundle)]
    bundles = [one.path.name for one in said if isinstance(one, FoundBundle)]
    assert bool(bundles) == (check.outcome in (Outcome.PASS, Outcome.WARN))
    return ", ".join(bundles), str(check.outcome), check.message


@pytest.mark.parametrize("name", ["migration-bundle", "migration-bundle-2026", "migration-bundle/x/y", "a b'c"])
def test_a_bundle_is_found_wherever_the_importer_puts_it_in_its_folder(name: str, tmp_path: Path) -> None:
    write(tmp_path / name)
    assert found(tmp_path)[:2] == (name.rpartition("/")[2], "PASS")


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "bztar", "xztar"])
def test_a_bundle_may_be_an_archive(kind: str, tmp_path: Path) -> None:
    made = shutil.make_archive(str(tmp_path / "there" / "migration-bundle"), kind, write(tmp_path / "elsewhere"))
    assert found(tmp_path / "there")[:2] == (os.path.basename(made), "PASS")  # noqa: PTH119 - a text
    assert found(f"{tmp_path}/there/*")[:2] == (os.path.basename(made), "PASS")  # noqa: PTH119


def test_a_report_without_a_folder_of_its_own_is_a_bundle(tmp_path: Path) -> None:
    write(tmp_path / "out")
    for place in (tmp_path / "out", f"{tmp_path}/out", f"{tmp_path}/out/*", f"{tmp_path}/*/migration-report.json"):
        assert found(place)[:2] == ("out", "PASS"), place


@pytest.mark.parametrize("change", ["replaced", "touched"])
def test_an_old_bundle_that_is_written_again_is_new(change: str, tmp_path: Path) -> None:
    pattern, bundle = f"{tmp_path}/out/*", write(tmp_path / "out" / "bundle", "run-0")
    before = bundles_in(None, pattern)
    assert found(pattern, before)[1:] == (
        "FAIL",
        f"The importer left no bundle in {pattern}; only older ones are there: {bundle}",
    )
    if change == "replaced":
        write(bundle, "run-1")
        assert found(pattern, before)[:2] == ("bundle", "PASS")
    else:
        os.utime(bundle / "migration-report.json", (1, 1))
        assert found(pattern, before, earlier=["run-0"])[2] == "The bundle is of an earlier run: run-0"


def test_a_link_to_the_latest_bundle_is_no_second_one(tmp_path: Path) -> None:
    pattern, out = f"{tmp_path}/out/*", tmp_path / "out"
    write(out / "b1", "run-0")
    (out / "latest").symlink_to("b1")
    before = bundles_in(None, pattern)
    assert list(before) == [str(out / "b1")]
    write(out / "b2")
    (out / "latest").unlink()
    (out / "latest").symlink_to("b2")
    assert found(pattern, before)[:2] == ("b2", "PASS")
    (out / "latest").unlink()
    shutil.rmtree(out / "b2")
    (out / "latest").symlink_to("b1")
    assert "only older ones are there" in found(pattern, before)[2]
    write(tmp_path / "hidden")
    (out / "elsewhere").symlink_to("../hidden")
    (out / "nowhere").symlink_to("nothing")
    assert found(pattern, before)[:2] == ("elsewhere", "PASS")


@pytest.mark.parametrize(
    "more, run_id, words",
    [
        ({"dryRun": False}, None, "The bundle says that it is not of a dry run: "),
        ({"at": NOW - timedelta(hours=2)}, None, "The bundle is older than this run of the importer, by 2 hours"),
        ({}, "run-2", "The bundle is of another run: run-1, and run-2 was given"),
        ({"run": "run-0"}, None, "The bundle is of an earlier run: run-0"),
    ],
)
def test_a_bundle_of_another_run_is_refused(
    more: dict[str, object], run_id: str | None, words: str, tmp_path: Path
) -> None:
    write(tmp_path / "bundle", **more)  # type: ignore[arg-type]
    name, outcome, message = found(tmp_path, run_id=run_id, earlier={"run-0"})
    assert (name, outcome, message[: len(words)]) == ("", "FAIL", words)


@pytest.mark.parametrize(
    "at, words", [(None, "does not say when"), (NOW + timedelta(days=2), "which is in the future")]
)
def test_a_bundle_whose_age_is_not_known_warns(at: datetime | None, words: str, tmp_path: Path) -> None:
    write(tmp_path / "bundle", at=at)
    name, outcome, message = found(tmp_path)
    assert (name, outcome, words in message) == ("bundle", "WARN", True)


@pytest.mark.parametrize("number, end", [(2, "b1"), (9, "…")])
def test_several_bundles_are_none(number: int, end: str, tmp_path: Path) -> None:
    for each in range(number):
        write(tmp_path / f"b{each}")
    name, outcome, message = found(tmp_path)
    assert (name, outcome, message.startswith(f"The importer left {number} bundles: ")) == ("", "FAIL", True)
    assert message.endswith(end)


def test_a_folder_that_is_gone_holds_no_bundle(tmp_path: Path) -> None:
    assert found(tmp_path / "gone")[1:] == ("FAIL", f"The importer left no bundle in {tmp_path / 'gone'}")


@pytest.mark.parametrize("report", [b"{", b"", b"\xff\xfe", b"[]", b'{"runId": ""}'])
def test_a_report_that_is_none_is_told_by_its_name(report: bytes, tmp_path: Path) -> None:
    (write(tmp_path / "bundle") / "migration-report.json").write_bytes(report)
    with pytest.raises(BundleError, match=r"migration-report\.json"):
        found(tmp_path)


def test_a_bundle_whose_name_cannot_be_recorded_is_refused(tmp_path: Path) -> None:
    write(tmp_path / os.fsdecode(b"bundle-\xff"))
    assert found(tmp_path)[1:] == (
        "FAIL",
        f"The name of the bundle is not UTF-8, so that it cannot be recorded: {tmp_path}/bundle-\\udcff",
    )
