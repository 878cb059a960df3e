"""The importer's command: which ones are taken, and what each step makes of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from support import run_in_process

from recon.errors import ProfileError, UsageError
from recon.profile import load_profile
from recon.profile.model import ImporterRecipe
from recon.runs.migration.command import arguments, recipe_of, require_given
from recon.runs.migration.options import MigrateOptions

if TYPE_CHECKING:
    from pathlib import Path

VALUES = {"bundle": "/a b/bundle", "run_id": "r", "exports": "/e", "config": None, "database": "DATABASE_URL"}


@pytest.mark.parametrize(
    "words, dry_run, execute",
    [
        ("imp {mode} {bundle}", "imp --dry-run /a b/bundle", "imp /a b/bundle"),
        ("imp --mode {mode} {bundle}", "imp --mode dry-run /a b/bundle", "imp --mode execute /a b/bundle"),
        ("imp --mode={mode} {bundle}", "imp --mode=dry-run /a b/bundle", "imp --mode=execute /a b/bundle"),
        ("imp {mode} {bundle}.zip", "imp --dry-run /a b/bundle.zip", "imp /a b/bundle.zip"),
        ("imp {mode} {bundle} {{mode}} ${{x}}", "imp --dry-run /a b/bundle {mode} ${x}", "imp /a b/bundle {mode} ${x}"),
        ("imp {mode} {bundle} {run_id} {X} {}", "imp --dry-run /a b/bundle r {X} {}", "imp /a b/bundle r {X} {}"),
    ],
)
def test_placeholders_are_filled_in_for_each_step(words: str, dry_run: str, execute: str) -> None:
    recipe = recipe_of(words.split(), None)
    assert " ".join(arguments(recipe, "dry-run", VALUES)) == dry_run
    assert " ".join(arguments(recipe, "execute", VALUES)) == execute


@pytest.mark.parametrize("is_placed", [True, False])
def test_the_profile_says_what_distinguishes_the_steps(*, is_placed: bool) -> None:
    command = ("imp", *(["{mode}"] if is_placed else []), "{bundle}")
    recipe = recipe_of((), ImporterRecipe(command, ("--check",), ("--yes", "--twice")), "p.toml")
    dry_run, execute = (set(arguments(recipe, step, VALUES)) for step in ("dry-run", "execute"))
    assert (dry_run - execute, execute - dry_run) == ({"--check"}, {"--yes", "--twice"})


@pytest.mark.parametrize(
    "recipe, message",
    [
        (ImporterRecipe(("imp", "{bundle}")), "would do in its dry run what it does in its execution"),
        (ImporterRecipe(("imp", "{bundle}"), dry_run=()), "would do in its dry run what it does in its execution"),
        (ImporterRecipe(("imp", "{bundle}"), execute=("{mode}",)), "would do in its dry run what it does"),
        (ImporterRecipe(("imp", "{mode}")), "where the bundle of the importer's dry run appears"),
        (ImporterRecipe(("imp",), ("-n", "{bundle}"), ("-y",)), "where the bundle of the importer's execution appears"),
        (ImporterRecipe(("imp",), ("-n", "{bundle}"), bundle="out/*"), "is given {bundle} in one of its dry run"),
        (ImporterRecipe(("imp", "{bundle}"), ("-n",), ("{run_id}",)), "is given {run_id} in one of its dry run"),
        (ImporterRecipe(("imp", "{mode}", "{bundel}")), "unknown placeholder"),
        (ImporterRecipe(("imp", "{mode}", "{bundle}"), ("{dry}",)), "unknown placeholder"),
    ],
)
def test_a_command_that_cannot_be_meant_is_refused(recipe: ImporterRecipe, message: str) -> None:
    with pytest.raises(UsageError) as of_the_profile:
        recipe_of((), recipe, "p.toml")
    assert message in of_the_profile.value.message
    assert "(p.toml, importer.command)" in of_the_profile.value.message
    assert None not in (of_the_profile.value.expected, of_the_profile.value.found, of_the_profile.value.next_step)


def test_what_a_placeholder_stands_for_is_to_be_given() -> None:
    recipe = recipe_of(("imp", "{mode}", "{bundle}", "{config}"), None)
    with pytest.raises(UsageError, match=r"\{config\}.*--config"):
        require_given(recipe, MigrateOptions())
    require_given(recipe, MigrateOptions(config="migration-config.json"))


COMMAND = 'command = ["imp", "{mode}", "{bundle}"]\n'


@pytest.mark.parametrize(
    "text, place, found",
    [
        ('command = "imp --dry-run"', "importer.command", "'imp --dry-run'"),
        ("command = []", "importer.command", "[]"),
        ('command = [" "]', "importer.command", "[' ']"),
        ('command = ["imp", 5]', "importer.command", "['imp', 5]"),
        ('command = ["imp\\u0000"]', "importer.command", "['imp\\x00']"),
        ("", "importer", "required field `command`"),
        (COMMAND + 'dryrun = ["-n"]', "importer", "'dryrun'. Did you mean 'dry_run'?"),
        (COMMAND + 'dry_run = "-n"', "importer.dry_run", "'-n'"),
        (COMMAND + 'environment = "HOME"', "importer.environment", "'HOME'"),
        (COMMAND + 'environment = ["A B"]', "importer.environment", "'A B'"),
        (COMMAND + 'database = ""', "importer.database", "''"),
        (COMMAND + 'database = "postgresql://a:hunter2@h/d"', "importer.database", "another text"),
        (COMMAND + 'bundle = " "', "importer.bundle", "' '"),
        (COMMAND + 'bundle = "out/{run_id}"', "importer.bundle", "'out/{run_id}'"),
        *(
            (COMMAND + f"timeout_minutes = {value}", "importer.timeout_minutes", found)
            for value, found in (("0", "0"), ("-1", "-1"), ("inf", "inf"), ("nan", "nan"), ("1e300", "1e+300"))
        ),
        (COMMAND + 'timeout_minutes = "5"', "importer.timeout_minutes", "'5'"),
    ],
)
def test_a_wrong_entry_of_the_profile_is_told_by_its_place(text: str, place: str, found: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(f'name = "club"\n[importer]\n{text}\n', encoding="utf-8")
    with pytest.raises(ProfileError) as refused:
        load_profile(file)
    assert f"({file}, {place})" in refused.value.message
    assert found in refused.value.message
    assert "hunter2" not in refused.value.message


@pytest.mark.parametrize("entry", ["importer = 5", 'importer = "imp"', '[[importer]]\ncommand = ["imp"]'])
def test_the_importer_is_a_table_of_the_profile(entry: str, tmp_path: Path) -> None:
    file = tmp_path / "profile.toml"
    file.write_text(f'name = "club"\n{entry}\n', encoding="utf-8")
    with pytest.raises(ProfileError, match=r"importer\): expected a table: \[importer\]"):
        load_profile(file)


def test_an_importer_stands_beside_the_tables_of_another_application(tmp_path: Path) -> None:
    own = tmp_path / "profile.toml"
    own.write_text(
        'name = "rowing"\n[importer]\ncommand = ["imp"]\n[tables.members]\ntable = "person"\nrequired = true\n'
        '[tables.members.columns]\nid = "id"\n',
        encoding="utf-8",
    )
    profile = load_profile(own)
    members = profile.table("members")
    assert members is not None
    assert (members.source_name, profile.importer) == ("person", ImporterRecipe(("imp",)))


@pytest.mark.parametrize(
    "words, where",
    [
        (["--exports", "ex\udcff", "--", "sh", "{mode}", "{bundle}"], "--exports"),
        (["--", "sh", "{mode}", "{bundle}", "\udcff"], "command or working folder"),
        (["--wa-api-url", "https://ann:kolibri7@host/", "--", "sh", "{mode}", "{bundle}"], "--wa-api-url"),
        (["--scratch-database", "postgresql://ann:kolibri7@host/d", "--", "sh", "{mode}", "{bundle}"], "command line"),
    ],
)
def test_what_cannot_be_recorded_is_refused_at_once(
    words: list[str], where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "club.db").write_bytes(b"")
    done = run_in_process("migrate", "--database", "club.db", *words)
    assert (done.code, where in done.err, "kolibri7" in done.err) == (2, True, False), done.err
    assert [path.name for path in tmp_path.iterdir()] == ["club.db"]
