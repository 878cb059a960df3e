"""Level 2 where a disk failed: some tables cannot be read, so that what is there now cannot be backed up."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psycopg
import pytest
from restores import Restores, club_with_backup, damage
from support import verify_url

import recon
from recon.errors import BackupError, CorruptionError, RollbackError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

    from recon.demo import DemoPaths

EVENTS, AUDIT = "public.Event", "public.AuditLog"


@pytest.fixture
def own(cluster: Cluster, templates: dict[str, str], tmp_path: Path) -> Iterator[Restores]:
    """A club with a backup, some of whose tables are damaged since."""
    with club_with_backup(cluster, templates, tmp_path) as made:
        made.run('create table "Newer" as select generate_series(1, 9) as id', 'delete from "WaIdMapping"')
        for table in ("Event", "AuditLog", "Newer"):
            damage(made, cluster, f'"{table}"')
        yield made


def test_damaged_tables_are_named_and_given_up_only_if_that_is_wanted(own: Restores, clean: DemoPaths) -> None:
    with pytest.raises(CorruptionError, match=r"The table 'Event' cannot be read .* invalid page in block"):
        verify_url(clean.bundle, own.url)
    before = own.run('select * from "Member" order by id')
    planned = own.plan()
    assert {*planned.plan.damaged} == {EVENTS, AUDIT, "public.Newer"}
    lost = {each.table: each for each in planned.plan.lost}
    assert {*lost} == {EVENTS, AUDIT, "public.WaIdMapping"}
    assert lost[EVENTS].rows is None
    assert "invalid page" in lost[EVENTS].found
    assert lost["public.WaIdMapping"].rows == 0
    text = (planned.folder / "plan.md").read_text(encoding="utf-8")
    assert "3 of the tables cannot be read" in text
    assert "could not be brought back" in text
    with pytest.raises(RollbackError, match=r"cannot be backed up.*nothing was changed.*--without-present-state"):
        own.apply(planned)
    assert own.run('select count(*) from "WaIdMapping"') == [(0,)]
    applied = own.apply(planned, without_present_state=True)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert (applied.words, applied.was_done) == ("RESTORED", False)
    assert own.run('select count(*) from "Event"') != [(0,)]
    assert own.run('select * from "Member" order by id') == before
    assert own.audited("rollbackPlanId", planned.plan.id) == 1
    # What is newer than the backup stays as it is, damaged.
    with pytest.raises(psycopg.Error):
        own.run('select * from "Newer"')
    assert own.apply(planned).was_done
    with pytest.raises(RollbackError, match="3 of its tables could not be read"):
        own.revert(planned)


def test_what_may_not_be_read_is_not_damaged(own: Restores, cluster: Cluster) -> None:
    role = f"blind_{own.name}"
    own.run(f"create role {role} login password 'x'")
    with pytest.raises(BackupError, match="permission denied"):
        own.plan(environment={"DATABASE_URL": cluster.url(own.name, role, "x")})
    own.run(f"drop role {role}")


@pytest.mark.soak
def test_another_table_that_is_damaged_makes_the_plan_stale(own: Restores, cluster: Cluster) -> None:
    planned = own.plan()
    damage(own, cluster, '"MembershipTier"')
    with pytest.raises(recon.ReconError, match=r"other tables are damaged by now .nothing was changed."):
        own.apply(planned, without_present_state=True)
