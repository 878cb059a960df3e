-- The names of ids, and the tiers of levels, of which there are few.

-- name: codes
select cast(id as varchar) as id, any_value(code) as code from target.{table}
where id is not null and code is not null group by 1 order by 1 limit $most

-- name: tiers
select level, any_value(code) as code from ledger.tier_mapping where level <> '' group by 1 order by 1 limit $most
