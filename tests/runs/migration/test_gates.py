"""What is asked before an import is executed, and asked again where it may have become otherwise."""

from __future__ import annotations

import json
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from migrating import Keyboard, Site, create_tables, site_in

from recon.errors import MigrationError
from recon.model.migration import Migration
from recon.runs.migration.opening import _begun

if TYPE_CHECKING:
    from pathlib import Path

    from support import Finished


@pytest.fixture(scope="module")
def waiting(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """A migration whose execution is only asked for; no test may execute it."""
    site = site_in(tmp_path_factory.mktemp("waiting"))
    site.environment |= {"CLUB_TOKEN": "t0ken", "TARGET": "club.db"}
    (site.folder / "profile.toml").write_text(
        'name = "club"\n[importer]\ncommand = ["sh"]\nenvironment = ["CLUB_TOKEN"]\ndatabase = "TARGET"\n',
        encoding="utf-8",
    )
    site.up_to_execution("--profile", "profile.toml")
    return site


def asked(done: Finished) -> bool:
    """Whether only the question is left, whether to execute."""
    return done.code == 2 and "Type club to go on" in done.out


def test_an_earlier_attempt_that_is_remarked_on_displaces_no_other(waiting: Site) -> None:
    before = waiting.outcomes()
    assert asked(waiting.resume("--redo", "backup", "--backup", ""))
    assert asked(waiting.resume())
    last = [("backup", "PASSED"), ("execute", "None"), ("execute", "None")]
    assert waiting.outcomes() == [*before, *last]
    folders = [step.folder for step in waiting.record.steps]
    assert len(set(folders)) == len(folders)


@pytest.mark.parametrize(
    "step, variables, words",
    [
        ("dry-run", {"TARGET": "other.db"}, "[FAIL] Importer's Database: TARGET names other.db, and club.db is"),
        ("execute", {"TARGET": "other.db"}, "[FAIL] Importer's Database: TARGET names other.db, and club.db is"),
        ("execute", {"TARGET": ""}, "[FAIL] Importer's Database: TARGET is not set"),
        ("execute", {"CLUB_TOKEN": ""}, "[FAIL] Importer's Environment: Not set: CLUB_TOKEN"),
    ],
)
def test_what_the_importer_needs_is_asked_for_before_each_start(
    step: str, variables: dict[str, str], words: str, waiting: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_tables_once(waiting.folder / "other.db")
    starts = waiting.starts
    for name, value in variables.items():
        monkeypatch.setitem(waiting.environment, name, value)
    # Ann typed the name already.
    words_given = ("--redo", "dry-run") if step == "dry-run" else ("--execute", "club")
    done = waiting.resume(*words_given)
    assert (done.code, waiting.starts, waiting.outcomes()[-1]) == (1, starts, (step, "FAILED"))
    assert words in done.out
    monkeypatch.undo()
    if step == "dry-run":
        assert waiting.resume().code == 2
        waiting.review()
    assert asked(waiting.resume())


def create_tables_once(file: Path) -> None:
    if not file.exists():
        create_tables(file)


@pytest.mark.parametrize("kind", ["rows", "tables", "own"])
def test_a_backup_of_another_database_does_not_pass(kind: str, waiting: Site) -> None:
    other = waiting.folder / f"{kind}.db"
    create_tables(other)
    with closing(sqlite3.connect(other)) as connection:
        connection.execute('delete from "MembershipTier"' if kind == "rows" else "create table more (a)")
        connection.commit()
    name = other.name
    if kind == "own":
        assert waiting.recon("backup", "create", "--database", name, "--backups", "others").code == 0
        (name,) = (str(path) for path in (waiting.folder / "others").iterdir())
    done = waiting.resume("--redo", "backup", "--backup", name)
    assert (done.code, waiting.outcomes()[-1]) == (1, ("backup", "FAILED"))
    words = {"rows": "MembershipTier +7 rows", "tables": "more: the table is missing", "own": "it is of own.db"}
    assert words[kind] in done.out
    shutil.copy(waiting.folder / "club.db", other)
    if kind != "own":
        assert asked(waiting.resume())
        assert "[PASS] Backup of the Target: " not in done.out
    assert asked(waiting.resume("--redo", "backup", "--backup", ""))


@pytest.mark.parametrize("loss", ["all", "dump", "manifest", "part"])
def test_a_backup_that_is_gone_since_it_was_proven_stops_the_execution(loss: str, waiting: Site) -> None:
    assert asked(waiting.resume("--redo", "backup", "--backup", ""))
    backup = waiting.folder / str(waiting.record.last("backup").kept)  # type: ignore[union-attr]
    starts, dump = waiting.starts, backup / "database.sqlite"
    if loss == "all":
        shutil.rmtree(backup)
    elif loss == "part":
        dump.write_bytes(dump.read_bytes()[:-1])
    else:
        (dump if loss == "dump" else backup / "manifest.json").unlink()
    done = waiting.resume("--execute", "club")
    assert (done.code, waiting.starts, waiting.outcomes()[-1]) == (1, starts, ("execute", "FAILED"))
    assert "[FAIL] Backup Still There: The backup that was proven " in done.out
    assert "go on with --redo backup" in done.out
    assert asked(waiting.resume("--redo", "backup"))


def test_only_what_does_not_say_what_is_migrated_is_changed_on_the_way(waiting: Site) -> None:
    for words in (("--exports", "others"), ("--database", "other.db"), ("--profile", "p.toml"), ("--expect", "x")):
        done = waiting.resume(*words)
        assert (done.code, f"This is not changed in an open migration ({words[0]})" in done.err) == (2, True), done.err
    assert asked(waiting.resume("--exports", "exports", "--database", "club.db"))
    assert asked(waiting.resume("--max-age", "48", "--proof", "check"))
    assert {"max_age_h": 48.0, "proof": "check"}.items() <= waiting.record.settings.items()
    assert asked(waiting.resume("--max-age", "24", "--proof", "test"))
    assert not {"max_age_h", "proof"} & set(waiting.record.settings)


@pytest.mark.soak
def test_a_migration_that_takes_longer_than_its_parts_may_be_old_ends(waiting: Site) -> None:
    done = waiting.resume("--max-age", "0.000001", "--despite", "review", "slow", "--despite", "backup", "slow")
    assert done.code == 2
    assert "is older than 1e-06 h, although it was made anew" in done.err
    assert waiting.resume("--max-age", "24", "--redo", "dry-run").code == 2
    waiting.review()
    assert asked(waiting.resume())


def test_exports_that_change_while_a_person_thinks_are_noticed(waiting: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    members = next((waiting.folder / "exports").glob("*members*"))
    content, starts = members.read_bytes(), waiting.starts

    class Thinking(Keyboard):
        def readline(self, *_: Any) -> Any:
            members.write_bytes(content + b"\n")
            return "y\n"

    monkeypatch.setattr("sys.stdin", Thinking("y\n"))
    done = waiting.resume()
    members.write_bytes(content)
    assert (done.code, waiting.starts, waiting.outcomes()[-1]) == (1, starts, ("execute", "FAILED"))
    assert "[FAIL] Exports Unchanged: " in done.out
    monkeypatch.undo()
    assert asked(waiting.resume())


@pytest.mark.parametrize(
    "damage, words",
    [
        ({"schemaVersion": "2.0"}, "a newer recon wrote it"),
        ({"steps": None}, "Expected `array`"),
        ({"startedAt": "2026-01-01T00:00:00"}, "a moment without time zone"),
        ({"steps": [{"name": "x", "folder": "../x", "startedAt": "2026-01-01T00:00:00Z"}]}, "a step whose folder is"),
        ({"importer": {}}, "importer): found 'Object missing required field `command`'"),
        ({"importer": {"command": []}}, "importer.command): found ()"),
        ({"settings": {"max_age_h": "x"}}, "settings.max_age_h): found 'x'"),
        ({"settings": {"parts": ["x"]}}, "settings): found \"'x'\""),
        ({"target": "another"}, "The target is not the one"),
    ],
)
def test_a_record_that_was_damaged_is_told_and_stays(damage: dict[str, Any], words: str, waiting: Site) -> None:
    file, steps = waiting.migration.record, len(waiting.record.steps)
    whole = file.read_bytes()
    settings = json.loads(whole)["settings"]
    changed = damage | ({"settings": settings | damage["settings"]} if "settings" in damage else {})
    file.write_text(json.dumps(json.loads(whole) | changed), encoding="utf-8")
    damaged = file.read_bytes()
    done = waiting.recon("migrate", "--resume", file.parent)
    assert (done.code, words in done.err, file.read_bytes() == damaged) == (2, True, True), done.err
    if "target" not in damage:
        second = waiting.begin()
        assert (second.code, "A migration of this database" in second.err) == (2, True)
    file.write_bytes(whole)
    assert len(waiting.record.steps) == steps


@pytest.mark.parametrize("has_home", [True, False])
def test_of_several_that_begin_at_once_one_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, has_home: bool
) -> None:
    home = tmp_path / "state"
    if not has_home:
        # Nothing can be made below a file.
        home.write_text("", encoding="utf-8")
    monkeypatch.setenv("XDG_STATE_HOME", str(home))
    values: dict[str, Any] = {"environment": "localhost", "name": "club", "by": "Ann", "settings": {}, "importer": {}}
    migration = Migration(database="club.db", target="t", started_at=datetime(2026, 5, 1, tzinfo=UTC), **values)

    def begin(_: int) -> str:
        try:
            return _begun(tmp_path / "outputs", migration).path.name
        except MigrationError as error:
            return error.what

    with ThreadPoolExecutor(8) as threads:
        ended = sorted(threads.map(begin, range(8)))
    assert ended == ["20260501T000000Z-migration-club"] + ["A migration of this database is open"] * 7
