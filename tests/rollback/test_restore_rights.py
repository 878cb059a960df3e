"""Level 2 and rights: owners and grants on every kind of object are as in the backup, or what differs is reported."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from restores import NAMES, Restores, club_with_backup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from postgres import Cluster

OBJECTS = """
create schema app; create table app.t (a int, b int); create sequence app.s; create type app.mood as enum ('good');
create domain app.small as int check (value < 10); create view app.v as select a from app.t;
create materialized view app.m as select a from app.t; create function app.f() returns int language sql return 1;
create procedure app.p() language sql begin atomic select 1; end;
create aggregate app.total (int) (sfunc = int4pl, stype = int, initcond = '0')
"""
# How each kind is named by ALTER … OWNER, and by GRANT; with the rights that there are.
KINDS = (
    ("schema app", "schema app", "usage, create"),
    ("table app.t", "table app.t", "select, update"),
    ("sequence app.s", "sequence app.s", "usage"),
    ("type app.mood", "type app.mood", "usage"),
    ("domain app.small", "domain app.small", "usage"),
    ("view app.v", "table app.v", "select"),
    ("materialized view app.m", "table app.m", "select"),
    ("function app.f()", "function app.f()", "execute"),
    ("procedure app.p()", "procedure app.p()", "execute"),
    ("aggregate app.total(int)", "function app.total(int)", "execute"),
)
# What belongs to no object that comes back: it stands, and has to be set right by itself.
STANDING = (
    "{give} usage on schema public {to} {role}",
    "{give} select (b) on table app.t {to} {role}",
    "alter default privileges for role {owner} in schema app {give} select on tables {to} {role}",
    "alter default privileges for role {owner} {give} usage on types {to} {role}",
    "{give} usage on language plpgsql {to} {role}",
)
# What the backup brings back must not get it, although it is in force before and afterwards.
IN_FORCE = "alter default privileges in schema app grant insert on tables to {role}"
RIGHTS = """
with own as (select * from pg_namespace where nspname in ('app', 'public')),
     said (kind, name, owner, acl) as (
  select 'schema', nspname::text, nspowner, coalesce(nspacl, acldefault('n', nspowner)) from own union all
  select 'relation', relname, relowner,
         coalesce(relacl, acldefault(case relkind when 'S' then 's' else 'r' end::"char", relowner)) from pg_class
  where relnamespace in (select oid from own) and relkind in ('r', 'v', 'm', 'S') union all
  select 'column', attrelid::regclass || '.' || attname, 0, attacl from pg_attribute where attacl is not null and
  attrelid in (select oid from pg_class where relnamespace in (select oid from own)) union all
  select 'function', proname, proowner, coalesce(proacl, acldefault('f', proowner)) from pg_proc
  where pronamespace in (select oid from own) union all
  select 'type', typname, typowner, coalesce(typacl, acldefault('T', typowner)) from pg_type
  where typnamespace in (select oid from own) and typtype in ('e', 'd') union all
  select 'language', lanname, 0, lanacl from pg_language union all
  select 'default', concat_ws(' ', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype), 0, defaclacl
  from pg_default_acl)
select kind, name, owner::regrole::text,
       (select array_agg(a order by a) from (select (grantee::regrole, privilege_type, is_grantable)::text as a
                                             from aclexplode(acl)) as x)
from said order by 1, 2"""


Rights = list[tuple[Any, ...]]


def granted(role: str, owner: str) -> list[str]:
    """Everything is the owner's own, and the role has every right."""
    owned = [f"alter {named} owner to {owner}" for named, _, _ in KINDS]
    rights = [f"grant {rights} on {named} to {role}" for _, named, rights in KINDS]
    return [*owned, *rights, *(each.format(give="grant", to="to", role=role, owner=owner) for each in STANDING)]


def revoked(role: str, owner: str) -> list[str]:
    rights = [f"revoke {rights} on {named} from {role}" for _, named, rights in KINDS]
    return [*rights, *(each.format(give="revoke", to="from", role=role, owner=owner) for each in STANDING)]


@pytest.fixture
def changed(cluster: Cluster, templates: dict[str, str], tmp_path: Path) -> Iterator[tuple[Restores, Rights]]:
    """A club whose objects are one role's, and to which another has rights; both are others since the backup."""
    names = [f"{word}_{next(NAMES)}" for word in ("owner", "app", "owner", "app")]
    with club_with_backup(cluster, templates, tmp_path) as made:
        made.run(OBJECTS, *(f"create role {name}" for name in names))
        made.run(*granted(names[1], names[0]))
        made.run(IN_FORCE.format(role=names[1]))
        made.back_up()
        kept = rights(made)
        made.run(*revoked(names[1], names[0]), *granted(names[3], names[2]))
        made.run("revoke all on schema public from public", "revoke usage on type app.mood from public")
        yield made, kept
        made.run(*(f"drop owned by {name} cascade" for name in names))
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        for name in names:
            connection.execute(f"drop role {name}".encode())


@pytest.mark.soak
def test_a_new_database_has_them_as_in_the_backup(changed: tuple[Restores, Rights], cluster: Cluster) -> None:
    own, kept = changed
    planned = own.plan(swap=True)
    assert own.apply(planned).words == "RESTORED"
    assert rights(own) == kept
    assert own.revert(planned).words == "REVERTED"
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(f"drop database {own.name}_reverted_{planned.plan.id[:8]}".encode())


def test_owners_and_grants_are_as_in_the_backup(changed: tuple[Restores, Rights]) -> None:
    own, kept = changed
    since = rights(own)
    planned = own.plan()
    fates = {each.name: each.fate for each in planned.plan.survey.differences}
    assert fates["REVOKE USAGE ON SCHEMA public FROM PUBLIC"] == "becomes as in the backup"
    applied = own.apply(planned)
    assert [check.message for check in applied.assessment.checks if check.outcome != "PASS"] == []
    assert rights(own) == kept
    again = own.plan().plan.survey
    assert (again.differences, again.absent, again.extra) == ((), (), ())
    assert own.revert(planned).words == "REVERTED"
    assert rights(own) == since != kept


def rights(own: Restores) -> Rights:
    return own.run(RIGHTS)
