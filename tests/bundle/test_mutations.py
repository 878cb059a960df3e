"""Whatever a bundle or an archive was made into: a verdict, or one sentence that names the file, within limits."""

from __future__ import annotations

import json
import logging
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from soaking import SEED
from support import SAMPLES

from recon.demo import generate, write_bundle, write_exports, write_sqlite

if TYPE_CHECKING:
    from collections.abc import Iterator

WORKER = Path(__file__).with_name("mutated_bundles.py")
# Few in `make test`, the same each time; many in `make soak`, drawn by its seed.
FEW, MANY, PARTS = 12, 5400, 12

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="there is no limit of memory to set")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Bundles to mutate: records in the report, exports beside it, and those of a real importer; and a database."""
    folder, club = tmp_path_factory.mktemp("mutated"), generate(7, members=10, events=4, registrations=10)
    write_bundle(club, folder / "bases" / "a-records")
    write_exports(club, write_bundle(club, folder / "bases" / "b-exports"))
    write_sqlite(club, folder / "club.db")
    if SAMPLES.is_dir():
        for name in ("live", "live-short", "dry-run"):
            shutil.copytree(SAMPLES / name, folder / "bases" / f"c-{name}")
    return folder


def judged(home: Path, seed: object, first: int, last: int) -> Iterator[dict[str, Any]]:
    """What the process said of each mutation; one that ends it is judged too, and the rest by another process."""
    while first < last:
        command = [sys.executable, WORKER, seed, first, last, home]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        yield from (line for line in lines if "begun" not in line)
        if done.returncode == 0:
            return
        number = lines[-1]["begun"] if lines else first
        yield {
            "number": number,
            "code": done.returncode,
            "problem": "it ended the process",
            "said": done.stderr[-3000:],
        }
        shutil.rmtree(home / f"work-{first}", ignore_errors=True)
        first = number + 1


def assert_as_promised(home: Path, seed: object, first: int, last: int) -> None:
    found = list(judged(home, seed, first, last))
    slowest = max(found, key=lambda each: each.get("took_s", 0))
    logging.getLogger(__name__).info("seed %s: %s, slowest %s", seed, Counter(each["code"] for each in found), slowest)
    wrong = [each for each in found if "problem" in each]
    assert not wrong, "\n".join([f"seed {seed}: {len(wrong)} of {len(found)}", *map(str, wrong)])
    assert len(found) == last - first
    # Neither all refused nor none: it looks at what it should.
    assert len({each["code"] for each in found}) > 1


def test_some_mutations_are_a_verdict_or_a_sentence(home: Path) -> None:
    """Within 1 GiB more than a sound bundle takes and a minute each: exit code 0, 1 or 2, nothing left or written."""
    assert_as_promised(home, "always", 0, FEW)


@pytest.mark.soak
@pytest.mark.parametrize("part", range(PARTS))
def test_many_mutations_are_a_verdict_or_a_sentence(home: Path, part: int) -> None:
    """The same of thousands, drawn by the seed of `make soak`."""
    size = MANY // PARTS
    assert_as_promised(home, SEED, part * size, (part + 1) * size)
