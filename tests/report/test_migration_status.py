"""What `recon status` says of a guided migration."""

from __future__ import annotations

import pytest
from guided_migrations import BEGAN, FAILED, MINUTE, abandoned, attempt, first, hostile, migration, verified
from verifications import HOSTILE

from recon.report.migration.console import timeline_lines
from recon.report.migration.status import status_lines

NAME = "20240115T220000Z-migration-club"
NOW = BEGAN + 75 * MINUTE
EXECUTING = migration(*first(6), attempt("execute", 6, gate=None, duration_ms=None, message="The importer writes"))
AT_BACKUP = migration(*first(5), attempt("backup", 5, gate=FAILED))


def test_the_status_of_an_import_that_runs() -> None:
    assert status_lines(NAME, EXECUTING, NOW, True, ["members: 60 rows\n", "events: 12 rows"]) == [
        "=" * 60,
        "  Migration of club",
        "  Open: at step Execute",
        "=" * 60,
        "",
        "  - Database: postgresql://db.example/club",
        "  - Environment: production",
        "  - Begun: 2024-01-15 22:00:00 UTC by Ada Merger",
        f"  - Folder: {NAME}",
        "",
        *timeline_lines(EXECUTING),
        "",
        "At step Execute since 2024-01-15 23:00:00 UTC, for 15 minutes",
        "The importer is running",
        "",
        "The last lines of its output:",
        "  | members: 60 rows",
        "  | events: 12 rows",
        "",
        f"When it has ended, continue: recon migrate --resume {NAME}",
    ]


@pytest.mark.parametrize(
    "alive, sentence, goes_on",
    [
        (True, "The importer is running", "When it has ended, continue"),
        (False, "The importer is not running", "Continue"),
        (None, "It is not known whether the importer is running", "Continue"),
    ],
)
def test_whether_the_importer_is_running(alive: bool | None, sentence: str, goes_on: str) -> None:
    lines = status_lines(NAME, EXECUTING, NOW, alive, [])
    assert sentence in lines
    assert lines[-1] == f"{goes_on}: recon migrate --resume {NAME}"
    assert not [line for line in lines if "output" in line]


def test_an_importer_is_not_spoken_of_where_none_is_to_run() -> None:
    assert not [line for line in status_lines(NAME, AT_BACKUP, NOW, None, []) if "importer is" in line]
    assert "The importer is running" in status_lines(NAME, AT_BACKUP, NOW, True, [])


def test_a_migration_that_ended_is_not_continued() -> None:
    for made, last in ((verified(FAILED), "The verification FAILED."), (abandoned(), "It was abandoned, and there")):
        lines = status_lines(NAME, made, NOW, False, ["some"])
        assert lines[-1].startswith(last)
        assert not [line for line in lines if "--resume" in line or "some" in line]


def test_a_clock_that_was_set_back_gives_no_negative_age() -> None:
    lines = status_lines(NAME, EXECUTING, BEGAN, True, [])
    assert "At step Execute since 2024-01-15 23:00:00 UTC, for less than a second" in lines


def test_output_is_shown_as_a_terminal_leaves_it_and_without_people() -> None:
    output = [
        "\x1b[32mok\x1b[0m\r\n",
        "10 %\r90 %\r100 %\n",
        "wrote ada@example.org",
        "\x07\x1b]0;title\x07",
        "x" * 9999,
    ]
    shown = [line for line in status_lines(NAME, EXECUTING, NOW, True, output) if line.startswith("  | ")]
    assert shown[:4] == ["  | ok", "  | 100 %", "  | wrote a***@***", "  | \\x07\\x1b]0;title\\x07"]
    assert len(shown[4]) == 204


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_stays_on_its_line(text: str) -> None:
    lines = status_lines(NAME, hostile(text), NOW, None, [text])
    assert not [line for line in lines if not line.isprintable()]
    assert max(map(len, lines)) < 700
