"""Whether another person signed a folder, by real keys, the real ssh-keygen, and the commands that the guide names."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from signed_runs import ANN, JANE, NAME, KeptFolder, allowed, kept_folder, make_key, message_of, outcomes_of, verified
from support import CHECKOUT, names_in, run_in_process

import recon
from recon.errors import EvidenceError, UsageError
from recon.rollback import approval
from recon.runs.evidence.record import record_folder
from recon.runs.evidence.sheet import renew_sheet, write_sheet
from recon.runs.evidence.statement import open_evidence

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from recon.demo import DemoPaths
    from recon.model import Verification

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

GUIDE = CHECKOUT / "docs" / "evidence.md"
BEN = "ben@club.example"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {name: make_key(folder / name) for name in ("ann", "ben", "jane")}


@pytest.fixture(scope="module")
def template(
    keys: Mapping[str, Path], passed: Verification, clean: DemoPaths, tmp_path_factory: pytest.TempPathFactory
) -> KeptFolder:
    """A folder that Ann signed; no test may change it."""
    kept = kept_folder(tmp_path_factory.mktemp("signed"), passed, clean.bundle)
    recon.sign_evidence(recon.SignOptions(kept.path, keys["ann"], ANN))
    return kept


@pytest.fixture
def signed(template: KeptFolder, tmp_path: Path) -> KeptFolder:
    """A copy of it, whose bundle is still that of the other."""
    shutil.copytree(template.home, tmp_path, dirs_exist_ok=True, symlinks=True)
    return KeptFolder(tmp_path)


@pytest.fixture
def signers(signed: KeptFolder, keys: Mapping[str, Path]) -> Path:
    return allowed(signed.record.with_name("approvers"), (ANN, keys["ann"]), (BEN, keys["ben"]))


def refusal(kept: KeptFolder, signers: Path) -> str:
    """Why the signatures do not hold, everything else being as it was."""
    outcomes = outcomes_of(kept.path, signers)
    assert outcomes.pop("Signatures") == "FAIL"
    assert set(outcomes.values()) == {"PASS"}
    return message_of(kept.path, "Signatures", signers)


def sign_by_hand(kept: KeptFolder, key: Path, namespace: str = "recon-evidence") -> None:
    """Sign the statement that is there, without recon."""
    (kept.path / "statement.json.sig").unlink()
    statement = kept.path / "statement.json"
    subprocess.run(
        ["ssh-keygen", "-q", "-Y", "sign", "-f", key, "-n", namespace, statement], check=True, capture_output=True
    )


def edit_statement(kept: KeptFolder, change: Callable[[dict[str, Any]], object]) -> None:
    file = kept.path / "statement.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    change(document)
    file.write_text(json.dumps(document), encoding="utf-8")


# Signing.


def test_a_statement_is_of_in_toto_and_says_what_the_folder_holds(signed: KeptFolder, passed: Verification) -> None:
    statement = json.loads((signed.path / "statement.json").read_text(encoding="utf-8"))
    manifest = json.loads((signed.path / "manifest.json").read_text(encoding="utf-8"))
    assert statement["_type"] == "https://in-toto.io/Statement/v1"
    assert statement["predicateType"] == "https://in-toto.io/attestation/test-result/v0.1"
    subjects = {each["name"]: each["digest"]["sha256"] for each in statement["subject"]}
    assert subjects["verification.json"] == manifest["files"]["verification.json"]
    assert {f"bundle/{each['name']}" for each in manifest["inputs"]["bundle"]} <= subjects.keys()
    predicate = statement["predicate"]
    assert (predicate["result"], predicate["verdict"]) == ("PASSED", "PASSED")
    assert predicate["passedTests"] == [check.id for check in passed.checks]
    assert predicate["warnedTests"] == predicate["failedTests"] == []
    assert [each["name"] for each in predicate["configuration"]] == ["own.yaml"]
    assert (predicate["ranBy"], predicate["approver"]) == ([JANE], ANN)
    last = json.loads(signed.record.read_bytes().splitlines()[-1])
    assert predicate["recordHead"] == last["sha256"]


def test_another_person_who_may_approve_signs(signed: KeptFolder, keys: Mapping[str, Path], signers: Path) -> None:
    write_sheet(signed.path, signed.record.parent)
    done = run_in_process("evidence", "sign", signed.path, "--key", keys["ben"], "--by", BEN)
    assert (done.code, done.err) == (0, "")
    assert "statement-2.json (PASSED), and statement-2.json.sig" in done.out
    found = run_in_process("evidence", "verify", signed.path, "--signers", signers)
    assert (found.code, found.err) == (0, "")
    assert "[PASS] Signatures: 2 signatures of people who may approve" in found.out
    assert "statement-2.json: approved by b***@***" in found.out
    assert BEN not in found.out
    sheet = (signed.path / "go-no-go.html").read_text(encoding="utf-8")
    assert named_in(sheet) == [("a***@***", "statement.json"), ("b***@***", "statement-2.json")]
    unasked = run_in_process("evidence", "verify", signed.path)
    assert (unasked.code, "[WARN] Signatures: 2 statements, not verified" in unasked.out) == (0, True)


def named_in(sheet: str) -> list[tuple[str, str]]:
    """Who signed according to a sheet, and by which statement."""
    return re.findall(r"<bdi>(\S+), [^<]*?: the verification passed \((.*?)\)</bdi>", sheet)


def test_a_sheet_names_those_whose_signature_holds(signed: KeptFolder, keys: Mapping[str, Path]) -> None:
    write_sheet(signed.path, signed.record.parent)
    recon.sign_evidence(recon.SignOptions(signed.path, keys["ben"], BEN))
    edit_statement(signed, lambda statement: statement["predicate"].update(approvedAt="2020-01-01T00:00:00Z"))
    renew_sheet(open_evidence(signed.path))
    sheet = signed.path / "go-no-go.html"
    assert named_in(sheet.read_text(encoding="utf-8")) == [("b***@***", "statement-2.json")]
    sign_by_hand(signed, keys["ann"])
    renew_sheet(open_evidence(signed.path))
    assert len(named_in(sheet.read_text(encoding="utf-8"))) == 2
    edit_statement(signed, lambda statement: statement["predicate"].update(approver="jane@club.example"))
    sign_by_hand(signed, keys["jane"])
    renew_sheet(open_evidence(signed.path))
    assert len(named_in(sheet.read_text(encoding="utf-8"))) == 1


@pytest.mark.parametrize(
    "who", [JANE, "Jane", "jane@club.example", "Jane Doe <jane@club.example>", "jane+b@club.example"]
)
def test_who_ran_it_does_not_sign_it(signed: KeptFolder, keys: Mapping[str, Path], who: str) -> None:
    before = names_in(signed.path)
    done = run_in_process("evidence", "sign", signed.path, "--key", keys["jane"], "--by", who)
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("Evidence error: The result is approved by the person who produced it")
    assert names_in(signed.path) == before


def test_a_folder_that_does_not_say_who_ran_it_is_not_signed(signed: KeptFolder, keys: Mapping[str, Path]) -> None:
    file = signed.path / "manifest.json"
    document = json.loads(file.read_text(encoding="utf-8"))
    file.write_text(json.dumps(document | {"by": []}), encoding="utf-8")
    with pytest.raises(EvidenceError, match="does not say who produced it"):
        recon.sign_evidence(recon.SignOptions(signed.path, keys["ann"], ANN))


@pytest.mark.parametrize("name", ["report.html", "manifest.json", "../runs.jsonl"])
def test_a_folder_that_was_changed_is_not_signed(signed: KeptFolder, keys: Mapping[str, Path], name: str) -> None:
    file = signed.path / name
    file.write_bytes(file.read_bytes().replace(b"r", b"R", 1) + b" \n")
    with pytest.raises(EvidenceError):
        recon.sign_evidence(recon.SignOptions(signed.path, keys["ben"], BEN))
    assert not (signed.path / "statement-2.json").exists()


def test_a_plan_has_no_verdict_to_sign(signed: KeptFolder, keys: Mapping[str, Path]) -> None:
    with pytest.raises(EvidenceError, match="holds no verdict to sign"):
        recon.sign_evidence(recon.SignOptions(signed.path.with_name("20240116T143000Z-other"), keys["ann"], ANN))


def test_a_key_that_is_none_does_not_sign(signed: KeptFolder, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("key", encoding="utf-8")
    for key in (tmp_path / "key", tmp_path / "none"):
        with pytest.raises(EvidenceError, match=r"The key does not sign \(.*\): expected a private key of OpenSSH"):
            recon.sign_evidence(recon.SignOptions(signed.path, key, BEN))
    assert not (signed.path / "statement-2.json.sig").exists()


def test_nobody_is_no_signer(signed: KeptFolder, keys: Mapping[str, Path]) -> None:
    with pytest.raises(UsageError, match="Nobody is named"):
        recon.sign_evidence(recon.SignOptions(signed.path, keys["ann"], " "))


# Verifying.


def test_a_signer_who_may_not_approve_is_refused(signed: KeptFolder, keys: Mapping[str, Path], signers: Path) -> None:
    allowed(signers, (BEN, keys["ben"]))
    assert "The signer is none of the approvers" in refusal(signed, signers)


@pytest.mark.parametrize(
    "options, words",
    [
        ('valid-before="20200101"', "The signer's key has expired"),
        ('valid-after="29990101"', "The signer's key is not valid yet"),
        ('namespaces="recon-rollback"', "The signer's key is not for approvals"),
    ],
)
def test_a_key_that_is_not_for_this_now_is_refused(
    signed: KeptFolder, keys: Mapping[str, Path], signers: Path, options: str, words: str
) -> None:
    allowed(signers, (f"{ANN} {options}", keys["ann"]))
    assert words in refusal(signed, signers)


def test_a_signature_for_another_purpose_is_refused(
    signed: KeptFolder, keys: Mapping[str, Path], signers: Path
) -> None:
    sign_by_hand(signed, keys["ann"])
    assert outcomes_of(signed.path, signers)["Signatures"] == "PASS"
    sign_by_hand(signed, keys["ann"], "recon-rollback")
    assert "expected the namespace recon-evidence" in refusal(signed, signers)


def test_who_ran_it_is_refused_although_the_signature_holds(
    signed: KeptFolder, keys: Mapping[str, Path], signers: Path
) -> None:
    edit_statement(signed, lambda each: each["predicate"].update(approver="jane@club.example"))
    sign_by_hand(signed, keys["jane"])
    allowed(signers, ("jane@club.example", keys["jane"]))
    assert "The result is approved by the person who produced it" in refusal(signed, signers)


def test_a_key_of_somebody_else_than_the_statement_names_is_refused(
    signed: KeptFolder, keys: Mapping[str, Path], signers: Path
) -> None:
    sign_by_hand(signed, keys["ben"])
    assert "the signature of the person whom the statement names" in refusal(signed, signers)


def _failed(statement: dict[str, Any]) -> None:
    statement["predicate"]["result"] = "FAILED"


def _other_manifest(statement: dict[str, Any]) -> None:
    statement["subject"][0]["digest"]["sha256"] = "0" * 64


def _less(statement: dict[str, Any]) -> None:
    statement["subject"].pop()


def _other_head(statement: dict[str, Any]) -> None:
    statement["predicate"]["recordHead"] = "0" * 64


def _no_type(statement: dict[str, Any]) -> None:
    del statement["_type"]


@pytest.mark.parametrize("change", [_failed, _other_manifest, _less, _other_head, _no_type])
def test_a_statement_that_is_edited_no_longer_holds_signed_anew_or_not(
    signed: KeptFolder, keys: Mapping[str, Path], signers: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    edit_statement(signed, change)
    assert "The signature is not of this result" in refusal(signed, signers)
    sign_by_hand(signed, keys["ann"])
    assert "The statement does not fit" in refusal(signed, signers)


def test_a_statement_without_its_signature_is_refused(signed: KeptFolder, signers: Path) -> None:
    (signed.path / "statement.json.sig").unlink()
    assert "The signature cannot be read" in refusal(signed, signers)


def test_nobody_signed(signed: KeptFolder, signers: Path) -> None:
    for name in ("statement.json", "statement.json.sig"):
        (signed.path / name).unlink()
    assert refusal(signed, signers) == "Nobody signed the folder"


def test_a_file_of_signers_that_cannot_be_read_is_named(signed: KeptFolder, tmp_path: Path) -> None:
    assert "The file of approvers cannot be read" in refusal(signed, tmp_path / "none")


def test_a_signature_tells_a_record_that_was_written_anew(signed: KeptFolder, signers: Path) -> None:
    """Whoever writes to folder and record can chain both anew, but not sign them."""
    signed.record.unlink()
    record_folder(signed.path)
    assert outcomes_of(signed.path)["Record of Runs"] == "PASS"
    assert "its last one when this was signed" in refusal(signed, signers)


def test_verifying_needs_no_folder_to_write_to(
    signed: KeptFolder, signers: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(approval, "ScratchFolder", refuse)
    before = {path: path.stat().st_mtime_ns for path in signed.home.rglob("*")}
    assert verified(signed.path, signers).verdict == "PASSED"
    assert {path: path.stat().st_mtime_ns for path in signed.home.rglob("*")} == before


# Without recon.


def documented() -> list[str]:
    """The commands by which the guide verifies a folder without recon, the first for the signature."""
    return re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)


def said(kept: KeptFolder, block: str) -> subprocess.CompletedProcess[str]:
    """Run a block in the folder, each command of which has to succeed."""
    assert "recon " not in block.replace("recon-evidence", "")
    return subprocess.run(["sh", "-ec", block], cwd=kept.path, capture_output=True, text=True, check=False)


@pytest.mark.usefixtures("signers")
def test_the_guide_verifies_a_folder_without_recon(signed: KeptFolder) -> None:
    signature, files, record = (said(signed, block) for block in documented())
    assert (signature.returncode, files.returncode, record.returncode) == (0, 0, 0)
    assert f'Good "recon-evidence" signature for {ANN}' in signature.stdout
    assert sorted(files.stdout.split()[::2]) == [
        "charts/tiers.svg:",
        "manifest.json:",
        "report.html:",
        "verification.json:",
    ]
    assert NAME in record.stdout
    assert "broken" not in record.stdout


@pytest.mark.usefixtures("signers")
@pytest.mark.parametrize(
    "name, number",
    [
        ("statement.json", 0),
        ("manifest.json", 1),
        ("verification.json", 1),
        ("charts/tiers.svg", 1),
        ("../runs.jsonl", 2),
    ],
)
def test_the_guide_tells_what_was_changed_without_recon(signed: KeptFolder, name: str, number: int) -> None:
    file = signed.path / name
    content = bytearray(file.read_bytes())
    content[content.index(b"s")] ^= 1
    file.write_bytes(content)
    done = said(signed, documented()[number])
    assert done.returncode != 0 or "broken" in done.stdout


@pytest.mark.usefixtures("signers")
@pytest.mark.parametrize("gone", [0, 1, 2])
def test_the_guide_tells_a_line_that_was_removed(signed: KeptFolder, gone: int) -> None:
    lines = signed.record.read_bytes().splitlines(keepends=True)
    signed.record.write_bytes(b"".join(line for number, line in enumerate(lines) if number != gone))
    assert "broken" in said(signed, documented()[2]).stdout
