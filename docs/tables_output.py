"""Writes the tables of a run's snapshot into tables.md, between its markers, from the faulty club of `recon demo`."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from pages import recon, with_lists

from recon import open_run
from recon.answers.tables import meanings

if TYPE_CHECKING:
    import polars as pl

PAGE = Path(__file__).with_name("tables.md")
BUNDLE = "demo/migration-bundle-2024-01-15"


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_tables(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_tables(text: str) -> str:
    """The page's text with the tables of the current version."""
    with TemporaryDirectory() as folder:
        recon(folder, "demo", "--output", "demo", "--faults", "typical")
        recon(folder, "run", BUNDLE, "--database", "demo/club.db", "--only", "snapshot")
        (run,) = (Path(folder) / "outputs").glob("*-run-*")
        with open_run(run) as opened:
            return with_lists(text, listed(opened.tables))


def listed(tables: pl.DataFrame) -> dict[str, str]:
    """The text about the tables of each schema, by its name."""
    texts: dict[str, str] = {}
    for (table,), columns in tables.group_by("table", maintain_order=True):
        schema = str(table).partition(".")[0]
        rows = [f"| `{row['column']}` | {row['type']} | {row['meaning']} |" for row in columns.iter_rows(named=True)]
        head = [f"### {table}", "", meanings()["tables"][table], "", "| column | type | meaning |", "|---|---|---|"]
        texts[schema] = texts.get(schema, "") + "\n".join([*head, *rows]) + "\n\n"
    return texts


if __name__ == "__main__":
    main()
