"""What the benchmarks measure with: clubs of three sizes, a large report, and the table that becomes of it."""

from __future__ import annotations

import json
import os
import platform
import shlex
import subprocess
import sys
import time
import uuid
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

import psycopg
from postgres import load_schema

from recon.demo import generate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from postgres import Cluster

HERE = Path(__file__).parent
SIZES = {"S": (2_000, 500, 9_000), "M": (200_000, 50_000, 1_000_000), "L": (1_000_000, 200_000, 10_000_000)}
PACKAGES = ("polars", "duckdb", "adbc-driver-postgresql", "connectorx", "psycopg", "msgspec")


@dataclass(frozen=True)
class SizedClub:
    """A club in PostgreSQL and the bundle that created it."""

    size: str
    url: str
    bundle: Path


@dataclass
class Results:
    """Rows of the table: what, size, wall s, CPU s, peak MB, beside what, ratio, limit."""

    rows: list[Sequence[str]] = field(default_factory=list)

    def add(
        self,
        what: str,
        size: str,
        ours: dict[str, float],
        bound: tuple[str, dict[str, float]] | None = None,
        limit: float = 0,
    ) -> None:
        """Record a measurement, and its ratio to the bare work of the same run; more than `limit` times it fails."""
        ratio = ours["wall_s"] / bound[1]["wall_s"] if bound else None
        beside = f"{bound[0]}: {bound[1]['wall_s']:.2f} s" if bound else ""
        self.rows.append(
            (
                what,
                size,
                f"{ours['wall_s']:.2f}",
                f"{ours['cpu_s']:.2f}",
                f"{ours['peak_mb']:.0f}",
                beside,
                f"{ratio:.2f}" if ratio else "",
                f"{limit:g}" if limit else "",
            )
        )
        print("\n" + " | ".join(self.rows[-1]))  # noqa: T201
        if limit and ratio:
            assert ratio <= limit, f"{what}, {size}: {ratio:.2f} times {beside}, the limit is {limit}"

    def write(self, path: Path) -> None:
        """The table as a page."""
        head = ("What", "Size", "Wall s", "CPU s", "Peak MB", "Beside it, in the same run", "Ratio", "Limit")
        lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *self.rows)]
        machine = (
            f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}, PostgreSQL on loopback"
        )
        packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
        sizes = ", ".join(
            f"{name} = {m:,} members, {e:,} events, {r:,} registrations" for name, (m, e, r) in SIZES.items()
        )
        path.write_text(
            "\n".join(
                [
                    "# Performance",
                    "",
                    "Written by `make benchmark`: medians of runs that alternate with what they are compared",
                    "with. Compare within a row, not between machines. Each measurement is a process of its own;",
                    "CPU is that process's, without the server's; peak is its resident memory, a mapped file's",
                    "pages included.",
                    "",
                    f"{machine}; {packages}.",
                    f"{sizes}.",
                    "",
                    *lines,
                    "",
                ]
            ),
            encoding="utf-8",
        )


@contextmanager
def sized_club(cluster: Cluster, folder: Path, size: str, numbers: Sequence[int]) -> Iterator[SizedClub]:
    """A club of so many members, events and registrations, made by the server itself; its bundle is in the folder."""
    counts = dict(zip(("members", "events", "registrations"), numbers, strict=True))
    name = f"club_{size.lower()}"
    url = cluster.create_database(name)
    load_schema(url, "newer")
    with psycopg.connect(url) as connection:
        connection.execute("set session_replication_role = replica")
        for entity, count in counts.items():
            connection.execute(f"set club.{entity} = {count}")
        connection.execute((HERE / "club.sql").read_bytes())
    yield SizedClub(size, url, write_short_bundle(folder, counts))
    cluster.drop_database(name)


def write_short_bundle(folder: Path, counts: dict[str, int]) -> Path:
    """A bundle of the short form: counts without records."""
    entities = {
        name: {"totalRows": n, "parsed": n, "created": n, "updated": 0, "skipped": 0, "errors": 0, "records": f"[{n}]"}
        for name, n in counts.items()
    }
    run = {"runId": "run-benchmark", "dryRun": False, "completedAt": "2024-01-15T14:28:00Z", **entities}
    (folder / "migration-report.json").write_text(json.dumps(run), encoding="utf-8")
    return folder


def shorten(report: dict[str, Any]) -> None:
    """Replace the lists of records by their numbers."""
    for name in ("members", "events", "registrations"):
        report[name]["records"] = f"[{len(report[name]['records'])}]"


def write_large_bundle(folder: Path, members: int = 200_000, registrations: int = 1_000_000) -> Path:
    """A bundle whose report holds all that in full, over 350 MB in one compact JSON object."""
    sizes = {"members": members, "events": 0, "registrations": registrations}
    with (folder / "migration-report.json").open("w", encoding="utf-8") as file:
        file.write('{"runId":"run-benchmark","dryRun":false,"completedAt":"2024-01-15T14:28:00Z"')
        for name, count in sizes.items():
            file.write(f',"{name}":{{"created":{count},"updated":0,"records":[')
            for number, record in enumerate(_records(name, count)):
                file.write("," * bool(number) + json.dumps(record, separators=(",", ":"), ensure_ascii=False))
            file.write("]}")
        file.write("}")
    return folder


def _records(name: str, count: int) -> Iterator[dict[str, Any]]:
    models, random = generate(2024).report[name]["records"], Random(1)  # noqa: S311
    for number in range(count):
        yield models[number % len(models)] | {
            "_sourceRow": number + 2,
            "_waId": str(60_000_000 + number),
            "_murmurantId": str(uuid.UUID(int=random.getrandbits(128))),
        }


def workload(name: str, *arguments: object, script: str = "workloads.py", python: object = sys.executable) -> Any:
    """What a workload measured, in a process of its own."""
    command = [str(python), str(HERE / script), name, *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    require_success(command, done.returncode, done.stderr)
    return json.loads(done.stdout)


def process(*command: object, **environment: str) -> dict[str, float]:
    """Wall and processor seconds and peak memory in MB of one whole process."""
    words = list(map(str, command))
    # A file takes any amount of errors, while a pipe that nobody reads would stop the process.
    with TemporaryFile() as errors:
        started = time.perf_counter()
        child = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=errors, env={**os.environ, **environment})
        _, status, usage = os.wait4(child.pid, 0)
        taken = time.perf_counter() - started
        child.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        require_success(words, child.returncode, errors.read().decode(errors="replace"))
    return {"wall_s": taken, "cpu_s": usage.ru_utime + usage.ru_stime, "peak_mb": usage.ru_maxrss / 1024}


def require_success(command: Sequence[str], code: int, errors: str) -> None:
    """Fail with what the command wrote to stderr."""
    assert code == 0, f"exit code {code} of {shlex.join(command)}:\n{errors}"


def middle(taken: Sequence[dict[str, float]]) -> dict[str, float]:
    """The median of wall and processor time, and the highest peak."""
    return {
        "wall_s": median(t["wall_s"] for t in taken),
        "cpu_s": median(t["cpu_s"] for t in taken),
        "peak_mb": max(t["peak_mb"] for t in taken),
    }
