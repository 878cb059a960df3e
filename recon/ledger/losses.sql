-- Why records have no row: missing required fields, and the fate of the parents that they reference.

-- name: lost
create or replace temp table lost as
select s.rowid as record, {columns} from {source} s
where s.rowid in (select record from ledger.{entity} where outcome = 'missing_in_target' and cause is null)

-- name: lacking
update ledger.{entity} as l
set cause = 'required_field_missing', reason = 'Missing ' || s.lacks
from (select record, concat_ws(', ', {lacks}) as lacks from lost) s
where l.record = s.record and s.lacks <> '' and l.outcome = 'missing_in_target' and l.cause is null

-- name: unlinked
update ledger.{entity} as l
set cause = 'parent_not_found', reason = 'its {one} was not found'
from lost s
where l.record = s.record and coalesce(s.{column}, '') = '' and l.outcome = 'missing_in_target' and l.cause is null

-- name: orphaned
update ledger.{entity} as l
set cause = case p.outcome when 'rejected' then 'parent_rejected' else 'parent_missing' end,
    reason = '{one} ' || coalesce(p.wa_id, p.parent_id)
             || case p.outcome when 'rejected' then ' was rejected: ' || coalesce(p.reason, '') else ' is not in the database' end
from (
  select s.record, s.{column} as parent_id, f.wa_id, f.outcome, f.reason
  from lost s
  left join (select as_key(claimed_id) as claimed_id, any_value(wa_id) as wa_id, any_value(outcome) as outcome, any_value(reason) as reason
             from ledger.{parents} where claimed_id is not null group by 1) f on f.claimed_id = as_key(s.{column})
  where s.{column} <> ''
    and not exists (select 1 from target.{parents} t where t.id = try_cast(as_key(s.{column}) as {key_type}))) p
where l.record = p.record and l.outcome = 'missing_in_target' and l.cause is null

-- name: mapped
update ledger.{entity} as l
set cause = 'mapped_without_row', reason = 'its id mapping names the row ' || m.target_id || ', which does not exist'
from (select wa_id, min(cast(target_id as varchar)) as target_id
      from target.id_mappings where lower(trim(entity_type)) in ({names}) group by wa_id) m
where l.wa_id = m.wa_id and l.target_id is null and l.outcome = 'missing_in_target' and l.cause is null
  and not exists (select 1 from target.{entity} t where cast(t.id as varchar) = m.target_id)

-- name: rejected
update ledger.{entity} as l
set cause = case when r.parent is null and regexp_matches(l.reason, '(?i)^missing ') then 'required_field_missing'
                 when r.parent is null then 'rejected'
                 when p.is_rejected then 'parent_rejected'
                 else 'parent_not_found' end
from (
  select rowid as place, nullif(regexp_extract(reason, '(?i)\b(member|event) not found: *([^;]+)', 1), '') as parent,
         trim(regexp_extract(reason, '(?i)\b(member|event) not found: *([^;]+)', 2)) as parent_id
  from ledger.{entity} where outcome = 'rejected') r
left join (
  select 'member' as parent, wa_id, bool_or(outcome = 'rejected') as is_rejected from ledger.members group by wa_id
  union all
  select 'event', wa_id, bool_or(outcome = 'rejected') from ledger.events group by wa_id
) p on p.parent = lower(r.parent) and p.wa_id = r.parent_id
where l.rowid = r.place and l.cause is null

-- name: unexplained
update ledger.{entity}
set cause = coalesce(cause, case outcome when 'skipped' then 'skipped_without_row' else 'missing' end)
where target_id is null and outcome in ('missing_in_target', 'skipped')

-- name: unexpected
update ledger.{entity} set cause = 'unexpected' where row_outcome = 'unexpected' and cause is null

-- name: classify
-- Whether a cause explains and is harmless is stated once, by its kind; altered records have it from their differences.
update ledger.{entity} as l set is_explained = k.is_explained, is_harmless = k.is_harmless
from (values {kinds}) as k(name, is_explained, is_harmless)
where k.name = l.cause and l.outcome is distinct from 'landed_altered'
