-- name: setup
-- Every record of the dry run. Written: the run to come would create or update a row for it; a record read from an
-- export has no action. `key`: what the importer finds an existing row by. `errors`: its own, and those of the report's
-- list that name its row.
create schema if not exists dry_run;
create table dry_run.records as
select r.* exclude (own_errors), r.own_errors + coalesce(e.listed, 0) as errors from (
select 'members' as entity, rowid as record, source_row, nullif(trim(wa_id), '') as wa_id,
       as_key(nullif(trim(target_id), '')) as target_id, action, coalesce(len(errors), 0) as own_errors,
       nullif(lower(trim(email)), '') as key
from source.members
union all
select 'events', rowid, source_row, nullif(trim(wa_id), ''), as_key(nullif(trim(target_id), '')), action,
       coalesce(len(errors), 0),
       nullif(trim(title), '') || ' | ' || strftime(date_trunc('hour', as_timestamp(start_time)), '%Y-%m-%d %H h')
from source.events
union all
select 'registrations', rowid, source_row, nullif(trim(wa_id), ''), as_key(nullif(trim(target_id), '')), action,
       coalesce(len(errors), 0), as_key(nullif(trim(event_id), '')) || ' | ' || as_key(nullif(trim(member_id), ''))
from source.registrations) r
left join (select entity || 's' as entity, source_row, count(*) as listed from source.errors
           where source_row is not null group by all) e on e.entity = r.entity and e.source_row = r.source_row;
create table dry_run.written as
select * from dry_run.records where errors = 0 and coalesce(action, 'create') in ('create', 'update')

-- name: errors
-- What the importer reports, and records with errors that its list does not name.
select entity, source_row, wa_id, message from source.errors
union all
select case r.entity when 'members' then 'member' when 'events' then 'event' else 'registration' end,
       r.source_row, r.wa_id, 'The record has errors that the report''s list does not name'
from dry_run.records r
where r.errors > 0 and not exists (
  select 1 from source.errors e
  where e.entity in (r.entity, rtrim(r.entity, 's')) and e.source_row is not distinct from r.source_row)
order by all

-- name: arithmetic
-- The report's numbers against each other and against its records; a record with errors counts as an error.
select c.entity, p.problem, p.stated, p.found
from source.counts c
left join (
  select entity, count(*) as listed,
         count(*) filter (errors = 0 and action = 'create') as creates,
         count(*) filter (errors = 0 and action = 'update') as updates,
         count(*) filter (errors = 0 and (action is null or action not in ('create', 'update', 'skip'))) as unclear
  from dry_run.records group by entity) r on r.entity = c.entity
cross join lateral (values
  ('rows in all are not the sum of what became of them', c.total_rows, c.accounted),
  ('records listed are not as many as rows in all', c.total_rows, case when c.records is not null then c.records end),
  ('created is not the number of records to create', c.created,
   case when c.records is not null then coalesce(r.creates, 0) end),
  ('updated is not the number of records to update', c.updated,
   case when c.records is not null then coalesce(r.updates, 0) end),
  ('records without a known action', 0, case when c.records is not null then coalesce(r.unclear, 0) end)
) p (problem, stated, found)
where p.stated <> p.found
order by c.place, p.problem

-- name: real_ids
-- Records to create that name the id of a row as if it were there.
select entity, source_row, wa_id, target_id from dry_run.written
where action = 'create' and target_id is not null and not starts_with(lower(target_id), 'dry-')
order by entity, source_row

-- name: duplicate_ids
-- Ids that stand for several records, or several rows for one id. An event may share its row with a skipped one.
with of_records as (
  select entity, 'several records have this Wild Apricot id' as problem, wa_id as id, count(*) as times
  from dry_run.records where wa_id is not null group by entity, wa_id having count(*) > 1
),
created as (
  select entity, 'several records to create have this target id', target_id, count(*)
  from dry_run.written where action = 'create' and target_id is not null
  group by entity, target_id having count(*) > 1
),
mapped as (
  select entity_type as entity, nullif(trim(wa_id), '') as wa_id, as_key(nullif(trim(target_id), '')) as target_id
  from source.id_mappings
),
mapped_twice as (
  select entity, 'the id map has this Wild Apricot id several times', wa_id, count(*)
  from mapped where wa_id is not null group by entity, wa_id having count(*) > 1
),
shared as (
  select m.entity, 'the id map leads from several Wild Apricot ids to this target id', m.target_id,
         count(distinct m.wa_id) as times
  from mapped m
  where m.target_id is not null and not exists (
    select 1 from dry_run.records r where r.entity = m.entity and r.wa_id = m.wa_id and r.action = 'skip')
  group by m.entity, m.target_id having count(distinct m.wa_id) > 1
)
from of_records union all from created union all from mapped_twice union all from shared
order by all

-- name: shared_rows
-- Target ids that the id map shares between a record that is skipped and another.
select m.entity_type as entity, as_key(trim(m.target_id)) as target_id, count(distinct m.wa_id) as times
from source.id_mappings m
where nullif(trim(m.target_id), '') is not null
group by all
having count(distinct m.wa_id) > 1 and count(*) filter (exists (
  select 1 from dry_run.records r
  where r.entity = m.entity_type and r.wa_id = trim(m.wa_id) and r.action = 'skip')) > 0
order by all

-- name: duplicate_emails
select key as email, count(*) as times, string_agg(wa_id, ', ' order by source_row) as wa_ids,
       string_agg(source_row, ', ' order by source_row) as source_rows
