"""The importer's command: its placeholders filled in, its secrets left out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from recon.errors import UsageError, suggest
from recon.profile.model import ImporterRecipe
from recon.runs.migration.redacting import redacted, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from recon.runs.migration.options import MigrateOptions

MODES = {"dry-run": "dry-run", "execute": "execute"}
"""The word for each step in which the importer runs."""
PLACEHOLDER = re.compile(r"\{(?P<literal>\{[a-z][a-z_]*\})\}|\{(?P<name>[a-z][a-z_]*)\}")
MODE = "mode"
KNOWN = {
    MODE: "alone, the arguments of a dry run (--dry-run) or of the execution (none); else the word dry-run or execute",
    "bundle": "the folder in which its bundle is to appear, which is not there yet",
    "run_id": "a new run id",
    "exports": "the folder of exports, as --exports names it",
    "config": "the configuration, as --config names it",
    "database": "the database, as --database names it",
}
"""The placeholders, and what stands in their place; with doubled braces they stand for themselves."""
UNFILLED = {name: f"{{{name}}}" for name in KNOWN if name != MODE}
"""Placeholders as they are, for what is shown of a command."""
DEFAULT_DRY_RUN = ("--dry-run",)
IN_THE_PROFILE = "name it behind --, or in the profile under [importer] (docs/migrate.md)"


def recipe_of(words: Sequence[str], own: ImporterRecipe | None, profile: Path | str | None = None) -> ImporterRecipe:
    """Return the importer of the command line, with what the profile says of it; or else the profile's.

    Args:
        words: The command of the command line; empty: that of the profile.
        own: What the profile says.
        profile: The profile's file, for messages; None: the built-in one.

    Raises:
        UsageError: None is named, or nothing in its command distinguishes the dry run from the execution, or it has an
            unknown placeholder.
    """
    where = "behind --" if words else f"{profile}, importer.command"
    if not words and own is None:
        raise UsageError(
            "No importer is named",
            expected="recon migrate … -- COMMAND {mode} --bundle {bundle}",
            next_step=IN_THE_PROFILE,
        )
    if not words:
        found = own
    elif own is None:
        found = ImporterRecipe(tuple(words))
    else:
        found = ImporterRecipe(
            tuple(words), own.dry_run, own.execute, own.bundle, own.environment, own.database, own.timeout_minutes
        )
    assert found is not None  # noqa: S101 - one of the two is named
    _require_known(found, where)
    dry_run, execute = (arguments(found, step, UNFILLED) for step in MODES)
    if dry_run == execute:
        raise UsageError(
            "The importer would do in its dry run what it does in its execution",
            where=where,
            expected="{mode} where its dry run is asked for, or dry_run under [importer] in the profile",
            found=shown(redacted(found.command))[:300],
            next_step="Put {mode} in the place of --dry-run, or write --mode={mode}",
        )
    for step, filled in (("dry run", dry_run), ("execution", execute)):
        if found.bundle is None and not any(UNFILLED["bundle"] in word for word in filled):
            raise UsageError(
                f"It is not known where the bundle of the importer's {step} appears",
                where=where,
                expected="{bundle} where its folder is named, or bundle under [importer] in the profile",
                found=shown(redacted(filled))[:300],
                next_step='Write --bundle {bundle}, or bundle = "out/migration-bundle-*" in the profile',
            )
    for name in ("bundle", "run_id"):
        if any(UNFILLED[name] in word for word in dry_run) != any(UNFILLED[name] in word for word in execute):
            raise UsageError(
                f"The importer is given {{{name}}} in one of its dry run and its execution only",
                where=where,
                expected="it in both, or in neither",
                found=f"dry run: {shown(redacted(dry_run))[:150]}; execution: {shown(redacted(execute))[:150]}",
                next_step=f"Put {{{name}}} into the command, which is the same for both",
            )
    return found


def arguments(recipe: ImporterRecipe, step: str, values: Mapping[str, str | None]) -> list[str]:
    """Return the program and its arguments for a step.

    Args:
        recipe: The importer.
        step: "dry-run" or "execute".
        values: What stands in the place of each placeholder but {mode}; None: it was not given.

    Raises:
        UsageError: A placeholder stands for something that was not given.
    """
    dry_run = recipe.dry_run if recipe.dry_run is not None else DEFAULT_DRY_RUN
    own = [_filled(word, step, values) for word in (dry_run if step == "dry-run" else recipe.execute)]
    found: list[str] = []
    alone = "{" + MODE + "}"
    is_placed = False
    for word in recipe.command:
        # Behind an option of that name stands the word.
        if word == alone and not (found and found[-1].lstrip("-").lower() == MODE):
            found += own
            is_placed = True
        else:
            found.append(_filled(word, step, values))
    return found if is_placed or recipe.dry_run is None else [*found, *own]


def _filled(word: str, step: str, values: Mapping[str, str | None]) -> str:
    return PLACEHOLDER.sub(lambda found: found["literal"] or _value(found["name"], step, values), word)


def _value(name: str, step: str, values: Mapping[str, str | None]) -> str:
    if name == MODE:
        return MODES[step]
    value = values[name]
    if value is None:
        raise UsageError(
            f"The importer's command needs what was not given: {{{name}}}",
            where="its command",
            next_step=f"Name it with --{name}" if name != "run_id" else None,
        )
    return value


def require_given(recipe: ImporterRecipe, options: MigrateOptions) -> None:
    """Require that what the command names is there.

    Raises:
        UsageError: A placeholder stands for an option that was not given.
    """
    given = {"exports": options.exports, "config": options.config}
    values = UNFILLED | {name: None if value is None else str(value) for name, value in given.items()}
    for step in MODES:
        arguments(recipe, step, values)


def has_placeholder(recipe: ImporterRecipe, name: str) -> bool:
    """Whether the command has that placeholder."""
    return name in _placeholders(recipe)


def _placeholders(recipe: ImporterRecipe) -> set[str]:
    words = (*recipe.command, *(recipe.dry_run or ()), *recipe.execute)
    return {found["name"] for word in words for found in PLACEHOLDER.finditer(word) if found["name"]}


def _require_known(recipe: ImporterRecipe, where: str) -> None:
    for name in sorted(_placeholders(recipe)):
        if name not in KNOWN:
            raise UsageError(
                "The importer's command has an unknown placeholder",
                where=where,
                expected=", ".join(f"{{{known}}}" for known in KNOWN),
                found=f"{{{name}}}",
                next_step=suggest(name, KNOWN) or f"If it is no placeholder, write {{{{{name}}}}}",
            )
