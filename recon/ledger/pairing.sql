-- Gives every record and row one outcome in {ledger}. Helper tables:
--   listed     one row per record that the report's error list names: created by `listed`, used by `pair`
--   ambiguous  one row per target id that is on several rows: created by `ambiguous`, used to separate and to resolve
--   ledger.rest_of_source_<entity>, ledger.rest_of_target_<entity>  copies of the records and rows that are not simply
--     landed, where those are few: exist from `set_aside` to `put_back`

-- name: create
create table {ledger} (
  record bigint, source_row bigint, wa_id varchar, action varchar, outcome record_outcome, matched_by pairing,
  claimed_id varchar, target_id {key_type}, row_outcome row_outcome, merged_into bigint, reason varchar, cause varchar,
  is_explained boolean, is_harmless boolean)

-- name: listed
create or replace temp table listed as
select record, string_agg(message, '; ' order by message) as reason
from (
  select s.rowid as record, e.message
  from source.errors e join {source} s on s.source_row = e.source_row
  where e.entity = $entity
  union all
  select s.rowid, e.message
  from source.errors e join {source} s on s.wa_id = e.wa_id
  where e.entity = $entity and e.source_row is null)
group by record

-- name: pair
insert into {ledger}
select s.record, s.source_row, s.wa_id, s.action,
       case when s.record is null then null
            when s.reason is not null then cast('rejected' as record_outcome)
            when s.action = 'skip' then cast('skipped' as record_outcome)
            when t.id is null then cast('missing_in_target' as record_outcome)
            when s.digest = t.digest then cast('landed' as record_outcome)
            else cast('landed_altered' as record_outcome) end,
       case when s.record is not null and t.id is not null then cast('target id' as pairing) end,
       case when t.id is null then s.claimed_id end,
       t.id,
       case when s.record is null then cast('unexpected' as row_outcome)
            when t.id is not null then cast('claimed' as row_outcome) end,
       null,
       case when s.record is null and t.id is null then 'it has no id' else s.reason end,
       -- Until the values are compared.
       case when s.action = 'skip' and s.reason is null and s.digest <> t.digest then 'left_alone' end,
       true,
       true
from (select s.rowid as record, s.source_row, s.wa_id, s.action,
             {rejected} as reason,
             case when {rejected} is null then {key} end as key,
             {claimed} as claimed_id,
             {source_digest} as digest
      from {source} s {listed}) s
full join (select t.id, {target_digest} as digest from {target} t {codes}) t
  on s.key = t.id

-- name: rejected_unlisted
-- Errors with neither source row nor id each count as a record of their own, hence the grouping by rowid.
insert into {ledger} (source_row, wa_id, outcome, reason, is_explained, is_harmless)
select e.source_row, e.wa_id, 'rejected', string_agg(e.message, '; ' order by e.message), true, true
from source.errors e
where e.entity = $entity
  and not exists (select 1 from {source} s where s.source_row = e.source_row)
  and not exists (select 1 from {source} s where s.wa_id = e.wa_id)
group by e.source_row, e.wa_id, case when e.source_row is null and e.wa_id is null then e.rowid end

-- name: counts
-- Most records landed: only the others are grouped, and the number of these is the total minus them.
with others as (
  select outcome, row_outcome, target_id is not null as has_row, count(*) as n
  from {ledger} where outcome is distinct from 'landed' group by all
)
select cast(outcome as varchar) as outcome, cast(row_outcome as varchar) as row_outcome, has_row, n from others
union all
select 'landed', 'claimed', true, landed
from (select (select count(*) from {ledger}) - coalesce((select sum(n) from others), 0) as landed) where landed > 0

-- name: ambiguous
create or replace temp table ambiguous as select id, count(*) as n from {target} where id is not null group by id having count(*) > 1

-- name: has_ambiguous
select 1 from {ledger} where record is null and target_id is not null group by target_id having count(*) > 1 limit 1

-- name: ambiguous_records
insert into {ledger} (record, source_row, wa_id, action, outcome, claimed_id, reason, cause)
select any_value(l.record), any_value(l.source_row), any_value(l.wa_id), any_value(l.action), 'missing_in_target',
       cast(a.id as varchar), 'its id is on ' || a.n || ' rows', 'duplicate_key'
from {ledger} l join ambiguous a on a.id = l.target_id
where l.record is not null
group by l.record, a.id, a.n

-- name: ambiguous_keys
insert into ledger.duplicate_keys
select $entity, cast(a.id as varchar), 'target id', count(distinct l.record), a.n
from ambiguous a left join {ledger} l on l.target_id = a.id group by a.id, a.n

-- name: ambiguous_rows
-- The join of `pair` multiplied these rows by the records that claim them: delete them all, and insert each row once.
delete from {ledger} where target_id in (select id from ambiguous);
insert into {ledger} (target_id, row_outcome, reason, cause)
select a.id, 'unexpected', 'its id is on ' || a.n || ' rows', 'duplicate_key'
from ambiguous a, range(a.n)

