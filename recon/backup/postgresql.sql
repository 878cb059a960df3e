-- name: about
select current_setting('server_version'), current_setting('server_version_num')::int / 10000,
       current_setting('server_encoding'), d.datcollate::text, d.datctype::text,
       current_setting('is_superuser')
from pg_catalog.pg_database d where d.datname = current_database()

-- name: encoding
select current_setting('server_encoding')

-- name: listed
select n.nspname::text, c.relname::text,
       coalesce((select array_agg(a.attname::text order by a.attnum) from pg_catalog.pg_attribute a
                 where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = ''), '{}'),
       case when c.relkind = 'm' then 'a materialized view, whose rows are computed again'
            when c.relkind = 'f' then 'a foreign table, whose rows are on another server'
            when exists (select from pg_catalog.pg_depend d
                         where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
            then 'a table of an extension, which is created again' end
from pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'm', 'f') and c.relpersistence <> 't'
  and n.nspname !~ '^pg_' and n.nspname <> 'information_schema'
order by 1, 2

-- name: begin
begin isolation level repeatable read read only

-- name: settings
select set_config(v.name, v.value, true)
from (values ('DateStyle', 'ISO, YMD'), ('TimeZone', 'UTC'), ('IntervalStyle', 'postgres'), ('bytea_output', 'hex'),
             ('extra_float_digits', '1'), ('lc_monetary', 'C'), ('xmloption', 'content'), ('search_path', ''),
             ('row_security', 'off'), ('statement_timeout', '0'), ('transaction_timeout', '0'),
             ('idle_in_transaction_session_timeout', '0')) v(name, value)
join pg_catalog.pg_settings s on lower(s.name) = lower(v.name)

-- name: lock
lock table {tables} in access share mode

-- name: snapshot
select pg_catalog.pg_export_snapshot(), extract(epoch from clock_timestamp())::float8

-- name: rows
copy {table} ({columns}) to stdout

-- name: sequences
select schemaname::text, sequencename::text, coalesce(last_value, start_value) from pg_catalog.pg_sequences
where schemaname !~ '^pg_' and schemaname <> 'information_schema'
order by 1, 2

-- name: large_objects
copy (select oid, encode(sha256(lo_get(oid)), 'hex') from pg_catalog.pg_largeobject_metadata) to stdout

-- name: objects
with own as (select oid from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema')
select 'index', count(*) from pg_catalog.pg_class where relkind in ('i', 'I') and relnamespace in (select oid from own)
union all
select 'view', count(*) from pg_catalog.pg_class where relkind in ('v', 'm') and relnamespace in (select oid from own)
union all
select 'sequence', count(*) from pg_catalog.pg_class where relkind = 'S' and relnamespace in (select oid from own)
union all
select 'constraint', count(*) from pg_catalog.pg_constraint
where contype in ('c', 'f', 'p', 'u', 'x') and connamespace in (select oid from own)
union all
select 'function', count(*) from pg_catalog.pg_proc where pronamespace in (select oid from own)
union all
select 'trigger', count(*) from pg_catalog.pg_trigger t
join pg_catalog.pg_class c on c.oid = t.tgrelid
where not t.tgisinternal and t.tgparentid = 0 and c.relnamespace in (select oid from own)

-- name: definitions
with own as (select * from pg_catalog.pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema'),
     relations as (select c.*, n.nspname from pg_catalog.pg_class c join own n on n.oid = c.relnamespace
                   where c.relpersistence <> 't'),
     said as (
  select oid as relation,
         concat_ws('|', relkind, relowner, relacl, relrowsecurity, relforcerowsecurity, reloptions) as words
  from relations
  union all
  select attrelid, a::text from pg_catalog.pg_attribute a where attnum > 0 and not attisdropped
  and attrelid in (select oid from relations)
  union all
  select adrelid, adnum || ' ' || pg_catalog.pg_get_expr(adbin, adrelid) from pg_catalog.pg_attrdef
  where adrelid in (select oid from relations)
  union all
  select indexrelid, pg_catalog.pg_get_indexdef(indexrelid) from pg_catalog.pg_index
  where indexrelid in (select oid from relations)
  union all
  select conrelid, concat_ws(' ', conname, convalidated, pg_catalog.pg_get_constraintdef(oid))
  from pg_catalog.pg_constraint where conrelid in (select oid from relations)
  union all
  select tgrelid, concat_ws(' ', tgenabled, pg_catalog.pg_get_triggerdef(oid)) from pg_catalog.pg_trigger
  where not tgisinternal and tgrelid in (select oid from relations)
  union all
  select ev_class, concat_ws(' ', ev_enabled, pg_catalog.pg_get_ruledef(oid)) from pg_catalog.pg_rewrite
  where ev_class in (select oid from relations)
  union all
  select polrelid, p::text from pg_catalog.pg_policy p
  union all
  select seqrelid, s::text from pg_catalog.pg_sequence s
  union all
  select inhrelid, 'of ' || inhparent::regclass from pg_catalog.pg_inherits)
select case relkind when 'v' then 'view' when 'm' then 'materialized view' when 'i' then 'index' when 'I' then 'index'
                    when 'S' then 'sequence' when 'f' then 'foreign table' when 'c' then 'type' else 'table' end,
       nspname::text, relname::text, words
from relations join said on relation = oid
union all
select 'schema', nspname::text, null, concat_ws('|', nspowner, nspacl) from own
union all
select 'function', nspname::text, proname::text, p::text
from pg_catalog.pg_proc p join own n on n.oid = p.pronamespace
union all
select 'type', nspname::text, typname::text, 
       concat_ws('|', typowner, typacl, typnotnull, typbasetype, typdefault, enumlabel, enumsortorder)
from pg_catalog.pg_type t join own n on n.oid = t.typnamespace left join pg_catalog.pg_enum e on e.enumtypid = t.oid
where typtype in ('d', 'e')
union all
select 'domain constraint', nspname::text, conname::text, pg_catalog.pg_get_constraintdef(c.oid)
from pg_catalog.pg_constraint c join own n on n.oid = c.connamespace where contypid <> 0
union all
select 'extension', null, extname::text, extversion from pg_catalog.pg_extension

-- name: last_values
select schemaname::text, sequencename::text, last_value from pg_catalog.pg_sequences
where schemaname !~ '^pg_' and schemaname <> 'information_schema'

-- name: create_scratch
create database {name} {definition}

-- name: hold_scratch
select pg_catalog.pg_advisory_lock(%s::bigint)

-- name: mark_scratch
comment on database {name} is {words}

-- name: oid_of
select oid::text from pg_catalog.pg_database where datname = %s

-- name: end_sessions
select pg_catalog.pg_terminate_backend(pid) from pg_catalog.pg_stat_activity
where datname = %s and pid <> pg_catalog.pg_backend_pid()

-- name: drop_scratch
drop database {name}

-- name: left_behind
select d.datname::text, d.oid::text,
       pg_catalog.pg_has_role(d.datdba, 'USAGE')
       and coalesce(pg_catalog.shobj_description(d.oid, 'pg_database') = %s, true)
       and not exists (select from pg_catalog.pg_stat_activity a where a.datid = d.oid)
       and not exists (select from pg_catalog.pg_locks l
                       where l.locktype = 'advisory' and l.objsubid = 1
                         and l.classid::bigint = ('x' || substr(d.datname, 15, 8))::bit(32)::bigint
                         and l.objid::bigint = ('x' || substr(d.datname, 23, 8))::bit(32)::bigint)
from pg_catalog.pg_database d
where d.datname ~ '^recon_scratch_[0-9a-f]{16}$'
order by 1
