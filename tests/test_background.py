"""Work in the background: its results and its errors arrive, and it ends when nobody wants more."""

from __future__ import annotations

from threading import Event, current_thread, main_thread
from time import sleep
from typing import TYPE_CHECKING

import pytest

from recon.background import ReadAhead, start

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_started_work_gives_its_result_from_another_thread() -> None:
    assert start(current_thread).result() is not main_thread()


def test_started_work_raises_where_its_result_is_wanted() -> None:
    with pytest.raises(ZeroDivisionError):
        start(lambda: 1 / 0).result()


def test_items_come_in_their_order() -> None:
    with ReadAhead(range(100)) as items:
        assert list(items) == list(range(100))


def test_the_next_item_is_produced_while_the_caller_has_the_last() -> None:
    second_produced = Event()

    def items() -> Iterator[int]:
        yield 1
        second_produced.set()
        yield 2

    with ReadAhead(items()) as ahead:
        first = next(iter(ahead))
        assert second_produced.wait(timeout=60)
    assert first == 1


def test_what_was_produced_before_an_error_arrives_and_then_the_error() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("the second item")

    arrived: list[int] = []
    with pytest.raises(ValueError, match="the second item"), ReadAhead(items()) as ahead:
        arrived.extend(ahead)
    assert arrived == [1]


def test_a_caller_that_stops_early_stops_the_producer() -> None:
    produced: list[int] = []
    closed = Event()

    def items() -> Iterator[int]:
        try:
            for number in range(1000):
                produced.append(number)
                yield number
        finally:
            closed.set()

    with ReadAhead(items()) as ahead:
        next(iter(ahead))
    assert closed.wait(timeout=60)
    assert len(produced) <= 4


def test_leaving_early_waits_until_that_is_settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that ended before would leave a query running on its server."""
    monkeypatch.setattr("recon.background.PATIENCE_S", 60)
    wanted, settled = Event(), Event()

    def items() -> Iterator[int]:
        yield 1
        wanted.wait(timeout=60)

    def cancel() -> None:
        wanted.set()
        sleep(0.5)
        settled.set()

    with ReadAhead(items(), cancel=cancel) as ahead:
        next(iter(ahead))
    assert settled.is_set()
