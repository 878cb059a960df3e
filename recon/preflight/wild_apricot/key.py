"""The key of the API: read from the environment or a file, and shown nowhere."""

from __future__ import annotations

import os
import re
import stat
from base64 import b64encode
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from recon.database.secrets import remember
from recon.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

VARIABLE = "WA_API_KEY"
LONGEST = 4096
KEY = re.compile(r"[!-~]+")
HOW_TO_SET = (
    f"Create a key in Wild Apricot (Settings, Authorized applications, read-only access) and set {VARIABLE}, or give a "
    "file of mode 0600 with --wa-key-file"
)
READABLE_BY_OTHERS = stat.S_IRGRP | stat.S_IROTH


@dataclass(frozen=True)
class ApiKey:
    """A key, which no text of this object contains.

    Attributes:
        basic: What the token endpoint is shown.
        place: Where the key was found, e.g. "environment variable WA_API_KEY".
        mode: The mode of its file where other users of this machine can read it; None where they cannot.
    """

    basic: str = field(repr=False)
    place: str
    mode: int | None = None


def read_key(file: Path | str | None, environment: Mapping[str, str]) -> ApiKey:
    """Read the key from the file or, where none is named, from WA_API_KEY.

    Raises:
        UsageError: There is no key, or what is there is none; it is never repeated.
    """
    if file is None:
        place = f"environment variable {VARIABLE}"
        return ApiKey(_basic(environment.get(VARIABLE, ""), place), place)
    text, mode = _read(Path(file))
    place = f"file {Path(file).name}"
    return ApiKey(_basic(text, "file of --wa-key-file"), place, mode)


def _read(path: Path) -> tuple[str, int | None]:
    try:
        with path.open("rb") as opened:
            found = os.fstat(opened.fileno())
            text = opened.read(LONGEST + 1).decode("utf-8-sig", errors="replace")
    except (OSError, ValueError) as error:
        # The key itself may have been given in the place of the file's name, so that no message shows it.
        remember(str(path), str(path))
        raise UsageError(
            "The file of the API key cannot be read",
            where="--wa-key-file",
            found=getattr(error, "strerror", None) or "no name of a file",
            next_step="Name a file whose only content is the key",
        ) from None
    is_exposed = os.name == "posix" and stat.S_ISREG(found.st_mode) and found.st_mode & READABLE_BY_OTHERS
    return text, stat.S_IMODE(found.st_mode) if is_exposed else None


def _basic(text: str, place: str) -> str:
    key = text.strip()
    remember(key, key)
    if not key:
        raise UsageError("There is no key for Wild Apricot's API", where=place, found="nothing", next_step=HOW_TO_SET)
    if not KEY.fullmatch(key) or len(key) > LONGEST:
        raise UsageError(
            "This is no key of Wild Apricot's API",
            where=place,
            expected="one word of letters, digits and signs",
            found="something else (not shown: it may hold the key)",
            next_step=HOW_TO_SET,
        )
    basic = b64encode(f"APIKEY:{key}".encode()).decode()
    remember(basic, basic)
    return basic
