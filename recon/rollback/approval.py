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
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from recon.database.child_environment import SIGNING, child_environment
from recon.errors import RollbackError, visible
from recon.masking import mask_text
from recon.scratch import ScratchFolder

if TYPE_CHECKING:
    from collections.abc import Iterator

    from recon.errors import ReconError

NAMESPACE = "recon-rollback"
LIMIT_S = 20
MOST_BYTES = 2**20
DESCRIPTORS = Path("/dev/fd")
ARMOR = re.compile(rb"-----BEGIN SSH SIGNATURE-----(.*?)-----END SSH SIGNATURE-----", re.DOTALL)
MAGIC = b"SSHSIG"
# Characters of a principal that stands for several names.
PATTERN = re.compile(r"[*?!,]")
FIRST_FIELD = re.compile(r'"(?P<quoted>[^"]*)"|(?P<bare>\S+)')
# What ssh-keygen says → what is wrong, what was expected. It says the first ones beside a later one.
REFUSALS = {
    "incorrect signature": ("The signature is not of this {thing}", "a signature of {signed}, unchanged"),
    "namespace does not match": ("The signature is for another purpose", "the namespace {namespace}"),
    "not permitted for use": ("The signer's key is not for approvals", "a key for the namespace {namespace}"),
    "has expired": ("The signer's key has expired", "a key that is valid now"),
    "not yet valid": ("The signer's key is not valid yet", "a key that is valid now"),
    "parse signature": ("The signature cannot be read", "what ssh-keygen -Y sign wrote"),
    "invalid format": ("The signature cannot be read", "what ssh-keygen -Y sign wrote"),
    "No principal matched": ("The signer is none of the approvers", "the signature of an approver"),
}
ALLOWED_SIGNERS = "Name a file in the format of allowed signers: man ssh-keygen"
UNKNOWN = ("The approval cannot be verified", "an approver's signature, and ssh-keygen of OpenSSH 8.2 or newer")


@dataclass(frozen=True)
class SigningPurpose:
    """What a signature is for, and how errors speak of it.

    Attributes:
        namespace: The signature's namespace; one of another is refused.
        thing: What is signed.
        signed: Of it, what the signature is over.
        maker: What was done by the person who may not sign.
        sign_again: What can be done where a signature does not hold.
        make_again: What can be done where nobody is named as that person.
        error: The error.
    """

    namespace: str
    thing: str
    signed: str
    maker: str
    sign_again: str
    make_again: str
    error: type[ReconError]


