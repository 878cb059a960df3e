"""Whatever people did since: a rollback leaves what there would be without the import, and the rows that it keeps."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest
from rollbacks import OTHERS, draw_edits, kept_ids, make_migrated
from soaking import SOAKING

if TYPE_CHECKING:
    from pathlib import Path

# Odd seeds have a backup from before the run.
CASES = [(kind, seed) for kind in ("sqlite", "postgresql", "mysql") for seed in range(40 if SOAKING else 1)]
EDITS = 12


@pytest.mark.rounds
@pytest.mark.parametrize("kind, seed", CASES)
def test_a_rollback_undoes_the_import_and_nothing_else(
    kind: str, seed: int, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    rng = Random(2000 + seed)  # noqa: S311 - not for secrets
    migrated = make_migrated(kind, tmp_path, request, seed)
    backup = "BEFORE_URL" if seed % 2 else None
    for statement in draw_edits(migrated, rng, EDITS):
        migrated.on_both(statement)
    before, never = migrated.imported.everything(), migrated.never.everything()

    planned = migrated.plan(backup=backup)
    applied = migrated.apply(planned)

    kept, after = kept_ids(planned.plan), migrated.imported.everything()
    assert applied.words == f"ROLLED BACK, {planned.plan.kept_rows} KEPT"
    for table, rows in after.items():
        # People wrote of rows that were never imported as well: what they wrote is theirs.
        theirs = before[table].keys() - never[table].keys() - {*migrated.created.get(table, before[table])}
        if table in OTHERS:
            theirs = before[table].keys() - never[table].keys()
        listed = kept.get(table, set())
        assert {key: row for key, row in rows.items() if key not in listed | theirs} == {
            key: row for key, row in never[table].items() if key not in listed
        }, table
        assert {key: row for key, row in rows.items() if key in listed | theirs} == {
            key: row for key, row in before[table].items() if key in listed | theirs
        }, table

    assert migrated.revert(planned).words == "REVERTED"
    assert migrated.imported.everything() == before
