"""Accepted differences in whole verifications: of one small club that fails in several ways, and its run folder."""

from __future__ import annotations

import json
import sqlite3
from contextlib import chdir, closing
from datetime import UTC, datetime, timedelta
from shutil import copytree
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

import polars as pl
import pytest
from edited_clubs import edited_club
from jsonschema import Draft202012Validator
from msgspec.structs import replace
from support import CHECKOUT, Finished, check_of, run_in_process

import recon
from recon.answers.opening import opened_run
from recon.errors import UsageError
from recon.model import Outcome
from recon.report.html import render as html
from recon.report.json import document
from recon.report.junit import render_strictly
from recon.report.reading import verification_of
from recon.rules.acceptance import accept_findings, read_acceptance
from recon.verification import verify as verifying
from recon.verification.progress import Stopwatch

if TYPE_CHECKING:
    from pathlib import Path

    from recon.demo import DemoPaths

TODAY = datetime.now(UTC).date()
UNTIL = TODAY + timedelta(days=200)
TERMS = ("--reason", "Known since the rehearsal", "--owner", "Jo", "--expires", UNTIL)
APPROVED = ("--approved-by", "Sam")


class Club:
    """A club that fails, its run folder, and a file that accepts all of it."""

    def __init__(self, folder: Path) -> None:
        club = edited_club(members=20, events=10, registrations=60)
        self.missing, self.altered = club.pairs("members")[:2]
        club.free_of_registrations(self.missing[1]["id"])
        club.remove("members", row=self.missing[1])
        self.altered[1]["phone"] = "+49 30 1234"
        self.paths: DemoPaths = club.write(folder)
        self.run = self.judge_into(folder / "outputs").folder.path
        self.all = folder / "all.toml"
        done = run_in_process("accept", self.run, "--all", *TERMS, *APPROVED, "-o", self.all)
        assert done.code == 0, done.err
        self.accepted = done

    def judge_into(self, outputs: Path, *parts: str, **options: Any) -> recon.Run:
        options = {"database": str(self.paths.database), **options}
        asked = recon.VerifyOptions(self.paths.bundle, **options)
        return recon.run(recon.RunOptions(asked, outputs=outputs, parts=parts or ("snapshot",)))

    def verify(self, *arguments: object) -> Finished:
        given = ("-b", self.paths.bundle, "--database", self.paths.database)
        return run_in_process("verify", *given, "-o", self.all.with_name("report.md"), *arguments)

    def judge(self, accept: Path | None, **options: Any) -> recon.Verification:
        options = {"database": str(self.paths.database), **options}
        return recon.verify(recon.VerifyOptions(self.paths.bundle, accept=accept, **options))


@pytest.fixture(scope="module")
def club(tmp_path_factory: pytest.TempPathFactory) -> Club:
    return Club(tmp_path_factory.mktemp("accepted"))


@pytest.fixture(scope="module")
def accepted(club: Club) -> recon.Verification:
    return club.judge(club.all)


def findings(run: Path) -> pl.DataFrame:
    with opened_run(run) as answers:
        return answers.findings.lazy().collect()


def test_the_club_fails_without_anything_accepted(club: Club) -> None:
    done = club.verify()
    assert done.code == 1
    assert "[FAIL] Missing Records" in done.out
    assert "accepted until" not in done.out
    assert "Accepted differences" not in done.out


def test_what_is_accepted_as_a_whole_passes_with_warnings(club: Club) -> None:
    done = club.verify("--accept", club.all)
    assert done.code == 0, done.out
    assert f"[WARN] Missing Records: 1 accepted until {UNTIL}: Not in the database: 1 member" in done.out
    assert "Accepted by Jo: Known since the rehearsal" in done.out
    assert "Verification PASSED" in done.out
    assert "Escalate to" not in done.out
    number = len(read_acceptance(club.all).entries)
    assert f"Accepted differences: {number} entries of {club.all}\n" in done.out
    assert club.verify("--accept", club.all, "--fail-on", "warning").code == 1


def test_accepting_says_how_many(club: Club) -> None:
    found = findings(club.run)
    assert club.accepted.out.startswith(f"Accepted until {UNTIL}: {len(found)} findings\n")
    assert club.accepted.out.endswith(f"{club.all}: {len(found)} new entries, 0 replaced\n")
    assert set(found["standing"]) == {"open"}


def test_one_that_is_not_accepted_fails(club: Club, tmp_path: Path) -> None:
    entries = read_acceptance(club.all).entries
    left = next(entry for entry in entries if entry.check == "altered_records")
    accept_findings([entry for entry in entries if entry != left], tmp_path / "own.toml")
    judgement = club.judge(tmp_path / "own.toml")
    failed = [check.id for check in judgement.checks if check.outcome is Outcome.FAIL]
    assert (failed, judgement.verdict) == (["altered_records"], "FAILED")
    assert club.verify("--accept", tmp_path / "own.toml").code == 1


