"""The approval of a plan: another person's signature over its digest, verified by OpenSSH's ssh-keygen."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import shlex
import shutil
import subprocess
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from recon.errors import RollbackError, visible
from recon.masking import mask_text
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from pathlib import Path

NAMESPACE = "recon-rollback"
LIMIT_S = 20
MOST_BYTES = 2**20
ARMOR = re.compile(rb"-----BEGIN SSH SIGNATURE-----(.*?)-----END SSH SIGNATURE-----", re.DOTALL)
MAGIC = b"SSHSIG"
# Characters of a principal that stands for several names.
PATTERN = re.compile(r"[*?!,]")
FIRST_FIELD = re.compile(r'"(?P<quoted>[^"]*)"|(?P<bare>\S+)')
# What ssh-keygen says → what is wrong, what was expected. It says the first ones beside a later one.
REFUSALS = {
    "incorrect signature": ("The signature is not of this plan", "a signature of this plan's digest, unchanged"),
    "namespace does not match": ("The signature is for another purpose", f"the namespace {NAMESPACE}"),
    "not permitted for use": ("The signer's key is not for approvals", f"a key for the namespace {NAMESPACE}"),
    "has expired": ("The signer's key has expired", "a key that is valid now"),
    "not yet valid": ("The signer's key is not valid yet", "a key that is valid now"),
    "parse signature": ("The signature cannot be read", "what ssh-keygen -Y sign wrote"),
    "invalid format": ("The signature cannot be read", "what ssh-keygen -Y sign wrote"),
    "No principal matched": ("The signer is none of the approvers", "the signature of an approver"),
}
UNKNOWN = ("The approval cannot be verified", "an approver's signature, and ssh-keygen of OpenSSH 8.2 or newer")
SIGN_AGAIN = f"Have another person read the plan and sign it: ssh-keygen -Y sign -n {NAMESPACE}"


@dataclass(frozen=True)
class Approval:
    """Who approved a plan.

    Attributes:
        by: The signer's identity in the file of approvers; not masked.
        key: The fingerprint of the signer's key: "SHA256:…", as ssh-keygen shows it.
        signature: The file of the signature.
    """

    by: str
    key: str
    signature: Path

    @property
    def words(self) -> str:
        """Who approved it, with which key; addresses are masked."""
        return f"approved by {mask_text(visible(self.by))} with the key {self.key}"


def statement_of(digest: str) -> bytes:
    """Return the exact bytes that are signed: one line that names recon, rollback and the plan (SHA-256 in hex)."""
    return f"recon rollback: the plan with the SHA-256 {digest.lower()} is approved\n".encode()


def how_to_sign(digest_file: Path) -> list[str]:
    """Return the command lines by which a colleague signs; KEY is the file of the colleague's private key.

    Args:
        digest_file: A file that holds `statement_of` of the plan's digest; the signature is written beside it (.sig).
    """
    name = str(digest_file)
    return [f"ssh-keygen -Y sign -f KEY -n {NAMESPACE} {shlex.quote(f'./{name}' if name.startswith('-') else name)}"]


def verified_approval(digest: str, signature: Path, approvers: Path, planned_by: str) -> Approval:
    """Verify that one of the approvers, who did not make the plan, signed its digest.

    Both files are read once, so that all questions are about the same bytes.

    Args:
        digest: The plan's SHA-256, hexadecimal.
        signature: What `ssh-keygen -Y sign` wrote.
        approvers: An "allowed signers" file (ssh-keygen(1)): on each line an identity, options, and a public key.
        planned_by: Who made the plan: a name, or an address.

    Raises:
        RollbackError: ssh-keygen is missing or does not answer, a file cannot be read, the signature is not of this
            plan or not valid now for this purpose, or nothing proves that it is another person's.
    """
    signed, allowed = _read(signature, "signature"), _read(approvers, "file of approvers")
    program = _program()
    with ScratchFolder("recon-approval-") as folder:
        copies = folder.path / "signature", folder.path / "approvers"
        for copy, content in zip(copies, (signed, allowed), strict=True):
            copy.write_bytes(content)
        keygen = _Keygen(program, *copies, signature, approvers)
        by = _only_name(keygen.principals(), approvers)
        keygen.verify(by, statement_of(digest))
    key = _public_key(signed, signature)
    _require_one_name(by, key, allowed, approvers)
    _require_another_person(by, planned_by, signature)
    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return Approval(by, f"SHA256:{fingerprint}", signature)


@dataclass(frozen=True)
class _Keygen:
    """Questions to ssh-keygen about a signature; the files are copies of those that errors name.

    For these it reads no configuration and asks no ssh-agent.
    """

    program: str
    signature: Path
    approvers: Path
    named_signature: Path
    named_approvers: Path

    def principals(self) -> list[str]:
        """The identities of the signer, as the file of approvers names them."""
        return _lines(self._ask("find-principals"))

    def verify(self, by: str, statement: bytes) -> None:
        self._ask("verify", "-n", NAMESPACE, "-I", by, statement=statement)

    def _ask(self, question: str, *arguments: str, statement: bytes = b"") -> bytes:
        files = ("-s", str(self.signature), "-f", str(self.approvers))
        try:
            said = subprocess.run(  # noqa: S603 - no shell
                [self.program, "-Y", question, *arguments, *files],
                input=statement,
                capture_output=True,
                check=False,
                timeout=LIMIT_S,
                env=os.environ | {"LC_ALL": "C"},
            )
        except subprocess.TimeoutExpired:
            raise RollbackError(
                "ssh-keygen did not answer, and was ended",
                where=self.program,
                expected=f"its answer within {LIMIT_S} s",
                next_step="Look at what it waits for, and run again",
            ) from None
        except OSError as error:
            raise _no_program(self.program, error.strerror or str(error)) from error
        if said.returncode:
            raise self._refusal(_lines(said.stderr))
        return said.stdout

    def _refusal(self, said: list[str]) -> RollbackError:
        """The error for what ssh-keygen says, of which the most telling words decide."""
        text = "; ".join(said)
        what, expected = next((refusal for words, refusal in REFUSALS.items() if words in text), UNKNOWN)
        for copy, named in ((self.signature, self.named_signature), (self.approvers, self.named_approvers)):
            text = text.replace(str(copy), named.name)
        return RollbackError(
            what,
            where=f"{self.named_signature}, approvers: {self.named_approvers}",
            expected=expected,
            found=mask_text(text[:500]) or "no reason",
            next_step=f"{SIGN_AGAIN}, with a key that {self.named_approvers.name} lists",
        )


def _lines(said: bytes) -> list[str]:
    return [line.strip() for line in said.decode(errors="replace").split("\n") if line.strip()]


def _program() -> str:
    found = shutil.which("ssh-keygen")
    if found is None:
        raise _no_program("the PATH", "none")
    return found


def _no_program(where: str, found: str) -> RollbackError:
    return RollbackError(
        "The approval cannot be verified without ssh-keygen",
        where=where,
        expected="ssh-keygen of OpenSSH 8.2 or newer",
        found=found,
        next_step="Install it (Debian, Ubuntu: openssh-client), and run again",
    )


def _read(file: Path, what: str) -> bytes:
    problem = "none"
    try:
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except (OSError, ValueError) as error:
        problem = getattr(error, "strerror", None) or str(error)
    else:
        if content.strip() and len(content) <= MOST_BYTES:
            return content
        problem = "more than 1 MB" if content.strip() else "an empty file"
    raise RollbackError(
        f"The {what} cannot be read",
        where=str(file),
        expected="what ssh-keygen -Y sign wrote" if what == "signature" else "identities with their public keys",
        found=problem,
        next_step=SIGN_AGAIN if what == "signature" else "Name a file in the format of allowed signers: man ssh-keygen",
    )


def _only_name(principals: list[str], approvers: Path) -> str:
    """The signer's identity, if it is one and names one person."""
    if len(principals) == 1 and not PATTERN.search(principals[0]):
        return principals[0]
    raise _ambiguous(approvers, principals)


