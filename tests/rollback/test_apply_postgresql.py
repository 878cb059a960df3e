"""A rollback on a real PostgreSQL does what its plan says, or nothing and says why."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from pgbouncer import PROGRAM, running_pgbouncer
from postgres import running_standby
from rollback_cases import Template, dropping, make_template
from severing import severing_proxy

import recon
from recon.database.writing.postgresql_transaction import LOCK_KEY

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from postgres import Cluster
    from rollback_cases import Case

SECRET = "Pl4ntedS3cret"  # noqa: S105 - made up
ROLES = count()
FULL = Path("/dev/full")
ON_OTHERS = (
    # What a cascade could reach, and does not.
    """create table "Badge" (id int primary key, "memberId" uuid default '{member}' references "Member" (id)
       on delete set default)""",
    'insert into "Badge" select row_number() over (), id from "Member" where "createdAt" < \'2024-01-01\'',
    """insert into "EventPhoto" (id, "eventId") select gen_random_uuid(), id from "Event"
       where "createdAt" < '2024-01-01'""",
)


@pytest.fixture(scope="module")
def template(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Template:
    return make_template(tmp_path_factory.mktemp("undo"), request, *ON_OTHERS, backup="BEFORE_URL")


@pytest.fixture
def case(template: Template, cluster: Cluster, tmp_path: Path) -> Iterator[Case]:
    yield from dropping(cluster, template, tmp_path)


@pytest.fixture
def role(cluster: Cluster) -> Iterator[Callable[..., str]]:
    """Makes a role with these rights in the database of a case, and returns the URL with which it connects."""
    made: list[tuple[str, Case]] = []

    def make(case: Case, *statements: str) -> str:
        name = f"undoer_{next(ROLES)}"
        made.append((name, case))
        case.database.run(
            f"create role {name} login password '{SECRET}'", *(each.format(role=name) for each in statements)
        )
        return cluster.url(case.url.rpartition("/")[2], name, SECRET)

    yield make
    for name, case in made:
        case.database.run(f"drop owned by {name}", f"drop role {name}")


def test_what_a_cascade_could_reach_is_counted_and_left_alone(case: Case) -> None:
    reached = {each.table.name: (each.through, each.rows) for each in case.planned.plan.reached}
    assert reached == {
        "MemberNote": ("on delete cascade from Member (MemberNote_memberId_fkey)", 0),
        "EventPhoto": ("on delete set null from Event (EventPhoto_eventId_fkey)", 3),
        "Badge": ("on delete set default from Member (Badge_memberId_fkey)", 4),
    }
    before, badges = case.database.everything(), case.database.rows("Badge")

    applied = case.apply()

    assert applied.words == "ROLLED BACK"
    assert case.database.everything() == case.migrated.never.everything() | {"EventPhoto": before["EventPhoto"]}
    assert case.database.rows("Badge") == badges
    # The same command again finds it done.
    assert case.apply().was_done
    assert (case.revert().words, case.database.everything()) == ("REVERTED", before)
    assert case.revert().was_done


STALE = {
    "changed": ("update \"Member\" set phone = '1' where id = '{member}'", "changed"),
    "written again": ("update \"Member\" set phone = phone where id = '{member}'", "changed"),
    "gone": ("delete from \"EventRegistration\" where id = '{registration}'", "gone"),
    "mapping gone": ('delete from "WaIdMapping" where "murmurantId" = \'{member}\'', "gone"),
    "child": ("insert into \"MemberNote\" values (gen_random_uuid(), '{member}', 'new')", "rows refer to planned rows"),
    "child that would be emptied": (
        "insert into \"EventPhoto\" values (gen_random_uuid(), '{event}')",
        "rows refer to planned rows",
    ),
    "run": (
        """insert into "WaIdMapping"
           values (gen_random_uuid(), 'member', 1, gen_random_uuid(), 'run-later', now(), now())""",
        "Another run was recorded",
    ),
    "mapping": (
        """insert into "WaIdMapping" select gen_random_uuid(), "entityType", 0, "murmurantId", null, now(), now()
           from "WaIdMapping" where "murmurantId" = '{member}'""",
        "id mappings name planned rows",
    ),
    "reference": ('create table "Later" (id int, "memberId" uuid references "Member" (id))', "foreign keys"),
    "column": ('alter table "Event" add column later int', "the table 'Event'"),
    "trigger": (
        """create function later() returns trigger language plpgsql as 'begin return old; end';
           create trigger later before delete on "Event" for each row execute function later()""",
        "triggers or rules",
    ),
    "rule": ('create rule later as on delete to "Event" do also select 1', "triggers or rules"),
    "restored row": (
        'update "Member" set "lastName" = \'Later\' where "createdAt" < \'2024-01-01\'',
        "changed",
    ),
}


@pytest.mark.parametrize("since", STALE)
def test_a_plan_is_stale_when_what_it_is_about_changed(since: str, case: Case) -> None:
    statement, words = STALE[since]
    ids = {"member": case.member, "event": case.planned_ids("Event")[0]}
    ids["registration"] = case.planned_ids("EventRegistration")[0]
    case.database.run(statement.format(**ids))
    case.refused(case.apply, words, "recon rollback plan")


IN_THE_WAY = {
    "key": (
        """insert into "Member" select '{member}', 'A', 'B', 'new@example.org', null, now(), s.id, null, null, null,
           now(), now() from "MembershipStatus" s limit 1""",
        "Rows with the keys of deleted ones are there",
    ),
    "email": (
        """insert into "Member" select gen_random_uuid(), 'A', 'B', '{email}', null, now(), s.id, null, null, null,
           now(), now() from "MembershipStatus" s limit 1""",
        "somebody wrote since is in the way",
    ),
    "parent": ('update "Member" set "membershipTierId" = null; delete from "MembershipTier"', "refers to is gone"),
    "type": ('alter table "Event" alter capacity type text', "The table 'Event' is not as it was"),
    "restored": ("""update "Member" set phone = '1'""", "A row that was changed back was changed since"),
}


@pytest.mark.parametrize("since", IN_THE_WAY)
def test_what_is_in_the_way_of_rows_keeps_them_from_being_put_back(since: str, case: Case) -> None:
    statement, words = IN_THE_WAY[since]
    email = case.database.rows("Member")[case.member][3]
    case.apply()
    case.database.run(statement.format(member=case.member, email=email))
    case.refused(case.revert, words)


def test_rows_are_put_back_among_what_was_written_since(case: Case) -> None:
    before = case.database.everything()
    case.apply()
    case.database.run(
        'alter table "Event" add later text',
        """insert into "MemberNote" select gen_random_uuid(), id, 'later' from "Member" """,
        'create table "Later" (id int, "memberId" uuid references "Member" (id))',
    )
    notes = case.database.rows("MemberNote")
    assert case.revert().words == "REVERTED"
    after = case.database.everything()
    assert after["Event"] == {key: (*row, None) for key, row in before["Event"].items()}
    assert after == before | {"MemberNote": notes, "Event": after["Event"]}


def test_what_does_not_concern_a_plan_does_not_make_it_stale(case: Case) -> None:
    case.database.run(
        'create index on "EventRegistration" ("memberId")',
        'insert into "Badge" select 100, id from "Member" where "createdAt" < \'2024-01-01\' limit 1',
        'update "EventPhoto" set id = gen_random_uuid()',
    )
    assert case.apply().words == "ROLLED BACK"


HELD = {
    "row": ("select from \"Member\" where id = '{member}' for update", "Another session holds"),
    "row, shared": ("select from \"Member\" where id = '{member}' for key share", "Another session holds"),
    "table": ('lock table "Event" in share mode', "Other sessions are writing", "holding it"),
    "open write": ('update "Badge" set id = id + 50; update "Event" set title = title', "Other sessions", "holding it"),
    "rollback": (f"select pg_advisory_xact_lock({LOCK_KEY})", "advisory lock", "wait until it has ended"),
}


@pytest.mark.parametrize("held", HELD)
def test_what_another_session_holds_is_not_waited_for(held: str, case: Case) -> None:
    statement, *words = HELD[held]
    with psycopg.connect(case.url, application_name="holding it") as other:
        other.execute(statement.format(member=case.member).encode())
        case.refused(case.apply, *words)
        other.rollback()
    assert case.apply().words == "ROLLED BACK"
    with psycopg.connect(case.url, application_name="holding it") as other:
        other.execute(statement.format(member=case.member).encode())
        if not held.startswith("row"):
            case.refused(case.revert, *words)


def test_a_plan_of_another_database_is_refused(case: Case) -> None:
    never = case.migrated.never.address
    case.refused(lambda: case.apply(never), "The plan is of another database")
    case.refused(lambda: case.revert(never), "The plan is of another database")


def test_edited_files_are_refused(case: Case) -> None:
    plan, reverse = case.planned.folder / "plan.json", case.planned.folder / "reverse.sql"
    originals = plan.read_bytes(), reverse.read_bytes()
    plan.write_bytes(originals[0].replace(case.member.encode(), case.migrated.older["Member"][0].encode()))
    case.refused(case.apply, "edited after it was made")
    plan.write_bytes(originals[0])
    reverse.write_bytes(originals[1].replace(b"CONFIRMED", b"CANCELLED", 1))
    case.refused(case.apply, "The reverse SQL is not the one")
    reverse.unlink()
    case.refused(case.apply, "The reverse SQL cannot be read")
    reverse.write_bytes(originals[1])
    case.apply()
    reverse.write_bytes(originals[1].replace(b"CONFIRMED", b"CANCELLED", 1))
    case.refused(case.revert, "The reverse SQL is not the one")


def test_too_many_rows_and_the_wrong_run_are_refused(case: Case) -> None:
    case.refused(lambda: case.apply(max_delete=case.planned.plan.rows - 1), "--max-delete")
    case.refused(lambda: case.apply(run_id="run-20240115-143001"), "That is not the run of this plan")


READS = "grant select on all tables in schema public to {role}"


def test_a_role_that_may_only_read_can_plan_and_writes_nothing(
    case: Case, role: Callable[..., str], tmp_path: Path
) -> None:
    url = role(case, READS, "alter role {role} set default_transaction_read_only = on")
    before = case.state()
    planned = case.migrated.plan(environment={"DATABASE_URL": url}, outputs=tmp_path / "read")
    assert case.state() == before
    # It may create no temporary tables in transactions that only read: the proof is made up for later.
    assert "tried out before" in planned.plan.reverse.not_proven
    assert [[row.key for row in each.rows] for each in planned.plan.deleted] == [
        [row.key for row in each.rows] for each in case.planned.plan.deleted
    ]
    case.refused(
        lambda: recon.apply_rollback(case.migrated.applying(planned, environment={"DATABASE_URL": url})),
        "transactions that may",
    )
    assert recon.apply_rollback(case.migrated.applying(planned)).words.startswith("ROLLED BACK")


def test_the_rights_that_the_error_names_are_enough(case: Case, role: Callable[..., str]) -> None:
    url = role(case)
    said = case.refused(lambda: case.apply(url), "This role may not do what the plan needs", "grant")
    case.database.run(*_grants(said))
    assert case.apply(url).words == "ROLLED BACK"
    said = case.refused(lambda: case.revert(url), "insert")
    case.database.run(*_grants(said))
    assert case.revert(url).words == "REVERTED"


def _grants(said: str) -> list[str]:
    return said.partition("expected ")[2].partition(". Use a role")[0].split("; ")


def test_hidden_rows_are_an_error(case: Case, role: Callable[..., str]) -> None:
    url = role(case, "grant all on all tables in schema public to {role}")
    case.database.run(
        'alter table "Member" enable row level security',
        'create policy visible on "Member" using ("createdAt" > \'2000-01-01\')',
    )
    case.refused(lambda: case.apply(url), "BYPASSRLS")
    case.refused(lambda: case.migrated.plan(environment={"DATABASE_URL": url}), "row security")
    assert case.apply().words == "ROLLED BACK"


def test_a_statement_that_takes_too_long_undoes_everything(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recon.database.writing.postgresql_transaction.STATEMENT_LIMIT_S", 0.001)
    case.refused(case.apply, "was cancelled, or took longer")


@pytest.mark.skipif(PROGRAM is None, reason="pgbouncer is not installed")
def test_a_pooler_in_transaction_mode_will_do(case: Case, cluster: Cluster) -> None:
    name = case.url.rpartition("/")[2]
    before = case.database.everything()
    with running_pgbouncer(cluster, {"pooled": f"dbname={name} pool_mode=transaction pool_size=1"}) as pooler:
        address = pooler.url("pooled")
        assert case.apply(address).words == "ROLLED BACK"
        assert case.apply(address).was_done
        assert case.revert(address).words == "REVERTED"
    assert case.database.everything() == before


LOST = {
    "apply": ("before", "nothing was changed"),
    "apply, committed": ("after", None),
    "revert": ("before", "nothing was changed"),
    "revert, committed": ("after", None),
}


@pytest.mark.parametrize("lost", LOST)
def test_a_commit_whose_answer_is_lost_is_resolved(lost: str, case: Case, cluster: Cluster) -> None:
    side, words = LOST[lost]
    is_reverting = lost.startswith("revert")
    act = case.revert if is_reverting else case.apply
    if is_reverting:
        case.apply()
    with severing_proxy(cluster.port, b"commit", side=side) as proxy:
        if words:
            case.refused(lambda: act(proxy.url(case.url)), words, "Try again")
            assert not act().was_done
        else:
            done = act(proxy.url(case.url))
            assert done.words == ("REVERTED" if is_reverting else "ROLLED BACK")
            assert not done.was_done
        assert proxy.severed.is_set()
    assert act().was_done


@pytest.mark.parametrize("side", ["before", "after"])
def test_a_server_that_does_not_answer_leaves_the_commit_in_doubt(
    side: str, case: Case, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recon.rollback.resolution.ANSWER_WAIT_S", 0.02)
    monkeypatch.setattr("recon.rollback.resolution.PAUSE_S", 0.01)
    with (
        severing_proxy(cluster.port, b"commit", side=side, is_silent=True) as proxy,
        pytest.raises(recon.ReconError, match="does not say whether it was committed") as raised,
    ):
        case.apply(proxy.url(case.url))
    assert "Give the same command again" in str(raised.value)
    again = case.apply()
    assert (again.words, again.was_done) == ("ROLLED BACK", side == "after")


def test_a_connection_that_ends_before_the_commit_changes_nothing(case: Case, cluster: Cluster) -> None:
    with severing_proxy(cluster.port, b"insert into", side="after") as proxy:
        case.refused(lambda: case.apply(proxy.url(case.url)), "The connection ended (nothing was changed)")
    assert case.apply().words == "ROLLED BACK"


@pytest.mark.skipif(not FULL.exists(), reason="there is no device that is always full")
def test_a_full_disk_undoes_everything(case: Case, cluster: Cluster) -> None:
    case.database.run('truncate "AuditLog"')
    ((path,),) = case.database.run("select pg_relation_filepath('\"AuditLog\"')")
    (cluster.data / path).unlink()
    (cluster.data / path).symlink_to(FULL)
    case.refused(case.apply, "The server has no room left (nothing was changed)", "Make room on the server's disk")
    case.database.run('truncate "AuditLog"')
    assert case.apply().words == "ROLLED BACK"


@pytest.mark.soak
def test_a_plan_made_on_a_standby_is_applied_on_the_primary(case: Case, cluster: Cluster) -> None:
    with running_standby(cluster, {}) as standby:
        there = {"DATABASE_URL": standby.url(case.url.rpartition("/")[2])}
        planned = case.migrated.plan(environment=there)
        assert "tried out before" in planned.plan.reverse.not_proven
        options = case.migrated.applying(planned, environment=there)
        case.refused(lambda: recon.apply_rollback(options), "standby", "Connect to the primary")
    assert recon.apply_rollback(case.migrated.applying(planned)).words.startswith("ROLLED BACK")
