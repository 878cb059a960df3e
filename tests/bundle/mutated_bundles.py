"""A process of its own, with little memory, that verifies mutated bundles and says what was wrong with any ending."""

from __future__ import annotations

import faulthandler
import json
import os
import resource
import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import monotonic
from typing import TYPE_CHECKING

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parent)]

from mutations import mutate  # noqa: E402 - found there
from support import Finished, run_in_process  # noqa: E402 - as above

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_S = 60
MORE_BYTES = 1 << 30
ENDINGS = ("Bundle error: ", "Usage error: ")


def wrong(done: Finished, target: Path, home: Path, before: set[str]) -> str | None:
    """What is not as promised; None: nothing."""
    left = sorted(path.name for path in (home / "tmp").iterdir())
    there = {str(path.relative_to(home)) for path in home.rglob("*")} - {"report.md"}
    if there != before or left:
        return f"files: {sorted(there ^ before)[:5]} {left[:5]}"
    if "Traceback" in done.out + done.err:
        return "a traceback"
    if done.code in (0, 1):
        return None if (home / "report.md").is_file() and "Verification" in done.out else "no report"
    if done.code != 2:
        return f"exit code {done.code}"
    if not done.err.startswith(ENDINGS) or done.err.count("\n") != 1:
        return "no error of its own, in one line"
    return None if str(target) in done.err else "the file is not named"


@contextmanager
def little_memory() -> Iterator[None]:
    """What happens inside may take so much more than what is taken already."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + MORE_BYTES, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))


def judge(seed: str, number: int, bases: list[Path], database: Path, home: Path) -> dict[str, object]:
    rng = Random(f"{seed}-{number}")  # noqa: S311 - mutations, no secrets
    shutil.rmtree(home, ignore_errors=True)
    for name in ("tmp", "canary"):
        (home / name).mkdir(parents=True)
    (home / "canary" / "kept").write_text("kept", encoding="utf-8")
    words, target = mutate(rng, rng.choice(bases), home)
    before = {str(path.relative_to(home)) for path in home.rglob("*")}
    began = monotonic()
    options = ("--allow-dry-run",) if rng.random() < 0.5 else ()
    report = home / "report.md"
    faulthandler.dump_traceback_later(LIMIT_S, exit=True)
    with little_memory():
        done = run_in_process("verify", target, "--database", database, "-o", report, *options)
    faulthandler.cancel_dump_traceback_later()
    problem = wrong(done, target, home, before)
    if problem is None and (home / "canary" / "kept").read_text(encoding="utf-8") != "kept":
        problem = "another file was changed"
    found: dict[str, object] = {"number": number, "code": done.code, "took_s": round(monotonic() - began, 3)}
    return found | ({"problem": problem, "words": words, "said": done.err[-1500:]} if problem else {})


def say(found: dict[str, object]) -> None:
    sys.stdout.write(f"{json.dumps(found)}\n")
    sys.stdout.flush()


def main(seed: str, first: str, last: str, folder: str) -> None:
    """Judge the mutations of these numbers; one line of JSON for each."""
    home = Path(folder)
    bases = sorted((home / "bases").iterdir())
    database, work = home / "club.db", home / f"work-{first}"
    tempfile.tempdir = str(work / "tmp")
    os.environ["TMPDIR"] = tempfile.tempdir
    (work / "tmp").mkdir(parents=True, exist_ok=True)
    # What is loaded late is loaded now, so that the limit is one of what bundles take.
    run_in_process("verify", bases[0], "--database", database, "-o", work / "report.md")
    for number in range(int(first), int(last)):
        say({"begun": number})
        say(judge(seed, number, bases, database, work))
    shutil.rmtree(work)


if __name__ == "__main__":
    main(*sys.argv[1:])
