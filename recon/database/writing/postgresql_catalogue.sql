-- name: named
named as (
  select c.oid, c.relkind as kind, c.relnamespace as schema, n.nspname as schema_name, c.relname as name,
         '"' || pg_catalog.replace(n.nspname, '"', '""') || '"."'
             || pg_catalog.replace(c.relname, '"', '""') || '"' as sql
  from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
  where c.relkind in ('r', 'p', 'f') and c.relpersistence <> 't'
    and n.nspname !~ '^pg_' and n.nspname <> 'information_schema')

-- name: reached
reached as (
  select c.oid, c.sql, c.oid as listed from unnest(%(tables)s::text[]) w(sql) join named c on c.sql = w.sql
  union
  select i.inhrelid, r.sql, r.listed from reached r join pg_catalog.pg_inherits i on i.inhparent = r.oid)

-- name: tables
with recursive {named}, base as (
  select t.oid, t.oid as base, false as is_required, false as has_default from pg_catalog.pg_type t
  where t.typtype <> 'd'
  union all
  select d.oid, b.base, d.typnotnull or b.is_required, d.typdefault is not null or b.has_default
  from pg_catalog.pg_type d join base b on b.oid = d.typbasetype where d.typtype = 'd'),
tree as (
  select n.oid as root, n.oid, n.kind from named n
  union all
  select t.root, c.oid, c.relkind from tree t
  join pg_catalog.pg_inherits i on i.inhparent = t.oid
  join pg_catalog.pg_class c on c.oid = i.inhrelid
  where t.kind = 'p'),
leaves as (
  select t.root, pg_catalog.bool_or(c.relkind = 'f') as is_foreign,
         case when pg_catalog.bool_and(c.reltuples > 0 or (c.reltuples = 0 and (c.relpages > 0
           or pg_catalog.current_setting('server_version_num')::int >= 140000)))
         then pg_catalog.sum(c.reltuples)::bigint end as rows,
         pg_catalog.bool_or(not (c.relreplident = 'f' or exists (
           select from pg_catalog.pg_index i where i.indrelid = c.oid and i.indimmediate
             and case c.relreplident when 'd' then i.indisprimary when 'i' then i.indisreplident end))) as is_unidentified
  from tree t join pg_catalog.pg_class c on c.oid = t.oid where t.kind <> 'p' group by t.root),
published as (
  select distinct t.root from pg_catalog.pg_publication p
  join pg_catalog.pg_publication_tables pt on pt.pubname = p.pubname
  join pg_catalog.pg_namespace n on n.nspname = pt.schemaname
  join pg_catalog.pg_class c on c.relname = pt.tablename and c.relnamespace = n.oid
  join tree t on t.oid = c.oid
  where p.pubdelete),
unique_key as (
  select distinct on (i.indrelid) i.indrelid,
         array(select a.attname::text from unnest(i.indkey::int2[]) with ordinality k(attnum, place)
               join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
               where k.place <= i.indnkeyatts order by k.place) as columns
  from pg_catalog.pg_index i join pg_catalog.pg_class x on x.oid = i.indexrelid
  where i.indisunique and i.indisvalid and (i.indimmediate or i.indisprimary)
    and i.indexprs is null and i.indpred is null
    and not exists (select from unnest(i.indkey::int2[]) with ordinality k(attnum, place)
                    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
                    where k.place <= i.indnkeyatts and not a.attnotnull)
  order by i.indrelid, i.indisprimary desc, i.indnkeyatts, x.relname),
columns as (
  select a.attrelid,
         pg_catalog.json_agg(pg_catalog.json_build_object(
           'name', a.attname,
           'type', pg_catalog.format_type(a.atttypid, a.atttypmod),
           'is_generated', a.attgenerated <> '',
           'is_identity', a.attidentity <> '',
           'is_required', (a.attnotnull or b.is_required)
             and not (a.atthasdef or a.attidentity <> '' or b.has_default),
           'choices', array(select e.enumlabel::text from pg_catalog.pg_enum e
                            where e.enumtypid = b.base order by e.enumsortorder)) order by a.attnum) as columns
  from pg_catalog.pg_attribute a join base b on b.oid = a.atttypid
  where a.attnum > 0 and not a.attisdropped group by a.attrelid)
select n.sql, n.schema_name::text, n.name::text, coalesce(c.columns, '[]'), coalesce(k.columns, '{}'), l.rows,
       case when n.kind = 'f' then 'its rows are on another server, which this transaction does not cover'
            when l.is_foreign then 'some of its rows are on another server, which this transaction does not cover'
            when c.columns is null then 'it has no columns, so that its rows cannot be distinguished'
            when l.is_unidentified and p.root is not null then 'it is published without a replica identity, so that '
              || 'the server refuses to delete its rows: alter table … replica identity full'
            else '' end
