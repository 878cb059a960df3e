"""Sheets on which everything is said as often and as long as it can be."""

from __future__ import annotations

from msgspec.structs import replace
from verifications import HOSTILE

from recon.model import Outcome, Summary, Verdict
from recon.report.go_no_go.sheet import SheetAcceptance, SheetCheck, SheetPolicy, SheetProof, SheetRun


def crowded(run: SheetRun, number: int = 40) -> tuple[SheetRun, SheetProof]:
    """The worst that can be said, as often and as long as it can."""
    long = " ".join(HOSTILE)
    checks = tuple(
        SheetCheck(f"{n} {long}", Outcome.FAIL, long, SheetAcceptance(n + 1, n, "2024-02-01")) for n in range(number)
    )
    run = replace(
        run,
        run_id=long,
        bundle_path=long,
        verdict=Verdict.FAILED,
        checks=checks,
        summary=Summary(number, 0, number, 0, 0),
        escalation=replace(run.escalation, action=long),
        not_checked={f"{n} {long}": f"{n} {long}" for n in range(number)},
        policy_verification=(SheetPolicy("display.organizationName", long),),
    )
    signed = [f"{n} {long}" for n in range(number)]
    digests = {f"{n}/{long}": "e" * 64 for n in range(number)}
    return run, SheetProof(long, "a" * 64, None, digests, None, {f"part {n}": long for n in range(6)}, signed)