def test_a_value_that_changed_reopens(club: Club, tmp_path: Path) -> None:
    changed = tmp_path / "changed.db"
    changed.write_bytes(club.paths.database.read_bytes())
    with closing(sqlite3.connect(changed)) as connection, connection:
        connection.execute('update "Member" set phone = ? where id = ?', ["+49 40 999", club.altered[1]["id"]])
    judgement = club.judge(club.all, database=str(changed))
    check = check_of(judgement, "altered_records")
    assert check.outcome is Outcome.FAIL
    assert check.accepted is not None
    assert check.accepted.reopened == 1
    assert "1 re-opened because their values changed" in (check.detail or "")
    assert check_of(judgement, "missing_records").outcome is Outcome.WARN


def test_an_entry_of_nothing_is_a_warning(club: Club, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    entries = [replace(entry, expires=UNTIL) for entry in read_acceptance(club.all).entries]
    accept_findings([*entries, replace(entries[0], key="0", entity=None, fingerprint="0" * 16)], file)
    done = club.verify("--accept", file, "-f", "markdown", "-f", "json", "-f", "junit", "-f", "csv-long", "-f", "html")
    assert done.code == 0
    for text in (done.out, *(club.all.with_name(f"report{s}").read_text() for s in (".md", ".json", ".csv", ".html"))):
        assert "names nothing that was found" in text


def test_a_warning_of_the_file_alone_counts(accepted: recon.Verification) -> None:
    clean = replace(accepted, checks=(replace(accepted.checks[0], outcome=Outcome.PASS, accepted=None),))
    assert not clean.has_warnings
    assert clean.accepted_differences is not None
    told = replace(clean, accepted_differences=replace(clean.accepted_differences, problems=("it expired",)))
    assert told.has_warnings
    strict = ET.fromstring(render_strictly(told))
    assert [case.get("name") for case in strict.iter("testcase") if case.find("failure") is not None] == [
        "Accepted Differences"
    ]
    assert strict.get("failures") == "1"
    assert ET.fromstring(recon.FORMATS["junit"].render(told)).get("failures") == "0"


@pytest.mark.parametrize("name", recon.FORMATS)
def test_every_format_says_what_is_accepted(accepted: recon.Verification, name: str) -> None:
    text = recon.FORMATS[name].render(accepted)
    assert f"1 accepted until {UNTIL}" in text.replace("\\", "")
    assert "all.toml" in text


def test_a_report_is_read_back_with_what_is_accepted(accepted: recon.Verification) -> None:
    written = json.loads(json.dumps(document(accepted), default=str))
    schema = json.loads((CHECKOUT / "recon/report/verification.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator(schema).validate(written)
    back = verification_of(written)
    assert back.accepted_differences == accepted.accepted_differences
    assert [check.accepted for check in back.checks] == [check.accepted for check in accepted.checks]
    for check in written["checks"]:
        del check["accepted"]
    del written["acceptedDifferences"]
    older = verification_of(written)
    assert older.accepted_differences is None
    assert {check.accepted for check in older.checks} == {None}
    assert html(older)


@pytest.mark.soak
def test_the_working_folders_file_is_read_by_the_command_alone(club: Club, tmp_path: Path) -> None:
    (tmp_path / "recon-accept.toml").write_bytes(club.all.read_bytes())
    with chdir(tmp_path):
        assert club.verify().code == 0
        assert club.verify("--accept", "").code == 1
        assert club.judge(None).verdict == "FAILED"
        shown = run_in_process("show", club.paths.bundle, "checks", "--database", club.paths.database)
    assert f"accepted until {UNTIL}" in shown.out


@pytest.mark.parametrize("inside", ["", "below"])
def test_nothing_in_the_bundle_is_read(club: Club, inside: str, tmp_path: Path) -> None:
    bundle = tmp_path / "bundle"
    (bundle / inside).mkdir(parents=True)
    for file in club.paths.bundle.iterdir():
        (bundle / file.name).write_bytes(file.read_bytes())
    theirs = bundle / inside / "recon-accept.toml"
    theirs.write_bytes(club.all.read_bytes())
    arguments = ("verify", "-b", bundle, "--database", club.paths.database, "-o", tmp_path / "report.md")
    with chdir(bundle / inside):
        done = run_in_process(*arguments)
    assert done.code == 1
    assert "recon-accept.toml of the bundle is not read" in done.err
    (tmp_path / "link.toml").symlink_to(theirs)
    for named in (theirs, tmp_path / "link.toml", bundle / ".." / "bundle" / inside / "recon-accept.toml"):
        refused = run_in_process(*arguments, "--accept", named)
        assert refused.code == 2
        assert "is inside the bundle" in refused.err
    with pytest.raises(UsageError, match="inside the bundle"):
        recon.verify(recon.VerifyOptions(bundle, str(club.paths.database), accept=theirs))


@pytest.mark.parametrize("option", ["advice", "policies", "profile", "expectations"])
def test_nothing_that_judges_comes_with_the_bundle(club: Club, option: str, tmp_path: Path) -> None:
    """A bundle brings no advice, policies, profile or suites of its own, whatever name leads to them."""
    bundle = tmp_path / "bundle"
    copytree(club.paths.bundle, bundle)
    theirs = bundle / "below" / "theirs"
    if option == "expectations":
        theirs.mkdir(parents=True)
    else:
        theirs.parent.mkdir()
        theirs.write_text("", encoding="utf-8")
        (tmp_path / "hard").hardlink_to(theirs)
    (tmp_path / "link").symlink_to(theirs)
    (tmp_path / "linked-bundle").symlink_to(bundle)
    out = bundle / "link-out"
    out.symlink_to(tmp_path / "elsewhere")
    names = [theirs, tmp_path / "link", bundle / ".." / "bundle" / "below" / "theirs", out]
    names += [each for each in (tmp_path / "hard",) if each.exists()]
    names += [tmp_path / "linked-bundle" / "below" / "theirs"]
    arguments = ("verify", "--database", club.paths.database, "-o", tmp_path / "report.md", "-b")
    for named in names:
        refused = run_in_process(*arguments, bundle, f"--{option}", named)
        assert (refused.code, "is inside the bundle" in refused.err) == (2, True), named
        assert f"--{option} " in refused.err
    with chdir(bundle):
        assert "is inside the bundle" in run_in_process(*arguments, ".", f"--{option}", "below/theirs").err
    assert "is inside the bundle" in run_in_process(*arguments, tmp_path / "linked-bundle", f"--{option}", theirs).err


def test_a_file_beside_the_bundle_is_read(club: Club, tmp_path: Path) -> None:
    """A name that begins as the bundle's does is no place inside it; nor is a file that has links elsewhere."""
    own = tmp_path / "own.toml"
    own.write_text("[limits]\nmismatch_percent = 2\n", encoding="utf-8")
    (tmp_path / "again.toml").hardlink_to(own)
    bundle = tmp_path / "own"
    copytree(club.paths.bundle, bundle)
    done = run_in_process(
        *("verify", "-b", bundle, "--database", club.paths.database, "-o", tmp_path / "report.md", "--advice", own)
    )
    assert done.code == 1


def test_a_link_in_the_working_folder_does_not_lead_into_the_bundle(club: Club, tmp_path: Path) -> None:
    theirs = club.paths.bundle / "theirs.toml"
    theirs.write_bytes(club.all.read_bytes())
    (tmp_path / "recon-accept.toml").symlink_to(theirs)
    with chdir(tmp_path):
        done = club.verify()
    theirs.unlink()
    assert done.code == 1
    assert "is not read" in done.err


def test_a_file_that_is_wrong_gives_no_verdict(club: Club, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    file.write_text(club.all.read_text(encoding="utf-8").replace("altered_records", "altered_record"), encoding="utf-8")
    done = club.verify("--accept", file)
    assert done.code == 2
    assert "Did you mean 'altered_records'?" in done.err
    assert club.verify("--accept", tmp_path / "none.toml").code == 2


@pytest.mark.soak
def test_masked_or_not_the_findings_are_the_same(club: Club, tmp_path: Path) -> None:
    shown = club.judge_into(tmp_path, show_pii=True, evidence_rows=1).folder.path
    assert findings(shown).equals(findings(club.run))
    assert club.judge(club.all, show_pii=True).verdict == "PASSED"


@pytest.mark.soak
def test_a_kept_snapshot_judged_again_is_accepted_alike(
    club: Club, accepted: recon.Verification, tmp_path: Path
) -> None:
    snapshot = str(club.run / "snapshot.duckdb")
    again = club.judge(club.all, database=snapshot)
    assert [(c.id, c.outcome, c.message) for c in again.checks] == [
        (c.id, c.outcome, c.message) for c in accepted.checks
    ]
    assert club.judge(None, database=snapshot).verdict == "FAILED"
    kept = club.judge_into(tmp_path, accept=club.all)
    assert set(findings(kept.folder.path)["standing"]) == {"accepted"}


@pytest.mark.soak
def test_a_recorded_judgement_is_not_repeated_after_an_entry_expires(
    club: Club, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = club.judge_into(tmp_path, accept=club.all)
    snapshot = str(kept.folder.path / "snapshot.duckdb")
    options = {"database": snapshot, "distributions": True}
    assert club.judge(club.all, **options).verified_at == kept.verification.verified_at

    class Later(Stopwatch):
        def __init__(self) -> None:
            super().__init__()
            self.started_at += timedelta(days=300)

    monkeypatch.setattr(verifying, "Stopwatch", Later)
    later = club.judge(club.all, **options)
    assert later.verdict == "FAILED"
    assert later.accepted_differences is not None
    assert later.accepted_differences.expired == len(read_acceptance(club.all).entries)
    assert "expired and accept" in later.accepted_differences.problems[0]


@pytest.mark.soak
def test_great_expectations_agrees(club: Club, tmp_path: Path) -> None:
    done = club.judge_into(tmp_path, "data_docs", accept=club.all)
    assert dict(done.failed) == {}
    pages = "".join(page.read_text(encoding="utf-8") for page in done.folder.part("data_docs").rglob("*.html"))
    assert f"1 accepted until {UNTIL}" in pages
    assert "Verification FAILED" not in pages


@pytest.mark.parametrize(
    "arguments,words",
    [
        ((), ("Nothing is chosen", "--all")),
        (("--all",), ("--approved-by", "nobody", "another person")),
        (("--all", "--approved-by", " jo"), ("--approved-by",)),
        (("--check", "missing_record"), ("Did you mean 'missing_records'?",)),
        (("--key", "none-such"), ("No finding has that key",)),
        (("--check", "missing-records", "--entity", "events"), ("No finding has that entity",)),
        (("--check", "missing-records", "--key", "1", "--wide"), ("--key, --wide",)),
        (("--check", "missing-records", "--expires", TODAY - timedelta(days=1)), ("--expires", str(TODAY))),
        (("--check", "missing-records", "--expires", TODAY + timedelta(days=500)), ("--expires",)),
        (("--check", "missing-records", "--reason", " "), ("reason", "an empty one")),
        (("--check", "missing-records", "--reason", "as jo@example.org said"), ("reason", "ids only")),
    ],
)
def test_what_cannot_be_accepted_is_refused(
    club: Club, arguments: tuple[object, ...], words: tuple[str, ...], tmp_path: Path
) -> None:
    done = run_in_process("accept", club.run, *TERMS, *arguments, "-o", tmp_path / "own.toml")
    assert done.code == 2
    assert [word for word in words if word not in done.err] == []
    assert list(tmp_path.iterdir()) == []


def test_only_what_is_open_is_accepted_unless_it_is_renewed(club: Club, tmp_path: Path) -> None:
    run, file = club.judge_into(tmp_path, accept=club.all).folder.path, tmp_path / "own.toml"
    chosen = ("accept", run, "--check", "missing-records", *TERMS, "-o", file)
    refused = run_in_process(*chosen)
    assert refused.code == 2
    assert "--renew" in refused.err
    assert run_in_process(*chosen, "--renew").code == 0
    assert run_in_process(*chosen, "--renew").out.endswith("0 new entries, 1 replaced\n")


def test_a_number_is_accepted_for_each_check_and_cause(club: Club, tmp_path: Path) -> None:
    file = tmp_path / "own.toml"
    (cause,) = findings(club.run).filter(pl.col("check_id") == "missing_records")["cause"]
    chosen = ("--check", "missing-records", "--cause", cause, "--wide")
    assert run_in_process("accept", club.run, *chosen, *TERMS, "-o", file).code == 0
    (entry,) = read_acceptance(file).entries
    assert (entry.check, entry.cause, entry.entity, entry.key, entry.maximum) == (
        "missing_records",
        cause,
        None,
        None,
        1,
    )
    assert check_of(club.judge(file), "missing_records").outcome is Outcome.WARN


def test_a_wrong_count_is_accepted_by_its_values_even_among_many(club: Club, tmp_path: Path) -> None:
    chosen = ("--check", "member-count", "--wide")
    assert run_in_process("accept", club.run, *chosen, *TERMS, "-o", tmp_path / "own.toml").code == 0
    (entry,) = read_acceptance(tmp_path / "own.toml").entries
    assert (entry.maximum, entry.key) == (None, None)
    assert check_of(club.judge(tmp_path / "own.toml"), "member_count").outcome is Outcome.WARN


def test_no_file_is_written_into_a_bundle(club: Club) -> None:
    file = club.paths.bundle / "recon-accept.toml"
    done = run_in_process("accept", club.run, "--check", "missing-records", *TERMS, "-o", file)
    assert (done.code, file.exists()) == (2, False)
