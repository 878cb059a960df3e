from __future__ import annotations

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import pytest
from msgspec.structs import replace
from support import run_recon, verify
from verifications import Page

import recon
from outputs import FIRST, write_run, write_runs
from recon.demo import plant
from recon.errors import OutputError, UsageError
from recon.model import TierCount
from recon.report.text import timestamp
from recon.runs import RunFolder, folder_name, run_folders

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.demo import DemoPaths

HOSTILE = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{7*7}}", "\u202eleft", "x" * 10_000)
LINK = re.compile(r'href="([^"#]+)"')


@pytest.fixture
def failed(demo: DemoPaths) -> recon.Verification:
    plant(["orphaned-registrations", "missing-members"], demo.bundle, demo.database)
    return verify(demo)


@pytest.fixture
def three(passed: recon.Verification, failed: recon.Verification, tmp_path: Path) -> Path:
    """Outputs of three runs, the newest of which failed."""
    write_runs(tmp_path / "outputs", [passed, failed, failed])
    return tmp_path / "outputs"


def text_of(home: Path) -> str:
    return home.read_text(encoding="utf-8")


def test_the_page_tells_the_newest_verdict_and_every_run(three: Path, failed: recon.Verification) -> None:
    text = text_of(recon.build_site(three))
    page = Page(text)
    (rows,) = page.tables["Every Run"]
    assert "Verification FAILED" in page.text
    assert [row[1].split()[-1] for row in rows[1:]] == ["FAILED", "FAILED", "PASSED"]
    assert rows[1][0].startswith("2024-01-16 08:30:00")
    assert rows[1][2].startswith(f"{failed.counts_database['members']} of {failed.counts_bundle['members']}")
    assert rows[1][2].endswith(str(failed.counts_database["members"] - failed.counts_bundle["members"]))
    assert (
        rows[1][5]
        == f"{failed.summary.passed} passed, {failed.summary.failed} failed, {failed.summary.warnings} warnings"
    )
    assert "Orphaned Registrations" in rows[1][6]
    assert rows[3][6] == "none"
    assert rows[3][7] == "98.3 %"
    assert "3 runs: 1 passed, 2 failed" in page.text


def test_every_link_leads_to_a_file_of_the_site(three: Path) -> None:
    home = recon.build_site(three)
    links = LINK.findall(text_of(home))
    assert len(links) >= 12
    assert [link for link in links if not (home.parent / link).is_file()] == []
    assert not any(link.startswith(("/", "..")) or ":" in link for link in links)


def test_a_part_that_failed_is_told_instead_of_linked(passed: recon.Verification, tmp_path: Path) -> None:
    write_run(tmp_path, passed, failed=("html",))
    text = text_of(recon.build_site(tmp_path))
    assert "Report: failed: the kernel died" in text
    assert "report.html" not in text
    assert "data_docs/index.html" in text


def test_a_part_that_nobody_asked_for_is_told(passed: recon.Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, passed)
    shutil.rmtree(run.part("data_docs"))
    assert "Data Docs: not made" in text_of(recon.build_site(tmp_path))


@pytest.mark.parametrize("content", ["{", "[]", '{"schemaVersion": "9"}'])
def test_a_run_that_cannot_be_read_is_listed_as_that(content: str, three: Path) -> None:
    newest = run_folders(three)[0]
    newest.verification.write_text(content, encoding="utf-8")
    text = text_of(recon.build_site(three))
    assert "This is not the newest run." in text
    assert "UNREADABLE" in text
    assert newest.name in text
    assert "3 runs: 1 passed, 1 failed, 1 cannot be read" in text


def test_where_no_run_can_be_read_there_is_no_verdict(passed: recon.Verification, tmp_path: Path) -> None:
    write_run(tmp_path, passed).verification.write_text("{", encoding="utf-8")
    text = text_of(recon.build_site(tmp_path))
    assert "No verdict can be read" in text
    assert "Verification PASSED" not in text


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda text: text[:12])
def test_what_others_wrote_stays_text(hostile: str, failed: recon.Verification, tmp_path: Path) -> None:
    checks = tuple(replace(check, name=hostile, message=hostile) for check in failed.checks)
    told = replace(
        failed, run_id=hostile, bundle_path=hostile, checks=checks, tiers=(TierCount(hostile, hostile, 1, 100.0),)
    )
    write_run(tmp_path, told)
    text = text_of(recon.build_site(tmp_path))
    page = Page(text)
    assert not page.tags & {"script", "img"}
    assert "\u202e" not in text
    assert not [value for name, value in page.attributes if name.startswith("on")]
    assert (hostile if len(hostile) < 100 else hostile[:50]).replace("\u202e", "\\u202e") in page.text
    assert len(text) < 200_000


def test_coverage_counts_members_with_a_tier_that_exists(passed: recon.Verification, tmp_path: Path) -> None:
    tiers = tuple(
        TierCount(code, code, count, 0.0) for code, count in (("A", 190), ("(unknown tier)", 4), ("(none)", 6))
    )
    write_run(tmp_path, replace(passed, tiers=tiers))
    assert "95.0 %" in text_of(recon.build_site(tmp_path))
    write_run(tmp_path, replace(passed, tiers=(), started_at=FIRST + timedelta(days=900)))
    assert "not recorded" in text_of(recon.build_site(tmp_path))


