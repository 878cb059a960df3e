"""Output of an importer that is long, binary, or has no end of line."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from recon.runs.migration.importing import MOST_OF_LINE, ImporterRun, Shown
from recon.runs.migration.supervising import OUTPUT

if TYPE_CHECKING:
    from pathlib import Path

LONG = MOST_OF_LINE * 300


@pytest.mark.parametrize(
    "output, lines",
    [
        (b"one\ntwo", ["one", "two"]),
        (b"10 %\r50 %\rdone\r\n", ["10 %", "50 %", "done", ""][:3]),
        (b"\xff\x00\n", ["\ufffd\x00"]),
        (b"", []),
        (b"a" * LONG, ["a" * MOST_OF_LINE]),
        (b"a" * LONG + b"\nlast\n", ["a" * MOST_OF_LINE, "last"]),
    ],
    ids=["no end", "progress", "binary", "nothing", "one line", "a long line"],
)
def test_output_is_shown_line_by_line(output: bytes, lines: list[str], tmp_path: Path) -> None:
    (tmp_path / OUTPUT).write_bytes(output)
    run = ImporterRun(tmp_path)
    assert [line for line in run.follow(Shown()) if line] == lines
    assert run.last_lines(5) == [line for line in lines if line.strip()]


def test_of_long_output_only_the_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / OUTPUT).write_bytes(b"".join(b"line %d\n" % number for number in range(300_000)))
    read: list[int] = []
    whole = ImporterRun.output

    def noted(self: ImporterRun, start: int = 0) -> tuple[bytes, int]:
        found = whole(self, start)
        read.append(len(found[0]))
        return found

    monkeypatch.setattr(ImporterRun, "output", noted)
    assert ImporterRun(tmp_path).last_lines(2) == ["line 299998", "line 299999"]
    assert read[0] < 100_000