def _ambiguous(approvers: Path, names: list[str]) -> RollbackError:
    return RollbackError(
        "The signer's key does not tell who signed",
        where=str(approvers),
        expected="one identity of one person for each key",
        found=mask_text(visible(", ".join(names)))[:300] or "none on a line with that key",
        next_step="Give each approver a key and a line of their own, without patterns",
    )


def _require_one_name(by: str, key: bytes, allowed: bytes, approvers: Path) -> None:
    """Refuse a key that another line gives to somebody else: ssh-keygen reads the first one only."""
    encoded = base64.b64encode(key).decode()
    fields = [FIRST_FIELD.match(line) for line in _lines(allowed) if encoded in line and not line.startswith("#")]
    names = {name for field in fields if field for name in (field["quoted"] or field["bare"] or "").split(",")}
    if names != {by}:
        raise _ambiguous(approvers, sorted(names))


def _public_key(signed: bytes, file: Path) -> bytes:
    """The public key that the signature names: after the magic word and a version, its length and itself."""
    armored = ARMOR.search(signed)
    try:
        blob = base64.b64decode(b"".join(armored[1].split()), validate=True) if armored else b""
    except binascii.Error:
        blob = b""
    start = len(MAGIC) + 8
    size = int.from_bytes(blob[start - 4 : start], "big")
    if not blob.startswith(MAGIC) or not 0 < size <= len(blob) - start:
        raise RollbackError(
            "The signature cannot be read",
            where=str(file),
            expected="what ssh-keygen -Y sign wrote",
            found=f"{len(signed):,} bytes of another form",
            next_step=SIGN_AGAIN,
        )
    return blob[start : start + size]


def _require_another_person(by: str, planned_by: str, signature: Path) -> None:
    planner = _names(planned_by)
    if planner and not planner & _names(by):
        return
    raise RollbackError(
        "The plan is approved by the person who made it" if planner else "The plan does not say who made it",
        where=str(signature),
        expected="the signature of another person",
        found=mask_text(visible(f"{by}, and the plan is made by {planned_by}" if planner else by)),
        next_step=SIGN_AGAIN if planner else "Make the plan again, under the name of who makes it",
    )


def _names(identity: str) -> set[str]:
    """Every way in which an identity may name its person: whole, within <>, without domain, and without tag."""
    whole = unicodedata.normalize("NFKC", identity).casefold().strip()
    within = re.findall(r"<([^<>]*)>", whole)
    full = {whole, *(each.strip() for each in within)}
    plain = {name.rpartition("\\")[2].partition("@")[0] for name in full}
    return {name for name in full | plain | {name.partition("+")[0] for name in plain} if name}
