"""Commands and output of an importer without the secrets in them."""

from __future__ import annotations

import os
import re
import shlex
from typing import TYPE_CHECKING, BinaryIO

from recon.database.secrets import HIDDEN, SHORT, remember_secret, without_secrets
from recon.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

# What the name of a secret has in it: of short words, only whole ones.
NAME = re.compile(
    r"passw|passphrase|secret|token(?!i|s\b)|credential|(?:api|access|private|auth|secret)[-_]?key"
    r"|(?:^|[-_.])(?:pass|pwd?|auth|authorization|pat)(?:$|[-_.])|(?-i:[a-z](?:Pass|Pwd)$)",
    re.IGNORECASE,
)
HARMLESS = re.compile(
    r"file|path|folder|dir(?:ectory)?$|sock|ur[li]|endpoint|name$|length|timeout|expir", re.IGNORECASE
)
ASSIGNED = re.compile(
    r"""(?P<name>[\w.-]+)(?P<between>["']?\s*[=:]\s*(?:bearer\s+|basic\s+|token\s+)?(?!//)"""
    r"""|(?<=\w)\s+(?=[^\s-]))(?P<value>"[^"]+"|'[^']+'|[^\s&;,"']+)""",
    re.IGNORECASE,
)
IN_URL = re.compile(r"(?<=://)(?P<user>[^\s:@/'\"]*):(?P<value>[^\s'\"]*)(?=@)")
SCHEME = re.compile(r"\b(?P<name>bearer|basic)(?P<between>\s+)(?P<value>[\w.~+/=-]{6,})", re.IGNORECASE)
WITH_USER = ("-u", "--user", "--username", "--login")
PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
PIECE = 1 << 20
PLAIN = re.compile(r"[\w@%+=:,./{}*-]+", re.ASCII)


def sounds_secret(name: str) -> bool:
    """Whether a name is that of a secret: an option's, a variable's, a header's."""
    return bool(NAME.search(name)) and not HARMLESS.search(name)


def redacted(words: Sequence[str]) -> list[str]:
    """Return a command without its secrets, which are remembered so that no output shows them either.

    Secrets are the passwords of URLs and what is assigned to a name that sounds like one, also within a word.
    """
    known: list[str] = []
    found = [_without(word, known) for word in _redacted(words, known)]
    for secret in known:
        remember_secret(secret)
    # A short one may be part of many words.
    for secret in sorted((one for one in known if len(one) > SHORT), key=len, reverse=True):
        found = [word.replace(secret, HIDDEN) for word in found]
    return found


def has_secret(word: str) -> bool:
    """Whether a word holds the password of a URL, or what is assigned to a name that sounds secret."""
    return _without(word, []) != word


def shown(words: Iterable[str]) -> str:
    """Return a command as one line for a shell, in which placeholders are as they are."""
    return " ".join(word if PLAIN.fullmatch(word) else shlex.quote(word) for word in words)


def remember_variables(names: Iterable[str], environment: Mapping[str, str]) -> None:
    """Remember those of the named environment variables that sound like a secret."""
    for name in names:
        if sounds_secret(name):
            remember_secret(environment.get(name, "").strip())


def clean_output(file: Path) -> None:
    """Leave out of what an importer wrote the secrets that are known, once it has ended.

    Raises:
        OutputError: The file cannot be written; it stays as it was.
    """
    working = file.with_name(f".{file.name}")
    try:
        with file.open("rb") as written:
            if not any(piece != clean for piece, clean in _pieces(written)):
                return
            written.seek(0)
            descriptor = os.open(working, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as cleaned:
                cleaned.writelines(clean for _, clean in _pieces(written))
        working.replace(file)
    except FileNotFoundError:
        return
    except OSError as error:
        working.unlink(missing_ok=True)
        raise OutputError(
            "Secrets cannot be left out of the importer's output",
            where=str(file)[:300],
            found=error.strerror,
            next_step="Make room there, and remove the file if nobody else is to read it",
        ) from error


def _pieces(file: BinaryIO) -> Iterator[tuple[bytes, bytes]]:
    """Some lines at a time, and what they are without secrets."""
    while piece := file.read(PIECE) + file.readline(PIECE):
        text = piece.decode(errors="surrogateescape")
        clean = without_secrets(text)
        yield piece, piece if clean == text else clean.encode(errors="surrogateescape")


def _redacted(words: Sequence[str], known: list[str]) -> Iterator[str]:
    """The words, without those that are a secret as a whole, which are added to those that are known."""
    before = ""
    for word in words:
        if sounds_secret(before) and not word.startswith("--") and not PLACEHOLDER.fullmatch(word):
            yield _hidden(word, known)
        elif before in WITH_USER and ":" in word:
            user, _, password = word.partition(":")
            yield f"{user}:{_hidden(password, known)}"
        else:
            yield word
        before = word if word.startswith("-") and not re.search(r"[=\s]", word) else ""


def _without(text: str, known: list[str]) -> str:
    """A text without what is assigned in it to a name that sounds secret, and without the passwords of its URLs."""
    text = IN_URL.sub(lambda found: _hidden(f"{found['user']}:{found['value']}", known, found["value"]), text)
    text = SCHEME.sub(lambda found: f"{found['name']}{found['between']}{_hidden(found['value'], known)}", text)
    return ASSIGNED.sub(lambda found: _assigned(found, known), text)


def _assigned(found: re.Match[str], known: list[str]) -> str:
    name, between, value = found["name"], found["between"], found["value"]
    is_apart = between.isspace() and not name.startswith("-")
    if not sounds_secret(name) or is_apart or PLACEHOLDER.fullmatch(value):
        return found[0]
    mark = value[0] if value[0] in "\"'" else ""
    return f"{name}{between}{mark}{_hidden(value.strip(mark) if mark else value, known)}{mark}"


def _hidden(text: str, known: list[str], secret: str | None = None) -> str:
    """What stands in the place of a text, whose secret is known from now on; None: all of it."""
    found = text if secret is None else secret
    if found and found != HIDDEN:
        known.append(found)
    return HIDDEN if found else text
