"""The sheet: what a run found, as much of it as fits on a page, and on the second what proves it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from recon.report.go_no_go.affected import affected
from recon.report.go_no_go.room import HEADING, Wish, lines_of, shared
from recon.report.go_no_go.verdict import OpenPoint
from recon.report.go_no_go.way_back import Undone, WayBack, day_and_time
from recon.report.templates import colours, environment, source_hash
from recon.report.text import cut, plural

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from recon.report.go_no_go.verdict import SheetRun

MOST_SIGNATURES, MOST_DIGESTS, MOST_VERSIONS = 4, 24, 8
LONGEST = 240
# The lines of the first page between the decision and the sign-off, if every text of the decision took one line.
ROOM = 29
WIDE, NARROW = 76, 50
BROKEN = "broken"
BROKEN_RECORD = (
    "The record of runs is not as it was written: nothing vouches for it. recon evidence verify FOLDER says which line"
)


@dataclass(frozen=True)
class SheetProof:
    """What proves the sheet: everything on the second page, and who signed.

    Attributes:
        by: Who ran it.
        manifest: The SHA-256 of the manifest.
        head: The digest of the last line of the record before this run's; None: there was none. `BROKEN`: the record
            was not as it was written.
        digests: File → SHA-256, the most important first.
        snapshot: The id of the read of the database; None: it is not known.
        versions: Of recon and of what it computes with.
        signatures: Whose signatures hold, and when they signed, one line each.
        links: Label → address of what there is beside the sheet, relative to it.
        profile: The profile of the run, as it was named; None: the built-in one.
    """

    by: str
    manifest: str
    head: str | None
    digests: Mapping[str, str]
    snapshot: str | None
    versions: Mapping[str, str]
    signatures: Sequence[str] = ()
    links: Mapping[str, str] = field(default_factory=dict)
    profile: str | None = None


def render(run: SheetRun, proof: SheetProof, way_back: WayBack | None = None, decide_by: datetime | None = None) -> str:
    """The sheet as one self-contained HTML page, of two printed pages however much there is to say.

    Args:
        run: What was found.
        proof: What proves it.
        way_back: What is known of the way back; None: nothing.
        decide_by: Until when the recommended decision is to be taken; None: no limit is set.
    """
    style = environment().get_template("go_no_go/sheet.css.jinja").render(colours=colours())
    those = affected(run.ledger, run.checks) if run.has_affected else []
    undone = Undone(run.bundle_path, proof.profile)
    back = [] if run.tone == "NONE" else (way_back or WayBack()).lines(undone, run.started_at)
    broken = [OpenPoint("NOTE", "Note", "", BROKEN_RECORD)] if proof.head == BROKEN else []
    points = [*broken, *run.open]
    wishes = {
        "affected": Wish([f"{each.what}: {each.why}" for each in those], NARROW, 2, 8),
        "open": Wish([f"{each.name}: {each.message}" for each in points], WIDE - 10, 2, 12),
        "unchecked": Wish(run.unchecked, WIDE, 1, 5),
        "accepted": Wish(run.accepted, WIDE, 1, 6),
    }
    found: Mapping[str, Sequence[object]] = {
        "affected": those,
        "open": points,
        "unchecked": run.unchecked,
        "accepted": run.accepted,
    }
    given = shared(ROOM - _taken(run, back, is_limited=decide_by is not None), wishes)
    return (
        environment()
        .get_template("go_no_go/sheet.html.jinja")
        .render(
            run=run,
            proof=proof,
            style=style,
            style_hash=source_hash(style),
            decide_by=day_and_time(decide_by) if decide_by else "",
            verified=day_and_time(run.started_at),
            shown={name: found[name][:number] for name, number in given.items()},
            more={name: len(found[name]) - number for name, number in given.items()},
            way_back=back,
            signatures=_shown(proof.signatures, MOST_SIGNATURES),
            digests=list(proof.digests.items())[:MOST_DIGESTS],
            more_digests=max(0, len(proof.digests) - MOST_DIGESTS),
            versions=list(proof.versions.items())[:MOST_VERSIONS],
            broken=BROKEN,
            short=lambda text: cut(str(text), LONGEST),
        )
    )


def _taken(run: SheetRun, way_back: Sequence[tuple[str, str]], *, is_limited: bool) -> int:
    """The lines taken by what the decision says at length, less what it does not say, and by accounts and way back."""
    said = ((run.headline, 40), (run.reason, 64), (run.next_step, 58), (run.call, 58))
    decision = sum(lines_of(text, width) - 1 if text else -1 for text, width in said) - (not is_limited)
    accounts = lines_of(run.accounted_for, WIDE)
    return decision + accounts + max(HEADING, sum(lines_of(words, WIDE - 18) for _, words in way_back))


def _shown(lines: Sequence[str], most: int) -> list[str]:
    """As many lines as there is room for; the last one says how many there are besides."""
    shown = [cut(line, LONGEST) for line in lines[:most]]
    if len(lines) <= most:
        return shown
    return [*shown[:-1], f"and {plural(len(lines) - most + 1, 'other')}: see verification.json"]
