"""The guided flow from exports to verdict, on a real database with a real importer."""

from __future__ import annotations

import shlex
import sqlite3
import stat
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from migrating import BRIEF, Site, create_tables, document, shown_commands, site_in

from recon.model.migration import STEPS

if TYPE_CHECKING:
    from pathlib import Path

    from support import Finished


MINIMAL = ("--bundle", "{bundle}", "--database", "{database}", "{mode}")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return site_in(tmp_path)


@pytest.fixture(scope="module")
def verified(tmp_path_factory: pytest.TempPathFactory) -> tuple[Site, Finished]:
    """A migration that went from its beginning to its verdict; no test may change it."""
    made = site_in(tmp_path_factory.mktemp("verified"))
    (made.folder / "recon-accept.toml").touch()
    first = made.begin("--expect", "localhost")
    assert (first.code, made.outcomes()[-1]) == (1, ("people", "FAILED"))
    assert made.recon("signoff", "--notified", "Board", "--no-window", "--by", "Ann").code == 0
    assert made.resume().code == 2
    made.review()
    assert made.resume().code == 2
    return made, made.resume("--execute", "club")


def rows(site: Site, table: str = "Member") -> int:
    with closing(sqlite3.connect(site.folder / "club.db")) as connection:
        (number,) = connection.execute(f'select count(*) from "{table}"').fetchone()
    return int(number)


def test_a_migration_goes_from_exports_to_a_verdict(verified: tuple[Site, Finished]) -> None:
    site, done = verified
    record = site.record
    assert (done.code, done.err) == (0, "")
    assert (record.outcome, record.verdict, record.is_open) == ("verified", "PASSED", False)
    assert [name for name, gate in site.outcomes() if gate == "PASSED"] == list(STEPS)
    assert (site.starts, rows(site)) == (2, 12)
    assert "Verification PASSED" in done.out
    assert "- Notify: Board" in done.out


def test_the_folder_is_evidence(verified: tuple[Site, Finished]) -> None:
    site, _ = verified
    folder = site.migration.path.relative_to(site.folder)
    done = site.recon("evidence", "verify", folder)
    assert done.code == 0, done.out + done.err
    records = (site.folder / "outputs" / "runs.jsonl").read_text(encoding="utf-8").splitlines()
    assert [line.count('"kind":"migration"') for line in records][-1:] == [1]


def test_each_step_leaves_what_it_did_in_the_folder(verified: tuple[Site, Finished]) -> None:
    site, _ = verified
    folder = site.migration.path
    for step in site.record.steps:
        assert step.duration_ms is not None
        if step.gate and step.name != "verify":
            assert document(folder / step.folder / "assessment.json")["verdict"] == step.gate
        assert step.commands or step.name == "source"
    assert "--accept recon-accept.toml" in site.record.last("verify").commands[0]  # type: ignore[union-attr]
    execute = site.record.last("execute")
    assert execute is not None
    assert (execute.exit_code, execute.by) == (0, "Ann")
    assert "Import complete" in (folder / execute.folder / "output.log").read_text(encoding="utf-8")
    assert stat.S_IMODE((folder / execute.folder / "output.log").stat().st_mode) == 0o600
    assert site.record.last("review").by == "Bob"  # type: ignore[union-attr]


def test_the_single_commands_that_are_recorded_ask_the_same(verified: tuple[Site, Finished]) -> None:
    site, _ = verified
    for name in ("environment", "people", "review", "verify"):
        step = site.record.last(name)
        assert step is not None
        for command in step.commands:
            words = shlex.split(command)[1:]
            done = site.recon(*words, *(("--yes", "--by", "Eve") if words[0] == "review" else ()))
            # Rows are there now that a dry run would create, and a run verifies them as it did.
            assert done.code == (1 if words[0] == "review" else 0), (command, done.out)


def test_a_dry_run_that_writes_is_caught_by_digests(site: Site) -> None:
    site.sign_off()
    done = site.begin(faults=["dry-run-writes"])
    assert (done.code, site.outcomes()[-1]) == (1, ("dry-run", "FAILED"))
    assert "[FAIL] Database Untouched: The database is not as it was before the dry run: Member +12 rows" in done.out
    assert shown_commands(done.out) == [f"recon migrate --resume {site.migration.path.relative_to(site.folder)}"]


@pytest.mark.parametrize(
    "fault, words",
    [
        ("no-bundle", "The importer left no bundle in"),
        ("two-bundles", "The importer left 2 bundles: "),
        ("older-bundle", "The bundle is older than this run of the importer, by 23 hours"),
    ],
)
def test_only_the_bundle_of_this_run_is_taken(site: Site, fault: str, words: str) -> None:
    site.sign_off()
    done = site.begin(faults=[fault])
    assert (done.code, site.outcomes()[-1]) == (1, ("dry-run", "FAILED"))
    assert f"[FAIL] Bundle: {words}" in done.out


