"""The stakeholders' site: what its home page says, what it copies, and how it is served."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from html import unescape
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from ledgers import HEADLINE, LEDGER
from msgspec.structs import replace
from run_folders import STEP, write_run, write_runs
from support import run_in_process, verify
from verifications import HOSTILE, Page

import recon
from recon.demo import DemoPaths, plant, write_bundle, write_sqlite
from recon.errors import UsageError
from recon.report import write_report
from recon.runs.linking import on_site

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.demo import Club
    from recon.model import Verification
    from recon.runs.folder import RunFolder


@pytest.fixture(scope="module")
def clean(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    home = tmp_path_factory.mktemp("clean")
    return verify(DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db")))


@pytest.fixture(scope="module")
def faulty(club: Club, tmp_path_factory: pytest.TempPathFactory) -> Verification:
    home = tmp_path_factory.mktemp("faulty")
    paths = DemoPaths(write_bundle(club, home / "bundle"), write_sqlite(club, home / "club.db"))
    plant(["orphaned-registrations"], paths.bundle, paths.database)
    found = verify(paths)
    # Later than the clean one also where one second made both.
    return replace(found, started_at=found.started_at + STEP)


def links_of(page: Page) -> list[str]:
    return [value or "" for name, value in page.attributes if name == "href"]


def page_of(outputs: Path) -> Page:
    return Page(recon.build_site(outputs).read_text(encoding="utf-8"))


def test_the_home_page_says_the_newest_verdict_first(clean: Verification, faulty: Verification, tmp_path: Path) -> None:
    write_runs(tmp_path, [clean, faulty])
    before_the_list = page_of(tmp_path).text.partition("Every Run")[0]
    assert "Verification FAILED" in before_the_list
    assert f"{faulty.summary.failed} of {faulty.summary.total} checks failed" in before_the_list
    assert "Verification PASSED" not in before_the_list


def test_the_home_page_lists_every_run_with_its_facts(
    clean: Verification, faulty: Verification, tmp_path: Path
) -> None:
    write_runs(tmp_path, [clean, faulty])
    page = page_of(tmp_path)
    newest, oldest = page.rows("Every Run")
    assert newest[0] == "2024-01-15 23:30:00run-20240115-233000"
    assert oldest[0] == "2024-01-15 14:30:00run-20240115-143000"
    assert ("FAILED" in newest[1], "PASSED" in oldest[1]) == (True, True)
    assert oldest[2:5] == ["60 of 60", "12 of 12", "150 of 150"]
    assert newest[6] == "".join(check.name for check in faulty.checks if check.outcome == "FAIL")
    assert oldest[6] == "none"
    assert oldest[5].startswith(f"{clean.summary.passed} passed")
    assert "failed" not in oldest[5]
    assert f"{faulty.summary.failed} failed" in newest[5]
    assert re.fullmatch(r"\d+\.\d %", oldest[7])


def test_the_home_page_says_what_is_accounted_for(clean: Verification, tmp_path: Path) -> None:
    write_runs(tmp_path, [clean, replace(clean, ledger=LEDGER)])
    page = page_of(tmp_path)
    assert f"Accounted for: {HEADLINE}" in page.text.partition("Every Run")[0]
    newest, oldest = page.rows("Every Run")
    assert newest[5].endswith("5 unexplained")
    assert "unexplained" not in oldest[5]


def test_every_link_of_the_home_page_leads_to_a_file_of_the_site(clean: Verification, tmp_path: Path) -> None:
    runs = write_runs(tmp_path, [clean, clean])
    links = [link for link in links_of(page_of(tmp_path)) if not link.startswith("#")]
    assert {link.split("/")[1] for link in links} == {run.name for run in runs}
    assert all((tmp_path / "site" / link).is_file() for link in links)


def test_a_part_that_failed_is_reported_instead_of_linked(clean: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, clean, failed=("html",))
    page = page_of(tmp_path)
    assert "Report: failed: the kernel died" in page.text
    assert not [link for link in links_of(page) if link.endswith("report.html")]


def test_a_run_that_cannot_be_read_is_listed_as_that(clean: Verification, tmp_path: Path) -> None:
    write_runs(tmp_path, [clean, clean])[1].verification.write_text("{", encoding="utf-8")
    page = page_of(tmp_path)
    assert "UNREADABLE" in page.rows("Every Run")[0][1]
    assert "This is not the newest run" in page.text
    assert "Verification PASSED" in page.text


def test_a_site_of_unreadable_runs_has_no_verdict(clean: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, clean).verification.write_text('{"verdict": "PASSED"}', encoding="utf-8")
    assert "No verdict can be read" in page_of(tmp_path).text


def test_a_verdict_that_its_checks_contradict_is_not_believed(faulty: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, faulty)
    document = run.verification.read_text(encoding="utf-8")
    run.verification.write_text(document.replace('"verdict": "FAILED"', '"verdict": "PASSED"'), encoding="utf-8")
    page = page_of(tmp_path)
    assert "a verdict that its checks contradict" in page.text
    assert "Verification PASSED" not in page.text


@pytest.mark.parametrize("hostile", [text for text in HOSTILE if text.strip()], ids=range(17))
def test_hostile_text_stays_text(hostile: str, clean: Verification, faulty: Verification, tmp_path: Path) -> None:
    harmless = page_of(_written(tmp_path / "harmless", clean, faulty))
    checks = tuple(replace(check, name=hostile, message=hostile) for check in faulty.checks)
    hostile_run = replace(faulty, run_id=hostile, bundle_path=hostile, checks=checks)
    page = page_of(_written(tmp_path / "hostile", clean, hostile_run))
    assert page.tags - harmless.tags <= {"details", "summary"}
    assert "\u202e" not in page.text
    assert "\x1b" not in page.text
    if len(hostile) < 60 and hostile.isascii() and hostile.isprintable():
        assert page.rows("Every Run")[0][6].count(" ".join(hostile.split())) >= 1


def _written(outputs: Path, *verifications: Verification) -> Path:
    for verification in verifications:
        write_run(outputs, verification, failed=("report", "html"))
    return outputs


def many(outputs: Path, verification: Verification, number: int) -> Path:
    """That many runs that hold their verdict alone."""
    first = write_run(outputs, verification, failed=("report", "html", "data_docs"))
    for n in range(1, number):
        copy = outputs / f"20240116T{n // 3600:02}{n // 60 % 60:02}{n % 60:02}Z-run"
        copy.mkdir()
        (copy / "verification.json").hardlink_to(first.verification)
    return outputs


def test_a_home_page_of_500_runs_lists_them_and_is_small(faulty: Verification, tmp_path: Path) -> None:
    home = recon.build_site(many(tmp_path, faulty, 500))
    assert home.stat().st_size < 1_000_000
    assert len(Page(home.read_text(encoding="utf-8")).rows("Every Run")) == 500


def files_of(site: Path) -> dict[str, tuple[int, int]]:
    """Inode and time of change, by path."""
    found = {path: path.stat() for path in site.rglob("*") if path.is_file()}
    return {str(path.relative_to(site)): (s.st_ino, s.st_mtime_ns) for path, s in found.items()}


def test_a_rebuild_touches_only_what_changed(clean: Verification, faulty: Verification, tmp_path: Path) -> None:
    _, newest = write_runs(tmp_path, [clean, clean])
    site = recon.build_site(tmp_path).parent
    before = files_of(site)
    recon.build_site(tmp_path)
    assert files_of(site) == before
    write_report(faulty, "html", newest.part("html"))
    recon.build_site(tmp_path)
    after = files_of(site)
    changed = f"runs/{newest.name}/report.html"
    assert {name for name in after if after[name] != before[name]} == {changed}
    assert (site / changed).read_text("utf-8") == on_site(newest.part("html").read_text("utf-8"), "report.html")


def test_a_run_that_is_gone_leaves_the_site(clean: Verification, tmp_path: Path) -> None:
    gone, kept = write_runs(tmp_path, [clean, clean])
    site = recon.build_site(tmp_path).parent
    gone.path.rename(tmp_path / "elsewhere")
    recon.build_site(tmp_path)
    assert [path.name for path in (site / "runs").iterdir()] == [kept.name]


def test_the_snapshot_is_never_published(clean: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, clean)
    (run.part("data_docs") / "link.html").symlink_to(run.part("snapshot"))
    site = recon.build_site(tmp_path).parent
    published = [path for path in site.rglob("*") if path.is_file()]
    assert len(published) > 4
    assert not [path for path in published if b"nobody masked" in path.read_bytes()]


def test_without_a_run_there_is_no_site(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no run yet"):
        recon.build_site(tmp_path / "nothing")
    assert run_in_process("site", "--outputs", tmp_path).code == 2


def test_a_site_that_exists_is_left_alone_without_runs(clean: Verification, tmp_path: Path) -> None:
    run = write_run(tmp_path, clean)
    site = recon.build_site(tmp_path).parent
    before = files_of(site)
    run.path.rename(tmp_path / "elsewhere")
    with pytest.raises(UsageError):
        recon.build_site(tmp_path)
    assert files_of(site) == before


def test_the_command_says_where_the_site_lies(clean: Verification, tmp_path: Path) -> None:
    write_run(tmp_path, clean)
    done = run_in_process("site", "--outputs", tmp_path)
    assert (done.code, done.err) == (0, "")
    assert str(tmp_path / "site" / "index.html") in done.out


@pytest.fixture(scope="module")
def served(clean: Verification, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[RunFolder, int]]:
    """A run, and the port where a process of its own serves the site; Ctrl-C must end it well."""
    outputs = tmp_path_factory.mktemp("served")
    run = write_run(outputs, clean)
    command = str(Path(sys.executable).with_name("recon"))
    program = [command, "site", "--outputs", str(outputs), "--serve", "--port", "0"]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = next(line for line in process.stdout if "http://" in line)
        yield run, urlsplit(re.findall(r"http://\S+", address)[0]).port or 0
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def ask(port: int, target: str, method: str = "GET", host: str = "127.0.0.1") -> tuple[int, str]:
    """What the server answers to just these bytes, which no client tidies up."""
    with socket.create_connection(("127.0.0.1", port), timeout=60) as connection:
        connection.sendall(f"{method} {target} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        answer = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    return int(answer.split()[1]), answer


def test_the_site_is_served_with_security_headers(served: tuple[RunFolder, int]) -> None:
    run, port = served
    status, home = ask(port, "/")
    assert status == 200
    assert "Verification PASSED" in unescape(home)
    assert "Content-Security-Policy: default-src 'none'" in home
    assert "X-Content-Type-Options: nosniff" in home
    assert ask(port, f"/runs/{run.name}/report.html")[0] == 200
    status, head = ask(port, "/", "HEAD")
    assert (status, head.partition("\r\n\r\n")[2]) == (200, "")


@pytest.mark.parametrize("up", ["/../", "/%2e%2e/", "/runs/../../", "/..%2f", "//etc/passwd?", "/%00"])
def test_nothing_beside_the_site_is_served(up: str, served: tuple[RunFolder, int]) -> None:
    run, port = served
    status, answer = ask(port, f"{up}{run.name}/snapshot.duckdb")
    assert status in {400, 404}
    assert "nobody masked" not in answer


def test_folders_are_not_listed(served: tuple[RunFolder, int]) -> None:
    assert ask(served[1], "/runs/")[0] == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(method: str, served: tuple[RunFolder, int]) -> None:
    assert ask(served[1], "/", method)[0] == 405


def test_another_name_for_this_machine_is_refused(served: tuple[RunFolder, int]) -> None:
    assert ask(served[1], "/", host="evil.example")[0] == 421
    assert ask(served[1], "/", host="localhost:80")[0] == 200
