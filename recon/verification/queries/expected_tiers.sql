-- Members by tier as the bundle's membership levels and the tier mapping lead one to expect; null: no tier.
-- A level that is not mapped leads to the default tier, and no level to none.
-- Several source rows on one target row are one member, whose level the last of them wrote.
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