PLAN_APPROVAL = SigningPurpose(
    namespace=NAMESPACE,
    thing="plan",
    signed="this plan's digest",
    maker="made",
    sign_again=f"Have another person read the plan and sign it: ssh-keygen -Y sign -n {NAMESPACE}",
    make_again="Make the plan again, under the name of who makes it",
    error=RollbackError,
)


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

    Args:
        digest: The plan's SHA-256, hexadecimal.
        signature: What `ssh-keygen -Y sign` wrote.
        approvers: An "allowed signers" file (ssh-keygen(1)): on each line an identity, options, and a public key.
        planned_by: Who made the plan: a name, or an address.

    Raises:
        RollbackError: As of `verified_signature`.
    """
    return verified_signature(statement_of(digest), signature, approvers, planned_by, PLAN_APPROVAL)


def verified_signature(
    statement: bytes, signature: Path, approvers: Path, made_by: str | None, purpose: SigningPurpose
) -> Approval:
    """Verify that one of the approvers, who did not make it, signed a statement; nothing is written anywhere.

    Both files are read once, so that all questions are about the same bytes.

    Args:
        statement: The bytes that are signed.
        signature: As of `verified_approval`.
        approvers: As of `verified_approval`.
        made_by: Who may not sign: a name, or an address; None: it is not known, which is refused.
        purpose: What the signature is for.

    Raises:
        ReconError: As the purpose says: ssh-keygen is missing or does not answer, a file cannot be read, the signature
            is not of this statement or not valid now for this purpose, or nothing proves that it is another person's.
    """
    signed, allowed = _read(signature, "signature", purpose), _read(approvers, "file of approvers", purpose)
    program = _program(purpose)
    with _copies(signed, allowed) as copies:
        keygen = _Keygen(program, copies[0], copies[1], signature, approvers, purpose)
        by = _only_name(keygen.principals(), approvers, purpose)
        keygen.verify(by, statement)
    key = _public_key(signed, signature, purpose)
    _require_one_name(by, key, allowed, approvers, purpose)
    require_another_person(by, made_by, str(signature), purpose)
    fingerprint = base64.b64encode(hashlib.sha256(key).digest()).decode().rstrip("=")
    return Approval(by, f"SHA256:{fingerprint}", signature)


def signed_by(statement: bytes, key: Path, purpose: SigningPurpose) -> bytes:
    """Sign a statement with ssh-keygen, which asks on the terminal for the passphrase of the key, if it has one.

    Args:
        statement: The bytes to sign.
        key: The file of the private key; or of the public one, if an ssh-agent holds the private one.
        purpose: What the signature is for.

    Returns:
        The signature, as `verified_signature` reads it from a file.

    Raises:
        ReconError: As the purpose says: ssh-keygen is missing, or does not sign with this key.
    """
    program = _program(purpose)
    command = [program, "-q", "-Y", "sign", "-f", str(key), "-n", purpose.namespace]
    try:
        said = subprocess.run(  # noqa: S603 - no shell
            command, input=statement, capture_output=True, check=False, env=child_environment(SIGNING, LC_ALL="C")
        )
    except OSError as error:
        raise _no_program(program, error.strerror or str(error), purpose) from error
    if said.returncode or not ARMOR.search(said.stdout):
        raise purpose.error(
            "The key does not sign",
            where=str(key)[:300],
            expected="a private key of OpenSSH, or a public one whose private one an ssh-agent holds",
            found="; ".join(_lines(said.stderr))[:300] or f"exit code {said.returncode} of ssh-keygen",
            next_step="Name the file of your key, as ssh-keygen wrote it; it is for its owner only (mode 0600)",
        )
    return said.stdout


def is_sound(statement: bytes, signature: Path, purpose: SigningPurpose) -> bool:
    """Return whether a signature is one of this statement for this purpose, whoever made it.

    True as well where ssh-keygen is missing or does not answer: nobody can say that it is not.

    Args:
        statement: The bytes that are signed.
        signature: As of `verified_approval`.
        purpose: What the signature is for.
    """
    program = shutil.which("ssh-keygen")
    if program is None:
        return True
    command = [program, "-q", "-Y", "check-novalidate", "-n", purpose.namespace, "-s", str(signature)]
    try:
        said = subprocess.run(  # noqa: S603 - no shell
            command,
            input=statement,
            capture_output=True,
            check=False,
            timeout=LIMIT_S,
            env=child_environment(),
        )
    except (OSError, subprocess.TimeoutExpired):
        return True
    return said.returncode == 0


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
    purpose: SigningPurpose

    def principals(self) -> list[str]:
        """The identities of the signer, as the file of approvers names them."""
        return _lines(self._ask("find-principals"))

    def verify(self, by: str, statement: bytes) -> None:
        self._ask("verify", "-n", self.purpose.namespace, "-I", by, statement=statement)

    def _ask(self, question: str, *arguments: str, statement: bytes = b"") -> bytes:
        files = ("-s", str(self.signature), "-f", str(self.approvers))
        try:
            said = subprocess.run(  # noqa: S603 - no shell
                [self.program, "-Y", question, *arguments, *files],
                input=statement,
                capture_output=True,
                check=False,
                timeout=LIMIT_S,
                env=child_environment(LC_ALL="C"),
                pass_fds=[int(copy.name) for copy in (self.signature, self.approvers) if copy.parent == DESCRIPTORS],
            )
        except subprocess.TimeoutExpired:
            raise self.purpose.error(
                "ssh-keygen did not answer, and was ended",
                where=self.program,
                expected=f"its answer within {LIMIT_S} s",
                next_step="Look at what it waits for, and run again",
            ) from None
        except OSError as error:
            raise _no_program(self.program, error.strerror or str(error), self.purpose) from error
        if said.returncode:
            raise self._refusal(_lines(said.stderr))
        return said.stdout

    def _refusal(self, said: list[str]) -> ReconError:
        """The error for what ssh-keygen says, of which the most telling words decide."""
        text = "; ".join(said)
        what, expected = next((refusal for words, refusal in REFUSALS.items() if words in text), UNKNOWN)
        for copy, named in ((self.signature, self.named_signature), (self.approvers, self.named_approvers)):
            text = text.replace(str(copy), named.name)
        names = {"thing": self.purpose.thing, "signed": self.purpose.signed, "namespace": self.purpose.namespace}
        return self.purpose.error(
            what.format_map(names),
            where=f"{self.named_signature}, approvers: {self.named_approvers}",
            expected=expected.format_map(names),
            found=mask_text(text[:500]) or "no reason",
            next_step=f"{self.purpose.sign_again}, with a key that {self.named_approvers.name} lists",
        )


def _lines(said: bytes) -> list[str]:
    return [line.strip() for line in said.decode(errors="replace").split("\n") if line.strip()]


@contextmanager
def _copies(*contents: bytes) -> Iterator[list[Path]]:
    """Files with these contents, for the processes that get their descriptors: in memory, where the system has that."""
    with ExitStack() as until_then:
        if hasattr(os, "memfd_create"):
            files = [until_then.enter_context(os.fdopen(os.memfd_create("recon"), "wb")) for _ in contents]
            paths = [DESCRIPTORS / str(file.fileno()) for file in files]
        else:
            folder = until_then.enter_context(ScratchFolder("recon-approval-"))
            paths = [folder.path / str(number) for number, _ in enumerate(contents)]
            files = [until_then.enter_context(path.open("wb")) for path in paths]
        for file, content in zip(files, contents, strict=True):
            file.write(content)
            file.flush()
        yield paths


def _program(purpose: SigningPurpose) -> str:
    found = shutil.which("ssh-keygen")
    if found is None:
        raise _no_program("the PATH", "none", purpose)
    return found


def _no_program(where: str, found: str, purpose: SigningPurpose) -> ReconError:
    return purpose.error(
        "The approval cannot be verified without ssh-keygen",
        where=where,
        expected="ssh-keygen of OpenSSH 8.2 or newer",
        found=found,
        next_step="Install it (Debian, Ubuntu: openssh-client), and run again",
    )


def _read(file: Path, what: str, purpose: SigningPurpose) -> bytes:
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
    raise purpose.error(
        f"The {what} cannot be read",
        where=str(file),
        expected="what ssh-keygen -Y sign wrote" if what == "signature" else "identities with their public keys",
        found=problem,
        next_step=purpose.sign_again
        if what == "signature"
        else "Name a file in the format of allowed signers: man ssh-keygen",
    )


def _only_name(principals: list[str], approvers: Path, purpose: SigningPurpose) -> str:
    """The signer's identity, if it is one and names one person."""
    if len(principals) == 1 and not PATTERN.search(principals[0]):
        return principals[0]
    raise _ambiguous(approvers, principals, purpose)


