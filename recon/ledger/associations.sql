-- What unexplained records or rows have in common. Temporary tables, until `close`:
--   of_member, of_event  one row per value of a reference (reference) of registrations to a parent: the parent's traits,
--             whether it is in the database (is_there), and how many registrations refer to it (n). Created by `parents`.
--   totals    one row per trait (place) and value: how many records or rows of the entity have it (n)
--   chosen    the records, or the ids of rows (key), of a group (is_in), and those that are neither of the group nor of
--             the others that it is compared with (is_in is null). Created by `missing`, `altered` or `unexpected`.
--   looked_at the traits and positions of what is chosen: created by `looked_at`

-- name: sizes
select count(*) filter (record is not null and outcome <> 'rejected' and target_id is null and not is_explained) as missing,
       count(*) filter (outcome = 'landed_altered' and not is_explained) as altered,
       count(*) filter (row_outcome = 'unexpected' and target_id is not null and not is_explained) as unexpected
from ledger.{entity}

-- name: parents
create or replace temp table of_{parent} as
select cast(r.{reference} as varchar) as reference, coalesce(p.is_there, false) as is_there, p.* exclude (id, is_there), r.n
from (select {reference}, count(*) as n from {table} group by {reference}) r
left join (select id, {kept} from (select id, {traits} from target.{parents} {parent} where id is not null) group by id) p
  on p.id = {key}

-- name: orphans
select count(*) as n from of_{parent} where not is_there and reference <> ''

-- name: totals
create or replace temp table totals as {queries}

-- name: totals_of_own
select {place} as place, {sql} as value, sum(n) as n
from (select {rough} as {column}, count(*) as n from {table} {alias} group by {rough}) {alias} group by value

-- name: totals_of_reference
select {place} as place, nullif(trim(reference), '') as value, sum(n) as n from of_{parent} group by value

-- name: totals_of_parent
select {place} as place, {sql} as value, sum(n) as n from of_{parent} {parent} group by value

-- name: missing
-- The others have a row: they landed, were merged or skipped. What lacks a row for a known reason is neither, and so is
-- a record whose parent is not in the database, which would be known to be the reason.
create or replace temp table chosen as
select key, bool_or(is_in) as is_in
from (select record as key, case when outcome = 'rejected' then null
                                 when target_id is null then nullif(not is_explained, false)
                                 else nullif({is_apart}, true) end as is_in
      from ledger.{entity} where record is not null)
where is_in is distinct from false group by key

-- name: is_orphan
record in (select rowid from source.{entity}
           where cast({reference} as varchar) in (select reference from of_{parent} where not is_there and reference <> ''))

-- name: altered
-- The others landed, and could have been altered likewise, for they have a value.
create or replace temp table chosen as
select key, bool_or(is_in) as is_in
from (select record as key, case when outcome not in ('landed', 'landed_altered') then null
                                 when not is_explained then true
                                 else nullif({is_apart}, true) end as is_in
      from ledger.{entity} where record is not null)
where is_in is distinct from false group by key

-- name: is_without
record in (select rowid from source.{entity} where concat_ws('', {columns}) = '')

-- name: altered_fields
select field, bool_and(source_state = 'value') as had_value from ledger.differences
where entity = $entity and not is_explained group by field order by field

-- name: unexpected
-- The others are rows that the run created; where it created none, all that records claim.
create or replace temp table chosen as
select key, bool_or(is_in) as is_in
from (select target_id as key, case when row_outcome = 'unexpected' then nullif(not is_explained and target_id is not null, false)
                                    when row_outcome = 'claimed' then nullif({is_apart}, true) end as is_in
      from ledger.{entity} where row_outcome is not null)
where is_in is distinct from false group by key

-- name: is_registered
record in (select rowid from source.{entity} where as_key(target_id) in (
  select as_key(r.reference) from (select distinct {reference} as reference from source.registrations) r where r.reference <> ''))

-- name: registered
select count(*) as n from (select key as record from chosen where is_in) c where {is_registered}

-- name: is_older
coalesce(action, 'create') <> 'create'

-- name: creates
select exists (select 1 from ledger.{entity} where row_outcome = 'claimed' and coalesce(action, 'create') = 'create') as any_row

-- name: looked_at
create or replace temp table looked_at as
select {traits}, {position} as position, c.is_in is not null as is_in
from chosen c join {table} {alias} on {key} = c.key {links}

-- name: counted
select count(*) filter (is_in) as of, count(*) filter (not is_in) as apart from looked_at

-- name: shared
-- What at least half of the group have, with the number of all who have it and of those apart.
select {place} as place, g.value, g.found, g.found_apart, cast(t.n as bigint) as n
from (select {name} as value, count(*) filter (is_in) as found, count(*) filter (not is_in) as found_apart
      from looked_at group by {name} having count(*) filter (is_in) >= $half) g
join totals t on t.place = {place} and t.value is not distinct from g.value

-- name: windows
-- The shortest stretch that holds so many of the group (size), for several sizes, in the order of the export or in that
-- in which rows were created; equal positions count as one.
with starts as (select position, count(*) as n from looked_at where is_in and position is not null group by position),
every as (
  select {position} as position, 1 as weight from {table} {alias}
  union all
  select position, -1 from looked_at where not is_in),
stretches as (
  select s.position, sum(e.weight) as width, sum(e.weight) filter (e.position = s.position) as same
  from every e asof join starts s on e.position >= s.position
  group by s.position),
counted as (
  select position, n, coalesce(sum(width) over before, 0) as width_before, same,
         cast(coalesce(sum(n) over before, 0) as bigint) as n_before
  from stretches join starts using (position)
  window before as (order by position rows between unbounded preceding and 1 preceding)),
placed as (select *, unnest(range(n_before, n_before + n)) as place from counted),
sizes as (select distinct $of - ($of - $half) * step // $steps as size from range($steps + 1) r(step))
select size, cast(a.position as varchar) as since, cast(b.position as varchar) as until,
       cast(b.width_before + b.same - a.width_before as bigint) as width, b.n_before + b.n - a.n_before as found,
       (select count({position}) from {table} {alias}) - (select count(position) from looked_at where not is_in) as whole
from sizes join placed a on true join placed b on b.place = a.place + size - 1
qualify row_number() over (partition by size order by width, a.place) = 1
order by size desc

-- name: tests
select count(*) as n from totals where n between $half and $most

-- name: close
drop table if exists of_member; drop table if exists of_event;
drop table if exists totals; drop table if exists chosen; drop table if exists looked_at
