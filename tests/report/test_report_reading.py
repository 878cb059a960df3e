from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from ledgers import LEDGER
from msgspec.structs import replace
from soaking import examples
from support import verify
from verifications import verifications

import recon
from recon.errors import ReportError
from recon.report.json import document, render
from recon.report.reading import verification_of

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths


@settings(max_examples=examples(40))
@given(verifications())
def test_what_was_written_is_read_back_the_same(verification: recon.Verification) -> None:
    written = render(verification)
    assert render(verification_of(json.loads(written))) == written


def test_a_report_of_a_run_is_read_back_the_same(capped: recon.Verification, tmp_path: Path) -> None:
    recon.write_report(capped, "json", tmp_path / "report.json")
    found = recon.load_verification(tmp_path / "report.json")
    assert render(found) == render(capped)
    assert (found.verdict, found.summary, found.tiers) == (capped.verdict, capped.summary, capped.tiers)


def test_distributions_are_read_back_too(demo: DemoPaths) -> None:
    verification = verify(demo, distributions=True)
    assert verification_of(json.loads(render(verification))).distributions == verification.distributions


def test_a_ledger_is_read_back_the_same(passed: recon.Verification) -> None:
    found = verification_of(json.loads(render(replace(passed, ledger=LEDGER))))
    assert found.ledger == LEDGER


def test_a_report_from_before_there_were_ledgers_is_read(passed: recon.Verification) -> None:
    written = document(passed)
    del written["ledger"]
    assert verification_of(json.loads(json.dumps(written))).ledger is None


@pytest.mark.parametrize("damage", [{"entities": None}, {"causes": [{}]}, {"levels": 5}], ids=str)
def test_a_ledger_that_is_none_is_refused(damage: dict[str, Any], passed: recon.Verification, tmp_path: Path) -> None:
    written = document(replace(passed, ledger=LEDGER))
    written["ledger"] |= damage
    (tmp_path / "report.json").write_text(json.dumps(written, default=str), encoding="utf-8")
    with pytest.raises(ReportError, match="The report cannot be read"):
        recon.load_verification(tmp_path / "report.json")


def test_a_ledger_of_another_type_is_refused(passed: recon.Verification, tmp_path: Path) -> None:
    written = document(replace(passed, ledger=LEDGER))
    written["ledger"]["entities"][0]["records"] = "many"
    (tmp_path / "report.json").write_text(json.dumps(written, default=str), encoding="utf-8")
    with pytest.raises(ReportError, match="ValidationError"):
        recon.load_verification(tmp_path / "report.json")


@pytest.mark.parametrize(
    "text, found",
    [
        (None, "No such file"),
        ("{", "JSONDecodeError"),
        ("[]", "TypeError"),
        ("{}", "schemaVersion"),
        ('{"schemaVersion": "9"}', "schema version 9"),
        ('{"schemaVersion": "1.0"}', "KeyError"),
    ],
)
def test_what_is_no_report_is_refused(text: str | None, found: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "report.json").write_text(text, encoding="utf-8")
    with pytest.raises(ReportError, match=rf"report\.json.*expected a report of recon as JSON.*{found}"):
        recon.load_verification(tmp_path / "report.json")


def test_an_outcome_that_is_unknown_is_refused(passed: recon.Verification, tmp_path: Path) -> None:
    written: dict[str, Any] = document(passed)
    written["checks"][0]["outcome"] = "FINE"
    (tmp_path / "report.json").write_text(json.dumps(written, default=str), encoding="utf-8")
    with pytest.raises(ReportError, match="FINE"):
        recon.load_verification(tmp_path / "report.json")
