"""Whether the time stamps of rows are those of the run: by one clock, which more than one column confirms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recon.errors import RollbackError
from recon.ledger.calibration import LAST, MOST, NONE, TOLERANCE
from recon.rollback.evidence import ASK, STATEMENTS, Window

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import timedelta

    from recon.bundle import Bundle
    from recon.ledger.calibration import Calibration
    from recon.warehouse import Warehouse


def require_times(bundle: Bundle, run: Mapping[str, Any]) -> None:
    """Require that the report says when the run wrote.

    Raises:
        RollbackError: It does not.
    """
    started, ended = run["started_at"], run["completed_at"]
    if started is None:
        raise RollbackError(
            "The report does not say when the run started, so created_at proves nothing",
            where=str(bundle.path)[:300],
            expected="startedAt",
            found="none",
            next_step=ASK,
        )
    if ended and ended < started:
        raise RollbackError(
            "The report says that the run ended before it started, so created_at proves nothing",
            where=str(bundle.path)[:300],
            expected=f"completedAt after {started}",
            found=str(ended),
            next_step=ASK,
        )


def clock_shift(calibrations: Mapping[str, Calibration], warehouse: Warehouse, run: Mapping[str, Any]) -> timedelta:
    """Return how far the clock of created_at is ahead of the run's.

    Raises:
        RollbackError: Times on rows are off, and no other column confirms the clock: then another run may have created
            these rows.
    """
    shifted = [each for each in calibrations.values() if each.created.rows and each.created.offset]
    if not shifted:
        return NONE
    shifts = sorted(each.created.offset for each in shifted if each.created.offset)
    by_updated = {each.updated.offset == each.created.offset for each in shifted if each.updated.offset is not None}
    is_confirmed = by_updated == {True} and shifts[-1] - shifts[0] <= TOLERANCE
    if not is_confirmed or _is_denied(shifts[0], warehouse, run):
        raise RollbackError(
            "The times on the rows are off from those of the run, and other times do not confirm the clock",
            where="created_at",
            expected="created_at, updated_at and the run's id mappings by one clock",
            found=f"created_at off by {shifts[0]}, and the others not",
            next_step=f"An earlier run may have created these rows. {ASK}",
        )
    return shifts[0]


def _is_denied(shift: timedelta, warehouse: Warehouse, run: Mapping[str, Any]) -> bool:
    """Whether the run's id mappings were mostly written at other times, by the same clock."""
    ended = run["completed_at"]
    span = {
        "started_at": run["started_at"] + shift - TOLERANCE,
        "ended_at": LAST if ended is None else ended + shift + TOLERANCE,
    }
    found = warehouse.rows(STATEMENTS["clocks"], {"run_id": run["run_id"], **span})[0]
    return bool(found["within"] < MOST * found["n"])


def window_of(calibration: Calibration | None, run: Mapping[str, Any], shift: timedelta) -> Window:
    """The time by the clock of created_at; without records to measure the clock on, by that of the other tables."""
    started, ended = run["started_at"], run["completed_at"]
    offset = shift if calibration is None else calibration.created.offset
    if offset is None:
        return Window(None, None, None)
    ended = ended and ended + offset + TOLERANCE
    return Window(started + offset - TOLERANCE, ended, ended if calibration is None else calibration.edited_after)
