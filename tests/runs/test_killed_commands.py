"""`recon verify` and `recon run`, ended at any moment: all or nothing of what they write, and nothing else is left."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from shutil import rmtree
from time import monotonic, sleep
from typing import TYPE_CHECKING
from uuid import uuid4

import duckdb
import polars as pl
import psycopg
import pytest
from soaking import SEED
from support import NOT_INHERITED, wait_until

from recon.runs.folder import FOLDER_NAME, PARTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.demo import Club, DemoPaths

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="processes are found by their environment"),
]

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGHUP, signal.SIGINT)
# 228 in all; a run takes several times as long as a verification.
KILLS = {"verify": 13, "run": 6}
PATIENCE_S = 60
INTERRUPTED = 130
# Of what a killed command left for temporary files, the next one of the same user leaves nothing.
SWEEPS = True
# A frame of every traceback once the command has begun.
IN_COMMAND = "in main\n"
SESSIONS = "select count(*) from pg_stat_activity where application_name = 'recon' and datname = current_database()"


@dataclass
class Killed:
    """One command that was ended, and what is there then.

    Attributes:
        at_s: When it was to be ended, after its start.
        took_s: How long it lived on after that.
        problems: What was not as promised.
    """

    at_s: float
    sent: signal.Signals
    code: int
    took_s: float
    err: str
    problems: list[str] = field(default_factory=list)


class Killing:
    """Starts a command, ends it, and looks at what it leaves.

    Attributes:
        takes_s: How long the command takes when it is left alone, as far as is known by now.
    """

    def __init__(self, command: str, arguments: list[object], url: str, home: Path) -> None:
        self.command, self.home, self.mark = command, home, uuid4().hex
        for name in ("tmp", "state", "out"):
            (home / name).mkdir(parents=True)
        report, page = home / "out" / "report.json", home / "out" / "report.html"
        writes = ("-f", "json", "-f", "html", "-o", report, "-o", page)
        own = writes if command == "verify" else ("--outputs", home / "out")
        program = Path(sys.executable).with_name("recon")
        self.arguments = [str(each) for each in (program, command, *arguments, *own)]
        inherited = {name: value for name, value in os.environ.items() if name not in NOT_INHERITED}
        self.environment = inherited | {"DATABASE_URL": url, "RECON_TEST_MARK": self.mark}
        self.environment |= {"TMPDIR": str(home / "tmp"), "XDG_STATE_HOME": str(home / "state")}
        self.takes_s, self.seen = 0.0, Counter[str]()

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.arguments,
            env=self.environment,
            cwd=self.home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            # As a shell starts it, so that Ctrl-C reaches all of it.
            process_group=0,
        )

    def let_be(self) -> None:
        """Run the command to its end, which has to be the verdict."""
        began = monotonic()
        with self.start() as process:
            _, err = process.communicate(timeout=10 * PATIENCE_S)
        self.takes_s = monotonic() - began
        assert (process.returncode, err) == (0, "")

    def kill(self, sent: signal.Signals, rng: Random) -> Killed:
        at_s, whole_group = rng.uniform(0, self.takes_s), sent == signal.SIGINT and rng.random() < 0.5
        began = monotonic()
        with self.start() as process:
            try:
                _, err = process.communicate(timeout=at_s)
                self.takes_s = monotonic() - began
            except subprocess.TimeoutExpired:
                (os.killpg if whole_group else os.kill)(process.pid, sent)
                began = monotonic()
                try:
                    _, err = process.communicate(timeout=PATIENCE_S)
                except subprocess.TimeoutExpired:
                    process.kill()
                    _, err = process.communicate()
                    err += "(it did not end)"
        killed = Killed(at_s, sent, process.returncode, monotonic() - began, err)
        killed.problems += self.problems(killed)
        self.seen[f"{sent.name} {process.returncode}"] += 1
        return killed

    def problems(self, killed: Killed) -> list[str]:
        found = [*self.unfinished(), *self.ending(killed)]
        if left := self.processes(PATIENCE_S if killed.sent == signal.SIGKILL else 5):
            found.append(f"processes left: {left}")
        return found

    def ending(self, killed: Killed) -> list[str]:
        """What is wrong with how it ended."""
        if killed.sent == signal.SIGINT and "Traceback" in killed.err and IN_COMMAND not in killed.err:
            # Python itself says this, until the command's first line has run.
            self.seen["INT while starting"] += 1
            return [f"left while starting: {left}"] if (left := [*self.scratch(), *self.written()]) else []
        if "Traceback" in killed.err or "did not end" in killed.err:
            return [f"it said: {killed.err[-2000:]}"]
        if killed.sent == signal.SIGKILL:
            return []
        found = [f"left: {left}"] if (left := self.scratch()) else []
        # Before it is the program's own, the system ends it, and then it has done nothing.
        allowed = {0} if self.written() else {INTERRUPTED, -killed.sent}
        return found + ([] if killed.code in {INTERRUPTED, *allowed} else [f"exit code {killed.code}: {killed.err}"])

    def scratch(self) -> list[str]:
        """What is left of it where temporary files are, and of working folders among its outputs."""
        hidden = [path for path in (self.home / "out").iterdir() if path.name.startswith(".")]
        return sorted(path.name for path in [*(self.home / "tmp").iterdir(), *hidden])

    def written(self) -> list[str]:
        """What is among its outputs under a name of its own."""
        return sorted(path.name for path in (self.home / "out").iterdir() if not path.name.startswith("."))

    def unfinished(self) -> list[str]:
        """What is under its final name and not whole."""
        found = []
        for path in sorted((self.home / "out").rglob("*")):
            if path.name.startswith((".", "tmp")) or any(
                part.startswith(".") for part in path.relative_to(self.home).parts
            ):
                continue
            text = path.read_text(encoding="utf-8") if path.suffix in {".json", ".html", ".jsonl"} else ""
            if path.suffix == ".html" and "</html>" not in text[-200:]:
                found.append(f"half of {path.name}")
            if path.suffix in {".json", ".jsonl"}:
                try:
                    [json.loads(line) for line in (text.splitlines() if path.suffix == ".jsonl" else [text])]
                except ValueError:
                    found.append(f"half of {path.name}")
        for folder in (self.home / "out").iterdir():
            if self.command == "run" and FOLDER_NAME.fullmatch(folder.name):
                found += self.lacking(folder)
        return found

    def lacking(self, folder: Path) -> list[str]:
        needed = {"verification.json", "run.json", "manifest.json", *PARTS.values()}
        return [f"{folder.name} lacks {name}" for name in sorted(needed) if not (folder / name).exists()]

    def processes(self, within_s: float) -> list[str]:
        """The processes that were started by it and are still there after some time."""
        deadline = monotonic() + within_s
        while (found := self._marked()) and monotonic() < deadline:
            sleep(0.05)
        return found

    def _marked(self) -> list[str]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                if self.mark.encode() in (process / "environ").read_bytes():
                    found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode()[:200])
            except OSError:
                continue
        return found

    def clear(self) -> None:
        """Remove what is left, so that the next kill is judged by what it leaves itself."""
        for name in ("tmp", "out"):
            for path in (self.home / name).iterdir():
                rmtree(path) if path.is_dir() else path.unlink()

    def go_on(self, killed: Killed) -> None:
        """The next command of the same user ends well, and leaves nothing of the one before."""
        before = self.scratch()
        with self.start() as process:
            _, err = process.communicate(timeout=10 * PATIENCE_S)
        said = [line for line in err.splitlines() if not line.startswith("Removed: ")]
        if (process.returncode, said) != (0, []):
            killed.problems.append(f"the next one ended with {process.returncode}: {err}")
        if before:
            self.seen["left by KILL"] += 1
        if (after := self.scratch()) and SWEEPS:
            killed.problems.append(f"left after the next one: {after}")


@pytest.fixture(scope="module")
def databases(clean: DemoPaths, club: Club, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The small clean club in a file of each kind."""
    file = tmp_path_factory.mktemp("kinds") / "club.duckdb"
    with closing(duckdb.connect(file)) as connection:
        for table, rows in club.tables.items():
            if rows:
                connection.register("rows", pl.DataFrame(list(rows), infer_schema_length=None).to_arrow())
                connection.execute(f'create table "{table}" as select * from rows')
    return {"sqlite": f"sqlite:///{clean.database}", "duckdb": f"duckdb:///{file}"}


