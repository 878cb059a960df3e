-- The counts of records and rows by outcome, and the causes that the account lists.

-- name: tally
-- Most records landed by their target id: only the others are grouped, and the number of these is the total minus them.
with others as (
  select outcome, row_outcome, matched_by, target_id is not null as has_row, record is not null as is_listed,
         claimed_id is not null as has_claim, is_explained, count(*) as n
  from ledger.{entity} where outcome is distinct from 'landed' or matched_by is distinct from 'target id'
  group by all
)
select cast(outcome as varchar) as outcome, cast(row_outcome as varchar) as row_outcome,
       cast(matched_by as varchar) as matched_by, * exclude (outcome, row_outcome, matched_by)
from others
union all
select 'landed', 'claimed', 'target id', true, true, false, true, landed
from (select (select count(*) from ledger.{entity}) - coalesce((select sum(n) from others), 0) as landed) where landed > 0

-- name: causes_of_records
with caused as (
  select *, outcome is null as is_row,
         case when cause = 'required_field_missing' then regexp_replace(reason, '(?i)^missing ', '')
              when starts_with(cause, 'parent_') then lower(regexp_extract(reason, '(?i)(member|event)'))
              when cause = 'rejected' then regexp_replace(reason, '[0-9]+', '…', 'g')
              else '' end as detail
  from ledger.{entity}
  -- What altered records and skipped ones have is a cause of their values.
  where cause <> 'left_alone' and outcome is distinct from 'landed' and outcome is distinct from 'landed_altered'
)
select $entity as entity, null as field, cause, detail, is_row, n, source_row, wa_id, target_id, null as source,
       null as target, reason as remark
from (
  select cause, detail, is_row, source_row, wa_id, coalesce(cast(target_id as varchar), claimed_id) as target_id, reason,
         count(*) over each_cause as n,
         row_number() over (each_cause order by record, cast(target_id as varchar)) as place
  from caused window each_cause as (partition by cause, detail, is_row))
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
