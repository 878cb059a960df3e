"""What people decide before a migration: one file of lines that is only appended to, each sealed and chained."""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from recon.errors import DecisionError, UsageError, visible
from recon.preflight.chain import LOCK_WAIT_S, ChainedFile, ChainedLine, ChainWords

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "decisions.jsonl"
LONGEST_NAME = 200
WORDS = ChainWords(
    file="file of decisions",
    error=DecisionError,
    unwritten="The decision was not recorded",
    elsewhere="Make room there or choose another folder with --outputs, and decide again",
    move_aside="Compare it with a copy; to begin anew, move the file aside and decide again",
    # The names of those who decide are for them and their group, as far as the umask admits the group.
    mode=0o660,
)


class Seen(msgspec.Struct, frozen=True, rename="camel"):
    """What a decision is about: the bundle's path as it was written, its run id, and the SHA-256 of its files."""

    path: str
    run_id: str
    sha256: str


class Decision(ChainedLine, frozen=True, kw_only=True):
    """One line of the file.

    Attributes:
        kind: What was decided, e.g. "review", "signoff".
        by: Who decided, as they say.
        account: The account that the operating system ran it under; None where it has none.
        seen: What it is about; None: nothing in particular.
        answers: What was decided, by the names of its kind.
    """

    by: str
    at: datetime
    account: str | None = None
    seen: Seen | None = None
    answers: dict[str, Any] = msgspec.field(default_factory=dict)


@dataclass(frozen=True)
class Decisions:
    """What the file holds.

    Attributes:
        path: The file, whether it exists or not.
        entries: Its decisions, in order.
        torn: The numbers of its last lines that are cut off, because their writer was killed; not decisions.
    """

    path: Path
    entries: tuple[Decision, ...] = ()
    torn: tuple[int, ...] = ()

    @property
    def head(self) -> str | None:
        """The digest of the last decision; None: there is none."""
        return self.entries[-1].sha256 if self.entries else None

    def last(self, kind: str, answer: str | None = None) -> Decision | None:
        """The newest decision of that kind, of those that say something on `answer` if one is named."""
        found = (e for e in reversed(self.entries) if e.kind == kind)
        return next((e for e in found if answer is None or e.answers.get(answer) is not None), None)


def decisions_file(outputs: Path | str) -> Path:
    """The file of decisions in a folder of runs; one folder of runs is one migration."""
    return Path(outputs) / FILE_NAME


def read_decisions(path: Path) -> Decisions:
    """Read and prove the file; one that does not exist holds no decisions.

    Raises:
        DecisionError: It cannot be read, another process holds it, or a line was changed, removed or added by other
            means; the error names it.
    """
    held = _chained(path).read()
    return Decisions(path, held.entries, held.torn)


def record_decision(
    path: Path, kind: str, who: tuple[str, str | None], answers: Mapping[str, Any], seen: Seen | None = None
) -> Decision:
    """Append one decision, on disk when this returns; the file, mode 0660 less the umask, is made if needed.

    Args:
        path: The file of decisions.
        kind: What was decided.
        who: The name and the account, see `decider`.
        answers: What was decided, as JSON values.
        seen: What it is about.

    Raises:
        DecisionError: The file is not whole, so that nothing can follow its last line; or another process holds it.
        OutputError: It cannot be written.
    """
    given = {"kind": kind, "by": who[0], "account": who[1], "at": datetime.now(UTC), "seen": seen}
    return _chained(path).append({**given, "answers": dict(answers)})


def decider(by: str | None) -> tuple[str, str | None]:
    """Who decides: the name as given, else that of the account; and the account, None where there is none.

    Raises:
        UsageError: The name is blank or too long, or there is neither.
    """
    account = account_name()
    name = visible(" ".join((account or "" if by is None else by).split()))
    if not name or len(name) > LONGEST_NAME:
        raise UsageError(
            "Nobody is named as the one who decides",
            where="--by",
            expected=f"a name of 1 to {LONGEST_NAME} characters",
            found="nothing" if not name else f"{len(name)} characters",
            next_step="Name yourself with --by NAME",
        )
    return name, account


def account_name() -> str | None:
    """Return the account that the operating system runs this under; None where it has none."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return None


def _chained(path: Path) -> ChainedFile[Decision]:
    return ChainedFile(path, Decision, WORDS, LOCK_WAIT_S)
