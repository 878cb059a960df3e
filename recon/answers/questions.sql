-- Questions to the tables of one judgement: source (the bundle), target (the database), ledger. What a record or row is
-- called is taken from the record where there is one, else from the row. The views bundle_… and database_… have every
-- column of the tables in `source` and `target` that a question reads, null where the snapshot lacks it.

-- name: people
-- One row per id that a member has in the database, or that its record gives it.
create temp view people as
select id, any_value(name) as name, any_value(email) as email from (
  select as_key(cast(id as varchar)) as id, trim(concat_ws(' ', first_name, last_name)) as name, email from database_members
  union all
  select as_key(cast(target_id as varchar)), trim(concat_ws(' ', first_name, last_name)), email from bundle_members)
where id <> '' group by id

-- name: occasions
-- One row per id that an event has in the database, or that its record gives it.
create temp view occasions as
select id, any_value(title) as title from (
  select as_key(cast(id as varchar)) as id, title from database_events
  union all
  select as_key(cast(target_id as varchar)), title from bundle_events)
where id <> '' group by id

-- name: called_members
create temp view called_members as
select l.*, coalesce(nullif(trim(concat_ws(' ', s.first_name, s.last_name)), ''), trim(concat_ws(' ', t.first_name, t.last_name))) as name,
       coalesce(s.email, t.email) as email, coalesce(s.level, t.level) as level
from ledger.members l
left join bundle_members s on s.record = l.record
left join database_members t on t.id = l.target_id

-- name: called_events
create temp view called_events as
select l.*, coalesce(s.title, t.title) as title, coalesce(cast(s.start_time as varchar), cast(t.start_time as varchar)) as start_time
from ledger.events l
left join bundle_events s on s.record = l.record
left join database_events t on t.id = l.target_id

-- name: called_registrations
create temp view called_registrations as
select l.*, p.name as member_name, p.email as member_email, o.title as event_title,
       coalesce(cast(s.status as varchar), cast(t.status as varchar)) as status
from ledger.registrations l
left join bundle_registrations s on s.record = l.record
left join database_registrations t on t.id = l.target_id
left join people p on p.id = as_key(coalesce(nullif(cast(s.member_id as varchar), ''), cast(t.member_id as varchar)))
left join occasions o on o.id = as_key(coalesce(nullif(cast(s.event_id as varchar), ''), cast(t.event_id as varchar)))

-- name: records
-- The records with one of these outcomes.
select source_row, wa_id, coalesce(cast(target_id as varchar), claimed_id) as target_id, {words}, cause, reason
from called_{entity} where list_contains($outcomes, cast(outcome as varchar))
order by source_row, wa_id, target_id

-- name: rows
-- The rows that no record has, of one of these outcomes.
select cast(target_id as varchar) as target_id, {words}, cast(row_outcome as varchar) as outcome, cause, reason
from called_{entity} where record is null and list_contains($outcomes, cast(row_outcome as varchar))
order by target_id

-- name: altered
select d.source_row, d.wa_id, d.target_id, {words}, d.field, d.source as source_value, d.target as target_value, d.cause, d.detail
from ledger.differences d join called_{entity} c on c.record = d.record
where d.entity = $entity and ($field is null or d.field = $field)
order by d.source_row, d.wa_id, d.field

-- name: to_fix
-- What the export has to say otherwise before the importer runs again.
select '{entity}' as entity, source_row, wa_id, nullif({words_as_text}, '') as what,
       nullif(lower(regexp_extract(reason, '(?i)^missing (.+)$', 1)), '') as field, reason as problem
from called_{entity} where cast(outcome as varchar) = 'rejected'
order by source_row, wa_id

-- name: found
-- The records and rows that a key of any kind names.
select record, source_row, wa_id, cast(target_id as varchar) as target_id, claimed_id, {words}, cast(outcome as varchar) as outcome,
       cast(row_outcome as varchar) as row_outcome, cast(matched_by as varchar) as matched_by, action, cause, reason
from called_{entity}
where wa_id = $key or cast(target_id as varchar) = as_key($key) or as_key(claimed_id) = as_key($key) {named}
order by record, target_id

