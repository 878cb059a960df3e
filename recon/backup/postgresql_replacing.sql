-- name: begin
begin isolation level read committed read write

-- name: read
begin isolation level repeatable read read only

-- name: limits
select set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true),
       set_config('idle_in_transaction_session_timeout', '0', true)

-- name: lock
select pg_catalog.pg_try_advisory_xact_lock(%s)

-- name: tables
select n.nspname::text, c.relname::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2

-- name: schemas
select nspname::text from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'

-- name: holders
select distinct a.pid, coalesce(nullif(a.application_name, ''), 'without a name'), a.usename::text, a.state,
       date_trunc('second', clock_timestamp() - a.xact_start)::text
from pg_catalog.pg_stat_activity a
join pg_catalog.pg_locks l on l.pid = a.pid
where l.locktype = 'relation' and l.granted and a.datname = current_database() and a.pid <> pg_catalog.pg_backend_pid()
  and l.database = (select oid from pg_catalog.pg_database where datname = current_database())
order by 1

-- name: unowned
select case c.relkind when 'S' then 'sequence' when 'v' then 'view' when 'm' then 'materialized view'
            when 'f' then 'foreign table' else 'table' end,
       n.nspname::text, c.relname::text, current_user::text
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'S', 'f') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not pg_catalog.pg_has_role(c.relowner, 'USAGE')
  and not exists (select from pg_catalog.pg_depend d
                  where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
order by 1, 2, 3

-- name: uncreatable
select n.nspname::text, current_user::text
from pg_catalog.pg_namespace n
where n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
  and not pg_catalog.has_schema_privilege(n.oid, 'CREATE')
order by 1

-- name: others
select count(*)::int from pg_catalog.pg_stat_activity
where datname = current_database() and pid <> pg_catalog.pg_backend_pid() and backend_type = 'client backend'

-- name: slots
select slot_name::text, active from pg_catalog.pg_replication_slots
where slot_type = 'logical' and database = current_database()
order by 1

-- name: publications
select pubname::text from pg_catalog.pg_publication order by 1

-- name: database_settings
select coalesce(r.rolname::text, ''), s.setconfig::text[]
from pg_catalog.pg_db_role_setting s
join pg_catalog.pg_database d on d.oid = s.setdatabase
left join pg_catalog.pg_roles r on r.oid = s.setrole
where d.datname = current_database()
order by 1

-- name: stamps
select n.nspname::text, c.relname::text, array_agg(a.attname::text order by a.attnum)
from pg_catalog.pg_attribute a
join pg_catalog.pg_class c on c.oid = a.attrelid
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpersistence <> 't' and a.attnum > 0 and not a.attisdropped
  and a.atttypid in ('timestamp'::regtype, 'timestamptz'::regtype)
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
group by 1, 2
order by 1, 2

-- name: written
select {created}, {edited} from {table}
