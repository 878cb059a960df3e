-- Finds rows for records that name none or one that does not exist. Its tables exist from `open` to `close`:
--   open_records  one row per record that needs a row: created by `open`
--   natural_rows  one row per natural key of open records, with its row: created by `natural_rows`
--   resolved      one row per record whose row was found, and how: created by `resolve`

-- name: open
create or replace temp table open_records as
select l.record, l.source_row, l.wa_id, l.claimed_id, {natural_source} as natural_key,
       case when l.cause = 'row_taken' then try_cast(as_key(l.claimed_id) as {key_type}) end as taken_id
from {ledger} l join {rest_of_source} s on s.rowid = l.record
where l.target_id is null and l.outcome in ('missing_in_target', 'skipped') and coalesce(l.cause, 'row_taken') = 'row_taken'

-- name: nameless
select count(*) > 0 as is_nameless from open_records where claimed_id is null

-- name: natural_rows
create or replace temp table natural_rows as
select natural_key, min(id) as id, count(*) as n, bool_or(is_free) as is_free
from (select {natural_target} as natural_key, t.id,
             exists (select 1 from {ledger} l where l.target_id = t.id and l.record is null) as is_free
      from {eligible} t
      -- Where every open record names an id as its own, only rows that no record claims can be theirs.
      where t.id is not null and ({every_row} or t.id in (select target_id from {ledger} where record is null)))
where natural_key in (select natural_key from open_records)
group by natural_key

-- name: natural_duplicates
insert into ledger.duplicate_keys
select $entity, o.natural_key, $natural_name, count(*), any_value(n.n)
from open_records o join natural_rows n on n.natural_key = o.natural_key and n.n > 1
where o.record not in (select record from resolved)
group by o.natural_key

-- name: natural_ambiguous
update {ledger} as l
set cause = 'duplicate_key', reason = 'its ' || $natural_name || ' is on ' || n.n || ' rows'
from open_records o join natural_rows n on n.natural_key = o.natural_key and n.n > 1
where l.record = o.record and (o.claimed_id is null or n.is_free) and o.record not in (select record from resolved)

-- name: resolve
-- If a record is found in several ways, the first counts: the bundle's id mapping, the database's, the natural key.
create or replace temp table resolved as
select record, id, matched_by
from ({ways}) found
where id not in (select id from {ambiguous})
  and not exists (select 1 from open_records taken where taken.record = found.record and taken.taken_id = found.id)
qualify row_number() over (partition by record order by place, id) = 1

-- name: way_of_bundle
select o.record, t.id, 1 as place, 'id mapping' as matched_by
from open_records o
join source.id_mappings m on m.entity_type = $entities and m.wa_id = o.wa_id
join {target} t on t.id = try_cast(as_key(m.target_id) as {key_type})
where not exists (select 1 from source.id_mappings other
                  where other.entity_type = m.entity_type and other.wa_id = m.wa_id
                    and as_key(other.target_id) <> as_key(m.target_id))

-- name: way_of_database
select o.record, t.id, 2 as place, 'database''s id mapping' as matched_by
from open_records o
join {mappings} m on m.wa_id = o.wa_id
join {target} t on t.id = try_cast(cast(m.target_id as varchar) as {key_type})
where m.rivals = 1

-- name: way_of_key
select o.record, n.id, 3 as place, 'natural key' as matched_by
from open_records o join natural_rows n on n.natural_key = o.natural_key
-- A record that names another id as its own was not merged into this row, so it can only have an unclaimed one.
where n.n = 1 and (o.claimed_id is null or n.is_free)

-- name: freed
delete from {ledger} where record is null and target_id in (select id from resolved)

-- name: landed
update {ledger} as l
set target_id = r.id, matched_by = r.matched_by, row_outcome = 'claimed', reason = null,
    outcome = case when l.outcome = 'skipped' then 'skipped' else 'landed_altered' end,
    cause = case when l.outcome = 'skipped' then 'left_alone' end
from resolved r where l.record = r.record

-- name: close
drop table open_records; drop table natural_rows; drop table resolved