-- name: mappings
select 'bundle' as side, wa_id, cast(target_id as varchar) as target_id, null as run_id
from bundle_id_mappings where entity_type = $entity and (wa_id = $wa_id or as_key(cast(target_id as varchar)) = $target_id)
union all
select 'database', cast(wa_id as varchar), cast(target_id as varchar), run_id
from database_id_mappings
where lower(trim(entity_type)) in ({names}) and (cast(wa_id as varchar) = $wa_id or as_key(cast(target_id as varchar)) = $target_id)
order by side, wa_id, target_id

-- name: registrations_of
select source_row, wa_id, cast(target_id as varchar) as target_id, member_name, event_title, status,
       cast(outcome as varchar) as outcome, cast(row_outcome as varchar) as row_outcome, cause, reason
from called_registrations c
where exists (select 1 from bundle_registrations s where s.record = c.record and as_key(cast(s.{column} as varchar)) = $target_id)
   or exists (select 1 from database_registrations t where t.id = c.target_id and as_key(cast(t.{column} as varchar)) = $target_id)
   or reason like '%: ' || $wa_id
order by source_row, wa_id, target_id

-- name: errors
select source_row, wa_id, message from bundle_errors
where entity = $entity and (wa_id = $wa_id or source_row = $source_row) order by source_row, message

-- name: differences
select field, cause, detail from ledger.differences where entity = $entity and record = $record

-- name: record_of
select * from bundle_{entity} where record = $record

-- name: row_of
select * from database_{entity} where cast(id as varchar) = $target_id

-- name: ledger
select source_row, wa_id, coalesce(cast(target_id as varchar), claimed_id) as target_id, {words}, action,
       cast(outcome as varchar) as outcome, cast(row_outcome as varchar) as row_outcome, cast(matched_by as varchar) as matched_by,
       cause, reason, is_explained, is_harmless
from called_{entity} order by source_row, wa_id, target_id

-- name: findings
select check_id, entity, key, field, cause, violations, fingerprint, standing
from checks.findings order by check_id, entity, key, field

-- name: called
-- What people call a record or row, whatever it is; one row per account of the ledger.
create temp view called as
select 'members' as entity, wa_id, coalesce(cast(target_id as varchar), as_key(claimed_id)) as target_id, name, email, level,
       cast(null as varchar) as event
from called_members
union all
select 'events', wa_id, coalesce(cast(target_id as varchar), as_key(claimed_id)), null, null, null, title from called_events
union all
select 'registrations', wa_id, coalesce(cast(target_id as varchar), as_key(claimed_id)), member_name, member_email, null, event_title
from called_registrations

-- name: words_of_violations
-- By place of a violation: found by its id in the database, else by its Wild Apricot id, where that is not ambiguous.
with wanted as (
  select {place} as place, as_key({target_id}) as target_id, {wa_id} as wa_id,
         case {named_entity} end as entity
  from {violations}),
found as (
  select w.place, 1 as rank, c.* from wanted w join called c on c.target_id = w.target_id and c.entity = coalesce(w.entity, c.entity)
  union all
  select w.place, 2, c.* from wanted w join called c on c.wa_id = w.wa_id and c.entity = w.entity
  union all
  select w.place, 3, c.* from wanted w join called c on c.wa_id = w.wa_id
  where w.entity is null and (select count(distinct x.entity) from called x where x.wa_id = w.wa_id) = 1)
select place, first(name order by rank) as name, first(email order by rank) as email,
       first(level order by rank) as level, first(event order by rank) as event
from found group by place

-- name: words_of_keys
-- What people call what `wanted` names by entity and key (entity null: by key alone, if that is not ambiguous).
with keyed as (
  select wa_id as key, entity, name, email, event from called where wa_id <> ''
  union all
  select target_id, entity, name, email, event from called where target_id <> ''),
found as (
  select w.entity, w.key, k.name, k.email, k.event from wanted w join keyed k on k.key = w.key
  where w.entity is null or k.entity = w.entity
  union
  select w.entity, w.key, k.name, k.email, k.event from wanted w join keyed k on k.key = as_key(w.key)
  where w.entity is null or k.entity = w.entity)
select entity, key, any_value(nullif(name, '')) as name, any_value(email) as email, any_value(event) as title
from found group by entity, key having count(*) = 1