from named n
join pg_catalog.pg_class r on r.oid = n.oid and not r.relispartition
left join columns c on c.attrelid = n.oid
left join leaves l on l.root = n.oid
left join published p on p.root = n.oid
left join unique_key k on k.indrelid = n.oid
order by 2, 3

-- name: references
with {named}, keys as (
  select k.conname::text as name, k.confdeltype as action, k.condeferred as is_deferred,
         child.sql as child, parent.sql as parent,
         array(select a.attname::text from unnest(k.conkey) with ordinality u(attnum, place)
               join pg_catalog.pg_attribute a on a.attrelid = k.conrelid and a.attnum = u.attnum
               order by u.place) as columns,
         array(select a.attname::text from unnest(k.confkey) with ordinality u(attnum, place)
               join pg_catalog.pg_attribute a on a.attrelid = k.confrelid and a.attnum = u.attnum
               order by u.place) as parent_columns,
         exists (select from pg_catalog.pg_index i
                 join pg_catalog.pg_class x on x.oid = i.indexrelid
                 join pg_catalog.pg_am m on m.oid = x.relam
                 where i.indrelid = k.conrelid and i.indisvalid and m.amname in ('btree', 'hash')
                   and i.indnkeyatts >= pg_catalog.cardinality(k.conkey)
                   and (i.indkey::int2[])[0:pg_catalog.cardinality(k.conkey) - 1] @> k.conkey
                   -- A reference that is looked up is not null.
                   and (i.indpred is null or pg_catalog.pg_get_expr(i.indpred, i.indrelid) = (
                     select pg_catalog.format('(%I IS NOT NULL)', a.attname) from pg_catalog.pg_attribute a
                     where a.attrelid = k.conrelid and a.attnum = k.conkey[1]))) as has_index
  from pg_catalog.pg_constraint k
  join named child on child.oid = coalesce(pg_catalog.pg_partition_root(k.conrelid), k.conrelid)
  join named parent on parent.oid = coalesce(pg_catalog.pg_partition_root(k.confrelid), k.confrelid)
  -- Partitions inherit the references of their table, whose copies say nothing new. PostgreSQL 18 has some that the
  -- server does not enforce: deletes neither stop at them nor follow them.
  where k.contype = 'f' and k.conparentid = 0
    and coalesce(pg_catalog.to_jsonb(k) ->> 'conenforced', 'true') = 'true')
select pg_catalog.min(name), child, columns, parent, parent_columns, action::text,
       pg_catalog.bool_and(has_index), pg_catalog.bool_or(is_deferred)
from keys group by child, columns, parent, parent_columns, action
order by child, 1

-- name: remarks
with recursive {named}, {reached}, listed as (select r.* from reached r where r.oid = r.listed),
triggers as (
  select r.sql, t.tgname::text as name, t.tgenabled as enabled, (t.tgtype & 1) > 0 as is_row,
         (t.tgtype & 2) > 0 as is_before, (t.tgtype & 4) > 0 as is_insert, (t.tgtype & 8) > 0 as is_delete,
         pg_catalog.concat_ws(' or ', case when (t.tgtype & 8) > 0 then 'DELETE' end,
           case when (t.tgtype & 4) > 0 then 'INSERT' end, case when (t.tgtype & 16) > 0 then 'UPDATE' end,
           case when (t.tgtype & 32) > 0 then 'TRUNCATE' end) as events,
         pg_catalog.format('%%s.%%I()', f.pronamespace::pg_catalog.regnamespace::text, f.proname) as function
  from reached r
  join pg_catalog.pg_trigger t on t.tgrelid = r.oid
  join pg_catalog.pg_proc f on f.oid = t.tgfoid
  -- PostgreSQL 12 has no such column; there, the copies that partitions inherit are internal.
  where not t.tgisinternal and coalesce(pg_catalog.to_jsonb(t) ->> 'tgparentid', '0') = '0')
select t.sql, 'trigger', t.name,
       case t.enabled when 'D' then 'It is disabled, so that a rollback does not run it'
                      when 'R' then 'It is enabled for replicas alone, so that a rollback does not run it'
       else pg_catalog.format('It runs %%s %%s each %%s of %%s: what that does happens in a rollback too, on top of '
              || 'the plan, and the reverse SQL does not undo it%%s%%s', t.function,
              case when t.is_before then 'before' else 'after' end, case when t.is_row then 'row' else 'statement' end,
              t.events,
              case when t.is_before and t.is_row and t.is_delete then '; it can keep a row from being deleted' end,
              case when t.is_before and t.is_row and t.is_insert then '; it can alter a row that is inserted again' end)
       end,
       t.enabled in ('O', 'A') and t.is_before and t.is_row and t.is_insert
from triggers t
union
select r.sql, 'rule', w.rulename::text,
       case when w.ev_enabled in ('D', 'R') then 'It is disabled, so that a rollback does not apply it'
       else pg_catalog.format('It %%s each %%s on the table: what a statement says is not all that happens',
              case when w.is_instead then 'replaces' else 'adds to' end,
              case w.ev_type when '2' then 'UPDATE' when '3' then 'INSERT' else 'DELETE' end) end,
       w.ev_enabled in ('O', 'A') and w.ev_type = '3'
