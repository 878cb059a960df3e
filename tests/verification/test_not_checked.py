"""What nothing is compared with is reported once, in every format, and changes no outcome."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from edited_clubs import EditedClub, edited_club
from support import outcomes, run_in_process

import recon
from recon.model import ENTITIES
from recon.report import FORMATS

if TYPE_CHECKING:
    from pathlib import Path

SMALL = {"members": 20, "events": 12, "registrations": 40}
RULE = """
name: own
expectations:
- type: expect_no_violations
  severity: warning
  description: Every event is a draft.
  kwargs: {sql: "select id from target.events where status <> 'DRAFT'"}
  meta:
    id: event_status
    title: Event Status
    category: events
    requires: [target.events.status]
    right_when_empty: {target.events: "No event, no status"}
    messages: {pass: All are drafts, fail: "{violations} are not"}
    meaning: It was published
    action: Look at it
"""


def with_more_than_is_checked() -> EditedClub:
    club = edited_club(**SMALL)
    club.records("members")[7]["birthday"] = "1961-05-04"
    club.records("events")[3].update(organiser={"name": "Ida"}, birthday=None)
    for _, row in club.pairs("members"):
        row["waMembershipLevelRaw"] = None
    return club


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> recon.Verification:
    return with_more_than_is_checked().account(tmp_path_factory.mktemp("unchecked")).verification


def test_fields_and_columns_that_nothing_is_compared_with_are_named(found: recon.Verification, tmp_path: Path) -> None:
    unchecked = found.not_checked

    unknown = [
        "members.birthday",
        "events.organiser",
        "events.birthday",
        "idMapping.members.email",
        "idMapping.events.title",
    ]
    assert {name: why for name, why in unchecked.items() if "known" in why} == dict.fromkeys(
        unknown, "no column of the database is known to hold it"
    )
    assert unchecked["members.level"] == "no row that the run wrote has a value: the importer does not write it"
    assert {unchecked[name] for name in ("Event.status", "Member.waRawData")} == {"no check reads it"}
    assert {"WaIdMapping.syncRunId", "Member.email"}.isdisjoint(unchecked)
    assert outcomes(found) == outcomes(edited_club(**SMALL).account(tmp_path).verification)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("unchecked", ["members.birthday", "Event.status", "Member.waRawData", "members.level"])
def test_every_format_names_each_once(found: recon.Verification, name: str, unchecked: str) -> None:
    assert FORMATS[name].render(found).count(unchecked) == 1


def test_a_json_report_returns_them(found: recon.Verification, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_text(FORMATS["json"].render(found))

    assert recon.load_verification(path).not_checked == found.not_checked
    document: dict[str, Any] = json.loads(path.read_text())
    del document["notChecked"]
    path.write_text(json.dumps(document))
    assert recon.load_verification(path).not_checked == {}


def test_a_verbose_console_lists_them(tmp_path: Path) -> None:
    paths = with_more_than_is_checked().write(tmp_path)

    run = run_in_process(
        "verify", "-v", "-b", str(paths.bundle), "--database", str(paths.database), "-o", str(tmp_path / "r.md")
    )

    assert "  - Not checked, no check reads it: Member.waRawData, Event.status, " in run.out
    assert "members.birthday, events.organiser, events.birthday, idMapping.members.email" in run.out


def test_a_column_that_an_own_rule_reads_is_checked(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "own.yaml").write_text(RULE)

    found = edited_club(**SMALL).account(tmp_path, expectations=(tmp_path / "own",)).verification

    assert "Event.status" not in found.not_checked
    assert "Member.waRawData" in found.not_checked


def test_nothing_is_compared_of_a_bundle_that_lists_nothing(tmp_path: Path) -> None:
    club = edited_club(**SMALL)
    for entity in ENTITIES:
        club.shorten(entity)

    found = club.account(tmp_path).verification

    assert {"Member.firstName", "Event.title", "EventRegistration.status"} <= {*found.not_checked}
