"""What people see of a guided migration: the console's timeline, the page, Markdown and JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import jsonschema
import msgspec
import pytest
from guided_migrations import (
    BEGAN,
    FAILED,
    INCOMPLETE,
    MINUTE,
    abandoned,
    attempt,
    first,
    hostile,
    migration,
    open_migration,
    verified,
    write_migration,
)
from markdown_it import MarkdownIt
from msgspec.structs import replace
from verifications import HOSTILE, Page

import recon
from recon.model.migration import STEPS, Migration, MigrationStep
from recon.report.migration import html, markdown
from recon.report.migration import json as json_report
from recon.report.migration.console import timeline_lines
from recon.report.migration.html import PageLink
from recon.report.migration.words import exit_words, place
from recon.runs.migrations import MigrationFolder

if TYPE_CHECKING:
    from collections.abc import Sequence

NAME = "20240115T220000Z-migration-club"
SCHEMA = json.loads((Path(recon.__file__).parent / "report/migration/migration.schema.json").read_text("utf-8"))
EVERY = {
    "new": migration(),
    "open": open_migration(),
    "passed": verified(),
    "failed": verified(FAILED),
    "incomplete": verified(INCOMPLETE),
    "abandoned": abandoned(),
}


def marked(lines: Sequence[str]) -> list[str]:
    """The lines of attempts and steps, without what stands below them."""
    return [line for line in lines if line.startswith("  [")]


def page_of(made: Migration, **links: Sequence[PageLink]) -> Page:
    return Page(html.render(made, NAME, {name.replace("_", "-").lstrip("-"): each for name, each in links.items()}))


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_timeline_of_an_open_migration() -> None:
    assert timeline_lines(open_migration()) == [
        "  [PASS]           Environment  2024-01-15 22:00:00 UTC  1.2 s",
        "                     8 of 8 checks passed",
        "  [FAIL]           Source       2024-01-15 22:10:00 UTC  12 seconds",
        "                     The exports are 3 days old",
        "  [PASS]           Source       2024-01-15 22:10:00 UTC  12 seconds",
        "                     4 of 4 checks passed",
        "  [PASS]           People       2024-01-15 22:20:00 UTC  0.3 s",
        "                     The merge captain and 2 stakeholders are notified; the window is open until 02:00",
        "  [WARN: despite]  Dry Run      2024-01-15 22:30:00 UTC  3 minutes 5 seconds  by Bo",
        "                     1 of 9 tables has another digest",
        "                     Passed despite this: the table of sessions changes by itself, says the DBA",
        "  [PASS]           Review       2024-01-15 22:40:00 UTC  41 seconds           by Ada Merger",
        "                     12 policies agree; the dry run is reviewed",
        "  [....]           Backup       2024-01-15 22:50:00 UTC  open",
        "                     Restoring the backup",
        "  [....]           Execute      not begun",
        "  [....]           Verify       not begun",
    ]


@pytest.mark.parametrize(
    "made, marks",
    [
        (migration(), ["...."] * 8),
        (verified(), ["PASS"] * 8),
        (verified(FAILED), ["PASS"] * 7 + ["FAIL"]),
        (verified(INCOMPLETE), ["PASS"] * 7 + ["ERROR"]),
        (abandoned(), ["PASS"] * 3 + ["ERROR"] + ["...."] * 5),
    ],
    ids=["new", "passed", "failed", "incomplete", "abandoned"],
)
def test_every_step_has_its_mark(made: Migration, marks: list[str]) -> None:
    assert [line[3 : line.index("]")] for line in marked(timeline_lines(made))] == marks


def test_attempts_at_a_step_stand_below_one_another_whatever_came_between() -> None:
    again = attempt("source", 4, message="asked again")
    lines = marked(timeline_lines(migration(*first(3), again)))
    assert [line.split("]")[1].split()[0] for line in lines[:4]] == ["Environment", "Source", "Source", "People"]


def test_an_attempt_that_nobody_saw_ending_is_open_only_where_the_migration_is() -> None:
    lost = attempt("source", 1, gate=None, duration_ms=None)
    assert marked(timeline_lines(migration(lost)))[1].endswith("UTC  open")
    assert marked(timeline_lines(migration(lost, attempt("source", 2))))[1].endswith("UTC  not known")
    closed = migration(lost, closed_at=BEGAN + MINUTE, outcome="abandoned")
    assert marked(timeline_lines(closed))[1].endswith("UTC  not known")


def test_a_wide_name_takes_two_cells_of_the_terminal() -> None:
    unknown = replace(attempt("verify", 1, by="Ada", duration_ms=2000), name="会員")
    lines = marked(timeline_lines(migration(attempt("source", 0, by="Bo", duration_ms=2000), unknown)))
    assert lines[-1].index("by Ada") == lines[1].index("by Bo") - 2


@pytest.mark.parametrize(
    "made, step, minutes",
    [
        (migration(), "environment", 0),
        (open_migration(), "backup", 50),
        (migration(*first(1), attempt("source", 1, gate=FAILED)), "source", 10),
        (migration(*first(1), attempt("source", 1, gate=FAILED), attempt("source", 3, gate=FAILED)), "source", 10),
        (migration(*first(3), attempt("source", 4, gate=None)), "source", 40),
        (migration(attempt("environment", 0, duration_ms=120_000)), "source", 2),
        (migration(*first(7), attempt("verify", 7, duration_ms=60_000)), None, 71),
    ],
)
def test_a_migration_stands_at_its_first_step_that_has_not_passed(
    made: Migration, step: str | None, minutes: int
) -> None:
    at = place(made)
    assert (at.step, at.since) == (step, BEGAN + minutes * MINUTE)


def test_the_page_of_an_open_migration_says_where_it_stands() -> None:
    page = page_of(open_migration())
    assert page.headings[0] == (1, "Migration of postgresql://db.example/club (production)")
    assert [text for level, text in page.headings if level == 3] == list(STEPS.values())
    text = words(page.text)
    assert f"Open: at step Backup Since 2024-01-15 22:50:00 UTC Continue with recon migrate --resume {NAME}" in text
    assert "✕ FAIL 2024-01-15 22:10:00 UTC 12 seconds attempt 1 of 2 The exports are 3 days old" in text
    assert "! WARN: despite 2024-01-15 22:30:00 UTC 3 minutes 5 seconds by Bo" in text
    assert "Importerimport-club --dry-run --out 04-dry-run/bundle/migration-bundle-2024-01-15 Exit code0" in text
    assert "commandimport-club '{mode}' --out '{bundle}'" in text
    assert text.count("not begun") == 2
    assert "There is no verdict yet." in text
    assert "script" not in page.tags


@pytest.mark.parametrize(
    "made, headline, ending",
    [
        (verified(), "✓ Verification PASSED", "✓ The verification PASSED."),
        (verified(FAILED), "✕ Verification FAILED", "✕ The verification FAILED."),
        (abandoned(), "Abandoned", "It was abandoned, and there is no verdict."),
        (replace(abandoned(), verdict=FAILED), "Abandoned", "It was abandoned, and the verification FAILED."),
    ],
)
def test_the_page_of_an_ended_migration_says_how(made: Migration, headline: str, ending: str) -> None:
    text = words(page_of(made).text)
    assert f"{headline} Ended 2024-01-15 23:" in text
    assert ending in text.partition("Timeline")[2]
    assert "--resume" not in text
    assert "the club moves in spring" in text or not made.reason
    assert ("It was not begun" in text) == (made.outcome == "abandoned")


def test_the_page_links_to_what_there_is() -> None:
    page = page_of(verified(), _02_source=[PageLink("What was checked", "02-source/report.html")])
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert [link for link in links if not link.startswith("#")] == ["02-source/report.html"]


def test_bars_compare_durations() -> None:
    source = html.render(migration(*first(4)), NAME, {})
    widths = [each.partition('"')[0] for each in source.split('class="part" width="')[1:]]
    assert widths == ["0.6", "6.7", "0.5", "100.0"]


def test_a_signal_that_ended_the_importer_has_its_name() -> None:
    assert "Exit codenone: it was ended by SIGKILL" in words(page_of(abandoned()).text)
    assert [exit_words(code) for code in (0, 3, -15, -99)] == [
        "0",
        "3",
        "none: it was ended by SIGTERM",
        "none: it was ended by signal 99",
    ]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_text(text: str) -> None:
    harmless, made = page_of(hostile("harmless")), hostile(text)
    page = page_of(made)
    assert page.tags <= harmless.tags
    report = markdown.render(made, NAME)
    rendered = MarkdownIt().enable("table").render(report)
    assert {"script", "img", "svg"}.isdisjoint(Page(rendered).tags)
    for shown in (page.text, report, "\n".join(timeline_lines(made))):
        assert {"\x1b", "\x00", "\x07", "\u202e", "\u2028", "\r"}.isdisjoint(shown)
    assert len(marked(timeline_lines(made))) == 9
    assert len(report) < 60_000


@pytest.mark.parametrize("made", EVERY.values(), ids=EVERY)
def test_addresses_and_numbers_of_people_are_masked(made: Migration) -> None:
    person = "ada@example.org, +4915112345678"
    steps = tuple(replace(step, by=person, message=person, despite=person) for step in made.steps)
    told = replace(made, by=person, reason=person, steps=steps)
    texts = (html.render(told, NAME, {}), markdown.render(told, NAME), "\n".join(timeline_lines(told)))
    assert not [text for text in texts if "ada@" in text or "15112345" in text]


def test_markdown_is_a_table_of_attempts() -> None:
    report = markdown.render(open_migration(), NAME)
    assert "**Open: at step Backup**" in report
    assert f"Continue with `recon migrate --resume {NAME}`" in report
    assert "| **FAIL** | Source | 2024-01-15 22:10:00 UTC | 12 seconds |  | The exports are 3 days old |" in report
    assert "| **WARN: despite** | Dry Run |" in report
    assert "| .... | Execute | not begun |  |  |  |" in report
    assert "- Importer: `import-club --dry-run --out 04-dry-run/bundle/migration-bundle-2024-01-15`" in report
    assert markdown.render(verified(FAILED), NAME).endswith("## Verdict\n\nThe verification FAILED.\n")


@pytest.mark.parametrize("made", [*EVERY.values(), hostile("x")], ids=[*EVERY, "hostile"])
def test_json_is_the_record(made: Migration, tmp_path: Path) -> None:
    folder = write_migration(tmp_path, made)
    assert json_report.render(made) == folder.record.read_text(encoding="utf-8")
    assert MigrationFolder(folder.path).load() == made


def test_the_record_follows_its_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    for made in EVERY.values():
        jsonschema.Draft202012Validator(SCHEMA).validate(json.loads(json_report.render(made)))
    for struct, described in ((Migration, SCHEMA), (MigrationStep, SCHEMA["$defs"]["step"])):
        fields = msgspec.structs.fields(struct)
        assert {field.encode_name for field in fields} == set(described["properties"])
        assert {field.encode_name for field in fields if field.required} == set(described["required"])
    assert SCHEMA["$defs"]["step"]["properties"]["name"]["enum"] == list(STEPS)
