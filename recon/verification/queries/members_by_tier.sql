-- Members by tier in the sort order of the tiers; tier ids that no tier has, then members without a tier, come last.
select code, name, members as count,
       coalesce(floor(1000.0 * members / nullif(sum(members) over (), 0) + 0.5) / 10, 0.0) as percentage
from (
  select 1 as place, t.sort_order, coalesce(t.code, '(no code)') as code, coalesce(t.name, t.code, '') as name,
         count(m.id) as members
  from target.tiers t left join target.members m on m.tier_id = t.id
  group by t.id, t.sort_order, t.code, t.name
  union all
  select 2, null, '(unknown tier)', 'Tier that does not exist', count(*) from target.members m
  where m.tier_id is not null and not exists (select 1 from target.tiers t where t.id = m.tier_id)
  having count(*) > 0
  union all
  select 3, null, '(none)', 'No tier', count(*) from target.members where tier_id is null having count(*) > 0) listed
order by place, sort_order nulls last, code