def test_an_importer_that_is_missing_is_found_before_anything_runs(site: Site) -> None:
    done = site.recon("migrate", "--database", "club.db", "--exports", "exports", "--", "no-such-program", *MINIMAL)
    assert (done.code, site.outcomes()) == (1, [("environment", "FAILED")])
    assert "[FAIL] Importer: There is no program no-such-program" in done.out


def test_the_importer_is_to_write_to_the_database_that_is_verified(site: Site) -> None:
    profile = site.folder / "profile.toml"
    profile.write_text(
        'name = "club"\n[importer]\ncommand = ["./held", "{mode}", "{bundle}"]\ndatabase = "TARGET"\n'
        'environment = ["WA_KEY", "HOME"]\n',
        encoding="utf-8",
    )
    site.environment |= {"TARGET": "other.db", "HOME": "/"}
    create_tables(site.folder / "other.db")
    done = site.recon("migrate", "--database", "club.db", "--exports", "exports", "--profile", profile.name)
    assert (done.code, site.outcomes()) == (1, [("environment", "FAILED")])
    assert "[FAIL] Importer's Environment: Not set: WA_KEY" in done.out
    assert "[FAIL] Importer's Database: TARGET names other.db, and club.db is verified" in done.out


def test_an_execution_that_loses_rows_fails_and_can_be_undone_by_the_command_that_is_shown(site: Site) -> None:
    site.up_to_execution(faults=["lose-rows"])
    done = site.resume("--execute", "club")
    assert (done.code, site.record.verdict, site.record.is_open) == (1, "FAILED", False)
    plan, show, restore = shown_commands(done.out)[-3:]
    # The source is right: the importer lost them.
    assert site.recon(*shlex.split(show)[1:]).out == "None.\n\n"
    planned = site.recon(*shlex.split(plan)[1:])
    assert planned.code == 0, planned.err
    (apply,) = [line.partition("Apply it: ")[2] for line in planned.out.splitlines() if "Apply it: " in line]
    words = ("--database", "club.db", "--yes", site.record.last("execute").run_id)  # type: ignore[union-attr]
    assert site.recon(*shlex.split(apply)[1:], *words).code == 0
    assert rows(site) == 0
    # Level 2 is planned by the command that is shown, too.
    assert site.recon(*shlex.split(restore)[1:]).code == 0


def test_an_execution_that_fails_is_not_repeated_unasked(site: Site) -> None:
    site.up_to_execution(faults=["fail"])
    done = site.resume("--execute", "club")
    assert (done.code, site.outcomes()[-1]) == (1, ("execute", "FAILED"))
    assert "[FAIL] Importer: It failed: exit code 1" in done.out
    again = site.resume("--execute", "club")
    assert (again.code, site.starts) == (2, 2)
    assert "The database holds exactly what it held before it began" in again.out
    assert [command.partition(" --importer ")[2] for command in shown_commands(again.out)] == ["again", "ended", "", ""]
    assert "Level 1, undo what it wrote (4.1): recon rollback plan --run-id RUN_ID --started-at " in again.out


def test_an_import_is_executed_only_by_the_name_of_its_database(site: Site) -> None:
    site.up_to_execution()
    done = site.resume("--execute", "other")
    assert (done.code, site.starts, rows(site)) == (2, 1, 0)
    assert "This is not the name of the database, so nothing is executed" in done.err
    assert site.record.is_open


def test_an_import_is_executed_only_within_its_hours(site: Site) -> None:
    site.up_to_execution()
    now = datetime.now(UTC)
    window = f"{now + timedelta(hours=2):%Y-%m-%d %H:%M}/{now + timedelta(hours=3):%Y-%m-%d %H:%M} UTC"
    assert site.recon("signoff", "--window", window).code == 0
    done = site.resume("--execute", "club")
    assert (done.code, site.starts, rows(site)) == (1, 1, 0)
    assert "[FAIL] Hours of the Execution: The window opens in 1 hour 59 minutes" in done.out


def test_what_the_dry_run_read_is_what_is_imported(site: Site) -> None:
    site.up_to_execution()
    members = next((site.folder / "exports").glob("*members*"))
    members.write_bytes(members.read_bytes() + b"\n")
    done = site.resume("--execute", "club")
    assert (done.code, site.starts) == (1, 1)
    assert f"[FAIL] Exports Unchanged: Not as the dry run read them: {members.name}" in done.out
    # The step that is taken again takes those after it with it.
    assert site.resume("--redo", "dry-run").code == 2
    assert (site.starts, site.outcomes()[-1]) == (2, ("review", "None"))