from dry_run.written
where entity = 'members' and key is not null
group by key having count(*) > 1
order by min(source_row)

-- name: lacking
-- Records of one entity that would be written without a value in a column; {column} is one of recon's own.
select '{entity}' as entity, r.source_row, r.wa_id, '{field}' as field
from dry_run.written r join source.{entity} s on s.rowid = r.record
where r.entity = '{entity}' and coalesce(trim(s.{column}), '') = ''

-- name: snapshot_keys
-- The rows that are there, by what the importer finds them by.
create table dry_run.present as
select 'members' as entity, cast(id as varchar) as target_id, nullif(lower(trim(email)), '') as key from target.members
union all
select 'events', cast(id as varchar),
       nullif(trim(title), '') || ' | ' || strftime(date_trunc('hour', start_time), '%Y-%m-%d %H h')
from target.events
union all
select 'registrations', cast(id as varchar), cast(event_id as varchar) || ' | ' || cast(member_id as varchar)
from target.registrations

-- name: existing
-- Records to create whose row is there already.
with found as (
  select w.*, p.target_id as present_as
  from dry_run.written w join dry_run.present p on p.entity = w.entity and p.key = w.key
  union all
  select w.*, w.target_id
  from dry_run.written w semi join dry_run.present p on p.entity = w.entity and p.target_id = w.target_id)
select entity, source_row, wa_id, any_value(present_as) as present_as
from found where action = 'create'
group by entity, record, source_row, wa_id
order by all

-- name: unmatched
-- Records to update whose row is neither there nor created by another record of this dry run.
select w.entity, w.source_row, w.wa_id, w.target_id
from dry_run.written w
anti join dry_run.present p on p.entity = w.entity and p.target_id = w.target_id
anti join dry_run.present k on k.entity = w.entity and k.key = w.key
anti join (select entity, target_id from dry_run.written where action = 'create') c
  on c.entity = w.entity and c.target_id = w.target_id
where w.action = 'update'
order by w.entity, w.source_row

-- name: unknown_parents
-- Registrations to be written whose member or event is neither there nor written by this dry run.
with named as (
  select r.source_row, r.wa_id, 'members' as entity, as_key(nullif(trim(s.member_id), '')) as target_id
  from dry_run.written r join source.registrations s on s.rowid = r.record where r.entity = 'registrations'
  union all
  select r.source_row, r.wa_id, 'events', as_key(nullif(trim(s.event_id), ''))
  from dry_run.written r join source.registrations s on s.rowid = r.record where r.entity = 'registrations'
)
select n.source_row, n.wa_id, rtrim(n.entity, 's') as lacks, n.target_id
from named n
anti join dry_run.present p on p.entity = n.entity and p.target_id = n.target_id
anti join dry_run.written w on w.entity = n.entity and w.target_id = n.target_id
where n.target_id is not null
order by n.source_row, n.entity

-- name: sizes
-- Each table now and afterwards. Rows to update: those that are there, each once, where the records state it; else null.
select c.entity, coalesce(p.present, 0) as present, c.created, c.updated, c.skipped, u.updated_rows
from source.counts c
left join (select entity, count(*) as present from dry_run.present group by entity) p on p.entity = c.entity
left join (
  select w.entity, count(distinct coalesce(w.target_id, w.key)) as updated_rows
  from dry_run.written w
  anti join (select entity, target_id from dry_run.written where action = 'create') m
    on m.entity = w.entity and m.target_id = w.target_id
  where w.action = 'update' group by w.entity) u on u.entity = c.entity
order by c.place

-- name: tiers
-- Members by tier when the run is through: those written by the tier that the importer names, or else that of their
-- level; the others by the tier that they have. A row written several times has the tier of the last.
with tiers as (select cast(id as varchar) as id, any_value(code) as code from target.tiers group by all),
written as (
  select coalesce(i.target_id, k.target_id, w.target_id, 'row ' || w.record) as member,
         arg_max(coalesce(t.code, m.code, case when nullif(s.level, '') is not null then f.code end, '(none)'),
                 coalesce(w.source_row, w.record)) as code
  from dry_run.written w
  join source.members s on s.rowid = w.record
  left join (select target_id from dry_run.present where entity = 'members') i on i.target_id = w.target_id
  left join (select key, any_value(target_id) as target_id from dry_run.present where entity = 'members' group by key) k
    on k.key = w.key
  left join tiers t on t.id = as_key(nullif(trim(s.tier_id), ''))
  left join ledger.tier_mapping m on m.level = s.level
  cross join ledger.default_tier f
  where w.entity = 'members'
  group by all
),
afterwards as (
  select code from written
  union all
  select case when p.tier_id is null then '(none)' else coalesce(t.code, '(unknown tier)') end
  from target.members p left join tiers t on t.id = cast(p.tier_id as varchar)
  where cast(p.id as varchar) not in (select member from written)
)
select a.code, count(*) as members, bool_or(a.code in (select code from tiers)) as is_seeded
from afterwards a left join target.tiers s on s.code = a.code
group by a.code
order by min(s.sort_order) nulls last, a.code

-- name: tier_sources
-- Whether anything says which tier a member gets.
select (select count(*) from ledger.tier_mapping) + (select count(code) from ledger.default_tier)
       + (select count(*) from source.members where nullif(trim(tier_id), '') is not null) as sources
