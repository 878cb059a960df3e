from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace
from support import run_in_process
from verifications import Page

from recon.preflight.decisions import decisions_file
from recon.preflight.signing import SignoffOptions, sign_off
from recon.runs.folder import run_folders
from recon.runs.notice import notice, notice_section

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model import Verification


def test_a_run_that_passed_says_who_is_to_be_notified(clean: DemoPaths, tmp_path: Path) -> None:
    sign_off(SignoffOptions(tmp_path, notified=["Board, *webmaster*"], by="Jane"))
    given = ["--database", clean.database, "--outputs", tmp_path, "--only", "report", "--only", "site"]
    done = run_in_process("run", clean.bundle, *given)
    (folder,) = run_folders(tmp_path)
    assert (done.code, "  - Notify: Board, *webmaster*\n" in done.out) == (0, True)
    home = Page((tmp_path / "site" / "index.html").read_text(encoding="utf-8"))
    assert "Notify, now that the migration is verified (runbook 3.1): Board, *webmaster*" in home.text
    assert (
        folder.part("report")
        .read_text(encoding="utf-8")
        .endswith(
            "\n\n## Notify\n\nThe verification passed, so the stakeholders can be notified that the migration is "
            "complete (runbook 3.1):\n\n- Board, \\*webmaster\\*\n"
        )
    )


def test_without_a_verdict_or_without_names_nobody_is_to_be_notified(
    passed: Verification, capped: Verification, tmp_path: Path
) -> None:
    assert (notice(passed, tmp_path), notice_section(passed, tmp_path)) == (None, "")
    sign_off(SignoffOptions(tmp_path, no_window=True, by="Jane"))
    assert notice(passed, tmp_path) is None
    sign_off(SignoffOptions(tmp_path, notified=["Board"], by="Jane"))
    assert (notice(passed, tmp_path), notice(capped, tmp_path)) == ("Board", None)
    sign_off(SignoffOptions(tmp_path, notified=["Ann ann@club.org"], by="Jane"))
    assert notice(passed, tmp_path) == "Ann a***@***"
    assert notice(replace(passed, checks=()), tmp_path) is None
    assert notice(replace(passed, dry_run=True), tmp_path) is None


def test_a_changed_file_of_decisions_is_named_and_keeps_the_verdict(passed: Verification, tmp_path: Path) -> None:
    decisions_file(tmp_path).write_text("{}\n", encoding="utf-8")
    named = notice(passed, tmp_path)
    assert named is not None
    assert named.startswith("not known: The file of decisions is not as it was written")
