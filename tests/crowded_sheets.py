"""Sheets on which everything is said as often and as long as it can be."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace
from verifications import HOSTILE

from recon.model import Outcome, Summary, Verdict
from recon.report.go_no_go.affected import SheetAcceptance, SheetAccount, SheetCause, SheetCheck, SheetLedger
from recon.report.go_no_go.sheet import SheetProof
from recon.report.go_no_go.verdict import SheetPolicy, SheetRun
from recon.report.go_no_go.way_back import WayBack
from recon.rollback.figures import RehearsedFigures

INSTANT = datetime(2024, 1, 15, 18, 30, tzinfo=UTC)


def crowded(run: SheetRun, number: int = 40, text: str = "") -> tuple[SheetRun, SheetProof, WayBack, datetime]:
    """The worst that can be said, as often and as long as it can; `text`: in these words."""
    long = text or " ".join(HOSTILE)
    checks = tuple(
        SheetCheck(
            f"{n} {long}",
            Outcome.FAIL,
            long,
            SheetAcceptance(n + 1, n, "2024-02-01"),
            long,
            10**9 - n,
            ({"registration_id": "1"},),
        )
        for n in range(number)
    )
    causes = tuple(
        SheetCause("other", f"{n} {long}", f"{'x' * n}registrations", 10**9 + n, is_harmless=False, field=field)
        for n in range(number)
        for field in (None, long)
    )
    ledger = SheetLedger(
        long, 10**9, 10**8, 10**7, (SheetAccount("registrations", 10**9, 10**9),), {long: long}, causes
    )
    run = replace(
        run,
        run_id=long,
        bundle_path=long,
        verdict=Verdict.FAILED,
        checks=checks,
        summary=Summary(number, 0, number, 0, 0),
        escalation=replace(run.escalation, action=long, contact=long, required=True),
        notices=(long, long),
        ledger=ledger,
        not_checked={f"{n} {long}": f"{n} {long}" for n in range(number)},
        policy_verification=(SheetPolicy("display.organizationName", long),),
    )
    signed = [f"{n} {long}" for n in range(number)]
    digests = {f"{n}/{long}": "e" * 64 for n in range(number)}
    proof = SheetProof(long, "a" * 64, None, digests, None, {f"part {n}": long for n in range(number)}, signed)
    return run, proof, WayBack(rehearsed=figures(), backup=long, backup_at=INSTANT), INSTANT


def figures(level_1_s: float | None = 246.0) -> RehearsedFigures:
    """What a rehearsal measured three days before the club's migration."""
    return RehearsedFigures(
        at=INSTANT - timedelta(days=3),
        identity={"kind": "sqlite", "path": "/club.db"},
        backup="backups/20240112T183000Z-club",
        rows=11_273,
        restore_s=60.0,
        level_1_s=level_1_s,
        level_1_rows=11_273 if level_1_s else 0,
        level_2_s=132.0,
        outage_s=66.0,
    )
