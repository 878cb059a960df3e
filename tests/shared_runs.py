"""One complete run that tests share: of a faulty PostgreSQL club with hostile names, behind a password."""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
from planted_secrets import CONFIGURED, PLANTED, recording
from support import edit_report, run_recon

from recon.demo import plant, write_bundle, write_sqlite
from recon.runs.folder import RunFolder, run_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

RUN_ID = "run-<script>window.pwned=1</script>"
HOSTILE = (
    "<script>window.pwned=1</script>",
    '"><img src=x onerror=window.pwned=1>',
    "{{7*7}} {% raw %} $value",
    "\u202eright to left\u200f",
    "x" * 10_000,
)
SUITE = r"""
name: names
expectations:
- type: expect_no_violations
  severity: critical
  description: Names are made of letters.
  kwargs:
    sql: |
      select id as member_id, first_name, email from target.members
      where regexp_matches(first_name, '[<>{"]') or length(first_name) > 99 or ascii(first_name) > 8000
      order by first_name
  meta:
    id: plain_names
    title: Plain <Names> {{7*7}}
    category: names
    requires: [target.members.first_name, target.members.email]
    messages: {pass: All names are plain, fail: "{violations} names are not plain, such as <b>these</b>"}
    when_missing: {outcome: ERROR, message: "Not evaluated: {missing}"}
    when_empty: {table: target.members, outcome: ERROR, message: There are no members}
    meaning: "<img src=x onerror=window.pwned=1>"
    action: "Write to them & ask"
- type: expect_column_values_to_match_regex
  severity: warning
  description: E-mail addresses have an at sign.
  kwargs: {column: email, regex: "@.*[.]nowhere$"}
  meta:
    id: email_form
    title: E-mail Form
    category: names
    table: target.members
    meaning: An address that cannot be written to.
    action: Ask the member.
"""


@dataclass(frozen=True)
class WholeRun:
    """A run of `recon run` with every part, and an older one beside it that has its verdict only.

    Attributes:
        password: The database's, which must not appear anywhere.
        demo: The folder with the bundle.
        started: The file of what was started: see `planted_secrets`.
    """

    outputs: str
    name: str
    code: int
    out: str
    err: str
    password: str
    demo: str
    started: str

    @property
    def folder(self) -> RunFolder:
        """The location of its parts."""
        return RunFolder(Path(self.outputs) / self.name)


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Hold a lock that only one process of these tests can hold at a time."""
    with place.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def shared_run(request: pytest.FixtureRequest, home: Path) -> WholeRun:
    """The run that any process of these tests has made already, or a new one."""
    saved = home / "whole-run.json"
    with alone(home / "whole-run.lock"):
        if not saved.is_file():
            folder = home / "whole-run"
            folder.mkdir()
            saved.write_text(json.dumps(asdict(_made(request, folder))), encoding="utf-8")
        return WholeRun(**json.loads(saved.read_text(encoding="utf-8")))


def _made(request: pytest.FixtureRequest, folder: Path) -> WholeRun:
    club, cluster = request.getfixturevalue("club"), request.getfixturevalue("cluster")
    templates = request.getfixturevalue("templates")
    bundle, sqlite = write_bundle(club, folder / "bundle"), write_sqlite(club, folder / "club.db")
    older = ("run", "-b", bundle, "--database", sqlite, "--outputs", folder / "outputs", "--only", "report")
    assert run_recon(*older).code == 0
    plant(["rejected-rows"], bundle, sqlite)
    edit_report(bundle, lambda report: report.update(runId=RUN_ID))
    config = json.loads((bundle / "migration-config.json").read_text(encoding="utf-8"))
    (bundle / "migration-config.json").write_text(json.dumps(config | CONFIGURED), encoding="utf-8")
    url = cluster.create_database("whole_run", template=templates["newer"])
    with psycopg.connect(url) as connection:
        ids = connection.execute('select id from "Member" order by id limit %s', [len(HOSTILE)]).fetchall()
        for (member,), name in zip(ids, HOSTILE, strict=True):
            connection.execute('update "Member" set "firstName" = %s where id = %s', [name, member])
        connection.execute("""update "MembershipTier" set name = %s where code = 'ALUMNI'""", [HOSTILE[1]])
    (folder / "suites").mkdir()
    (folder / "suites" / "names.yaml").write_text(SUITE, encoding="utf-8")
    own = ("--expectations", folder / "suites", "--show-pii")
    hooks, started = recording(folder / "hooks")
    given = {**PLANTED, "DATABASE_URL": url, "PYTHONPATH": hooks}
    done = run_recon("run", "-b", bundle, "--outputs", folder / "outputs", *own, **given)
    cluster.drop_database("whole_run")
    newest = run_folders(folder / "outputs")[0]
    return WholeRun(
        str(folder / "outputs"),
        newest.name,
        done.code,
        done.out,
        done.err,
        cluster.superuser_password,
        str(folder),
        str(started),
    )


def home_of_all(request: pytest.FixtureRequest) -> Path:
    """The folder that every process of these tests shares."""
    factory: pytest.TempPathFactory = request.getfixturevalue("tmp_path_factory")
    base = factory.getbasetemp()
    return base.parent if os.environ.get("PYTEST_XDIST_WORKER") else base
