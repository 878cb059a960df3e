-- Members by tier as expected from the bundle's membership levels and the tier mapping; "(none)": no tier.
-- A level that is not mapped has the default tier; a member without a level has no tier.
-- Several source rows with the same target row are one member, whose level is that of the last of them.
with written as (
  select arg_max(coalesce(level, ''), source_row) as level
  from source.members
  where action in ('create', 'update') and coalesce(len(errors), 0) = 0
  group by coalesce(nullif(target_id, ''), 'row ' || source_row)
)
select coalesce(m.code, case when w.level <> '' then f.code end, '(none)') as label, count(*) as count
from written w left join ledger.tier_mapping m on m.level = w.level cross join ledger.default_tier f
group by all
order by count desc, label
