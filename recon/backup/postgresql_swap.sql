-- name: rights
select r.rolcreatedb or r.rolsuper, pg_catalog.pg_has_role(d.datdba, 'USAGE'), d.datname::text,
       d.datdba::regrole::text, current_user::text,
       pg_catalog.pg_size_pretty(pg_catalog.pg_database_size(d.oid)),
       (select t.spcname::text from pg_catalog.pg_tablespace t
        where t.oid = d.dattablespace and not pg_catalog.has_tablespace_privilege(t.oid, 'CREATE')
          and t.oid <> (select dattablespace from pg_catalog.pg_database where datname = 'template0'))
from pg_catalog.pg_database d, pg_catalog.pg_roles r
where d.datname = current_database() and r.rolname = current_user

-- name: unlockable
select n.nspname::text, c.relname::text, current_user::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not pg_catalog.has_table_privilege(c.oid, 'UPDATE, DELETE, TRUNCATE')
order by 1, 2

-- name: elsewhere
select d.datname::text from pg_catalog.pg_database d
where d.datname in ('postgres', 'template1') and d.datname <> current_database()
  and d.datallowconn and pg_catalog.has_database_privilege(d.oid, 'CONNECT')
order by 1

-- name: bound
select 'replication slot', slot_name::text from pg_catalog.pg_replication_slots where database = current_database()
union all
select 'subscription', subname::text from pg_catalog.pg_subscription
where subdbid = (select oid from pg_catalog.pg_database where datname = current_database())
union all
select 'prepared transaction', gid from pg_catalog.pg_prepared_xacts where database = current_database()
order by 1, 2

-- name: labels
select count(*)::int from pg_catalog.pg_shseclabel l
where l.classoid = 'pg_catalog.pg_database'::regclass
  and l.objoid = (select oid from pg_catalog.pg_database where datname = current_database())

-- name: names
select datname::text, oid::text from pg_catalog.pg_database where datname = any(%s)

-- name: definition
select to_jsonb(d) - 'datacl', pg_catalog.pg_encoding_to_char(d.encoding)::text, r.rolname::text,
       case when d.dattablespace <> (select dattablespace from pg_catalog.pg_database where datname = 'template0')
            then t.spcname::text end,
       pg_catalog.shobj_description(d.oid, 'pg_database')
from pg_catalog.pg_database d
join pg_catalog.pg_roles r on r.oid = d.datdba
join pg_catalog.pg_tablespace t on t.oid = d.dattablespace
where d.datname = %s

-- name: grants
select coalesce(r.rolname::text, ''), a.privilege_type, a.is_grantable
from pg_catalog.pg_database d, lateral aclexplode(coalesce(d.datacl, acldefault('d', d.datdba))) a
left join pg_catalog.pg_roles r on r.oid = a.grantee
where d.datname = %s
order by 1, 2, 3

-- name: settings
select coalesce(r.rolname::text, ''), s.setconfig::text[]
from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_database d on d.oid = s.setdatabase
left join pg_catalog.pg_roles r on r.oid = s.setrole
where d.datname = %s
order by 1

-- name: holders
select a.pid, coalesce(nullif(a.application_name, ''), 'without a name'), coalesce(a.usename::text, 'unknown'),
       coalesce(a.state, a.backend_type, 'unknown')
from pg_catalog.pg_stat_activity a
where a.datname = %s and a.pid <> all(%s)
  and coalesce(a.backend_type, '') not in ('autovacuum worker', 'parallel worker')
order by 1

-- name: seen
select txid_snapshot_xmin(txid_current_snapshot()), txid_snapshot_xmax(txid_current_snapshot())

-- name: forget
select pg_catalog.pg_stat_clear_snapshot()

-- name: end
select pg_catalog.pg_terminate_backend(%s)

-- name: lock
lock table {tables} in share mode

-- name: is_held
select exists (select from pg_catalog.pg_locks l
               where l.locktype = 'object' and l.classid = 'pg_catalog.pg_database'::regclass and l.granted
                 and l.objid = (select oid from pg_catalog.pg_database where datname = %s)
                 and l.mode = 'AccessExclusiveLock' and l.pid = %s)

-- name: limit
select set_config('lock_timeout', %s, true), set_config('statement_timeout', '0', true)

-- name: rename
alter database {name} rename to {other}

-- name: comment
comment on database {name} is {words}
