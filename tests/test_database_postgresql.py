from __future__ import annotations

from typing import TYPE_CHECKING

from support import outcomes, verify_url

if TYPE_CHECKING:
    from collections.abc import Callable

    from recon.demo import DemoPaths


def test_a_clean_club_passes_in_the_newer_generation(demo: DemoPaths, postgres_club: Callable[[str], str]) -> None:
    verification = verify_url(demo.bundle, postgres_club("newer"))
    assert set(outcomes(verification).values()) == {"PASS"}
    assert verification.snapshot.consistent
    assert "REPEATABLE READ" in verification.snapshot.guarantee
    assert verification.counts_database == {"members": 60, "events": 12, "registrations": 150}
