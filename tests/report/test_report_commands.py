from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl
import pytest
from msgspec.structs import replace

from recon.report.commands import ShowCommand, command_for
from recon.verification.options import VerifyOptions

if TYPE_CHECKING:
    from recon.model import Verification

RUN = ShowCommand("outputs/run-1")
BUNDLE = command_for(VerifyOptions("a b", "club.db", evidence_rows=5))
OPTIONS = "--database club.db --evidence-rows 5"


@pytest.mark.parametrize(
    "command, count, kept, words, line",
    [
        (RUN, 10, 10, None, None),
        (RUN, 47, 47, "and 37 more", "recon show outputs/run-1 check C"),
        (RUN, 244, 244, "and 234 more", "recon show outputs/run-1 check C --rows 244"),
        (RUN, 3000, 1000, "and 2,990 more, 990 of which were kept", "recon show outputs/run-1 check C --rows 1000"),
        (RUN, 47, 5, None, None),
        (BUNDLE, 5, 5, None, None),
        (BUNDLE, 47, 5, "and 42 more", f"recon show 'a b' check C {OPTIONS} --evidence-rows 47"),
        (BUNDLE, 244, 5, "and 239 more", f"recon show 'a b' check C --rows 244 {OPTIONS} --evidence-rows 244"),
        (BUNDLE, 10**6, 99, "and 999,990 more, 89 of which were kept", f"recon show 'a b' check C {OPTIONS}"),
        (RUN, None, 0, None, None),
    ],
)  # fmt: skip
def test_the_rest_of_a_check_is_counted_and_has_a_command(  # noqa: PLR0917 - one parameter for each column
    passed: Verification, command: ShowCommand, count: int | None, kept: int, words: str | None, line: str | None
) -> None:
    rows = pl.DataFrame({"id": range(kept)})
    check = replace(passed.checks[0], id="C", violations=rows, violation_count=count)
    assert command.rest_of(check, 10) == (None if words is None else (words, line))