def test_one_migration_of_a_target_is_open_at_a_time(site: Site) -> None:
    assert site.begin().code == 1
    for options in ((), ("--outputs", "elsewhere"), ("--database", str(site.folder / "club.db"))):
        second = site.begin(*options)
        assert second.code == 2
        assert "A migration of this database is open" in second.err
        assert site.migration.path.name in second.err.partition("recon migrate --resume ")[2]
    abandoned = site.recon("migrate", "--abandon", "--by", "Ann", "--reason", "no time tonight")
    assert (abandoned.code, "by no time tonight, Ann" in abandoned.out) == (0, True)
    assert (site.record.outcome, site.record.is_open) == ("abandoned", False)
    assert site.resume().code == 2
    assert site.begin("--outputs", "elsewhere").code == 1


def test_a_migration_goes_on_only_with_its_own_target(site: Site) -> None:
    site.environment["TARGET"] = "club.db"
    create_tables(site.folder / "other.db")
    assert site.begin("--database", "TARGET").code == 1
    site.environment["TARGET"] = "other.db"
    done = site.resume()
    assert (done.code, len(site.record.steps)) == (2, 3)
    assert "The target is not the one that this migration was begun with" in done.err


def test_a_gate_is_passed_with_a_reason_that_is_recorded(site: Site) -> None:
    site.sign_off()
    words = ("--database", "club.db", "--by", "Ann", *BRIEF, "--despite", "source", "the API is closed on Sundays")
    site.recon("migrate", *words, "--", *site.importer()[:3], *MINIMAL, "--exports", "exports")
    source = site.record.last("source")
    assert source is not None
    assert (source.gate, source.despite, source.by) == ("INCOMPLETE", "the API is closed on Sundays", "Ann")
    assert site.outcomes()[-1][0] == "review"


def test_a_person_on_a_terminal_is_asked(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.sign_off()
    words = ("--database", "club.db", "--exports", "exports", "--by", "Ann", *BRIEF, "--", *site.importer())
    done = site.recon("migrate", *words, typed="y\ny\n", keyboard=monkeypatch)
    assert (done.code, site.record.verdict, rows(site)) == (0, "PASSED", 12)
    assert site.record.last("review").by == "Ann"  # type: ignore[union-attr]


def test_production_is_typed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.database = "club_prod.db"
    (site.folder / "club.db").rename(site.folder / site.database)
    site.environment["PROFILE"] = "profile.toml"
    (site.folder / "profile.toml").write_text(
        'name = "club"\n[environments]\nproduction = ["*prod*"]\n[importer]\ncommand = ["sh"]\n', encoding="utf-8"
    )
    assert site.recon("signoff", "--notified", "Board", "--by", "Ann").code == 0
    words = ("--database", site.database, "--exports", "exports", "--profile", "profile.toml", *BRIEF)
    done = site.recon("migrate", *words, "--", *site.importer(), typed="y\n", keyboard=monkeypatch)
    # Without a word on the hours, nothing is executed on production.
    assert (done.code, site.starts) == (1, 1)
    assert "[FAIL] Hours of the Execution: No maintenance window is recorded" in done.out
    assert site.recon("signoff", "--no-window", "--by", "Ann").code == 0
    refused = site.recon("migrate", "--resume", typed="y\n", keyboard=monkeypatch)
    assert (refused.code, site.starts) == (2, 1)
    assert site.recon("migrate", "--resume", typed="club_prod\n", keyboard=monkeypatch).code == 0


def test_a_command_with_a_secret_is_not_kept_and_is_given_again(site: Site) -> None:
    secret = "hunter2" * 2
    importer = [*site.importer(), "--run-id", "run-1", "--api-key", secret]
    words = ("--database", "club.db", "--exports", "exports", *BRIEF)
    assert site.recon("migrate", *words, "--", *importer).code == 1
    kept = [file for file in (site.folder / "outputs").rglob("*") if file.is_file()]
    assert [file.name for file in kept if secret.encode() in file.read_bytes()] == []
    assert len(kept) > 5
    missing = site.resume()
    assert (missing.code, secret in missing.err) == (2, False)
    assert "The importer's command holds a secret, which is written nowhere" in missing.err
    other = site.recon("migrate", "--resume", "--", "echo", "{mode}")
    assert (other.code, "is not the one that this migration was begun with" in other.err) == (2, True)
    assert site.recon("migrate", "--resume", "--", *importer).code == 1
