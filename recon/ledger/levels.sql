-- name: policies
-- The one reading of the policies that lead from a membership level to a tier; charts use it, too.
create view ledger.tier_mapping as
select entry.key as level, entry.value ->> '$' as code
from source.policies p, json_each(p.value) entry
where p.key = 'membership.tiers.waMapping' and p.source <> 'template';
create view ledger.default_tier as
select max(nullif(value ->> '$', '')) as code
from source.policies where key = 'membership.tiers.defaultCode' and source <> 'template'

-- name: tiers
-- The tier that each landed member should have by its level and the policies, and the one that it has.
-- A level that is not mapped has the default tier; a member without a level has no tier.
insert into ledger.tiers
with tiers as (select id, any_value(code) as code from target.tiers group by id),
rows_of as (select id, any_value(tier_id) as tier_id from target.members group by id)
select l.source_row, l.wa_id, cast(l.target_id as varchar), nullif(s.level, ''),
       coalesce(m.code, case when s.level <> '' then f.code end),
       case when m.code is not null then 'mapping' when s.level <> '' and f.code is not null then 'default'
            else 'nothing' end,
       coalesce(t.code, case when r.tier_id is not null then '(unknown tier)' end)
from ledger.members l
join source.members s on s.rowid = l.record
join rows_of r on r.id = l.target_id
left join ledger.tier_mapping m on m.level = s.level
cross join ledger.default_tier f
left join tiers t on t.id = r.tier_id
where l.outcome in ('landed', 'landed_altered')

-- name: facts
-- What an operator asks first when tiers are missing: which levels, are tiers seeded, was the default tier used.
create table ledger.tier_facts as
select case when count(t.record) > 0 then concat_ws('; ', any_value(l.fact), any_value(s.fact), any_value(m.fact), any_value(d.fact)) end as detail
from (select 1 as one) o
left join (select 1 as one, 1 as record from ledger.tiers limit 1) t on t.one = o.one
cross join (
  select 'levels of members without a tier: ' || string_agg(level || ' (' || n || ')', ', ' order by n desc, level) as fact
  from (select coalesce('''' || level || '''', '(no level)') as level, count(*) as n from ledger.tiers where actual is null
        group by level order by n desc, 1 limit 8)) l
cross join (
  select case when count(*) = 0 then 'no tier is seeded: run the tier seeder'
              else case when count(*) = 1 then '1 tier is seeded' else count(*) || ' tiers are seeded' end
                   || coalesce((select ', but not ' || string_agg(distinct e.expected, ', ' order by e.expected)
                                from ledger.tiers e
                                where e.expected not in (select code from target.tiers where code is not null)), '') end as fact
  from target.tiers) s
cross join (
  select 'not in the tier mapping: ' || string_agg('''' || level || '''', ', ' order by level) as fact
  from (select distinct level from ledger.tiers where level is not null and led_by <> 'mapping')) m
cross join (
  select case when count(*) > 0 then count(*) || case when count(*) = 1 then ' member' else ' members' end || ' fell back to the default tier ' || any_value(expected)
              else 'the default tier was not used' end as fact
  from ledger.tiers where led_by = 'default') d