@pytest.mark.parametrize("kind", ["sqlite", "duckdb", "postgresql"])
@pytest.mark.parametrize("command", KILLS)
def test_what_is_ended_at_any_moment_leaves_all_or_nothing(  # noqa: PLR0917 - fixtures
    command: str,
    kind: str,
    clean: DemoPaths,
    databases: dict[str, str],
    postgres_club: Callable[[str], str],
    tmp_path: Path,
) -> None:
    """Interrupted: 130, or the verdict's code where it is written; killed: the next command ends well.

    Neither leaves a file that is not whole under its name, nor a process.
    """
    url = postgres_club("newer") if kind == "postgresql" else databases[kind]
    killing = Killing(command, ["--bundle", clean.bundle], url, tmp_path / "home")
    rng, killed = Random(f"{SEED}-{command}-{kind}"), list[Killed]()  # noqa: S311 - moments, no secrets
    for _ in range(2):
        killing.let_be()
        killing.clear()
    for _ in range(KILLS[command]):
        for sent in SIGNALS:
            killed.append(killing.kill(sent, rng))
            if sent == signal.SIGKILL:
                killing.go_on(killed[-1])
            killing.clear()
    if kind == "postgresql":
        with psycopg.connect(url, autocommit=True) as connection:
            wait_until(lambda: connection.execute(SESSIONS.encode()).fetchone() == (0,), "a session is left")
    slowest = max(each.took_s for each in killed)
    logging.getLogger(__name__).info(
        "%s %s, seed %s: %s kills within %.2f s, the slowest end took %.2f s: %s",
        *(command, kind, SEED, len(killed), killing.takes_s, slowest, dict(killing.seen)),
    )
    wrong = [str(each) for each in killed if each.problems]
    assert not wrong, "\n".join([f"seed {SEED}: {len(wrong)} of {len(killed)}", *wrong])
