-- Whether the database's id mappings lead from each record to its row, entity by entity. Helper tables:
--   mappings  one row per mapping of the entity in the database: created by `mappings`
--   listed    one row per mapping of the entity in the report, but those of a dry run; null: it names no Wild Apricot id,
--             or no row. Created by `listed`.
--   expected  one row per Wild Apricot id, with the row that its record has (target) and the one that the report's id
--             mapping names (reported); null: there is none. Optional: the record names its row, which the run
--             did not create, or not for it alone, so that not every importer's report maps it. Created by `expected`.
--   claimants one row per row that records have: created by `claimants`
--   halves    one row per mapping of the report that lacks an id: problem, with the Wild Apricot id (wa_id), the place in
--             the export (source_row) and the row (expected) that the other sources tell. Created by `halves`.

-- name: recorded
select (select count(*) from target.id_mappings where lower(trim(entity_type)) in ({names})) > 0
       or (select count(*) from target.id_mappings where lower(trim(entity_type)) in ({every_name})) > 0
          and (select count(*) from source.id_mappings where entity_type = $entity) > 0 as is_recorded

-- name: settled
-- Where every record landed and every mapping is right, nothing more is looked for.
insert into ledger.mapped
select $entity, true, n.records, n.records, n.records, 0, 0
from (select count(*) as records, count(*) filter (record is not null and coalesce(action, 'create') = 'create') as created
      from ledger.{entity}) n
cross join (
  select count(*) as mappings, count(distinct m.wa_id) as ids,
         count(*) filter (cast(l.target_id as varchar) = cast(m.target_id as varchar) and m.run_id = $run_id) as agreeing
  from target.id_mappings m
  left join ledger.{entity} l on l.wa_id = m.wa_id and l.outcome in ('landed', 'landed_altered')
  where lower(trim(m.entity_type)) in ({names})) d
cross join (
  select count(*) as listed, count(*) filter (cast(l.target_id as varchar) = as_key(b.target_id)) as agreeing
  from source.id_mappings b left join ledger.{entity} l on l.wa_id = b.wa_id
  where b.entity_type = $entity) s
where n.records > 0 and n.created = n.records and d.mappings = n.records and d.ids = n.records
  and d.agreeing = n.records and s.listed = s.agreeing and s.listed in (0, n.records)
returning entity

-- name: mappings
create or replace temp table mappings as
select wa_id, cast(target_id as varchar) as target_id, nullif(run_id, '') as run_id
from target.id_mappings where lower(trim(entity_type)) in ({names})

-- name: listed
create or replace temp table listed as
select case when trim(wa_id) <> '' then wa_id end as wa_id, case when trim(target_id) <> '' then as_key(target_id) end as target_id
from source.id_mappings where entity_type = $entity and coalesce(target_id, '') not like 'dry-%'

-- name: expected
create or replace temp table expected as
select wa_id, min(source_row) as source_row, any_value(target_id) as target_id, any_value(reported) as reported,
       -- What the report alone maps is needed; of its records, those that landed.
       coalesce(bool_or(is_landed), true) as is_needed, bool_or(is_created) as is_created,
       coalesce(bool_or(is_optional), false) as is_optional
from (
  select wa_id, source_row, cast(target_id as varchar) as target_id, null as reported,
         outcome in ('landed', 'landed_altered') as is_landed,
         outcome in ('landed', 'landed_altered') and coalesce(action, 'create') = 'create' as is_created,
         matched_by = 'target id' and not is_created as is_optional
  from ledger.{entity} where record is not null and wa_id <> '' and outcome <> 'rejected'
  union all
  select wa_id, null, null, target_id, null, false, null from listed where wa_id is not null and target_id is not null)
group by wa_id

-- name: claimants
-- One row per row that records have: their Wild Apricot id, whether there are several, whether the entity's are named.
create or replace temp table claimants as
select cast(target_id as varchar) as target_id, any_value(wa_id) as wa_id, count(*) > 1 as is_shared,
       (select count(wa_id) > 0 from ledger.{entity} where record is not null) as is_named
from ledger.{entity} where record is not null and target_id is not null group by target_id

-- name: halves
-- A row without a Wild Apricot id is that of the records whose row it is and that the report does not map; a Wild Apricot
-- id without a row matters where its record has one, or where only the database knows of both.
create or replace temp table halves as
with nameless as (
  select target_id, row_number() over (partition by target_id) as place
  from listed where wa_id is null and target_id is not null),
owners as (
  select wa_id, source_row, target_id,
         row_number() over (partition by target_id order by is_needed desc, source_row, wa_id) as place
  from (select wa_id, source_row, target_id, is_needed from expected where reported is null and target_id is not null
        union all
        select wa_id, null, target_id, false from mappings where wa_id not in (select wa_id from expected)) o)
