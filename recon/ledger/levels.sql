-- Which tier each landed member's level leads to, by the policies, and which the member has.
-- A level that is not mapped leads to the default tier, and no level to none.
insert into ledger.tiers
with mapping as (
  select entry.key as level, entry.value ->> '$' as code
  from source.policies p, json_each(p.value) entry
  where p.key = 'membership.tiers.waMapping' and p.source <> 'template'
),
fallback as (
  select max(nullif(value ->> '$', '')) as code
  from source.policies where key = 'membership.tiers.defaultCode' and source <> 'template'
),
tiers as (select id, any_value(code) as code from target.tiers group by id),
rows_of as (select id, any_value(tier_id) as tier_id from target.members group by id)
select l.source_row, l.wa_id, cast(l.target_id as varchar), nullif(s.level, ''),
       coalesce(m.code, case when s.level <> '' then f.code end),
       case when m.code is not null then 'mapping' when s.level <> '' and f.code is not null then 'default'
            else 'nothing' end,
       coalesce(t.code, case when r.tier_id is not null then '(unknown tier)' end)
from ledger.members l
join source.members s on s.rowid = l.record
join rows_of r on r.id = l.target_id
left join mapping m on m.level = s.level
cross join fallback f
left join tiers t on t.id = r.tier_id
where l.outcome in ('landed', 'landed_altered')
