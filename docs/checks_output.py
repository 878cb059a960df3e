"""Writes the examples and their actual output into checks.md, between its markers."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from pages import recon, with_blocks

DOCS = Path(__file__).parent
PAGE = DOCS / "checks.md"
EXAMPLES = DOCS / "examples"
TEST = ("checks", "--expectations", "./checks", "--test", "registration_in_time")
VERIFY = ("verify", "--bundle", "./migration-bundle-2024-01-15", "--database", "club.db", "--expectations")
OWN = ("Registration In Time", "E-mail Unique", "E-mail Form", "Event Ends After Start")
# A careless author's version: an inner join loses rows without an event, and an empty table is not provided for.
CARELESS = (
    ("left join", "join"),
    ("where not coalesce(r.registered_at <= e.start_time, false)", "where r.registered_at > e.start_time"),
    ("    values_sql: |\n      select count(*) as registrations from target.registrations\n", ""),
    ("All {registrations} registrations were", "All registrations were"),
    ("target.registrations.event_id, target.registrations.registered_at,", "target.registrations.event_id,"),
)
WHEN_EMPTY = re.compile(r"    when_empty: \{table: target.registrations.*\n")
FAULTS = (
    """update "EventRegistration" set "registeredAt" = '2024-02-01 10:00:00.000'
       where id in (select id from "EventRegistration" order by id limit 3)""",
    """update "Member" set email = upper((select email from "Member" order by id limit 1))
       where id = (select id from "Member" order by id limit 1 offset 1)""",
)
MIXED_FAULTS = (
    """update "Member" set email = 'nobody at ' || id where id in (select id from "Member" order by id limit 3)""",
)
ABSENT = (
    'alter table "Event" rename column "startTime" to "begins"',
    'alter table "Member" rename column email to "mail"',
)


def main() -> None:
    """Rewrite the page."""
    PAGE.write_text(with_output(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


def with_output(text: str) -> str:
    """The page's text with the examples and the output of the current version."""
    return with_blocks(text, blocks())


def blocks() -> dict[str, tuple[str, str]]:
    """The language and content of each block, by its name."""
    suite = (EXAMPLES / "checks" / "club.yaml").read_text(encoding="utf-8")
    first, second = suite.split("- type:")[1:]
    with TemporaryDirectory() as folder:
        shutil.copytree(EXAMPLES, folder, dirs_exist_ok=True)
        recon(folder, "demo", "--output", ".")
        return {
            "rule": ("yaml", f"- type:{first}"),
            "second": ("yaml", f"- type:{second}"),
            "test": ("", recon(folder, *TEST)),
            "careless": ("", in_careless_words(folder, suite)),
            "clean": ("", checks_of(folder, "./checks")),
            "faulty": ("", with_changes(folder, FAULTS)),
            "absent": ("", with_changes(folder, ABSENT)),
            "override": ("yaml", (EXAMPLES / "overrides" / "club.yaml").read_text(encoding="utf-8")),
            "overridden": ("", checks_of(folder, "./overrides")),
            "stock": ("yaml", stock_entry()),
            "stock_clean": ("", with_loading(checks_of(folder, "./mixed"))),
            "stock_faulty": ("", with_changes(folder, MIXED_FAULTS, "./mixed")),
        }


def in_careless_words(folder: str, suite: str) -> str:
    """The output of `recon checks --test` for the careless author's version."""
    for careful, careless in CARELESS:
        if careful not in suite:
            raise ValueError(careful)
        suite = suite.replace(careful, careless)
    (Path(folder) / "careless").mkdir()
    (Path(folder) / "careless" / "club.yaml").write_text(WHEN_EMPTY.sub("", suite), encoding="utf-8")
    return recon(folder, *(word.replace("./checks", "./careless") for word in TEST))


def with_changes(folder: str, statements: tuple[str, ...], suites: str = "./checks") -> str:
    """The output of the club's custom checks on a changed copy of the demo."""
    with TemporaryDirectory() as changed:
        shutil.copytree(folder, changed, dirs_exist_ok=True)
        with closing(sqlite3.connect(Path(changed) / "club.db")) as database, database:
            for statement in statements:
                database.execute(statement)
        return own_checks(checks_of(changed, suites))


def own_checks(printed: str) -> str:
    """The lines of the club's custom checks in the third step."""
    return "".join(line for line in printed.splitlines(keepends=True) if any(f"] {title}:" in line for title in OWN))


def with_loading(printed: str) -> str:
    """Like `own_checks`, with the line that says why the step takes longer."""
    loading = next(line for line in printed.splitlines(keepends=True) if "Great Expectations" in line)
    return f"{loading}{own_checks(printed)}"


def stock_entry() -> str:
    """The first entry of the suite that mixes both kinds."""
    suite = (EXAMPLES / "mixed" / "club.yaml").read_text(encoding="utf-8")
    return f"- type:{suite.split('- type:')[1]}"


def checks_of(folder: str, suites: str) -> str:
    """The third step of `recon verify` with these suites."""
    printed = recon(folder, *VERIFY, suites)
    return printed[printed.index("[3/4]") : printed.index("\n[4/4]")]


if __name__ == "__main__":
    main()
