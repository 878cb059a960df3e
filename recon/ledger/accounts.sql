-- What records and rows came to, counted, and the causes that the account tells.

-- name: count
insert into ledger.accounts
select $entity, count(outcome), count(row_outcome),
       count(*) filter (outcome = 'landed'), count(*) filter (outcome = 'landed_altered'),
       count(*) filter (outcome = 'merged'), count(*) filter (outcome = 'skipped'),
       count(*) filter (outcome = 'skipped' and target_id is null), count(*) filter (outcome = 'rejected'),
       count(*) filter (outcome = 'missing_in_target'),
       count(*) filter (row_outcome = 'claimed'), count(*) filter (row_outcome = 'preexisting'),
       count(*) filter (row_outcome = 'foreign_run'), count(*) filter (row_outcome = 'unexpected'),
       count(*) filter (outcome = 'rejected' and record is null),
       count(*) filter (outcome = 'landed_altered' and claimed_id is not null),
       count(*) filter (outcome is not null and not is_explained),
       count(*) filter (outcome is null and not is_explained)
from ledger.{entity}

-- name: matched_by
select cast(matched_by as varchar) as matched_by, count(*) as n
from ledger.{entity} where matched_by is not null and target_id is not null group by all order by n desc

-- name: causes_of_records
with told as (
  select *, outcome is null as is_row,
         case when cause = 'required_field_missing' then regexp_replace(reason, '(?i)^missing ', '')
              when starts_with(cause, 'parent_') then lower(regexp_extract(reason, '(?i)(member|event)'))
              when cause = 'rejected' then regexp_replace(reason, '[0-9]+', '…', 'g')
              else '' end as detail
  from ledger.{entity}
  where cause is not null and outcome is distinct from 'landed' and outcome is distinct from 'landed_altered'
)
select $entity as entity, null as field, cause, detail, is_row, n, source_row, wa_id, target_id, null as source,
       null as target, reason as remark
from (
  select cause, detail, is_row, source_row, wa_id, coalesce(cast(target_id as varchar), claimed_id) as target_id, reason,
         count(*) over each_cause as n,
         row_number() over (each_cause order by record, cast(target_id as varchar)) as place
  from told window each_cause as (partition by cause, detail, is_row))
where place <= $examples
order by n desc, cause, detail, is_row, place

-- name: causes_of_values
select entity, field, cause, detail, false as is_row, n, source_row, wa_id, target_id, source, target, '' as remark
from (
  select *, count(*) over each_cause as n, row_number() over (each_cause order by record) as place
  from ledger.differences window each_cause as (partition by entity, field, cause, detail))
where place <= $examples
order by n desc, entity, field, cause, detail, place

-- name: duplicate_keys
select entity, key, matched_by, source_count, target_count from ledger.duplicate_keys
order by target_count desc, entity, key limit $most

-- name: levels
select l.level, l.expected, l.led_by,
       case when l.expected is not null then exists (select 1 from target.tiers t where t.code = l.expected) end as is_seeded,
       count(*) as members, count(*) filter (l.actual is not distinct from l.expected) as matching,
       count(*) filter (l.actual is null and l.expected is not null) as without,
       count(*) filter (l.actual is not null and l.actual is distinct from l.expected) as other
from ledger.tiers l
group by all
order by count(*) filter (l.actual is distinct from l.expected) desc, members desc, l.level
