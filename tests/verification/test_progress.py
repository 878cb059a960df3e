from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

import recon
from recon.errors import UsageError
from recon.verification.progress import EVENTS, Listener, require_listener
from recon.verification.verify import verify as verify_for

if TYPE_CHECKING:
    from recon.demo import DemoPaths
    from recon.model import Check


class Noting(Listener):
    """Notes the checks that it hears of."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def check_done(self, check: Check) -> None:
        self.heard.append(check.id)

    def summary(self) -> str:
        return ", ".join(self.heard)


def test_a_listener_hears_of_every_check(clean: DemoPaths) -> None:

    listener = Noting()
    found = verify_for(recon.VerifyOptions(clean.bundle, str(clean.database)), listener)
    assert listener.heard == [check.id for check in found.checks]


def test_a_misspelt_event_is_refused_where_the_class_is_made() -> None:
    with pytest.raises(UsageError, match=r"found 'chek_done'\. Did you mean 'check_done'\?"):
        type("Misspelt", (Listener,), {"chek_done": lambda *_: None})


def test_a_listener_of_another_class_needs_every_event() -> None:
    class Other:
        bundle_opening = check_done = print

    with pytest.raises(UsageError, match=r"Other.*found no bundle_opened"):
        require_listener(cast("Listener", Other()))


def test_no_event_is_heard_that_there_is_none_of() -> None:
    assert len(EVENTS) == 13
    assert not hasattr(Listener(), "chek_done")