from reached r join pg_catalog.pg_rewrite w on w.ev_class = r.oid where w.ev_type in ('2', '3', '4')
union
select r.sql, 'row level security', '',
       case when pg_catalog.row_security_active(r.oid) then 'Its policies hide rows from this role, so that every '
              || 'statement on it is refused: connect as a role that they do not apply to (BYPASSRLS, or the owner)'
            when c.relforcerowsecurity then 'Its policies apply to all but roles that bypass them, as this one does: '
              || 'it sees every row'
            else 'Its policies do not apply to this role, which sees every row' end, false
from listed r join pg_catalog.pg_class c on c.oid = r.oid where c.relrowsecurity
union
select r.sql, case when a.attgenerated <> '' then 'generated column' else 'identity column' end, a.attname::text,
       case when a.attgenerated <> '' then 'Its value is computed again when a row is inserted again'
            else 'The reverse SQL states its old value (OVERRIDING SYSTEM VALUE); the sequence behind it is not set back'
       end, false
from listed r join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
where a.attgenerated <> '' or a.attidentity <> ''
union
select r.sql, case when p.relkind = 'p' then 'partition' else 'inheritance' end, '',
       pg_catalog.format('Statements on it reach the rows of %%s too (%%s)',
         case when p.relkind = 'p' then 'its partitions' else 'the tables that inherit from it' end,
         pg_catalog.count(*)), false
from reached r
join pg_catalog.pg_class p on p.oid = r.listed
join pg_catalog.pg_class c on c.oid = r.oid and c.relkind <> 'p'
where r.oid <> r.listed group by r.sql, p.relkind
union
select r.sql, 'inheritance', p.relname::text,
       pg_catalog.format('It inherits from %%I: a statement on that table reaches its rows too', p.relname), false
from listed r join pg_catalog.pg_inherits i on i.inhrelid = r.oid
join pg_catalog.pg_class p on p.oid = i.inhparent
union
select r.sql, 'unlogged table', '', 'A crash of the server empties it, and no replica has its rows', false
from reached r join pg_catalog.pg_class c on c.oid = r.oid where c.relpersistence = 'u'
union
select r.sql, 'deferred constraint', k.conname::text,
       case when k.condeferred then 'It is checked at COMMIT, so that a rollback that violates it fails only then'
            else 'It is checked at once, unless a trigger defers it until COMMIT' end, false
from reached r join pg_catalog.pg_constraint k on r.oid in (k.conrelid, k.confrelid)
where k.condeferrable and k.conparentid = 0
union
select r.sql, 'disabled foreign key', k.conname::text,
       'Its checks are disabled (DISABLE TRIGGER): deletes neither stop at it nor follow it', false
from reached r
join pg_catalog.pg_trigger t on t.tgrelid = r.oid and t.tgisinternal and t.tgenabled in ('D', 'R')
join pg_catalog.pg_constraint k on k.oid = t.tgconstraint and k.contype = 'f'
union
select r.sql, 'exclusion constraint', k.conname::text,
       pg_catalog.format('A row cannot be inserted again beside one that it excludes: %%s',
         pg_catalog.pg_get_constraintdef(k.oid)), false
from reached r join pg_catalog.pg_constraint k on k.conrelid = r.oid where k.contype = 'x' and k.conparentid = 0
union
select r.sql, 'publication', p.pubname::text,
       case when not p.pubdelete then 'It does not publish deletes: its subscribers keep the rows that a rollback deletes'
            when not p.pubinsert then 'Its subscribers delete the same rows, and do not get back what is inserted again'
            else 'Its subscribers delete the same rows' end, false
from pg_catalog.pg_publication p
join pg_catalog.pg_publication_tables t on t.pubname = p.pubname
join pg_catalog.pg_namespace n on n.nspname = t.schemaname
join pg_catalog.pg_class c on c.relname = t.tablename and c.relnamespace = n.oid
join reached r on r.oid = c.oid
union
select (select w.sql from unnest(%(tables)s::text[]) w(sql) limit 1), 'replication slot', s.slot_name::text,
       pg_catalog.format('It keeps WAL of the whole server until its reader has read it, %%s so far%%s: deleting many '
         || 'rows adds to that', coalesce(pg_catalog.pg_size_pretty(pg_catalog.pg_wal_lsn_diff(
           case when pg_catalog.pg_is_in_recovery() then pg_catalog.pg_last_wal_replay_lsn()
                else pg_catalog.pg_current_wal_lsn() end, s.restart_lsn)), 'none'),
         case when not s.active then ', and nobody is reading' end), false
from pg_catalog.pg_replication_slots s where exists (select from listed)
order by 1, 2, 3, 4