-- name: set_aside
create table {copied_source} as
select s.rowid as rowid, s.* from {source} s
where s.rowid in (select record from {ledger} where record is not null and outcome <> 'landed');
create table {copied_target} as
select t.* from {target} t
where t.id in (select target_id from {ledger} where target_id is not null and outcome is distinct from 'landed')

-- name: put_back
drop table {copied_source}; drop table {copied_target}

-- name: taken
-- Records that each created the same row, by different natural keys, are several people or events: the row holds one of
-- them, the others are lost.
with claims as (
  select l.record, l.source_row, l.wa_id, l.target_id, {natural_source} as natural_key
  from {ledger} l join {source} s on s.rowid = l.record
  where l.outcome not in ('skipped', 'rejected') and coalesce(l.action, 'create') = 'create'
    and l.target_id in (select target_id from {ledger} where record is not null and target_id is not null
                        group by target_id having count(*) > 1)),
held as (select t.id, any_value({natural_target}) as natural_key from {target} t
         where t.id in (select target_id from claims) group by t.id),
keepers as (
  select c.*
  from claims c join held h on h.id = c.target_id
  qualify row_number() over (partition by c.target_id
                             order by c.natural_key is distinct from h.natural_key,
                                      c.source_row desc nulls last, c.record desc) = 1)
update {ledger} as l
set outcome = 'missing_in_target', matched_by = null, claimed_id = cast(l.target_id as varchar), target_id = null,
    row_outcome = null, cause = 'row_taken',
    reason = 'its row holds ' || coalesce('source row ' || k.source_row, k.wa_id, 'another record')
from claims c join keepers k on k.target_id = c.target_id
where l.record = c.record and c.natural_key <> k.natural_key and c.wa_id is distinct from k.wa_id
returning l.record

-- name: merge
-- The last record in the export keeps the row, because it was written last; a skipped record wrote nothing.
update {ledger} as l
set outcome = 'merged', row_outcome = null, merged_into = g.source_row, cause = 'merged',
    reason = 'one row with ' || coalesce('source row ' || g.source_row, g.wa_id, 'another record')
from (
  select record, rank, first_value(source_row) over w as source_row, first_value(wa_id) over w as wa_id
  from (select record, source_row, wa_id, target_id, outcome,
               row_number() over (partition by target_id
                                  order by outcome = 'skipped', source_row desc nulls last, record desc) as rank,
               count(*) over (partition by target_id) as n
        from {ledger} where record is not null and target_id is not null)
  where n > 1
  window w as (partition by target_id order by rank)) g
where l.record = g.record and g.rank > 1

-- name: skipped
update {ledger}
set reason = case when target_id is not null then 'already in the database'
                  else 'the importer skipped it, and no row holds it' end
where outcome = 'skipped' and coalesce(cause, 'left_alone') = 'left_alone'

-- name: unclaimed
-- A row older than the run stays so though another run mapped it. A row that this run's id mappings name as well does
-- not belong to another run, hence bool_and.
update {ledger} as l
set row_outcome = case when c.is_older then 'preexisting' when f.target_id is not null then 'foreign_run'
                       else l.row_outcome end,
    reason = case when c.is_older and c.is_overwritten then 'older than the run, which wrote to it'
                  when c.is_older then 'older than the run'
                  when f.target_id is not null then 'written by the run ' || f.run_id
                  when l.cause is not null then l.reason
                  when $judged_by = '' then 'the time stamps do not tell when it was written'
                  when c.stamp is null then 'the database does not say when it was written'
                  when c.stamp > cast($ended_at as timestamp) then 'written after the run ended'
                  else 'written while the run went on, but no record claims it' end,
    cause = case when c.is_older and c.is_overwritten then 'overwritten'
                 when c.is_older then 'preexisting'
                 when f.target_id is not null then 'foreign_run'
                 when l.cause is not null then l.cause
                 when c.stamp > cast($ended_at as timestamp) then 'written_later' end
from (select target_id, stamp, not is_ambiguous and coalesce(stamp < cast($older_than as timestamp), false) as is_older,
             coalesce(updated_at between cast($written_from as timestamp) and cast($written_to as timestamp), false)
               as is_overwritten
      from (select u.target_id, bool_or(u.cause is not null) as is_ambiguous, any_value(t.updated_at) as updated_at,
                   any_value(case $judged_by when 'created_at' then t.created_at when 'updated_at' then t.updated_at end)
                     as stamp
            from {ledger} u join (select id, created_at, updated_at from {rest_of_target}) t on t.id = u.target_id
            where u.record is null group by u.target_id)) c
left join (select try_cast(cast(target_id as varchar) as {key_type}) as target_id, min(run_id) as run_id
           from {mappings_of_runs}
           group by 1 having bool_and(run_id <> $run_id)) f on f.target_id = c.target_id
where l.record is null and l.target_id = c.target_id