select o.wa_id, o.source_row, n.target_id as expected, 'the report maps the row without a Wild Apricot id' as problem
from nameless n left join owners o on o.target_id = n.target_id and o.place = n.place
union all
select distinct l.wa_id, e.source_row, coalesce(e.target_id, m.target_id), 'the report maps the Wild Apricot id without a row'
from listed l
left join expected e on e.wa_id = l.wa_id
left join mappings m
  on m.wa_id = l.wa_id and m.target_id in (select cast(id as varchar) from target.{entity})
     and m.wa_id not in (select wa_id from ledger.{entity} where record is not null and wa_id is not null)
where l.target_id is null and l.wa_id is not null and e.reported is null
  and coalesce(e.target_id, m.target_id) is not null
union all
select null, null, null, 'the report maps neither a Wild Apricot id nor a row'
from listed where wa_id is null and target_id is null

-- name: findings
-- Merged and skipped records share rows rightly, and need no mapping. What another run mapped is that run's matter, and
-- every later sync relabels the mappings of this one.
insert into ledger.id_mappings
select $entity, problem, wa_id, source_row, mapped_to, expected, run_id,
       problem not in ('mapped by another run', 'its record names no Wild Apricot id')
         and not problem like 'the report %'
         and not (is_foreign and problem = 'maps to no row')
from (
  select m.wa_id, e.source_row, m.target_id as mapped_to, coalesce(e.target_id, e.reported) as expected, m.run_id,
         e.wa_id is null and m.run_id is distinct from $run_id as is_foreign,
         case when own.id is null and other.id is not null then 'maps to a row of another entity'
              when own.id is null then 'maps to no row'
              when m.target_id <> e.target_id then 'maps to another row than the record has'
              when m.target_id <> e.reported then 'maps to another row than the report says'
              when claimant.wa_id <> m.wa_id and not claimant.is_shared then 'maps to the row of another Wild Apricot id'
              when claimant.target_id is not null and claimant.wa_id is null and claimant.is_named
                then 'its record names no Wild Apricot id'
              when e.is_created and m.run_id is distinct from $run_id and labels.n > 0 then 'mapped by another run'
              end as problem
  from mappings m
  left join expected e on e.wa_id = m.wa_id
  left join (select distinct cast(id as varchar) as id from target.{entity}) own on own.id = m.target_id
  left join ({others}) other on other.id = m.target_id
  left join claimants claimant on claimant.target_id = m.target_id
  cross join (select count(run_id) as n from mappings) labels
  union all
  select e.wa_id, e.source_row, null, coalesce(e.target_id, e.reported), null, false, 'not mapped'
  from expected e
  where $is_recorded and e.is_needed and e.wa_id not in (select wa_id from mappings where wa_id is not null)
  union all
  select e.wa_id, e.source_row, null, e.target_id, null, false, 'the report does not map it'
  from expected e
  cross join (select count(reported) > count(*) - count(reported) as are_mapped from expected where is_optional) others
  where (e.is_created or (e.is_optional and others.are_mapped)) and e.reported is null
    and exists (select 1 from source.id_mappings s where s.entity_type = $entity)
    and e.wa_id not in (select wa_id from halves where wa_id is not null)
  union all
  select wa_id, source_row, null, expected, null, false, problem from halves) f
where problem is not null

-- name: mapped
insert into ledger.mapped
select $entity, $is_recorded, (select count(*) from target.{entity}), count(*),
       count(*) filter (r.wa_id is not null),
       count(*) filter (r.wa_id is null and a.wa_id is not null),
       count(*) filter (r.wa_id is null and a.wa_id is null and w.wa_id is not null)
from expected e
left join (select distinct m.wa_id from mappings m join expected x
             on x.wa_id = m.wa_id and m.target_id = coalesce(x.target_id, x.reported)
           where m.wa_id not in (select wa_id from ledger.id_mappings
                                 where entity = $entity and is_fault and wa_id is not null)) r
  on r.wa_id = e.wa_id
left join (select distinct wa_id from ledger.id_mappings
           where entity = $entity and problem in ('not mapped', 'maps to no row', 'maps to a row of another entity')) a
  on a.wa_id = e.wa_id
left join (select distinct wa_id from ledger.id_mappings
           where entity = $entity and (problem like 'maps to another row than %' or problem like 'maps to the row of %')) w
  on w.wa_id = e.wa_id
where e.is_needed

-- name: close
drop table mappings; drop table listed; drop table expected; drop table if exists claimants; drop table if exists halves
