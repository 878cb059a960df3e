"""What `make soak` multiplies, and what it must find."""

from __future__ import annotations

import re
from pathlib import Path

from hypothesis import settings
from soaking import SOAKING

TESTS = Path(__file__).parent


def test_examples_are_drawn_anew_only_in_soak() -> None:
    usual = settings()
    assert (usual.derandomize, usual.database) == (not SOAKING, None)


def test_every_number_of_examples_grows_in_soak() -> None:
    numbers = {
        file.name: re.findall(r"\bmax_examples=(?!examples\().*", file.read_text(encoding="utf-8"))
        for file in TESTS.rglob("*.py")
        if file != Path(__file__)
    }
    assert [name for name, found in numbers.items() if found] == []


def test_whatever_counts_rounds_is_found_by_soak() -> None:
    texts = {file.name: file.read_text(encoding="utf-8") for file in TESTS.rglob("test_*.py") if file != Path(__file__)}
    counting = {name for name, text in texts.items() if re.search(r"from soaking import .*\b(rounds|SOAKING)\b", text)}
    assert counting
    assert [name for name in counting if "pytest.mark.rounds" not in texts[name]] == []
