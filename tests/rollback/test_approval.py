"""Whether another person approved a plan, by real keys and the real ssh-keygen."""

from __future__ import annotations

import base64
import hashlib
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from planted_secrets import MARK, PLANTED

from recon.errors import ReconError, RollbackError
from recon.rollback import approval
from recon.rollback.approval import (
    NAMESPACE,
    PLAN_APPROVAL,
    how_to_sign,
    is_sound,
    signed_by,
    statement_of,
    verified_approval,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

pytestmark = pytest.mark.skipif(shutil.which("ssh-keygen") is None, reason="ssh-keygen is not installed")

DIGEST = hashlib.sha256(b"plan").hexdigest()
ANN, BEN = "ann@example.org", "ben@example.org"


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Path]:
    """Private keys by their owner; their public halves are beside them."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("ann", "ben"):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", folder / name], check=True)
    return {name: folder / name for name in ("ann", "ben")}


@pytest.fixture(scope="module")
def signatures(keys: Mapping[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, bytes]:
    """Signatures over the plan's digest by their signer, and one of Ann for another purpose."""
    folder = tmp_path_factory.mktemp("signatures")
    made = {}
    for name, key, namespace in (("ann", "ann", NAMESPACE), ("ben", "ben", NAMESPACE), ("file", "ann", "file")):
        said = subprocess.run(
            ["ssh-keygen", "-q", "-Y", "sign", "-f", keys[key], "-n", namespace],
            input=statement_of(DIGEST),
            capture_output=True,
            check=True,
            cwd=folder,
        )
        made[name] = said.stdout
    return made


def public(key: Path) -> str:
    return key.with_name(f"{key.name}.pub").read_text(encoding="utf-8").strip()


def written(folder: Path, signature: bytes, lines: Sequence[str]) -> tuple[Path, Path]:
    """The files of the signature and of the approvers."""
    files = folder / "plan.sha256.sig", folder / "approvers"
    files[0].write_bytes(signature)
    files[1].write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return files


def test_ssh_keygen_gets_no_secret(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It verifies and signs without the operator's variables; to sign, it is left the agent that holds a key."""
    files = written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"])
    programs, said = tmp_path / "bin", tmp_path / "said"
    programs.mkdir()
    real = shutil.which("ssh-keygen")
    (programs / "ssh-keygen").write_text(f'#!/bin/sh\nenv >> {said}\nexec {real} "$@"\n', encoding="utf-8")
    (programs / "ssh-keygen").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nowhere/agent")
    for name, secret in PLANTED.items():
        monkeypatch.setenv(name, secret)

    verified_approval(DIGEST, *files, "ben")
    verifying = said.read_text(encoding="utf-8")
    said.unlink()
    assert is_sound(statement_of(DIGEST), files[0], PLAN_APPROVAL)
    signed_by(statement_of(DIGEST), keys["ann"], PLAN_APPROVAL)
    signing = said.read_text(encoding="utf-8")

    assert "PATH=" in verifying
    assert MARK not in verifying + signing
    assert "SSH_AUTH_SOCK" not in verifying
    assert "SSH_AUTH_SOCK=/nowhere/agent" in signing


def test_another_person_approves(tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes]) -> None:
    lines = [
        "# who may approve",
        f'{BEN} namespaces="{NAMESPACE}" {public(keys["ben"])}',
        f'"Ann Other" valid-before="29991231" {public(keys["ann"])} laptop',
    ]
    files = written(tmp_path, signatures["ann"], lines)

    found = verified_approval(DIGEST.upper(), *files, "ben")

    blob = base64.b64decode(public(keys["ann"]).split()[1])
    fingerprint = "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    shown = subprocess.run(["ssh-keygen", "-lf", keys["ann"]], capture_output=True, check=True, text=True).stdout
    assert fingerprint in shown
    assert (found.by, found.key, found.signature) == ("Ann Other", fingerprint, files[0])
    assert found.words == f"approved by Ann Other with the key {fingerprint}"


