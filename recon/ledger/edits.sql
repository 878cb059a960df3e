-- Rows that were written after the run: one row per row in ledger.written_later (id, is_by_person), which exists from
-- `later` to `forget`. It is no temporary table, because each cursor would have its own.

-- name: later
create table ledger.written_later as
with later as (
  select id, updated_at from target.{entity}
  where updated_at > cast($edited_after as timestamp)
    -- A row that was created later was not edited.
    and not coalesce(created_at > cast($edited_after as timestamp) and created_at <= updated_at, false)),
apart as (
  select id, updated_at, updated_at - lag(updated_at) over (order by updated_at) as gap from later),
bursts as (
  select id,
         count(*) filter (gap is null or gap > interval 1 second) over (order by updated_at, id) as by_seconds,
         count(*) filter (gap is null or gap > interval 12 second) over (order by updated_at, id) as by_pauses
  from apart)
select id,
       (select count(*) from later) <= $most
         and count(*) over (partition by by_seconds) < 3
         and count(*) over (partition by by_pauses) < 4 as is_by_person
from bursts

-- name: count
select count(*), count(*) filter (is_by_person) from ledger.written_later

-- name: forget
drop table ledger.written_later
