"""Writes matches as a profile for the user to edit: what was found, how certain it is, and what is left to do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from recon.profile import load_profile
from recon.profile.draft.likeness import Likeness
from recon.profile.draft.matching import Match, Matches, match
from recon.profile.draft.runs import run_records

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from recon.database import Catalogue
    from recon.profile import RunRecord, Table

REASONS = {
    Likeness.SAME: "the same name",
    Likeness.USUAL: "a usual other name",
    Likeness.SIMILAR: "only similar: uncomment if it is right",
}


def draft_lines(name: str, label: str, catalogue: Catalogue) -> Iterator[str]:
    """Yield the lines of a draft that loads as it is; `label` names the database that the catalogue comes from."""
    found = match(catalogue)
    yield f"# First draft of a profile, by the names in the catalogue of {toml_text(label)}."
    yield "# Look at each line, since a name can mislead. docs/profiles.md describes every key."
    yield "# Then: recon profile check --profile FILE --database NAME"
    yield f"name = {toml_text(name)}"
    for table in load_profile().tables:
        yield ""
        yield from _table(table, found)
    yield ""
    runs = run_records(catalogue)
    yield from _runs(runs)
    placed = {matched.source_name for matched in found.tables.values()} | {run.table for run in runs}
    others = [toml_text(table) for table in catalogue if table not in placed]
    if others:
        yield ""
        yield f"# Tables without a place here: {', '.join(others)}"


def toml_text(text: str) -> str:
    """Return a TOML string on one line, which is also safe within a comment."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007F")


def _table(table: Table, found: Matches) -> Iterator[str]:
    matched = found.tables.get(table.name)
    if matched is None:
        yield from _absent_table(table, found.table_choices[table.name])
        return
    yield f"[tables.{table.name}]"
    yield from _aligned([_line("table", matched)])
    yield f"[tables.{table.name}.columns]"
    columns = found.columns[table.name]
    yield from _aligned([_column(c.name, columns.get(c.name), required=c.required) for c in table.columns])
    if found.left[table.name]:
        yield f"# Columns without a place here: {', '.join(map(toml_text, found.left[table.name]))}"


def _absent_table(table: Table, choices: Sequence[str]) -> Iterator[str]:
    need = "no check can do without it" if table.required else "checks that need it will say that it is not recorded"
    yield f"# No table looks like {table.name}: {need}."
    yield f"# [tables.{table.name}]"
    yield from (f"# table = {toml_text(choice)}  # perhaps" for choice in choices)


def _column(name: str, matched: Match | None, *, required: bool) -> tuple[str, str]:
    if matched is None:
        return f'# {name} = "…"', "not found, but no check can do without it" if required else "not found"
    return _line(name, matched)


def _line(key: str, matched: Match) -> tuple[str, str]:
    mark = "# " if matched.likeness is Likeness.SIMILAR else ""
    return f"{mark}{key} = {toml_text(matched.source_name)}", REASONS[matched.likeness]


def _aligned(lines: Sequence[tuple[str, str]]) -> Iterator[str]:
    width = max(len(line) for line, _ in lines)
    yield from (f"{line:{width}}  # {reason}" for line, reason in lines)


def _runs(records: Sequence[RunRecord]) -> Iterator[str]:
    yield "# Where the application records which import run wrote to it; every place that exists is read."
    if not records:
        yield "# No column looks like a run's id. If there is one:"
        yield '# [[runs]]\n# table = "…"\n# column = "…"\n# recorded_at = "…"'
    for record in records:
        yield "[[runs]]"
        yield f"table = {toml_text(record.table)}"
        yield f"column = {toml_text(record.column)}"
        if record.json_keys:
            yield f"json_keys = [{', '.join(map(toml_text, record.json_keys))}]"
        yield f"recorded_at = {toml_text(record.recorded_at)}"
