"""Who may apply a plan: the run id as the person gives it, the guard on its size, and on production another person."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from recon.errors import RollbackError, UsageError
from recon.preflight.environment_names import PRODUCTION, named_environments
from recon.profile import load_profile
from recon.rollback.approval import how_to_sign, verified_approval
from recon.rollback.files import DIGEST

if TYPE_CHECKING:
    from recon.database import DatabaseUrl
    from recon.rollback.options import ApplyOptions
    from recon.rollback.plan import RollbackPlan


class ApprovablePlan(Protocol):
    """What an approval is about, in a plan of either level."""

    @property
    def environment(self) -> str:
        """The environment that the database belongs to."""

    @property
    def database(self) -> str:
        """The database, for the message."""

    @property
    def made_by(self) -> str:
        """Who made the plan, and cannot approve it."""


class Approvable(Protocol):
    """A plan that was read back."""

    @property
    def plan(self) -> ApprovablePlan:
        """The plan."""

    @property
    def sha256(self) -> str:
        """Its digest, which is signed."""

    @property
    def folder(self) -> Path:
        """Its folder, in which the signature may be."""


def require_run(plan: RollbackPlan, options: ApplyOptions) -> None:
    """Require that the person means this plan, and that it is not larger than allowed.

    Raises:
        UsageError: Another run is named, or the plan is of too many rows.
        RollbackError: It changes nothing.
    """
    if options.run_id != plan.run_id:
        raise UsageError(
            "That is not the run of this plan",
            where=str(options.plan)[:300],
            expected=plan.run_id,
            found=options.run_id[:100] or "nothing",
            next_step="Read the plan, and name the run that it undoes",
        )
    if plan.rows > options.max_delete:
        raise UsageError(
            "The plan is of more rows than are allowed",
            where="--max-delete",
            expected=f"at most {options.max_delete:,}",
            found=f"{plan.rows:,}",
            next_step="Read the plan; if it is right, raise --max-delete",
        )
    if not plan.rows and not plan.restored_rows:
        raise RollbackError(
            "The plan changes nothing",
            where=str(options.plan)[:300],
            expected="rows to delete",
            found=f"none, and {plan.kept_rows:,} rows that are kept",
            next_step="Read in the plan why each is kept",
        )


def approved_by(stored: Approvable, options: ApplyOptions, url: DatabaseUrl) -> str | None:
    """Return who approved the plan, where an approval is given or asked for.

    Raises:
        RollbackError: It is on production and nobody approved it, or the approval does not hold.
    """
    environments = named_environments(url, load_profile(options.profile))
    is_production = environments[:1] == [PRODUCTION] or len(environments) != 1 or stored.plan.environment == PRODUCTION
    signature = _signature(stored.folder, options)
    if signature is None or options.approvers is None:
        if not is_production and options.approval is None:
            return None
        raise RollbackError(
            "A rollback on production wants the approval of another person",
            where=stored.plan.database,
            expected=f"a signature over {DIGEST}, and --approvers",
            found="no signature" if signature is None else "no --approvers",
            next_step=f"Have a colleague read the plan and sign it: {how_to_sign(stored.folder / DIGEST)[0]}",
        )
    return verified_approval(stored.sha256, signature, Path(options.approvers), stored.plan.made_by).by


def _signature(folder: Path, options: ApplyOptions) -> Path | None:
    if options.approval is not None:
        return Path(options.approval)
    beside = folder / f"{DIGEST}.sig"
    return beside if beside.is_file() else None
