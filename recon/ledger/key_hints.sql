-- How many missing records would pair with unexpected rows by a normaliser that is not applied. `lost` and `spare` are
-- those records and rows, from `lost` and `spare` to `close`.

-- name: lost
create or replace temp table lost as
select s.*, l.claimed_id from {source} s join {ledger} l on l.record = s.rowid
where l.target_id is null and l.outcome in ('missing_in_target', 'skipped') and not l.is_explained

-- name: spare
create or replace temp table spare as
select t.* from {target} t
where t.id in (select target_id from {ledger} where row_outcome = 'unexpected' and not is_explained)

-- name: mapped
select id as target_id, m.wa_id from spare t
join target.id_mappings m on cast(m.target_id as varchar) = cast(t.id as varchar)
where lower(trim(m.entity_type)) in ({names})

-- name: pairs
-- Only a key that one record and one row have pairs them.
select {place} as place, count(*) as n
from (select {lost} as key from lost s group by 1 having count(*) = 1) l
join (select {spare} as key from {rows} t {codes} group by 1 having count(*) = 1) t on t.key = l.key

-- name: sizes
select (select count(*) from lost) as lost, (select count(*) from spare) as spare

-- name: close
drop table if exists lost; drop table if exists spare