def copies_of(run: RunFolder, times: int) -> Path:
    """Outputs of as many runs, an hour apart."""
    outputs = run.path.parents[1] / str(times)
    text = run.verification.read_text(encoding="utf-8")
    for number in range(times):
        moment = FIRST + timedelta(hours=number)
        copy = RunFolder(outputs / folder_name(moment, "run-1"))
        shutil.copytree(run.path, copy.path, copy_function=os.link)
        copy.verification.unlink()
        copy.verification.write_text(text.replace(timestamp(FIRST), timestamp(moment)), encoding="utf-8")
    return outputs


def test_a_page_of_500_runs_is_small_and_soon_built(failed: recon.Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path / "one", replace(failed, started_at=FIRST))
    taken = {}
    for times in (50, 500):
        outputs = copies_of(run, times)
        started = perf_counter()
        home = recon.build_site(outputs)
        taken[times] = perf_counter() - started
    assert home.stat().st_size < 1_000_000
    assert text_of(home).count('<tr><th scope="row">') == 500
    assert taken[500] <= 15 * taken[50]


def test_a_rebuild_leaves_alone_what_did_not_change(three: Path) -> None:
    home = recon.build_site(three)
    before = {path: path.stat().st_ino for path in home.parent.rglob("*") if path.is_file()}
    changed = run_folders(three)[0].part("html")
    changed.unlink()
    changed.write_text("<!doctype html><title>other</title>", encoding="utf-8")
    recon.build_site(three)
    after = {path: path.stat().st_ino for path in home.parent.rglob("*") if path.is_file()}
    differing = {path.name for path, inode in after.items() if before.get(path) != inode}
    assert differing == {"report.html"}
    copy = home.parent / "runs" / run_folders(three)[0].name / "report.html"
    assert "other" in copy.read_text(encoding="utf-8")


def test_a_run_that_is_gone_is_gone_from_the_site(three: Path) -> None:
    home = recon.build_site(three)
    oldest = run_folders(three)[-1]
    shutil.rmtree(oldest.path)
    recon.build_site(three)
    assert not (home.parent / "runs" / oldest.name).exists()
    assert oldest.name not in text_of(home)


def test_what_is_not_masked_is_never_published(three: Path) -> None:
    home = recon.build_site(three)
    names = {path.name for path in home.parent.rglob("*")}
    assert "report.html" in names
    assert not names & {"snapshot.duckdb", "report.ipynb"}


def test_without_a_run_there_is_no_site_and_an_old_one_is_left_alone(three: Path) -> None:
    home = recon.build_site(three)
    before = text_of(home)
    for run in run_folders(three):
        shutil.rmtree(run.path)
    with pytest.raises(UsageError, match="There is no run yet"):
        recon.build_site(three)
    assert text_of(home) == before


def test_a_site_that_cannot_be_written_is_told(three: Path) -> None:
    (three / "site").write_text("in the way", encoding="utf-8")
    with pytest.raises(OutputError, match="The site cannot be written"):
        recon.build_site(three)


def test_the_command_says_where_the_site_lies(three: Path) -> None:
    done = run_recon("site", "--outputs", three)
    assert (done.code, done.out) == (0, f"The site is built: {three / 'site' / 'index.html'}\n")
    done = run_recon("site", "--outputs", three / "nothing")
    assert done.code == 2
    assert "recon run --bundle" in done.err


@contextmanager
def served(outputs: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """`recon site --serve` on a port of its own, and that port."""
    program = [
        str(Path(sys.executable).with_name("recon")),
        "site",
        "--outputs",
        str(outputs),
        "--serve",
        "--port",
        "0",
    ]
    with subprocess.Popen(program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)/", process.stdout.readline())
        assert found is not None
        try:
            yield process, int(found[1])
        finally:
            process.kill()


def ask(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request(method, path, headers=headers)
    response = connection.getresponse()
    content = response.read()
    connection.close()
    return response.status, dict(response.getheaders()), content


def test_the_site_is_served_on_loopback_and_nothing_else_is(three: Path) -> None:
    (three / "secret.txt").write_text("secret", encoding="utf-8")
    with served(three) as (process, port):
        status, headers, content = ask(port, "/")
        assert (status, content) == (200, (three / "site" / "index.html").read_bytes())
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Content-Security-Policy"].startswith("default-src 'none'")
        run = run_folders(three)[0].name
        assert ask(port, f"/runs/{run}/report.html")[0] == 200
        assert ask(port, "/", "HEAD")[2] == b""
        for path in ("/../secret.txt", "/%2e%2e/secret.txt", "//etc/passwd", "/runs/", "/.hidden", "/nothing"):
            status, _, content = ask(port, path)
            assert status == 404, path
            assert b"secret" not in content
        assert ask(port, "/", "POST")[0] == 405
        assert ask(port, "/", Host="elsewhere.example")[0] == 421
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
        assert (process.returncode, out.strip(), err) == (0, "Stopped.", "")


def test_a_port_that_is_taken_is_told(three: Path) -> None:
    with served(three) as (_, port):
        done = run_recon("site", "--outputs", three, "--serve", "--port", port)
    assert done.code == 2
    assert "The site cannot be served there" in done.err
