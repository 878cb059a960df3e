-- name: about
select pg_catalog.split_part(pg_catalog.current_setting('server_version'), ' ', 1), current_schema()::text

-- name: settings
select pg_catalog.set_config(v.name, v.value, true)
from (values ('DateStyle', 'ISO, YMD'), ('TimeZone', 'UTC'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
             ('extra_float_digits', '1'), ('lc_monetary', 'C'), ('xmloption', 'content'), ('row_security', 'off'),
             ('lock_timeout', %(lock_ms)s), ('statement_timeout', %(statement_ms)s),
             ('idle_in_transaction_session_timeout', %(idle_ms)s), ('transaction_timeout', '0')) v(name, value)
join pg_catalog.pg_settings s on pg_catalog.lower(s.name) = pg_catalog.lower(v.name)

-- name: without_path
select pg_catalog.set_config('search_path', '', true)

-- name: one_process
select pg_catalog.set_config('max_parallel_workers_per_gather', '0', true)

-- name: seal
set transaction read only

-- name: state
select pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on',
       pg_catalog.current_setting('session_replication_role') = 'replica'

-- name: lock
select pg_catalog.pg_try_advisory_xact_lock(%(key)s)

-- name: rows
select {columns} from {table} where {where}{order}{lock}

-- name: literal
pg_catalog.format('%L', {column})

-- name: content
select count(*), coalesce(pg_catalog.sum(pg_catalog.hashtextextended(({table}.*)::text, 0)::numeric), 0)::text
from {table} where {where}

-- name: count
select count(*) from {table} where {where}

-- name: look_up
explain (analyze, timing off, format json) select count(*) from {table} where {where}

-- name: scratch
create temp table {scratch} (like {table} including defaults including identity including generated) on commit drop

-- name: transaction_id
select pg_catalog.txid_current()::text

-- name: status_of
select pg_catalog.txid_status(%(id)s::bigint)

-- name: missing_rights
with {named}
select c.schema_name::text, c.sql, w."right", pg_catalog.has_schema_privilege(c.schema, 'usage'),
       case when w."right" = 'lock' then pg_catalog.has_any_column_privilege(c.oid, 'update')
            else pg_catalog.has_table_privilege(c.oid, w."right") end, current_user::text
from unnest(%(tables)s::text[], %(rights)s::text[]) with ordinality w(sql, "right", place)
join named c on c.sql = w.sql
order by w.place

-- name: other_writers
with recursive {named}, {reached}
select distinct r.sql, l.pid, coalesce(a.usename::text, x.owner::text), a.application_name, x.gid,
       pg_catalog.to_char(coalesce(a.xact_start, x.prepared) at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS')
from reached r
join pg_catalog.pg_locks l on l.relation = r.oid and l.locktype = 'relation'
  and l.database = (select d.oid from pg_catalog.pg_database d where d.datname = current_database())
left join pg_catalog.pg_stat_activity a on a.pid = l.pid
-- A prepared transaction has no process any more; it holds the lock on its own number.
left join pg_catalog.pg_locks own on l.pid is null and own.pid is null and own.locktype = 'transactionid'
  and own.virtualtransaction = l.virtualtransaction
left join pg_catalog.pg_prepared_xacts x on x.transaction = own.transactionid
where l.mode in ('RowExclusiveLock', 'ShareLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock')
  and l.pid is distinct from pg_catalog.pg_backend_pid() and a.backend_type is distinct from 'autovacuum worker'
order by 1, 2, 5