def _ambiguous(approvers: Path, names: list[str], purpose: SigningPurpose) -> ReconError:
    return purpose.error(
        "The signer's key does not tell who signed",
        where=str(approvers),
        expected="one identity of one person for each key",
        found=mask_text(visible(", ".join(names)))[:300] or "none on a line with that key",
        next_step="Give each approver a key and a line of their own, without patterns",
    )


def _require_one_name(by: str, key: bytes, allowed: bytes, approvers: Path, purpose: SigningPurpose) -> None:
    """Refuse a key that another line gives to somebody else: ssh-keygen reads the first one only."""
    encoded = base64.b64encode(key).decode()
    fields = [FIRST_FIELD.match(line) for line in _lines(allowed) if encoded in line and not line.startswith("#")]
    names = {name for field in fields if field for name in (field["quoted"] or field["bare"] or "").split(",")}
    if names != {by}:
        raise _ambiguous(approvers, sorted(names), purpose)


def _public_key(signed: bytes, file: Path, purpose: SigningPurpose) -> bytes:
    """The public key that the signature names: after the magic word and a version, its length and itself."""
    armored = ARMOR.search(signed)
    try:
        blob = base64.b64decode(b"".join(armored[1].split()), validate=True) if armored else b""
    except binascii.Error:
        blob = b""
    start = len(MAGIC) + 8
    size = int.from_bytes(blob[start - 4 : start], "big")
    if not blob.startswith(MAGIC) or not 0 < size <= len(blob) - start:
        raise purpose.error(
            "The signature cannot be read",
            where=str(file),
            expected="what ssh-keygen -Y sign wrote",
            found=f"{len(signed):,} bytes of another form",
            next_step=purpose.sign_again,
        )
    return blob[start : start + size]


def require_another_person(by: str, made_by: str | None, where: str, purpose: SigningPurpose) -> None:
    """Refuse a signer who may be the person that made what is signed.

    Args:
        by: The signer's identity.
        made_by: Who made it; None: it is not known, which is refused.
        where: What an error names as its place.
        purpose: What the signature is for.

    Raises:
        ReconError: As the purpose says.
    """
    thing, made = purpose.thing, purpose.maker
    maker = names_of(made_by or "")
    if maker and not maker & names_of(by):
        return
    raise purpose.error(
        f"The {thing} is approved by the person who {made} it" if maker else f"The {thing} does not say who {made} it",
        where=where,
        expected="the signature of another person",
        found=mask_text(visible(f"{by}, and the {thing} is {made} by {made_by}" if maker else by)),
        next_step=purpose.sign_again if maker else purpose.make_again,
    )


def names_of(identity: str) -> set[str]:
    """Return every way in which an identity may name its person: whole, within <>, without domain, and without tag."""
    whole = unicodedata.normalize("NFKC", identity).casefold().strip()
    within = re.findall(r"<([^<>]*)>", whole)
    full = {whole, *(each.strip() for each in within)}
    plain = {name.rpartition("\\")[2].partition("@")[0] for name in full}
    return {name for name in full | plain | {name.partition("+")[0] for name in plain} if name}
