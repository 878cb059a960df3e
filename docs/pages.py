"""What the scripts beside it share: actual output, shown between the markers of a page."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# What changes from run to run.
FIXED = (
    (r"Started: \S+", "Started: …"),
    (r"Age: .*", "Age: … before this verification"),
    (r"Decide by: .*", "Decide by: …"),
    (r"Duration: \d+ms", "Duration: …ms"),
    (r"SQLite [\d.]+", "SQLite …"),
)


def with_blocks(text: str, blocks: Mapping[str, tuple[str, str]]) -> str:
    """The page's text with the language and content of each block, by the name of its markers."""
    for name, (language, shown) in blocks.items():
        block = f"<!-- begin: {name} -->\n```{language}\n{shown}```\n<!-- end: {name} -->"
        text = re.sub(rf"<!-- begin: {name} -->.*?<!-- end: {name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def with_lists(text: str, lists: Mapping[str, str]) -> str:
    """The page's text with Markdown between the markers of each name."""
    for name, shown in lists.items():
        block = f"<!-- begin: {name} -->\n{shown.strip()}\n<!-- end: {name} -->"
        text = re.sub(rf"<!-- begin: {name} -->.*?<!-- end: {name} -->", lambda _, b=block: b, text, flags=re.DOTALL)
    return text


def with_table(text: str, name: str, rows: Sequence[Sequence[str]]) -> str:
    """The page's text with a table between the markers of this name; the first row is its header."""
    header, *body = (f"| {' | '.join(row)} |\n" for row in rows)
    line = "|---" * len(rows[0]) + "|\n"
    block = f"<!-- begin: {name} -->\n{''.join([header, line, *body])}<!-- end: {name} -->"
    return re.sub(rf"<!-- begin: {name} -->.*?<!-- end: {name} -->", lambda _: block, text, flags=re.DOTALL)


def recon(folder: str, *arguments: str) -> str:
    """The output of the command in `folder`, without what changes from run to run."""
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "recon", *arguments], cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode not in (0, 1) and (
        done.stderr or not re.search("INCOMPLETE|^Stopped: ", done.stdout, re.MULTILINE)
    ):
        raise RuntimeError(done.stderr)
    printed = done.stdout
    for pattern, fixed in FIXED:
        printed = re.sub(pattern, fixed, printed)
    return printed