def test_addresses_are_masked_in_words_alone(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes]
) -> None:
    found = verified_approval(DIGEST, *written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"]), BEN)
    assert found.by == ANN
    assert found.words == f"approved by a***@*** with the key {found.key}"


def edited(signature: bytes, place: int) -> bytes:
    """The same signature with another byte there."""
    head, *body, tail = signature.strip().split(b"\n")
    blob = bytearray(base64.b64decode(b"".join(body)))
    blob[place] ^= 1
    return b"\n".join([head, base64.b64encode(blob), tail])


REFUSED: dict[str, tuple[str, str, str, str, str]] = {
    # case: signature, lines of approvers, digest, what, found
    "other plan": ("ann", "{ANN} {ann}", "0" * 64, "The signature is not of this plan", "incorrect signature"),
    "unknown signer": ("ben", "{ANN} {ann}", DIGEST, "The signer is none of the approvers", "No principal matched"),
    "other purpose": ("file", "{ANN} {ann}", DIGEST, "The signature is for another purpose", "namespace"),
    "key for another purpose": (
        "ann",
        '{ANN} namespaces="git" {ann}',
        DIGEST,
        "The signer's key is not for approvals",
        "approvers:1: key is not permitted",
    ),
    "expired": (
        "ann",
        '{ANN} valid-before="20200101" {ann}',
        DIGEST,
        "The signer's key has expired",
        "approvers:1: key has expired",
    ),
    "not yet valid": (
        "ann",
        '{ANN} valid-after="29991231" {ann}',
        DIGEST,
        "The signer's key is not valid yet",
        "approvers:1: key is not yet valid",
    ),
    "several names": ("ann", "{ANN},{BEN} {ann}", DIGEST, "The signer's key does not tell who", "a***@***, b***@***"),
    "a pattern": ("ann", "*@example.org {ann}", DIGEST, "The signer's key does not tell who signed", "*@example.org"),
    "a key of two people": (
        "ann",
        "{ANN} {ann}\n{BEN} {ann}",
        DIGEST,
        "The signer's key does not tell who signed",
        "a***@***, b***@***",
    ),
    "signature of another form": ("text", "{ANN} {ann}", DIGEST, "The signature cannot be read", "missing header"),
    "edited signature": ("edited", "{ANN} {ann}", DIGEST, "The signature is not of this plan", "incorrect signature"),
    "edited key": ("edited key", "{ANN} {ann}", DIGEST, "The signer is none of the approvers", "No principal matched"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_proves_no_approval_is_refused(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes], case: str
) -> None:
    signature, lines, digest, what, found = REFUSED[case]
    all_signatures = {
        **signatures,
        "text": b"approved!\n",
        "edited": edited(signatures["ann"], -1),
        # The last byte of the key, after the magic word, the version and the key's length.
        "edited key": edited(signatures["ann"], 6 + 4 + 4 + 50),
    }
    named = {"ANN": ANN, "BEN": BEN, "ann": public(keys["ann"])}
    files = written(tmp_path, all_signatures[signature], [lines.format(**named)])

    with pytest.raises(RollbackError) as refusal:
        verified_approval(digest, *files, "carl")

    error = refusal.value
    assert error.what.startswith(what)
    assert found in str(error.found)
    assert "example.org" not in str(error.found).replace("*@example.org", "")
    assert "plan.sha256.sig" in str(error.where) or "approvers" in str(error.where)
    assert error.expected
    assert error.next_step


@pytest.mark.parametrize(
    "signer, planner",
    [
        (ANN, ANN),
        (ANN, "Ann@Example.ORG"),
        (ANN, "ann"),
        ("ANN", "ann@elsewhere.example"),
        ("Ann Other <ann@example.org>", "ann"),
        ("ann+approvals@example.org", ANN),
        ("ann@example.org", "CLUB\\ann"),
        ("Stra\u00dfe", "STRASSE"),
    ],
)
def test_who_made_the_plan_cannot_approve_it(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes], signer: str, planner: str
) -> None:
    files = written(tmp_path, signatures["ann"], [f'"{signer}" {public(keys["ann"])}'])
    with pytest.raises(RollbackError, match="The plan is approved by the person who made it"):
        verified_approval(DIGEST, *files, planner)


def test_a_plan_of_nobody_has_no_other_person(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes]
) -> None:
    files = written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"])
    with pytest.raises(RollbackError, match="The plan does not say who made it"):
        verified_approval(DIGEST, *files, " ")


@pytest.mark.parametrize(
    "content, found",
    [(None, "No such file"), (b"", "an empty file"), (b" \n", "an empty file"), ("folder", "directory")],
)
@pytest.mark.parametrize("lacking, what", [(0, "The signature cannot"), (1, "The file of approvers cannot")])
def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path,
    keys: Mapping[str, Path],
    signatures: Mapping[str, bytes],
    *,
    content: bytes | str | None,
    found: str,
    lacking: int,
    what: str,
) -> None:
    files = written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"])
    files[lacking].unlink()
    if isinstance(content, bytes):
        files[lacking].write_bytes(content)
    elif content:
        files[lacking].mkdir()

    with pytest.raises(RollbackError, match=what) as refusal:
        verified_approval(DIGEST, *files, BEN)

    assert refusal.value.where == str(files[lacking])
    assert found in str(refusal.value.found)


def test_without_ssh_keygen_nothing_is_approved(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"])
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RollbackError, match="without ssh-keygen") as refusal:
        verified_approval(DIGEST, *files, BEN)
    assert isinstance(refusal.value, ReconError)
    assert "openssh-client" in str(refusal.value.next_step)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows runs no such script")
def test_a_program_that_does_not_answer_is_ended(
    tmp_path: Path, keys: Mapping[str, Path], signatures: Mapping[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = written(tmp_path, signatures["ann"], [f"{ANN} {public(keys['ann'])}"])
    program = tmp_path / "ssh-keygen"
    program.write_text("#!/bin/sh\nexec /bin/sleep 600\n", encoding="utf-8")
    program.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(approval, "LIMIT_S", 0.1)
    with pytest.raises(RollbackError, match="did not answer"):
        verified_approval(DIGEST, *files, BEN)


@pytest.mark.parametrize("name", ["plan.sha256", "-plan of June.sha256"])
def test_the_command_of_a_colleague_signs(
    tmp_path: Path, keys: Mapping[str, Path], monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Wherever it is run, and whatever the files are called."""
    monkeypatch.chdir(tmp_path)
    Path(name).write_bytes(statement_of(DIGEST))
    Path("-approvers").write_text(f"{ANN} {public(keys['ann'])}\n", encoding="utf-8")

    (line,) = how_to_sign(Path(name))
    command = [str(keys["ann"]) if word == "KEY" else word for word in shlex.split(line)]
    subprocess.run(command, check=True, capture_output=True)

    assert verified_approval(DIGEST, Path(f"{name}.sig"), Path("-approvers"), BEN).by == ANN


def test_the_statement_names_what_is_approved() -> None:
    assert statement_of("AB" * 32) == b"recon rollback: the plan with the SHA-256 " + b"ab" * 32 + b" is approved\n"
